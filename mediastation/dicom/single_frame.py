"""One frame of an instance in any Transfer Syntax, read without the others.

Reading is as forgiving as the header scan (`mediastation.dicom.header`): this
is for looking at a picture. Copies are made by `mediastation.dicom.prepare`,
which forgives nothing.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import numpy as np

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding, iter_elements, iter_items, little_endian
from mediastation.dicom.fragments import read_frame_index
from mediastation.dicom.frames import compressed_limit, decode_frame, open_frame, plan_decoding
from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.image import Image
from mediastation.dicom.limits import Damage, TooLongError
from mediastation.dicom.recognition import DEFLATED, ENCODING_OF
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.render import Samples
from mediastation.dicom.sequences import convert_sequence, find_item, pass_fragments
from mediastation.dicom.shading import SHADING_TAGS, integers_of, text_of
from mediastation.dicom.source import InflatedSource, Source, SourceLimitError
from mediastation.dicom.vr import BITS_ALLOCATED, PIXEL_DATA, PIXEL_REPRESENTATION
from mediastation.dicom.walk import MalformedError, Window
from mediastation.model.element_encoding import UNDEFINED, WORD_BYTES
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.transfer_syntax import transfer_syntax_name

_SAMPLES, _PHOTOMETRIC, _PLANAR, _FRAMES = 0x00280002, 0x00280004, 0x00280006, 0x00280008
_ROWS, _COLUMNS, _STORED = 0x00280010, 0x00280011, 0x00280101
_REPRESENTATIVE = 0x00286010
_OFFSETS = 0x7FE00001
_FLOATS: Final = {0x7FE00008: 4, 0x7FE00009: 8}
_SHARED, _PER_FRAME = 0x52009229, 0x52009230
_LOCATED = frozenset({_SHARED, _PER_FRAME, _OFFSETS, PIXEL_DATA, *_FLOATS})
_WANTED = SHADING_TAGS | {
    _SAMPLES,
    _PLANAR,
    _FRAMES,
    _ROWS,
    _COLUMNS,
    BITS_ALLOCATED,
    _REPRESENTATIVE,
}
_CHUNK = 1 << 20

Elements = Mapping[int, Element]


@dataclass(frozen=True, slots=True)
class SingleFrame:
    """A frame's samples, and what the data set says about showing them.

    Parameters
    ----------
    number : int
        Counted from 0.
    samples : numpy.ndarray
        Shape ``(rows, columns, samples)``.
    photometric : str
        Photometric Interpretation of `samples`, after any decoding.
    bits_allocated : int
        Width of a sample's cell as the data set has it; 1 for single bits.
    elements : mapping of int to Element
        What the shading hangs on, by tag.
    groups : tuple of mapping
        Elements of the frame's own functional groups' sequences, then of the
        shared ones; empty where there are none (PS3.3 C.7.6.16).
    """

    number: int
    samples: Samples
    photometric: str
    bits_allocated: int
    elements: Elements
    groups: tuple[Elements, ...]


def representative_frame(elements: Elements, frames: int) -> int:
    """Return the frame, counted from 0, that stands for the run.

    Representative Frame Number where it names one; otherwise about a third
    through, where contrast has come (PS3.11 A.3.3.2, B.3.3.2).
    """
    named = integers_of(elements, _REPRESENTATIVE)
    if named and 1 <= named[0] <= frames:
        return named[0] - 1
    return frames // 3


def read_single_frame(path: Path, number: int | None = None) -> SingleFrame:
    """Read one frame and what it takes to show it.

    Parameters
    ----------
    path : Path
        The instance.
    number : int, optional
        Which frame, from 0; by default the representative one.

    Raises
    ------
    RefusalError
        ``"no-pixels"``, ``"truncated"``, ``"malformed"``,
        ``"transfer-syntax"``, ``"not-decodable"``, ``"pixels-contradict"``,
        ``"pixel-attributes"``, ``"colour-unclear"``, ``"frames-missing"``,
        ``"frames-unclear"``, ``"word-order"`` or ``"too-large"``.
    OSError
        If the file cannot be read.
    """
    with path.open("rb") as file:
        window = Window(file.fileno())
        try:
            header = read_header_from(window, path.name, _WANTED)
            return _Reader(window, header).read(number)
        except NotDicom as fault:
            raise RefusalError("malformed", str(fault)) from fault
        except Damage as fault:
            raise _refusal_of(fault) from fault
        except (MalformedError, SourceLimitError, TooLongError) as fault:
            raise RefusalError("malformed", f"its pixels are out of reach: {fault}") from fault


def _refusal_of(damage: Damage) -> RefusalError:
    rule = "truncated" if damage.rule == "truncated" else "malformed"
    return RefusalError(rule, damage.message, "Ask the sender to send the instance again.")


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value lies: the head's VR, the value's offset and its length."""

    vr: str
    start: int
    length: int


