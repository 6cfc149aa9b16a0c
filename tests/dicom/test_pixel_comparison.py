"""Pixels are the same if every byte of them is, however their fragments are cut."""

from __future__ import annotations

import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate, fragment_frame, itemize_fragment
from pydicom.uid import RLELossless

from mediastation.dicom.pixel_comparison import same_pixels, shows_nothing
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.dicom.test_pixel_key import image, noise


def files(tmp_path: Path, one: bytes, other: bytes) -> tuple[Path, Path]:
    first, second = tmp_path / "one", tmp_path / "other"
    first.write_bytes(one)
    second.write_bytes(other)
    return first, second


def fragments(frame: bytes, pieces: int) -> bytes:
    """The file of one frame cut into pieces, with an empty offset table."""
    ds = ct_image()
    items = b"".join(
        itemize_fragment(piece) for piece in fragment_frame(frame, nr_fragments=pieces)
    )
    ds.PixelData = b"\xfe\xff\x00\xe0\0\0\0\0" + items
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return written(ds, RLELossless)


@given(st.integers(1, 7), st.integers(1, 7))
def test_how_a_frame_is_cut_makes_no_difference(
    tmp_path_factory: pytest.TempPathFactory, one: int, other: int
) -> None:
    frame = noise(4000)
    pair = files(tmp_path_factory.mktemp("pair"), fragments(frame, one), fragments(frame, other))

    assert same_pixels(*pair)


@given(st.integers(0, 3999), st.integers(1, 7))
def test_one_other_byte_in_a_fragment_makes_one(
    tmp_path_factory: pytest.TempPathFactory, place: int, pieces: int
) -> None:
    frame = bytearray(noise(4000))
    frame[place] ^= 1
    pair = files(
        tmp_path_factory.mktemp("pair"), fragments(noise(4000), 3), fragments(bytes(frame), pieces)
    )

    assert not same_pixels(*pair)


@given(st.integers(0, 2_099_999))
def test_one_other_byte_anywhere_in_large_native_pixels_makes_one(
    tmp_path_factory: pytest.TempPathFactory, place: int
) -> None:
    pixels = bytearray(noise(2_100_000))
    pixels[place] ^= 0x80
    pair = files(
        tmp_path_factory.mktemp("pair"),
        written(image(noise(2_100_000), 1000, 1050)),
        written(image(bytes(pixels), 1000, 1050)),
    )

    assert not same_pixels(*pair)


@pytest.mark.parametrize("syntax", ["implicit", "deflated"])
def test_native_encodings_hold_the_same_pixels(tmp_path: Path, syntax: str) -> None:
    pixels = noise(2_100_000)
    pair = files(
        tmp_path,
        written(image(pixels, 1000, 1050)),
        written(image(pixels, 1000, 1050), ENCODINGS[syntax]),
    )

    assert same_pixels(*pair)


def test_a_frame_more_is_not_the_same(tmp_path: Path) -> None:
    def frames(number: int) -> bytes:
        ds = ct_image()
        ds.PixelData = encapsulate([noise(100)] * number)
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        return written(ds, RLELossless)

    assert not same_pixels(*files(tmp_path, frames(2), frames(3)))


def test_the_same_bytes_in_another_shape_are_not_the_same(tmp_path: Path) -> None:
    assert not same_pixels(
        *files(tmp_path, written(image(noise(8192))), written(image(noise(8192), 32, 128)))
    )


def test_without_pixels_on_either_side_there_is_nothing_to_differ(tmp_path: Path) -> None:
    ds = ct_image()
    del ds.PixelData

    assert same_pixels(*files(tmp_path, written(ds), written(ds)))
    assert not same_pixels(*files(tmp_path, written(ds), written(ct_image())))


def test_pixels_that_are_cut_short_equal_nothing(tmp_path: Path) -> None:
    whole = written(ct_image())

    assert not same_pixels(*files(tmp_path, whole[:-3], whole[:-3]))
    assert not same_pixels(*files(tmp_path, b"no DICOM", whole))


class TestShowsNothing:
    @pytest.mark.parametrize("place", [0, 1_000_000, 1_999_999])
    def test_one_other_pixel_is_something(self, tmp_path: Path, place: int) -> None:
        pixels = bytearray(2_000_000)
        blank, spoiled = tmp_path / "blank", tmp_path / "spoiled"
        blank.write_bytes(written(image(bytes(pixels), 1000, 1000)))
        pixels[place] = 1
        spoiled.write_bytes(written(image(bytes(pixels), 1000, 1000)))

        assert shows_nothing(blank)
        assert not shows_nothing(spoiled)

    def test_a_compressed_picture_is_something_and_a_blank_one_is_not(self, tmp_path: Path) -> None:
        def squeezed(payload: bytes) -> Path:
            ds = image(b"", 512, 512)
            ds.PixelData = encapsulate([payload + b"\0" * (len(payload) % 2)])
            ds["PixelData"].VR = "OB"
            ds["PixelData"].is_undefined_length = True
            path = tmp_path / "squeezed"
            path.write_bytes(written(ds, RLELossless))
            return path

        picture = np.random.default_rng(1).integers(0, 256, 20_000, "u1").tobytes()
        assert len(zlib.compress(picture)) > 19_000

        assert not shows_nothing(squeezed(picture))
        assert shows_nothing(squeezed(b"\x81\0" * 4096))
        assert not shows_nothing(squeezed(picture * 100))
        assert shows_nothing(squeezed(b"\x81\0" * 1_000_000))
