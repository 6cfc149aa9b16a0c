"""The sheet of an export: beside the medium, never on it, and of whatever is known by then."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import ConfigError, MediaError
from mediastation.model.ledger import Disclosure
from mediastation.model.secrecy import Password
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.sealing import sheet_file
from mediastation.station.sealing.recipient_sheet import (
    require_sheet_place,
    sheet_first,
    write_sheet,
)
from mediastation.station.station import Station
from tests.support.pdf import pdf_text

WORDS = "zoo zone zero youth young you park"
VOLUMES = [
    VolumeResult(f"v{n}", f"MS3_{n}", f"2.25.77{n}", 5, 10, "ab" * 32, verified=True)
    for n in (1, 2)
]


def request(folder: Path, **changes: Any) -> ExportRequest:
    asked = ExportRequest(
        sources=("study:1.2",),
        profile="STD-GEN-SEC-USB-JPEG",
        output=folder / "stick",
        disclosure=Disclosure("", "Dr. Jane Roe", ""),
    )
    return replace(asked, **changes)


def test_it_tells_password_media_and_recipient_to_its_owner_alone(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text('institution = "St. Elsewhere"\n')
    path = tmp_path / "sheet.pdf"
    with Station(tmp_path / "home") as station:
        write_sheet(station, path, Password(WORDS), request(tmp_path), VOLUMES)
    text = " ".join(pdf_text(path).split())

    for said in (WORDS, "MS3_1", "MS3_2", "2.25.771", "2.25.772", "Dr. Jane Roe", "St. Elsewhere"):
        assert said in text
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(("label", "named"), [("", "SECURE_7"), ("Käfer 1", "KAFER_1")])
def test_before_the_media_are_made_it_names_them_as_they_will_be(
    label: str, named: str, tmp_path: Path
) -> None:
    path = tmp_path / "sheet.html"
    with Station(tmp_path / "home") as station:
        write_sheet(station, path, Password(WORDS), request(tmp_path, label=label), (), 7)
    page = path.read_text()

    assert f"File-set ID {named}<" in page
    assert "job 7" in page


@pytest.mark.parametrize(("cipher", "has_page"), [("aes256", True), ("aes192", False)])
def test_a_page_that_browsers_could_not_use_is_not_named(
    cipher: str, has_page: bool, tmp_path: Path
) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "config.toml").write_text(f'[secure]\ncipher = "{cipher}"\n')
    path = tmp_path / "sheet.html"
    with Station(tmp_path / "home") as station:
        write_sheet(station, path, Password(WORDS), request(tmp_path), VOLUMES)

    assert ("OPEN.HTM" in path.read_text()) is has_page


@pytest.mark.parametrize(
    "name", ["stick", "stick/sheet.pdf", "stick/deep/er/sheet.pdf", "link/s.pdf"]
)
def test_no_sheet_lies_on_the_medium_that_it_opens(name: str, tmp_path: Path) -> None:
    (tmp_path / "stick" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "stick" / "deep")

    with pytest.raises(ConfigError):
        require_sheet_place(tmp_path / name, request(tmp_path))


def test_a_sheet_and_an_image_are_two_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="on the medium"):
        require_sheet_place(tmp_path / "one.pdf", request(tmp_path, output=tmp_path / "one.pdf"))

    require_sheet_place(tmp_path / "sheet.pdf", request(tmp_path, output=tmp_path / "one.img"))


@pytest.mark.parametrize("name", ["VIEWER/sheet.pdf", "VIEWER/deep/sheet.pdf", "link/s.pdf"])
def test_no_sheet_lies_in_a_folder_that_goes_onto_the_medium(name: str, tmp_path: Path) -> None:
    (tmp_path / "VIEWER" / "deep").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "VIEWER" / "deep")
    included = request(tmp_path, include=(tmp_path / "VIEWER",))

    with pytest.raises(ConfigError, match="on the medium"):
        require_sheet_place(tmp_path / name, included)
    with Station(tmp_path / "home") as station, pytest.raises(ConfigError, match="on the medium"):
        write_sheet(station, tmp_path / name, Password(WORDS), included)

    require_sheet_place(tmp_path / "sheet.pdf", included)


class TestSheetFirst:
    """The sheet is there before anything is sealed: no medium outlives its password."""

    def perform(self, folder: Path, path: Path, export: Callable[[], None]) -> None:
        """Let an export be stopped before it comes to its result."""
        with (
            Station(folder / "home") as station,
            sheet_first(station, path, Password(WORDS), request(folder)),
        ):
            export()

    @pytest.mark.parametrize("name", ["sheet.pdf", "sheet.html"])
    def test_it_names_the_media_once_they_are_made(self, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        with (
            Station(tmp_path / "home") as station,
            sheet_first(station, path, Password(WORDS), request(tmp_path)) as finish,
        ):
            before = path.read_bytes()
            assert finish(VOLUMES) == ()

        assert path.read_bytes() != before
        assert path.stat().st_mode & 0o777 == 0o600
        text = pdf_text(path) if name.endswith(".pdf") else path.read_text()
        assert "2.25.771" in text
        assert list(tmp_path.glob(".*")) == []

    def test_of_nothing_there_is_no_sheet(self, tmp_path: Path) -> None:
        path = tmp_path / "sheet.html"
        with (
            Station(tmp_path / "home") as station,
            sheet_first(station, path, Password(WORDS), request(tmp_path)),
        ):
            assert WORDS in path.read_text()

        assert not path.exists()

    @pytest.mark.parametrize("made", ["stick", "stick/DISC1.ISO"])
    def test_what_stops_it_when_a_medium_stands_takes_no_password_away(
        self, made: str, tmp_path: Path
    ) -> None:
        path, medium = tmp_path / "sheet.html", tmp_path / made
        if "/" in made:
            medium.parent.mkdir()

        def stop_late() -> None:
            medium.write_bytes(b"sealed with it")
            raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            self.perform(tmp_path, path, stop_late)

        assert WORDS in path.read_text()

    @pytest.mark.parametrize("is_there", [False, True])
    def test_a_medium_that_stood_there_before_is_none_of_it(
        self, is_there: bool, tmp_path: Path
    ) -> None:
        path, folder = tmp_path / "sheet.html", tmp_path / "stick"
        if is_there:
            folder.mkdir()
            (folder / "OLDER.ISO").write_bytes(b"sealed with another")

        def fail() -> None:
            part = (folder if is_there else tmp_path) / ".part"
            part.write_bytes(b"half made")
            part.unlink()
            raise MediaError("The disk is full.")

        with pytest.raises(MediaError):
            self.perform(tmp_path, path, fail)

        assert not path.exists()

    def test_a_disk_that_fails_afterwards_takes_no_password_away(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "sheet.html"

        def refuse(*_words: object) -> None:
            raise MediaError("The disk is full.")

        with (
            Station(tmp_path / "home") as station,
            sheet_first(station, path, Password(WORDS), request(tmp_path)) as finish,
        ):
            monkeypatch.setattr(sheet_file, "replace_private_file", refuse)
            (finding,) = finish(VOLUMES)

        assert WORDS in path.read_text()
        assert "The disk is full." in finding.message
