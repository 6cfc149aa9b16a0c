"""One SOP Instance as its header tells it: what records and checks need, without its bulk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from mediastation.model.finding import Finding


class Preamble(StrEnum):
    """What the first 128 bytes of a file hold (PS3.10, 7.1 and 7.5)."""

    ABSENT = "absent"
    ZERO = "zero"
    TIFF = "tiff"
    FOREIGN = "foreign"


class PixelEncoding(StrEnum):
    """How a data set holds its pixels (PS3.5, A.4)."""

    ABSENT = "absent"
    NATIVE = "native"
    ENCAPSULATED = "encapsulated"


@dataclass(frozen=True, slots=True)
class Element:
    """One Data Element's VR and value field.

    `value` is the value field as Explicit VR Little Endian has it, padding
    included, text still in the instance's own Specific Character Set. For SQ
    it is the run of items, each item and each nested sequence of defined
    length.
    """

    vr: str
    value: bytes


@dataclass(frozen=True, slots=True)
class InstanceHeader:
    """What the catalog keeps of one instance.

    Parameters
    ----------
    sop_class_uid, sop_instance_uid : str
        (0008,0016) and (0008,0018) of the data set; the file meta's where the
        data set has none. Empty if neither has a value.
    transfer_syntax_uid : str
        Of the data set as it is encoded. Guessed, with a finding, where the
        file does not say.
    elements : mapping of int to Element
        The indexed top-level elements that are present, by tag (group in the
        upper 16 bits), those with empty values included.
    preamble : Preamble
        What stands in front of the prefix.
    has_file_meta : bool
        Whether the file has the prefix and group 0002.
    file_meta_conformant : bool
        Whether preamble and file meta could lie on a medium as they are: all
        Type 1 elements of PS3.10 Table 7.1-1 present and equal to the data
        set, group length right, preamble zero or TIFF.
    dataset_offset : int
        Bytes before the data set's first element.
    pixels : PixelEncoding
        How (7FE0,0010) is held; float and double float pixels count as native.
    pixel_offset, pixel_length : int
        Where the value of the pixels lies and how many bytes it has: of a file
        from its first byte on, of a deflated one from the first byte of its
        inflated data set. Encapsulated pixels begin with their offset table and
        end with their delimiter. Both are 0 where there are no pixels or not
        all of them, and in a catalog's header from before this was kept.
    signed : bool
        Whether the data set carries a Digital Signatures Sequence.
    complete : bool
        Whether the data set ends where the file does; false for a truncated
        file.
    findings : tuple of Finding
        What was tolerated while reading, the instance's UID as subject where
        it is known.
    """

    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    elements: Mapping[int, Element] = field(default_factory=dict)
    preamble: Preamble = Preamble.ZERO
    has_file_meta: bool = True
    file_meta_conformant: bool = True
    dataset_offset: int = 0
    pixels: PixelEncoding = PixelEncoding.ABSENT
    signed: bool = False
    complete: bool = True
    findings: tuple[Finding, ...] = ()
    pixel_offset: int = 0
    pixel_length: int = 0
