"""Find the records of a damaged directory by what they look like (PS3.3, F.3.2.2).

`read_dicomdir` believes lengths, as readers do, and stops where they lead
nowhere. Here an item tag in front of an element of group 0004 is believed, and
a length only where another item follows it. The file is gone through once,
from the front to the end.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from mediastation.model.repair import RepairLog
from mediastation.reading.dicomdir import MAX_RECORDS, Dicomdir
from mediastation.reading.directory_record import DirectoryRecord
from mediastation.reading.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    ElementCursor,
    Encoding,
    Window,
)
from mediastation.reading.record_elements import read_record
from mediastation.reading.record_tree import SUBJECT

_CHUNK_BYTES = 1 << 17
_LOOK_BYTES = 16
_VR = rb"(?:UL|US|CS|UI|UN)"
_LOOKS: dict[Encoding, tuple[re.Pattern[bytes], re.Pattern[bytes]]] = {
    encoding: (re.compile(item, re.DOTALL), re.compile(re.escape(first)))
    for encoding, item, first in (
        (
            EXPLICIT_LE,
            rb"\xfe\xff\x00\xe0.{4}\x04\x00.[\x14\x15]" + _VR,
            b"\x04\x00\x00\x14UL\x04\x00",
        ),
        (
            EXPLICIT_BE,
            rb"\xff\xfe\xe0\x00.{4}\x00\x04[\x14\x15]." + _VR,
            b"\x00\x04\x14\x00UL\x00\x04",
        ),
        (
            IMPLICIT_LE,
            rb"\xfe\xff\x00\xe0.{4}\x04\x00.[\x14\x15]..\x00\x00",
            b"\x04\x00\x00\x14\x04\x00\x00\x00",
        ),
    )
}
"""An item whose first element is a Directory Record's own; and the first one that each has."""

_ITEM_HEADER = 8

_BROKEN = frozenset(
    {"truncated-directory", "malformed-record", "not-dicom", "no-directory", "no-preamble"}
)


class _Finder:
    """Looks for places where a record seems to begin; never looks back."""

    def __init__(self, window: Window, encoding: Encoding) -> None:
        self._end = window.size_bytes
        self._places = _iter_places(window, _LOOKS[encoding])
        self._known = -1

    def next(self, at: int) -> int:
        """Return the first such place at or after `at`, the end of the file if there is none."""
        while self._known < at:
            self._known = next(self._places, self._end)
            if self._known == self._end:
                break
        return self._known


def _iter_places(window: Window, looks: tuple[re.Pattern[bytes], ...]) -> Iterator[int]:
    item, first = looks
    at, last = 0, -1
    while at < window.size_bytes:
        chunk = window.read(at, _CHUNK_BYTES)
        places = {at + found.start() for found in item.finditer(chunk)}
        # A record is also known by its first element, whatever became of the item's header.
        places |= {at + found.start() - _ITEM_HEADER for found in first.finditer(chunk)}
        for place in sorted(places):
            if place > last:
                last = place
                yield place
        if len(chunk) <= _LOOK_BYTES:
            return
        at += len(chunk) - _LOOK_BYTES


def salvage_records(directory: Dicomdir, log: RepairLog) -> Dicomdir:
    """Return `directory` with all records that its file holds; itself if they were read already.

    Parameters
    ----------
    directory : Dicomdir
        As it was read; its source must still be open.
    log : RepairLog
        Takes what was wrong.

    Returns
    -------
    Dicomdir
        Its `tree` is that of `directory` and knows nothing of records that
        were found here.
    """
    if directory.enveloped or not _is_suspicious(directory):
        return directory
    encoding = _encoding_of_records(directory)
    if encoding is None:
        return directory
    salvage = _Salvage(directory, encoding, log)
    salvage.run()
    if [record.offset for record in salvage.records] == [
        record.offset for record in directory.records
    ] and encoding == directory.encoding:
        return directory
    if len(salvage.records) != len(directory.records):
        log.add(
            "records-found",
            SUBJECT,
            f"{len(directory.records):,} records can be read by their lengths",
            f"{len(salvage.records):,} records were found",
        )
    if encoding != directory.encoding:
        log.add("encoding", SUBJECT, "the records are encoded otherwise than the rest", "read so")
    return replace(directory, records=salvage.records, encoding=encoding, has_directory=True)


def _is_suspicious(directory: Dicomdir) -> bool:
    """Tell whether reading broke off, or the file has more records than were read."""
    if not _BROKEN.isdisjoint(finding.rule for finding in directory.findings):
        return True
    places = {record.offset for record in directory.records}
    finder = _Finder(directory.window, directory.encoding)
    at = finder.next(0)
    while at < directory.window.size_bytes:
        if at not in places:
            return True
        at = finder.next(at + 1)
    return False


