"""Which attributes the catalog keeps of every instance.

Directory records (PS3.3, F.5), the additional keys of application profiles
(PS3.11) and the checks of an export are answered from these alone, so that no
instance has to be opened again. Raise `INDEX_VERSION` when the set or the way
in which values are kept changes: the catalog then knows what to read anew.
"""

from __future__ import annotations

from typing import Final

INDEX_VERSION: Final = 2

_IDENTITY = """
    00080005 SpecificCharacterSet            00080016 SOPClassUID
    00080018 SOPInstanceUID                  0008001A RelatedGeneralSOPClassUID
    0008001B OriginalSpecializedSOPClassUID  00080012 InstanceCreationDate
    00080013 InstanceCreationTime            00080014 InstanceCreatorUID
    00080201 TimezoneOffsetFromUTC           00100010 PatientName
    00100020 PatientID                       00100021 IssuerOfPatientID
    00100022 TypeOfPatientID                 00100024 IssuerOfPatientIDQualifiersSequence
    00100030 PatientBirthDate                00100032 PatientBirthTime
    00100040 PatientSex                      00101002 OtherPatientIDsSequence
    00120062 PatientIdentityRemoved          00120063 DeidentificationMethod
    00280301 BurnedInAnnotation              00280303 LongitudinalTemporalInformationModified
"""

_STUDY_AND_SERIES = """
    00080020 StudyDate                 00080030 StudyTime
    00080021 SeriesDate                00080031 SeriesTime
    00080022 AcquisitionDate           00080032 AcquisitionTime
    00080023 ContentDate               00080033 ContentTime
    0008002A AcquisitionDateTime       00080050 AccessionNumber
    00080051 IssuerOfAccessionNumberSequence
    00080060 Modality                  00080061 ModalitiesInStudy
    00080064 ConversionType            00080068 PresentationIntentType
    00080070 Manufacturer              00080080 InstitutionName
    00080081 InstitutionAddress        00080090 ReferringPhysicianName
    00081010 StationName               00081030 StudyDescription
    0008103E SeriesDescription         00081050 PerformingPhysicianName
    00081090 ManufacturerModelName     00180015 BodyPartExamined
    00181020 SoftwareVersions          00181030 ProtocolName
    0020000D StudyInstanceUID          0020000E SeriesInstanceUID
    00200010 StudyID                   00200011 SeriesNumber
    00200012 AcquisitionNumber         00200013 InstanceNumber
    00200060 Laterality                00200062 ImageLaterality
    00081032 ProcedureCodeSequence     00181000 DeviceSerialNumber
    0018700A DetectorID                0018702A DetectorManufacturerName
    0018702B DetectorManufacturerModelName
"""

_IMAGE = """
    00080008 ImageType                      00081140 ReferencedImageSequence
    00082112 SourceImageSequence            00089092 ReferencedImageEvidenceSequence
    00181800 AcquisitionTimeSynchronized    00200020 PatientOrientation
    00200032 ImagePositionPatient           00200037 ImageOrientationPatient
    00200052 FrameOfReferenceUID            00200200 SynchronizationFrameOfReferenceUID
    00201041 SliceLocation                  00204000 ImageComments
    00280002 SamplesPerPixel                00280004 PhotometricInterpretation
    00280006 PlanarConfiguration            00280008 NumberOfFrames
    00280009 FrameIncrementPointer          00280010 Rows
    00280011 Columns                        00280014 UltrasoundColorDataPresent
    00280030 PixelSpacing                   00280034 PixelAspectRatio
    00280100 BitsAllocated                  00280101 BitsStored
    00280102 HighBit                        00280103 PixelRepresentation
    00280106 SmallestImagePixelValue        00280107 LargestImagePixelValue
    00280120 PixelPaddingValue              00280121 PixelPaddingRangeLimit
    00281050 WindowCenter                   00281051 WindowWidth
    00281052 RescaleIntercept               00281053 RescaleSlope
    00281054 RescaleType
    00281101 RedPaletteColorLookupTableDescriptor
    00281102 GreenPaletteColorLookupTableDescriptor
    00281103 BluePaletteColorLookupTableDescriptor
    00281199 PaletteColorLookupTableUID     00282110 LossyImageCompression
    00282112 LossyImageCompressionRatio     00282114 LossyImageCompressionMethod
    00289001 DataPointRows                  00289002 DataPointColumns
    00500004 CalibrationImage               20500020 PresentationLUTShape
    00186011 SequenceOfUltrasoundRegions    00286010 RepresentativeFrameNumber
    52009229 SharedFunctionalGroupsSequence
"""

