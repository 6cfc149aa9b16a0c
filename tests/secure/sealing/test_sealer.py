"""Envelopes: their structure, their lengths told beforehand, and what is fresh in each."""

from __future__ import annotations

import copy
import functools
import hashlib
import io
import os
import pickle
import random
import traceback
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.hazmat.primitives.serialization.pkcs7 import pkcs7_decrypt_der
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.model.secrecy import Content, ContentCipher, ContentKey, Digest, Password
from mediastation.secure.sealing.recipients import recipient_from_der
from mediastation.secure.sealing.sealer import CHUNK_BYTES, Sealer, WrongLengthError
from mediastation.secure.sealing.signer import Signer, read_signer
from tests.secure.sealing.envelopes import open_digested, seal, take_apart
from tests.support.certificates import MOMENT, Identity, issue

COUNT = 100_000
SECRET = "canary-4711 \\ $"  # noqa: S105

BORDERS = [0, 1, 15, 16, 17, 127, 128, 255, 256, 65535, 65536, CHUNK_BYTES, 2**24 - 1, 2**24]


@functools.cache
def identities() -> tuple[Identity, Identity]:
    """Two recipients."""
    return issue("One"), issue("Two", number=1)


def sealer(
    count: int = 1, password: str | None = SECRET, moment: datetime = MOMENT, **options: Any
) -> Sealer:
    """A sealer for so many certificates and a password."""
    recipients = [recipient_from_der(one.der) for one in identities()[:count]]
    secret = Password(password) if password else None
    return Sealer(recipients, secret, moment=moment, iterations=COUNT, **options)


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> Signer:
    """A site's signing key with its authority."""
    folder = tmp_path_factory.mktemp("signer")
    site = issue("Site", number=2, issuer=issue("Authority", number=3, authority=True))
    certificate, key = site.write(folder, "site")
    return read_signer(key, certificate, MOMENT)


digested = functools.cache(sealer)


@functools.cache
def signing(signer: Signer) -> Sealer:
    """A sealer that signs, one for all examples."""
    return sealer(signer=signer)


class Zeros(io.RawIOBase):
    """A file of zeros, as long as one likes, that takes no memory."""

    def __init__(self, size_bytes: int) -> None:
        self._left = size_bytes

    def readinto(self, buffer: Any, /) -> int:
        count = min(len(buffer), self._left)
        buffer[:count] = bytes(count)
        self._left -= count
        return count


class Pieces(io.RawIOBase):
    """A source that gives some of what it is asked for, as pipes and network disks do."""

    def __init__(self, data: bytes, draw: random.Random) -> None:
        self._data = io.BytesIO(data)
        self._draw = draw

    def readinto(self, buffer: Any, /) -> int:
        return self._data.readinto(memoryview(buffer)[: self._draw.randint(1, len(buffer))])


