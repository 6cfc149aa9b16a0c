"""Who is certainly one person, and who stays apart."""

from __future__ import annotations

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.identity import (
    PatientIdentity,
    cluster_people,
    describe,
    is_certainly_same,
    normalise,
    normalise_name,
    normalise_text,
    supplied_patient_id,
)

DOE = PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700101", "F")

# Few values for each attribute, so that agreement, gaps and contradictions all come up.
IDENTITIES = st.builds(
    PatientIdentity,
    patient_id=st.sampled_from(["", "1", " 1 ", "2", "a", "A"]),
    issuer=st.sampled_from(["", "X", "Y"]),
    name=st.sampled_from(["", "Doe^Jane", "DOE^JANE^^", "Roe^Rita", "Doe^Jane=ドウ", "=ドウ"]),
    birth_date=st.sampled_from(["", "19700101", "1970.01.01", "19800101"]),
    sex=st.sampled_from(["", "F", "M"]),
)
SETS = st.lists(st.tuples(IDENTITIES, st.integers(1, 5)), max_size=12)


def people(*identities: PatientIdentity) -> list[list[PatientIdentity]]:
    """Return who was joined with whom."""
    return sorted(
        sorted(variant for variant, _ in person.variants)
        for person in cluster_people((identity, 1) for identity in identities)
    )


class TestNormalise:
    @pytest.mark.parametrize(
        "name",
        [
            "Doe^Jane",
            "DOE^JANE",
            " Doe ^ Jane ",
            "Doe^Jane^^^",
            "Doe^Jane==",
            "Doe^Jane\0",
            "Ｄｏｅ^Ｊａｎｅ",
        ],
    )
    def test_spellings_of_one_name_are_equal(self, name: str) -> None:
        assert normalise_name(name) == normalise_name("doe^jane")

    @pytest.mark.parametrize(
        "name",
        ["Doe^Janet", "Jane^Doe", "Doe Jane", "Doe^^Jane", "Doe^Jane=X", "=Doe^Jane", "Doe＾Jane"],
    )
    def test_other_names_stay_other_names(self, name: str) -> None:
        assert normalise_name(name) != normalise_name("Doe^Jane")

    def test_one_letter_composed_or_decomposed_is_one_letter(self) -> None:
        assert normalise_text("Mu\N{COMBINING DIAERESIS}ller") == normalise_text("Müller")

    def test_leading_zeros_of_an_id_count(self) -> None:
        assert normalise_text("007") != normalise_text("7")

    @given(st.text(max_size=30))
    def test_what_is_normal_stays_as_it_is(self, text: str) -> None:
        assert normalise_text(normalise_text(text)) == normalise_text(text)


class TestIsCertainlySame:
    @pytest.mark.parametrize("field", ["issuer", "birth_date", "sex"])
    def test_a_gap_contradicts_nothing(self, field: str) -> None:
        assert is_certainly_same(normalise(DOE), normalise(replace(DOE, **{field: ""})))

    @pytest.mark.parametrize(
        ("field", "other"),
        [
            ("patient_id", "4712"),
            ("patient_id", ""),
            ("issuer", "OTHER"),
            ("name", "Doe^Janet"),
            ("birth_date", "19700102"),
            ("sex", "M"),
        ],
    )
    def test_one_other_fact_is_another_person(self, field: str, other: str) -> None:
        assert not is_certainly_same(normalise(DOE), normalise(replace(DOE, **{field: other})))

    def test_without_a_name_the_birth_date_has_to_speak(self) -> None:
        nameless = replace(DOE, name="")

        assert is_certainly_same(normalise(DOE), normalise(nameless))
        assert not is_certainly_same(normalise(DOE), normalise(replace(nameless, birth_date="")))

    def test_a_date_in_the_old_form_is_the_same_date(self) -> None:
        """ACR-NEMA wrote dots; readers of DA take them still (PS3.5, 6.2)."""
        assert is_certainly_same(normalise(DOE), normalise(replace(DOE, birth_date="1970.01.01")))

    def test_a_name_that_gained_a_component_group_is_the_same_name(self) -> None:
        """PS3.5, 6.2.1: the groups are representations of one name."""
        yamada = replace(DOE, name="Yamada^Tarou", birth_date="")
        with_kanji = replace(yamada, name="Yamada^Tarou=山田^太郎=やまだ^たろう")

        assert is_certainly_same(normalise(yamada), normalise(with_kanji))

    def test_another_ideographic_name_is_another_person(self) -> None:
        one = replace(DOE, name="Yamada^Tarou=山田^太郎")
        other = replace(DOE, name="Yamada^Tarou=山田^太朗")

        assert not is_certainly_same(normalise(one), normalise(other))

    def test_without_any_id_name_and_birth_date_both_have_to_agree(self) -> None:
        doe = replace(DOE, patient_id="")

        assert is_certainly_same(normalise(doe), normalise(replace(doe, sex="")))
        assert not is_certainly_same(normalise(doe), normalise(replace(doe, birth_date="")))

    @given(IDENTITIES, IDENTITIES)
    def test_is_symmetric(self, one: PatientIdentity, other: PatientIdentity) -> None:
        assert is_certainly_same(normalise(one), normalise(other)) == is_certainly_same(
            normalise(other), normalise(one)
        )


