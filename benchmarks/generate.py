"""Instances to measure on: one CT series, large or tiny, the same bytes each time.

``python -m benchmarks.generate ct OUT --instances 1300 --rows 512`` writes the
685 MB of a long CT, ``python -m benchmarks.generate small OUT --instances
10000`` many tiny instances in one series.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.sequence import Sequence
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME

# What changes from slice to slice stands in the first instance at full length,
# so that every other one is the same bytes with these places written over.
_NUMBER = b"918273"
_LOCATION = b"+7364.55"
_TIME = b"235958.463728 "


def uid(name: str) -> str:
    """Return the UID that belongs to `name`: 44 characters, always the same."""
    number = int.from_bytes(hashlib.sha256(name.encode()).digest()[:16])
    return f"2.25.{10**38 + number % 10**38}"


def iter_series(
    instances: int, rows: int, *, series: str = "1", patient_id: str = "BENCH-0001"
) -> Iterator[bytes]:
    """Yield the files of one CT series of `rows` by `rows` pixels, in order."""
    name = f"{patient_id} {series} {rows}"
    first = _first_file(rows, name, patient_id)
    pixel_bytes = rows * rows * 2
    head = bytes(first[:-pixel_bytes])
    own = uid(f"{name} instance").encode()
    assert list(map(head.count, (own, _NUMBER, _LOCATION, _TIME))) == [2, 1, 2, 3]
    phantom, noise = _phantom(rows), _noise(rows)
    for index in range(instances):
        location = f"{index * 0.625 - 400:+08.2f}".encode()
        header = (
            head.replace(own, uid(f"{name} instance {index}").encode())
            .replace(_NUMBER, b"%06d" % (index + 1))
            .replace(_LOCATION, location)
            .replace(_TIME, f"10{index // 60 % 60:02d}{index % 60:02d}.000000 ".encode())
        )
        start = index * 7919 % (noise.size - phantom.size)
        pixels = phantom + noise[start : start + phantom.size]
        yield header + pixels.astype("<i2").tobytes()


def write_series(folder: Path, instances: int, rows: int, *, series: str = "1") -> int:
    """Write one series into `folder` as ``IM000001`` and on; return the bytes written."""
    folder.mkdir(parents=True, exist_ok=True)
    written = 0
    for number, content in enumerate(iter_series(instances, rows, series=series), start=1):
        written += (folder / f"IM{number:06d}").write_bytes(content)
    return written


def _phantom(rows: int) -> np.ndarray:
    """Return a body of water with a spine in air, in stored values, flat."""
    y, x = np.mgrid[:rows, :rows] / rows - 0.5
    image = np.full((rows, rows), -1000.0)
    image[(x / 0.42) ** 2 + (y / 0.30) ** 2 < 1] = 40
    image[x**2 + (y - 0.18) ** 2 < 0.05**2] = 700
    return image.ravel()


def _noise(rows: int) -> np.ndarray:
    """Return more noise than one slice needs, so that slices differ by where they begin."""
    return np.random.default_rng(20240229).normal(0, 12, rows * rows + 1_000_000)


def _first_file(rows: int, name: str, patient_id: str) -> bytes:
    """Return the file that all others are patched from; its pixels end it."""
    ds = Dataset()
    ds.update(_patient_and_study(name, patient_id))
    ds.update(_series_and_equipment(name))
    ds.update(_image(rows, name))
    ds.PixelData = bytes(rows * rows * 2)
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = CTImageStorage
    meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.ImplementationClassUID = IMPLEMENTATION_CLASS_UID
    meta.ImplementationVersionName = IMPLEMENTATION_VERSION_NAME
    ds.file_meta = meta
    file = io.BytesIO()
    dcmwrite(file, ds, enforce_file_format=True)
    return file.getvalue()


def _code(value: str, scheme: str, meaning: str) -> Dataset:
    ds = Dataset()
    ds.CodeValue = value
    ds.CodingSchemeDesignator = scheme
    ds.CodeMeaning = meaning
    return ds


def _patient_and_study(name: str, patient_id: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.PatientName = "Bench^Mark"
    ds.PatientID = patient_id
    ds.IssuerOfPatientID = "BENCH"
    ds.PatientBirthDate = "19500101"
    ds.PatientSex = "O"
    ds.PatientAge = "074Y"
    ds.PatientSize = "1.75"
    ds.PatientWeight = "75"
    ds.StudyInstanceUID = uid(f"{name} study")
    ds.StudyDate = "20240229"
    ds.StudyTime = "100000"
    ds.StudyID = "1"
    ds.AccessionNumber = "BENCH1"
    ds.StudyDescription = "CT thorax and abdomen"
    ds.ReferringPhysicianName = "Referrer^Anna"
    ds.PhysiciansOfRecord = "Record^Otto"
    ds.NameOfPhysiciansReadingStudy = "Reader^Rita"
    ds.ProcedureCodeSequence = Sequence([_code("169069000", "SCT", "CT of chest")])
    return ds


def _series_and_equipment(name: str) -> Dataset:
    ds = Dataset()
    ds.Modality = "CT"
    ds.SeriesInstanceUID = uid(f"{name} series")
    ds.SeriesNumber = 2
    ds.SeriesDate = "20240229"
    ds.SeriesTime = "100100"
    ds.SeriesDescription = "Thorax 0.625 mm soft tissue"
    ds.ProtocolName = "Thorax routine"
    ds.BodyPartExamined = "CHEST"
    ds.PatientPosition = "HFS"
    ds.OperatorsName = "Operator^Olga"
    ds.PerformedProcedureStepID = "1"
    ds.PerformedProcedureStepStartDate = "20240229"
    ds.PerformedProcedureStepStartTime = "100000"
    ds.PerformedProcedureStepDescription = "CT thorax"
    ds.FrameOfReferenceUID = uid(f"{name} frame of reference")
    ds.PositionReferenceIndicator = ""
    ds.Manufacturer = "Mediastation"
    ds.ManufacturerModelName = "Benchmark"
    ds.InstitutionName = "Benchmark Hospital"
    ds.InstitutionAddress = "1 Main Street"
    ds.InstitutionalDepartmentName = "Radiology"
    ds.StationName = "CT1"
    ds.DeviceSerialNumber = "0001"
    ds.SoftwareVersions = "1.0"
    return ds


def _image(rows: int, name: str) -> Dataset:
    ds = Dataset()
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = uid(f"{name} instance")
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL"]
    ds.InstanceNumber = _NUMBER.decode()
    ds.AcquisitionNumber = 1
    ds.InstanceCreationDate = ds.AcquisitionDate = ds.ContentDate = "20240229"
    ds.InstanceCreationTime = ds.AcquisitionTime = ds.ContentTime = _TIME.decode().strip()
    ds.ImagePositionPatient = f"-200\\-200\\{_LOCATION.decode()}"
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.SliceLocation = _LOCATION.decode()
    ds.SliceThickness = "0.625"
    ds.SpacingBetweenSlices = "0.625"
    ds.PixelSpacing = [f"{400 / rows:.6f}"] * 2
    ds.KVP = "120"
    ds.XRayTubeCurrent = "250"
    ds.ExposureTime = "500"
    ds.Exposure = "125"
    ds.ScanOptions = "HELICAL MODE"
    ds.DataCollectionDiameter = "500"
    ds.ReconstructionDiameter = "400"
    ds.DistanceSourceToDetector = "949"
    ds.DistanceSourceToPatient = "541"
    ds.GantryDetectorTilt = "0"
    ds.TableHeight = "150"
    ds.RotationDirection = "CW"
    ds.FilterType = "BODY"
    ds.GeneratorPower = "60"
    ds.FocalSpots = "1.2"
    ds.ConvolutionKernel = "STANDARD"
    ds.SpiralPitchFactor = 0.984375
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows = ds.Columns = rows
    ds.BitsAllocated = ds.BitsStored = 16
    ds.HighBit = 15
    ds.PixelRepresentation = 1
    ds.RescaleIntercept = "0"
    ds.RescaleSlope = "1"
    ds.RescaleType = "HU"
    ds.WindowCenter = "40"
    ds.WindowWidth = "400"
    return ds


def main(arguments: list[str] | None = None) -> int:
    """Write the series that the command line asks for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.generate", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, instances, rows in (("ct", 1300, 512), ("small", 10_000, 16)):
        command = kinds.add_parser(kind)
        command.add_argument("folder", type=Path)
        command.add_argument("--instances", type=int, default=instances)
        command.add_argument("--rows", type=int, default=rows)
    chosen = parser.parse_args(arguments)
    start = time.perf_counter()
    written = write_series(chosen.folder, chosen.instances, chosen.rows)
    seconds = time.perf_counter() - start
    print(f"{chosen.instances} instances, {written:,} bytes in {seconds:.1f} s: {chosen.folder}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
