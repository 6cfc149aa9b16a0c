"""How drives and discs read: one row of the table, and all that is known of one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.burn.drive import (
    SECTOR_BYTES,
    Disc,
    DiscStatus,
    Family,
    is_stdio,
    path_of,
)
from mediastation.console.screens.job_words import SIGNS, progress_text
from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import name_text, number_text
from mediastation.model.job import JobState
from mediastation.model.text import harmless, size_text

if TYPE_CHECKING:
    from mediastation.station.burning.drive_view import DriveJob, DriveView
    from mediastation.station.burning.drives import DiscContent

COLUMNS = (
    Column("Drive", 13, flex=1),
    Column("Maker, model", 16, flex=1, from_width=110),
    Column("Disc", 24),
    Column("Size", 9, right=True, from_width=90),
    Column("On it", 14, flex=2),
    Column("Job", 14, flex=2),
)
_MOST_NAMES = 12
_MOST_SESSIONS = 12
_JOB = 5


def drive_row(view: DriveView, job: DriveJob | None, now: float, width: int) -> PageRow:
    """Return a drive as a row; `width` is that of the column for its job."""
    view = _believed(view, job)
    disc = view.disc
    is_busy = job is not None and job.is_busy
    lying = "✗ trouble" if view.drive.trouble else "in use" if is_busy else disc.words
    capacity = disc.capacity_sectors * SECTOR_BYTES
    look = "error" if view.drive.trouble or disc.damaged else ""
    if job is not None:
        look = "warning" if job.record.state is JobState.WAITING else "strong"
    if disc.status is DiscStatus.NONE and not look:
        look = "faint"
    return PageRow(
        (
            short_device(view.drive.device),
            " ".join(filter(None, (view.drive.vendor, view.drive.model))),
            "! never finished" if disc.damaged else lying,
            size_text(capacity) if capacity else "",
            "see below" if view.drive.trouble else "" if is_busy else _whose(view),
            job_text(job, now, width),
        ),
        look,
    )


def _believed(view: DriveView, job: DriveJob | None) -> DriveView:
    """Return a view without the disc while a job has the drive.

    The job may have changed it since it was looked at: it would be the wrong
    patient's.
    """
    if job is None or not job.is_busy:
        return view
    return replace(view, drive=replace(view.drive, disc=None), content=None, made_by=0)


def short_device(device: str) -> str:
    """Return what a drive is called in a narrow place: of a file, its name."""
    return f"stdio:{path_of(device).name}" if is_stdio(device) else device


def job_text(job: DriveJob | None, now: float, width: int) -> str:
    """Return what a job does on a drive: ``12 writing 45% 1:07 left``."""
    if job is None:
        return ""
    record = job.record
    head = f"{SIGNS[record.state]} {record.id} "
    if record.state is JobState.RUNNING and job.step is not None:
        return head + progress_text(job.step, now, width - len(head))
    words = "asks: !" if record.state is JobState.WAITING else str(record.state)
    return f"{head}{record.kind} {words}"


def _whose(view: DriveView) -> str:
    content = view.content
    if content is None:
        return ""
    if content.patients:
        more = f" +{len(content.patients) - 1}" if len(content.patients) > 1 else ""
        return name_text(content.patients[0][0]) + more
    return ", ".join(content.volumes) or ("no File-set" if content.files else "not readable")


def people_of(content: DiscContent | None) -> list[str]:
    """Return whose data a disc or image holds, for a confirmation."""
    if content is None:
        return []
    names = [patient_text(name, number) for name, number in content.patients[:_MOST_NAMES]]
    if len(content.patients) > _MOST_NAMES:
        names.append(f"and {len(content.patients) - _MOST_NAMES:,} more")
    return names


def patient_text(name: str, patient_id: str) -> str:
    """Return what a directory names a patient by."""
    return f"{name_text(name)} ({patient_id or 'no ID'})"


def drive_text(view: DriveView, job: DriveJob | None, like: str, now: float, width: int) -> Text:
    """Return all that is known of a drive and its disc, and what to do next."""
    text = Text()
    view = _believed(view, job)
    drive, disc = view.drive, view.disc
    maker = " ".join(filter(None, (drive.vendor, drive.model, drive.revision)))
    if is_stdio(drive.device):
        maker = "a file in place of a drive, for training (d removes it from this list)"
    _line(text, " · ".join(filter(None, (drive.device, maker))), "bold")
    if drive.trouble:
        _line(text, f"✗ {drive.trouble}", "bold")
    elif job is not None and job.is_busy:
        _line(text, "What lies in it is looked at again when the job lets it go.")
    else:
        _line(text, _disc_text(disc, like))
    if job is not None:
        _job(text, job, now, width)
    for session in disc.sessions[:_MOST_SESSIONS]:
        size = size_text(session.sectors * SECTOR_BYTES)
        _line(text, f"Session {session.number}: {session.volume_id or '(no name)'}, {size}")
    if len(disc.sessions) > _MOST_SESSIONS:
        _line(text, f"… and {len(disc.sessions) - _MOST_SESSIONS} sessions more")
    _content(text, view)
    if advice := _advice(view, job):
        _line(text, f"→ {advice}")
    return text


def _disc_text(disc: Disc, like: str) -> str:
    words = [disc.words]
    if disc.capacity_sectors:
        free, whole = (size_text(n * SECTOR_BYTES) for n in
                       (disc.free_sectors, disc.capacity_sectors))  # fmt: skip
        if disc.status is DiscStatus.BLANK:
            words.append(f"{whole}, all free")
        elif disc.status is DiscStatus.APPENDABLE:
            words.append(f"{free} of {whole} free")
        else:
            words.append(whole)
    if like:
        words[-1] += f" (size of {like})"
    if disc.medium_id:
        words.append(f"made by {disc.medium_id}")
    if disc.speeds:
        words.append(f"speeds {', '.join(speed.words for speed in disc.speeds)}")
    if disc.is_rewritable and disc.family is not Family.FILE:
        words.append("can be made blank again")
    return " · ".join(words)


def _job(text: Text, job: DriveJob, now: float, width: int) -> None:
    record = job.record
    _line(text, f"Job {record.id}, {record.kind}, for {record.operator}: {record.state}", "bold")
    if job.step is not None:
        _line(text, f"  {progress_text(job.step, now, width - 4)}")
    if record.question is not None and record.state is JobState.WAITING:
        _line(text, f"? {record.question.text}  (Enter goes there, a answers)", "bold")


def _content(text: Text, view: DriveView) -> None:
    content = view.content
    if content is None:
        return
    if content.file_set_uid:
        _line(text, f"File-set {content.file_set_id or '(no ID)'}, UID {content.file_set_uid}")
    for name in people_of(content):
        _line(text, f"Patient {name}", "bold")
    if content.files is not None:
        of = f", disc {view.volume} of {view.volumes}" if view.volumes > 1 else ""
        made = f"; made here by job {view.made_by}{of}" if view.made_by else "; not made here"
        _line(text, number_text(content.files, "file") + made)
    else:
        _line(text, "Nothing on it can be read: no file system, or a damaged one.")


def _advice(view: DriveView, job: DriveJob | None) -> str:
    disc = view.disc
    if job is not None:
        return "Enter shows the job." if job.record.state is not JobState.WAITING else ""
    if view.drive.trouble:
        return "Mend that, then r looks again."
    if disc.damaged:
        return "Its last burn was broken off: destroy it if it may hold a patient's data."
    match disc.status:
        case DiscStatus.NONE:
            return "Put a disc in, then r looks again."
        case DiscStatus.BLANK:
            return "b burns an image onto it."
        case DiscStatus.UNKNOWN:
            return "Clean it and put it in again, or take another (e puts it out)."
        case _ if is_stdio(view.drive.device):
            return "v rereads it, w makes it blank."
        case _ if disc.is_rewritable:
            return "v rereads it, w makes it blank, e puts it out."
        case _:
            return "v rereads it, e puts it out."


def _line(text: Text, words: str, style: str = "") -> None:
    if text.plain:
        text.append("\n")
    text.append(harmless(words), style)
