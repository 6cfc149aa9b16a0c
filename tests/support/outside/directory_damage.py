"""Damages of the DICOMDIR: the files beside it are whole, so nothing may be lost."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace
from typing import Any

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
from tests.support.outside.directories import (
    CHILD,
    EXPLICIT_BE,
    IMPLICIT_LE,
    IN_USE,
    NEXT,
    TYPE,
    Directory,
    Encoding,
    Record,
    good_dicomdir,
    image_record,
    roots,
    walk,
)
from tests.support.outside.patients import (
    COUNT,
    CT_PATHS,
    ROOT,
    STRANGER,
    OutsideInstance,
    ct,
    instances,
    written,
)

_NOT_FOUND = "missing-file unreferenced name-differs file-id"
_OFFSETS = "offset-no-record orphan-record record-loop two-parents last-root-offset"


def _add(
    name: str,
    words: str,
    build: Callable[[], bytes] | Callable[[Tree], Tree],
    *,
    of_tree: bool = False,
    seen: Seen = Seen.PICTURE,
    **expects: Any,
) -> None:
    """Register a damage; repairs are expected unless something else is said."""

    def apply(tree: Tree) -> Tree:
        return build(tree) if of_tree else {**tree, "DICOMDIR": build()}  # type: ignore[call-arg,return-value,dict-item]

    expected = Expects(**{"rules": rules(words), "repairs": int(bool(words)), **expects})
    register(Damage(name, Kind.DIRECTORY, expected, seen, apply))


def _of(change: Callable[[list[Record]], None] | None = None, **options: Any) -> bytes:
    """The DICOMDIR with its records changed in place."""
    tree = roots()
    if change is not None:
        change(tree)
    return Directory(tree, **options).build()


def _leaves(change: Callable[[Record], None]) -> bytes:
    """The DICOMDIR with each record of a file changed."""

    def every(tree: list[Record]) -> None:
        for record in walk(tree):
            if record.file_id:
                change(record)

    return _of(every)


def _each(change: Callable[[Record], None]) -> bytes:
    def every(tree: list[Record]) -> None:
        for record in walk(tree):
            change(record)

    return _of(every)


def _file_ids(spell: Callable[[str], str]) -> bytes:
    def respell(record: Record) -> None:
        record.file_id = spell(record.file_id)

    return _leaves(respell)


def _first_file_id(spelling: str) -> bytes:
    """One more IMAGE record in front, with this File ID: the others are as they were."""
    one = instances()[0]

    def insert(tree: list[Record]) -> None:
        hostile = image_record(one, file_id=spelling, uid=f"{one.uid}.99")
        tree[0].children[0].children[0].children.insert(0, hostile)

    return _of(insert)


def _set(**values: Any) -> Callable[[Record], None]:
    def change(record: Record) -> None:
        for name, value in values.items():
            setattr(record, name, value)

    return change


def _key(record_type: str, tag: int, value: str | bytes | None) -> bytes:
    """The DICOMDIR with one key of a type of records changed; None leaves it out."""

    def change(record: Record) -> None:
        if record.type == record_type:
            record.keys = [
                (own, vr, value if own == tag else old)  # type: ignore[misc]
                for own, vr, old in record.keys
                if own != tag or value is not None
            ]

    return _each(change)


# How it is encoded (PS3.10 8.6, 7.1).
_add(
    "implicit-vr",
    "transfer-syntax",
    lambda: _of(encoding=Encoding(explicit=False), syntax=IMPLICIT_LE),
)
_add("big-endian", "transfer-syntax", lambda: _of(encoding=Encoding(big=True), syntax=EXPLICIT_BE))
_add(
    "implicit-but-says-explicit", "transfer-syntax", lambda: _of(encoding=Encoding(explicit=False))
)
_add("explicit-but-says-implicit", "transfer-syntax", lambda: _of(syntax=IMPLICIT_LE))
_add("says-jpeg", "transfer-syntax", lambda: _of(syntax="1.2.840.10008.1.2.4.50"))
_add("no-preamble", "no-preamble", lambda: _of(preamble=False))
_add("wrong-meta-length", "file-meta", lambda: _of(meta_length=26))
_add("no-meta-length", "file-meta", lambda: _of(without=frozenset({0x00020000})))
_add("no-syntax-in-meta", "file-meta transfer-syntax", lambda: _of(without=frozenset({0x00020010})))
_add("no-file-set-uid", "file-meta", lambda: _of(without=frozenset({0x00020003})))
_add("wrong-class-in-meta", "not-a-directory", lambda: _of(sop_class="1.2.840.10008.5.1.4.1.1.2"))
_add("no-file-set-id", "directory-element", lambda: _of(without=frozenset({0x00041130})))
_add("undefined-item-lengths", "", lambda: _of(item_lengths=None), seen=Seen.LEGAL)

# Offsets (PS3.3 F.3.2.2).
_add(
    "shift-plus", "offset-shift", lambda: _of(offsets=lambda _r, _w, true: true + 14 if true else 0)
)
_add(
    "shift-minus",
    "offset-shift",
    lambda: _of(offsets=lambda _r, _w, true: true - 132 if true else 0),
)


def _random_offsets() -> bytes:
    chance = random.Random(5)
    size = len(good_dicomdir())
    return _of(offsets=lambda _r, _w, true: 1 | chance.randrange(size) if true else 0)


def _drift(_role: str, _who: int, true: int) -> int:
    """Names counted as characters instead of bytes: the farther behind, the farther off."""
    return true - 2 * (true // 600) if true else 0


_add("random-offsets", _OFFSETS, _random_offsets)
_add("drifting-offsets", f"{_OFFSETS} offset-shift", lambda: _of(offsets=_drift))
_add("zero-offsets", _OFFSETS, lambda: _of(offsets=lambda *_: 0))
_add(
    "no-offset-elements",
    f"{_OFFSETS} record-element",
    lambda: _each(_set(without=frozenset({NEXT, CHILD}))),
)
_add(
    "no-root-offsets", "directory-element", lambda: _of(without=frozenset({0x00041200, 0x00041202}))
)
_add(
    "wrong-first-root", _OFFSETS,
    lambda: _of(offsets=lambda role, _w, true: true + 11 if role == "first" else true),
)  # fmt: skip
_add(
    "wrong-last-root", "last-root-offset",
    lambda: _of(offsets=lambda role, _w, true: true + 200 if role == "last" else true),
)  # fmt: skip


def _pointing(role: str, pick: Callable[[list[int]], tuple[int, int]]) -> Callable[[], bytes]:
    """One offset leads elsewhere; `pick` has who points, and where to, of the items' places."""

    def build() -> bytes:
        seen: list[int] = []
        _of(offsets=lambda r, who, true: seen.append(who) or true if r == "next" else true)  # type: ignore[func-returns-value]
        source, target = pick(seen)
        return _of(offsets=lambda r, w, true: target if (r, w) == (role, source) else true)

    return build


