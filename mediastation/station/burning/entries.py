"""Each disc that was written to gets its entry in the ledger."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from mediastation.model.ledger import NOBODY, BurnFacts, Disclosure, MediumFacts
from mediastation.station.burning.request import BurnRecord, OnBurned
from mediastation.station.recording.ledger import find_medium, medium_facts, record_burned
from mediastation.station.recording.medium_contents import contents_of_medium
from mediastation.station.station import Station


def recorded_in_ledger(station: Station, disclosure: Disclosure = NOBODY) -> OnBurned:
    """Return what records discs in the ledger of `station`.

    A disc that failed is recorded too: it may hold patients' data. Of an image
    from elsewhere, whose data it holds is read from its DICOMDIR.
    """
    known: dict[str, MediumFacts] = {}
    # The drives of one burn finish when they will.
    turn = threading.Lock()

    def record(burned: BurnRecord) -> None:
        with turn:
            medium = known.get(burned.image_sha256)
            if medium is None:
                medium = find_medium(station, burned.image_sha256) or _facts(station, burned)
                known[burned.image_sha256] = medium
            record_burned(
                station,
                burned.job,
                replace(medium, verified=burned.reread == "identical"),
                BurnFacts(
                    drive=burned.drive,
                    medium_id=burned.medium_id,
                    reread=burned.reread,
                    bad_sectors=burned.bad_sectors,
                    copy=burned.copy,
                    copies=burned.copies,
                ),
                disclosure,
            )

    return record


def _facts(station: Station, burned: BurnRecord) -> MediumFacts:
    image = Path(burned.image)
    contents = contents_of_medium(station, image)
    return medium_facts(burned.manifest, contents, path=image, verified=False)
