"""Which attributes of one data set a coercion changes, once its own values are known.

What the object says already stays as it is and is not listed as changed.
PS3.3 2024c C.12.1.1.9; IHE RAD IRWF.b, RAD-61.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mediastation.dicom.character_terms import legal_terms
from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.dicom.charset_encoding import strictly_decoded
from mediastation.dicom.coerce_survey import Span, Survey
from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.dicom.limits import Damage, Steps, TooLongError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.sequences import convert_sequence
from mediastation.dicom.walk import Window
from mediastation.model.coercion import (
    ISSUER_OF_PATIENT_ID,
    MODIFICATION_DATETIME,
    MODIFYING_SYSTEM,
    OTHER_PATIENT_IDS,
    OTHER_PATIENT_IDS_SEQUENCE,
    PATIENT_ID,
    REASON,
    REASON_FOR_MODIFICATION,
    SOURCE_OF_PREVIOUS_VALUES,
    SPECIFIC_CHARACTER_SET,
    TYPE_OF_PATIENT_ID,
    Attribute,
    Coercion,
    OtherPatientId,
)
from mediastation.model.element_encoding import UNDEFINED
from mediastation.model.identity import normalise_text
from mediastation.model.instance import Element

_MAX_LIST_CHARACTERS: Final = 16_000


@dataclass(slots=True)
class Outline:
    """What changes at the top of one data set.

    Parameters
    ----------
    replaced : dict of int to Attribute
        Attributes that get another value, or are new.
    removed : list of int
        Attributes that are there and go.
    new_ids : list of OtherPatientId
        Items appended to Other Patient IDs Sequence.
    equipment : tuple of Attribute
        The item appended to Contributing Equipment Sequence.
    modification : tuple of Attribute
        What the item appended to Original Attributes Sequence holds besides old values.
    """

    replaced: dict[int, Attribute]
    removed: list[int]
    new_ids: list[OtherPatientId]
    equipment: tuple[Attribute, ...]
    modification: tuple[Attribute, ...]

    @property
    def gone(self) -> frozenset[int]:
        """Top-level attributes whose old value does not stay."""
        return frozenset((*self.replaced, *self.removed, SPECIFIC_CHARACTER_SET))

    @property
    def changed(self) -> frozenset[int]:
        """Top-level attributes whose old value is listed where the object has one.

        Patient ID and its issuer are listed together.
        """
        tags = {*self.replaced, *self.removed}
        if self.new_ids:
            tags.add(OTHER_PATIENT_IDS_SEQUENCE)
        if tags & {PATIENT_ID, ISSUER_OF_PATIENT_ID}:
            tags |= {PATIENT_ID, ISSUER_OF_PATIENT_ID}
        return frozenset(tags)

    def texts(self) -> list[tuple[str, str]]:
        """Return VR and text of every new value that Specific Character Set governs."""
        trees = [*self.replaced.values(), *self.equipment, *self.modification]
        trees += [part for one in self.new_ids for part in id_item(one)]
        found = []
        while trees:
            one = trees.pop()
            trees += [part for item in one.items for part in item]
            if one.vr in TEXT_VRS and one.text:
                found.append((one.vr, one.text))
        return found


def outline_changes(window: Window, survey: Survey, coercion: Coercion) -> Outline:
    """Return what `coercion` changes in the surveyed data set.

    Raises
    ------
    RefusalError
        ``"bad-sequence"``: Other Patient IDs Sequence cannot be read.
    """
    outline = Outline(
        {one.tag: one for one in coercion.replacing if not _is_unchanged(one, survey)},
        [tag for tag in coercion.removed if tag in survey.present],
        _new_ids(window, survey, coercion),
        coercion.contribution,
        (
            Attribute(MODIFICATION_DATETIME, "DT", coercion.moment_text),
            Attribute(MODIFYING_SYSTEM, "LO", coercion.modifying_system),
            Attribute(SOURCE_OF_PREVIOUS_VALUES, "LO", coercion.source_of_previous_values),
            Attribute(REASON_FOR_MODIFICATION, "CS", REASON),
        ),
    )
    if outline.new_ids and (united := _united_list(survey, outline.new_ids)):
        outline.replaced[OTHER_PATIENT_IDS] = united
    for tag, value in survey.values.items():
        if tag not in outline.gone and survey.present[tag].vr in TEXT_VRS:
            survey.text.look([value])
    return outline


def id_item(one: OtherPatientId) -> tuple[Attribute, ...]:
    """Return an item of Other Patient IDs Sequence (PS3.3, C.7.1.1 and Table 10-18)."""
    issuer = (Attribute(ISSUER_OF_PATIENT_ID, "LO", one.issuer),) if one.issuer else ()
    kind = Attribute(TYPE_OF_PATIENT_ID, "CS", one.kind)
    return (Attribute(PATIENT_ID, "LO", one.patient_id), *issuer, kind)


def sequence_items(window: Window, survey: Survey, span: Span) -> bytes:
    """Return a sequence's items in Explicit VR Little Endian, each of defined length.

    Raises
    ------
    RefusalError
        ``"bad-sequence"``: it cannot be read, or is longer than is ever looked at.
    """
    length = UNDEFINED if span.undefined else span.end - span.value
    try:
        return convert_sequence(
            window,
            span.tag,
            span.value,
            length,
            survey.encoding,
            Steps(),
            from_un=span.vr == "UN",
        )
    except (Damage, TooLongError) as fault:
        raise RefusalError(
            "bad-sequence",
            f"({span.tag >> 16:04X},{span.tag & 0xFFFF:04X}) cannot be read",
            "Ask the sender for a corrected object.",
        ) from fault


def _is_unchanged(one: Attribute, survey: Survey) -> bool:
    """Tell whether the object says the same already, or has nothing that could be emptied."""
    span = survey.present.get(one.tag)
    if span is None:
        return not one.text and not one.items
    if one.vr == "SQ" or one.tag not in survey.values:
        return False
    value = survey.values[one.tag]
    if not one.text:
        return not value.strip(b" \0")
    terms, _ = legal_terms(survey.charset or b"")
    return strictly_decoded(value, one.vr, terms) == one.text


def _new_ids(window: Window, survey: Survey, coercion: Coercion) -> list[OtherPatientId]:
    """Return the IDs that the object has not among its other ones."""
    known = {(coercion.local.patient_id, coercion.local.issuer)}
    span = survey.present.get(OTHER_PATIENT_IDS_SEQUENCE)
    if span is not None:
        charset = Element("CS", survey.charset or b"")
        for item in iter_items(sequence_items(window, survey, span)):
            parts = dict(iter_elements(item))
            own = parts.get(SPECIFIC_CHARACTER_SET, charset)
            patient_id, issuer = (
                decode_text(parts[tag], own) if tag in parts else ""
                for tag in (PATIENT_ID, ISSUER_OF_PATIENT_ID)
            )
            known.add((patient_id, issuer))
    seen = {(normalise_text(patient_id), normalise_text(issuer)) for patient_id, issuer in known}
    new = []
    for one in coercion.other_patient_ids:
        key = normalise_text(one.patient_id), normalise_text(one.issuer)
        if key not in seen:
            seen.add(key)
            new.append(one)
    return new


def _united_list(survey: Survey, new: list[OtherPatientId]) -> Attribute | None:
    """Return the retired list of other IDs with the new ones; None if it is not kept here.

    It has no issuers, so equal IDs stand in it once.
    """
    value = survey.values.get(OTHER_PATIENT_IDS)
    if not value:
        return None
    terms, _ = legal_terms(survey.charset or b"")
    listed = strictly_decoded(value, "LO", terms)
    if not listed:
        return None
    ids = dict.fromkeys((*listed.split("\\"), *(one.patient_id for one in new)))
    text = "\\".join(ids)
    if text == listed or len(text) > _MAX_LIST_CHARACTERS:
        return None
    return Attribute(OTHER_PATIENT_IDS, "LO", text)
