"""What an outside medium may hold that is never believed and never run.

Everything here looks at names and first bytes alone; nothing is opened,
unpacked or started. Content is asked before names: a program is one whatever
it is called, and a name that hides what a file is, is told as such.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from mediastation.importing.signatures import (
    BY_SUFFIX,
    LeftKind,
    Signature,
    disguised_as,
    recognise,
)
from mediastation.model.file_meta import PREAMBLE_BYTES, PREFIX
from mediastation.model.finding import Finding, error, warning
from mediastation.model.system_files import is_system_file
from mediastation.reading.contract import Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.volume import ZipVolume

MAX_COMPONENT_BYTES = 255
"""More than this no file system takes: the file could not be kept under its name."""

MAX_PATH_BYTES = 1024

POLYGLOT = "polyglot-preamble"
"""Rule of a DICOM file that is something else as well."""

_RUNS = {LeftKind.PROGRAM, LeftKind.AUTOSTART}
_INNOCENT = {LeftKind.DOCUMENT, LeftKind.PICTURE}
_SETTINGS = {"ini", "cfg", "conf"}
_DICOM_SUFFIXES = {"dcm", "dicom", "ima", "dic"}
_ZIPPED = {"jar", "war", "apk", "docx", "xlsx", "pptx", "docm", "xlsm", "pptm", "odt", "ods", "odp"}

_AUTOSTART_NAMES = re.compile(
    r"autorun(?:\.inf|\.sh|\.exe|\.bat|\.cmd|\.ini)?|\.?autorun|\.?autoopen|desktop\.ini"
    r"|folder\.htt|shellrun\.exe|launch\.u3|autoplay(?:\.(?:inf|exe|cdd))?",
    re.IGNORECASE,
)
_SYSTEM_NAMES = re.compile(
    r"\.ds_store|thumbs\.db|ehthumbs(?:_vista)?\.db|\._.+|desktop d[bf]|\.volumeicon\.icns|icon\r?"
    r"|\.metadata_never_index|indexervolumeguid|wpsettings\.dat|\.directory|\.hidden|\.nomedia",
    re.IGNORECASE,
)
_DEVICE_NAMES = re.compile(
    r"(?:con|prn|aux|nul|clock\$|conin\$|conout\$|(?:com|lpt)[0-9¹²³])(?:[ .:].*)?", re.IGNORECASE
)

_DIRECTION = re.compile("%20(?:2[A-E]|6[6-9])|[\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069]")
_INVISIBLE = re.compile(
    "[\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060-\u2064\u3164\ufe00-\ufe0f\ufeff\uffa0]"
    "|(?<![^ -~])[\u200c\u200d]|[\u200c\u200d](?![^ -~])"
)
"""Joiners belong to Persian and Indic spelling: they hide something beside plain letters only."""

_VERSION = re.compile(r";[0-9]{1,5}$")
_GAP = re.compile(r"[\s\u2800]{5,}")
_WORD = re.compile(r"[^\W\d_]+")
_LONGEST_SUFFIX = 18
_LOOK_ALIKE_SCRIPTS = ("CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE", "COPTIC")


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A file that stays on the medium.

    `words` names it with an article. `disguise` says how its name misleads
    about what it is; empty if it does not.
    """

    path: str
    size_bytes: int
    kind: LeftKind
    words: str
    disguise: str = ""


def check_preamble(path: str, first: bytes) -> Finding | None:
    """Tell whether a DICOM file is something else as well that a system might run or open.

    PS3.10 7.5 warns of preambles that carry executable code. Zeros and TIFF
    headers are what 7.1 foresees; other pictures are harmless, and what is not
    known is told when the header is read.

    Parameters
    ----------
    path : str
        Where the file lies on the medium.
    first : bytes
        Its first bytes, 132 or more.

    Returns
    -------
    Finding or None
        An error with the rule `POLYGLOT`. Such a file comes in with its
        preamble cleared (`mediastation.importing.quarantine.disarm`).
    """
    if first[PREAMBLE_BYTES : PREAMBLE_BYTES + len(PREFIX)] != PREFIX:
        return None
    words = disguised_as(first[:PREAMBLE_BYTES])
    if not words:
        return None
    return error(
        POLYGLOT,
        path,
        f"it is also {words}: what its preamble holds can be run or opened by other programs",
        "The instance is taken in with its preamble cleared; the file as it came is held in "
        "quarantine. Tell who made the medium.",
        "PS3.10 7.5",
    )


def classify_file(path: str, first_bytes: bytes, size: int) -> LeftFile:
    """Say what a file is that is no DICOM, by its first bytes and by its name.

    Parameters
    ----------
    path : str
        Relative to the root of the medium.
    first_bytes : bytes
        4,096 of them, if there are so many.
    size : int
        Its length in bytes.
    """
    name = path.rpartition("/")[2]
    seen, suffix = plain_name(name), suffix_of(name)
    content = recognise(first_bytes)
    by_name = BY_SUFFIX.get(suffix)
    if content is not None and content.kind is LeftKind.ARCHIVE and suffix in _ZIPPED:
        content = by_name or content
    chosen = _choose(path, seen, content, by_name)
    if chosen is None:
        known = LeftKind.EMPTY if not size else LeftKind.OTHER
        chosen = Signature(known, "an empty file" if not size else "a file of no known kind")
    disguise = _disguise(name, suffix, chosen, content)
    return LeftFile(path, size, chosen.kind, chosen.words, disguise)


