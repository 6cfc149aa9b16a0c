"""What people and programs see: results on standard output, everything else on standard error."""

from __future__ import annotations

import codecs
import io
import json
import os
import re
import sys
import textwrap
from collections import Counter
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from mediastation.errors import MediaError, MediastationError
from mediastation.model.event import Event, StepDone, StepProgress, StepStarted
from mediastation.model.finding import Finding, Severity
from mediastation.model.text import harmless, runs_right_to_left, size_text

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_SHOWN_PER_RULE = 5
_SHOWN_WHOLE = frozenset(
    {
        "identity-confirmed",
        "identity-differs",
        "identity-not-confirmed",
        "one-person-two-ids",
        "one-person-two-spellings",
        "patient-id-of-issuers",
        "reconciled",
        "several-candidates",
        "several-outside-patients",
        "several-patients",
        "shared-patient-id",
    }
)
"""Of people nobody is left out: each of them has to be compared with the request."""
_SIDE_BY_SIDE = _SHOWN_WHOLE | {"identity-spelling"}
"""Rules whose messages show identities with bars between: each gets a line of its own."""
_COLUMNS = 80
_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Words:
    """The options that every command takes."""

    home: Path
    json: bool = False
    quiet: bool = False


def prepare_streams() -> None:
    """Make standard output and error take any text, also where they are closed or not UTF-8."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open("w", encoding="utf-8"))  # noqa: SIM115 - stays open
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def print_json(result: dict[str, Any]) -> None:
    """Print the one JSON object of a command."""
    is_unicode = codecs.lookup(sys.stdout.encoding or "utf-8").name == "utf-8"
    text = json.dumps(result, ensure_ascii=not is_unicode, indent=1, default=str)
    # A path may hold bytes that are no text; no encoding takes what Python makes of them.
    _put(_SURROGATE.sub(lambda match: f"\\u{ord(match[0]):04x}", text))


def say(text: str = "") -> None:
    """Print a line of the result."""
    _put(harmless(text))


def tell(text: str, *, mark: str = "", colour: str = "") -> None:
    """Print a line that is no result, after a `mark` in `colour` where one is given."""
    # Where nobody can be told, the exit code still says it.
    with suppress(OSError):
        sys.stderr.write(_coloured(mark, colour) + harmless(text) + "\n")
        sys.stderr.flush()


class _OutputError(MediaError):
    """Standard output itself failed: what is wrong has to be told elsewhere."""


def _put(text: str) -> None:
    """Write results to standard output, now.

    Whoever stops reading, as `head` does, ends the output and not the work:
    the exit code stays true. Any other failure is a `MediaError`.
    """
    try:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
    except OSError as fault:
        with suppress(OSError, ValueError):
            # What is still buffered would fail once more when the process ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(fault, BrokenPipeError):
            raise _OutputError(
                f"The result cannot be written to standard output: {fault.strerror}.",
                "What the command did stays done: `mediastation jobs` tells.",
            ) from fault


def print_error(words: Words, fault: MediastationError) -> None:
    """Say what stopped the command, and what to do next."""
    findings = [item for item in getattr(fault, "findings", ()) if isinstance(item, Finding)]
    if words.json and not isinstance(fault, _OutputError):
        told = {
            "error": fault.message,
            "hint": fault.hint,
            "findings": [finding.as_dict() for finding in findings],
        }
        with suppress(_OutputError):
            print_json(told)
            return
    print_findings(words, findings)
    tell(f": {fault.message}", mark="error", colour="31")
    if fault.hint:
        tell(f"  → {fault.hint}")


def print_findings(words: Words, findings: Sequence[Finding]) -> None:
    """Print findings, gravest first, a few of each rule and then their number.

    ``--quiet`` leaves the notes out.
    """
    from mediastation.reading.findings import stands_for  # noqa: PLC0415 - not for the help

    order = list(Severity)
    shown: Counter[tuple[Severity, str]] = Counter()
    totals: Counter[tuple[Severity, str]] = Counter()
    for finding in findings:
        totals[finding.severity, finding.rule] += stands_for(finding) or 1
    for finding in sorted(findings, key=lambda finding: order.index(finding.severity)):
        if words.quiet and finding.severity is Severity.NOTE:
            continue
        kind = (finding.severity, finding.rule)
        shown[kind] += 1
        most = len(findings) if finding.rule in _SHOWN_WHOLE else _SHOWN_PER_RULE
        if shown[kind] > most:
            continue
        reference = f" ({finding.reference})" if finding.reference else ""
        said, *identities = [finding.message]
        if finding.rule in _SIDE_BY_SIDE:
            said, *identities = finding.message.split(" | ")
        # What is about the medium as a whole has no subject.
        subject = f" {finding.subject}:" if finding.subject else ""
        tell(
            f" {finding.rule}:{subject} {said}{reference}",
            mark=finding.severity,
            colour=_COLOURS[finding.severity],
        )
        for identity in identities:
            for line in textwrap.wrap(
                identity, _COLUMNS, initial_indent="    ", subsequent_indent="      "
            ):
                tell(line)
        if finding.hint:
            tell(f"  → {finding.hint}")
        if shown[kind] == most and totals[kind] > most:
            tell(f"  … and {totals[kind] - most:,} more of {finding.rule}")


def show_result(words: Words, result: Any, headline: str) -> None:
    """Print what came of a job, and exit as its result asks."""
    if words.json:
        print_json(result.as_dict())
    else:
        print_findings(words, result.findings)
        if result.stopped:
            tell(f": {result.stopped}", mark="error", colour="31")
            if result.hint:
                tell(f"  → {result.hint}")
        say(f"job {result.job}: {headline}")
    if result.exit_code:
        raise typer.Exit(result.exit_code)


def print_table(rows: Sequence[dict[str, Any]], columns: dict[str, str]) -> None:
    """Print `rows` under the headings of `columns` (key to heading).

    Columns line up for characters of two cells and of none.
    """
    from rich import box  # noqa: PLC0415 - only for people
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    from mediastation.cli.right_to_left import IsolatedCell  # noqa: PLC0415

    def cell(text: str) -> Text | IsolatedCell:
        return IsolatedCell(text) if unicode and runs_right_to_left(text) else Text(text)

    unicode = codecs.lookup(sys.stdout.encoding or "utf-8").name.startswith("utf")
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in columns.values():
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(cell(_cell(key, row.get(key))) for key in columns))
    is_terminal = sys.stdout.isatty()
    drawn = _Canvas()
    Console(file=drawn, force_terminal=is_terminal, width=None if is_terminal else 400).print(table)
    _put(drawn.getvalue().removesuffix("\n"))


class _Canvas(io.StringIO):
    """Where a table is drawn before it is printed, with what standard output can show."""

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """Rich draws plain lines where this is no UTF."""
        return sys.stdout.encoding or "utf-8"


def _cell(key: str, value: Any) -> str:
    if key == "size_bytes":
        return size_text(value)
    if isinstance(value, list):
        return harmless(", ".join(map(str, value)))
    return "" if value is None else harmless(str(value))


def _coloured(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if text and sys.stderr.isatty() else str(text)


_BESIDE_A_BAR = 40


class StepDisplay:
    """Listens to a job and shows its steps: bars on a terminal, a line a step elsewhere."""

    def __init__(self, words: Words) -> None:
        self._quiet = words.quiet
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}
        self._units: dict[str, str] = {}
        self._long: list[str] = []
        self._context: AbstractContextManager[Any] = nullcontext()
        if not words.quiet and sys.stderr.isatty():
            from rich.console import Console  # noqa: PLC0415 - only on a terminal
            from rich.progress import (  # noqa: PLC0415
                BarColumn,
                Progress,
                TextColumn,
                TimeRemainingColumn,
            )

            self._bars = Progress(
                TextColumn("{task.description:<10}"),
                BarColumn(),
                TextColumn("{task.fields[count]}"),
                TimeRemainingColumn(),
                console=Console(stderr=True),
            )

    def __enter__(self) -> StepDisplay:
        if self._bars is not None:
            self._context = self._bars
        self._context.__enter__()
        return self

    def __exit__(self, *fault: Any) -> None:
        self._context.__exit__(*fault)
        for line in self._long:
            tell(line)

    def __call__(self, event: Event) -> None:
        """Take one event."""
        match event:
            case StepStarted():
                self._units[event.step] = event.unit
                if self._bars:
                    total = event.total or None
                    self._tasks[event.step] = self._bars.add_task(event.step, total=total, count="")
            case StepProgress():
                if self._bars:
                    self._bars.update(
                        self._tasks[event.step],
                        completed=event.done,
                        total=event.total or None,
                        count=self._count(event),
                    )
            case StepDone():
                if self._bars:
                    task = self._tasks[event.step]
                    length = self._bars.tasks[task].total or 1
                    self._bars.update(
                        task, completed=length, total=length, count=self._beside(event)
                    )
                elif not self._quiet:
                    tell(f"{event.step}: {event.summary or 'done'}")

    def _beside(self, event: StepDone) -> str:
        """Return what has room beside a bar of 80 columns; the whole follows when all bars end."""
        if len(event.summary) <= _BESIDE_A_BAR:
            return event.summary
        self._long.append(f"{event.step}: {event.summary}")
        return "done"

    def _count(self, event: StepProgress) -> str:
        unit, done, total = self._units.get(event.step, ""), event.done, event.total
        if unit == "bytes":
            speed = self._bars.tasks[self._tasks[event.step]].speed if self._bars else None
            rate = f", {size_text(speed)}/s" if speed else ""
            return f"{size_text(done)} of {size_text(total)}{rate}" if total else size_text(done)
        if not unit:
            return f"{done * 100 // total} %" if total else ""
        return f"{done:,} of {total:,} {unit}" if total else f"{done:,} {unit}"
