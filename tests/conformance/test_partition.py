"""People over File-sets: no Patient ID for two, whatever the IDs are, and as few as can be."""

from __future__ import annotations

import io
from dataclasses import replace
from datetime import datetime
from random import Random

import pydicom
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.conformance.identity import patient_identity
from mediastation.conformance.partition import MOST_VOLUMES, partition_people
from mediastation.conformance.people import check_people
from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.model.identity import (
    PatientIdentity,
    PersonCluster,
    cluster_people,
    join_people,
    normalise_text,
    supplied_patient_id,
)
from mediastation.model.instance import Element, InstanceHeader
from tests.support.headers import EXPLICIT_LE, header

JANE = PatientIdentity("4711", "", "Doe^Jane", "19700101", "F")
NAMELESS = replace(JANE, patient_id="")

# What comes near each other: case, padding, width, composition, what a builder changes.
TRICKY = st.text(alphabet="aAäÄ1０\\/ \t\x01\u0308ß", max_size=4)
IDS = st.one_of(TRICKY, st.sampled_from(["", supplied_patient_id(NAMELESS), "x" * 70]))
IDENTITIES = st.builds(
    PatientIdentity,
    patient_id=IDS,
    name=st.sampled_from(["Doe^Jane", "Jane^Doe", "Roe^Rita", ""]),
    birth_date=st.sampled_from(["", "19700101", "19800808"]),
)


def single(patient_id: str, number: int = 0) -> PersonCluster:
    """Somebody of this Patient ID whom nothing else connects with anybody."""
    identity = PatientIdentity(patient_id, "", f"Name{number}^{patient_id}", f"19{number:06}")
    return PersonCluster(identity, ((identity, 1),))


def joined(*patient_ids: str) -> PersonCluster:
    """Somebody who was confirmed to have all these Patient IDs."""
    return join_people([single(patient_id, 7) for patient_id in patient_ids])


def header_of(identity: PatientIdentity, number: int) -> InstanceHeader:
    """An object of `identity`, in a study of its own."""
    given = {
        0x00080005: Element("CS", b"ISO_IR 192"),
        0x00100010: Element("PN", identity.name.encode()),
        0x00100020: Element("LO", identity.patient_id.encode()),
        0x00100030: Element("DA", identity.birth_date.encode()),
        0x0020000D: Element("UI", b"1.2.%d" % (number + 1)),
        0x0020000E: Element("UI", b"1.2.%d.1" % (number + 1)),
    }
    return header(uid=f"1.2.{number + 1}.1.1", elements=given)


@settings(max_examples=200)
@given(st.lists(IDENTITIES, min_size=1, max_size=7), st.booleans())
def test_each_patient_id_of_a_directory_is_one_persons(
    identities: list[PatientIdentity], confirm_identity: bool
) -> None:
    """Through the builder that writes the records, read back by pydicom (PS3.3, F.5.1)."""
    headers = [header_of(identity, number) for number, identity in enumerate(identities)]
    known = [patient_identity(one) for one in headers]
    people = check_people(
        cluster_people((identity, 1) for identity in known),
        several_patients=True,
        confirm_identity=confirm_identity,
    ).people
    volumes = partition_people(people)

    found = 0
    for volume in volumes:
        output = io.BytesIO()
        builder = FileSetBuilder(
            output, file_set_uid="1.2.3", file_set_id="", moment=datetime(2026, 1, 1)
        )
        refused: list[str] = []
        for place, person in enumerate(volume):
            variants = {variant for variant, _ in person.variants}
            whom = Person(str(place), person.patient_id, supplied=person.is_supplied)
            for one, identity in zip(headers, known, strict=True):
                if identity in variants:
                    found += 1
                    try:
                        builder.add(FileSetInstance(one, EXPLICIT_LE, whom))
                    except RefusedError as fault:
                        refused += [finding.rule for finding in fault.findings]
        # An ID beyond ASCII of another object cannot always be written; two of one ID never come.
        assert set(refused) <= {"patient-id"}
        builder.close()
        read = pydicom.dcmread(io.BytesIO(output.getvalue()))
        ids = [
            record.PatientID
            for record in read.DirectoryRecordSequence
            if record.DirectoryRecordType == "PATIENT"
        ]
        assert all(isinstance(one, str) and one.strip() for one in ids)
        assert len({normalise_text(one) for one in ids}) == len(ids)
    assert found == len(identities)


def test_people_of_unlike_ids_lie_together() -> None:
    people = [single("1"), single("2"), single("")]

    (volume,) = partition_people(people)

    assert sorted(volume, key=str) == sorted(people, key=str)


@pytest.mark.parametrize("patient_id", ["4711", " 4711", "4711 ", "４７１１", "47\x0111", "4711\0"])
def test_one_id_in_any_spelling_parts_two_people(patient_id: str) -> None:
    assert len(partition_people([single("4711"), single(patient_id, 1)])) == 2


def test_a_backslash_falls_together_with_what_takes_its_place() -> None:
    """The builder writes a slash: a backslash would make two values of it."""
    assert len(partition_people([single("a\\b"), single("a/b", 1)])) == 2


def test_as_many_volumes_come_out_as_people_share_one_id_most() -> None:
    people = [single(patient_id, number) for number, patient_id in enumerate("111223")]

    assert sorted(len(volume) for volume in partition_people(people)) == [1, 2, 3]


def test_an_id_that_only_the_objects_bear_parts_people_too() -> None:
    """Who imports the medium goes by the objects."""
    assert len(partition_people([joined("1", "2"), single("2")])) == 2


def test_a_chain_of_confirmed_people_takes_two_volumes() -> None:
    """In any order: whoever is placed first must not cost a third."""
    chain = [joined(str(number), str(number + 1)) for number in range(9)]

    assert len(partition_people(chain)) == 2


def test_nobody_takes_one_volume() -> None:
    """Hanging protocols have to lie somewhere."""
    assert partition_people([]) == [[]]


def test_a_number_that_a_hundred_share_is_refused() -> None:
    crowd = [single("0", number) for number in range(MOST_VOLUMES + 1)]

    with pytest.raises(RefusedError) as stopped:
        partition_people(crowd)

    assert [finding.rule for finding in stopped.value.findings] == ["too-many-volumes"]
    assert len(partition_people(crowd[1:])) == MOST_VOLUMES


def test_a_large_collection_is_partitioned_in_linear_time() -> None:
    people = [single(str(number // 2), number % 2) for number in range(20_000)]

    assert [len(volume) for volume in partition_people(people)] == [10_000, 10_000]


@given(
    st.lists(
        st.one_of(
            st.sampled_from("1234").map(single),
            st.lists(st.sampled_from("1234"), min_size=2, max_size=2).map(lambda ids: joined(*ids)),
        ),
        max_size=8,
    ),
    st.randoms(),
)
def test_order_has_no_influence(people: list[PersonCluster], random: Random) -> None:
    everybody = list({person.variants: person for person in people}.values())
    shuffled = list(everybody)
    random.shuffle(shuffled)

    volumes = partition_people(shuffled)

    assert volumes == partition_people(everybody)
    assert sum(map(len, volumes)) == len(everybody)
    for volume in volumes:
        ids = [patient_id for person in volume for patient_id in person.patient_ids]
        assert len(ids) == len(set(ids))
