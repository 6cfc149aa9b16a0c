"""Damages of single files: the directory stays as it was, and so do the other files."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable
from typing import Any

from pydicom.dataset import Dataset

from tests.support.outside.damage import (
    Damage,
    Expects,
    Kind,
    Seen,
    Tree,
    changed,
    register,
    rules,
)
from tests.support.outside.directories import EXPLICIT_BE, IMPLICIT_LE, PLAIN
from tests.support.outside.patients import (
    COUNT,
    CT_PATHS,
    CT_STUDY,
    ROOT,
    STRANGER,
    ct,
    grey,
    instance_files,
    instances,
    written,
)

FIRST, SECOND = CT_PATHS[:2]
_LONG = {b"OB", b"OW", b"SQ", b"UN", b"UT", b"UC", b"UR"}
_LOST: dict[str, Any] = {"found": COUNT - 1, "imported": COUNT - 1, "lost": (FIRST,)}
_ONE_MORE: dict[str, Any] = {"found": COUNT + 1}


def _add(
    name: str,
    words: str,
    change: Callable[[bytes], bytes] | Callable[[Tree], Tree],
    *,
    of_tree: bool = False,
    seen: Seen = Seen.PICTURE,
    **expects: Any,
) -> None:
    """Register a damage of the first CT slice, or of the whole tree."""

    def apply(tree: Tree) -> Tree:
        return change(tree) if of_tree else {**tree, FIRST: change(tree[FIRST])}  # type: ignore[arg-type,return-value,dict-item]

    register(Damage(name, Kind.FILE, Expects(**{"rules": rules(words), **expects}), seen, apply))


def place(content: bytes, tag: int) -> tuple[int, int, int]:
    """Where an element of the top level begins, its value, and what is behind it."""
    at = 132
    while at < len(content):
        group, number, vr = struct.unpack_from("<HH2s", content, at)
        if vr in _LONG:
            value_at = at + 12
            (length,) = struct.unpack_from("<I", content, at + 8)
        else:
            value_at = at + 8
            (length,) = struct.unpack_from("<H", content, at + 6)
        if group << 16 | number == tag:
            return at, value_at, value_at + length
        at = value_at + length
    raise KeyError(f"{tag:08X}")


def spliced(content: bytes, tag: int, element: bytes) -> bytes:
    """The file with an element's bytes replaced; the length of group 0002 stays true."""
    start, _, end = place(content, tag)
    made = content[:start] + element + content[end:]
    if tag >> 16 != 2 or tag == 0x00020000:
        return made
    length = int.from_bytes(content[140:144], "little") + len(element) - (end - start)
    return made[:140] + length.to_bytes(4, "little") + made[144:]


def valued(tag: int, vr: str, value: str | bytes | int) -> Callable[[bytes], bytes]:
    """A change of one value, in meta too where the meta repeats it."""
    return lambda content: spliced(content, tag, PLAIN.element(tag, vr, value))


def dataset_of(content: bytes) -> bytes:
    """What stands behind the meta."""
    return content[place(content, 0x00080005)[0] :]


def _rewritten(**facts: Any) -> Callable[[bytes], bytes]:
    return lambda _: written(ct(1, **facts))


def _implicit() -> bytes:
    return written(ct(1), IMPLICIT_LE)


def _big() -> bytes:
    ds = ct(1)
    ds["PixelData"].value = grey(64, 64, 1).astype(">u2").tobytes()
    return written(ds, EXPLICIT_BE)


# Meta and encoding (PS3.10 7.1).
_add("no-preamble-in-file", "no-preamble", lambda content: content[132:])
_add("no-meta", "no-preamble no-file-meta", dataset_of)
_add(
    "no-meta-implicit", "no-preamble no-file-meta", lambda _: _implicit()[len(_meta(_implicit())) :]
)
_add("no-meta-big-endian", "no-preamble no-file-meta", lambda _: _big()[len(_meta(_big())) :])


def _meta(content: bytes) -> bytes:
    length = int.from_bytes(content[140:144], "little")
    return content[: 144 + length]


