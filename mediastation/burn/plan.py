"""What may be done with an image and a disc: decided before anything moves."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.burn.anchors import TAIL_SECTORS
from mediastation.burn.drive import SECTOR_BYTES, Disc, DiscStatus, Family, Speed
from mediastation.burn.engine import WriteOptions
from mediastation.burn.trouble import Cause
from mediastation.model.finding import Finding, error, has_errors, note, warning

PADDING_SECTORS = 150
"""Behind the last track of a CD, where many systems read ahead into what was never written."""

# PS3.12 2024c, what each annex is about: F.1, J.1, P.1, X.1. A CD-RW is named
# by none of them; who reads a CD-R reads it.
_KINDS = {
    "F": ("CD-R", "CD-RW"),
    "J": ("DVD-RAM",),
    "P": ("DVD-R", "DVD-R-DL", "DVD+R", "DVD+R-DL", "DVD-RW", "DVD+RW", "DVD+RW-DL"),
    "X": ("BD-R", "BD-RE"),
}
# J.2.1, P.2.1 and X.2.1: the revisions of UDF that a creator may write.
_UDF_KINDS = {
    "2.50": ("BD-RE",),
    "2.60": ("BD-R",),
    "1.50": (*_KINDS["J"], *_KINDS["P"]),
    "1.02": (*_KINDS["J"], *_KINDS["P"]),
}
_SIMULATING = ("CD-R", "CD-RW", "DVD-R", "DVD-R-DL", "DVD-RW", Family.FILE)
"""Others have no laser that could be kept off (MMC-6, Test Write)."""
_SINGLE_SPEED = {Family.CD: 176.4, Family.DVD: 1385.0, Family.DVD_RAM: 1385.0, Family.BD: 4495.625}
"""In thousands of bytes a second, as drives count them."""


@dataclass(frozen=True, slots=True)
class ImageFacts:
    """What has to be known of an image.

    Parameters
    ----------
    name : str
        What a person calls it.
    size_bytes : int
        Its length.
    has_iso9660 : bool
        Whether it has ISO 9660 structures.
    udf_revision : str
        Of the UDF that it has, such as ``"1.02"``; empty where it has none.
    annex : str
        Annex of PS3.12 that its profile asks for; empty where no profile is known.
    """

    name: str
    size_bytes: int
    has_iso9660: bool = True
    udf_revision: str = ""
    annex: str = ""

    @property
    def sectors(self) -> int:
        """How many sectors it takes, the last one filled up."""
        return -(-self.size_bytes // SECTOR_BYTES)


@dataclass(frozen=True, slots=True)
class BurnOptions:
    """What the operator asked for; `speed` is a factor as on the box, 0 for the fastest."""

    speed: float = 0
    keep_open: bool = False
    append: bool = False
    simulate: bool = False


@dataclass(frozen=True, slots=True)
class BurnPlan:
    """How an image is written, or why it is not.

    Parameters
    ----------
    options : WriteOptions
        For the engine.
    padding_sectors : int
        Zeros behind it.
    tail_sector : int
        Where the anchors of UDF go besides; 0 where the image brings all it needs.
    moves : bool
        Whether the drive does anything at all: a disc that knows no simulation
        is not touched by one.
    findings : tuple of Finding
        With an error among them nothing may be written.
    """

    options: WriteOptions
    padding_sectors: int = 0
    tail_sector: int = 0
    moves: bool = True
    findings: tuple[Finding, ...] = ()

    @property
    def is_possible(self) -> bool:
        """Whether it may be written."""
        return not has_errors(self.findings)


def plan_burn(disc: Disc, image: ImageFacts, options: BurnOptions) -> BurnPlan:
    """Decide how `image` goes onto `disc`.

    Nothing that a disc holds is ever written over: what is not blank has to be
    blanked first, by somebody who means it.

    Parameters
    ----------
    disc : Disc
        What lies in the drive.
    image : ImageFacts
        The image. With `options.append` it is what the further session takes.
    options : BurnOptions
        What was asked for.

    Returns
    -------
    BurnPlan
        See there.
    """
    if disc.status in {DiscStatus.NONE, DiscStatus.UNKNOWN}:
        return BurnPlan(WriteOptions(), findings=(_no_disc(disc),))
    findings = [
        *_check_kind(disc, image),
        *(_check_append(disc, image) if options.append else _check_blank(disc)),
        *(_check_open(disc, image) if options.keep_open else ()),
    ]
    padding = _padding(disc, image)
    if image.sectors > disc.free_sectors and not has_errors(findings):
        findings.append(_too_small(disc, image))
    speed, slower = _choose_speed(disc, options.speed)
    moves = not options.simulate or disc.kind in _SIMULATING
    if not moves:
        findings.append(
            note(
                "no-simulation",
                disc.kind,
                f"A {disc.kind} knows no simulation; the image and the disc were checked, and the "
                "drive was left alone.",
            )
        )
    return BurnPlan(
        WriteOptions(
            speed_kilobytes=speed,
            keep_open=options.keep_open,
            simulate=options.simulate,
            start_sector=disc.next_sector if options.append and disc.is_random_access else None,
        ),
        padding,
        _tail(disc, image),
        moves,
        (*findings, *slower),
    )


def _no_disc(disc: Disc) -> Finding:
    if disc.status is DiscStatus.NONE:
        return error(
            Cause.NO_DISC, "drive", "There is no disc in it.", "Put a blank one in, and try again."
        )
    return error(
        Cause.WRONG_DISC,
        disc.kind or "disc",
        "The drive cannot make out what lies in it.",
        "Put a blank disc in that the drive can write; clean this one, or destroy it.",
    )


def allowed_kinds(image: ImageFacts) -> tuple[str, ...]:
    """Return the kinds of disc that `image` conforms on; none where nothing speaks against any."""
    by_udf = _UDF_KINDS.get(image.udf_revision, _KINDS["P"]) if image.udf_revision else ()
    by_annex = _KINDS.get(image.annex, ())
    if by_udf and by_annex:
        return tuple(kind for kind in by_annex if kind in by_udf)
    if not by_udf and not by_annex and image.has_iso9660:
        return (*_KINDS["F"], *_KINDS["P"])
    return by_udf or by_annex


def _check_kind(disc: Disc, image: ImageFacts) -> Iterator[Finding]:
    if disc.family is Family.FILE:
        return
    allowed = allowed_kinds(image)
    where = f"PS3.12 Annex {image.annex}" if image.annex else "PS3.12 F, J, P, X"
    if allowed and disc.kind not in allowed:
        system = f"UDF {image.udf_revision}" if image.udf_revision else "ISO 9660"
        yield error(
            Cause.WRONG_DISC,
            disc.kind,
            f"The image has {system} and is made for {' or '.join(allowed[:3])}; a {disc.kind} "
            "lies in the drive.",
            f"Put a blank {allowed[0]} in, or export the studies for {disc.kind}.",
            where,
        )
    elif disc.kind == "CD-RW":
        yield note(
            "rewritable-cd",
            disc.kind,
            "The standard names CD-R alone; a CD-RW can be changed by whoever has it.",
            reference="PS3.12 F.1",
        )


def _check_blank(disc: Disc) -> Iterator[Finding]:
    if disc.status is DiscStatus.BLANK and not disc.damaged:
        return
    hint = "Put a blank disc in."
    if disc.is_rewritable:
        hint = "Put a blank disc in, or make this one blank: w in Drives, or `mediastation blank`."
    if disc.status is DiscStatus.APPENDABLE:
        hint += " `--append` adds a session to it."
    holds = ", ".join(filter(None, (session.volume_id for session in disc.sessions)))
    yield error(
        Cause.NOT_BLANK,
        disc.kind,
        f"The disc is not blank{f': it holds {holds}' if holds else ''}."
        if not disc.damaged
        else "The disc was begun once and never finished.",
        hint,
    )


def _check_append(disc: Disc, image: ImageFacts) -> Iterator[Finding]:
    where = f"PS3.12 Annex {image.annex}" if image.annex else ""
    whole = "Burn the updated image onto a blank disc."
    if image.udf_revision or not image.has_iso9660:
        yield error(
            "no-appending",
            image.name,
            "A further session would be seen by readers of ISO 9660 alone; those of UDF would go "
            "on to show the old File-set.",
            whole,
            where,
        )
    if disc.status is DiscStatus.BLANK:
        yield error(
            "nothing-to-append-to",
            disc.kind,
            "The disc is blank: there is no File-set on it that could go on.",
            "Give the command without --append.",
        )
    elif disc.status is DiscStatus.CLOSED:
        yield error(
            "disc-closed",
            disc.kind,
            "The disc was closed for good; no session can follow.",
            whole,
            "PS3.12 F.2.2.2" if disc.family is Family.CD else where,
        )
    elif disc.family is Family.BD or (disc.is_random_access and disc.family is not Family.FILE):
        yield error(
            "no-sessions",
            disc.kind,
            f"A {disc.kind} has no sessions; it is written anew as a whole.",
            f"{whole} This one can be made blank: w in Drives, or `mediastation blank`."
            if disc.is_rewritable
            else whole,
            "PS3.12 Annex X" if disc.family is Family.BD else "PS3.12 Annexes J, P",
        )
    elif disc.damaged:
        yield error(
            "disc-closed",
            disc.kind,
            "Its last session was begun and never finished; nothing can follow it.",
            f"{whole} Destroy this one.",
        )


def _check_open(disc: Disc, image: ImageFacts) -> Iterator[Finding]:
    if disc.family is Family.FILE:
        return
    if disc.family is Family.BD or disc.is_random_access or disc.kind.endswith("-DL"):
        yield error(
            "no-sessions",
            disc.kind,
            f"A {disc.kind} has one session; there is nothing to keep open.",
            "Give the command without --keep-open.",
            "PS3.12 Annex X" if disc.family is Family.BD else "PS3.12 Annexes J, P",
        )
    elif image.udf_revision:
        yield warning(
            "no-appending",
            image.name,
            "The disc stays open, but an image with UDF cannot be appended to later.",
            "Export with --format iso9660 where sessions are to follow.",
            "PS3.12 Annex P",
        )


def _too_small(disc: Disc, image: ImageFacts) -> Finding:
    return error(
        Cause.TOO_SMALL,
        disc.kind,
        f"The image needs {image.sectors:,} sectors; the disc has {disc.free_sectors:,} free.",
        "Put a larger disc in, or export onto more discs.",
        f"PS3.12 Annex {image.annex}" if image.annex else "",
    )


def _tail(disc: Disc, image: ImageFacts) -> int:
    """Return where the end of a disc begins that needs anchors of its own; 0 if none does."""
    if not image.udf_revision or not disc.is_random_access or disc.family is Family.FILE:
        return 0
    tail = disc.capacity_sectors - TAIL_SECTORS
    return tail if tail >= image.sectors else 0


def _padding(disc: Disc, image: ImageFacts) -> int:
    # The last sector of UDF has an anchor, so it has to be the last of the disc.
    if disc.family not in {Family.CD, Family.FILE} or image.udf_revision:
        return 0
    return max(0, min(PADDING_SECTORS, disc.free_sectors - image.sectors))


def _choose_speed(disc: Disc, factor: float) -> tuple[int, tuple[Finding, ...]]:
    """Return the speed to ask for in thousands of bytes a second: never above what was wished."""
    if not factor or disc.family is Family.FILE:
        return 0, ()
    if not disc.speeds:
        return round(factor * _SINGLE_SPEED.get(disc.family, 1385.0)), ()
    # Drives round: what they call 8x may be 8.1 of their own list.
    slow_enough = [speed for speed in disc.speeds if speed.factor <= factor * 1.03]
    chosen: Speed = slow_enough[-1] if slow_enough else disc.speeds[0]
    if abs(chosen.factor - factor) <= factor * 0.03:
        return chosen.kilobytes, ()
    offered = ", ".join(speed.words for speed in disc.speeds)
    return chosen.kilobytes, (
        note(
            "speed",
            disc.kind,
            f"The drive offers {offered} for this disc; {chosen.words} is taken for {factor:g}x.",
        ),
    )
