"""Transcoding against DCMTK and GDCM, side by side in one run, on the same files.

Run ``python -m benchmarks.transcode [FRAMES]`` from the project's folder. One
object of many frames, for which a peer's start does not count, and single
images, for which each peer starts once a file as its users start it; ours runs
within the process, as in a worker of the station, and proves every copy.
Sources come from the page cache on both sides; only our results are durable.
Ours takes all processors for an object of many frames: the ratios hold on an
idle machine, the processor times on any.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
from pydicom.uid import ExplicitVRLittleEndian, MultiFrameGrayscaleWordSecondaryCaptureImageStorage

from benchmarks.header_scan import ct_image
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import prepare_instance
from mediastation.model import transfer_syntax as ts

ROUNDS = 3
SINGLE_IMAGES = 20

# Transfer Syntax, the peers' words for encoding it, and for decoding.
CODECS: list[tuple[str, list[list[str]], list[list[str]]]] = [
    (
        ts.JPEG_LOSSLESS_SV1,
        [["dcmcjpeg", "+e1"], ["gdcmconv", "--jpeg"]],
        [["dcmdjpeg", "+te"], ["gdcmconv", "--raw"]],
    ),
    (ts.JPEG_2000_LOSSLESS, [["gdcmconv", "--j2k"]], [["gdcmconv", "--raw"]]),
    (
        ts.RLE_LOSSLESS,
        [["dcmcrle"], ["gdcmconv", "--rle"]],
        [["dcmdrle", "+te"], ["gdcmconv", "--raw"]],
    ),
]


def slices(count: int) -> np.ndarray:
    """Return 512 by 512 signed samples like those of CT: air, tissue, bone, and noise on them."""
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[-1:1:512j, -1:1:512j]
    frames = np.empty((count, 512, 512), "<i2")
    for number in range(count):
        shift = 0.1 * np.sin(number / 9)
        body = (columns / 0.8) ** 2 + ((rows - shift) / 0.6) ** 2 < 1
        lung = ((np.abs(columns) - 0.35) / 0.22) ** 2 + ((rows - shift) / 0.4) ** 2 < 1
        bone = (columns / 0.08) ** 2 + ((rows - 0.45) / 0.08) ** 2 < 1
        values = np.where(body, 40 + 30 * np.sin(9 * columns + shift) * np.cos(7 * rows), -1000)
        values = np.where(lung, -850, np.where(bone, 700, values))
        frames[number] = values + rng.normal(0, 12, values.shape) * body
    frames[:, np.hypot(*np.mgrid[-1:1:512j, -1:1:512j]) > 1] = -2000
    return frames


def write(path: Path, frames: np.ndarray, number: int) -> Path:
    """Write one object of all `frames` in Explicit VR Little Endian."""
    ds = ct_image(number)
    if len(frames) > 1:
        ds.SOPClassUID = MultiFrameGrayscaleWordSecondaryCaptureImageStorage
        ds.NumberOfFrames = len(frames)
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 15, 1
    ds.PixelData = frames.tobytes()
    ds.file_meta = pydicom.dataset.FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.save_as(path, enforce_file_format=True)
    return path


def ours(target: str) -> Callable[[Path, Path], None]:
    """Return what prepares one file in `target`."""

    def run(source: Path, output: Path) -> None:
        prepare_instance(source, output, read_header(source), target=target)

    return run


def peer(words: list[str]) -> Callable[[Path, Path], None]:
    """Return what starts a peer on one file."""

    def run(source: Path, output: Path) -> None:
        subprocess.run(
            [*words, str(source), str(output)],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    return run


def processor_s() -> float:
    """Return the processor time of this process and of the peers it has waited for."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def best_of(
    runs: list[Callable[[Path, Path], None]], paths: list[Path]
) -> list[tuple[float, float]]:
    """Return elapsed and processor seconds for all of `paths`, each the best of the rounds.

    The runs take turns within a round.
    """
    best = [(float("inf"), float("inf"))] * len(runs)
    output = paths[0].with_name("output")
    for _ in range(ROUNDS):
        for index, run in enumerate(runs):
            elapsed = busy = 0.0
            for path in paths:
                begin, begin_busy = time.perf_counter(), processor_s()
                run(path, output)
                elapsed += time.perf_counter() - begin
                busy += processor_s() - begin_busy
                output.unlink()
            best[index] = (min(best[index][0], elapsed), min(best[index][1], busy))
    return best


def compare(what: str, target: str, peers: list[list[str]], paths: list[Path]) -> None:
    """Print our seconds, the peers' and the ratios for one direction of one codec."""
    there = [words for words in peers if shutil.which(words[0])]
    (own, busy), *others = best_of([ours(target), *map(peer, there)], paths)
    text = [f"ours {own:.3f} s (processor {busy:.2f} s)"]
    for words, (elapsed, theirs) in zip(there, others, strict=True):
        ratio = elapsed / own
        text.append(f"{words[0]} {elapsed:.3f} s (processor {theirs:.2f} s), ratio {ratio:.2f}")
    text += [f"{words[0]} is not installed" for words in peers if words not in there]
    print(f"{what}: {'; '.join(text)}", flush=True)


def main(frames: int = 100) -> None:
    """Print seconds and ratios for every codec, both ways; above 1 ours is faster."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        samples = slices(frames)
        sets = {
            f"one object of {frames} frames": [write(folder / "many", samples, 1)],
            f"{SINGLE_IMAGES} images, peers start once each": [
                write(folder / f"image{n}", samples[n % frames][None], n)
                for n in range(SINGLE_IMAGES)
            ],
        }
        for size, paths in sets.items():
            print(size)
            for target, encoders, decoders in CODECS:
                codec = ts.transfer_syntax_name(target)
                compare(f"  to {codec}", target, encoders, paths)
                coded = []
                for path in paths:
                    coded.append(path.with_name(f"{path.name}.{target}"))
                    ours(target)(path, coded[-1])
                compare(f"  from {codec}", ts.EXPLICIT_LE, decoders, coded)
                for path in coded:
                    path.unlink()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
