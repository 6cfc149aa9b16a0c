"""Patients of this site in the catalog that an outside patient may be, found by its indexes."""

from __future__ import annotations

from dataclasses import dataclass

from sqlalchemy import ColumnElement, exists, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import PATIENT_ORDER, instances, patients, series, studies
from mediastation.model.entry import Kind
from mediastation.model.identity import PatientIdentity
from mediastation.model.name_order import NAMELESS, name_order

MOST = 200
"""Identities that one question gets at most."""

_FIRST_LETTERS = 2
_DATE_DIGITS = 8


@dataclass(frozen=True, slots=True)
class PatientsLike:
    """Identities of the catalog; `complete` says whether these are all."""

    identities: tuple[PatientIdentity, ...] = ()
    complete: bool = True


def patients_with_id(
    catalog: Catalog, patient_id: str, outside: str, limit: int = MOST
) -> PatientsLike:
    """Return the identities with this Patient ID, of whichever issuer.

    Parameters
    ----------
    outside : str
        `Source.kind` of what bears the identities of others. An identity that
        only such instances give is none of this site.
    limit : int
        Identities at most.
    """
    if not patient_id:
        return PatientsLike()
    return _found(catalog, limit, outside, patients.c.patient_id == patient_id)


def patients_born_on(
    catalog: Catalog, birth_date: str, name: str, outside: str, limit: int = MOST
) -> PatientsLike:
    """Return the identities with this birth date, those whose name begins like `name` first.

    All of that day are wanted, since names are spelt in many ways and the
    comparing is done elsewhere; but some dates stand for "not known", and have
    more people than anybody could look at.

    Parameters
    ----------
    birth_date : str
        A DA value, or that of ACR-NEMA, with dots; without a date nobody is
        returned.
    outside, limit
        As `patients_with_id`.
    """
    digits = birth_date.replace(".", "").strip()
    if len(digits) != _DATE_DIGITS or not (digits.isascii() and digits.isdigit()):
        return PatientsLike()
    dotted = f"{digits[:4]}.{digits[4:6]}.{digits[6:]}"
    born = patients.c.patient_birth_date.in_((digits, dotted))
    first = PatientsLike()
    key = name_order(name)
    if key != NAMELESS:
        begin = key[:_FIRST_LETTERS]
        alike = (patients.c.name_key >= begin, patients.c.name_key < begin + NAMELESS)
        first = _found(catalog, limit, outside, born, *alike)
    rest = _found(catalog, limit, outside, born)
    both = tuple(dict.fromkeys((*first.identities, *rest.identities)))
    return PatientsLike(both[:limit], rest.complete)


def _found(catalog: Catalog, limit: int, outside: str, *where: ColumnElement[bool]) -> PatientsLike:
    # A copy that was reconciled counts, one that was prepared for a medium does
    # not: its identity is that of whatever it was made from.
    ours = exists(
        select(instances.c.id)
        .select_from(studies)
        .join(series, series.c.study == studies.c.id)
        .join(instances, instances.c.series == series.c.id)
        .where(
            studies.c.patient == patients.c.id,
            instances.c.kind != Kind.PREPARED,
            instances.c.source_kind != outside,
        )
    )
    query = (
        select(
            patients.c.patient_id,
            patients.c.issuer_of_patient_id,
            patients.c.patient_name,
            patients.c.patient_birth_date,
            patients.c.patient_sex,
        )
        .where(*where, ours)
        .order_by(*PATIENT_ORDER)
        .limit(limit + 1)
    )
    with catalog.reading() as connection:
        found = [PatientIdentity(*row) for row in connection.execute(query)]
    return PatientsLike(tuple(found[:limit]), len(found) <= limit)