_add(
    "implicit-named-explicit", "transfer-syntax-disagrees",
    lambda content: _meta(content) + _implicit()[len(_meta(_implicit())) :],
)  # fmt: skip
_add(
    "explicit-named-implicit", "transfer-syntax-disagrees",
    lambda content: _meta(_implicit()) + dataset_of(content),
)  # fmt: skip
_add("big-endian-file", "meta-disagrees transfer-syntax", lambda _: _big())
_add("jpeg-named-native", "pixels-disagree", valued(0x00020010, "UI", "1.2.840.10008.1.2.4.50"))
_add(
    "no-syntax-in-file",
    "meta-incomplete transfer-syntax-guessed",
    lambda c: spliced(c, 0x00020010, b""),
)
_add("unknown-syntax", "transfer-syntax-unknown", valued(0x00020010, "UI", f"{ROOT}.4.1"))
_add("wrong-file-meta-length", "meta-length", valued(0x00020000, "UL", 4000))
_add("wrong-uid-in-file-meta", "meta-disagrees", valued(0x00020003, "UI", f"{ROOT}.6"))
_add(
    "wrong-class-in-file-meta",
    "meta-disagrees",
    valued(0x00020002, "UI", "1.2.840.10008.5.1.4.1.1.4"),
)
_add(
    "command-in-front", "command-group no-preamble",
    lambda c: b"\0\0\0\0\4\0\0\0\x0a\0\0\0" + b"\0\0\0\1\2\0\0\0\1\0" + dataset_of(c),
)  # fmt: skip

# Cut off, filled up, lengths that lie.
_add("cut-in-preamble", "not-dicom truncated", lambda content: content[:100], **_LOST)
_add("cut-in-meta", "truncated not-dicom", lambda content: content[:200], **_LOST)
_add("cut-in-header", "truncated", lambda content: content[: place(content, 0x00100020)[0] + 6])
_add("cut-in-pixels", "truncated", lambda content: content[: place(content, 0x7FE00010)[1] + 999])
_add("cut-by-a-byte", "truncated odd-length", lambda content: content[:-1])
_add("file-of-zero-bytes", "not-dicom missing-file", lambda _: b"", **_LOST)
_add("file-of-zeros", "not-dicom missing-file", lambda content: bytes(len(content)), **_LOST)
_add(
    "zeroed-header", "not-dicom missing-file", lambda content: bytes(2048) + content[2048:], **_LOST
)
_add("zeros-behind-file", "trailing-bytes", lambda content: content + bytes(1024))
_add(
    "garbage-behind-file",
    "trailing-bytes bad-length truncated",
    lambda c: c + random.Random(1).randbytes(1001),
)
_add("huge-length", "bad-length truncated", lambda c: _with_length(c, 0x7FE00010, 0x7FFFFFF0))
_add(
    "length-beyond-header", "bad-length truncated", lambda c: _with_length(c, 0x00081030, 0xFFF0, 2)
)
_add(
    "pixels-never-end",
    "truncated bad-length pixels-disagree",
    lambda c: _with_length(c, 0x7FE00010, 0xFFFFFFFF),
)


def _with_length(content: bytes, tag: int, length: int, width: int = 4) -> bytes:
    _, value_at, _ = place(content, tag)
    return content[: value_at - width] + length.to_bytes(width, "little") + content[value_at:]


def _odd(content: bytes) -> bytes:
    _, start, _ = place(content, 0x00081030)
    head = PLAIN.head(0x00081030, "LO", 7)
    return spliced(content, 0x00081030, head + content[start : start + 7])


_add("odd-length", "odd-length", _odd)
_add(
    "out-of-order", "tag-order",
    lambda c: spliced(c, 0x00100020, b"") + c[slice(*place(c, 0x00100020)[::2])],
    seen=Seen.BYTES,  # dcmdump puts them in order before it shows them
)  # fmt: skip


def _nested(content: bytes) -> bytes:
    """Sequences within each other, more than any reader wants to follow."""
    inner = b""
    for _ in range(3000):
        item = PLAIN.head(0xFFFEE000, "", len(inner)) + inner
        inner = PLAIN.head(0x00081140, "SQ", len(item)) + item
    at = place(content, 0x00100010)[0]
    return content[:at] + inner + content[at:]


def _nested_open(content: bytes) -> bytes:
    at = place(content, 0x00100010)[0]
    deep = (b"\x08\0\x40\x11SQ\0\0" + b"\xff" * 4 + b"\xfe\xff\0\xe0" + b"\xff" * 4) * 5000
    return content[:at] + deep + content[at:]


