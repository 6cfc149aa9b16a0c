"""SOP Classes and Transfer Syntaxes as profile files name them: one by one, or by a word."""

from __future__ import annotations

from mediastation.conformance.tables import Table
from mediastation.model.sop_class import MULTI_FRAME_CLASSES, SOP_CLASSES
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES

# PS3.11 says "composite objects"; a class without a Directory Record type
# cannot be referenced, and what is not referenced may not lie there (D.3.3).
_COMPOSITE = frozenset(uid for uid, known in SOP_CLASSES.items() if known.record_type)
_SOP_CLASS_SETS = {
    "composite": _COMPOSITE,
    "multi-frame": MULTI_FRAME_CLASSES & _COMPOSITE,
}
_DECLARED = "declared"
"""The standard leaves it to the conformance statement, which names all that are known here."""


def read_sop_classes(table: Table) -> frozenset[str]:
    """Return the SOP Classes under ``sop_classes``: a list of UIDs, or the word for a set."""
    if table.holds_text("sop_classes"):
        word = table.text("sop_classes")
        if word not in _SOP_CLASS_SETS:
            raise table.fault("sop_classes", f"is no known set of SOP Classes: {word!r}")
        return _SOP_CLASS_SETS[word]
    sop_classes = frozenset(table.texts("sop_classes"))
    for uid in sorted(sop_classes - _COMPOSITE):
        raise table.fault("sop_classes", f"names {uid}, which cannot lie on a medium")
    return sop_classes


def read_transfer_syntaxes(table: Table) -> tuple[str, ...]:
    """Return the UIDs under ``transfer_syntaxes``: a list, or ``declared`` for all known ones."""
    if table.holds_text("transfer_syntaxes"):
        word = table.text("transfer_syntaxes")
        if word != _DECLARED:
            raise table.fault("transfer_syntaxes", f"is to be a list or {_DECLARED!r}")
        return tuple(TRANSFER_SYNTAXES)
    transfer_syntaxes = table.texts("transfer_syntaxes")
    for uid in transfer_syntaxes:
        if uid not in TRANSFER_SYNTAXES:
            raise table.fault("transfer_syntaxes", f"names {uid}, which is not known")
    return transfer_syntaxes
