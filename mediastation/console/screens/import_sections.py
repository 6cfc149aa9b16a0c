"""The parts of one import that tell of the medium: steps, contents, defects, what is held."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rich.text import Text

from mediastation.console.screens.import_words import opened_lines
from mediastation.console.screens.job_words import (
    STEP_SIGNS,
    add_findings,
    duration_text,
    progress_text,
)
from mediastation.console.widgets.page_table import Column, Key, PageRow
from mediastation.console.words import date_text, fit, name_text, number_text
from mediastation.model.finding import Finding, Severity
from mediastation.model.importing import Standing, Verdict
from mediastation.model.job import JobState, StepState
from mediastation.model.text import harmless, size_text
from mediastation.reading.findings import stands_for

if TYPE_CHECKING:
    from mediastation.console.screens.import_identity import LookUp
    from mediastation.importing.diagnosis import Diagnosis, TreeSummary
    from mediastation.importing.quarantine import QuarantinedFile
    from mediastation.station.intake.view import ImportContents, ImportView

MOST_HELD = 1_000
"""Held files that are listed; the rest is decided about by command."""
_MOST_FINDINGS = 60
_MOST_LINES = 400
_SIDE_BY_SIDE_WIDTH = 96
_WEIGHTS = {
    Severity.ERROR: ("✗ error", "error"),
    Severity.WARNING: ("! warning", "warning"),
    Severity.NOTE: ("· note", ""),
}
WHY = {
    Standing.OTHER_PIXELS: "the UID of one that is here, and other pixels",
    Standing.OTHER_HEADER: "the UID and pixels of one that is here, and other attributes",
    Standing.OTHER_PATIENT: "its study is here under another patient",
    Standing.COPIED_PIXELS: "the pixels of one that is here under another UID",
    "polyglot-preamble": "a program stands in front of its images; a harmless copy came in",
    "record-lost": "why is not known any more: the record was lost",
}


@dataclass(slots=True)
class Shown:
    """What the sections of one import are told from.

    `peers` are the rows of `mediastation.station.traffic.peers.peers`; `looked_up` is
    who an outside patient may be, by its identity, where somebody asked.
    """

    view: ImportView
    contents: ImportContents
    now: float = 0.0
    width: int = 80
    peers: list[dict[str, Any]] = field(default_factory=list)
    looked_up: dict[str, LookUp] = field(default_factory=dict)
    asking: str = ""
    typed: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """One part of an import: its columns, rows, words about one row, and what is open there."""

    name: str
    title: str
    short: str
    columns: tuple[Column, ...]
    rows: Callable[[Shown], dict[Key, PageRow]]
    words: Callable[[Shown, Key | None], Text]
    empty: Callable[[Shown], str]
    number: Callable[[Shown], str] = lambda shown: ""  # noqa: ARG005


# Steps


def step_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return the steps of the job, those that were done and the one that runs."""
    record, rows = shown.view.record, dict[Key, PageRow]()
    for number, step in enumerate(record.steps):
        state = step.state
        if state is StepState.RUNNING and record.state is not JobState.RUNNING:
            state = StepState.STOPPED
        runs = state is StepState.RUNNING
        told = progress_text(step, shown.now, max(shown.width - 26, 20)) if runs else step.summary
        took = duration_text((step.ended_at or shown.now) - step.started_at)
        sign = f"{STEP_SIGNS[state]} {step.name}"
        rows["step", number] = PageRow((sign, told, took), "strong" if runs else "")
    return rows


def step_words(shown: Shown, _: Key | None) -> Text:
    """Return what the job asks, or how it ended."""
    record, text = shown.view.record, Text()
    if record.state is JobState.WAITING and record.question is not None:
        add_line(text, f"It asks: {record.question.text}  (a answers)", "bold")
        add_line(text, record.question.hint)
    elif record.message:
        add_line(text, f"{record.state}: {record.message}", "bold")
        if record.state is JobState.FAILED:
            add_line(text, "b begins it again; of a sealed medium it asks for password or key.")
    elif record.state is JobState.QUEUED:
        add_line(text, f"It waits for {record.place}." if record.place else "It waits its turn.")
    elif record.state is JobState.RUNNING:
        add_line(text, "Nothing on the medium is started, and nothing is written on it. c cancels.")
    else:
        add_line(text, "The import has ended; → shows what came of it.")
    return text


