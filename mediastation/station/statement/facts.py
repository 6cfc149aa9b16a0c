"""What a statement is about: gathered from the code and from one station's settings."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME, __version__
from mediastation.config import Peer
from mediastation.conformance.load import load_retired_profiles
from mediastation.dicom.dictionary import uid_name
from mediastation.model.character_set import CHARACTER_SETS
from mediastation.model.profile import ApplicationProfile, Requirement, Role
from mediastation.model.record import RecordType
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.secrecy import Digest
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY, SOP_CLASSES
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    TRANSFER_SYNTAXES,
    TransferSyntax,
)
from mediastation.network.acceptor import Limits
from mediastation.network.contexts import NOT_IN_FILES, STORAGE_LEVELS
from mediastation.network.pdu import APPLICATION_CONTEXT
from mediastation.network.storage_scp import StoreAnswer
from mediastation.secure.sealing.entries import ADVISED_ITERATIONS
from mediastation.station.statement.claims import Claim, claim
from mediastation.station.station import Station

PRODUCT = "Mediastation"
_MEDIA_ROLES = (Role.CREATOR, Role.READER, Role.UPDATER)
_LEVELS = ("PATIENT", "STUDY", "SERIES")
_JPEG_AND_VIDEO = (1, 2, 840, 10008, 1, 2, 4)
_VIDEO = range(100, 109)


@dataclass(frozen=True, slots=True)
class SopClassFact:
    """One SOP Class: what the station does with it, and under which profiles on media."""

    uid: str
    name: str
    retired: bool
    storage_scp: bool
    created_under: tuple[str, ...]
    read_under: tuple[str, ...]
    updated_under: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SyntaxFact:
    """One Transfer Syntax; `group` is the template's set: U, NI, LL, L or V."""

    uid: str
    name: str
    group: str
    written_under: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class StatementFacts:
    """Everything that the statement tells, in values.

    Parameters
    ----------
    date : str
        Of the document, as ``2026-01-31``.
    settings : dict of str to value
        The settings in force, without those about the operator.
    limits : Limits
        What `serve` lets peers spend.
    sop_classes : tuple of SopClassFact
        Storage SOP Classes in numerical order of UID.
    directory : SopClassFact
        Media Storage Directory Storage.
    transfer_syntaxes, excluded_syntaxes : tuple of SyntaxFact
        Those that are accepted, and those of the standard that cannot lie in a
        file.
    claims : tuple of Claim
        Every known profile.
    record_types : tuple of RecordType
        Those that claimed creators write, the levels above instances first.
    peers : tuple of (str, Peer)
        The peers of the settings, by name: towards them the station is an SCU.
    """

    date: str
    settings: dict[str, Any]
    limits: Limits
    sop_classes: tuple[SopClassFact, ...]
    directory: SopClassFact
    transfer_syntaxes: tuple[SyntaxFact, ...]
    excluded_syntaxes: tuple[SyntaxFact, ...]
    claims: tuple[Claim, ...]
    record_types: tuple[RecordType, ...]
    peers: tuple[tuple[str, Peer], ...] = ()
    product: str = PRODUCT
    version: str = __version__

    def claimed(self, role: Role) -> tuple[ApplicationProfile, ...]:
        """Return the profiles that are claimed in `role`."""
        return tuple(one.profile for one in self.claims if role in one.roles)

    @property
    def pbkdf2_iterations(self) -> int:
        """How often a password is stretched for what is sealed here."""
        rules = self.settings["secure"]
        return int(rules["iterations"]) or ADVISED_ITERATIONS[Digest(rules["derivation"])]

    def peers_for(self, *services: str) -> tuple[tuple[str, Peer], ...]:
        """Return the peers that are there for one of `services`."""
        return tuple(one for one in self.peers if set(services) & set(one[1].services))

    @property
    def statuses(self) -> tuple[StoreAnswer, ...]:
        """Every status that the SCP answers, by code."""
        return tuple(sorted(StoreAnswer, key=lambda answer: answer.status))

    @property
    def file_meta(self) -> dict[str, str]:
        """What the station writes into file meta of its own."""
        return {
            "(0002,0001)": "00H 01H",
            "(0002,0012)": IMPLEMENTATION_CLASS_UID,
            "(0002,0013)": IMPLEMENTATION_VERSION_NAME,
        }

    @property
    def association(self) -> dict[str, Any]:
        """What the station says and keeps to in associations."""
        return {
            "application_context": APPLICATION_CONTEXT,
            "implementation_class_uid": IMPLEMENTATION_CLASS_UID,
            "implementation_version_name": IMPLEMENTATION_VERSION_NAME,
            **asdict(self.limits),
            "storage_level": STORAGE_LEVELS[0],
            "signature_level": STORAGE_LEVELS[2],
            "element_coercion": STORAGE_LEVELS[4],
        }

    def as_dict(self) -> dict[str, Any]:
        """Return the facts in plain values, for JSON."""
        return {
            "product": self.product,
            "version": self.version,
            "date": self.date,
            "settings": self.settings,
            "association": self.association,
            "sop_classes": [
                _class_dict(fact, scu=fact.storage_scp and bool(self.peers_for("store")))
                for fact in (self.directory, *self.sop_classes)
            ],
            "transfer_syntaxes": [
                {"uid": fact.uid, "name": fact.name, "set": fact.group,
                 "written_under": list(fact.written_under)}
                for fact in self.transfer_syntaxes
            ],
            "excluded_transfer_syntaxes": [fact.uid for fact in self.excluded_syntaxes],
            "profiles": [_claim_dict(one) for one in self.claims],
            "character_sets": [
                {"term": one.term, "iana_name": one.iana_name, "description": one.description}
                for one in CHARACTER_SETS.values()
            ],
            "status_codes": [
                {"code": f"{answer.status:04X}", "comment": answer.comment}
                for answer in self.statuses
            ],
            "file_meta": self.file_meta,
            "record_types": [
                {"name": record.name, "source": f"PS3.3 {record.section}",
                 "keys": [f"{key.tag >> 16:04X},{key.tag & 0xFFFF:04X}" for key in record.keys]}
                for record in self.record_types
            ],
            "security_profiles": ["Basic DICOM Media Security Profile"],
        }  # fmt: skip


