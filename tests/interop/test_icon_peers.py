"""Shades and icons held against pydicom's pipeline and DCMTK's, over real files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import apply_color_lut, apply_modality_lut, apply_voi_lut, pixel_array

from mediastation.dicom.header import read_header
from mediastation.dicom.icon import render_icon
from mediastation.dicom.render import render_luminance
from mediastation.dicom.shading import shading_of
from mediastation.dicom.single_frame import read_single_frame
from tests.support.corpus import corpus_file
from tests.support.peers import run_peer

WINDOWED = [
    "series/ct_ge_hispeed_28slices/10.dcm",
    "series/mr_ge_signa_16slices/MR05.dcm",
    "series/pt_acrin_flt_2slices/1.dcm",
    "media/nema_wg04_rle_disc/IMAGES/RLE/CT1_RLE",
    "media/philips_ct_disc/DICOM/S21610/S3010/I100",
    "broken/explicit_VR-UN.dcm",
    "cr_dx_mg/gdcm-CR-MONO1-10-chest.dcm",
    "cr_dx_mg/dx_image.dcm",
    "cr_dx_mg/GH133.dcm",
    "cr_dx_mg/RG3_J2KR.dcm",
    "rt/RTImageStorage.dcm",
]
"""Window, rescale, MONOCHROME1, every encoding; DCMTK and pydicom read them alike."""

PLAIN = [
    "media/nema_wg04_rle_disc/IMAGES/RLE/XA1_RLE",
    "nm_pt/NM-MONO2-16-13x-heart",
    "rt/rtdose.dcm",
    "seg/liver.dcm",
    "us/US-PAL-8-10x-echo",
    "us/examples_palette.dcm",
    "us/US-RGB-8-epicard",
    "us/US-YBR_FULL_422-EVRLE.dcm",
    "us/YBR_FULL-RLE.dcm",
    "us/gdcm-US-ALOKA-16_big.dcm",
    "sc/SC_ybr_full_422_uncompressed.dcm",
]

ENHANCED = [
    "enhanced/MOVEKNEE.dcm",
    "enhanced/eCT_Supplemental.dcm",
    "series/enh_mr_siemens_original/011-0001.img",
    "series/enh_mr_siemens_after_pacs/011-0002.img",
]


def ours(path: Path) -> tuple[np.ndarray, int]:
    """The frame as shades in its own size, and which frame it is."""
    frame = read_single_frame(path)
    floats = frame.samples.dtype.kind == "f"
    shading = shading_of(
        frame.elements, frame.groups, frame.photometric, frame.bits_allocated, floats=floats
    )
    return render_luminance(frame.samples, shading).astype(float), frame.number


def by_pydicom(path: Path, number: int) -> np.ndarray:
    """The same by pydicom, which knows everything but functional groups."""
    ds = pydicom.dcmread(path, force=True)
    raw = pixel_array(ds, index=number)
    if ds.PhotometricInterpretation == "PALETTE COLOR":
        rgb = apply_color_lut(raw, ds).astype(float)
        return rgb @ [0.299, 0.587, 0.114] * (255 / (65535 if rgb.max() > 255 else 255))
    if ds.SamplesPerPixel == 3:
        return raw.astype(float) @ [0.299, 0.587, 0.114]
    values = apply_modality_lut(raw, ds)
    if ds.get("WindowWidth"):
        seen = apply_voi_lut(values, ds, prefer_lut=False).astype(float)
        # pydicom spreads the window over all values that can be stored.
        signed, bits = ds.PixelRepresentation, ds.BitsStored
        low, high = (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) if signed else (0, 2**bits - 1)
        slope, intercept = ds.get("RescaleSlope", 1), ds.get("RescaleIntercept", 0)
        low, high = low * slope + intercept, high * slope + intercept
    else:
        seen = values.astype(float)
        picture = seen[raw != ds.get("PixelPaddingValue", -99999)]
        low, high = picture.min(), picture.max()
    shades = np.clip((seen - low) / (high - low), 0, 1) * 255
    return 255 - shades if ds.PhotometricInterpretation == "MONOCHROME1" else shades


def by_functional_groups(path: Path, number: int) -> np.ndarray:
    """The same, formulas written out, for objects that keep them in functional groups."""
    ds = pydicom.dcmread(path)
    own, shared = ds.PerFrameFunctionalGroupsSequence[number], ds.SharedFunctionalGroupsSequence[0]

    def macro(keyword: str) -> pydicom.Dataset:
        found = own.get(keyword) or shared.get(keyword)
        return found[0] if found else ds

    value, window = macro("PixelValueTransformationSequence"), macro("FrameVOILUTSequence")
    slope, intercept = value.get("RescaleSlope", 1), value.get("RescaleIntercept", 0)
    seen = pixel_array(ds, index=number).astype(float) * float(slope) + float(intercept)
    center, width = (np.atleast_1d(window[key].value)[0] for key in ("WindowCenter", "WindowWidth"))
    return np.clip((seen - (center - 0.5)) / (width - 1) + 0.5, 0, 1) * 255


def area_means(shades: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """Means over areas, by weights written out in full."""

    def weights(count: int, length: int) -> np.ndarray:
        edges = np.linspace(0, length, count + 1)
        low, high = edges[:-1, None], edges[1:, None]
        cells = np.arange(length)
        covered = np.minimum(high, cells + 1) - np.maximum(low, cells)
        return np.clip(covered, 0, None) / (length / count)

    return weights(rows, shades.shape[0]) @ shades @ weights(columns, shades.shape[1]).T


def decodable(path: Path, number: int) -> np.ndarray:
    try:
        return by_pydicom(path, number)
    except RuntimeError:
        pytest.skip("pydicom has no decoder for it here")


@pytest.mark.parametrize("name", [*WINDOWED, *PLAIN])
def test_shades_are_pydicom_s_within_one(name: str) -> None:
    path = corpus_file(name)
    shades, number = ours(path)

    difference = np.abs(shades - decodable(path, number))
    # Of subsampled YBR the luminance is shown as stored; RGB made of it is clipped here and there.
    assert np.quantile(difference, 0.999) <= 2
    assert difference.mean() < 0.6
    if "YBR" not in str(pydicom.dcmread(path, force=True).PhotometricInterpretation):
        assert difference.max() <= 1.01


@pytest.mark.parametrize("name", ENHANCED)
def test_functional_groups_are_looked_into(name: str) -> None:
    path = corpus_file(name)
    shades, number = ours(path)

    assert np.abs(shades - by_functional_groups(path, number)).max() <= 1.01


@pytest.mark.parametrize("name", [*WINDOWED, *PLAIN])
def test_an_icon_is_the_area_mean_of_what_pydicom_shows(name: str) -> None:
    path = corpus_file(name)
    shades = decodable(path, ours(path)[1])
    found = render_icon(path, read_header(path), rows=64, columns=64)
    icon = np.frombuffer(found.pixels, "u1").reshape(64, 64).astype(float)
    ds = pydicom.dcmread(path, force=True)
    spacing = next(
        (list(map(float, ds[key].value)) for key in
         ("PixelSpacing", "ImagerPixelSpacing", "PixelAspectRatio") if ds.get(key)), [1, 1]
    )  # fmt: skip
    high, wide = shades.shape[0] * spacing[0], shades.shape[1] * spacing[1]
    rows, columns = (max(1, round(64 * side / max(high, wide))) for side in (high, wide))
    top, left = (64 - rows) // 2, (64 - columns) // 2

    picture = icon[top : top + rows, left : left + columns]
    assert np.abs(picture - area_means(shades, rows, columns)).max() <= 2
    assert icon.sum() == picture.sum()


DCMTK_READS = [
    *WINDOWED[:3],
    "media/philips_ct_disc/DICOM/S21610/S3010/I100",
    "cr_dx_mg/gdcm-CR-MONO1-10-chest.dcm",
    "cr_dx_mg/dx_image.dcm",
    "cr_dx_mg/Monochrome1-Jpeg.dcm",
    "cr_dx_mg/CR-ModalitySequenceLUT.dcm",
    "rt/RTImageStorage.dcm",
    "series/one_patient_two_studies/TEST_1_study_1234.dcm",
    "us/examples_ybr_color.dcm",
    "sc/SC_rgb_jpeg_app14_dcmd.dcm",
]


@pytest.mark.parametrize("name", DCMTK_READS)
def test_shades_are_close_to_dcmtk_s(name: str, tmp_path: Path) -> None:
    path = corpus_file(name)
    shades, number = ours(path)
    image = tmp_path / "a.pgm"
    ds = pydicom.dcmread(path, stop_before_pixels=True)
    options = ["+Wi", "1"] if ds.get("WindowWidth") else ["+Wm"]
    if ds.SamplesPerPixel > 1:
        options = []
    run_peer("dcmj2pnm", "+F", str(number + 1), *options, "+op", path, image)
    header, pixels = image.read_bytes().split(b"\n255\n", 1)
    kind, columns, rows = header.split()[:3] if b"#" not in header else _without_comments(header)
    theirs = np.frombuffer(pixels, "u1").reshape(int(rows), int(columns), -1).astype(float)
    luminance = theirs[..., 0] if kind == b"P5" else theirs @ [0.299, 0.587, 0.114]

    assert np.abs(shades - luminance).mean() < 1.5


def _without_comments(header: bytes) -> list[bytes]:
    lines = [line for line in header.splitlines() if not line.startswith(b"#")]
    return b" ".join(lines).split()[:3]