# Contents


def content_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return patients, studies and series as the files say, each with what became of it."""
    rows: dict[Key, PageRow] = {}
    for key, series in _tree(shown.contents.series).items():
        total = Counter[str]()
        for one in series:
            total.update({name: one[name] or 0 for name in _ADDED})
        first = series[0]
        rows[key] = PageRow(
            (*_named(key, first), f"{total['instances']:,}", size_text(total["size_bytes"]),
             _became(total)),
            "strong" if len(key) == 1 else "warning" if total["held"] else "",
        )  # fmt: skip
    return rows


_ADDED = ("instances", "size_bytes", "kept", "duplicates", "held")


def _tree(series: tuple[dict[str, Any], ...]) -> dict[tuple[Any, ...], list[dict[str, Any]]]:
    """Return series by patient, by study and by themselves, each below the one it belongs to."""
    people: dict[tuple[str, ...], dict[str, list[dict[str, Any]]]] = {}
    for one in series:
        who = tuple(str(one[name]) for name in ("patient_id", "issuer", "patient_name",
                                                "birth_date", "sex"))  # fmt: skip
        people.setdefault(who, {}).setdefault(one["study_instance_uid"], []).append(one)
    found: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    for who, studies in people.items():
        found[(who,)] = [one for some in studies.values() for one in some]
        for study, some in studies.items():
            found[who, study] = some
            for one in some:
                found[who, study, one["series_instance_uid"]] = [one]
    return found


def _named(key: tuple[Any, ...], first: dict[str, Any]) -> tuple[str, str]:
    if len(key) == 1:
        born = date_text(first["birth_date"])
        return name_text(first["patient_name"]) + (f", {born}" if born else ""), first["patient_id"]
    if len(key) == 2:
        words = " ".join(filter(None, (date_text(first["study_date"]), first["study_description"])))
        return f"  {words or 'a study'}", ""
    words = " ".join(filter(None, (first["series_number"], first["series_description"])))
    return f"    Series {words}".rstrip(), first["modality"]


def _became(total: Mapping[str, int]) -> str:
    words = [
        f"{total[key]:,} {word}"
        for key, word in (("kept", "taken in"), ("duplicates", "here before"), ("held", "held"))
        if total[key]
    ]
    rest = total["instances"] - total["kept"] - total["duplicates"] - total["held"]
    return ", ".join([*words, *([f"{rest:,} not taken"] if rest else [])])


def content_words(shown: Shown, key: Key | None) -> Text:
    """Return all that the files say of what is under the cursor."""
    text = Text()
    if shown.contents.told:
        add_line(text, shown.contents.told)
    if not isinstance(key, tuple) or (found := _tree(shown.contents.series).get(key)) is None:
        return text
    one = found[0]
    issuer = f" of {one['issuer']}" if one["issuer"] else ""
    who = f"{name_text(one['patient_name'])} · ID {one['patient_id'] or 'none'}{issuer}"
    born = date_text(one["birth_date"]) or "not given"
    add_line(text, f"{who} · born {born} · sex {one['sex'] or 'not given'}", "bold")
    if len(key) > 1:
        what = f"{date_text(one['study_date'])} {one['study_description']}".strip()
        add_line(text, f"Study {what} · {one['institution'] or 'no institution'}")
        add_line(text, f"Study Instance UID {key[1]}", "dim")
    if len(key) > 2:
        add_line(text, f"Series Instance UID {key[2]}", "dim")
    if shown.contents.more_series:
        add_line(text, f"Only the first {len(shown.contents.series):,} series are shown.")
    return text


# Defects and repairs


def defect_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return findings by rule, the worst first; then repairs by kind, and both directories."""
    rows: dict[Key, PageRow] = {}
    for rule, found in _by_rule(shown.view.record.findings).items():
        weight, look = _WEIGHTS[found[0].severity]
        said = found[0].message.split(" | ")[0]
        rows["found", rule] = PageRow((weight, in_words(rule), f"{_number(found):,}", said), look)
    for number, one in enumerate(shown.contents.opened):
        what = f"opened with {one.opened_with}"
        rows["opened", number] = PageRow(("▣ sealed", what, f"{one.count:,}", one.proof))
    diagnosis = shown.contents.diagnosis
    if diagnosis is not None:
        for what, number, said in _repairs(diagnosis):
            rows["repaired", what] = PageRow(("✓ repaired", in_words(what), f"{number:,}", said))
        if diagnosis.directories:
            told = f"{diagnosis.listed:,} listed, {diagnosis.found:,} of them found"
            rows["trees",] = PageRow(("DICOMDIR", "before and after", "", told), "strong")
    return rows


