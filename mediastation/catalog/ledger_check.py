"""Proving the ledger, and mending one copy from the other where that one is proved.

Both copies are read once, side by side and as streams: time is linear, memory
does not grow.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from sqlalchemy import Connection, delete, func, select

from mediastation.catalog.guards import lift_guards, set_guards
from mediastation.catalog.ledger import IN_FILE, IN_TABLE, Ledger, insert_lines, rows_of
from mediastation.catalog.ledger_key import check_key, read_keys
from mediastation.catalog.schema import ledger
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, Severity, error, has_errors, warning
from mediastation.model.ledger import NO_HEAD, LedgerHead
from mediastation.model.ledger_chain import ChainCheck, Keys

_MOST_FINDINGS = 200
_ENTRY = re.compile(r"entr(?:y|ies) (\d+)")
_BATCH = 500


@dataclass(slots=True)
class LedgerReport:
    """What was proved.

    `entries` are those of the longer copy, `found_at` is where a head lies, and
    `whole` names a copy that is proved to its end; empty if neither is.
    """

    entries: int = 0
    head: LedgerHead = NO_HEAD
    found_at: int | None = None
    findings: list[Finding] = field(default_factory=list)
    left_out: int = 0
    whole: str = ""

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against the ledger."""
        return not has_errors(self.findings)

    @property
    def broken_from(self) -> int | None:
        """Number of the first entry that something speaks against, if it can be told."""
        numbers = [
            int(match[1])
            for finding in self.findings
            if finding.severity is Severity.ERROR and finding.rule != "ledger-key"
            if (match := _ENTRY.match(finding.subject))
        ]
        return min(numbers, default=None)

    def take(self, findings: Iterable[Finding]) -> None:
        """Take findings in, as many as anybody will read; the others are counted."""
        for finding in findings:
            if len(self.findings) < _MOST_FINDINGS:
                self.findings.append(finding)
            else:
                self.left_out += 1


def verify_ledger(log: Ledger, wanted: LedgerHead | None = None) -> LedgerReport:
    """Check both copies of the ledger, entry by entry, and hold them against each other.

    Parameters
    ----------
    wanted : LedgerHead, optional
        A head that was printed: whether it lies on the chain, and where.

    Raises
    ------
    MediaError
        If the disk fails.
    """
    report = LedgerReport()
    home = log.catalog.home
    report.take(check_key(home))
    try:
        keys = Keys(read_keys(home))
    except MediaError as fault:
        keys = Keys({})
        report.take([error("ledger-key", str(home), fault.message, fault.hint)])
    with log.catalog.writing() as connection:
        # Nobody writes while this is held, so what is found is not half of something.
        settled = log.settle(connection) if not has_errors(report.findings) else None
        if settled is not None:
            report.take(one for one in settled.findings if one.rule == "ledger-filled")
        last = _highest(connection)
        size_bytes = log.file.size()
    checks = {where: ChainCheck(where, keys, wanted) for where in (IN_FILE, IN_TABLE)}
    with log.catalog.reading() as connection:
        wrong = _Wrong(_compare(checks, log.file.lines(size_bytes), rows_of(connection, last)))
        report.take(wrong)
    for where, check in checks.items():
        unproved = list(check.close())
        wrong.where[where] += len(unproved)
        report.take(unproved)
    longest = max(checks.values(), key=lambda check: check.place)
    for where, check in checks.items():
        if not wrong.where[where] and not wrong.forked and check.place == longest.place:
            report.whole = where
    report.entries, report.head = longest.place, LedgerHead(longest.place, longest.digest)
    if wanted is not None:
        report.take(_place_of(wanted, checks, report))
        if report.found_at is None:
            report.whole = ""
    if report.left_out:
        message = f"There are {report.left_out:,} findings more."
        report.findings.append(error("ledger-more", "the ledger", message))
    return report


def mend_ledger(log: Ledger) -> list[Finding]:
    """Make a copy that is spoiled anew from the other one, if that is proved to its end.

    The spoiled file is set aside, never deleted. Where neither copy is proved,
    or each says something else, both stay as they are.

    Returns
    -------
    list of Finding
        What was found and done; empty where the copies are whole and equal.
    """
    report = LedgerReport()
    with log.catalog.writing() as connection:
        settled = log.settle(connection)
        report.take(one for one in settled.findings if one.rule == "ledger-filled")
        last, size_bytes = _highest(connection), log.file.size()
        keys = Keys(read_keys(log.catalog.home))
        checks = {where: ChainCheck(where, keys) for where in (IN_FILE, IN_TABLE)}
        wrong = _Wrong(_compare(checks, log.file.lines(size_bytes), rows_of(connection, last)))
        report.take(wrong)
        for where, check in checks.items():
            wrong.where[where] += sum(1 for _ in check.close())
        if not wrong.total:
            return report.findings
        proved = [where for where, faults in wrong.where.items() if not faults]
        longer = {where: checks[where].place for where in proved}
        if IN_FILE in proved and longer[IN_FILE] >= longer.get(IN_TABLE, 0) and not wrong.forked:
            _table_from_file(log, connection, size_bytes)
            report.take([_mended("the index", "the file")])
        elif IN_TABLE in proved and not wrong.forked:
            with log.file.replacing() as file:
                for _, line in rows_of(connection, last):
                    file.write(line.encode() + b"\n")
            report.take([_mended("the file", "the index")])
        else:
            report.take(
                [error("ledger-not-mended", "the ledger", "Neither copy is proved; both stay.",
                       "Restore ledger.jsonl and ledger.key from the backup of the home.")]
            )  # fmt: skip
    return report.findings


