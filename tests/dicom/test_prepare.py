"""Prepared copies of instances that are built here, one fault at a time."""

from __future__ import annotations

import io
import resource
import struct
import subprocess
import sys
import zlib
from dataclasses import replace
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence
from pydicom.uid import UID

from mediastation import IMPLEMENTATION_CLASS_UID
from mediastation.dicom import prepare as prepare_module
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, Prepared, prepare_instance
from mediastation.errors import CancelledError, MediaError
from mediastation.model import transfer_syntax as ts
from mediastation.model.finding import Severity
from tests.support.prepared import raw_values

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


class TestFileMeta:
    def test_only_the_head_is_new_where_the_data_set_may_stay(self, tmp_path: Path) -> None:
        source = write(
            tmp_path / "a",
            instance(),
            ts.EXPLICIT_LE,
            preamble=b"MZ" * 64,
            SourceApplicationEntityTitle="SCANNER",
            SendingApplicationEntityTitle="A\\B",
            PrivateInformationCreatorUID="1.2.3",
        )
        header = read_header(source)

        copy, done = prepare(source)

        raw, output = source.read_bytes(), tmp_path / "a.out"
        assert output.read_bytes().endswith(raw[header.dataset_offset :])
        assert output.read_bytes()[:132] == bytes(128) + b"DICM"
        assert copy.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert copy.file_meta.SourceApplicationEntityTitle == "SCANNER"
        assert "SendingApplicationEntityTitle" not in copy.file_meta
        assert "PrivateInformationCreatorUID" not in copy.file_meta
        assert {item.rule for item in done.findings} == {"preamble", "file-meta"}
        assert read_header(output).file_meta_conformant

    def test_a_tiff_preamble_stays_only_where_nothing_moves(self, tmp_path: Path) -> None:
        tiff = b"II*\0" + b"\1" * 124
        first = write(tmp_path / "a", instance(), ts.EXPLICIT_LE, preamble=tiff)
        prepare(first, keep_tiff_preamble=True)
        moved = (tmp_path / "a.out").read_bytes()
        assert moved[:128] == bytes(128)

        (tmp_path / "b").write_bytes(tiff + moved[128:])
        prepare(tmp_path / "b", keep_tiff_preamble=True)
        assert (tmp_path / "b.out").read_bytes()[:128] == tiff
        (tmp_path / "b.out").unlink()
        prepare(tmp_path / "b")
        assert (tmp_path / "b.out").read_bytes()[:128] == bytes(128)

    def test_size_and_digest_are_those_of_the_file(self, tmp_path: Path) -> None:
        import hashlib  # noqa: PLC0415

        _, done = prepare(write(tmp_path / "a", instance(), ts.IMPLICIT_LE))

        written = (tmp_path / "a.out").read_bytes()
        assert (done.size_bytes, done.sha256) == (len(written), hashlib.sha256(written).hexdigest())

    def test_without_identity_there_is_no_copy(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        header = replace(read_header(source), sop_class_uid="")
        with pytest.raises(CannotPrepare) as caught:
            prepare_instance(source, tmp_path / "o", header)
        assert caught.value.finding.rule == "uid"


class TestFailure:
    def test_an_existing_file_is_neither_overwritten_nor_removed(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        (tmp_path / "o").write_text("precious")
        with pytest.raises(MediaError):
            prepare_instance(source, tmp_path / "o", read_header(source))
        assert (tmp_path / "o").read_text() == "precious"

    def test_cancelling_leaves_nothing(self, tmp_path: Path) -> None:
        def stop(done: int, total: int) -> None:
            raise CancelledError("stopped")

        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        with pytest.raises(CancelledError):
            prepare_instance(source, tmp_path / "o", read_header(source), progress=stop)
        assert not (tmp_path / "o").exists()

    def test_progress_ends_at_its_total(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        prepare(
            write(tmp_path / "a", instance(), ts.IMPLICIT_LE),
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen[-1][0] == seen[-1][1] > 0
        assert seen == sorted(seen)

    @pytest.mark.parametrize("syntax", [ts.IMPLICIT_LE, ts.EXPLICIT_BE])
    def test_a_byte_that_changes_after_writing_is_found(
        self, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The proof rereads the file, so a slip of writer or disk does not pass."""
        ds = instance()
        ds.PixelData = pattern(ds).tobytes()
        source = write(tmp_path / "a", ds, syntax)
        honest = prepare_module.iter_explicit

        def slipping(*arguments: object) -> object:
            data = b"".join(honest(*arguments))  # type: ignore[arg-type]
            return iter([data[:-1] + bytes([data[-1] ^ 1])])

        monkeypatch.setattr(prepare_module, "iter_explicit", slipping)
        assert refused(source) == "pixels-differ"

    def test_pixels_that_decode_otherwise_a_second_time_are_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        ds = instance()
        source = compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(pattern(ds))])
        honest = imagecodecs.dicomrle_decode
        monkeypatch.setattr(
            imagecodecs, "dicomrle_decode", lambda *a, **k: honest(*a, **k)[:-1] + b"\xfe"
        )
        assert refused(source) == "pixels-differ"

    @pytest.mark.parametrize("cut", [1, 7, 30, 200])
    def test_what_is_cut_off_is_refused(self, cut: int, tmp_path: Path) -> None:
        ds = instance(rows=20, columns=20)
        ds.PixelData = pattern(ds).tobytes()
        source = write(tmp_path / "a", ds, ts.IMPLICIT_LE)
        source.write_bytes(source.read_bytes()[:-cut])
        assert refused(source) == "truncated"

    def test_pixels_shorter_than_their_attributes_are_refused(self, tmp_path: Path) -> None:
        ds = instance(rows=20, columns=20)
        ds.PixelData = bytes(398)
        assert refused(write(tmp_path / "a", ds, ts.IMPLICIT_LE)) == "truncated"

    def test_rows_without_pixels_are_no_reason(self, tmp_path: Path) -> None:
        copy, _ = prepare(write(tmp_path / "a", instance(), ts.EXPLICIT_BE))
        assert copy.Rows == 4

    def test_video_is_sent_to_a_profile_that_carries_it(self, tmp_path: Path) -> None:
        ds = instance(samples=3)
        source = compressed(tmp_path / "a", ds, "1.2.840.10008.1.2.4.102", [b"\0\0\1\xb3"])
        with pytest.raises(CannotPrepare) as caught:
            prepare_instance(source, tmp_path / "o", read_header(source))
        assert caught.value.finding.rule == "video"
        assert "STD-GEN-BD-MPEG4-HPLV41" in caught.value.finding.hint

    def test_signed_objects_are_prepared_with_a_warning(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        done = prepare_instance(source, tmp_path / "o", replace(read_header(source), signed=True))
        assert [f.rule for f in done.findings if f.severity is Severity.WARNING] == ["signature"]


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


class TestCompressed:
    @pytest.mark.parametrize(("samples", "bits"), [(1, 8), (1, 16), (3, 8), (3, 16), (1, 32)])
    def test_rle_gives_back_what_went_in(self, samples: int, bits: int, tmp_path: Path) -> None:
        ds = instance(rows=5, columns=7, samples=samples, bits=bits)
        frames = [pattern(ds, seed) for seed in (1, 2, 3)]
        source = compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(f) for f in frames])

        copy, _ = prepare(source)

        expected = b"".join(frame.tobytes() for frame in frames)
        assert copy.PixelData == expected + b"\0" * (len(expected) % 2)
        assert ("OW" if bits > 8 else "OB") == copy["PixelData"].VR

    def test_single_bits_run_on_across_frames(self, tmp_path: Path) -> None:
        """15 bits a frame: the second frame begins in the first one's last byte (PS3.5 8.1.1)."""
        ds = instance(rows=3, columns=5, bits=1)
        frames = [pattern(ds, seed) for seed in range(3)]
        packed = [np.packbits(frame, axis=None, bitorder="little").tobytes() for frame in frames]
        deflated = []
        for frame in packed:
            deflater = zlib.compressobj(wbits=-15)
            deflated.append(deflater.compress(frame) + deflater.flush())

        copy, _ = prepare(compressed(tmp_path / "a", ds, ts.DEFLATED_FRAME, deflated))

        bits = np.concatenate([frame.ravel() for frame in frames])
        assert copy.PixelData == np.packbits(bits, bitorder="little").tobytes()

    def test_ybr_full_keeps_its_samples_where_the_codec_is_lossless(self, tmp_path: Path) -> None:
        ds = instance(samples=3)
        ds.PhotometricInterpretation, ds.PlanarConfiguration = "YBR_FULL", 1
        frame = pattern(ds)

        copy, done = prepare(compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(frame)]))

        assert copy.PixelData == frame.tobytes()
        assert (copy.PhotometricInterpretation, copy.PlanarConfiguration) == ("YBR_FULL", 0)
        assert "Planar Configuration 0" in done.findings[0].message
        assert "LossyImageCompression" not in copy

    def test_lossy_jpeg_becomes_rgb_and_says_what_it_was(self, tmp_path: Path) -> None:
        ds = instance(rows=16, columns=16, samples=3)
        ds.PhotometricInterpretation = "YBR_FULL_422"
        red = np.zeros((16, 16, 3), "u1")
        red[..., 0] = 200
        frame = imagecodecs.jpeg8_encode(red, level=95)

        copy, _ = prepare(compressed(tmp_path / "a", ds, ts.JPEG_BASELINE, [frame]))

        pixels = np.frombuffer(copy.PixelData, "u1").reshape(16, 16, 3)
        assert np.abs(pixels.astype(int) - red).max() <= 3
        assert copy.PhotometricInterpretation == "RGB"
        assert copy.LossyImageCompression == "01"
        assert copy.LossyImageCompressionMethod == "ISO_10918_1"
        assert float(copy.LossyImageCompressionRatio) == pytest.approx(768 / len(frame), rel=0.05)

    @pytest.mark.parametrize("table", ["none", "basic", "extended"])
    def test_frames_in_several_fragments_are_put_together(self, table: str, tmp_path: Path) -> None:
        ds = instance(rows=32, columns=32, bits=16)
        frames = [pattern(ds, seed) for seed in range(3)]
        coded = [imagecodecs.ljpeg_encode(frame) for frame in frames]
        if table == "extended":
            data, offsets, lengths = encapsulate_extended(coded)
            ds.ExtendedOffsetTable, ds.ExtendedOffsetTableLengths = offsets, lengths
        else:
            data = encapsulate(coded, fragments_per_frame=3, has_bot=table == "basic")
        ds.PixelData, ds.NumberOfFrames = data, 3
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True

        copy, _ = prepare(write(tmp_path / "a", ds, ts.JPEG_LOSSLESS_SV1))

        assert copy.PixelData == b"".join(frame.tobytes() for frame in frames)
        assert "ExtendedOffsetTable" not in copy
        assert "ExtendedOffsetTableLengths" not in copy

    def test_an_encapsulated_icon_is_decoded_like_its_image(self, tmp_path: Path) -> None:
        icon = instance(rows=2, columns=2)
        del icon.SOPClassUID, icon.SOPInstanceUID
        small, large = pattern(icon, 9), None
        icon.PixelData = encapsulate([rle_frame(small)])
        icon["PixelData"].VR, icon["PixelData"].is_undefined_length = "OB", True
        ds = instance()
        large = pattern(ds)
        ds.IconImageSequence = Sequence([icon])
        ds.StudyID = "after the icon in no order at all"

        copy, _ = prepare(compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(large)]))

        assert copy.PixelData == large.tobytes()
        assert copy.IconImageSequence[0].PixelData == small.tobytes()
        assert copy.StudyID == ds.StudyID

    def test_two_codestreams_under_one_frame_are_not_half_lost(self, tmp_path: Path) -> None:
        ds = instance(bits=16)
        frame = imagecodecs.ljpeg_encode(pattern(ds))
        source = compressed(tmp_path / "a", ds, ts.JPEG_LOSSLESS_SV1, [frame, frame])
        text = source.read_bytes().replace(b"IS\x02\x002 ", b"IS\x02\x001 ")
        source.write_bytes(text)
        assert refused(source) == "frames-unclear"

    def test_fewer_fragments_than_frames_are_refused(self, tmp_path: Path) -> None:
        ds = instance()
        ds.NumberOfFrames = 2
        source = compressed(tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(pattern(ds))])
        assert refused(source) == "frames-missing"

    def test_a_codestream_without_end_is_refused(self, tmp_path: Path) -> None:
        """Decoders of JPEG fill what is missing with grey and report success."""
        ds = instance(rows=64, columns=64)
        frame = imagecodecs.jpeg8_encode(pattern(ds))[:-700]
        assert refused(compressed(tmp_path / "a", ds, ts.JPEG_BASELINE, [frame])) == "not-decodable"


