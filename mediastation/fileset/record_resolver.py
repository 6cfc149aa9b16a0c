"""The keys of any record of the tree, from an instance and what is known around it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from mediastation.dicom.character_terms import has_multi_byte_shapes, legal_terms
from mediastation.dicom.charset import decode_text
from mediastation.errors import RefusedError
from mediastation.fileset.contract import FileSetInstance, Person
from mediastation.fileset.icons import ICON, ICON_RECORDS, encode_icon
from mediastation.fileset.keys import Circumstances, ResolvedKeys, resolve_keys
from mediastation.fileset.object_values import CHARACTER_SET
from mediastation.fileset.order import refused
from mediastation.fileset.values import MAX_SHORT_FORM, legal_text
from mediastation.model.identity import recorded_patient_id
from mediastation.model.instance import InstanceHeader
from mediastation.model.record import AdditionalKey, Key, tighten
from mediastation.model.record_types import RECORD_TYPES

PATIENT_ID: Final = 0x00100020
STUDY_UID: Final = 0x0020000D
SERIES_UID: Final = 0x0020000E


class RecordResolver:
    """Knows which keys records have, and resolves them.

    Parameters
    ----------
    additional_keys : sequence of AdditionalKey
        What the Application Profile asks for.
    moment : datetime
        The last resort for dates that nothing tells.
    """

    def __init__(self, additional_keys: Sequence[AdditionalKey], moment: datetime) -> None:
        self._additional = _additional_by_type(additional_keys)
        self._moment = moment
        self._keys: dict[tuple[str, str], tuple[Key, ...]] = {}

    def keys_of(self, record_type: str, sop_class_uid: str) -> tuple[Key, ...]:
        """Return the keys of a record; without a class, as for the objects that need most."""
        known = self._keys.get((record_type, sop_class_uid))
        if known is None:
            additional = self._additional[record_type]
            known = self._keys[record_type, sop_class_uid] = tighten(
                RECORD_TYPES[record_type].keys,
                tuple(
                    key.key_for(sop_class_uid) if sop_class_uid else key.as_key()
                    for key in additional
                ),
            )
        return known

    def resolve(
        self,
        record_type: str,
        instance: FileSetInstance,
        number: int,
        *,
        study_number: int = 1,
        study_moment: tuple[bytes, bytes] = (b"", b""),
    ) -> ResolvedKeys:
        """Return the keys of the record of this type that `instance` gives.

        Parameters
        ----------
        record_type : str
            Its own, or one above it.
        instance : FileSetInstance
            The object, and what goes with it.
        number : int
            The Instance or Series Number to supply where there is none.
        study_number : int
            Which study of the File-set it is, for a Study ID to supply.
        study_moment : tuple of bytes and bytes
            Study Date and Time as the STUDY record has them.

        Raises
        ------
        RefusedError
            If a Type 1 key has no value and none can be supplied.
        ValueError
            If there is an icon that such a record cannot have.
        """
        header, person = instance.header, instance.person
        if record_type == "PATIENT" and person and person.header:
            header = person.header
        given: dict[int, bytes] = {}
        keys = self.keys_of(record_type, header.sop_class_uid)
        match record_type:
            case "PATIENT":
                given[PATIENT_ID] = _patient_id(person, header) if person else b""
            case "STUDY":
                given[STUDY_UID] = uid_of(header, STUDY_UID).encode("ascii")
            case "SERIES":
                given[SERIES_UID] = uid_of(header, SERIES_UID).encode("ascii")
            case _ if instance.icon is not None:
                if record_type not in ICON_RECORDS:
                    raise ValueError(f"{record_type} records have no icon")
                given[ICON.tag] = encode_icon(instance.icon)
                keys = tighten(keys, (ICON,))
        resolved = resolve_keys(
            keys,
            header,
            Circumstances(
                moment=self._moment,
                number=number,
                study_id=b"ST%06d" % study_number,
                study_moment=study_moment,
                given=given,
                defaults=instance.record_defaults.get(record_type, {}),
            ),
        )
        if resolved.missing:
            raise _lacking(record_type, resolved.missing, header.sop_instance_uid)
        return resolved


def _additional_by_type(additional: Sequence[AdditionalKey]) -> dict[str, list[AdditionalKey]]:
    by_type: dict[str, list[AdditionalKey]] = {name: [] for name in RECORD_TYPES}
    for key in additional:
        by_type[key.record_type].append(key)
    return by_type


def _lacking(record_type: str, names: list[str], subject: str) -> RefusedError:
    return refused(
        "key-missing",
        subject,
        f"The {record_type} record has to have {', '.join(names[:8])}; the object has no such "
        "value, and none can be made up.",
        "Export it under a profile that does not ask for it, or leave it out.",
        "PS3.11 X.3.3",
    )


def uid_of(header: InstanceHeader, tag: int) -> str:
    """Return the value of a UID, empty if there is none."""
    element = header.elements.get(tag)
    if element is None or element.vr == "SQ":
        return ""
    return element.value.strip(b" \0").decode("ascii", "replace")


def _patient_id(person: Person, header: InstanceHeader) -> bytes:
    """Return the Patient ID in the object's character set, which the record will have.

    Raises
    ------
    RefusedError
        If it is beyond ASCII and not the object's own, or endless.
    """
    text = recorded_patient_id(person.patient_id)
    value = b""
    own = header.elements.get(PATIENT_ID)
    if text.isascii():
        value = text.encode("ascii")
    elif own is not None and own.vr != "SQ":
        charset = header.elements.get(CHARACTER_SET)
        if recorded_patient_id(decode_text(own, charset)) == text:
            terms = legal_terms(charset.value)[0] if charset else ()
            value, _ = legal_text(
                "LO", own.value.strip(b" \0"), multi_byte=has_multi_byte_shapes(terms)
            )
    if not value or len(value) > MAX_SHORT_FORM:
        raise refused(
            "patient-id",
            header.sop_instance_uid,
            f"The Patient ID {text[:64]!r} cannot be written in the character set of the "
            "person's first object.",
            "Give a Patient ID of plain letters and digits.",
            "PS3.3 F.5.1",
        )
    return value