class TestLengths:
    @pytest.mark.parametrize("size_bytes", BORDERS)
    def test_they_are_told_beforehand_and_the_file_comes_back(self, size_bytes: int) -> None:
        file = random.Random(size_bytes).randbytes(size_bytes)

        envelope, sealed = seal(digested(), file)

        assert len(envelope) == digested().sealed_bytes(size_bytes) == sealed.size_bytes
        assert sealed.content_sha256 == hashlib.sha256(file).hexdigest()
        assert open_digested(envelope, sealed.content_key) == file

    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2 * CHUNK_BYTES + 99), st.randoms(use_true_random=False))
    def test_whatever_the_length_and_however_it_is_read(
        self, size_bytes: int, draw: random.Random
    ) -> None:
        file = os.urandom(size_bytes)
        output = io.BytesIO()

        sealed = digested().seal(Pieces(file, draw), size_bytes, output.write)

        assert len(output.getvalue()) == digested().sealed_bytes(size_bytes) == sealed.size_bytes
        assert open_digested(output.getvalue(), sealed.content_key) == file

    @settings(max_examples=40, deadline=None)
    @given(size_bytes=st.integers(0, 70_000))
    def test_of_signed_content(self, signer: Signer, size_bytes: int) -> None:
        one = signing(signer)

        envelope, sealed = seal(one, bytes(size_bytes))

        assert len(envelope) == one.sealed_bytes(size_bytes) == sealed.size_bytes
        assert take_apart(envelope, sealed.content_key).file == bytes(size_bytes)

    @pytest.mark.parametrize("exponent", [24, 31, 32, 33, 40])
    @pytest.mark.parametrize("off", [-70, -1, 0, 1])
    def test_frames_of_huge_files_end_where_they_say(self, exponent: int, off: int) -> None:
        """Every length up to the encrypted octets, read by hand from the first piece."""
        size_bytes = 2**exponent + off
        pieces: list[bytes] = []

        class EnoughError(Exception):
            pass

        def write(data: memoryview) -> None:
            pieces.append(bytes(data))
            raise EnoughError

        with pytest.raises(EnoughError):
            digested().seal(Zeros(size_bytes), size_bytes, write)

        total = digested().sealed_bytes(size_bytes)
        (head,) = pieces
        ends = []
        offset = 0
        for tag in (0x30, None, 0xA0, 0x30, None, None, 0x30, None, None, 0x80):
            length, begin = read_length(head, offset)
            if tag is None:
                offset = begin + length
                continue
            assert head[offset] == tag
            ends.append(begin + length)
            offset = begin
        assert ends == [total] * 5
        # The inner part: DigestedData around the file, then PKCS#7 padding of 1 to 16 octets.
        encrypted = total - offset
        assert encrypted % 16 == 0
        assert 0 < encrypted - (inner_head_bytes(size_bytes) + size_bytes + 34) <= 16

    def test_a_file_of_many_chunks_is_written_in_pieces_of_one_length(self) -> None:
        """Whole pages at whole offsets: a file system takes those fastest."""
        sizes: list[int] = []

        sealed = digested().seal(
            Zeros(5 * CHUNK_BYTES), 5 * CHUNK_BYTES, lambda data: sizes.append(len(data))
        )

        assert sum(sizes) == sealed.size_bytes
        assert set(sizes[:-1]) == {CHUNK_BYTES}

    @pytest.mark.parametrize("given_bytes", [0, 99, 101, 100 + CHUNK_BYTES])
    def test_a_file_of_another_length_is_refused(self, given_bytes: int) -> None:
        with pytest.raises(WrongLengthError):
            digested().seal(Zeros(given_bytes), 100, io.BytesIO().write)


def read_length(data: bytes, offset: int) -> tuple[int, int]:
    """Return the length of the value at `offset` and where its contents begin."""
    first = data[offset + 1]
    if first < 0x80:
        return first, offset + 2
    count = first & 0x7F
    return int.from_bytes(data[offset + 2 : offset + 2 + count]), offset + 2 + count


def length_bytes(length: int) -> int:
    """Octets of identifier and length in DER, worked out anew."""
    return 2 if length < 128 else 2 + len(f"{length:x}") // 2 + len(f"{length:x}") % 2


def inner_head_bytes(size_bytes: int) -> int:
    """Octets of DigestedData with SHA-256 before the file."""
    octets = length_bytes(size_bytes) + size_bytes
    explicit = length_bytes(octets) + octets
    encapsulated = length_bytes(11 + explicit) + 11 + explicit
    body = 3 + 13 + encapsulated + 34
    return length_bytes(body) + body - 34 - size_bytes


