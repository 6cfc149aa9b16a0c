"""The sum of a check."""

from __future__ import annotations

import pytest

from mediastation.conformance.check_set import SetMember
from mediastation.conformance.load import find_profile
from mediastation.conformance.report import check_members
from mediastation.errors import ProfileError
from mediastation.model.instance import Element
from mediastation.model.profile import Role
from tests.support.annex_headers import JPEG_LOSSLESS_SV1, ct, xa
from tests.support.headers import header

DIRECTORY = "1.2.840.10008.1.3.10"
GEN_CD = find_profile("STD-GEN-CD")


def good(number: int, digest: str = "") -> SetMember:
    """One more image of one series."""
    return SetMember(f"IM{number}", header(uid=f"1.2.3.1.{number}"), digest or str(number))


def test_a_good_set_is_accepted_whole() -> None:
    report = check_members([good(1), good(2)], GEN_CD)

    assert report.as_dict() == {
        "profile": "STD-GEN-CD",
        "instances": 2,
        "accepted": 2,
        "refused": 0,
        "ignored": 0,
        "role": "creator",
        "findings": [],
    }
    assert report.passed


def test_directories_are_not_counted() -> None:
    directory = SetMember("DICOMDIR", header(DIRECTORY, uid="1.2.9"), "d")

    report = check_members([good(1), directory], GEN_CD)

    assert (report.instances, report.accepted, report.refused) == (1, 1, 0)


def test_what_is_refused_alone_takes_no_part_in_the_set() -> None:
    """It will not lie on the medium, so whose it is does not matter there."""
    truncated = SetMember(
        "BAD",
        header(uid="1.2.9", complete=False, elements={0x00100010: Element("PN", b"Somebody^Else")}),
        "b",
    )

    report = check_members([good(1), truncated], GEN_CD)

    assert [finding.rule for finding in report.findings] == ["incomplete"]
    assert (report.accepted, report.refused) == (1, 1)
    assert not report.passed


def test_a_contradiction_in_the_set_refuses_too() -> None:
    other = SetMember("OTHER", header(uid="1.2.3.1.1"), "another")

    report = check_members([good(1), other, good(2)], GEN_CD)

    assert (report.accepted, report.refused) == (1, 2)


def test_an_error_about_people_fails_the_check_and_refuses_nobody() -> None:
    """Who has to go is for the operator to say."""
    stranger = SetMember(
        "IM9",
        header(
            uid="1.2.9",
            elements={
                0x00100010: Element("PN", b"Roe^Rita"),
                0x00100020: Element("LO", b"9"),
                0x0020000D: Element("UI", b"1.2.8"),
                0x0020000E: Element("UI", b"1.2.8.1"),
            },
        ),
        "s",
    )

    report = check_members([good(1), stranger], GEN_CD)

    assert report.refused == 0
    assert not report.passed
    assert check_members([good(1), stranger], GEN_CD, several_patients=True).passed


def test_icons_are_told_once_for_the_whole_set() -> None:
    runs = [SetMember(f"IM{n}", xa(uid=f"1.2.3.1.{n}"), str(n)) for n in range(3)]

    report = check_members(runs, find_profile("STD-XABC-CD"))

    (finding,) = report.findings
    assert (finding.rule, finding.severity) == ("icon", "note")
    assert "128 x 128" in finding.message
    assert "3 instances" in finding.message


def test_a_reader_passes_over_what_is_none_of_its_profile() -> None:
    members = [SetMember("A", xa(uid="1.2.3.1.1"), "a"), SetMember("B", ct(uid="1.2.3.1.2"), "b")]

    report = check_members(members, find_profile("STD-XABC-CD"), role=Role.READER)

    assert (report.instances, report.accepted, report.refused, report.ignored) == (2, 1, 0, 1)
    assert report.passed
    assert report.role == "reader"


def test_a_reader_takes_a_medium_with_several_people() -> None:
    somebody = {0x00100010: Element("PN", b"Roe^Rita"), 0x00100020: Element("LO", b"9")}
    study = {0x0020000D: Element("UI", b"1.2.8"), 0x0020000E: Element("UI", b"1.2.8.1")}
    stranger = SetMember("IM9", header(uid="1.2.9", elements=somebody | study), "s")

    assert not check_members([good(1), stranger], GEN_CD).passed
    assert check_members([good(1), stranger], GEN_CD, role=Role.READER).passed


def test_role_and_compression_are_required_before_anything_is_looked_at() -> None:
    with pytest.raises(ProfileError):
        check_members([], find_profile("STD-DEN-CD"), role=Role.UPDATER)
    with pytest.raises(ProfileError):
        check_members([], GEN_CD, compress=JPEG_LOSSLESS_SV1)
    with pytest.raises(ProfileError):
        check_members([], find_profile("STD-WVFM-ECG-FD"))
