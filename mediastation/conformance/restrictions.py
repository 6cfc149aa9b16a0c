"""Attribute restrictions: whether a data set has the values that a profile's tables demand.

PS3.11, X.3.4. The restrictions are those of the copy on the medium, so they
are held against its Transfer Syntax and against what the codec leaves of the
pixel attributes, not against the instance as it came.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from mediastation.conformance.attributes import Elements, is_given, words_of
from mediastation.dicom.elements import iter_elements, iter_items
from mediastation.model.attribute_rule import AttributeRule, Presence
from mediastation.model.identity import shown
from mediastation.model.instance import Element

_MOST_ITEMS = 1024
_MOST_SHOWN = 4


@dataclass(frozen=True, slots=True)
class Breach:
    """One demand that is not met: `words` say which, `reference` is where the demand stands."""

    words: str
    reference: str


def find_breaches(
    elements: Elements, rules: Iterable[AttributeRule], transfer_syntax_uid: str
) -> list[Breach]:
    """Return the demands of `rules` that a data set does not meet.

    Parameters
    ----------
    elements : mapping of int to Element
        The data set as it will lie on the medium.
    rules : iterable of AttributeRule
        Those that hold for its SOP Class.
    transfer_syntax_uid : str
        How it will be encoded there.
    """
    return [
        Breach(words, rule.reference)
        for rule in rules
        if not rule.transfer_syntaxes or transfer_syntax_uid in rule.transfer_syntaxes
        for words in _breaches(rule, elements)
    ]


def told(breaches: Sequence[Breach]) -> tuple[str, str]:
    """Return what breaches come to in one sentence, and where the demands stand."""
    words = [breach.words for breach in breaches[:_MOST_SHOWN]]
    if more := len(breaches) - len(words):
        words.append(f"{more} more")
    references = dict.fromkeys(breach.reference for breach in breaches if breach.reference)
    return "; ".join(words), "; ".join(list(references)[:2])


def _breaches(rule: AttributeRule, elements: Elements) -> Iterator[str]:
    for place, tag in enumerate(rule.tags):
        # In a repeating group a demand for values concerns the groups that are there.
        if len(rule.tags) > 1 and rule.presence is Presence.ANY and tag not in elements:
            continue
        if not all(_is_met(inner, elements, place) for inner in rule.when):
            continue
        if not _is_met(rule, elements, place):
            yield _breach(rule, elements.get(tag), tag)
        elif rule.items:
            yield from _breaches_in_items(rule, elements[tag])


def _breaches_in_items(rule: AttributeRule, sequence: Element) -> Iterator[str]:
    """Yield what the first deficient item lacks: what follows would be more of the same."""
    if sequence.vr != "SQ":
        yield f"{rule.keyword} is no sequence"
        return
    try:
        for number, item in enumerate(iter_items(sequence.value), start=1):
            inside = dict(iter_elements(item))
            faults = [fault for inner in rule.items for fault in _breaches(inner, inside)]
            if faults:
                yield from (f"{fault} in item {number} of {rule.keyword}" for fault in faults)
                return
            if number == _MOST_ITEMS:
                return
    except ValueError:
        yield f"{rule.keyword} is not well-formed"


def _is_met(rule: AttributeRule, elements: Elements, place: int) -> bool:
    tag = rule.tags[place] if len(rule.tags) > 1 else rule.tags[0]
    match rule.presence:
        case Presence.PRESENT:
            return tag in elements
        case Presence.GIVEN:
            return is_given(elements, tag)
        case Presence.ABSENT:
            return tag not in elements
    element = elements.get(tag)
    words = words_of(element) if element else ()
    if rule.value_number:
        words = words[rule.value_number - 1 : rule.value_number]
    elif len(words) != 1:
        # The tables speak of single values; of several, each reader would take another.
        return False
    if not words:
        return False
    if rule.values:
        return all(word in rule.values for word in words)
    numbers = [_number(word) for word in words]
    if rule.bounds:
        least, greatest = rule.bounds
        return all(number is not None and least <= number <= greatest for number in numbers)
    if rule.same_as:
        other = elements.get(rule.same_as.tag)
        theirs = words_of(other) if other else ()
        wanted = _number(theirs[0]) if theirs else None
        return wanted is not None and numbers == [wanted + rule.same_as.plus]
    return True


def _number(word: str) -> int | None:
    digits = word.removeprefix("-")
    return int(word) if digits.isascii() and digits.isdigit() and len(digits) < 12 else None


def _breach(rule: AttributeRule, element: Element | None, tag: int) -> str:
    name = f"{rule.keyword} ({tag >> 16:04X},{tag & 0xFFFF:04X})"
    match rule.presence:
        case Presence.PRESENT:
            return f"{name} is not there, not even empty"
        case Presence.GIVEN:
            return f"{name} has no value" if element else f"{name} is missing"
        case Presence.ABSENT:
            return f"{name} may not be there"
    words = words_of(element) if element else ()
    if rule.value_number:
        name = f"value {rule.value_number} of {name}"
        words = words[rule.value_number - 1 : rule.value_number]
    if not words:
        return f"{name} is missing and has to be {rule.demand}"
    return f"{name} is {shown(', '.join(words))} and has to be {rule.demand}"
