"""Attribute restrictions, as a profile file lists them (PS3.11, X.3.4)."""

from __future__ import annotations

import re

from mediastation.conformance.tables import Table
from mediastation.conformance.uid_sets import read_sop_classes, read_transfer_syntaxes
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.model.attribute_rule import AttributeRule, Presence, SameAs

_TAG = re.compile(r"([0-9A-F]{4}|[0-9A-F]{2}xx),([0-9A-F]{4})")
_DEMANDS = ("values", "range", "same_as", "presence")
_DEEPEST = 4


def read_attribute_rule(table: Table) -> AttributeRule:
    """Return the rule that a table ``[[attribute]]`` states.

    It demands exactly one of ``values``, ``range`` (least and greatest),
    ``same_as`` (another attribute, ``plus`` a number) and ``presence``.
    """
    rule = _read_rule(table, 0)
    for asked in (rule, *rule.when):
        other = (asked.same_as.tag,) if asked.same_as else ()
        if not INDEX_TAGS.issuperset((*asked.tags, *other)):
            # The check reads the index, where it would seem to be missing everywhere.
            raise table.fault("tag", f"asks for {asked.keyword}, which the index does not keep")
    return rule


def _read_rule(table: Table, depth: int) -> AttributeRule:
    if depth > _DEEPEST:
        raise table.fault("item", "lies deeper than any table of the standard")
    demands = [name for name in _DEMANDS if table.holds(name)]
    if len(demands) != 1:
        raise table.fault("keyword", f"needs exactly one of {', '.join(_DEMANDS)}")
    outermost = depth == 0
    rule = AttributeRule(
        keyword=table.text("keyword"),
        tags=_tags(table),
        values=table.words("values") if "values" in demands else (),
        value_number=_value_number(table),
        bounds=_bounds(table) if "range" in demands else None,
        same_as=_same_as(table.table("same_as")) if "same_as" in demands else None,
        presence=table.choice("presence", Presence) if "presence" in demands else Presence.ANY,
        items=tuple(_inner(inner, depth) for inner in table.tables("item")),
        when=tuple(_inner(inner, depth) for inner in table.tables("when")),
        sop_classes=(
            read_sop_classes(table) if outermost and table.holds("sop_classes") else frozenset()
        ),
        transfer_syntaxes=(
            frozenset(read_transfer_syntaxes(table))
            if outermost and table.holds("transfer_syntaxes")
            else frozenset()
        ),
        reference=table.text("reference") if outermost else "",
    )
    if rule.items and rule.presence is not Presence.GIVEN:
        raise table.fault("item", "belongs to a sequence that has to be given")
    return rule


def _inner(table: Table, depth: int) -> AttributeRule:
    rule = _read_rule(table, depth + 1)
    table.require_all_read()
    return rule


def _tags(table: Table) -> tuple[int, ...]:
    tag = _TAG.fullmatch(table.text("tag"))
    if tag is None:
        raise table.fault("tag", "is to be like 0028,0010 or 60xx,3000")
    if tag[1].endswith("xx"):
        # Sixteen even groups of a repeating one (PS3.5, 7.6).
        first = int(tag[1][:2] + "00" + tag[2], 16)
        return tuple(first + (place << 17) for place in range(16))
    return (int(tag[1] + tag[2], 16),)


def _value_number(table: Table) -> int:
    number = table.integer("value_number", 0)
    if number < 0:
        raise table.fault("value_number", "counts from 1")
    return number


def _same_as(table: Table) -> SameAs:
    tags = _tags(table)
    other = SameAs(tags[0], table.text("keyword"), table.integer("plus", 0))
    if len(tags) > 1:
        raise table.fault("tag", "is to be a single element")
    table.require_all_read()
    return other


def _bounds(table: Table) -> tuple[int, int]:
    bounds = table.integers("range")
    if len(bounds) != 2 or bounds[0] > bounds[1]:
        raise table.fault("range", "is to be least and greatest")
    return bounds[0], bounds[1]
