"""The latest of several points in time, as F.5.25 of PS3.3 asks for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Final

from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.fileset.values import legal_value
from mediastation.model.instance import Element
from mediastation.model.record_types import VERIFICATION_DATETIME, VERIFYING_OBSERVERS

_LATEST_YEAR: Final = 9999


def _moment_of(value: bytes) -> tuple[int, int]:
    """Return a legal DT value as something to compare: minutes of UTC, then the digits below."""
    digits, _, zone = value.replace(b"-", b"+", 1).partition(b"+")
    offset = (int(zone[:2]) * 60 + int(zone[2:])) if zone else 0
    if b"-" in value:
        offset = -offset
    whole, _, fraction = digits.partition(b".")
    filled = whole + b"00000101000000"[len(whole) :]
    year, month, day, hour, minute, second = (
        int(filled[start:end])
        for start, end in ((0, 4), (4, 6), (6, 8), (8, 10), (10, 12), (12, 14))
    )
    ordinal = datetime(max(year, 1), month, day).toordinal()
    minutes = ordinal * 1440 + hour * 60 + minute - offset
    return minutes, second * 1_000_000 + int(fraction.ljust(6, b"0") or b"0")


def latest_verification(elements: Mapping[int, Element]) -> bytes:
    """Return the latest Verification DateTime of the Verifying Observers (PS3.3, F.5.25).

    Empty if there is none that is legal.
    """
    observers = elements.get(VERIFYING_OBSERVERS)
    if observers is None or observers.vr != "SQ":
        return b""
    return max(_verifications(observers.value), key=_moment_of, default=b"")


def _verifications(sequence: bytes) -> Iterator[bytes]:
    try:
        for item in iter_items(sequence):
            for tag, element in iter_elements(item):
                if tag == VERIFICATION_DATETIME and element.vr != "SQ":
                    legal, _ = legal_value("DT", element.value)
                    if legal:
                        yield legal
    except ValueError:
        return