class TestStructure:
    @pytest.mark.parametrize(
        "cipher", [ContentCipher.AES_128, ContentCipher.AES_192, ContentCipher.AES_256]
    )
    @pytest.mark.parametrize("digest", [Digest.SHA_256, Digest.SHA_384, Digest.SHA_512])
    def test_digested(self, cipher: ContentCipher, digest: Digest) -> None:
        file = os.urandom(1000)
        one = sealer(cipher=cipher, digest=digest)

        envelope, sealed = seal(one, file)

        taken = take_apart(envelope, sealed.content_key)
        assert one.content is Content.DIGESTED
        assert cms.ContentInfo.load(envelope).dump(force=True) == envelope
        content = taken.enveloped["encrypted_content_info"]
        assert content["content_type"].native == "digested_data"
        algorithm = content["content_encryption_algorithm"]["algorithm"].native
        assert algorithm == f"{cipher.value}_cbc"
        assert len(sealed.content_key.octets) == cipher.key_bytes
        assert taken.inner["version"].native == "v0"
        assert taken.inner["digest_algorithm"]["algorithm"].native == digest.value
        assert taken.inner["digest"].native == hashlib.new(digest.value, file).digest()
        assert taken.inner["encap_content_info"]["content_type"].native == "data"
        assert taken.file == file
        assert sealed.content_sha256 == hashlib.sha256(file).hexdigest()
        assert taken.inner_octets[0] == 0x30
        assert type(taken.inner).load(taken.inner_octets).dump(force=True) == taken.inner_octets

    @pytest.mark.parametrize("digest", [Digest.SHA_256, Digest.SHA_384, Digest.SHA_512])
    def test_signed(self, digest: Digest, signer: Signer) -> None:
        file = os.urandom(1000)
        moment = datetime(2026, 3, 1, 1, 2, 3, 456789, tzinfo=timezone(timedelta(hours=2)))
        one = sealer(signer=signer, digest=digest, moment=moment)

        envelope, sealed = seal(one, file)

        taken = take_apart(envelope, sealed.content_key)
        assert one.content is Content.SIGNED
        content = taken.enveloped["encrypted_content_info"]
        assert content["content_type"].native == "signed_data"
        assert cms.ContentInfo.load(envelope).dump(force=True) == envelope
        assert type(taken.inner).load(taken.inner_octets).dump(force=True) == taken.inner_octets
        assert taken.inner["version"].native == "v1"
        assert [one["algorithm"].native for one in taken.inner["digest_algorithms"]] == [
            digest.value
        ]
        certificates = [one.chosen.dump() for one in taken.inner["certificates"]]
        assert sorted(certificates) == sorted(signer.chain)
        assert len(certificates) == 2
        (info,) = taken.inner["signer_infos"]
        assert info["version"].native == "v1"
        assert info["sid"].chosen["serial_number"].native == signer.name.serial
        assert info["signature_algorithm"].dump().hex() == "300d06092a864886f70d0101010500"
        attributes = {one["type"].native: one["values"][0].native for one in info["signed_attrs"]}
        assert attributes == {
            "content_type": "data",
            "message_digest": hashlib.new(digest.value, file).digest(),
            "signing_time": datetime(2026, 2, 28, 23, 2, 3, tzinfo=UTC),
        }
        # RFC 5652 5.4: what is signed is the SET OF, in DER.
        octets = b"\x31" + info["signed_attrs"].dump()[1:]
        algorithm = {64: hashes.SHA512(), 48: hashes.SHA384(), 32: hashes.SHA256()}[
            len(attributes["message_digest"])
        ]
        key = issue("Same key", number=2).key.public_key()
        key.verify(info["signature"].native, octets, PKCS1v15(), algorithm)

    @pytest.mark.parametrize(
        ("count", "password", "version"), [(1, None, 0), (2, None, 0), (0, "p", 3), (2, "p", 3)]
    )
    def test_the_version_follows_from_the_recipients(
        self, count: int, password: str | None, version: int
    ) -> None:
        """RFC 5652 6.1: any password makes it 3, otherwise it is 0 if all entries are."""
        envelope, sealed = seal(sealer(count, password), b"x")

        taken = take_apart(envelope, sealed.content_key)
        assert taken.enveloped["version"].native == f"v{version}"
        assert len(taken.entries) == count + (password is not None)

    def test_named_by_key_identifiers_it_is_2(self) -> None:
        twins = [issue("Twin", number=number, serial=7) for number in (0, 1)]
        one = Sealer([recipient_from_der(twin.der) for twin in twins], None, moment=MOMENT)

        envelope, sealed = seal(one, b"x")

        assert take_apart(envelope, sealed.content_key).enveloped["version"].native == "v2"
        assert len(envelope) == one.sealed_bytes(1)

    def test_a_library_of_others_opens_it_with_a_private_key(self) -> None:
        """`cryptography` reads envelopes without passwords, and gives what is inside."""
        envelope, sealed = seal(sealer(2, None), b"the file")
        for identity in identities():
            key = load_pem_private_key(identity.key_pem(), None)
            octets = pkcs7_decrypt_der(envelope, identity.certificate, key, [])  # type: ignore[arg-type]
            assert octets == take_apart(envelope, sealed.content_key).inner_octets

    def test_after_2049_the_signing_time_has_four_digits_of_the_year(self, signer: Signer) -> None:
        """RFC 5652 11.3."""
        for year, name in ((2049, "utc_time"), (2050, "generalized_time")):
            one = sealer(signer=signer, moment=datetime(year, 12, 31, tzinfo=UTC))
            envelope, sealed = seal(one, b"")
            (info,) = take_apart(envelope, sealed.content_key).inner["signer_infos"]
            (value,) = (
                attribute["values"][0]
                for attribute in info["signed_attrs"]
                if attribute["type"].native == "signing_time"
            )
            assert value.name == name
            assert value.native.year == year


