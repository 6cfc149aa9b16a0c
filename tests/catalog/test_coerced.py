"""Coerced copies in the catalog: what stands for an instance, and what outlives a lost index."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.catalog.browsing import study_keys, study_rows
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.coerced_copies import newest_copy
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_selection import entries_from, remember_selection
from mediastation.catalog.listing import list_rows
from mediastation.catalog.outside import others_in_studies
from mediastation.catalog.selection import find_entries, find_to_forget, read_entry
from mediastation.catalog.upkeep import forget, recover, reindex
from mediastation.model.entry import Kind, Source
from tests.support.objects import write_ct

FOREIGN, LOCAL = "EXT-1", "4711"


def take_in(intake: Intake, place: int = 1) -> int:
    """Keep one instance of an outside medium; return its entry."""
    path = write_ct(
        intake.new_path(),
        SOPInstanceUID=f"1.2.3.1.{place}",
        InstanceNumber=str(place),
        PatientID=FOREIGN,
    )
    return intake.keep(path, Source("medium", f"disc:IM{place}")).entry_id


def coerce(
    intake: Intake, original: int, place: int = 1, patient_id: str = LOCAL, recipe: str = ""
) -> int:
    """Keep a copy of it under another Patient ID; return its entry."""
    path = write_ct(
        intake.new_path(),
        SOPInstanceUID=f"1.2.3.1.{place}",
        InstanceNumber=str(place),
        PatientID=patient_id,
    )
    staged = intake.stage_coerced(path, original, recipe or f"coerce/{patient_id}", "job 7", ())
    return intake.commit([staged])[0].entry_id


def counts(catalog: Catalog) -> dict[str, int]:
    return {row["patient_id"]: row["instances"] for row in list_rows(catalog, "studies")}


class TestWhatStandsForAnInstance:
    def test_a_study_is_the_coerced_copies_once_there_are_any(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            original = take_in(intake)
            copy = coerce(intake, original)

        assert find_entries(catalog, "study:1.2.3") == [copy]
        assert find_entries(catalog, f"patient:{LOCAL}") == [copy]
        assert find_entries(catalog, f"patient:{FOREIGN}") == [original]
        entry = read_entry(catalog, copy)
        assert entry is not None
        assert entry.kind is Kind.COERCED

    def test_each_instance_counts_once_where_it_is_now(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            first, _ = take_in(intake, 1), take_in(intake, 2)
            coerce(intake, first)

        assert counts(catalog) == {FOREIGN: 1, LOCAL: 1}
        rows = study_rows(catalog, study_keys(catalog)).values()
        assert {row.patient_id: row.instances for row in rows} == {FOREIGN: 1, LOCAL: 1}
        assert len(list_rows(catalog, "instances")) == 2

    def test_a_second_reconciliation_takes_the_place_of_the_first(self, catalog: Catalog) -> None:
        """The first had the wrong patient: nothing that is sent may still bear it."""
        with Intake(catalog) as intake:
            original = take_in(intake)
            coerce(intake, original, patient_id="WRONG")
            right = coerce(intake, original)

        assert find_entries(catalog, "study:1.2.3") == [right]
        assert counts(catalog) == {FOREIGN: 0, "WRONG": 0, LOCAL: 1}

    def test_the_same_coercion_is_made_once(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            original = take_in(intake)

            assert coerce(intake, original) == coerce(intake, original)
        assert counts(catalog) == {FOREIGN: 0, LOCAL: 1}

    def test_an_import_names_what_it_took_in_as_it_is_now(self, catalog: Catalog) -> None:
        from mediastation.catalog.jobs import JobTable  # noqa: PLC0415

        with Intake(catalog) as intake:
            first, second = take_in(intake, 1), take_in(intake, 2)
            job = JobTable(catalog).create("import", {}, "doe", "here:1", 0.0)
            remember_selection(catalog, job, [first, second])
            copy = coerce(intake, first)

        assert sorted(find_entries(catalog, f"import:{job}")) == [second, copy]
        assert find_entries(catalog, "import:99") == []

    def test_only_outside_originals_came_from_a_medium(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            first, second = take_in(intake, 1), take_in(intake, 2)
            coerce(intake, first)
            from mediastation.catalog.jobs import JobTable  # noqa: PLC0415

            job = JobTable(catalog).create("send", {}, "doe", "here:1", 0.0)
            remember_selection(catalog, job, find_entries(catalog, "study:1.2.3"))

        assert entries_from(catalog, job, "medium") == {second: "1.2.3.1.2"}


class TestOthersInAStudy:
    def test_who_of_this_site_has_the_rest_of_a_study(self, catalog: Catalog) -> None:
        from mediastation.catalog.jobs import JobTable  # noqa: PLC0415

        with Intake(catalog) as intake:
            first, second, third = (take_in(intake, place) for place in (1, 2, 3))
            coerce(intake, second, 2)
            jobs = JobTable(catalog)
            job = jobs.create("reconcile", {}, "doe", "here:1", 0.0)
            remember_selection(catalog, job, [first])

            (other,) = others_in_studies(catalog, job, "medium")

            assert (other.study_instance_uid, other.instances) == ("1.2.3", 1)
            assert other.identity.patient_id == LOCAL
            assert other.came_as is not None
            assert other.came_as.patient_id == FOREIGN
            remember_selection(catalog, job, [first, second, third])
            assert others_in_studies(catalog, job, "medium") == []


class TestForgetting:
    def test_what_was_reconciled_goes_with_its_original(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            coerce(intake, take_in(intake))

        for selector in (f"patient:{LOCAL}", f"patient:{FOREIGN}", "study:1.2.3"):
            assert len(find_to_forget(catalog, selector)) == 1
        forget(catalog, find_to_forget(catalog, f"patient:{LOCAL}"))

        assert list_rows(catalog, "patients") == []
        for kind in Kind:
            assert list(catalog.store.iter_digests(kind)) == []

    def test_a_copy_that_was_prepared_from_a_coerced_one_goes_too(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            original = take_in(intake)
            copy = coerce(intake, original)
            path = write_ct(intake.new_path(), PatientID=LOCAL)
            intake.commit([intake.stage_prepared(path, copy, "recipe", ())])

        forget(catalog, [original])

        assert list(catalog.store.iter_digests(Kind.PREPARED)) == []

    def test_without_its_coerced_copy_an_original_stands_for_itself(self, catalog: Catalog) -> None:
        """A wrong reconciliation is undone by forgetting the copy by its digest."""
        with Intake(catalog) as intake:
            original = take_in(intake)
            copy = read_entry(catalog, coerce(intake, original))
        assert copy is not None

        forget(catalog, find_to_forget(catalog, f"sha256:{copy.sha256}"))

        assert find_entries(catalog, "study:1.2.3") == [original]
        assert counts(catalog) == {FOREIGN: 1}

    def test_with_a_copy_go_those_that_it_took_the_place_of(self, catalog: Catalog) -> None:
        """Otherwise the wrong patient of an earlier decision would stand for the instance again."""
        with Intake(catalog) as intake:
            original = take_in(intake)
            wrong = coerce(intake, original, patient_id="WRONG")
            copy = read_entry(catalog, coerce(intake, original))
        assert copy is not None

        gone = find_to_forget(catalog, f"sha256:{copy.sha256}")
        # All of them are named, for the ledger is told of each before it goes.
        assert gone == [wrong, copy.id]
        forget(catalog, gone)

        assert find_entries(catalog, "study:1.2.3") == [original]
        assert counts(catalog) == {FOREIGN: 1}
        assert list(catalog.store.iter_digests(Kind.COERCED)) == []

    def test_an_older_copy_goes_alone(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            original = take_in(intake)
            wrong = read_entry(catalog, coerce(intake, original, patient_id="WRONG"))
            right = coerce(intake, original)
        assert wrong is not None

        forget(catalog, find_to_forget(catalog, f"sha256:{wrong.sha256}"))

        assert find_entries(catalog, "study:1.2.3") == [right]
        assert counts(catalog) == {FOREIGN: 0, LOCAL: 1}

    @pytest.mark.parametrize("index", ["there", "lost"])
    @pytest.mark.parametrize("how", ["lost", "damaged"])
    def test_a_copy_whose_file_is_gone_gives_no_earlier_decision_back(
        self, tmp_path: Path, how: str, index: str
    ) -> None:
        home = tmp_path / "failing"
        with Catalog(home) as catalog, Intake(catalog) as intake:
            original = take_in(intake)
            coerce(intake, original, patient_id="WRONG")
            wrong = newest_copy(catalog, original)
            assert wrong is not None
            coerce(intake, original, recipe=wrong.followed_by("coerce/LOCAL", 2))
            copy = newest_copy(catalog, original)
            assert copy is not None
            path = catalog.store.path(copy.sha256, Kind.COERCED)
        path.chmod(0o600)
        path.write_bytes(b"") if how == "damaged" else path.unlink()
        for file in home.glob("catalog.sqlite*") if index == "lost" else ():
            file.unlink()

        with Catalog(home) as catalog:
            _, findings = reindex(catalog)

            assert "reconcile-again" in [one.rule for one in findings]
            assert counts(catalog) == {FOREIGN: 1}
            assert list(catalog.store.iter_digests(Kind.COERCED)) == []
            assert (home / "damaged" / wrong.sha256).exists()
            assert reindex(catalog) == (1, [])


class TestALostIndex:
    @pytest.fixture
    def home(self, tmp_path: Path) -> Path:
        with Catalog(tmp_path / "home") as catalog, Intake(catalog) as intake:
            coerce(intake, take_in(intake, 1), 1)
            take_in(intake, 2)
        return tmp_path / "home"

    def test_reindex_keeps_what_was_decided(self, home: Path) -> None:
        with Catalog(home) as catalog:
            before = list_rows(catalog, "instances"), counts(catalog)

            indexed, findings = reindex(catalog)

            assert (indexed, findings) == (2, [])
            assert (list_rows(catalog, "instances"), counts(catalog)) == before

    def test_outside_instances_stay_outside_and_copies_theirs(self, home: Path) -> None:
        """Otherwise the foreign identity could be sent on once the index was lost."""
        for path in home.glob("catalog.sqlite*"):
            path.unlink()

        with Catalog(home) as catalog:
            _, findings = reindex(catalog)
            rows = list_rows(catalog, "instances")

            assert findings == []
            assert counts(catalog) == {FOREIGN: 1, LOCAL: 1}
            assert sorted((row["patient_id"], row["source_kind"]) for row in rows) == [
                (LOCAL, "reconciled"),
                (FOREIGN, "medium"),
            ]
            again = find_entries(catalog, "instance:1.2.3.1.1")
            assert [read_entry(catalog, one).kind for one in again] == [Kind.COERCED]  # type: ignore[union-attr]

    @pytest.mark.parametrize("how", ["reindex", "recovery"])
    def test_the_last_of_many_decisions_still_counts(self, tmp_path: Path, how: str) -> None:
        """Files lie in the order of their digests, which says nothing of who was decided for."""
        home = tmp_path / "changed"
        with Catalog(home) as catalog, Intake(catalog) as intake:
            for place in range(1, 6):
                original = take_in(intake, place)
                for job in range(1, 5):
                    before = newest_copy(catalog, original)
                    recipe = f"to P{job}"
                    if before is not None:
                        recipe = before.followed_by(recipe, job)
                    coerce(intake, original, place, f"P{job}", recipe)
        for path in home.glob("catalog.sqlite*"):
            path.unlink()

        with Catalog(home) as catalog:
            if how == "reindex":
                reindex(catalog)
            else:
                list(recover(catalog))

            assert {row["patient_id"] for row in list_rows(catalog, "instances")} == {"P4"}
            assert counts(catalog) == {FOREIGN: 0, "P1": 0, "P2": 0, "P3": 0, "P4": 5}

    def test_a_copy_that_nothing_tells_of_is_set_aside(self, home: Path) -> None:
        for path in (*home.glob("catalog.sqlite*"), *home.glob("origins/*")):
            path.unlink()

        with Catalog(home) as catalog:
            _, findings = reindex(catalog)

            assert [one.rule for one in findings] == ["damaged"]
            assert list(catalog.store.iter_digests(Kind.COERCED)) == []
            assert len(list((home / "damaged").iterdir())) == 1
