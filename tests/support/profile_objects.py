"""One whole object for each kind that PS3.11 profiles speak of, as a modality would make it.

Every one is valid by its IOD (dciodvfy finds no error in it), so that a peer's
complaint about a medium is about the medium.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.sequence import Sequence
from pydicom.uid import ExplicitVRLittleEndian

STORAGE = "1.2.840.10008.5.1.4.1.1."
ROOT = "1.2.826.0.1.3680043.8.498.77"


def picture(rows: int, columns: int, *, frames: int = 1, bits: int = 8) -> np.ndarray[Any, Any]:
    """A bright disc on a gradient that wanders from frame to frame."""
    y, x = np.mgrid[0:rows, 0:columns]
    stack = []
    for frame in range(frames):
        gradient = (x + y + 3 * frame) * ((1 << bits) - 1) // (rows + columns + 3 * frames)
        centre = rows // 3 + frame
        disc = (y - centre) ** 2 + (x - columns // 2) ** 2 < (rows // 6) ** 2
        stack.append(np.where(disc, (1 << bits) - 1, gradient))
    return np.stack(stack).astype("<u1" if bits <= 8 else "<u2")


def _base(sop_class: str, modality: str, number: int) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.SOPClassUID = sop_class
    ds.SOPInstanceUID = f"{ROOT}.{number}.1.1"
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = "20260102"
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "101500"
    ds.AccessionNumber = "A1"
    ds.Modality = modality
    ds.Manufacturer = "Maker"
    ds.InstitutionName = "City Hospital"
    ds.InstitutionAddress = "1 High Street"
    ds.ReferringPhysicianName = "Referrer^Rita"
    ds.PerformingPhysicianName = "Performer^Paul"
    ds.ManufacturerModelName = "Model 1"
    ds.DeviceSerialNumber = "17"
    ds.SoftwareVersions = "1.0"
    ds.PatientName = "Doe^Jane"
    ds.PatientID = "4711"
    ds.PatientBirthDate = "19700101"
    ds.PatientSex = "F"
    ds.StudyInstanceUID = f"{ROOT}.{number}"
    ds.SeriesInstanceUID = f"{ROOT}.{number}.1"
    ds.StudyID = "S1"
    ds.SeriesNumber = 1
    ds.AcquisitionNumber = 1
    ds.InstanceNumber = 1
    ds.PatientOrientation = None
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    return ds


def _pixels(ds: Dataset, pixels: np.ndarray[Any, Any], bits: int) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape[1:3]
    ds.BitsAllocated = 8 if bits <= 8 else 16
    ds.BitsStored = bits
    ds.HighBit = bits - 1
    ds.PixelRepresentation = 0
    data = pixels.tobytes()
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OW" if bits > 8 else "OB"


def xa_image(number: int = 1, *, rows: int = 512, bits: int = 8, frames: int = 6) -> Dataset:
    """A cine run of one plane (XA Image)."""
    ds = _base(STORAGE + "12.1", "XA", number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "SINGLE PLANE"]
    ds.PixelIntensityRelationship = "DISP"
    ds.KVP = "80"
    ds.RadiationSetting = "GR"
    ds.ExposureTime = 8
    ds.XRayTubeCurrent = 400
    ds.PositionerMotion = "STATIC"
    ds.PositionerPrimaryAngle = "10"
    ds.PositionerSecondaryAngle = "0"
    ds.BodyPartExamined = "HEART"
    ds.PatientPosition = "HFS"
    ds.LossyImageCompression = "00"
    ds.CalibrationImage = "NO"
    if frames > 1:
        ds.NumberOfFrames = frames
        ds.FrameIncrementPointer = 0x00181063
        ds.FrameTime = "66"
        ds.RecommendedDisplayFrameRate = 15
    _pixels(ds, picture(rows, rows, frames=frames, bits=bits), bits)
    return ds


def ct_image(number: int = 2) -> Dataset:
    """An axial slice (CT Image)."""
    ds = _base(STORAGE + "2", "CT", number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.KVP = "120"
    ds.SliceThickness = "5"
    ds.PatientPosition = "HFS"
    ds.BodyPartExamined = "CHEST"
    ds.FrameOfReferenceUID = f"{ROOT}.{number}.9"
    ds.PositionReferenceIndicator = None
    ds.ImagePositionPatient = ["-100", "-100", "50"]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.PixelSpacing = ["0.78", "0.78"]
    ds.RescaleIntercept = "-1024"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = "40"
    ds.WindowWidth = "400"
    _pixels(ds, picture(96, 96, bits=12), 12)
    return ds


def us_image(number: int = 3, *, frames: int = 0, regions: str = "") -> Dataset:
    """A B-mode picture or clip in RGB; `regions` is ``SC``, ``CC`` or nothing."""
    ds = _base(STORAGE + ("3.1" if frames else "6.1"), "US", number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", "ABDOMINAL", "0001"]
    ds.BodyPartExamined = "ABDOMEN"
    ds.LossyImageCompression = "00"
    ds.UltrasoundColorDataPresent = 0
    if frames:
        ds.NumberOfFrames = frames
        ds.FrameIncrementPointer = 0x00181063
        ds.FrameTime = "40"
    grey = picture(64, 80, frames=frames or 1)
    _pixels(ds, grey, 8)
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "RGB"
    ds.PlanarConfiguration = 0
    ds.PixelData = np.repeat(grey[..., None], 3, axis=3).tobytes()
    if regions:
        ds.SequenceOfUltrasoundRegions = Sequence([_region(calibrated=regions == "CC")])
    return ds


def _region(*, calibrated: bool) -> Dataset:
    region = Dataset()
    region.RegionSpatialFormat = 1
    region.RegionDataType = 1
    region.RegionFlags = 0
    region.RegionLocationMinX0 = region.RegionLocationMinY0 = 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 79, 63
    region.PhysicalUnitsXDirection = region.PhysicalUnitsYDirection = 3
    region.PhysicalDeltaX = region.PhysicalDeltaY = 0.02
    if calibrated:
        region.PixelComponentOrganization = 1
        region.PixelComponentRangeStart = 0
        region.PixelComponentRangeStop = 255
        region.PixelComponentPhysicalUnits = 2
        region.PixelComponentDataType = 1
        region.NumberOfTableBreakPoints = 2
        region.TableOfXBreakPoints = [0, 255]
        region.TableOfYBreakPoints = [0.0, 255.0]
    return region


def dental_image(number: int = 4) -> Dataset:
    """A bitewing (Digital Intra-Oral X-Ray Image, For Presentation)."""
    ds = _base(STORAGE + "1.3", "IO", number)
    ds.ImageType = ["ORIGINAL", "PRIMARY", ""]
    ds.PresentationIntentType = "FOR PRESENTATION"
    ds.PatientOrientation = ["L", "F"]
    ds.ImageLaterality = "L"
    ds.BurnedInAnnotation = "NO"
    ds.LossyImageCompression = "00"
    ds.PixelIntensityRelationship = "LOG"
    ds.PixelIntensityRelationshipSign = -1
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "0", "1", "US"
    ds.PresentationLUTShape = "IDENTITY"
    ds.WindowCenter, ds.WindowWidth = "128", "256"
    ds.ImagerPixelSpacing = ["0.05", "0.05"]
    ds.DetectorType = "DIRECT"
    ds.DetectorID = "D1"
    ds.DetectorManufacturerName = "Maker"
    ds.DetectorManufacturerModelName = "Sensor"
    region = _code("39073006", "SCT", "Maxilla")
    region.AnatomicRegionModifierSequence = Sequence([_code("7771000", "SCT", "Left")])
    ds.AnatomicRegionSequence = Sequence([region])
    ds.AcquisitionContextSequence = Sequence([])
    ds.KVP = "65"
    ds.BodyPartExamined = "JAW"
    ds.PositionerType = "NONE"
    _pixels(ds, picture(80, 60), 8)
    return ds


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, scheme, meaning
    return code


def video(transfer_syntax: str, number: int = 0) -> Dataset:
    """An endoscopy clip whose codestream nobody decodes (Video Endoscopic Image)."""
    ds = _base(
        STORAGE + "77.1.1.1", "ES", number or int(transfer_syntax.rsplit(".", maxsplit=1)[-1])
    )
    ds.LossyImageCompression = "01"
    ds.LossyImageCompressionRatio = "30"
    ds.LossyImageCompressionMethod = (
        "ISO_13818_2" if transfer_syntax[-3:] in {"100", "101"} else "ISO_14496_10"
    )
    ds.NumberOfFrames = 25
    ds.FrameIncrementPointer = 0x00181063
    ds.FrameTime = "40"
    ds.StartTrim, ds.StopTrim = 1, 25
    ds.AnatomicRegionSequence = Sequence([_code("69695003", "SCT", "Stomach")])
    ds.CineRate = 25
    ds.AcquisitionContextSequence = Sequence([])
    ds.BurnedInAnnotation = "NO"
    _pixels(ds, picture(2, 2), 8)
    ds.Rows, ds.Columns = 576, 720
    ds.SamplesPerPixel = 3
    ds.PhotometricInterpretation = "YBR_PARTIAL_420"
    ds.PlanarConfiguration = 0
    ds.PixelData = encapsulate([b"\0\0\1\xb3" + bytes(range(256)) * 40], has_bot=False)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    return ds


def write(ds: Dataset, path: Path, transfer_syntax: str = ExplicitVRLittleEndian) -> Path:
    """Write `ds` as a Part 10 file."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = transfer_syntax
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


