"""Header of a MIME entity: the few fields that say what a part is (RFC 2045, 2047, 2183, 2231)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email.errors import MessageError
from email.header import decode_header, make_header
from urllib.parse import unquote, unquote_to_bytes

from mediastation.reading.random_access import RandomAccess, ReadAt

MAX_HEADER_BYTES = 1 << 16
"""A longer header is none."""

_FIRST_READ_BYTES = 1 << 12
_LONGEST_WORDS = 256
_LONGEST_CHARSET_BYTES = 4096
"""Of a parameter in a character set of its own: some sets cost the square of the length."""
_BLANK_LINE = re.compile(rb"(?:\A|\n)\r?\n")
_FOLDED = re.compile(r"\r?\n(?=[ \t])")
_MAILBOX_LINE = re.compile(rb"From [^\r\n]{0,998}\r?\n")
_FIELD = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
# A quoted string that is never closed ends with the field: no text is looked at twice.
_PARAMETER = re.compile(
    r';\s*+([^\s=;"*]++)(?:\*([0-9]{1,3}))?(\*)?\s*+=\s*+(?:"((?:[^"\\]|\\.)*+)(?:"|\Z)|([^\s;]*+))',
    re.DOTALL,
)
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_DICM_OFFSET = 128


@dataclass(frozen=True, slots=True)
class MimeHeader:
    """What the header of an entity says of it; empty where it says nothing.

    Parameters
    ----------
    media_type : str
        In lower case, ``text/plain`` where there is none.
    boundary : str
        Of a multipart entity.
    identifier : str
        Parameter ``id``: the File ID of an ``application/dicom`` part.
    file_name : str
        What a mail program would save it as.
    location : str
        Content-Location, where it is relative.
    encoding : str
        Content-Transfer-Encoding in lower case.
    subject : str
        Of a message.
    says_mime : bool
        Whether there is a MIME-Version or a Content-Type.
    name, start, root_type : str
        Parameters ``name``, ``start`` and ``type`` of Content-Type.
    disposition, saved_as : str
        Content-Disposition in lower case, and its ``filename``.
    content_id : str
        With its angle brackets.
    version : str
        MIME-Version.
    protocol : str
        Parameter of Content-Type, in lower case: what proves the parts of
        ``multipart/signed``.
    """

    media_type: str = "text/plain"
    boundary: str = ""
    identifier: str = ""
    file_name: str = ""
    location: str = ""
    encoding: str = ""
    subject: str = ""
    says_mime: bool = False
    name: str = ""
    start: str = ""
    root_type: str = ""
    disposition: str = ""
    saved_as: str = ""
    content_id: str = ""
    version: str = ""
    protocol: str = ""

    @property
    def is_multipart(self) -> bool:
        """Whether it consists of parts."""
        return self.media_type.startswith("multipart/")


def find_header(read_at: ReadAt, start: int, end: int) -> tuple[MimeHeader, int] | None:
    """Return the header at `start`, and where the body begins; None if it does not end."""
    for length in (_FIRST_READ_BYTES, MAX_HEADER_BYTES):
        data = read_at(start, min(length, end - start))
        if found := _BLANK_LINE.search(data):
            return _read_header(data[: found.start()]), start + found.end()
        if start + len(data) >= end:
            return _read_header(data), end
    return None


def mailbox_line_bytes(read_at: ReadAt) -> int:
    """Return the length of the line with which mailboxes begin a message; 0 if there is none."""
    found = _MAILBOX_LINE.match(read_at(0, _FIRST_READ_BYTES))
    return found.end() if found else 0


def looks_mime(access: RandomAccess) -> bool:
    """Tell whether a file begins with the header of a MIME entity or an e-mail."""
    read_at = access.read_at
    start = read_at(0, _FIRST_READ_BYTES)
    skipped = mailbox_line_bytes(read_at)
    if start[_DICM_OFFSET : _DICM_OFFSET + 4] == b"DICM" or not _FIELD.match(start, skipped):
        return False
    found = find_header(read_at, skipped, access.size_bytes)
    return found is not None and found[0].says_mime


def _read_header(data: bytes) -> MimeHeader:
    fields: dict[str, str] = {}
    for line in _FOLDED.sub("", data.decode("utf-8", "replace")).splitlines():
        name, colon, value = line.partition(":")
        if colon:
            fields.setdefault(name.strip().lower(), value.strip())
    kind = fields.get("content-type", "")
    parameters = _parameters(kind)
    disposition = fields.get("content-disposition", "")
    disposed = _parameters(disposition)
    location = fields.get("content-location", "")
    return MimeHeader(
        media_type=kind.partition(";")[0].strip().lower() or "text/plain",
        boundary=parameters.get("boundary", ""),
        identifier=parameters.get("id", ""),
        file_name=_words(disposed.get("filename") or parameters.get("name", "")),
        location="" if ":" in location else unquote(location),
        encoding=fields.get("content-transfer-encoding", "").partition(";")[0].strip().lower(),
        subject=_words(fields.get("subject", "")),
        says_mime=bool(kind) or "mime-version" in fields,
        name=parameters.get("name", ""),
        start=parameters.get("start", ""),
        root_type=parameters.get("type", "").lower(),
        disposition=disposition.partition(";")[0].strip().lower(),
        saved_as=disposed.get("filename", ""),
        content_id=fields.get("content-id", ""),
        version=fields.get("mime-version", ""),
        protocol=parameters.get("protocol", "").lower(),
    )


def _parameters(field: str) -> dict[str, str]:
    """Return the parameters of a field, those that go on in several put together (RFC 2231)."""
    found: dict[str, str] = {}
    pieces: dict[str, dict[int, tuple[str, bool]]] = {}
    for match in _PARAMETER.finditer(field):
        name, number, encoded, quoted, plain = match.groups()
        name = name.lower()
        value = plain if quoted is None else _ESCAPED.sub(r"\1", quoted)
        if number is None and not encoded:
            found.setdefault(name, value)
        else:
            pieces.setdefault(name, {}).setdefault(int(number or 0), (value, bool(encoded)))
    for name, numbered in pieces.items():
        found.setdefault(name, _joined(list(_consecutive(numbered))))
    return found


def _consecutive(numbered: dict[int, tuple[str, bool]]) -> Iterator[tuple[str, bool]]:
    for number in range(len(numbered)):
        if number not in numbered:
            return
        yield numbered[number]


def _joined(pieces: list[tuple[str, bool]]) -> str:
    charset = "utf-8"
    if pieces and pieces[0][1] and pieces[0][0].count("'") >= 2:
        charset, _, rest = pieces[0][0].split("'", 2)
        pieces[0] = (rest, True)
    data = b"".join(
        unquote_to_bytes(value) if encoded else value.encode("utf-8", "replace")
        for value, encoded in pieces
    )
    if len(data) > _LONGEST_CHARSET_BYTES:
        charset = "utf-8"
    try:
        return data.decode(charset or "utf-8", "replace")
    except (LookupError, ValueError):
        return data.decode("utf-8", "replace")


def _words(text: str) -> str:
    """Return `text` with its encoded words decoded (RFC 2047), as it is where they are damaged."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text[:_LONGEST_WORDS])))
    except (MessageError, LookupError, ValueError):
        return text
