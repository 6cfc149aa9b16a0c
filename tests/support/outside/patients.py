"""One outside patient: twelve small instances in two studies, made by pydicom from literals.

They are made once a process, and are the same bytes each time.
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cache
from typing import Any

import imagecodecs
import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    CTImageStorage,
    EncapsulatedPDFStorage,
    ExplicitVRLittleEndian,
    GrayscaleSoftcopyPresentationStateStorage,
    JPEGBaseline8Bit,
    SecondaryCaptureImageStorage,
    UltrasoundMultiFrameImageStorage,
)

ROOT = "1.2.826.0.1.3680043.10.999"
CT_STUDY, OTHER_STUDY = f"{ROOT}.1", f"{ROOT}.2"
BASIC_TEXT_SR = "1.2.840.10008.5.1.4.1.1.88.11"
PATIENT_ID, ISSUER = "OUT-4711", "KLINIK_SUED"
NAME = "Müller^Änne"
INSTITUTION = "Klinik Süd"

PERSON: dict[str, Any] = {
    "SpecificCharacterSet": "ISO_IR 100",
    "PatientName": NAME,
    "PatientID": PATIENT_ID,
    "IssuerOfPatientID": ISSUER,
    "PatientBirthDate": "19530417",
    "PatientSex": "F",
    "InstitutionName": INSTITUTION,
    "Manufacturer": "Elsewhere",
    "ReferringPhysicianName": "Weiß^Jörg",
}
STRANGER: dict[str, Any] = {
    **PERSON,
    "PatientName": "Nobody^Else",
    "PatientID": "OUT-0815",
    "PatientBirthDate": "19880808",
    "PatientSex": "M",
}
"""Somebody else, of the same clinic."""

_STUDIES: dict[str, dict[str, Any]] = {
    CT_STUDY: {
        "StudyDate": "20260103",
        "StudyTime": "081500",
        "StudyID": "CT77",
        "AccessionNumber": "E1001",
        "StudyDescription": "Schädel nativ",
    },
    OTHER_STUDY: {
        "StudyDate": "20260220",
        "StudyTime": "140200",
        "StudyID": "RX5",
        "AccessionNumber": "E1002",
        "StudyDescription": "Abdomen",
    },
}


@dataclass(frozen=True)
class OutsideInstance:
    """One instance: where it lies on the medium, and its bytes as a Part 10 file."""

    path: str
    uid: str
    study: str
    series: str
    modality: str
    sop_class: str
    syntax: str
    record_type: str
    content: bytes


def written(ds: Dataset, syntax: str = ExplicitVRLittleEndian, preamble: bytes = b"") -> bytes:
    """Return `ds` as a Part 10 file."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.file_meta.ImplementationClassUID = f"{ROOT}.9"
    ds.file_meta.ImplementationVersionName = "ELSEWHERE_1"
    ds.preamble = preamble.ljust(128, b"\0")
    with io.BytesIO() as output:
        ds.save_as(output, enforce_file_format=True)
        return output.getvalue()


