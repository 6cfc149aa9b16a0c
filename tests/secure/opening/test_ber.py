"""The pull reader, over what an oracle writes and over what nobody would."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.secure.opening import ber
from mediastation.secure.opening.ber import BerError, BerReader, encoded, gathered
from tests.support.envelopes import tlv

Tree = bytes | list["Tree"]

trees: st.SearchStrategy[Tree] = st.recursive(
    st.binary(max_size=300), lambda inner: st.lists(inner, max_size=4), max_leaves=12
)


def der(tree: Tree) -> bytes:
    """A tree of octet strings in DER."""
    return tlv(4, tree) if isinstance(tree, bytes) else tlv(0x30, *map(der, tree))


def long_length(tag: int, body: bytes, octets: int) -> bytes:
    """An element with more octets of length than it needs, as BER allows."""
    return bytes((tag, 0x80 | octets)) + len(body).to_bytes(octets, "big") + body


@st.composite
def as_ber(draw: st.DrawFn, tree: Tree) -> bytes:
    """The same tree, written in one of the ways that BER allows."""
    way = draw(st.integers(0, 2))
    if isinstance(tree, bytes):
        if way == 0 or not tree:
            return tlv(4, tree)
        if way == 1:
            return long_length(4, tree, draw(st.integers(4, 8)))
        cut = draw(st.integers(0, len(tree)))
        halves = tlv(4, tree[:cut]), tlv(4, tree[cut:])
        return tlv(0x24, *halves, indefinite=draw(st.booleans()))
    body = b"".join(draw(as_ber(inner)) for inner in tree)
    if way == 1:
        return long_length(0x30, body, draw(st.integers(4, 8)))
    return tlv(0x30, body, indefinite=way == 2)


def in_chunks(data: bytes, size: int) -> Iterator[bytes]:
    for at in range(0, len(data), size):
        yield data[at : at + size]


class TestElements:
    @given(st.data(), trees, st.integers(1, 50))
    def test_an_element_of_any_encoding_comes_in_its_shortest(
        self, data: st.DataObject, tree: Tree, size: int
    ) -> None:
        written = data.draw(as_ber(tree))
        reader = BerReader(in_chunks(written + b"rest", size))

        assert reader.element("it", 1 << 20) == der(tree)
        assert reader.position == len(written)
        assert reader.rest() == 4

    @given(st.data(), trees, st.integers(1, 50))
    def test_an_element_that_is_skipped_is_passed_wholly(
        self, data: st.DataObject, tree: Tree, size: int
    ) -> None:
        written = data.draw(as_ber(tree))
        reader = BerReader(in_chunks(written + tlv(2, b"\x05"), size))

        reader.skip("it")

        assert reader.integer("what follows") == 5

    @given(st.data(), trees, st.integers(1, 20))
    def test_an_element_that_is_cut_is_never_whole(
        self, data: st.DataObject, tree: Tree, size: int
    ) -> None:
        written = data.draw(as_ber(tree))
        cut = data.draw(st.integers(0, len(written) - 1))
        reader = BerReader(in_chunks(written[:cut], size))

        with pytest.raises(BerError):
            reader.element("it", 1 << 20)

    @given(st.binary(max_size=200))
    def test_noise_is_read_or_refused(self, noise: bytes) -> None:
        for step in ("element", "skip"):
            reader = BerReader.of(noise)
            try:
                reader.skip("it") if step == "skip" else reader.element("it", 100)
            except BerError:
                continue
            assert reader.position <= len(noise)


class TestOctets:
    @given(st.binary(max_size=500), st.integers(1, 40), st.integers(1, 60), st.booleans())
    def test_pieces_come_in_their_order(
        self, value: bytes, piece: int, size: int, nested: bool
    ) -> None:
        pieces = [tlv(4, value[at : at + piece]) for at in range(0, len(value), piece)]
        if nested:
            pieces = [tlv(0x24, *pieces[:2]), tlv(0x24, *pieces[2:], indefinite=True)]
        written = tlv(0xA0, *pieces, indefinite=True) + tlv(2, b"\x01")
        reader = BerReader(in_chunks(written, size))

        assert b"".join(reader.iter_octets(0x80, "it")) == value
        assert reader.integer("what follows") == 1

    def test_a_piece_of_another_kind_is_refused(self) -> None:
        reader = BerReader.of(tlv(0x24, tlv(4, b"a"), tlv(12, b"b")))

        with pytest.raises(BerError, match="a piece that is none"):
            list(reader.iter_octets(4, "it"))

    def test_pieces_stay_inside_their_string(self) -> None:
        inner = b"\x04\x05abc"
        reader = BerReader.of(tlv(0x30, tlv(0x24, inner), tlv(4, b"behind")))
        reader.enter(0x30, "it")

        with pytest.raises(BerError, match="longer than what holds it"):
            list(reader.iter_octets(4, "it"))

    def test_gathering_changes_nothing_but_the_pieces(self) -> None:
        pieces = [b"", b"a" * 10, b"b", b"", b"c" * 3, b"d" * 9]

        again = list(gathered(pieces, 8))

        assert b"".join(again) == b"".join(pieces)
        assert all(len(piece) >= 8 for piece in again[:-1])
        assert b"" not in again


class TestValues:
    @pytest.mark.parametrize("value", [0, 1, -1, 127, 128, 1 << 200])
    def test_integers(self, value: int) -> None:
        octets = value.to_bytes(value.bit_length() // 8 + 1, "big", signed=True)

        assert BerReader.of(tlv(2, octets)).integer("it") == value

    @pytest.mark.parametrize(
        ("octets", "dotted"),
        [
            ("2a864886f70d010703", "1.2.840.113549.1.7.3"),
            ("550403", "2.5.4.3"),
            ("883703", "2.999.3"),
            ("00", "0.0"),
        ],
    )
    def test_identifiers(self, octets: str, dotted: str) -> None:
        assert BerReader.of(tlv(6, bytes.fromhex(octets))).oid("it") == dotted

    @pytest.mark.parametrize("octets", [b"", b"\x80", b"\x2a\x86"])
    def test_identifiers_that_are_none(self, octets: bytes) -> None:
        with pytest.raises(BerError):
            BerReader.of(tlv(6, octets)).oid("it")


class TestLimits:
    """Sizes, counts and depths that a stranger may write down."""

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"\x30\x88" + b"\xff" * 8, "ends too early"),
            (b"\x30\xff" + b"\xff" * 127, "absurd length"),
            (b"\x30\x89" + b"\0" * 9, "absurd length"),
            (b"\x04\x80abc\0\0", "a value of no length"),
            (b"\x1f\x81\x00", "a kind that no envelope has"),
            (b"\0\0", "a kind that no envelope has"),
            (b"\x30", "ends too early"),
            (b"\x30\x82\x01", "ends too early"),
            (b"\x30\x80", "ends too early"),
            (b"\x30\x80\0", "ends too early"),
            (b"\x30\x02\x30\x80\0\0", "longer than what holds it"),
            (b"\x30\x01\x30\0\0", "longer than what holds it"),
        ],
    )
    def test_headers_that_lie(self, data: bytes, said: str) -> None:
        with pytest.raises(BerError, match=said):
            BerReader.of(data).element("it", 1000)

    @pytest.mark.parametrize("opening", [b"\x30\x80", b"\x24\x80", b"\xa0\x80"])
    @pytest.mark.parametrize(
        "step",
        [
            lambda reader: reader.element("it", 1 << 20),
            lambda reader: reader.skip("it"),
            lambda reader: list(reader.iter_octets(4, "it")),
        ],
    )
    def test_nesting_ends_somewhere(
        self, opening: bytes, step: Callable[[BerReader], object]
    ) -> None:
        reader = BerReader.of(opening * 200_000)

        with pytest.raises(BerError):
            step(reader)

        assert reader.position < 1000

    def test_millions_of_empty_pieces_are_refused_early(self) -> None:
        reader = BerReader.of(b"\xa0\x80" + b"\x04\0" * 2_000_000 + b"\0\0")

        with pytest.raises(BerError, match="too many small pieces"):
            list(reader.iter_octets(0x80, "it"))

        assert reader.position < 4 * ber.FREE_PIECES

    def test_millions_of_empty_containers_in_a_string_are_refused_early(self) -> None:
        reader = BerReader.of(b"\xa0\x80" + b"\x24\x80\0\0" * 1_000_000 + b"\0\0")

        with pytest.raises(BerError, match="too many small pieces"):
            list(reader.iter_octets(0x80, "it"))

    @pytest.mark.parametrize("step", [BerReader.skip, lambda one, what: one.element(what, 1 << 30)])
    def test_millions_of_elements_are_refused_early(
        self, step: Callable[[BerReader, str], object]
    ) -> None:
        reader = BerReader.of(b"\x30\x80" + b"\x05\0" * 1_000_000 + b"\0\0")

        with pytest.raises(BerError, match="too many elements"):
            step(reader, "it")

    def test_no_more_is_kept_than_told(self) -> None:
        reader = BerReader.of(tlv(4, bytes(300_000)) * 20)

        for _ in range(3):
            reader.element("it", 1 << 20)

        with pytest.raises(BerError, match="too much of it is no content"):
            reader.element("it", 1 << 20)

    def test_a_long_element_is_skipped_without_being_kept(self) -> None:
        reader = BerReader([b"\x30\x84\x10\0\0\0", *[bytes(1 << 16)] * 4096, b"\x02\x01\x07"])

        reader.skip("it")

        assert reader.integer("what follows") == 7

    @pytest.mark.parametrize(
        "step",
        [
            lambda reader: reader.value(4, "it", 9),
            lambda reader: reader.octets(4, "it", 9),
            lambda reader: reader.element("it", 9),
        ],
    )
    def test_values_have_their_own_limits(self, step: Callable[[BerReader], object]) -> None:
        with pytest.raises(BerError, match="it is too long"):
            step(BerReader.of(tlv(4, b"0123456789")))

    def test_what_is_left_in_a_container_is_told(self) -> None:
        reader = BerReader.of(tlv(0x30, tlv(2, b"\1"), tlv(2, b"\2")))
        reader.enter(0x30, "it")
        reader.integer("it")

        with pytest.raises(BerError, match="does not belong there"):
            reader.leave()


@given(st.integers(0, 70_000))
def test_lengths_are_written_in_their_shortest_form(length: int) -> None:
    assert encoded(4, bytes(length)) == tlv(4, bytes(length))
