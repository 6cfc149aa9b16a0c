"""The tables of a statement's overview and services (PS3.2, Annex N, sections 1 to 5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from mediastation.dicom.dictionary import uid_name
from mediastation.model.character_set import CHARACTER_SETS, Extension
from mediastation.model.document import Table
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import ApplicationProfile, ObjectRule, Requirement, Role
from mediastation.model.sop_class import MULTI_FRAME_CLASSES, SOP_CLASSES
from mediastation.model.transfer_syntax import EXPLICIT_LE, IMPLICIT_LE, transfer_syntax_name
from mediastation.network.contexts import VERIFICATION
from mediastation.station.statement.claims import Claim
from mediastation.station.statement.client_tables import client_services, client_tables
from mediastation.station.statement.facts import (
    StatementFacts,
    storage_name,
    uid_order,
)

INTAKE: Final = "INTAKE"
MEDIA_AE: Final = "MEDIA"
STORAGE_SETS: Final = "U; NI; LL; L; V"
_SETS: Final = {
    "U": "Uncompressed (U)",
    "NI": "Non-image (NI)",
    "LL": "Lossless compressed (LL)",
    "L": "Lossy compressed (L)",
    "V": "Video (V)",
}
# Groups of the template, then media that it has none for.
_MEDIUM_GROUPS: Final = {
    "F": "Compact Disk - Recordable",
    "P": "DVD",
    "J": "DVD-RAM",
    "X": "Blu-ray Disc",
    "M": "Magneto-Optical Disk, 130 mm",
    "Q": "Magneto-Optical Disk, 90 mm",
    "R": "USB",
    "S": "CompactFlash",
    "T": "MultiMediaCard",
    "U": "Secure Digital Card",
    "V": "ZIP File",
    "W": "E-mail",
    "K": "DICOM MIME",
}
_MOST_NAMED: Final = 6
"""SOP Classes of one row that are named one by one."""
_COMPOSITE: Final = frozenset(uid for uid, known in SOP_CLASSES.items() if known.record_type)


def yes(value: object) -> str:
    """Return the template's word for support."""
    return "Y" if value else "N"


