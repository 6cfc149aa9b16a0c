"""The tables of media from elsewhere (PS3.2, Annex N, 5.4.2, 5.8 and 6.7).

What is done with an instance is asked of the very function that decides it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from mediastation.catalog.import_decisions import Decision
from mediastation.config import ReconcileRules, Settings
from mediastation.importing.comparison import Comparison, Counterpart
from mediastation.importing.decide import Action, plan_standings
from mediastation.model.document import Table
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile, MediumKind, Standing, Verdict
from mediastation.reading.volume import FileSystem
from mediastation.station.statement.facts import StatementFacts
from mediastation.station.statement.network_tables import shown_setting

KIND_WORDS: Final[Mapping[MediumKind, tuple[str, str]]] = {
    MediumKind.DISC: (
        "A disc in a drive, or any other block device",
        "Copied to the station's disk first, as an image; sectors that fail are asked for again "
        "one by one, and those that stay unreadable are mapped and told with the files that they "
        "belong to; an instance that lost bytes is refused",
    ),
    MediumKind.IMAGE: ("An image of a disc or of a device", "Where it lies, and only read"),
    MediumKind.FOLDER: (
        "A folder, or a device that the operating system has mounted",
        "Where it lies, and only read; no link is followed",
    ),
    MediumKind.FILE: ("One instance by itself", "Where it lies, and only read"),
    MediumKind.ZIP: (
        "A ZIP file",
        "Where it lies; nothing is unpacked but what is read. Members that are encrypted, or "
        "unpack to more than they may, are refused",
    ),
    MediumKind.MAIL: ("An e-mail, or a DICOM MIME entity", "Where it lies; its parts are files"),
}
FILE_SYSTEM_WORDS: Final[Mapping[FileSystem, str]] = {
    FileSystem.ISO9660: "ISO 9660: the names of its primary tree, and those of Joliet where "
    "the primary tree lacks files; the last session",
    FileSystem.UDF: "UDF 1.02 to 2.60, virtual, sparable and metadata partitions included",
    FileSystem.FAT: "FAT12, FAT16, FAT32, with a partition table or without",
}
STANDING_WORDS: Final[Mapping[Standing, str]] = {
    Standing.NEW: "SOP Instance UID, study and pixels are not known",
    Standing.DUPLICATE: "Known UID, and the same data set; also a copy of this station's own, "
    "or the same content encoded otherwise",
    Standing.OTHER_HEADER: "Known UID, the same pixels, other attributes",
    Standing.OTHER_PIXELS: "Known UID, other pixels, or pixels that cannot be compared",
    Standing.COPIED_PIXELS: "Unknown UID, and the pixels of an instance that is known",
    Standing.OTHER_PATIENT: "A study that is known, under another patient",
}
ACTION_WORDS: Final[Mapping[Action, str]] = {
    Action.TAKE: "taken into the catalog",
    Action.DUPLICATE: "counted; one copy is kept",
    Action.HOLD: "held in quarantine",
}
DEFECTS: Final[tuple[tuple[tuple[str, ...], str, str], ...]] = (
    (("no-dicomdir",), "There is no DICOMDIR", "The files are found by content"),
    (("not-dicom", "no-directory"), "A file of that name is no directory, or cannot be read",
     "Told; the files are found by content"),
    (("several-directories", "directory-place"),
     "Several directories; one that lies in a folder, or has another name",
     "Each is read, for the files of its folder"),
    (("transfer-syntax", "no-preamble"),
     "Another Transfer Syntax than Explicit VR Little Endian; no preamble or file meta information",
     "Read as it is"),
    (("offset-shift", "offset-no-record"),
     "Offsets that are all wrong by one number, drift, or lead to no record",
     "Records are joined by the places of the items, else by their order"),
    (("orphan-record", "last-root-offset"), "Records that no offset leads to; a wrong last offset",
     "Placed by their type and order"),
    (("record-loop", "two-parents", "too-deep"), "Records that lead back to themselves, belong to "
     "two, or lie deeper than any type allows", "Each is read once, where it was first met"),
    (("record-place", "unknown-record", "retired-record"), "Levels that are missing; types that "
     "are private, retired or unknown", "What lies below is read; told"),
    (("truncated-directory", "malformed-record"), "The directory ends too early, or a record "
     "cannot be read", "What stands before and behind that is read; told"),
    (("escaping-file-id",), "A File ID that leads out of the File-set", "Not followed; told"),
    (("name-differs",), "A File ID in lower case, with an extension, version or point, or with "
     "other separators", "The file that is meant, where there is exactly one"),
    (("missing-file",), "A file that is listed and not there", "An error that names it; the others "
     "come in"),
    (("unreferenced",), "An instance that is not listed", "Taken in as if it were; told"),
    (("wrong-branch", "wrong-person"), "A record that lies under another patient, study or series "
     "than its file says", "The file is believed; told"),
    (("directory-element", "record-element", "missing-key", "consistency-flag", "in-use-flag"),
     "Elements and keys that are missing or wrong; inactive records; a File-set Consistency Flag "
     "that is not 0000H", "What can be read is; told"),
    (("referenced-twice",), "A file that is listed twice", "Taken in once; told"),
)  # fmt: skip
"""Rules of findings, what they tell, and what is done; with none of these the import stops."""


def import_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of import, and of how outside patients are matched."""
    return {
        "import-media": Table(
            "Outside media that are read",
            ("Medium", "How"),
            (
                *KIND_WORDS.values(),
                ("File systems of discs, devices and images",),
                *((words.partition(": ")[0], words.partition(": ")[2] or "whole")
                  for words in FILE_SYSTEM_WORDS.values()),
            ),
        ),
        "directory-defects": Table(
            "Wrong directories, and what is done with them",
            ("Defect", "Reaction", "Told as"),
            tuple((defect, reaction, "; ".join(rules)) for rules, defect, reaction in DEFECTS),
        ),
        "standings": Table(
            "Instances that are known, or contradict what is known",
            ("Instance", "Without a decision", "Decided to be kept", "Decided to be left"),
            tuple(_standing_rows()),
        ),
        "config-import": Table(
            "Parameters of import and reconciliation",
            ("Parameter", "Configurable", "Value", "Comments"),
            tuple(_parameters(facts)),
        ),
        "irwf": Table(
            "What of the Import Reconciliation Workflow (IHE RAD, IRWF.b) is done",
            ("Part", "Done", "How"),
            tuple(_irwf(facts)),
        ),
    }  # fmt: skip


