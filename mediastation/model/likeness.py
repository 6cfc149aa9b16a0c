"""Whether two identities that are not certainly one person may be confirmed to be one."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediastation.model.identity import PatientIdentity, is_certainly_same, normalise
from mediastation.model.name_spelling import NameLikeness, compare_names


class Verdict(StrEnum):
    """What two identities are to each other.

    ``same`` is joined without asking, ``likely`` only when confirmed,
    ``apart`` never.
    """

    SAME = "same"
    LIKELY = "likely"
    APART = "apart"


class Agreement(StrEnum):
    """What two values of one fact say of each other; ``gap`` if one is missing."""

    AGREES = "agrees"
    DIFFERS = "differs"
    GAP = "gap"


@dataclass(frozen=True, slots=True)
class Likeness:
    """Two identities held against each other, fact by fact.

    `patient_id` differs also where the issuers do: a number of one hospital
    says nothing in another. `name_words` is the difference of the names.
    """

    verdict: Verdict
    patient_id: Agreement
    issuer: Agreement
    name: NameLikeness
    name_words: str
    birth_date: Agreement
    sex: Agreement


def compare_identities(one: PatientIdentity, other: PatientIdentity) -> Likeness:
    """Hold two identities against each other.

    Whether a person may confirm that they are one follows from the facts. Two
    of Patient ID, name and birth date have to agree, at most one fact may
    contradict, and the rest must not make another reading more likely:

    ==========  ==================  ==========  =======  ====================================
    Patient ID  name                birth date  sex      may be confirmed
    ==========  ==================  ==========  =======  ====================================
    agrees      any but other       no ≠        no ≠     yes: nothing contradicts
    agrees      same                differs     no ≠     yes: a slip in the birth date
    agrees      same, spelling      agrees      differs  yes: a slip in the sex
    agrees      other family name   agrees      agrees   yes: a name at birth, or by marriage
    agrees      other               any         any      no: twins, or one number given twice
    agrees      not same            differs     any      no: two facts contradict
    differs     same, spelling      agrees      no ≠     yes: two registrations
    differs     any                 any         differs  no: two facts contradict
    missing     same, spelling      agrees      any      yes: only the number is missing
    otherwise                                            no: nothing suggests one person
    ==========  ==================  ==========  =======  ====================================

    "no ≠" is a value that agrees, or one that is missing. A Patient ID agrees
    where both are given and equal and their issuers do not contradict; it
    differs where both are given and either does not. A name in scripts that
    cannot be compared counts as neither: then Patient ID and birth date both
    have to agree. Of a name with an unlike family name the given name must
    agree: twins share everything else. An identity with neither Patient ID nor
    name is like nobody's.

    Parameters
    ----------
    one, other : PatientIdentity
        As objects give them.

    Returns
    -------
    Likeness
        The same for either order.
    """
    mine, theirs = normalise(one), normalise(other)
    issuer = _agreement(mine.issuer, theirs.issuer)
    patient_id = _agreement(mine.patient_id, theirs.patient_id)
    if patient_id is Agreement.AGREES and issuer is Agreement.DIFFERS:
        patient_id = Agreement.DIFFERS
    name, words = compare_names(one.name, other.name)
    birth_date = _agreement(mine.birth_date, theirs.birth_date)
    sex = _agreement(mine.sex, theirs.sex)
    if is_certainly_same(mine, theirs):
        verdict = Verdict.SAME
    elif one.names_nobody or other.names_nobody:
        verdict = Verdict.APART
    else:
        likely = _is_likely(patient_id, name, birth_date, sex)
        verdict = Verdict.LIKELY if likely else Verdict.APART
    return Likeness(verdict, patient_id, issuer, name, words, birth_date, sex)


def _agreement(one: str, other: str) -> Agreement:
    if not one or not other:
        return Agreement.GAP
    return Agreement.AGREES if one == other else Agreement.DIFFERS


def _is_likely(
    patient_id: Agreement, name: NameLikeness, birth_date: Agreement, sex: Agreement
) -> bool:
    agrees, differs = Agreement.AGREES, Agreement.DIFFERS
    spelt_alike = name in {NameLikeness.SAME, NameLikeness.SPELLING}
    if patient_id is not agrees:
        if not spelt_alike or birth_date is not agrees:
            return False
        return sex is not differs or patient_id is Agreement.GAP
    if name is NameLikeness.FAMILY:
        return birth_date is agrees and sex is agrees
    if name is NameLikeness.UNREAD:
        return birth_date is agrees and sex is not differs
    if name is NameLikeness.OTHER:
        return False
    if birth_date is differs:
        return name is NameLikeness.SAME and sex is not differs
    if sex is differs:
        return spelt_alike and birth_date is agrees
    return True
