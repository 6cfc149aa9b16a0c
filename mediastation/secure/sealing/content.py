"""What lies around the DICOM file inside an envelope: DigestedData or SignedData (RFC 5652).

Both begin before the file and end after it, with its digest. All lengths are
known before the first octet of the file is read.
"""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Protocol

from asn1crypto import algos, cms, core, x509

from mediastation.model.secrecy import Content, Digest
from mediastation.secure.sealing.certificates import issuer_and_serial
from mediastation.secure.sealing.der import OCTETS, SEQUENCE, explicit, opening, set_of, tlv
from mediastation.secure.sealing.signer import Signer

__all__ = ["ContentFrame", "DigestedContent", "SignedContent"]

_DATA = cms.ContentType("data").dump()
_LAST_UTC_TIME_YEAR = 2049


class ContentFrame(Protocol):
    """Encloses the DICOM file."""

    content: Content
    content_type: bytes
    """Object identifier of the frame, in DER."""
    digest: Digest
    tail_bytes: int

    def head(self, size_bytes: int) -> bytes:
        """Return what precedes a file of `size_bytes` bytes."""

    def tail(self, digest: bytes) -> bytes:
        """Return what follows the file whose digest this is: always `tail_bytes` octets."""


class DigestedContent:
    """DigestedData: shows that the file is whole, and not who made it.

    Its version is 0, because what it encloses is plain data (RFC 5652 7).
    """

    content = Content.DIGESTED
    content_type = cms.ContentType("digested_data").dump()

    def __init__(self, digest: Digest) -> None:
        self.digest = digest
        self._start = core.Integer(0).dump() + _digest_algorithm(digest)
        self.tail_bytes = len(self.tail(_empty(digest)))

    def head(self, size_bytes: int) -> bytes:
        """Return what precedes a file of `size_bytes` bytes."""
        return _head(self._start, size_bytes, self.tail_bytes)

    def tail(self, digest: bytes) -> bytes:
        """Return what follows the file whose digest this is."""
        return tlv(OCTETS, digest)


class SignedContent:
    """SignedData of one signer, with content type, digest and time as signed attributes.

    Its version is 1, because what it encloses is plain data, the signer is
    named by issuer and serial number, and all certificates are of X.509
    (RFC 5652 5.1).

    Parameters
    ----------
    signer : Signer
        Its chain goes with every file.
    digest : Digest
        Of the file and of the signature.
    moment : datetime
        The time of signing, with its zone.
    """

    content = Content.SIGNED
    content_type = cms.ContentType("signed_data").dump()

    def __init__(self, signer: Signer, digest: Digest, moment: datetime) -> None:
        self.digest = digest
        self._signer = signer
        algorithm = _digest_algorithm(digest)
        self._start = core.Integer(1).dump() + set_of([algorithm])
        self._certificates = set_of(signer.chain, explicit(0))
        certificate = x509.Certificate.load(signer.chain[0])
        self._signer_start = core.Integer(1).dump() + issuer_and_serial(certificate) + algorithm
        self._signature_algorithm = algos.SignedDigestAlgorithm(
            {"algorithm": "rsassa_pkcs1v15"}
        ).dump()
        self._lasting = [
            _attribute("content_type", "data"),
            _attribute("signing_time", _time(moment)),
        ]
        self._digest_type = cms.CMSAttributeType("message_digest").dump()
        self.tail_bytes = len(self._tail(_empty(digest), bytes(signer.signature_bytes)))

    def head(self, size_bytes: int) -> bytes:
        """Return what precedes a file of `size_bytes` bytes."""
        return _head(self._start, size_bytes, self.tail_bytes)

    def tail(self, digest: bytes) -> bytes:
        """Return what follows the file whose digest this is."""
        # What is signed has the tag of a SET in place of the one it is written with.
        signature = self._signer.sign(set_of(self._attributes(digest)), self.digest)
        return self._tail(digest, signature)

    def detached(self, digest: bytes) -> bytes:
        """Return the signature of content that lies elsewhere, as a message (RFC 5652 5.2)."""
        return self._detached(self.tail(digest))

    @property
    def detached_bytes(self) -> int:
        """Length of what `detached` returns."""
        return len(self._detached(bytes(self.tail_bytes)))

    def _detached(self, tail: bytes) -> bytes:
        body = tlv(SEQUENCE, self._start, tlv(SEQUENCE, _DATA), tail)
        return tlv(SEQUENCE, self.content_type, tlv(explicit(0), body))

    def _tail(self, digest: bytes, signature: bytes) -> bytes:
        signer = tlv(
            SEQUENCE,
            self._signer_start,
            set_of(self._attributes(digest), explicit(0)),
            self._signature_algorithm,
            tlv(OCTETS, signature),
        )
        return self._certificates + set_of([signer])

    def _attributes(self, digest: bytes) -> list[bytes]:
        value = tlv(OCTETS, digest)
        return [*self._lasting, tlv(SEQUENCE, self._digest_type, set_of([value]))]


def _head(start: bytes, size_bytes: int, tail_bytes: int) -> bytes:
    octets = opening(OCTETS, size_bytes)
    content = opening(explicit(0), size_bytes, octets)
    encapsulated = opening(SEQUENCE, size_bytes, _DATA + content)
    return opening(SEQUENCE, size_bytes + tail_bytes, start + encapsulated)


def _digest_algorithm(digest: Digest) -> bytes:
    """Return the identifier of a SHA-2 digest; its parameters are absent (RFC 5754 2)."""
    return tlv(SEQUENCE, algos.DigestAlgorithmId(digest.value).dump())


def _empty(digest: Digest) -> bytes:
    return bytes(hashlib.new(digest.value).digest_size)


def _attribute(kind: str, value: object) -> bytes:
    encoded: bytes = cms.CMSAttribute({"type": kind, "values": [value]}).dump()
    return encoded


def _time(moment: datetime) -> cms.Time:
    """Return the time in whole seconds, in two digits of the year as long as they last."""
    at = moment.astimezone(UTC).replace(microsecond=0)
    if 1950 <= at.year <= _LAST_UTC_TIME_YEAR:
        return cms.Time({"utc_time": core.UTCTime(at)})
    return cms.Time({"generalized_time": core.GeneralizedTime(at)})