# Items by number: 0 PATIENT, 1 STUDY, 2 SERIES, 3-7 CT images, 8 SERIES, 9 SR, 10 SERIES, 11 PR,
# 12 STUDY, 13 SERIES, 14-15 CR images.
_add("sibling-loop", "record-loop two-parents", _pointing("next", lambda at: (at[7], at[3])))
_add("child-loop", "record-loop two-parents", _pointing("child", lambda at: (at[5], at[1])))
_add("self-reference", "record-loop", _pointing("next", lambda at: (at[4], at[4])))
_add("two-parents", "two-parents record-loop", _pointing("child", lambda at: (at[13], at[3])))
_add("chain-cut", "orphan-record", _pointing("next", lambda at: (at[3], 0)))
_add("study-cut-off", "orphan-record", _pointing("next", lambda at: (at[1], 0)))
_add("orphan-records", "orphan-record", lambda: _of(extra=roots()[0].children[1].children))
_add("reversed-records", "", lambda: _of(physical=lambda flat: flat[::-1]), seen=Seen.LEGAL)


def _shuffled(flat: list[Record]) -> list[Record]:
    flat = list(flat)
    random.Random(9).shuffle(flat)
    return flat


_add("shuffled-records", "", lambda: _of(physical=_shuffled), seen=Seen.LEGAL)


# Levels and types (PS3.3 F.4, F.5).
def _lift(record_type: str) -> Callable[[], bytes]:
    """Leave out a level: what lies below it takes its place."""

    def lifted(records: list[Record]) -> list[Record]:
        found = []
        for record in records:
            record.children = lifted(record.children)
            found += record.children if record.type == record_type else [record]
        return found

    return lambda: Directory(lifted(roots())).build()


def _retype(old: str, new: str) -> Callable[[], bytes]:
    def change(record: Record) -> None:
        if record.type == old:
            record.type = new

    return lambda: _each(change)


