"""What a profile demands of an object's attributes beyond its IOD (PS3.11, X.3.4)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Presence(StrEnum):
    """Whether an element has to be there."""

    ANY = ""
    PRESENT = "present"
    """Type 2: there, though it may be empty."""
    GIVEN = "given"
    """Type 1: there, with a value."""
    ABSENT = "absent"


@dataclass(frozen=True, slots=True)
class SameAs:
    """The value of another attribute of the same data set, and what is to be added to it."""

    tag: int
    keyword: str
    plus: int = 0


@dataclass(frozen=True, slots=True)
class AttributeRule:
    """One row of a profile's table of attribute values.

    It says one thing: a set of values, bounds, another attribute's value, or
    whether the element is there. An element that is absent meets no demand
    for a value.

    Parameters
    ----------
    keyword : str
        Of PS3.6, for messages.
    tags : tuple of int
        The element; all sixteen of them for one in a repeating group, where a
        demand for a value concerns the groups that have it, and `when` the same
        group as the rule.
    values : tuple of str
        The values it may have, numbers in decimal.
    value_number : int
        Which of several values is meant, from 1; 0 where there is only one.
    bounds : tuple of int and int, or None
        Least and greatest value.
    same_as : SameAs or None
        The attribute it has to agree with.
    presence : Presence
        Whether it has to be there.
    items : tuple of AttributeRule
        For a sequence: what holds in every item.
    when : tuple of AttributeRule
        The rule holds for a data set that meets all of these; inside `items`
        the data set is the item.
    sop_classes : frozenset of str
        SOP Classes that it holds for; empty for all.
    transfer_syntaxes : frozenset of str
        Transfer Syntaxes on the medium that it holds for; empty for all.
    reference : str
        Table or section of the standard.
    """

    keyword: str
    tags: tuple[int, ...]
    values: tuple[str, ...] = ()
    value_number: int = 0
    bounds: tuple[int, int] | None = None
    same_as: SameAs | None = None
    presence: Presence = Presence.ANY
    items: tuple[AttributeRule, ...] = ()
    when: tuple[AttributeRule, ...] = ()
    sop_classes: frozenset[str] = frozenset()
    transfer_syntaxes: frozenset[str] = frozenset()
    reference: str = ""

    @property
    def tag_text(self) -> str:
        """The tag as people write it, such as ``0028,0010`` or ``60xx,3000``."""
        tag = self.tags[0]
        group = f"{tag >> 24:02X}xx" if len(self.tags) > 1 else f"{tag >> 16:04X}"
        return f"{group},{tag & 0xFFFF:04X}"

    @property
    def demand(self) -> str:
        """What is demanded, as the end of a sentence."""
        if self.values:
            last = self.values[-1]
            return f"{', '.join(self.values[:-1])} or {last}" if len(self.values) > 1 else last
        if self.bounds:
            return f"{self.bounds[0]} to {self.bounds[1]}"
        if self.same_as:
            shift = f" {self.same_as.plus:+d}" if self.same_as.plus else ""
            return f"{self.same_as.keyword}{shift}"
        return str(self.presence)
