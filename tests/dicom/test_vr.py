"""VRs that an encoding leaves unsaid (PS3.5 A.1, PS3.6)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR

from mediastation.dicom.vr import Surroundings, dictionary_vr, implicit_vr, resolved_vr


@pytest.mark.parametrize(
    ("tag", "head_vr", "signed", "vr"),
    [
        (0x00280106, "", True, "SS"),
        (0x00280106, "", False, "US"),
        (0x00280106, "", None, "US"),
        (0x00280106, "US", True, "US"),
        (0x7FE00010, "", None, "OW"),
        (0x00090010, "", None, "LO"),
        (0x00091010, "", None, "UN"),
        (0x00100000, "", None, "UL"),
        (0x00081140, "UN", None, "SQ"),
        (0x0008FFFE, "", None, "UN"),
        (0x60003000, "", None, "OW"),
    ],
)
def test_the_vr_that_a_head_does_not_name_comes_from_the_dictionary(
    tag: int, head_vr: str, signed: bool | None, vr: str
) -> None:
    assert resolved_vr(tag, head_vr, signed) == vr


@given(st.integers(0, 0xFFFFFFFF))
def test_the_dictionary_is_pydicoms(tag: int) -> None:
    vr = dictionary_vr(tag)
    if not tag >> 16 & 1 and tag & 0xFFFF:
        try:
            assert vr == dictionary_VR(tag)
        except KeyError:
            assert vr == "UN"


@pytest.mark.parametrize(
    ("tag", "length", "around", "vr"),
    [
        (0x00280106, 2, [Surroundings(pixel_representation=1)], "SS"),
        (0x00280106, 2, [Surroundings(pixel_representation=1), Surroundings()], "SS"),
        (0x00280106, 3, [Surroundings()], "UN"),
        (0x00283006, 2, [Surroundings()], "US"),
        (0x00283006, 512, [Surroundings()], "OW"),
        (0x7FE00010, 4, [Surroundings(bits_allocated=8)], "OB"),
        (0x7FE00010, 4, [Surroundings(bits_allocated=8), Surroundings()], "OW"),
        (0x54001010, 4, [Surroundings(waveform_bits_allocated=8)], "OB"),
        (0x00091010, 5, [Surroundings()], "UN"),
    ],
)
def test_what_is_written_follows_the_surroundings_and_the_length(
    tag: int, length: int, around: list[Surroundings], vr: str
) -> None:
    assert implicit_vr(tag, length, around) == vr
