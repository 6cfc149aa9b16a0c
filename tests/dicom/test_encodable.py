"""What can be compressed without loss, told from headers alone."""

from __future__ import annotations

import subprocess
import sys

import pytest

from mediastation.dicom.encodable import ENCODABLE, obstacle, photometric_after
from mediastation.model import transfer_syntax as ts
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding

JPEG = "1.2.840.10008.1.2.4.70"
JPEG_2000 = "1.2.840.10008.1.2.4.90"
RLE = "1.2.840.10008.1.2.5"
JXL = "1.2.840.10008.1.2.4.110"
TARGETS = (JPEG, JPEG_2000, RLE)

_TAGS = {
    "samples": 0x00280002,
    "planar": 0x00280006,
    "rows": 0x00280010,
    "columns": 0x00280011,
    "allocated": 0x00280100,
    "stored": 0x00280101,
    "representation": 0x00280103,
}


def header(
    syntax: str = ts.EXPLICIT_LE,
    pixels: PixelEncoding | None = None,
    photometric: str = "MONOCHROME2",
    frames: str | None = None,
    **numbers: int | None,
) -> InstanceHeader:
    """A 16-bit grey image that every target takes; each test spoils one thing."""
    usual = dict.fromkeys(("rows", "columns"), 512) | {
        "samples": 1,
        "allocated": 16,
        "stored": 12,
        "representation": 0,
    }
    elements = {
        _TAGS[name]: Element("US", value.to_bytes(2, "little"))
        for name, value in (usual | numbers).items()
        if value is not None
    }
    elements[0x00280004] = Element("CS", photometric.encode().ljust(12))
    if frames is not None:
        elements[0x00280008] = Element("IS", frames.encode())
    if pixels is None:
        known = ts.TRANSFER_SYNTAXES.get(syntax)
        encapsulated = known is not None and known.encapsulated
        pixels = PixelEncoding.ENCAPSULATED if encapsulated else PixelEncoding.NATIVE
    return InstanceHeader("1.2.3", "1.2.3.4", syntax, elements, pixels=pixels)


def colour(
    syntax: str = ts.EXPLICIT_LE, photometric: str = "RGB", **numbers: int
) -> InstanceHeader:
    """An 8-bit colour image."""
    usual = {"samples": 3, "planar": 0, "allocated": 8, "stored": 8}
    return header(syntax, photometric=photometric, **(usual | numbers))


def test_three_encodings_are_written() -> None:
    assert {JPEG, JPEG_2000, RLE} == ENCODABLE


def test_it_is_light_enough_for_a_plan() -> None:
    """A plan asks for thousands of instances, in a process that never decodes one."""
    words = "import sys, mediastation.dicom.encodable; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, check=True)
    assert not {"numpy", "imagecodecs", "openjpeg", "rle", "jpeg_ls", "pydicom"} & set(
        run.stdout.split()
    )


@pytest.mark.parametrize("target", TARGETS)
class TestObstacle:
    @pytest.mark.parametrize(
        "image",
        [
            header(),
            header(ts.IMPLICIT_LE, representation=1, allocated=8, stored=8),
            header(ts.DEFLATED_LE, photometric="MONOCHROME1", stored=16),
            header(photometric="PALETTE COLOR", frames="100"),
            colour(),
            colour(ts.EXPLICIT_BE, "YBR_FULL", planar=1),
            colour(allocated=16, stored=16),
            colour(ts.JPEG_BASELINE, "YBR_FULL_422"),
            colour(ts.JPEG_2000, "YBR_ICT"),
            header(rows=65535, columns=1),
        ],
    )
    def test_common_images_have_none(self, image: InstanceHeader, target: str) -> None:
        assert obstacle(image, target) == ""

    @pytest.mark.parametrize(
        ("image", "word"),
        [
            (header(allocated=1, stored=1), "the image has 1"),
            (header(allocated=12), "the image has 12"),
            (header(allocated=64, stored=64), "the image has 64"),
            (header(stored=17), "17 of 16 bits"),
            (header(stored=0), "0 of 16 bits"),
            (header(stored=None), "no Bits Stored"),
            (header(representation=None), "no Pixel Representation"),
            (header(samples=4, photometric="CMYK"), "the image has 4"),
            (header(samples=2), "the image has 2"),
            (header(photometric="RGB"), "RGB pixels of 1 samples"),
            (header(photometric=""), "unnamed"),
            (colour(photometric="YBR_FULL_422"), "YBR_FULL_422"),
            (colour(photometric="YBR_PARTIAL_420"), "YBR_PARTIAL_420"),
            (colour(photometric="HSV"), "HSV"),
            (colour(photometric="YBR_RCT"), "YBR_RCT"),
            (colour(photometric="MONOCHROME2"), "MONOCHROME2"),
            (colour(planar=2), "Planar Configuration 2"),
            (header(rows=0), "0 x 512"),
            (header(columns=None), "512 x 0"),
            (header(frames="many"), "0 frames"),
            (header(frames="0"), "0 frames"),
            (header(frames="-3"), "0 frames"),
            (header(frames="9000"), "bytes of pixels"),
            (header(pixels=PixelEncoding.ABSENT), "no pixels"),
            (header(pixels=PixelEncoding.ENCAPSULATED), "compressed"),
            (header("1.2.840.10008.1.2.4.102"), "decodes"),
            (header("1.2.3.4"), "decodes 1.2.3.4"),
            (header(""), "decodes"),
        ],
    )
    def test_others_are_told_why_not(self, image: InstanceHeader, word: str, target: str) -> None:
        why = obstacle(image, target)

        assert word in why
        assert not why.endswith(".")

    def test_what_is_there_already_needs_no_encoder(self, target: str) -> None:
        assert obstacle(header(target, allocated=1, stored=1), target) == ""


