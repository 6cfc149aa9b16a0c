"""Identities as headers give them."""

from __future__ import annotations

from mediastation.conformance.identity import IdentityReader, patient_identity
from mediastation.model.identity import PatientIdentity
from mediastation.model.instance import Element
from tests.support.headers import header

CHARSET, NAME, PATIENT_ID, ISSUER = 0x00080005, 0x00100010, 0x00100020, 0x00100021


def test_padding_is_gone_and_the_rest_untouched() -> None:
    given = header(
        elements={
            NAME: Element("PN", b"Doe^Jane^ "),
            PATIENT_ID: Element("LO", b" 4711 "),
            ISSUER: Element("LO", b"HOSPITAL\0"),
        }
    )

    assert patient_identity(given) == PatientIdentity(
        "4711", "HOSPITAL", "Doe^Jane^", "19700101", "F"
    )


def test_absent_attributes_are_empty() -> None:
    nobody = header(without=(NAME, PATIENT_ID, 0x00100030, 0x00100040))

    assert patient_identity(nobody) == PatientIdentity()


def test_one_name_in_two_character_sets_is_one_name() -> None:
    latin = header(
        elements={
            CHARSET: Element("CS", b"ISO_IR 100"),
            NAME: Element("PN", "Müller^Jörg".encode("latin-1")),
        }
    )
    utf8 = header(
        elements={
            CHARSET: Element("CS", b"ISO_IR 192"),
            NAME: Element("PN", "Müller^Jörg".encode()),
        }
    )

    assert patient_identity(latin) == patient_identity(utf8)


def test_bytes_without_meaning_show_instead_of_vanishing() -> None:
    spoilt = header(
        elements={
            CHARSET: Element("CS", b"ISO_IR 192"),
            NAME: Element("PN", b"M\xfcller"),
        }
    )

    assert patient_identity(spoilt).name == "M\\xfcller"


def test_a_monstrous_value_is_cut_and_stays_another_one() -> None:
    """A header may hold a megabyte where LO allows 64 characters, in every instance."""
    one, other = (
        patient_identity(header(elements={PATIENT_ID: Element("LO", b"A" * 1_000_000 + end)}))
        for end in (b"1", b"2")
    )

    assert one != other
    assert len(one.patient_id) < 1200


def test_the_reader_does_not_hoard_monstrous_values() -> None:
    reader = IdentityReader()
    given = header(elements={PATIENT_ID: Element("LO", b"A" * 1_000_000)})

    assert reader.identity(given) == patient_identity(given)
    assert reader.text(given, PATIENT_ID) == patient_identity(given).patient_id
    assert not reader._identities
    assert not reader._texts


def test_the_reader_says_what_reading_each_time_would_say() -> None:
    """Equal bytes under another character set are another text."""
    reader = IdentityReader()
    name = {NAME: Element("PN", b"\xc3\xbc")}
    headers = [
        header(elements={**name, CHARSET: Element("CS", charset)})
        for charset in (b"ISO_IR 100", b"ISO_IR 192", b"ISO_IR 144")
    ]

    for _ in range(2):
        for given in headers:
            assert reader.identity(given) == patient_identity(given)
            assert reader.text(given, NAME) == patient_identity(given).name


def test_the_reader_forgets_rather_than_grow() -> None:
    reader = IdentityReader()

    for number in range(10_000):
        given = header(elements={PATIENT_ID: Element("LO", b"%d" % number)})
        assert reader.identity(given).patient_id == str(number)

    assert len(reader._identities) <= 4096
