"""Checking without taking in: files are read where they lie."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mediastation.catalog.digest import digest_file
from mediastation.catalog.selection import (
    find_entries,
    is_selector,
    iter_selection,
    remember_selection,
)
from mediastation.collect.folder import Candidate, iter_candidates
from mediastation.conformance.check_set import SetMember
from mediastation.conformance.iod import check_iod, require_iod_validator
from mediastation.conformance.load import find_profile, load_profiles
from mediastation.conformance.report import ProfileCheck
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, Severity, error
from mediastation.station.job import Job
from mediastation.station.station import Station

_REFUSING = {"not-dicom", "unreadable"}
"""Rules that keep a file from being an instance at all."""


@dataclass(frozen=True, slots=True)
class ProfileReport:
    """What one profile says to a set.

    `as_it_is` and `fits` tell whether all of it may go out unchanged, and after
    what this station would re-encode.
    """

    profile: str
    instances: int
    accepted: int
    refused: int
    as_it_is: bool
    fits: bool
    findings: tuple[Finding, ...]

    def as_dict(self) -> dict[str, Any]:
        """Return the JSON keys of a check against one profile."""
        return {
            "profile": self.profile,
            "instances": self.instances,
            "accepted": self.accepted,
            "refused": self.refused,
            "findings": [finding.as_dict() for finding in self.findings],
        }

    def as_choice(self) -> dict[str, Any]:
        """Return the JSON keys of one profile among others."""
        return {
            "name": self.profile,
            "fits": self.as_it_is,
            "after": self.fits,
            "findings": [finding.as_dict() for finding in self.findings],
        }


def check_sources(
    station: Station,
    sources: Sequence[str],
    profile: str | None,
    *,
    several_patients: bool = False,
    iod: bool = False,
    listener: Listener = nobody,
) -> list[ProfileReport]:
    """Check what `sources` hold against one profile, or against every one.

    Raises
    ------
    ConfigError
        If a source names nothing, or `iod` is asked for without dciodvfy.
    ProfileError
        If there is no such profile.
    """
    chosen = [find_profile(profile)] if profile else list(load_profiles().values())
    if iod:
        require_iod_validator()
    everyone = tuple(load_profiles().values())
    checks = [
        ProfileCheck(
            item,
            alternatives=everyone,
            keep_tiff_preamble=station.settings.keep_tiff_preamble,
        )
        for item in chosen
    ]
    prepared = [False] * len(checks)
    unread: list[Finding] = []
    request = {"sources": list(sources), "profile": profile}
    with (
        station.job("check", request, listener) as job,
        job.step("check", 0, "instances") as step,
    ):
        for number, (path, item) in enumerate(_members(station, job, sources), start=1):
            if isinstance(item, Finding):
                unread.append(item)
                continue
            for place, check in enumerate(checks):
                verdict = check.add(item)
                prepared[place] |= bool(verdict.preparation)
            if iod:
                unread += check_iod(path, item.header.sop_instance_uid or str(path))
            step.report(number, 0)
        reports = []
        refused_files = sum(
            item.severity is Severity.ERROR and item.rule in _REFUSING for item in unread
        )
        for check, changed in zip(checks, prepared, strict=True):
            report, _ = check.finish(several_patients=several_patients)
            fits = report.passed and not refused_files
            reports.append(
                ProfileReport(
                    report.profile,
                    report.instances + refused_files,
                    report.accepted,
                    report.refused + refused_files,
                    fits and not changed,
                    fits,
                    (*unread, *report.findings),
                )
            )
        job.found(finding for report in reports for finding in report.findings)
        if not any(report.instances for report in reports):
            raise ConfigError(
                f"There is no DICOM instance in {', '.join(sources)}.",
                "Name the folder, file or image that holds the instances.",
            )
        step.summary = f"{reports[0].instances:,} instances looked at"
    return reports


def _members(
    station: Station, job: Job, sources: Sequence[str]
) -> Iterator[tuple[Path, SetMember | Finding]]:
    entries: list[int] = []
    for source in sources:
        if is_selector(source) and not Path(source).exists():
            entries += find_entries(station.catalog, source)
            continue
        for item in iter_candidates(Path(source)):
            if isinstance(item, Finding):
                yield Path(source), item
            else:
                yield from _outside(station, item)
    if entries:
        remember_selection(station.catalog, job.id, entries)
        for entry in iter_selection(station.catalog, job.id):
            subject = f"{entry.header.sop_instance_uid} (sha256:{entry.sha256[:16]})"
            path = station.catalog.store.path(entry.sha256, entry.kind)
            yield path, SetMember(subject, entry.header, entry.data_sha256)


def _outside(station: Station, item: Candidate) -> Iterator[tuple[Path, SetMember | Finding]]:
    path = item.path
    if path is None:
        # Inside an image: looked at through a copy that goes again.
        path = station.intake.new_path()
        with item.open() as source, path.open("xb") as copy:
            while chunk := source.read(1 << 20):
                copy.write(chunk)
    try:
        header = read_header(path)
        digest = digest_file(path, header.dataset_offset)[1]
        yield path, SetMember(item.name, header, digest)
    except NotDicom as fault:
        finding = Finding(
            "not-dicom",
            Severity.ERROR if item.claims_dicom else Severity.NOTE,
            item.name,
            f"This is not DICOM: {fault}.",
            reference="PS3.10 7.1",
        )
        yield path, finding
    except OSError as fault:
        yield path, error("unreadable", item.name, f"The file cannot be read: {fault}.")
    finally:
        if item.path is None:
            path.unlink(missing_ok=True)