_add("nested-3000-deep", "too-deep bad-sequence", _nested, seen=Seen.BYTES)
_add("nested-and-never-closed", "too-deep truncated bad-sequence", _nested_open, seen=Seen.BYTES)
_add(
    "rows-beyond-pixels", "pixels-short",
    valued(0x00280010, "US", 60000),
)  # fmt: skip

# UIDs and identity.
_add(
    "no-instance-uid",
    "no-instance meta-incomplete",
    lambda c: spliced(spliced(c, 0x00080018, b""), 0x00020003, b""),
)
_add(
    "no-class-uid",
    "no-instance meta-incomplete",
    lambda c: spliced(spliced(c, 0x00080016, b""), 0x00020002, b""),
)
_add("uid-with-leading-zero", "bad-uid wrong-link", lambda c: _renamed(c, f"{CT_STUDY}.01.1"))
_add("uid-with-letters", "bad-uid", lambda c: _renamed(c, f"{CT_STUDY}.A.1"))
_add("uid-too-long", "bad-uid wrong-link", lambda c: _renamed(c, f"{CT_STUDY}." + "1" * 50))
_add("uid-like-a-path", "bad-uid", lambda c: _renamed(c, "../../../etc/passwd"))


def _renamed(content: bytes, uid: str) -> bytes:
    content = spliced(content, 0x00080018, PLAIN.element(0x00080018, "UI", uid))
    return spliced(content, 0x00020003, PLAIN.element(0x00020003, "UI", uid))


_add(
    "no-study-uid",
    "no-study-uid",
    _rewritten(StudyInstanceUID=None),
)
_add(
    "no-series-uid",
    "no-series-uid",
    _rewritten(SeriesInstanceUID=None),
)
_add("patient-id-zero", "placeholder-patient-id", _rewritten(PatientID="0"))
_add(
    "patient-id-empty",
    "no-patient-id",
    _rewritten(PatientID=""),
)
_add(
    "no-patient-module", "no-patient-id",
    _rewritten(PatientID=None, PatientName=None, PatientBirthDate=None, PatientSex=None),
)  # fmt: skip
_add(
    "study-in-two-patients",
    # The first file to come stands, and the six others of its study contradict it.
    "other-patient",
    _rewritten(**STRANGER),
    imported=COUNT - 6,
    held=6,
)

# Text.
_add("undeclared-latin-1", "character-set", lambda c: spliced(c, 0x00080005, b""))
_add(
    "utf-8-declared-latin-1", "",
    valued(0x00100010, "PN", "Müller^Änne".encode()), seen=Seen.LEGAL,
)  # fmt: skip
_add("unknown-character-set", "charset-unknown", valued(0x00080005, "CS", "WINDOWS-1252"))
_add(
    "wrong-vr",
    "",
    lambda c: spliced(c, 0x00100020, PLAIN.element(0x00100020, "UN", "OUT-4711")),
    seen=Seen.LEGAL,
)


# Preambles (PS3.10 7.5).
def _preamble(start: bytes) -> Callable[[bytes], bytes]:
    return lambda content: start.ljust(128, b"\0") + content[128:]


_PE = b"MZ\x90\0\3\0\0\0\4\0\0\0\xff\xff\0\0\xb8".ljust(60, b"\0") + struct.pack("<I", 0x2400)
_POLYGLOT = "polyglot-preamble"
_add("windows-program-in-preamble", _POLYGLOT, _preamble(_PE))
_add("linux-program-in-preamble", _POLYGLOT, _preamble(b"\x7fELF\2\1\1".ljust(64, b"\0")))
_add("mac-program-in-preamble", _POLYGLOT, _preamble(b"\xcf\xfa\xed\xfe\7\0\0\1"))
_add("script-in-preamble", _POLYGLOT, _preamble(b"#!/bin/sh\nrm -rf ~\nexit\n"))
_add("zip-in-preamble", _POLYGLOT, _preamble(b"PK\3\4\x14\0\0\0\0\0"))
_add("text-in-preamble", "preamble", _preamble(b"Exported by the old PACS of ward 4"))
_add("tiff-preamble", "", _preamble(b"II*\0\x08\0\0\0\1\0"), seen=Seen.LEGAL)


# Copies and contradictions.
_OTHER_STUDY = {"StudyInstanceUID": f"{ROOT}.5", "SeriesInstanceUID": f"{ROOT}.5.1"}


def _also(path: str, content: Callable[[], bytes]) -> Callable[[Tree], Tree]:
    return lambda tree: {**tree, path: content()}