def dataset(
    study: str, series: int, number: int, modality: str, sop_class: str, **facts: Any
) -> Dataset:
    """A data set of the outside patient; `facts` override, None leaves out."""
    ds = Dataset()
    values: dict[str, Any] = {
        **PERSON,
        **_STUDIES[study],
        "SOPClassUID": sop_class,
        "SOPInstanceUID": f"{study}.{series}.{number}",
        "StudyInstanceUID": study,
        "SeriesInstanceUID": f"{study}.{series}",
        "Modality": modality,
        "SeriesNumber": str(series),
        "InstanceNumber": str(number),
        "ContentDate": _STUDIES[study]["StudyDate"],
        "ContentTime": "120000",
        **facts,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(ds, keyword, value)
    return ds


def image_module(rows: int, columns: int, bits: int, pixels: bytes, **more: Any) -> dict[str, Any]:
    """The attributes that come with grey pixels."""
    return {
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": rows,
        "Columns": columns,
        "BitsAllocated": bits,
        "BitsStored": bits,
        "HighBit": bits - 1,
        "PixelRepresentation": 0,
        "PixelData": pixels,
        **more,
    }


def grey(rows: int, columns: int, seed: int, dtype: str = "<u2") -> np.ndarray[Any, Any]:
    """Pixels that no two seeds have in common."""
    return np.random.default_rng(seed).integers(0, 250, (rows, columns)).astype(dtype)


def ct(number: int, **facts: Any) -> Dataset:
    """Slice `number` of the CT series."""
    pixels = grey(64, 64, number).tobytes()
    geometry = {
        "FrameOfReferenceUID": f"{ROOT}.7",
        "ImagePositionPatient": [-32, -32, 5 * number],
        "ImageOrientationPatient": [1, 0, 0, 0, 1, 0],
        "PixelSpacing": [1, 1],
        "SliceThickness": "5",
        "RescaleIntercept": "0",
        "RescaleSlope": "1",
        "KVP": "120",
        "AcquisitionNumber": "1",
        "PositionReferenceIndicator": "",
    }
    values = {**image_module(64, 64, 16, pixels), **geometry, **facts}
    ds = dataset(CT_STUDY, 1, number, "CT", CTImageStorage, **values)
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW"
    return ds


def _report() -> Dataset:
    name = Dataset()
    name.CodeValue, name.CodingSchemeDesignator = "121071", "DCM"
    name.CodeMeaning = "Finding"
    text = Dataset()
    text.RelationshipType, text.ValueType = "CONTAINS", "TEXT"
    text.ConceptNameCodeSequence = Sequence([name])
    text.TextValue = "Unauffällig."
    return dataset(
        CT_STUDY, 2, 1, "SR", BASIC_TEXT_SR,
        CompletionFlag="COMPLETE", VerificationFlag="UNVERIFIED", ValueType="CONTAINER",
        ContinuityOfContent="SEPARATE", ConceptNameCodeSequence=Sequence([name]),
        ContentSequence=Sequence([text]),
    )  # fmt: skip


def _presentation_state() -> Dataset:
    image = Dataset()
    image.ReferencedSOPClassUID = CTImageStorage
    image.ReferencedSOPInstanceUID = f"{CT_STUDY}.1.1"
    referenced = Dataset()
    referenced.SeriesInstanceUID = f"{CT_STUDY}.1"
    referenced.ReferencedImageSequence = Sequence([image])
    return dataset(
        CT_STUDY, 3, 1, "PR", GrayscaleSoftcopyPresentationStateStorage,
        ContentLabel="WINDOW", ContentDescription="", ContentCreatorName="",
        PresentationCreationDate="20260103", PresentationCreationTime="090000",
        ReferencedSeriesSequence=Sequence([referenced]), PresentationLUTShape="IDENTITY",
    )  # fmt: skip


def _jpeg() -> Dataset:
    stream = imagecodecs.jpeg8_encode(grey(32, 32, 91, "u1"), level=95)
    facts = image_module(32, 32, 8, encapsulate([stream]))
    facts |= {"LossyImageCompression": "01", "ConversionType": "WSD"}
    ds = dataset(OTHER_STUDY, 3, 1, "OT", SecondaryCaptureImageStorage, **facts)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def _ultrasound() -> Dataset:
    frames = np.stack([grey(24, 32, 80 + frame, "u1") for frame in range(3)])
    facts = image_module(24, 32, 8, frames.tobytes(), NumberOfFrames="3", FrameTime="40")
    facts["FrameIncrementPointer"] = 0x00181063
    ds = dataset(OTHER_STUDY, 2, 1, "US", UltrasoundMultiFrameImageStorage, **facts)
    ds["PixelData"].VR = "OB"
    return ds


def _radiograph(number: int) -> Dataset:
    facts = image_module(48, 40, 16, grey(48, 40, 70 + number).tobytes())
    ds = dataset(
        OTHER_STUDY, 1, number, "CR", ComputedRadiographyImageStorage,
        BodyPartExamined="ABDOMEN", ViewPosition="AP", **facts,
    )  # fmt: skip
    ds["PixelData"].VR = "OW"
    return ds


def _document() -> Dataset:
    body = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"
    return dataset(
        OTHER_STUDY, 4, 1, "DOC", EncapsulatedPDFStorage,
        DocumentTitle="Brief", BurnedInAnnotation="YES", ConceptNameCodeSequence=Sequence([]),
        MIMETypeOfEncapsulatedDocument="application/pdf",
        EncapsulatedDocument=body.ljust(len(body) + len(body) % 2, b"\n"),
    )  # fmt: skip


@cache
def instances() -> tuple[OutsideInstance, ...]:
    """The outside patient's instances, in the order of the directory."""
    made: list[tuple[Dataset, str, str]] = [
        *((ct(number), "IMAGE", ExplicitVRLittleEndian) for number in range(1, 6)),
        (_report(), "SR DOCUMENT", ExplicitVRLittleEndian),
        (_presentation_state(), "PRESENTATION", ExplicitVRLittleEndian),
        (_radiograph(1), "IMAGE", ExplicitVRLittleEndian),
        (_radiograph(2), "IMAGE", ExplicitVRLittleEndian),
        (_ultrasound(), "IMAGE", ExplicitVRLittleEndian),
        (_jpeg(), "IMAGE", JPEGBaseline8Bit),
        (_document(), "ENCAP DOC", ExplicitVRLittleEndian),
    ]
    found = []
    for ds, record_type, syntax in made:
        study = 1 if ds.StudyInstanceUID == CT_STUDY else 2
        path = f"DICOM/ST{study}/SE{ds.SeriesNumber}/IM{int(ds.InstanceNumber):04}"
        content = written(ds, syntax)
        found.append(
            OutsideInstance(
                path, ds.SOPInstanceUID, ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality,
                ds.SOPClassUID, syntax, record_type, content,
            )
        )  # fmt: skip
    return tuple(found)


COUNT = 12
"""How many there are."""

CT_PATHS = tuple(f"DICOM/ST1/SE1/IM{number:04}" for number in range(1, 6))


def instance_files() -> dict[str, bytes]:
    """The instances by path, without a DICOMDIR."""
    return {one.path: one.content for one in instances()}
