"""Whose entries are, as the index knows it: for what has to be recorded of them."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import islice

from sqlalchemy import func, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import instances, patients, series, studies
from mediastation.model.entry import Kind
from mediastation.model.ledger import LedgerPatient, LedgerStudy

_BATCH = 500


@dataclass(slots=True)
class EntriesOfPatient:
    """Entries of one identity: which, and of which studies; `files_sha256` names their files.

    It is the SHA-256 of the digests of the files in hexadecimal, sorted, each
    with a newline behind it.
    """

    patient: LedgerPatient
    entries: list[int] = field(default_factory=list)
    studies: tuple[LedgerStudy, ...] = ()
    files_sha256: str = ""


@dataclass(slots=True)
class _Gathered:
    found: EntriesOfPatient
    digests: list[str] = field(default_factory=list)
    classes: dict[int, Counter[str]] = field(default_factory=dict)


def birth_dates(catalog: Catalog, patient_id: str, name: str) -> set[str]:
    """Return the birth dates known of a Patient ID, of this very name if that is known at all."""
    query = select(patients.c.patient_name, patients.c.patient_birth_date).where(
        patients.c.patient_id == patient_id, patients.c.patient_birth_date != ""
    )
    with catalog.reading() as connection:
        rows = connection.execute(query).all()
    of_name = {born for known, born in rows if known == name}
    return of_name or {born for _, born in rows}


def entries_by_patient(catalog: Catalog, entries: Sequence[int]) -> list[EntriesOfPatient]:
    """Sort entries by whose they are, in the order of the identities in the index."""
    gathered: dict[int, _Gathered] = {}
    for start in range(0, len(entries), _BATCH):
        query = (
            select(
                instances.c.id,
                instances.c.sha256,
                instances.c.sop_class_uid,
                studies.c.id.label("study"),
                patients.c.id.label("patient"),
                patients.c.patient_id,
                patients.c.patient_name,
                patients.c.patient_birth_date,
            )
            .join(series, series.c.id == instances.c.series)
            .join(studies, studies.c.id == series.c.study)
            .join(patients, patients.c.id == studies.c.patient)
            .where(instances.c.id.in_(entries[start : start + _BATCH]))
        )
        with catalog.reading() as connection:
            for row in connection.execute(query):
                who = LedgerPatient(row.patient_id, row.patient_name, row.patient_birth_date)
                one = gathered.setdefault(row.patient, _Gathered(EntriesOfPatient(who)))
                one.found.entries.append(row.id)
                one.digests.append(row.sha256)
                one.classes.setdefault(row.study, Counter())[row.sop_class_uid] += 1
    for one in gathered.values():
        one.found.studies = tuple(
            _study(catalog, study, classes) for study, classes in sorted(one.classes.items())
        )
        listed = "".join(f"{digest}\n" for digest in sorted(one.digests))
        one.found.files_sha256 = hashlib.sha256(listed.encode()).hexdigest()
    return [one.found for _, one in sorted(gathered.items())]


def latest_originals(catalog: Catalog, uids: Iterable[str]) -> list[int]:
    """Return the entry of each of these SOP Instance UIDs that is here, once, ascending.

    Where several originals have one UID it is the one that came last.
    """
    found: list[int] = []
    wanted = iter(uids)
    while batch := list(islice(wanted, _BATCH)):
        query = (
            select(func.max(instances.c.id))
            .where(instances.c.sop_instance_uid.in_(batch), instances.c.kind == Kind.ORIGINAL)
            .group_by(instances.c.sop_instance_uid)
        )
        with catalog.reading() as connection:
            found += connection.execute(query).scalars()
    return sorted(found)


def _study(catalog: Catalog, study: int, classes: Counter[str]) -> LedgerStudy:
    held = (
        select(func.count())
        .select_from(instances)
        .join(series, series.c.id == instances.c.series)
        .where(series.c.study == study, instances.c.kind == Kind.ORIGINAL)
        .scalar_subquery()
    )
    query = select(
        studies.c.study_instance_uid,
        studies.c.study_description,
        studies.c.accession_number,
        held.label("held"),
    ).where(studies.c.id == study)
    with catalog.reading() as connection:
        row = connection.execute(query).one()
    return LedgerStudy(
        row.study_instance_uid,
        row.study_description,
        row.accession_number,
        dict(sorted(classes.items())),
        whole=row.held == classes.total(),
    )
