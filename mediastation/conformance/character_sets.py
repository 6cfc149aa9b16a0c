"""What becomes of text whose character set is misnamed, wrong or not named at all.

PS3.3, C.12.1.1.2. The directory repeats names and descriptions with the set
they are in, so a wrong one has to be told before it is written once more.
"""

from __future__ import annotations

from collections.abc import Hashable
from functools import cache

from mediastation.dicom.character_terms import (
    Terms,
    can_hold,
    guessed_terms,
    legal_terms,
    shown_terms,
)
from mediastation.dicom.charset import TEXT_VRS, needs_charset
from mediastation.model.finding import Finding, warning
from mediastation.model.instance import InstanceHeader
from mediastation.model.profile import Role
from mediastation.model.record import ROOT
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.sop_class import SOP_CLASSES

RULE_OF_HEADER = "charset-unknown"
"""What reading says of a term that is not defined; here it is said what becomes of it."""

_CHARACTER_SET = 0x00080005
_MOST_KINDS = 50
_MOST_SHOWN = 64


class CharacterSetCheck:
    """Looks at the text of a set while its instances go by, and tells each fault once."""

    def __init__(self, role: Role = Role.CREATOR) -> None:
        self._role = role
        self._kinds: dict[Hashable, tuple[str, str, int]] = {}

    def add(self, header: InstanceHeader, subject: str) -> bool:
        """Take the next instance; return whether its character set will be told of."""
        sop_class = SOP_CLASSES.get(header.sop_class_uid)
        if sop_class is None or not sop_class.record_type:
            return False
        elements = header.elements
        texts = [
            elements[tag].value
            for tag in _text_keys(sop_class.record_type)
            if tag in elements and needs_charset(elements[tag].value)
        ]
        if not texts:
            return False
        charset = elements.get(_CHARACTER_SET)
        terms, remark = legal_terms(charset.value) if charset else ((), "")
        fits = can_hold(terms, texts)
        if fits and not remark:
            return False
        given = _shown(charset.value) if charset and charset.value.strip(b" \0") else ""
        written = terms if fits else guessed_terms(texts)
        kind = (given, written, fits)
        known = self._kinds.get(kind)
        if known is None and len(self._kinds) >= _MOST_KINDS:
            return False
        told, first, count = known or (self._message(given, written, fits=fits), subject, 0)
        self._kinds[kind] = (told, first, count + 1)
        return True

    def finish(self) -> list[Finding]:
        """Return one finding for each fault, with the first instance that has it."""
        return [
            warning(
                "charset",
                first,
                message if count == 1 else f"{message} So it is in {count:,} instances.",
                "Compare the names as they are shown with the request.",
                "PS3.3 C.12.1.1.2",
            )
            for message, first, count in self._kinds.values()
        ]

    def _message(self, given: str, written: Terms, *, fits: bool) -> str:
        if not given:
            what = "No character set is named for text beyond ASCII"
        elif fits:
            what = f"The character set is named {given}, which is not defined"
        else:
            what = f"The character set {given} does not fit the text"
        meant = shown_terms(written)
        if self._role is Role.READER:
            return f"{what}; {meant} is meant, as it seems."
        return f"{what}; the directory names {meant}, the object stays as it is."


def _shown(value: bytes) -> str:
    return repr(value.strip(b" \0").decode("ascii", "replace")[:_MOST_SHOWN])


@cache
def _text_keys(record_type: str) -> tuple[int, ...]:
    """Return the keys of a record and of those above it that hold text."""
    tags: list[int] = []
    while record_type != ROOT:
        record = RECORD_TYPES[record_type]
        tags += [key.tag for key in record.keys if key.vr in TEXT_VRS]
        record_type = record.parent
    return tuple(tags)
