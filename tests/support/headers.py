"""Headers as literals, for rules that open nothing."""

from __future__ import annotations

from collections.abc import Mapping

from mediastation.model.instance import Element, InstanceHeader, PixelEncoding

CT = "1.2.840.10008.5.1.4.1.1.2"
EXPLICIT_LE = "1.2.840.10008.1.2.1"

PATIENT = {
    0x00100010: Element("PN", b"Doe^Jane"),
    0x00100020: Element("LO", b"4711"),
    0x00100030: Element("DA", b"19700101"),
    0x00100040: Element("CS", b"F "),
}
STUDY = {
    0x00080020: Element("DA", b"20240102"),
    0x00080030: Element("TM", b"0930"),
    0x0020000D: Element("UI", b"1.2.3\0"),
    0x00200010: Element("SH", b"7 "),
}
SERIES = {
    0x00080060: Element("CS", b"CT"),
    0x0020000E: Element("UI", b"1.2.3.1\0"),
    0x00200011: Element("IS", b"1 "),
}
IMAGE = {
    0x00200013: Element("IS", b"1 "),
    0x00280010: Element("US", b"\x10\x00"),
    0x00280011: Element("US", b"\x10\x00"),
}


def header(
    sop_class: str = CT,
    encoding: str = EXPLICIT_LE,
    *,
    uid: str = "1.2.3.4",
    without: tuple[int, ...] = (),
    elements: Mapping[int, Element] | None = None,
    pixels: PixelEncoding = PixelEncoding.NATIVE,
    **facts: object,
) -> InstanceHeader:
    """Return a CT image that every rule of STD-GEN-CD accepts; each test spoils one thing.

    `elements` come on top of those that are there, `without` takes some away,
    `facts` are further fields of `InstanceHeader`.
    """
    present = {**PATIENT, **STUDY, **SERIES, **IMAGE, **(elements or {})}
    for tag in without:
        del present[tag]
    return InstanceHeader(sop_class, uid, encoding, present, pixels=pixels, **facts)  # type: ignore[arg-type]
