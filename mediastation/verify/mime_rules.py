"""DICOM MIME entities as PS3.12 Annex K and RFC 3240 want them, and e-mails (W, PS3.11 L.3.2).

What cannot be read at all the reader says. What the annexes and the RFCs ask
for besides is an error where the entity is ours, and a warning where it is not.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence

from mediastation.model.file_id import MAX_COMPONENTS
from mediastation.model.finding import Finding, Severity
from mediastation.reading.mime_header import MimeHeader
from mediastation.reading.mime_parts import Part
from mediastation.reading.mime_volume import MailVolume, MimeVolume
from mediastation.reading.names import safe_name

_DICOM = "application/dicom"
_DICOMDIR = "DICOMDIR"
_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}", re.ASCII)
_LONGEST_ID = 71
_LONGEST_SUBJECT = 200
_BINARY = frozenset({"base64", "quoted-printable", "binary"})
_ZIP_NAME = "DICOM.ZIP"
_PHRASE = "DICOM-ZIP"
_LONGEST_LINE = 998
_LONGEST_BASE64_LINE = 76
_CHUNK_BYTES = 1 << 20
_COMMENT = re.compile(r"\([^()]*\)")
_AGAIN = "strict receivers may refuse it; make it again"
_K = "PS3.12 K.1.2"
_L = "PS3.11 L.3.2"

_Fault = tuple[str, str, str, str]


def check_mime(volume: MimeVolume | MailVolume, *, strict: bool) -> Iterator[Finding]:
    """Check the entity, the headers of its parts, and its lines; no body is decoded.

    Parameters
    ----------
    volume : MimeVolume or MailVolume
        Opened; its own findings are not repeated, nor is a name that comes
        twice.
    strict : bool
        Whether the entity is ours, so that the annex is the law.

    Yields
    ------
    Finding
        Errors if `strict`, else warnings: ``"mime-version"``,
        ``"mime-lines"``; of a DICOM MIME entity ``"mime-entity"``,
        ``"mime-related"``, ``"mime-id"``, ``"mime-name"``,
        ``"mime-dicomdir"``, ``"mime-encoding"``, ``"mime-content-id"``; of an
        e-mail ``"mail-subject"``, ``"mail-attachment"``.

    Raises
    ------
    OSError
        If it cannot be read.
    """
    severity = Severity.ERROR if strict else Severity.WARNING
    checks = [_version(volume.root), _content_ids(volume)]
    if isinstance(volume, MimeVolume):
        parts = [part for part in volume.parts if part.header.media_type == _DICOM]
        checks += [_entity(volume, parts), _related(volume, parts)]
        checks += [_directory(volume.parts), _files(parts)]
    else:
        checks.append(_mail(volume, strict=strict))
    checks.append(_lines(volume, strict=strict))
    for check in checks:
        for rule, subject, message, source in check:
            yield Finding(rule, severity, subject, message, _AGAIN if strict else "", source)


def check_version(header: MimeHeader) -> Iterator[str]:
    """Yield what is wrong with the version that a message's header states."""
    if _COMMENT.sub("", header.version).strip() != "1.0":
        stated = safe_name(header.version[:40]) or "none"
        yield f"MIME-Version is {stated}, must be 1.0"


def _version(root: Part) -> Iterator[_Fault]:
    for message in check_version(root.header):
        yield "mime-version", "", message, "RFC 2045 4"


def _content_ids(volume: MimeVolume | MailVolume) -> Iterator[_Fault]:
    counts = Counter(part.header.content_id for part in volume.parts)
    for identifier, count in counts.items():
        if identifier and count > 1:
            message = f"{count} parts have this Content-ID"
            yield "mime-content-id", safe_name(identifier), message, "RFC 2045 7"


def _entity(volume: MimeVolume, parts: list[Part]) -> Iterator[_Fault]:
    kind = volume.root.header.media_type
    if kind not in {"multipart/related", "multipart/mixed"}:
        # One file that is no File-set may go by itself (RFC 3240).
        if not (kind == _DICOM and not volume.root.header.identifier):
            wanted = "must be multipart/related or multipart/mixed"
            yield "mime-entity", "", f"is {safe_name(kind)}, {wanted}", _K
    elif {part.within for part in parts} - {volume.root.start}:
        message = "its DICOM files lie in entities inside it: a File-set is one entity"
        yield "mime-entity", "", message, _K


def _related(volume: MimeVolume, parts: list[Part]) -> Iterator[_Fault]:
    """Hold the root of ``multipart/related`` against RFC 2387 3.1 and RFC 3240."""
    root = volume.root.header
    if root.media_type != "multipart/related" or not volume.parts:
        return
    first = volume.parts[0]
    if root.start:
        named = [part for part in volume.parts if part.header.content_id == root.start]
        if not named:
            message = f"no part has the Content-ID {safe_name(root.start)} of start"
            yield "mime-related", "", message, "RFC 2387 3.2"
            return
        first = named[0]
    if root.root_type != first.header.media_type:
        stated = safe_name(root.root_type) or "missing"
        message = f"type is {stated}, its first part is {safe_name(first.header.media_type)}"
        yield "mime-related", "", message, "RFC 2387 3.1"
    if any(_is_dicomdir(part) for part in parts) and not _is_dicomdir(first):
        message = "neither the first part nor the one that start names is the DICOMDIR"
        yield "mime-related", "", message, "RFC 3240 4"


