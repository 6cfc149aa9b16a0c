"""Patients who never lived, with images that were calculated: what the pictures show."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    CTImageStorage,
    DigitalXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    MRImageStorage,
)

_Pixels = np.ndarray
_SIZE = 192


@dataclass(frozen=True, slots=True)
class Person:
    """Whose name stands on everything."""

    name: str
    patient_id: str
    birth_date: str
    sex: str


@dataclass(frozen=True, slots=True)
class Study:
    """One study: `series` are description and number of images; `age_s` is since its arrival."""

    person: Person
    modality: str
    description: str
    date: str
    series: tuple[tuple[str, int], ...]
    age_s: float
    institution: str = "Example Hospital"


ASTRID = Person("Lindqvist^Astrid", "10482", "19510314", "F")
ELISE = Person("Moreau^Élise", "20117", "19780902", "F")
ANNA = Person("Петрова^Анна", "30551", "19660521", "F")
HARU = Person("Aoki^Haru=青木^陽", "40093", "19891130", "M")
LAYLA = Person("كريم^ليلى", "50218", "19940207", "F")
TOMAS = Person("Quintero^Tomás", "60734", "20110625", "M")
LENA = Person("Berger^Anna Lena", "70081", "19620817", "F")
LENA_AGAIN = Person("Berger^Anna-Lena", "70801", "19620817", "F")

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0
STUDIES = (
    Study(TOMAS, "DX", "Left wrist, two views", "20261118", (("PA", 1), ("Lateral", 1)), 5 * _DAY),
    Study(LENA, "CT", "Sinuses", "20261116", (("Axial 1.0", 12),), 4 * _DAY),
    Study(LENA_AGAIN, "MR", "Head with contrast", "20261119", (("T1 axial", 10),), 3 * _DAY),
    Study(ASTRID, "DX", "Chest, two views", "20261002", (("PA", 1), ("Lateral", 1)), 2 * _DAY),
    Study(LAYLA, "MR", "Knee right", "20261121", (("PD sagittal", 14), ("T1", 12)), 26 * _HOUR),
    Study(HARU, "CT", "Abdomen, native", "20261122", (("Axial 3.0", 24),), 5 * _HOUR),
    Study(ANNA, "DX", "Chest, PA", "20261123", (("PA", 1),), 95 * _MINUTE),
    Study(ELISE, "MR", "Head", "20261123", (("T1 sagittal", 16), ("T2 axial", 20)), 40 * _MINUTE),
    Study(
        ASTRID,
        "CT",
        "Thorax and abdomen",
        "20261123",
        (("Thorax 1.0 soft tissue", 40), ("Abdomen 3.0", 24)),
        12,
    ),
)
BROUGHT = Study(
    Person("Lindqvist^Astrid", "K-88213", "19510314", "F"),
    "CT", "Chest", "20261030", (("Axial 2.0", 8), ("Coronal 3.0", 5)), 0.0,
    "Clinic by the Lake",
)  # fmt: skip
"""What Astrid brings from another hospital, which has a number of its own for her."""
"""In the order in which they arrived."""


def write_study(study: Study, folder: Path) -> None:
    """Write the instances of `study` into `folder`."""
    folder.mkdir(parents=True)
    made, class_uid = _KINDS[study.modality]
    uid = _uid(study.person.patient_id, study.description)
    for number, (description, images) in enumerate(study.series, start=1):
        for image in range(1, images + 1):
            ds = _patient_and_study(study, uid)
            ds.SOPClassUID = class_uid
            ds.SOPInstanceUID = _uid(uid, str(number), str(image))
            ds.SeriesInstanceUID = _uid(uid, str(number))
            ds.SeriesNumber, ds.SeriesDescription = number, description
            ds.InstanceNumber = image
            _add_pixels(ds, made(image / (images + 1), number))
            meta = FileMetaDataset()
            meta.TransferSyntaxUID = ExplicitVRLittleEndian
            ds.file_meta = meta
            ds.save_as(folder / f"{number:02}{image:04}.dcm", enforce_file_format=True)


def _patient_and_study(study: Study, uid: str) -> Dataset:
    ds = Dataset()
    ds.SpecificCharacterSet = "ISO_IR 192"
    ds.PatientName = study.person.name
    ds.PatientID = study.person.patient_id
    ds.PatientBirthDate = study.person.birth_date
    ds.PatientSex = study.person.sex
    ds.StudyInstanceUID = uid
    ds.StudyDate = ds.SeriesDate = ds.AcquisitionDate = ds.ContentDate = study.date
    ds.StudyTime = ds.SeriesTime = ds.AcquisitionTime = ds.ContentTime = "091500"
    ds.StudyID = "1"
    ds.AccessionNumber = f"A{study.person.patient_id}"
    ds.StudyDescription = study.description
    ds.ReferringPhysicianName = "Example^Referrer"
    ds.Modality = study.modality
    ds.Manufacturer = "Nobody"
    ds.InstitutionName = study.institution
    ds.ImageType = ["ORIGINAL", "PRIMARY"]
    ds.FrameOfReferenceUID = _uid(uid, "frame of reference")
    ds.PositionReferenceIndicator = ""
    return ds


def _add_pixels(ds: Dataset, pixels: _Pixels) -> None:
    ds.SamplesPerPixel = 1
    ds.PhotometricInterpretation = "MONOCHROME2"
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 12, 11, 0
    ds.PixelSpacing = [2, 2]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.ImagePositionPatient = [-_SIZE, -_SIZE, float(ds.InstanceNumber)]
    ds.WindowCenter, ds.WindowWidth = 1000, 2000
    ds.PixelData = pixels.clip(0, 4095).astype("<u2").tobytes()


def _uid(*names: str) -> str:
    """Return a UID of the UUID root (PS3.5 B.2) that belongs to `names`, always the same."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return f"2.25.{int.from_bytes(digest[:15])}"


