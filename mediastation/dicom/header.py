"""The header scan: one file's indexed attributes, without its bulk.

`read_header` walks the top level of a data set once, from head to head, and
keeps the values that the catalog wants as Explicit VR Little Endian bytes
(PS3.5, A.2). It is forgiving, and every forgiven fault is a finding.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Final

from mediastation.dicom.charset import unknown_terms
from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.codestream_head import HEAD_BYTES, shows_loss
from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding, little_endian, tag_text
from mediastation.dicom.header_rules import FaultLog, header_finding
from mediastation.dicom.index_tags import INDEX_TAGS, INDEX_VERSION
from mediastation.dicom.limits import (
    HEADER_LIMIT_BYTES,
    VALUE_LIMIT_BYTES,
    Damage,
    TooLongError,
)
from mediastation.dicom.recognition import (
    DEFLATED,
    ENCODING_OF,
    SYNTAX_OF,
    FileMeta,
    guess_encoding,
    read_file_meta,
    seems,
)
from mediastation.dicom.sequences import (
    CONTENT_SEQUENCE,
    convert_sequence,
    is_bulk,
)
from mediastation.dicom.source import FileSource, InflatedSource, Source, SourceLimitError
from mediastation.dicom.values import uid_text
from mediastation.dicom.vr import PIXEL_REPRESENTATION, dictionary_vr, resolved_vr
from mediastation.model.element_encoding import SHORT_VRS, UNDEFINED, padding
from mediastation.model.finding import Finding
from mediastation.model.identity import shown
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding, Preamble
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from mediastation.model.uid import is_usable_uid

_SOP_CLASS: Final = 0x00080016
_SOP_INSTANCE: Final = 0x00080018
_CHARSET: Final = 0x00080005
_CORE: Final = frozenset({_CHARSET, _SOP_CLASS, _SOP_INSTANCE, PIXEL_REPRESENTATION})
_PIXEL_DATA: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
_ITEM: Final = b"\xfe\xff\x00\xe0"
_DIGITAL_SIGNATURES: Final = 0xFFFAFFFA
# VRs of short values that need neither a look-up nor a change; the tag decides about the rest.
_PLAIN_VRS: Final = frozenset(SHORT_VRS.values())
_NOT_EVEN_OR_SHORT: Final = 0xFFFF0001


class NotDicom(ValueError):  # noqa: N818 - says what the file is, as the caller asks
    """The content is not DICOM; the message says why."""


def read_header(path: Path | str, wanted: frozenset[int] = INDEX_TAGS) -> InstanceHeader:
    """Read one file's header.

    Parameters
    ----------
    path : Path or str
        A regular file; its name says nothing about its content.
    wanted : frozenset of int
        Top-level tags to keep, group in the upper 16 bits.

    Returns
    -------
    InstanceHeader
        With a finding for everything that was forgiven. Bulk (pixels,
        waveforms, encapsulated documents, icons) is never kept, a value longer
        than 1 MiB neither; of some sequences only part is
        (`mediastation.dicom.sequences`).

    Raises
    ------
    NotDicom
        If the content is not DICOM.
    OSError
        If the file cannot be opened or read.
    """
    name = Path(path).name
    # Without O_NONBLOCK the open of a pipe would wait for its other end.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise NotDicom(f"{name} is not a regular file")
        return read_header_from(FileSource(descriptor, status.st_size), name, wanted)
    finally:
        os.close(descriptor)


def read_header_from(
    source: Source, name: str, wanted: frozenset[int] = INDEX_TAGS
) -> InstanceHeader:
    """Read the header out of a source, as `read_header` does out of a file.

    Parameters
    ----------
    source : Source
        The whole file's bytes.
    name : str
        Subject of findings while the instance's UID is not known.
    wanted : frozenset of int
        Top-level tags to keep.

    Raises
    ------
    NotDicom
        If the content is not DICOM.
    """
    return _Scan(source, name, wanted).header()


@lru_cache(maxsize=16)
def _plain_tags(wanted: frozenset[int]) -> dict[int, str]:
    """Return VRs of those of `wanted` whose value is simply copied, as nearly all are."""
    plain = {tag: dictionary_vr(tag) for tag in wanted if tag != PIXEL_REPRESENTATION}
    return {tag: vr for tag, vr in plain.items() if vr in _PLAIN_VRS and not is_bulk(tag)}


class _Scan:
    """One pass over one file; collects, then builds the header."""

    def __init__(self, source: Source, name: str, wanted: frozenset[int]) -> None:
        self.source = source
        self.name = name
        self.asked = wanted
        self.wanted = wanted if wanted >= _CORE else wanted | _CORE
        self.elements: dict[int, Element] = {}
        self.kept = 0
        self.pixels = PixelEncoding.ABSENT
        self.fragments_at = 0
        self.pixel_span = (0, 0)
        self.signed = False
        self.pixel_representation: bool | None = None
        self.problems = FaultLog()
        self.complete = True
        self.relabel = False

    def header(self) -> InstanceHeader:
        """Read everything and return the header."""
        meta = read_file_meta(self.source)
        for problem in meta.problems:
            self._tell(*problem)
        if meta.preamble is Preamble.FOREIGN:
            self._tell("preamble", "the preamble holds something that is neither zero nor TIFF")
        offset = self._pass_commands(meta.dataset_offset)
        syntax, encoding = self._encoding(meta, offset)
        data, start = self.source, offset
        if syntax in DEFLATED:
            data, start = InflatedSource(self.source, offset), 0
        if meta.complete:
            self._walk(data, start, encoding)
            self._look_at_frame(data, syntax)
        else:
            self.complete = False
        if isinstance(data, InflatedSource) and self.complete and not data.finished:
            self._tell("truncated", "the deflated data set breaks off or is damaged")
            self.complete = False
        return self._build(meta, syntax, offset)

    def _tell(self, rule: str, message: str) -> None:
        self.problems.tell(rule, message)

    def _pass_commands(self, offset: int) -> int:
        """Return where the data set begins behind a command set, as raw network dumps have it."""
        look = self.source.window(offset, 12)
        if len(look) < 12 or look[:8] != b"\0\0\0\0\x04\0\0\0":
            return offset
        beyond = offset + 12 + int.from_bytes(look[8:], "little")
        if not self.source.reaches(beyond) or guess_encoding(self.source, beyond) is None:
            return offset
        self._tell("command-group", "network commands stand in front of the data set")
        return beyond

    def _encoding(self, meta: FileMeta, offset: int) -> tuple[str, Encoding]:
        """Return the transfer syntax and how heads are written, guessing where nothing says so."""
        stated = meta.uid(0x00020010)
        if not meta.has_prefix:
            what = "group 0002 stands" if meta.elements else "the data set begins"
            self._tell("no-preamble", f"{what} at the start of the file, without a preamble")
            if not meta.elements:
                self._tell("no-file-meta", "there is no file meta")
        if stated in DEFLATED:
            return stated, Encoding()
        encoding = ENCODING_OF.get(stated, Encoding())
        if not stated:
            guessed = guess_encoding(self.source, offset)
            if guessed is None and not meta.elements:
                raise NotDicom(self._why_not(meta))
            encoding = guessed or encoding
            syntax = SYNTAX_OF[encoding]
            name = TRANSFER_SYNTAXES[syntax].name
            self._tell("transfer-syntax-guessed", f"nothing names the encoding; read as {name}")
            return syntax, encoding
        if stated not in TRANSFER_SYNTAXES:
            what = f"{shown(stated)} is not a known Transfer Syntax"
            self._tell("transfer-syntax-unknown", what)
        if seems(self.source, offset, encoding):
            return stated, encoding
        guessed = guess_encoding(self.source, offset)
        if guessed is None or guessed == encoding:
            return stated, encoding
        known = TRANSFER_SYNTAXES.get(stated)
        # What holds encapsulated pixels keeps its name: the heads are wrong, not the pixels.
        syntax = stated if known is None or known.encapsulated else SYNTAX_OF[guessed]
        self._tell(
            "transfer-syntax-disagrees",
            f"file meta names {known.name if known else shown(stated)}, "
            f"the data set is written as {TRANSFER_SYNTAXES[SYNTAX_OF[guessed]].name}",
        )
        return syntax, guessed

    def _why_not(self, meta: FileMeta) -> str:
        if meta.has_prefix:
            return f"{self.name} has the prefix DICM, but no data elements follow it"
        if self.source.size == 0:
            return f"{self.name} is empty"
        return f"{self.name} has no prefix DICM, and does not begin with data elements"

    def _walk(self, source: Source, offset: int, encoding: Encoding) -> None:
        wanted = self.wanted
        walk = ElementWalk(source, offset, encoding, wanted)
        elements = self.elements
        plain = {} if encoding.big else _plain_tags(wanted)
        for tag, vr, start, length, value in walk:
            if tag in wanted:
                known = plain.get(tag)
                if (
                    known is not None
                    and value is not None
                    and (vr in _PLAIN_VRS or not vr)
                    and not length & _NOT_EVEN_OR_SHORT
                ):
                    elements[tag] = Element(vr or known, value)
                else:
                    self._keep(walk, tag, vr, start, length)
            elif tag in _PIXEL_DATA:
                undefined = length == UNDEFINED
                self.pixels = PixelEncoding.ENCAPSULATED if undefined else PixelEncoding.NATIVE
                self.fragments_at = start if undefined else 0
                self.pixel_span = (start, length)
            elif tag == _DIGITAL_SIGNATURES:
                self.signed = True
        if self.fragments_at:
            length = walk.fragments_end - self.fragments_at
            self.pixel_span = (self.fragments_at, length) if length > 0 else (0, 0)
        damage = walk.damage
        if damage is not None:
            self.complete = False
            if damage.tag in _PIXEL_DATA and self.pixels is PixelEncoding.ABSENT:
                self.pixels = PixelEncoding.NATIVE
            self._tell(damage.rule, damage.message)
        elif walk.is_empty:
            self.complete = False
            self._tell("truncated", "there is no data set behind the file meta")
        for rule, message in walk.tolerated.items():
            self._tell(rule, message)
        if self.relabel and self.pixel_representation:
            self._relabel()

    def _look_at_frame(self, source: Source, syntax: str) -> None:
        """Say if the first frame lost something under a Transfer Syntax that loses nothing."""
        known = TRANSFER_SYNTAXES.get(syntax)
        if known is None or not known.lossless or not self.fragments_at:
            return
        offsets = source.window(self.fragments_at, 8)
        first = self.fragments_at + 8 + int.from_bytes(offsets[4:], "little")
        item = source.window(first, 8)
        if offsets[:4] != _ITEM or item[:4] != _ITEM:
            return
        length = min(int.from_bytes(item[4:], "little"), HEAD_BYTES)
        if shows_loss(source.window(first + 8, length), FAMILY_OF_SYNTAX.get(syntax)):
            self._tell(
                "codestream-lossy", f"{known.name} is named, and the first frame has lost something"
            )

    def _keep(self, walk: ElementWalk, tag: int, vr: str, start: int, length: int) -> None:
        """Keep one wanted element, or say why not."""
        if is_bulk(tag):
            return
        try:
            element = self._element(walk, tag, vr, start, length)
        except (TooLongError, SourceLimitError):
            self._tell("value-too-long", f"{tag_text(tag)} is longer than an index holds")
            return
        except Damage as damage:
            self._tell("bad-sequence", f"{tag_text(tag)} cannot be read: {damage.message}")
            return
        if element is not None:
            self.elements[tag] = element

    def _element(
        self, walk: ElementWalk, tag: int, head_vr: str, start: int, length: int
    ) -> Element | None:
        vr = head_vr
        if not vr or vr == "UN":
            vr = resolved_vr(tag, vr, self.pixel_representation)
            self.relabel = True
        if (vr == "SQ" or length == UNDEFINED) != (dictionary_vr(tag) == "SQ"):
            self._tell("bad-vr", f"{tag_text(tag)} is written with VR {vr}")
            return None
        if vr == "SQ":
            value = convert_sequence(
                walk.source,
                tag,
                start,
                length,
                walk.encoding,
                walk.steps,
                self.pixel_representation,
                from_un=head_vr == "UN",
            )
            if tag == CONTENT_SEQUENCE and not value:
                return None
        else:
            if length > (0xFFFE if vr in _PLAIN_VRS else VALUE_LIMIT_BYTES):
                raise TooLongError  # in implicit encodings any VR can be too long for its own form
            value = walk.source.window(start, length) if length else b""
            if walk.encoding.big:
                value = little_endian(vr, value)
            if length & 1:
                walk.tolerate("odd-length", f"{tag_text(tag)} has an odd length, {length}")
                # Of big-endian words, a half one is gone already.
                value += padding(vr, len(value))
            if tag == PIXEL_REPRESENTATION and value:
                self.pixel_representation = bool(value[0] & 1)
        self.kept += len(value)
        if self.kept > HEADER_LIMIT_BYTES:
            raise TooLongError
        return Element(vr, value)

    def _relabel(self) -> None:
        """Give VRs that hang on Pixel Representation their sign, wherever it stood."""
        for tag, element in self.elements.items():
            if element.vr == "US" and dictionary_vr(tag) == "US or SS":
                self.elements[tag] = Element("SS", element.value)

    def _uid(self, tag: int) -> str:
        element = self.elements.get(tag)
        return uid_text(element) if element else ""

    def _build(self, meta: FileMeta, syntax: str, offset: int) -> InstanceHeader:
        sop_class, instance = self._uid(_SOP_CLASS), self._uid(_SOP_INSTANCE)
        conformant = meta.has_prefix and meta.preamble in (Preamble.ZERO, Preamble.TIFF)
        conformant = conformant and not meta.problems
        for own, tag, what in (
            (sop_class, 0x00020002, "SOP Class"),
            (instance, 0x00020003, "SOP Instance"),
        ):
            stated = meta.uid(tag)
            if own and stated and own != stated:
                message = f"file meta names the {what} {shown(stated)}, not {shown(own)}"
                self._tell("meta-disagrees", message)
                conformant = False
        if syntax != meta.uid(0x00020010):
            conformant = False
        sop_class = sop_class or meta.uid(0x00020002)
        instance = instance or meta.uid(0x00020003)
        self._check_identity(sop_class, instance)
        self._check_pixels(syntax)
        charset = self.elements.get(_CHARSET)
        if unknown := unknown_terms(charset):
            named = shown(", ".join(unknown))
            self._tell("charset-unknown", f"{named} is no Specific Character Set")
        if self.wanted is not self.asked:
            self.elements = {tag: e for tag, e in self.elements.items() if tag in self.asked}
        return InstanceHeader(
            sop_class_uid=sop_class,
            sop_instance_uid=instance,
            transfer_syntax_uid=syntax,
            elements=self.elements,
            preamble=meta.preamble,
            has_file_meta=meta.has_prefix and bool(meta.elements),
            file_meta_conformant=conformant,
            dataset_offset=offset,
            pixels=self.pixels,
            signed=self.signed,
            complete=self.complete,
            findings=tuple(self._findings(instance)),
            pixel_offset=self.pixel_span[0],
            pixel_length=self.pixel_span[1],
        )

    def _check_identity(self, sop_class: str, instance: str) -> None:
        for uid, what in ((sop_class, "SOP Class UID"), (instance, "SOP Instance UID")):
            if not uid:
                self._tell("no-instance", f"there is no {what}")
            elif not is_usable_uid(uid):
                self._tell("bad-uid", f"{uid[:80]!r} is no valid {what}")

    def _check_pixels(self, syntax: str) -> None:
        known = TRANSFER_SYNTAXES.get(syntax)
        if known is None or self.pixels is PixelEncoding.ABSENT:
            return
        encapsulated = self.pixels is PixelEncoding.ENCAPSULATED
        if encapsulated != known.encapsulated:
            how = "encapsulated" if encapsulated else "native"
            self._tell("pixels-disagree", f"{known.name} is named, and the pixels are {how}")

    def _findings(self, instance: str) -> Iterator[Finding]:
        subject = instance if is_usable_uid(instance) else self.name
        for rule, message in self.problems:
            yield header_finding(rule, subject, message)


__all__ = [
    "INDEX_TAGS",
    "INDEX_VERSION",
    "NotDicom",
    "read_header",
    "read_header_from",
]
