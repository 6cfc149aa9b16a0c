"""The items of a sequence and what lies in them, where they lie in the file (PS3.5, 7.5)."""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.reading.elements import (
    ITEM,
    SEQUENCE_END,
    UNDEFINED,
    Element,
    ElementCursor,
    Encoding,
    Window,
    show_tag,
)

MAX_ELEMENTS = 4096
"""More than any item of a Directory Record has."""


def iter_items(
    window: Window, at: int, length: int, encoding: Encoding
) -> Iterator[dict[int, Element]]:
    """Yield the elements of each item, by tag.

    Parameters
    ----------
    window : Window
        The file.
    at, length : int
        Where the value field of the sequence lies; the length is defined.
    encoding : Encoding
        How it is encoded.

    Raises
    ------
    ValueError
        If it is not a run of items, or an item breaks off or has no end of
        elements. What came before has been yielded.
    """
    end = min(at + length, window.size_bytes)
    while at < end:
        cursor = ElementCursor(window, at, end, encoding)
        head = cursor.header()
        if head is None:
            raise ValueError(cursor.fault)
        if head.tag == SEQUENCE_END:
            return
        if head.tag != ITEM:
            raise ValueError(f"{show_tag(head.tag)} where an item should begin")
        undefined = head.length == UNDEFINED
        item_end = end if undefined else head.value_at + head.length
        if item_end > end:
            raise ValueError("an item is longer than what holds it")
        body = ElementCursor(window, head.value_at, item_end, encoding)
        elements: dict[int, Element] = {}
        while element := body.next():
            elements[element.tag] = element
            if len(elements) > MAX_ELEMENTS:
                raise ValueError(f"an item has more than {MAX_ELEMENTS} elements")
        if body.fault:
            raise ValueError(body.fault)
        yield elements
        at = body.at if undefined else item_end