def _ellipse(x: float, y: float, wide: float, high: float) -> np.ndarray:
    rows, columns = np.mgrid[:_SIZE, :_SIZE] / _SIZE * 2 - 1
    inside: np.ndarray = ((columns - x) / wide) ** 2 + ((rows - y) / high) ** 2 < 1
    return inside


def _grain(place: float) -> _Pixels:
    noise: _Pixels = np.random.default_rng(int(place * 1000)).normal(0, 25, (_SIZE, _SIZE))
    return noise


def _trunk(place: float, _series: int) -> _Pixels:
    """Return a slice of a body: lungs that grow and shrink, heart, spine, ribs."""
    image = np.zeros((_SIZE, _SIZE))
    image[_ellipse(0, 0, 0.86, 0.62)] = 1150
    image[_ellipse(0, 0, 0.82, 0.58)] = 1000
    open_by = np.sin(np.pi * place)
    for side in (-1, 1):
        image[_ellipse(0.42 * side, -0.03, 0.33 * open_by + 0.02, 0.46 * open_by + 0.02)] = 180
        image[_ellipse(0.55 * side, 0.08, 0.05, 0.04)] = 420
    image[_ellipse(-0.08, -0.12 + 0.1 * place, 0.26 * (1 - place) + 0.06, 0.24)] = 1120
    image[_ellipse(0, 0.36, 0.12, 0.13)] = 1750
    image[_ellipse(0, 0.33, 0.05, 0.05)] = 1050
    return image + _grain(place)


def _head(place: float, series: int) -> _Pixels:
    """Return a slice of a head: skull, brain, ventricles; the second series is brighter there."""
    image = np.zeros((_SIZE, _SIZE))
    size = 0.45 + 0.35 * np.sin(np.pi * place)
    image[_ellipse(0, 0, 0.8 * size, size)] = 1800
    image[_ellipse(0, 0, 0.74 * size, 0.93 * size)] = 250
    image[_ellipse(0, 0, 0.7 * size, 0.89 * size)] = 1050
    image[_ellipse(0, 0, 0.55 * size, 0.72 * size)] = 1250
    image[_ellipse(0, 0, 0.02, 0.8 * size)] = 500
    for side in (-1, 1):
        image[_ellipse(0.14 * side, -0.05, 0.08, 0.26 * size)] = 1900 if series > 1 else 350
    return image + _grain(place)


def _chest(_place: float, series: int) -> _Pixels:
    """Return a projection: what is thick is bright."""
    rows, columns = np.mgrid[:_SIZE, :_SIZE] / _SIZE * 2 - 1
    image = 1500 - 700 * columns**2 + 300 * rows
    for side in (-1, 1):
        image[_ellipse(0.42 * side / series, 0, 0.32, 0.7)] -= 900
        for rib in range(-3, 4):
            arc = np.abs(rows - rib * 0.2 - 0.12 * (columns - 0.3 * side) ** 2) < 0.025
            image[arc & _ellipse(0.42 * side / series, 0, 0.36, 0.76)] += 260
    image[_ellipse(0, 0.1, 0.1, 1)] += 350
    image[_ellipse(0.14, 0.3, 0.28, 0.3)] += 450
    return image + _grain(0.5)


_KINDS: dict[str, tuple[Callable[[float, int], _Pixels], str]] = {
    "CT": (_trunk, CTImageStorage),
    "MR": (_head, MRImageStorage),
    "DX": (_chest, DigitalXRayImageStorageForPresentation),
}
