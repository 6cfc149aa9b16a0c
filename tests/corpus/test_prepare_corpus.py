"""Every corpus file is prepared, or refused for a reason that stands here."""

from __future__ import annotations

from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from pydicom.encaps import generate_frames
from pydicom.pixels import pixel_array

from mediastation.dicom.header import NotDicom, read_header
from mediastation.dicom.prepare import CannotPrepare
from mediastation.model import transfer_syntax as ts
from mediastation.model.finding import Severity
from tests.support.corpus import corpus_file, corpus_files, corpus_id
from tests.support.prepared import prepared, raw_values

REFUSED = {
    # file: (rule, why that is right)
    "broken/3gb-bulk-data-truncated": ("truncated", "3 GB announced in 100 kB"),
    "broken/MR_truncated.dcm": ("truncated", "pixels cut off"),
    "broken/rtplan_truncated.dcm": ("truncated", "cut off inside a sequence"),
    "broken/emri_small_jpeg_2k_lossless_too_short.dcm": ("truncated", "cut off in the header"),
    "media/truncated_dicomdir/DICOMDIR": ("truncated", "cut off inside a record"),
    "broken/JPEG2000-embedded-sequence-delimiter.dcm": (
        "not-decodable",
        "the delimiter's bytes were put over capabilities and size: 3,722,445,056 columns",
    ),
    "broken/bad_sequence.dcm": ("uid", "the SOP Instance UID is a hash in hexadecimal"),
    "enhanced/jpeg2000-multiframe-multifragments.dcm": ("uid", "a UID of 67 characters"),
    "transfer_syntaxes/JLSL_RGB_ILV1.dcm": ("uid", "no SOP Instance UID"),
    "broken/empty_charset_LEI.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/meta_missing_tsyntax.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/nested_priv_SQ.dcm": ("uid", "a fragment of a data set without identity"),
    "broken/no_preamble_dicm_in_data": ("uid", "a fragment of a data set without identity"),
    "rt/rtdose_expb.dcm": (
        "word-order",
        "pydicom reads its 32-bit doses one way, DCMTK and GDCM another; a wrong dose harms",
    ),
    "sm/multiframe.dcm": (
        "pixels-contradict",
        "tiles at the rim have fewer columns than announced",
    ),
}

# Elements that may change with the codec or are not carried on, by tag.
FOLLOWS_CODEC = {
    "(0028,0004)",
    "(0028,0006)",
    "(0028,2110)",
    "(0028,2112)",
    "(0028,2114)",
    "(7FE0,0001)",
    "(7FE0,0002)",
    "(7FE0,0010)",
}


def _instances(*folders: str) -> list[Path]:
    found = []
    for path in corpus_files(*folders):
        try:
            read_header(path)
        except NotDicom:
            continue
        found.append(path)
    return found


def _encoded(*syntaxes: str) -> list[Path]:
    return [path for path in _instances() if read_header(path).transfer_syntax_uid in syntaxes]


@pytest.mark.parametrize("source", _instances(), ids=corpus_id)
def test_prepared_with_every_value_kept_or_refused_for_a_known_reason(
    source: Path, tmp_path: Path
) -> None:
    if corpus_id(source) in REFUSED:
        with pytest.raises(CannotPrepare) as refusal:
            prepared(source, tmp_path)
        assert refusal.value.finding.severity is Severity.ERROR
        assert refusal.value.finding.rule == REFUSED[corpus_id(source)][0]
        assert list(tmp_path.iterdir()) == []
        return
    output, done = prepared(source, tmp_path)
    copy = pydicom.dcmread(output)
    assert copy.file_meta.TransferSyntaxUID == ts.EXPLICIT_LE
    assert output.read_bytes()[:128] == bytes(128)
    assert all(finding.severity is not Severity.ERROR for finding in done.findings)
    header = read_header(output)
    assert header.file_meta_conformant
    assert header.complete

    original = pydicom.dcmread(source, force=True)
    if not original.file_meta.get("TransferSyntaxUID") or original.original_encoding[1] is False:
        return  # pydicom guesses, or keeps big endian bytes: compared as numbers below
    changed = {
        path[-11:]
        for path, theirs, ours in raw_values(original, copy)
        if theirs != ours and not (len(theirs) % 2 and theirs == ours[:-1])  # padded to even
    }
    compressed = read_header(source).transfer_syntax_uid not in (ts.IMPLICIT_LE, ts.EXPLICIT_LE)
    dropped = {path for path in changed if path.endswith(",0000)")}
    assert changed - dropped <= (FOLLOWS_CODEC if compressed else set())