_add("no-patient-level", "record-place", _lift("PATIENT"))
_add("no-study-level", "record-place", _lift("STUDY"))
_add("no-series-level", "record-place", _lift("SERIES"))
_add("flat-images", "record-place", lambda: _of_roots([image_record(one) for one in instances()]))
_add("unknown-patient-type", "unknown-record", _retype("PATIENT", "SUBJECT"))
_add("unknown-image-type", "unknown-record", _retype("IMAGE", "PICTURE"))
_add(
    "lower-case-types",
    "unknown-record",
    lambda: _each(lambda r: setattr(r, "type", r.type.lower())),
)
_add("no-types", "record-element", lambda: _each(_set(without=frozenset({TYPE}))))
_add("retired-types", "retired-record", _retype("PRESENTATION", "CURVE"))
_add("private-records", "missing-key", _retype("IMAGE", "PRIVATE"))


def _of_roots(records: list[Record], **options: Any) -> bytes:
    return Directory(records, **options).build()


def _vendor_tree() -> bytes:
    """A vendor's private tree beside the patient's: records of its own data base."""
    vendor = [
        (0x00041432, "UI", f"{ROOT}.55"),
        (0x00090010, "LO", "VENDOR DB"),
        (0x00091001, "LO", "x"),
    ]
    leaves = [Record("PRIVATE", list(vendor)) for _ in range(5)]
    return _of_roots([*roots(), Record("PRIVATE", list(vendor), leaves)])


_add("vendor-tree", "", _vendor_tree, seen=Seen.LEGAL)


def _deep() -> bytes:
    tree = roots()
    below = tree[0].children
    for _ in range(80):
        below = [Record("STUDY", [], below)]
    tree[0].children = below
    return _of_roots(tree)


_add("deep-records", "too-deep record-place", _deep)

# File IDs (PS3.10 8.2, 8.5).
_add("lower-case-file-ids", "file-id", lambda: _file_ids(str.lower))
_add("file-ids-with-extension", "file-id", lambda: _file_ids(lambda name: f"{name}.DCM"))
_add("file-ids-with-version", "file-id", lambda: _file_ids(lambda name: f"{name};1"))
_add("file-ids-with-dot", "file-id", lambda: _file_ids(lambda name: f"{name}."))
_add("slashes-in-file-ids", "file-id", lambda: _file_ids(lambda name: name.replace("\\", "/")))
_add("one-long-value", "file-id", lambda: _file_ids(lambda name: name.replace("\\", "")))
_add(
    "blanks-in-file-ids",
    "",
    lambda: _file_ids(lambda name: name.replace("\\", " \\ ")),
    seen=Seen.LEGAL,
)
_add("absolute-file-ids", "escaping-file-id", lambda: _file_ids(lambda name: f"\\{name}"))
_add("drive-letter", "escaping-file-id", lambda: _file_ids(lambda name: f"D:\\{name}"))
_add("unc-path", "escaping-file-id", lambda: _file_ids(lambda name: f"\\\\PACS\\C\\{name}"))
_add(
    "parent-escape",
    "escaping-file-id",
    lambda: _first_file_id("..\\..\\..\\ETC\\PASSWD"),
    repairs=0,
)
_add("absolute-escape", "escaping-file-id", lambda: _first_file_id("/etc/passwd"), repairs=0)
_add(
    "components-too-long",
    "file-id missing-file",
    lambda: _first_file_id("DICOMFILES\\IMAGENUMBER1"),
)
_add("too-many-components", "file-id missing-file", lambda: _first_file_id("\\".join("ABCDEFGHI")))
_add("file-id-of-64k", "file-id missing-file", lambda: _first_file_id("\\".join(["A" * 8] * 7000)))
_add("no-file-ids", "no-reference", lambda: _leaves(_set(file_id="")))
_add("references-the-readme", "not-dicom file-id", lambda: _first_file_id("README.TXT"))
_add(
    "references-itself",
    "wrong-link missing-file not-an-instance dicomdir",
    lambda: _first_file_id("DICOMDIR"),
)

# Flags and keys.
_add("consistency-flag", "consistency-flag", lambda: _of(consistency=0xFFFF))
_add("in-use-zero", "in-use-flag", lambda: _each(_set(in_use=0)))
_add("no-in-use-flag", "record-element", lambda: _each(_set(without=frozenset({IN_USE}))))
_add("no-patient-id", "missing-key", lambda: _key("PATIENT", 0x00100020, None))
_add("no-study-uid-key", "missing-key", lambda: _key("STUDY", 0x0020000D, None))
_add("undeclared-text", "character-set", lambda: _key("PATIENT", 0x00080005, None))
_add("windows-text", "", lambda: _key("PATIENT", 0x00100010, "Müller".encode() + b"^\x80nne"))


