"""Signatures over content: whether they are intact, and whose they are (RFC 5652 5.3 to 5.6)."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed

from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.secrecy import CertificateName, Digest, Signature
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import OCTETS, SEQUENCE, SET, BerError, BerReader, encoded
from mediastation.secure.opening.certificates import Certificate
from mediastation.secure.opening.names import name_text
from mediastation.secure.opening.recipients import read_algorithm, read_signer_or_recipient
from mediastation.secure.opening.trust import TrustStore

_MAX_SIGNATURE_BYTES = 1 << 12
_MAX_ATTRIBUTE_BYTES = 1 << 16
_REFERENCE = "PS3.15 D.1"
_HASHES: Final[dict[Digest, hashes.HashAlgorithm]] = {
    Digest.SHA_1: hashes.SHA1(),  # noqa: S303 - the profile has it, and readers must know it
    Digest.SHA_256: hashes.SHA256(),
    Digest.SHA_384: hashes.SHA384(),
    Digest.SHA_512: hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class SignatureFacts:
    """What one signature is worth.

    Parameters
    ----------
    signature : Signature
        Trusted, intact of an unknown signer, or broken.
    signer : CertificateName or None
        The certificate of who signed; None where it did not come with the file.
    text : str
        Who signed, in words; of issuer and serial number without a certificate.
    signed_at : datetime or None
        When, as the signer says; nobody else vouches for it.
    reason : str
        Why it is not trusted, or broken; empty if it is trusted.
    """

    signature: Signature
    signer: CertificateName | None
    text: str
    signed_at: datetime | None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class SignerInfo:
    """One signature, as it was found.

    `attributes` is the SET of signed attributes in DER; empty without them.
    """

    issuer: bytes
    serial: int
    key_identifier: bytes
    digest: Digest | None
    attributes: bytes
    algorithm: str
    signature: bytes


def read_signer_info(element: bytes) -> SignerInfo:
    """Read a SignerInfo; `BerError` if it cannot be understood."""
    reader = BerReader.of(element)
    reader.enter(SEQUENCE, "a signature")
    reader.integer("its version")
    issuer, serial, key_identifier = read_signer_or_recipient(reader)
    digest, _ = read_algorithm(reader, SEQUENCE, "the digest of a signature")
    attributes = b""
    if reader.peek() == 0xA0:
        attributes = bytes((SET,)) + reader.element("signed attributes", _MAX_ATTRIBUTE_BYTES)[1:]
    algorithm, _ = read_algorithm(reader, SEQUENCE, "the algorithm of a signature")
    signature = reader.octets(OCTETS, "a signature", _MAX_SIGNATURE_BYTES)
    if reader.peek() == 0xA1:
        reader.skip("unsigned attributes")
    reader.leave()
    return SignerInfo(
        issuer, serial, key_identifier, oids.DIGESTS.get(digest), attributes, algorithm, signature
    )


class SignatureCheck:
    """Judges the signatures of one content.

    Parameters
    ----------
    digests : mapping
        The content's digests, as far as they were made.
    content_type : str
        What the content says it is.
    certificates : sequence of Certificate
        What came with the signatures.
    trust : TrustStore or None
        The site's list; without one nobody is trusted.
    moment : datetime
        When certificates must be valid.
    """

    def __init__(
        self,
        digests: Mapping[Digest, bytes],
        content_type: str,
        certificates: Sequence[Certificate],
        trust: TrustStore | None,
        moment: datetime,
    ) -> None:
        self._digests = digests
        self._content_type = content_type
        self._certificates = certificates
        self._trust = trust
        self._moment = moment

    def judge(self, info: SignerInfo) -> SignatureFacts:
        """Return what one signature is worth.

        One that cannot be checked, for want of its certificate or of its
        algorithm, is of an unknown signer as long as its digest is the content's.
        """
        certificate = self._certificate_of(info)
        text = self._text(info, certificate)
        name = certificate.name if certificate else None
        signed_at = None
        try:
            attributes = _read_attributes(info.attributes) if info.attributes else {}
            signed_at = _signing_time(attributes)
            proved = self._require_digest(info, attributes)
            checked = self._require_signature(info, certificate)
        except _BrokenError as fault:
            return SignatureFacts(Signature.BROKEN, name, text, signed_at, str(fault))
        except BerError as fault:
            return SignatureFacts(Signature.BROKEN, name, text, signed_at, str(fault))
        if checked:
            if not proved:
                reason = "no digest stands beside the signature, and that cannot be checked: "
                return SignatureFacts(Signature.BROKEN, name, text, signed_at, reason + checked)
            return SignatureFacts(Signature.UNKNOWN_SIGNER, name, text, signed_at, checked)
        doubt = self._doubt(certificate, signed_at) if certificate else checked
        worth = Signature.UNKNOWN_SIGNER if doubt else Signature.TRUSTED
        return SignatureFacts(worth, name, text, signed_at, doubt)

    def _certificate_of(self, info: SignerInfo) -> Certificate | None:
        # The site's own comes first: another one of that name proves nothing against it.
        known: list[Certificate] = [*(self._trust or ()), *self._certificates]
        for certificate in known:
            if info.key_identifier:
                if certificate.key_identifier == info.key_identifier:
                    return certificate
            elif (certificate.issuer, certificate.serial) == (info.issuer, info.serial):
                return certificate
        return None

    def _text(self, info: SignerInfo, certificate: Certificate | None) -> str:
        if certificate is not None:
            return name_text(certificate.subject)
        if info.key_identifier:
            return f"the owner of the key {info.key_identifier.hex()}"
        return f"the owner of certificate {info.serial:X} of {name_text(info.issuer)}"

    def _require_digest(self, info: SignerInfo, attributes: Mapping[str, bytes]) -> bool:
        """Hold the signed digest against the content's; tell whether there is one."""
        if info.digest is None or info.digest not in self._digests:
            raise _BrokenError("its digest is not known here, or was not announced")
        if not info.attributes:
            if self._content_type != oids.DATA:
                raise _BrokenError("what it signs is not named in it")
            return False
        if oids.MESSAGE_DIGEST not in attributes or oids.CONTENT_TYPE not in attributes:
            raise _BrokenError("it does not say what it signs")
        if BerReader.of(attributes[oids.CONTENT_TYPE]).oid("its type") != self._content_type:
            raise _BrokenError("it signs content of another kind")
        signed = BerReader.of(attributes[oids.MESSAGE_DIGEST]).octets(OCTETS, "its digest", 64)
        if not hmac.compare_digest(signed, self._digests[info.digest]):
            raise _BrokenError("the content is not what was signed")
        return True

    def _require_signature(self, info: SignerInfo, certificate: Certificate | None) -> str:
        """Check the signature itself; return why that was not possible, empty if it was."""
        named = oids.SIGNATURE_DIGESTS.get(info.algorithm)
        if info.algorithm != oids.RSA and named is None:
            return f"{oids.name_of(info.algorithm)} signatures are not checked here"
        if certificate is None:
            return "the signer's certificate did not come with it"
        if certificate.rsa_key is None:
            return "the signer's certificate has no RSA key"
        if info.digest is None or named not in {None, info.digest}:
            raise _BrokenError("it names two digests")
        method = _HASHES[info.digest]
        if not info.attributes:
            is_intact = _verifies(
                certificate.rsa_key, info.signature, self._digests[info.digest], Prehashed(method)
            )
        else:
            # DER sorts the attributes; some sign them as they stand.
            is_intact = any(
                _verifies(certificate.rsa_key, info.signature, signed, method)
                for signed in dict.fromkeys((info.attributes, _sorted_set(info.attributes)))
            )
        if not is_intact:
            raise _BrokenError("it was not made with the key of its certificate, or is damaged")
        return ""

    def _doubt(self, certificate: Certificate, signed_at: datetime | None) -> str:
        if self._trust is None:
            return "this site has no list of whom it trusts"
        doubt = self._trust.doubt(certificate, self._certificates, self._moment)
        if not doubt or signed_at is None or signed_at > self._moment:
            return doubt
        if self._moment <= certificate.valid_until:
            return doubt
        if not self._trust.doubt(certificate, self._certificates, signed_at):
            return (
                f"{doubt}; by its own word it was signed on {signed_at:%Y-%m-%d}, when it was "
                "trusted"
            )
        return doubt


