"""The layers of an S/MIME message (RFC 8551), taken off from the outside in; each proves the next.

A layer is an envelope, a signature around its content, or one beside it
(``multipart/signed``). Only what lies in all of them is ever looked at: a part
that somebody put beside a layer is not.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, cast

from mediastation.model.finding import Finding, warning
from mediastation.model.secrecy import Content, Digest
from mediastation.reading.contract import Extent
from mediastation.reading.mime_body import Body, open_body
from mediastation.reading.mime_header import MimeHeader, find_header
from mediastation.reading.mime_parts import iter_delimiters
from mediastation.reading.names import safe_name
from mediastation.reading.random_access import ExtentStream, ReadAt
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import SEQUENCE, BerError, BerReader
from mediastation.secure.opening.content import ContentReader, Form, Nesting, Proofs
from mediastation.secure.opening.envelope import bad_envelope, iter_chunks
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.signatures import SignatureFacts, iter_signature_findings
from mediastation.secure.opening.spool import Spool

REFERENCE = "PS3.15 B.8"
MAX_LAYERS = 6
"""Signed, encrypted and signed again is what mail programs make at the most; a list adds some."""
MAX_SIGNATURE_BYTES = 1 << 20

_MESSAGE = frozenset({"application/pkcs7-mime", "application/x-pkcs7-mime"})
_SIGNATURE = frozenset({"application/pkcs7-signature", "application/x-pkcs7-signature"})
_UNNAMED = "application/octet-stream"
_SIGNED_FORM = Form(Nesting.CONTENT_INFO, Content.SIGNED)
_OF_FILES = frozenset({"envelope-nesting", "envelope-unproved"})
"""Findings about envelopes that are to hold DICOM files."""
_FRONT_BYTES = 64
_BUFFER_BYTES = 1 << 16
_CHUNK_BYTES = 1 << 18
_LONGEST_BOUNDARY: Final = 200
_ENTITY = re.compile(rb"[!-9;-~]{1,76}[ \t]*:[\t -~]*(\r?\n|\Z)")


def is_layer(header: MimeHeader) -> bool:
    """Tell whether the entity with this header is an S/MIME message or ``multipart/signed``."""
    return _is_message(header) or _is_signed_in_clear(header)


class MailLayers:
    """Takes the layers off one message.

    Parameters
    ----------
    name : str
        What the message is called in errors and findings, and in the key ring.
    opener : Opener
        Opens envelopes and judges signatures.
    scratch : Path
        A private folder for what is taken out of a layer; files in it have no
        name.

    Attributes
    ----------
    opened : Opened or None
        What the outermost envelope gave; None if there is none.
    signatures : list of SignatureFacts
        From the outside in; none is broken.
    findings : list of Finding
        What was tolerated, and what the signatures are worth.
    is_proved : bool
        Whether a signature or a digest proves what lies in all layers.
    sha256 : str
        Of that, in hexadecimal, with line ends as they were signed; empty if
        there is no layer.
    """

    def __init__(self, name: str, opener: Opener, scratch: Path) -> None:
        self.opened: Opened | None = None
        self.signatures: list[SignatureFacts] = []
        self.findings: list[Finding] = []
        self.is_proved = False
        self.sha256 = ""
        self._name = name
        self._opener = opener
        self._scratch = scratch
        self._spool: Spool | None = None

    def take_off(
        self, read_at: ReadAt, header: MimeHeader, body: int, end: int
    ) -> tuple[ReadAt, int, int]:
        """Return where the entity begins and ends that lies in all layers of a message.

        What it lies in belongs to this object, or to whoever gave `read_at`.

        Parameters
        ----------
        read_at : callable
            Reads the message.
        header : MimeHeader
            Of the message.
        body, end : int
            Where its body lies.

        Raises
        ------
        WrongKeyError
            If nothing at hand opens an envelope.
        BadEnvelopeError
            If a layer is damaged or broken, or none proves the content.
        ScratchError
            If there is no room for the content.
        MediaError, OSError
            If the message cannot be read.
        """
        if not is_layer(header):
            raise self._bad("it is neither signed nor encrypted as a whole")
        for _ in range(MAX_LAYERS):
            if _is_signed_in_clear(header):
                start, end = self._prove_clear(read_at, body, end, header)
            elif _is_message(header):
                read_at, end = self._open(read_at, body, end, header)
                start = 0
            else:
                start = body
            found = find_header(read_at, start, end)
            if found is None:
                raise self._bad("the header of what lies in it does not end")
            header, body = found
            if not is_layer(header) and header.media_type != "message/rfc822":
                self._require_proof()
                return read_at, start, end
        raise self._bad(f"more than {MAX_LAYERS} layers lie around its content")

    def close(self) -> None:
        """Let everything go."""
        if self._spool is not None:
            self._spool.close()
            self._spool = None

    def _open(
        self, read_at: ReadAt, start: int, end: int, header: MimeHeader
    ) -> tuple[ReadAt, int]:
        """Open an envelope or a signature around its content; return where that lies."""
        body = self._body(read_at, start, end, header.encoding)
        if body.tolerated:
            told = f"Its envelope {body.tolerated}."
            self.findings.append(warning("mime-encoding", self._name, told))
        raw = ExtentStream(body.read_at, (Extent(0, body.size_bytes),), body.size_bytes)
        stream = cast("BinaryIO", io.BufferedReader(raw, _BUFFER_BYTES))
        spool = Spool(self._scratch)
        try:
            if self._kind_of(body) == oids.SIGNED_DATA:
                self._prove_around(stream, body.size_bytes, spool)
            else:
                self._decrypt(stream, body.size_bytes, spool)
        except BaseException:
            spool.close()
            raise
        self.close()
        self._spool = spool
        return spool.read_at, spool.size_bytes

    def _decrypt(self, stream: BinaryIO, size_bytes: int, spool: Spool) -> None:
        opened = self._opener.open(
            stream, size_bytes, spool.write, self._name, allow_unproved=True, is_bare=_is_entity
        )
        self.findings += [one for one in opened.findings if one.rule not in _OF_FILES]
        self.signatures += opened.signatures
        self.opened = self.opened or opened
        self.sha256 = opened.sha256
        self.is_proved = self.is_proved or opened.content is not None

    def _prove_around(self, stream: BinaryIO, size_bytes: int, spool: Spool) -> None:
        reader = BerReader(iter_chunks(stream, size_bytes, self._name), size_bytes)
        try:
            proofs = ContentReader(reader, _SIGNED_FORM).read(spool.write)
        except BerError as fault:
            raise bad_envelope(self._name, fault) from None
        self._accept(proofs, self._opener.judge(proofs, self._name))

    def _prove_clear(
        self, read_at: ReadAt, start: int, end: int, header: MimeHeader
    ) -> tuple[int, int]:
        """Hold the first part of ``multipart/signed`` against the signature in the second."""
        boundary = header.boundary.rstrip().encode("utf-8", "replace")
        if not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            raise self._bad("it does not say what parts its content from its signature")
        marks = list(islice(iter_delimiters(read_at, start, end, boundary), 4))
        if len(marks) != 3 or [is_last for _, _, is_last in marks] != [False, False, True]:
            raise self._bad(
                "it is signed, and has not the two parts of such: it was cut, or changed"
            )
        content = marks[0][1], max(marks[0][1], marks[1][0])
        signature = self._signature(read_at, marks[1][1], max(marks[1][1], marks[2][0]))
        pieces = _Pieces(read_at, *content)
        try:
            proofs, facts = self._prove_detached(signature, iter(pieces))
        except BadEnvelopeError:
            if not pieces.has_bare_ends:
                raise
            # It was signed with CRLF, and saved by a system that ends lines in another way.
            proofs, facts = self._prove_detached(signature, pieces.iter_canonical())
        self._accept(proofs, facts)
        return content

    def _prove_detached(
        self, signature: bytes, content: Iterator[bytes]
    ) -> tuple[Proofs, tuple[SignatureFacts, ...]]:
        try:
            reader = ContentReader(BerReader.of(signature), _SIGNED_FORM)
            proofs = reader.read_detached(content)
        except BerError as fault:
            raise bad_envelope(self._name, f"in its signature, {fault}") from None
        return proofs, self._opener.judge(proofs, self._name)

    def _signature(self, read_at: ReadAt, start: int, end: int) -> bytes:
        found = find_header(read_at, start, end)
        kind = found[0].media_type if found else ""
        if found is None or kind not in _SIGNATURE | {_UNNAMED}:
            raise self._bad("it is called signed, and what follows its content is no signature")
        body = self._body(read_at, found[1], end, found[0].encoding)
        if body.size_bytes > MAX_SIGNATURE_BYTES:
            raise self._bad("its signature is too long for one")
        if self._kind_of(body) != oids.SIGNED_DATA:
            raise self._bad("what follows its content is no signature")
        return body.read_at(0, body.size_bytes)

    def _accept(self, proofs: Proofs, facts: tuple[SignatureFacts, ...]) -> None:
        self.findings += iter_signature_findings(facts, self._name, REFERENCE)
        self.signatures += facts
        self.sha256 = proofs.digests[Digest.SHA_256].hex()
        self.is_proved = True

    def _require_proof(self) -> None:
        if self.is_proved:
            return
        raise BadEnvelopeError(
            f"{self._name} was not opened: it is encrypted and not signed, so that nobody can tell "
            "whether it was changed on its way.",
            "Ask the sender to sign it, too (PS3.15 B.8).",
        )

    def _body(self, read_at: ReadAt, start: int, end: int, encoding: str) -> Body:
        body = open_body(read_at, start, end, encoding)
        if body is None:
            raise self._bad(f"it is encoded in {safe_name(encoding[:40])}")
        if body.fault:
            raise self._bad(f"its text {body.fault}")
        return body

    def _kind_of(self, body: Body) -> str:
        """Return what kind of CMS message a body is."""
        reader = BerReader((body.read_at(0, _FRONT_BYTES),), body.size_bytes)
        try:
            reader.enter(SEQUENCE, "its envelope")
            kind = reader.oid("the kind of its envelope")
        except BerError as fault:
            raise self._bad(fault) from None
        if kind not in {oids.ENVELOPED_DATA, oids.SIGNED_DATA}:
            raise self._bad(f"it holds {oids.name_of(kind)}, which is not opened here")
        return kind

    def _bad(self, why: object) -> BadEnvelopeError:
        return bad_envelope(self._name, why)


def _is_message(header: MimeHeader) -> bool:
    kind, name = header.media_type, header.file_name.lower()
    return kind in _MESSAGE or (kind == _UNNAMED and name.endswith(".p7m"))


def _is_signed_in_clear(header: MimeHeader) -> bool:
    return header.media_type == "multipart/signed" and header.protocol in _SIGNATURE


def _is_entity(front: bytes) -> bool:
    """Tell whether a MIME entity begins so: with a line of its header, in ASCII."""
    return _ENTITY.match(front) is not None


class _Pieces:
    """What was signed, piece by piece, as it lies there or with the line ends of a mail."""

    def __init__(self, read_at: ReadAt, start: int, end: int) -> None:
        self.has_bare_ends = False
        self._read_at = read_at
        self._start = start
        self._end = end

    def __iter__(self) -> Iterator[bytes]:
        before = b""
        for start in range(self._start, self._end, _CHUNK_BYTES):
            piece = self._read_at(start, min(_CHUNK_BYTES, self._end - start))
            pairs = piece.count(b"\r\n") + (before == b"\r" and piece[:1] == b"\n")
            self.has_bare_ends = self.has_bare_ends or piece.count(b"\n") > pairs
            before = piece[-1:]
            yield piece

    def iter_canonical(self) -> Iterator[bytes]:
        """Yield it with CRLF for every LF that stands alone (RFC 8551 3.1.1)."""
        held = b""
        for piece in self:
            text = held + piece
            held = text[-1:] if text.endswith(b"\r") else b""
            text = text[: len(text) - len(held)]
            yield text.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
        yield held
