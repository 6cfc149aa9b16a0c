"""Which instances an object speaks of, so that they are kept together on a volume."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mediastation.catalog.durable import disk_trouble_told
from mediastation.model.entry import Entry, StoredFile
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.station.exporting.work import Work

_REFERRING: Final = frozenset(
    {
        "ANNOTATION", "ASSESSMENT", "FIDUCIAL", "KEY OBJECT DOC", "MEASUREMENT", "PLAN",
        "PRESENTATION", "RADIOTHERAPY", "REGISTRATION", "RT DOSE", "RT PLAN", "RT STRUCTURE SET",
        "RT TREAT RECORD", "SR DOCUMENT", "STEREOMETRIC", "SURFACE", "SURFACE SCAN", "TRACT",
        "VALUE MAP", "WF PRESENTATION",
    }
)  # fmt: skip
"""Directory Record types of objects that mean little without what they reference (PS3.3, F.4)."""

_MOST_SEARCHED_BYTES: Final = 16 << 20
"""References stand in front of anything large."""

_MAPS: Final = frozenset(
    f"1.2.840.10008.5.1.4.1.1.{kind}" for kind in ("30", "66.4", "66.7", "66.8")
)
"""Parametric maps and segmentations, which the directory calls images."""
_UID: Final = re.compile(rb"[0-2](?:\.(?:0|[1-9][0-9]*)){2,30}")


def find_uids(path: Path) -> set[str]:
    """Return whatever looks like a UID in the front of a file that is not compressed as a whole."""
    with disk_trouble_told(path.parent), path.open("rb") as file:
        return {uid.decode("ascii") for uid in _UID.findall(file.read(_MOST_SEARCHED_BYTES))}


class ReferenceReader:
    """Reads the references of the instances of one export, each once."""

    def __init__(self, work: Work) -> None:
        self._store = work.station.catalog.store
        self._known: dict[int, frozenset[str]] = {}

    def of(self, entry: Entry, copy: StoredFile) -> frozenset[str]:
        """Return UIDs that `entry` speaks of; none where it is no object made of references."""
        if not refers(entry.header.sop_class_uid):
            return frozenset()
        if entry.id not in self._known:
            path = self._store.path(copy.sha256, copy.kind)
            self._known[entry.id] = frozenset(find_uids(path))
        return self._known[entry.id]


def refers(sop_class_uid: str) -> bool:
    """Tell whether objects of this class are made of references."""
    sop_class = SOP_CLASSES.get(sop_class_uid)
    return sop_class_uid in _MAPS or (sop_class is not None and sop_class.record_type in _REFERRING)
