"""The small picture of an image that a directory record carries (PS3.3 F.7)."""

from __future__ import annotations

from pathlib import Path

from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.render import render_luminance
from mediastation.dicom.scaling import letterboxed
from mediastation.dicom.shading import pixel_aspect_of, shading_of
from mediastation.dicom.single_frame import SingleFrame, read_single_frame
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error
from mediastation.model.icon import IconImage
from mediastation.model.instance import InstanceHeader

MAX_ICON_SIDE = 1024


class CannotRender(Exception):  # noqa: N818 - a refusal of data, not a fault of the program
    """The instance gives no picture; `finding` says why."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding


def render_icon(path: Path, header: InstanceHeader, *, rows: int, columns: int) -> IconImage:
    """Return the picture of an instance as a station would first show it, made small.

    The representative frame alone is read and decoded. It is shown through
    its own rescale and first window, undistorted, with black around it.

    Parameters
    ----------
    path : Path
        The instance, in any Transfer Syntax that is decoded here.
    header : InstanceHeader
        What was read of it, for its name in findings.
    rows, columns : int
        Size of the icon, at most `MAX_ICON_SIDE`.

    Raises
    ------
    CannotRender
        There are no pixels, or they cannot be read with certainty. The rules
        are those of `mediastation.dicom.single_frame.read_single_frame`.
    MediaError
        `path` cannot be read.
    """
    if not (0 < rows <= MAX_ICON_SIDE and 0 < columns <= MAX_ICON_SIDE):
        raise ValueError(f"no icon has {rows} x {columns} pixels")
    frame = read_frame_to_show(path, header)
    samples = frame.samples
    shading = shading_of(
        frame.elements,
        frame.groups,
        frame.photometric,
        frame.bits_allocated,
        floats=samples.dtype.kind == "f",
    )
    picture = render_luminance(samples, shading)
    aspect = pixel_aspect_of(frame.elements, frame.groups)
    icon = letterboxed(picture, rows, columns, aspect)
    return IconImage(rows, columns, icon.tobytes())


def read_frame_to_show(
    path: Path, header: InstanceHeader, number: int | None = None
) -> SingleFrame:
    """Read one frame, the representative one by default; raises what `render_icon` does."""
    subject = header.sop_instance_uid or str(path)
    try:
        return read_single_frame(path, number)
    except RefusalError as fault:
        raise CannotRender(error(fault.rule, subject, fault.message, fault.hint)) from fault
    except FileNotFoundError as fault:
        raise stored_file_gone(subject, path) from fault
    except OSError as fault:
        raise MediaError(
            f"{fault.filename or path}: {fault.strerror or fault}",
            "Look at the disk and at the permissions in the station's home.",
        ) from fault
