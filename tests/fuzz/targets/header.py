"""The header scan, the strict walk, and values as text."""

from __future__ import annotations

import os
from pathlib import Path
from random import Random

from mediastation.dicom.element_walk import ElementWalk
from mediastation.dicom.elements import Encoding, iter_elements, iter_items
from mediastation.dicom.file_meta import read_carried_elements
from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.source import BytesSource, FileSource
from mediastation.dicom.values import first_value, text
from mediastation.dicom.walk import MalformedError, Walk, Window
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from mediastation.reading.file_meta import HEAD_BYTES, read_file_front
from tests.fuzz.mutation import havoc
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.data_set import mutate_file
from tests.fuzz.targets.objects import encoded_objects
from tests.support.file_sets import instance

ENCODINGS = (Encoding(), Encoding(explicit=False), Encoding(big=True))
_TEXT = {"PN", "LO", "SH", "ST", "LT", "UT", "UC", "CS", "UI", "DA", "TM", "IS", "DS", "AE", "UR"}


class HeaderTarget:
    """A file's header from bytes and from a file, its values, and the walk of prepared copies."""

    name = "header"
    roots: tuple[str, ...] = ("dicom/",)
    most_bytes = 1 << 17

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """Images in every encoding, bare data sets among them."""
        return [*encoded_objects(), instance("1.2.3.4", pixels=40)]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the tree of the data set, seldom the bytes."""
        if rng.random() < 0.08:
            raw = bytearray(data)
            havoc(rng, raw, self.most_bytes, other)
            return bytes(raw)
        return mutate_file(rng, data, self.most_bytes)

    def run(self, data: bytes) -> set[str]:
        """Read everything there is, from memory and from a file, which have to agree."""
        said: set[str] = set()
        header = _header(BytesSource(data), said)
        read_file_front(data[:HEAD_BYTES])
        descriptor = os.memfd_create("fuzz")
        try:
            os.write(descriptor, data)
            again = _header(FileSource(descriptor, len(data)), set())
            require_alike(header, again)
            if header is not None:
                _require_values(header, len(data))
                _walk_strictly(descriptor, header, len(data), said)
        finally:
            os.close(descriptor)
        return said


def _header(source: BytesSource | FileSource, said: set[str]) -> InstanceHeader | None:
    try:
        header = read_header_from(source, "a.dcm")
    except NotDicom as fault:
        require_harmless(str(fault), "why it is no DICOM")
        said.add(f"no: {' '.join(word for word in str(fault).split() if word.isalpha())}")
        return None
    said |= require_findings(header.findings)
    said.add(f"{header.pixels} {header.preamble} {header.complete}")
    said.add(f"{TRANSFER_SYNTAXES.get(header.transfer_syntax_uid)}")
    return header


def require_alike(one: InstanceHeader | None, other: InstanceHeader | None) -> None:
    """Fail unless two sources of the same bytes gave the same header.

    Steps are counted block by block, and values that are at hand anyway are
    not: where a limit was reached, headers may differ.
    """
    said = [finding for header in (one, other) if header for finding in header.findings]
    reached = any(
        finding.rule in ("too-long", "value-too-long") or finding.message.endswith(" elements")
        for finding in said
    )
    require(one == other or reached, "a header hangs on what it is read from")


def _require_values(header: InstanceHeader, size: int) -> None:
    require(0 <= header.dataset_offset <= size, "a data set beyond the file")
    for tag, element in header.elements.items():
        require(len(element.value) % 2 == 0 or element.vr == "SQ", f"{tag:08x} of odd length")
        if element.vr in _TEXT:
            text(header, tag).encode("utf-8", "surrogatepass")
            first_value(header, tag)
        waiting = [element.value] if element.vr == "SQ" else []
        while waiting:
            for item in iter_items(waiting.pop()):
                for _, inner in iter_elements(item):
                    _require_element(inner)
                    if inner.vr == "SQ":
                        waiting.append(inner.value)


def _require_element(element: Element) -> None:
    require(len(element.vr) == 2, f"{element.vr!a} is no VR")


def _walk_strictly(descriptor: int, header: InstanceHeader, size: int, said: set[str]) -> None:
    window = Window(descriptor)
    read_carried_elements(window, header.dataset_offset)
    for encoding in ENCODINGS:
        last = header.dataset_offset
        try:
            for token in Walk(window, last, size, encoding):
                require(token.start >= last, "the walk goes back")
                require(token.value <= size, "a value beyond the file")
                last = token.start
                said.add(f"token {token.kind} {token.vr}")
        except MalformedError as fault:
            words = [word for word in str(fault).split() if word.isalpha()]
            said.add(f"walk: {' '.join(words)}")
        walk = ElementWalk(BytesSource(window.read(0, size)), header.dataset_offset, encoding)
        for _ in walk:
            pass
        said.update(walk.tolerated)
