"""Folders and images into the catalog: what becomes of files that are odd, damaged or gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.collect import folder
from mediastation.collect.folder import AddReport, add_source
from mediastation.model.finding import Finding, error
from tests.support.objects import write_ct, write_series


@pytest.fixture
def intake(tmp_path: Path) -> Iterator[Intake]:
    with Catalog(tmp_path / "home") as catalog, Intake(catalog) as opened:
        yield opened


def added(intake: Intake, path: Path) -> AddReport:
    report = AddReport()
    add_source(intake, path, report)
    return report


def test_what_is_no_dicom_is_told_under_its_own_name(intake: Intake, tmp_path: Path) -> None:
    (tmp_path / "scratched.dcm").write_bytes(b"garbage" * 100)

    (finding,) = added(intake, tmp_path / "scratched.dcm").findings

    assert "scratched.dcm has no prefix" in finding.message


def test_a_file_that_vanishes_while_the_folder_is_read_is_refused_alone(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second, third = write_series(tmp_path / "in", 3)
    real = Path.lstat

    def lstat(path: Path) -> object:
        if path == first:
            second.unlink()
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)
    report = added(intake, tmp_path / "in")

    assert (report.added, report.refused) == (2, 1)
    assert [(item.rule, item.subject) for item in report.findings] == [("unreadable", str(second))]
    assert third.exists()


def test_damage_of_the_source_itself_is_a_refusal(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder of an image that cannot be listed may have held anything."""
    write_ct(tmp_path / "in" / "image")
    real = folder.iter_candidates

    def damaged(path: Path) -> Iterator[folder.Candidate | Finding]:
        yield error("truncated-image", "/B", "it ends too soon")
        yield from real(path)

    monkeypatch.setattr(folder, "iter_candidates", damaged)
    report = added(intake, tmp_path / "in")

    assert (report.added, report.refused) == (1, 1)
