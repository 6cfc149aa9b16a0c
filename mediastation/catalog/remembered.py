"""Which patient of this site an outside patient was found to be, to be offered the next time.

What is remembered is a person's decision, and about that very spelling of an
identity, from that very origin. It is offered, never applied: whoever imports
sees today's values of the candidate and decides anew.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from sqlalchemy import delete, insert, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import remembered_identities
from mediastation.model.identity import PatientIdentity, normalise
from mediastation.model.reconciliation import Candidate, CandidateOrigin, CodedEntry, Order

_LEAST_FACTS = 2


def is_memorable(origin: str, outside: PatientIdentity) -> bool:
    """Tell whether `outside` says enough to be recognised on another medium from `origin`.

    Two of Patient ID, name and birth date have to be there: a number such as
    ``0`` alone, or a name alone, is on many people's discs.
    """
    facts = normalise(outside)
    given = (facts.patient_id, facts.name, facts.birth_date)
    return bool(origin) and sum(map(bool, given)) >= _LEAST_FACTS


def remember_identity(
    catalog: Catalog,
    origin: str,
    outside: PatientIdentity,
    candidate: Candidate,
    who: str,
    now: float,
    job: int | None = None,
) -> bool:
    """Keep that `outside`, on media from `origin`, is `candidate`.

    Earlier decisions stay in the table, and the newest counts.

    Parameters
    ----------
    origin : str
        `OutsideMedium.origin` of the medium.
    who : str
        Who decided.
    now : float
        When, in seconds since 1970.
    job : int, optional
        The import that it was decided for.

    Returns
    -------
    bool
        Whether it is remembered; false where `is_memorable` says no.
    """
    if not is_memorable(origin, outside):
        return False
    row = {
        "origin": origin,
        "outside_key": outside.key,
        "local_key": candidate.identity.key,
        "candidate": json.dumps(asdict(candidate)),
        "who": who,
        "at": now,
        "job": job,
    }
    with catalog.writing() as connection:
        connection.execute(insert(remembered_identities), row)
    return True


def recall_identity(catalog: Catalog, origin: str, outside: PatientIdentity) -> Candidate | None:
    """Return who `outside` was the last time, as it was then; None if nobody said so.

    The identity has to be equal letter by letter.
    """
    if not is_memorable(origin, outside):
        return None
    table = remembered_identities
    query = (
        select(table.c.candidate)
        .where(table.c.origin == origin, table.c.outside_key == outside.key)
        .order_by(table.c.id.desc())
        .limit(1)
    )
    with catalog.reading() as connection:
        found = connection.execute(query).scalar()
    return None if found is None else _candidate(json.loads(found))


def forget_identity(catalog: Catalog, origin: str, outside: PatientIdentity) -> int:
    """Forget who `outside` was; return how many decisions there were."""
    table = remembered_identities
    gone = delete(table).where(table.c.origin == origin, table.c.outside_key == outside.key)
    with catalog.writing() as connection:
        return connection.execute(gone).rowcount


def _candidate(row: dict[str, Any]) -> Candidate:
    order = row["order"]
    return Candidate(
        identity=PatientIdentity(**row["identity"]),
        origin=CandidateOrigin(row["origin"]),
        peer=row["peer"],
        order=None if order is None else _order(order),
        other_patient_ids=tuple((one, issuer) for one, issuer in row["other_patient_ids"]),
    )


def _order(row: dict[str, Any]) -> Order:
    codes = tuple(CodedEntry(**code) for code in row["procedure_codes"])
    studies = tuple((sop_class, uid) for sop_class, uid in row["referenced_study"])
    return Order(**{**row, "procedure_codes": codes, "referenced_study": studies})
