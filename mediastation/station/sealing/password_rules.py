"""What the label and the password of a sealed medium may not be made of."""

from __future__ import annotations

from mediastation.model.identity import PatientIdentity
from mediastation.secure.passphrase import require_strong
from mediastation.station.exporting.work import Work
from mediastation.station.sealing.plan import require_neutral_label


def require_secrecy(work: Work) -> None:
    """Raise where the label tells whose a sealed medium is, or the password is easily guessed.

    Raises
    ------
    RefusedError
        If the label tells of a person of the set.
    SecrecyError
        If the password is weak, or made of what the set says of its people.
    """
    people = list(_spellings(work))
    numbers = sorted(filter(None, work.checked.accession_numbers))
    require_neutral_label(work.request.label, people, numbers)
    sealing = work.sealing
    if sealing is None or sealing.password is None or not work.request.with_password:
        return
    if work.request.plan_only:
        return
    personal = [
        text
        for person in people
        for text in (person.name, person.patient_id, person.birth_date)
        if text
    ]
    personal += numbers
    require_strong(sealing.password, work.station.settings.secure.least_bits, personal)


def _spellings(work: Work) -> list[PatientIdentity]:
    return [identity for person, _ in work.checked.people for identity, _ in person.variants]
