"""What the ledger tells of media and of traffic, a page at a time; and the story of a medium."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

from mediastation.catalog.ledger import Ledger
from mediastation.model.job import JobState
from mediastation.model.ledger import (
    MEDIA_EVENTS,
    NOBODY,
    TRAFFIC_EVENTS,
    Disclosure,
    LedgerEntry,
    LedgerEvent,
    LedgerHead,
    MediumFacts,
)
from mediastation.station.recording.ledger import facts_of, has_words
from mediastation.station.station import Station

_REPRINTABLE = frozenset({"export", "update", "reprint"})
_MOST_IN_STORY = 500
_MOST_AGAIN = 1_000


@dataclass(frozen=True, slots=True)
class MadeMedium:
    """One entry that tells of a medium.

    `reread` is what a burn found (``identical`` …), empty for what is no burn.
    """

    number: int
    at: str
    event: LedgerEvent
    operator: str
    job: int | None
    medium: MediumFacts
    disclosure: Disclosure = NOBODY
    reread: str = ""
    drive: str = ""
    copy: int = 1
    copies: int = 1
    bad_sectors: int = 0
    entry: int | None = None
    """Number of the entry that this one is about: of a copy, that of the image."""

    @property
    def verified(self) -> bool:
        """Whether it was read back and is what it should be."""
        return self.medium.verified and self.reread in {"", "identical"}


@dataclass(slots=True)
class MediaPage:
    """Media, the newest first, as far as entry `before` (not in it); None at the beginning.

    `withdrawn` has the reasons, by the number of the entry that is withdrawn.
    `traffic` are entries about imports, identities and the network, `answered`
    the numbers of those that a peer has confirmed since.
    """

    media: list[MadeMedium] = field(default_factory=list)
    traffic: list[LedgerEntry] = field(default_factory=list)
    answered: set[int] = field(default_factory=set)
    withdrawn: dict[int, str] = field(default_factory=dict)
    looked_at: int = 0
    before: int | None = None


@dataclass(frozen=True, slots=True)
class MediumStory:
    """All that the ledger has of one medium.

    `related` are the entries of the same image: made, burned, reprinted. `job`
    can make it again, None where there is no such job any more; `state` is that
    of the job which recorded it.
    """

    medium: MadeMedium
    related: tuple[MadeMedium, ...] = ()
    withdrawn: dict[int, str] = field(default_factory=dict)
    job: int | None = None
    state: JobState | None = None


def page_of_media(
    station: Station,
    text: str = "",
    before: int | None = None,
    *,
    most: int = 100,
    most_looked_at: int = 2_000,
    after: int = 0,
) -> MediaPage:
    """Return what was recorded of media and traffic, as `find_media` finds it, a page at a time.

    A page ends where it is full, or so much was looked at that whoever asked
    may want something else by now: `before` leads on.
    """
    words = text.casefold().split()
    page = MediaPage()
    entries = Ledger(station.catalog).entries(newest_first=True, after=after, before=before)
    for entry in entries:
        page.looked_at += 1
        if entry.event is LedgerEvent.WITHDRAWN and entry.refers_to is not None:
            page.withdrawn[entry.refers_to] = str(entry.facts.get("reason", ""))
        elif entry.event in MEDIA_EVENTS and has_words(entry, words):
            made = made_of(entry)
            if made is not None:
                page.media.append(made)
        elif entry.event in TRAFFIC_EVENTS:
            if entry.event is LedgerEvent.SENT and entry.refers_to is not None:
                page.answered.add(entry.refers_to)
            if has_words(entry, words):
                page.traffic.append(entry)
        if len(page.media) + len(page.traffic) >= most or page.looked_at >= most_looked_at:
            page.before = entry.number
            break
    return page


def story_of(station: Station, made: MadeMedium) -> MediumStory:
    """Return all that the ledger has of the medium of one entry."""
    log = Ledger(station.catalog)
    related = [made]
    if made.medium.image_sha256:
        entries = log.entries(containing=made.medium.image_sha256)
        found = (made_of(one) for one in entries if one.event in MEDIA_EVENTS)
        same = (one for one in found
                if one and one.medium.image_sha256 == made.medium.image_sha256)  # fmt: skip
        related = list(islice(same, _MOST_IN_STORY)) or related
    numbers = {one.number for one in related}
    withdrawn = {
        entry.refers_to: str(entry.facts.get("reason", ""))
        for entry in log.entries(
            after=min(numbers), containing=f'"event":"{LedgerEvent.WITHDRAWN}"'
        )
        if entry.event is LedgerEvent.WITHDRAWN and entry.refers_to in numbers
    }
    now = station.clock.now()
    maker = None
    for one in (made, *related):
        record = station.jobs.get(one.job, now) if one.job is not None else None
        if record is not None and record.kind in _REPRINTABLE:
            maker = record.id
            break
    own = station.jobs.get(made.job, now) if made.job is not None else None
    return MediumStory(
        made,
        tuple(related),
        {number: why for number, why in withdrawn.items() if number is not None},
        maker,
        own.state if own else None,
    )


def again_path(_: Station, made: MadeMedium) -> Path:
    """Return a path beside the first medium that nothing has yet."""
    first = Path(made.medium.path)
    for number in range(2, _MOST_AGAIN):
        path = first.with_name(f"{first.stem}-{number}{first.suffix}")
        if not path.exists():
            return path
    return first


def ledger_head(station: Station) -> LedgerHead:
    """Return the head of the ledger as the index has it; quick."""
    return Ledger(station.catalog).head()


def made_of(entry: LedgerEntry) -> MadeMedium | None:
    """Return what an entry tells of a medium; None if it tells of none that can be read."""
    medium = facts_of(entry)
    if medium is None:
        return None
    burn = _dict(entry.facts.get("burn"))
    return MadeMedium(
        entry.number,
        entry.at,
        entry.event,
        entry.operator,
        entry.job,
        medium,
        Disclosure.from_dict(entry.facts.get("disclosure")),
        reread=str(burn.get("reread", "")),
        drive=" ".join(filter(None, map(str, (burn.get("drive", ""), burn.get("medium_id", ""))))),
        copy=_number(burn.get("copy"), 1),
        copies=_number(burn.get("copies"), 1),
        bad_sectors=_number(burn.get("bad_sectors"), 0),
        entry=entry.refers_to,
    )


def _dict(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _number(value: object, otherwise: int) -> int:
    return value if type(value) is int else otherwise