def overview_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of sections 1 and 3."""
    return {
        "sop-classes": _sop_classes(facts),
        "transfer-syntaxes": _transfer_syntaxes(facts),
        "verification": _verification(facts),
        "media-profiles": _media_profiles(facts.claims),
        "character-sets": _character_sets(),
        "revisions": Table(
            "Revision history",
            ("Revision", "Date", "Product version", "Change"),
            (("1", facts.date, facts.version, "Generated from the configuration in force"),),
        ),
        "abbreviations": Table("Abbreviations", ("Abbreviation", "Meaning"), _ABBREVIATIONS),
    }


def _sop_classes(facts: StatementFacts) -> Table:
    directory = facts.directory
    rows = [
        (
            directory.name, directory.uid, "NI", "N", "N", yes(directory.created_under),
            yes(directory.updated_under), yes(directory.read_under),
            "S" if directory.created_under else "N", "N", "N", "N",
        )
    ]  # fmt: skip
    rows += [
        (
            fact.name, fact.uid, STORAGE_SETS, yes(facts.peers_for("store")), yes(fact.storage_scp),
            yes(fact.created_under), yes(fact.updated_under), yes(fact.read_under),
            "N", "N", "N", "N",
        )
        for fact in facts.sop_classes
    ]  # fmt: skip
    return Table(
        "Storage SOP Classes",
        (
            "SOP Class Name", "SOP Class UID", "Transfer Syntax Set", "DIMSE SCU", "DIMSE SCP",
            "Media FSC", "Media FSU", "Media FSR", "Create", "Display", "Process", "Archive",
        ),
        tuple(rows),
        wide=True,
    )  # fmt: skip


def _transfer_syntaxes(facts: StatementFacts) -> Table:
    rows: list[tuple[str, ...]] = []
    for name, title in _SETS.items():
        members = [one for one in facts.transfer_syntaxes if name in one.group.split("; ")]
        rows += [(title,), *((name, one.name, one.uid) for one in members)]
    written = [one for one in facts.transfer_syntaxes if one.written_under]
    if written:
        rows += [("Written on media (M)",), *(("M", one.name, one.uid) for one in written)]
    return Table("Transfer Syntaxes", ("Set", "Transfer Syntax Name", "UID"), tuple(rows))


def _verification(facts: StatementFacts) -> Table:
    return Table(
        "Verification Service",
        ("SOP Class Name", "SOP Class UID", "Transfer Syntax Name", "Transfer Syntax UID",
         "SCU", "SCP"),
        tuple(
            (uid_name(VERIFICATION, "Verification"), VERIFICATION,
             transfer_syntax_name(uid), uid, yes(facts.peers), "Y")
            for uid in (IMPLICIT_LE, EXPLICIT_LE)
        ),
    )  # fmt: skip


def _media_profiles(claims: Iterable[Claim]) -> Table:
    claimed = [one for one in claims if one.roles]
    rows: list[tuple[str, ...]] = []
    for annex, group in _MEDIUM_GROUPS.items():
        members = [one for one in claimed if MEDIA[one.profile.media[0]].annex == annex]
        if members:
            rows.append((group,))
        rows += [
            (one.profile.name, *(yes(role in one.roles) for role in _COLUMNS)) for one in members
        ]
    return Table(
        "Media Application Profiles", ("Application Profile", "FSC", "FSR", "FSU"), tuple(rows)
    )


_COLUMNS = (Role.CREATOR, Role.READER, Role.UPDATER)


def _character_sets() -> Table:
    rows: list[tuple[str, ...]] = []
    for extension in Extension:
        rows.append((extension,))
        rows += [
            (one.term or "none", one.iana_name, one.description)
            for one in CHARACTER_SETS.values()
            if one.extension is extension
        ]
    return Table(
        "Specific Character Sets", ("Defined Term", "IANA Name", "Description"), tuple(rows)
    )


_ABBREVIATIONS = (
    ("AE", "Application Entity"),
    ("ARTIM", "Association Request/Reject/Release Timer"),
    ("CMS", "Cryptographic Message Syntax"),
    ("DIMSE", "DICOM Message Service Element"),
    ("FSC, FSR, FSU", "File-set Creator, Reader, Updater"),
    ("IOD", "Information Object Definition"),
    ("PDU", "Protocol Data Unit"),
    ("SCP, SCU", "Service Class Provider, User"),
    ("SOP", "Service-Object Pair"),
    ("TLS", "Transport Layer Security"),
    ("UID", "Unique Identifier"),
    ("VR", "Value Representation"),
)


# Section 5


def service_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of section 5."""
    tables = {
        **client_tables(facts),
        "services": _services(facts),
        "storage-levels": Table(
            "Levels of conformance of the Storage SCP",
            ("Level of Conformance", "Level of Digital Signature Support"),
            ((str(facts.association["storage_level"]), str(facts.association["signature_level"])),),
        ),
        "storage-limits": Table(
            "Attributes and content that limit what is done with stored instances",
            ("Attribute", "Tag", "Value", "Effect", "Comments"),
            _STORAGE_LIMITS,
            wide=True,
        ),
        "storing": Table(
            "Behaviour on storing", ("Action", "Condition", "System Behaviour"), _STORING
        ),
        "storage-compression": Table(
            "Compression of stored instances",
            ("SOP Class", "SOP Class UID", "Behaviour", "Transfer Syntax", "UID", "Comments"),
            (("ALL", "ALL", "AS_IS", "as received", "as accepted",
              "The data set is written to disk byte for byte as it arrives."),),
        ),
        "media-objects": _media_objects(facts.claims),
        "media-written": Table(
            "Media that images are written for",
            ("Medium", "Name in Commands", "PS3.12", "Capacity in Bytes", "File System"),
            _media_written(facts),
        ),
        "media-reading": Table(
            "How media of the claimed profiles are read",
            ("Application Profile", "Medium", "Reading"),
            tuple(
                (one.profile.name, one.profile.medium_format, one.reading)
                for one in facts.claims
                if one.reading
            ),
        ),
        "media-summary": Table(
            "Supported Application Profiles, activities and roles",
            ("Application Profile", "Real-world Activity", "Roles"),
            _media_summary(facts.claims),
        ),
        "not-claimed": _not_claimed(facts.claims),
        "extended-characters": Table(
            "Attributes that the operator can enter",
            ("Attribute", "Tag", "VR", "Editable With Extended Characters"),
            (("File-set ID", "(0004,1130)", "CS", "N"),),
        ),
        "character-mapping": Table(
            "Character sets in and out",
            ("Incoming Term", "Outgoing Term", "Situation"),
            _CHARACTER_MAPPING,
        ),
    }  # fmt: skip
    own = [one for one in facts.claims if one.roles and not one.profile.name.startswith("STD-")]
    if own:
        tables["own-profiles"] = _own_profiles([one.profile for one in own])
        tables["own-objects"] = _media_objects(own)
    return tables


