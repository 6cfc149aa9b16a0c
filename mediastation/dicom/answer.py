"""Answers to queries that nest: what was asked for is read, in the shape it was asked in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding, iter_items
from mediastation.dicom.identifier import CHARACTER_SET, IdentifierError, Keys, value_text
from mediastation.dicom.limits import Damage, TooLongError
from mediastation.dicom.recognition import ENCODING_OF
from mediastation.dicom.sequences import convert_sequence
from mediastation.dicom.source import BytesSource
from mediastation.dicom.vr import dictionary_vr
from mediastation.model.element_encoding import UNDEFINED
from mediastation.model.instance import Element

MOST_ITEMS = 100
"""Items of one sequence; an answer with more is not read."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The values of an identifier, or of one item in it, by tag.

    What the peer left out, or left empty, reads as the empty string and as no
    items: it makes no difference to whoever asked.
    """

    texts: Mapping[int, str] = field(default_factory=dict)
    sequences: Mapping[int, tuple[Answer, ...]] = field(default_factory=dict)

    def text(self, tag: int) -> str:
        """Return the text at `tag`; several values stay separated by backslashes."""
        return self.texts.get(tag, "")

    def items(self, tag: int) -> tuple[Answer, ...]:
        """Return the items of the sequence at `tag`."""
        return self.sequences.get(tag, ())


def read_answer(data: bytes, transfer_syntax: str, wanted: Keys) -> Answer:
    """Read of an identifier what was asked for.

    Elements that are not `wanted` are passed over, as deep as they may nest; so
    the peer decides neither how deep is read nor how much is kept. An item may
    name a character set of its own (PS3.3, C.12.1.1.2).

    Parameters
    ----------
    data : bytes
        The identifier.
    transfer_syntax : str
        Its encoding.
    wanted : Keys
        As in the query; the texts do not matter.

    Raises
    ------
    IdentifierError
        If the bytes are no data set, break off, are too much, or hold
        something else where a sequence should be.
    """
    encoding = ENCODING_OF.get(transfer_syntax, Encoding())
    return _read(data, encoding, wanted, None)


def _read(data: bytes, encoding: Encoding, wanted: Keys, charset: Element | None) -> Answer:
    source = BytesSource(data)
    walk = ElementWalk(source, 0, encoding, frozenset(wanted) | {CHARACTER_SET})
    found: dict[int, Element] = {}
    for tag, written, start, length, _ in walk:
        if tag in found or (tag not in wanted and tag != CHARACTER_SET):
            continue
        if not isinstance(wanted.get(tag, ""), str):
            found[tag] = Element("SQ", _sequence(walk, tag, written, start, length))
        elif length != UNDEFINED:
            vr = written if written and written != "UN" else dictionary_vr(tag)[:2]
            found[tag] = Element(vr, source.window(start, length))
    if walk.damage is not None:
        raise IdentifierError(walk.damage.message)
    if walk.offset < len(data):
        raise IdentifierError(f"it ends at byte {walk.offset:,} of {len(data):,}")
    charset = found.pop(CHARACTER_SET, charset)
    texts: dict[int, str] = {}
    sequences: dict[int, tuple[Answer, ...]] = {}
    for tag, element in found.items():
        below = wanted[tag]
        if isinstance(below, str):
            texts[tag] = value_text(element, charset)
        else:
            items = _items(tag, element.value)
            sequences[tag] = tuple(_read(one, Encoding(), below, charset) for one in items)
    return Answer(texts, sequences)


def _sequence(walk: ElementWalk, tag: int, written: str, start: int, length: int) -> bytes:
    if written not in ("", "SQ", "UN"):
        raise IdentifierError(f"{attribute_name(tag)} is written with VR {written}")
    try:
        return convert_sequence(
            walk.source, tag, start, length, walk.encoding, walk.steps, from_un=written == "UN"
        )
    except Damage as fault:
        raise IdentifierError(fault.message) from None
    except TooLongError:
        raise IdentifierError(f"{attribute_name(tag)} is too long") from None


def _items(tag: int, value: bytes) -> list[bytes]:
    items: list[bytes] = []
    for item in iter_items(value):
        if len(items) == MOST_ITEMS:
            raise IdentifierError(f"{attribute_name(tag)} has more than {MOST_ITEMS} items")
        items.append(item)
    return items
