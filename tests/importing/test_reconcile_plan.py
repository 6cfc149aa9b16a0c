"""What becomes of an outside instance: the table of IRWF.b, decided without opening anything."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from mediastation.errors import RefusedError
from mediastation.importing.reconcile_plan import check_candidate, plan_coercion
from mediastation.model.coercion import Attribute, Coercion, OtherPatientId
from mediastation.model.finding import Severity
from mediastation.model.identity import PatientIdentity
from mediastation.model.instance import Element, InstanceHeader
from mediastation.model.reconciliation import Candidate, CodedEntry, Order
from tests.support.coercing import MOMENT, ORDER, SITE, candidate
from tests.support.headers import CT, EXPLICIT_LE, PATIENT

OUTSIDE = {
    **PATIENT,
    0x00080050: Element("SH", b"OUT1"),
    0x00080080: Element("LO", b"Praxis Dr. Weit "),
    0x00100021: Element("LO", b"PRAXIS"),
}


def outside(**changed: Element | None) -> InstanceHeader:
    """A CT of Jane Doe from elsewhere; `changed` by tag, as in ``t00100020=None``."""
    elements = dict(OUTSIDE)
    for name, element in changed.items():
        tag = int(name[1:], 16)
        if element is None:
            elements.pop(tag, None)
        else:
            elements[tag] = element
    return InstanceHeader(CT, "1.2.3.4", EXPLICIT_LE, dict(sorted(elements.items())))


def planned(whose: Candidate | None = None, header: InstanceHeader | None = None) -> Coercion:
    return plan_coercion(header or outside(), whose or candidate(), SITE, MOMENT)


def values(coercion: Coercion) -> dict[int, str]:
    return {one.tag: one.text for one in coercion.values if one.vr != "SQ"}


class TestPatient:
    def test_the_local_identity_replaces_the_outside_one(self) -> None:
        found = values(planned(candidate(issuer="HOSPITAL")))

        assert found[0x00100010] == "Local^Patient"
        assert found[0x00100020] == "L-1"
        assert found[0x00100021] == "HOSPITAL"
        assert found[0x00100030] == "19600203"
        assert found[0x00100040] == "F"

    def test_what_the_local_side_does_not_know_is_emptied_not_mixed(self) -> None:
        """An outside birth date under a local patient would be a fact that nobody vouches for."""
        found = values(planned(candidate(birth_date="", sex="")))

        assert found[0x00100030] == found[0x00100040] == ""

    def test_the_issuer_of_the_site_goes_with_an_id_that_names_none(self) -> None:
        assert values(planned())[0x00100021] == "KAS"

    def test_no_outside_issuer_stands_beside_a_local_id(self) -> None:
        site = replace(SITE, issuer_of_patient_id="")
        coercion = plan_coercion(outside(), candidate(), site, MOMENT)

        assert 0x00100021 in coercion.removed
        assert 0x00100021 not in values(coercion)

    def test_qualifiers_of_replaced_values_go_with_them(self) -> None:
        removed = planned().removed

        assert {0x00100022, 0x00100024, 0x00100032, 0x00100033} <= set(removed)

    def test_qualifiers_of_values_that_agree_stay(self) -> None:
        same = candidate(patient_id="4711", issuer="PRAXIS", birth_date="19700101")

        assert not {0x00100022, 0x00100024, 0x00100032, 0x00100033} & set(planned(same).removed)

    def test_the_outside_id_becomes_another_id_with_its_issuer(self) -> None:
        whose = candidate(other_patient_ids=(("OLD7", "ARCHIVE"),))

        assert planned(whose).other_patient_ids == (
            OtherPatientId("OLD7", "ARCHIVE"),
            OtherPatientId("4711", "PRAXIS"),
        )

    def test_the_type_of_the_outside_id_goes_with_it(self) -> None:
        header = outside(t00100022=Element("CS", b"RFID"))
        assert planned(header=header).other_patient_ids[-1].kind == "RFID"

    @pytest.mark.parametrize("value", [b"", b"  ", b"A\\B ", b"x" * 66])
    def test_an_outside_id_that_is_none_does_not_become_another_id(self, value: bytes) -> None:
        header = outside(t00100020=Element("LO", value))
        assert planned(header=header).other_patient_ids == ()

    def test_an_id_that_both_sides_share_is_not_another_one(self) -> None:
        same = candidate(patient_id="4711", issuer="PRAXIS")
        assert planned(same).other_patient_ids == ()


class TestOrder:
    def test_without_an_order_the_outside_accession_and_request_go(self) -> None:
        """Both would name something else here, or nothing."""
        coercion = planned()

        assert values(coercion)[0x00080050] == ""
        assert {0x00080051, 0x00400275} <= set(coercion.removed)
        assert not {0x00081110, 0x00081032} & coercion.tags

    def test_an_order_sets_accession_request_study_and_codes(self) -> None:
        coercion = planned(candidate(order=ORDER))
        sequences = {one.tag: one.items for one in coercion.values if one.vr == "SQ"}

        assert values(coercion)[0x00080050] == "ACC77"
        assert sequences[0x00080051] == (
            (
                Attribute(0x00400031, "UT", "RIS"),
                Attribute(0x00400032, "UT", "1.2.3"),
                Attribute(0x00400033, "CS", "ISO"),
            ),
        )
        assert sequences[0x00081110] == (
            (
                Attribute(0x00081150, "UI", "1.2.840.10008.3.1.2.3.1"),
                Attribute(0x00081155, "UI", "1.2.3.4.98"),
            ),
        )
        assert [one.text for one in sequences[0x00081032][0]] == [
            "IMP",
            "99LOCAL",
            "Import external",
        ]
        request = {one.tag: one.text for one in sequences[0x00400275][0]}
        assert request[0x00401001] == "RP1"
        assert request[0x00400009] == "SPS1"

    def test_an_order_that_says_little_leaves_nothing_of_another_order(self) -> None:
        coercion = planned(candidate(order=Order(accession_number="")))

        assert values(coercion)[0x00080050] == ""
        assert {0x00080051, 0x00081110, 0x00400275} <= set(coercion.removed)
        assert 0x00081032 not in coercion.tags, "what was done outside stays told"

    def test_a_code_too_long_for_sh_goes_into_long_code_value(self) -> None:
        order = Order("A", procedure_codes=(CodedEntry("C" * 17, "99L", "Long"),))
        codes = next(one for one in planned(candidate(order=order)).values if one.tag == 0x00081032)
        assert codes.items[0][-1] == Attribute(0x00080119, "UC", "C" * 17)

    def test_no_uid_ever_changes(self) -> None:
        uids = {0x00080016, 0x00080018, 0x0020000D, 0x0020000E, 0x00200052}
        assert not uids & planned(candidate(order=ORDER)).tags


class TestProvenance:
    def test_the_station_signs_as_importer_of_portable_media(self) -> None:
        texts = {one.tag: one.text for one in planned().contribution}
        (purpose,) = next(one.items for one in planned().equipment if one.tag == 0x0040A170)

        assert [one.text for one in purpose] == [
            "MEDIM",
            "DCM",
            "Portable Media Importer Equipment",
        ]
        assert texts[0x00080080] == "Klinik am See"
        assert texts[0x00081010] == "IMPORT1"
        assert texts[0x0018A002] == "20261123150405+0100"

    def test_the_outside_institution_is_the_source_of_the_old_values(self) -> None:
        assert planned().source_of_previous_values == "Praxis Dr. Weit"

    def test_descriptions_are_cut_to_their_vr(self) -> None:
        site = replace(SITE, institution="I" * 70, station="S" * 20)
        coercion = plan_coercion(outside(), candidate(), site, MOMENT)
        texts = {one.tag: one.text for one in coercion.equipment}

        assert len(texts[0x00080080]) == 64
        assert len(texts[0x00081010]) == 16

    def test_it_is_imported_and_coerced_now(self) -> None:
        coercion = planned()
        texts = {one.tag: one.text for one in coercion.replacing}

        assert texts[0x04000600] == "IMPORTED"
        assert texts[0x00080015] == "20261123150405+0100"

    def test_a_moment_without_offset_is_a_slip_of_the_caller(self) -> None:
        with pytest.raises(ValueError, match="offset"):
            plan_coercion(outside(), candidate(), SITE, datetime(2026, 11, 23))


class TestRecipe:
    def test_the_same_decision_later_is_the_same_recipe(self) -> None:
        later = plan_coercion(outside(), candidate(), SITE, MOMENT + timedelta(days=1))
        assert later.recipe == planned().recipe

    @pytest.mark.parametrize(
        "other",
        [
            candidate("Other^Patient"),
            candidate(patient_id="L-2"),
            candidate(order=ORDER),
            candidate(other_patient_ids=(("X", ""),)),
        ],
    )
    def test_another_decision_is_another_recipe(self, other: Candidate) -> None:
        assert planned(other).recipe != planned().recipe


class TestWarnings:
    def test_an_ordinary_image_has_none(self) -> None:
        assert planned().findings == ()

    def test_signatures_are_said_to_be_outlived(self) -> None:
        header = replace(outside(), signed=True)
        assert [one.rule for one in planned(header=header).findings] == ["signature-outlived"]

    def test_pixels_and_documents_that_may_name_the_outside_patient(self) -> None:
        header = outside(
            t00280301=Element("CS", b"YES "), t00420012=Element("LO", b"application/pdf ")
        )
        assert [one.rule for one in planned(header=header).findings] == [
            "identity-in-pixels",
            "identity-in-document",
        ]


class TestCandidate:
    @pytest.mark.parametrize(
        ("spoiled", "subject"),
        [
            (candidate(patient_id=""), "Patient ID"),
            (candidate(patient_id="x" * 65), "Patient ID"),
            (candidate(patient_id="a\\b"), "Patient ID"),
            (candidate(patient_id=" a"), "Patient ID"),
            (candidate(patient_id="a\nb"), "Patient ID"),
            (candidate(issuer="x" * 65), "Issuer of Patient ID"),
            (candidate("^^"), "Patient's Name"),
            (candidate("x" * 65), "Patient's Name"),
            (candidate("a=b=c=d"), "Patient's Name"),
            (candidate("a^b^c^d^e^f"), "Patient's Name"),
            (candidate("a\x1bb"), "Patient's Name"),
            (candidate(birth_date="1960.02.03"), "Patient's Birth Date"),
            (candidate(birth_date="19600231"), "Patient's Birth Date"),
            (candidate(order=Order("x" * 17)), "Accession Number"),
            (candidate(order=replace(ORDER, scheduled_step_id="x" * 17)), "Scheduled Procedure"),
            (candidate(order=replace(ORDER, referenced_study=(("1.2", "x"),))), "Referenced Study"),
            (
                candidate(order=replace(ORDER, procedure_codes=(CodedEntry("", "", ""),))),
                "Requested Procedure Code",
            ),
        ],
    )
    def test_values_that_no_object_may_hold_are_refused_and_never_cut(
        self, spoiled: Candidate, subject: str
    ) -> None:
        with pytest.raises(RefusedError) as caught:
            planned(spoiled)

        (finding,) = caught.value.findings
        assert finding.rule == "candidate-unfit"
        assert finding.subject.startswith(subject)
        assert "RIS" in finding.hint

    def test_a_sex_that_dicom_has_not_is_emptied_with_a_warning(self) -> None:
        (finding,) = check_candidate(candidate(sex="U"))

        assert (finding.rule, finding.severity) == ("candidate-sex", Severity.WARNING)
        assert values(planned(candidate(sex="U")))[0x00100040] == ""

    def test_a_good_one_passes(self) -> None:
        assert check_candidate(candidate(order=ORDER)) == []


def test_who_it_was_and_who_it_is_are_kept_beside_each_other() -> None:
    coercion = planned()

    assert coercion.outside == PatientIdentity("4711", "PRAXIS", "Doe^Jane", "19700101", "F")
    assert coercion.local == PatientIdentity("L-1", "KAS", "Local^Patient", "19600203", "F")
