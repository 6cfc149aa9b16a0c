"""One file of an outside medium: recognised by content, read as far as the index wants, digested.

Nothing is written. Whoever keeps the file compares it with the digest that was
taken here, so that it cannot change between the look and the keeping.
"""

from __future__ import annotations

import hashlib
import io
import os
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import PurePosixPath
from typing import BinaryIO

from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.pixel_key import pixel_key
from mediastation.dicom.source import BytesSource, FileSource
from mediastation.errors import MediaError
from mediastation.importing.envelopes import ShutError, Unsealing
from mediastation.importing.hostile import check_preamble
from mediastation.importing.instance_check import check_instance
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.importing import OpenedEnvelope
from mediastation.model.instance import InstanceHeader, Preamble
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.file_meta import is_enveloped
from mediastation.reading.zip_volume import ZipVolume

FRONT_BYTES = 4096
"""How much is kept of what is no instance, for whoever has to say what it is."""

_FIRST_BYTES = 1 << 20
_NAMED = 3
_NOTHING: frozenset[int] = frozenset()
_DICOM_SUFFIXES = frozenset({".dcm", ".dicom", ".ima"})


class FileKind(StrEnum):
    """What a file of an outside medium is.

    ``sealed`` is a secure envelope, ``unreadable`` could not be read to its
    end, ``empty`` holds nothing, ``other`` is no DICOM.
    """

    INSTANCE = "instance"
    DIRECTORY = "directory"
    SEALED = "sealed"
    EMPTY = "empty"
    OTHER = "other"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True)
class Looked:
    """What one file is.

    Parameters
    ----------
    path : str
        Where it lies on the medium.
    size_bytes : int
        How long it is, as read; as the medium says where it could not be read.
    sha256, data_sha256 : str
        Of the whole file and of its data set; of instances only.
    pixel_key : str
        Recognises equal pixels (`mediastation.dicom.pixel_key`).
    armed : bool
        Whether its preamble is something that other programs run or open: only
        a copy without it may come in.
    header : InstanceHeader or None
        Of instances.
    front : bytes
        The first bytes of what is no instance, `FRONT_BYTES` at most.
    findings : tuple of Finding
        Why it is refused, or what was forgiven; the path is the subject
        wherever the instance has no UID.
    envelope : OpenedEnvelope or None
        How it came out of a secure envelope: all else is of what was inside.
    """

    path: str
    size_bytes: int
    kind: FileKind
    sha256: str = ""
    data_sha256: str = ""
    pixel_key: str = ""
    armed: bool = False
    header: InstanceHeader | None = None
    front: bytes = b""
    findings: tuple[Finding, ...] = ()
    envelope: OpenedEnvelope | None = None


def look(volume: Volume, file: VolumeFile) -> Looked:
    """Look at one file: read its header if it is an instance, and digest it.

    Parameters
    ----------
    volume : Volume
        The medium; threads may share it.
    file : VolumeFile
        Which file.

    Notes
    -----
    What the medium refuses is told in the result. `OwnDiskError` is raised
    where our own disk has no room to open an envelope in; nothing else is.
    """
    try:
        return _look(volume, file)
    except ShutError as fault:
        return Looked(file.path, file.size_bytes, FileKind.SEALED, findings=fault.findings)
    except OutsideError as fault:
        refused = error(
            "unreadable",
            file.path,
            f"The file cannot be read: {fault}.",
            fault.hint or f"{_see_to(volume)}; the other files were taken.",
        )
        return Looked(file.path, file.size_bytes, FileKind.UNREADABLE, findings=(refused,))


class OutsideError(Exception):
    """The medium failed, not our disk; says why, and leaves the file's name to who reports it.

    `hint` is what the medium itself advises, if it does.
    """

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint

    @classmethod
    def of(cls, fault: Exception) -> OutsideError:
        """Return what a failed read of the medium says."""
        said = str(getattr(fault, "strerror", None) or fault).rstrip(".")
        return cls(said, str(getattr(fault, "hint", "") or ""))


