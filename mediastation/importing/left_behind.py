"""What was left on a medium, in a few findings however much it is."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from mediastation.importing.hostile import LeftFile
from mediastation.importing.signatures import LeftKind
from mediastation.model.finding import Finding, note, warning

MAX_FOLDERS = 10_000
"""Files of more folders are counted together: no medium has so many programs."""

_NAMED_PROGRAMS = 4
_NAMED_DISGUISES = 3
_EXAMPLES = 3
_SHOWN_LETTERS = 120

_WITHIN = {
    LeftKind.ARCHIVE: "archive",
    LeftKind.DOCUMENT: "document",
    LeftKind.IMAGE_DATABASE: "database",
    LeftKind.ENVELOPE: "encrypted file",
}
"""What may be the patient's though it lies among the files of a program."""

_VIEWERS = (
    ("RadiAnt", r"radiant|medixant"),
    ("Weasis", r"weasis"),
    ("MicroDicom", r"microdicom|mdicom"),
    ("eFilm", r"efilm|merge ?pacs"),
    ("syngo", r"syngo|fastview"),
    ("Philips DICOM Viewer", r"philips|isite|pmsdview|dicomviewer\.exe"),
    ("Centricity", r"centricity|gehc|ge_?viewer|cdviewer"),
    ("OsiriX or Horos", r"osirix|horos"),
    ("K-PACS", r"k-?pacs"),
    ("ClearCanvas", r"clearcanvas"),
    ("Sante", r"sante(?:dicom|viewer| ?dicom)"),
    ("JiveX", r"jivex"),
    ("IQ-VIEW", r"iq-?view|iqlite|iq-?lite"),
    ("Ginkgo CADx", r"ginkgo"),
    ("IMPAX", r"impax"),
    ("Synapse", r"synapse"),
    ("Vitrea", r"vitrea"),
    ("INFINITT", r"infinitt|xelis"),
    ("Carestream", r"carestream|vuemotion"),
    ("Sectra", r"sectra"),
    ("Visage", r"visage"),
    ("Aeskulap", r"aeskulap"),
    ("ezDICOM", r"ezdicom"),
    ("Onis", r"onis"),
    ("PacsCube", r"pacscube"),
)
_VIEWER = re.compile(
    "|".join(
        rf"(?P<v{number}>(?<![a-z])(?:{pattern}))" for number, (_, pattern) in enumerate(_VIEWERS)
    ),
    re.IGNORECASE,
)
_VIEWER_LIKE = re.compile(
    r"(?<![a-z])(?:dicom|dcm|cd|pdi|image|med)?[ _-]?view(?:er)?(?![a-z])|(?<![a-z])pacs(?![a-z])",
    re.IGNORECASE,
)
_VIEWER_LEVELS = 2


@dataclass(slots=True)
class _Tally:
    """How many files of a kind there are, how long together, and the first of them."""

    count: int = 0
    size_bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, file: LeftFile) -> None:
        self.count += 1
        self.size_bytes += max(0, file.size_bytes)
        if len(self.examples) < _EXAMPLES:
            self.examples.append(file.path[:_SHOWN_LETTERS])

    def merge(self, other: _Tally) -> None:
        self.count += other.count
        self.size_bytes += other.size_bytes
        self.examples = (self.examples + other.examples)[:_EXAMPLES]

    def __str__(self) -> str:
        shown = ", ".join(self.examples)
        more = " …" if self.count > len(self.examples) else ""
        return f"{_files(self.count)} ({_size(self.size_bytes)}): {shown}{more}"


@dataclass(slots=True)
class _Folder:
    """What lies below one folder."""

    path: str
    kinds: dict[LeftKind, _Tally] = field(default_factory=dict)
    viewer: str = ""

    def add(self, file: LeftFile) -> None:
        self.kinds.setdefault(file.kind, _Tally()).add(file)
        if file.kind is LeftKind.PROGRAM and not self.viewer:
            self.viewer = _viewer(file.path)

    def of_program(self) -> tuple[_Tally, str]:
        """Take out what belongs to the program that lies here, and say what one may look for in it.

        Nothing if there is no program.
        """
        if LeftKind.PROGRAM not in self.kinds:
            return _Tally(), ""
        # In the root the program's files lie beside everybody's.
        kinds = list(self.kinds) if self.path else [LeftKind.PROGRAM]
        whole, within = _Tally(), []
        for kind in sorted(kinds, key=lambda kind: kind is not LeftKind.PROGRAM):
            tally = self.kinds.pop(kind)
            whole.merge(tally)
            if kind in _WITHIN:
                within.append(f"{tally.count:,} {_WITHIN[kind]}{'' if tally.count == 1 else 's'}")
        return whole, ", ".join(within)


