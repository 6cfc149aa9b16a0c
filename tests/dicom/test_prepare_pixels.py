"""Compressed pixels as native ones, one fault at a time."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import imagecodecs
import jpeg_ls
import numpy as np
import pytest
from pydicom.encaps import encapsulate, encapsulate_extended
from pydicom.sequence import Sequence

from mediastation.dicom import inflate as inflate_module
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.model import transfer_syntax as ts
from tests.support.built import (
    compressed,
    instance,
    pattern,
    prepare,
    refused,
    rle_frame,
    write,
)


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

    def test_the_codestream_s_colour_goes_before_the_data_set_s_and_is_told(
        self, tmp_path: Path
    ) -> None:
        """A JFIF header means YCbCr whatever the data set calls it (ISO/IEC 10918-5)."""
        ds = instance(rows=16, columns=16, samples=3)
        red = np.zeros((16, 16, 3), "u1")
        red[..., 0] = 200
        frame = imagecodecs.jpeg8_encode(red, level=95)
        assert frame[6:10] == b"JFIF"

        copy, done = prepare(compressed(tmp_path / "a", ds, ts.JPEG_BASELINE, [frame]))

        pixels = np.frombuffer(copy.PixelData, "u1").reshape(16, 16, 3)
        assert np.abs(pixels.astype(int) - red).max() <= 3
        assert "pixels-contradict" in [finding.rule for finding in done.findings]

    @pytest.mark.parametrize(
        ("photometric", "coded_as", "written"),
        [("YBR_RCT", True, "RGB"), ("RGB", False, "RGB"), ("YBR_FULL", False, "YBR_FULL")],
    )
    def test_jpeg_2000_undoes_its_own_transform_and_no_other(
        self, photometric: str, coded_as: bool, written: str, tmp_path: Path
    ) -> None:
        ds = instance(rows=16, columns=16, samples=3)
        ds.PhotometricInterpretation = photometric
        frame = pattern(ds)
        coded = imagecodecs.jpeg2k_encode(frame, codecformat="j2k", mct=coded_as)

        copy, _ = prepare(compressed(tmp_path / "a", ds, ts.JPEG_2000_LOSSLESS, [coded]))

        assert copy.PixelData == frame.tobytes()
        assert copy.PhotometricInterpretation == written

    @pytest.mark.parametrize("syntax", [ts.JPEG_LS_LOSSLESS, ts.JPEG_LOSSLESS_SV1])
    def test_negative_values_of_12_bits_carry_their_sign_up(
        self, syntax: str, tmp_path: Path
    ) -> None:
        """Neither codec tells a sign; readers that do not mask must see -1, not 4095."""
        ds = instance(bits=16)
        ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 1
        values = np.arange(-12, 12, dtype="<i2").reshape(4, 6)
        bits = (values & 0xFFF).astype("<u2")
        coded = {
            ts.JPEG_LS_LOSSLESS: lambda: bytes(jpeg_ls.encode_array(bits)),
            ts.JPEG_LOSSLESS_SV1: lambda: imagecodecs.ljpeg_encode(bits, bitspersample=12),
        }[syntax]()
        assert bytes([0xFF, 0xF7 if syntax == ts.JPEG_LS_LOSSLESS else 0xC3, 0, 11, 12]) in coded

        copy, _ = prepare(compressed(tmp_path / "a", ds, syntax, [coded]))

        assert np.frombuffer(copy.PixelData, "<i2").tolist() == values.ravel().tolist()

    def test_jpeg_2000_part_2_is_refused(self, tmp_path: Path) -> None:
        """Its extensions change values, and the decoder would leave them out in silence."""
        ds = instance(rows=16, columns=16)
        coded = bytearray(imagecodecs.jpeg2k_encode(pattern(ds), codecformat="j2k"))
        coded[6] |= 0x80
        source = compressed(tmp_path / "a", ds, "1.2.840.10008.1.2.4.92", [bytes(coded)])
        assert refused(source) == "not-decodable"

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

    @pytest.mark.parametrize(
        "segments",
        [
            (b"\x17" + bytes(24), b"\x18" + bytes(24)),  # a run beyond its segment
            (b"\x19" + bytes(26), b"\x15" + bytes(22)),  # the right sum of wrong lengths
            (b"\x17" + bytes(24), b"\x16" + bytes(23)),
        ],
    )
    def test_rle_segments_of_wrong_length_are_refused(
        self, segments: tuple[bytes, bytes], tmp_path: Path
    ) -> None:
        head = struct.pack("<16I", 2, 64, 64 + len(segments[0]), *([0] * 13))
        source = compressed(
            tmp_path / "a", instance(bits=16), ts.RLE_LOSSLESS, [head + b"".join(segments)]
        )
        assert refused(source) == "not-decodable"

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
        monkeypatch.setattr(inflate_module, "MAX_INFLATED_BYTES", 1 << 20)
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
