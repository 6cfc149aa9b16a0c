"""Entries of recipients: key wrapping by known answers, what is fresh and what is shared."""

from __future__ import annotations

import hashlib

import pytest
from asn1crypto import algos, cms
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.secure.sealing.entries import PasswordEntry, certificate_entries, wrap_key
from mediastation.secure.sealing.recipients import Recipient, recipient_from_der
from tests.support.certificates import Identity, issue

VECTOR = bytes(range(0x20, 0x30))
COUNT = 100_000

wrapping_keys = st.sampled_from([16, 24, 32]).flatmap(lambda n: st.binary(min_size=n, max_size=n))


def unwrap(wrapping_key: bytes, wrapped: bytes, vector: bytes) -> bytes:
    """Undo RFC 3211 2.3.2 step by step, from the last block backwards; return the whole block."""
    last = Cipher(AES(wrapping_key), ECB()).decryptor().update(wrapped[-16:])  # noqa: S305
    first_pass_end = bytes(a ^ b for a, b in zip(last, wrapped[-32:-16], strict=True))
    once = Cipher(AES(wrapping_key), CBC(first_pass_end)).decryptor().update(wrapped)
    return Cipher(AES(wrapping_key), CBC(vector)).decryptor().update(once)


class TestWrapKey:
    # Worked out by hand after RFC 3211 2.3.1 with AES and zeros as padding; OpenSSL 3.0.19 unwraps
    # what the same steps give. The derivations are of PBKDF2 with 1000 rounds of the password
    # "correct horse battery staple" and the salt 0011223344556677.
    @pytest.mark.parametrize(
        ("prf", "wrapping_key", "wrapped"),
        [
            (
                "sha1",
                "fc38bf6cd6122f053b1c50ee5d7fbbb1",
                "8d33425ed1d82a797928bebe0b2d997fb9620dd9ecd4c862b23dbeb88300922e",
            ),
            (
                "sha256",
                "87d2dbd7404215d39e3769727d570feb31275df156e6f18ff5142286e0539dfa",
                "b4c2f965a4721166c875cd59ca57511ad36883efc587aa840fa597033e7b072a"
                "50407d84e46aa6b9cde1daaf9fa04f9f",
            ),
        ],
    )
    def test_known_answers(self, prf: str, wrapping_key: str, wrapped: str) -> None:
        key = bytes.fromhex(wrapping_key)
        salt = bytes.fromhex("0011223344556677")
        derived = hashlib.pbkdf2_hmac(prf, b"correct horse battery staple", salt, 1000, len(key))

        assert derived == key
        assert wrap_key(key, bytes(range(len(key))), VECTOR, random=bytes).hex() == wrapped

    @given(wrapping_keys, wrapping_keys, st.binary(min_size=16, max_size=16))
    def test_the_key_comes_back_with_length_and_check_octets(
        self, wrapping_key: bytes, key: bytes, vector: bytes
    ) -> None:
        block = unwrap(wrapping_key, wrap_key(wrapping_key, key, vector), vector)

        assert block[0] == len(key)
        assert bytes(octet ^ 0xFF for octet in block[1:4]) == key[:3]
        assert block[4 : 4 + len(key)] == key

    @pytest.mark.parametrize(("key_bytes", "wrapped_bytes"), [(16, 32), (24, 32), (32, 48)])
    def test_what_fills_the_last_block_is_random(self, key_bytes: int, wrapped_bytes: int) -> None:
        key = bytes(key_bytes)
        first, second = (wrap_key(bytes(32), key, VECTOR) for _ in range(2))

        assert len(first) == len(second) == wrapped_bytes
        assert first != second


