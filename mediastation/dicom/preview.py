"""One frame of an instance as the console shows it: made small, its window widened or moved."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mediastation.dicom.icon import MAX_ICON_SIDE, read_frame_to_show
from mediastation.dicom.render import (
    Lut,
    Shading,
    VoiWindow,
    luminance_of,
    render_colours,
    render_luminance,
    value_range,
)
from mediastation.dicom.scaling import letterboxed
from mediastation.dicom.shading import integers_of, pixel_aspect_of, shading_of
from mediastation.dicom.single_frame import SingleFrame
from mediastation.model.icon import IconImage
from mediastation.model.instance import InstanceHeader
from mediastation.model.picture import Picture, WindowChange

_NUMBER_OF_FRAMES = 0x00280008


def render_preview(
    path: Path,
    header: InstanceHeader,
    *,
    rows: int,
    columns: int,
    frame: int | None = None,
    change: WindowChange = WindowChange(),  # noqa: B008 - frozen
) -> Picture:
    """Return a picture of one frame, the representative one by default.

    Parameters
    ----------
    path, header
        As `mediastation.dicom.icon.render_icon` takes them; so are the errors.
    rows, columns : int
        Size of the picture, in square pixels.
    frame : int, optional
        Which frame, from 0.
    change : WindowChange
        From the window that the instance names first or, where it names none,
        from the range of its values. Colours have no window.
    """
    if not (0 < rows <= MAX_ICON_SIDE and 0 < columns <= MAX_ICON_SIDE):
        raise ValueError(f"no picture has {rows} x {columns} pixels")
    shown = read_frame_to_show(path, header, frame)
    samples = shown.samples
    shading = shading_of(
        shown.elements,
        shown.groups,
        shown.photometric,
        shown.bits_allocated,
        floats=samples.dtype.kind == "f",
    )
    window = _window(shown, shading, change)
    if window is not None:
        shading = replace(shading, voi=window)
    aspect = pixel_aspect_of(shown.elements, shown.groups)
    colours = b""
    if samples.shape[2] == 3 or shading.palette is not None:
        full = render_colours(samples, shading)
        parts = [letterboxed(full[..., n], rows, columns, aspect) for n in range(3)]
        in_colour = np.stack(parts, -1)
        small, colours = luminance_of(in_colour), in_colour.tobytes()
    else:
        small = letterboxed(render_luminance(samples, shading), rows, columns, aspect)
    frames = integers_of(shown.elements, _NUMBER_OF_FRAMES)
    return Picture(
        image=IconImage(rows, columns, small.tobytes()),
        frame=shown.number,
        frames=max(frames[0] if frames else 1, shown.number + 1),
        rows=samples.shape[0],
        columns=samples.shape[1],
        center=window.center if window else None,
        width=window.width if window else None,
        colours=colours,
    )


def _window(shown: SingleFrame, shading: Shading, change: WindowChange) -> VoiWindow | None:
    """Return the window to show; None where there is none, and a table's own look stays."""
    grey = shown.samples.shape[2] == 1 and shading.palette is None and shading.bits_stored > 1
    if not grey:
        return None
    first = shading.voi
    if isinstance(first, Lut):
        if change == WindowChange():
            return None
        first = None
    if first is None:
        low, high = value_range(shown.samples, replace(shading, voi=None))
        # The linear function reaches from black to white over one less than its width.
        first = VoiWindow((low + high + 1) / 2, max(high - low, 0.0) + 1)
        if change == WindowChange() and shading.voi is None:
            first = VoiWindow((low + high) / 2, max(high - low, 1e-6), "LINEAR_EXACT")
    width = first.width * change.width_factor
    least = 1.0 if first.function == "LINEAR" else 1e-6
    window = VoiWindow(
        first.center + first.width * change.level_shift, max(width, least), first.function
    )
    return window if window.is_sane else first
