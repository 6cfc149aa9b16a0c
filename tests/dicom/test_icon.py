"""Icons: which frame, read how, and shown the right way up."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import imagecodecs
import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence

from mediastation.dicom.header import read_header
from mediastation.dicom.icon import CannotRender, render_icon
from mediastation.dicom.single_frame import read_single_frame
from mediastation.errors import MediaError
from mediastation.model import transfer_syntax as ts
from mediastation.model.finding import Severity
from tests.support.built import UID_1, compressed, instance, pattern, rle_frame, write
from tests.support.headers import header

NATIVE = [ts.EXPLICIT_LE, ts.IMPLICIT_LE, ts.EXPLICIT_BE, ts.DEFLATED_LE]


def icon(path: Path, rows: int = 8, columns: int = 8) -> np.ndarray:
    found = render_icon(path, read_header(path), rows=rows, columns=columns)
    assert (found.rows, found.columns) == (rows, columns)
    return np.frombuffer(found.pixels, "u1").reshape(rows, columns)


def refused(path: Path) -> str:
    with pytest.raises(CannotRender) as caught:
        icon(path)
    finding = caught.value.finding
    assert (finding.severity, finding.subject) == (Severity.ERROR, UID_1)
    return finding.rule


def native(path: Path, ds: Dataset, samples: np.ndarray, syntax: str = ts.EXPLICIT_LE) -> Path:
    """Write `ds` with `samples` as they are to be seen."""
    big = syntax == ts.EXPLICIT_BE
    width = samples.dtype.itemsize
    ds.PixelData = samples.astype(samples.dtype.newbyteorder(">" if big else "<")).tobytes()
    ds["PixelData"].VR = "OW" if width > 1 else "OB"
    if len(ds.PixelData) % 2:
        ds.PixelData += b"\0"
    if syntax == ts.DEFLATED_LE:
        ds.file_meta = pydicom.dataset.FileMetaDataset()
        ds.file_meta.TransferSyntaxUID = pydicom.uid.UID(syntax)
        ds.preamble = bytes(128)
        pydicom.dcmwrite(path, ds, enforce_file_format=True)
        return path
    return write(path, ds, syntax)


class TestPicture:
    def test_the_bright_corner_stays_in_its_corner(self, tmp_path: Path) -> None:
        ds = instance(rows=16, columns=16)
        samples = np.zeros((16, 16), "u1")
        samples[:4, 8:] = 255  # the upper right, wider than high

        found = icon(native(tmp_path / "a", ds, samples))

        want = np.zeros((8, 8), "u1")
        want[:2, 4:] = 255
        assert (found == want).all()

    @pytest.mark.parametrize(
        "facts", [{"PhotometricInterpretation": "MONOCHROME1"}, {"PresentationLUTShape": "INVERSE"}]
    )
    def test_the_highest_value_is_black_where_it_is_said(
        self, tmp_path: Path, facts: dict[str, str]
    ) -> None:
        ds = instance(rows=8, columns=8)
        for keyword, value in facts.items():
            setattr(ds, keyword, value)
        samples = np.zeros((8, 8), "u1")
        samples[0] = 255

        found = icon(native(tmp_path / "a", ds, samples))

        assert found[0].tolist() == [0] * 8
        assert (found[1:] == 255).all()

    @pytest.mark.parametrize(
        ("keyword", "value"),
        [
            ("PixelSpacing", [2, 1]),
            ("ImagerPixelSpacing", ["0.2", "0.1"]),
            ("PixelAspectRatio", [2, 1]),
        ],
    )
    def test_pixels_that_are_higher_than_wide_make_it_so(
        self, tmp_path: Path, keyword: str, value: list[object]
    ) -> None:
        ds = instance(rows=8, columns=8)
        setattr(ds, keyword, value)

        found = icon(native(tmp_path / "a", ds, np.tile(np.array([0, 255] * 4, "u1"), (8, 1))))

        assert (found[:, 2:6] > 0).all()
        assert not found[:, :2].any()
        assert not found[:, 6:].any()

    @pytest.mark.parametrize("value", [[0, 1], [-1, 1], [1]])
    def test_spacings_that_make_no_sense_are_passed_over(
        self, tmp_path: Path, value: list[int]
    ) -> None:
        ds = instance(rows=8, columns=8)
        ds.PixelSpacing = value

        assert icon(native(tmp_path / "a", ds, np.eye(8, dtype="u1")))[0, 0] == 255

    def test_functional_groups_of_the_frame_go_before_the_shared_and_both_before_the_rest(
        self, tmp_path: Path
    ) -> None:
        ds = instance(rows=4, columns=4, bits=16)
        ds.NumberOfFrames, ds.RepresentativeFrameNumber = 3, 2
        ds.WindowCenter, ds.WindowWidth = 30000, 1
        ds.SharedFunctionalGroupsSequence = [group(slope=2, window=(30000, 1), spacing=[2, 1])]
        ds.PerFrameFunctionalGroupsSequence = [
            group(window=(30000, 1)), group(window=(50, 101)), group(window=(30000, 1)),
        ]  # fmt: skip
        frames = np.zeros((3, 4, 4), "<u2")
        frames[1] = 25
        for each in ("PerFrameFunctionalGroupsSequence", "SharedFunctionalGroupsSequence"):
            for defined in (True, False):
                ds[each].is_undefined_length = not defined
                for item in ds[each].value:
                    item.is_undefined_length_sequence_item = not defined
                for number, syntax in enumerate(NATIVE):
                    path = native(tmp_path / f"{each}{defined}{number}", ds, frames, syntax)
                    found = icon(path)

                    assert (found[:, 2:6] == 129).all(), (each, defined, syntax)
                    assert not found[:, :2].any()

    @pytest.mark.parametrize("syntax", NATIVE)
    def test_a_palette_of_segments_and_one_of_entries_look_alike(
        self, tmp_path: Path, syntax: str
    ) -> None:
        samples = np.arange(64, dtype="u1").reshape(8, 8)
        ds = instance(rows=8, columns=8)
        ds.PhotometricInterpretation = "PALETTE COLOR"
        ramp = np.linspace(0, 63 * 1024, 64).astype("<u2")
        order = ">" if syntax == ts.EXPLICIT_BE else "<"
        for colour in ("Red", "Green", "Blue"):
            setattr(ds, f"{colour}PaletteColorLookupTableDescriptor", [64, 0, 16])
            name = f"{colour}PaletteColorLookupTableData"
            setattr(ds, name, ramp.astype(f"{order}u2").tobytes())
        plain = icon(native(tmp_path / "plain", ds, samples, syntax))
        for colour in ("Red", "Green", "Blue"):
            delattr(ds, f"{colour}PaletteColorLookupTableData")
            segments = np.array([0, 1, 0, 1, 63, 63 * 1024], f"{order}u2").tobytes()
            setattr(ds, f"Segmented{colour}PaletteColorLookupTableData", segments)
        segmented = icon(native(tmp_path / "segmented", ds, samples, syntax))

        assert plain.ravel().tolist() == [round(n * 1024 / 257) for n in range(64)]
        assert (segmented == plain).all()

    def test_tables_of_modality_and_voi(self, tmp_path: Path) -> None:
        ds = instance(rows=2, columns=2, bits=16)
        table, voi = Dataset(), Dataset()
        table.ModalityLUTType = "US"
        table.LUTDescriptor = [4, 0, 16]
        table.LUTData = np.array([10, 20, 30, 40], "<u2").tobytes()
        ds.ModalityLUTSequence = Sequence([table])
        voi.LUTDescriptor = [21, 20, 8]
        voi.LUTData = np.array([0] * 10 + [102] + [0] * 9 + [255], "<u2").tobytes()
        ds.VOILUTSequence = Sequence([voi])

        found = icon(native(tmp_path / "a", ds, np.array([[0, 1], [2, 3]], "<u2")), 2, 2)

        assert found.tolist() == [[0, 0], [102, 255]]


def group(
    slope: int = 0, window: tuple[int, int] | None = None, spacing: list[int] | None = None
) -> Dataset:
    item = Dataset()
    if slope:
        value = Dataset()
        value.RescaleSlope, value.RescaleIntercept, value.RescaleType = slope, 0, "US"
        item.PixelValueTransformationSequence = Sequence([value])
    if window:
        voi = Dataset()
        voi.WindowCenter, voi.WindowWidth = window
        item.FrameVOILUTSequence = Sequence([voi])
    if spacing:
        measures = Dataset()
        measures.PixelSpacing = spacing
        item.PixelMeasuresSequence = Sequence([measures])
    return item


class TestFrame:
    @pytest.mark.parametrize(
        ("frames", "named", "chosen"),
        [(1, None, 0), (2, None, 0), (9, None, 3), (9, 7, 6), (9, 0, 3), (9, 10, 3), (1, 1, 0)],
    )
    @pytest.mark.parametrize("syntax", [*NATIVE, ts.RLE_LOSSLESS])
    def test_the_representative_one_or_one_a_third_through(
        self, tmp_path: Path, frames: int, named: int | None, chosen: int, syntax: str
    ) -> None:
        ds = instance(rows=4, columns=6, bits=16)
        ds.NumberOfFrames = frames
        if named is not None:
            ds.RepresentativeFrameNumber = named
        samples = np.stack([pattern(ds, seed) for seed in range(frames)])
        if syntax == ts.RLE_LOSSLESS:
            path = compressed(tmp_path / "a", ds, syntax, [rle_frame(each) for each in samples])
        else:
            path = native(tmp_path / "a", ds, samples, syntax)

        frame = read_single_frame(path)

        assert frame.number == chosen
        assert (frame.samples[..., 0] == samples[chosen]).all()

    @pytest.mark.parametrize("syntax", [ts.EXPLICIT_LE, ts.EXPLICIT_BE])
    @pytest.mark.parametrize("vr", ["OB", "OW"])
    def test_single_bits_run_on_from_frame_to_frame(
        self, tmp_path: Path, syntax: str, vr: str
    ) -> None:
        """Frames of 15 bits: none but the first begins with a byte (PS3.5 8.1.1)."""
        ds = instance(rows=3, columns=5, bits=1)
        ds.NumberOfFrames = 7
        bits = np.random.default_rng(1).integers(0, 2, (7, 3, 5), "u1")
        ds.PixelData = np.packbits(bits, bitorder="little").tobytes()
        if vr == "OW" and syntax == ts.EXPLICIT_BE:
            ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
        ds["PixelData"].VR = vr
        path = write(tmp_path / "a", ds, syntax)

        for number in range(7):
            frame = read_single_frame(path, number)
            assert (frame.samples[..., 0] == bits[number]).all()

    def test_bytes_in_big_endian_words_are_turned_round(self, tmp_path: Path) -> None:
        """Frames of nine bytes: every other begins in the middle of a word (PS3.5 A.3)."""
        ds = instance(rows=3, columns=3)
        ds.NumberOfFrames = 4
        samples = np.arange(36, dtype="u1").reshape(4, 3, 3)
        ds.PixelData = np.frombuffer(samples.tobytes(), "<u2").astype(">u2").tobytes()
        ds["PixelData"].VR = "OW"
        path = write(tmp_path / "a", ds, ts.EXPLICIT_BE)

        for number in range(4):
            assert (read_single_frame(path, number).samples[..., 0] == samples[number]).all()

    def test_planes_are_put_together(self, tmp_path: Path) -> None:
        ds = instance(rows=4, columns=6, samples=3)
        ds.NumberOfFrames, ds.PlanarConfiguration = 2, 1
        samples = np.stack([pattern(ds, seed) for seed in (1, 2)])
        path = native(tmp_path / "a", ds, samples.transpose(0, 3, 1, 2).copy())

        assert (read_single_frame(path, 1).samples == samples[1]).all()

    def test_of_subsampled_colour_the_luminance_is_read(self, tmp_path: Path) -> None:
        ds = instance(rows=2, columns=4, samples=3)
        ds.PhotometricInterpretation = "YBR_FULL_422"
        luma = np.array([[0, 10, 20, 30], [40, 50, 60, 255]], "u1")
        pairs = luma.reshape(-1, 2)
        raw = np.hstack([pairs, np.full((4, 2), 99, "u1")])

        found = icon(native(tmp_path / "a", ds, raw), 2, 4)

        assert (found == luma).all()

    @pytest.mark.parametrize("code", ["f4", "f8"])
    def test_float_pixels(self, tmp_path: Path, code: str) -> None:
        ds = instance(rows=2, columns=2, bits=32)
        for keyword in ("BitsStored", "HighBit", "PixelRepresentation"):
            delattr(ds, keyword)
        ds.BitsAllocated = 8 * int(code[1])
        name = "FloatPixelData" if code == "f4" else "DoubleFloatPixelData"
        setattr(ds, name, np.array([0.5, 0.75, 1.0, -9999], f"<{code}").tobytes())
        setattr(ds, name.replace("PixelData", "PixelPaddingValue"), -9999.0)

        found = icon(write(tmp_path / "a", ds, ts.EXPLICIT_LE), 2, 2)

        assert found.tolist() == [[0, 128], [255, 0]]

    def test_a_frame_of_a_deflated_run_longer_than_what_is_kept(self, tmp_path: Path) -> None:
        ds = instance(rows=1024, columns=1024, bits=16)
        ds.NumberOfFrames = 24
        samples = np.zeros((24, 1024, 1024), "<u2")
        samples[8, :512] = 1000
        path = native(tmp_path / "a", ds, samples, ts.DEFLATED_LE)

        assert icon(path, 2, 2).tolist() == [[255, 255], [0, 0]]

    def test_lossy_colour_is_shown_as_decoded(self, tmp_path: Path) -> None:
        ds = instance(rows=64, columns=64, samples=3)
        ds.PhotometricInterpretation = "YBR_FULL_422"
        grey = np.zeros((64, 64, 3), "u1")
        grey[:32] = 180
        coded = imagecodecs.jpeg8_encode(grey, level=95)

        found = icon(compressed(tmp_path / "a", ds, ts.JPEG_BASELINE, [coded]), 2, 2)

        assert np.abs(found.astype(int) - [[180, 180], [0, 0]]).max() <= 2


class TestRefusal:
    def test_what_has_no_pixels_has_no_picture(self, tmp_path: Path) -> None:
        assert refused(write(tmp_path / "a", instance(), ts.EXPLICIT_LE)) == "no-pixels"

    def test_pixels_shorter_than_announced(self, tmp_path: Path) -> None:
        ds = instance(rows=8, columns=8)
        ds.NumberOfFrames = 6

        assert refused(native(tmp_path / "a", ds, np.zeros((2, 8, 8), "u1"))) == "truncated"

    def test_a_file_that_breaks_off(self, tmp_path: Path) -> None:
        path = native(tmp_path / "a", instance(rows=8, columns=8), np.zeros((8, 8), "u1"))
        path.write_bytes(path.read_bytes()[:-10])

        assert refused(path) == "truncated"

    def test_a_size_that_nobody_decodes(self, tmp_path: Path) -> None:
        ds = instance(rows=65535, columns=65535)

        assert refused(native(tmp_path / "a", ds, np.zeros((8, 8), "u1"))) == "too-large"

    def test_a_transfer_syntax_that_nothing_decodes(self, tmp_path: Path) -> None:
        path = compressed(tmp_path / "a", instance(), "1.2.840.10008.1.2.4.100", [b"\0" * 8])

        assert refused(path) == "transfer-syntax"

    def test_big_endian_words_of_uncertain_order(self, tmp_path: Path) -> None:
        ds = instance(rows=2, columns=2, bits=32)

        assert (
            refused(native(tmp_path / "a", ds, np.zeros((2, 2), "u4"), ts.EXPLICIT_BE))
            == "word-order"
        )

    def test_a_file_that_is_gone_is_a_matter_of_the_disk(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="is gone") as caught:
            render_icon(tmp_path / "nowhere", header(), rows=8, columns=8)
        assert "forgotten" in caught.value.hint

    @settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(data=st.data())
    def test_damage_gives_a_picture_or_a_finding(self, data: st.DataObject, tmp_path: Path) -> None:
        ds = instance(rows=16, columns=16, bits=16)
        ds.WindowCenter, ds.WindowWidth, ds.PixelSpacing = 100, 200, [1, 2]
        ds.NumberOfFrames = 2
        ds.SharedFunctionalGroupsSequence = [group(slope=2, window=(5, 6))]
        ds.PerFrameFunctionalGroupsSequence = [group(window=(5, 6)), group()]
        syntax = data.draw(st.sampled_from([*NATIVE, ts.RLE_LOSSLESS, ts.JPEG_2000_LOSSLESS]))
        frames = np.stack([pattern(ds, 1), pattern(ds, 2)])
        path = tmp_path / "a"
        if syntax in NATIVE:
            native(path, ds, frames, syntax)
        elif syntax == ts.RLE_LOSSLESS:
            compressed(path, ds, syntax, [rle_frame(each) for each in frames])
        else:
            coded = [imagecodecs.jpeg2k_encode(each, codecformat="j2k") for each in frames]
            compressed(path, ds, syntax, coded)
        known = read_header(path)
        raw = bytearray(path.read_bytes())
        for _ in range(data.draw(st.integers(1, 6))):
            at = data.draw(st.integers(known.dataset_offset, len(raw) - 1))
            raw[at] = data.draw(st.integers(0, 255))
        path.write_bytes(raw)

        with suppress(CannotRender):
            assert len(render_icon(path, known, rows=8, columns=8).pixels) == 64
