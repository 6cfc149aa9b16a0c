"""What an envelope holds, decrypted: DigestedData or SignedData around one file (PS3.15 D.1.1).

The structure streams: what proves the content comes behind it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from cryptography.hazmat.primitives.ciphers import CipherContext

from mediastation.model.secrecy import Content, Digest
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import (
    INTEGER,
    OCTETS,
    OID,
    SEQUENCE,
    SET,
    BerError,
    BerReader,
    gathered,
)
from mediastation.secure.opening.certificates import (
    MAX_CERTIFICATE_BYTES,
    Certificate,
    read_certificate,
)
from mediastation.secure.opening.recipients import read_algorithm
from mediastation.secure.opening.signatures import SignerInfo, read_signer_info

MAX_SIGNERS = 32
MAX_CERTIFICATES = 32
FRONT_BYTES = 256
"""How much of what is decrypted tells what it is."""

_MAX_SIGNER_BYTES = 1 << 16
_PIECE_BYTES = 1 << 16
_PREFIX_AT = 128
_HIGHEST_VERSION = 5
_CHANGED = "its content was damaged or changed since it was sealed"
_CONTENTS = {oids.DIGESTED_DATA: Content.DIGESTED, oids.SIGNED_DATA: Content.SIGNED}
_AFTER_VERSION = {Content.DIGESTED: SEQUENCE, Content.SIGNED: SET}
_CMS_OID = bytes((OID, 9)) + bytes.fromhex("2a864886f70d0107")
_CMS_KINDS = {2: Content.SIGNED, 5: Content.DIGESTED}


class Nesting(StrEnum):
    """How the content lies in the envelope; only the first is what PS3.15 D.1.1 asks for."""

    CONFORMING = "conforming"
    CONTENT_INFO = "content info"
    OCTETS = "octets"
    DATA = "data"
    BARE = "bare"


@dataclass(frozen=True, slots=True)
class Form:
    """How the content lies in the envelope, and what protects it; nothing where it lies bare."""

    nesting: Nesting
    content: Content | None


def named_content(content_type: str) -> Content | None:
    """Return what the envelope says it holds; None where it says just data.

    Raises
    ------
    BerError
        If it holds something else.
    """
    if content_type != oids.DATA and content_type not in _CONTENTS:
        raise BerError(
            f"it holds {oids.name_of(content_type)}; digested or signed data are opened here"
        )
    return _CONTENTS.get(content_type)


IsBare = Callable[[bytes], bool]
"""Tells whether content that lies in its envelope without any proof begins so."""


def is_dicom(front: bytes) -> bool:
    """Tell whether a DICOM file begins so."""
    return front[_PREFIX_AT : _PREFIX_AT + 4] == b"DICM"


def form_of(front: bytes, named: Content | None, is_bare: IsBare = is_dicom) -> Form | None:
    """Return what form the decrypted front has; None for noise, as a wrong key makes it."""
    start = _past_header(front)
    if start is not None and front[start : start + len(_CMS_OID)] == _CMS_OID:
        content = _CMS_KINDS.get(front[start + len(_CMS_OID)])
        if content is not None:
            return Form(Nesting.CONTENT_INFO if named else Nesting.DATA, content)
    if named is None:
        return Form(Nesting.BARE, None) if is_bare(front) else None
    for place, nesting in ((start, Nesting.CONFORMING), (0, Nesting.OCTETS)):
        if place is None or len(front) < place + 4:
            continue
        tag, length, version, follows = front[place : place + 4]
        is_version = (tag, length) == (INTEGER, 1) and version <= _HIGHEST_VERSION
        if is_version and follows == _AFTER_VERSION[named]:
            return Form(nesting, named)
    return None


def _past_header(front: bytes) -> int | None:
    """Return where a SEQUENCE in front has its first element; None if there is no SEQUENCE."""
    if len(front) < 2 or front[0] != SEQUENCE or front[1] > 0x88:
        return None
    start = 2 + (front[1] & 0x7F if front[1] > 0x80 else 0)
    return start if len(front) > start + len(_CMS_OID) else None


def iter_decrypted(
    pieces: Iterable[bytes], decryptor: CipherContext, block_bytes: int
) -> Iterator[bytes]:
    """Yield what the pieces decrypt to, without the padding at the end (PKCS #7)."""
    held = b""
    # What `update` returns is filled with zeros and copied before: that takes longer than AES.
    room = bytearray()
    for piece in pieces:
        if len(room) < len(piece) + block_bytes:
            room = bytearray(len(piece) + block_bytes)
        length = decryptor.update_into(piece, room)
        decrypted = bytes(memoryview(room)[:length])
        if not decrypted:
            continue
        if held:
            yield held
            held = decrypted
        else:
            # The front is wanted before more is read.
            yield decrypted[:-block_bytes]
            held = decrypted[-block_bytes:]
    try:
        decryptor.finalize()
    except ValueError:
        raise BerError(_CHANGED) from None
    count = held[-1] if held else 0
    if not 1 <= count <= block_bytes or held[-count:] != bytes((count,)) * count:
        raise BerError(_CHANGED)
    if len(held) > count:
        yield held[:-count]


@dataclass(slots=True)
class Proofs:
    """What came with the content to prove it, and its digests."""

    content_type: str = oids.DATA
    size_bytes: int = 0
    digests: dict[Digest, bytes] = field(default_factory=dict)
    digest: Digest | None = None
    certificates: list[Certificate] = field(default_factory=list)
    signers: list[SignerInfo] = field(default_factory=list)
    trailing_bytes: int = 0


class ContentReader:
    """Reads one content, once.

    Parameters
    ----------
    plain : BerReader
        Over what was decrypted.
    form : Form
        What it was found to be.
    """

    def __init__(self, plain: BerReader, form: Form) -> None:
        self._plain = plain
        self._form = form
        self._containers = 0
        self._proofs = Proofs()
        self._hashes = {Digest.SHA_256: hashlib.sha256()}

    def content_bytes(self) -> int | None:
        """Return how long the content is by its own word; None where only its end tells."""
        if self._form.nesting is Nesting.BARE:
            return None
        self._enter()
        return self._plain.octets_length(OCTETS, "the content")

    def read(self, write: Callable[[bytes], object]) -> Proofs:
        """Hand the content to `write` and return what proves it; a digest is held against it.

        Signatures are not judged here.

        Raises
        ------
        BerError
            If the structure is damaged, or the digest is not the content's.
        """
        proofs = self._proofs
        if self._form.nesting is Nesting.BARE:
            self._pass_on(self._plain.iter_rest(), write)
            return proofs
        self._enter()
        pieces = self._plain.iter_octets(OCTETS, "the content")
        self._pass_on(gathered(pieces, _PIECE_BYTES), write)
        self._plain.leave()
        return self._read_proofs()

    def read_detached(self, content: Iterable[bytes]) -> Proofs:
        """Return what proves `content`, which lies elsewhere (RFC 5652 5.2): errors as for `read`.

        The content is read once; only the digests that were announced are made of it.
        """
        self._enter_around()
        if self._plain.peek() is not None:
            raise BerError("it holds content of its own beside what it is to prove")
        self._pass_on(content, _nowhere)
        return self._read_proofs()

    def _read_proofs(self) -> Proofs:
        """Read what follows the content."""
        proofs = self._proofs
        self._plain.leave()
        if self._form.content is Content.DIGESTED:
            self._read_digest()
        else:
            self._read_signers()
        for _ in range(self._containers):
            self._plain.leave()
        proofs.trailing_bytes = self._plain.rest()
        return proofs

    def _enter(self) -> None:
        """Step up to the content."""
        self._enter_around()
        self._plain.enter(0xA0, "the content itself")

    def _enter_around(self) -> None:
        """Step into what encloses the content."""
        plain, nesting = self._plain, self._form.nesting
        if nesting in {Nesting.CONTENT_INFO, Nesting.DATA}:
            plain.enter(SEQUENCE, "its content")
            plain.oid("the kind of its content")
            plain.enter(0xA0, "its content")
            self._containers = 2
        if nesting is not Nesting.OCTETS:
            plain.enter(SEQUENCE, "its content")
            self._containers += 1
        plain.integer("the version of its content")
        if self._form.content is Content.DIGESTED:
            oid, _ = read_algorithm(plain, SEQUENCE, "its digest")
            if oid not in oids.DIGESTS:
                raise BerError(f"its digest is {oids.name_of(oid)}, which proves nothing here")
            self._proofs.digest = self._announced(oid)
        else:
            plain.enter(SET, "its digests")
            while plain.peek() is not None:
                oid, _ = read_algorithm(plain, SEQUENCE, "its digest")
                if oid in oids.DIGESTS:
                    self._announced(oid)
            plain.leave()
        plain.enter(SEQUENCE, "its content")
        self._proofs.content_type = plain.oid("the kind of its content")

    def _announced(self, oid: str) -> Digest:
        digest = oids.DIGESTS[oid]
        self._hashes.setdefault(digest, hashlib.new(digest.value))
        return digest

    def _pass_on(self, pieces: Iterable[bytes], write: Callable[[bytes], object]) -> None:
        size, digests = 0, self._hashes
        for piece in pieces:
            for each in digests.values():
                each.update(piece)
            size += len(piece)
            write(piece)
        self._proofs.size_bytes = size
        self._proofs.digests = {digest: each.digest() for digest, each in digests.items()}

    def _read_digest(self) -> None:
        proofs = self._proofs
        told = self._plain.octets(OCTETS, "its digest", 64)
        made = proofs.digests[proofs.digest] if proofs.digest else b""
        if not made or not hmac.compare_digest(told, made):
            raise BerError(_CHANGED)

    def _read_signers(self) -> None:
        plain, proofs = self._plain, self._proofs
        if plain.peek() == 0xA0:
            plain.enter(0xA0, "its certificates")
            count = 0
            while (kind := plain.peek()) is not None:
                if kind != SEQUENCE:
                    plain.skip("a certificate of another kind")
                    continue
                count += 1
                if count > MAX_CERTIFICATES:
                    raise BerError(f"it has more than {MAX_CERTIFICATES} certificates")
                self._read_certificate()
            plain.leave()
        if plain.peek() == 0xA1:
            plain.skip("its revocation lists")
        plain.enter(SET, "its signatures")
        while plain.peek() is not None:
            if len(proofs.signers) == MAX_SIGNERS:
                raise BerError(f"it has more than {MAX_SIGNERS} signatures")
            info = read_signer_info(plain.element("a signature", _MAX_SIGNER_BYTES))
            proofs.signers.append(info)
            proofs.digest = proofs.digest or info.digest
        plain.leave()

    def _read_certificate(self) -> None:
        element = self._plain.element("a certificate", MAX_CERTIFICATE_BYTES)
        try:
            self._proofs.certificates.append(read_certificate(element))
        except BerError:
            return  # whoever needs it is told that it is missing


def _nowhere(_piece: bytes) -> None:
    """Take content that lies elsewhere already."""
