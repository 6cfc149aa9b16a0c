"""Implicit, big endian and deflated data sets re-encoded."""

from __future__ import annotations

import struct
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediastation.model import transfer_syntax as ts
from tests.support.built import (
    instance,
    pattern,
    prepare,
    refused,
    write,
)
from tests.support.prepared import raw_values


def test_big_endian_words_are_turned_round_in_their_own_width(tmp_path: Path) -> None:
    """By VR (PS3.5 6.2): OW by 2, OF and OL by 4, OD and OV by 8, AT by 2, OB and UN not at all."""
    source = write(tmp_path / "a", instance(), ts.EXPLICIT_BE)
    value = bytes(range(8))
    raw = source.read_bytes()
    for element, vr in enumerate((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"), start=0x1001):
        raw += struct.pack(">HH2sHI", 0x0099, element, vr, 0, 8) + value
    raw += struct.pack(">HH2sH", 0x0099, 0x1008, b"AT", 8) + value
    source.write_bytes(raw)

    copy, _ = prepare(source)

    assert [copy.get_item(0x00991000 + n).value.hex() for n in range(1, 9)] == [
        "0001020304050607",
        "0706050403020100",
        "0302010007060504",
        "0302010007060504",
        "0706050403020100",
        "0100030205040706",
        "0001020304050607",
        "0100030205040706",
    ]


@pytest.mark.parametrize("syntax", [ts.EXPLICIT_BE, ts.RLE_LOSSLESS])
def test_a_sequence_under_un_is_carried_as_it_is(syntax: str, tmp_path: Path) -> None:
    """UN of undefined length is implicit little endian, whatever surrounds it (PS3.5 6.2.2)."""
    source = write(tmp_path / "a", instance(), syntax)
    order = ">" if syntax == ts.EXPLICIT_BE else "<"
    inner = struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    inner += struct.pack("<HHI", 0x0010, 0x4000, 4) + b"note"
    inner += struct.pack("<HHIHHI", 0xFFFE, 0xE00D, 0, 0xFFFE, 0xE0DD, 0)
    head = struct.pack(order + "HH2sHI", 0x0099, 0x1001, b"UN", 0, 0xFFFFFFFF)
    last = struct.pack(order + "HH2sH", 0x4000, 0x4000, b"LT", 4) + b"last"
    source.write_bytes(source.read_bytes() + head + inner + last)

    copy, _ = prepare(source)

    assert inner in (tmp_path / "a.out").read_bytes()
    assert copy[0x00991001].value[0].PatientComments == "note"
    assert copy.get_item(0x40004000).value == b"last"


@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_big_endian_bytes_of_eight_bits_follow_their_vr(vr: str, tmp_path: Path) -> None:
    ds = instance(rows=1, columns=4)
    ds.PixelData = b"\1\2\3\4"
    ds["PixelData"].VR = vr
    copy, _ = prepare(write(tmp_path / "a", ds, ts.EXPLICIT_BE))
    assert copy.PixelData == (b"\2\1\4\3" if vr == "OW" else b"\1\2\3\4")


def test_big_endian_pixels_of_32_bits_have_two_readings_and_are_refused(tmp_path: Path) -> None:
    ds = instance(bits=32)
    ds.PixelData = bytes(96)
    ds["PixelData"].VR = "OW"
    assert refused(write(tmp_path / "a", ds, ts.EXPLICIT_BE)) == "word-order"


class TestImplicit:
    def test_vrs_follow_pixel_representation_and_length(self, tmp_path: Path) -> None:
        ds = instance(bits=16)
        ds.PixelRepresentation = 1
        ds.add_new(0x00280106, "SS", -5)
        lut = Dataset()
        lut.add_new(0x00283002, "SS", [1, -7, 16])
        lut.add_new(0x00283006, "US", 9)
        other = Dataset()
        other.add_new(0x00283002, "SS", [4, -7, 16])
        other.add_new(0x00283006, "OW", bytes(8))
        ds.ModalityLUTSequence = Sequence([lut, other])
        ds.PixelData = pattern(ds).tobytes()
        ds["PixelData"].VR = "OW"
        ds.add_new(0x60003000, "OW", bytes(4))
        ds.ImageComments = "x" * 70_000
        ds.add_new(0x00189810, "SS", -3)

        copy, _ = prepare(write(tmp_path / "a", ds, ts.IMPLICIT_LE))

        assert copy["SmallestImagePixelValue"].VR == "SS"
        assert copy.get_item(0x00189810).VR == "SS"
        assert copy.SmallestImagePixelValue == -5
        assert [item["LUTData"].VR for item in copy.ModalityLUTSequence] == ["US", "OW"]
        assert copy.ModalityLUTSequence[0].LUTDescriptor == [1, -7, 16]
        assert copy["PixelData"].VR == "OW"
        assert copy.get_item(0x00204000).VR == "UN"  # 70,000 bytes fit no LT
        assert len(copy.get_item(0x00204000).value) == 70_000

    def test_private_elements_keep_their_bytes_as_un(self, tmp_path: Path) -> None:
        ds = instance()
        block = ds.private_block(0x0029, "SOMEBODY", create=True)
        block.add_new(1, "US", 513)
        inner = Dataset()
        inner.PatientComments = "nested"
        block.add_new(2, "SQ", Sequence([inner]))

        copy, _ = prepare(write(tmp_path / "a", ds, ts.IMPLICIT_LE))

        assert copy.get_item(0x00290010).VR == "LO"
        assert (copy.get_item(0x00291001).VR, copy.get_item(0x00291001).value) == ("UN", b"\1\2")
        assert copy.get_item(0x00291002).VR == "UN"
        assert b"nested" in copy.get_item(0x00291002).value

    def test_group_lengths_go_and_odd_values_are_padded(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        tail = struct.pack("<HHI", 0x4000, 0, 4) + bytes(4)
        tail += struct.pack("<HHI", 0x4000, 0x4000, 3) + b"odd"
        source.write_bytes(source.read_bytes() + tail)

        copy, done = prepare(source)

        assert 0x40000000 not in copy
        assert copy.get_item(0x40004000).value == b"odd "
        assert "1 group lengths" in done.findings[0].message
        assert "1 values of odd length padded" in done.findings[0].message


def _values() -> st.SearchStrategy[Dataset]:
    text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\^="))
    element = st.one_of(
        st.tuples(st.just(0x00081030), st.just("LO"), text.map(lambda t: t[:60])),
        st.tuples(st.just(0x00200013), st.just("IS"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just(0x00281050), st.just("DS"), st.integers(-9999, 9999)),
        st.tuples(st.just(0x00189073), st.just("FD"), st.floats(allow_nan=False)),
        st.tuples(st.just(0x00280009), st.just("AT"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just(0x00186020), st.just("SL"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just(0x00660016), st.just("OF"), st.binary(max_size=1).map(lambda b: b * 8)),
        st.tuples(st.just(0x00420011), st.just("OB"), st.binary(max_size=41).map(lambda b: b * 2)),
        st.tuples(st.just(0x00080119), st.just("UC"), text),
        st.tuples(
            st.just(0x00189306), st.just("FD"), st.lists(st.floats(width=32, allow_nan=False))
        ),
        st.tuples(st.just(0x00287FE0), st.just("UR"), text),
    )

    def data_set(elements: list[tuple[int, str, object]]) -> Dataset:
        ds = Dataset()
        for tag, vr, value in elements:
            ds.add_new(tag, vr, value)
        return ds

    def nest(children: st.SearchStrategy[Dataset]) -> st.SearchStrategy[Dataset]:
        def with_items(ds: Dataset, items: list[Dataset], defined: bool) -> Dataset:
            ds.add_new(0x0040A730, "SQ", Sequence(items))
            ds[0x0040A730].is_undefined_length = not defined
            return ds

        return st.builds(with_items, base, st.lists(children, max_size=3), st.booleans())

    base = st.lists(element, max_size=8).map(data_set)
    return st.recursive(base, nest, max_leaves=8)


@pytest.mark.parametrize("syntax", [ts.IMPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=_values())
def test_pydicom_reads_equal_data_sets_before_and_after(
    syntax: str, content: Dataset, tmp_path: Path
) -> None:
    ds = instance()
    ds.update(content)
    source = write(tmp_path / "a", ds, syntax)
    (tmp_path / "a.out").unlink(missing_ok=True)

    copy, _ = prepare(source)
    original = pydicom.dcmread(source)

    assert copy == original
    if syntax == ts.IMPLICIT_LE:
        pairs = raw_values(pydicom.dcmread(source), pydicom.dcmread(tmp_path / "a.out"))
        assert [path for path, theirs, ours in pairs if theirs != ours] == []
