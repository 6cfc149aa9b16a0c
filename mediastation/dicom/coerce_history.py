"""Whether a coerced copy tells truly what it was: a part of its proof (PS3.3 2024c C.12.1.1.9)."""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.dicom.coerce_outline import id_item
from mediastation.dicom.coerce_sides import Extent, Side, flattened, planned_flat, same_bytes
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.elements import iter_elements, iter_items, little_endian
from mediastation.dicom.vr import dictionary_vr
from mediastation.model.coercion import (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ISSUER_OF_PATIENT_ID,
    MODIFICATION_DATETIME,
    MODIFIED_ATTRIBUTES_SEQUENCE,
    MODIFYING_SYSTEM,
    NONCONFORMING_ATTRIBUTES_SEQUENCE,
    NONCONFORMING_VALUE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS,
    OTHER_PATIENT_IDS_SEQUENCE,
    PATIENT_ID,
    REASON,
    REASON_FOR_MODIFICATION,
    SELECTOR_ATTRIBUTE,
    SELECTOR_VALUE_NUMBER,
    SOURCE_OF_PREVIOUS_VALUES,
    SPECIFIC_CHARACTER_SET,
    Coercion,
)
from mediastation.model.instance import Element

_GROWING = (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS_SEQUENCE,
)
_WHOLE_PATIENT_ID = frozenset({PATIENT_ID, ISSUER_OF_PATIENT_ID})


def history_faults(before: Side, after: Side, coercion: Coercion) -> list[str]:
    """Return what is wrong with what a copy says of its past, a clause each.

    Parameters
    ----------
    before, after : Side
        Original and copy, walked already.
    coercion : Coercion
        What was decided.

    Raises
    ------
    ValueError, KeyError
        If a sequence is none.
    """
    found = []
    new: dict[int, list[bytes]] = {tag: [] for tag in _GROWING}
    for tag in _GROWING:
        ours, theirs = before.planned.get(tag), after.planned.get(tag)
        if theirs is None:
            kept = ours is None
        else:
            kept, new[tag] = _parted(before, ours, after, theirs)
        if not kept:
            found.append(f"{attribute_name(tag)} lost items that it had")
    if flattened(new[CONTRIBUTING_EQUIPMENT_SEQUENCE], after.charset) != planned_flat(
        [coercion.contribution]
    ):
        found.append("Contributing Equipment Sequence does not name this station")
    found += _other_ids(before, after, coercion, new[OTHER_PATIENT_IDS_SEQUENCE])
    found += _old_values(before, after, coercion, new[ORIGINAL_ATTRIBUTES_SEQUENCE])
    return found


def _parted(
    before: Side, ours: Extent | None, after: Side, theirs: Extent
) -> tuple[bool, list[bytes]]:
    """Return whether the old items are all there, and the new ones."""
    if ours is None:
        return theirs.vr in ("", "SQ"), after.items(theirs)
    length = ours.end - ours.start - (8 if ours.undefined else 0)
    if ours.vr == theirs.vr and same_bytes(before, ours, after, theirs, length):
        return True, after.items(theirs, length)
    old, items = before.items(ours), after.items(theirs)
    same = flattened(old, before.charset) == flattened(items[: len(old)], after.charset)
    return same, items[len(old) :]


def _other_ids(before: Side, after: Side, coercion: Coercion, new: list[bytes]) -> Iterable[str]:
    """Check that every ID of the decision is among the others, and nobody else's came in."""
    wanted = [planned_flat([id_item(one)]) for one in coercion.other_patient_ids]
    added = [flattened([item], after.charset) for item in new]
    if any(one not in wanted for one in added):
        yield "Other Patient IDs Sequence got an ID that nobody decided"
    extent = after.planned.get(OTHER_PATIENT_IDS_SEQUENCE)
    known = {_folded(coercion.local.patient_id, coercion.local.issuer)}
    for item in after.items(extent) if extent else ():
        texts = {tag: str(value) for _, tag, _, value in flattened([item], after.charset)}
        known.add(_folded(texts.get(PATIENT_ID, ""), texts.get(ISSUER_OF_PATIENT_ID, "")))
    if any(_folded(one.patient_id, one.issuer) not in known for one in coercion.other_patient_ids):
        yield "Other Patient IDs Sequence lacks an ID"
    ours, theirs = (side.planned.get(OTHER_PATIENT_IDS) for side in (before, after))
    if ours is None and theirs is None:
        return
    if ours is None or theirs is None or ours.vr != theirs.vr:
        yield "Other Patient IDs (0010,1000) came or went"
        return
    listed = before.text(ours, "LO").split("\\")
    told = after.text(theirs, "LO").split("\\")
    ids = {one.patient_id for one in coercion.other_patient_ids}
    if told[: len(set(listed))] != list(dict.fromkeys(listed)) and told != listed:
        yield "Other Patient IDs (0010,1000) lost one"
    if not set(told) <= set(listed) | ids:
        yield "Other Patient IDs (0010,1000) got one that nobody decided"


