"""Folders and images into the catalog: what becomes of files that are odd, damaged or gone."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.listing import list_rows
from mediastation.collect import folder
from mediastation.collect.folder import AddReport, add_source
from mediastation.media.level1 import MediumFile
from mediastation.model.finding import Finding, error
from tests.media.support import write_fat
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


@pytest.mark.parametrize("kind", ["fat16", "fat32"])
def test_the_image_of_a_stick_is_gone_through(intake: Intake, tmp_path: Path, kind: str) -> None:
    sources = write_series(tmp_path / "in", 3)
    files = [
        MediumFile(f"DICOM/IM{number}", path, path.stat().st_size)
        for number, path in enumerate(sources)
    ]
    write_fat(tmp_path / "stick.img", files, kind)

    report = added(intake, tmp_path / "stick.img")

    assert (report.added, report.refused, report.findings) == (3, 0, [])


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


def test_a_name_that_is_no_text_hinders_nothing(intake: Intake, tmp_path: Path) -> None:
    """Discs made elsewhere bear names in encodings of their own."""
    write_ct(tmp_path / "in" / "image").rename(tmp_path / "in" / os.fsdecode(b"M\xfcller.dcm"))
    (tmp_path / "in" / os.fsdecode(b"\xff.dcm")).write_bytes(b"garbage" * 100)

    report = added(intake, tmp_path / "in")

    assert (report.added, report.refused) == (1, 1)
    assert [item.subject for item in report.findings] == [f"{tmp_path}/in/\\xff.dcm"]
    (row,) = list_rows(intake.catalog, "instances", "", None)
    assert row["source_detail"] == f"{tmp_path}/in/M\\xfcller.dcm"


def test_a_folder_that_cannot_be_listed_costs_only_what_lies_in_it(
    intake: Intake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One scratch in a directory of a disc must not keep the other folders from coming in."""
    write_ct(tmp_path / "in" / "a" / "first")
    write_ct(tmp_path / "in" / "b" / "second", sop_instance_uid="1.2.3.99")
    real = os.scandir

    def scandir(path: str) -> object:
        if str(path).endswith("/a"):
            raise OSError(errno.EIO, "Input/output error", str(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    report = added(intake, tmp_path / "in")

    assert (report.added, report.refused) == (1, 1)
    assert [(item.rule, item.subject) for item in report.findings] == [
        ("unreadable", str(tmp_path / "in" / "a"))
    ]


def test_links_are_not_followed_and_each_is_told(intake: Intake, tmp_path: Path) -> None:
    write_ct(tmp_path / "elsewhere" / "image")
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "folder").symlink_to(tmp_path / "elsewhere")
    (tmp_path / "in" / "image").symlink_to(tmp_path / "elsewhere" / "image")

    report = added(intake, tmp_path / "in")

    assert report.added == 0
    told = {(item.subject, str(item.severity)) for item in report.findings}
    assert told == {(str(tmp_path / "in" / name), "warning") for name in ("folder", "image")}
