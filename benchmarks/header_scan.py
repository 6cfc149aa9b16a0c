"""Header scan against pydicom, side by side in one run, on generated CT images.

Run ``python -m benchmarks.header_scan [FILES]`` from the project's folder. The
files are written once to a temporary folder; both sides find them in the page cache.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import pydicom
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from mediastation.dicom.header import INDEX_TAGS, read_header

ROUNDS = 5


def ct_image(number: int) -> Dataset:
    """Return a 512 by 512 CT image with the attributes a scanner writes, private ones included."""
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 100"
    ds.ImageType = ["ORIGINAL", "PRIMARY", "AXIAL", "CT_SOM5 SPI"]
    ds.SOPClassUID = CTImageStorage
    ds.SOPInstanceUID = f"1.2.826.0.1.3680043.10.1.{number}"
    for keyword in ("Study", "Series", "Acquisition", "Content", "InstanceCreation"):
        setattr(ds, f"{keyword}Date", "20240229")
        setattr(ds, f"{keyword}Time", "120000.123456")
    ds.AccessionNumber = "A1234567"
    ds.Modality, ds.Manufacturer = "CT", "Example Medical Systems"
    ds.InstitutionName, ds.InstitutionAddress = "University Hospital", "Street 1\r\nTown"
    ds.ReferringPhysicianName = "Referrer^Anna"
    ds.StationName, ds.StudyDescription = "CT01", "Thorax^Routine"
    ds.SeriesDescription, ds.ManufacturerModelName = "Lung 1.0 Br60", "Model 64"
    ds.PerformingPhysicianName = "Performer^Paul"
    reference = Dataset()
    reference.ReferencedSOPClassUID = CTImageStorage
    reference.ReferencedSOPInstanceUID = "1.2.826.0.1.3680043.10.1.0"
    ds.ReferencedImageSequence = [reference, reference]
    ds.SourceImageSequence = [reference]
    ds.PatientName, ds.PatientID = "Benchmark^Case", "P0001"
    ds.PatientBirthDate, ds.PatientSex, ds.PatientAge = "19600101", "O", "064Y"
    ds.BodyPartExamined, ds.ScanOptions, ds.SliceThickness = "CHEST", "FAST", "1.0"
    ds.KVP, ds.DataCollectionDiameter, ds.SoftwareVersions = "120", "500", "VA40A"
    ds.ProtocolName, ds.ReconstructionDiameter = "Thorax", "360"
    ds.DistanceSourceToDetector, ds.DistanceSourceToPatient = "1040", "570"
    ds.GantryDetectorTilt, ds.TableHeight, ds.RotationDirection = "0", "155", "CW"
    ds.ExposureTime, ds.XRayTubeCurrent, ds.Exposure = "500", "300", "150"
    ds.FilterType, ds.GeneratorPower, ds.FocalSpots = "FLAT", "36", "1.2"
    ds.ConvolutionKernel, ds.PatientPosition = ["Br60d", "3"], "HFS"
    ds.StudyInstanceUID = "1.2.826.0.1.3680043.10.2"
    ds.SeriesInstanceUID = "1.2.826.0.1.3680043.10.3"
    ds.StudyID, ds.SeriesNumber, ds.AcquisitionNumber = "1", "2", "3"
    ds.InstanceNumber = str(number)
    ds.ImagePositionPatient = ["-180", "-180", str(number)]
    ds.ImageOrientationPatient = ["1", "0", "0", "0", "1", "0"]
    ds.FrameOfReferenceUID = "1.2.826.0.1.3680043.10.4"
    ds.SliceLocation, ds.ImageComments = str(number), "no comment"
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.Rows, ds.Columns, ds.PixelSpacing = 512, 512, ["0.7", "0.7"]
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.SmallestImagePixelValue, ds.LargestImagePixelValue = 0, 4095
    ds.WindowCenter, ds.WindowWidth = ["-500", "40"], ["1500", "400"]
    ds.RescaleIntercept, ds.RescaleSlope, ds.RescaleType = "-1024", "1", "HU"
    block = ds.private_block(0x0029, "EXAMPLE CSA HEADER", create=True)
    for offset in range(0x10, 0x30):
        block.add_new(offset, "LO", f"private value {offset}")
    block.add_new(0x40, "OB", bytes(4096))
    ds.PixelData = bytes(512 * 512 * 2)
    ds["PixelData"].VR = "OW"
    return ds


def write_images(folder: Path, count: int, syntax: str) -> list[Path]:
    """Write the images and return their paths."""
    paths = []
    for number in range(1, count + 1):
        ds = ct_image(number)
        ds.file_meta = FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        path = folder / f"{number:06d}"
        ds.save_as(path, enforce_file_format=True)
        paths.append(path)
    return paths


def best_of(readers: list[Callable[[Path], object]], paths: list[Path]) -> list[float]:
    """Return seconds a file for each reader: the best of rounds in which they take turns."""
    best = [float("inf")] * len(readers)
    for _ in range(ROUNDS):
        for index, read in enumerate(readers):
            begin = time.perf_counter()
            for path in paths:
                read(path)
            best[index] = min(best[index], time.perf_counter() - begin)
    return [seconds / len(paths) for seconds in best]


def with_pydicom(path: Path) -> object:
    """Read as far as pydicom's users do before the pixels."""
    return pydicom.dcmread(path, stop_before_pixels=True)


def with_pydicom_values(path: Path) -> object:
    """Read with pydicom what the index keeps, values converted as pydicom does on access."""
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    return [ds[tag].value for tag in INDEX_TAGS if tag in ds]


def main(count: int = 500) -> None:
    """Print milliseconds a file and their ratio for each uncompressed encoding."""
    for name, syntax in (
        ("explicit", ExplicitVRLittleEndian),
        ("implicit", ImplicitVRLittleEndian),
    ):
        with tempfile.TemporaryDirectory() as folder:
            paths = write_images(Path(folder), count, syntax)
            own, opened, valued = best_of([read_header, with_pydicom, with_pydicom_values], paths)
        for what, peer in (("before its pixels", opened), ("and the indexed values", valued)):
            print(
                f"{name}: header scan {own * 1e3:.3f} ms, "
                f"pydicom {what} {peer * 1e3:.3f} ms a file, ratio {peer / own:.1f}"
            )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
