"""Which names stay when a medium is written anew, and under which profile that is done."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mediastation.conformance.fits import ProfileFit
from mediastation.conformance.load import load_profiles
from mediastation.importing.repaired_set import (
    IN_AN_ARCHIVE,
    ON_A_DISC,
    ON_A_STICK,
    plan_file_ids,
    plan_repaired_set,
)
from mediastation.model.file_id import FileId, check_file_id
from mediastation.model.finding import error
from mediastation.model.repair import RepairLog

REFUSED = (error("transfer-syntax", "1.2.3", "RLE is not allowed."),)


def fit(name: str, *after: str, fits: bool = True) -> ProfileFit:
    return ProfileFit(name, fits, after, () if fits else REFUSED)


def names(*paths: str) -> list[FileId | None]:
    """The File ID that each path keeps; the UIDs count from 0."""
    kept = plan_file_ids(((f"1.2.{n}", path) for n, path in enumerate(paths)), RepairLog())
    return [kept.get(f"1.2.{n}") for n in range(len(paths))]


class TestNames:
    def test_a_legal_file_id_stays(self) -> None:
        log = RepairLog()

        assert plan_file_ids([("1.2", "DICOM/S1/I1")], log) == {"1.2": ("DICOM", "S1", "I1")}
        assert log.total == 0

    def test_what_a_file_system_made_of_it_goes_back(self) -> None:
        assert names("dicom/s1/i1", "DICOM/S1/I2.;1", "DICOM/S1/I3.DCM", "DICOM/S1/i4.dcm;1") == [
            ("DICOM", "S1", f"I{n}") for n in (1, 2, 3, 4)
        ]

    def test_names_that_were_never_legal_do_not_stay(self) -> None:
        log = RepairLog()
        illegal = ["patient data/1.2.3.dcm", "A/B/C/D/E/F/G/H/I", "IM-0001", "TOOLONGNAME", "Ä/B"]

        assert names(*illegal) == [None] * 5
        plan_file_ids((("1.2", path) for path in illegal[:1]), log)
        assert [(one.before, one.after) for one in log] == [(illegal[0], "a new File ID")]

    def test_nothing_is_called_like_the_directory(self) -> None:
        assert names("DICOMDIR", "DICOMDIR/I1", "dicomdir.dcm") == [None, None, None]

    def test_the_first_of_two_spellings_has_the_name(self) -> None:
        assert names("A/I1", "a/i1", "A/I1.DCM") == [("A", "I1"), None, None]

    def test_a_file_is_no_folder_of_another(self) -> None:
        assert names("A", "a/I1", "B/I1", "b") == [("A",), None, ("B", "I1"), None]

    def test_the_first_file_of_an_instance_counts(self) -> None:
        kept = plan_file_ids([("1.2", "A/I1"), ("1.2", "B/I1"), ("", "C/I1")], RepairLog())

        assert kept == {"1.2": ("A", "I1")}

    @given(st.lists(st.text("Aa1./;-_Ä", max_size=24), max_size=30))
    def test_whatever_the_names_are_the_kept_ones_make_a_tree(self, paths: list[str]) -> None:
        kept = [one for one in names(*paths) if one]

        assert len(set(kept)) == len(kept)
        assert not any(check_file_id(one) for one in kept)
        folders = {one[:depth] for one in kept for depth in range(1, len(one))}
        assert not folders & set(kept)


class TestProfile:
    def test_the_first_that_takes_all_as_they_are_is_chosen(self) -> None:
        fits = [fit("STD-GEN-USB-J2K"), fit("STD-GEN-USB-JPEG", "decode"), fit("STD-GEN-CD")]

        plan = plan_repaired_set(fits, [("1.2", "A/I1")], ON_A_STICK)

        assert plan.profile == "STD-GEN-USB-J2K"
        assert plan.file_ids == {"1.2": ("A", "I1")}
        assert plan.findings == ()

    def test_a_new_file_meta_is_no_change_of_an_instance(self) -> None:
        fits = [fit("STD-GEN-CD", "file-meta", "icon"), fit("STD-GEN-DVD-JPEG")]

        assert plan_repaired_set(fits, [], ON_A_DISC).profile == "STD-GEN-CD"

    def test_where_none_takes_them_the_reason_is_told(self) -> None:
        fits = [fit("STD-GEN-USB-JPEG", fits=False), fit("STD-GEN-USB-J2K", fits=False)]

        plan = plan_repaired_set(fits, [], ON_A_STICK, "the disc")

        (finding,) = plan.findings
        assert plan.profile == ""
        assert (finding.rule, finding.subject) == ("no-profile", "the disc")
        assert "RLE is not allowed" in finding.message

    def test_where_there_are_two_people_nobody_is_sent_for_another_profile(self) -> None:
        two = error("several-patients", "the set", "The set holds 2 people.", "--several-patients")
        fits = [ProfileFit(name, False, (), (two,)) for name in ON_A_STICK]

        (finding,) = plan_repaired_set(fits, [], ON_A_STICK).findings

        assert "2 people" in finding.message
        assert finding.hint == "--several-patients"

    def test_where_all_would_change_them_that_is_told(self) -> None:
        (finding,) = plan_repaired_set([fit("STD-GEN-CD", "vr", "decode")], [], ON_A_DISC).findings

        assert "vr, decode" in finding.message

    def test_the_profiles_in_question_exist_and_are_not_sealed(self) -> None:
        known = load_profiles()

        for name in (*ON_A_DISC, *ON_A_STICK, *IN_AN_ARCHIVE):
            assert name in known
            assert "-SEC-" not in name
