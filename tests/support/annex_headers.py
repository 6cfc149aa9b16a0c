"""One good header for each kind of object that the annexes of PS3.11 restrict.

Each is what the tables of its annex ask for; a test spoils one thing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from mediastation.model.element_encoding import encode_element, encode_item
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from tests.support.headers import EXPLICIT_LE, header

IMPLICIT_LE = "1.2.840.10008.1.2"
RLE = "1.2.840.10008.1.2.5"
JPEG_BASELINE = "1.2.840.10008.1.2.4.50"
JPEG_EXTENDED = "1.2.840.10008.1.2.4.51"
JPEG_LOSSLESS_SV1 = "1.2.840.10008.1.2.4.70"
J2K_LOSSLESS = "1.2.840.10008.1.2.4.90"
J2K = "1.2.840.10008.1.2.4.91"
_COMPRESSED = (RLE, "1.2.840.10008.1.2.4.", "1.2.840.10008.1.2.8.")

_STORAGE = "1.2.840.10008.5.1.4.1.1."
XA = _STORAGE + "12.1"
SC = _STORAGE + "7"
US = _STORAGE + "6.1"
US_MULTI = _STORAGE + "3.1"
CT = _STORAGE + "2"
MR = _STORAGE + "4"
DX = _STORAGE + "1.1"
INTRA_ORAL = _STORAGE + "1.3"
GSPS = _STORAGE + "11.1"
DOSE_SR = _STORAGE + "88.67"

SAMPLES, PHOTOMETRIC, PLANAR, FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
ROWS, COLUMNS, ALLOCATED, STORED = 0x00280010, 0x00280011, 0x00280100, 0x00280101
HIGH_BIT, REPRESENTATION, MODALITY, IMAGE_TYPE = 0x00280102, 0x00280103, 0x00080060, 0x00080008
REGIONS = 0x00186011

Spoilt = Mapping[int, Element | None]
"""Elements to put in or, with None, to take away."""


def us(number: int) -> Element:
    """Return a US value."""
    return Element("US", number.to_bytes(2, "little"))


def cs(text: str) -> Element:
    """Return a CS value."""
    return Element("CS", text.encode())


def sequence(*items: Mapping[int, Element]) -> Element:
    """Return a sequence of defined lengths."""
    return Element(
        "SQ",
        b"".join(
            encode_item(
                b"".join(
                    encode_element(tag, one.vr, one.value) for tag, one in sorted(item.items())
                )
            )
            for item in items
        ),
    )


def pixels(
    rows: int = 16,
    bits: int = 16,
    *,
    stored: int = 0,
    photometric: str = "MONOCHROME2",
    samples: int = 1,
) -> dict[int, Element]:
    """Return the Image Pixel Module of a square image."""
    found = {
        SAMPLES: us(samples),
        PHOTOMETRIC: cs(photometric),
        ROWS: us(rows),
        COLUMNS: us(rows),
        ALLOCATED: us(bits),
        STORED: us(stored or bits),
        HIGH_BIT: us((stored or bits) - 1),
        REPRESENTATION: us(0),
    }
    if samples == 3:
        found[PLANAR] = us(0)
    return found


def image(
    sop_class: str,
    syntax: str,
    modality: str,
    elements: Mapping[int, Element],
    spoilt: Spoilt,
    **facts: object,
) -> InstanceHeader:
    """Return an image of these elements, then of what a test spoils."""
    present: dict[int, Element | None] = {MODALITY: cs(modality), **elements, **spoilt}
    encapsulated = syntax.startswith(_COMPRESSED)
    facts.setdefault("pixels", PixelEncoding.ENCAPSULATED if encapsulated else PixelEncoding.NATIVE)
    base = header(sop_class, syntax, **facts)  # type: ignore[arg-type]
    found = {tag: one for tag, one in {**base.elements, **present}.items() if one is not None}
    return replace(base, elements=found)


def xa(
    syntax: str = JPEG_LOSSLESS_SV1, spoilt: Spoilt | None = None, *, rows: int = 512,
    allocated: int = 8, stored: int = 8, **facts: object,
) -> InstanceHeader:  # fmt: skip
    """Return a cardiac run: PS3.11 Tables A.3-2 and A.3-3."""
    elements = pixels(rows, allocated, stored=stored)
    elements |= {IMAGE_TYPE: cs("ORIGINAL\\PRIMARY\\SINGLE PLANE"), FRAMES: Element("IS", b"12")}
    return image(XA, syntax, "XA", elements, spoilt or {}, **facts)


def sc(spoilt: Spoilt | None = None, syntax: str = EXPLICIT_LE) -> InstanceHeader:
    """Return a grayscale secondary capture: Tables B.3-4 and E.3-5."""
    elements = pixels(256, 8) | {IMAGE_TYPE: cs("DERIVED\\SECONDARY")}
    return image(SC, syntax, "OT", elements, spoilt or {})


def ultrasound(
    photometric: str,
    syntax: str = EXPLICIT_LE,
    spoilt: Spoilt | None = None,
    *,
    sop_class: str = US,
) -> InstanceHeader:
    """Return an ultrasound image: PS3.3 C.8.5.6, Table C.3-2."""
    samples = 1 if photometric in ("MONOCHROME2", "PALETTE COLOR") else 3
    elements = pixels(64, 8, photometric=photometric, samples=samples)
    if samples == 3 and syntax == RLE:
        elements[PLANAR] = us(1)
    return image(sop_class, syntax, "US", elements, spoilt or {})


def region(*, components: int | None = None, without: int = 0) -> dict[int, Element]:
    """Return an item of the Sequence of Ultrasound Regions: what is Type 1 in PS3.3 C.8.5.5."""
    ul, fd = Element("UL", bytes(4)), Element("FD", bytes(8))
    found = {
        0x00186012: us(1),
        0x00186014: us(1),
        0x00186016: ul,
        **dict.fromkeys((0x00186018, 0x0018601A, 0x0018601C, 0x0018601E), ul),
        0x00186024: us(3),
        0x00186026: us(3),
        0x0018602C: fd,
        0x0018602E: fd,
    }
    if components is not None:
        found |= {0x00186044: us(components), 0x0018604C: us(0), 0x0018604E: us(1)}
    found.pop(without, None)
    return found


def ct(syntax: str = EXPLICIT_LE, spoilt: Spoilt | None = None, **facts: object) -> InstanceHeader:
    """Return a CT slice: Table E.3-3."""
    return image(CT, syntax, "CT", pixels(512, 16), spoilt or {}, **facts)


def mr(stored: int, spoilt: Spoilt | None = None, *, allocated: int = 16) -> InstanceHeader:
    """Return an MR slice: Table E.3-4."""
    return image(MR, EXPLICIT_LE, "MR", pixels(256, allocated, stored=stored), spoilt or {})


def dental(
    stored: int = 8, spoilt: Spoilt | None = None, *, allocated: int = 8,
    sop_class: str = INTRA_ORAL, syntax: str = EXPLICIT_LE,
) -> InstanceHeader:  # fmt: skip
    """Return a dental radiograph: Tables K.3-3 and K.3-4."""
    empty = Element("LO", b"")
    elements = pixels(256, allocated, stored=stored) | dict.fromkeys(
        (0x00080080, 0x00081090, 0x0018700A, 0x0018702A, 0x0018702B), empty
    )
    return image(sop_class, syntax, "IO", elements, spoilt or {})
