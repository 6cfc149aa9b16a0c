"""What is held waits for a person, and what a person decided is done again and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.import_decisions import (
    Decision,
    recall_decision,
    remember_decision,
)
from mediastation.dicom.attribute_differences import AttributeDifference, Differences
from mediastation.importing.comparison import Comparison, Counterpart, subject_of
from mediastation.importing.decide import Action, Planned, plan_standings
from mediastation.importing.judge import PixelVerdict
from mediastation.model.entry import Kind
from mediastation.model.finding import Severity
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile, Standing, Verdict
from tests.support.arrivals import arrival, compared, keep
from tests.support.objects import write_ct

JANE = PatientIdentity("4711", "", "Doe^Jane", "19700101", "F")
JOHN = PatientIdentity("0815", "", "Roe^John", "19330303", "M")

ARRIVED = ArrivedFile(
    path="DICOM/IM1",
    size_bytes=100,
    sha256="a" * 64,
    data_sha256="b" * 64,
    pixel_key="c" * 32,
    sop_class_uid="1.2.840.10008.5.1.4.1.1.2",
    sop_instance_uid="1.2.3.4",
    transfer_syntax_uid="1.2.840.10008.1.2.1",
    study_instance_uid="1.2.3",
    series_instance_uid="1.2.3.1",
    identity=JANE,
)
HERE = Counterpart("1.2.3.4", "d" * 64, "1.2.3", "1.2.3.1", 100, JANE, entry=7, source="net")
COPIED = replace(HERE, sop_instance_uid="1.9", study_instance_uid="1.8")
NAMES = [f"Attribute {n}" for n in range(1, 31)]
DIFFERENCES = Differences(
    tuple(AttributeDifference(n, name, "a", "b") for n, name in enumerate(NAMES[:20])), 30
)
CONTRADICTIONS = {
    Standing.OTHER_HEADER: Comparison(Standing.OTHER_HEADER, HERE, PixelVerdict.SAME, DIFFERENCES),
    Standing.OTHER_PIXELS: Comparison(Standing.OTHER_PIXELS, HERE, PixelVerdict.OTHER),
    Standing.OTHER_PATIENT: Comparison(Standing.OTHER_PATIENT, replace(HERE, identity=JOHN)),
    Standing.COPIED_PIXELS: Comparison(Standing.COPIED_PIXELS, COPIED, PixelVerdict.SAME),
}


def nobody(_: Standing, __: str) -> Decision | None:
    return None


def plan(
    comparison: Comparison,
    recall: Callable[[Standing, str], Decision | None] = nobody,
    arrived: ArrivedFile = ARRIVED,
) -> Planned:
    (planned,) = plan_standings([(arrived, comparison)], recall)
    return planned


def decided(comparison: Comparison, verdict: Verdict) -> Callable[[Standing, str], Decision | None]:
    subject = subject_of(ARRIVED, comparison)
    decision = Decision(
        5, "there", comparison.standing, subject, verdict, "Dr. Who", 1764000000.0, "asked them"
    )

    def recall(standing: Standing, about: str) -> Decision | None:
        return decision if (standing, about) == (comparison.standing, subject) else None

    return recall


class TestWithoutADecision:
    def test_what_is_new_is_taken_without_a_word(self) -> None:
        planned = plan(Comparison(Standing.NEW))

        assert (planned.action, planned.finding, planned.subject) == (Action.TAKE, None, "")

    def test_a_plain_duplicate_is_counted_without_a_word(self) -> None:
        planned = plan(Comparison(Standing.DUPLICATE, HERE))

        assert (planned.action, planned.finding, planned.subject) == (Action.DUPLICATE, None, "")

    @pytest.mark.parametrize(
        "standing", [Standing.OTHER_HEADER, Standing.OTHER_PIXELS, Standing.OTHER_PATIENT]
    )
    def test_contradictions_are_held_and_are_errors(self, standing: Standing) -> None:
        planned = plan(CONTRADICTIONS[standing])

        assert planned.action is Action.HOLD
        assert planned.subject
        assert planned.finding is not None
        assert (planned.finding.rule, planned.finding.severity, planned.finding.subject) == (
            standing.value,
            Severity.ERROR,
            "DICOM/IM1",
        )
        assert planned.finding.hint

    def test_copied_pixels_are_taken_with_a_warning(self) -> None:
        planned = plan(CONTRADICTIONS[Standing.COPIED_PIXELS])

        assert planned.action is Action.TAKE
        assert planned.finding is not None
        assert planned.finding.severity is Severity.WARNING
        assert "instance 7 of the catalog" in planned.finding.message
        assert "another patient" not in planned.finding.message

    def test_a_copy_of_another_persons_image_names_both(self) -> None:
        copied = replace(
            CONTRADICTIONS[Standing.COPIED_PIXELS], counterpart=replace(COPIED, identity=JOHN)
        )

        finding = plan(copied).finding

        assert finding is not None
        assert "Roe^John" in finding.message
        assert "Doe^Jane" in finding.message


class TestWords:
    def test_some_attributes_are_named_and_the_rest_counted(self) -> None:
        finding = plan(CONTRADICTIONS[Standing.OTHER_HEADER]).finding

        assert finding is not None
        assert ", ".join(NAMES[:4]) + " and 26 more" in finding.message

    def test_another_patient_under_one_uid_is_said(self) -> None:
        comparison = replace(
            CONTRADICTIONS[Standing.OTHER_HEADER], counterpart=replace(HERE, identity=JOHN)
        )

        finding = plan(comparison).finding

        assert finding is not None
        assert "the patient cannot be the same" in finding.message

    def test_pixels_that_could_not_be_compared_are_not_called_other(self) -> None:
        comparison = replace(CONTRADICTIONS[Standing.OTHER_PIXELS], pixels=PixelVerdict.UNTOLD)

        finding = plan(comparison).finding

        assert finding is not None
        assert "may have other pixels" in finding.message

    def test_a_study_under_two_patients_shows_both_and_where(self) -> None:
        here = plan(CONTRADICTIONS[Standing.OTHER_PATIENT]).finding
        on_medium = plan(
            Comparison(
                Standing.OTHER_PATIENT,
                replace(HERE, identity=JOHN, entry=None, path="DICOM/IM0"),
            )
        ).finding

        assert here is not None
        assert on_medium is not None
        assert "here under another patient" in here.message
        assert "on this medium under another patient" in on_medium.message
        assert "[Roe^John]" in here.message
        assert "[Doe^Jane]" in here.message

    def test_what_steers_a_terminal_is_not_printed(self) -> None:
        hostile = replace(
            HERE, entry=None, path="a\x1b[2Jb", identity=replace(JOHN, name="R\x1b]0;x\x07oe")
        )
        for standing, comparison in CONTRADICTIONS.items():
            unread = Differences(unread="x\x1b[31m")
            spoiled = replace(comparison, counterpart=hostile, differences=unread)
            finding = plan(spoiled).finding

            assert finding is not None, standing
            assert finding.message.isprintable()


class TestDuplicates:
    @pytest.mark.parametrize(
        ("comparison", "rule"),
        [
            (Comparison(Standing.DUPLICATE, replace(HERE, kind=Kind.COERCED)), "copy-of-ours"),
            (Comparison(Standing.DUPLICATE, HERE, rewritten=True), "rewritten-copy"),
        ],
    )
    def test_what_is_worth_knowing_is_told_once_for_a_study(
        self, comparison: Comparison, rule: str
    ) -> None:
        second = replace(ARRIVED, path="DICOM/IM2", sop_instance_uid="1.2.3.5")
        elsewhere = replace(ARRIVED, path="DICOM/IM3", study_instance_uid="1.2.9")
        arrivals = [(one, comparison) for one in (ARRIVED, second, elsewhere)]

        plans = list(plan_standings(arrivals, nobody))

        assert {one.action for one in plans} == {Action.DUPLICATE}
        told = [one.finding for one in plans]
        assert [one and (one.rule, one.subject) for one in told] == [
            (rule, "DICOM/IM1"),
            None,
            (rule, "DICOM/IM3"),
        ]

    def test_copied_pixels_are_told_once_for_a_study(self) -> None:
        comparison = CONTRADICTIONS[Standing.COPIED_PIXELS]
        arrivals = [(replace(ARRIVED, path=f"IM{n}"), comparison) for n in range(3)]

        plans = list(plan_standings(arrivals, nobody))

        assert [one.action for one in plans] == [Action.TAKE] * 3
        assert [one.finding is not None for one in plans] == [True, False, False]

    def test_each_held_instance_is_told(self) -> None:
        comparison = CONTRADICTIONS[Standing.OTHER_PATIENT]
        arrivals = [(replace(ARRIVED, path=f"IM{n}"), comparison) for n in range(3)]

        plans = list(plan_standings(arrivals, nobody))

        assert [one.finding and one.finding.subject for one in plans] == ["IM0", "IM1", "IM2"]


class TestWithADecision:
    @pytest.mark.parametrize("standing", CONTRADICTIONS)
    @pytest.mark.parametrize(
        ("verdict", "action"), [(Verdict.KEEP, Action.TAKE), (Verdict.LEAVE, Action.HOLD)]
    )
    def test_it_is_done_again_and_told_with_who_and_when(
        self, standing: Standing, verdict: Verdict, action: Action
    ) -> None:
        comparison = CONTRADICTIONS[standing]
        planned = plan(comparison, decided(comparison, verdict))

        assert planned.action is action
        assert planned.decision is not None
        assert planned.finding is not None
        assert (planned.finding.rule, planned.finding.severity) == (
            "decided-before",
            Severity.NOTE,
        )
        for word in ("Dr. Who", "2025-11-24", "asked them", standing.value):
            assert word in planned.finding.message

    def test_another_contradiction_waits_as_ever(self) -> None:
        comparison = CONTRADICTIONS[Standing.OTHER_PIXELS]
        recall = decided(comparison, Verdict.KEEP)
        changed = replace(ARRIVED, data_sha256="e" * 64)

        assert plan(comparison, recall, changed).action is Action.HOLD

    @pytest.mark.parametrize("standing", [Standing.NEW, Standing.DUPLICATE])
    def test_nobody_is_asked_where_nothing_contradicts(self, standing: Standing) -> None:
        def recall(_: Standing, __: str) -> Decision | None:
            raise AssertionError("asked")

        plan(Comparison(standing, HERE if standing is Standing.DUPLICATE else None), recall)

    @pytest.mark.parametrize("contradiction", ["header", "patient"])
    def test_the_next_medium_of_that_place_is_decided_alike_and_no_others(
        self, catalog: Catalog, tmp_path: Path, contradiction: str
    ) -> None:
        """From the file to the remembered decision and back, as an import does it."""
        keep(catalog, write_ct(tmp_path / "here"))
        facts = {"PatientName": "Roe^John", "PatientID": "0815", "PatientBirthDate": "19330303"}
        if contradiction == "patient":
            facts |= {"SOPInstanceUID": "1.9", "SeriesInstanceUID": "1.9.1"}
        path = write_ct(tmp_path / "held", **facts)  # type: ignore[arg-type]

        def planned(origin: str, changed: Path = path) -> Planned:
            (comparison,) = compared(catalog, tmp_path, changed)
            (one,) = plan_standings(
                [(arrival(changed), comparison)],
                lambda standing, subject: recall_decision(catalog, origin, standing, subject),
            )
            return one

        first = planned("St. Elsewhere")
        remember_decision(
            catalog, "St. Elsewhere", first.comparison.standing, first.subject, Verdict.KEEP,
            "Dr. Who", 1764000000.0,
        )  # fmt: skip
        other = write_ct(tmp_path / "other", **{**facts, "PatientID": "0816"})  # type: ignore[arg-type]

        assert first.action is Action.HOLD
        assert planned("St. Elsewhere").action is Action.TAKE
        assert planned("another place").action is Action.HOLD
        assert planned("St. Elsewhere", other).action is Action.HOLD