class TestClusterPeople:
    def test_padding_case_and_gaps_make_no_second_person(self) -> None:
        variants = [
            DOE,
            replace(DOE, name="DOE^JANE^"),
            replace(DOE, sex=""),
            replace(DOE, issuer=""),
        ]

        assert people(*variants) == [sorted(variants)]

    def test_three_people_under_one_id_are_three(self) -> None:
        """As in the corpus: one Patient ID, three names."""
        three = [PatientIdentity("1", name=name) for name in ("A^A", "B^B", "C^C")]

        assert len(people(*three)) == 3

    def test_one_id_of_two_issuers_is_two_people(self) -> None:
        assert len(people(DOE, replace(DOE, issuer="OTHER"))) == 2

    def test_who_fits_two_that_contradict_each_other_belongs_to_neither(self) -> None:
        """An object without issuer may be from either hospital."""
        here, there = DOE, replace(DOE, issuer="OTHER")
        somewhere = replace(DOE, issuer="")

        assert people(here, there, somewhere) == sorted([[here], [there], [somewhere]])

    def test_the_uncertain_one_does_not_part_those_who_agree(self) -> None:
        here, there = DOE, replace(DOE, issuer="OTHER")
        here_again, somewhere = replace(DOE, sex=""), replace(DOE, issuer="")

        assert sorted([here, here_again]) in people(here, there, here_again, somewhere)

    def test_objects_of_nobody_are_not_joined_with_somebody(self) -> None:
        assert len(people(DOE, PatientIdentity(), replace(DOE, patient_id=""))) == 3

    def test_the_most_frequent_spelling_stands_for_the_person_with_its_gaps_filled(self) -> None:
        common, rare = replace(DOE, name="DOE^JANE", sex=""), DOE

        (person,) = cluster_people([(rare, 2), (common, 5), (rare, 1)])

        assert person.identity == replace(common, sex="F")
        assert person.variants == ((common, 5), (rare, 3))
        assert person.instances == 8

    def test_a_flood_of_identities_under_one_id_ends_and_joins_nobody(self) -> None:
        flood = [PatientIdentity("1", name=f"N{number}") for number in range(5000)]

        assert len(people(*flood)) == 5000

    @given(SETS, st.randoms())
    def test_order_has_no_influence(
        self, identities: list[tuple[PatientIdentity, int]], random: Random
    ) -> None:
        shuffled = list(identities)
        random.shuffle(shuffled)

        assert cluster_people(shuffled) == cluster_people(identities)

    @given(SETS)
    def test_clustering_what_was_clustered_changes_nothing(
        self, identities: list[tuple[PatientIdentity, int]]
    ) -> None:
        once = cluster_people(identities)

        assert cluster_people(variant for person in once for variant in person.variants) == once

    @given(SETS)
    def test_every_identity_belongs_to_exactly_one_person(
        self, identities: list[tuple[PatientIdentity, int]]
    ) -> None:
        everybody = [v for person in cluster_people(identities) for v, _ in person.variants]

        assert sorted(everybody) == sorted({identity for identity, _ in identities})

    @given(SETS)
    def test_no_person_contradicts_herself(
        self, identities: list[tuple[PatientIdentity, int]]
    ) -> None:
        for person in cluster_people(identities):
            normals = [normalise(variant) for variant, _ in person.variants]
            assert all(is_certainly_same(a, b) for a in normals for b in normals)


class TestSuppliedPatientId:
    def test_is_a_legal_value_that_shows_what_it_is(self) -> None:
        supplied = supplied_patient_id(PatientIdentity(name="Doe^Jane"))

        assert supplied.startswith("NOID-")
        assert supplied.isascii()
        assert len(supplied) == 25
        assert "\\" not in supplied

    def test_is_the_same_for_every_spelling(self) -> None:
        assert supplied_patient_id(PatientIdentity(name="Doe^Jane")) == supplied_patient_id(
            PatientIdentity(name="DOE^JANE^ ")
        )

    @given(IDENTITIES, IDENTITIES)
    def test_differs_whenever_the_facts_do(
        self, one: PatientIdentity, other: PatientIdentity
    ) -> None:
        same = normalise(one) == normalise(other)
        assert (supplied_patient_id(one) == supplied_patient_id(other)) == same

    def test_facts_do_not_run_into_each_other(self) -> None:
        assert supplied_patient_id(PatientIdentity(issuer="a", name="b")) != supplied_patient_id(
            PatientIdentity(issuer="ab")
        )


def test_a_description_shows_no_control_characters_and_ends() -> None:
    """Names come from outside; a terminal obeys what it prints."""
    said = describe(PatientIdentity("1", name="\x1b[2J" + "A" * 100_000))

    assert said.isprintable()
    assert len(said) < 300