@pytest.mark.parametrize("source", _encoded(ts.EXPLICIT_BE), ids=corpus_id)
def test_big_endian_values_are_the_same_numbers(source: Path, tmp_path: Path) -> None:
    if corpus_id(source) in REFUSED:
        pytest.skip("refused")
    output, _ = prepared(source, tmp_path)
    original, copy = pydicom.dcmread(source, force=True), pydicom.dcmread(output)
    del original[0x7FE00010:], copy[0x7FE00010:]
    for tag in list(original.keys()):
        if tag.element == 0:
            del original[tag]
    for tag in list(copy.keys()):
        if copy.get_item(tag).VR in ("OW", "UN"):  # bytes, compared with a twin's below
            del original[tag], copy[tag]

    assert original == copy


def test_big_endian_ct_has_the_bytes_of_its_little_endian_twin(tmp_path: Path) -> None:
    """Private values under VR UN too: UN has no byte order and is not turned round (PS3.5 6.2)."""
    group = "transfer_syntaxes/CTImage.dcm_"
    name = f"{group}BigEndianExplicitTransferSyntax_1.2.840.10008.1.2.2.dcm"
    output, _ = prepared(corpus_file(name), tmp_path)
    twin = corpus_file(f"{group}LittleEndianExplicitTransferSyntax_1.2.840.10008.1.2.1.dcm")

    pairs = raw_values(pydicom.dcmread(twin), pydicom.dcmread(output))

    assert {
        path for path, theirs, ours in pairs if theirs != ours and ",0000)" not in path
    } == set()


@pytest.mark.parametrize("source", corpus_files("charsets"), ids=corpus_id)
def test_text_keeps_its_bytes_in_every_character_set(source: Path, tmp_path: Path) -> None:
    output, _ = prepared(source, tmp_path)
    original, copy = pydicom.dcmread(source, force=True), pydicom.dcmread(output)
    names = [path for path, theirs, ours in raw_values(original, copy) if theirs != ours]

    assert set(names) <= {"(7FE0,0010)"}


_BY_PYDICOM = [
    # what pydicom's plugins for JPEG-LS and RLE, and pydicom itself, can show
    "sm/sm_image_jpegls.dcm",
    "us/YBR_FULL-RLE.dcm",
    "us/OBXXXX1A_rle_2frame.dcm",
    "mr/MR_small_bigendian.dcm",
    "us/gdcm-US-ALOKA-16_big.dcm",
    "us/US-RGB-8-epicard",
    "sc/SC_rgb_small_odd_big_endian.dcm",
    "seg/seg_image_ct_binary_overlap.dcm",
]


@pytest.mark.parametrize("name", _BY_PYDICOM)
def test_pydicom_shows_the_same_image_before_and_after(name: str, tmp_path: Path) -> None:
    source = corpus_file(name)
    output, _ = prepared(source, tmp_path)

    before, after = pixel_array(source), pixel_array(output)

    assert before.dtype == after.dtype.newbyteorder(before.dtype.byteorder)
    assert before.shape == after.shape
    assert np.array_equal(before, after)


def test_htj2k_becomes_what_openjph_decodes(tmp_path: Path) -> None:
    source = corpus_file("transfer_syntaxes/HTJ2KLossless_08_RGB.dcm")
    output, _ = prepared(source, tmp_path)

    (frame,) = generate_frames(pydicom.dcmread(source).PixelData, number_of_frames=1)

    assert pydicom.dcmread(output).PixelData == imagecodecs.htj2k_decode(frame).tobytes()


def test_signed_samples_in_an_unsigned_codestream_keep_pydicom_s_reading(tmp_path: Path) -> None:
    """13 bits without sign in the codestream, Pixel Representation 1: air is about -2000."""
    output, _ = prepared(corpus_file("broken/J2K_pixelrep_mismatch.dcm"), tmp_path)

    ds = pydicom.dcmread(output)

    assert np.frombuffer(ds.PixelData, "<i2").min() == -2000


def test_pixels_that_are_lossy_in_a_lossless_syntax_are_said_to_be(tmp_path: Path) -> None:
    """Transfer Syntax JPEG Lossless, Lossy Image Compression 00, and a baseline DCT inside."""
    output, done = prepared(corpus_file("op/sample-op.dcm"), tmp_path)

    assert pydicom.dcmread(output).LossyImageCompression == "01"
    assert [item.rule for item in done.findings if item.severity is Severity.WARNING] == [
        "pixels-contradict"
    ]


def test_recompressed_jpeg_becomes_what_its_jpeg_shows(tmp_path: Path) -> None:
    """JPEG XL with a JPEG inside, 27 frames, YBR_FULL_422 as encoded."""
    output, _ = prepared(corpus_file("us/will-jxl.dcm"), tmp_path)

    ds = pydicom.dcmread(output)

    assert ds.PhotometricInterpretation == "RGB"
    assert len(ds.PixelData) == 27 * 708 * 1016 * 3
    assert ds.LossyImageCompression == "01"
