"""Native pixels compressed without loss: exact, proved, and nothing else changed."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import imagecodecs
import numpy as np
import openjpeg
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames, parse_basic_offsets
from pydicom.pixels import get_decoder
from pydicom.sequence import Sequence

from mediastation.dicom import compress as compress_module
from mediastation.dicom import encoders as encoders_module
from mediastation.dicom import frame_pool as pool_module
from mediastation.dicom import prepare as prepare_module
from mediastation.dicom.frame_pool import FramePool
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import CannotPrepare, prepare_instance
from mediastation.errors import CancelledError, MediaError
from mediastation.model import transfer_syntax as ts
from tests.support.built import compressed, instance, prepare, write

JPEG, JPEG_2000, RLE = ts.JPEG_LOSSLESS_SV1, ts.JPEG_2000_LOSSLESS, ts.RLE_LOSSLESS
TARGETS = (JPEG, JPEG_2000, RLE)


def image(
    path: Path, frames: list[np.ndarray], syntax: str = ts.EXPLICIT_LE, **more: object
) -> Path:
    """Write native frames of shape (rows, columns) or (rows, columns, 3)."""
    first = frames[0]
    bits = 8 * first.dtype.itemsize
    ds = instance(*first.shape[:2], samples=3 if first.ndim == 3 else 1, bits=bits)
    ds.PixelRepresentation = int(first.dtype.kind == "i")
    for keyword, value in more.items():
        setattr(ds, keyword, value)
    if len(frames) > 1:
        ds.NumberOfFrames = len(frames)
    if ds.get("PlanarConfiguration") == 1:
        frames = [frame.transpose(2, 0, 1) for frame in frames]
    data = b"".join(frame.tobytes() for frame in frames)
    ds.PixelData = data + b"\0" * (len(data) % 2)
    ds["PixelData"].VR = "OB" if bits == 8 else "OW"
    return write(path, ds, syntax)


def noise(*shape: int, bits: int = 8, signed: bool = False, seed: int = 1) -> np.ndarray:
    """Samples without regularity over the whole range of `bits`."""
    low, high = (-(1 << bits - 1), 1 << bits - 1) if signed else (0, 1 << bits)
    kind = f"<{'i' if signed else 'u'}{1 if bits <= 8 else 2 if bits <= 16 else 4}"
    return np.random.default_rng(seed).integers(low, high, shape).astype(kind)


def decoded(ds: Dataset) -> list[np.ndarray]:
    """The frames as somebody else's decoders show them, as unsigned cells."""
    target = ds.file_meta.TransferSyntaxUID
    count = int(ds.get("NumberOfFrames") or 1)
    shape = (ds.Rows, ds.Columns, ds.SamplesPerPixel)
    cells = f"<u{ds.BitsAllocated // 8}"
    if target == RLE:
        whole = pydicom.dataset.Dataset(ds)  # pydicom clears the bits above Bits Stored
        whole.file_meta, whole.BitsStored = ds.file_meta, ds.BitsAllocated
        found, _ = get_decoder(RLE).as_array(whole, raw=True, decoding_plugin="pydicom")
        frames = list(found.reshape(count, *shape))
    else:
        decode = openjpeg.decode if target == JPEG_2000 else imagecodecs.jpegsof3_decode
        raw = generate_frames(ds.PixelData, number_of_frames=count)
        frames = [np.asarray(decode(frame)) for frame in raw]
    return [np.ascontiguousarray(frame).view(cells).reshape(shape) for frame in frames]


def refusal(source: Path, target: str) -> str:
    """The rule under which encoding is refused; nothing may be left in the folder."""
    before = sorted(source.parent.iterdir())
    with pytest.raises(CannotPrepare) as caught:
        prepare(source, target=target)
    assert sorted(source.parent.iterdir()) == before
    return caught.value.finding.rule


