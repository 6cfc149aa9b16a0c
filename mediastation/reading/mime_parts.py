"""The parts of a MIME entity, in their order and to any depth that makes sense (RFC 2046, 5.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.finding import error
from mediastation.reading.contract import MAX_FILES
from mediastation.reading.findings import FindingLog
from mediastation.reading.mime_header import (
    MimeHeader,
    find_header,
    mailbox_line_bytes,
)
from mediastation.reading.random_access import ReadAt

MAX_NESTING = 8
"""Entities inside entities; each level is read through once more."""

_CHUNK_BYTES = 1 << 20
_TAIL_BYTES = 128
_LONGEST_BOUNDARY = 200
_DELIMITER_TAIL = re.compile(rb"(--)?[ \t]{0,100}(?:\r?\n|\Z)")


@dataclass(frozen=True, slots=True)
class Part:
    """An entity: its header, where its body lies, and where that of the entity around it does.

    `within` is negative for what lies in no other entity.
    """

    header: MimeHeader
    start: int
    end: int
    within: int = -1


def find_root(read_at: ReadAt, size_bytes: int, log: FindingLog) -> Part | None:
    """Return the whole message, behind the line that a mailbox puts in front; None if it is none.

    `OSError` passes through, here and in `iter_leaves`.
    """
    return _read_part(read_at, mailbox_line_bytes(read_at), size_bytes, log)


def iter_leaves(read_at: ReadAt, root: Part, log: FindingLog) -> Iterator[Part]:
    """Yield the entities that consist of no others; what does, messages too, is entered."""
    seen = 0
    open_entities = [iter((root,))]
    while open_entities:
        part = next(open_entities[-1], None)
        if part is None:
            open_entities.pop()
            continue
        seen += 1
        if seen > MAX_FILES:
            log.add(error("too-many-files", "", f"more than {MAX_FILES} parts"))
            return
        is_message = part.header.media_type == "message/rfc822"
        if not part.header.is_multipart and not is_message:
            yield part
        elif len(open_entities) > MAX_NESTING:
            log.add(error("too-deep", "", f"more than {MAX_NESTING} entities inside each other"))
        elif is_message:
            inner = _read_part(read_at, part.start, part.end, log, part.start)
            open_entities.append(iter(() if inner is None else (inner,)))
        else:
            open_entities.append(_iter_parts(read_at, part, log))


def _read_part(
    read_at: ReadAt, start: int, end: int, log: FindingLog, within: int = -1
) -> Part | None:
    found = find_header(read_at, start, end)
    if found is None:
        log.add(error("mime-header", "", f"the header at byte {start} does not end; left out"))
        return None
    header, body = found
    return Part(header, body, end, within)


def _iter_parts(read_at: ReadAt, of: Part, log: FindingLog) -> Iterator[Part]:
    """Yield the parts of a multipart entity."""
    boundary = of.header.boundary.rstrip().encode("utf-8", "replace")
    if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
        log.add(error("mime-boundary", "", "an entity of several parts does not say what parts it"))
        return
    begin = -1
    for end, behind, is_final in iter_delimiters(read_at, of.start, of.end, boundary):
        # Two delimiters may share a line end: then nothing is between them.
        if begin >= 0 and (part := _read_part(read_at, begin, max(begin, end), log, of.start)):
            yield part
        begin = behind
        if is_final:
            return
    if begin < 0:
        log.add(error("mime-boundary", "", "none of the parts that the header speaks of is there"))
        return
    log.add(
        error(
            "mime-end", "", "it breaks off: what ends the last part is missing, and maybe more",
            "have it sent again",
        )
    )  # fmt: skip
    if part := _read_part(read_at, begin, of.end, log, of.start):
        yield part


def iter_delimiters(
    read_at: ReadAt, start: int, end: int, boundary: bytes
) -> Iterator[tuple[int, int, bool]]:
    """Yield where content ends in front of each delimiter, what follows, and if it is the last."""
    sought = b"\n--" + boundary
    # The first one may follow the header's blank line at once.
    base, position = max(start - 1, 0), 0
    data = read_at(base, min(_CHUNK_BYTES, end - base))
    while True:
        at = data.find(sought, position)
        at_end = base + len(data) >= end
        if at < 0 and at_end:
            return
        if not at_end and (at < 0 or at + len(sought) + _TAIL_BYTES > len(data)):
            # One byte more: a CR in front belongs to the delimiter, too.
            step = (len(data) - len(sought) if at < 0 else at) - 1
            if step <= 0:
                return
            base, position = base + step, 1
            data = read_at(base, min(_CHUNK_BYTES, end - base))
            continue
        tail = _DELIMITER_TAIL.match(data, at + len(sought))
        if tail is None:
            position = at + 1
            continue
        content_end = base + at - (at > 0 and data[at - 1 : at] == b"\r")
        yield content_end, base + tail.end(), tail[1] is not None
        # The line end may be that of the next one, too.
        position = max(tail.end() - 1, at + 1)
