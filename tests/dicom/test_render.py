"""Stored samples as shades of grey, each step held against numbers from the standard's formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from mediastation.dicom.luts import MAX_ENTRIES, expand_segmented
from mediastation.dicom.render import Lut, Shading, VoiWindow, render_luminance
from mediastation.dicom.scaling import area_mean, letterboxed


def shown(values: object, dtype: str = "<i2", **facts: object) -> list[int]:
    """Shades of a row of single samples; 16 bits with sign unless something else is said."""
    width = np.dtype(dtype).itemsize * 8
    known = {"bits_stored": width, "high_bit": width - 1, "signed": "i" in dtype}
    samples = np.array(values, dtype).reshape(1, -1, 1)
    return render_luminance(samples, Shading(**(known | facts))).ravel().tolist()  # type: ignore[arg-type]


class TestWindow:
    def test_linear_is_the_formula_of_c_11_2_1_2(self) -> None:
        """Center 2048, width 4096: the standard's own example, -0.5 + 0 is black, 4095 white."""
        window = VoiWindow(2048, 4096)

        assert shown([-5, 0, 2047, 2048, 4095, 5000], voi=window) == [0, 0, 127, 128, 255, 255]

    def test_linear_of_width_one_is_a_threshold(self) -> None:
        assert shown([98, 99, 100, 101], voi=VoiWindow(100, 1)) == [0, 0, 255, 255]

    def test_linear_exact_is_the_formula_of_c_11_2_1_3_2(self) -> None:
        exact = VoiWindow(50, 100, "LINEAR_EXACT")

        assert shown([0, 25, 50, 75, 100], voi=exact) == [0, 64, 128, 191, 255]

    def test_sigmoid_is_the_formula_of_c_11_2_1_3_1(self) -> None:
        window = VoiWindow(10, 40, "SIGMOID")
        want = [round(255 / (1 + math.exp(-4 * (x - 10) / 40))) for x in (-30, 0, 10, 20, 50)]

        assert shown([-30, 0, 10, 20, 50], voi=window) == want

    @pytest.mark.parametrize(
        ("window", "sane"),
        [
            (VoiWindow(0, 1), True),
            (VoiWindow(0, 0.5), False),
            (VoiWindow(0, 0.5, "LINEAR_EXACT"), True),
            (VoiWindow(0, 0, "SIGMOID"), False),
            (VoiWindow(math.inf, 5), False),
        ],
    )
    def test_widths_that_the_standard_forbids(self, window: VoiWindow, sane: bool) -> None:
        assert window.is_sane is sane

    def test_without_one_the_range_of_the_picture_is_shown(self) -> None:
        assert shown([-10, 0, 10]) == [0, 128, 255]

    def test_padding_is_no_part_of_the_range(self) -> None:
        assert shown([-2000, -10, 0, 10], padding=(-2000, -1999)) == [0, 0, 128, 255]

    def test_a_picture_of_one_value_or_of_padding_alone_is_black(self) -> None:
        assert shown([7, 7]) == [0, 0]
        assert shown([7, 7], padding=(7, 7)) == [0, 0]


class TestModality:
    def test_the_window_sees_rescaled_values(self) -> None:
        facts = {"slope": 2.0, "intercept": -1000.0, "voi": VoiWindow(0, 201)}

        assert shown([450, 500, 550], **facts) == [1, 128, 255]

    def test_a_table_goes_before_the_rescale_and_ends_hold_beyond_it(self) -> None:
        lut = Lut(10, 16, np.array([0, 50, 100], np.uint16))

        assert shown([0, 10, 11, 12, 99], modality=lut, slope=7.0) == [0, 0, 128, 255, 255]

    def test_a_voi_table_is_as_bright_as_its_bits(self) -> None:
        lut = Lut(-1, 12, np.array([0, 2048, 4095], np.uint16))

        assert shown([-5, -1, 0, 1, 5], voi=lut) == [0, 0, 128, 255, 255]

    @pytest.mark.parametrize("dtype", ["<u2", "<i4", "<f4"])
    def test_the_wide_way_and_the_table_come_to_the_same(self, dtype: str) -> None:
        values = list(range(0, 3000, 7))
        facts = {"slope": 1.5, "intercept": -200.0, "voi": VoiWindow(600, 1800)}

        assert shown(values, dtype, **facts) == shown(values, "<i2", **facts)


