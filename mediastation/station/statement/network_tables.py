"""The tables of configuration, communication and security (PS3.2, Annex N, sections 6 to 8)."""

from __future__ import annotations

from typing import Final

from mediastation.config import Settings
from mediastation.model.document import Table
from mediastation.network.contexts import reluctance
from mediastation.network.storage_scp import StoreAnswer
from mediastation.station.statement.facts import StatementFacts

_PARAMETER: Final = ("Parameter", "Configurable", "Value", "Comments")

# Service, meaning in the standard's words, class of status, and when it is answered here.
STATUS_WORDS: Final = {
    StoreAnswer.STORED: (
        "Success",
        "Success",
        "File, name and folder of the instance are synced to the disk, and it is in the index; "
        "also for duplicates and conflicts, and for every C-ECHO.",
    ),
    StoreAnswer.PROCESSING_FAILURE: (
        "Failure",
        "Processing failure",
        "A fault of the station. Nothing is kept; sending again later may succeed.",
    ),
    StoreAnswer.INVALID_INSTANCE: (
        "Failure",
        "Invalid SOP Instance",
        "The Affected SOP Class or Instance UID of the request is empty, longer than 64 "
        "characters or not printable. Nothing is kept; sending again does not help.",
    ),
    StoreAnswer.UNRECOGNIZED_OPERATION: (
        "Failure",
        "Unrecognized operation",
        "Another request than C-STORE and C-ECHO, on any Presentation Context.",
    ),
    StoreAnswer.OUT_OF_RESOURCES: (
        "Failure",
        "Refused: out of resources",
        "Less than the reserve of the disk is free, or the disk failed. Nothing is kept; send "
        "again when there is room.",
    ),
    StoreAnswer.DOES_NOT_MATCH: (
        "Failure",
        "Data set does not match SOP Class",
        "Class or instance differ between data set, request and Presentation Context. Nothing "
        "is kept; sending again does not help.",
    ),
    StoreAnswer.CANNOT_UNDERSTAND: (
        "Failure",
        "Cannot understand",
        "There is no data set, or it does not begin with data elements. Nothing is kept; "
        "sending again does not help.",
    ),
}


def configuration_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of section 6."""
    settings, limits = facts.settings, facts.limits
    defaults = Settings.model_fields

    def setting(label: str, name: str, comment: str) -> tuple[str, ...]:
        value, default = settings[name], defaults[name].get_default(call_default_factory=True)
        told = f"; the default is {shown_setting(default)}" if value != default else ""
        return label, "SERVICE", shown_setting(value), f"{comment} ({name}){told}"

    return {
        "config-general": Table(
            "General parameters",
            _PARAMETER,
            (
                ("Local",),
                ("Association request timeout", "FIXED", f"{limits.negotiation_timeout_s:g} s",
                 "Time in which the whole of a request has to arrive"),
                ("Association release timeout", "FIXED", f"{limits.idle_timeout_s:g} s",
                 "Silence between messages, after which the association is aborted"),
                ("DIMSE timeout", "FIXED", f"{limits.network_timeout_s:g} s",
                 "Silence within a message"),
                ("TCP buffers", "N/A", "of the operating system", "Not set by the station"),
                ("Maximum simultaneous associations", "FIXED", str(limits.max_associations),
                 f"{limits.max_waiting} more connections may wait or be rejected; any beyond are "
                 "closed"),
                ("Specific Character Set", "N/A", "as received", "See section 5.7"),
                setting("Disk reserve in bytes", "disk_reserve_bytes",
                        "Below this much free space nothing more is accepted"),
            ),
        ),
        "config-storage": Table(
            "Parameters of the Storage Service",
            _PARAMETER,
            (
                ("Local",),
                setting("Called AE Title", "aet", "A word of the command that starts the service "
                        "replaces it for as long as that runs"),
                setting("Port", "port", "Likewise"),
                setting("Address", "bind", "Likewise; a loopback address admits no other host"),
                ("TLS port", "N/A", "none", "TLS is not supported"),
                setting("Called AE Title must match", "require_called_aet",
                        "Whether associations for another title are rejected"),
                ("Accepted Transfer Syntaxes", "FIXED", "section 1.1", "Nothing to configure"),
                ("Accepted SOP Classes", "FIXED", "section 1.1", "Nothing to configure"),
                ("Remote (any number)",),
                ("Calling AE Title", "N/A", "any", "Senders need not be known"),
                ("Default Issuer of Patient ID", "N/A", "none", "Nothing is coerced"),
            ),
        ),
        "config-media": Table(
            "Parameters of Media Storage",
            _PARAMETER,
            (
                ("Source Application Entity Title (0002,0016)", "FIXED", "not written",
                 "A valid one that a file came with is kept"),
                ("Application Profile", "USER", "none", "Named with every export"),
                ("Medium", "USER", "the profile's first", "One of those of the profile"),
                ("Capacity", "USER", "of the medium", "In bytes"),
                ("File-set ID", "USER", "from the patient's name, or else the Patient ID",
                 "From the label of the export; COLLECTION for several people"),
                ("File-set UID", "FIXED", "new for every File-set", "2.25 and a UUID"),
                ("File-set Descriptor File", "FIXED", "none", "README.TXT is no part of the "
                 "File-set's directory"),
                setting("Keep a TIFF preamble", "keep_tiff_preamble",
                        "Only where nothing in the file moves; any other content is zeroed"),
                setting("Institution", "institution", "Named in README.TXT and INDEX.HTM"),
                ("Verification after writing", "FIXED", "every byte", "See section 5.4.1"),
            ),
        ),
    }  # fmt: skip


def shown_setting(value: object) -> str:
    """Return the value of a setting as people read it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) and value > 65535:
        return f"{value:,}"
    return str(value) or "not stated"


