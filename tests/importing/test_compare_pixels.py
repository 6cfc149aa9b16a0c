"""Other pixels under a known UID, and known pixels under another one, are noticed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.uid import RLELossless

from mediastation.catalog.catalog import Catalog
from mediastation.importing.judge import PixelVerdict
from mediastation.model.importing import Standing
from tests.importing.rivals import OTHER, PIXELS, SOMEBODY_ELSE, squeezed, write
from tests.support.arrivals import Lender, arrival, compared, keep
from tests.support.built import compressed


class TestOtherPixels:
    def test_one_bit_is_enough(self, catalog: Catalog, tmp_path: Path) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        spoiled = bytes([*PIXELS[:-1], PIXELS[-1] ^ 1])

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", PixelData=spoiled))

        assert (comparison.standing, comparison.other) == (Standing.OTHER_PIXELS, entry)
        assert comparison.pixels is PixelVerdict.OTHER

    def test_one_bit_that_no_key_sees_is_enough(self, catalog: Catalog, tmp_path: Path) -> None:
        """A key reads three pieces; what decides is the whole."""
        pixels = bytearray(np.arange(200 * 200, dtype="<u2").tobytes())
        shape: dict[str, Any] = {"Rows": 200, "Columns": 200}
        one = write(tmp_path, "a", PixelData=bytes(pixels), **shape)
        pixels[20_000] ^= 4
        other = write(tmp_path, "b", PixelData=bytes(pixels), **shape)
        keep(catalog, one)
        assert arrival(one).pixel_key == arrival(other).pixel_key

        (comparison,) = compared(catalog, tmp_path, other)

        assert comparison.standing is Standing.OTHER_PIXELS

    def test_a_compressed_image_with_other_pixels_is_one(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        squeezed_other = squeezed(write(tmp_path, "b", PixelData=OTHER), tmp_path / "c")

        (comparison,) = compared(catalog, tmp_path, squeezed_other)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.OTHER

    def test_what_nothing_decodes_may_have_other_pixels(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        keep(catalog, path)
        broken = compressed(tmp_path / "b", pydicom.dcmread(path), RLELossless, [b"no frame" * 8])

        (comparison,) = compared(catalog, tmp_path, broken)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.UNTOLD

    def test_a_file_that_is_cut_short_is_not_the_whole_one(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        keep(catalog, path)
        cut = tmp_path / "b"
        cut.write_bytes(path.read_bytes()[:-7])

        (comparison,) = compared(catalog, tmp_path, cut)

        assert comparison.standing is Standing.OTHER_PIXELS

    def test_an_image_without_its_pixels_is_not_the_image(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", PixelData=None))

        assert comparison.standing is Standing.OTHER_PIXELS

    @pytest.mark.parametrize("gone", ["medium", "store"])
    def test_a_file_that_cannot_be_read_is_not_believed(
        self, catalog: Catalog, tmp_path: Path, gone: str
    ) -> None:
        path, other = write(tmp_path, "a"), write(tmp_path, "b", PatientSex="M")
        keep(catalog, path)
        lender = Lender(str(other)) if gone == "medium" else Lender()
        if gone == "store":
            catalog.store.path(arrival(path).sha256).unlink()

        (comparison,) = compared(catalog, tmp_path, other, lender=lender)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.UNTOLD
        assert "cannot be read" in comparison.differences.unread

    @pytest.mark.parametrize("cut", ["what was here first", "what came now"])
    def test_which_of_them_is_not_whole_is_said(
        self, catalog: Catalog, tmp_path: Path, cut: str
    ) -> None:
        """Else the whole one, from a better copy of the disc, is left and the torso kept."""
        first, second = write(tmp_path, "a"), write(tmp_path, "b")
        torso = first if cut == "what was here first" else second
        torso.write_bytes(torso.read_bytes()[:-40])
        keep(catalog, first)

        (comparison,) = compared(catalog, tmp_path, second)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.differences.unread == f"{cut}: it is cut short or damaged"


class TestCopiedPixels:
    def test_an_image_under_another_uid_in_another_study(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, copy)

        assert (comparison.standing, comparison.other) == (Standing.COPIED_PIXELS, entry)

    def test_on_one_medium(self, catalog: Catalog, tmp_path: Path) -> None:
        first = write(tmp_path, "a")
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **SOMEBODY_ELSE)

        _, comparison = compared(catalog, tmp_path, first, copy)

        assert (comparison.standing, comparison.other_path) == (Standing.COPIED_PIXELS, str(first))

    def test_another_persons_image_goes_before_ones_own(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a", SOPInstanceUID="1.5", StudyInstanceUID="1.5"))
        strange = keep(
            catalog,
            write(tmp_path, "b", SOPInstanceUID="1.6", StudyInstanceUID="1.6", **SOMEBODY_ELSE),
        )

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "c"))

        assert comparison.other == strange

    def test_a_localizer_repeated_in_its_study_is_new(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        repeated = [
            write(tmp_path, f"b{n}", SOPInstanceUID=f"1.9.{n}", SeriesInstanceUID=f"1.8.{n}")
            for n in range(3)
        ]

        standings = {one.standing for one in compared(catalog, tmp_path, *repeated)}

        assert standings == {Standing.NEW}

    @pytest.mark.parametrize("value", [0, 1, 0xFFFF])
    def test_blank_images_copy_nothing(self, catalog: Catalog, tmp_path: Path, value: int) -> None:
        blank: dict[str, Any] = {
            "Rows": 64,
            "Columns": 64,
            "PixelData": np.full(4096, value, "<u2").tobytes(),
        }
        native = write(tmp_path, "a", **blank)
        keep(catalog, native)
        other = {"SOPInstanceUID": "1.9", "StudyInstanceUID": "1.8", **blank, **SOMEBODY_ELSE}

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", **other))

        assert comparison.standing is Standing.NEW

    def test_blank_compressed_images_copy_nothing(self, catalog: Catalog, tmp_path: Path) -> None:
        blank: dict[str, Any] = {"Rows": 64, "Columns": 64, "PixelData": bytes(8192)}
        keep(catalog, squeezed(write(tmp_path, "a", **blank), tmp_path / "a2"))
        other = write(
            tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **blank, **SOMEBODY_ELSE
        )

        (comparison,) = compared(catalog, tmp_path, squeezed(other, tmp_path / "b2"))

        assert comparison.standing is Standing.NEW

    def test_a_large_image_with_black_borders_is_compared_whole(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        """Three pieces see only black here: no copy is claimed, whatever lies between."""
        shape: dict[str, Any] = {"Rows": 512, "Columns": 512}
        keep(catalog, write(tmp_path, "a", **shape, PixelData=bytes(512 * 512 * 2)))
        pixels = bytearray(512 * 512 * 2)
        pixels[100_000] = 1

        (comparison,) = compared(
            catalog,
            tmp_path,
            write(
                tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **shape,
                PixelData=bytes(pixels),
            ),
        )  # fmt: skip

        assert comparison.standing is Standing.NEW

    def test_objects_without_pixels_copy_nothing(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a", PixelData=None))
        other = write(tmp_path, "b", PixelData=None, SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, other)

        assert comparison.standing is Standing.NEW

    def test_a_copy_that_cannot_be_read_again_is_only_new(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, copy, lender=Lender(str(copy)))

        assert comparison.standing is Standing.NEW
