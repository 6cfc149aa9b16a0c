"""Certificates of recipients: taken, or refused with what to do about it."""

from __future__ import annotations

import hashlib
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import keys
from asn1crypto import x509 as asn1_x509

from mediastation.errors import SecrecyError
from mediastation.secure.sealing.recipients import read_recipient, recipient_from_der
from tests.support.certificates import MOMENT, elliptic_certificate, issue, key_usage, to_pem


def written(folder: Path, data: bytes, name: str = "recipient.pem") -> Path:
    """A file with these octets."""
    path = folder / name
    path.write_bytes(data)
    return path


class TestReadRecipient:
    def test_pem_and_der_give_the_same_recipient(self, tmp_path: Path) -> None:
        identity = issue("Dr. Doe")
        pem = read_recipient(written(tmp_path, b"some words\n" + identity.pem), MOMENT)

        assert pem == read_recipient(written(tmp_path, identity.der), MOMENT)
        assert pem == recipient_from_der(identity.der)
        assert pem.der == identity.der
        assert pem.name.subject == "CN=Dr. Doe,O=Example Hospital,C=DE"
        assert pem.name.issuer == pem.name.subject
        assert pem.name.serial == identity.certificate.serial_number
        assert pem.name.sha256 == hashlib.sha256(identity.der).hexdigest()
        assert pem.name.expires == "2049-12-31T00:00:00+00:00"

    @pytest.mark.parametrize("order", [[0, 1, 2], [2, 1, 0], [1, 0, 2], [0, 0, 1]])
    def test_of_a_chain_in_any_order_its_end_is_the_recipient(
        self, order: list[int], tmp_path: Path
    ) -> None:
        """Taken for the recipient, an authority would get files that it should never open."""
        root = issue("Root", number=1, authority=True)
        middle = issue("Middle", number=2, issuer=root, authority=True)
        leaf = issue("Leaf", issuer=middle)
        chain = [leaf.certificate, middle.certificate, root.certificate]

        path = written(tmp_path, to_pem([chain[place] for place in order]))

        assert read_recipient(path, MOMENT).der == leaf.der

    def test_two_certificates_that_are_no_chain_are_not_chosen_between(
        self, tmp_path: Path
    ) -> None:
        path = written(tmp_path, issue("A").pem + issue("B", number=1).pem)

        with pytest.raises(SecrecyError, match=r"recipient.pem holds 2 certificates") as caught:
            read_recipient(path, MOMENT)
        assert "one file for each" in caught.value.hint

    @pytest.mark.parametrize(
        ("data", "message", "hint"),
        [
            pytest.param(b"", "no certificate", "X.509", id="empty"),
            pytest.param(b"\x30\x82\xff\xff", "no certificate", "X.509", id="cut"),
            pytest.param(b"Dear colleague", "no certificate", "X.509", id="letter"),
            pytest.param(
                b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
                "no certificate",
                "X.509",
                id="hollow",
            ),
            pytest.param(
                b"-----BEGIN CERTIFICATE-----\n", "no certificate", "X.509", id="begin only"
            ),
            pytest.param(bytes(1 << 20) + b"x", "too large", "certificate", id="large"),
            pytest.param(elliptic_certificate(), "no RSA key", "RSA key of 2048", id="elliptic"),
        ],
    )
    def test_what_is_no_certificate_for_this_is_refused(
        self, data: bytes, message: str, hint: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path, data)

        with pytest.raises(SecrecyError, match=message) as caught:
            read_recipient(path, MOMENT)
        assert str(path) in caught.value.message
        assert hint in caught.value.hint

    @pytest.mark.parametrize("password", [b"", b"secret"])
    @pytest.mark.parametrize("form", ["pem", "der", "old pem", "old der", "pkcs12"])
    def test_a_private_key_is_not_taken_for_a_certificate(
        self, form: str, password: bytes, tmp_path: Path
    ) -> None:
        identity = issue("Owner")
        match form:
            case "pem":
                data = identity.key_pem(password)
            case "der":
                data = identity.key_der(password)
            case "old pem":
                data = identity.key_pem(password, traditional=True)
            case "old der":
                data = identity.key_der(traditional=True)
            case _:
                data = identity.pkcs12(password)

        with pytest.raises(SecrecyError, match="holds a private key") as caught:
            read_recipient(written(tmp_path, data), MOMENT)
        assert "Give the certificate" in caught.value.hint

    @pytest.mark.parametrize("bits", [1024, 2047])
    def test_short_keys_are_refused(self, bits: int, tmp_path: Path) -> None:
        path = written(tmp_path, issue("Short", bits=bits).pem)

        with pytest.raises(SecrecyError, match=f"RSA key of {bits} bits"):
            read_recipient(path, MOMENT)

    def test_a_key_for_other_paddings_alone_is_refused(self, tmp_path: Path) -> None:
        """RSASSA-PSS in the certificate forbids the key transport of the profile (RFC 4055)."""
        certificate = asn1_x509.Certificate.load(issue("PSS").der)
        info = certificate["tbs_certificate"]["subject_public_key_info"]
        key = info["public_key"].parsed
        info["algorithm"] = keys.PublicKeyAlgorithm({"algorithm": "rsassa_pss"})
        info["public_key"] = key
        path = written(tmp_path, certificate.dump(force=True))

        with pytest.raises(
            SecrecyError, match=r"no RSA key|cannot be understood|can be understood"
        ):
            read_recipient(path, MOMENT)

    def test_validity_includes_both_ends(self, tmp_path: Path) -> None:
        begin, end = datetime(2025, 1, 1, tzinfo=UTC), datetime(2026, 1, 1, tzinfo=UTC)
        path = written(tmp_path, issue("Valid", valid_from=begin, valid_until=end).pem)
        second = timedelta(seconds=1)

        read_recipient(path, begin)
        read_recipient(path, end)
        with pytest.raises(SecrecyError, match=r"not valid before 2025-01-01 00:00 UTC"):
            read_recipient(path, begin - second)
        with pytest.raises(SecrecyError, match=r"expired on 2026-01-01 00:00 UTC"):
            read_recipient(path, end + second)

    def test_a_moment_without_a_zone_is_a_mistake_of_the_caller(self, tmp_path: Path) -> None:
        path = written(tmp_path, issue("Valid").pem)

        with pytest.raises(ValueError, match="zone"):
            read_recipient(path, MOMENT.replace(tzinfo=None))

    @pytest.mark.parametrize(
        ("usage", "message"),
        [
            (["digital_signature"], "not for encryption"),
            (["key_cert_sign", "crl_sign"], "of an authority"),
        ],
    )
    def test_a_certificate_for_something_else_is_refused(
        self, usage: list[str], message: str, tmp_path: Path
    ) -> None:
        path = written(tmp_path, issue("Other", usage=key_usage(*usage)).pem)

        with pytest.raises(SecrecyError, match=message):
            read_recipient(path, MOMENT)

    @pytest.mark.parametrize("authority", [None, False, True])
    @pytest.mark.parametrize(
        "usage", [None, ["key_encipherment"], ["key_encipherment", "crl_sign"]]
    )
    def test_a_certificate_that_does_not_forbid_it_is_taken(
        self, authority: bool | None, usage: list[str] | None, tmp_path: Path
    ) -> None:
        """What `openssl req -x509` makes without configuration is an authority's, too."""
        usages = key_usage(*usage) if usage else None
        path = written(tmp_path, issue("Mine", authority=authority, usage=usages).pem)

        assert read_recipient(path, MOMENT).name.subject.startswith("CN=Mine")

    @pytest.mark.parametrize("serial", [0, -5])
    def test_old_serial_numbers_are_taken(self, serial: int, tmp_path: Path) -> None:
        certificate = asn1_x509.Certificate.load(issue("Old").der)
        certificate["tbs_certificate"]["serial_number"] = serial
        path = written(tmp_path, certificate.dump(force=True))

        assert read_recipient(path, MOMENT).name.serial == serial

    def test_what_cannot_be_read_is_named(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(SecrecyError, match=r"absent.pem cannot be read: No such file"):
            read_recipient(tmp_path / "absent.pem", MOMENT)
        for place in (tmp_path, tmp_path / "pipe"):
            with pytest.raises(SecrecyError, match=r"is not a file|Is a directory"):
                read_recipient(place, MOMENT)
