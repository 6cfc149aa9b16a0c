"""Instances for tests, written by pydicom: a writer that nobody here wrote."""

from __future__ import annotations

from io import BytesIO

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from mediastation.dicom.header import INDEX_TAGS, read_header_from
from mediastation.dicom.source import BytesSource
from mediastation.model.instance import InstanceHeader

ENCODINGS = {
    "explicit": ExplicitVRLittleEndian,
    "implicit": ImplicitVRLittleEndian,
    "big": ExplicitVRBigEndian,
    "deflated": DeflatedExplicitVRLittleEndian,
}
UID_1 = "1.2.826.0.1.3680043.10.1.1"


def ct_image() -> Dataset:
    """A small CT image with sequences, numbers of every width, and private elements."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.SOPClassUID, ds.SOPInstanceUID = CTImageStorage, UID_1
    ds.StudyDate, ds.Modality = "20240229", "CT"
    ds.PatientName, ds.PatientID = "Müller^Jörg", "P1"
    reference = Dataset()
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = "1.2.3.4"
    reference.ReferencedFrameNumber = "7"
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "121311", "DCM", "Localizer"
    reference.PurposeOfReferenceCodeSequence = [code]
    ds.ReferencedImageSequence = [reference, reference]
    ds.StudyInstanceUID, ds.SeriesInstanceUID = "1.2.3", "1.2.3.1"
    ds.SeriesNumber, ds.InstanceNumber = "1", "2"
    ds.ImagePositionPatient = ["1.5", "-2", "3"]
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns = 4, 8
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 1
    ds.SmallestImagePixelValue, ds.PixelPaddingValue = -5, -2000
    ds.FrameIncrementPointer = 0x00181063
    ds.DataPointRows = 70000
    block = ds.private_block(0x0029, "EXAMPLE", create=True)
    block.add_new(0x10, "UL", 0x01020304)
    ds.PixelData = bytes(range(64))
    ds["PixelData"].VR = "OW"
    return ds


def written(ds: Dataset, syntax: str = ExplicitVRLittleEndian) -> bytes:
    """The file that pydicom makes of a data set."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    stream = BytesIO()
    ds.save_as(stream, enforce_file_format=True)
    return stream.getvalue()


def header_of(data: bytes, wanted: frozenset[int] = INDEX_TAGS) -> InstanceHeader:
    """The header of a file's bytes."""
    return read_header_from(BytesSource(data), "some file", wanted)


def rules(header: InstanceHeader) -> set[str]:
    """The rules that the reader forgave."""
    return {finding.rule for finding in header.findings}
