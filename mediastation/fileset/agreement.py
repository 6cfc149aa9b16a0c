"""Whether later instances say the same as the record that their first one gave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from mediastation.dicom.character_terms import Terms
from mediastation.dicom.charset import TEXT_VRS, decode_text
from mediastation.fileset.object_values import CHARACTER_SET
from mediastation.fileset.values import legal_value
from mediastation.model.instance import Element
from mediastation.model.record import Key


@dataclass(slots=True)
class Disagreement:
    """One key of a record, as the record has it and as an instance has it."""

    key: Key
    recorded: str
    found: str


@dataclass(slots=True)
class RecordAgreement:
    """What one open record says, for comparing with the instances below it.

    Padding, letter case, empty components and zeros that mean nothing do not
    count. An instance that says nothing does not disagree, nor does one that
    has a Type 3 key which the record lacks. Each key is told once.
    """

    keys: tuple[Key, ...]
    values: Mapping[int, bytes]
    terms: Terms
    _seen: dict[int, tuple[bytes, bytes | None]] = field(default_factory=dict)
    _told: set[int] = field(default_factory=set)

    def _charset(self) -> Element | None:
        return Element("CS", "\\".join(self.terms).encode()) if self.terms else None

    def disagreements(self, elements: Mapping[int, Element]) -> Iterator[Disagreement]:
        """Yield what `elements` state otherwise for the first time."""
        charset = elements.get(CHARACTER_SET)
        charset_value = charset.value if charset else None
        for key in self.keys:
            element = elements.get(key.tag)
            if element is None or key.tag in self._told:
                continue
            state = (element.value, charset_value)
            if self._seen.get(key.tag) == state:
                continue
            self._seen[key.tag] = state
            recorded = self.values.get(key.tag)
            if element.vr == "SQ" or (recorded is None and key.type == "3"):
                continue
            found = _comparable(key.vr, element, charset)
            if not found:
                continue
            ours = _comparable(key.vr, Element(key.vr, recorded or b""), self._charset())
            if found != ours:
                self._told.add(key.tag)
                yield Disagreement(
                    key,
                    _shown(key, recorded or b"", self._charset()),
                    _shown(key, element.value, charset),
                )


def _shown(key: Key, value: bytes, charset: Element | None) -> str:
    return decode_text(Element(key.vr, value[:256]), charset)[:64]


def _comparable(vr: str, element: Element, charset: Element | None) -> str:
    """Return a value without the differences that mean nothing; empty for none."""
    if vr in TEXT_VRS:
        text = " ".join(decode_text(Element(vr, element.value), charset).casefold().split())
        if vr != "PN":
            return text
        groups = (group.rstrip("^ ") for group in text.split("="))
        return "=".join(groups).rstrip("=")
    value = legal_value(vr, element.value)[0].decode("latin-1")
    if vr == "IS" and value:
        return str(int(value))
    if vr == "TM" and value:
        whole, _, fraction = value.partition(".")
        return f"{whole.ljust(6, '0')}.{fraction.rstrip('0')}"
    return value
