"""Somebody else in a study is noticed, and one decision about that counts for all of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.importing.comparison import subject_of
from mediastation.model.importing import Standing
from tests.importing.rivals import OTHER, PIXELS, SOMEBODY_ELSE, write
from tests.support.arrivals import arrival, compared, keep
from tests.support.objects import write_ct


class TestOtherPatient:
    def test_a_study_that_is_here_under_somebody_else(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        foreign = write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **SOMEBODY_ELSE)

        (comparison,) = compared(catalog, tmp_path, foreign)

        assert (comparison.standing, comparison.other) == (Standing.OTHER_PATIENT, entry)
        assert comparison.counterpart is not None
        assert comparison.counterpart.identity.name == "Doe^Jane"

    def test_on_one_medium_every_instance_of_the_later_person_contradicts(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        mine = write(tmp_path, "a")
        strange = [
            write(tmp_path, f"b{n}", SOPInstanceUID=f"1.9.{n}", PixelData=OTHER, **SOMEBODY_ELSE)
            for n in range(3)
        ]

        first, *others = compared(catalog, tmp_path, mine, *strange)

        assert first.standing is Standing.NEW
        assert {one.standing for one in others} == {Standing.OTHER_PATIENT}
        assert {one.other_path for one in others} == {str(mine)}

    @pytest.mark.parametrize("held", [{"PixelData": OTHER}, {}])
    def test_a_stranger_who_is_held_for_another_reason_stays_one(
        self, catalog: Catalog, tmp_path: Path, held: dict[str, bytes]
    ) -> None:
        """Neither a changed instance nor a second copy of it makes the study the stranger's."""
        keep(catalog, write(tmp_path, "a"))
        changed = write(tmp_path, "b", **held, **SOMEBODY_ELSE)
        again = write(tmp_path, "c", **held, **SOMEBODY_ELSE)
        new = write(tmp_path, "d", SOPInstanceUID="1.9", PixelData=bytes(range(2, 34)),
                    **SOMEBODY_ELSE)  # fmt: skip

        *_, comparison = compared(catalog, tmp_path, changed, again, new)

        assert comparison.standing is Standing.OTHER_PATIENT

    @pytest.mark.parametrize(
        "facts",
        [
            {"PatientName": "DOE^JANE"},
            {"PatientName": "Doe^Jane^^Mrs", "PatientID": "OTHER-7"},
            {"PatientID": "4711", "PatientBirthDate": ""},
            {"PatientName": "", "PatientID": ""},
        ],
    )
    def test_one_person_spelt_or_numbered_otherwise_is_no_contradiction(
        self, catalog: Catalog, tmp_path: Path, facts: dict[str, str]
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        path = write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **facts)

        (comparison,) = compared(catalog, tmp_path, path)

        assert comparison.standing is Standing.NEW

    def test_a_name_that_nobody_can_read_is_still_the_same_name(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        def unreadable(name: str, uid: str, pixels: bytes) -> Path:
            path = write(
                tmp_path, name, SpecificCharacterSet="ISO_IR 192", PatientName="DoeXX^Jane",
                PatientID="", PatientBirthDate="", SOPInstanceUID=uid, PixelData=pixels,
            )  # fmt: skip
            path.write_bytes(path.read_bytes().replace(b"DoeXX", b"Doe\xff\xfe"))
            return path

        keep(catalog, unreadable("a", "1.9.1", PIXELS))

        (comparison,) = compared(catalog, tmp_path, unreadable("b", "1.9.2", OTHER))

        assert comparison.standing is Standing.NEW

    def test_the_identity_that_this_site_gave_counts(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        local: dict[str, Any] = {
            "PatientName": "Doe^Janet",
            "PatientID": "L1",
            "PatientBirthDate": "19700102",
        }
        original = keep(catalog, write(tmp_path, "a"))
        with Intake(catalog) as intake:
            copy = write_ct(intake.new_path(), **local)
            intake.commit([intake.stage_coerced(copy, original, "coerce", "job 1", ())])

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **local)
        )

        assert comparison.standing is Standing.NEW

    def test_other_pixels_under_the_uid_weigh_more(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", PixelData=OTHER, **SOMEBODY_ELSE)
        )

        assert comparison.standing is Standing.OTHER_PIXELS


class TestSubject:
    def test_one_decision_counts_for_a_study_however_the_names_are_spelt(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        spelt = {**SOMEBODY_ELSE, "PatientName": "ROE^RICHARD"}
        paths = [
            write(tmp_path, "b", SOPInstanceUID="1.9.1", PixelData=OTHER, **SOMEBODY_ELSE),
            write(tmp_path, "c", SOPInstanceUID="1.9.2", PixelData=OTHER, **spelt),
            write(tmp_path, "d", SOPInstanceUID="1.9.3", PixelData=OTHER,
                  **{**SOMEBODY_ELSE, "PatientID": "0816"}),
        ]  # fmt: skip

        found = compared(catalog, tmp_path, *paths)
        one, again, other = (
            subject_of(arrival(path), comparison)
            for path, comparison in zip(paths, found, strict=True)
        )

        assert one == again != other

    def test_of_one_uid_both_contents_count(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))
        paths = [write(tmp_path, f"b{n}", PixelData=bytes([n]) * 32) for n in (1, 2)]

        subjects = {
            subject_of(arrival(path), compared(catalog, tmp_path, path)[0]) for path in paths
        }

        assert len(subjects) == 2

    def test_what_is_no_contradiction_has_none(self, catalog: Catalog, tmp_path: Path) -> None:
        path = write(tmp_path, "a")
        new, again = compared(catalog, tmp_path, path, path)

        assert subject_of(arrival(path), new) == subject_of(arrival(path), again) == ""
