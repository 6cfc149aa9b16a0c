"""Deciding about what is held: keep it beside what it contradicts, or leave it where it is.

A decision is remembered under the place that the medium came from, and applied
again when the same contradiction comes from there.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.import_decisions import remember_decision
from mediastation.catalog.job_selection import add_to_selection
from mediastation.errors import ConfigError
from mediastation.importing.hostile import POLYGLOT, check_preamble
from mediastation.importing.quarantine import Quarantine, QuarantinedFile, disarm
from mediastation.model.entry import Source
from mediastation.model.event import Listener, nobody
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX
from mediastation.model.finding import Finding
from mediastation.model.importing import Standing, Verdict
from mediastation.model.text import storable
from mediastation.station.job import Job
from mediastation.station.reconciling.reconciled import OUTSIDE_MEDIUM
from mediastation.station.station import Station

_STANDINGS = {standing.value for standing in Standing}


@dataclass(frozen=True, slots=True)
class Decided:
    """What came of decisions: how many were taken into the catalog, how many stay."""

    kept: int = 0
    left: int = 0
    findings: tuple[Finding, ...] = ()


def held_files(station: Station, job: int | None = None) -> Iterator[QuarantinedFile]:
    """Yield what is held, by import and path; that of one import alone if it is named."""
    held = Quarantine(station.home).iter_held()
    chosen = [file for file in held if job is None or job in file.imports]
    yield from sorted(chosen, key=lambda file: (file.job, file.path, file.sha256))


def require_held(station: Station, prefixes: Sequence[str]) -> list[QuarantinedFile]:
    """Return held files by the first characters of their digests, or by ``import:JOB``.

    Raises
    ------
    ConfigError
        If a word names none, or more than one by its digest.
    """
    found: dict[str, QuarantinedFile] = {}
    for word in prefixes:
        if word.startswith("import:"):
            number = word.removeprefix("import:")
            job = int(number) if number.isascii() and number.isdigit() else -1
            of_job = [one for one in held_files(station, job) if one.verdict is None]
            if not of_job:
                raise ConfigError(f"Nothing of {word} waits for a decision.")
            found.update((one.sha256, one) for one in of_job)
        else:
            file = Quarantine(station.home).get(word)
            found[file.sha256] = file
    return list(found.values())


def decide(
    station: Station,
    prefixes: Sequence[str],
    verdict: Verdict,
    why: str = "",
    listener: Listener = nobody,
) -> Decided:
    """Decide about held files, and remember it for media from the same place.

    What is kept comes into the catalog beside what it contradicts, as an
    outside original. Doing it again changes nothing.

    Raises
    ------
    ConfigError
        If nothing like it is held, or it may never come in.
    MediaError
        If the disk fails; what was decided before is safe.
    """
    files = require_held(station, prefixes)
    for file in files:
        if verdict is Verdict.KEEP and file.rule == POLYGLOT:
            raise ConfigError(
                f"{file.path} carries a program in front of its images, and stays here for good.",
                "Its harmless copy is in the catalog already.",
            )
    request = {"files": [file.sha256 for file in files], "verdict": verdict.value, "why": why}
    with station.job("quarantine", request, listener) as job:
        kept = 0
        with job.step("decide", len(files), "files") as step:
            for done, file in enumerate(files, start=1):
                kept += _decide_one(station, file, verdict, why)
                step.report(done, len(files))
            step.summary = f"{kept:,} kept, {len(files) - kept:,} left"
        job.result = {"kept": kept, "left": len(files) - kept}
        _amend_reports(station, job, files)
    return Decided(kept, len(files) - kept, tuple(job.findings))


def _amend_reports(station: Station, job: Job, files: Sequence[QuarantinedFile]) -> None:
    """Have the reports of the imports that brought these files say who decided what."""
    from mediastation.station.intake.report_file import (  # noqa: PLC0415 - it brings templates
        amend_import_report,
    )

    imports = sorted({number for file in files for number in file.imports if number})
    job.found(amend_import_report(station, imports, quarantine=Quarantine(station.home)))


def _decide_one(station: Station, file: QuarantinedFile, verdict: Verdict, why: str) -> bool:
    """Write the decision down first; whoever is killed behind it finds it again."""
    quarantine = Quarantine(station.home)
    who, now = station.settings.operator, station.clock.now()
    quarantine.decide(file.sha256, verdict, who, station.clock.moment())
    if file.subject and file.rule in _STANDINGS:
        remember_decision(
            station.catalog, file.origin, Standing(file.rule), file.subject, verdict, who, now, why
        )
    if verdict is not Verdict.KEEP:
        return False
    held = quarantine.release(file.sha256)
    copy = station.intake.new_path()
    is_armed = _is_armed(held)
    if is_armed:
        disarm(held, copy)
    else:
        _copy(held, copy)
    source = Source(OUTSIDE_MEDIUM, storable(f"{file.medium}:{file.path}"))
    entry = station.intake.keep(copy, source).entry_id
    for job in filter(None, file.imports):
        add_to_selection(station.catalog, job, [entry])
    # Only now: the store has it durably. What carries a program stays here as it came.
    if not is_armed:
        with disk_trouble_told(quarantine.folder):
            held.unlink(missing_ok=True)
    return True


def _is_armed(held: Path) -> bool:
    with disk_trouble_told(held.parent), held.open("rb") as file:
        return check_preamble(held.name, file.read(PREAMBLE_BYTES + len(PREFIX))) is not None


def _copy(held: Path, copy: Path) -> None:
    with disk_trouble_told(copy.parent):
        shutil.copyfile(held, copy)
        copy.chmod(0o600)
