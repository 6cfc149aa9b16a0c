"""The copy of an instance as it will lie on the medium, held against attribute restrictions."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Iterable

from mediastation.conformance.attributes import Elements
from mediastation.conformance.restrictions import Breach, find_breaches
from mediastation.dicom.encodable import ENCODABLE, photometric_after
from mediastation.model.attribute_rule import AttributeRule
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from mediastation.model.transfer_syntax import RLE_LOSSLESS

_SAMPLES = 0x00280002
_PHOTOMETRIC = 0x00280004
_PLANAR = 0x00280006


class CopyCheck:
    """Tells which restrictions the copies of one instance would not meet.

    Profiles of one annex share their rules, so what is found of a rule is
    kept: asking the next profile costs nothing.

    Parameters
    ----------
    header : InstanceHeader
        The instance as it came.
    """

    def __init__(self, header: InstanceHeader) -> None:
        self.header = header
        self._copies: dict[str, Elements] = {}
        # By identity, as rules are long to compare; each is kept alive beside.
        self._found: dict[tuple[int, str], tuple[AttributeRule, list[Breach]]] = {}

    def breaches(self, rules: Iterable[AttributeRule], target: str) -> list[Breach]:
        """Return what the copy in the Transfer Syntax `target` would not meet."""
        found: list[Breach] = []
        for rule in rules:
            key = (id(rule), target)
            known = self._found.get(key)
            if known is None:
                breaches = find_breaches(self._elements(target), (rule,), target)
                known = self._found[key] = (rule, breaches)
            found += known[1]
        return found

    def _elements(self, target: str) -> Elements:
        """Return the elements as the copy in `target` will have them."""
        header = self.header
        if target == header.transfer_syntax_uid:
            return header.elements
        known = self._copies.get(target)
        if known is not None:
            return known
        changed: dict[int, Element] = {}
        if photometric := photometric_after(header, target):
            changed[_PHOTOMETRIC] = Element("CS", photometric.encode("ascii", "replace"))
        samples = header.elements.get(_SAMPLES)
        through_codec = is_compressed(header) or target in ENCODABLE
        if through_codec and samples is not None and samples.value[:1] == b"\x03":
            # Codecs interleave; the segments of RLE are planes (PS3.5 8.2 and Annex G).
            planes = b"\1\0" if target == RLE_LOSSLESS else b"\0\0"
            changed[_PLANAR] = Element("US", planes)
        # The first of the two is the one that would be written to, and nobody does.
        copy: Elements = ChainMap(changed, header.elements)  # type: ignore[arg-type]
        self._copies[target] = copy
        return copy


def is_compressed(header: InstanceHeader) -> bool:
    """Tell whether the pixels lie in codestreams."""
    return header.pixels is PixelEncoding.ENCAPSULATED
