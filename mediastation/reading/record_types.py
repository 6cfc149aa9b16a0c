"""Directory Record types, their places and their keys, typed from PS3.3 2024c Annex F.

WF PRESENTATION and its keys come from F.5.49 of 2025a; the place of SURFACE
SCAN and WF PRESENTATION under SERIES is the common reading of a table that
leaves them out. The writers have tables of their own, on purpose.
"""

from __future__ import annotations

ROOT = ""
PRIVATE = "PRIVATE"

_UNDER_SERIES = frozenset(
    {
        "IMAGE",
        "RT DOSE",
        "RT STRUCTURE SET",
        "RT PLAN",
        "RT TREAT RECORD",
        "PRESENTATION",
        "WAVEFORM",
        "SR DOCUMENT",
        "KEY OBJECT DOC",
        "SPECTROSCOPY",
        "RAW DATA",
        "REGISTRATION",
        "FIDUCIAL",
        "ENCAP DOC",
        "VALUE MAP",
        "STEREOMETRIC",
        "PLAN",
        "MEASUREMENT",
        "SURFACE",
        "SURFACE SCAN",
        "TRACT",
        "ASSESSMENT",
        "RADIOTHERAPY",
        "ANNOTATION",
        "WF PRESENTATION",
    }
)
_UNDER_ROOT = frozenset(
    {"HANGING PROTOCOL", "PALETTE", "IMPLANT", "IMPLANT ASSY", "IMPLANT GROUP", "INVENTORY"}
)

INSTANCE_TYPES = _UNDER_SERIES | _UNDER_ROOT
"""Types whose records reference a file."""

CHILDREN: dict[str, frozenset[str]] = {
    ROOT: _UNDER_ROOT | {"PATIENT", PRIVATE},
    "PATIENT": frozenset({"STUDY", PRIVATE}),
    "STUDY": frozenset({"SERIES", PRIVATE}),
    "SERIES": _UNDER_SERIES | {PRIVATE},
    **dict.fromkeys(INSTANCE_TYPES, frozenset({PRIVATE})),
}
"""Table F.4-1: which types may hang under which; a PRIVATE record may hold anything."""

CURRENT_TYPES = INSTANCE_TYPES | {"PATIENT", "STUDY", "SERIES", PRIVATE}

RETIRED_TYPES = frozenset(
    {
        "PRINT QUEUE",
        "FILM SESSION",
        "FILM BOX",
        "IMAGE BOX",
        "OVERLAY",
        "MODALITY LUT",
        "VOI LUT",
        "CURVE",
        "STORED PRINT",
        "TOPIC",
        "VISIT",
        "RESULTS",
        "STUDY COMPONENT",
        "INTERPRETATION",
        "MRDR",
        "HL7 STRUC DOC",
    }
)

_NUMBER = 0x00200013
_CONTENT_WHEN = (0x00080023, 0x00080033)
_LABEL, _DESCRIPTION = 0x00700080, 0x00700081

TYPE_1: dict[str, tuple[int, ...]] = {
    "PATIENT": (0x00100020,),
    "STUDY": (0x00080020, 0x00080030, 0x0020000D, 0x00200010),
    "SERIES": (0x00080060, 0x0020000E, 0x00200011),
    "IMAGE": (_NUMBER,),
    "RT DOSE": (_NUMBER, 0x3004000A),
    "RT STRUCTURE SET": (_NUMBER, 0x30060002),
    "RT PLAN": (_NUMBER, 0x300A0002),
    "RT TREAT RECORD": (_NUMBER,),
    "PRESENTATION": (0x00700082, 0x00700083, _NUMBER, _LABEL),
    "WAVEFORM": (_NUMBER, *_CONTENT_WHEN),
    "SR DOCUMENT": (_NUMBER, 0x0040A491, 0x0040A493, *_CONTENT_WHEN, 0x0040A043),
    "KEY OBJECT DOC": (_NUMBER, *_CONTENT_WHEN, 0x0040A043),
    "SPECTROSCOPY": (
        0x00080008,
        *_CONTENT_WHEN,
        _NUMBER,
        0x00280008,
        0x00280010,
        0x00280011,
        0x00289001,
        0x00289002,
    ),
    "RAW DATA": _CONTENT_WHEN,
    "REGISTRATION": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "FIDUCIAL": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "VALUE MAP": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "MEASUREMENT": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "SURFACE": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "TRACT": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "ANNOTATION": (*_CONTENT_WHEN, _NUMBER, _LABEL),
    "HANGING PROTOCOL": (
        0x00720002,
        0x00720004,
        0x00720006,
        0x00720008,
        0x0072000A,
        0x0072000C,
        0x00720014,
    ),
    "ENCAP DOC": (_NUMBER, 0x00420012),
    "PALETTE": (_LABEL,),
    "IMPLANT": (0x00080070, 0x00221095, 0x00221097),
    "IMPLANT ASSY": (0x00760001, 0x00080070, 0x00760020),
    "IMPLANT GROUP": (0x00780001, 0x00780020),
    "SURFACE SCAN": _CONTENT_WHEN,
    "ASSESSMENT": (_NUMBER, 0x00080012),
    "RADIOTHERAPY": (_NUMBER,),
    "INVENTORY": (*_CONTENT_WHEN, 0x00080403, 0x00080426, 0x00080428),
    "WF PRESENTATION": (0x00700082, 0x00700083, _NUMBER, _LABEL),
}
"""F.5: keys that must be present with a value; (0004,1432) of PRIVATE is checked elsewhere."""

TYPE_2: dict[str, tuple[int, ...]] = {
    "PATIENT": (0x00100010,),
    "STUDY": (0x00081030, 0x00080050),
    "RT STRUCTURE SET": (0x30060008, 0x30060009),
    "RT PLAN": (0x300A0006, 0x300A0007),
    "RT TREAT RECORD": (0x30080250, 0x30080251),
    "RAW DATA": (_NUMBER,),
    "PRESENTATION": (_DESCRIPTION,),
    "REGISTRATION": (_DESCRIPTION,),
    "FIDUCIAL": (_DESCRIPTION,),
    "VALUE MAP": (_DESCRIPTION,),
    "MEASUREMENT": (_DESCRIPTION,),
    "SURFACE": (_DESCRIPTION,),
    "TRACT": (_DESCRIPTION,),
    "ANNOTATION": (_DESCRIPTION,),
    "WF PRESENTATION": (_DESCRIPTION,),
    "HANGING PROTOCOL": (0x0072000E,),
    "ENCAP DOC": (*_CONTENT_WHEN, 0x00420010, 0x0040A043),
    "PALETTE": (_DESCRIPTION,),
    "ASSESSMENT": (0x00080013,),
    "RADIOTHERAPY": (_DESCRIPTION, 0x00700084),
    "INVENTORY": (0x00080401, 0x00080400),
}
"""F.5: keys that must be present and may be empty."""
