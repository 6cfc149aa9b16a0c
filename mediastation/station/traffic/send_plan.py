"""How each instance may go to a peer: as it is, or as a copy without loss."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from mediastation.dicom.codestream import FAMILY_OF_SYNTAX
from mediastation.dicom.encodable import ENCODABLE, obstacle
from mediastation.model.entry import Entry
from mediastation.model.finding import Finding, error, note
from mediastation.model.instance import InstanceHeader, PixelEncoding
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    JPEG_2000_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    RLE_LOSSLESS,
    TRANSFER_SYNTAXES,
    transfer_syntax_name,
)
from mediastation.model.uid import is_usable_uid

_PLAIN = frozenset({IMPLICIT_LE, EXPLICIT_LE, EXPLICIT_BE, DEFLATED_LE})
_COMPRESSED = (JPEG_LOSSLESS_SV1, JPEG_2000_LOSSLESS, RLE_LOSSLESS)

Pair = tuple[str, str]
"""A SOP Class and a Transfer Syntax."""


def candidates(transfer_syntax: str, preferred: Iterable[str]) -> tuple[str, ...]:
    """Return the syntaxes that an instance may go in, best first.

    The preferred ones come first, but what may have lost something already
    goes as it is wherever it can: a copy would only be larger. Then its own,
    Explicit VR Little Endian, and the compressions without loss that can be
    made here.
    """
    known = TRANSFER_SYNTAXES.get(transfer_syntax)
    wanted = [uid for uid in preferred if uid == transfer_syntax or _is_made(uid)]
    own = [transfer_syntax]
    first = own + wanted if known is None or not known.lossless else wanted + own
    return tuple(dict.fromkeys([*first, EXPLICIT_LE, *_COMPRESSED]))


def _is_made(uid: str) -> bool:
    return uid == EXPLICIT_LE or uid in ENCODABLE


@dataclass(slots=True)
class SendPlan:
    """What goes in which syntax.

    Parameters
    ----------
    preferred : tuple of str
        Transfer Syntaxes that the peer is to get.
    accepted : set of (str, str)
        Pairs that the peer takes.
    targets : dict of int to str
        Entries that need a copy, and its syntax.
    refused : list of (int, Finding)
        Entries that cannot be sent.
    converted : Counter
        How many go otherwise than they are: by own and new syntax.
    """

    preferred: tuple[str, ...]
    accepted: set[Pair]
    targets: dict[int, str] = field(default_factory=dict)
    refused: list[tuple[int, Finding]] = field(default_factory=list)
    converted: Counter[Pair] = field(default_factory=Counter)

    def add(self, entry: Entry) -> Pair | None:
        """Decide about one entry; return its pair, or None if it cannot be sent."""
        header = entry.header
        own = header.transfer_syntax_uid
        if fault := _unfit(header):
            self.refused.append((entry.id, fault))
            return None
        reasons: dict[str, None] = {}
        for uid in candidates(own, self.preferred):
            if (header.sop_class_uid, uid) not in self.accepted:
                continue
            reason = "" if uid == own else _obstacle(header, uid)
            if reason:
                reasons[reason] = None
                continue
            if uid != own:
                self.targets[entry.id] = uid
                self.converted[own, uid] += 1
            return header.sop_class_uid, uid
        self.refused.append((entry.id, self._refusal(header, reasons)))
        return None

    def _refusal(self, header: InstanceHeader, reasons: Mapping[str, None]) -> Finding:
        subject = header.sop_instance_uid
        taken = [uid for sop_class, uid in self.accepted if sop_class == header.sop_class_uid]
        name = transfer_syntax_name(header.transfer_syntax_uid)
        if not taken:
            return error(
                "not-taken",
                subject,
                f"The peer takes no instance of SOP Class {header.sop_class_uid} "
                f"in {name} or anything that it can be converted to without loss.",
                "Ask whoever looks after the peer to accept the class.",
                "PS3.4 B.2",
            )
        why = "; ".join(reasons) or "nothing here converts it"
        return error(
            "not-taken",
            subject,
            f"The peer takes it only in {', '.join(map(transfer_syntax_name, sorted(taken)))}, "
            f"and it is in {name}: {why}.",
            "Ask whoever looks after the peer to accept the Transfer Syntax.",
            "PS3.4 B.2",
        )

    def notes(self, peer: str) -> Iterator[Finding]:
        """Yield a note for each kind of conversion."""
        for (own, target), count in sorted(self.converted.items()):
            yield note(
                "converted",
                peer,
                f"{count:,} instances in {transfer_syntax_name(own)} go as copies in "
                f"{transfer_syntax_name(target)}, without loss; the originals stay as they are.",
            )


def wanted_pairs(kinds: Iterable[Pair], preferred: tuple[str, ...]) -> Iterator[list[Pair]]:
    """Yield, for each pair that instances have, the pairs that the peer is to be asked about."""
    for sop_class, own in kinds:
        yield [(sop_class, uid) for uid in candidates(own, preferred)]


def _unfit(header: InstanceHeader) -> Finding | None:
    """Return why nobody can be sent the instance, whatever they take; None if all is well."""
    subject = header.sop_instance_uid
    if not (is_usable_uid(header.sop_class_uid) and is_usable_uid(subject)):
        return error(
            "uid",
            subject or "an instance without a UID",
            "It has no usable SOP Class or Instance UID.",
            "It cannot be sent over the network.",
            "PS3.7 9.1.1",
        )
    if not header.complete:
        return error(
            "truncated",
            subject,
            "The instance breaks off before its end.",
            "Ask the sender to send it again.",
            "PS3.5 7.1",
        )
    return None


def _obstacle(header: InstanceHeader, target: str) -> str:
    """Return why no copy in `target` can be made; empty if nothing in the header says so."""
    own = header.transfer_syntax_uid
    if own in _PLAIN and header.pixels is PixelEncoding.ENCAPSULATED:
        return "its pixels are compressed and its Transfer Syntax has none such"
    if target != EXPLICIT_LE:
        return obstacle(header, target)
    if own not in _PLAIN and own not in FAMILY_OF_SYNTAX:
        return f"nothing here decodes {transfer_syntax_name(own)}"
    return ""