def _see_to(volume: Volume) -> str:
    """Return what to do about a file that cannot be read: no drive reads a ZIP file better."""
    if isinstance(volume, ZipVolume):
        return "Have the archive made or sent again"
    return "Clean the disc or try another drive"


def _look(volume: Volume, file: VolumeFile) -> Looked:
    try:
        if isinstance(volume, Unsealing):
            stream, envelope, told = volume.unseal(file.path)
        else:
            stream, envelope, told = volume.open(file.path), None, ()
    except ShutError:
        raise
    except (OSError, MediaError) as fault:
        raise OutsideError.of(fault) from fault
    with stream:
        if envelope is None:
            return _look_into(stream, file)
        looked = _look_into(stream, replace(file, size_bytes=_length(stream)))
    return replace(looked, envelope=envelope, findings=(*told, *looked.findings))


def _length(stream: BinaryIO) -> int:
    """Return how long what came out of an envelope is, which the medium does not know."""
    length = stream.seek(0, os.SEEK_END)
    stream.seek(0)
    return length


def _look_into(stream: BinaryIO, file: VolumeFile) -> Looked:
    name = PurePosixPath(file.path).name
    first = read_fully(stream, _FIRST_BYTES)
    whole = len(first) < _FIRST_BYTES
    try:
        if not whole:
            # What is no DICOM may be as large as it likes.
            read_header_from(BytesSource(first), name, _NOTHING)
        source = BytesSource(first) if whole else StreamSource(stream, file.size_bytes)
        header = read_header_from(source, name)
    except NotDicom as fault:
        return _no_instance(file, first, str(fault))
    if _is_directory(first, header):
        return Looked(file.path, source.size, FileKind.DIRECTORY, front=first[:FRONT_BYTES])
    if not header.elements and not header.complete:
        return _nothing_left(file, header)
    key = pixel_key(source, header)
    if not whole:
        digests = _digest(stream, header.dataset_offset)
        return _instance(file, header, first, key, *digests)
    sha256 = hashlib.sha256(first).hexdigest()
    data_sha256 = hashlib.sha256(memoryview(first)[header.dataset_offset :]).hexdigest()
    return _instance(file, header, first, key, sha256, data_sha256, len(first))


def _is_directory(first: bytes, header: InstanceHeader) -> bool:
    """Tell whether a file is a DICOMDIR: by its class, or because group 0004 begins its data set.

    No other data set has that group (PS3.3 F.3), and the meta in front may be
    missing or wrong.
    """
    start = first[header.dataset_offset : header.dataset_offset + 4]
    begins = start[:2] == b"\x04\0" or (start[:2] == b"\0\x04" and start[2] in (0x11, 0x12))
    return header.sop_class_uid == MEDIA_STORAGE_DIRECTORY or (len(start) == 4 and begins)


def _nothing_left(file: VolumeFile, header: InstanceHeader) -> Looked:
    """Return what a file is that ends before its data set, or right behind where it begins."""
    name = PurePosixPath(file.path).name
    findings = tuple(
        replace(finding, subject=file.path) if finding.subject == name else finding
        for finding in header.findings
    )
    return Looked(file.path, file.size_bytes, FileKind.UNREADABLE, findings=findings)


class StreamSource(FileSource):
    """A source over a seekable stream of an outside medium; its last block stays in memory.

    Parameters
    ----------
    stream : binary stream
        Used by nobody else meanwhile.
    size_bytes : int
        What the medium says; less where it ends before.
    """

    def __init__(self, stream: BinaryIO, size_bytes: int) -> None:
        super().__init__(-1, size_bytes)
        self._stream = stream

    def read(self, offset: int, length: int) -> bytes:
        """Return up to `length` bytes at `offset`; fewer only at the end of the stream."""
        try:
            self._stream.seek(offset)
        except (OSError, MediaError) as fault:
            raise OutsideError.of(fault) from fault
        return read_fully(self._stream, length)