@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_every_sample_of_every_image_comes_back(data: st.DataObject, tmp_path: Path) -> None:
    target = data.draw(st.sampled_from(TARGETS))
    samples = data.draw(st.sampled_from([1, 3]))
    rows, columns = data.draw(st.integers(1, 40)), data.draw(st.integers(1, 40))
    allocated = data.draw(st.sampled_from([8, 16]))
    stored = data.draw(st.integers(1, allocated))
    signed = data.draw(st.booleans())
    used = data.draw(st.sampled_from([stored, allocated]))  # more than Bits Stored says, too
    smooth = data.draw(st.booleans())
    frames = []
    for seed in range(data.draw(st.integers(1, 4))):
        frame = noise(rows, columns, samples, bits=allocated, signed=signed, seed=seed)
        frame >>= allocated - used
        if smooth:
            frame = np.sort(frame, axis=1)
        frames.append(frame if samples == 3 else frame[..., 0])
    more: dict[str, object] = {"BitsStored": stored, "HighBit": stored - 1}
    if samples == 3:
        more["PhotometricInterpretation"] = data.draw(st.sampled_from(["RGB", "YBR_FULL"]))
        more["PlanarConfiguration"] = data.draw(st.integers(0, 1))
    syntax = data.draw(st.sampled_from([ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.DEFLATED_LE]))
    source = image(tmp_path / "a", frames, syntax, **more)
    (tmp_path / "a.out").unlink(missing_ok=True)

    copy, _ = prepare(source, target=target)

    assert copy.file_meta.TransferSyntaxUID == target
    assert (copy.BitsAllocated, copy.BitsStored, copy.HighBit) == (allocated, stored, stored - 1)
    assert copy.PixelRepresentation == signed
    planar = more.get("PlanarConfiguration") if target == RLE or samples == 1 else 0
    assert copy.get("PlanarConfiguration") == planar
    assert "LossyImageCompression" not in copy
    for ours, theirs in zip(decoded(copy), frames, strict=True):
        assert ours.tobytes() == theirs.tobytes()