def gather_facts(station: Station) -> StatementFacts:
    """Return what there is to say of `station` as it is configured now."""
    claims = tuple(map(claim, _profiles(station)))
    written, read, updated = (_by_class(claims, role) for role in _MEDIA_ROLES)
    directory = SopClassFact(
        MEDIA_STORAGE_DIRECTORY,
        "Media Storage Directory Storage",
        False,
        False,
        *(_names(claims, role) for role in _MEDIA_ROLES),
    )
    settings = station.settings.model_dump(mode="json", exclude={"operator"})
    return StatementFacts(
        date=station.clock.moment().date().isoformat(),
        settings=settings,
        limits=Limits(),
        sop_classes=tuple(
            SopClassFact(
                uid,
                storage_name(uid),
                SOP_CLASSES[uid].retired,
                True,
                written.get(uid, ()),
                read.get(uid, ()),
                updated.get(uid, ()),
            )
            for uid in sorted(SOP_CLASSES, key=uid_order)
        ),
        directory=directory,
        transfer_syntaxes=tuple(
            SyntaxFact(uid, uid_name(uid, known.name), _group(known), _written_under(claims, uid))
            for uid, known in sorted(TRANSFER_SYNTAXES.items(), key=lambda one: uid_order(one[0]))
        ),
        excluded_syntaxes=tuple(
            SyntaxFact(uid, uid_name(uid, uid), "", ())
            for uid in sorted(NOT_IN_FILES, key=uid_order)
        ),
        claims=claims,
        record_types=_record_types(written),
        peers=tuple(sorted(station.settings.peers.items())),
    )


def uid_order(uid: str) -> tuple[int, ...]:
    """Return what sorts UIDs component by component, as numbers."""
    return tuple(int(part) for part in uid.split("."))


def storage_name(uid: str) -> str:
    """Return the name of a storage SOP Class as PS3.6 spells it, and that it is retired."""
    known = SOP_CLASSES[uid]
    name = uid_name(uid, f"{known.name} Storage")
    return f"{name} (Retired)" if known.retired else name


def _profiles(station: Station) -> Iterable[ApplicationProfile]:
    yield from station.profiles.values()
    yield from load_retired_profiles().values()


def _names(claims: Iterable[Claim], role: Role) -> tuple[str, ...]:
    return tuple(one.profile.name for one in claims if role in one.roles)


def _by_class(claims: Iterable[Claim], role: Role) -> dict[str, tuple[str, ...]]:
    """Return the claimed profiles under which `role` meets each SOP Class."""
    found: dict[str, list[str]] = {}
    for one in claims:
        if role in one.roles:
            for uid in {uid for rule in one.profile.objects for uid in rule.sop_classes}:
                if one.profile.transfer_syntaxes(uid, role):
                    found.setdefault(uid, []).append(one.profile.name)
    return {uid: tuple(names) for uid, names in found.items()}


def _written_under(claims: Iterable[Claim], syntax: str) -> tuple[str, ...]:
    return tuple(
        one.profile.name
        for one in claims
        if Role.CREATOR in one.roles
        and any(
            syntax in rule.transfer_syntaxes and rule.creator is not Requirement.NONE
            for rule in one.profile.objects
        )
    )


def _group(syntax: TransferSyntax) -> str:
    """Return the set that the template would put the syntax into."""
    if not syntax.encapsulated:
        return "NI" if syntax.uid == DEFLATED_LE else "U; NI"
    family, number = uid_order(syntax.uid)[:7], uid_order(syntax.uid)[7:8]
    if family == _JPEG_AND_VIDEO and number and number[0] in _VIDEO:
        return "V"
    return "LL" if syntax.lossless else "L"


def _record_types(written: Iterable[str]) -> tuple[RecordType, ...]:
    used = {SOP_CLASSES[uid].record_type for uid in written}
    if not used:
        return ()
    return tuple(
        record for record in RECORD_TYPES.values() if record.name in used or record.name in _LEVELS
    )


def _class_dict(fact: SopClassFact, *, scu: bool) -> dict[str, Any]:
    return {
        "uid": fact.uid,
        "name": fact.name,
        "scu": scu,
        "scp": fact.storage_scp,
        "fsc": list(fact.created_under),
        "fsr": list(fact.read_under),
        "fsu": list(fact.updated_under),
    }


def _claim_dict(one: Claim) -> dict[str, Any]:
    return {
        "name": one.profile.name,
        "roles": [str(role) for role in one.roles],
        "not_claimed": [{"role": str(role), "reason": reason} for role, reason in one.withheld],
    }
