"""Records come from the first object; what others say otherwise is told, and not without end."""

from __future__ import annotations

from typing import Any

import pytest

from mediastation.fileset import findings
from tests.support.trees import builder, instance


class TestAgreement:
    """Records are built from the first object; others may say something else."""

    def told(self, first: dict[str, Any], *others: dict[str, Any]) -> list[tuple[str, str, str]]:
        file_set = builder()
        for number, changes in enumerate((first, *others)):
            file_set.add(instance(uid=f"1.1.1.{number + 1}", **changes))
        return [
            (finding.severity.value, finding.subject, finding.message.split()[0])
            for finding in file_set.close().findings
            if finding.rule == "record-disagrees"
        ]

    def test_each_key_is_told_once_per_record(self) -> None:
        other = {"t00100010": ("PN", "Other^One"), "t00081030": ("LO", "Thorax")}

        assert self.told({}, other, other, {"t00081030": ("LO", "Head")}) == [
            ("warning", "1.1.1.1", "PatientName"),
            ("warning", "1.1", "StudyDescription"),
        ]

    @pytest.mark.parametrize(
        ("tag", "first", "other"),
        [
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "DOE^JANE^^^")),
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "Doe^Jane^^^  ")),
            ("t00100010", ("PN", "Doe^Jane"), None),
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "")),
            ("t00080030", ("TM", "1200"), ("TM", "120000.000")),
            ("t00080020", ("DA", "20240131"), ("DA", "2024.01.31")),
            ("t00200011", ("IS", "1"), ("IS", "+01")),
            ("t0008103E", None, ("LO", "Axial")),
        ],
    )
    def test_differences_that_mean_nothing_are_not_told(
        self, tag: str, first: tuple[str, str] | None, other: tuple[str, str] | None
    ) -> None:
        assert self.told({tag: first}, {tag: other}) == []

    def test_one_name_in_two_character_sets_is_one_name(self) -> None:
        latin = {
            "t00080005": ("CS", "ISO_IR 100"),
            "t00100010": ("PN", "Müller^Änne".encode("latin-1")),
        }
        utf_8 = {"t00080005": ("CS", "ISO_IR 192"), "t00100010": ("PN", "Müller^Änne".encode())}

        assert self.told(latin, utf_8, latin) == []

    def test_a_type_3_key_disagrees_softly(self) -> None:
        assert self.told({"t00180015": ("CS", "HEAD")}, {"t00180015": ("CS", "NECK")}) == [
            ("note", "1.1.1", "BodyPartExamined")
        ]


def test_findings_are_bounded_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST_PER_RULE", 5)
    file_set = builder()
    for number in range(20):
        file_set.add(instance(uid=f"1.1.1.{number}", t00200013=None))
    *kept, last = file_set.close().findings

    assert len(kept) == 5
    assert last.message == "15 more findings like these."
    assert last.rule == "key-supplied"
