"""What of an instance decides what profiles say to it: instances of one shape are told the same.

The slices of a series differ in position, time and number, of which no table
of PS3.11 speaks. So a thousand of them are looked at once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Hashable, Sequence

from mediastation.conformance.prepare_plan import is_lossy_inside
from mediastation.conformance.rulebook import Rulebook, tags_of
from mediastation.model.instance import InstanceHeader
from mediastation.model.sop_class import SOP_CLASSES

_LONG = 64

# What planning an encoding asks a header for (`mediastation.dicom.encodable`).
_ENCODING_TAGS = frozenset(
    {
        0x00080005,
        0x00280002,
        0x00280004,
        0x00280006,
        0x00280008,
        0x00280010,
        0x00280011,
        0x00280100,
        0x00280101,
        0x00280103,
    }
)


class Shapes:
    """Tells the shape of instances, as far as some profiles are concerned.

    Parameters
    ----------
    books : sequence of Rulebook
        The profiles that will be asked.
    """

    def __init__(self, books: Sequence[Rulebook]) -> None:
        self._books = books
        self._tags: dict[str, tuple[int, ...]] = {}

    def of(self, header: InstanceHeader) -> Hashable:
        """Return the shape: equal for two instances only if no profile can tell them apart.

        Long values count by their digest, so that what is remembered stays small.
        """
        uid = header.sop_class_uid
        tags = self._tags.get(uid)
        if tags is None:
            tags = self._tags_of_class(uid)
        elements = header.elements
        values: list[Hashable] = [
            uid,
            header.transfer_syntax_uid,
            header.pixels,
            header.preamble,
            header.has_file_meta,
            header.file_meta_conformant,
            header.signed,
            is_lossy_inside(header),
        ]
        for tag in tags:
            element = elements.get(tag)
            if element is None:
                values.append(None)
            else:
                value = element.value
                if len(value) > _LONG:
                    value = hashlib.blake2b(value, digest_size=24).digest() + b"#"
                values += (element.vr, value)
        return tuple(values)

    def _tags_of_class(self, uid: str) -> tuple[int, ...]:
        tags = set(_ENCODING_TAGS)
        for book in self._books:
            tags |= tags_of(book.of_class(uid))
        found = tuple(sorted(tags))
        if uid in SOP_CLASSES:
            self._tags[uid] = found
        return found
