"""Envelopes of every kind that PS3.15 D.1 has, and of those that it has not."""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from typing import Any

import pytest
from asn1crypto import cms, core

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Severity
from mediastation.model.secrecy import Content, ContentCipher, Digest, Password
from mediastation.secure.opening import unwrapping
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing, PrivateKey
from mediastation.secure.opening.opener import Opener
from tests.secure.opening.small import (
    FILE,
    WORDS,
    by,
    key_of,
    open_by,
    open_with,
    rules,
    trusting,
    words,
)
from tests.support.certificates import MOMENT, issue
from tests.support.envelopes import (
    KEY_BYTES,
    content_info,
    digested_fields,
    key_recipient,
    make_envelope,
    password_recipient,
    tlv,
)

ANNA = issue("Anna", number=1)
BERT = issue("Bert", number=2)
CLINIC = issue("Clinic", number=3)


def sealed(content: bytes = FILE, **more: Any) -> bytes:
    """An envelope that `words()` opens; each test changes one thing."""
    options: dict[str, Any] = {"password": WORDS, "iterations": 10, "salt": b"8 octets"}
    return make_envelope(content, **options | more)


class TestContent:
    def test_the_content_comes_out_as_it_went_in(self) -> None:
        content, opened = open_with(words(), sealed())

        assert content == FILE
        assert opened.size_bytes == len(FILE)
        assert opened.sha256 == hashlib.sha256(FILE).hexdigest()
        assert opened.content is Content.DIGESTED
        assert opened.signatures == ()
        assert rules(opened) == []

    @pytest.mark.parametrize("cipher", ContentCipher)
    @pytest.mark.parametrize("chunk", [0, 30])
    def test_every_cipher_is_known(self, cipher: ContentCipher, chunk: int) -> None:
        content, opened = open_with(words(), sealed(cipher=cipher.value, indefinite=chunk))

        assert content == FILE
        assert opened.cipher is cipher

    @pytest.mark.parametrize("digest", Digest)
    @pytest.mark.parametrize("chunk", [0, 30])
    def test_every_digest_is_known(self, digest: Digest, chunk: int) -> None:
        content, opened = open_with(words(), sealed(digest=digest.value, indefinite=chunk))

        assert content == FILE
        assert opened.digest is digest
        assert opened.sha256 == hashlib.sha256(FILE).hexdigest()

    @pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 255, 70_000, 600_000])
    @pytest.mark.parametrize("chunks", [(0, 0), (1000, 0), (0, 1000), (1000, 1000)])
    def test_any_length_comes_out_whole_whichever_side_is_in_pieces(
        self, size: int, chunks: tuple[int, int]
    ) -> None:
        content = bytes(range(251)) * (size // 251) + bytes(range(size % 251))
        outer, inner = chunks

        assert (
            open_with(words(), sealed(content, indefinite=outer, inner_indefinite=inner))[0]
            == content
        )

    def test_pieces_of_one_byte_are_pieces(self) -> None:
        assert open_with(words(), sealed(indefinite=1))[0] == FILE

    def test_content_comes_in_pieces_and_never_as_a_whole(self) -> None:
        """Ten megabytes here stand for ten gigabytes there."""
        envelope = sealed(bytes(10 << 20))
        sizes: list[int] = []

        def take(piece: bytes) -> None:
            sizes.append(len(piece))

        Opener(words(), moment=MOMENT).open(io.BytesIO(envelope), len(envelope), take, "IM1")

        assert sum(sizes) == 10 << 20
        assert max(sizes) <= 1 << 19

    def test_what_the_taker_raises_goes_through(self) -> None:
        def full(_piece: bytes) -> None:
            raise OSError(28, "No space left on device")

        envelope = sealed()

        with pytest.raises(OSError, match="No space"):
            Opener(words(), moment=MOMENT).open(io.BytesIO(envelope), len(envelope), full, "IM1")

    def test_a_medium_that_fails_is_not_called_a_bad_envelope(self) -> None:
        class Scratched(io.BytesIO):
            def read(self, _size: int | None = -1, /) -> bytes:
                raise OSError(5, "Input/output error")

        with pytest.raises(MediaError, match="IM1 cannot be read: Input/output error"):
            Opener(words(), moment=MOMENT).open(Scratched(), 1000, lambda _: None, "IM1")

    def test_what_lies_behind_the_told_size_is_not_read(self) -> None:
        envelope = sealed()
        stream = io.BytesIO(envelope + b"the next file")

        Opener(words(), moment=MOMENT).open(stream, len(envelope), lambda _: None, "IM1")

        assert stream.read() == b"the next file"


class TestForms:
    """PS3.15 D.1.1 has one form; others are met (media-security, A2)."""

    @pytest.mark.parametrize("form", ["content_info", "content_octets", "id_data_nested"])
    @pytest.mark.parametrize("signer", [None, CLINIC])
    @pytest.mark.parametrize("chunk", [0, 30])
    def test_other_forms_are_opened_and_told(self, form: str, signer: Any, chunk: int) -> None:
        signed = by(signer) if signer else None
        envelope = sealed(form=form, signer=signed, indefinite=chunk)

        content, opened = open_with(words(), envelope, trust=trusting(CLINIC))

        assert content == FILE
        assert opened.content is (Content.SIGNED if signer else Content.DIGESTED)
        assert rules(opened) == ["envelope-nesting", *(["signature"] if signer else [])]

    def test_a_file_without_any_proof_stays_shut(self) -> None:
        with pytest.raises(BadEnvelopeError, match=r"IM1 .* without digest or signature"):
            open_with(words(), sealed(form="id_data_bare"))

    def test_a_file_without_any_proof_is_given_to_who_asks_for_it(self) -> None:
        content, opened = open_with(words(), sealed(form="id_data_bare"), allow_unproved=True)

        assert content == FILE
        assert opened.content is None
        assert [(one.rule, one.severity) for one in opened.findings[1:]] == [
            ("envelope-unproved", Severity.ERROR)
        ]

    def test_whoever_asks_for_it_gets_no_noise(self) -> None:
        """Something else than DICOM may as well be what a wrong key makes."""
        with pytest.raises(BadEnvelopeError):
            open_with(words(), sealed(b"x" * 500, form="id_data_bare"), allow_unproved=True)

    def test_what_lies_behind_the_envelope_is_left_out_and_told(self) -> None:
        content, opened = open_with(words(), sealed() + b"more")

        assert content == FILE
        assert rules(opened) == ["envelope-trailing"]

    def test_unprotected_attributes_are_passed_over(self) -> None:
        envelope = cms.ContentInfo.load(sealed())
        inner = envelope["content"].untag()
        fields = [inner[place].dump() for place in range(5) if inner[place].dump()]
        attribute = tlv(0x30, core.ObjectIdentifier("1.2.3").dump(), tlv(0x31))
        again = content_info("1.2.840.113549.1.7.3", tlv(0x30, *fields, tlv(0xA1, attribute)))

        assert open_with(words(), again)[0] == FILE

    def test_what_is_said_of_the_sender_is_passed_over(self) -> None:
        """OriginatorInfo has certificates for keys that agree; none of them proves anything."""
        version = core.Integer(3).dump()
        envelope = sealed(indefinite=50)

        assert envelope.count(version) == 1
        assert open_with(words(), envelope.replace(version, version + tlv(0xA0)))[0] == FILE

    def test_content_that_calls_itself_something_else_is_told(self) -> None:
        data, other = (core.ObjectIdentifier(f"1.2.840.113549.1.7.{n}").dump() for n in (1, 6))
        fields = digested_fields(FILE, "sha256", 0, wrong=False)
        inner = tlv(0x30, *(field.replace(data, other, 1) for field in fields))
        envelope = sealed(inner, form="id_data_bare")
        digested = core.ObjectIdentifier("1.2.840.113549.1.7.5").dump()

        content, opened = open_with(words(), envelope.replace(data, digested, 1))

        assert content == FILE
        assert rules(opened) == ["envelope-content-type"]
        assert "data encrypted without recipients" in opened.findings[1].message


class TestPasswords:
    @pytest.mark.parametrize("derivation", ["sha1", "sha224", "sha256", "sha384", "sha512"])
    @pytest.mark.parametrize("told", [False, True])
    def test_every_derivation_is_known(self, derivation: str, told: bool) -> None:
        assert open_with(words(), sealed(derivation=derivation, key_length=told))[0] == FILE

    @pytest.mark.parametrize("cipher", KEY_BYTES)
    @pytest.mark.parametrize("wrap_cipher", KEY_BYTES)
    def test_keys_may_be_wrapped_with_another_cipher(self, cipher: str, wrap_cipher: str) -> None:
        assert open_with(words(), sealed(cipher=cipher, wrap_cipher=wrap_cipher))[0] == FILE

    @pytest.mark.parametrize("text", ["\\", " a  b ", "$HOME", '"', "~" * 100])
    def test_every_character_of_the_repertoire_counts(self, text: str) -> None:
        assert open_with(words(text), sealed(password=text))[0] == FILE
        with pytest.raises(WrongKeyError):
            open_with(words(text + " "), sealed(password=text))

    def test_any_password_of_the_ring_may_be_the_one(self) -> None:
        content, opened = open_with(words("first", WORDS, "third"), sealed())

        assert content == FILE
        assert opened.opened_by == "password"

    def test_any_password_of_the_envelope_may_be_the_one(self) -> None:
        envelope = sealed(passwords=["another", "yet another"])

        assert open_with(words("yet another"), envelope)[0] == FILE
        assert len(open_with(words("another"), envelope)[1].recipients) == 3

    def test_the_wrong_one_is_told_with_whom_it_was_sealed_for(self) -> None:
        envelope = sealed(certificates=[ANNA.certificate])

        with pytest.raises(WrongKeyError) as caught:
            open_with(words("wrong"), envelope)

        assert caught.value.message.startswith("IM1 cannot be opened: the password or key is wrong")
        assert "a password" in caught.value.message
        assert f"certificate {ANNA.certificate.serial_number:X} of CN=Anna" in caught.value.message
        assert caught.value.exit_code == 4
        assert "wrong." not in caught.value.hint

    def test_an_entry_beside_it_that_was_spoiled_does_not_matter(self) -> None:
        other = bytearray(password_recipient("x", bytes(32), iterations=10))
        other[-1] ^= 1

        assert open_with(words(), sealed(other_recipients=[bytes(other)]))[0] == FILE

    def test_two_equal_entries_are_as_good_as_one(self) -> None:
        key = bytes(range(32))
        twin = password_recipient(WORDS, key, iterations=10, salt=b"8 octets")

        assert open_with(words(), sealed(content_key=key, other_recipients=[twin, twin]))[0] == FILE

    def test_an_entry_with_another_key_does_not_hide_the_right_one(self) -> None:
        """Its check bytes are right and its key is not that of the content."""
        decoy = password_recipient(WORDS, bytes(32), iterations=10)

        assert open_with(words(), sealed(other_recipients=[decoy]))[0] == FILE

    def test_a_key_of_another_length_than_the_cipher_has_is_no_key(self) -> None:
        short = password_recipient(WORDS, bytes(16), iterations=10)

        with pytest.raises(BadEnvelopeError, match="damaged, or was sealed with another key"):
            open_with(words(), sealed(password=None, other_recipients=[short]))

    def test_few_iterations_and_short_salts_are_told(self) -> None:
        _, opened = open_with(words(), sealed(salt=b"1234", iterations=999))

        (finding,) = opened.findings
        assert (finding.rule, finding.severity) == ("envelope-weak", Severity.NOTE)
        assert "999 times" in finding.message
        assert not open_with(words(), sealed(iterations=1000))[1].findings

    def test_thousand_files_of_one_set_derive_once(self, monkeypatch: pytest.MonkeyPatch) -> None:
        made: list[int] = []
        derive = hashlib.pbkdf2_hmac

        def counted(*arguments: Any) -> bytes:
            made.append(1)
            return derive(*arguments)

        monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
        opener = Opener(words("wrong", WORDS), moment=MOMENT)
        envelopes = [sealed(FILE + bytes([number]), iterations=5000) for number in range(20)]
        made.clear()

        for number in range(1000):
            assert open_by(opener, envelopes[number % 20])[0] == FILE + bytes([number % 20])

        assert len(made) == 2  # one for each password

    def test_no_more_keys_are_remembered_than_told(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unwrapping, "MAX_DERIVED_KEYS", 3)
        opener = Opener(words(), moment=MOMENT)

        for number in range(10):
            open_by(opener, sealed(salt=bytes([number]) * 8))

        assert len(opener._keys._derived._futures) == 3


class TestPrivateKeys:
    @pytest.mark.parametrize("rid", ["issuer", "ski"])
    @pytest.mark.parametrize("with_certificate", [True, False])
    def test_a_key_opens_its_own_entry_among_others(self, rid: Any, with_certificate: bool) -> None:
        envelope = sealed(certificates=[BERT.certificate, ANNA.certificate], rid=rid)

        content, opened = open_with(key_of(ANNA, with_certificate=with_certificate), envelope)

        assert content == FILE
        assert opened.opened_by == (
            "CN=Anna,O=Example Hospital,C=DE" if with_certificate else "private key"
        )

    def test_it_is_told_for_whom_it_was_sealed(self) -> None:
        envelope = sealed(certificates=[BERT.certificate, ANNA.certificate])

        _, opened = open_with(words(), envelope)

        assert {(one.is_password, one.issuer, one.serial) for one in opened.recipients} == {
            (True, "", None),
            (False, ANNA.certificate.issuer.rfc4514_string(), ANNA.certificate.serial_number),
            (False, BERT.certificate.issuer.rfc4514_string(), BERT.certificate.serial_number),
        }

    @pytest.mark.parametrize("with_certificate", [True, False])
    def test_somebody_elses_key_is_told_whose_the_envelope_is(self, with_certificate: bool) -> None:
        envelope = sealed(password=None, certificates=[BERT.certificate])

        with pytest.raises(WrongKeyError, match=r"It was sealed for certificate .* of CN=Bert"):
            open_with(key_of(ANNA, with_certificate=with_certificate), envelope)

    def test_a_certificate_that_was_renewed_opens_by_its_key_alone(self) -> None:
        """The old certificate is named in the envelope; the key is the same."""
        renewed = issue("Anna the second", number=1)
        envelope = sealed(password=None, certificates=[ANNA.certificate])

        with pytest.raises(WrongKeyError) as caught:
            open_with(key_of(renewed), envelope)
        assert "renewed" in caught.value.hint
        assert open_with(key_of(renewed, with_certificate=False), envelope)[0] == FILE

    def test_any_key_of_the_ring_may_be_the_one(self) -> None:
        ring = KeyRing(
            [Password("wrong")],
            [*key_of(BERT).keys, *key_of(CLINIC).keys, *key_of(ANNA).keys],
        )

        assert open_with(ring, sealed(certificates=[ANNA.certificate]))[0] == FILE

    def test_the_own_entry_with_a_spoiled_key_says_no_more_than_that(self) -> None:
        """Whether padding, length or key is wrong would help whoever can ask often."""
        envelope = sealed(password=None, certificates=[ANNA.certificate])
        at = envelope.index(bytes.fromhex("04820100")) + 4
        messages = set()

        for place in (at, at + 100, at + 255):
            spoiled = bytearray(envelope)
            spoiled[place] ^= 0x01
            with pytest.raises(BadEnvelopeError) as caught:
                open_with(key_of(ANNA), bytes(spoiled))
            messages.add(caught.value.message)

        assert messages == {"IM1 cannot be opened: it is damaged, or was sealed with another key."}

    def test_of_many_recipients_a_few_are_named(self) -> None:
        many = [issue(f"Number {number}", number=2) for number in range(8)]
        envelope = sealed(password=None, certificates=[one.certificate for one in many])

        with pytest.raises(WrongKeyError, match="and 3 more"):
            open_with(key_of(ANNA), envelope)

    def test_an_entry_for_a_key_of_another_length_is_not_its_own(self) -> None:
        """It names the certificate, and nothing that this key could have encrypted."""
        short = issue("Anna", number=1, bits=1024)
        entry = bytearray(key_recipient(short.certificate, bytes(32)))
        envelope = sealed(password=None, other_recipients=[bytes(entry)])

        with pytest.raises(WrongKeyError):
            open_with(key_of(ANNA, with_certificate=False), envelope)
        with pytest.raises(BadEnvelopeError):
            open_with(KeyRing(keys=[PrivateKey(ANNA.key, of_library(short.certificate))]), envelope)

    def test_no_key_at_hand_is_told_with_whom_it_was_sealed_for(self) -> None:
        with pytest.raises(WrongKeyError, match=r"it is sealed\. It was sealed for a password"):
            open_with(KeyRing(), sealed())


class TestContentKeys:
    def test_who_sealed_a_file_proves_it_by_its_name(self) -> None:
        envelope = sealed(password=None, certificates=[ANNA.certificate], content_key=b"k" * 32)

        content, opened = open_with(KeyRing(content_keys={"IM1": b"k" * 32}), envelope)

        assert content == FILE
        assert opened.opened_by == "content key"

    def test_the_key_of_another_file_opens_nothing(self) -> None:
        envelope = sealed(content_key=b"k" * 32)

        with pytest.raises(WrongKeyError):
            open_with(KeyRing(content_keys={"IM2": b"k" * 32}), envelope)
        with pytest.raises(BadEnvelopeError):
            open_with(KeyRing(content_keys={"IM1": b"x" * 32}), envelope)
        with pytest.raises(BadEnvelopeError):
            open_with(KeyRing(content_keys={"IM1": b"too short"}), envelope)


class TestDamage:
    def test_a_changed_byte_of_the_content_is_found(self) -> None:
        envelope = bytearray(sealed(FILE * 100))
        envelope[-4000] ^= 1

        with pytest.raises(BadEnvelopeError, match="damaged or changed since it was sealed"):
            open_with(words(), bytes(envelope))

    def test_a_digest_of_something_else_is_found(self) -> None:
        with pytest.raises(BadEnvelopeError, match="damaged or changed since it was sealed"):
            open_with(words(), sealed(wrong_digest=True))

    @pytest.mark.parametrize("missing", [1, 16, 32, 1000])
    def test_an_end_that_is_missing_is_told(self, missing: int) -> None:
        with pytest.raises(BadEnvelopeError, match="it ends too early"):
            open_with(words(), sealed(FILE * 100)[:-missing])

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "it is no secure envelope, but empty"),
            (FILE, "it is no secure envelope"),
            (b"-----BEGIN CMS-----\n", "PEM is for mail"),
            (content_info("1.2.840.113549.1.7.2", b"0\0"), "but signed data"),
            (content_info("1.2.840.113549.1.9.16.1.23", b"0\0"), "AuthEnvelopedData"),
        ],
    )
    def test_what_is_no_envelope_is_called_by_its_name(self, data: bytes, said: str) -> None:
        with pytest.raises(BadEnvelopeError, match=said):
            open_with(words(), data)