def iter_signature_findings(
    facts: Sequence[SignatureFacts], name: str, reference: str = _REFERENCE
) -> Iterator[Finding]:
    """Yield what is to be said of the signatures of the file called `name`."""
    for one in facts:
        when = f" on {one.signed_at:%Y-%m-%d %H:%M} UTC, by its own word" if one.signed_at else ""
        if one.signature is Signature.TRUSTED:
            said = f"It is signed by {one.text}, whom this site trusts{when}."
            yield note("signature", name, said, "", reference)
        elif one.signature is Signature.UNKNOWN_SIGNER:
            yield warning(
                "signature-unknown",
                name,
                f"It is signed by {one.text}{when}; {one.reason}.",
                "It is whole. Ask the sender by another way if it is theirs; then put the "
                "certificate into the list named by `trust` of [secure].",
                reference,
            )
        else:
            yield error(
                "signature-broken",
                name,
                f"The signature of {one.text} is broken: {one.reason}.",
                "Do not use the file. Ask the sender for it again.",
                reference,
            )


class _BrokenError(Exception):
    """What is wrong with a signature, in words."""


def _verifies(
    key: RSAPublicKey, signature: bytes, data: bytes, method: hashes.HashAlgorithm | Prehashed
) -> bool:
    try:
        key.verify(signature, data, PKCS1v15(), method)
    except (InvalidSignature, ValueError, UnsupportedAlgorithm):
        return False
    return True