class _Reader:
    def __init__(self, window: Window, header: InstanceHeader) -> None:
        self._window = window
        self._elements = header.elements
        self._syntax = header.transfer_syntax_uid
        self._encoding = ENCODING_OF.get(self._syntax, Encoding())
        self._source: Source = window
        start = header.dataset_offset
        if self._syntax in DEFLATED:
            self._source, start = InflatedSource(window, start), 0
        self._walk = ElementWalk(self._source, start, self._encoding, _LOCATED)

    def read(self, number: int | None) -> SingleFrame:
        """Walk to the pixels, and read the functional groups on the way."""
        frames = self._frames()
        if number is None:
            number = representative_frame(self._elements, frames)
        if not 0 <= number < frames:
            raise RefusalError("frames-missing", f"there is no frame {number + 1} of {frames}")
        shared: Elements = {}
        own: Elements = {}
        offsets: tuple[int, int] | None = None
        for tag, vr, start, length, _ in self._walk:
            place = _Place(vr, start, length)
            if tag == _SHARED:
                shared = self._group(place, 0)
            elif tag == _PER_FRAME:
                own = self._group(place, number)
            elif tag == _OFFSETS:
                offsets = (start, length)
            elif tag == PIXEL_DATA or tag in _FLOATS:
                image = self._image(tag, frames)
                replace(image, frames=1).require_sane()
                if length == UNDEFINED:
                    samples, photometric = self._decoded(image, place, number, offsets)
                else:
                    samples, photometric = self._native(image, tag, place, number)
                return SingleFrame(
                    number,
                    samples,
                    photometric,
                    image.bits_allocated,
                    self._elements,
                    (own, shared),
                )
        if self._walk.damage is not None:
            raise self._walk.damage
        raise RefusalError("no-pixels", "it has no pixels", "Only images have pictures.")

    def _number(self, tag: int, default: int | None = None) -> int:
        values = integers_of(self._elements, tag)
        if values:
            return values[0]
        if default is None:
            name = f"({tag >> 16:04X},{tag & 0xFFFF:04X})"
            raise RefusalError(
                "pixel-attributes",
                f"{name} has no value, so the pixels have no shape",
                "The object is incomplete; ask the sender for a corrected one.",
            )
        return default

    def _frames(self) -> int:
        if not text_of(self._elements, _FRAMES):
            return 1
        frames = self._number(_FRAMES, 0)
        if not 0 < frames <= 0x7FFFFFFF:
            raise RefusalError("pixel-attributes", "(0028,0008) Number of Frames is no number")
        return frames

    def _image(self, tag: int, frames: int) -> Image:
        allocated = 8 * _FLOATS[tag] if tag in _FLOATS else self._number(BITS_ALLOCATED)
        stored = allocated if tag in _FLOATS else self._number(_STORED, allocated)
        return Image(
            rows=self._number(_ROWS),
            columns=self._number(_COLUMNS),
            samples=self._number(_SAMPLES, 1),
            bits_allocated=allocated,
            bits_stored=stored,
            signed=self._number(PIXEL_REPRESENTATION, 0) == 1,
            photometric=text_of(self._elements, _PHOTOMETRIC),
            frames=frames,
        )

    def _group(self, place: _Place, number: int) -> Elements:
        """Return the elements of the sequences in item `number` of functional groups.

        They only better the picture: groups that cannot be read give none.
        """
        signed = self._number(PIXEL_REPRESENTATION, 0) == 1
        steps, from_un = self._walk.steps, place.vr == "UN"
        encoding = Encoding(explicit=False) if from_un else self._encoding
        found: dict[int, Element] = {}
        try:
            span = find_item(
                self._source, place.start, place.length, number, encoding, steps, from_un=from_un
            )
            if span is None:
                return {}
            item = convert_sequence(
                self._source, 0, *span, self._encoding, steps, signed, from_un=from_un
            )
            for group in iter_items(item):
                for _, macro in iter_elements(group):
                    if macro.vr == "SQ":
                        for elements in iter_items(macro.value):
                            found.update(iter_elements(elements))
                            break
        except (Damage, TooLongError, ValueError):
            return {}
        return found

    def _decoded(
        self, image: Image, place: _Place, number: int, offsets: tuple[int, int] | None
    ) -> tuple[Samples, str]:
        family = FAMILY_OF_SYNTAX.get(self._syntax)
        if family is None:
            raise RefusalError(
                "transfer-syntax", f"nothing here decodes {transfer_syntax_name(self._syntax)}"
            )
        end = pass_fragments(self._window, place.start, False, self._walk.steps, PIXEL_DATA)
        index = read_frame_index(self._window, place.start, end, image.frames, family, offsets)
        data, code = open_frame(index.read(number, compressed_limit(image)), family, image)
        plan = plan_decoding(code, image)
        return decode_frame(data, code, plan, image), plan.photometric

    def _native(self, image: Image, tag: int, place: _Place, number: int) -> tuple[Samples, str]:
        pixels = image.rows * image.columns
        bits, photometric = image.frame_bits, image.photometric
        subsampled = photometric in ("YBR_FULL_422", "YBR_PARTIAL_422") and image.samples == 3
        if subsampled and 8 * place.length >= bits * image.frames:
            subsampled = False  # whoever wrote it kept all samples, and the old name
        if subsampled:
            if pixels % 2 or image.bits_allocated != 8:
                raise RefusalError("pixel-attributes", f"{photometric} of an odd number of pixels")
            bits = 16 * pixels
        raw = self._value_bytes(image, place, number * bits, bits)
        if image.bits_allocated == 1:
            first = number * bits % 8
            flags = np.unpackbits(np.frombuffer(raw, "u1"), bitorder="little")
            return flags[first : first + bits].reshape(image.rows, image.columns, -1), photometric
        kind = "f" if tag in _FLOATS else "u"
        cells = np.frombuffer(raw, f"<{kind}{image.bits_allocated // 8}")
        if subsampled:
            luma = cells.reshape(-1, 4)[:, :2].reshape(image.rows, image.columns, 1)
            return np.broadcast_to(luma, (image.rows, image.columns, 3)), photometric
        if image.samples > 1 and self._number(_PLANAR, 0) == 1:
            planes = cells.reshape(image.samples, image.rows, image.columns)
            return planes.transpose(1, 2, 0), photometric
        return cells.reshape(image.rows, image.columns, image.samples), photometric

    def _value_bytes(self, image: Image, place: _Place, first_bit: int, bits: int) -> memoryview:
        """Return the bytes that hold `bits` from `first_bit` on, in little endian order."""
        word = 1
        if self._encoding.big:
            word = WORD_BYTES.get(place.vr, 1)
            if place.vr == "OW" and image.bits_allocated > 16:
                raise RefusalError(
                    "word-order",
                    f"big endian pixels of {image.bits_allocated} bits in words of 16 have two "
                    "readings",
                    "Ask the sender for the instance in a little endian encoding.",
                )
        first, last = first_bit // 8, math.ceil((first_bit + bits) / 8)
        if last > place.length:
            raise RefusalError(
                "truncated",
                f"Pixel Data has {place.length} bytes where its attributes need {last}",
                "The object is incomplete; ask the sender to send it again.",
            )
        start = first - first % word
        end = last + -last % word
        data = bytearray()
        while start + len(data) < end:
            offset = place.start + start + len(data)
            chunk = self._source.window(offset, min(end - start - len(data), _CHUNK))
            if not chunk:
                break
            data += chunk
        if word > 1:
            data = bytearray(little_endian(place.vr, bytes(data)))
        raw = memoryview(data)[first - start : last - start]
        if len(raw) < last - first:
            raise RefusalError("truncated", "the file ends within the pixels")
        return raw


__all__ = ["SingleFrame", "read_single_frame", "representative_frame"]