class TestStored:
    def test_bits_beside_the_stored_ones_do_not_count(self) -> None:
        """An overlay in bit 12 of 12-bit pixels, as older scanners put it."""
        facts = {"bits_stored": 12, "high_bit": 11}

        assert shown([0x0000, 0x1800, 0x0FFF], "<u2", **facts) == [0, 128, 255]

    def test_the_sign_is_the_high_bit(self) -> None:
        facts = {"bits_stored": 12, "high_bit": 11, "signed": True}

        assert shown([0x0800, 0x0000, 0x07FF], "<u2", **facts) == [0, 128, 255]

    def test_pixels_at_the_upper_end_of_their_cells(self) -> None:
        facts = {"bits_stored": 12, "high_bit": 15}

        assert shown([0x0000, 0x8005, 0xFFF0], "<u2", **facts) == [0, 128, 255]

    def test_single_bits_are_black_and_white_even_alone(self) -> None:
        facts = {"bits_stored": 1, "high_bit": 0}

        assert shown([1, 1], "u1", **facts) == [255, 255]
        assert shown([0, 1], "u1", **facts) == [0, 255]

    def test_floats_that_are_no_numbers_are_black_and_do_not_spoil_the_range(self) -> None:
        values = [math.nan, -math.inf, -1.0, 0.0, 1.0, math.inf]

        assert shown(values, "<f8", inverse=False) == [0, 0, 0, 128, 255, 255]
        assert shown(values, "<f8", inverse=True)[0] == 0

    @given(
        hnp.arrays("<f8", (3, 5, 1), elements=st.floats(width=64)),
        st.floats(allow_nan=False, allow_infinity=False),
        st.floats(1, 1e300),
    )
    def test_no_floats_break_it(self, samples: np.ndarray, center: float, width: float) -> None:
        for voi in (None, VoiWindow(center, width), VoiWindow(center, width, "SIGMOID")):
            assert render_luminance(samples, Shading(voi=voi)).shape == (3, 5)


class TestColour:
    def test_inverse_turns_greys_round(self) -> None:
        assert shown([0, 5, 10], inverse=True) == [255, 128, 0]

    def test_rgb_is_weighed_as_bt_601_does(self) -> None:
        samples = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [255, 255, 255]]], "u1")

        assert render_luminance(samples, Shading("RGB")).tolist() == [[76, 150, 29, 255]]

    def test_ybr_is_its_luminance(self) -> None:
        samples = np.array([[[0, 1, 2], [100, 3, 4], [255, 5, 6]]], "u1")

        assert render_luminance(samples, Shading("YBR_FULL")).tolist() == [[0, 100, 255]]
        partial = render_luminance(samples, Shading("YBR_PARTIAL_422")).tolist()
        assert partial == [[0, 98, 255]]

    def test_colours_of_more_bits_are_brought_to_eight(self) -> None:
        samples = np.array([[[0, 0, 0], [1023, 1023, 1023]]], "<u2")
        shading = Shading("RGB", bits_stored=10, high_bit=9)

        assert render_luminance(samples, shading).tolist() == [[0, 255]]

    def test_a_palette_is_looked_up(self) -> None:
        lut = [Lut(1, 16, np.array(values, np.uint16)) for values in
               ([0, 65535, 0, 0], [0, 0, 65535, 0], [0, 0, 0, 65535])]  # fmt: skip
        facts = {"photometric": "PALETTE COLOR", "palette": tuple(lut)}

        assert shown([0, 1, 2, 3, 4, 9], "u1", **facts) == [0, 0, 76, 150, 29, 29]


