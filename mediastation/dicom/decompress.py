"""Encapsulated pixels as native ones: what changes in the data set.

An encapsulated data set is Explicit VR Little Endian already (PS3.5 A.4), so
it is copied byte for byte but for a few splices: the pixels themselves, the
attributes that follow the codec, offset tables, group lengths. Images in
nested items (icons) are decoded like the data set's own.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from mediastation.dicom.codestream import Family
from mediastation.dicom.decoders import Samples, has_second_decoder
from mediastation.dicom.fragments import FrameIndex, read_frame_index
from mediastation.dicom.frames import (
    Plan,
    compressed_limit,
    decode_frame,
    open_frame,
    plan_decoding,
)
from mediastation.dicom.image import Image
from mediastation.dicom.pixel_module import (
    EXTENDED_OFFSETS,
    LOSSY,
    LOSSY_METHOD,
    LOSSY_RATIO,
    MAX_GROUP_LENGTHS,
    OFFSET_TABLES,
    PHOTOMETRIC,
    PLANAR,
    PixelModule,
    Splice,
    put,
    removed,
)
from mediastation.dicom.reencode import EXPLICIT, ITEM_CLOSE, SEQUENCE_CLOSE
from mediastation.dicom.refusal import RefusalError
from mediastation.dicom.vr import PIXEL_DATA
from mediastation.dicom.walk import Kind, MalformedError, Token, Walk, Window
from mediastation.model.element_encoding import UNDEFINED, encode_head
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES

MAX_IMAGES = 64
"""Encapsulated images in one instance, icons included."""
_METHODS = {
    Family.JPEG: "ISO_10918_1",
    Family.JPEG_LS: "ISO_14495_1",
    Family.JPEG_2000: "ISO_15444_1",
    Family.JPEG_XL: "ISO_18181_1",
}
"""Lossy Image Compression Method (PS3.3 C.7.6.1.1.5.1)."""


@dataclass(frozen=True, slots=True)
class Picture:
    """One encapsulated image, ready to be decoded.

    `exact` tells that its Transfer Syntax leaves a decoder no choice, `twice`
    that two decoders of different origin can read it.
    """

    image: Image
    plan: Plan
    family: Family
    frames: FrameIndex
    exact: bool
    twice: bool = False

    def decode(self, number: int, *, again: bool = False) -> Samples:
        """Return the samples of frame `number`, counted from 0; `RefusalError` if none come out."""
        raw = self.frames.read(number, compressed_limit(self.image))
        try:
            data, code = open_frame(raw, self.family, self.image)
            plan = plan_decoding(code, self.image)
            if (plan.photometric, plan.to_rgb) != (self.plan.photometric, self.plan.to_rgb):
                raise RefusalError("colour-unclear", "its colour is encoded unlike the first one's")
            return decode_frame(data, code, plan, self.image, again=again and self.exact)
        except RefusalError as fault:
            if len(self.frames) == 1:
                raise
            raise RefusalError(
                fault.rule, f"frame {number + 1}: {fault.message}", fault.hint
            ) from fault

    @property
    def value_bytes(self) -> int:
        """Length of the native value, padded to even."""
        return self.image.size_bytes + self.image.size_bytes % 2


@dataclass(frozen=True, slots=True)
class PixelSplice(Splice):
    """The splice that puts native pixels, after their header, where encapsulated ones stood."""

    picture: Picture = field(kw_only=True)


@dataclass(frozen=True, slots=True)
class Rewrite:
    """How an encapsulated data set becomes a native one.

    Parameters
    ----------
    start, end : int
        The source's data set.
    splices : tuple of Splice
        Ascending, without overlap.
    changed : tuple of str
        What the splices change, for the person who reads the finding.
    doubts : tuple of str
        What data set and codestreams disagree about.
    """

    start: int
    end: int
    splices: tuple[Splice, ...]
    changed: tuple[str, ...]
    doubts: tuple[str, ...]

    def pictures(self) -> list[Picture]:
        """Return the images in the order of the file."""
        return [item.picture for item in self.splices if isinstance(item, PixelSplice)]


def plan_rewrite(window: Window, start: int, end: int, syntax: str, family: Family) -> Rewrite:
    """Walk the data set, read the first frame's header of every image, and decide.

    Raises
    ------
    RefusalError
        An image cannot be written in native form.
    MalformedError
        The data set does not parse.
    """
    survey = _Survey(window, start, end, syntax, family)
    return survey.run()


class _Survey:
    def __init__(self, window: Window, start: int, end: int, syntax: str, family: Family) -> None:
        self._window = window
        self._start, self._end = start, end
        self._family = family
        known = TRANSFER_SYNTAXES.get(syntax)
        self._syntax_lossless = known is not None and known.lossless
        self._splices: list[Splice] = []
        self._changed: dict[str, None] = {}
        self._doubts: dict[str, None] = {}

    def run(self) -> Rewrite:
        contexts = [PixelModule()]
        opened: list[Token] = []
        rewritten: set[int] = set()
        images = 0
        for token in Walk(self._window, self._start, self._end, EXPLICIT):
            if token.kind is Kind.ELEMENT or token.kind is Kind.SEQUENCE:
                contexts[-1].learn(token)
            if token.kind is Kind.FRAGMENTS:
                images += 1
                if images > MAX_IMAGES:
                    raise MalformedError(f"more than {MAX_IMAGES} encapsulated images")
                contexts[-1].learn(token)
                contexts[-1].pixels = token
                rewritten.update(item.start for item in opened)
            if token.kind in (Kind.SEQUENCE, Kind.ITEM):
                opened.append(token)
                if token.kind is Kind.ITEM:
                    contexts.append(PixelModule())
            elif token.kind in (Kind.SEQUENCE_END, Kind.ITEM_END):
                bracket = opened.pop()
                if token.kind is Kind.ITEM_END:
                    self._close(contexts.pop(), token.start, False)
                if bracket.start in rewritten:
                    self._undefine(bracket, token)
        self._close(contexts.pop(), self._end, True)
        # At one place, what is removed from it comes before what is put there.
        self._splices.sort(key=lambda item: (item.start, item.end))
        if len(self._splices) > MAX_GROUP_LENGTHS:
            raise MalformedError("more group lengths than a data set has groups")
        return Rewrite(
            self._start,
            self._end,
            tuple(self._splices),
            tuple(self._changed),
            tuple(self._doubts),
        )

    def _undefine(self, bracket: Token, closing: Token) -> None:
        """Give a bracket around a changed image an undefined length (PS3.5 7.5.2)."""
        if bracket.undefined:
            return
        at = bracket.value - 4
        self._splices.append(Splice(at, at + 4, UNDEFINED.to_bytes(4, "little")))
        delimiter = ITEM_CLOSE if bracket.kind is Kind.ITEM else SEQUENCE_CLOSE
        self._splices.append(Splice(closing.start, closing.start, delimiter))

    def _close(self, context: PixelModule, end: int, outermost: bool) -> None:
        if context.pixels is None and not outermost:
            return
        for token in context.group_lengths:
            self._splices.append(removed(token))
            self._changed["group lengths removed"] = None
        if context.pixels is not None:
            self._change_image(context, context.pixels, end)

    def _change_image(self, context: PixelModule, pixels: Token, end: int) -> None:
        image = context.image(self._window)
        image.require_sane()
        span = None
        if (offsets := context.elements.get(EXTENDED_OFFSETS)) is not None:
            span = (offsets.value, offsets.length)
        index = read_frame_index(
            self._window,
            pixels.value,
            pixels.value + pixels.length,
            image.frames,
            self._family,
            span,
        )
        data, code = open_frame(index.read(0, compressed_limit(image)), self._family, image)
        plan = plan_decoding(code, image)
        self._doubts |= dict.fromkeys(plan.doubts)
        exact = self._syntax_lossless and plan.lossless
        twice = exact and has_second_decoder(code, data)
        picture = Picture(image, plan, self._family, index, exact, twice)
        vr = "OW" if image.bits_allocated > 8 else "OB"
        header = encode_head(PIXEL_DATA, vr, picture.value_bytes)
        stop = pixels.value + pixels.length
        self._splices.append(PixelSplice(pixels.start, stop, header, picture=picture))
        for tag in OFFSET_TABLES:
            if tag in context.elements:
                self._splices.append(removed(context.elements[tag]))
                self._changed["offset tables removed"] = None
        if plan.photometric != image.photometric:
            self._put(context, PHOTOMETRIC, "CS", plan.photometric.encode(), end)
            text = f"Photometric Interpretation {image.photometric} to {plan.photometric}"
            self._changed[text] = None
        if image.samples > 1 and context.text(self._window, PLANAR) != b"\0\0":
            self._put(context, PLANAR, "US", b"\0\0", end)
            self._changed["Planar Configuration 0"] = None
        self._say_lossy(context, picture, code.family, end)

    def _say_lossy(self, context: PixelModule, picture: Picture, family: Family, end: int) -> None:
        plan = picture.plan
        proved = plan.lossless and (self._syntax_lossless or family is Family.JPEG_LS)
        if proved:
            return
        stated = context.text(self._window, LOSSY)
        if stated == b"01":
            return
        if stated == b"00" and plan.lossless:
            return  # a syntax that allows both, reversible as far as the codestream shows
        if self._syntax_lossless or stated == b"00":
            self._doubts["the codestream has lost something, the data set denies it"] = None
        self._put(context, LOSSY, "CS", b"01", end)
        self._changed["Lossy Image Compression 01"] = None
        if not context.text(self._window, LOSSY_METHOD) and not context.text(
            self._window, LOSSY_RATIO
        ):
            ratio = f"{picture.image.size_bytes / max(sum(picture.frames.lengths), 1):.2f}"
            self._put(context, LOSSY_RATIO, "DS", ratio.encode(), end)
            self._put(context, LOSSY_METHOD, "CS", _METHODS[family].encode(), end)
            self._changed[f"Lossy Image Compression Method {_METHODS[family]}, {ratio} to 1"] = None

    def _put(self, context: PixelModule, tag: int, vr: str, value: bytes, end: int) -> None:
        self._splices.append(put(context, tag, vr, value, end))


def require_whole_pixels(window: Window, start: int) -> None:
    """Refuse a native data set whose Pixel Data is shorter than its attributes say.

    Nothing is said where the attributes leave the size open, or there are no pixels.

    Raises
    ------
    RefusalError
        ``"truncated"``.
    """
    context = PixelModule()
    for token in Walk(window, start, window.size, EXPLICIT):
        if token.depth == 0 and token.kind is Kind.ELEMENT:
            context.learn(token)
            if token.tag == PIXEL_DATA:
                context.pixels = token
    if context.pixels is None:
        return
    try:
        image = context.image(window)
        image.require_sane()
    except RefusalError:
        return
    due = image.size_bytes
    if image.photometric in ("YBR_FULL_422", "YBR_PARTIAL_422"):
        due = due * 2 // 3
    if context.pixels.length < due:
        raise RefusalError(
            "truncated",
            f"Pixel Data has {context.pixels.length} bytes where its attributes need {due}",
            "The object is incomplete; ask the sender to send it again.",
        )
