"""What an outside instance lacks before it can be somebody's: said from its header alone.

The header scan tells how a file is written; here is told what is missing from
what it says. Nothing is refused for it: such an instance is taken as it came,
and needs a person before it goes anywhere.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.dicom.pixel_key import PixelShape
from mediastation.dicom.values import uid_text
from mediastation.model.finding import Finding, warning
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.model.uid import is_usable_uid

_STUDY, _SERIES, _PATIENT_ID, _CHARSET = 0x0020000D, 0x0020000E, 0x00100020, 0x00080005
_PHOTOMETRIC = 0x00280004
_TEXT_VRS = frozenset({"SH", "LO", "UC", "ST", "LT", "UT", "PN"})
_NOBODYS = frozenset(
    {"HANGING PROTOCOL", "PALETTE", "IMPLANT", "IMPLANT ASSY", "IMPLANT GROUP", "INVENTORY", ""}
)
"""Record types of objects that belong to no patient (PS3.3 Table F.4-1), and of those with none."""

_PLACEHOLDERS = frozenset(
    {"anon", "anonymous", "none", "null", "unknown", "noid", "no id", "n/a", "na", "test", "-", "?"}
)


def check_instance(path: str, header: InstanceHeader) -> Iterator[Finding]:
    """Say what an instance lacks that tells whose it is, and what contradicts its pixels.

    Parameters
    ----------
    path : str
        Where the file lies on the medium: the subject.
    header : InstanceHeader
        With every indexed tag.
    """
    yield from _check_place(path, header)
    yield from _check_text(path, header)
    yield from _check_pixels(path, header)


def _check_place(path: str, header: InstanceHeader) -> Iterator[Finding]:
    known = SOP_CLASSES.get(header.sop_class_uid)
    if known is not None and known.record_type in _NOBODYS:
        return
    for tag, rule, what in (
        (_STUDY, "no-study-uid", "Study"),
        (_SERIES, "no-series-uid", "Series"),
    ):
        element = header.elements.get(tag)
        uid = uid_text(element) if element is not None else ""
        if not uid:
            yield warning(
                rule,
                path,
                f"there is no {what} Instance UID: nothing tells what it belongs to",
                "it is kept as it came, and cannot go onto a medium as it is",
                "PS3.3 C.7.2.1" if tag == _STUDY else "PS3.3 C.7.3.1",
            )
        elif not is_usable_uid(uid):
            said = f"{uid[:80]!r} is no valid {what} Instance UID"
            yield warning("bad-uid", path, said, "", "PS3.5, 9.1")
    element = header.elements.get(_PATIENT_ID)
    patient_id = element.value.decode("latin-1").strip(" \0") if element is not None else ""
    if not patient_id:
        yield warning(
            "no-patient-id",
            path,
            "there is no Patient ID",
            "find out from the sender whose it is; it is not matched by itself",
            "PS3.3 C.7.1.1",
        )
    elif not patient_id.strip("0") or patient_id.casefold() in _PLACEHOLDERS:
        yield warning(
            "placeholder-patient-id",
            path,
            f"Patient ID {patient_id} stands for nobody: other patients may have it too",
            "find out from the sender whose it is",
            "PS3.3 C.7.1.1",
        )


def _check_text(path: str, header: InstanceHeader) -> Iterator[Finding]:
    charset = header.elements.get(_CHARSET)
    if charset is not None and charset.value.strip(b" \0\\"):
        return
    for element in header.elements.values():
        if element.vr in _TEXT_VRS and (not element.value.isascii() or b"\x1b" in element.value):
            yield warning(
                "character-set",
                path,
                "its text leaves the default repertoire, and no Specific Character Set is given",
                "names may be shown wrong: compare them with the sender's papers",
                "PS3.3 C.12.1.1.2",
            )
            return


def _check_pixels(path: str, header: InstanceHeader) -> Iterator[Finding]:
    if header.pixels is not PixelEncoding.NATIVE or not header.pixel_length or not header.complete:
        return
    photometric = header.elements.get(_PHOTOMETRIC)
    if photometric is not None and photometric.value.strip(b" \0")[-3:] in (b"422", b"420"):
        return
    needed = PixelShape.of(header).native_bytes
    if header.pixel_length < needed:
        yield warning(
            "pixels-short",
            path,
            f"Rows, Columns and what goes with them ask for {needed:,} bytes of pixels, "
            f"there are {header.pixel_length:,}",
            "it is kept as it came; ask the sender for the instance again",
            "PS3.3 C.7.6.3",
        )