class TestBombs:
    """No decoder runs before the frame's own header agrees with the data set."""

    @pytest.mark.parametrize(
        "syntax", [ts.JPEG_BASELINE, ts.JPEG_LOSSLESS_SV1, ts.JPEG_LS_LOSSLESS]
    )
    def test_jpeg_of_another_size(self, syntax: str, tmp_path: Path) -> None:
        ds = instance()
        encode = {
            ts.JPEG_BASELINE: imagecodecs.jpeg8_encode,
            ts.JPEG_LOSSLESS_SV1: imagecodecs.ljpeg_encode,
            ts.JPEG_LS_LOSSLESS: imagecodecs.jpegls_encode,
        }[syntax]
        frame = bytearray(encode(pattern(ds)))
        at = next(
            frame.find(bytes([0xFF, m])) for m in (0xC0, 0xC3, 0xF7) if bytes([0xFF, m]) in frame
        )
        frame[at + 5 : at + 9] = b"\xff\xff\xff\xff"
        assert (
            refused(compressed(tmp_path / "a", ds, syntax, [bytes(frame)])) == "pixels-contradict"
        )

    @pytest.mark.parametrize(("at", "value"), [(8, 0x7FFFFFFF), (12, 0x7FFFFFFF), (16, 3)])
    def test_jpeg_2000_of_another_size(self, at: int, value: int, tmp_path: Path) -> None:
        ds = instance(rows=16, columns=16)
        frame = bytearray(imagecodecs.jpeg2k_encode(pattern(ds), codecformat="j2k"))
        frame[at : at + 4] = value.to_bytes(4, "big")
        source = compressed(tmp_path / "a", ds, ts.JPEG_2000_LOSSLESS, [bytes(frame)])
        assert refused(source) == "pixels-contradict"

    def test_jpeg_xl_of_another_size(self, tmp_path: Path) -> None:
        ds = instance(rows=16, columns=16)
        frame = imagecodecs.jpegxl_encode(np.zeros((4000, 4000), "u1"), lossless=True)
        source = compressed(tmp_path / "a", ds, "1.2.840.10008.1.2.4.110", [frame])
        assert refused(source) == "pixels-contradict"

    def test_jpeg_xl_of_the_right_size_is_decoded(self, tmp_path: Path) -> None:
        for rows, columns in ((16, 16), (30, 45), (256, 8), (300, 2)):
            ds = instance(rows=rows, columns=columns)
            frame = pattern(ds)
            coded = imagecodecs.jpegxl_encode(frame, lossless=True)
            source = compressed(tmp_path / f"{rows}", ds, "1.2.840.10008.1.2.4.110", [coded])
            assert prepare(source)[0].PixelData == frame.tobytes()

    def test_announced_pixels_beyond_one_element(self, tmp_path: Path) -> None:
        ds = instance(rows=60000, columns=60000)
        source = compressed(
            tmp_path / "a", ds, ts.RLE_LOSSLESS, [rle_frame(np.zeros((2, 2), "u1"))]
        )
        assert refused(source) == "too-large"

    def test_a_deflated_frame_of_another_size(self, tmp_path: Path) -> None:
        ds = instance()
        deflater = zlib.compressobj(wbits=-15)
        frame = deflater.compress(bytes(50_000_000)) + deflater.flush()
        assert (
            refused(compressed(tmp_path / "a", ds, ts.DEFLATED_FRAME, [frame])) == "not-decodable"
        )

    def test_a_data_set_that_inflates_without_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(prepare_module, "MAX_INFLATED_BYTES", 1 << 20)
        ds = instance()
        ds.EncapsulatedDocument = bytes(4 << 20)
        assert refused(write(tmp_path / "a", ds, ts.DEFLATED_LE)) == "too-large"

    @pytest.mark.parametrize("syntax", [ts.IMPLICIT_LE, ts.RLE_LOSSLESS])
    def test_nesting_without_end(self, syntax: str, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), syntax)
        header = read_header(source)
        opening = {
            ts.IMPLICIT_LE: struct.pack("<HHI", 0x0040, 0xA730, 0xFFFFFFFF),
            ts.RLE_LOSSLESS: struct.pack("<HH2sHI", 0x0040, 0xA730, b"SQ", 0, 0xFFFFFFFF),
        }[syntax] + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
        source.write_bytes(source.read_bytes() + opening * 100_000)
        with pytest.raises(CannotPrepare) as caught:
            prepare_instance(source, tmp_path / "o", header)
        assert caught.value.finding.rule == "malformed"


