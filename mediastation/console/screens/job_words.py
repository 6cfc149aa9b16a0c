"""How jobs read: one row of the table, and all that is known of one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.screens.study_rows import patient_text
from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import age_text, date_text, fit, moment_text, name_text, number_text
from mediastation.model.finding import Finding, Severity
from mediastation.model.job import JobEvent, JobRecord, JobState, Step, StepState
from mediastation.model.text import harmless, size_text

if TYPE_CHECKING:
    from mediastation.station.job_facts import JobFacts

SIGNS = {
    JobState.QUEUED: "·",
    JobState.RUNNING: "▶",
    JobState.WAITING: "?",
    JobState.DONE: "✓",
    JobState.REFUSED: "!",
    JobState.FAILED: "✗",
    JobState.CANCELLED: "–",
    JobState.ABANDONED: "✗",
}
"""In front of every state; the word always stands beside it."""
COLUMNS = (
    Column("Job", 4, right=True),
    Column("State", 11),
    Column("What", 20, flex=3),
    Column("How far", 22, flex=2),
    Column("Asked by", 10, from_width=96),
    Column("Pr", 2, right=True, from_width=96),
    Column("When", 7, right=True),
)
_LOOKS = {
    JobState.WAITING: "warning",
    JobState.REFUSED: "error",
    JobState.FAILED: "error",
    JobState.ABANDONED: "error",
    JobState.RUNNING: "strong",
    JobState.CANCELLED: "faint",
}
STEP_SIGNS = {StepState.RUNNING: "▶", StepState.DONE: "✓", StepState.STOPPED: "✗"}
_SEVERITY_SIGNS = {Severity.ERROR: "✗", Severity.WARNING: "!", Severity.NOTE: "·"}
_MOST_FINDINGS = 100
_MOST_SOURCES = 4
_MOST_LINES = 50
_COUNTED = {
    "added": "added",
    "imported": "imported",
    "reconciled": "reconciled",
    "kept": "kept",
    "sent": "confirmed",
    "received": "received",
}
"""Keys of results that say how much was done, the first that is there."""
_EIGHTHS = " ▏▎▍▌▋▊▉"
_MEASURABLE_S = 2.0
_MOST_NAMES = 12


def title_of(record: JobRecord, facts: JobFacts | None) -> str:
    """Return what a job is, in one line: ``Patient CD · DOE, John · CT 2024-02-29``."""
    if facts is None:
        return record.kind
    words = [facts.what]
    patients = facts.patients
    if patients:
        more = f" +{len(patients) - 1}" if len(patients) > 1 else ""
        words.append(name_text(patients[0].patient_name) + more)
        study = facts.studies[0]
        told = f"{','.join(study.modalities)} {date_text(study.study_date)}".strip()
        more = f" +{len(facts.studies) - 1}" if len(facts.studies) > 1 else ""
        words += [told + more] if told else []
    elif facts.outputs and facts.outputs[0].file_set_id:
        words.append(facts.outputs[0].file_set_id)
    elif facts.source_count:
        words.append(number_text(facts.source_count, "source"))
    return " · ".join(words)


def people_of_facts(facts: JobFacts | None) -> list[str]:
    """Return the patients of a job for a confirmation, each with all that names them."""
    patients = facts.patients if facts else ()
    names = [patient_text(study) for study in patients[:_MOST_NAMES]]
    if len(patients) > _MOST_NAMES:
        names.append(f"and {len(patients) - _MOST_NAMES} more")
    if not names and facts is not None:
        labels = [one.file_set_id for one in facts.outputs if one.file_set_id]
        names = [f"label {label}" for label in labels[:_MOST_NAMES]]
    return names


def page_row(
    record: JobRecord, facts: JobFacts | None, step: Step | None, now: float, width: int
) -> PageRow:
    """Return a job as a row; `width` is that of the column for progress."""
    when = record.ended_at or record.started_at or record.created_at
    return PageRow(
        (
            str(record.id),
            f"{SIGNS[record.state]} {record.state}",
            title_of(record, facts),
            _how_far(record, step, now, width),
            record.operator,
            f"{record.priority:+d}" if record.priority else "",
            age_text(when, now),
        ),
        _LOOKS.get(record.state, ""),
    )


def bar(share: float, width: int) -> str:
    """Return a bar of `width` cells, filled to `share`, 0 to 1."""
    cells = min(max(share, 0.0), 1.0) * width
    whole = int(cells)
    part = _EIGHTHS[int((cells - whole) * 8)] if whole < width else ""
    return ("█" * whole + part.strip()).ljust(width, "░")


def progress_text(step: Step, now: float, width: int) -> str:
    """Return how far a step is: a bar, its share, rate and time left, as much as fits."""
    if step.total <= 0:
        return f"{step.name} …"
    share = step.done / step.total
    words = f"{step.name} {share:4.0%}"
    rate, left = rate_of(step, now)
    tail = f" {left}" if left else ""
    room = width - len(words) - len(tail) - 1
    if room >= 4:
        rate_room = room - len(rate) - 3
        more = f" {rate}" if rate and rate_room >= 6 else ""
        return f"{bar(share, min(room - len(more), 20))} {words}{more}{tail}"
    return f"{words}{tail}"


def rate_of(step: Step, now: float) -> tuple[str, str]:
    """Return how fast a step goes and how long it has still to go, both empty at its beginning."""
    taken = now - step.started_at
    if taken < _MEASURABLE_S or step.done <= 0 or step.total <= 0:
        return "", ""
    rate = step.done / taken
    if step.unit == "bytes":
        told = f"{size_text(rate)}/s"
    else:
        told = f"{rate:,.0f} {step.unit}/s" if step.unit and rate >= 1 else ""
    return told, f"{duration_text((step.total - step.done) / rate)} left"


def duration_text(seconds: float) -> str:
    """Return a duration as ``0:07``, ``12:30`` or ``1:02:03``."""
    whole = max(int(seconds + 0.5), 0)
    hours, rest = divmod(whole, 3600)
    minutes, rest = divmod(rest, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def _how_far(record: JobRecord, step: Step | None, now: float, width: int) -> str:
    match record.state:
        case JobState.RUNNING if record.cancel_requested:
            return "stopping …"
        case JobState.RUNNING:
            return progress_text(step, now, width) if step else "beginning …"
        case JobState.WAITING:
            return record.question.text if record.question else record.message
        case JobState.QUEUED:
            return f"waits for {record.place}" if record.place else "waits its turn"
        case JobState.DONE:
            return _done_words(record)
        case JobState.ABANDONED if not record.message:
            return "its process is gone"
        case _:
            return without_preamble(record.message)


def without_preamble(message: str) -> str:
    """Return why nothing was written, without saying first that nothing was."""
    head = "Nothing was written"
    return message.removeprefix(head).lstrip(".: ") if message.startswith(head) else message


def _done_words(record: JobRecord) -> str:
    volumes = record.result.get("volumes")
    if isinstance(volumes, list) and volumes:
        verified = all(isinstance(one, dict) and one.get("verified") for one in volumes)
        told = "planned" if record.request.get("plan_only") else "not verified"
        return f"{number_text(len(volumes), 'volume')}, {'verified' if verified else told}"
    if "verified" in record.result:
        return "burned, verified" if record.result["verified"] else "not verified"
    if "ok" in record.result:
        return "in order" if record.result["ok"] else "not in order"
    for key, word in _COUNTED.items():
        number = record.result.get(key)
        if isinstance(number, int):
            return f"{number:,} {word}"
    return "done"


def detail_text(
    record: JobRecord,
    facts: JobFacts | None,
    events: Iterable[JobEvent],
    now: float,
    width: int,
) -> Text:
    """Return everything about a job: question, steps, findings with remedies, files, log."""
    text = Text()
    _head(text, record, facts)
    if record.question is not None and record.state is JobState.WAITING:
        _heading(text, "It asks")
        _line(text, record.question.text, "bold")
        _line(text, f"→ {record.question.hint}  (a answers)" if record.question.hint else "")
    if record.message and record.state is not JobState.WAITING:
        _line(text, f"{record.state}: {record.message}", "bold")
    if record.steps:
        _heading(text, "Steps")
        for step in record.steps:
            _step(text, step, record, now, width)
    if record.findings:
        _heading(text, f"Findings ({len(record.findings):,})")
        add_findings(text, record.findings)
    _outputs(text, record, facts)
    _heading(text, "Log")
    lines = list(events)
    if len(lines) > _MOST_LINES:
        _line(text, f"… the last {_MOST_LINES} lines", "dim")
    for event in lines[-_MOST_LINES:]:
        moment = datetime.fromtimestamp(event.at).astimezone()
        who = f"{event.who}: " if event.who else ""
        _line(text, f"{moment:%H:%M:%S}  {who}{event.text}")
    return text


def add_findings(text: Text, findings: Sequence[Finding], most: int = _MOST_FINDINGS) -> None:
    """Add findings with what to do about each; the gravest first, what is alike once."""
    alike: dict[tuple[Severity, str, str, str], list[str]] = {}
    for finding in findings:
        said = finding.severity, finding.message, finding.hint, finding.reference
        alike.setdefault(said, []).append(finding.subject)
    order = list(Severity)
    groups = sorted(alike.items(), key=lambda one: order.index(one[0][0]))
    for (severity, message, hint, reference), subjects in groups[:most]:
        style = "bold" if severity is Severity.ERROR else ""
        times = f" ({len(subjects):,} ×)" if len(subjects) > 1 else ""
        first, *rest = message.split(" | ")
        _line(text, f"{_SEVERITY_SIGNS[severity]} {severity}{times}: {first}", style)
        for more in rest:
            _line(text, f"    {more}", style)
        _line(text, f"  → {hint}" if hint else "")
        others = f" and {len(subjects) - 1:,} more" if len(subjects) > 1 else ""
        about = " · ".join(filter(None, (subjects[0] + others, reference)))
        _line(text, f"  {about}" if about else "", "dim")
    if len(groups) > most:
        _line(text, f"… and {len(groups) - most:,} kinds more")


def _head(text: Text, record: JobRecord, facts: JobFacts | None) -> None:
    _line(text, f"Job {record.id} · {title_of(record, facts)}", "bold")
    state = f"{SIGNS[record.state]} {record.state}"
    by = f"asked for by {record.operator}, {moment_text(record.created_at)}"
    attempts = f", begun {record.attempts} times" if record.attempts > 1 else ""
    priority = f", priority {record.priority:+d}" if record.priority else ""
    _line(text, f"{state} · {by}{attempts}{priority}")
    for name in people_of_facts(facts):
        _line(text, f"Patient {name}" if facts and facts.patients else name)
    disclosure = record.request.get("disclosure")
    if isinstance(disclosure, dict):
        said = (("requested by", "requested_by"), ("given to", "given_to"), ("because", "reason"))
        words = [f"{told} {disclosure[key]}" for told, key in said if disclosure.get(key)]
        _line(text, ", ".join(words))
    if facts is not None and not facts.patients:
        sources = record.request.get("sources")
        if isinstance(sources, list):
            for source in sources[:_MOST_SOURCES]:
                _line(text, f"from {source}")
            if len(sources) > _MOST_SOURCES:
                _line(text, f"… and {len(sources) - _MOST_SOURCES:,} sources more")


def _step(text: Text, step: Step, record: JobRecord, now: float, width: int) -> None:
    state = step.state
    if state is StepState.RUNNING and record.state is not JobState.RUNNING:
        state = StepState.STOPPED
    sign = STEP_SIGNS[state]
    if state is StepState.RUNNING:
        _line(text, f"{sign} {progress_text(step, now, max(width - 4, 20))}", "bold")
        return
    taken = duration_text((step.ended_at or now) - step.started_at)
    _line(text, f"{sign} {fit(step.name, 18)} {taken:>7}  {step.summary}")


def _outputs(text: Text, record: JobRecord, facts: JobFacts | None) -> None:
    outputs = facts.outputs if facts else ()
    if outputs:
        _heading(text, "Files")
    for one in outputs:
        _line(text, str(one.path), "bold")
        told = [one.file_set_id, number_text(one.instances, "instance"), size_text(one.size_bytes)]
        told.append("✓ verified" if one.verified else "✗ not verified")
        _line(text, "  " + " · ".join(filter(None, told)))
        _line(text, f"  SHA-256 {one.sha256}" if one.sha256 else "", "dim")
        _line(text, f"  label {one.label}" if one.label else "")
    burns = record.result.get("burns")
    if isinstance(burns, list) and burns:
        _heading(text, "Discs")
    for burn in burns if isinstance(burns, list) else ():
        if isinstance(burn, int):
            _line(text, f"Burned by job {burn}")
        elif isinstance(burn, dict):
            for disc in burn.get("discs", ()):
                words = f"disc {disc.get('copy', '?')} in {burn.get('drive', '?')}"
                _line(text, f"{words}: {disc.get('state', '?')}, {disc.get('reread', '')}")


def _heading(text: Text, words: str) -> None:
    text.append(f"\n{words}\n", "underline")


def _line(text: Text, words: str, style: str = "") -> None:
    if words:
        text.append(f"{harmless(words)}\n", style)
