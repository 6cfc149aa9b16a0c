"""forget and reindex: what leaves, what comes back, what is reported."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from mediastation.catalog import upkeep
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import LEVELS, list_rows
from mediastation.catalog.selection import find_entries, find_prepared
from mediastation.catalog.staging import Staged
from mediastation.catalog.upkeep import forget, reindex
from mediastation.errors import ConfigError
from mediastation.model.entry import Source
from tests.support.objects import write_ct


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home with two studies, one original that was prepared, and a conflict."""
    with Catalog(tmp_path / "home") as catalog:
        fill(catalog)
    return tmp_path / "home"


@pytest.fixture
def catalog(catalog: Catalog) -> Catalog:
    """The same, on either database."""
    fill(catalog)
    return catalog


def fill(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        source = Source("network", "SCANNER@10.0.0.1", "SCANNER", "MEDIASTATION")
        first = intake.keep(write_ct(intake.new_path()), source)
        path = write_ct(intake.new_path())
        intake.commit([intake.stage_prepared(path, first.entry_id, "recipe", ())])
        intake.keep(write_ct(intake.new_path(), PixelData=bytes(32)), source)
        intake.keep(
            write_ct(
                intake.new_path(),
                SOPInstanceUID="1.2.4.1.1",
                StudyInstanceUID="1.2.4",
                SeriesInstanceUID="1.2.4.1",
            ),
            source,
        )


def everything(catalog: Catalog) -> dict[str, list[dict[str, object]]]:
    return {level: list_rows(catalog, level) for level in LEVELS}


class TestReindex:
    def test_it_changes_nothing_where_nothing_is_wrong(self, catalog: Catalog) -> None:
        before = everything(catalog)

        indexed, findings = reindex(catalog)

        assert (indexed, findings) == (3, [])
        assert everything(catalog) == before

    def test_a_lost_index_comes_back_from_the_store(self, home: Path) -> None:
        with Catalog(home) as catalog:
            before = everything(catalog)
        for part in home.glob("catalog.sqlite*"):
            part.unlink()
        with Catalog(home) as catalog:
            indexed, _ = reindex(catalog)
            after = everything(catalog)

        assert indexed == 3
        for level in ("patients", "studies", "series"):
            assert after[level] == before[level]

    def test_a_damaged_file_is_set_aside_and_reported(self, catalog: Catalog) -> None:
        (row,) = list_rows(catalog, "instances", "1.2.4.1.1")
        path = catalog.store.path(str(row["sha256"]))
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.chmod(0o600)
        path.write_bytes(content)

        indexed, findings = reindex(catalog)

        assert indexed == 2
        assert [finding.rule for finding in findings] == ["damaged"]
        assert (catalog.home / "damaged" / str(row["sha256"])).read_bytes() == content
        assert list_rows(catalog, "instances", "1.2.4.1.1") == []

    def test_a_file_that_is_gone_is_reported_and_its_row_removed(self, catalog: Catalog) -> None:
        (row,) = list_rows(catalog, "instances", "1.2.4.1.1")
        catalog.store.path(str(row["sha256"])).unlink()

        indexed, findings = reindex(catalog)

        assert indexed == 2
        assert [(finding.rule, finding.subject) for finding in findings] == [("lost", "1.2.4.1.1")]
        assert [row["study_instance_uid"] for row in list_rows(catalog, "studies")] == ["1.2.3"]

    @pytest.mark.parametrize("moment", ["before it is read", "after it was read"])
    def test_what_is_forgotten_meanwhile_stays_forgotten(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch, moment: str
    ) -> None:
        """A row without a file would answer for an instance that nobody has."""
        real = upkeep.stage_file
        entries = find_entries(catalog, "study:1.2.4")

        def reading(path: Path, source: Source, *more: Any) -> Staged:
            if moment == "before it is read":
                forget(catalog, entries)
            staged = real(path, source, *more)
            forget(catalog, entries)
            return staged

        monkeypatch.setattr(upkeep, "stage_file", reading)
        indexed, findings = reindex(catalog)

        assert (indexed, findings) == (2, [])
        assert find_entries(catalog, "study:1.2.4") == []


class TestRecover:
    def test_it_says_nothing_of_what_another_process_indexed_meanwhile(
        self, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        digests = list(catalog.store.iter_digests())
        monkeypatch.setattr(upkeep, "_digests_without_row", lambda *_: iter([*digests, "0" * 64]))

        assert list(upkeep.recover(catalog)) == []
        assert len(list_rows(catalog, "instances")) == 3


class TestForget:
    def test_rows_files_and_prepared_copies_go_together(self, catalog: Catalog) -> None:
        (original, rival) = sorted(find_entries(catalog, "instance:1.2.3.1.1"))
        assert find_prepared(catalog, original, "recipe") is not None

        assert forget(catalog, [original]) == 1

        assert find_entries(catalog, "study:1.2.3") == [rival]
        assert find_prepared(catalog, original, "recipe") is None
        assert [p for p in (catalog.home / "prepared").rglob("*") if p.is_file()] == []
        assert len([p for p in (catalog.home / "store").rglob("*") if p.is_file()]) == 2

    def test_an_empty_patient_is_gone(self, catalog: Catalog) -> None:
        forget(catalog, find_entries(catalog, "patient:4711"))

        assert everything(catalog) == {level: [] for level in LEVELS}

    def test_what_was_forgotten_does_not_come_back(self, catalog: Catalog) -> None:
        forget(catalog, find_entries(catalog, "study:1.2.4"))

        assert reindex(catalog)[0] == 2


class TestFindEntries:
    @pytest.mark.parametrize(
        ("selector", "number"),
        [
            ("patient:4711", 3),
            ("study:1.2.3", 2),
            ("series:1.2.4.1", 1),
            ("instance:1.2.3.1.1", 2),
            ("patient:4712", 0),
            ("study:1.2", 0),
        ],
    )
    def test_a_selector_names_whole_values_only(
        self, catalog: Catalog, selector: str, number: int
    ) -> None:
        assert len(find_entries(catalog, selector)) == number

    def test_a_digest_may_be_shortened_but_not_to_nothing(self, catalog: Catalog) -> None:
        row = list_rows(catalog, "instances")[0]
        digest = str(row["sha256"])

        assert len(find_entries(catalog, f"sha256:{digest}")) == 1
        assert len(find_entries(catalog, f"sha256:{digest[:8]}")) == 1
        with pytest.raises(ConfigError):
            find_entries(catalog, f"sha256:{digest[:7]}")


def test_an_index_of_another_schema_is_not_touched(home: Path) -> None:
    with Catalog(home) as catalog, catalog.writing() as connection:
        connection.execute(text("UPDATE catalog_meta SET value='99' WHERE key='schema_version'"))

    with pytest.raises(ConfigError, match="99"):
        Catalog(home)


def test_a_damaged_index_says_how_to_mend_it(home: Path) -> None:
    for part in home.glob("catalog.sqlite-*"):
        part.unlink()
    (home / "catalog.sqlite").write_bytes(b"this is no database" * 300)

    with pytest.raises(Exception, match="damaged") as caught:
        Catalog(home)
    assert "reindex" in caught.value.hint  # type: ignore[attr-defined]

    shutil.move(home / "catalog.sqlite", home / "aside")
    with Catalog(home) as catalog:
        assert reindex(catalog)[0] == 3
