"""Compressed copies reread: every frame decoded and held against the native one, every element too.

Decoders of another origin than the encoder look at them wherever there are any.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX, Codestream, Family
from mediastation.dicom.compress import Encapsulation
from mediastation.dicom.fragments import FrameIndex, read_frame_index
from mediastation.dicom.frame_pool import FramePool
from mediastation.dicom.frames import compressed_limit, decode_frame, open_frame, plan_decoding
from mediastation.dicom.image import Image
from mediastation.dicom.pixel_module import (
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    OFFSET_TABLES,
    PixelModule,
)
from mediastation.dicom.reencode import EXPLICIT, DifferentError, require_same_value
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import Kind, MalformedError, Token, Walk, Window

_DECODERS = {Family.JPEG: (False, True), Family.JPEG_2000: (False,), Family.RLE: (True, False)}
"""Whether to decode `again`, as `mediastation.dicom.frames.decode_frame` has it.

The first decoder looks at every frame, another one at the first frame too: one
alone may forgive a codestream what others do not. JPEG 2000 has one only, of
the encoder's origin; there the codestream's header has to say what was meant.
"""


def require_same_image(
    window: Window,
    plan: Encapsulation,
    written: Window,
    start: int,
    pool: FramePool,
    proved: Callable[[], None],
) -> None:
    """Reread what `mediastation.dicom.compress` wrote and hold it against the native source.

    Parameters
    ----------
    window : Window
        The native file.
    plan : Encapsulation
        What was made of it.
    written : Window
        The compressed file.
    start : int
        Its data set's first byte.
    pool : FramePool
        What the decoders run in.
    proved : callable
        Called after each frame.

    Raises
    ------
    DifferentError
        At the first difference; its tag is that of Pixel Data if a frame does
        not come back bit by bit.
    """
    try:
        module = _require_same_elements(window, plan, written, start)
        _require_same_frames(window, plan, written, module, pool, proved)
    except (RefusalError, MalformedError) as fault:
        raise DifferentError(f"the copy cannot be read: {fault}", PIXEL_DATA) from fault


def _require_same_elements(
    window: Window, plan: Encapsulation, written: Window, start: int
) -> PixelModule:
    """Walk both data sets side by side; return what the written one says of its pixels."""
    apart = {PIXEL_DATA, *plan.values, *OFFSET_TABLES}
    module = PixelModule()
    changed: dict[int, bytes] = {}

    def shared(walk: Walk, own: bool) -> Iterator[Token]:
        for token in walk:
            if token.depth == 0 and token.kind in (Kind.ELEMENT, Kind.SEQUENCE, Kind.FRAGMENTS):
                if own:
                    module.learn(token)
                    if token.tag == PIXEL_DATA:
                        module.pixels = token
                    if token.tag in plan.values:
                        size = token.value - token.start + token.length
                        changed[token.tag] = written.read(token.start, size)
                if token.tag in apart or (not own and token.tag & 0xFFFF == 0):
                    continue
            yield token

    ours = shared(Walk(written, start, written.size, EXPLICIT), True)
    for token in shared(Walk(window, plan.start, plan.end, EXPLICIT), False):
        other = next(ours, None)
        if other is None or (other.kind, other.tag) != (token.kind, token.tag):
            raise DifferentError("an element is missing in the written data set", token.tag)
        if token.kind is Kind.ELEMENT:
            require_same_value(window, token, EXPLICIT, written, other)
        elif (other.length, other.undefined) != (token.length, token.undefined):
            raise DifferentError("a sequence has another length", token.tag)
    if next(ours, None) is not None:
        raise DifferentError("the written data set has an element too many")
    if changed != plan.values:
        raise DifferentError("a changed element differs")
    return module


def _require_same_frames(
    window: Window,
    plan: Encapsulation,
    written: Window,
    module: PixelModule,
    pool: FramePool,
    proved: Callable[[], None],
) -> None:
    if module.pixels is None or module.pixels.kind is not Kind.FRAGMENTS:
        raise DifferentError("the written pixels are not encapsulated", PIXEL_DATA)
    image = module.image(written)
    family = FAMILY_OF_SYNTAX[plan.target]
    index = _frame_index(written, module, image, family)
    frames = plan.image.frames
    if image.frames != frames or len(index.offsets) != frames:
        raise DifferentError("the written pixels have another number of frames", PIXEL_DATA)
    limit = compressed_limit(image) + plan.frame_bytes
    transformed = image.photometric == "YBR_RCT"
    signed = plan.image.signed if family is Family.JPEG_2000 else None
    announced = (plan.precision, signed, transformed)

    def differs(number: int) -> bool:
        data, code = open_frame(index.read(number, limit), family, image)
        if not code.lossless or _announced(code) != announced:
            return True
        plan_of_frame = plan_decoding(code, image)
        native = plan.frame(window, number)
        for again in _DECODERS[family] if number == 0 else _DECODERS[family][:1]:
            samples = decode_frame(data, code, plan_of_frame, image, again=again)
            if samples.dtype.itemsize != native.dtype.itemsize or not np.array_equal(
                np.ascontiguousarray(samples).view(native.dtype), native
            ):
                return True
        return False

    for number, different in enumerate(pool.in_order(differs, frames, 2 * plan.frame_bytes)):
        if different:
            raise DifferentError(f"frame {number + 1} does not come back as it was", PIXEL_DATA)
        proved()


def _announced(code: Codestream) -> tuple[int, bool | None, bool]:
    return code.precision, code.signed, code.multi_component


def _frame_index(written: Window, module: PixelModule, image: Image, family: Family) -> FrameIndex:
    """Find the frames, and require that the offset table there is leads to each of them."""
    pixels = module.pixels
    assert pixels is not None  # noqa: S101 - the caller looked
    extended = module.elements.get(EXTENDED_OFFSETS)
    span = (extended.value, extended.length) if extended else None
    end = pixels.value + pixels.length
    index = read_frame_index(written, pixels.value, end, image.frames, family, span)
    first = index.offsets[0]
    expected = [offset - first for offset in index.offsets]
    basic = written.read(
        pixels.value + 8, int.from_bytes(written.read(pixels.value + 4, 4), "little")
    )
    if extended is None:
        tables = [(basic, expected, "<u4")]
    else:
        lengths = module.elements.get(EXTENDED_LENGTHS)
        if lengths is None or basic:
            raise DifferentError("the written offset tables contradict each other", PIXEL_DATA)
        tables = [
            (written.read(extended.value, extended.length), expected, "<u8"),
            (written.read(lengths.value, lengths.length), list(index.lengths), "<u8"),
        ]
    for found, values, kind in tables:
        if found != np.array(values, kind).tobytes():
            raise DifferentError("a written offset table leads astray", PIXEL_DATA)
    return index
