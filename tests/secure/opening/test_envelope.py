"""What an envelope tells without a key."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest
from asn1crypto import algos, cms, core
from cryptography import x509
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.secrecy import Content, ContentCipher
from mediastation.secure.opening.envelope import Envelope, read_envelope
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.names import name_text
from mediastation.secure.opening.recipients import RecipientFacts
from tests.secure.opening.small import FILE, WORDS
from tests.support.certificates import issue
from tests.support.envelopes import PWRI_KEK, make_envelope, password_recipient, tlv

ANNA = issue("Anna", number=1)


def facts(**more: Any) -> Envelope:
    envelope = make_envelope(FILE, iterations=4096, **more)
    return read_envelope(io.BytesIO(envelope), len(envelope), "IM1")


class TestRecipients:
    def test_a_password_tells_how_it_is_stretched(self) -> None:
        (one,) = facts(password=WORDS, derivation="sha384").recipients

        assert one == RecipientFacts(is_password=True, iterations=4096, derivation="sha384")
        assert one.text == "a password"

    def test_a_certificate_is_named(self) -> None:
        (one,) = facts(certificates=[ANNA.certificate]).recipients

        assert one.issuer == ANNA.certificate.issuer.rfc4514_string()
        assert one.serial == ANNA.certificate.serial_number
        assert one.text == f"certificate {one.serial:X} of CN=Anna,O=Example Hospital,C=DE"

    def test_a_key_identifier_is_named(self) -> None:
        (one,) = facts(certificates=[ANNA.certificate], rid="ski").recipients

        identifier = x509.SubjectKeyIdentifier.from_public_key(ANNA.key.public_key()).digest
        assert one.key_identifier == identifier.hex()
        assert one.text == f"the key {identifier.hex()}"

    def test_all_are_told_in_their_order(self) -> None:
        told = facts(password=WORDS, certificates=[ANNA.certificate], passwords=["x"]).recipients

        assert sorted(one.is_password for one in told) == [False, True, True]

    def test_one_that_nobody_can_read_is_told_too(self) -> None:
        envelope = facts(password=WORDS, other_recipients=[tlv(0x30, b"\x02\x01\x00\x05\x00")])

        assert any("damaged" in one.text for one in envelope.recipients)
        assert [finding.rule for finding in envelope.findings] == ["envelope-recipient"]


class TestPasswordsOfOtherKinds:
    """Each is called by its name, and none is an error of the envelope."""

    @staticmethod
    def _told(change: Callable[[cms.PasswordRecipientInfo], None]) -> str:
        entry = cms.RecipientInfo.load(password_recipient(WORDS, bytes(32)))
        change(entry.chosen)
        written = entry.chosen.untag().dump(force=True)
        encoded = b"\xa3" + written[1:]
        told = facts(certificates=[ANNA.certificate], other_recipients=[encoded]).recipients
        (one,) = [one for one in told if one.unsupported]
        return one.text

    def test_another_derivation(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            entry["key_derivation_algorithm"] = {"algorithm": "1.3.6.1.4.1.11591.4.11"}

        assert self._told(change) == "a password (with a key derived by scrypt)"

    def test_no_derivation(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            del entry["key_derivation_algorithm"]

        assert "derived in an unnamed way" in self._told(change)

    def test_another_function(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            parameters = entry["key_derivation_algorithm"]["parameters"]
            parameters["prf"] = {"algorithm": "1.2.840.113549.2.12"}

        assert "derived by 1.2.840.113549.2.12" in self._told(change)

    def test_a_salt_from_elsewhere(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            parameters = entry["key_derivation_algorithm"]["parameters"]
            parameters["salt"] = algos.Pbkdf2Salt({"other_source": {"algorithm": "1.2.3"}})

        assert "a salt from elsewhere" in self._told(change)

    def test_another_wrap(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            entry["key_encryption_algorithm"] = {"algorithm": "aes256_wrap"}

        assert "wrapped by 2.16.840.1.101.3.4.1.45" in self._told(change)

    def test_another_cipher_of_the_wrap(self) -> None:
        def change(entry: cms.PasswordRecipientInfo) -> None:
            algorithm = core.ObjectIdentifier("2.16.840.1.101.3.4.1.46").dump()
            entry["key_encryption_algorithm"] = {
                "algorithm": PWRI_KEK,
                "parameters": core.Any(core.Asn1Value.load(tlv(0x30, algorithm))),
            }

        assert "wrapped by AES-256-GCM" in self._told(change)


class TestContent:
    @pytest.mark.parametrize("cipher", ContentCipher)
    @pytest.mark.parametrize("chunk", [0, 40])
    def test_the_cipher_is_told(self, cipher: ContentCipher, chunk: int) -> None:
        envelope = facts(password=WORDS, cipher=cipher.value, indefinite=chunk)

        assert envelope.cipher is cipher
        assert envelope.content is Content.DIGESTED
        assert envelope.findings == ()

    def test_signed_content_is_told(self) -> None:
        signed = facts(password=WORDS, signer=(ANNA.key, ANNA.certificate, ()))

        assert signed.content is Content.SIGNED

    def test_content_in_mail_is_not_told(self) -> None:
        assert facts(password=WORDS, form="id_data_nested").content is None


class TestDamage:
    def test_only_the_head_is_read(self) -> None:
        envelope = make_envelope(FILE * 10_000, password=WORDS, iterations=1000)
        stream = io.BytesIO(envelope)

        read_envelope(stream, len(envelope))

        assert stream.tell() <= 1 << 14

    def test_a_file_that_was_cut_is_told_by_its_length(self) -> None:
        """Before anybody types a password."""
        envelope = make_envelope(FILE, password=WORDS, iterations=1000)

        with pytest.raises(BadEnvelopeError, match=r"IM1 cannot be opened: it ends too early"):
            read_envelope(io.BytesIO(envelope), len(envelope) - 1, "IM1")

    def test_a_plain_file_is_no_envelope(self) -> None:
        with pytest.raises(BadEnvelopeError, match="IM1 cannot be opened: it is no secure env"):
            read_envelope(io.BytesIO(FILE), len(FILE), "IM1")


class TestNames:
    @given(
        st.lists(
            st.tuples(
                st.sampled_from(
                    [
                        NameOID.COMMON_NAME,
                        NameOID.ORGANIZATION_NAME,
                        NameOID.EMAIL_ADDRESS,
                        NameOID.DOMAIN_COMPONENT,
                        NameOID.USER_ID,
                        NameOID.STREET_ADDRESS,
                    ]
                ),
                st.text(st.characters(categories=["L", "N", "P", "Sm", "Zs"]), min_size=1,
                        max_size=40),
            ),
            max_size=4,
        )
    )  # fmt: skip
    def test_a_name_is_written_as_the_library_writes_it(
        self, parts: list[tuple[x509.ObjectIdentifier, str]]
    ) -> None:
        """Who was named when it was sealed is found by that text."""
        name = x509.Name([x509.NameAttribute(kind, text) for kind, text in parts])

        assert name_text(name.public_bytes()) == name.rfc4514_string()[:300]

    def test_a_name_longer_than_its_kind_allows_is_read_without_a_warning(self) -> None:
        long = tlv(0x30, bytes.fromhex("0603550406"), tlv(0x13, b"Germany"))
        name = tlv(0x30, tlv(0x31, long))

        assert name_text(name) == "C=Germany"

    def test_a_name_of_several_parts_in_one_is_read(self) -> None:
        first, second = (x509.NameAttribute(NameOID.COMMON_NAME, text) for text in "ab")
        name = x509.Name([x509.RelativeDistinguishedName([first, second])])

        assert name_text(name.public_bytes()) == name.rfc4514_string()

    def test_a_name_steers_no_terminal(self) -> None:
        name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "\x1b[2J\u202eevil")])

        text = name_text(name.public_bytes())

        assert "\x1b" not in text
        assert "\u202e" not in text
        assert "evil" in text

    def test_a_name_fills_no_screen(self) -> None:
        attributes = [x509.NameAttribute(NameOID.COMMON_NAME, "x" * 60)] * 50

        assert len(name_text(x509.Name(attributes).public_bytes())) <= 300

    @pytest.mark.parametrize("name", [b"", b"\x30\x01", b"\x31\x00", b"\xff" * 100, b"\x30\x80"])
    def test_bytes_that_are_no_name_are_shown_as_such(self, name: bytes) -> None:
        assert name_text(name).startswith("#")