@pytest.mark.parametrize("target", TARGETS)
class TestDataSet:
    def test_nothing_but_pixels_and_their_colours_changes(
        self, target: str, tmp_path: Path
    ) -> None:
        icon = instance(rows=2, columns=2)
        del icon.SOPClassUID, icon.SOPInstanceUID
        icon.PixelData = bytes(range(4))
        icon["PixelData"].VR = "OB"
        source = image(
            tmp_path / "a",
            [noise(5, 7, 3)],
            IconImageSequence=Sequence([icon]),
            PatientComments="odd",
            LossyImageCompression="01",
            LossyImageCompressionRatio="12.5",
            LossyImageCompressionMethod="ISO_10918_1",
            DataSetTrailingPadding=b"\0" * 6,
        )

        copy, done = prepare(source, target=target)

        original = pydicom.dcmread(source)
        assert copy.PhotometricInterpretation == ("YBR_RCT" if target == JPEG_2000 else "RGB")
        assert copy.PlanarConfiguration == 0
        for ds in (original, copy):
            del ds.PixelData, ds.PhotometricInterpretation, ds.PlanarConfiguration
        assert copy == original
        told = " ".join(finding.message for finding in done.findings)
        assert ("Photometric Interpretation RGB to YBR_RCT" in told) == (target == JPEG_2000)
        assert "Planar Configuration" not in told

    def test_the_basic_offset_table_leads_to_every_frame(self, target: str, tmp_path: Path) -> None:
        """Smooth and rough frames, so that fragments have odd and different lengths."""
        frames = [noise(9, 11, seed=n) >> n for n in range(7)]
        copy, _ = prepare(image(tmp_path / "a", frames), target=target)

        offsets = parse_basic_offsets(copy.PixelData)
        first = 8 + 4 * len(frames)

        assert len(offsets) == len(frames)
        assert offsets[0] == 0
        for offset in offsets:
            assert copy.PixelData[first + offset :][:4] == b"\xfe\xff\x00\xe0"
        assert copy["PixelData"].is_undefined_length
        assert copy["PixelData"].VR == "OB"
        assert "ExtendedOffsetTable" not in copy

    def test_offsets_beyond_32_bits_go_into_the_extended_table(
        self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compress_module, "MAX_BASIC_OFFSET", 100)
        frames = [noise(9, 11, seed=n) >> n for n in range(5)]
        copy, _ = prepare(image(tmp_path / "a", frames), target=target)

        assert parse_basic_offsets(copy.PixelData) == []
        raw = list(
            generate_frames(
                copy.PixelData,
                number_of_frames=5,
                extended_offsets=(copy.ExtendedOffsetTable, copy.ExtendedOffsetTableLengths),
            )
        )
        assert raw == list(generate_frames(copy.PixelData, number_of_frames=5))
        native = tmp_path / "back"
        prepare_instance(tmp_path / "a.out", native, read_header(tmp_path / "a.out"))
        assert pydicom.dcmread(native).PixelData[:495] == b"".join(f.tobytes() for f in frames)

    def test_unused_bits_that_hold_an_overlay_are_kept(self, target: str, tmp_path: Path) -> None:
        """(60xx,0102) other than 0: retired, and still in old archives (PS3.5 8.1.2)."""
        frame = noise(8, 8, bits=12)
        frame[2:4, 3:6] |= 0x8000
        source = image(tmp_path / "a", [frame], BitsStored=12, HighBit=11)

        copy, _ = prepare(source, target=target)

        assert decoded(copy)[0].tobytes() == frame.tobytes()

    def test_group_lengths_and_filling_go_and_are_told(self, target: str, tmp_path: Path) -> None:
        source = image(tmp_path / "a", [noise(4, 6)])
        raw = source.read_bytes()
        at = raw.index(b"\x28\x00\x02\x00US")
        length = b"\x28\x00\x00\x00UL\x04\x00\x11\x11\x00\x00"
        source.write_bytes(raw[:at] + length + raw[at:] + bytes(512))

        copy, done = prepare(source, target=target)

        assert 0x00280000 not in copy
        assert "group lengths removed" in done.findings[0].message
        assert "zeros after the data set removed" in done.findings[0].message
        assert decoded(copy)[0].tobytes() == noise(4, 6).tobytes()

    def test_zeros_after_the_last_frame_go_and_anything_else_there_does_not(
        self, target: str, tmp_path: Path
    ) -> None:
        frame = noise(4, 6)
        source = image(tmp_path / "a", [frame])
        ds = pydicom.dcmread(source)
        ds.PixelData = frame.tobytes() + bytes(30)
        copy, done = prepare(write(source, ds, ts.EXPLICIT_LE), target=target)
        assert "30 zero bytes" in done.findings[0].message
        assert decoded(copy)[0].tobytes() == frame.tobytes()

        ds.PixelData = frame.tobytes() + bytes(29) + b"\1"
        (tmp_path / "a.out").unlink()
        assert refusal(write(source, ds, ts.EXPLICIT_LE), target) == "not-encodable"

    def test_its_own_syntax_keeps_the_data_set_byte_for_byte(
        self, target: str, tmp_path: Path
    ) -> None:
        ds = instance()
        source = compressed(tmp_path / "a", ds, target, [b"never looked at"])
        prepare(source, target=target)
        dataset = source.read_bytes()[read_header(source).dataset_offset :]
        assert (tmp_path / "a.out").read_bytes().endswith(dataset)

    def test_compressed_sources_change_codec_and_say_what_was_lost_before(
        self, target: str, tmp_path: Path
    ) -> None:
        ds = instance(rows=16, columns=16, samples=3)
        ds.PhotometricInterpretation = "YBR_FULL_422"
        lossy = imagecodecs.jpeg8_encode(noise(16, 16, 3), level=90)
        source = compressed(tmp_path / "a", ds, ts.JPEG_BASELINE, [lossy])
        native, _ = prepare(source)
        (tmp_path / "a.out").unlink()

        copy, done = prepare(source, target=target)

        assert decoded(copy)[0].tobytes() == native.PixelData
        assert copy.LossyImageCompression == "01"
        assert copy.LossyImageCompressionMethod == "ISO_10918_1"
        assert copy.LossyImageCompressionRatio == native.LossyImageCompressionRatio
        (message,) = [item.message for item in done.findings if item.rule == "re-encoded"]
        assert message.count("Photometric") == message.count(f"to {copy.PhotometricInterpretation}")

    def test_what_cannot_be_encoded_is_refused(self, target: str, tmp_path: Path) -> None:
        bits = instance(bits=1)
        bits.PixelData = bytes(4)
        assert refusal(write(tmp_path / "a", bits, ts.EXPLICIT_LE), target) == "not-encodable"
        bare = write(tmp_path / "b", instance(), ts.IMPLICIT_LE)
        assert refusal(bare, target) == "not-encodable"
        short = instance()
        short.PixelData = bytes(22)
        assert refusal(write(tmp_path / "c", short, ts.EXPLICIT_LE), target) == "truncated"


