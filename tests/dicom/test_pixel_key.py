"""Equal pixels have one key, whatever is written around them; a key is cheap, and no proof."""

from __future__ import annotations

from array import array
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from mediastation.dicom.header import NotDicom, read_header, read_header_from
from mediastation.dicom.pixel_key import is_blank_key, pixel_key, pixel_key_of
from mediastation.dicom.source import BytesSource, Source
from mediastation.model.instance import PixelEncoding
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.support.corpus import corpus_file, corpus_files, corpus_id


def key_of(data: bytes) -> str:
    source = BytesSource(data)
    return pixel_key(source, read_header_from(source, "some file"))


def image(pixels: bytes, rows: int = 64, columns: int = 64, **facts: object) -> Dataset:
    """The CT image with other pixels; `facts` are keywords."""
    ds = ct_image()
    ds.Rows, ds.Columns = rows, columns
    ds.PixelData = pixels
    for keyword, value in facts.items():
        setattr(ds, keyword, value)
    return ds


def noise(size: int, seed: int = 0) -> bytes:
    """Bytes without regularity."""
    block = bytes((n * 7 + n // 251 + seed) % 251 for n in range(4096))
    return (block * (size // len(block) + 1))[:size]


def encapsulated(frames: list[bytes], *, table: bool) -> bytes:
    ds = ct_image()
    ds.PixelData = encapsulate(frames, has_bot=table)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    ds.NumberOfFrames = len(frames)
    return written(ds, RLELossless)


class CountingSource(Source):
    """A source that notes what is asked for."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.size = len(data)
        self.asked: list[tuple[int, int]] = []

    def window(self, offset: int, length: int = 65536) -> bytes:
        self.asked.append((offset, length))
        return self.data[offset : offset + length]


class TestEqualPixels:
    def test_the_encoding_of_the_data_set_makes_no_difference(self) -> None:
        # pydicom writes pixels as they are given: turning words round is the caller's.
        turned = array("H", noise(8192))
        turned.byteswap()
        keys = {
            name: key_of(written(image(turned.tobytes() if name == "big" else noise(8192)), syntax))
            for name, syntax in ENCODINGS.items()
        }

        assert len(set(keys.values())) == 1, keys
        assert len(keys["explicit"]) == 32

    def test_another_header_makes_no_difference(self) -> None:
        other = image(
            noise(8192),
            PatientName="Other^Person",
            SOPInstanceUID="1.2.3.9",
            InstitutionName="Elsewhere " * 6,
        )

        assert key_of(written(other)) == key_of(written(image(noise(8192))))

    def test_an_offset_table_makes_no_difference(self) -> None:
        frames = [noise(100), noise(300, 1)]

        assert key_of(encapsulated(frames, table=True)) == key_of(encapsulated(frames, table=False))

    def test_the_byte_that_makes_a_value_even_makes_no_difference(self) -> None:
        one = image(noise(9), 3, 3, BitsAllocated=8, BitsStored=8, HighBit=7)
        one["PixelData"].VR = "OB"
        one.PixelData = noise(9) + b"\0"
        other = image(noise(9) + b"\xff", 3, 3, BitsAllocated=8, BitsStored=8, HighBit=7)

        assert key_of(written(one)) == key_of(written(other))

    @pytest.mark.parametrize("element", ["FloatPixelData", "DoubleFloatPixelData"])
    def test_float_pixels_have_a_key(self, element: str) -> None:
        ds = image(b"")
        del ds.PixelData
        setattr(ds, element, noise(64 * 64 * 8))

        assert len(key_of(written(ds))) == 32


class TestOtherPixels:
    @pytest.mark.parametrize("place", [0, 1, 300_000, 599_999])
    def test_a_byte_at_the_beginning_middle_or_end_gives_another_key(self, place: int) -> None:
        pixels = bytearray(noise(600_000))
        pixels[place] ^= 1

        assert key_of(written(image(bytes(pixels), 500, 600))) != key_of(
            written(image(noise(600_000), 500, 600))
        )

    @given(st.binary(min_size=32, max_size=256), st.data())
    def test_of_short_pixels_every_bit_counts(self, pixels: bytes, data: st.DataObject) -> None:
        pixels = pixels[: len(pixels) // 2 * 2]
        bit = data.draw(st.integers(0, len(pixels) * 8 - 1))
        spoiled = bytearray(pixels)
        spoiled[bit // 8] ^= 1 << bit % 8
        one = image(pixels, 1, len(pixels) // 2)
        other = image(bytes(spoiled), 1, len(pixels) // 2)

        assert key_of(written(one)).strip("=") != key_of(written(other)).strip("=")

    @pytest.mark.parametrize(
        "fact", [{"Rows": 32, "Columns": 128}, {"NumberOfFrames": 2}, {"SamplesPerPixel": 3}]
    )
    def test_the_same_bytes_in_another_shape_have_another_key(self, fact: dict[str, int]) -> None:
        assert key_of(written(image(noise(8192), **fact))) != key_of(written(image(noise(8192))))

    def test_encapsulated_pixels_differ_from_native_ones_of_the_same_bytes(self) -> None:
        assert key_of(encapsulated([noise(64)], table=False)) != key_of(written(ct_image()))


class TestNoKey:
    def test_without_pixels(self) -> None:
        ds = ct_image()
        del ds.PixelData

        assert key_of(written(ds)) == ""

    def test_an_icon_has_none(self) -> None:
        ds = ct_image()
        icon = image(noise(8192))
        del ds.PixelData
        ds.IconImageSequence = [icon]

        assert key_of(written(ds)) == ""

    def test_empty_pixels_have_none(self) -> None:
        assert key_of(written(image(b""))) == ""

    @pytest.mark.parametrize("lost", [1, 100, 4000])
    def test_pixels_that_are_cut_short_have_none(self, lost: int) -> None:
        assert key_of(written(image(noise(8192)))[:-lost]) == ""
        assert key_of(encapsulated([noise(8192)], table=True)[:-lost]) == ""


class TestBlank:
    @pytest.mark.parametrize("bits", [8, 16])
    @pytest.mark.parametrize("samples", [1, 3])
    def test_one_repeated_pixel_is_marked(self, bits: int, samples: int) -> None:
        pixel = bytes(range(1, samples * bits // 8 + 1))
        ds = image(
            pixel * 10_000, 100, 100, BitsAllocated=bits, BitsStored=bits, SamplesPerPixel=samples
        )

        assert is_blank_key(key_of(written(ds)))

    def test_a_blank_image_and_another_one_have_different_keys(self) -> None:
        keys = {key_of(written(image(bytes([n, 0]) * 4096))) for n in range(3)}

        assert len(keys) == 3

    def test_a_single_other_pixel_in_a_small_image_is_no_blank(self) -> None:
        assert not is_blank_key(key_of(written(image(bytes(8190) + b"\1\0"))))


class TestCost:
    @pytest.mark.parametrize("size", [8192, 2_000_000, 8_000_000])
    def test_few_bytes_are_read_however_large_the_image_is(self, size: int) -> None:
        source = CountingSource(written(image(noise(size), 1000, size // 2000)))
        header = read_header_from(source, "some file")
        source.asked.clear()

        pixel_key(source, header)

        assert len(source.asked) <= 3
        assert sum(length for _, length in source.asked) <= 16_384


def test_the_span_of_the_header_is_where_the_pixels_lie() -> None:
    data = written(image(noise(8192)))
    header = read_header_from(BytesSource(data), "some file")

    start, length = header.pixel_offset, header.pixel_length
    assert data[start : start + length] == noise(8192)


@pytest.mark.parametrize("name", ["", "big", "deflated"])
def test_the_key_of_a_file_is_that_of_its_bytes(tmp_path: Path, name: str) -> None:
    path = tmp_path / "image"
    path.write_bytes(written(image(noise(8192)), ENCODINGS[name or "explicit"]))

    assert pixel_key_of(path, read_header(path)) == key_of(path.read_bytes())


@given(st.binary(max_size=64), st.integers(0, 4096))
def test_damage_gives_a_key_or_none(junk: bytes, place: int) -> None:
    whole = encapsulated([noise(500), noise(300)], table=True)
    place %= len(whole)
    spoiled = whole[:place] + junk + whole[place + len(junk) :]
    try:
        key = key_of(spoiled)
    except NotDicom:
        return
    assert len(key.strip("=")) in (0, 32)


class TestCorpus:
    @pytest.mark.parametrize("number", ["0001", "0002"])
    def test_a_pacs_that_changes_the_header_keeps_the_key(self, number: str) -> None:
        before = corpus_file(f"series/enh_mr_siemens_original/011-{number}.img")
        after = corpus_file(f"series/enh_mr_siemens_after_pacs/011-{number}.img")

        assert pixel_key_of(before, read_header(before)) == pixel_key_of(after, read_header(after))

    def test_five_encodings_of_one_image_have_one_key(self) -> None:
        native = [
            path
            for path in corpus_files("transfer_syntaxes")
            if path.name.startswith("CTImage.dcm")
            and read_header(path).pixels is PixelEncoding.NATIVE
        ]
        if not native:
            pytest.skip("the corpus is not here")

        assert len(native) == 5
        assert len({pixel_key_of(path, read_header(path)) for path in native}) == 1

    def test_every_whole_image_has_a_key_and_reading_leaves_no_file_open(self) -> None:
        without = set()
        before = len(list(Path("/proc/self/fd").iterdir()))
        for path in corpus_files():
            try:
                header = read_header(path)
            except NotDicom:
                continue
            if header.pixels is not PixelEncoding.ABSENT and not pixel_key_of(path, header):
                without.add(corpus_id(path))

        assert len(list(Path("/proc/self/fd").iterdir())) == before
        # Three are cut short, and one says that it has pixels and has none.
        assert without <= {
            "broken/3gb-bulk-data-truncated",
            "broken/GH1146.dcm",
            "broken/MR_truncated.dcm",
            "broken/emri_small_jpeg_2k_lossless_too_short.dcm",
        }