def _choose(
    path: str, seen: str, content: Signature | None, by_name: Signature | None
) -> Signature | None:
    """Weigh content against name: what can be run comes first, then what is known best."""
    if _AUTOSTART_NAMES.fullmatch(seen):
        words = "folder settings of Windows" if seen == "desktop.ini" else "an autostart file"
        return Signature(LeftKind.AUTOSTART, words)
    if content is not None and content.kind in _RUNS:
        return content
    if is_system_file(path) or _SYSTEM_NAMES.fullmatch(seen):
        return Signature(LeftKind.SYSTEM, "what an operating system left behind")
    if by_name is not None and by_name.kind in _RUNS:
        return by_name
    if content is None or (by_name is not None and by_name.kind is content.kind):
        return by_name
    return content


def _disguise(name: str, suffix: str, chosen: Signature, content: Signature | None) -> str:
    """Say how `name` misleads about what the file is."""
    if chosen.kind not in _RUNS:
        return ""
    if _DIRECTION.search(name):
        return "its name is shown in another direction than it is written"
    if _INVISIBLE.search(name):
        return "its name has characters that nobody sees"
    if has_look_alikes(name):
        return "its name mixes letters of two alphabets that look alike"
    if _GAP.search(name):
        return "blanks push the end of its name out of sight"
    bare = _VERSION.sub("", name)
    if bare != bare.rstrip(" .\u2800") and "." in bare.rstrip(" ."):
        return "dots or blanks at the end hide its extension"
    if (
        unicodedata.normalize("NFKC", bare).casefold().rpartition(".")[2]
        != (bare.casefold().rpartition(".")[2])
    ):
        return "its extension is written in letters that only look like it"
    parts = plain_name(name).split(".")
    if len(parts) > 2 and _is_innocent(parts[-2].strip()):
        return f"it is called like a .{parts[-2].strip()} file"
    if content is not None and content.kind in _RUNS and _is_innocent(suffix):
        return f"it is called like a .{suffix} file"
    return ""


def _is_innocent(suffix: str) -> bool:
    known = BY_SUFFIX.get(suffix)
    return suffix in _DICOM_SUFFIXES or (
        suffix not in _SETTINGS and known is not None and known.kind in _INNOCENT
    )


def plain_name(name: str) -> str:
    """Return a name as a system takes it that forgives much: folded, without what nobody sees.

    Version numbers, alternate streams, and dots and blanks at the end are gone.
    """
    bare = _INVISIBLE.sub("", _DIRECTION.sub("", name))
    bare = _VERSION.sub("", unicodedata.normalize("NFKC", bare))
    stem, colon, _ = bare.partition(":")
    return (stem if colon and stem else bare).rstrip(" .\u2800").casefold()


def suffix_of(name: str) -> str:
    """Return the extension that counts, in small letters without its dot; empty if none."""
    stem, dot, suffix = plain_name(name).rpartition(".")
    return suffix.strip() if dot and stem and len(suffix) <= _LONGEST_SUFFIX else ""


def has_look_alikes(name: str) -> bool:
    """Tell whether one word has Latin letters and those of an alphabet that looks like theirs."""
    if name.isascii():
        return False
    for word in _WORD.findall(name):
        scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        if "LATIN" in scripts and not scripts.isdisjoint(_LOOK_ALIKE_SCRIPTS):
            return True
    return False


def check_names(volume: Volume) -> list[Finding]:
    """Say which names of a medium other systems would take for something else.

    The readers have made every name safe to show and to join, and have said
    which climbed, steered or lay too deep. Left for here are names of devices,
    names that are one on other systems, endings that such systems drop, and
    names that are too long or look like others.

    Parameters
    ----------
    volume : Volume
        The medium.

    Returns
    -------
    list of Finding
        Warnings; no file is refused for its name alone. A hundred of each rule
        at most, then a count.
    """
    log = FindingLog()
    spelled: dict[str, str] | None = None if isinstance(volume, ZipVolume) else {}
    told: set[str] = set()
    for file in volume.iter_files():
        path = file.path
        if spelled is not None:
            folded = unicodedata.normalize("NFC", path).casefold()
            other = spelled.setdefault(folded, path)
            if other != path:
                log.add(warning("case-clash", path, f"and {other} are one name on other systems"))
        if len(path) * 4 > MAX_PATH_BYTES and len(_bytes(path)) > MAX_PATH_BYTES:
            log.add(warning("too-long-name", path[:200], f"a path of {len(_bytes(path))} bytes"))
        folder, _, name = path.rpartition("/")
        while folder and folder not in told:
            told.add(folder)
            _check_name(folder.rpartition("/")[2], folder, log)
            folder = folder.rpartition("/")[0]
        _check_name(name, path, log)
    return list(log)


def _check_name(name: str, path: str, log: FindingLog) -> None:
    if _DEVICE_NAMES.fullmatch(name):
        log.add(
            warning(
                "device-name", path, "its name means a device on Windows",
                "It is read here; do not open it there.",
            )
        )  # fmt: skip
    if len(name) * 4 > MAX_COMPONENT_BYTES and len(_bytes(name)) > MAX_COMPONENT_BYTES:
        log.add(warning("too-long-name", path[:200], f"a name of {len(_bytes(name))} bytes"))
    if name != name.rstrip(" .") and len(name) > 1:
        log.add(warning("name-ending", path, "Windows drops the dots and blanks at its end"))
    if not name.isascii():
        if _DIRECTION.search(name) or _INVISIBLE.search(name):
            log.add(warning("hidden-letters", path, "its name has letters that nobody sees"))
        elif has_look_alikes(name):
            log.add(
                warning("look-alike-name", path, "its name mixes two alphabets that look alike")
            )


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