def _standing_rows() -> Iterator[tuple[str, ...]]:
    for standing in Standing:
        yield (
            STANDING_WORDS[standing],
            _action(standing, None),
            _action(standing, Verdict.KEEP),
            _action(standing, Verdict.LEAVE),
        )


def _action(standing: Standing, verdict: Verdict | None) -> str:
    """Return what would be done with an instance that stands so."""
    nobody = PatientIdentity("", "", "", "", "")
    arrived = ArrivedFile("A", 0, "", "1", "", "", "1.2.3", "", "1.2", "1.2.1", nobody)
    known = Counterpart("1.2.3", "2", "1.2", "1.2.1", 0, nobody, entry=1)
    comparison = Comparison(standing, None if standing is Standing.NEW else known)
    decision = None if verdict is None else Decision(1, "", standing, "", verdict, "", 0.0)
    (planned,) = plan_standings([(arrived, comparison)], lambda *_: decision)
    words = ACTION_WORDS[planned.action]
    if planned.action is Action.HOLD:
        return f"{words}, for good" if planned.decision else f"{words}, until somebody decides"
    return f"{words}, with a warning" if standing is Standing.COPIED_PIXELS else words


def _parameters(facts: StatementFacts) -> Iterator[tuple[str, ...]]:
    """Yield the settings as their own words have them, with the values in force."""
    yield ("Local",)
    rules = facts.settings["reconcile"]
    for name, field in ReconcileRules.model_fields.items():
        yield f"reconcile.{name}", "SERVICE", shown_setting(rules[name]), _plain(field.description)
    for name in ("stopped_import_days", "disk_reserve_bytes"):
        field = Settings.model_fields[name]
        yield name, "SERVICE", shown_setting(facts.settings[name]), _plain(field.description)


def _plain(text: str | None) -> str:
    return " ".join((text or "-").replace("`", "").split())


def _irwf(facts: StatementFacts) -> Iterator[tuple[str, ...]]:
    rules = facts.settings["reconcile"]
    asked = rules["worklist"] != "-" and facts.peers_for("worklist")
    typed, automatic = rules["typed"], rules["automatic"]
    yield (
        "Query Modality Worklist (RAD-5)",
        "Y" if asked else "N",
        "See section 5.2.1" if asked else "No peer of the configuration has a worklist",
    )
    yield (
        "Patient Demographics Query (ITI-21), for imports without an order",
        "N",
        "In its place: C-FIND at a configured peer that has this site's patients"
        if rules["patients"] not in ("", "-")
        else "In its place: the patients of the catalog that came from this site"
        if rules["catalog"]
        else "Nothing stands in its place",
    )
    yield (
        "Import Procedure Step in Progress, Completed (RAD-59, RAD-60; MPPS)",
        "N",
        "No performed procedure step is reported, and copies get no Referenced Performed Procedure "
        "Step Sequence, Performed Procedure Step ID and Description",
    )
    yield (
        "Imported Objects Stored (RAD-61)",
        "Y" if facts.peers_for("store") else "N",
        "C-STORE of coerced copies alone, see section 5.2.5.1; attributes as in Annex D"
        if facts.peers_for("store")
        else "No peer of the configuration takes instances; attributes would be as in Annex D",
    )
    yield "Storage Commitment", "N", "Originals and copies stay until the operator removes them"
    yield (
        "Values from a worklist or a query, not from the keyboard",
        "N" if typed else "Y",
        "This site lets the operator type them; the ledger says so of each"
        if typed
        else "Typed values are refused",
    )
    yield (
        "A person confirms the match",
        "N" if automatic else "Y",
        "This site lets the only candidate be taken that agrees in name, birth date and sex to the "
        "letter; everything else is left to a person"
        if automatic
        else "Always; name, birth date and sex that differ have to be confirmed besides",
    )
    yield "Original values are kept", "Y", "In the copy, see section A.6; the original stays"
    yield "UIDs are kept", "Y", "Always; invalid ones are not replaced either"
    yield (
        "Objects that are digitised, and reports on paper",
        "N",
        "Media alone; the code of the contribution is that of section A.6",
    )
