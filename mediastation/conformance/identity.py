"""Who an instance is about, read from its header."""

from __future__ import annotations

import hashlib

from mediastation.dicom.values import text
from mediastation.model.identity import PatientIdentity
from mediastation.model.instance import InstanceHeader

_CHARSET = 0x00080005
_PATIENT_ID = 0x00100020
_ISSUER = 0x00100021
_NAME = 0x00100010
_BIRTH_DATE = 0x00100030
_SEX = 0x00100040
_TAGS = (_PATIENT_ID, _ISSUER, _NAME, _BIRTH_DATE, _SEX)

_HOLE = "\N{REPLACEMENT CHARACTER}"
_LONGEST = 1024
_MOST_REMEMBERED = 4096


def patient_identity(header: InstanceHeader) -> PatientIdentity:
    """Return the identity that the patient attributes of `header` give (PS3.3, C.2.2 and C.7.1.1).

    Text is decoded by the instance's own Specific Character Set. A value with
    bytes that mean nothing in it shows those bytes as ``\\xNN``: two names must
    not become equal because neither can be read.
    """
    return PatientIdentity(*(comparable_text(header, tag) for tag in _TAGS))


def comparable_text(header: InstanceHeader, tag: int) -> str:
    """Return a decoded value without padding, fit for being compared and remembered.

    Unreadable bytes stay distinguishable. A value many times longer than any
    VR here allows (PS3.5, 6.2) is cut, and a digest keeps it apart from others.
    """
    decoded = text(header, tag).strip("\0 ")
    if _HOLE in decoded:
        decoded = header.elements[tag].value.strip(b"\0 ").decode("ascii", "backslashreplace")
    if len(decoded) > _LONGEST:
        digest = hashlib.sha256(header.elements[tag].value).hexdigest()
        return f"{decoded[:_LONGEST]}… {digest}"
    return decoded


class IdentityReader:
    """Decodes values of many headers, each distinct value once.

    A set of one patient repeats the same bytes in every instance. What it
    remembers is bounded.
    """

    def __init__(self) -> None:
        self._identities: dict[tuple[bytes, ...], PatientIdentity] = {}
        self._texts: dict[tuple[int, bytes, bytes], str] = {}

    def identity(self, header: InstanceHeader) -> PatientIdentity:
        """Return what `patient_identity` returns."""
        key = tuple(_raw(header, tag) for tag in (*_TAGS, _CHARSET))
        known = self._identities.get(key)
        if known is None:
            if sum(map(len, key)) > _LONGEST:
                return patient_identity(header)
            if len(self._identities) >= _MOST_REMEMBERED:
                self._identities.clear()
            known = self._identities[key] = patient_identity(header)
        return known

    def text(self, header: InstanceHeader, tag: int) -> str:
        """Return what `comparable_text` returns."""
        key = (tag, _raw(header, tag), _raw(header, _CHARSET))
        known = self._texts.get(key)
        if known is None:
            if len(key[1]) + len(key[2]) > _LONGEST:
                return comparable_text(header, tag)
            if len(self._texts) >= _MOST_REMEMBERED:
                self._texts.clear()
            known = self._texts[key] = comparable_text(header, tag)
        return known


def _raw(header: InstanceHeader, tag: int) -> bytes:
    element = header.elements.get(tag)
    return element.value if element else b""