def _number(found: list[Finding]) -> int:
    """Return how many findings these are, with those that a closing line stands for."""
    return sum(stands_for(one) or 1 for one in found)


def _by_rule(findings: tuple[Finding, ...]) -> dict[str, list[Finding]]:
    rules: dict[str, list[Finding]] = {}
    for finding in findings:
        rules.setdefault(finding.rule, []).append(finding)
    order = list(Severity)
    for found in rules.values():
        found.sort(key=lambda one: order.index(one.severity))
    ranked = sorted(rules, key=lambda rule: (order.index(rules[rule][0].severity),
                                             -_number(rules[rule]), rule))  # fmt: skip
    return {rule: rules[rule] for rule in ranked}


def _grave_number(shown: Shown) -> str:
    grave = {one.rule for one in shown.view.record.findings if one.severity is not Severity.NOTE}
    return f"!{len(grave)}" if grave else ""


def _repairs(diagnosis: Diagnosis) -> list[tuple[str, int, str]]:
    counts: Counter[str] = Counter()
    said: dict[str, str] = {}
    for one in diagnosis.repairs:
        counts[one.what] += one.count
        said.setdefault(one.what, f"{one.before} → {one.after}")
    return [(what, number, said[what]) for what, number in counts.most_common()]


def in_words(rule: str) -> str:
    """Return the short name of a rule as words."""
    return rule.replace("-", " ")


def defect_words(shown: Shown, key: Key | None) -> Text:
    """Return what was found by one rule, what was repaired, or both directories."""
    text = Text()
    diagnosis = shown.contents.diagnosis
    match key:
        case ("found", str(rule)):
            found = _by_rule(shown.view.record.findings).get(rule, [])
            add_findings(text, found, _MOST_FINDINGS)
        case ("opened", int(number)):
            for line in opened_lines(shown.contents.opened, number):
                add_line(text, line)
        case ("repaired", str(what)) if diagnosis is not None:
            add_line(text, f"{in_words(what)}: what stood there → what is taken instead", "bold")
            for one in diagnosis.repairs:
                if one.what == what:
                    add_line(text, f"{one.before or '(nothing)'} → {one.after or '(nothing)'}")
                    add_line(text, f"  {one.subject}" if one.subject else "", "dim")
        case ("trees",) if diagnosis is not None:
            _add_trees(text, diagnosis, shown.width)
    return text


def _add_trees(text: Text, diagnosis: Diagnosis, width: int) -> None:
    """Add what the directory says, and what the files say; beside each other where that fits."""
    for one in diagnosis.directories[:8]:
        said = f"{one.path}: {number_text(one.records, 'record')}, {one.listed:,} listed"
        for number, word in ((one.missing, "missing"), (one.unlisted, "not listed"),
                             (one.mismatched, "listed wrongly")):  # fmt: skip
            said += f", {number:,} {word}" if number else ""
        add_line(text, said)
    before = _tree_lines("Before: by the directory", diagnosis.before)
    after = _tree_lines("After: by the files", diagnosis.after)
    if width < _SIDE_BY_SIDE_WIDTH:
        for number, line in enumerate([*before, "", *after][:_MOST_LINES]):
            add_line(text, line or " ", "bold" if number in (0, len(before) + 1) else "")
        return
    half = (width - 5) // 2
    for number in range(min(max(len(before), len(after)), _MOST_LINES)):
        left = before[number] if number < len(before) else ""
        right = after[number] if number < len(after) else ""
        differs = number and left != right
        line = f"{fit(left, half)} {'≠' if differs else ' '} {fit(right, half)}"
        text.append(line.rstrip() + "\n", "bold" if not number else "")


