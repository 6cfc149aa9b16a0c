"""Values of a header as text, for those who ask by tag."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from mediastation.dicom.charset import decode_text
from mediastation.model.instance import Element

_CHARSET = 0x00080005


class HasElements(Protocol):
    """Anything with elements by tag, an `InstanceHeader` above all."""

    @property
    def elements(self) -> Mapping[int, Element]:
        """Elements by tag."""


def text(header: HasElements, tag: int) -> str:
    """Return all values of an element as text, a backslash between them.

    Parameters
    ----------
    header : HasElements
        Its own Specific Character Set (0008,0005) is used.
    tag : int
        An element with a text or string VR.

    Returns
    -------
    str
        Empty if the element is absent or empty.
    """
    element = header.elements.get(tag)
    return decode_text(element, header.elements.get(_CHARSET)) if element else ""


def first_value(header: HasElements, tag: int) -> str:
    """Return the first value of an element as text, without surrounding spaces; empty if none."""
    return text(header, tag).partition("\\")[0].strip()


def uid_text(element: Element) -> str:
    """Return the value of a UI element as text, without its padding; characters are not checked."""
    return element.value.rstrip(b"\0 ").decode("latin_1").strip()
