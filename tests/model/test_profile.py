"""What a profile lets a creator write."""

from __future__ import annotations

from mediastation.model.profile import ApplicationProfile, ObjectRule, Requirement, Role, Security

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"
ELE = "1.2.840.10008.1.2.1"
JPEG = "1.2.840.10008.1.2.4.70"
BASELINE = "1.2.840.10008.1.2.4.50"


def rule(sop_class: str, *syntaxes: str, creator: Requirement = Requirement.OPTIONAL) -> ObjectRule:
    """One row as a table of PS3.11 has it."""
    return ObjectRule(
        frozenset({sop_class}), syntaxes, creator, Requirement.MANDATORY, Requirement.OPTIONAL
    )


def profile(*rules: ObjectRule) -> ApplicationProfile:
    """A profile of nothing but its table."""
    return ApplicationProfile(
        name="STD-CTMR-CD",
        profile_class="STD-CTMR",
        annex="E",
        title="CT and MR",
        clinical_use="CT and MR",
        roles=(Role.CREATOR,),
        media=("CD-80",),
        medium_format="PS3.12 Annex F",
        objects=rules,
        keys=(),
        security=Security.NONE,
        edition="2024c",
        source="PS3.11 Annex E",
        objects_table="PS3.11 Table E.3-1",
    )


def test_syntaxes_come_from_every_row_that_names_the_class_in_their_order() -> None:
    ctmr = profile(rule(CT, JPEG), rule(MR, BASELINE), rule(CT, ELE))

    assert ctmr.transfer_syntaxes(CT) == (JPEG, ELE)


def test_a_class_that_no_row_names_has_no_syntax() -> None:
    assert profile(rule(CT, ELE)).transfer_syntaxes(MR) == ()


def test_a_row_that_creators_may_not_use_lets_nothing_on() -> None:
    """PS3.11 Table B.3-1 disallows .50 for creators of the CD and keeps the row."""
    assert profile(rule(CT, BASELINE, creator=Requirement.NONE)).transfer_syntaxes(CT) == ()
