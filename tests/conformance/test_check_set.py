"""What only the set as a whole can tell."""

from __future__ import annotations

import tracemalloc
from collections.abc import Iterator

import pytest

from mediastation.conformance.check_set import SetMember, SetVerdict, check_set
from mediastation.model.instance import Element
from tests.support.headers import header

HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"

STUDY_UID, SERIES_UID = 0x0020000D, 0x0020000E
PATIENT_NAME, PATIENT_ID, BIRTH_DATE = 0x00100010, 0x00100020, 0x00100030


def member(
    number: int = 1, *, digest: str = "", subject: str = "", sop_class: str = "", **texts: str
) -> SetMember:
    """One instance of one study; `texts` are elements as ``x0020000D="1.2"``."""
    elements = {int(tag[1:], 16): Element("LO", text.encode()) for tag, text in texts.items()}
    facts = {"sop_class": sop_class} if sop_class else {}
    return SetMember(
        subject or f"IM{number}",
        header(uid=f"1.2.3.1.{number}", elements=elements, **facts),  # type: ignore[arg-type]
        digest or f"digest {number}",
    )


def rules(verdict: SetVerdict) -> list[tuple[str, str]]:
    """Return rules and severities in their order."""
    return [(finding.rule, str(finding.severity)) for finding in verdict.findings]


def test_a_study_of_one_person_passes_without_a_word() -> None:
    verdict = check_set(member(number) for number in range(5))

    assert verdict.findings == ()
    assert [person.instances for person in verdict.people] == [5]


def test_an_empty_set_has_nothing_to_say() -> None:
    assert check_set([]) == SetVerdict((), frozenset(), frozenset(), ())


def test_the_same_object_twice_is_written_once() -> None:
    verdict = check_set([member(), member(subject="COPY")])

    assert rules(verdict) == [("duplicate", "note")]
    assert verdict.duplicates == {"COPY"}
    assert verdict.people[0].instances == 1


def test_one_uid_with_two_contents_refuses_both_and_names_both() -> None:
    verdict = check_set([member(), member(subject="OTHER", digest="another")])

    (finding,) = verdict.findings
    assert (finding.rule, finding.severity) == ("conflict", "error")
    assert finding.subject == "1.2.3.1.1"
    assert "IM1" in finding.message
    assert "OTHER" in finding.message
    assert verdict.refused == {"IM1", "OTHER"}


def test_a_series_in_two_studies_is_an_error() -> None:
    verdict = check_set([member(1), member(2, x0020000D="1.2.9")])

    assert rules(verdict) == [("series-in-two-studies", "error")]
    assert verdict.refused == {"IM2"}


def test_a_study_under_two_people_is_an_error_even_in_a_collection() -> None:
    verdict = check_set(
        [member(1), member(2, x00100010="Roe^Rita", x00100020="9", x00100030="1980")],
        several_patients=True,
    )

    assert ("study-in-two-people", "error") in rules(verdict)


def test_a_study_under_two_spellings_of_one_person_is_no_error() -> None:
    verdict = check_set([member(1), member(2, x00100010="DOE^JANE")])

    assert rules(verdict) == [("identity-spelling", "note")]


def test_two_people_stop_the_set() -> None:
    other = member(
        2,
        x00100010="Roe^Rita",
        x00100020="9",
        x00100030="1980",
        x0020000D="1.2.9",
        x0020000E="1.2.9.1",
    )

    assert {rule for rule, _ in rules(check_set([member(1), other]))} == {"several-patients"}


def test_objects_about_nobody_do_not_count_as_a_person() -> None:
    protocol = member(
        2, sop_class=HANGING_PROTOCOL, x00100020="", x00100010="", x00100030="", x0020000D=""
    )

    verdict = check_set([member(1), protocol])

    assert verdict.findings == ()
    assert len(verdict.people) == 1


@pytest.mark.parametrize(
    ("key", "rule"),
    [
        ("x00080020", "study-keys"),
        ("x00080030", "study-keys"),
        ("x00200010", "study-keys"),
        ("x00081030", "study-keys"),
        ("x00080050", "study-keys"),
        ("x00080060", "series-keys"),
        ("x00200011", "series-keys"),
    ],
)
def test_keys_that_disagree_are_told_once_with_both_values(key: str, rule: str) -> None:
    verdict = check_set(
        [member(1, **{key: "ONE"}), *(member(number, **{key: "TWO"}) for number in (2, 3, 4))]
    )

    (finding,) = verdict.findings
    assert (finding.rule, finding.severity) == (rule, "warning")
    assert "ONE" in finding.message
    assert "TWO" in finding.message


def test_an_empty_key_disagrees_with_nothing_but_is_filled() -> None:
    verdict = check_set(
        [member(1, x00081030=""), member(2, x00081030="HEAD"), member(3, x00081030="FOOT")]
    )

    (finding,) = verdict.findings
    assert "HEAD" in finding.message


class TestNobody:
    def anonymous(self, number: int, study: str) -> SetMember:
        """An object without Patient ID and name."""
        return member(
            number,
            x00100010="",
            x00100020="",
            x00100030="",
            x0020000D=study,
            x0020000E=study + ".1",
        )

    def test_one_nameless_study_is_warned_of(self) -> None:
        verdict = check_set([self.anonymous(1, "1.2"), self.anonymous(2, "1.2")])

        assert rules(verdict) == [("no-identity", "warning")]

    def test_two_nameless_studies_may_be_two_people(self) -> None:
        verdict = check_set(
            [self.anonymous(1, "1.2"), self.anonymous(2, "1.3")], several_patients=True
        )

        assert rules(verdict) == [("no-identity", "error")]


def test_names_that_cannot_be_read_do_not_become_equal() -> None:
    """Both show as holes in ISO_IR 192, and are two people all the same."""
    verdict = check_set(
        SetMember(
            str(number),
            header(
                uid=f"1.2.{number}",
                elements={
                    0x00080005: Element("CS", b"ISO_IR 192"),
                    PATIENT_NAME: Element("PN", b"M" + bytes([byte]) + b"ller"),
                },
            ),
            str(number),
        )
        for number, byte in enumerate((0xFC, 0xF6))
    )

    assert len(verdict.people) == 2


def test_memory_is_a_few_hundred_bytes_for_an_instance() -> None:
    """Twenty thousand instances of long UIDs in one series."""

    def members() -> Iterator[SetMember]:
        shared = header()
        for number in range(count):
            uid = f"1.2.840.113619.2.55.3.604688119.971.1700000000.{number:015d}"
            yield SetMember(
                f"entry {number}",
                type(shared)(
                    shared.sop_class_uid, uid, shared.transfer_syntax_uid, shared.elements
                ),
                f"{number:064x}",
            )

    count = 20_000
    tracemalloc.start()
    try:
        check_set(members())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert peak / count < 400


def test_an_object_for_the_root_that_names_a_person_is_that_persons() -> None:
    """What lies in the root is about nobody; where it says otherwise, it is believed."""
    protocol = member(2, sop_class=HANGING_PROTOCOL, x00100020="9", x00100010="Roe^Rita")
    jane = member(1, x00100020="4711", x00100010="Doe^Jane")

    assert ("several-patients", "error") in rules(check_set([jane, protocol]))
    assert rules(check_set([jane, member(2, sop_class=HANGING_PROTOCOL)])) == []