def test_big_endian_words_are_turned_round_in_their_own_width(tmp_path: Path) -> None:
    """By VR (PS3.5 6.2): OW by 2, OF and OL by 4, OD and OV by 8, AT by 2, OB and UN not at all."""
    source = write(tmp_path / "a", instance(), ts.EXPLICIT_BE)
    value = bytes(range(8))
    raw = source.read_bytes()
    for element, vr in enumerate((b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"UN"), start=0x1001):
        raw += struct.pack(">HH2sHI", 0x0099, element, vr, 0, 8) + value
    raw += struct.pack(">HH2sH", 0x0099, 0x1008, b"AT", 8) + value
    source.write_bytes(raw)

    copy, _ = prepare(source)

    assert [copy.get_item(0x00991000 + n).value.hex() for n in range(1, 9)] == [
        "0001020304050607",
        "0706050403020100",
        "0302010007060504",
        "0302010007060504",
        "0706050403020100",
        "0100030205040706",
        "0001020304050607",
        "0100030205040706",
    ]


@pytest.mark.parametrize("vr", ["OW", "OB"])
def test_big_endian_bytes_of_eight_bits_follow_their_vr(vr: str, tmp_path: Path) -> None:
    ds = instance(rows=1, columns=4)
    ds.PixelData = b"\1\2\3\4"
    ds["PixelData"].VR = vr
    copy, _ = prepare(write(tmp_path / "a", ds, ts.EXPLICIT_BE))
    assert copy.PixelData == (b"\2\1\4\3" if vr == "OW" else b"\1\2\3\4")


