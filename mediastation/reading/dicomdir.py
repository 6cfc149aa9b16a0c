"""A tolerant parser of the DICOMDIR (PS3.3 Annex F, PS3.10 8.6).

The Directory Records are read where they lie, then the tree is walked by
offsets, which alone define it. Nothing recurses, the file is seen through a
window, and keys stay in the file until they are asked for: a hundred thousand
records cost tens of megabytes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import BinaryIO, NamedTuple

from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.model.transfer_syntax import EXPLICIT_LE as EXPLICIT_LE_UID
from mediastation.reading.directory_record import MAX_KEY_BYTES, DirectoryRecord, Key
from mediastation.reading.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    ElementCursor,
    Encoding,
    Window,
    show_tag,
    text_value,
)
from mediastation.reading.file_meta import encoding_of, is_enveloped, read_file_meta
from mediastation.reading.findings import FindingLog
from mediastation.reading.items import iter_items
from mediastation.reading.record_elements import MAX_TEXT, iter_record_elements, read_record
from mediastation.reading.record_tree import SUBJECT, RecordTree, walk_records

MAX_RECORDS = 600_000
"""As many as a medium of `MAX_FILES` files can need."""

MAX_HEAD_ELEMENTS = 1000
"""Elements beside the Directory Record Sequence that are remembered; the standard has seven."""

MAX_COPIED_BYTES = 1 << 24
"""The longest element or record that is copied; icons take a few thousand bytes."""

_SEQUENCE_AT = 0x00041220


class RawElement(NamedTuple):
    """One element as it lies in the file: `encoded` in all, `value` its value field."""

    tag: int
    vr: str
    encoded: bytes
    value: bytes


@dataclass(slots=True)
class Dicomdir:
    """What a DICOMDIR says, right or wrong.

    Parameters
    ----------
    records : list of DirectoryRecord
        In physical order.
    tree : RecordTree
        How they hang together by their offsets.
    findings : tuple of Finding
        What was wrong or tolerated while reading and walking.
    writer : str
        Implementation Version Name of whoever wrote it.
    window, encoding
        Through what the file is seen, and how its data set is encoded.
    """

    file_set_uid: str = ""
    sop_class_uid: str = ""
    transfer_syntax_uid: str = ""
    file_set_id: str = ""
    first_root: int | None = None
    last_root: int | None = None
    consistency: int | None = None
    has_directory: bool = False
    enveloped: bool = False
    writer: str = ""
    records: list[DirectoryRecord] = field(default_factory=list)
    tree: RecordTree = field(default_factory=RecordTree)
    findings: tuple[Finding, ...] = ()
    window: Window = field(default_factory=lambda: Window(b""), repr=False)
    encoding: Encoding = EXPLICIT_LE
    _head: list[tuple[int, int, int]] = field(default_factory=list, repr=False)

    def iter_tree(self) -> Iterator[tuple[int, DirectoryRecord]]:
        """Yield level and record, each record before its children, siblings in their order."""
        for index in self.tree.order:
            yield self.tree.levels[index], self.records[index]

    def keys(self, record: DirectoryRecord) -> dict[int, Key]:
        """Read the elements of `record` outside group 0004; the source must still be open."""
        return {
            tag: Key(vr, length, self.window.read(value_at, min(length, MAX_KEY_BYTES)))
            for tag, vr, value_at, length in self._elements(record)
            if tag >> 16 != 4
        }

    def items(self, record: DirectoryRecord, *path: int) -> Iterator[dict[int, Key]]:
        """Read the items of a sequence in `record`; the source must still be open.

        Parameters
        ----------
        path : int
            The sequence's tag; further ones go down, through the items of each.

        Raises
        ------
        ValueError
            If a sequence is not well-formed; what comes before is yielded.
        """
        spans = [(at, length) for tag, _, at, length in self._elements(record) if tag == path[0]]
        for tag in path[1:]:
            spans = [
                (item[tag].value_at, item[tag].length)
                for span in spans
                for item in iter_items(self.window, *span, self.encoding)
                if tag in item
            ]
        for span in spans:
            for item in iter_items(self.window, *span, self.encoding):
                yield {
                    tag: Key(vr, length, self.window.read(value_at, min(length, MAX_KEY_BYTES)))
                    for tag, vr, value_at, length in item.values()
                }

    def _elements(self, record: DirectoryRecord) -> Iterator[tuple[int, str, int, int]]:
        cursor = ElementCursor(self.window, record.body, record.end, self.encoding)
        return iter_record_elements(self.window, cursor)

    @property
    def is_copyable(self) -> bool:
        """Whether its elements are encoded as a DICOMDIR has to be, so that bytes can be copied."""
        return self.encoding == EXPLICIT_LE

    def raw_elements(self, record: DirectoryRecord) -> Iterator[RawElement]:
        """Yield the elements of `record` byte for byte; the source must still be open.

        Raises
        ------
        ValueError
            If the record is longer than `MAX_COPIED_BYTES`.
        """
        if record.end - record.body > MAX_COPIED_BYTES:
            raise ValueError(f"{record.label} has {record.end - record.body} bytes")
        yield from self._raw(record.body, record.end)

    def raw_head(self) -> Iterator[RawElement]:
        """Yield the data set's elements outside the Directory Record Sequence, byte for byte.

        Raises
        ------
        ValueError
            If one is longer than `MAX_COPIED_BYTES`.
        """
        for tag, start, end in self._head:
            if end - start > MAX_COPIED_BYTES:
                raise ValueError(f"{show_tag(tag)} has {end - start} bytes")
            yield from self._raw(start, end)

    def _raw(self, start: int, end: int) -> Iterator[RawElement]:
        cursor = ElementCursor(self.window, start, end, self.encoding)
        for tag, vr, value_at, length in iter_record_elements(self.window, cursor):
            encoded = self.window.read(start, value_at + length - start)
            yield RawElement(tag, vr, encoded, encoded[value_at - start :])
            start = value_at + length


def read_dicomdir(source: BinaryIO | bytes) -> Dicomdir:
    """Read a DICOMDIR, whatever is wrong with it.

    Explicit VR Little Endian is what the standard demands; Implicit VR, Big
    Endian and files without preamble are read too and reported. What is not
    DICOM at all gives no records and a finding.

    Parameters
    ----------
    source : binary stream or bytes
        Seekable; kept for `Dicomdir.keys`. `OSError` from it passes through.
    """
    window = Window(source)
    log = FindingLog()
    directory = Dicomdir(window=window)
    start = _read_meta(window, directory, log)
    if start >= 0:
        directory.encoding = _sniff(window, start, directory, log)
        _read_dataset(window, start, directory, log)
        first, last = directory.first_root or 0, directory.last_root or 0
        directory.tree = walk_records(directory.records, first, last, log)
    directory.findings = tuple(log)
    return directory


def _read_meta(window: Window, directory: Dicomdir, log: FindingLog) -> int:
    """Take what the file meta says; return where the data set begins, -1 for no DICOM."""
    meta = read_file_meta(window)
    if not meta.has_prefix:
        front = window.read(0, 32)
        if is_enveloped(front):
            directory.enveloped = True
            log.add(
                note(
                    "enveloped",
                    SUBJECT,
                    "it is a secure envelope, so nothing in it can be read here",
                    "give `verify` the password or key, or take the files out with `open`",
                    "PS3.15 D.1",
                )
            )
            return -1
        if front[:4] in {b"\x04\x00\x30\x11", b"\x04\x00\x00\x12", b"\x08\x00\x05\x00"}:
            log.add(
                error(
                    "no-preamble", SUBJECT, "has neither preamble nor file meta", "", "PS3.10 7.1"
                )
            )
            return 0
        log.add(
            error(
                "not-dicom",
                SUBJECT,
                "is no DICOM file",
                "look at the files themselves: import can scan them",
                "PS3.10 7.1",
            )
        )
        return -1
    directory.sop_class_uid = meta.sop_class_uid
    directory.file_set_uid = meta.sop_instance_uid
    directory.writer = meta.writer
    directory.transfer_syntax_uid = meta.transfer_syntax_uid
    for fault in meta.faults:
        log.add(error("file-meta", SUBJECT, fault, reference="PS3.10 Table 7.1-1"))
    if meta.sop_class_uid != MEDIA_STORAGE_DIRECTORY:
        log.add(
            error(
                "not-a-directory",
                SUBJECT,
                f"its SOP Class is {meta.sop_class_uid or 'not given'}",
                reference="PS3.10 8.6",
            )
        )
    if meta.transfer_syntax_uid != EXPLICIT_LE_UID:
        log.add(
            error(
                "transfer-syntax",
                SUBJECT,
                f"its transfer syntax is {meta.transfer_syntax_uid or 'not given'}",
                "strict readers refuse it; write the directory anew",
                "PS3.10 8.6",
            )
        )
    return meta.dataset_offset


def _sniff(window: Window, start: int, directory: Dicomdir, log: FindingLog) -> Encoding:
    """Return the encoding that the first element is written in."""
    stated = encoding_of(directory.transfer_syntax_uid)
    for encoding in dict.fromkeys((stated, EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE)):
        header = ElementCursor(window, start, window.size_bytes, encoding).header()
        if header is None or header.tag >> 16 not in {4, 8}:
            continue
        if header.length == UNDEFINED or header.length > window.size_bytes:
            continue
        if encoding != stated:
            log.add(
                error(
                    "transfer-syntax",
                    SUBJECT,
                    "the data set is not encoded as its transfer syntax says",
                    reference="PS3.10 7.2",
                )
            )
        return encoding
    return stated


def _read_dataset(window: Window, start: int, directory: Dicomdir, log: FindingLog) -> None:
    encoding = directory.encoding
    order = "big" if encoding.big_endian else "little"
    cursor = ElementCursor(window, start, window.size_bytes, encoding)

    def number(value_at: int, length: int) -> int:
        return int.from_bytes(window.read(value_at, min(length, 4)), order)  # type: ignore[arg-type]

    seen = set()
    while header := cursor.header():
        seen.add(header.tag)
        if header.tag == _SEQUENCE_AT:
            directory.has_directory = True
            end = (
                window.size_bytes if header.length == UNDEFINED else header.value_at + header.length
            )
            cursor.at = _read_items(window, header.value_at, end, directory, log)
            if cursor.at < 0:
                return
            continue
        start = cursor.at
        element = cursor.next()
        if element is None:
            break
        tag, _, value_at, length = element
        if len(directory._head) < MAX_HEAD_ELEMENTS:
            directory._head.append((tag, start, cursor.at))
        if tag == 0x00041130:
            directory.file_set_id = text_value(window.read(value_at, min(length, MAX_TEXT)))
        elif tag == 0x00041200:
            directory.first_root = number(value_at, length)
        elif tag == 0x00041202:
            directory.last_root = number(value_at, length)
        elif tag == 0x00041212:
            directory.consistency = number(value_at, length)
    if cursor.fault:
        log.add(
            error(
                "truncated-directory",
                SUBJECT,
                f"it cannot be read beyond byte {cursor.at}: {cursor.fault}",
                "records may be lost: let import scan the files themselves",
                "PS3.5 7.1",
            )
        )
    if not directory.has_directory and not cursor.fault:
        log.add(
            warning("no-directory", SUBJECT, "has no Directory Information module", "", "PS3.3 F.3")
        )
    for tag in (0x00041130, 0x00041200, 0x00041202, 0x00041212):
        if tag not in seen and (tag == 0x00041130 or directory.has_directory):
            log.add(
                error(
                    "directory-element", SUBJECT, f"{show_tag(tag)} is missing", "", "PS3.3 F.3.2"
                )
            )


def _read_items(window: Window, at: int, end: int, directory: Dicomdir, log: FindingLog) -> int:
    """Read the Directory Record Sequence; return the byte behind it, -1 if it breaks off."""

    def broken(position: int, why: str) -> int:
        log.add(
            error(
                "truncated-directory",
                SUBJECT,
                f"the records break off at byte {position}, after {len(directory.records)}: {why}",
                "records may be lost: let import scan the files themselves",
                "PS3.3 F.3.2.2",
            )
        )
        return -1

    texts: dict[bytes, str] = {}
    limit = min(end, window.size_bytes)
    while at < limit:
        cursor = ElementCursor(window, at, limit, directory.encoding)
        header = cursor.header()
        if header is None:
            return broken(at, cursor.fault)
        if header.tag == SEQUENCE_END:
            return header.value_at
        if header.tag != ITEM:
            return broken(at, f"{show_tag(header.tag)} where a record should begin")
        if len(directory.records) >= MAX_RECORDS:
            log.add(error("too-many-records", SUBJECT, f"more than {MAX_RECORDS} records"))
            return -1
        record = DirectoryRecord(at, body=header.value_at)
        undefined = header.length == UNDEFINED
        item_end = limit if undefined else header.value_at + header.length
        body = ElementCursor(window, header.value_at, min(item_end, limit), directory.encoding)
        ordered = read_record(window, body, record, texts)
        record.end = body.at
        directory.records.append(record)
        if not ordered:
            log.add(
                error(
                    "element-order", record.label, "its elements are not in order", "", "PS3.5 7.1"
                )
            )
        if body.fault:
            if undefined or item_end > limit:
                return broken(body.at, body.fault)
            log.add(
                error(
                    "malformed-record",
                    record.label,
                    f"it is malformed: {body.fault}",
                    "",
                    "PS3.5 7",
                )
            )
        elif item_end > limit and not undefined:
            return broken(body.at, "the last record is cut off")
        at = body.at if undefined else item_end
    if end > window.size_bytes:
        return broken(at, "the file ends inside the sequence")
    return at
