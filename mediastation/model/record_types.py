"""Directory Record types and their selection keys (PS3.3 2024c Annex F), as data.

One `RecordType` per row of Table F.4-1, with its keys in ascending tag order.
The group 0004 elements and Specific Character Set, which all records share, are
not listed. PRIVATE records are never written. ``WF PRESENTATION`` follows
F.5.49 of the 2025a edition; its type value and parent are unconfirmed there.

A few keys beyond the tables are written where the object has a value for them
("any other attribute", Type 3): they cost a few bytes and spare a reader from
opening files. Icons are not among them.
"""

from __future__ import annotations

from collections.abc import Iterator

from mediastation.model.record import ROOT, Condition, Key, KeyType, RecordType, Supply

# Pairs of date and time that stand in for each other, from the most telling down.
SERIES_MOMENT = (0x00080021, 0x00080031)
ACQUISITION_MOMENT = (0x00080022, 0x00080032)
CONTENT_MOMENT = (0x00080023, 0x00080033)
CREATION_MOMENT = (0x00080012, 0x00080013)
STUDY_MOMENT = (0x00080020, 0x00080030)


def _date_and_time(
    date: tuple[int, str], time: tuple[int, str], *pairs: tuple[int, int], time_type: KeyType = "1"
) -> tuple[Key, Key]:
    """Return a Type 1 date with its time, both drawn from the same stand-ins."""
    dates, times = zip(*pairs, strict=True)
    return (
        Key(*date, "DA", "1", fallback=dates, supply=Supply.DATE),
        Key(
            *time,
            "TM",
            time_type,
            fallback=times if time_type == "1" else (),
            supply=Supply.TIME if time_type == "1" else Supply.NOTHING,
        ),
    )


# PS3.3 Table 8.8-1. Nobody can read a code without its meaning, but the code itself can be shown.
CODE = (
    Key(0x00080100, "CodeValue", "SH", "1C"),
    Key(0x00080102, "CodingSchemeDesignator", "SH", "1C"),
    Key(0x00080103, "CodingSchemeVersion", "SH", "1C"),
    Key(0x00080104, "CodeMeaning", "LO", "1", fallback=(0x00080100, 0x00080119, 0x00080120)),
    Key(0x00080119, "LongCodeValue", "UC", "1C"),
    Key(0x00080120, "URNCodeValue", "UR", "1C"),
)
_CODED = (0x00080100, 0x00080119, 0x00080120)


def _codes(
    tag: int,
    keyword: str,
    type_: KeyType,
    items: tuple[int, int] = (1, 0),
    supply: Supply = Supply.NOTHING,
) -> Key:
    return Key(tag, keyword, "SQ", type_, nested=CODE, items=items, any_of=_CODED, supply=supply)


# PS3.3 Table 10-11.
REFERENCE = (
    Key(0x00081150, "ReferencedSOPClassUID", "UI", "1"),
    Key(0x00081155, "ReferencedSOPInstanceUID", "UI", "1"),
)

_OWN_NUMBER = Key(0x00200013, "InstanceNumber", "IS", "3")
_NUMBER = Key(0x00200013, "InstanceNumber", "IS", "1", supply=Supply.NUMBER)
_CONTENT_MOMENT = _date_and_time(
    (0x00080023, "ContentDate"),
    (0x00080033, "ContentTime"),
    CREATION_MOMENT,
    ACQUISITION_MOMENT,
    SERIES_MOMENT,
    STUDY_MOMENT,
)
_CREATOR = Key(0x00700084, "ContentCreatorName", "PN", "3")
_DESCRIPTION = Key(0x00700081, "ContentDescription", "LO", "2")
_LABEL = Key(0x00700080, "ContentLabel", "CS", "1", supply="UNKNOWN")

# Content Identification Macro, PS3.3 Tables 10-12 and 10.9.3-1; the person
# identification, Type 3, is left out.
_CONTENT_IDENTIFICATION = (
    _NUMBER,
    _codes(0x0040A043, "ConceptNameCodeSequence", "3", (0, 1)),
    _LABEL,
    _DESCRIPTION,
    _CREATOR,
    Key(
        0x00700087,
        "AlternateContentDescriptionSequence",
        "SQ",
        "3",
        nested=(
            _codes(0x00080006, "LanguageCodeSequence", "1", (1, 1)),
            _codes(0x0040A043, "ConceptNameCodeSequence", "3", (0, 1)),
            Key(0x00700081, "ContentDescription", "LO", "1"),
        ),
    ),
)