@pytest.mark.parametrize("target", ["1.2.840.10008.1.2.4.80", ts.IMPLICIT_LE, "", "1.2.3"])
def test_no_other_target_is_written(target: str, tmp_path: Path) -> None:
    assert refusal(image(tmp_path / "a", [noise(4, 4)]), target) == "not-encodable"


def test_a_native_data_set_that_hides_fragments_is_refused(tmp_path: Path) -> None:
    ds = instance()
    ds.PixelData = encapsulate([b"\xff\xd8"])
    ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    source = write(tmp_path / "a", ds, ts.RLE_LOSSLESS)
    source.write_bytes(
        source.read_bytes().replace(b"1.2.840.10008.1.2.5\0", b"1.2.840.10008.1.2.1\0")
    )
    assert refusal(source, JPEG) == "malformed"


@pytest.mark.parametrize(
    ("sop_class", "photometric", "planar", "expected"),
    [
        ("1.2.840.10008.5.1.4.1.1.6.1", "YBR_FULL", 0, 1),
        ("1.2.840.10008.5.1.4.1.1.3.1", "YBR_FULL", 0, 1),
        ("1.2.840.10008.5.1.4.1.1.6.1", "RGB", 0, 0),
        ("1.2.840.10008.5.1.4.1.1.77.1.6", "YBR_FULL", 0, 0),
        ("1.2.840.10008.5.1.4.1.1.7", "RGB", 1, 1),
    ],
)
def test_planes_are_announced_under_rle_where_ultrasound_wants_it(
    sop_class: str, photometric: str, planar: int, expected: int, tmp_path: Path
) -> None:
    """PS3.3 C.8.5.6; the module of whole slide images wants 0 (C.8.12.4)."""
    source = image(
        tmp_path / "a",
        [noise(4, 6, 3)],
        SOPClassUID=sop_class,
        PhotometricInterpretation=photometric,
        PlanarConfiguration=planar,
    )
    copy, done = prepare(source, target=RLE)
    assert copy.PlanarConfiguration == expected
    assert bool(done.findings) == (planar != expected)
    assert decoded(copy)[0].tobytes() == noise(4, 6, 3).tobytes()


