"""Damage anywhere, and objects of any size."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
import zlib
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset

from mediastation.dicom.encodable import ENCODABLE
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.model import transfer_syntax as ts
from tests.support.built import (
    CT,
    UID_1,
    compressed,
    instance,
    pattern,
    rle_frame,
    write,
)


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_damage_is_refused_or_prepared_but_never_breaks(
    data: st.DataObject, tmp_path: Path
) -> None:
    ds = instance(rows=16, columns=16, bits=16)
    kind = data.draw(st.sampled_from(["implicit", "big", "rle", "jpeg", "j2k"]))
    frame = pattern(ds)
    path = tmp_path / "a"
    if kind in ("implicit", "big"):
        ds.PixelData = frame.tobytes()
        ds["PixelData"].VR = "OW"
        write(path, ds, ts.IMPLICIT_LE if kind == "implicit" else ts.EXPLICIT_BE)
    else:
        syntax, coded = {
            "rle": (ts.RLE_LOSSLESS, rle_frame(frame)),
            "jpeg": (ts.JPEG_LOSSLESS_SV1, imagecodecs.ljpeg_encode(frame)),
            "j2k": (ts.JPEG_2000_LOSSLESS, imagecodecs.jpeg2k_encode(frame, codecformat="j2k")),
        }[kind]
        compressed(path, ds, syntax, [coded])
    header = read_header(path)
    raw = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        raw[data.draw(st.integers(header.dataset_offset, len(raw) - 1))] = data.draw(
            st.integers(0, 255)
        )
    path.write_bytes(raw)
    output = tmp_path / "o"
    output.unlink(missing_ok=True)
    target = data.draw(st.sampled_from([ts.EXPLICIT_LE, *sorted(ENCODABLE)]))

    try:
        prepare_instance(path, output, header, target=target)
    except CannotPrepare:
        assert not output.exists()
    else:
        pydicom.dcmread(output)


_MEASURED = """
import resource, sys
from pathlib import Path
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import prepare_instance
small, large = Path(sys.argv[1]), Path(sys.argv[2])
headers = {path: read_header(path) for path in (small, large)}
def peak(path):
    prepare_instance(path, path.with_suffix(".out"), headers[path])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak(small)
print(peak(large) - before)
"""


@pytest.mark.parametrize("kind", ["implicit", "big", "deflated", "rle"])
def test_memory_does_not_grow_with_the_object(kind: str, tmp_path: Path) -> None:
    """200 MB of pixels cost no more than a few chunks; a second copy would show."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    paths = []
    for name, frames in (("small", 1), ("large", 200)):
        ds = instance(rows=512, columns=1024, bits=16)
        ds.NumberOfFrames = frames
        path = tmp_path / name
        if kind == "rle":
            frame = rle_frame(np.zeros((512, 1024), "<u2"))
            compressed(path, ds, ts.RLE_LOSSLESS, [frame[:64] + frame[64:]] * frames)
        else:
            _write_native(path, ds, kind, frames << 20)
        paths.append(path)

    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, paths)],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert int(run.stdout) < 32 * 1024  # KiB
    for path in tmp_path.iterdir():
        path.unlink()


def _write_native(path: Path, ds: Dataset, kind: str, size: int) -> None:
    """Write a data set whose pixels are a hole in the file, or a long run of zeros deflated."""
    syntax = {"implicit": ts.IMPLICIT_LE, "big": ts.EXPLICIT_BE, "deflated": ts.DEFLATED_LE}[kind]
    ds.file_meta = FileMetaDataset()
    write(path, ds, ts.IMPLICIT_LE if kind == "implicit" else ts.EXPLICIT_BE)
    if kind != "deflated":
        head = {
            "implicit": struct.pack("<HHI", 0x7FE0, 0x10, size),
            "big": struct.pack(">HH2sHI", 0x7FE0, 0x10, b"OW", 0, size),
        }[kind]
        with path.open("r+b") as file:
            file.seek(0, io.SEEK_END)
            file.write(head)
            file.truncate(file.tell() + size)
        return
    write(path, ds, ts.EXPLICIT_LE)
    plain = path.read_bytes()[read_header(path).dataset_offset :]
    write(path, Dataset(), syntax, MediaStorageSOPClassUID=CT, MediaStorageSOPInstanceUID=UID_1)
    offset = read_header(path).dataset_offset
    deflater = zlib.compressobj(wbits=-15)
    with path.open("r+b") as file:
        file.seek(offset)
        file.truncate()
        file.write(deflater.compress(plain))
        file.write(deflater.compress(struct.pack("<HH2sHI", 0x7FE0, 0x10, b"OW", 0, size)))
        for _ in range(size >> 20):
            file.write(deflater.compress(bytes(1 << 20)))
        file.write(deflater.flush())