def test_cells_of_32_bits_go_into_rle_alone() -> None:
    image = header(allocated=32, stored=32)
    assert [bool(obstacle(image, target)) for target in TARGETS] == [True, True, False]


@pytest.mark.parametrize("target", ["1.2.840.10008.1.2.4.80", ts.EXPLICIT_LE, ""])
def test_nothing_else_is_encoded(target: str) -> None:
    assert "encodes" in obstacle(header(), target)


class TestPhotometricAfter:
    @pytest.mark.parametrize(
        ("syntax", "stated", "native"),
        [
            (ts.EXPLICIT_LE, "RGB", "RGB"),
            (ts.IMPLICIT_LE, "YBR_FULL_422", "YBR_FULL_422"),
            (ts.JPEG_BASELINE, "YBR_FULL_422", "RGB"),
            (ts.JPEG_EXTENDED, "RGB", "RGB"),
            (ts.JPEG_LOSSLESS, "YBR_FULL", "YBR_FULL"),
            (JPEG, "YBR_FULL_422", "YBR_FULL"),
            (RLE, "YBR_FULL", "YBR_FULL"),
            (JPEG_2000, "YBR_RCT", "RGB"),
            (ts.JPEG_2000, "YBR_ICT", "RGB"),
            (ts.HTJ2K, "YBR_FULL", "YBR_FULL"),
            (JXL, "RGB", "RGB"),
            ("1.2.840.10008.1.2.4.111", "YBR_FULL_422", "RGB"),
            (ts.DEFLATED_FRAME, "YBR_FULL", "YBR_FULL"),
            (ts.JPEG_LS_NEAR, "RGB", "RGB"),
        ],
    )
    def test_native_colours_follow_the_codec_that_is_undone(
        self, syntax: str, stated: str, native: str
    ) -> None:
        """PS3.3 C.7.6.3.1.2; a lossy JPEG becomes RGB, lossless samples keep their space."""
        assert photometric_after(colour(syntax, stated), ts.EXPLICIT_LE) == native

    def test_jpeg_2000_has_its_reversible_transform_for_rgb_alone(self) -> None:
        assert photometric_after(colour(), JPEG_2000) == "YBR_RCT"
        assert photometric_after(colour(ts.JPEG_BASELINE, "YBR_FULL_422"), JPEG_2000) == "YBR_RCT"
        assert photometric_after(colour(photometric="YBR_FULL"), JPEG_2000) == "YBR_FULL"
        assert photometric_after(header(photometric="MONOCHROME1"), JPEG_2000) == "MONOCHROME1"

    @pytest.mark.parametrize("target", [JPEG, RLE])
    def test_other_codecs_leave_colours_alone(self, target: str) -> None:
        for image in (
            colour(),
            colour(photometric="YBR_FULL"),
            header(photometric="PALETTE COLOR"),
        ):
            assert photometric_after(image, target) == photometric_after(image, ts.EXPLICIT_LE)

    @pytest.mark.parametrize("syntax", [ts.EXPLICIT_LE, ts.JPEG_BASELINE, JPEG_2000])
    def test_in_its_own_syntax_an_image_stays_as_it_is(self, syntax: str) -> None:
        assert photometric_after(colour(syntax, "YBR_FULL_422"), syntax) == "YBR_FULL_422"
