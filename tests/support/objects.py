"""Small DICOM files, written by pydicom, one fact changed at a time."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import CTImageStorage, ExplicitVRLittleEndian, ImplicitVRLittleEndian

__all__ = ["ct_dataset", "write_ct", "write_series"]


def ct_dataset(**facts: Any) -> Dataset:
    """A 4 × 4 CT image of Jane Doe; `facts` are keywords of pydicom that override or add."""
    ds = Dataset()
    values: dict[str, Any] = {
        "SOPClassUID": CTImageStorage,
        "SOPInstanceUID": "1.2.3.1.1",
        "ImageType": ["ORIGINAL", "PRIMARY", "AXIAL"],
        "StudyDate": "20260102",
        "StudyTime": "101500",
        "AccessionNumber": "A1",
        "Modality": "CT",
        "StudyDescription": "Thorax",
        "PatientName": "Doe^Jane",
        "PatientID": "4711",
        "PatientBirthDate": "19700101",
        "PatientSex": "F",
        "StudyInstanceUID": "1.2.3",
        "SeriesInstanceUID": "1.2.3.1",
        "StudyID": "S1",
        "SeriesNumber": "1",
        "InstanceNumber": "1",
        "SamplesPerPixel": 1,
        "PhotometricInterpretation": "MONOCHROME2",
        "Rows": 4,
        "Columns": 4,
        "BitsAllocated": 16,
        "BitsStored": 16,
        "HighBit": 15,
        "PixelRepresentation": 0,
        "PixelData": bytes(range(32)),
        **facts,
    }
    for keyword, value in values.items():
        if value is not None:
            setattr(ds, keyword, value)
    if "PixelData" in ds:
        ds["PixelData"].VR = "OW"
    return ds


def write_ct(path: Path, *, implicit: bool = False, preamble: bytes = b"", **facts: Any) -> Path:
    """Write `ct_dataset` to `path` as a Part 10 file and return the path."""
    ds = ct_dataset(**facts)
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ImplicitVRLittleEndian if implicit else ExplicitVRLittleEndian
    ds.preamble = preamble.ljust(128, b"\0")
    path.parent.mkdir(parents=True, exist_ok=True)
    ds.save_as(path, enforce_file_format=True)
    return path


def write_series(folder: Path, number: int, **facts: Any) -> list[Path]:
    """Write `number` instances of one series into `folder`."""
    series = facts.get("SeriesInstanceUID", "1.2.3.1")
    return [
        write_ct(
            folder / f"image{place:05}.dcm",
            **{"SOPInstanceUID": f"{series}.{place}", "InstanceNumber": str(place), **facts},
        )
        for place in range(1, number + 1)
    ]
