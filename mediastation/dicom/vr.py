"""The Value Representation of an element that names none: by dictionary and surroundings.

PS3.6 has a choice of VRs for some elements; PS3.5 A.1 and PS3.3 C.7.6.3.1 tell
which applies. The VRs themselves are in `mediastation.model.element_encoding`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from mediastation.dicom.pydicom_tables import pydicom_tables
from mediastation.model.element_encoding import WORD_BYTES

BITS_ALLOCATED: Final = 0x00280100
PIXEL_REPRESENTATION: Final = 0x00280103
WAVEFORM_BITS_ALLOCATED: Final = 0x54001004
PIXEL_DATA: Final = 0x7FE00010
LUT_DATA: Final = 0x00283006
WAVEFORM_VALUES: Final = frozenset({0x54000110, 0x54000112, 0x5400100A, 0x54001010})


@lru_cache(maxsize=16384)
def dictionary_vr(tag: int) -> str:
    """Return the VR that PS3.6 gives `tag`, or ``UN``.

    A choice such as ``US or SS`` is returned as it stands. Group lengths are UL
    (PS3.5, 7.2). A private element's meaning depends on its creator, and a wrong
    guess would change it, so only the creators themselves are told: LO (PS3.5, 7.8.1).
    """
    number = tag & 0xFFFF
    if number == 0:
        return "UL"
    if tag >> 16 & 1:
        return "LO" if 0x10 <= number <= 0xFF else "UN"
    try:
        return pydicom_tables().vr_of(tag)
    except KeyError:
        return "UN"


def resolved_vr(
    tag: int, vr: str, signed: bool | None, *, bits: int | None = None, length: int | None = None
) -> str:
    """Return the one VR of an element, given what its head says.

    Parameters
    ----------
    tag : int
        The element.
    vr : str
        The head's VR; empty in implicit encodings.
    signed : bool or None
        Pixel Representation of the nearest data set that has one; None counts
        as unsigned.
    bits : int or None
        Bits Allocated of the pixels or waveform that the element belongs to, if known.
    length : int or None
        Bytes of its value, if known.

    Notes
    -----
    "US or SS" follows Pixel Representation (PS3.3 C.7.6.3.1). "OB or OW" is OW
    (PS3.5 A.1) except for pixels and waveforms of up to 8 bits, which A.2 lets
    be OB. LUT Data of a single entry is US, otherwise OW.
    """
    if vr and vr != "UN":
        return vr
    known = dictionary_vr(tag)
    if len(known) == 2:
        return known
    if known == "US or SS":
        return "SS" if signed else "US"
    if known == "OB or OW":
        return "OB" if bits is not None and bits <= 8 else "OW"
    if known.endswith("OW"):
        return "US" if tag == LUT_DATA and length is not None and length <= 2 else "OW"
    return "UN"


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


DECIDING_TAGS: Final = frozenset({BITS_ALLOCATED, PIXEL_REPRESENTATION, WAVEFORM_BITS_ALLOCATED})


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
    """
    vr = dictionary_vr(tag)
    if len(vr) > 2:
        signed = _nearest(item.pixel_representation for item in reversed(around))
        bits = None
        if tag == PIXEL_DATA:
            bits = around[-1].bits_allocated
        elif tag in WAVEFORM_VALUES:
            bits = _nearest(item.waveform_bits_allocated for item in reversed(around))
        vr = resolved_vr(tag, "", bool(signed), bits=bits, length=length)
    return vr if length % WORD_BYTES.get(vr, 1) == 0 or vr == "OW" else "UN"


def _nearest(values: Iterable[int | None]) -> int | None:
    return next((value for value in values if value is not None), None)
