"""What xorriso says, understood: drives, discs, speeds, progress, and what went wrong.

Its lines are those of the C locale, versions 1.5.0 to 1.5.6. What a drive
answers passes through them, so a line is only ever looked at, never trusted to
be complete: what is not understood leaves its value empty.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace

from mediastation.burn.drive import Disc, DiscStatus, Drive, Family, Session, Speed
from mediastation.burn.engine import BurnProgress, Phase
from mediastation.burn.trouble import Cause

_MIB = 1 << 20
_MAX_SESSIONS = 400
_DRIVE = re.compile(r"\d+ +-dev '(?P<device>[^']+)' +\S+ : +'(?P<vendor>.*?) *' '(?P<model>.*?) *'")
_TYPE = re.compile(
    r"Drive type +: vendor '(?P<vendor>.*?) *' product '(?P<model>.*?) *' revision '(?P<rev>.*?) *'"
)
_CURRENT = re.compile(r"Media current: (?P<profile>.+)")
_PRODUCT = re.compile(r"Media product: (?P<product>.+)")
_STATUS = re.compile(r"Media status : (?P<status>.+)")
_BLOCKS = re.compile(r"Media blocks : (\d+) readable , (\d+) (?:writable|unused) , (\d+) overall")
_SESSION = re.compile(
    r"(?:ISO|Other|Incmp) session *: +(?P<number>\d+) , +(?P<sector>\d+) , +(?P<size>\d+)s ,"
    r" ?(?P<volume_id>.*)"
)
_NEXT = re.compile(r"Media nwa    : (\d+)s")
_SPEED = re.compile(r"Write speed [ lhLH0]: +(?P<kilobytes>\d+)k , +(?P<factor>[\d.]+)x[CDB]")
_WRITTEN = re.compile(
    r"(?P<done>\d+)(?: of +(?P<total>\d+))? MB written.*?(?:(?P<speed>[\d.]+)x[CDB]?\.?)?\s*$"
)
_PERCENT = re.compile(r"(?:Blanking|Formatting) +\( *(?P<percent>[\d.]+)% done")

# MMC-6, profiles, in the words of libburn.
_KINDS = {
    "CD-ROM": "CD-ROM",
    "CD-R": "CD-R",
    "CD-RW": "CD-RW",
    "DVD-ROM": "DVD-ROM",
    "DVD-R sequential recording": "DVD-R",
    "DVD-R/DL sequential recording": "DVD-R-DL",
    "DVD-R/DL layer jump recording": "DVD-R-DL",
    "DVD-RAM": "DVD-RAM",
    "DVD-RW restricted overwrite": "DVD-RW",
    "DVD-RW sequential recording": "DVD-RW",
    "DVD-RW sequential overwrite": "DVD-RW",
    "DVD+RW": "DVD+RW",
    "DVD+RW/DL": "DVD+RW-DL",
    "DVD+R": "DVD+R",
    "DVD+R/DL": "DVD+R-DL",
    "BD-ROM": "BD-ROM",
    "BD-R sequential recording": "BD-R",
    "BD-R random recording": "BD-R",
    "BD-RE": "BD-RE",
    "stdio file": Family.FILE,
}
_RANDOM_ACCESS = {"DVD-RAM", "DVD-RW restricted overwrite", "DVD+RW", "DVD+RW/DL", "BD-RE"}
_BYTES_PER_SECOND = {Family.CD: 153_600.0, Family.BD: 4_495_625.0}
"""At single speed, of user data; 1,385,000 for every kind of DVD."""

# The first that is found is what a person is told. The texts are those of
# libburn, libisoburn and the Linux kernel; in brackets stand sense key, code
# and qualifier of MMC-6, Annex F.
_CAUSES = (
    (Cause.GONE, r"Lost connection to drive|SG_ERR_DID_|No such device(?: or address)?\b"),
    (Cause.BUSY, r"Cannot open busy device|Device or resource busy|appears to be in use"),
    (Cause.PERMISSION, r"Permission denied|Operation not permitted|Read-only file system"),
    (Cause.NO_DRIVE, r"File object '.*' not found|nor its directory exist|rejected because: not"),
    (Cause.NO_DISC, r"No media detected|Media status : is not present|\[2 3A \d\d\]"),
    (Cause.TOO_SMALL, r"exceeds free space on media|No space left on device|\[5 21 00\]"),
    (Cause.NOT_BLANK, r"Closed media with data detected|Output medium is not appendable"),
    (Cause.NOT_REWRITABLE, r"Media is not of erasable type|not of erasable"),
    (Cause.BLANK_FAILED, r"Blanking failed|indicates failure with formatting|on erase"),
    (
        Cause.WRITE_FAILED,
        r"SCSI error on write|\[3 [0-9A-F]{2} [0-9A-F]{2}\]|\[4 [0-9A-F]{2} [0-9A-F]{2}\]"
        r"|indicates failure with writing|Burn run failed|Error on closing|on close",
    ),
    (Cause.WRONG_DISC, r"Failed to find a suitable write mode|Cannot set write type|can only be"),
    (Cause.WRONG_DISC, r"Cannot recognize state of drive|Unsuitable drive and media state"),
)
_CAUSE_PATTERNS = tuple((cause, re.compile(pattern)) for cause, pattern in _CAUSES)
_SAID = re.compile(r"(?:xorriso|libburn|libisofs|libisoburn) : (?:FATAL|FAILURE|SORRY) : (.+)")
_EMPTY_WORDS = ("-as cdrecord: Job could not be performed", "Cannot acquire", "Cannot aquire")


def read_drives(lines: Iterable[str]) -> list[Drive]:
    """Return the drives of a device scan, without their discs."""
    found = []
    for line in lines:
        if match := _DRIVE.search(line):
            found.append(Drive(match["device"], match["vendor"].strip(), match["model"].strip()))
    return found


def read_drive(lines: Iterable[str], device: str) -> Drive:
    """Return the drive and the disc that a table of content speaks of.

    `disc` is None where the lines do not come to speak of one at all.
    """
    drive, disc = Drive(device), None
    speeds: dict[int, Speed] = {}
    sessions: dict[int, Session] = {}
    for line in lines:
        if match := _TYPE.match(line):
            drive = replace(
                drive,
                vendor=match["vendor"].strip(),
                model=match["model"].strip(),
                revision=match["rev"].strip(),
            )
        elif match := _CURRENT.match(line):
            # It is said again before the speeds, in fewer words.
            disc = disc or _read_kind(match["profile"])
        elif match := _SPEED.match(line):
            speed = Speed(int(match["kilobytes"]), float(match["factor"]))
            speeds.setdefault(speed.kilobytes, speed)
        elif disc is None:
            continue
        elif match := _STATUS.match(line):
            disc = _with_status(disc, match["status"])
        elif match := _PRODUCT.match(line):
            disc = replace(disc, medium_id=_printable(match["product"]))
        elif match := _BLOCKS.match(line):
            disc = replace(disc, free_sectors=int(match[2]), capacity_sectors=int(match[3]))
        elif match := _NEXT.match(line):
            disc = replace(disc, next_sector=int(match[1]))
        elif (match := _SESSION.match(line)) and len(sessions) < _MAX_SESSIONS:
            number = int(match["number"])
            sessions[number] = Session(
                number, int(match["sector"]), int(match["size"]), _printable(match["volume_id"])
            )
    if disc is not None:
        disc = replace(
            disc,
            sessions=tuple(sessions.values()),
            speeds=tuple(speeds[kilobytes] for kilobytes in sorted(speeds) if kilobytes),
        )
    return replace(drive, disc=disc)


def read_progress(line: str, total_bytes: int, family: Family) -> BurnProgress | None:
    """Return how far a drive is by one line; None if the line does not say."""
    if "UPDATE" not in line:
        return None
    if match := _WRITTEN.search(line):
        factor = float(match["speed"] or 0)
        single = _BYTES_PER_SECOND.get(family, 1_385_000.0)
        done = min(int(match["done"]) * _MIB, total_bytes)
        return BurnProgress(Phase.WRITING, done, total_bytes, factor * single)
    if match := _PERCENT.search(line):
        return BurnProgress(Phase.BLANKING, round(float(match["percent"]) * 100), 10_000)
    if "Closing track/session" in line:
        return BurnProgress(Phase.CLOSING, total_bytes, total_bytes)
    return None


def find_cause(lines: Sequence[str]) -> Cause:
    """Return what went wrong by what was said."""
    for cause, pattern in _CAUSE_PATTERNS:
        if any(pattern.search(line) for line in lines):
            return cause
    return Cause.OTHER


def gravest_words(lines: Sequence[str]) -> str:
    """Return what xorriso itself said of a failure, the part that says most; empty if nothing."""
    said = [match[1].strip() for line in lines if (match := _SAID.search(line))]
    telling = [text for text in said if not text.startswith(_EMPTY_WORDS)]
    return _printable((telling or said or [""])[0])[:300]


def _read_kind(profile: str) -> Disc:
    words, _, role = profile.partition(", ")
    kind = _KINDS.get(words.strip(), "")
    if not kind and "not recognizable" not in words:
        kind = _printable(words)[:40]
    random_access = words.strip() in _RANDOM_ACCESS or role.startswith("overwriteable")
    return Disc(kind=kind, status=DiscStatus.UNKNOWN, is_random_access=random_access)


def _with_status(disc: Disc, words: str) -> Disc:
    damaged = "damaged" in words or "no writable address" in words
    status = DiscStatus.UNKNOWN
    if "not present" in words:
        status = DiscStatus.NONE
    elif "is blank" in words:
        status = DiscStatus.BLANK
    elif "is appendable" in words:
        status = DiscStatus.OVERWRITABLE if disc.is_random_access else DiscStatus.APPENDABLE
    elif "is closed" in words:
        status = DiscStatus.OVERWRITABLE if disc.is_random_access else DiscStatus.CLOSED
    return replace(disc, status=status, damaged=damaged)


def _printable(text: str) -> str:
    return "".join(one if one.isprintable() else "?" for one in text).strip(" ,")
