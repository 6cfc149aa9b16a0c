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

from mediastation.dicom.character_terms import legal_terms
from mediastation.dicom.coerce_history import history_faults
from mediastation.dicom.coerce_sides import (
    Extent,
    Side,
    flattened,
    planned_flat,
    read_side,
    same_bytes,
)
from mediastation.dicom.coerce_texts import require_same_texts
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.header import NotDicom
from mediastation.dicom.limits import Damage, TooLongError
from mediastation.dicom.reencode import DifferentError, walk_of
from mediastation.dicom.refusal import RefusalError
from mediastation.errors import MediaError
from mediastation.model.coercion import SPECIFIC_CHARACTER_SET, Coercion
from mediastation.model.finding import Finding, error
from mediastation.model.instance import Element, Preamble

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
    except (DifferentError, RefusalError, NotDicom, Damage, ValueError, KeyError) as fault:
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
        found = [*self._file_meta(), *self._what_stays()]
        if found:
            return found
        self._require_character_set()
        return [*self._what_was_set(), *history_faults(self.before, self.after, self.coercion)]

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
        pairs = zip_longest(self.before.kept(self.planned), self.after.kept(self.planned))
        for ours, theirs in pairs:
            if ours is None or theirs is None or ours.tag != theirs.tag:
                tag = min(one.tag for one in (ours, theirs) if one is not None)
                return [f"{attribute_name(tag)} is missing, or was added"]
            # Under another character set it is compared as text, below.
            if ours.vr != theirs.vr or (
                not self._is_recoded and not same_bytes(self.before, ours, self.after, theirs)
            ):
                differing[ours.tag] = None
        if not differing:
            return []
        names = [attribute_name(tag) for tag in list(differing)[:_MOST_NAMED]]
        return [f"other values than the original's stand in {', '.join(names)}"]

    @property
    def _is_recoded(self) -> bool:
        return self.before.declared != self.after.declared

    def _require_character_set(self) -> None:
        """Hold a new character set against all text; `DifferentError` if it says otherwise.

        Where there is none, what was written is at least held against its encoding:
        the walk of the header scan forgives inside sequences.
        """
        after = self.after
        declared = after.planned.get(SPECIFIC_CHARACTER_SET)
        if declared is not None and not self._may_have(declared, "CS"):
            raise DifferentError("its Specific Character Set has the VR of something else")
        if not self._is_recoded:
            for _ in walk_of(after.window, after.offset, after.window.size, after.encoding):
                pass
            return
        if legal_terms(after.declared)[1]:
            raise DifferentError("its Specific Character Set is none")
        if self.coercion.undeclared_text and not any(legal_terms(self.before.declared)[0]):
            self.before.charset = Element("CS", self.coercion.undeclared_text.encode("ascii"))
        require_same_texts(self.before, self.after, self.planned)

    def _what_was_set(self) -> Iterable[str]:
        after = self.after
        for one in self.coercion.replacing:
            extent = after.planned.get(one.tag)
            if not one.text and not one.items:
                right = extent is None or (
                    self._may_have(extent, one.vr) and not after.value(extent).strip(b" \0")
                )
            elif extent is None or not self._may_have(extent, one.vr):
                right = False
            elif one.vr == "SQ":
                right = flattened(after.items(extent), after.charset) == planned_flat(one.items)
            else:
                right = after.text(extent, one.vr) == one.text
            if not right:
                yield f"{attribute_name(one.tag)} is not what was decided"
        for tag in self.coercion.removed:
            if tag in after.planned:
                yield f"{attribute_name(tag)} was to go and is there"

    def _may_have(self, extent: Extent, vr: str) -> bool:
        """Tell whether a value stands under its own VR, or the one that the original has there."""
        original = self.before.planned.get(extent.tag)
        return extent.vr in ("", vr) or (original is not None and original.vr == extent.vr)
