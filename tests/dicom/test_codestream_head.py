"""Whether the beginning of a frame shows that something was lost, asked of real encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import imagecodecs
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.encaps import encapsulate

from mediastation.dicom.codestream import Family
from mediastation.dicom.codestream_head import HEAD_BYTES, shows_loss
from mediastation.dicom.header import read_header
from tests.support.profile_objects import ct_image, write

PIXELS = np.arange(64 * 48, dtype=np.uint8).reshape(48, 64)
COLOURS = np.stack([PIXELS, PIXELS[::-1], PIXELS[:, ::-1]], axis=-1)


@pytest.mark.parametrize("pixels", [PIXELS, COLOURS])
@pytest.mark.parametrize(
    ("family", "encode", "lost"),
    [
        (Family.JPEG, lambda pixels: imagecodecs.jpeg8_encode(pixels, level=90), True),
        (Family.JPEG, lambda pixels: imagecodecs.jpeg8_encode(pixels, lossless=True), False),
        (Family.JPEG, imagecodecs.ljpeg_encode, False),
        (Family.JPEG_LS, lambda pixels: imagecodecs.jpegls_encode(pixels, level=3), True),
        (Family.JPEG_LS, imagecodecs.jpegls_encode, False),
        (
            Family.JPEG_2000,
            lambda pixels: imagecodecs.jpeg2k_encode(
                pixels, level=40, reversible=False, codecformat="j2k"
            ),
            True,
        ),
        (
            Family.JPEG_2000,
            lambda pixels: imagecodecs.jpeg2k_encode(pixels, reversible=True, codecformat="j2k"),
            False,
        ),
        (
            Family.JPEG_2000,
            lambda pixels: imagecodecs.jpeg2k_encode(
                pixels, level=40, reversible=False, codecformat="jp2"
            ),
            True,
        ),
    ],
)
def test_loss_is_told_by_the_headers(
    family: Family, encode: Callable[[Any], bytes], lost: bool, pixels: Any
) -> None:
    if encode is imagecodecs.ljpeg_encode and pixels is COLOURS:
        pytest.skip("that encoder takes one component")
    frame = encode(pixels)

    assert shows_loss(frame[:HEAD_BYTES], family) is lost


@given(st.binary(max_size=200), st.sampled_from([*Family, None]), st.booleans())
def test_any_bytes_get_an_answer(data: bytes, family: Family | None, begun: bool) -> None:
    starts = {Family.JPEG_2000: b"\xff\x4f\xff\x51"}
    head = (starts.get(family, b"\xff\xd8") if begun and family else b"") + data

    assert shows_loss(head, family) in (True, False)
    assert not shows_loss(head[:4], family)


@pytest.mark.parametrize(
    ("syntax", "lossless", "told"),
    [
        ("1.2.840.10008.1.2.4.70", False, True),
        ("1.2.840.10008.1.2.4.70", True, False),
        ("1.2.840.10008.1.2.4.50", False, False),
    ],
)
@pytest.mark.parametrize("offsets", [True, False])
def test_the_scan_tells_of_loss_under_a_lossless_name(
    tmp_path: Path, syntax: str, lossless: bool, told: bool, offsets: bool
) -> None:
    ds = ct_image()
    frame = imagecodecs.jpeg8_encode(PIXELS, lossless=lossless)
    ds.PixelData = encapsulate([frame], has_bot=offsets)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    path = write(ds, tmp_path / "object.dcm", syntax)

    rules = [finding.rule for finding in read_header(path).findings]

    assert rules == (["codestream-lossy"] if told else [])