def _services(facts: StatementFacts) -> Table:
    roles = [yes(facts.claimed(role)) for role in (Role.CREATOR, Role.UPDATER, Role.READER)]
    return Table(
        "Application Entities and services",
        ("Application Entity", "Service", "DIMSE SCU", "DIMSE SCP", "Media FSC", "Media FSU",
         "Media FSR"),
        (
            (INTAKE, "Verification", "N", "Y", "N", "N", "N"),
            (INTAKE, "Storage", "N", "Y", "N", "N", "N"),
            *client_services(facts),
            (MEDIA_AE, "Media Storage", "N", "N", *roles),
        ),
    )  # fmt: skip


_STORAGE_LIMITS = (
    ("Specific Character Set", "(0008,0005)", "a term that section 1.7 does not list",
     "OT", "Kept as received and reported; shown as ISO_IR 100 where it means nothing."),
    ("SOP Class UID", "(0008,0016)",
     "private, or a standard class without a Directory Record type", "NP",
     "Kept; cannot be put on media with a DICOMDIR."),
    ("SOP Class UID", "(0008,0016)", "a class outside the claimed profile", "NP",
     "Refused for that profile, with the profiles that carry it."),
    ("SOP Class UID; SOP Instance UID", "(0008,0016); (0008,0018)",
     "ABSENT, or other than the request says", "NP",
     "The C-STORE is refused (A900H)."),
    ("Study Instance UID; Series Instance UID", "(0020,000D); (0020,000E)",
     "ABSENT or no UID", "NP", "Kept; cannot be placed in a DICOMDIR."),
    ("Patient ID", "(0010,0020)", "ABSENT or empty", "OT",
     "Goes on media with a warning; the directory supplies a value."),
    ("Study Date; Study Time; Study ID; Series Number; Instance Number",
     "(0008,0020); (0008,0030); (0020,0010); (0020,0011); (0020,0013)", "ABSENT or empty", "OT",
     "The directory supplies a value; the instance stays as it is."),
    ("Transfer Syntax UID", "(0002,0010)",
     "one that the profile does not carry, such as Implicit VR Little Endian", "OT",
     "A copy in a Transfer Syntax of the profile is prepared for media; see section A.4."),
    ("Transfer Syntax UID", "(0002,0010)",
     "one that the profile does not carry and no codec here decodes, such as video", "NP",
     "Kept; refused for that profile."),
    ("Digital Signatures Sequence", "(FFFA,FFFA)", "present in an instance that is re-encoded",
     "OT", "Goes on media with a warning: the signature of the copy does not verify."),
    ("Pixel Data", "(7FE0,0010)", "fewer bytes than Rows, Columns and the like ask for", "NP",
     "Kept; refused for media."),
    ("ALL", "ALL",
     "together larger than the medium, or than 4,294,965,248 bytes on ISO 9660 Level 1", "NP",
     "Kept; refused for that medium."),
    ("ALL", "ALL", "ALL", "ND", "The station shows no images and no reports."),
)  # fmt: skip

_STORING = (
    ("Validate attributes", "SOP Class and Instance differ between request and data set",
     "Refused, status A900H; nothing is kept."),
    ("Validate attributes", "The data set cannot be read to its first elements",
     "Refused, status C000H; nothing is kept."),
    ("Validate attributes", "Any other defect",
     "Stored as received; findings are kept with the instance."),
    ("Duplicate instance", "Same SOP Instance UID, same data set",
     "Success; one copy is kept."),
    ("Duplicate instance", "Same SOP Instance UID, other data set",
     "Success; both are kept as originals in conflict and reported. Media are refused until one "
     "is chosen."),
    ("Add to an existing study", "Study Instance UID known", "Added, at any time."),
    ("Patient mismatch", "Identity differs from other instances of the study",
     "Stored as received; media are refused until it is resolved."),
    ("Coerced attributes", "ALWAYS", "None: no attribute is modified, added or removed."),
    ("Key Object Selection titles", "Any, rejection notes included",
     "Stored like any instance; no title has an effect."),
)  # fmt: skip

