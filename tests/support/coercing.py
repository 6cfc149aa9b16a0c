"""Coercions for tests: a local patient, a site, and what becomes of a file under both."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pydicom

from mediastation.dicom.coerce import Coerced, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.header import read_header
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.coercion import CoercingSite, Coercion
from mediastation.model.identity import PatientIdentity
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order

MOMENT = datetime(2026, 11, 23, 15, 4, 5, tzinfo=timezone(timedelta(hours=1)))
SITE = CoercingSite("Klinik am See", "IMPORT1", issuer_of_patient_id="KAS")
ORDER = Order(
    accession_number="ACC77",
    accession_issuer="RIS&1.2.3&ISO",
    requested_procedure_id="RP1",
    requested_procedure_description="Import of outside CT",
    scheduled_step_id="SPS1",
    scheduled_step_description="Import",
    study_instance_uid="1.2.3.4.99",
    procedure_codes=(CodedEntry("IMP", "99LOCAL", "Import external"),),
    referenced_study=(("1.2.840.10008.3.1.2.3.1", "1.2.3.4.98"),),
)


def candidate(
    name: str = "Local^Patient",
    patient_id: str = "L-1",
    *,
    issuer: str = "",
    birth_date: str = "19600203",
    sex: str = "F",
    order: Order | None = None,
    other_patient_ids: tuple[tuple[str, str], ...] = (),
) -> Candidate:
    """A patient of this site whom everybody accepts."""
    identity = PatientIdentity(patient_id, issuer, name, birth_date, sex)
    return Candidate(identity, CandidateOrigin.WORKLIST, "RIS", order, other_patient_ids)


def coerced(
    source: Path,
    whose: Candidate | None = None,
    site: CoercingSite = SITE,
    *,
    moment: datetime = MOMENT,
    suffix: str = ".coerced",
    **options: Any,
) -> tuple[pydicom.Dataset, Coerced, Coercion]:
    """Coerce `source` beside itself and prove it; the copy as pydicom reads it.

    The proof of the program itself runs with every test: it must never find
    anything in a copy that the writer made.
    """
    header = read_header(source)
    coercion = plan_coercion(header, whose or candidate(), site, moment)
    target = source.with_name(source.name + suffix)
    done = coerce_file(source, target, header, coercion, **options)
    assert check_coerced(source, target, coercion) == []
    return pydicom.dcmread(target), done, coercion


def rules(done: Coerced) -> list[str]:
    """The rules of what was said of a copy."""
    return [finding.rule for finding in done.findings]