def _out_of_order() -> bytes:
    """Elements sorted by insertion: the Patient ID stands before what identifies the record."""
    content = good_dicomdir()
    item = content.index(b"\xfe\xff\x00\xe0") + 8
    key = content.index(b"\x10\x00\x20\x00LO", item)
    end = key + 8 + int.from_bytes(content[key + 6 : key + 8], "little")
    return content[:item] + content[key:end] + content[item:key] + content[end:]


# dcmdump puts them in order before it shows them.
_add("elements-out-of-order", "element-order", _out_of_order, seen=Seen.BYTES)


# Truncated, padded, and lengths that lie.
def _cut(part: float) -> Callable[[], bytes]:
    def cut() -> bytes:
        content = good_dicomdir()
        return content[: int(len(content) * part) if part > 0 else int(part)]

    return cut


_add(
    "cut-in-the-meta",
    "truncated-directory directory-element file-meta",
    lambda: good_dicomdir()[:200],
    directory=False,
)
_add(
    "cut-before-the-records",
    "truncated-directory",
    lambda: good_dicomdir()[: good_dicomdir().index(b"\xfe\xff\x00\xe0")],
)
_add("cut-at-a-quarter", "truncated-directory", _cut(0.25))
_add("cut-at-half", "truncated-directory", _cut(0.5))
_add("cut-at-three-quarters", "truncated-directory", _cut(0.75))
_add("cut-by-one-byte", "truncated-directory malformed-record", _cut(-1))
_add(
    "garbage-behind",
    "truncated-directory trailing-bytes",
    lambda: good_dicomdir() + random.Random(3).randbytes(3000),
)
_add("zeros-behind", "truncated-directory trailing-bytes", lambda: good_dicomdir() + bytes(2048))
_add(
    "item-too-long",
    "truncated-directory malformed-record",
    lambda: _of(item_lengths=lambda n, true: true + 1000 * (n == 4)),
)
_add(
    "item-too-short",
    "truncated-directory malformed-record",
    lambda: _of(item_lengths=lambda n, true: true - 30 * (n == 4)),
)
_add(
    "items-of-4-gib",
    "truncated-directory malformed-record",
    lambda: _of(item_lengths=lambda n, true: 0xFFFFFFF0 if n == 6 else true),
)
_add(
    "zeroed-in-the-middle",
    "truncated-directory malformed-record orphan-record",
    lambda: good_dicomdir()[:2048] + bytes(1024) + good_dicomdir()[3072:],
)

# What it says, against what is there.


def _head_alone() -> bytes:
    content = good_dicomdir()
    return content[: content.index(b"\x04\x00\x00\x12UL")]


_add("no-records", "unreferenced", lambda: _of_roots([]))
_add("head-alone", "no-directory", _head_alone, repairs=0)


def _other_disc() -> list[OutsideInstance]:
    """Instances of somebody else's disc, under the names that this one has."""
    return [
        replace(one, uid=f"{ROOT}.8.{n}", study=f"{ROOT}.8", series=f"{ROOT}.8.0")
        for n, one in enumerate(instances())
    ]


_add(
    "of-another-disc", "wrong-link missing-file unreferenced wrong-branch",
    lambda: _of_roots(roots(_other_disc(), patient_id="OUT-0815", name="Nobody^Else")),
)  # fmt: skip
_add("stale", "unreferenced", lambda: _of_roots(roots(instances()[:3])))


def _ghosts() -> bytes:
    def change(tree: list[Record]) -> None:
        series = tree[0].children[0].children[0]
        one = instances()[0]
        series.children += [
            image_record(one, file_id=f"DICOM\\ST1\\SE1\\IM{n:04}", uid=f"{one.series}.{n}")
            for n in range(6, 40)
        ]

    return _of(change)


_add("lists-what-is-not-there", "missing-file", _ghosts, repairs=0)


def _twice(tree: list[Record]) -> None:
    for record in walk(tree):
        if record.type == "SERIES":
            record.children += [replace(child) for child in record.children]


_add("every-record-twice", "instance-twice referenced-twice", lambda: _of(_twice))
_add("patient-twice", "not-unique instance-twice", lambda: _of_roots([*roots(), *roots()]))


def _swapped(tree: list[Record]) -> None:
    images = tree[0].children[0].children[0].children
    images[0].uid, images[1].uid = images[1].uid, images[0].uid