def test_big_endian_pixels_of_32_bits_have_two_readings_and_are_refused(tmp_path: Path) -> None:
    ds = instance(bits=32)
    ds.PixelData = bytes(96)
    ds["PixelData"].VR = "OW"
    assert refused(write(tmp_path / "a", ds, ts.EXPLICIT_BE)) == "word-order"


class TestImplicit:
    def test_vrs_follow_pixel_representation_and_length(self, tmp_path: Path) -> None:
        ds = instance(bits=16)
        ds.PixelRepresentation = 1
        ds.add_new(0x00280106, "SS", -5)
        lut = Dataset()
        lut.add_new(0x00283002, "SS", [1, -7, 16])
        lut.add_new(0x00283006, "US", 9)
        other = Dataset()
        other.add_new(0x00283002, "SS", [4, -7, 16])
        other.add_new(0x00283006, "OW", bytes(8))
        ds.ModalityLUTSequence = Sequence([lut, other])
        ds.PixelData = pattern(ds).tobytes()
        ds["PixelData"].VR = "OW"
        ds.add_new(0x60003000, "OW", bytes(4))
        ds.ImageComments = "x" * 70_000
        ds.add_new(0x00189810, "SS", -3)

        copy, _ = prepare(write(tmp_path / "a", ds, ts.IMPLICIT_LE))

        assert copy["SmallestImagePixelValue"].VR == "SS"
        assert copy.get_item(0x00189810).VR == "SS"
        assert copy.SmallestImagePixelValue == -5
        assert [item["LUTData"].VR for item in copy.ModalityLUTSequence] == ["US", "OW"]
        assert copy.ModalityLUTSequence[0].LUTDescriptor == [1, -7, 16]
        assert copy["PixelData"].VR == "OW"
        assert copy.get_item(0x00204000).VR == "UN"  # 70,000 bytes fit no LT
        assert len(copy.get_item(0x00204000).value) == 70_000

    def test_private_elements_keep_their_bytes_as_un(self, tmp_path: Path) -> None:
        ds = instance()
        block = ds.private_block(0x0029, "SOMEBODY", create=True)
        block.add_new(1, "US", 513)
        inner = Dataset()
        inner.PatientComments = "nested"
        block.add_new(2, "SQ", Sequence([inner]))

        copy, _ = prepare(write(tmp_path / "a", ds, ts.IMPLICIT_LE))

        assert copy.get_item(0x00290010).VR == "LO"
        assert (copy.get_item(0x00291001).VR, copy.get_item(0x00291001).value) == ("UN", b"\1\2")
        assert copy.get_item(0x00291002).VR == "UN"
        assert b"nested" in copy.get_item(0x00291002).value

    def test_group_lengths_go_and_odd_values_are_padded(self, tmp_path: Path) -> None:
        source = write(tmp_path / "a", instance(), ts.IMPLICIT_LE)
        tail = struct.pack("<HHI", 0x4000, 0, 4) + bytes(4)
        tail += struct.pack("<HHI", 0x4000, 0x4000, 3) + b"odd"
        source.write_bytes(source.read_bytes() + tail)

        copy, done = prepare(source)

        assert 0x40000000 not in copy
        assert copy.get_item(0x40004000).value == b"odd "
        assert "1 group lengths" in done.findings[0].message
        assert "1 values of odd length padded" in done.findings[0].message