def _folded(*texts: str) -> tuple[str, ...]:
    return tuple(" ".join(text.split()).casefold() for text in texts)


def _changed(before: Side, after: Side) -> set[int]:
    """Return the attributes whose old value does not stand in the copy any more."""
    recoded = before.declared != after.declared
    changed = set()
    for tag, ours in before.planned.items():
        theirs = after.planned.get(tag)
        stands = theirs is not None and (
            same_bytes(before, ours, after, theirs)
            or (
                recoded
                and tag != SPECIFIC_CHARACTER_SET
                and not before.is_sequence(ours)
                and before.text(ours, dictionary_vr(tag)) == after.text(theirs, dictionary_vr(tag))
            )
        )
        if not stands and tag not in (
            CONTRIBUTING_EQUIPMENT_SEQUENCE,
            ORIGINAL_ATTRIBUTES_SEQUENCE,
        ):
            changed.add(tag)
    return changed


def _old_values(before: Side, after: Side, coercion: Coercion, items: list[bytes]) -> Iterable[str]:
    """Check the one new item of Original Attributes Sequence, to the last attribute."""
    changed = _changed(before, after)
    if not items and not changed:
        return
    if len(items) != 1:
        yield "Original Attributes Sequence has not got one new item"
        return
    parts = dict(iter_elements(items[0]))
    modified = list(iter_items(parts[MODIFIED_ATTRIBUTES_SEQUENCE].value))
    if len(modified) != 1:
        yield "old values do not stand in exactly one item"
        return
    listed = dict(iter_elements(modified[0]))
    raw = list(_raw_values(parts.pop(NONCONFORMING_ATTRIBUTES_SEQUENCE, None)))
    del parts[MODIFIED_ATTRIBUTES_SEQUENCE]
    told = [
        (1, MODIFICATION_DATETIME, "DT", coercion.moment_text),
        (1, MODIFYING_SYSTEM, "LO", coercion.modifying_system),
        (1, SOURCE_OF_PREVIOUS_VALUES, "LO", coercion.source_of_previous_values),
        (1, REASON_FOR_MODIFICATION, "CS", REASON),
    ]
    says = [one for one in flattened(items, after.charset) if one[0] == 1 and one[1] in parts]
    if says != told:
        yield "Original Attributes Sequence does not say who, when and why"
    if before.declared != after.declared:
        changed.add(SPECIFIC_CHARACTER_SET)
    needed = changed | (_WHOLE_PATIENT_ID if listed.keys() & _WHOLE_PATIENT_ID else set())
    optional = _redeclared(before, after, coercion)
    right = needed <= listed.keys() <= needed | optional
    if not right or not {tag for tag, _ in raw} <= changed | optional:
        yield "Original Attributes Sequence lists other attributes than were changed"
        return
    for tag in sorted(listed):
        if not _is_old(before, tag, listed[tag], dict(raw).get(tag)):
            yield f"the old value of {attribute_name(tag)} is not in Original Attributes"


def _redeclared(before: Side, after: Side, coercion: Coercion) -> set[int]:
    """Return what was set to the bytes that it had, and says now in which set they are text.

    The original says it of none: that the old value is listed is no lie.
    """
    if before.declared == after.declared:
        return set()
    replaced = {one.tag for one in coercion.replacing if one.vr != "SQ"}
    return {
        tag
        for tag, extent in before.planned.items()
        if tag in replaced and not before.value(extent).isascii()
    }


def _is_old(before: Side, tag: int, listed: Element, raw: bytes | None) -> bool:
    """Tell whether an element says what the original had."""
    extent = before.planned.get(tag)
    if extent is None:
        return not listed.value and listed.vr == dictionary_vr(tag)
    if extent.vr not in ("", "UN", listed.vr):
        return False
    if before.is_sequence(extent):
        return raw is None and listed.value == before.run(extent)
    old = before.value(extent)
    if raw is not None:
        return not listed.value and raw == old + b"\0" * (len(old) % 2)
    # A person's name may be written as numbers, which an item is read with turned round.
    return listed.value == (little_endian(listed.vr, old) if before.encoding.big else old)


def _raw_values(sequence: Element | None) -> Iterable[tuple[int, bytes]]:
    """Yield tag and bytes of each value that breaks its VR (PS3.3, Table 10-20)."""
    for item in iter_items(sequence.value) if sequence is not None else ():
        value, words, number = iter_elements(item)
        if (value[0], words[0], number) != (
            NONCONFORMING_VALUE,
            SELECTOR_ATTRIBUTE,
            (SELECTOR_VALUE_NUMBER, Element("US", b"\1\0")),
        ):
            raise ValueError("a nonconforming value is not named")
        at = words[1].value
        tag = int.from_bytes(at[:2], "little") << 16 | int.from_bytes(at[2:4], "little")
        yield tag, value[1].value
