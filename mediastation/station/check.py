"""Checking without taking in: files are read where they lie."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path, PurePosixPath

from mediastation.catalog.job_selection import iter_selection, remember_selection
from mediastation.catalog.selection import is_selector
from mediastation.catalog.staging import digest_file
from mediastation.collect.folder import Candidate, iter_candidates
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import ProfileFit, check_profiles
from mediastation.conformance.iod import IodChecks
from mediastation.conformance.report import CheckReport, ProfileCheck
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import ConfigError, MediaError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, Severity, error, note
from mediastation.model.profile import Role
from mediastation.station.check_directory import check_directory
from mediastation.station.gather import require_entries
from mediastation.station.job import Job, Step
from mediastation.station.station import Station

_REFUSING = {"not-dicom", "unreadable"}
"""Rules that keep a file from being an instance at all."""


@dataclass(frozen=True, slots=True)
class CheckRequest:
    """What a check is asked.

    Parameters
    ----------
    sources : tuple of str
        Folders, files, images, or selectors of the catalog.
    profile : str
        Application Profile; empty to ask all of them.
    role : Role
        The role in which the File-set is handled.
    compress : str
        Transfer Syntax UID that pixels are to be encoded in; empty for none.
    several_patients, confirm_identity : bool
        As for an export.
    iod : bool
        Whether dciodvfy is to look at each object's contents as well.
    """

    sources: tuple[str, ...]
    profile: str = ""
    role: Role = Role.CREATOR
    compress: str = ""
    several_patients: bool = False
    confirm_identity: bool = False
    iod: bool = False


def check_sources(
    station: Station, request: CheckRequest, listener: Listener = nobody
) -> CheckReport:
    """Check what the sources hold against one profile.

    In the role of a reader, the directory of a source that is a medium is held
    against the profile as well.

    Raises
    ------
    ConfigError
        If a source names nothing, `iod` is asked for without dciodvfy, or
        nothing here encodes in `compress`.
    ProfileError
        If there is no such profile, it lacks the role, or does not carry
        `compress`.
    """
    chosen = station.find_profile(request.profile)
    check = ProfileCheck(
        chosen,
        role=request.role,
        compress=request.compress,
        alternatives=station.profiles.values(),
        keep_tiff_preamble=station.settings.keep_tiff_preamble,
    )
    with _job(station, request, listener) as job, job.step("check", 0, "files") as step:
        look = _Look(station, job, step, request)
        for member in look.members():
            check.add(member)
        report, _ = check.finish(
            several_patients=request.several_patients, confirm_identity=request.confirm_identity
        )
        look.require_anything(report.instances)
        if request.role is not Role.CREATOR:
            for source in request.sources:
                look.findings += check_directory(source, chosen, request.role)
        report = replace(
            report,
            instances=report.instances + look.refused,
            refused=report.refused + look.refused,
            findings=(*look.findings, *report.findings),
        )
        job.found(report.findings)
        step.summary = f"{report.accepted:,} of {report.instances:,} instances pass"
        job.result = {key: item for key, item in report.as_dict().items() if key != "findings"}
    return report


def choose_profiles(
    station: Station, request: CheckRequest, listener: Listener = nobody
) -> tuple[list[ProfileFit], tuple[Finding, ...]]:
    """Ask every profile about what the sources hold.

    Returns
    -------
    list of ProfileFit and tuple of Finding
        The findings hold for any profile: about files that are no instances,
        and what dciodvfy says.
    """
    with _job(station, request, listener) as job, job.step("check", 0, "files") as step:
        look = _Look(station, job, step, request)
        fits = check_profiles(
            look.members(),
            list(station.profiles.values()),
            role=request.role,
            compress=request.compress,
            several_patients=request.several_patients,
            confirm_identity=request.confirm_identity,
            keep_tiff_preamble=station.settings.keep_tiff_preamble,
        )
        look.require_anything(look.seen)
        job.found((*look.findings, *(finding for fit in fits for finding in fit.findings)))
        step.summary = f"{sum(fit.fits for fit in fits):,} of {len(fits):,} profiles fit"
        job.result = {"fits": [fit.name for fit in fits if fit.fits]}
    return fits, tuple(look.findings)


def _job(station: Station, request: CheckRequest, listener: Listener) -> Job:
    asked = {"sources": list(request.sources), "profile": request.profile}
    return station.job("check", asked, listener)


class _Look:
    """Goes through the sources once; what is no instance stays in `findings`."""

    def __init__(self, station: Station, job: Job, step: Step, request: CheckRequest) -> None:
        self._station = station
        self._job = job
        self._step = step
        self._sources = request.sources
        self._iod = IodChecks() if request.iod else None
        self.findings: list[Finding] = []
        self.seen = 0
        self._damage = 0

    @property
    def refused(self) -> int:
        """Files that claimed to be instances and are none; damage that may hide some."""
        return self._damage + sum(
            item.severity is Severity.ERROR and item.rule in _REFUSING for item in self.findings
        )

    def require_anything(self, instances: int) -> None:
        """Raise `ConfigError` where there was nothing to look at."""
        if not instances and not self.refused:
            raise ConfigError(
                f"There is no DICOM instance in {', '.join(self._sources)}.",
                "Name the folder, file or image that holds the instances.",
            )

    def members(self) -> Iterator[SetMember]:
        """Yield every instance; the ones of the catalog last."""
        if self._iod is None:
            yield from self._members()
            return
        with self._iod as iod:
            yield from self._members()
            self.findings += iod.finish()

    def _members(self) -> Iterator[SetMember]:
        entries: list[int] = []
        for source in self._sources:
            if is_selector(source) and not Path(source).exists():
                entries += require_entries(self._station, source)
                continue
            for item in iter_candidates(Path(source)):
                if isinstance(item, Finding):
                    self.findings.append(item)
                    is_error = item.severity is Severity.ERROR
                    self._damage += is_error and item.rule not in _REFUSING
                else:
                    yield from self._outside(item)
        if entries:
            remember_selection(self._station.catalog, self._job.id, entries)
            for entry in iter_selection(self._station.catalog, self._job.id):
                subject = f"{entry.header.sop_instance_uid} (sha256:{entry.sha256[:16]})".lstrip()
                member = SetMember(subject, entry.header, entry.data_sha256, entry.size_bytes)
                path = self._station.catalog.store.path(entry.sha256, entry.kind)
                yield self._looked_at(member, path, _stay)

    def _outside(self, item: Candidate) -> Iterator[SetMember]:
        path = item.path or self._station.intake.new_path()
        # What lies inside an image is looked at through a copy that goes again.
        done = partial(path.unlink, missing_ok=True) if item.path is None else _stay
        given_away = False
        try:
            if item.path is None:
                with item.open() as source, path.open("xb") as copy:
                    while chunk := source.read(1 << 20):
                        copy.write(chunk)
            header = read_header(path)
            digest = digest_file(path, header.dataset_offset)[1]
            member = SetMember(item.name, header, digest, item.size_bytes)
            given_away = self._iod is not None
            yield self._looked_at(member, path, done)
        except NotDicom as fault:
            tell = error if item.claims_dicom else note
            reason = str(fault)
            if item.path is None:
                # The copy bears another name than what it is a copy of.
                reason = reason.replace(path.name, PurePosixPath(item.name.rpartition(":")[2]).name)
            said = f"This is not DICOM: {reason}."
            self.findings.append(tell("not-dicom", item.name, said, "", "PS3.10 7.1"))
        except (OSError, MediaError) as fault:
            said = f"The file cannot be read: {getattr(fault, 'strerror', None) or fault}."
            self.findings.append(error("unreadable", item.name, said, "Try another drive."))
        finally:
            if not given_away:
                done()

    def _looked_at(self, member: SetMember, path: Path, done: Callable[[], None]) -> SetMember:
        self.seen += 1
        self._step.report(self.seen, 0)
        if self._iod is not None:
            subject = member.header.sop_instance_uid or member.subject
            self.findings += self._iod.add(path, subject, done)
        return member


def _stay() -> None:
    """Leave a file where it is: it is not ours."""