_add("wrong-uids", "wrong-link", lambda: _leaves(lambda r: setattr(r, "uid", f"{r.uid}.77")))
_add("swapped-uids", "wrong-link", lambda: _of(_swapped))
_add(
    "uids-with-letters",
    "uid wrong-link",
    lambda: _leaves(lambda r: setattr(r, "uid", f"{r.uid}.X")),
)
_add(
    "wrong-classes",
    "meta-disagrees wrong-link",
    lambda: _leaves(_set(sop_class="1.2.840.10008.5.1.4.1.1.4")),
)
_add("wrong-syntaxes", "meta-disagrees", lambda: _leaves(_set(syntax="1.2.840.10008.1.2.4.70")))
_add("wrong-study-uid", "wrong-branch not-unique", lambda: _key("STUDY", 0x0020000D, f"{ROOT}.444"))
_add(
    "wrong-patient-name",
    "identity-spelling wrong-branch wrong-person",
    lambda: _key("PATIENT", 0x00100010, "Nobody^Else"),
)
_add(
    "wrong-patient-id", "wrong-branch wrong-person", lambda: _key("PATIENT", 0x00100020, "OUT-0815")
)


def _merged(tree: Tree) -> Tree:
    """Somebody else's image lies under this patient's record, in a study of its own."""
    ds = ct(
        9,
        **STRANGER,
        StudyInstanceUID=f"{ROOT}.8",
        SeriesInstanceUID=f"{ROOT}.8.1",
        SOPInstanceUID=f"{ROOT}.8.1.9",
    )
    template = instances()[0]
    one = replace(
        template,
        path="DICOM/ST3/SE1/IM0001",
        uid=f"{ROOT}.8.1.9",
        study=f"{ROOT}.8",
        series=f"{ROOT}.8.1",
    )
    return {**tree, one.path: written(ds), "DICOMDIR": _of_roots(roots([*instances(), one]))}


_add(
    "two-patients-merged",
    "wrong-branch wrong-person",
    _merged,
    of_tree=True,
    found=COUNT + 1,
    imported=COUNT + 1,
)

# What stands in its place.
JPEG = (
    b"\xff\xd8\xff\xe0\0\x10JFIF\0\1\1\0\0\1\0\1\0\0"
    + random.Random(4).randbytes(900)
    + b"\xff\xd9"
)
_add(
    "absent",
    "no-dicomdir",
    changed({"DICOMDIR": None}),
    of_tree=True,
    seen=Seen.NAMES,
    directory=False,
    repairs=0,
)
_add("zero-bytes", "not-dicom no-dicomdir", lambda: b"", directory=False, repairs=0)
_add("only-zeros", "not-dicom no-dicomdir", lambda: bytes(4096), directory=False, repairs=0)
_add("is-a-jpeg", "not-dicom no-dicomdir", lambda: JPEG, directory=False, repairs=0)
_add(
    "is-an-instance", "not-a-directory", lambda: instances()[0].content, directory=False, repairs=0,
    found=COUNT + 1, duplicates=1,
)  # fmt: skip


def _folder_instead(tree: Tree) -> Tree:
    index = tree.pop("DICOMDIR")
    moved = {f"DICOMDIR/{path.rsplit('/')[-1]}": tree.pop(path) for path in CT_PATHS}
    return {**tree, "DICOMDIR/INDEX": index, **moved}


_add(
    "is-a-folder",
    "directory-place name-differs",
    _folder_instead,
    of_tree=True,
    seen=Seen.NAMES,
    directory=False,
    repairs=0,
)


def _in_subfolders(tree: Tree) -> Tree:
    """Two discs copied into folders of one: each has its own DICOMDIR, the root has none."""
    found = {}
    for folder, study in (("DISC1", "ST1"), ("DISC2", "ST2")):
        members = [one for one in instances() if f"/{study}/" in one.path]
        found[f"{folder}/DICOMDIR"] = _of_roots(roots(members))
        found |= {f"{folder}/{one.path}": one.content for one in members}
    return found


_add(
    "several-in-subfolders", "no-dicomdir several-directories dicomdir", _in_subfolders,
    of_tree=True, seen=Seen.NAMES, directory=False, repairs=0,
)  # fmt: skip


def _lower_case(tree: Tree) -> Tree:
    return {path.lower(): content for path, content in tree.items()}


_add("lower-case-mount", "name-differs", _lower_case, of_tree=True, seen=Seen.NAMES)
_add(
    "dicomdir-with-extension", "no-dicomdir name-differs",
    lambda tree: {**changed({"DICOMDIR": None})(tree), "DICOMDIR.DCM": good_dicomdir()},
    of_tree=True, seen=Seen.NAMES, directory=False, repairs=0,
)  # fmt: skip
_add(
    "two-dicomdirs-in-the-root", "", changed({"DICOMDIR.BAK": _of_roots(roots(instances()[:3]))}),
    of_tree=True, seen=Seen.NAMES, repairs=0,
)  # fmt: skip
