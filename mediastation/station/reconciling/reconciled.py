"""Nothing is sent on without a reconciled identity (IHE IRWF.b).

What came from an outside medium bears the identity that another institution
gave. It may be looked at and exported; to a peer of this site it goes only as
the copy that was reconciled with the site's own.
"""

from __future__ import annotations

from collections.abc import Iterable

from mediastation.catalog.job_selection import entries_from
from mediastation.model.entry import Source
from mediastation.model.finding import Finding, error, note
from mediastation.model.text import storable
from mediastation.station.station import Station

OUTSIDE_MEDIUM = "medium"
"""`Source.kind` of what was imported from a medium that somebody brought."""


def check_reconciled(station: Station, job: int) -> list[tuple[int, Finding]]:
    """Return the entries of the selection of `job` that may not be sent on, each with the reason.

    A reconciled copy has another kind of source, and passes.
    """
    return [
        (
            entry,
            error(
                "not-reconciled",
                uid,
                "It came on a medium from outside, and bears the identity that it came with.",
                "Reconcile it with a patient of this site first; the copy can be sent.",
                "IHE IRWF.b, RAD-61",
            ),
        )
        for entry, uid in sorted(entries_from(station.catalog, job, OUTSIDE_MEDIUM).items())
    ]


def claim_outside(station: Station, entries: Iterable[int], medium: str) -> list[Finding]:
    """Let what an outside `medium` was found to hold count as from outside, however it got here.

    Somebody may have added its files by their path before. What was received
    over the network bears the identity of this site, and is left alone.
    """
    number = station.intake.note_source(entries, Source(OUTSIDE_MEDIUM, storable(medium)))
    if not number:
        return []
    return [
        note(
            "added-before",
            medium,
            f"{number:,} of its instances had been added here as files before. They count as from "
            "outside now: only under a reconciled identity do they go to a peer.",
            "",
            "IHE IRWF.b",
        )
    ]
