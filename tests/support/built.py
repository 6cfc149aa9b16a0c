"""Instances built for tests, and what becomes of them when they are prepared."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID

from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, Prepared, prepare_instance
from mediastation.model import transfer_syntax as ts
from mediastation.model.finding import Severity

CT = "1.2.840.10008.5.1.4.1.1.2"
UID_1 = "2.25.1234567890"


def instance(rows: int = 4, columns: int = 6, samples: int = 1, bits: int = 8) -> Dataset:
    """An image that everybody accepts; each test spoils one thing."""
    ds = Dataset()
    ds.SOPClassUID, ds.SOPInstanceUID = CT, UID_1
    ds.PatientName, ds.PatientID = "Test^Person", "P1"
    ds.Rows, ds.Columns, ds.SamplesPerPixel = rows, columns, samples
    ds.BitsAllocated, ds.BitsStored, ds.HighBit = bits, bits, bits - 1
    ds.PixelRepresentation = 0
    ds.PhotometricInterpretation = "MONOCHROME2" if samples == 1 else "RGB"
    if samples > 1:
        ds.PlanarConfiguration = 0
    return ds


def pattern(ds: Dataset, seed: int = 1) -> np.ndarray:
    """Samples without any regularity, in the shape of one frame."""
    width = max(ds.BitsAllocated, 8) // 8
    shape = (ds.Rows, ds.Columns, ds.SamplesPerPixel)
    samples = np.random.default_rng(seed).integers(0, 2**ds.BitsStored, shape)
    return (
        samples.astype(f"<u{width}").squeeze(axis=2)
        if ds.SamplesPerPixel == 1
        else samples.astype(f"<u{width}")
    )


def write(path: Path, ds: Dataset, syntax: str, preamble: bytes = bytes(128), **meta: str) -> Path:
    """Write `ds` with pydicom in `syntax`."""
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    for keyword, value in meta.items():
        setattr(ds.file_meta, keyword, value)
    ds.preamble = preamble
    implicit, big = syntax == ts.IMPLICIT_LE, syntax == ts.EXPLICIT_BE
    pydicom.dcmwrite(
        path, ds, implicit_vr=implicit, little_endian=not big, enforce_file_format=True
    )
    return path


def compressed(path: Path, ds: Dataset, syntax: str, frames: list[bytes]) -> Path:
    """Write `ds` with `frames` as its encapsulated pixels."""
    ds.PixelData = encapsulate(frames)
    ds["PixelData"].VR = "OB"
    ds["PixelData"].is_undefined_length = True
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    if UID(syntax).is_transfer_syntax:
        return write(path, ds, syntax)
    # pydicom writes no transfer syntax that it does not know: put the UID in by hand.
    raw = write(path, ds, ts.RLE_LOSSLESS).read_bytes()
    old, new = f"{ts.RLE_LOSSLESS}\0".encode(), (syntax + "\0" * (len(syntax) % 2)).encode()
    size = int.from_bytes(raw[140:144], "little") + len(new) - len(old)
    uid = b"UI" + struct.pack("<H", len(new)) + new
    raw = raw.replace(b"UI" + struct.pack("<H", len(old)) + old, uid, 1)
    path.write_bytes(raw[:140] + struct.pack("<I", size) + raw[144:])
    return path


def prepare(source: Path, **options: object) -> tuple[Dataset, Prepared]:
    output = source.with_suffix(".out")
    done = prepare_instance(source, output, read_header(source), **options)  # type: ignore[arg-type]
    return pydicom.dcmread(output), done


def refused(source: Path) -> str:
    """The rule under which `source` is refused, nothing being left behind."""
    output = source.with_suffix(".out")
    with pytest.raises(CannotPrepare) as caught:
        prepare_instance(source, output, read_header(source))
    assert not output.exists()
    assert caught.value.finding.severity is Severity.ERROR
    assert caught.value.finding.subject == UID_1
    return caught.value.finding.rule


def rle_frame(samples: np.ndarray) -> bytes:
    """Encode samples as PS3.5 Annex G says, every segment of literal runs."""
    planes = np.moveaxis(np.atleast_3d(samples), 2, 0)
    segments = []
    for plane in planes:
        cells = np.ascontiguousarray(plane).view("u1").reshape(plane.size, -1)
        for byte in range(cells.shape[1] - 1, -1, -1):
            raw = cells[:, byte].tobytes()
            runs = [raw[at : at + 128] for at in range(0, len(raw), 128)]
            segment = b"".join(bytes([len(run) - 1]) + run for run in runs)
            segments.append(segment + b"\0" * (len(segment) % 2))
    offsets = [64 + sum(map(len, segments[:n])) for n in range(len(segments))]
    head = [len(segments), *offsets, *([0] * (15 - len(segments)))]
    return struct.pack("<16I", *head) + b"".join(segments)
