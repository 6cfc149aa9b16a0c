"""One object for each Directory Record type, made by hand, and its record's keys (PS3.3, F.5)."""

from __future__ import annotations

from tests.support.record_headers import code, sequence

UIDS = "1.2.840.10008.5.1.4.1.1."
CONTENT = {0x00080023: ("DA", "20240201"), 0x00080033: ("TM", "0102")}
IDENTIFICATION = {
    0x00700080: ("CS", "LABEL"),
    0x00700081: ("LO", "What it is"),
    0x00700084: ("PN", "Maker^Mary"),
}
IDENTIFICATION_3 = {0x00700080: ("CS", "LABEL"), 0x00700081: ("LO", "What it is")}
PRESENTED = {0x00700082: ("DA", "20240202"), 0x00700083: ("TM", "0203")}
REFERENCE = {0x00081150: ("UI", UIDS + "2"), 0x00081155: ("UI", "1.2.9")}
RELATED = {
    0x00081115: (
        "SQ",
        sequence({0x0020000E: ("UI", "1.2.3.4"), 0x00081140: ("SQ", sequence(REFERENCE))}),
    )
}
TITLE = {0x0040A043: ("SQ", code("18748-4", "Diagnostic Imaging Report", "LN"))}

# One object for each record type: SOP Class, what it has, and the keys of its record.
OBJECTS: dict[str, tuple[str, dict[int, tuple[str, str | bytes | int]], str]] = {
    "IMAGE": (UIDS + "2", {0x00280010: ("US", 512)}, "00200013 00280010"),
    "RT DOSE": (UIDS + "481.2", {0x3004000A: ("CS", "PLAN")}, "00200013 3004000A"),
    "RT STRUCTURE SET": (
        UIDS + "481.3",
        {0x30060002: ("SH", "Organs")},
        "00200013 30060002 30060008 30060009",
    ),
    "RT PLAN": (
        UIDS + "481.8",
        {0x300A0002: ("SH", "Boost"), 0x300A0006: ("DA", "20240101")},
        "00200013 300A0002 300A0006 300A0007",
    ),
    "RT TREAT RECORD": (UIDS + "481.4", {}, "00200013 30080250 30080251"),
    "PRESENTATION": (
        UIDS + "11.1",
        {**PRESENTED, **IDENTIFICATION, **RELATED},
        "00081115 00200013 00700080 00700081 00700082 00700083 00700084",
    ),
    "WAVEFORM": (UIDS + "9.1.1", CONTENT, "00080023 00080033 00200013"),
    "SR DOCUMENT": (
        UIDS + "88.11",
        {**CONTENT, **TITLE, 0x0040A491: ("CS", "COMPLETE"), 0x0040A493: ("CS", "UNVERIFIED")},
        "00080023 00080033 00200013 0040A043 0040A491 0040A493",
    ),
    "KEY OBJECT DOC": (
        UIDS + "88.59",
        {**CONTENT, **TITLE},
        "00080023 00080033 00200013 0040A043",
    ),
    "SPECTROSCOPY": (
        UIDS + "4.2",
        {
            **CONTENT,
            0x00080008: ("CS", "ORIGINAL\\PRIMARY\\SPECTROSCOPY\\NONE"),
            0x00280008: ("IS", "1"),
            0x00280010: ("US", 8),
            0x00280011: ("US", 9),
            0x00289001: ("UL", 1),
            0x00289002: ("UL", 1024),
        },
        "00080008 00080023 00080033 00200013 00280008 00280010 00280011 00289001 00289002",
    ),
    "RAW DATA": (UIDS + "66", CONTENT, "00080023 00080033 00200013"),
    **{
        name: (
            UIDS + number,
            {**CONTENT, **IDENTIFICATION},
            "00080023 00080033 00200013 00700080 00700081 00700084",
        )
        for name, number in {
            "REGISTRATION": "66.1",
            "FIDUCIAL": "66.2",
            "VALUE MAP": "67",
            "MEASUREMENT": "78.1",
            "SURFACE": "66.5",
            "TRACT": "66.6",
            "ANNOTATION": "91.1",
        }.items()
    },
    "HANGING PROTOCOL": (
        "1.2.840.10008.5.1.4.38.1",
        {
            0x00720002: ("SH", "NEURO"),
            0x00720004: ("LO", "Neurosurgery"),
            0x00720006: ("CS", "SITE"),
            0x00720008: ("LO", "Somebody"),
            0x0072000A: ("DT", "20240101120000"),
            0x0072000C: ("SQ", sequence({0x00080060: ("CS", "MR")})),
            0x00720014: ("US", 0),
        },
        "00720002 00720004 00720006 00720008 0072000A 0072000C 0072000E 00720014",
    ),
    "ENCAP DOC": (
        UIDS + "104.1",
        {0x00420012: ("LO", "application/pdf")},
        "00080023 00080033 00200013 0040A043 00420010 00420012",
    ),
    "STEREOMETRIC": (UIDS + "77.1.5.3", IDENTIFICATION_3, "00200013 00700080 00700081"),
    "PALETTE": (
        "1.2.840.10008.5.1.4.39.1",
        {0x00700080: ("CS", "PET"), 0x00700081: ("LO", "PET")},
        "00700080 00700081",
    ),
    "IMPLANT": (
        "1.2.840.10008.5.1.4.43.1",
        {0x00080070: ("LO", "M"), 0x00221095: ("LO", "Stem"), 0x00221097: ("LO", "7")},
        "00080070 00221095 00221097",
    ),
    "IMPLANT ASSY": (
        "1.2.840.10008.5.1.4.44.1",
        {
            0x00080070: ("LO", "M"),
            0x00760001: ("LO", "Hip"),
            0x00760020: ("SQ", code("1", "Hip replacement")),
        },
        "00080070 00760001 00760020",
    ),
    "IMPLANT GROUP": (
        "1.2.840.10008.5.1.4.45.1",
        {0x00780001: ("LO", "Hips"), 0x00780020: ("LO", "M")},
        "00780001 00780020",
    ),
    "PLAN": ("1.2.840.10008.5.1.4.34.7", {}, "00200013"),
    "SURFACE SCAN": (UIDS + "68.1", CONTENT, "00080023 00080033 00200013"),
    "ASSESSMENT": (
        UIDS + "90.1",
        {0x00080012: ("DA", "20240101")},
        "00080012 00080013 00200013",
    ),
    "RADIOTHERAPY": (
        UIDS + "481.10",
        {0x30100033: ("SH", "L")},
        "00200013 00700081 00700084 30100033",
    ),
    "INVENTORY": (
        UIDS + "201.1",
        {
            **CONTENT,
            0x00080403: ("CS", "STUDY"),
            0x00080426: ("CS", "COMPLETE"),
            0x00080428: ("UV", 3),
        },
        "00080023 00080033 00080400 00080401 00080403 00080426 00080428",
    ),
    "WF PRESENTATION": (
        UIDS + "9.100.1",
        {**PRESENTED, **IDENTIFICATION},
        "00200013 00700080 00700081 00700082 00700083 00700084",
    ),
}
ROOT_TYPES = {
    "HANGING PROTOCOL",
    "PALETTE",
    "IMPLANT",
    "IMPLANT ASSY",
    "IMPLANT GROUP",
    "INVENTORY",
}
