"""Additional keys of Directory Records, as a profile file lists them (PS3.11, tables X.3-2)."""

from __future__ import annotations

import re
from collections.abc import Mapping

from mediastation.conformance.tables import Table
from mediastation.conformance.uid_sets import read_sop_classes
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS
from mediastation.model.record import AdditionalKey, Condition, Key, KeyType
from mediastation.model.record_types import RECORD_TYPES

_TAG = re.compile(r"([0-9A-F]{4}),([0-9A-F]{4})")
_VRS = frozenset({*SHORT_VRS.values(), *LONG_VRS.values()})
_CHARACTER_SET = 0x00080005
_KEY_TYPES: Mapping[str, KeyType] = {"1": "1", "1C": "1C", "2": "2", "2C": "2C", "3": "3"}
_DEEPEST = 4
# What a profile's tables know; the other conditions belong to PS3.3 Annex F.
_CONDITIONS = frozenset(
    {Condition.PRESENT, Condition.NON_EMPTY, Condition.SUBORDINATE, Condition.BIPLANE}
)


def read_keys(table: Table) -> list[AdditionalKey]:
    """Return one key for each record type that the table names."""
    records = table.texts("records")
    for record_type in records:
        if record_type not in RECORD_TYPES:
            raise table.fault("records", f"names {record_type!r}, which is no record type")
    sop_classes = read_sop_classes(table) if table.holds("sop_classes") else frozenset()
    in_shared_groups = table.flag("in_shared_groups")
    key = _read_key(table)
    if key.tag not in INDEX_TAGS or key.tag == _CHARACTER_SET:
        raise table.fault("tag", "is none that the index keeps for records")
    return [
        AdditionalKey(
            record_type,
            key.tag,
            key.vr,
            key.type,
            key.condition,
            key.nested,
            key.keyword,
            multiple=key.multiple,
            sop_classes=sop_classes,
            in_shared_groups=in_shared_groups,
        )
        for record_type in records
    ]


def _read_key(table: Table, depth: int = 0) -> Key:
    keyword = table.text("keyword")
    tag = _TAG.fullmatch(table.text("tag"))
    if tag is None:
        raise table.fault("tag", "is to be like 0008,1140")
    vr = table.text("vr")
    if vr not in _VRS:
        raise table.fault("vr", f"is no Value Representation: {vr!r}")
    kind = _KEY_TYPES.get(table.text("type"))
    if kind is None:
        raise table.fault("type", f"is to be one of {', '.join(_KEY_TYPES)}")
    condition = Condition.PRESENT
    if kind.endswith("C"):
        condition = table.choice("condition", Condition)
        if condition not in _CONDITIONS:
            raise table.fault("condition", f"is to be one of {', '.join(sorted(_CONDITIONS))}")
    nested = []
    for inner in _nested(table, vr, depth):
        nested.append(_read_key(inner, depth + 1))
        inner.require_all_read()
    return Key(
        tag=int(tag[1] + tag[2], 16),
        keyword=keyword,
        vr=vr,
        type=kind,
        condition=condition,
        nested=tuple(sorted(nested, key=lambda key: key.tag)),
        multiple=table.flag("multiple"),
    )


def _nested(table: Table, vr: str, depth: int) -> list[Table]:
    nested = table.tables("nested")
    if nested and vr != "SQ":
        raise table.fault("nested", "belongs to a sequence only")
    if nested and depth == _DEEPEST:
        raise table.fault("nested", "lies deeper than any table of the standard")
    return nested
