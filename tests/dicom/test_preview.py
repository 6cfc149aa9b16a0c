"""Pictures for the screen: the window moves as the keys say, and hostile files give words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mediastation.dicom.icon import CannotRender
from mediastation.dicom.preview import render_preview
from mediastation.dicom.worker_messages import Delivered, PreviewTask, decode_answer, encode_answer
from mediastation.dicom.workers import CodecWorkers, Done
from mediastation.model.instance import InstanceHeader
from mediastation.model.picture import Picture, WindowChange
from tests.support.objects import write_ct

HEADER = InstanceHeader("1.2", "1.2.3", "1.2.840.10008.1.2.1")
RAMP = np.arange(16, dtype="<u2").tobytes()


def shades(picture: Picture) -> list[int]:
    return list(picture.image.pixels)


def ramp(folder: Path, **facts: Any) -> Path:
    """Sixteen pixels with the values 0 to 15."""
    return write_ct(folder / "ramp.dcm", PixelData=RAMP, **facts)


def shown(path: Path, change: WindowChange = WindowChange(), **words: int) -> Picture:  # noqa: B008
    return render_preview(path, HEADER, rows=4, columns=4, change=change, **words)


class TestWindow:
    def test_without_one_the_values_reach_from_black_to_white(self, tmp_path: Path) -> None:
        picture = shown(ramp(tmp_path))

        assert shades(picture) == [round(n * 17) for n in range(16)]
        assert (picture.center, picture.width) == (7.5, 15)
        assert (picture.rows, picture.columns, picture.frame, picture.frames) == (4, 4, 0, 1)

    def test_the_instance_s_own_is_the_first(self, tmp_path: Path) -> None:
        picture = shown(ramp(tmp_path, WindowCenter="8", WindowWidth="4"))

        assert (picture.center, picture.width) == (8, 4)
        assert shades(picture)[:6] == [0] * 6
        assert shades(picture)[10:] == [255] * 6

    def test_wider_is_less_contrast(self, tmp_path: Path) -> None:
        path = ramp(tmp_path, WindowCenter="8", WindowWidth="8")

        wider = shown(path, WindowChange(width_factor=2))

        assert (wider.center, wider.width) == (8, 16)
        assert len(set(shades(wider))) > len(set(shades(shown(path))))

    def test_a_higher_level_is_darker(self, tmp_path: Path) -> None:
        path = ramp(tmp_path, WindowCenter="8", WindowWidth="8")

        assert sum(shades(shown(path, WindowChange(1, 0.5)))) < sum(shades(shown(path)))

    def test_no_change_is_too_small_or_too_large(self, tmp_path: Path) -> None:
        for change in (WindowChange(1e-9, 0), WindowChange(1e9, 1e9), WindowChange(1, -1e9)):
            assert len(shades(shown(ramp(tmp_path), change))) == 16

    def test_one_value_alone_is_a_picture(self, tmp_path: Path) -> None:
        flat = write_ct(tmp_path / "flat.dcm", PixelData=b"\x05\x00" * 16)

        for change in (WindowChange(), WindowChange(2, 0.1)):
            assert len(set(shades(shown(flat, change)))) == 1

    def test_colour_has_no_window(self, tmp_path: Path) -> None:
        path = write_ct(
            tmp_path / "rgb.dcm", PixelData=bytes(range(48)), SamplesPerPixel=3, BitsAllocated=8,
            BitsStored=8, HighBit=7, PhotometricInterpretation="RGB", PlanarConfiguration=0,
        )  # fmt: skip

        picture = shown(path, WindowChange(3, 1))

        assert (picture.center, picture.width) == (None, None)
        assert picture == shown(path)


class TestFrames:
    def test_each_frame_is_there_and_no_other(self, tmp_path: Path) -> None:
        path = write_ct(tmp_path / "f.dcm", PixelData=RAMP + RAMP[::-1], NumberOfFrames="2")

        assert [shown(path, frame=n).frame for n in (0, 1)] == [0, 1]
        assert shown(path).frames == 2
        with pytest.raises(CannotRender, match="no frame 3 of 2"):
            shown(path, frame=2)


def test_what_has_no_pixels_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotRender, match="no pixels"):
        shown(write_ct(tmp_path / "sr.dcm", PixelData=None))


@pytest.mark.parametrize("window", [(None, None), (40.5, 400.0)])
def test_a_picture_comes_back_from_the_other_process(
    window: tuple[float | None, float | None], tmp_path: Path
) -> None:
    picture = shown(ramp(tmp_path))
    picture = Picture(picture.image, 1, 2, 4, 4, *window)

    assert decode_answer(encode_answer(Delivered(picture))) == Delivered(picture)


def test_the_other_process_renders_it(tmp_path: Path) -> None:
    path = ramp(tmp_path)
    task = PreviewTask(7, path, HEADER, 4, 4, None, WindowChange(2, 0.1))

    with CodecWorkers(1) as workers:
        (done,) = workers.run([task])

    assert isinstance(done, Done)
    assert done.value == shown(path, WindowChange(2, 0.1))


class TestColour:
    """Expected colours are typed from the equations of PS3.3 C.7.6.3.1.2."""

    @staticmethod
    def colours(folder: Path, photometric: str, *pixel: int, bits: int = 8) -> tuple[int, ...]:
        kind = "u1" if bits <= 8 else "<u2"
        path = write_ct(
            folder / "c.dcm", PixelData=np.array(pixel * 16, kind).tobytes(), SamplesPerPixel=3,
            BitsAllocated=8 if bits <= 8 else 16, BitsStored=bits, HighBit=bits - 1,
            PhotometricInterpretation=photometric, PlanarConfiguration=0,
        )  # fmt: skip
        picture = shown(path)
        assert len(picture.colours) == 48
        (one,) = {picture.colours[n : n + 3] for n in range(0, 48, 3)}
        return tuple(one)

    @pytest.mark.parametrize(
        ("photometric", "pixel", "seen"),
        [
            ("RGB", (255, 0, 0), (255, 0, 0)),
            ("RGB", (10, 200, 30), (10, 200, 30)),
            ("YBR_FULL", (76, 85, 255), (254, 0, 0)),
            ("YBR_FULL", (150, 44, 21), (0, 255, 1)),
            ("YBR_FULL", (29, 255, 107), (0, 0, 254)),
            ("YBR_FULL", (128, 128, 128), (128, 128, 128)),
        ],
    )
    def test_it_is_the_colour_that_was_meant(
        self, tmp_path: Path, photometric: str, pixel: tuple[int, ...], seen: tuple[int, ...]
    ) -> None:
        assert self.colours(tmp_path, photometric, *pixel) == seen

    def test_deeper_samples_reach_as_far(self, tmp_path: Path) -> None:
        assert self.colours(tmp_path, "RGB", 65535, 32768, 0, bits=16) == (255, 128, 0)

    def test_a_palette_is_shown_in_its_colours(self, tmp_path: Path) -> None:
        table: dict[str, Any] = {
            f"{name}PaletteColorLookupTable{part}": value
            for name, entries in (("Red", (0, 0xFFFF)), ("Green", (0, 0x8080)), ("Blue", (0, 0)))
            for part, value in (
                ("Descriptor", [2, 0, 16]),
                ("Data", np.array(entries, "<u2").tobytes()),
            )
        }
        path = write_ct(
            tmp_path / "p.dcm", PixelData=bytes([0, 1] * 8), BitsAllocated=8, BitsStored=8,
            HighBit=7, PhotometricInterpretation="PALETTE COLOR", **table,
        )  # fmt: skip

        picture = shown(path)

        assert picture.colours[:6] == bytes((0, 0, 0, 255, 128, 0))
        assert shades(picture)[:2] == [0, round(0.299 * 255 + 0.587 * 128)]

    def test_grey_has_none(self, tmp_path: Path) -> None:
        assert shown(ramp(tmp_path)).colours == b""

    def test_it_comes_back_from_the_other_process(self, tmp_path: Path) -> None:
        self.colours(tmp_path, "RGB", 10, 200, 30)
        picture = shown(tmp_path / "c.dcm")

        assert decode_answer(encode_answer(Delivered(picture))) == Delivered(picture)