class TestCodestreams:
    def frame(self, source: Path, target: str) -> bytes:
        copy, _ = prepare(source, target=target)
        return next(generate_frames(copy.PixelData, number_of_frames=1))

    @pytest.mark.parametrize("samples", [1, 3])
    @pytest.mark.parametrize("bits", [8, 16])
    def test_jpeg_is_process_14_with_selection_value_1(
        self, samples: int, bits: int, tmp_path: Path
    ) -> None:
        """SOF3, predictor 1, no point transform, tables of its own (PS3.5 A.4.1, Annex F)."""
        shape = (9, 7) if samples == 1 else (9, 7, 3)
        code = self.frame(image(tmp_path / "a", [noise(*shape, bits=bits)]), JPEG)

        sof, sos = code.index(b"\xff\xc3"), code.index(b"\xff\xda")
        assert code[:2] == b"\xff\xd8"
        assert code.rstrip(b"\0")[-2:] == b"\xff\xd9"
        assert code[sof + 4] == bits
        assert code[sof + 9] == samples
        assert list(code[sos + 5 + 2 * samples :][:3]) == [1, 0, 0]
        assert b"\xff\xc4" in code[:sos]

    def test_jpeg_says_rgb_where_it_is_and_nothing_where_it_is_not(self, tmp_path: Path) -> None:
        source = image(tmp_path / "a", [noise(9, 7, 3)])
        code = self.frame(source, JPEG)
        assert code[code.index(b"Adobe") + 11] == 0  # no transform

        source = image(tmp_path / "b", [noise(9, 7, 3)], PhotometricInterpretation="YBR_FULL")
        assert code[2:4] == b"\xff\xee"
        assert self.frame(source, JPEG)[2:4] == b"\xff\xc3"

    @pytest.mark.parametrize("photometric", ["RGB", "YBR_FULL"])
    def test_jpeg_components_name_the_table_they_are_coded_with(
        self, photometric: str, tmp_path: Path
    ) -> None:
        """Smooth planes unlike each other, as two tables would be worth while for."""
        frame = np.sort(noise(64, 64, 3), axis=1)
        frame[..., 1:] = 128
        source = image(tmp_path / "a", [frame], PhotometricInterpretation=photometric)
        code = self.frame(source, JPEG)
        sos = code.index(b"\xff\xda")
        assert code[:sos].count(b"\xff\xc4") == 1
        assert [code[sos + 6 + 2 * n] for n in range(3)] == [0, 0, 0]
        assert np.array_equal(imagecodecs.jpeg8_decode(code, colorspace="RGB"), frame)

    @pytest.mark.parametrize(("signed", "precision"), [(False, 0x0B), (True, 0x8B)])
    def test_jpeg_2000_announces_bits_stored_and_sign(
        self, signed: bool, precision: int, tmp_path: Path
    ) -> None:
        frame = noise(8, 8, bits=12, signed=signed)
        code = self.frame(image(tmp_path / "a", [frame], BitsStored=12, HighBit=11), JPEG_2000)
        assert code[:4] == b"\xff\x4f\xff\x51"  # a bare codestream (PS3.5 A.4.4)
        assert code[42] == precision

    def test_jpeg_2000_announces_bits_allocated_where_one_frame_needs_them(
        self, tmp_path: Path
    ) -> None:
        frames = [noise(8, 8, bits=12, seed=n) for n in range(5)]
        frames[3][1, 1] = 0x1FFF
        source = image(tmp_path / "a", frames, BitsStored=12, HighBit=11)
        copy, _ = prepare(source, target=JPEG_2000)
        raw = list(generate_frames(copy.PixelData, number_of_frames=5))
        assert {code[42] for code in raw} == {0x0F}

    @pytest.mark.parametrize(("stored", "announced"), [(16, 16), (9, 9), (8, 16), (1, 16)])
    def test_jpeg_2000_cells_stay_as_wide_as_they_are(
        self, stored: int, announced: int, tmp_path: Path
    ) -> None:
        frame = noise(8, 8, bits=stored).astype("<u2")
        source = image(tmp_path / "a", [frame], BitsStored=stored, HighBit=stored - 1)
        assert self.frame(source, JPEG_2000)[42] == announced - 1

    @pytest.mark.parametrize(("photometric", "transform"), [("RGB", 1), ("YBR_FULL", 0)])
    def test_jpeg_2000_is_reversible_and_transforms_rgb_alone(
        self, photometric: str, transform: int, tmp_path: Path
    ) -> None:
        source = image(tmp_path / "a", [noise(32, 32, 3)], PhotometricInterpretation=photometric)
        code = self.frame(source, JPEG_2000)
        cod = code.index(b"\xff\x52")
        assert code[cod + 8] == transform
        assert code[cod + 13] == 1  # 5-3

    def test_rle_runs_end_with_their_row(self, tmp_path: Path) -> None:
        """PS3.5 G.3.1: each row is encoded by itself, though all of them are alike here."""
        frame = np.zeros((5, 6), "<u2")
        frame[::2] = noise(3, 6, bits=16)
        code = self.frame(image(tmp_path / "a", [frame]), RLE)
        head = np.frombuffer(code[:64], "<u4")
        assert head[0] == 2
        assert head[1] == 64
        assert not head[3:].any()
        for begin, end in ((head[1], head[2]), (head[2], len(code))):
            assert begin % 2 == 0
            at, filled = int(begin), 0
            while filled < 30:
                count = code[at]
                assert count != 128
                size = count + 1 if count < 128 else 257 - count
                at += 1 + (size if count < 128 else 1)
                assert filled // 6 == (filled + size - 1) // 6
                filled += size
            assert end - at in (0, 1)

    def test_rle_takes_doses_of_32_bits(self, tmp_path: Path) -> None:
        frames = [noise(4, 5, bits=32, seed=n) for n in range(2)]
        copy, _ = prepare(image(tmp_path / "a", frames, ts.IMPLICIT_LE), target=RLE)
        for ours, theirs in zip(decoded(copy), frames, strict=True):
            assert ours.tobytes() == theirs.tobytes()


def _spoilt(encode: Callable[..., bytes]) -> Callable[..., bytes]:
    def wrong(samples: np.ndarray, *more: object) -> bytes:
        other = samples.copy()
        other[-1, -1, -1] ^= 1
        return encode(other, *more)

    return wrong