class TestSealer:
    def test_keys_and_vectors_are_fresh_for_each_file_and_the_salt_is_not(self) -> None:
        one = sealer()
        made = [seal(one, b"the same") for _ in range(2)]
        first, second = (take_apart(envelope, sealed.content_key) for envelope, sealed in made)

        def vector(enveloped: Any) -> bytes:
            content = enveloped["encrypted_content_info"]
            found: bytes = content["content_encryption_algorithm"]["parameters"].native
            return found

        def salt(entry: Any) -> bytes:
            found: bytes = entry["key_derivation_algorithm"]["parameters"]["salt"].native
            return found

        assert made[0][1].content_key.octets != made[1][1].content_key.octets
        assert vector(first.enveloped) != vector(second.enveloped)
        assert salt(first.password_entry) == salt(second.password_entry)

    def test_many_threads_do_not_disturb_each_other(self) -> None:
        one = sealer(2)
        files = [random.Random(n).randbytes(n * 70_001) for n in range(12)]

        with ThreadPoolExecutor(4) as pool:
            made = list(pool.map(functools.partial(seal, one), files))

        assert [open_digested(envelope, sealed.content_key) for envelope, sealed in made] == files

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"count": 0, "password": None}, "opened by nobody"),
            ({"cipher": ContentCipher.TRIPLE_DES}, "not written"),
            ({"digest": Digest.SHA_1}, "not written"),
            ({"moment": MOMENT.replace(tzinfo=None)}, "zone"),
        ],
    )
    def test_what_must_not_be_written_is_not(self, options: dict[str, Any], message: str) -> None:
        with pytest.raises(ValueError, match=message):
            sealer(**options)

    def test_sizes_are_told_without_deriving_a_key(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A plan that is only shown should not take half a second for each volume."""

        def derive(*_: object) -> bytes:
            raise AssertionError

        monkeypatch.setattr(hashlib, "pbkdf2_hmac", derive)

        assert sealer().sealed_bytes(10) > 10


def test_no_secret_shows_itself(signer: Signer) -> None:
    one = sealer(signer=signer)
    sealed = one.seal(io.BytesIO(b"x"), 1, len)
    key = sealed.content_key
    told = [repr(one), str(one), repr(sealed), str(key), repr(vars(one)), f"{sealed!r:s}"]
    try:
        one.seal(io.BytesIO(b"xy"), 1, len)
    except WrongLengthError as fault:
        told += traceback.format_exception(fault)

    for secret in (SECRET, key.octets.hex(), repr(key.octets)):
        assert not [text for text in told if secret in text]
    assert repr(sealed).endswith("content_key=ContentKey(not shown))")


@pytest.mark.parametrize("leave", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_content_key_leaves_the_process_in_no_way(leave: Any) -> None:
    with pytest.raises(TypeError, match="not written anywhere"):
        leave(ContentKey(bytes(32)))


def test_recipients_may_be_any_number() -> None:
    """The head of an envelope for nine hundred is longer than a chunk."""
    people = [
        recipient_from_der(issue(f"Recipient {number}", number=number % 2).der)
        for number in range(900)
    ]
    one = Sealer(people, None, moment=MOMENT)
    file = os.urandom(3 * CHUNK_BYTES + 5)

    envelope, sealed = seal(one, file)

    assert len(envelope) == one.sealed_bytes(len(file)) > len(file) + CHUNK_BYTES
    assert open_digested(envelope, sealed.content_key) == file
