"""Objects on either side of every line that the annexes of PS3.11 draw.

Small files, each with one fact changed, so that a peer and the check can be
asked where they draw it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, generate_uid

from mediastation.model.sop_class import SOP_CLASSES
from tests.support.profile_objects import STORAGE, ct_image, dental_image, us_image, write, xa_image

ELE = "1.2.840.10008.1.2.1"
RLE = "1.2.840.10008.1.2.5"
JPEG = "1.2.840.10008.1.2.4."
_SYNTAXES = [
    "1.2.840.10008.1.2",
    ELE,
    "1.2.840.10008.1.2.1.99",
    "1.2.840.10008.1.2.2",
    RLE,
    *(f"{JPEG}{number}" for number in (50, 51, 57, 70, 80, 81, 90, 91, 100, 101, 102, 103)),
    *(f"{JPEG}{number}" for number in (104, 105, 106, 201)),
]
_TYPE_2 = (
    "InstitutionName",
    "ManufacturerModelName",
    "DetectorID",
    "DetectorManufacturerName",
    "DetectorManufacturerModelName",
)
_REGION = [
    "RegionSpatialFormat",
    "RegionDataType",
    "RegionFlags",
    "RegionLocationMinX0",
    "RegionLocationMinY0",
    "RegionLocationMaxX1",
    "RegionLocationMaxY1",
    "PhysicalUnitsXDirection",
    "PhysicalUnitsYDirection",
    "PhysicalDeltaX",
    "PhysicalDeltaY",
    "PixelComponentOrganization",
    "PixelComponentMask",
    "PixelComponentRangeStart",
    "PixelComponentRangeStop",
    "PixelComponentPhysicalUnits",
    "PixelComponentDataType",
    "NumberOfTableBreakPoints",
    "TableOfXBreakPoints",
    "TableOfYBreakPoints",
]


def _xa() -> Dataset:
    return xa_image(rows=16, frames=1)


def _mr() -> Dataset:
    ds = ct_image()
    ds.SOPClassUID = STORAGE + "4"
    ds.Modality = "MR"
    ds.ScanningSequence, ds.SequenceVariant, ds.ScanOptions = "SE", "NONE", None
    ds.MRAcquisitionType, ds.EchoTime, ds.EchoTrainLength = "2D", "10", 1
    return ds


def _sc() -> Dataset:
    ds = xa_image(rows=16, frames=1)
    ds.SOPClassUID = STORAGE + "7"
    ds.Modality, ds.ConversionType = "OT", "WSD"
    return ds


def _dx() -> Dataset:
    ds = dental_image()
    ds.SOPClassUID, ds.Modality = STORAGE + "1.1", "DX"
    return ds


def _clip() -> Dataset:
    return _masked(us_image(frames=2, regions="CC"))


def _still() -> Dataset:
    return _masked(us_image(regions="CC"))


def _masked(ds: Dataset) -> Dataset:
    """Return it with a mask, which some ask for in every region."""
    ds.SequenceOfUltrasoundRegions[0].PixelComponentMask = 0xFF
    return ds


def _bits(stored: int, allocated: int, high: int | None = None) -> dict[str, Any]:
    return {
        "BitsStored": stored,
        "BitsAllocated": allocated,
        "HighBit": stored - 1 if high is None else high,
    }


_DEPTHS = [(8, 8), (8, 16), (10, 16), (11, 16), (12, 16), (13, 16), (14, 16), (15, 16), (16, 16)]
_SIZES = [{name: n} for name in ("Rows", "Columns") for n in (1, 512, 513, 1024, 1025)]
_COLOURS: list[dict[str, Any]] = [
    {"PhotometricInterpretation": name, "SamplesPerPixel": samples, "PlanarConfiguration": planar}
    for name, samples, planar in (
        ("MONOCHROME1", 1, None),
        ("MONOCHROME2", 1, None),
        ("PALETTE COLOR", 1, None),
        ("RGB", 3, 0),
        ("YBR_FULL", 3, 0),
        ("YBR_FULL", 3, 1),
        ("YBR_FULL_422", 3, 0),
        ("YBR_PARTIAL_422", 3, 0),
        ("YBR_RCT", 3, 0),
    )
]
_CHANGES: list[tuple[Callable[[], Dataset], list[str], list[dict[str, Any]]]] = [
    (
        _xa,
        [JPEG + "70", JPEG + "50", ELE],
        [*_SIZES, {"Modality": "RF"}, *(_bits(*one) for one in _DEPTHS)],
    ),
    (
        _sc,
        [ELE, JPEG + "70"],
        [
            *_SIZES,
            *_COLOURS,
            *(_bits(*one) for one in _DEPTHS),
            _bits(8, 8, 6),
            {"PixelRepresentation": 1},
            {"OverlayRows": 4},
        ],
    ),
    (ct_image, [ELE, JPEG + "70"], [*_COLOURS[:3], {"Modality": "MR"}]),
    (
        _mr,
        [ELE],
        [*_COLOURS[:3], {"Modality": "CT"}, *(_bits(*one) for one in _DEPTHS), _bits(12, 16, 15)],
    ),
    *(
        (
            maker,
            [ELE, RLE, JPEG + "50"],
            [*_COLOURS, {"SequenceOfUltrasoundRegions": None}, *({name: ""} for name in _REGION)],
        )
        for maker in (_still, _clip)
    ),
    *(
        (
            maker,
            [ELE],
            [
                *(_bits(*one) for one in _DEPTHS),
                *({name: None} for name in _TYPE_2),
                *({name: ""} for name in _TYPE_2),
            ],
        )
        for maker in (dental_image, _dx)
    ),
]


def write_variants(folder: Path) -> dict[str, str]:
    """Write all variants; return what each one is by the name of its file."""
    folder.mkdir(parents=True)
    told: dict[str, str] = {}
    for number, (ds, syntax, what) in enumerate(_variants()):
        name = f"V{number:05d}"
        ds.SOPInstanceUID = generate_uid(entropy_srcs=[name])
        ds.StudyInstanceUID = generate_uid(entropy_srcs=[name, "study"])
        ds.SeriesInstanceUID = generate_uid(entropy_srcs=[name, "series"])
        _fill(ds, syntax)
        write(ds, folder / name, syntax)
        told[name] = f"{UID(ds.SOPClassUID).name} in {UID(syntax).name}, {what}"
    return told


def _variants() -> Iterator[tuple[Dataset, str, str]]:
    for maker, syntaxes, changes in _CHANGES:
        for syntax in syntaxes:
            for change in changes:
                ds = maker()
                for keyword, value in change.items():
                    _change(ds, keyword, value)
                yield ds, syntax, str(change)
        for syntax in _SYNTAXES:
            yield maker(), syntax, "as it is"
    for sop_class in SOP_CLASSES:
        for syntax in (ELE, JPEG + "70", JPEG + "100"):
            ds = ct_image()
            ds.SOPClassUID = sop_class
            yield ds, syntax, "with the elements of a CT image"


def _change(ds: Dataset, keyword: str, value: Any) -> None:
    if keyword in _REGION:
        del ds.SequenceOfUltrasoundRegions[0][keyword]
    elif keyword == "OverlayRows":
        ds.add_new(0x60000010, "US", value)
    elif value is None:
        if keyword in ds:
            del ds[keyword]
    else:
        setattr(ds, keyword, value)


def _fill(ds: Dataset, syntax: str) -> None:
    """Give the image as many bytes as its attributes ask for, or a frame that nobody decodes."""
    if UID(syntax).is_encapsulated:
        frames = int(ds.get("NumberOfFrames", 1))
        ds.PixelData = encapsulate([b"\xff\xd8" + bytes(14)] * frames)
        ds["PixelData"].VR = "OB"
        ds["PixelData"].is_undefined_length = True
        return
    size = ds.Rows * ds.Columns * ds.SamplesPerPixel * ds.BitsAllocated // 8
    ds.PixelData = bytes(size * int(ds.get("NumberOfFrames", 1)) + size % 2)
    ds["PixelData"].VR = "OW"
