"""Checking without taking in: files are read where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from mediastation.catalog.selection import (
    is_selector,
    iter_selection,
    remember_selection,
)
from mediastation.catalog.staging import digest_file
from mediastation.collect.folder import Candidate, iter_candidates
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.fits import ProfileFit, check_profiles
from mediastation.conformance.iod import check_iod, require_iod_validator
from mediastation.conformance.report import CheckReport, check_members
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import ConfigError, MediaError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, Severity, error, note
from mediastation.station.gather import require_entries
from mediastation.station.job import Job, Step
from mediastation.station.station import Station

_REFUSING = {"not-dicom", "unreadable"}
"""Rules that keep a file from being an instance at all."""


def check_sources(
    station: Station,
    sources: Sequence[str],
    profile: str,
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
    iod: bool = False,
    listener: Listener = nobody,
) -> CheckReport:
    """Check what `sources` hold against one profile.

    Raises
    ------
    ConfigError
        If a source names nothing, or `iod` is asked for without dciodvfy.
    ProfileError
        If there is no such profile.
    """
    chosen = station.find_profile(profile)
    with _job(station, sources, profile, listener) as job, job.step("check", 0, "files") as step:
        look = _Look(station, job, step, sources, iod=iod)
        report = check_members(
            look.members(),
            chosen,
            several_patients=several_patients,
            confirm_identity=confirm_identity,
            alternatives=station.profiles.values(),
            keep_tiff_preamble=station.settings.keep_tiff_preamble,
        )
        look.require_anything(report.instances)
        report = replace(
            report,
            instances=report.instances + look.refused,
            refused=report.refused + look.refused,
            findings=(*look.findings, *report.findings),
        )
        job.found(report.findings)
        step.summary = f"{report.accepted:,} of {report.instances:,} instances may go out"
        job.result = {key: item for key, item in report.as_dict().items() if key != "findings"}
    return report


def choose_profiles(
    station: Station,
    sources: Sequence[str],
    *,
    several_patients: bool = False,
    confirm_identity: bool = False,
    listener: Listener = nobody,
) -> tuple[list[ProfileFit], tuple[Finding, ...]]:
    """Ask every profile about what `sources` hold.

    Returns
    -------
    list of ProfileFit and tuple of Finding
        The findings are about files that are no instances for any profile.
    """
    with _job(station, sources, "", listener) as job, job.step("check", 0, "files") as step:
        look = _Look(station, job, step, sources, iod=False)
        fits = check_profiles(
            look.members(),
            list(station.profiles.values()),
            several_patients=several_patients,
            confirm_identity=confirm_identity,
            keep_tiff_preamble=station.settings.keep_tiff_preamble,
        )
        look.require_anything(look.seen)
        job.found((*look.findings, *(finding for fit in fits for finding in fit.findings)))
        step.summary = f"{sum(fit.fits for fit in fits):,} of {len(fits):,} profiles fit"
        job.result = {"fits": [fit.name for fit in fits if fit.fits]}
    return fits, tuple(look.findings)


def _job(station: Station, sources: Sequence[str], profile: str, listener: Listener) -> Job:
    return station.job("check", {"sources": list(sources), "profile": profile}, listener)


class _Look:
    """Goes through the sources once; what is no instance stays in `findings`."""

    def __init__(
        self, station: Station, job: Job, step: Step, sources: Sequence[str], *, iod: bool
    ) -> None:
        if iod:
            require_iod_validator()
        self._station = station
        self._job = job
        self._step = step
        self._sources = sources
        self._iod = iod
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
                subject = f"{entry.header.sop_instance_uid} (sha256:{entry.sha256[:16]})"
                member = SetMember(subject, entry.header, entry.data_sha256, entry.size_bytes)
                yield self._looked_at(
                    member, self._station.catalog.store.path(entry.sha256, entry.kind)
                )

    def _outside(self, item: Candidate) -> Iterator[SetMember]:
        path = item.path or self._station.intake.new_path()
        try:
            if item.path is None:
                # Inside an image: looked at through a copy that goes again.
                with item.open() as source, path.open("xb") as copy:
                    while chunk := source.read(1 << 20):
                        copy.write(chunk)
            header = read_header(path)
            digest = digest_file(path, header.dataset_offset)[1]
            yield self._looked_at(SetMember(item.name, header, digest, item.size_bytes), path)
        except NotDicom as fault:
            tell = error if item.claims_dicom else note
            said = f"This is not DICOM: {fault}."
            self.findings.append(tell("not-dicom", item.name, said, "", "PS3.10 7.1"))
        except (OSError, MediaError) as fault:
            said = f"The file cannot be read: {getattr(fault, 'strerror', None) or fault}."
            self.findings.append(error("unreadable", item.name, said, "Try another drive."))
        finally:
            if item.path is None:
                path.unlink(missing_ok=True)

    def _looked_at(self, member: SetMember, path: Path) -> SetMember:
        self.seen += 1
        self._step.report(self.seen, 0)
        if self._iod:
            self.findings += check_iod(path, member.header.sop_instance_uid or member.subject)
        return member
