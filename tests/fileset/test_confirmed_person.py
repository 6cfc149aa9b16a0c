"""The PATIENT record of a person whose objects write her in several ways (PS3.3, F.5.1)."""

from __future__ import annotations

from mediastation.fileset.dicomdir import FileSetInstance, Person
from mediastation.fileset.siblings import SiblingValue
from mediastation.model.instance import Element
from tests.fileset.building import built
from tests.support.record_headers import EXPLICIT_LE, header

NAME, PATIENT_ID, BIRTH_DATE, CHARSET = 0x00100010, 0x00100020, 0x00100030, 0x00080005


def test_the_record_is_made_from_the_confirmed_object_and_not_from_the_first() -> None:
    first = header({NAME: ("PN", "Mueller^Jane"), PATIENT_ID: ("LO", "9")})
    confirmed = header(
        {
            CHARSET: ("CS", "ISO_IR 100"),
            NAME: ("PN", b"M\xfcller^Jane"),
            PATIENT_ID: ("LO", "4711"),
        }
    )
    person = Person("jane", "4711", header=confirmed)

    records, summary = built(FileSetInstance(first, EXPLICIT_LE, person))

    patient = records[0].elements
    assert patient[CHARSET] == ("CS", b"ISO_IR 100")
    assert patient[NAME][1].rstrip() == b"M\xfcller^Jane"
    assert patient[PATIENT_ID][1].rstrip() == b"4711"
    told = [finding.message for finding in summary.findings if finding.rule == "record-disagrees"]
    assert any("PatientName" in message for message in told)
    assert any("PatientID" in message for message in told)


def test_what_the_confirmed_object_lacks_comes_from_another_one() -> None:
    confirmed = header({BIRTH_DATE: None})
    siblings = {BIRTH_DATE: SiblingValue(Element("DA", b"19700101"))}
    person = Person("jane", "P1", header=confirmed)

    records, _ = built(FileSetInstance(header({}), EXPLICIT_LE, person, {"PATIENT": siblings}))

    assert records[0].elements[BIRTH_DATE] == ("DA", b"19700101")


def test_an_id_beyond_ascii_stays_one_value() -> None:
    """A backslash in it would make two."""
    own = header({CHARSET: ("CS", "ISO_IR 192"), PATIENT_ID: ("LO", "Ä\\1".encode())})

    records, _ = built(FileSetInstance(own, EXPLICIT_LE, Person("jane", "Ä\\1")))

    assert records[0].elements[PATIENT_ID][1].rstrip() == "Ä/1".encode()