class TestSegmented:
    def test_discrete_and_linear_segments(self) -> None:
        data = np.array([0, 2, 10, 20, 1, 4, 60], "<u2").tobytes()

        assert np.frombuffer(expand_segmented(data, 16), "<u2").tolist() == [10, 20, 30, 40, 50, 60]

    def test_bytes_are_counted_as_bytes(self) -> None:
        assert expand_segmented(bytes([0, 1, 0, 1, 2, 200]), 8) == b"\0\0\x64\0\xc8\0"

    def test_indirect_segments_repeat_what_stands_before(self) -> None:
        words = [0, 1, 5, 1, 2, 9, 2, 2, 0, 0, 0, 1, 7]

        entries = np.frombuffer(expand_segmented(np.array(words, "<u2").tobytes(), 16), "<u2")
        assert entries.tolist() == [5, 7, 9, 5, 7, 9, 7]

    @given(st.binary(max_size=200), st.sampled_from([8, 16]))
    def test_whatever_is_written_ends(self, data: bytes, bits: int) -> None:
        assert len(expand_segmented(data, bits)) <= 2 * MAX_ENTRIES

    def test_an_indirect_segment_that_repeats_itself_ends(self) -> None:
        data = np.array([2, 0xFFFF, 0, 0], "<u2").tobytes()

        assert expand_segmented(data, 16) == b""


class TestScaling:
    @given(
        hnp.arrays("u1", st.tuples(st.integers(1, 40), st.integers(1, 40))),
        st.integers(1, 12),
        st.integers(1, 12),
    )
    def test_each_pixel_is_the_mean_of_its_area(
        self, picture: np.ndarray, rows: int, columns: int
    ) -> None:
        """Against the picture blown up until every area is a whole number of pixels."""
        blown = np.kron(picture.astype(float), np.ones((rows, columns)))
        blocks = blown.reshape(rows, picture.shape[0], columns, picture.shape[1])

        found = area_mean(picture, rows, columns).astype(float)

        assert np.abs(found - blocks.mean(axis=(1, 3))).max() <= 0.51

    def test_a_large_picture_is_worked_through_in_bands(self) -> None:
        picture = np.random.default_rng(1).integers(0, 256, (1500, 3000), "u1")

        found = area_mean(picture, 30, 60).astype(float)

        assert np.abs(found - picture.reshape(30, 50, 60, 50).mean(axis=(1, 3))).max() <= 0.51

    @pytest.mark.parametrize(
        ("shape", "aspect", "filled"),
        [
            ((100, 100), 1.0, (slice(0, 64), slice(0, 64))),
            ((100, 50), 1.0, (slice(0, 64), slice(16, 48))),
            ((50, 100), 1.0, (slice(16, 48), slice(0, 64))),
            ((50, 100), 2.0, (slice(0, 64), slice(0, 64))),
            ((100, 100), 0.5, (slice(16, 48), slice(0, 64))),
            ((8, 4), 1.0, (slice(0, 64), slice(16, 48))),
        ],
    )
    def test_the_picture_keeps_its_shape_with_black_around_it(
        self, shape: tuple[int, int], aspect: float, filled: tuple[slice, slice]
    ) -> None:
        want = np.zeros((64, 64), "u1")
        want[filled] = 200

        assert (letterboxed(np.full(shape, 200, "u1"), 64, 64, aspect) == want).all()

    @pytest.mark.parametrize("aspect", [1e-6, 1e6])
    def test_of_a_picture_drawn_out_beyond_measure_a_line_is_left(self, aspect: float) -> None:
        found = letterboxed(np.full((3, 3), 200, "u1"), 16, 8, aspect)

        assert np.count_nonzero(found) == max(found.shape) if aspect > 1 else 8
