"""Instances that are like one another, and what makes them others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless

from tests.support.built import compressed, rle_frame
from tests.support.objects import write_ct

PIXELS = bytes(range(32))
OTHER = bytes(range(1, 33))
SOMEBODY_ELSE = {
    "PatientName": "Roe^Richard",
    "PatientID": "0815",
    "PatientBirthDate": "19330303",
    "PatientSex": "M",
}


def write(folder: Path, name: str, **facts: Any) -> Path:
    return write_ct(folder / name, **facts)


def rewritten(path: Path, target: Path, syntax: str) -> Path:
    """Write a file's data set in another native encoding, by pydicom."""
    ds = pydicom.dcmread(path)
    big = syntax == ExplicitVRBigEndian
    if big:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(target, ds, implicit_vr=implicit, little_endian=not big)
    return target


def squeezed(path: Path, target: Path) -> Path:
    """Write a file's data set with its pixels in RLE."""
    ds = pydicom.dcmread(path)
    samples = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
    return compressed(target, ds, RLELossless, [rle_frame(samples)])