class _Wrong:
    """Counts findings by the copy that they speak against, as they pass."""

    def __init__(self, findings: Iterator[Finding]) -> None:
        self._findings = findings
        self.where = {IN_FILE: 0, IN_TABLE: 0}
        self.forked = False
        self.total = 0

    def __iter__(self) -> Iterator[Finding]:
        for finding in self._findings:
            self.total += 1
            self.forked |= finding.rule == "ledger-copies-differ"
            for where in self.where:
                # What one copy merely lacks at its end does not speak against the rest of it.
                self.where[where] += finding.subject.endswith(f"({where})")
            yield finding


def _compare(
    checks: dict[str, ChainCheck],
    lines: Iterator[str | None],
    rows: Iterator[tuple[int, str]],
) -> Iterator[Finding]:
    """Check both copies and yield what is wrong in either, and where they are not the same."""
    in_file, in_table = checks[IN_FILE], checks[IN_TABLE]
    only = _Runs()
    line, row = _next_line(in_file, lines), _next_row(in_table, rows)
    while line is not None or row is not None:
        if row is None or (line is not None and in_file.place < in_table.place):
            assert line is not None  # noqa: S101 - one of them goes on
            yield from line
            yield from only.take(IN_FILE, in_file.place)
            line = _next_line(in_file, lines)
        elif line is None or in_table.place < in_file.place:
            yield from row
            yield from only.take(IN_TABLE, in_table.place)
            row = _next_row(in_table, rows)
        else:
            yield from only.close()
            yield from line
            yield from row
            if in_file.digest != in_table.digest and not line and not row:
                yield error(
                    "ledger-copies-differ",
                    f"entry {in_file.place}",
                    "File and table each have another entry of this number, and either looks "
                    "whole: one of them was written by somebody who has the key.",
                    "Compare with a backup and with heads on printed labels and reports.",
                )
            line, row = _next_line(in_file, lines), _next_row(in_table, rows)
    yield from only.close()


def _next_line(check: ChainCheck, lines: Iterator[str | None]) -> list[Finding] | None:
    """Take the next line of the file; return what is wrong with it, None at the end."""
    for line in lines:
        return list(check.take(line or ""))
    return None


def _next_row(check: ChainCheck, rows: Iterator[tuple[int, str]]) -> list[Finding] | None:
    for position, line in rows:
        return list(check.take(line, position))
    return None


class _Runs:
    """Joins entries that one copy alone has into runs."""

    def __init__(self) -> None:
        self._where, self._first, self._last = "", 0, 0

    def take(self, where: str, number: int) -> Iterator[Finding]:
        if self._where == where and number == self._last + 1:
            self._last = number
            return
        yield from self.close()
        self._where, self._first, self._last = where, number, number

    def close(self) -> Iterator[Finding]:
        if not self._where:
            return
        one = self._first == self._last
        entries = f"entry {self._first}" if one else f"entries {self._first} to {self._last}"
        yield error(
            "ledger-one-copy",
            entries,
            f"The {self._where} alone has {'it' if one else 'them'}: removed from the other copy, "
            "or added to this one.",
            "`mediastation reindex` mends a copy from the other one where that is proved.",
        )
        self._where = ""


def _place_of(
    wanted: LedgerHead, checks: dict[str, ChainCheck], report: LedgerReport
) -> Iterator[Finding]:
    places = {check.found_at for check in checks.values()} - {None}
    report.found_at = next(iter(places), None)
    if report.found_at is None:
        yield error(
            "ledger-head",
            wanted.short,
            "This head does not lie on the chain: what was recorded up to it was removed or "
            "changed, or it is that of another station.",
            "Check how it was typed. Then compare with a backup of ledger.jsonl.",
        )
    elif wanted.count not in {0, report.found_at}:
        yield error(
            "ledger-head",
            wanted.short,
            f"The chain has this hash at entry {report.found_at}, not {wanted.count}.",
            "Check how it was typed.",
        )


def _table_from_file(log: Ledger, connection: Connection, size_bytes: int) -> None:
    lift_guards(connection)
    connection.execute(delete(ledger))
    batch: list[tuple[int, str]] = []
    for number, line in enumerate(log.file.lines(size_bytes), start=1):
        batch.append((number, line or ""))
        if len(batch) == _BATCH:
            insert_lines(connection, iter(batch))
            batch = []
    if batch:
        insert_lines(connection, iter(batch))
    set_guards(connection)


def _highest(connection: Connection) -> int:
    return int(connection.execute(select(func.max(ledger.c.position))).scalar() or 0)


def _mended(spoiled: str, source: str) -> Finding:
    return warning(
        "ledger-mended",
        spoiled,
        f"It was made anew from {source}, every entry of which is proved.",
        "What was found before stands in the ledger as an alert.",
    )
