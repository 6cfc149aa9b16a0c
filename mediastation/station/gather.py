"""From the SOURCEs of a command to entries of the catalog."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from mediastation.catalog.selection import find_entries, is_selector
from mediastation.collect.folder import AddReport, add_source, count_source
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.station.job import Job
from mediastation.station.station import Station


def add(station: Station, sources: Sequence[str], listener: Listener = nobody) -> AddReport:
    """Take files, folders and images into the catalog.

    Raises
    ------
    ConfigError
        If a source does not exist or names something in the catalog.
    MediaError
        If the disk fails or is full; what was taken before is kept.
    """
    for source in sources:
        if is_selector(source):
            raise ConfigError(f"{source} is in the catalog already.", "Name a file or folder.")
    report = AddReport()
    with station.job("add", {"sources": list(sources)}, listener) as job:
        try:
            _take_paths(station, job, [Path(source) for source in sources], report)
        finally:
            job.result = {
                "added": report.added,
                "duplicates": report.duplicates,
                "refused": report.refused,
            }
    report.findings = job.findings
    return report


def require_entries(station: Station, source: str) -> list[int]:
    """Return the entries that a selector names; `ConfigError` if it names none.

    A mistyped study must not pass for one that is in order.
    """
    found = find_entries(station.catalog, source)
    if not found:
        raise ConfigError(
            f"{source} names nothing in the catalog.",
            "`mediastation list studies` shows what is there.",
        )
    return found


def gather(station: Station, job: Job, sources: Sequence[str]) -> tuple[list[int], int]:
    """Return the entries that `sources` name, and how many of their files were refused.

    Paths are taken into the catalog first.

    Raises
    ------
    ConfigError
        If a source names nothing.
    """
    entries: list[int] = []
    paths: list[Path] = []
    for source in sources:
        if is_selector(source):
            entries += require_entries(station, source)
        else:
            paths.append(Path(source))
    report = AddReport()
    if paths:
        _take_paths(station, job, paths, report)
        entries += report.entries
    if not entries:
        raise ConfigError(
            f"There is no DICOM instance in {', '.join(sources)}.",
            "Name the folder, file or image that holds the instances.",
        )
    return entries, report.refused


def _take_paths(station: Station, job: Job, paths: Sequence[Path], report: AddReport) -> None:
    counted = [count_source(path) for path in paths]
    total = sum(size for _, size in counted)
    with job.step("collect", total, "bytes") as step:

        def progress(size_bytes: int) -> None:
            step.report(min(step.done + size_bytes, total), total)

        job.found(station.intake.recovered)
        for path in paths:
            try:
                add_source(
                    station.intake,
                    path,
                    report,
                    disk_reserve_bytes=station.settings.disk_reserve_bytes,
                    progress=progress,
                )
            finally:
                job.found(report.findings)
                report.findings = []
        step.summary = (
            f"{report.added:,} added, {report.duplicates:,} here already, "
            f"{report.refused:,} refused"
        )
