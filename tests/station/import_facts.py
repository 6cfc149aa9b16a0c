"""An invented import, as the ledger and the report are told of it."""

from __future__ import annotations

from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger import LedgerPatient, LedgerStudy
from mediastation.model.ledger_facts import DecidedHow, ImportFacts, ReconcileFacts
from mediastation.model.reconciliation import CandidateOrigin

CT = "1.2.840.10008.5.1.4.1.1.2"
SR = "1.2.840.10008.5.1.4.1.1.88.22"
MEDIUM = OutsideMedium(
    MediumKind.DISC,
    "/dev/sr0",
    size_bytes=250_000_000,
    sha256="ab" * 32,
    volume_id="MRI_2024",
    file_set_id="DISC1",
    file_set_uid="2.25.77",
    made_by="ACME_1",
    institution="St. Farther",
)
FACTS = ImportFacts(
    MEDIUM,
    found=28,
    imported=25,
    duplicates=1,
    repaired=2,
    held=1,
    refused=1,
    patients=(LedgerPatient("OUT1", "DOE^JANE", "19700101"),),
    studies=(LedgerStudy("1.2.3", "Thorax", "X9", {CT: 24, SR: 1}),),
    kept_patients=(LedgerPatient("OUT2", "ROE^ANN"),),
    kept_studies=(LedgerStudy("1.2.4", "", "", {CT: 1}),),
    files_sha256="ef" * 32,
    media_type="CD-R",
)
OUTSIDE = PatientIdentity("OUT1", "FARTHER", "DOE^JANE", "19700101", "F")
LOCAL = PatientIdentity("4711", "ELSEWHERE", "Doe^Jane^Ann", "19700101", "F")
RECONCILED = ReconcileFacts(
    OUTSIDE,
    LOCAL,
    CandidateOrigin.WORKLIST,
    DecidedHow.PERSON,
    instances=25,
    peer="ris",
    decided_by="mta",
    decided_at="2026-11-23T09:31:00+00:00",
    accession_number="A77",
    studies=(LedgerStudy("1.2.3", "Thorax", "A77", {CT: 24, SR: 1}),),
    files_sha256="01" * 32,
)