def communication_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of sections 7 and 8."""
    association = facts.association
    return {
        "parameters": Table(
            "Association and file parameters, the same for all Application Entities",
            ("Parameter", "Value"),
            (
                ("Networking",),
                ("Application context", association["application_context"]),
                ("Implementation Class UID", association["implementation_class_uid"]),
                ("Implementation Version Name", association["implementation_version_name"]),
                ("Maximum PDU received, in bytes", str(association["max_pdu_length"])),
                ("ARTIM timeout", f"{association['negotiation_timeout_s']:g} s"),
                ("Maximum associations as initiator",
                 "one for each job or question" if facts.peers else "N/A"),
                ("Maximum associations as acceptor", str(association["max_associations"])),
                ("Maximum outstanding asynchronous operations", "1 (not negotiated)"),
                ("Media",),
                ("File Meta Information Version (0002,0001)", facts.file_meta["(0002,0001)"]),
                ("Implementation Class UID (0002,0012)", facts.file_meta["(0002,0012)"]),
                ("Implementation Version Name (0002,0013)", facts.file_meta["(0002,0013)"]),
            ),
        ),
        "negotiation": Table(
            "Extended negotiation in acceptance",
            ("SOP Classes", "Negotiation Item", "Support", "Value Answered"),
            (
                ("Storage", "Level of support", "Y", str(association["storage_level"])),
                ("Storage", "Level of digital signature support", "Y",
                 str(association["signature_level"])),
                ("Storage", "Element coercion", "Y", str(association["element_coercion"])),
                ("Storage", "SOP Class Common Extended Negotiation", "Y",
                 "read, to learn that an unknown class belongs to the Storage Service Class"),
            ),
        ),
        "preference": _preference(facts),
        "excluded-syntaxes": Table(
            "Transfer Syntaxes that are never accepted for storage",
            ("Transfer Syntax", "UID"),
            tuple((one.name, one.uid) for one in facts.excluded_syntaxes),
        ),
        "exceptions": Table(
            "Exceptions as association acceptor", ("Exception", "Response"), _EXCEPTIONS
        ),
        "store-statuses": Table(
            "Status codes of the Storage and Verification SCP",
            ("Status", "Meaning", "Code", "Related Fields", "Condition"),
            tuple(
                (
                    STATUS_WORDS[answer][0],
                    STATUS_WORDS[answer][1],
                    f"{answer.status:04X}",
                    f"(0000,0902) {answer.comment}" if answer.comment else "none",
                    STATUS_WORDS[answer][2],
                )
                for answer in facts.statuses
            ),
            wide=True,
        ),
        "ports": Table(
            "TCP ports",
            ("Port", "Protocol", "Direction", "TLS"),
            (
                (str(facts.settings["port"]), "DICOM upper layer", "incoming", "N"),
                *((str(peer.port), f"DICOM upper layer, to {name}", "outgoing", "N")
                  for name, peer in facts.peers),
            ),
        ),
    }  # fmt: skip


def _preference(facts: StatementFacts) -> Table:
    rows: list[tuple[str, ...]] = []
    numbers = sorted({reluctance(one.uid) for one in facts.transfer_syntaxes})
    for place, number in enumerate(numbers, start=1):
        alike = [one for one in facts.transfer_syntaxes if reluctance(one.uid) == number]
        comment = "equal among each other: the first that the sender offers" * (len(alike) > 1)
        rows += [(str(place), one.name, one.uid, comment or "-") for one in alike]
    rows.append(
        (str(len(numbers) + 1), "any other that a file can hold", "any", "kept as received")
    )
    return Table(
        "Transfer Syntaxes in order of preference",
        ("Preference", "Transfer Syntax", "UID", "Comments"),
        tuple(rows),
    )


_EXCEPTIONS = (
    ("Too many associations", "A-ASSOCIATE-RJ, transient, local limit exceeded"),
    ("Too many connections", "The connection is closed without a word"),
    ("Unknown called AE Title, where a match is required",
     "A-ASSOCIATE-RJ, permanent, called AE title not recognized"),
    ("Unknown calling AE Title", "Accepted"),
    ("Unknown application context",
     "A-ASSOCIATE-RJ, permanent, application context name not supported"),
    ("Unknown protocol version", "A-ASSOCIATE-RJ, permanent, protocol version not supported"),
    ("No acceptable Presentation Context", "Accepted, with every context refused by its reason"),
    ("Request not complete in time", "A-ABORT, then the connection is closed"),
    ("Silence between or within messages", "A-ABORT, then the connection is closed"),
    ("Malformed or unexpected PDU or message", "A-ABORT with the reason"),
    ("Internal error", "A-ABORT; other associations go on"),
    ("The service is stopped", "Running C-STOREs may finish; then A-ABORT"),
)  # fmt: skip
