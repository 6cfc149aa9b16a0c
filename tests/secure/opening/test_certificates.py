"""Certificates of strangers: read as far as chains need it, or refused."""

from __future__ import annotations

import pytest
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509

from mediastation.secure.opening.ber import BerError
from mediastation.secure.opening.certificates import Certificate, iter_pem, read_certificate
from tests.support.certificates import (
    VALID_FROM,
    VALID_UNTIL,
    Identity,
    elliptic_certificate,
    issue,
    key_usage,
)

ROOT = issue("Root", number=1, bits=1024, authority=True, usage=key_usage("key_cert_sign"))
ANNA = issue("Anna", number=2, bits=1024, issuer=ROOT, usage=key_usage("digital_signature"))


def with_key(bits: int, exponent: int) -> bytes:
    """Anna's certificate with another key; nobody signed that."""
    der = asn1_x509.Certificate.load(ANNA.der)
    key = keys.RSAPublicKey({"modulus": (1 << bits) - 1, "public_exponent": exponent})
    der["tbs_certificate"]["subject_public_key_info"] = keys.PublicKeyInfo.wrap(key, "rsa")
    written: bytes = der.dump(force=True)
    return written


def test_a_certificate_is_read_as_it_was_issued() -> None:
    anna = read_certificate(ANNA.der)

    assert anna.serial == ANNA.certificate.serial_number
    assert anna.issuer == ROOT.certificate.subject.public_bytes()
    assert anna.subject == ANNA.certificate.subject.public_bytes()
    assert (anna.valid_from, anna.valid_until) == (VALID_FROM, VALID_UNTIL)
    assert anna.may_sign
    assert not anna.may_issue
    assert anna.name.subject == "CN=Anna,O=Example Hospital,C=DE"
    assert anna.name.issuer == "CN=Root,O=Example Hospital,C=DE"
    assert anna.name.expires == VALID_UNTIL.isoformat()


def test_an_authority_may_issue_and_does_not_sign_content() -> None:
    root = read_certificate(ROOT.der)

    assert root.may_issue
    assert not root.may_sign
    assert read_certificate(ANNA.der).was_issued_by(root)
    assert not root.was_issued_by(read_certificate(ANNA.der))


def test_the_key_of_another_kind_is_no_rsa_key() -> None:
    (der,) = iter_pem(elliptic_certificate())

    assert read_certificate(der).rsa_key is None


@pytest.mark.parametrize(("identity", "flip"), [(ANNA, 0x01), (ANNA, 0xFF), (ROOT, 0x80)])
def test_a_spoiled_one_is_read_or_refused_and_vouched_for_by_nobody(
    identity: Identity, flip: int
) -> None:
    root = read_certificate(ROOT.der)
    signed_bytes = len(identity.certificate.tbs_certificate_bytes) + 4

    for place in range(len(identity.der)):
        spoiled = bytearray(identity.der)
        spoiled[place] ^= flip
        try:
            certificate = read_certificate(bytes(spoiled))
        except BerError:
            continue
        assert isinstance(certificate, Certificate)
        if 4 <= place < signed_bytes:
            assert not certificate.was_issued_by(root)


@pytest.mark.parametrize("length", [0, 1, 10, 100, 300])
def test_a_cut_one_is_refused(length: int) -> None:
    with pytest.raises(BerError):
        read_certificate(ANNA.der[:length])


@pytest.mark.parametrize(
    ("bits", "exponent"), [(16384, 65537), (400_000, 65537), (2048, (1 << 64) + 1)]
)
def test_a_key_that_would_take_long_is_refused(bits: int, exponent: int) -> None:
    with pytest.raises(BerError, match="larger than any in use"):
        read_certificate(with_key(bits, exponent))


def test_a_key_that_proves_nothing_is_none() -> None:
    assert read_certificate(with_key(2048, 1)).rsa_key is None


def test_a_serial_number_that_is_none_is_refused_without_a_warning() -> None:
    """The library warns of it, and somebody's screen would show that."""
    der = asn1_x509.Certificate.load(ANNA.der)
    der["tbs_certificate"]["serial_number"] = 0

    with pytest.raises(BerError, match="serial number"):
        read_certificate(der.dump(force=True))