_CHARACTER_MAPPING = (
    ("any listed in section 1.7", "the same",
     "Instances, always: bytes and term stay as received."),
    ("any listed in section 1.7", "the same, only where a key of the record needs it",
     "Directory records: values are copied as bytes with their term."),
    ("a misspelt term that can mean one thing only", "the Defined Term that is meant",
     "Directory records, with a finding."),
    ("an unknown term, or one that does not fit the text",
     "ISO_IR 192 if the text is valid UTF-8, otherwise ISO_IR 100 or what its escape sequences "
     "announce", "Directory records, with a finding."),
)  # fmt: skip


def _media_objects(claims: Iterable[Claim]) -> Table:
    rows: list[tuple[str, ...]] = []
    for one in claims:
        if not one.roles:
            continue
        profile = one.profile
        rows.append((f"{profile.name} ({profile.objects_table})",))
        rows.append(
            ("Media Storage Directory Storage", transfer_syntax_name(EXPLICIT_LE),
             *(_asked(one, role, _directory(profile)) for role in _COLUMNS))
        )  # fmt: skip
        rows += [
            (
                _class_words(rule),
                "; ".join(uid_name(uid, uid) for uid in rule.transfer_syntaxes),
                *(_asked(one, role, rule.requirement(role)) for role in _COLUMNS),
            )
            for rule in profile.objects
        ]
    return Table(
        "SOP Classes and Transfer Syntaxes of the claimed profiles",
        ("SOP Classes", "Transfer Syntaxes", "FSC", "FSR", "FSU"),
        tuple(rows),
        wide=True,
    )


def _directory(profile: ApplicationProfile) -> Requirement:
    return Requirement.MANDATORY if profile.directory_required else Requirement.OPTIONAL


def _asked(one: Claim, role: Role, requirement: Requirement) -> str:
    """Return whether the station does it in a role, after what the profile asks."""
    if role not in one.profile.roles:
        return "N (role not defined)"
    done = role in one.roles and requirement is not Requirement.NONE
    return f"{yes(done)} ({requirement})"


def _class_words(rule: ObjectRule) -> str:
    label = f", {rule.label}" if rule.label else ""
    if rule.sop_classes == _COMPOSITE:
        return f"Every class of Table 1-1 that has a Directory Record type{label}"
    if rule.sop_classes == _COMPOSITE & MULTI_FRAME_CLASSES:
        return f"Every multi-frame class that has a Directory Record type{label}"
    ordered = sorted(rule.sop_classes, key=uid_order)
    names = "; ".join(map(storage_name, ordered[:_MOST_NAMED]))
    more = len(ordered) - _MOST_NAMED
    return f"{names}{f' and {more} more' if more > 0 else ''}{label}"


def _media_written(facts: StatementFacts) -> tuple[tuple[str, ...], ...]:
    names = {name for profile in facts.claimed(Role.CREATOR) for name in profile.media}
    return tuple(
        (medium.description, medium.name, f"Annex {medium.annex}", f"{medium.capacity_bytes:,}",
         " or ".join(form.words for form in medium.formats if form is not Format.FOLDER))
        for medium in MEDIA.values()
        if medium.name in names
    )  # fmt: skip


def _media_summary(claims: Iterable[Claim]) -> tuple[tuple[str, ...], ...]:
    activities = {
        Role.CREATOR: "Export a selection to a new File-set",
        Role.READER: "Take in or verify a medium",
        Role.UPDATER: "Add instances to a File-set, or remove them",
    }
    return tuple(
        (one.profile.name, activities[role], str(role)) for one in claims for role in one.roles
    )


def _not_claimed(claims: Iterable[Claim]) -> Table:
    grouped: dict[tuple[str, str], list[str]] = {}
    for one in claims:
        for role, reason in one.withheld:
            grouped.setdefault((str(role), reason), []).append(one.profile.name)
    return Table(
        "Roles of known profiles that are not claimed",
        ("Role", "Application Profiles", "Reason"),
        tuple(
            (role, "; ".join(names), reason) for (role, reason), names in sorted(grouped.items())
        ),
    )


def _own_profiles(profiles: Sequence[ApplicationProfile]) -> Table:
    return Table(
        "Augmented and private Application Profiles of this site",
        ("Application Profile", "Augments", "Clinical use", "Medium and format", "Roles"),
        tuple(
            (one.name, one.augments or "N/A", one.clinical_use, one.medium_format,
             "; ".join(map(str, one.roles)))
            for one in profiles
        ),
    )  # fmt: skip
