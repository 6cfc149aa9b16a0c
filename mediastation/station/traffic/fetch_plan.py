"""What a C-GET has to be ready for, told from what the peer says it has."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from mediastation.model.sop_class import SOP_CLASSES
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from mediastation.network.contexts import reluctance
from mediastation.station.traffic.peers import NamedPeer

_MOST_CLASSES = 60
_LIKELY_LEAVES = (
    "2 4 1 1.1 1.2 6.1 3.1 7 12.1 12.2 20 128 2.1 4.1 4.3 130 1.1.1 1.2.1 1.3 13.1.3 7.1 7.2 "
    "7.3 7.4 88.11 88.22 88.33 88.34 88.59 88.67 11.1 11.2 66 66.4 104.1 481.1 481.2 481.3 "
    "481.5 481.4 9.1.1 9.1.2 9.1.3 77.1.1 77.1.2 77.1.4 77.1.5.1 77.1.5.4 77.1.6 77.1.1.1 "
    "77.1.4.1 12.1.1 12.2.1 30 6.2 4.2 481.7 481.8"
)
_LIKELY = tuple(f"1.2.840.10008.5.1.4.1.1.{leaf}" for leaf in _LIKELY_LEAVES.split())
"""Storage SOP Classes by how often studies have them."""


@dataclass(frozen=True, slots=True)
class Expected:
    """One instance that the peer says it has."""

    study: str
    series: str
    sop_class: str
    syntaxes: tuple[str, ...]


def chunked_classes(missing: Mapping[str, Expected]) -> Iterator[list[str]]:
    """Yield the SOP Classes of what is missing, as many as one association takes well."""
    told = {one.sop_class for one in missing.values()}
    if "" in told:
        # A peer that does not tell the classes may send any: the likely ones first.
        told |= SOP_CLASSES.keys()
    place = {uid: number for number, uid in enumerate(_LIKELY)}
    classes = sorted(told - {""}, key=lambda uid: (place.get(uid, len(place)), uid))
    for start in range(0, len(classes), _MOST_CLASSES):
        yield classes[start : start + _MOST_CLASSES]


def wanted_syntaxes(peer: NamedPeer, wanted: Mapping[str, Expected]) -> list[str]:
    """Return the syntaxes to take instances in, best first: as they are stored there."""
    told = dict.fromkeys(uid for one in wanted.values() for uid in one.syntaxes)
    known = sorted(TRANSFER_SYNTAXES, key=reluctance)
    return list(dict.fromkeys([*peer.settings.transfer_syntaxes, *told, *known]))