def _digest(stream: BinaryIO, dataset_offset: int) -> tuple[str, str, int]:
    """Return the digests of the whole and of the data set, and how long it is."""
    whole, data, size = hashlib.sha256(), hashlib.sha256(), 0
    try:
        stream.seek(0)
    except (OSError, MediaError) as fault:
        raise OutsideError.of(fault) from fault
    while chunk := read_fully(stream, _FIRST_BYTES):
        whole.update(chunk)
        data.update(memoryview(chunk)[max(0, dataset_offset - size) :])
        size += len(chunk)
    return whole.hexdigest(), data.hexdigest(), size


def _instance(
    file: VolumeFile,
    header: InstanceHeader,
    first: bytes,
    key: str,
    sha256: str,
    data_sha256: str,
    size_bytes: int,
) -> Looked:
    name = PurePosixPath(file.path).name
    # Without a UID the findings have the bare name; on a medium many files share one.
    findings = [
        replace(finding, subject=file.path) if finding.subject == name else finding
        for finding in header.findings
    ]
    if size_bytes < file.size_bytes:
        findings.append(
            warning(
                "short-file",
                file.path,
                f"The medium says that it has {file.size_bytes:,} bytes; {size_bytes:,} came.",
                "The end is missing: ask the sender for the instance again.",
            )
        )
    header = replace(header, findings=tuple(findings))
    armed = None
    if header.preamble is Preamble.FOREIGN:
        armed = check_preamble(file.path, first)
    return Looked(
        file.path,
        size_bytes,
        FileKind.INSTANCE,
        sha256,
        data_sha256,
        key,
        armed is not None,
        header,
        findings=(*findings, *check_instance(file.path, header), *((armed,) if armed else ())),
    )


def _no_instance(file: VolumeFile, first: bytes, reason: str) -> Looked:
    front = first[:FRONT_BYTES]
    claims = PurePosixPath(file.path).suffix.lower() in _DICOM_SUFFIXES
    if not first and file.size_bytes:
        # Beyond the end of a cut image, or gone since it was listed: nobody knows what it was.
        raise OutsideError(f"the medium says that it has {file.size_bytes:,} bytes, and gives none")
    if not first:
        told = warning if claims else note
        empty = told("empty-file", file.path, "The file is empty.", "Ask the sender for it.")
        return Looked(file.path, 0, FileKind.EMPTY, findings=(empty,))
    if is_enveloped(front[:32]):
        sealed = error(
            "sealed",
            file.path,
            f"It is a secure envelope{_whom(first, file.size_bytes)}: nothing in it can be read "
            "without the password or key.",
            "Import the medium again with what opens it; what is here is not taken twice.",
            "PS3.15 D.1",
        )
        return Looked(file.path, file.size_bytes, FileKind.SEALED, front=front, findings=(sealed,))
    findings: tuple[Finding, ...] = ()
    if claims:
        findings = (
            error(
                "not-dicom",
                file.path,
                f"It is called DICOM and is none: {reason}.",
                "Ask the sender for the DICOM file.",
                "PS3.10 7.1",
            ),
        )
    return Looked(file.path, file.size_bytes, FileKind.OTHER, front=front, findings=findings)


def _whom(first: bytes, size_bytes: int) -> str:
    """Return for whom an envelope is, as far as its front tells."""
    from mediastation.secure.opening.envelope import read_envelope  # noqa: PLC0415 - seldom, slow
    from mediastation.secure.opening.errors import BadEnvelopeError  # noqa: PLC0415

    with suppress(BadEnvelopeError):
        recipients = read_envelope(io.BytesIO(first), size_bytes).recipients
        texts = list(dict.fromkeys(one.text for one in recipients))
        more = f" and {len(texts) - _NAMED:,} more" if len(texts) > _NAMED else ""
        return f" for {' and '.join(texts[:_NAMED])}{more}"
    return ""


def read_fully(stream: BinaryIO, length: int) -> bytes:
    """Return `length` bytes of a medium's file, fewer only at its end.

    Raises
    ------
    OutsideError
        If the medium cannot be read there.
    """
    try:
        data = stream.read(length)
        if len(data) == length or not data:
            return data
        parts, missing = [data], length - len(data)
        while missing and (more := stream.read(missing)):
            parts.append(more)
            missing -= len(more)
    except (OSError, MediaError) as fault:
        raise OutsideError.of(fault) from fault
    return b"".join(parts)