def _values() -> st.SearchStrategy[Dataset]:
    text = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E, exclude_characters="\\^="))
    element = st.one_of(
        st.tuples(st.just(0x00081030), st.just("LO"), text.map(lambda t: t[:60])),
        st.tuples(st.just(0x00200013), st.just("IS"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just(0x00281050), st.just("DS"), st.integers(-9999, 9999)),
        st.tuples(st.just(0x00189073), st.just("FD"), st.floats(allow_nan=False)),
        st.tuples(st.just(0x00280009), st.just("AT"), st.integers(0, 2**32 - 1)),
        st.tuples(st.just(0x00186020), st.just("SL"), st.integers(-(2**31), 2**31 - 1)),
        st.tuples(st.just(0x00660016), st.just("OF"), st.binary(max_size=1).map(lambda b: b * 8)),
        st.tuples(st.just(0x00420011), st.just("OB"), st.binary(max_size=41).map(lambda b: b * 2)),
        st.tuples(st.just(0x00080119), st.just("UC"), text),
        st.tuples(
            st.just(0x00189306), st.just("FD"), st.lists(st.floats(width=32, allow_nan=False))
        ),
        st.tuples(st.just(0x00287FE0), st.just("UR"), text),
    )

    def data_set(elements: list[tuple[int, str, object]]) -> Dataset:
        ds = Dataset()
        for tag, vr, value in elements:
            ds.add_new(tag, vr, value)
        return ds

    def nest(children: st.SearchStrategy[Dataset]) -> st.SearchStrategy[Dataset]:
        def with_items(ds: Dataset, items: list[Dataset], defined: bool) -> Dataset:
            ds.add_new(0x0040A730, "SQ", Sequence(items))
            ds[0x0040A730].is_undefined_length = not defined
            return ds

        return st.builds(with_items, base, st.lists(children, max_size=3), st.booleans())

    base = st.lists(element, max_size=8).map(data_set)
    return st.recursive(base, nest, max_leaves=8)


@pytest.mark.parametrize("syntax", [ts.IMPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE])
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(content=_values())
def test_pydicom_reads_equal_data_sets_before_and_after(
    syntax: str, content: Dataset, tmp_path: Path
) -> None:
    ds = instance()
    ds.update(content)
    source = write(tmp_path / "a", ds, syntax)
    (tmp_path / "a.out").unlink(missing_ok=True)

    copy, _ = prepare(source)
    original = pydicom.dcmread(source)

    assert copy == original
    if syntax == ts.IMPLICIT_LE:
        pairs = raw_values(pydicom.dcmread(source), pydicom.dcmread(tmp_path / "a.out"))
        assert [path for path, theirs, ours in pairs if theirs != ours] == []


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

    try:
        prepare_instance(path, output, header)
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
def peak(path):
    prepare_instance(path, path.with_suffix(".out"), read_header(path))
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

    assert int(run.stdout) < 40 * 1024  # KiB
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