class TestOtherKinds:
    """Outside the profile: recognised, and called by their names."""

    @staticmethod
    def _with_cipher(oid: str) -> bytes:
        envelope = cms.ContentInfo.load(sealed())
        old = envelope["content"]["encrypted_content_info"]["content_encryption_algorithm"].dump()
        new = tlv(0x30, core.ObjectIdentifier(oid).dump(), tlv(0x30, tlv(4, b"nonce of 12.")))
        outer = envelope["content"].untag()
        info = outer["encrypted_content_info"].dump()
        body = info[4:].replace(old, new)
        fields = [outer["version"].dump(), outer["recipient_infos"].dump(), tlv(0x30, body)]
        return content_info("1.2.840.113549.1.7.3", tlv(0x30, *fields))

    def test_another_cipher(self) -> None:
        with pytest.raises(BadEnvelopeError, match="encrypted with AES-256-GCM"):
            open_with(words(), self._with_cipher("2.16.840.1.101.3.4.1.46"))

    @pytest.mark.parametrize(
        ("tag", "said"),
        [
            (0xA1, "a key that agrees with the sender's"),
            (0xA2, "a secret key that both sides have"),
            (0xA4, "a recipient of an unknown kind"),
        ],
    )
    def test_another_kind_of_key(self, tag: int, said: str) -> None:
        other = tlv(tag, core.Integer(3).dump())

        with pytest.raises(WrongKeyError, match=f"sealed for {said}"):
            open_with(words(), sealed(password=None, other_recipients=[other]))
        content, opened = open_with(words(), sealed(other_recipients=[other]))
        assert content == FILE
        assert rules(opened) == ["envelope-recipient"]

    def test_another_padding_of_an_rsa_key(self) -> None:
        info = cms.RecipientInfo.load(
            next(
                entry.dump()
                for entry in cms.ContentInfo.load(sealed(certificates=[ANNA.certificate]))[
                    "content"
                ]["recipient_infos"]
                if entry.name == "ktri"
            )
        )
        info.chosen["key_encryption_algorithm"] = {"algorithm": "rsaes_oaep"}

        with pytest.raises(WrongKeyError, match=r"of CN=Anna.*encrypted with RSA-OAEP"):
            open_with(key_of(ANNA), sealed(password=None, other_recipients=[info.dump(force=True)]))

    @pytest.mark.parametrize(
        ("inner", "said"),
        [
            ("1.2.840.113549.1.9.16.1.9", "compressed data"),
            ("1.2.840.113549.1.7.3", "an envelope"),
            ("1.2.3.4", "1.2.3.4"),
        ],
    )
    def test_another_content(self, inner: str, said: str) -> None:
        old = core.ObjectIdentifier("1.2.840.113549.1.7.5").dump()
        envelope = cms.ContentInfo.load(sealed())
        outer = envelope["content"].untag()
        info = (
            outer["encrypted_content_info"]
            .dump()[4:]
            .replace(old, core.ObjectIdentifier(inner).dump())
        )
        fields = [outer["version"].dump(), outer["recipient_infos"].dump(), tlv(0x30, info)]
        again = content_info("1.2.840.113549.1.7.3", tlv(0x30, *fields))

        with pytest.raises(BadEnvelopeError, match=f"it holds {said}; digested or signed"):
            open_with(words(), again)


