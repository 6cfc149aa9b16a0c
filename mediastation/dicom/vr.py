"""Value Representations: their sizes, and the one that an implicit encoding leaves unsaid.

PS3.5 6.2 (Table 6.2-1), 7.1.2 (which VRs have a 32-bit length) and Annex A.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from pydicom.datadict import dictionary_VR

SHORT_VRS = frozenset(
    "AE AS AT CS DA DS DT FL FD IS LO LT PN SH SL SS ST TM UI UL US".split()  # noqa: SIM905
)
"""VRs with a 16-bit length in an explicit encoding (PS3.5 Table 7.1-2)."""

LONG_VRS = frozenset("OB OD OF OL OV OW SQ SV UC UN UR UT UV".split())  # noqa: SIM905
"""VRs with two reserved bytes and a 32-bit length (PS3.5 Table 7.1-1)."""

WORD_BYTES = {
    **dict.fromkeys(("AT", "OW", "SS", "US"), 2),
    **dict.fromkeys(("FL", "OF", "OL", "SL", "UL"), 4),
    **dict.fromkeys(("FD", "OD", "OV", "SV", "UV"), 8),
}
"""Bytes that change places with the byte order, by VR; absent VRs are streams of single bytes."""

TEXT_VRS = SHORT_VRS - WORD_BYTES.keys() - {"UI"} | {"UC", "UR", "UT"}
"""VRs that are padded with a space rather than a null."""

BITS_ALLOCATED = 0x00280100
PIXEL_REPRESENTATION = 0x00280103
WAVEFORM_BITS_ALLOCATED = 0x54001004
PIXEL_DATA = 0x7FE00010
LUT_DATA = 0x00283006
WAVEFORM_VALUES = frozenset({0x54000110, 0x54000112, 0x5400100A, 0x54001010})


@dataclass(slots=True)
class Surroundings:
    """The attributes of one data set that decide about VRs, as far as it was read.

    `None` where an attribute was not met; the surrounding data set's counts
    then.
    """

    bits_allocated: int | None = None
    pixel_representation: int | None = None
    waveform_bits_allocated: int | None = None

    def learn(self, tag: int, value: int) -> None:
        """Keep `value` if `tag` is one that decides."""
        if tag == BITS_ALLOCATED:
            self.bits_allocated = value
        elif tag == PIXEL_REPRESENTATION:
            self.pixel_representation = value
        elif tag == WAVEFORM_BITS_ALLOCATED:
            self.waveform_bits_allocated = value


DECIDING_TAGS = frozenset({BITS_ALLOCATED, PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED})


@lru_cache(maxsize=16384)
def dictionary_vr(tag: int) -> str:
    """Return the dictionary's VR, ``"UN"`` for private and unknown elements.

    Ambiguous entries come as the dictionary has them (``"US or SS"``). A
    private element's meaning depends on its creator, and a wrong guess would
    change it, so only the creators themselves are told: LO (PS3.5 7.8.1).
    Group lengths are UL (PS3.5 7.2).
    """
    group, element = tag >> 16, tag & 0xFFFF
    if element == 0:
        return "UL"
    if group % 2:
        return "LO" if 0x10 <= element <= 0xFF else "UN"
    try:
        return dictionary_VR(tag)
    except KeyError:
        return "UN"


def implicit_vr(tag: int, length: int, around: list[Surroundings]) -> str:
    """Return the VR under which an implicitly encoded value is to be written.

    Parameters
    ----------
    tag : int
        The element.
    length : int
        Its value's length in bytes.
    around : list of Surroundings
        The enclosing data sets, outermost first, the element's own last.

    Returns
    -------
    str
        A VR of Table 6.2-1. ``"UN"`` if the dictionary has none, or if a
        binary value cannot be a run of the VR's words (PS3.5 6.2.2 Note 1:
        no other VR could carry it).

    Notes
    -----
    "US or SS" follows Pixel Representation (PS3.3 C.7.6.3.1), of the element's
    own data set or the nearest around it; without one, US. "OB or OW" is OW
    (PS3.5 A.1) except for pixels and waveforms of up to 8 bits, which A.2 lets
    be OB. LUT Data of a single entry is US, otherwise OW.
    """
    vr = dictionary_vr(tag)
    if " " in vr:
        vr = _decide(tag, vr, length, around)
    size = WORD_BYTES.get(vr, 1)
    return vr if length % size == 0 or vr == "OW" else "UN"


def _decide(tag: int, vr: str, length: int, around: list[Surroundings]) -> str:
    if vr == "US or SS":
        known = (item.pixel_representation for item in reversed(around))
        signed = next((value for value in known if value is not None), 0)
        return "SS" if signed else "US"
    if vr == "OB or OW":
        bits = None
        if tag == PIXEL_DATA:
            bits = around[-1].bits_allocated
        elif tag in WAVEFORM_VALUES:
            known = (item.waveform_bits_allocated for item in reversed(around))
            bits = next((value for value in known if value is not None), None)
        return "OB" if bits is not None and bits <= 8 else "OW"
    return "US" if length <= 2 and tag == LUT_DATA else "OW"