def _is_dicomdir(part: Part) -> bool:
    return part.header.identifier == _DICOMDIR


def _directory(parts: Sequence[Part]) -> Iterator[_Fault]:
    directories = [part for part in parts if _DICOMDIR in {_subject(part), part.header.name}]
    for part in directories:
        kind = part.header.media_type
        if kind != _DICOM:
            message = f"is {safe_name(kind)}, must be Application/dicom"
            yield "mime-dicomdir", _DICOMDIR, message, _K
    if len(directories) > 1:
        yield "mime-dicomdir", _DICOMDIR, f"is there {len(directories)} times", _K


def _files(parts: Sequence[Part]) -> Iterator[_Fault]:
    is_file_set = any(_is_dicomdir(part) for part in parts)
    for part in parts:
        header, subject = part.header, _subject(part)
        if header.encoding not in _BINARY:
            stated = safe_name(header.encoding) or "missing"
            message = f"its transfer encoding is {stated}, which does not carry every byte"
            yield "mime-encoding", subject, message, _K
        if not header.identifier:
            if is_file_set:
                yield "mime-id", subject, "has no id: nothing says which File ID it has", "RFC 3240"
            continue
        components = header.identifier.split("/")
        if len(header.identifier) > _LONGEST_ID or len(components) > MAX_COMPONENTS:
            message = f"its id has {len(header.identifier)} characters, {len(components)} parts"
            yield "mime-id", subject, message, _K
        elif not all(map(_COMPONENT.fullmatch, components)):
            yield "mime-id", subject, "its id is no File ID, written with / between the parts", _K
        wanted = components[-1] if _is_dicomdir(part) else f"{components[-1]}.dcm"
        if header.name != wanted:
            stated = safe_name(header.name[:80]) or "missing"
            yield "mime-name", subject, f"its name is {stated}, must be {safe_name(wanted)}", _K


def _mail(volume: MailVolume, *, strict: bool) -> Iterator[_Fault]:
    # The reader has a note on anybody's subject and attachment.
    if strict and _PHRASE not in volume.root.header.subject.upper():
        yield "mail-subject", "", f"the subject does not hold {_PHRASE}", _L
    header = volume.attachment.header
    for what, stated, wanted in (
        ("Content-Type", header.media_type, "application/zip"),
        ("id", header.identifier, _ZIP_NAME),
        ("name", header.name, _ZIP_NAME),
        ("Content-Disposition", header.disposition, "attachment"),
        ("filename", header.saved_as, _ZIP_NAME),
    ):
        if stated != wanted:
            told = safe_name(stated[:80]) or "missing"
            yield "mail-attachment", _ZIP_NAME, f"its {what} is {told}, must be {wanted}", _L
    if header.encoding not in _BINARY:
        told = safe_name(header.encoding) or "missing"
        yield "mime-encoding", _ZIP_NAME, f"its transfer encoding is {told}", "RFC 2045 6"


def _lines(volume: MimeVolume | MailVolume, *, strict: bool) -> Iterator[_Fault]:
    """Check how lines end and how long they are, wherever lines are meant."""
    for subject, start, end, most in _iter_regions(volume):
        longest, is_bare = _measure(volume, start, end)
        if longest > most:
            source = "RFC 2045 6.8" if most == _LONGEST_BASE64_LINE else "RFC 5322 2.1.1"
            message = f"has a line of {longest:,} characters; {most} is the most"
            yield "mime-lines", subject, message, source
        if is_bare and strict:
            yield "mime-lines", subject, "has a CR or LF that stands alone", "RFC 5322 2.3"


def _iter_regions(volume: MimeVolume | MailVolume) -> Iterator[tuple[str, int, int, int]]:
    """Yield the bodies of all parts and what lies between them, with the longest line there."""
    done = 0
    for part in volume.parts:
        yield "", done, part.start, _LONGEST_LINE
        encoding = part.header.encoding
        if encoding != "binary":
            is_base64 = encoding == "base64"
            most = _LONGEST_BASE64_LINE if is_base64 else _LONGEST_LINE
            yield _subject(part), part.start, part.end, most
        done = max(done, part.end)
    yield "", done, volume.size_bytes, _LONGEST_LINE


def _measure(volume: MimeVolume | MailVolume, start: int, end: int) -> tuple[int, bool]:
    """Return the length of the longest line, and whether a CR or LF stands alone."""
    longest = length = feeds = returns = pairs = 0
    before = b""
    while start < end:
        data = volume.read_at(start, min(_CHUNK_BYTES, end - start))
        if not data:
            break
        start += len(data)
        pairs += data.count(b"\r\n") + (before == b"\r" and data[:1] == b"\n")
        feeds += data.count(b"\n")
        returns += data.count(b"\r")
        before = data[-1:]
        first, *others = data.split(b"\n")
        length += len(first)
        longest = max(longest, length)
        if others:
            longest = max(longest, *map(len, others))
            length = len(others[-1])
    # Each line but one at the end of what was read was counted with its CR.
    return longest - (pairs > 0), feeds != pairs or returns != pairs


def _subject(part: Part) -> str:
    """Return what a person finds the part by."""
    header = part.header
    path = (header.identifier or header.location or header.file_name)[:_LONGEST_SUBJECT]
    return "/".join(map(safe_name, path.split("/"))) if path else f"byte {part.start}"
