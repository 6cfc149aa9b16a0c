"""The ledger: entries that are added and never changed, in a file and in the index.

The file is the record, the table is for searching it. Under the catalog's
write lock, which takes processes in turn, a line is made durable in the file
first; then its row is committed. So wherever a process is killed:

- before the line has its end: it is cut off, nothing was recorded;
- between line and commit: the file is ahead, and whoever comes next fills the
  row in. The entry stands, though whoever wrote it was never told;
- the table is ahead of the file: no kill does that. Somebody cut the file.

Whoever is told of an entry can rely on both. An index that was lost, or set
back by a power cut, is filled from the file in the same way.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Connection, LargeBinary, Select, cast, insert, select

from mediastation.catalog.catalog import Catalog, streamed
from mediastation.catalog.guards import lift_guards, set_guards
from mediastation.catalog.ledger_file import Added, LedgerFile
from mediastation.catalog.ledger_key import OLD_KEY_NAME, make_key, read_key, read_keys
from mediastation.catalog.schema import ledger
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.ledger import (
    NO_HEAD,
    LedgerEntry,
    LedgerEvent,
    LedgerHead,
    digest_of_line,
    key_name,
    line_of,
    sealed_line,
    split_line,
)
from mediastation.model.ledger_chain import ChainCheck, Keys

IN_FILE = "file"
IN_TABLE = "table"
_BATCH = 500


@dataclass(frozen=True, slots=True)
class Settled:
    """How file and table stand to each other, with the write lock held.

    `head` is that of the last entry which can be relied on, `next_number` one
    that neither copy has. `filled` rows were put into the table. `file_has_all`
    says that no row is ahead of the file.
    """

    head: LedgerHead
    next_number: int
    filled: int = 0
    findings: tuple[Finding, ...] = ()
    file_has_all: bool = True


@dataclass(slots=True)
class _Tail:
    """Gathers what both copies have to say about the end of the chain."""

    head: LedgerHead = NO_HEAD
    highest: int = 0
    filled: int = 0
    findings: list[Finding] = field(default_factory=list)
    file_has_all: bool = True

    def settled(self) -> Settled:
        return Settled(
            self.head, self.highest + 1, self.filled, tuple(self.findings), self.file_has_all
        )


class Ledger:
    """The ledger of one catalog. Safe to share between threads and processes."""

    def __init__(self, catalog: Catalog) -> None:
        self.catalog = catalog
        self.file = LedgerFile(catalog.home)

    def append(self, draft: LedgerEntry) -> tuple[list[LedgerEntry], LedgerHead]:
        """Record `draft` and return the entries that were written, and the new head.

        Its number, key and ``before`` are given here. Where something had to
        be found out about the ledger itself, an alert about it is written in
        front.

        Raises
        ------
        MediaError
            If the disk refuses, or the key is damaged. Nothing is recorded then.
        """
        lines: list[str] = []
        added = None
        try:
            with self.catalog.writing() as connection:
                settled = self.settle(connection)
                key = read_key(self.catalog.home)
                findings = list(settled.findings)
                if key is None:
                    key = make_key(self.catalog.home)
                    if settled.next_number > 1:
                        findings.append(_new_key(key_name(key), settled.next_number - 1))
                drafts = [draft]
                if any(finding.severity is not Severity.NOTE for finding in findings):
                    drafts.insert(0, alert_of(draft, findings))
                written = []
                number, before = settled.next_number, settled.head.sha256
                for one in drafts:
                    entry = replace(one, number=number, key=key_name(key), before=before)
                    line = sealed_line(entry.body(), key)
                    lines.append(line)
                    written.append(entry)
                    number, before = number + 1, digest_of_line(line)
                added = self.file.append("\n".join(lines))
                insert_lines(connection, ((entry.number, line) for entry, line in
                                          zip(written, lines, strict=True)))  # fmt: skip
        except BaseException:
            if added is not None:
                self._take_back(added, _number_of(lines[0]))
            raise
        return written, LedgerHead(written[-1].number, before)

    def head(self) -> LedgerHead:
        """Return the head of the chain as the table has it; a count of 0 where it is empty."""
        with self.catalog.reading() as connection:
            row = _last_row(connection)
        return NO_HEAD if row is None else LedgerHead(row[0], digest_of_line(row[1]))

    def entries(
        self,
        *,
        newest_first: bool = False,
        after: int = 0,
        before: int | None = None,
        containing: str = "",
    ) -> Iterator[LedgerEntry]:
        """Yield the entries behind number `after` as the table has them, unproved.

        Only those are read that stand in front of number `before`, and whose text has
        `containing` in it. Rows that are no entries any more are left out: verification tells
        them.
        """
        order = ledger.c.position.desc() if newest_first else ledger.c.position
        query = select(ledger.c.body).where(ledger.c.position > after).order_by(order)
        if before is not None:
            query = query.where(ledger.c.position < before)
        if containing:
            query = query.where(ledger.c.body.contains(containing, autoescape=True))
        with (
            self.catalog.reading() as connection,
            streamed(connection, _as_bytes(query, connection), _BATCH) as rows,
        ):
            for row in rows:
                try:
                    yield LedgerEntry.from_body(_text(row[0]))
                except ValueError:
                    continue

    def settle(self, connection: Connection) -> Settled:
        """Bring file and table in step as far as that is honest; `connection` can write.

        What only the file has is filled into the table. What only the table
        has stays where it is and is told.
        """
        row, (last, end) = _last_row(connection), self.file.last_line()
        if last is not None and row is not None and last == row[1]:
            settled = Settled(LedgerHead(row[0], digest_of_line(last)), row[0] + 1)
        elif row is None and end == 0:
            settled = Settled(NO_HEAD, 1)
        else:
            settled = self._compare_ends(connection, row, end)
        # Half a line is what a killed process leaves. Where the table is ahead it is
        # something else, and stays as it was found.
        if settled.file_has_all and self.file.size() > end:
            self.file.cut_behind(end)
        return settled

    def _compare_ends(
        self, connection: Connection, row: tuple[int, str] | None, end: int
    ) -> Settled:
        """Go through the file once: rare, and linear."""
        keys = Keys(read_keys(self.catalog.home))
        in_table = 0 if row is None else row[0]
        tail = _Tail(highest=in_table)
        if row is not None and _may_be_followed(row[1], keys):
            tail.head = LedgerHead(in_table, digest_of_line(row[1]))
        check = ChainCheck(IN_FILE, keys)
        batch: list[tuple[int, str]] = []
        for line in self.file.lines(end):
            wrong = list(check.take(line or ""))
            if len(tail.findings) < _BATCH:
                tail.findings += wrong
            if check.entry is None or (wrong and not check.is_proved):
                continue
            if check.place >= tail.head.count:
                tail.head = LedgerHead(check.place, check.digest)
            if check.place > tail.highest:
                tail.highest = check.place
                batch.append((check.place, line or ""))
            if len(batch) == _BATCH:
                tail.filled += _fill(connection, batch)
                batch = []
        tail.filled += _fill(connection, batch)
        if check.place < in_table:
            tail.file_has_all = False
            tail.findings.append(_file_cut(check.place + 1, in_table))
        if tail.filled:
            tell = note if tail.filled == 1 else warning
            tail.findings.append(tell("ledger-filled", "the index", _filled(tail.filled)))
        return tail.settled()

    def _take_back(self, added: Added, number: int) -> None:
        """Cut lines off again whose rows were not committed, unless somebody took them over."""
        # Where even that fails, the next one who comes fills the row in.
        with suppress(MediaError), self.catalog.writing() as connection:
            row = connection.execute(
                select(ledger.c.position).where(ledger.c.position == number)
            ).first()
            if row is None:
                self.file.take_back(added)


def alert_of(draft: LedgerEntry, findings: list[Finding]) -> LedgerEntry:
    """Return an alert about `findings` by whoever made `draft`."""
    told = [finding.as_dict() for finding in findings[:20]]
    facts = {"findings": told, "number_of_findings": len(findings)}
    return replace(draft, event=LedgerEvent.ALERT, facts=facts)


def rows_of(connection: Connection, last: int) -> Iterator[tuple[int, str]]:
    """Yield position and line of every row up to `last`, in order."""
    query = select(ledger.c.position, ledger.c.body, ledger.c.mac)
    query = query.where(ledger.c.position <= last).order_by(ledger.c.position)
    with streamed(connection, _as_bytes(query, connection), _BATCH) as rows:
        for row in rows:
            yield row[0], _line(row[1], row[2])


def insert_lines(connection: Connection, lines: Iterator[tuple[int, str]]) -> None:
    """Insert rows; the lines are whole."""
    rows = []
    for number, line in lines:
        parts = split_line(line)
        assert parts is not None  # noqa: S101 - made here, or checked before
        rows.append({"position": number, "body": parts[0], "mac": parts[1]})
    connection.execute(insert(ledger), rows)


def _fill(connection: Connection, batch: list[tuple[int, str]]) -> int:
    if batch:
        # Where the file itself has a gap, the table gets the same.
        lift_guards(connection)
        insert_lines(connection, iter(batch))
        set_guards(connection)
    return len(batch)


def _last_row(connection: Connection) -> tuple[int, str] | None:
    query = select(ledger.c.position, ledger.c.body, ledger.c.mac)
    query = query.order_by(ledger.c.position.desc()).limit(1)
    row = connection.execute(_as_bytes(query, connection)).first()
    return None if row is None else (row[0], _line(row[1], row[2]))


def _as_bytes(query: Select[Any], connection: Connection) -> Select[Any]:
    """Have SQLite give bytes: a spoiled row may hold what is no text."""
    if connection.dialect.name != "sqlite":
        return query
    columns = [
        column if column.name == "position" else cast(column, LargeBinary)
        for column in query.selected_columns
    ]
    return query.with_only_columns(*columns)


def _line(body: bytes | str, mac: bytes | str) -> str:
    return line_of(_text(body), _text(mac))


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode(errors="replace")


def _may_be_followed(line: str, keys: Keys) -> bool:
    """Tell whether an entry may come behind `line`: nothing shows that it was changed."""
    check = ChainCheck(IN_TABLE, keys)
    list(check.take(line))
    return check.entry is not None


def _number_of(line: str) -> int:
    parts = split_line(line)
    assert parts is not None  # noqa: S101 - made here
    return LedgerEntry.from_body(parts[0]).number


def _new_key(name: str, last: int) -> Finding:
    return error(
        "ledger-key",
        f"entries 1 to {last}",
        f"Their key was gone when the next entry was to be written; a new one was made ({name}).",
        f"Put the older key into the home as {OLD_KEY_NAME}, from its backup: verification "
        "takes it, too.",
    )


def _file_cut(first: int, last: int) -> Finding:
    entries = f"entry {last}" if first == last else f"entries {first} to {last}"
    return error(
        "ledger-missing",
        f"{entries} ({IN_FILE})",
        "The file ends before them; the table still had them.",
        "`mediastation reindex` writes the file anew from the table, if that is intact.",
    )


def _filled(rows: int) -> str:
    if rows == 1:
        return "One entry was in the file only: a command was stopped as it was written."
    return (
        f"{rows:,} entries were in the file only and were put back into the index: it had been "
        "lost, set back, or shortened."
    )
