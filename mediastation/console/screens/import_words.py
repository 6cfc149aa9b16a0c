"""How media from outside and their imports read: rows of the lists, and the state of one."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.cells import cell_len
from rich.text import Text

from mediastation.console.screens.job_words import SIGNS, progress_text
from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import age_text, date_text, fit, name_text, number_text
from mediastation.model.job import JobRecord, JobState, Step
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.burn.drive import Drive
    from mediastation.model.identity import PatientIdentity
    from mediastation.pages.import_facts import OpenedFiles
    from mediastation.station.burning.drive_view import DriveView
    from mediastation.station.intake.media_here import MountedMedium
    from mediastation.station.intake.view import ImportView

MEDIA_COLUMNS = (Column("Medium", 16, flex=2), Column("What lies there", 16, flex=3))
IMPORT_COLUMNS = (
    Column("Job", 4, right=True),
    Column("State", 11),
    Column("Medium", 10, flex=2),
    Column("Came in", 11, right=True, from_width=60),
    Column("Open", 14, flex=3),
    Column("When", 7, right=True, from_width=60),
)
_COUNTS = (
    ("found", "found"),
    ("imported", "imported"),
    ("duplicates", "here before"),
    ("held", "held"),
    ("refused", "refused"),
    ("missing", "missing"),
    ("opened", "▣ opened"),
)
_ALWAYS = frozenset({"found", "imported"})
_LOOKS = {
    JobState.WAITING: "warning",
    JobState.FAILED: "error",
    JobState.ABANDONED: "error",
    JobState.RUNNING: "strong",
    JobState.CANCELLED: "faint",
}
_OPEN_COLUMN = 4
_MOST_NAMES = 3


def drive_row(view: DriveView) -> PageRow:
    """Return a drive as a medium to be imported."""
    return PageRow((view.drive.device, _lying(view)), "" if view.content else "faint")


def _lying(view: DriveView) -> str:
    drive: Drive = view.drive
    if drive.trouble:
        return f"✗ {drive.trouble}"
    if view.content is None:
        return view.disc.words or "no disc"
    names = [name_text(name) for name, _ in view.content.patients[:_MOST_NAMES]]
    more = len(view.content.patients) - len(names)
    whose = ", ".join(names) + (f" +{more}" if more > 0 else "")
    made = f"made here by job {view.made_by}" if view.made_by else ""
    return " · ".join(filter(None, (view.disc.words, whose, made)))


def mounted_row(medium: MountedMedium) -> PageRow:
    """Return a mounted medium as one to be imported."""
    told = "a DICOMDIR lies there" if medium.has_directory else "mounted; no DICOMDIR at its root"
    return PageRow((str(medium.path), told))


def medium_name(record: JobRecord) -> str:
    """Return what the medium of an import is called in a narrow place."""
    path = str(record.request.get("medium", ""))
    return path if path.startswith("/dev/") else Path(path).name or path or "a medium"


def counts_of(record: JobRecord) -> dict[str, int]:
    """Return the counts of an import as far as it has any."""
    found = {key: record.result.get(key) for key, _ in _COUNTS}
    return {key: number for key, number in found.items() if isinstance(number, int)}


def import_row(view: ImportView, step: Step | None, now: float, width: int) -> PageRow:
    """Return an import as a row; `width` is that of the column for what is open."""
    record, counts = view.record, counts_of(view.record)
    came = ""
    if counts:
        here = counts.get("imported", 0) + counts.get("duplicates", 0)
        came = f"{here:,} of {counts.get('found', 0):,}"
    words = open_words(view)
    if record.state is JobState.RUNNING:
        told = "stopping …" if record.cancel_requested else "beginning …"
        told = progress_text(step, now, width) if step else told
    elif record.state in (JobState.QUEUED, JobState.WAITING):
        told = record.question.text if record.question else "waits its turn"
    else:
        told = ", ".join(words) or ("nothing open" if counts else record.message)
    look = _LOOKS.get(record.state, "warning" if words else "")
    when = record.ended_at or record.started_at or record.created_at
    return PageRow(
        (
            str(record.id),
            f"{SIGNS[record.state]} {record.state}",
            medium_name(record),
            came,
            told,
            age_text(when, now),
        ),
        look,
    )


def open_words(view: ImportView) -> list[str]:
    """Return what still wants somebody: held, missing, not reconciled, not sent."""
    counts, words = counts_of(view.record), []
    if view.waiting:
        words.append(f"? {view.waiting:,} held")
    if counts.get("refused"):
        words.append(f"! {counts['refused']:,} refused")
    if counts.get("missing"):
        words.append(f"! {counts['missing']:,} missing")
    if view.patients:
        some = [one for one in view.patients if one.reconciled < one.instances]
        if some:
            whole = len(some) == len(view.patients)
            told = "" if whole else f"{len(some)} of {len(view.patients)} patients "
            words.append(f"{told}not reconciled")
        elif not any(job.kind == "send" for job in view.later):
            words.append("not sent")
    return words


def identity_text(identity: PatientIdentity) -> str:
    """Return what names a person where it matters: name, ID and birth date."""
    born = f", born {date_text(identity.birth_date)}" if identity.birth_date else ""
    return f"{name_text(identity.name)} ({identity.patient_id or 'no ID'}{born})"


def state_text(view: ImportView, titles: dict[str, str], width: int) -> Text:
    """Return how one import stands: medium, counts, reconciled as whom, sent to whom.

    `titles` are what the peers are called, by name.
    """
    record = view.record
    text = Text(no_wrap=True, overflow="ellipsis")
    state = f"{SIGNS[record.state]} {record.state}"
    told = record.result.get("medium")
    where = f", {told['institution']}" if isinstance(told, dict) and told.get("institution") else ""
    medium = str(record.request.get("medium", "a medium"))
    head = f"Import {record.id} · {state} · "
    room = width - len(head) - cell_len(where)
    if room < cell_len(medium):
        medium = medium_name(record)
    text.append(harmless(f"{head}{medium}{where}"), "bold")
    text.append("\n" + _counts_text(record, width))
    text.append("\n" + harmless(f"{_as_whom(view)} · {_to_whom(view.later, titles)}"))
    return text


def _counts_text(record: JobRecord, width: int) -> str:
    counts = counts_of(record)
    if not counts:
        return fit("nothing counted yet", width)
    every = [
        f"{word} {counts.get(key, 0):,}"
        for key, word in _COUNTS
        if key != "opened" or counts.get(key)
    ]
    if len(" · ".join(every)) <= width:
        return " · ".join(every)
    return " · ".join(
        f"{word} {counts.get(key, 0):,}"
        for key, word in _COUNTS
        if counts.get(key) or key in _ALWAYS
    )


def opened_lines(ways: Sequence[OpenedFiles], number: int) -> list[str]:
    """Return how files came out of their envelopes in one of the ways, and what proves them."""
    return [
        line
        for one in ways[number : number + 1]
        for line in (
            f"▣ {number_text(one.count, 'file')} opened with {one.opened_with}",
            f"Encrypted with {one.cipher}. Proved by {one.proof}.",
        )
    ]


def _as_whom(view: ImportView) -> str:
    if not view.patients:
        return "nobody to reconcile yet"
    local = {identity: None for one in view.patients for identity, _ in one.local}
    if not local:
        return "? not reconciled"
    names = ", ".join(identity_text(one) for one in list(local)[:_MOST_NAMES])
    missing = view.instances - view.reconciled
    return f"✓ as {names}" + (f", ! {number_text(missing, 'image')} not" if missing else "")


def _to_whom(later: Sequence[JobRecord], titles: dict[str, str]) -> str:
    told: dict[str, str] = {}
    for job in later:
        if job.kind == "send":
            told.setdefault(str(job.request.get("peer", "")), sent_text(job))
    words = [f"{titles.get(name, name)}: {state}" for name, state in told.items()]
    return ", ".join(words) or "not sent"


def sent_text(job: JobRecord) -> str:
    """Return how a sending stands."""
    sent: Any = job.result.get("sent")
    if job.state is JobState.DONE:
        return f"✓ {sent:,} confirmed" if isinstance(sent, int) else "✓ sent"
    got = f", {sent:,} confirmed" if isinstance(sent, int) and sent else ""
    return f"{SIGNS[job.state]} {job.state}{got}"
