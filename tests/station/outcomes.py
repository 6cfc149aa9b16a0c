"""Invented imports for the report: an ordinary one, and one where everything is too much."""

from __future__ import annotations

from mediastation.model.finding import error, note, warning
from mediastation.model.identity import PatientIdentity
from mediastation.model.ledger_facts import DecidedHow
from mediastation.model.likeness import compare_identities
from mediastation.model.reconciliation import Candidate, CandidateOrigin, Order
from mediastation.model.repair import RepairLog
from mediastation.pages.facts import IndexPatient, IndexSeries, IndexStudy
from mediastation.pages.import_facts import LeftBehind, SentOn
from mediastation.station.intake.report import ImportOutcome
from mediastation.station.intake.request import IdentityDecision
from tests.station.import_facts import LOCAL, MEDIUM, OUTSIDE

CANDIDATE = Candidate(LOCAL, CandidateOrigin.WORKLIST, "ris", Order(accession_number="A77"))
DECISION = IdentityDecision(
    OUTSIDE,
    28,
    CANDIDATE,
    compare_identities(OUTSIDE, LOCAL),
    DecidedHow.PERSON,
    "mta",
    "2026-11-23T09:31:00+00:00",
)
PATIENT = IndexPatient(
    OUTSIDE.name,
    OUTSIDE.patient_id,
    OUTSIDE.birth_date,
    OUTSIDE.sex,
    (
        IndexStudy(
            "20240229", "CT Thorax", "X9", (IndexSeries("CT", "1", "Scout", 2),
            IndexSeries("CT", "2", "Thin", 25), IndexSeries("SR", "99", "Dose", 1)),
        ),
    ),
)  # fmt: skip


def repaired(*items: tuple[str, str, str, str]) -> RepairLog:
    """A log of repairs."""
    log = RepairLog()
    for item in items:
        log.add(*item)
    return log


def clean_outcome(job: int = 12) -> ImportOutcome:
    """Everything came; two things were repaired, and a viewer stayed on the disc."""
    return ImportOutcome(
        job,
        MEDIUM,
        found=28,
        imported=28,
        patients=(PATIENT,),
        findings=[
            warning("file-id-case", "dicom/im000001", "The File ID is DICOM\\IM000001 and the file"
                    " is called dicom/im000001."),
            warning("file-id-case", "dicom/im000002", "The File ID is DICOM\\IM000002 and the file"
                    " is called dicom/im000002."),
            note("implicit-directory", "DICOMDIR", "The DICOMDIR is in Implicit VR Little Endian."),
        ],
        repairs=repaired(
            ("file-id-case", "dicom/im000001", "DICOM\\IM000001", "dicom/im000001"),
            ("file-id-case", "dicom/im000002", "DICOM\\IM000002", "dicom/im000002"),
        ),
        left=(
            LeftBehind("Program", "Programs are never started or copied.", 3, "VIEWER/RUN.EXE"),
            LeftBehind("Other files", "They are no DICOM.", 14, "VIEWER/HELP.PDF"),
        ),
        identities=(DECISION,),
        sent=(SentOn("pacs", "PACS@10.0.0.9:104", 28),),
        media_type="CD-R",
    )  # fmt: skip


def worst_outcome(job: int = 13) -> ImportOutcome:
    """Thousands of everything, in all scripts, as long as it gets."""
    names = [
        "קברניט^דוד",
        "Yamada^Tarou=山田^太郎=やまだ^たろう",
        "قباني^لنزار",
        "A" * 64 + "^" + "B" * 64,
    ]
    people = tuple(
        IndexPatient(
            names[number % len(names)], f"ID{number}" * 8, "19000101", "F",
            tuple(IndexStudy("20240229", "Long description " * 8, f"ACC{number}", tuple(
                IndexSeries(kind, "1", "", 5) for kind in ("CT", "MR", "US", "XA", "SR", "PR", "KO")
            )) for _ in range(40)),
        )
        for number in range(30)
    )  # fmt: skip
    identities = tuple(
        IdentityDecision(
            PatientIdentity(one.patient_id, "", one.name, one.birth_date, one.sex), 200
        )
        for one in people
    )
    return ImportOutcome(
        job,
        MEDIUM,
        found=123456,
        imported=120000,
        duplicates=1000,
        held=2000,
        refused=456,
        patients=people,
        findings=[
            (error, warning, note)[number % 3](
                f"rule-{number}", f"SOME/LONG/PATH/ON/A/DISC/THAT/HAS/NO/END/IM{number:06d}",
                f"Number {number}: what is wrong takes some words, so that whoever reads this may "
                "understand what it means for the images, and what was done about it in the end.",
            )
            for number in range(60)
        ],
        repairs=repaired(*(
            (f"repair-of-kind-{number % 25}", f"RECORD {number}", "x" * 200, "y" * 200)
            for number in range(5000)
        )),
        left=tuple(
            LeftBehind("Instance in quarantine", f"Reason {number} with quite a few words to it",
                       number + 1, f"DICOM/IM{number:06d}")
            for number in range(412)
        ),
        bad_sectors=1234,
        lost_bytes=1234 * 2048,
        identities=identities,
        sent=tuple(SentOn(f"pacs{n}", f"PACS{n}@10.0.0.{n}:104", n, n, n) for n in range(20)),
        stopped="The disk is full",
    )  # fmt: skip
