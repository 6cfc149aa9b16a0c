"""Envelopes that somebody spoiled: the content that was sealed comes out, or an error.

Never another content, and never a crash, a long wait, or much memory.
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from asn1crypto import algos, core
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import SecrecyError
from mediastation.secure.opening import unwrapping
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from tests.secure.opening.small import FILE, WORDS, by, key_of, open_by, open_with, trusting, words
from tests.support.certificates import MOMENT, issue
from tests.support.envelopes import (
    ENVELOPED_DATA,
    cipher_identifier,
    content_info,
    make_envelope,
    octets,
    password_recipient,
    tlv,
)

ANNA = issue("Anna", number=1, bits=1024)
CLINIC = issue("Clinic", number=2, bits=1024)
QUICK = 100_000
"""What a spoiled count may cost."""


@dataclass(frozen=True)
class Kind:
    """A kind of envelope, and what opens it."""

    name: str
    ring: Callable[[], KeyRing]
    options: dict[str, Any]
    flips: tuple[int, ...] = (0x01, 0x80, 0xFF)

    def envelope(self, content: bytes = FILE) -> bytes:
        return make_envelope(content, iterations=1000, salt=b"8 octets", **self.options)

    def opener(self) -> Opener:
        return Opener(self.ring(), trust=trusting(CLINIC), moment=MOMENT, max_iterations=QUICK)


WITH_PASSWORD: dict[str, Any] = {"password": WORDS}
WITH_KEY: dict[str, Any] = {"certificates": [ANNA.certificate]}
KINDS = [
    Kind("password", words, WITH_PASSWORD),
    Kind("password in pieces", words, WITH_PASSWORD | {"indefinite": 40}),
    Kind("password in mail", words, WITH_PASSWORD | {"form": "id_data_nested"}),
    Kind("password in octets", words, WITH_PASSWORD | {"form": "content_octets"}, (0x01,)),
    Kind("triple", words, WITH_PASSWORD | {"cipher": "3des", "digest": "sha1"}, (0x01,)),
    Kind("key", lambda: key_of(ANNA), WITH_KEY, (0x01, 0x80)),
    Kind("key alone", lambda: key_of(ANNA, with_certificate=False), WITH_KEY, (0x01,)),
    Kind("signed", words, WITH_PASSWORD | {"signer": by(CLINIC)}, (0x01,)),
    Kind("signed in pieces", words, WITH_PASSWORD | {"signer": by(CLINIC), "indefinite": 40}, (4,)),
    Kind("signed plainly", words,
         WITH_PASSWORD | {"signer": by(CLINIC), "signed_attributes": False}, (0x20,)),
]  # fmt: skip


def outcomes(opener: Opener, spoiled: Iterator[bytes]) -> set[str]:
    """Open each; return what came of them, and fail where that is none of what may come."""
    found = set()
    for envelope in spoiled:
        try:
            content, _ = open_by(opener, envelope)
        except (WrongKeyError, BadEnvelopeError) as fault:
            said = fault.message.startswith("IM1 cannot be opened: ")
            found.add(type(fault).__name__ if said else fault.message)
        else:
            assert content == FILE, envelope.hex()
            found.add("opened")
    return found


class TestEveryByte:
    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_one_that_ends_early_never_opens(self, kind: Kind) -> None:
        envelope = kind.envelope()

        found = outcomes(kind.opener(), (envelope[:end] for end in range(len(envelope))))

        assert found == {"BadEnvelopeError"}

    @pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
    def test_one_changed_byte_gives_the_content_or_an_error(self, kind: Kind) -> None:
        envelope = kind.envelope()
        opener = kind.opener()
        assert open_by(opener, envelope)[0] == FILE

        found = outcomes(
            opener,
            (
                envelope[:place] + bytes((envelope[place] ^ flip,)) + envelope[place + 1 :]
                for place in range(len(envelope))
                for flip in kind.flips
            ),
        )

        assert {"opened", "BadEnvelopeError", "WrongKeyError"} >= found
        assert "BadEnvelopeError" in found

    @pytest.mark.parametrize("kind", KINDS[:3], ids=lambda kind: kind.name)
    def test_one_missing_or_doubled_byte_gives_the_content_or_an_error(self, kind: Kind) -> None:
        envelope = kind.envelope()

        found = outcomes(
            kind.opener(),
            (
                envelope[:place] + middle + envelope[place + 1 :]
                for place in range(len(envelope))
                for middle in (b"", envelope[place : place + 1] * 2)
            ),
        )

        assert "BadEnvelopeError" in found

    @given(st.sampled_from(KINDS[:5]), st.data())
    @settings(max_examples=300, deadline=None)
    def test_pieces_of_one_in_another_give_no_other_content(
        self, kind: Kind, data: st.DataObject
    ) -> None:
        """Both are sealed with the same password: what was cut from one decrypts in the other."""
        key = bytes(range(24)) if kind.name == "triple" else bytes(range(32))
        options = kind.options | {"content_key": key, "iterations": 1000, "salt": b"8 octets"}
        one = make_envelope(FILE, **options)
        other = make_envelope(FILE[::-1], **options)
        start = data.draw(st.integers(0, len(one)))
        length = data.draw(st.integers(1, 64))

        outcomes(kind.opener(), iter([one[:start] + other[start : start + length] + one[start:]]))


class TestBombs:
    """What is small and wants much: refused before it gets it."""

    @pytest.fixture(autouse=True)
    def _bounded_memory(self) -> Iterator[None]:
        tracemalloc.start()
        yield
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < 48 << 20

    def test_nesting(self) -> None:
        for opening in (b"\x30\x80", b"\xa0\x80", b"\x24\x80", b"\x31\x80"):
            with pytest.raises(BadEnvelopeError):
                open_with(words(), head()[:-2] + opening * 100_000)

    def test_thousands_of_recipients(self) -> None:
        entry = password_recipient(WORDS, bytes(32), iterations=1)

        with pytest.raises(BadEnvelopeError, match="more than 100 recipients"):
            open_with(words(), head([entry] * 5000))

    def test_a_recipient_of_megabytes(self) -> None:
        for entry in (tlv(0xA4, bytes(5 << 20)), tlv(0xA4, tlv(4, bytes(60_000)) * 50)):
            with pytest.raises(BadEnvelopeError, match="a recipient's entry is too long"):
                open_with(words(), head([entry]))

    def test_a_count_that_takes_hours(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(unwrapping.DerivedKeys, "get", refuse)
        with pytest.raises(BadEnvelopeError, match=r"stretched 4,000,000,000 times; 20,000,000"):
            open_with(words(), head([greedy(4_000_000_000)]))

    def test_many_counts_that_take_hours_together(self) -> None:
        entries = [greedy(30_000, bytes([number]) * 8) for number in range(100)]
        opener = Opener(words("wrong"), moment=MOMENT, max_iterations=QUICK)

        with pytest.raises(BadEnvelopeError, match="stretched 120,000 times"):
            open_by(opener, head(entries))

        assert opener._keys.derived == 3

    def test_a_count_of_more_digits_than_numbers_have(self) -> None:
        with pytest.raises(SecrecyError):
            open_with(words(), head([greedy(1 << 400)]))

    def test_counts_below_one_are_none(self) -> None:
        for count in (0, -1):
            with pytest.raises(WrongKeyError, match="an entry that is damaged"):
                open_with(words(), head([greedy(count)]))

    def test_a_good_entry_beside_a_greedy_one_opens(self) -> None:
        others = [greedy(4_000_000_000)]
        envelope = make_envelope(
            FILE, password=WORDS, iterations=10, salt=b"8 octets", other_recipients=others
        )

        assert open_with(words(), envelope)[0] == FILE

    def test_millions_of_empty_pieces(self) -> None:
        bomb = head()[:-2] + b"\xa0\x80" + b"\x04\0" * 2_000_000

        with pytest.raises(BadEnvelopeError):
            open_with(words(), bomb)

    def test_millions_of_empty_pieces_inside(self) -> None:
        """What is encrypted was made by somebody, too."""
        envelope = sealed_inside(b"\x24\x80" + b"\x04\0" * 1_000_000 + b"\0\0")

        with pytest.raises(BadEnvelopeError, match="too many small pieces"):
            open_with(words(), envelope)

    def test_nesting_inside(self) -> None:
        for opening in (b"\x24\x80", b"\x04\x84\x7f\xff\xff\xff", b"\x30\x80"):
            with pytest.raises(BadEnvelopeError):
                open_with(words(), sealed_inside(opening * 50_000))

    @pytest.mark.parametrize(
        ("certificates", "signers", "said"),
        [
            (tlv(0x30, b"") * 40, b"", "more than 32 certificates"),
            (tlv(0x30, bytes(70_000)), b"", "a certificate is too long"),
            (b"", tlv(0x30, bytes(70_000)), "a signature is too long"),
            (tlv(0xA1, b"\x05\0" * 1_000_000), b"", "nobody signed it"),
        ],
    )
    def test_what_comes_with_signatures(
        self, certificates: bytes, signers: bytes, said: str
    ) -> None:
        envelope = signed_inside(certificates, signers)

        with pytest.raises(BadEnvelopeError, match=said):
            open_with(words(), envelope)

    def test_many_signatures(self) -> None:
        many = make_envelope(
            FILE, password=WORDS, iterations=10, signers=[by(CLINIC)] * 33, salt=b"8 octets"
        )

        with pytest.raises(BadEnvelopeError, match="more than 32 signatures"):
            open_with(words(), many)

    def test_a_large_content_behind_a_lie_about_its_length(self) -> None:
        for length in (b"\x84\x7f\xff\xff\xff", b"\x88" + b"\x7f" * 8):
            with pytest.raises(BadEnvelopeError):
                open_with(words(), sealed_inside(b"\x04" + length + bytes(1000)))

    def test_much_behind_the_content(self) -> None:
        envelope = make_envelope(FILE, password=WORDS, iterations=10, salt=b"8 octets")

        assert open_with(words(), envelope + bytes(20 << 20))[0] == FILE

    def test_an_endless_stream_is_read_as_far_as_it_is_told(self) -> None:
        class Endless(io.RawIOBase):
            given = 0

            def read(self, size: int = -1, /) -> bytes:
                self.given += size
                return b"\x30\x80"[: size or 0] * (size // 2)

        stream = Endless()
        opener = Opener(words(), moment=MOMENT)

        with pytest.raises(BadEnvelopeError):
            opener.open(stream, 1 << 50, lambda _: None, "IM1")  # type: ignore[arg-type]

        assert stream.given < 1 << 20


def refuse(*_: Any) -> bytes:
    raise AssertionError("a key is derived")


def head(entries: list[bytes] | None = None) -> bytes:
    """An envelope around sixteen bytes of noise."""
    entries = [password_recipient(WORDS, bytes(32), iterations=1)] if entries is None else entries
    return content_info(
        ENVELOPED_DATA,
        tlv(
            0x30,
            core.Integer(3).dump(),
            tlv(0x31, *entries),
            tlv(
                0x30,
                core.ObjectIdentifier("1.2.840.113549.1.7.5").dump(),
                cipher_identifier("aes256", bytes(16)).dump(),
                octets(0x80, bytes(16)),
                indefinite=True,
            ),
            indefinite=True,
        ),
        indefinite=True,
    )


def greedy(count: int, salt: bytes = b"8 octets") -> bytes:
    """A password's entry that asks for so many iterations."""
    return password_recipient(WORDS, bytes(32), iterations=1, salt=salt, said_iterations=count)