_DOCUMENTS = """
    0040A043 ConceptNameCodeSequence        0040A073 VerifyingObserverSequence
    0040A491 CompletionFlag                 0040A493 VerificationFlag
    0040A030 VerificationDateTime           0040A730 ContentSequence
    0040E001 HL7InstanceIdentifier          00420010 DocumentTitle
    00420012 MIMETypeOfEncapsulatedDocument
"""

_PRESENTATION = """
    00081115 ReferencedSeriesSequence       0008113A ReferencedWaveformSequence
    0008114A ReferencedInstanceSequence     00081110 ReferencedStudySequence
    00700080 ContentLabel                   00700081 ContentDescription
    00700082 PresentationCreationDate       00700083 PresentationCreationTime
    00700084 ContentCreatorName
    00700086 ContentCreatorIdentificationCodeSequence
    00700087 AlternateContentDescriptionSequence
    00700402 BlendingSequence
"""

# Whether there are overlays and where they lie (PS3.3, C.9.2), in each of the
# sixteen groups 6000 to 601E; Overlay Data itself is bulk.
_OVERLAYS = " ".join(
    f"{group:04X}0010 OverlayRows {group:04X}0100 OverlayBitsAllocated "
    f"{group:04X}0102 OverlayBitPosition"
    for group in range(0x6000, 0x6020, 2)
)

_RADIOTHERAPY = """
    30040006 DoseComment                    3004000A DoseSummationType
    30060002 StructureSetLabel              30060008 StructureSetDate
    30060009 StructureSetTime               30080250 TreatmentDate
    30080251 TreatmentTime                  300A0002 RTPlanLabel
    300A0006 RTPlanDate                     300A0007 RTPlanTime
    30100033 UserContentLabel               30100034 UserContentLongLabel
"""

_WITHOUT_A_PATIENT = """
    00720002 HangingProtocolName            00720004 HangingProtocolDescription
    00720006 HangingProtocolLevel           00720008 HangingProtocolCreator
    0072000A HangingProtocolCreationDateTime
    0072000C HangingProtocolDefinitionSequence
    0072000E HangingProtocolUserIdentificationCodeSequence
    00720014 NumberOfPriorsReferenced       00221095 ImplantName
    00221097 ImplantPartNumber              00686210 ImplantSize
    00760001 ImplantAssemblyTemplateName    00760020 ProcedureTypeCodeSequence
    00780001 ImplantTemplateGroupName       00780010 ImplantTemplateGroupDescription
    00780020 ImplantTemplateGroupIssuer     00080400 ScopeOfInventorySequence
    00080401 InventoryPurpose               00080403 InventoryLevel
    00080426 InventoryCompletionStatus      00080428 TotalNumberOfStudyRecords
"""


def _tags(*tables: str) -> frozenset[int]:
    words = " ".join(tables).split()
    return frozenset(int(tag, 16) for tag in words[::2])


INDEX_TAGS: Final = _tags(
    _IDENTITY,
    _STUDY_AND_SERIES,
    _IMAGE,
    _DOCUMENTS,
    _PRESENTATION,
    _OVERLAYS,
    _RADIOTHERAPY,
    _WITHOUT_A_PATIENT,
)
"""Tags of the indexed top-level attributes, group in the upper 16 bits."""