def _copy_with(**facts: Any) -> Callable[[], bytes]:
    return lambda: written(ct(1, **facts))


_add(
    "same-file-twice", "duplicate unreferenced instance-twice",
    _also("DICOM/COPY/IM0001", lambda: instance_files()[FIRST]), of_tree=True, seen=Seen.NAMES,
    **_ONE_MORE, duplicates=1,
)  # fmt: skip
_add(
    "same-uid-other-meta", "duplicate unreferenced instance-twice",
    _also("DICOM/COPY/IM0001", lambda: written(ct(1), preamble=b"II*\0")), of_tree=True,
    seen=Seen.NAMES, **_ONE_MORE, duplicates=1,
)  # fmt: skip
_add(
    "same-uid-other-pixels", "other-pixels uid-reused conflict",
    _also("DICOM/COPY/IM0001", _copy_with(PixelData=grey(64, 64, 77).tobytes())), of_tree=True,
    seen=Seen.NAMES, **_ONE_MORE, held=1,
)  # fmt: skip
_add(
    "same-uid-other-header", "other-header uid-reused conflict",
    _also("DICOM/COPY/IM0001", _copy_with(SeriesDescription="corrected")), of_tree=True,
    seen=Seen.NAMES, **_ONE_MORE, held=1,
)  # fmt: skip
_add(
    "same-pixels-other-uid", "copied-pixels",
    _also("DICOM/COPY/IM0001", _copy_with(SOPInstanceUID=f"{ROOT}.5.1.6", **_OTHER_STUDY)),
    of_tree=True,
    seen=Seen.NAMES, found=COUNT + 1, imported=COUNT + 1,
)  # fmt: skip
_add(
    "other-pixels-than-recorded",
    "",
    _rewritten(PixelData=grey(64, 64, 78).tobytes()),
    seen=Seen.LEGAL,
)
_add(
    "files-swapped", "wrong-link",
    lambda tree: {**tree, FIRST: tree[SECOND], SECOND: tree[FIRST]}, of_tree=True,
)  # fmt: skip


# Names.
def _respelled(spell: Callable[[str], str]) -> Callable[[Tree], Tree]:
    """Each instance's file under another name; the DICOMDIR knows the old one."""

    def respell(tree: Tree) -> Tree:
        paths = {one.path for one in instances()}
        return {spell(path) if path in paths else path: content for path, content in tree.items()}

    return respell


_NAMES = "name-differs missing-file unreferenced unsafe-name"
_add("extension-dcm", _NAMES, _respelled(lambda path: f"{path}.dcm"), of_tree=True, seen=Seen.NAMES)
_add(
    "version-in-names", _NAMES, _respelled(lambda path: f"{path}.;1"), of_tree=True, seen=Seen.NAMES
)
_add(
    "uids-as-names", _NAMES, _respelled(lambda path: {o.path: o.uid for o in instances()}[path]),
    of_tree=True, seen=Seen.NAMES,
)  # fmt: skip
_add(
    "blanks-and-umlauts", _NAMES,
    _respelled(lambda path: f"Bilder für Müller/{path.replace('/', ' ')} ä"), of_tree=True,
    seen=Seen.NAMES,
)  # fmt: skip
_add(
    "all-in-the-root",
    _NAMES,
    _respelled(lambda path: path.replace("/", "")),
    of_tree=True,
    seen=Seen.NAMES,
)
_add("mixed-case-names", "name-differs", _respelled(str.title), of_tree=True, seen=Seen.NAMES)
_add(
    "picture-named-dcm", "not-dicom",
    changed({"DICOM/ST1/PHOTO.DCM": b"\xff\xd8\xff\xe0" + random.Random(6).randbytes(500)}),
    of_tree=True, seen=Seen.NAMES,
)  # fmt: skip
_add(
    "worklist-item-as-file", "unreferenced no-instance not-an-instance",
    lambda tree: {**tree, "DICOM/WL": _worklist_item()},
    of_tree=True, seen=Seen.NAMES, **_ONE_MORE, imported=COUNT + 1,
)  # fmt: skip


def _worklist_item() -> bytes:
    ds = Dataset()
    ds.PatientName, ds.PatientID = "Nobody^Else", "OUT-0815"
    ds.SOPClassUID, ds.SOPInstanceUID = "1.2.276.0.7230010.3.1.0.1", f"{ROOT}.30"
    return written(ds)