def sealed_inside(content: bytes) -> bytes:
    """An envelope around a DigestedData whose content, encoded, is `content`."""
    return sealed_fields(
        "1.2.840.113549.1.7.5",
        core.Integer(0).dump(),
        algos.DigestAlgorithm({"algorithm": "sha256"}).dump(),
        tlv(
            0x30,
            core.ObjectIdentifier("1.2.840.113549.1.7.1").dump(),
            b"\xa0\x80" + content,
        ),
    )


def signed_inside(certificates: bytes, signers: bytes) -> bytes:
    """An envelope around a SignedData with anything for certificates and signatures."""
    return sealed_fields(
        "1.2.840.113549.1.7.2",
        core.Integer(1).dump(),
        tlv(0x31, algos.DigestAlgorithm({"algorithm": "sha256"}).dump()),
        tlv(0x30, core.ObjectIdentifier("1.2.840.113549.1.7.1").dump(), tlv(0xA0, tlv(4, FILE))),
        tlv(0xA0, certificates),
        tlv(0x31, signers),
    )


def sealed_fields(kind: str, *fields: bytes) -> bytes:
    """An envelope around a structure of those fields."""
    inner = tlv(0x30, *fields)
    # What lies bare is encrypted as it is; its kind is put in place of data.
    envelope = make_envelope(
        inner, password=WORDS, iterations=10, salt=b"8 octets", form="id_data_bare"
    )
    data = core.ObjectIdentifier("1.2.840.113549.1.7.1").dump()
    return envelope.replace(data, core.ObjectIdentifier(kind).dump(), 1)