class TestPasswordEntry:
    def entry(
        self,
        cipher: ContentCipher = ContentCipher.AES_256,
        derivation: Digest = Digest.SHA_1,
        iterations: int = COUNT,
    ) -> PasswordEntry:
        """An entry for a password."""
        return PasswordEntry(Password("p w\\$"), cipher, derivation, iterations)

    @pytest.mark.parametrize(
        "cipher", [ContentCipher.AES_128, ContentCipher.AES_192, ContentCipher.AES_256]
    )
    @pytest.mark.parametrize("derivation", list(Digest))
    def test_the_password_and_what_the_entry_says_give_the_key(
        self, cipher: ContentCipher, derivation: Digest
    ) -> None:
        key = bytes(range(cipher.key_bytes))
        entry = self.entry(cipher, derivation)

        encoded = entry.encode(key)

        assert len(encoded) == entry.size_bytes
        info = cms.RecipientInfo.load(encoded, strict=True)
        assert info.name == "pwri"
        read = info.chosen
        assert read["version"].native == "v0"
        assert read["key_derivation_algorithm"]["algorithm"].native == "pbkdf2"
        parameters = read["key_derivation_algorithm"]["parameters"]
        assert parameters["prf"]["algorithm"].native == derivation.value
        wrap = read["key_encryption_algorithm"]
        assert wrap["algorithm"].dotted == "1.2.840.113549.1.9.16.3.9"
        inner = algos.EncryptionAlgorithm.load(wrap["parameters"].dump(), strict=True)
        assert inner["algorithm"].native == f"{cipher.value}_cbc"
        wrapping_key = hashlib.pbkdf2_hmac(
            derivation.value,
            b"p w\\$",
            parameters["salt"].native,
            parameters["iteration_count"].native,
            cipher.key_bytes,
        )
        block = unwrap(wrapping_key, read["encrypted_key"].native, inner["parameters"].native)
        assert block[4 : 4 + len(key)] == key

    def test_the_default_hmac_is_left_out_and_others_have_null_parameters(self) -> None:
        """DER has no defaults (X.690 11.5); HMAC identifiers of RFC 8018 have NULL."""
        key = bytes(32)

        assert bytes.fromhex("2a864886f70d0207") not in self.entry().encode(key)
        other = self.entry(derivation=Digest.SHA_256).encode(key)
        assert bytes.fromhex("300c06082a864886f70d02090500") in other

    def test_a_set_has_one_salt_and_each_file_a_vector_of_its_own(self) -> None:
        entry = self.entry()
        first, second = (cms.RecipientInfo.load(entry.encode(bytes(32))).chosen for _ in range(2))
        salts = {
            one["key_derivation_algorithm"]["parameters"]["salt"].native for one in (first, second)
        }

        assert [len(salt) for salt in salts] == [16]
        assert first["key_encryption_algorithm"].dump() != second["key_encryption_algorithm"].dump()
        assert salts != {
            cms.RecipientInfo.load(self.entry().encode(bytes(32)))
            .chosen["key_derivation_algorithm"]["parameters"]["salt"]
            .native
        }

    @pytest.mark.parametrize(
        ("derivation", "asked", "taken"),
        [
            (Digest.SHA_1, 0, 1_300_000),
            (Digest.SHA_256, 0, 600_000),
            (Digest.SHA_384, 0, 210_000),
            (Digest.SHA_512, 0, 210_000),
            (Digest.SHA_1, 1, 100_000),
            (Digest.SHA_1, 99_999, 100_000),
            (Digest.SHA_1, 123_456, 123_456),
        ],
    )
    def test_counts_are_those_asked_for_or_advised_and_never_few(
        self, derivation: Digest, asked: int, taken: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        counts = []

        def counted(digest: str, password: bytes, salt: bytes, count: int, length: int) -> bytes:
            counts.append(count)
            return bytes(length)

        monkeypatch.setattr(hashlib, "pbkdf2_hmac", counted)
        entry = self.entry(derivation=derivation, iterations=asked)
        encoded = [entry.encode(bytes(32)) for _ in range(3)]

        assert counts == [taken]
        read = cms.RecipientInfo.load(encoded[0]).chosen["key_derivation_algorithm"]
        assert read["parameters"]["iteration_count"].native == taken

    @pytest.mark.parametrize("count", [-1, 10_000_001])
    def test_counts_that_readers_refuse_are_not_written(self, count: int) -> None:
        with pytest.raises(ValueError, match="iterations"):
            self.entry(iterations=count)


class TestCertificateEntries:
    def recipient(self, identity: Identity) -> Recipient:
        """The recipient of a certificate."""
        return recipient_from_der(identity.der)

    def decrypted(self, identity: Identity, encoded: bytes) -> bytes:
        """The content key, by the private key."""
        encrypted = cms.RecipientInfo.load(encoded).chosen["encrypted_key"].native
        return identity.key.decrypt(encrypted, PKCS1v15())

    @pytest.mark.parametrize("bits", [2048, 2050, 3072])
    def test_issuer_and_serial_number_name_the_certificate(self, bits: int) -> None:
        identity = issue("Recipient", bits=bits)
        (entry,) = certificate_entries([self.recipient(identity)])
        key = bytes(range(32))

        encoded = entry.encode(key)

        assert len(encoded) == entry.size_bytes
        read = cms.RecipientInfo.load(encoded, strict=True).chosen
        assert read["version"].native == "v0"
        name = read["rid"].chosen
        assert name["serial_number"].native == identity.certificate.serial_number
        assert name["issuer"].dump() == identity.certificate.issuer.public_bytes()
        algorithm = read["key_encryption_algorithm"].dump()
        assert algorithm.hex() == "300d06092a864886f70d0101010500"  # rsaEncryption, NULL
        assert self.decrypted(identity, encoded) == key

    def test_a_certificate_given_twice_is_one_recipient(self) -> None:
        recipient = self.recipient(issue("Twice"))

        assert len(certificate_entries([recipient, recipient])) == 1

    def test_namesakes_are_told_apart_by_their_subject_key_identifiers(self) -> None:
        """Home-made certificates often have the serial number 1 and the same name."""
        ours, theirs = (issue("Home made", number=number, serial=1) for number in (0, 1))
        bare = issue("Home made", number=2, serial=1, key_identifier=False)

        entries = certificate_entries([*map(self.recipient, (ours, theirs, bare))])

        assert [entry.version for entry in entries] == [2, 2, 0]
        for identity, entry in zip((ours, theirs, bare), entries, strict=True):
            encoded = entry.encode(bytes(32))
            assert len(encoded) == entry.size_bytes
            assert self.decrypted(identity, encoded) == bytes(32)
            read = cms.RecipientInfo.load(encoded, strict=True).chosen
            if entry.version:
                assert read["version"].native == "v2"
                assert read["rid"].name == "subject_key_identifier"

    def test_namesakes_that_nothing_tells_apart_are_refused(self) -> None:
        """OpenSSL takes the first entry for its own: the other of the two would open nothing."""
        bare = [issue("Home made", number=one, serial=1, key_identifier=False) for one in (0, 1)]

        with pytest.raises(SecrecyError, match="could not open"):
            certificate_entries(map(self.recipient, bare))

    def test_octets_that_are_no_certificate_are_refused(self) -> None:
        with pytest.raises(SecrecyError, match="no certificate"):
            recipient_from_der(b"0\x03abc")