_REFERENCED_IMAGES = Key(0x00081140, "ReferencedImageSequence", "SQ", "1", nested=REFERENCE)
_PRESENTATION_MOMENT = _date_and_time(
    (0x00700082, "PresentationCreationDate"),
    (0x00700083, "PresentationCreationTime"),
    CREATION_MOMENT,
    CONTENT_MOMENT,
    SERIES_MOMENT,
    STUDY_MOMENT,
)

# F.5.25: the title is one item; Document Content Macro, Table C.17-5, without deeper levels.
_TITLE = _codes(0x0040A043, "ConceptNameCodeSequence", "1", (1, 1), Supply.CODE)
_MODIFIERS = Key(
    0x0040A730,
    "ContentSequence",
    "SQ",
    "1C",
    Condition.CONCEPT_MODIFIERS,
    nested=(
        Key(0x0040A010, "RelationshipType", "CS", "1"),
        Key(0x0040A040, "ValueType", "CS", "1"),
        _codes(0x0040A043, "ConceptNameCodeSequence", "1C", (1, 1)),
        Key(0x0040A120, "DateTime", "DT", "1C"),
        Key(0x0040A121, "Date", "DA", "1C"),
        Key(0x0040A122, "Time", "TM", "1C"),
        Key(0x0040A123, "PersonName", "PN", "1C"),
        Key(0x0040A124, "UID", "UI", "1C"),
        Key(0x0040A160, "TextValue", "UT", "1C"),
        _codes(0x0040A168, "ConceptCodeSequence", "1C", (1, 1)),
        Key(
            0x0040A300,
            "MeasuredValueSequence",
            "SQ",
            "2C",
            items=(0, 1),
            nested=(
                _codes(0x004008EA, "MeasurementUnitsCodeSequence", "1", (1, 1)),
                Key(0x0040A30A, "NumericValue", "DS", "1", multiple=True),
            ),
        ),
    ),
)
VERIFYING_OBSERVERS = 0x0040A073
VERIFICATION_DATETIME = 0x0040A030


def _record(name: str, section: str, parent: str, *keys: Key) -> RecordType:
    return RecordType(name, section, parent, tuple(sorted(keys, key=lambda key: key.tag)))


