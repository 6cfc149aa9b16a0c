"""Compressed copies as DCMTK, GDCM, pydicom and dicom3tools read them, over the corpus."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import get_decoder

from mediastation.dicom.encodable import ENCODABLE, obstacle, photometric_after
from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.model import transfer_syntax as ts
from mediastation.model.instance import InstanceHeader
from tests.support.built import instance, write
from tests.support.corpus import corpus_file, corpus_files, corpus_id
from tests.support.peers import run_peer

JPEG, JPEG_2000, RLE = ts.JPEG_LOSSLESS_SV1, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS

PEERS = {
    # Without +cn dcmdjpeg makes RGB of YBR_FULL.
    JPEG: (("dcmdjpeg", "+te", "+cn"), ("gdcmconv", "--raw")),
    JPEG_2000: (("gdcmconv", "--raw"),),
    RLE: (("dcmdrle", "+te"), ("gdcmconv", "--raw")),
}
NO_MEASURE = {
    # peer and file: why what the peer says is no measure
    (
        "gdcmconv",
        "other/UnknownSopClassUid.dcm",
    ): "GDCM reads no pixels of a class it does not know",
    ("gdcmconv", "seg/seg_image_sm_control_labelmap_palette_color.dcm"): "nor of this one",
    ("gdcmconv", "sc/SC_rgb_rle_16bit_2frame.dcm"): "GDCM does not write colours of 16 bits",
}
REFUSED = {
    # file: rule and why that is right
    "broken/GH1146.dcm": ("truncated", "Pixel Data is empty"),
}
UNREADABLE = {"broken/UN_sequence.dcm": "pydicom takes the rest of the data set for the sequence"}

MAX_NATIVE_BYTES = 3_000_000
"""Larger images have the same codecs as smaller ones, and take longer."""

_SHAPE = (
    0x00280002,
    0x00280004,
    0x00280006,
    0x00280100,
    0x00280101,
    0x00280103,
)


def _kind(header: InstanceHeader) -> tuple[object, ...]:
    """What tells one image's encoding from another's: syntax, shape, colour, frames, odd width."""

    def value(tag: int) -> bytes:
        element = header.elements.get(tag)
        return element.value.strip() if element else b""

    columns = value(0x00280011)
    several = value(0x00280008) not in (b"", b"1")
    return (
        header.transfer_syntax_uid,
        *map(value, _SHAPE),
        several,
        columns[:1] and columns[0] % 2,
    )


def _native_bytes(header: InstanceHeader) -> int:
    """Bytes of the pixels once they are native."""
    size = 1
    for tag in (0x00280010, 0x00280011, 0x00280002, 0x00280100):
        size *= (
            int.from_bytes(header.elements[tag].value, "little") if tag in header.elements else 1
        )
    frames = header.elements.get(0x00280008)
    return size // 8 * int(frames.value.strip(b" \0") or b"1") if frames else size // 8


def _cases() -> list[tuple[str, Path]]:
    """The smallest image of each kind, in each Transfer Syntax that holds it."""
    smallest: dict[tuple[object, ...], tuple[int, Path]] = {}
    for path in corpus_files():
        try:
            header = read_header(path)
        except NotDicom:
            continue
        if corpus_id(path) in UNREADABLE or all(obstacle(header, item) for item in ENCODABLE):
            continue
        kind, size = _kind(header), _native_bytes(header)
        if size < min(smallest.get(kind, (MAX_NATIVE_BYTES, path))[0], MAX_NATIVE_BYTES):
            smallest[kind] = (size, path)
    return [
        (target, path)
        for _, path in smallest.values()
        for target in sorted(ENCODABLE - {read_header(path).transfer_syntax_uid})
        if not obstacle(read_header(path), target)
    ]


def _samples(ds: pydicom.Dataset) -> np.ndarray:
    """Return the native samples, colour by pixel, without padding."""
    frames, samples = int(ds.get("NumberOfFrames") or 1), ds.SamplesPerPixel
    cells = np.frombuffer(ds.PixelData, f"<u{ds.BitsAllocated // 8}")
    cells = cells[: frames * ds.Rows * ds.Columns * samples]
    if samples == 3 and ds.get("PlanarConfiguration") == 1:
        cells = cells.reshape(frames, 3, -1).transpose(0, 2, 1).ravel()
    return cells


def _named(header: InstanceHeader) -> InstanceHeader:
    """Give an instance without valid UIDs some, so that its pixels are looked at all the same."""
    return replace(header, sop_class_uid="1.2.3", sop_instance_uid="1.2.3.4")


@pytest.mark.parametrize(
    ("target", "source"), _cases(), ids=lambda item: item if isinstance(item, str) else item.name
)
def test_peers_decode_what_the_native_copy_holds(target: str, source: Path, tmp_path: Path) -> None:
    header = read_header(source)
    native, coded, theirs = (tmp_path / name for name in ("native", "coded", "theirs"))
    try:
        prepare_instance(source, native, header)
    except CannotPrepare as fault:
        if fault.finding.rule != "uid":
            return  # which refusals are right is the matter of others
        header = _named(header)
        prepare_instance(source, native, header)
    if corpus_id(source) in REFUSED:
        with pytest.raises(CannotPrepare) as refusal:
            prepare_instance(source, coded, header, target=target)
        assert refusal.value.finding.rule == REFUSED[corpus_id(source)][0]
        return

    done = prepare_instance(source, coded, header, target=target)

    ds, expected = pydicom.dcmread(coded), pydicom.dcmread(native)
    assert done.size_bytes == coded.stat().st_size
    assert ds.file_meta.TransferSyntaxUID == target
    assert ds.PhotometricInterpretation == photometric_after(header, target)
    assert expected.PhotometricInterpretation == photometric_after(header, ts.EXPLICIT_LE)
    samples = _samples(expected)
    # GDCM and pydicom clear the bits above Bits Stored, whatever they hold.
    used = np.array((1 << ds.BitsStored) - 1, samples.dtype)
    for tool, *options in PEERS[target]:
        if (tool, corpus_id(source)) in NO_MEASURE:
            continue
        theirs.unlink(missing_ok=True)
        run_peer(tool, *options, coded, theirs)
        found = _samples(pydicom.dcmread(theirs))
        assert found.dtype == samples.dtype
        mask = used if tool == "gdcmconv" else ~np.zeros((), samples.dtype)
        assert np.array_equal(found & mask, samples & mask), tool
    if target == RLE:
        found, _ = get_decoder(RLE).as_array(ds, raw=True, decoding_plugin="pydicom")
        assert np.array_equal(found.ravel().view(samples.dtype) & used, samples & used)


def test_there_is_something_to_compare() -> None:
    corpus_file("README.md")
    targets = [target for target, _ in _cases()]
    assert all(targets.count(target) > 50 for target in ENCODABLE)


@pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
@pytest.mark.parametrize("planar", [0, 1])
def test_colours_of_either_planar_configuration_reach_the_peers(
    photometric: str, planar: int, tmp_path: Path
) -> None:
    ds = instance(rows=34, columns=52, samples=3)
    ds.StudyInstanceUID, ds.SeriesInstanceUID, ds.Modality = "1.2.3", "1.2.3.4", "US"
    ds.PhotometricInterpretation, ds.PlanarConfiguration = photometric, planar
    pixels = np.random.default_rng(1).integers(0, 256, (34, 52, 3)).astype("u1")
    ds.PixelData = (pixels.transpose(2, 0, 1) if planar else pixels).tobytes()
    ds["PixelData"].VR = "OB"
    source = write(tmp_path / "a", ds, ts.EXPLICIT_LE)
    for target, tools in PEERS.items():
        coded = tmp_path / target
        prepare_instance(source, coded, read_header(source), target=target)
        for tool, *options in tools:
            theirs = tmp_path / f"{target}.{tool}"
            run_peer(tool, *options, coded, theirs)
            assert np.array_equal(_samples(pydicom.dcmread(theirs)), pixels.ravel()), tool


IOD_ALLOWED = {
    # text in dciodvfy's line: why the copy may show it where the source does not
    "Media Storage SOP Instance UID": "the file meta's has to be the data set's",
}


def _complaints(path: Path) -> set[str]:
    said = run_peer("dciodvfy", path, check=False)
    return {
        re.sub(r"\d+(\.\d+){4,}|0x[0-9a-f]+|\s+", " ", line)
        for line in (said.stdout + said.stderr).splitlines()
        if line.startswith("Error")
    }


@pytest.mark.parametrize("target", sorted(ENCODABLE))
@pytest.mark.parametrize(
    "name",
    [
        "transfer_syntaxes/CTImage.dcm",
        "mr/MR_small_implicit.dcm",
        "us/US-RGB-8-esopecho",
        "us/YBR_FULL-RLE.dcm",
        "us/examples_palette.dcm",
        "sc/SC_rgb_small_odd_big_endian.dcm",
        "enhanced/emri_small_RLE.dcm",
        "nm_pt/NM-MONO2-16-13x-heart",
        "series/pt_acrin_flt_2slices/1.dcm",
        "sm/sm_image_jpegls.dcm",
    ],
)
def test_dciodvfy_finds_no_error_that_the_native_copy_does_not_have(
    name: str, target: str, tmp_path: Path
) -> None:
    source = corpus_file(name)
    header = read_header(source)
    native, coded = tmp_path / "native", tmp_path / "coded"
    prepare_instance(source, native, header)
    prepare_instance(source, coded, header, target=target)

    fresh = _complaints(coded) - _complaints(native)

    assert {line for line in fresh if not any(text in line for text in IOD_ALLOWED)} == set()