def _read_attributes(attributes: bytes) -> dict[str, bytes]:
    """Return the first and only value of each attribute, encoded, by its identifier."""
    found: dict[str, bytes] = {}
    reader = BerReader.of(attributes)
    reader.enter(SET, "signed attributes")
    while reader.peek() is not None:
        reader.enter(SEQUENCE, "a signed attribute")
        oid = reader.oid("a signed attribute")
        reader.enter(SET, "a signed attribute")
        values = []
        while reader.peek() is not None:
            values.append(reader.element("a signed attribute", _MAX_ATTRIBUTE_BYTES))
        reader.leave()
        reader.leave()
        if oid in found:
            raise BerError("it signs one thing twice")
        if oid in {oids.CONTENT_TYPE, oids.MESSAGE_DIGEST, oids.SIGNING_TIME} and len(values) != 1:
            raise BerError("it signs two things for one")
        found[oid] = values[0] if values else b""
    return found


def _sorted_set(attributes: bytes) -> bytes:
    """Return a SET as DER orders it (X.690 11.6)."""
    reader = BerReader.of(attributes)
    reader.enter(SET, "signed attributes")
    elements = []
    while reader.peek() is not None:
        elements.append(reader.element("a signed attribute", _MAX_ATTRIBUTE_BYTES))
    return encoded(SET, b"".join(sorted(elements)))


def _signing_time(attributes: Mapping[str, bytes]) -> datetime | None:
    """Return when it was signed, as the signer says; None where nothing sensible is said."""
    value = attributes.get(oids.SIGNING_TIME, b"")
    try:
        kind = BerReader.of(value).peek() or 0
        said = BerReader.of(value).value(kind, "its time", 32).decode("ascii")
        if kind == 0x17:
            century = "19" if said[:2] >= "50" else "20"  # RFC 5652 11.3
            said = century + said
        elif kind != 0x18:
            return None
        return datetime.strptime(said, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)
    except (BerError, ValueError):
        return None
