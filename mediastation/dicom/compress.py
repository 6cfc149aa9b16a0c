"""Native pixels as encapsulated ones, without loss, and proved.

The data set is Explicit VR Little Endian before and after, so it is copied byte
for byte but for the pixels and the few attributes that follow the codec. Images
in nested items (icons) stay native, as PS3.5 A.4 lets them. The frames go
through one at a time, a few more where several threads work on them.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import Final

import numpy as np

from mediastation.dicom.decoders import Samples
from mediastation.dicom.elements import ITEM
from mediastation.dicom.encodable import encoded_photometric, image_obstacle
from mediastation.dicom.encoders import encode_frame
from mediastation.dicom.frame_pool import FramePool
from mediastation.dicom.image import Image
from mediastation.dicom.pixel_module import (
    EXTENDED_LENGTHS,
    EXTENDED_OFFSETS,
    OFFSET_TABLES,
    PHOTOMETRIC,
    PLANAR,
    PixelModule,
    Splice,
    put,
    removed,
)
from mediastation.dicom.reencode import EXPLICIT, SEQUENCE_CLOSE
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import Kind, MalformedError, Token, TruncatedError, Walk, Window
from mediastation.model import transfer_syntax as ts
from mediastation.model.element_encoding import UNDEFINED, encode_element, encode_head

MAX_BASIC_OFFSET = 0xFFFFFFFF
"""What an entry of the Basic Offset Table can say (PS3.5 A.4)."""

MAX_FRAGMENT_BYTES: Final = 0xFFFFFFFE

_ULTRASOUND = frozenset(f"1.2.840.10008.5.1.4.1.1.{n}" for n in ("3", "3.1", "6", "6.1"))
"""SOP Classes with the US Image Module, retired ones too (PS3.3 A.6, A.7)."""

_SPOOLED_IN_MEMORY = 1 << 23
_CHUNK = 1 << 20
_ITEM_HEAD = struct.Struct("<HHL").pack


@dataclass(frozen=True, slots=True)
class Encapsulation:
    """How a native data set becomes one with compressed pixels.

    Parameters
    ----------
    start, end : int
        The native data set, without zeros that follow it.
    splices : tuple of Splice
        What is left out or written in another way before and after the pixels.
    values : mapping of int to bytes
        The encoded elements among them that are written, by tag.
    pixels : Token
        The native Pixel Data.
    image : Image
        Its shape.
    planar : bool
        Whether its frames hold one plane a sample.
    target : str
        The Transfer Syntax to be written.
    precision : int
        Bits of a sample that are coded, where the codec leaves that open.
    changed : tuple of str
        What the splices change, for the person who reads the finding.
    """

    start: int
    end: int
    splices: tuple[Splice, ...]
    values: dict[int, bytes]
    pixels: Token
    image: Image
    planar: bool
    target: str
    precision: int
    changed: tuple[str, ...]

    @property
    def frame_bytes(self) -> int:
        """Bytes of a native frame."""
        return self.image.frame_bits // 8

    def frame(self, window: Window, number: int) -> Samples:
        """Return the native samples of a frame: shape ``(rows, columns, samples)``, in C order."""
        image, size = self.image, self.frame_bytes
        data = window.read(self.pixels.value + number * size, size)
        if len(data) < size:
            raise TruncatedError("the file ends within the pixels")
        cells = np.frombuffer(data, f"<{'i' if image.signed else 'u'}{image.bits_allocated // 8}")
        if self.planar:
            planes = cells.reshape(image.samples, image.rows, image.columns)
            return planes.transpose(1, 2, 0).copy()  # encoders look at strides
        return cells.reshape(image.rows, image.columns, image.samples)


def plan_encapsulation(
    window: Window, start: int, target: str, sop_class_uid: str, pool: FramePool
) -> Encapsulation:
    """Walk a native Explicit VR Little Endian data set and decide what becomes of it.

    For JPEG 2000 every frame is looked at: its codestream announces Bits
    Stored if all samples keep within them, and Bits Allocated if some do not
    (overlays in unused bits, sloppy signs), so that no bit is lost. Bits
    Allocated are announced too where a whole byte of each cell is unused: some
    decoders would give narrower cells then.

    Raises
    ------
    RefusalError
        ``"not-encodable"``, ``"pixel-attributes"`` or ``"truncated"``.
    MalformedError
        The data set does not parse, or has compressed pixels.
    """
    module = PixelModule()
    walk = Walk(window, start, window.size, EXPLICIT)
    for token in walk:
        if token.kind is Kind.FRAGMENTS:
            raise MalformedError("its pixels are encapsulated and its transfer syntax has none")
        if token.depth == 0 and token.kind in (Kind.ELEMENT, Kind.SEQUENCE):
            module.learn(token)
            if token.tag == PIXEL_DATA:
                module.pixels = token
    if module.pixels is None:
        raise not_encodable("the instance has no pixels")
    image = module.image(window)
    planar = int.from_bytes(module.text(window, PLANAR)[:2], "little")
    if why := image_obstacle(image, target, planar):
        raise not_encodable(why)
    over = _require_all_pixels(window, module.pixels, image)
    end = window.size if walk.padded_from is None else walk.padded_from
    splices, values, changed = _attributes(
        window,
        module,
        image,
        end,
        photometric=encoded_photometric(image.photometric, target),
        planar=_planar_after(image, target, sop_class_uid, planar),
    )
    if over > image.size_bytes % 2:
        changed.append(f"{over} zero bytes after the last frame removed")
    if end < window.size:
        changed.append("zeros after the data set removed")
    plan = Encapsulation(
        start=start,
        end=end,
        splices=splices,
        values=values,
        pixels=module.pixels,
        image=image,
        planar=image.samples > 1 and planar == 1,
        target=target,
        precision=image.bits_allocated,
        changed=tuple(changed),
    )
    if target == ts.JPEG_2000_LOSSLESS and _keeps_within_bits_stored(window, plan, pool):
        return replace(plan, precision=image.bits_stored)
    return plan


def not_encodable(why: str) -> RefusalError:
    """Return the refusal of pixels that a codec cannot hold."""
    return RefusalError(
        "not-encodable",
        f"the pixels cannot be compressed: {why}",
        "Export the instance without compression, or with another one.",
    )


def _require_all_pixels(window: Window, pixels: Token, image: Image) -> int:
    """Return how many zero bytes follow the frames; refuse other bytes, and frames cut short."""
    over = pixels.length - image.size_bytes
    lengths = f"Pixel Data has {pixels.length} bytes where its attributes need {image.size_bytes}"
    if over < 0:
        raise RefusalError(
            "truncated", lengths, "The object is incomplete; ask the sender to send it again."
        )
    for chunk in window.chunks(pixels.value + image.size_bytes, over):
        if chunk.strip(b"\0"):
            raise not_encodable(f"{lengths}, and what is over would be lost")
    return over


def _planar_after(image: Image, target: str, sop_class_uid: str, planar: int) -> int:
    """Return the Planar Configuration of the compressed image.

    It is 0 where the codec interleaves (PS3.5 8.2.1, 8.2.4). RLE segments are
    planes whatever it says (8.2.2), so it stays, as DCMTK leaves it: some IODs
    want 0 always. The US Image Module wants 1 for YBR_FULL (PS3.3 C.8.5.6).
    """
    if target != ts.RLE_LOSSLESS:
        return 0
    wants_planes = image.photometric == "YBR_FULL" and sop_class_uid in _ULTRASOUND
    return 1 if wants_planes else planar


def _attributes(
    window: Window, module: PixelModule, image: Image, end: int, *, photometric: str, planar: int
) -> tuple[tuple[Splice, ...], dict[int, bytes], list[str]]:
    """Return the splices around the pixels, the elements they write, and words for both."""
    splices, changed = [], []
    values: dict[int, bytes] = {}
    for token in module.group_lengths:
        splices.append(removed(token))
    if splices:
        changed.append("group lengths removed")
    for tag in OFFSET_TABLES:
        if tag in module.elements:
            splices.append(removed(module.elements[tag]))
            changed.append("offset tables removed")
    if photometric != image.photometric:
        splices.append(put(module, PHOTOMETRIC, "CS", photometric.encode(), end))
        values[PHOTOMETRIC] = splices[-1].header
        changed.append(f"Photometric Interpretation {image.photometric} to {photometric}")
    if image.samples > 1 and module.text(window, PLANAR) != bytes([planar, 0]):
        splices.append(put(module, PLANAR, "US", bytes([planar, 0]), end))
        values[PLANAR] = splices[-1].header
        changed.append(f"Planar Configuration {planar}")
    # At one place, what is removed from it comes before what is put there.
    splices.sort(key=lambda item: (item.start, item.end))
    return tuple(splices), values, changed


def _keeps_within_bits_stored(window: Window, plan: Encapsulation, pool: FramePool) -> bool:
    image = plan.image
    if image.bits_stored == image.bits_allocated:
        return True
    if image.bits_stored <= image.bits_allocated - 8:
        return False
    low, high = 0, (1 << image.bits_stored) - 1
    if image.signed:
        low, high = -(1 << image.bits_stored - 1), (1 << image.bits_stored - 1) - 1

    def within(number: int) -> bool:
        samples = plan.frame(window, number)
        return bool(samples.min() >= low and samples.max() <= high)

    return all(pool.in_order(within, image.frames, plan.frame_bytes))


def iter_encapsulated(
    window: Window,
    plan: Encapsulation,
    folder: Path,
    pool: FramePool,
    encoded: Callable[[int], None],
) -> Iterator[bytes]:
    """Yield the data set with its pixels compressed, one fragment a frame.

    The offset table stands before the frames and is known after them: they
    wait in memory if they are small, else in a file of `folder` without name.

    Parameters
    ----------
    window : Window
        The native file.
    plan : Encapsulation
        What to make of it.
    folder : Path
        Where there is room for as much as comes out.
    pool : FramePool
        What the encoders run in.
    encoded : callable
        Called with the number of frames that are done.

    Raises
    ------
    RefusalError
        ``"not-encodable"`` if the encoder fails.
    """

    def encode(number: int) -> bytes:
        samples = plan.frame(window, number)
        try:
            code = encode_frame(samples, plan.image, plan.target, plan.precision)
        except Exception as fault:  # encoders raise what they like
            raise not_encodable(f"frame {number + 1}: {fault or type(fault).__name__}") from fault
        return code + b"\0" * (len(code) % 2)

    with SpooledTemporaryFile(_SPOOLED_IN_MEMORY, dir=str(folder)) as spool:
        lengths = array("Q")
        for code in pool.in_order(encode, plan.image.frames, plan.frame_bytes):
            if len(code) > MAX_FRAGMENT_BYTES:
                raise not_encodable(f"frame {len(lengths) + 1} does not fit a fragment")
            spool.write(code)
            lengths.append(len(code))
            encoded(len(lengths))
        spool.seek(0)
        position = plan.start
        before = [item for item in plan.splices if item.start < plan.pixels.start]
        for splice in before:
            yield from window.chunks(position, splice.start - position)
            yield splice.header
            position = splice.end
        yield from window.chunks(position, plan.pixels.start - position)
        yield _tables_and_head(lengths)
        for length in lengths:
            yield _ITEM_HEAD(ITEM >> 16, ITEM & 0xFFFF, length)
            for at in range(0, length, _CHUNK):
                yield spool.read(min(_CHUNK, length - at))
        yield SEQUENCE_CLOSE
    position = plan.pixels.value + plan.pixels.length
    for splice in plan.splices[len(before) :]:
        yield from window.chunks(position, splice.start - position)
        yield splice.header
        position = splice.end
    yield from window.chunks(position, plan.end - position)


def _tables_and_head(lengths: array[int]) -> bytes:
    """Return the bytes from the Extended Offset Table to the first frame (PS3.5 A.4).

    The Extended Offset Table is written where the basic one has too few bits,
    and only there: it is the younger one, and fewer readers know it. Its
    lengths count the padding that makes fragments even.
    """
    offsets, at = array("Q"), 0
    for length in lengths:
        offsets.append(at)
        at += 8 + length
    extended, basic = b"", b""
    if offsets[-1] <= MAX_BASIC_OFFSET:
        basic = np.array(offsets, "<u4").tobytes()
    else:
        for tag, values in ((EXTENDED_OFFSETS, offsets), (EXTENDED_LENGTHS, lengths)):
            extended += encode_element(tag, "OV", np.array(values, "<u8").tobytes())
    head = encode_head(PIXEL_DATA, "OB", UNDEFINED)
    return extended + head + _ITEM_HEAD(ITEM >> 16, ITEM & 0xFFFF, len(basic)) + basic