def _tree_lines(title: str, tree: TreeSummary) -> list[str]:
    counted = f"{number_text(tree.patients, 'patient')}, {number_text(tree.instances, 'image')}"
    lines = [f"{title} ({counted})"]
    lines += [f"{'  ' * one.level}{one.text} ({one.instances:,})" for one in tree.lines]
    return [*lines, *([f"… and {tree.unnamed:,} more"] if tree.unnamed else [])]


# What is held


def held_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return the held files, those that wait for a decision first."""
    files = sorted(shown.view.held, key=lambda one: (one.verdict is not None, one.path))
    return {file.sha256: _held_row(file) for file in files[:MOST_HELD]}


def _held_row(file: QuarantinedFile) -> PageRow:
    told = "? waits" if file.verdict is None else f"left, {file.decided_by}"
    if file.verdict is Verdict.KEEP:
        told = f"kept, {file.decided_by}"
    return PageRow(
        (told, in_words(file.rule), file.path), "warning" if file.verdict is None else "faint"
    )


def held_words(shown: Shown, key: Key | None) -> Text:
    """Return why a file is held, and what can be decided."""
    text = Text()
    file = next((one for one in shown.view.held if one.sha256 == key), None)
    if file is None:
        return text
    add_line(text, file.path, "bold")
    add_line(text, f"It has {WHY.get(file.rule, in_words(file.rule))}." if file.rule in _HAS
             else f"Held: {WHY.get(file.rule, in_words(file.rule))}.")  # fmt: skip
    if file.verdict is None:
        add_line(text, "Enter shows both sides · k takes it in beside the other · l leaves it here")
    else:
        verdict = "kept" if file.verdict is Verdict.KEEP else "left in quarantine for good"
        add_line(text, f"Decided: {verdict}, by {file.decided_by}, {file.decided_at[:16]}.")
    add_line(text, f"held {file.held_at[:16]} · SHA-256 {file.sha256[:16]}…", "dim")
    if len(shown.view.held) > MOST_HELD:
        add_line(text, f"Only {MOST_HELD:,} of {len(shown.view.held):,} are listed; "
                       "`mediastation quarantine` has all.")  # fmt: skip
    return text


_HAS = frozenset({Standing.OTHER_PIXELS, Standing.OTHER_HEADER, Standing.COPIED_PIXELS})


def add_line(text: Text, words: str, style: str = "") -> None:
    """Add one line that is safe to show; nothing for no words."""
    if words:
        text.append(f"{harmless(words)}\n", style)


def waits_words(shown: Shown) -> str:
    """Return why there is nothing to see yet, or that nothing is wrong."""
    return shown.contents.told


MEDIUM_SECTIONS = (
    Section(
        "steps", "Steps", "Steps",
        (Column("Step", 13), Column("What came of it", 20, flex=1), Column("Took", 8, right=True)),
        step_rows, step_words,
        lambda shown: "It waits for an answer." if shown.view.record.question
        else "It has not begun.",
    ),
    Section(
        "contents", "Contents", "Cont",
        (Column("Patient, study, series", 20, flex=3), Column("ID, kind", 8, flex=1),
         Column("Images", 6, right=True), Column("Size", 9, right=True, from_width=70),
         Column("Became", 14, flex=2, from_width=60)),
        content_rows, content_words,
        lambda shown: shown.contents.told or "No DICOM instance lies on it.",
    ),
    Section(
        "defects", "Defects", "Defects",
        (Column("Weight", 10), Column("What", 18, flex=1), Column("Number", 6, right=True),
         Column("The first", 20, flex=3, from_width=70)),
        defect_rows, defect_words, lambda shown: shown.contents.told or "Nothing is wrong with it.",
        _grave_number,
    ),
    Section(
        "held", "Held", "Held",
        (Column("Decision", 16), Column("Why", 14, flex=1), Column("File", 20, flex=2)),
        held_rows, held_words, lambda _: "Nothing is held.",
        lambda shown: f"?{shown.view.waiting:,}" if shown.view.waiting else "",
    ),
)  # fmt: skip
