"""Whether a coerced copy is what was decided, and otherwise the original: a look of its own.

Shares no step with the writer: both files are read again by the walk of the
header scan, side by side, value by value, pixels included. Only where a change
of character set gave text other bytes are all items entered and the text
compared as text. PS3.3 2024c C.12.1.1.9.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from itertools import zip_longest
from pathlib import Path

from mediastation.dicom.coerce_sides import Extent, Side, flattened, read_side, same_bytes
from mediastation.dicom.coerce_texts import require_same_texts
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.dicom.header import NotDicom
from mediastation.dicom.limits import Damage, TooLongError
from mediastation.dicom.reencode import DifferentError
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import dictionary_vr
from mediastation.dicom.walk import MalformedError
from mediastation.errors import MediaError
from mediastation.model.coercion import (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ISSUER_OF_PATIENT_ID,
    MODIFIED_ATTRIBUTES_SEQUENCE,
    NONCONFORMING_ATTRIBUTES_SEQUENCE,
    NONCONFORMING_VALUE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS_SEQUENCE,
    PATIENT_ID,
    SELECTOR_ATTRIBUTE,
    SPECIFIC_CHARACTER_SET,
    Attribute,
    Coercion,
)
from mediastation.model.finding import Finding, error
from mediastation.model.instance import Element, Preamble

_GROWING = (
    CONTRIBUTING_EQUIPMENT_SEQUENCE,
    ORIGINAL_ATTRIBUTES_SEQUENCE,
    OTHER_PATIENT_IDS_SEQUENCE,
)
_MOST_NAMED = 8


def check_coerced(original: Path, coerced: Path, coercion: Coercion) -> list[Finding]:
    """Check that `coerced` is `original` as `coercion` decided, and nothing else.

    Parameters
    ----------
    original, coerced : Path
        Both files; they are only read.
    coercion : Coercion
        What was decided.

    Returns
    -------
    list of Finding
        Empty if the copy is right. Otherwise errors of the rule
        ``"coercion-differs"``: an attribute that was to stay has another value
        or is missing, one that was to change has not, an old value is not to
        be found in Original Attributes Sequence, or File Meta Information is
        wrong. Such a copy must not leave the station.

    Raises
    ------
    MediaError
        One of the files cannot be read.
    """
    try:
        with ExitStack() as stack:
            before = read_side(original, coerced.parent, stack)
            after = read_side(coerced, coerced.parent, stack)
            faults = _Check(before, after, coercion).faults()
    except (DifferentError, MalformedError, RefusalError, NotDicom, Damage, ValueError) as fault:
        faults = [f"the copy cannot be held against the original: {fault}"]
    except TooLongError:
        faults = ["the copy cannot be held against the original: a sequence is too long"]
    except OSError as fault:
        raise MediaError(
            f"{fault.filename or coerced}: {fault.strerror or fault}",
            "Look at the disk of the station's home.",
        ) from fault
    return [
        error(
            "coercion-differs",
            coercion.sop_instance_uid,
            fault[0].upper() + fault[1:] + ".",
            "Do not send this copy; report it to whoever looks after the station.",
            "PS3.3 C.12.1.1.9",
        )
        for fault in faults
    ]


class _Check:
    def __init__(self, before: Side, after: Side, coercion: Coercion) -> None:
        self.before = before
        self.after = after
        self.coercion = coercion
        self.planned = coercion.tags | {SPECIFIC_CHARACTER_SET}

    def faults(self) -> list[str]:
        """Return what is wrong, a clause each."""
        found = list(self._file_meta())
        found += self._what_stays()
        return found or [*self._what_was_set(), *self._what_grew()]

    def _file_meta(self) -> Iterable[str]:
        before, after = self.before.header, self.after.header
        if (
            not after.file_meta_conformant
            or not after.complete
            or after.preamble is not Preamble.ZERO
        ):
            yield "its File Meta Information is not as PS3.10 has it, or it is not whole"
        if (before.sop_class_uid, before.sop_instance_uid, before.transfer_syntax_uid) != (
            after.sop_class_uid,
            after.sop_instance_uid,
            after.transfer_syntax_uid,
        ):
            yield "it is another instance, or in another Transfer Syntax"

    def _what_stays(self) -> list[str]:
        """Compare everything that no coercion may touch."""
        differing: dict[int, None] = {}
        texts = False
        pairs = zip_longest(self.before.kept(self.planned), self.after.kept(self.planned))
        for ours, theirs in pairs:
            if ours is None or theirs is None or ours.tag != theirs.tag:
                tag = min(one.tag for one in (ours, theirs) if one is not None)
                return [f"{attribute_name(tag)} is missing, or was added"]
            if ours.vr != theirs.vr:
                differing[ours.tag] = None
            elif not same_bytes(self.before, ours, self.after, theirs):
                if self.before.charset.value == self.after.charset.value:
                    differing[ours.tag] = None
                texts = True
        if texts and not differing:
            require_same_texts(self.before, self.after, self.planned, self.coercion.undeclared_text)
        if not differing:
            return []
        names = [attribute_name(tag) for tag in list(differing)[:_MOST_NAMED]]
        return [f"other values than the original's stand in {', '.join(names)}"]

    def _what_was_set(self) -> Iterable[str]:
        after = self.after
        for one in self.coercion.replacing:
            extent = after.planned.get(one.tag)
            if not one.text and not one.items:
                right = extent is None or not after.value(extent).strip(b" \0")
            elif extent is None:
                right = False
            elif one.vr == "SQ":
                right = flattened(after.items(extent), after.charset) == list(_tree(one.items))
            else:
                right = after.text(extent, one.vr) == one.text
            if not right:
                yield f"{attribute_name(one.tag)} is not what was decided"
        for tag in self.coercion.removed:
            if tag in after.planned:
                yield f"{attribute_name(tag)} was to go and is there"

    def _what_grew(self) -> Iterable[str]:
        """Check what was appended, and that what was there before it is there still."""
        new: dict[int, list[bytes]] = {}
        for tag in _GROWING:
            ours, theirs = self.before.planned.get(tag), self.after.planned.get(tag)
            if theirs is None:
                if ours is not None:
                    yield f"{attribute_name(tag)} is gone"
                continue
            kept, new[tag] = self._parted(ours, theirs)
            if not kept:
                yield f"{attribute_name(tag)} lost items that it had"
        if [flattened_item(item, self.after) for item in new.get(_GROWING[0], [])] != [
            list(_tree([self.coercion.contribution]))
        ]:
            yield f"{attribute_name(CONTRIBUTING_EQUIPMENT_SEQUENCE)} does not name this station"
        yield from self._other_ids()
        yield from self._old_values(new.get(ORIGINAL_ATTRIBUTES_SEQUENCE, []))

    def _parted(self, ours: Extent | None, theirs: Extent) -> tuple[bool, list[bytes]]:
        """Return whether the old items are all there, and the new ones."""
        if ours is None:
            return True, list(iter_items(self.after.items(theirs)))
        length = ours.end - ours.start - (8 if ours.undefined else 0)
        if ours.vr == theirs.vr and same_bytes(self.before, ours, self.after, theirs, length):
            return True, list(iter_items(self.after.items(theirs, length)))
        old = list(iter_items(self.before.items(ours)))
        items = list(iter_items(self.after.items(theirs)))
        same = [flattened_item(item, self.before) for item in old] == [
            flattened_item(item, self.after) for item in items[: len(old)]
        ]
        return same, items[len(old) :]

    def _other_ids(self) -> Iterable[str]:
        wanted = {(one.patient_id, one.issuer) for one in self.coercion.other_patient_ids}
        extent = self.after.planned.get(OTHER_PATIENT_IDS_SEQUENCE)
        found = {(self.coercion.local.patient_id, self.coercion.local.issuer)}
        for item in iter_items(self.after.items(extent)) if extent else ():
            texts = {tag: text for _, tag, text in flattened_item(item, self.after)}
            found.add((str(texts.get(PATIENT_ID, "")), str(texts.get(ISSUER_OF_PATIENT_ID, ""))))
        folded = {tuple(" ".join(text.split()).casefold() for text in pair) for pair in found}
        for pair in wanted:
            if tuple(" ".join(text.split()).casefold() for text in pair) not in folded:
                yield "Other Patient IDs Sequence lacks an ID"
                return

    def _old_values(self, items: list[bytes]) -> Iterable[str]:
        """Check that every old value stands in the new item of Original Attributes Sequence."""
        changed = []
        recoded = self.before.charset.value != self.after.charset.value
        for tag, ours in self.before.planned.items():
            theirs = self.after.planned.get(tag)
            stands = theirs is not None and (
                same_bytes(self.before, ours, self.after, theirs)
                or (
                    recoded
                    and not self.before.is_sequence(ours)
                    and self.before.text(ours, dictionary_vr(tag))
                    == self.after.text(theirs, dictionary_vr(tag))
                )
            )
            if not stands and tag not in _GROWING[:2]:
                changed.append(tag)
        if not items:
            if changed:
                yield "no item of Original Attributes Sequence has the old values"
            return
        parts = dict(iter_elements(items[-1]))
        modified = list(iter_items(parts[MODIFIED_ATTRIBUTES_SEQUENCE].value))
        if len(items) != 1 or len(modified) != 1:
            yield "old values do not stand in exactly one item"
            return
        listed = dict(iter_elements(modified[0]))
        raw = dict(_raw_values(parts.get(NONCONFORMING_ATTRIBUTES_SEQUENCE)))
        for tag in changed:
            extent = self.before.planned[tag]
            old = (
                self.before.items(extent)
                if self.before.is_sequence(extent)
                else self.before.value(extent)
            )
            value = listed[tag].value if tag in listed else None
            if value is not None and not value and tag in raw:
                value = raw[tag][: len(old)]
            if value != old:
                yield f"the old value of {attribute_name(tag)} is not in Original Attributes"
        if PATIENT_ID in listed and ISSUER_OF_PATIENT_ID not in listed:
            yield "the old Patient ID stands without its issuer"


def flattened_item(item: bytes, side: Side) -> list[tuple[int, int, str | bytes]]:
    """Return one item's elements as `flattened` does a sequence's."""
    return flattened(b"\xfe\xff\x00\xe0" + len(item).to_bytes(4, "little") + item, side.charset)


def _tree(items: Iterable[tuple[Attribute, ...]]) -> Iterable[tuple[int, int, str | bytes]]:
    """Yield what `flattened` finds in these items once they are written."""
    for item in items:
        yield 0, 0, ""
        for one in sorted(item, key=lambda part: part.tag):
            if one.vr == "SQ":
                yield 1, one.tag, ""
                for depth, tag, text in _tree(one.items):
                    yield depth + 2, tag, text
            else:
                yield 1, one.tag, one.text


def _raw_values(sequence: Element | None) -> Iterable[tuple[int, bytes]]:
    for item in iter_items(sequence.value) if sequence is not None else ():
        parts = dict(iter_elements(item))
        words = parts[SELECTOR_ATTRIBUTE].value
        tag = int.from_bytes(words[:2], "little") << 16 | int.from_bytes(words[2:4], "little")
        yield tag, parts[NONCONFORMING_VALUE].value