def _encoding_of_records(directory: Dicomdir) -> Encoding | None:
    """Return how most of what looks like the first records is encoded; None if nothing does."""
    window = directory.window
    for encoding in dict.fromkeys((directory.encoding, EXPLICIT_LE, EXPLICIT_BE, IMPLICIT_LE)):
        if _Finder(window, encoding).next(0) < window.size_bytes:
            return encoding
    return None


class _Salvage:
    """One run through the file."""

    def __init__(self, directory: Dicomdir, encoding: Encoding, log: RepairLog) -> None:
        self.records: list[DirectoryRecord] = []
        self._window = directory.window
        self._encoding = encoding
        self._finder = _Finder(directory.window, encoding)
        self._log = log
        self._texts: dict[bytes, str] = {}
        self._first = directory.records[0].offset if directory.records else -1

    def run(self) -> None:
        size = self._window.size_bytes
        found = self._finder.next(0)
        # What was read first may have its elements in a wrong order, and not look like a record.
        at = found if self._first < 0 else min(self._first, found)
        while at < size:
            if len(self.records) >= MAX_RECORDS:
                self._log.add("too-many-records", SUBJECT, f"more than {MAX_RECORDS}", "left out")
                return
            header = self._item_at(at)
            if header is None and self._finder.next(at) == at:
                header = Element(ITEM, "", at + _ITEM_HEADER, size)
            if header is None:
                place = self._finder.next(at)
                if place < size:
                    self._log.add(
                        "skipped-bytes",
                        SUBJECT,
                        f"{place - at:,} bytes at byte {at} that are no record",
                        f"reading goes on with the record at byte {place}",
                    )
                elif self._item_end(at) < size:
                    self._log.add(
                        "trailing-bytes",
                        SUBJECT,
                        f"{size - at:,} bytes behind the records",
                        "left out",
                    )
                at = place
                continue
            at = self._read(at, header)

    def _item_at(self, at: int) -> Element | None:
        header = ElementCursor(self._window, at, self._window.size_bytes, self._encoding).header()
        return header if header is not None and header.tag == ITEM else None

    def _item_end(self, at: int) -> int:
        """Return the place behind the end of the sequence that may lie at `at`."""
        header = ElementCursor(self._window, at, self._window.size_bytes, self._encoding).header()
        return header.value_at if header is not None and header.tag == SEQUENCE_END else at

    def _read(self, at: int, header: Element) -> int:
        """Read the record at `at`; return where to go on, which is behind it."""
        size = self._window.size_bytes
        stated = header.value_at + header.length
        undefined = header.length == UNDEFINED
        believed = not undefined and self._is_end(stated)
        limit = stated if believed else self._finder.next(header.value_at)
        body = ElementCursor(self._window, header.value_at, limit, self._encoding)
        record = DirectoryRecord(at, body=header.value_at)
        read_record(self._window, body, record, self._texts)
        record.end = body.at
        self.records.append(record)
        if body.fault and body.at < limit and self._item_at(body.at) is not None:
            self._tell_length(record, stated, undefined)
            return body.at
        if body.fault and body.at == stated:
            return stated
        if not body.fault and (believed or (undefined and self._is_end(body.at))):
            return max(body.at, stated if believed else 0)
        if limit >= size and (undefined or stated > size):
            self._log.add(
                "cut-record",
                record.label,
                "the file ends inside the record",
                f"what stands before the end: {record.type or 'not even its type'}",
            )
            return size
        if body.fault:
            self._log.add("malformed-record", record.label, body.fault, "what stands before that")
        else:
            self._tell_length(record, stated, undefined)
        return body.at if not believed and self._is_end(body.at) else max(limit, body.at)

    def _tell_length(self, record: DirectoryRecord, stated: int, undefined: bool) -> None:
        self._log.add(
            "item-length",
            record.label,
            "its end is not marked" if undefined else f"its length puts its end at byte {stated}",
            f"its elements end at byte {record.end}",
        )

    def _is_end(self, at: int) -> bool:
        """Tell whether a record may end at `at`: another item, the end of the sequence or file."""
        if at >= self._window.size_bytes:
            return at == self._window.size_bytes
        header = ElementCursor(self._window, at, self._window.size_bytes, self._encoding).header()
        # Behind the last record, elements of the data set may follow the sequence.
        return header is not None and (header.tag in {ITEM, SEQUENCE_END} or header.tag >> 16 == 4)