class TestContentBytes:
    @pytest.mark.parametrize("form", ["conforming", "content_octets", "id_data_nested"])
    def test_the_length_is_told_by_the_head(self, form: str) -> None:
        envelope = sealed(FILE * 10_000, form=form)
        stream = io.BytesIO(envelope)
        opener = Opener(words(), moment=MOMENT)

        assert opener.content_bytes(stream, len(envelope)) == len(FILE) * 10_000
        assert stream.tell() <= 1 << 14

    @pytest.mark.parametrize(
        "envelope",
        [
            sealed(indefinite=50),
            sealed(form="id_data_bare"),
            sealed(passwords=["another"], password=None),
            FILE,
            b"",
        ],
    )  # fmt: skip
    def test_where_it_does_not_say_nothing_is_told(self, envelope: bytes) -> None:
        opener = Opener(words(), moment=MOMENT)

        assert opener.content_bytes(io.BytesIO(envelope), len(envelope)) is None


def test_a_moment_needs_a_zone() -> None:
    with pytest.raises(ValueError, match="zone"):
        Opener(words(), moment=MOMENT.replace(tzinfo=None))


def test_both_errors_are_of_secrecy(tmp_path: Path) -> None:
    """Commands end with exit code 4."""
    assert issubclass(WrongKeyError, SecrecyError)
    assert BadEnvelopeError("x").exit_code == 4