_ALL = (
    _record(
        "PATIENT",
        "F.5.1",
        ROOT,
        Key(0x00100010, "PatientName", "PN", "2"),
        Key(0x00100020, "PatientID", "LO", "1"),
        Key(0x00100030, "PatientBirthDate", "DA", "3"),
        Key(0x00100040, "PatientSex", "CS", "3"),
    ),
    _record(
        "STUDY",
        "F.5.2",
        "PATIENT",
        *_date_and_time(
            (0x00080020, "StudyDate"),
            (0x00080030, "StudyTime"),
            SERIES_MOMENT,
            ACQUISITION_MOMENT,
            CONTENT_MOMENT,
            CREATION_MOMENT,
        ),
        Key(0x00080050, "AccessionNumber", "SH", "2"),
        Key(0x00081030, "StudyDescription", "LO", "2"),
        Key(0x0020000D, "StudyInstanceUID", "UI", "1"),
        Key(0x00200010, "StudyID", "SH", "1", supply=Supply.STUDY_ID),
    ),
    _record(
        "SERIES",
        "F.5.3",
        "STUDY",
        Key(0x00080060, "Modality", "CS", "1", supply="OT"),
        Key(0x00080080, "InstitutionName", "LO", "3"),
        Key(0x0008103E, "SeriesDescription", "LO", "3"),
        Key(0x00180015, "BodyPartExamined", "CS", "3"),
        Key(0x0020000E, "SeriesInstanceUID", "UI", "1"),
        Key(0x00200011, "SeriesNumber", "IS", "1", supply=Supply.NUMBER),
    ),
    _record(
        "IMAGE",
        "F.5.4",
        "SERIES",
        _NUMBER,
        Key(0x00280008, "NumberOfFrames", "IS", "3"),
        Key(0x00280010, "Rows", "US", "3"),
        Key(0x00280011, "Columns", "US", "3"),
    ),
    _record(
        "RT DOSE",
        "F.5.19",
        "SERIES",
        _NUMBER,
        Key(0x30040006, "DoseComment", "LO", "3"),
        Key(0x3004000A, "DoseSummationType", "CS", "1", supply="UNKNOWN"),
    ),
    _record(
        "RT STRUCTURE SET",
        "F.5.20",
        "SERIES",
        _NUMBER,
        Key(0x30060002, "StructureSetLabel", "SH", "1", supply="UNKNOWN"),
        Key(0x30060008, "StructureSetDate", "DA", "2"),
        Key(0x30060009, "StructureSetTime", "TM", "2"),
    ),
    _record(
        "RT PLAN",
        "F.5.21",
        "SERIES",
        _NUMBER,
        Key(0x300A0002, "RTPlanLabel", "SH", "1", supply="UNKNOWN"),
        Key(0x300A0006, "RTPlanDate", "DA", "2"),
        Key(0x300A0007, "RTPlanTime", "TM", "2"),
    ),
    _record(
        "RT TREAT RECORD",
        "F.5.22",
        "SERIES",
        _NUMBER,
        Key(0x30080250, "TreatmentDate", "DA", "2"),
        Key(0x30080251, "TreatmentTime", "TM", "2"),
    ),
    _record(
        "PRESENTATION",
        "F.5.23",
        "SERIES",
        Key(
            0x00081115,
            "ReferencedSeriesSequence",
            "SQ",
            "1C",
            Condition.RELATED_IMAGES,
            nested=(_REFERENCED_IMAGES, Key(0x0020000E, "SeriesInstanceUID", "UI", "1")),
        ),
        *_CONTENT_IDENTIFICATION,
        *_PRESENTATION_MOMENT,
        Key(
            0x00700402,
            "BlendingSequence",
            "SQ",
            "1C",
            items=(2, 2),
            nested=(
                Key(
                    0x00081115,
                    "ReferencedSeriesSequence",
                    "SQ",
                    "1",
                    items=(1, 1),
                    nested=(_REFERENCED_IMAGES, Key(0x0020000E, "SeriesInstanceUID", "UI", "1")),
                ),
                Key(0x0020000D, "StudyInstanceUID", "UI", "1"),
            ),
        ),
    ),
    _record("WAVEFORM", "F.5.24", "SERIES", *_CONTENT_MOMENT, _NUMBER),
    _record(
        "SR DOCUMENT",
        "F.5.25",
        "SERIES",
        *_CONTENT_MOMENT,
        _NUMBER,
        Key(
            VERIFICATION_DATETIME,
            "VerificationDateTime",
            "DT",
            "1C",
            Condition.VERIFIED,
            supply=Supply.DATETIME,
        ),
        _TITLE,
        Key(0x0040A491, "CompletionFlag", "CS", "1", supply="PARTIAL"),
        Key(0x0040A493, "VerificationFlag", "CS", "1", supply="UNVERIFIED"),
        _MODIFIERS,
    ),
    _record("KEY OBJECT DOC", "F.5.26", "SERIES", *_CONTENT_MOMENT, _NUMBER, _TITLE, _MODIFIERS),
    _record(
        "SPECTROSCOPY",
        "F.5.27",
        "SERIES",
        Key(0x00080008, "ImageType", "CS", "1", multiple=True, supply="ORIGINAL\\PRIMARY"),
        *_CONTENT_MOMENT,
        Key(
            0x00089092,
            "ReferencedImageEvidenceSequence",
            "SQ",
            "1C",
            nested=(
                Key(
                    0x00081115,
                    "ReferencedSeriesSequence",
                    "SQ",
                    "1",
                    nested=(
                        Key(0x00081199, "ReferencedSOPSequence", "SQ", "1", nested=REFERENCE),
                        Key(0x0020000E, "SeriesInstanceUID", "UI", "1"),
                    ),
                ),
                Key(0x0020000D, "StudyInstanceUID", "UI", "1"),
            ),
        ),
        _NUMBER,
        Key(0x00280008, "NumberOfFrames", "IS", "1", supply="1"),
        Key(0x00280010, "Rows", "US", "1", supply="1"),
        Key(0x00280011, "Columns", "US", "1", supply="1"),
        Key(0x00289001, "DataPointRows", "UL", "1", supply="1"),
        Key(0x00289002, "DataPointColumns", "UL", "1", supply="1"),
    ),
    _record(
        "RAW DATA",
        "F.5.28",
        "SERIES",
        *_CONTENT_MOMENT,
        Key(0x00200013, "InstanceNumber", "IS", "2"),
    ),
    *(
        _record(name, section, "SERIES", *_CONTENT_MOMENT, *_CONTENT_IDENTIFICATION)
        for name, section in (
            ("REGISTRATION", "F.5.29"),
            ("FIDUCIAL", "F.5.30"),
            ("VALUE MAP", "F.5.34"),
            ("MEASUREMENT", "F.5.41"),
            ("SURFACE", "F.5.42"),
            ("TRACT", "F.5.44"),
            ("ANNOTATION", "F.5.47"),
        )
    ),
    _record(
        "HANGING PROTOCOL",
        "F.5.31",
        ROOT,
        Key(0x00720002, "HangingProtocolName", "SH", "1", supply="UNKNOWN"),
        Key(0x00720004, "HangingProtocolDescription", "LO", "1", supply="UNKNOWN"),
        Key(0x00720006, "HangingProtocolLevel", "CS", "1", supply="SITE"),
        Key(0x00720008, "HangingProtocolCreator", "LO", "1", supply="UNKNOWN"),
        Key(
            0x0072000A,
            "HangingProtocolCreationDateTime",
            "DT",
            "1",
            fallback=(0x00080012,),
            supply=Supply.DATETIME,
        ),
        Key(
            0x0072000C,
            "HangingProtocolDefinitionSequence",
            "SQ",
            "1",
            any_of=(0x00080060, 0x00082218),
            supply="OT",
            nested=(
                Key(0x00080060, "Modality", "CS", "1C"),
                _codes(0x00081032, "ProcedureCodeSequence", "2", (0, 0)),
                _codes(0x00082218, "AnatomicRegionSequence", "1C"),
                Key(0x00200060, "Laterality", "CS", "2C", Condition.WITH_REGION),
                _codes(0x0040100A, "ReasonForRequestedProcedureCodeSequence", "2", (0, 0)),
            ),
        ),
        _codes(0x0072000E, "HangingProtocolUserIdentificationCodeSequence", "2", (0, 1)),
        Key(0x00720014, "NumberOfPriorsReferenced", "US", "1", supply="0"),
    ),
    _record(
        "ENCAP DOC",
        "F.5.32",
        "SERIES",
        Key(0x00080023, "ContentDate", "DA", "2"),
        Key(0x00080033, "ContentTime", "TM", "2"),
        _NUMBER,
        _codes(0x0040A043, "ConceptNameCodeSequence", "2", (0, 1)),
        Key(
            0x0040E001,
            "HL7InstanceIdentifier",
            "ST",
            "1C",
            Condition.HL7_DOCUMENT,
            supply=Supply.INSTANCE_UID,
        ),
        Key(0x00420010, "DocumentTitle", "ST", "2"),
        Key(0x00420012, "MIMETypeOfEncapsulatedDocument", "LO", "1", supply=Supply.MIME_TYPE),
    ),
    _record(
        "STEREOMETRIC",
        "F.5.35",
        "SERIES",
        _OWN_NUMBER,
        Key(0x00700080, "ContentLabel", "CS", "3"),
        Key(0x00700081, "ContentDescription", "LO", "3"),
    ),
    _record("PALETTE", "F.5.36", ROOT, _LABEL, _DESCRIPTION),
    _record(
        "IMPLANT",
        "F.5.37",
        ROOT,
        Key(0x00080070, "Manufacturer", "LO", "1", supply="UNKNOWN"),
        Key(0x00221095, "ImplantName", "LO", "1", supply="UNKNOWN"),
        Key(0x00221097, "ImplantPartNumber", "LO", "1", supply="UNKNOWN"),
        Key(0x00686210, "ImplantSize", "LO", "1C"),
    ),
    _record(
        "IMPLANT ASSY",
        "F.5.38",
        ROOT,
        Key(0x00080070, "Manufacturer", "LO", "1", supply="UNKNOWN"),
        Key(0x00760001, "ImplantAssemblyTemplateName", "LO", "1", supply="UNKNOWN"),
        _codes(0x00760020, "ProcedureTypeCodeSequence", "1", supply=Supply.CODE),
    ),
    _record(
        "IMPLANT GROUP",
        "F.5.39",
        ROOT,
        Key(0x00780001, "ImplantTemplateGroupName", "LO", "1", supply="UNKNOWN"),
        Key(0x00780010, "ImplantTemplateGroupDescription", "ST", "3"),
        Key(0x00780020, "ImplantTemplateGroupIssuer", "LO", "1", supply="UNKNOWN"),
    ),
    _record("PLAN", "F.5.40", "SERIES", _OWN_NUMBER),
    _record("SURFACE SCAN", "F.5.43", "SERIES", *_CONTENT_MOMENT, _OWN_NUMBER),
    _record(
        "ASSESSMENT",
        "F.5.45",
        "SERIES",
        *_date_and_time(
            (0x00080012, "InstanceCreationDate"),
            (0x00080013, "InstanceCreationTime"),
            CONTENT_MOMENT,
            SERIES_MOMENT,
            STUDY_MOMENT,
            time_type="2",
        ),
        _NUMBER,
    ),
    _record(
        "RADIOTHERAPY",
        "F.5.46",
        "SERIES",
        _NUMBER,
        _DESCRIPTION,
        Key(0x00700084, "ContentCreatorName", "PN", "2"),
        Key(0x30100033, "UserContentLabel", "SH", "1C"),
        Key(0x30100034, "UserContentLongLabel", "LO", "1C"),
    ),
    _record(
        "INVENTORY",
        "F.5.48",
        ROOT,
        *_CONTENT_MOMENT,
        Key(
            0x00080400,
            "ScopeOfInventorySequence",
            "SQ",
            "2",
            items=(0, 1),
        ),
        Key(0x00080401, "InventoryPurpose", "LT", "2"),
        Key(0x00080403, "InventoryLevel", "CS", "1", supply="STUDY"),
        Key(0x00080426, "InventoryCompletionStatus", "CS", "1", supply="PARTIAL"),
        Key(0x00080428, "TotalNumberOfStudyRecords", "UV", "1", supply="0"),
    ),
    _record(
        "WF PRESENTATION",
        "F.5.49 (2025a)",
        "SERIES",
        Key(
            0x00081115,
            "ReferencedSeriesSequence",
            "SQ",
            "1C",
            nested=(
                Key(0x0008113A, "ReferencedWaveformSequence", "SQ", "1C", nested=REFERENCE),
                Key(0x0008114A, "ReferencedInstanceSequence", "SQ", "1C", nested=REFERENCE),
                Key(0x0020000E, "SeriesInstanceUID", "UI", "1"),
            ),
        ),
        *_CONTENT_IDENTIFICATION,
        *_PRESENTATION_MOMENT,
    ),
)
RECORD_TYPES = {record_type.name: record_type for record_type in _ALL}


def _drawn_upon(keys: tuple[Key, ...]) -> Iterator[int]:
    for key in keys:
        yield key.tag
        yield from key.fallback


RECORD_TAGS = frozenset(
    {
        0x00080005,  # Specific Character Set
        0x0008001A,  # Related General SOP Class UID
        VERIFYING_OBSERVERS,
        *SERIES_MOMENT,
        *ACQUISITION_MOMENT,
        *CONTENT_MOMENT,
        *CREATION_MOMENT,
        *STUDY_MOMENT,
        *(tag for record_type in _ALL for tag in _drawn_upon(record_type.keys)),
    }
)
"""Every top-level element that a record may draw upon; an index has to hold these."""
