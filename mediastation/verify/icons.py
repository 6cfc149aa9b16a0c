"""Icons in Directory Records: PS3.3 F.7 for all of them, and what a profile says besides."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Final

from mediastation.model.finding import Finding, error
from mediastation.model.profile import IconRule
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.directory_record import DirectoryRecord, Key

ICON: Final = 0x00880200
_SAMPLES, _PHOTOMETRIC, _PLANAR = 0x00280002, 0x00280004, 0x00280006
_ROWS, _COLUMNS, _RATIO = 0x00280010, 0x00280011, 0x00280034
_ALLOCATED, _STORED, _HIGH_BIT, _SIGN = 0x00280100, 0x00280101, 0x00280102, 0x00280103
_PALETTE = (0x00281101, 0x00281102, 0x00281103, 0x00281201, 0x00281202, 0x00281203)
_PIXELS = 0x7FE00010
_ANY_PHOTOMETRIC = ("MONOCHROME1", "MONOCHROME2", "PALETTE COLOR")
_F7 = "PS3.3 F.7"


def check_icon(
    directory: Dicomdir,
    record: DirectoryRecord,
    rule: IconRule | None,
    *,
    there: bool,
    wanted: bool = False,
) -> Iterator[Finding]:
    """Check the Icon Image Sequence of one record.

    Parameters
    ----------
    directory : Dicomdir
        Its source must still be open.
    record : DirectoryRecord
        Any record, with or without an icon.
    rule : IconRule or None
        What the profile asks of icons in records of this type.
    there : bool
        Whether the record has the sequence.
    wanted : bool
        Whether the profile's table of keys demands one besides.

    Yields
    ------
    Finding
        ``profile-icon`` errors; none where an optional icon is not there.
    """
    if not there:
        if wanted or (rule is not None and rule.required):
            yield _fault(record, "is missing", rule.reference if rule else "PS3.11 X.3.3")
        return
    try:
        # A third item tells no more than a second.
        items = list(islice(directory.items(record, ICON), 2))
    except ValueError as fault:
        yield _fault(record, f"is not well-formed: {fault}", _F7)
        return
    if len(items) != 1:
        number = "more than one item" if items else "no item"
        yield _fault(record, f"has {number}, not exactly one", _F7)
        return
    yield from (_fault(record, wrong, _F7) for wrong in _against_f7(items[0]))
    if rule is not None:
        wrongs = _against_rule(items[0], rule)
        yield from (_fault(record, wrong, rule.reference) for wrong in wrongs)


def _against_f7(icon: dict[int, Key]) -> Iterator[str]:
    photometric = _text(icon.get(_PHOTOMETRIC))
    allocated, stored = _number(icon.get(_ALLOCATED)), _number(icon.get(_STORED))
    rows, columns = _number(icon.get(_ROWS)), _number(icon.get(_COLUMNS))
    if _number(icon.get(_SAMPLES)) != 1:
        yield "has not 1 sample per pixel"
    if photometric not in _ANY_PHOTOMETRIC:
        yield f"has Photometric Interpretation {photometric or 'none'}"
    if _PLANAR in icon:
        yield "has a Planar Configuration, which is to be absent"
    if rows < 1 or columns < 1:
        yield "has no Rows or no Columns"
    if allocated not in {1, 8} or (photometric == "PALETTE COLOR" and allocated != 8):
        yield f"has Bits Allocated {allocated}"
    elif stored != allocated or _number(icon.get(_HIGH_BIT)) != allocated - 1:
        yield "has Bits Stored or a High Bit that do not fit Bits Allocated"
    elif rows > 0 and columns > 0:
        expected = (rows * columns * allocated + 7) // 8
        length = icon[_PIXELS].length if _PIXELS in icon else 0
        if length != expected + expected % 2:
            yield f"has {length} bytes of pixels, {expected} are needed"
    if _number(icon.get(_SIGN)) != 0:
        yield "has signed pixels"
    if _RATIO in icon and _text(icon[_RATIO]).replace(" ", "") != "1\\1":
        yield f"has Pixel Aspect Ratio {_text(icon[_RATIO])}"
    if photometric == "PALETTE COLOR" and not all(tag in icon for tag in _PALETTE):
        yield "has no whole palette"


def _against_rule(icon: dict[int, Key], rule: IconRule) -> Iterator[str]:
    rows, columns = _number(icon.get(_ROWS)), _number(icon.get(_COLUMNS))
    if rule.rows and (rows, columns) != (rule.rows, rule.columns):
        yield f"has {rows} x {columns} pixels, not {rule.rows} x {rule.columns}"
    allocated = _number(icon.get(_ALLOCATED))
    if rule.bits_allocated and allocated != rule.bits_allocated:
        yield f"has Bits Allocated {allocated}, not {rule.bits_allocated}"
    photometric = _text(icon.get(_PHOTOMETRIC))
    allowed = rule.photometric_interpretations
    if allowed and photometric not in allowed:
        yield f"is {photometric or 'nothing'}, not {' or '.join(allowed)}"


def _fault(record: DirectoryRecord, wrong: str, reference: str) -> Finding:
    return error(
        "profile-icon",
        record.label,
        f"the icon (0088,0200) of its {record.type} record {wrong}",
        "make the directory anew with proper icons",
        reference,
    )


def _number(key: Key | None) -> int:
    """Return an unsigned number of 16 bits, -1 for none."""
    return int.from_bytes(key.value, "little") if key is not None and key.length == 2 else -1


def _text(key: Key | None) -> str:
    return key.value[:64].decode("ascii", "replace").strip(" \0") if key is not None else ""
