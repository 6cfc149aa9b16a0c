"""Identifiers of queries and their answers (PS3.4, C.4): keys as text, encoded and read back."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from mediastation.dicom.charset import decode_text
from mediastation.dicom.dictionary import attribute_name
from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding
from mediastation.dicom.pydicom_tables import pydicom_tables
from mediastation.dicom.recognition import ENCODING_OF
from mediastation.dicom.source import BytesSource
from mediastation.dicom.vr import dictionary_vr
from mediastation.model.element_encoding import (
    INTEGER_VRS,
    UNDEFINED,
    encode_element,
    encode_item,
    padding,
)
from mediastation.model.instance import Element
from mediastation.model.transfer_syntax import IMPLICIT_LE

MAX_LIST_CHARACTERS = 1 << 20
_MAX_VALUE_CHARACTERS = 4096
_IMPLICIT_HEAD = struct.Struct("<HHL")
# The plural of an abbreviation is one word: OtherPatientIDs.
_UTF_8 = Element("CS", b"ISO_IR 192")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z](?!s(?![a-z]))[a-z])")
_TAG = re.compile(r"\(?([0-9a-fA-F]{4}),?([0-9a-fA-F]{4})\)?")
_BINARY = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "SQ", "UN"})
_NUMBERS = frozenset({"FD", "FL", "SL", "SS", "SV", "UL", "US", "UV"})
CHARACTER_SET = 0x00080005

Keys: TypeAlias = Mapping[int, "str | Keys"]
"""Keys of a query by tag: text, or of a sequence the keys in its one item (PS3.4, C.2.2.2.6)."""


class IdentifierError(ValueError):
    """An identifier that cannot be read, or a key that cannot be one."""


def snake_case(keyword: str) -> str:
    """Return a keyword of PS3.6 in snake case: ``StudyInstanceUID`` as ``study_instance_uid``."""
    return _CAMEL.sub("_", keyword).lower()


def key_word(tag: int) -> str:
    """Return what rows call the attribute `tag`: its keyword in snake case."""
    return snake_case(pydicom_tables().keyword_of(tag))


def key_tag(word: str) -> int:
    """Return the tag that `word` names: a keyword, in snake case or not, or ``0010,0020``.

    Raises
    ------
    IdentifierError
        If there is no such attribute, or its values are no text.
    """
    tables = pydicom_tables()
    if match := _TAG.fullmatch(word):
        tag: int | None = int(match[1] + match[2], 16)
    else:
        tag = (tables.tag_of(word) or _by_snake_case().get(word.lower())) if word else None
    try:
        vr = tables.vr_of(tag) if tag else ""
    except KeyError:
        vr = ""
    if not tag or tag < 0x00080000 or vr[:2] in _BINARY or vr[:2] in ("", "AT"):
        raise IdentifierError(f"{word!r} is no attribute that can be asked for")
    return tag


def encode_identifier(keys: Keys, transfer_syntax: str, character_set: str = "ISO_IR 192") -> bytes:
    r"""Return the identifier with `keys`; backslashes separate values.

    Specific Character Set goes with it only where a value needs it, and is
    then `character_set`.

    Raises
    ------
    IdentifierError
        If a value does not fit its attribute or the character set.
    """
    said, codec = dict(keys), "ascii"
    if not all(text.isascii() for text in _texts(keys)):
        said[CHARACTER_SET] = character_set
        codec = _codec(character_set)
    try:
        return _encode(said, codec, implicit=transfer_syntax == IMPLICIT_LE)
    except UnicodeEncodeError as fault:
        raise IdentifierError(f"{fault.object!r} cannot be said in {character_set}") from None


def read_identifier(data: bytes, transfer_syntax: str) -> dict[str, str]:
    """Return the text values of an identifier, by keyword in snake case.

    Several values stay separated by backslashes. Group lengths, private
    attributes, sequences and binary values are passed over; a value of more
    than 4,096 characters is cut, lists of UIDs excepted.

    Raises
    ------
    IdentifierError
        If the bytes are no data set, or break off.
    """
    keyword_of = pydicom_tables().keyword_of
    source = BytesSource(data)
    walk = ElementWalk(source, 0, ENCODING_OF.get(transfer_syntax, Encoding()))
    row: dict[str, str] = {}
    charset: Element | None = None
    for tag, written, start, length, _ in walk:
        if length == UNDEFINED or tag >> 16 & 1 or not tag & 0xFFFF or tag < 0x00080000:
            continue
        vr = written if written and written != "UN" else dictionary_vr(tag)[:2]
        keyword = keyword_of(tag)
        if not keyword or vr in _BINARY:
            continue
        element = Element(vr, source.window(start, length))
        if tag == CHARACTER_SET:
            charset = element
        row[snake_case(keyword)] = value_text(element, charset)
    if walk.damage is not None:
        raise IdentifierError(walk.damage.message)
    if walk.offset < len(data):
        raise IdentifierError(f"it ends at byte {walk.offset:,} of {len(data):,}")
    return row


def value_text(element: Element, charset: Element | None) -> str:
    """Return a value of an answer as text, cut where it is absurdly long.

    Worklists and archives answer in UTF-8 without a Specific Character Set.
    Read as the default repertoire that is another name, and it would be written
    into images; no other text that people write is sound UTF-8 by chance.
    """
    if _is_undeclared_utf_8(element.value, charset):
        charset = _UTF_8
    if element.vr in _NUMBERS:
        return _number_text(element)
    most = MAX_LIST_CHARACTERS if element.vr == "UI" else _MAX_VALUE_CHARACTERS
    return decode_text(element, charset)[:most]


def _is_undeclared_utf_8(value: bytes, charset: Element | None) -> bool:
    if value.isascii() or b"\x1b" in value:
        return False
    if charset is not None and charset.value.strip(b"\0 "):
        return False
    try:
        value.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _texts(keys: Keys) -> Iterator[str]:
    """Yield every text; keys are as deep as this program nests them."""
    for value in keys.values():
        if isinstance(value, str):
            yield value
        else:
            yield from _texts(value)


def _encode(keys: Keys, codec: str, *, implicit: bool) -> bytes:
    encoded = bytearray()
    for tag in sorted(keys):
        said = keys[tag]
        if isinstance(said, str):
            vr = dictionary_vr(tag)[:2]
            value = _value(tag, vr, said, codec)
        else:
            vr, value = "SQ", encode_item(_encode(said, codec, implicit=implicit))
        try:
            if implicit:
                encoded += _IMPLICIT_HEAD.pack(tag >> 16, tag & 0xFFFF, len(value)) + value
            else:
                encoded += encode_element(tag, vr, value)
        except (ValueError, struct.error):
            raise IdentifierError(f"{said!r} is no value of {attribute_name(tag)}") from None
    return bytes(encoded)


def _value(tag: int, vr: str, text: str, codec: str) -> bytes:
    if vr not in INTEGER_VRS:
        value = text.encode(codec)
    else:
        try:
            value = _number_bytes(vr, text)
        except (ValueError, struct.error):
            raise IdentifierError(f"{text!r} is no value of {attribute_name(tag)}") from None
    return value + padding(vr, len(value))


def _codec(character_set: str) -> str:
    codec = pydicom_tables().codec_by_term.get(character_set)
    if codec is None:
        raise IdentifierError(f"{character_set!r} is no character set for queries")
    return codec


def _number_bytes(vr: str, text: str) -> bytes:
    return b"".join(struct.pack(INTEGER_VRS[vr], int(one)) for one in text.split("\\") if one)


def _number_text(element: Element) -> str:
    layout = INTEGER_VRS.get(element.vr)
    if layout is None or len(element.value) % struct.calcsize(layout):
        return ""
    return "\\".join(str(one) for (one,) in struct.iter_unpack(layout, element.value))


def _by_snake_case() -> dict[str, int]:
    by_keyword = pydicom_tables().tag_by_keyword
    return {snake_case(keyword): tag for keyword, tag in by_keyword.items()}