def summarise_left(
    left: Iterable[LeftFile], folders_with_instances: Collection[str] = ()
) -> list[Finding]:
    """Say what was left on the medium: about twenty findings at most, whatever lies on it.

    A program is told with the folder that it lies in as one thing, for that is
    what a viewer is. All else is told by kind, with the first names.

    Parameters
    ----------
    left : iterable of LeftFile
        In any order; nothing of it is kept but counts and a few names.
    folders_with_instances : collection of str
        First components of paths below which DICOM lies. A program in such a
        folder counts with the folder right above it only, so that reports
        beside the images are told by themselves.
    """
    folders: dict[str, _Folder] = {}
    disguised = _Tally()
    findings = []
    for file in left:
        if file.disguise:
            disguised.add(file)
            if disguised.count <= _NAMED_DISGUISES:
                findings.append(
                    warning(
                        "disguised-program", file.path,
                        f"{file.words}, and {file.disguise}; it was neither copied nor started",
                        "Do not open it. Tell who made the medium.",
                    )
                )  # fmt: skip
        home = _home(file.path, folders_with_instances)
        if home not in folders and len(folders) >= MAX_FOLDERS:
            home = ""
        folders.setdefault(home, _Folder(home)).add(file)
    if disguised.count > _NAMED_DISGUISES:
        more = disguised.count - _NAMED_DISGUISES
        findings.append(
            warning(
                "disguised-program", "", f"{_files(more)} more are not what their names say",
                "Do not open them. Tell who made the medium.",
            )
        )  # fmt: skip
    findings += _programs(folders.values())
    kinds: dict[LeftKind, _Tally] = {}
    for folder in folders.values():
        for kind, tally in folder.kinds.items():
            kinds.setdefault(kind, _Tally()).merge(tally)
    findings += [_of_kind(kind, kinds[kind]) for kind in LeftKind if kind in kinds]
    return findings


def _programs(folders: Iterable[_Folder]) -> list[Finding]:
    found = [(folder, *folder.of_program()) for folder in folders]
    found = [one for one in found if one[1].count]
    found.sort(key=lambda one: (-one[1].count, one[0].path))
    findings = [
        note("program-left", folder.path, _program_words(folder, tally, within))
        for folder, tally, within in found[:_NAMED_PROGRAMS]
    ]
    rest = _Tally()
    for _, tally, _ in found[_NAMED_PROGRAMS:]:
        rest.merge(tally)
    if rest.count:
        programs = len(found) - _NAMED_PROGRAMS
        findings.append(
            note(
                "program-left", "",
                f"programs in {programs:,} more {'folder' if programs == 1 else 'folders'} were "
                f"left on the medium, never started: {rest}",
            )
        )  # fmt: skip
    return findings


def _program_words(folder: _Folder, tally: _Tally, within: str) -> str:
    if folder.viewer:
        known = f" ({folder.viewer})" if folder.viewer != "viewer" else ""
        what = f"one viewer program{known} with {_files(tally.count)}"
    else:
        what = f"programs: {_files(tally.count)}"
    shown = ", ".join(tally.examples)
    return (
        f"{what}, {_size(tally.size_bytes)}, left on the medium and never started; among them "
        f"{shown}{'; with them ' if within else ''}{within}"
    )


def _viewer(path: str) -> str:
    """Return the name of a known viewer that a path speaks of, ``viewer`` if one, else nothing.

    Only a program near the root tells: deep inside others there is everything.
    """
    if path.count("/") > _VIEWER_LEVELS:
        return ""
    path = path[:_SHOWN_LETTERS]
    match = _VIEWER.search(path)
    if match is not None and match.lastgroup:
        return _VIEWERS[int(match.lastgroup[1:])][0]
    return "viewer" if _VIEWER_LIKE.search(path) else ""


_WORDS: dict[LeftKind, tuple[str, str, str]] = {
    LeftKind.AUTOSTART: (
        "autostart-left", "shortcuts or files that start programs by themselves were left on the "
        "medium and not followed", "",
    ),
    LeftKind.ARCHIVE: (
        "archive-left", "archives or images of disks were not opened; they may hold more",
        "If images are missing, unpack them where programs cannot be started, and import what "
        "comes out.",
    ),
    LeftKind.DOCUMENT: (
        "documents-left", "documents were left on the medium",
        "There may be reports among them: look before the medium is handed back.",
    ),
    LeftKind.PICTURE: (
        "pictures-left", "pictures or films, not DICOM, were left on the medium", "",
    ),
    LeftKind.IMAGE_DATABASE: (
        "image-database-left", "databases or images in another format than DICOM were left on the "
        "medium",
        "If images are missing, ask who made the medium for DICOM.",
    ),
    LeftKind.ENVELOPE: (
        "envelope-left", "encrypted files were not opened",
        "Open the medium with its password or key first.",
    ),
    LeftKind.MAIL: (
        "mail-left", "e-mails or MIME files were not opened", "Import them by themselves.",
    ),
    LeftKind.SYSTEM: ("system-left", "left behind by operating systems", ""),
    LeftKind.EMPTY: (
        "empty-left", "files have no content", "Was the medium written to its end? Look for what "
        "is missing.",
    ),
    LeftKind.OTHER: ("other-left", "of no known kind were left on the medium", ""),
}  # fmt: skip
_TO_BE_LOOKED_AT = frozenset(
    {LeftKind.ARCHIVE, LeftKind.IMAGE_DATABASE, LeftKind.ENVELOPE, LeftKind.MAIL}
)
"""Kinds that may hold instances, which then have not come in."""


def _of_kind(kind: LeftKind, tally: _Tally) -> Finding:
    rule, words, hint = _WORDS[kind]
    make = warning if kind in _TO_BE_LOOKED_AT else note
    return make(rule, tally.examples[0] if tally.count == 1 else "", f"{words}: {tally}", hint)


def _home(path: str, folders_with_instances: Collection[str]) -> str:
    top, slash, _ = path.partition("/")
    if not slash:
        return ""
    return path.rpartition("/")[0] if top in folders_with_instances else top


def _files(count: int) -> str:
    return "1 file" if count == 1 else f"{count:,} files"


def _size(size_bytes: int) -> str:
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 1000)):
        if size_bytes >= factor:
            return f"{size_bytes / factor:.1f} {unit}"
    return f"{size_bytes} bytes"
