"""Icons stay with their instance, and go with it; an index of yesterday gets the table."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import text

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.icons import find_icon, keep_icons
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import list_rows
from mediastation.catalog.upkeep import forget, reindex
from mediastation.model.entry import Source
from mediastation.model.icon import IconImage
from tests.support.objects import write_ct

ICON = IconImage(2, 3, bytes(range(6)))


@pytest.fixture
def entry(catalog: Catalog) -> int:
    with Intake(catalog) as intake:
        return intake.keep(write_ct(intake.new_path()), Source("folder", "/outside")).entry_id


def test_an_icon_is_found_under_its_recipe_and_no_other(catalog: Catalog, entry: int) -> None:
    keep_icons(catalog, "2x3/1", [(entry, ICON)])

    assert find_icon(catalog, entry, "2x3/1") == ICON
    assert find_icon(catalog, entry, "2x3/2") is None
    assert find_icon(catalog, entry + 1, "2x3/1") is None


def test_a_new_one_takes_the_place_of_the_old(catalog: Catalog, entry: int) -> None:
    other = IconImage(2, 3, b"abcdef")
    keep_icons(catalog, "2x3/1", [(entry, ICON)])
    keep_icons(catalog, "2x3/1", [(entry, other)])

    assert find_icon(catalog, entry, "2x3/1") == other


def test_it_outlives_a_reindex_and_goes_with_its_instance(catalog: Catalog, entry: int) -> None:
    keep_icons(catalog, "2x3/1", [(entry, ICON)])
    reindex(catalog)
    assert find_icon(catalog, entry, "2x3/1") == ICON

    forget(catalog, [entry])
    assert find_icon(catalog, entry, "2x3/1") is None


def test_what_was_forgotten_meanwhile_gets_none(catalog: Catalog, entry: int) -> None:
    forget(catalog, [entry])

    keep_icons(catalog, "2x3/1", [(entry, ICON)])

    assert find_icon(catalog, entry, "2x3/1") is None


@pytest.mark.parametrize(("version", "has_keys"), [("1", False), ("2", False), ("2", True)])
def test_an_older_index_grows(tmp_path: Path, version: str, has_keys: bool) -> None:
    """Version 2 began without the order of names and was written with it, too."""
    home = tmp_path / "home"
    with Catalog(home) as catalog:
        with Intake(catalog) as intake:
            for number, name in enumerate(("Zoë", "Émile", "Anne"), start=1):
                path = write_ct(
                    intake.new_path(), SOPInstanceUID=f"1.2.{number}", PatientName=name,
                    SpecificCharacterSet="ISO_IR 192",
                )  # fmt: skip
                intake.keep(path, Source("folder", "/outside"))
        with catalog.writing() as connection:
            if version == "1":
                connection.execute(text("DROP TABLE icons"))
            if not has_keys:
                connection.execute(text("DROP INDEX patients_in_order"))
                connection.execute(text("DROP INDEX patients_by_birth_date"))
                connection.execute(text("ALTER TABLE patients DROP COLUMN name_key"))
                connection.execute(text("CREATE INDEX patients_by_name ON patients (patient_name)"))
            connection.execute(
                text("UPDATE catalog_meta SET value=:to WHERE key='schema_version'"),
                {"to": version},
            )

    for _ in range(2):
        with Catalog(home) as catalog:
            rows = list_rows(catalog, "patients")
            assert [row["patient_name"] for row in rows] == ["Anne", "Émile", "Zoë"]
            assert find_icon(catalog, 1, "2x3/1") is None
