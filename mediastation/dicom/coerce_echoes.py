"""Where the outside identity still stands in a coerced copy, for a person to know.

A bounded look at text: name and ID may stand in a report's sentence, in a
comment, in a reference to another object. None of it is edited.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from mediastation.dicom.charset_encoding import encode_text
from mediastation.dicom.dictionary import attribute_name
from mediastation.model.coercion import (
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS,
    OTHER_PATIENT_IDS_SEQUENCE,
)
from mediastation.model.finding import Finding, warning
from mediastation.model.identity import PatientIdentity, normalise

_HOME: Final = frozenset(
    {ORIGINAL_ATTRIBUTES_SEQUENCE, OTHER_PATIENT_IDS, OTHER_PATIENT_IDS_SEQUENCE}
)
_MOST_PLACES = 8
_SHORTEST_ID = 4
_WORD = re.compile(r"\w+")
_UNICODE: Final = ("ISO_IR 192",)
_LATIN: Final = ("ISO_IR 100",)


class Echoes:
    """Top-level attributes in which the outside name or ID was met.

    An ID counts where it stands as a word of its own and has four characters
    or more; a name where all its words of three letters or more do (two where
    they are not Latin), in any order. What stands beyond the first 64 KiB of a
    value is not looked at, and what the local identity has as well is no echo.
    """

    def __init__(self, outside: PatientIdentity, local: PatientIdentity) -> None:
        self._needles: list[frozenset[bytes]] = []
        self.places: dict[int, None] = {}
        name, patient_id = normalise(outside).name, outside.patient_id.strip().lower()
        if name and name != normalise(local).name:
            for group in name:
                words = {word for part in group for word in _WORD.findall(part)}
                self._add(word for word in words if len(word) >= 3 - (not word.isascii()))
        if len(patient_id) >= _SHORTEST_ID and patient_id != local.patient_id.strip().lower():
            self._add([patient_id])

    def _add(self, words: Iterable[str]) -> None:
        texts = list(words)
        for terms in (_UNICODE, _LATIN):
            coded = [encode_text(text.lower(), "LO", terms) for text in texts]
            if coded and None not in coded:
                needle = frozenset(filter(None, coded))
                if needle not in self._needles:
                    self._needles.append(needle)

    def look(self, top: int, value: bytes) -> None:
        """Look at one text value inside the top-level attribute `top`."""
        if not self._needles or top in _HOME:
            return
        lowered = value.lower()
        for needle in self._needles:
            if all(word in lowered for word in needle) and all(
                re.search(rb"(?<!\w)" + re.escape(word) + rb"(?!\w)", lowered) for word in needle
            ):
                if len(self.places) <= _MOST_PLACES:
                    self.places[top] = None
                return

    def findings(self, subject: str) -> list[Finding]:
        """Return a warning that names the attributes, if there are any."""
        if not self.places:
            return []
        names = [attribute_name(tag) for tag in self.places]
        more = " and others" if len(names) > _MOST_PLACES else ""
        return [
            warning(
                "outside-identity-remains",
                subject,
                "The outside patient's name or ID still stands in the copy, in "
                f"{', '.join(names[:_MOST_PLACES])}{more}.",
                "Nothing there was edited; tell whoever reads it that it is the same person.",
                "PS3.3 C.12.1.1.9",
            )
        ]