@pytest.mark.parametrize("target", TARGETS)
class TestProof:
    @pytest.mark.parametrize("wrong_frame", [0, 2])
    def test_one_wrong_bit_of_one_frame_is_found(
        self, wrong_frame: int, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        frames = [noise(9, 7, bits=16, seed=n) for n in range(3)]
        honest = encoders_module.encode_frame
        spoilt = _spoilt(honest)

        def encode(samples: np.ndarray, *more: object) -> bytes:
            it = samples.tobytes() == frames[wrong_frame].tobytes()
            return (spoilt if it else honest)(samples, *more)  # type: ignore[arg-type]

        monkeypatch.setattr(compress_module, "encode_frame", encode)
        assert refusal(image(tmp_path / "a", frames), target) == "pixels-differ"

    @pytest.mark.parametrize("code", [b"", b"\0" * 100, b"\xff\xd8\xff\xd9", b"\xff\x4f\xff\x51"])
    def test_no_codestream_at_all_is_found(
        self, code: bytes, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(compress_module, "encode_frame", lambda *_: code)
        assert refusal(image(tmp_path / "a", [noise(9, 7)]), target) == "pixels-differ"

    def test_two_frames_exchanged_are_found(
        self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = compress_module.Encapsulation.frame
        turns = [1, 0]

        def exchanged(self: object, window: object, number: int) -> object:
            if turns:
                number = turns.pop(0)
            return honest(self, window, number)  # type: ignore[arg-type]

        monkeypatch.setattr(pool_module, "MAX_THREADS", 1)
        source = image(tmp_path / "a", [noise(9, 7, seed=n) for n in range(2)])
        monkeypatch.setattr(compress_module.Encapsulation, "frame", exchanged)
        assert refusal(source, target) == "pixels-differ"

    def test_an_encoder_that_fails_is_a_refusal(
        self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def failing(*_: object) -> bytes:
            raise RuntimeError("out of sorts")

        monkeypatch.setattr(compress_module, "encode_frame", failing)
        assert refusal(image(tmp_path / "a", [noise(9, 7)]), target) == "not-encodable"

    def test_an_offset_table_that_leads_astray_is_found(
        self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = compress_module._tables_and_head

        def astray(lengths: object) -> bytes:
            data = bytearray(honest(lengths))  # type: ignore[arg-type]
            data[-4] ^= 2
            return bytes(data)

        monkeypatch.setattr(compress_module, "_tables_and_head", astray)
        source = image(tmp_path / "a", [noise(9, 7, seed=n) for n in range(3)])
        assert refusal(source, target) == "pixels-differ"

    @pytest.mark.parametrize("word", [b"Test^Person", b"(0028,0004)"])
    def test_another_element_that_changes_is_found(
        self, word: bytes, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = prepare_module.iter_encapsulated
        old = word if word[:1] == b"T" else b"\x28\x00\x02\x00US\x02\x00"
        new = old.replace(b"Person", b"Persom") if word[:1] == b"T" else old.replace(b"US", b"SS")

        def slipping(*arguments: object) -> object:
            data = b"".join(honest(*arguments))  # type: ignore[arg-type]
            assert old in data
            return iter([data.replace(old, new)])

        monkeypatch.setattr(prepare_module, "iter_encapsulated", slipping)
        assert refusal(image(tmp_path / "a", [noise(9, 7, 3)]), target) == "elements-differ"

    def test_a_photometric_interpretation_that_is_not_the_planned_one_is_found(
        self, target: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        honest = prepare_module.iter_encapsulated

        def slipping(*arguments: object) -> object:
            data = b"".join(honest(*arguments))  # type: ignore[arg-type]
            return iter(
                [data.replace(b"YBR_RCT ", b"YBR_ICT ").replace(b"CS\x04\0RGB ", b"CS\x04\0XYZ ")]
            )

        monkeypatch.setattr(prepare_module, "iter_encapsulated", slipping)
        assert refusal(image(tmp_path / "a", [noise(9, 7, 3)]), target) == "elements-differ"


class TestInterruption:
    @pytest.mark.parametrize("syntax", [ts.EXPLICIT_LE, ts.IMPLICIT_LE])
    def test_a_full_disk_is_a_media_error_and_leaves_nothing(
        self, syntax: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = image(tmp_path / "a", [noise(9, 7)], syntax)
        header = read_header(source)
        left, honest = [3], os.write

        def full(descriptor: int, data: bytes) -> int:
            left[0] -= 1
            if left[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return honest(descriptor, data)

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(MediaError, match="No space left"):
            prepare_instance(source, tmp_path / "o", header, target=RLE)
        assert list(tmp_path.iterdir()) == [source]

    def test_a_disk_full_of_waiting_frames_is_a_media_error_too(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Full(tempfile.SpooledTemporaryFile):  # type: ignore[type-arg]
            def write(self, _data: object) -> int:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        source = image(tmp_path / "a", [noise(9, 7)])
        monkeypatch.setattr(compress_module, "SpooledTemporaryFile", Full)
        with pytest.raises(MediaError, match="No space left"):
            prepare_instance(source, tmp_path / "o", read_header(source), target=RLE)
        assert list(tmp_path.iterdir()) == [source]

    @pytest.mark.parametrize("fault", [KeyboardInterrupt, CancelledError("stopped")])
    @pytest.mark.parametrize("after", [1, 4, 7])
    def test_stopping_at_any_time_leaves_nothing(
        self, after: int, fault: BaseException, tmp_path: Path
    ) -> None:
        source = image(tmp_path / "a", [noise(9, 7, seed=n) for n in range(4)], ts.IMPLICIT_LE)
        calls: list[int] = []

        def stop(done: int, total: int) -> None:
            calls.append(done)
            if len(calls) == after:
                raise fault

        with pytest.raises((KeyboardInterrupt, CancelledError)):
            prepare_instance(
                source, tmp_path / "o", read_header(source), target=JPEG, progress=stop
            )
        assert list(tmp_path.iterdir()) == [source]
        assert len(calls) == after

    @pytest.mark.parametrize("syntax", [ts.EXPLICIT_LE, ts.IMPLICIT_LE])
    def test_progress_grows_through_both_stages_to_its_total(
        self, syntax: str, tmp_path: Path
    ) -> None:
        seen: list[tuple[int, int]] = []
        source = image(tmp_path / "a", [noise(90, 70, seed=n) for n in range(6)], syntax)

        prepare(source, target=JPEG_2000, progress=lambda *pair: seen.append(pair))

        assert [done for done, _ in seen] == sorted(done for done, _ in seen)
        assert all(done <= total for done, total in seen)
        assert seen[-1][0] == seen[-1][1] >= 6 * 90 * 70
        assert len(seen) >= 12  # while encoding, and while proving


class TestFramePool:
    def test_results_come_in_order_and_few_are_begun_ahead(self) -> None:
        begun: list[int] = []

        def work(number: int) -> int:
            begun.append(number)
            return number * number

        with FramePool() as pool:
            for number, result in enumerate(pool.in_order(work, 50, 1)):
                assert result == number * number
                assert len(begun) <= number + 2 + pool_module.MAX_THREADS

    def test_large_frames_are_worked_on_one_by_one(self) -> None:
        begun: list[int] = []
        with FramePool() as pool:
            results = pool.in_order(begun.append, 3, pool_module.MAX_AHEAD_BYTES)
            next(results)
            assert begun == [0]

    def test_a_fault_in_a_thread_is_raised_where_the_frame_is_awaited(self) -> None:
        def work(number: int) -> int:
            if number == 2:
                raise ValueError("frame 2")
            return number

        with FramePool() as pool:
            results = pool.in_order(work, 9, 1)
            assert [next(results), next(results)] == [0, 1]
            with pytest.raises(ValueError, match="frame 2"):
                next(results)


_MEASURED = """
import resource, sys
from pathlib import Path
from mediastation.dicom.header import read_header
from mediastation.dicom.prepare import prepare_instance
small, large, target = Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3]
def peak(path):
    prepare_instance(path, path.with_suffix(".out"), read_header(path), target=target)
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
before = peak(small)
print(peak(large) - before)
"""


@pytest.mark.parametrize("target", TARGETS)
def test_memory_does_not_grow_with_the_object(target: str, tmp_path: Path) -> None:
    """32 MB of native pixels, and as many compressed, cost no more than a few frames."""
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss > 0
    rough = noise(256, 1024, bits=16) >> (12 if target == JPEG_2000 else 0)  # which is slow
    paths = [
        image(tmp_path / name, [rough] * frames, ts.IMPLICIT_LE)
        for name, frames in (("small", 4), ("large", 64))
    ]
    run = subprocess.run(
        [sys.executable, "-c", _MEASURED, *map(str, paths), target],
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert int(run.stdout) < 20 * 1024  # KiB; 8 MiB are frames that wait in memory