_VIDEO_OF = {
    "MPEG2-MPML": "100",
    "MPEG2-MPHL": "101",
    "MPEG4-HPLV41": "102",
    "MPEG4-HPLV41BD": "103",
    "MPEG4-HPLV42-2D": "104",
    "MPEG4-HPLV42-3D": "105",
    "MPEG4-SHPLV42": "106",
}


def object_for(profile: str) -> tuple[Callable[[], Dataset], str]:
    """Return what makes an object that `profile` is meant for, and its Transfer Syntax."""
    for tail, number in _VIDEO_OF.items():
        if profile.endswith("-" + tail):
            syntax = "1.2.840.10008.1.2.4." + number
            return partial(video, syntax), syntax
    maker: Callable[[], Dataset] = ct_image
    if profile.startswith("STD-XABC"):
        maker = xa_image
    elif profile.startswith("STD-XA1K"):
        maker = partial(xa_image, rows=96, bits=10)
    elif profile.startswith("STD-US"):
        _, _, purpose, frames, *_ = profile.split("-")
        count = 4 if frames == "MF" else 0
        regions = "" if purpose == "ID" else purpose
        maker = partial(us_image, frames=count, regions=regions)
    elif profile.startswith(("STD-DEN", "STD-DTL")):
        maker = dental_image
    return maker, ExplicitVRLittleEndian
