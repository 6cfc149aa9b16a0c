"""Real xorriso, with files that stand for discs: sessions, updates, blanking."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from mediastation.burn.drive import DiscStatus
from mediastation.errors import ConfigError
from mediastation.reading.volume import open_volume
from mediastation.station.burning.burn import burn
from mediastation.station.burning.drives import blank
from mediastation.station.burning.request import BurnRequest
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from mediastation.verify.compatibility import ReaderKind, Verdict
from tests.support.burning import rules
from tests.support.discs import Images, make_images
from tests.support.objects import write_ct
from tests.support.peers import peer


class TestFiles:
    """Real xorriso, with files that stand for discs."""

    @pytest.fixture(autouse=True)
    def _needs_xorriso(self) -> None:
        peer("xorriso")

    def test_a_disc_is_burned_and_verified(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        result = burn(station, BurnRequest(images.first, (f"stdio:{tmp_path}/disc",)))

        assert result.verified
        assert result.exit_code == 0
        assert (tmp_path / "disc").read_bytes().startswith(images.first.read_bytes())
        assert set(rules(result)) <= {"padding"}

    def test_what_was_kept_open_takes_the_update_as_a_further_session(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))

        assert result.verified, result.findings
        (disc,) = result.drives[0].discs
        assert disc.first_sector > 0
        assert disc.reread == "identical"
        before = images.first.read_bytes()
        assert (tmp_path / "disc").read_bytes().startswith(before)

    def test_a_burned_disc_is_verified_later_as_what_it_is(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        """Padding behind it is the burner's; a second session has sectors of its own."""
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        report = verify(station, tmp_path / "disc")
        assert report.ok, report.findings
        assert report.image_sha256 == images.manifest.image_sha256

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))
        report = verify(station, tmp_path / "disc")
        assert report.ok, report.findings
        assert report.image_sha256 == result.drives[0].discs[0].sha256
        assert report.proved.startswith("Every byte")

    def test_a_disc_is_updated_from_session_to_session(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        """As an operator does: the disc itself is what is updated, each time."""
        drive, disc = f"stdio:{tmp_path}/disc", tmp_path / "disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))

        for number in (4, 5):
            more = write_ct(
                tmp_path / f"ct{number}",
                SOPInstanceUID=f"1.2.3.1.{number}",
                InstanceNumber=str(number),
            )
            image = tmp_path / f"updated{number}.iso"
            made = update(station, UpdateRequest(source=disc, output=image, add=(str(more),)))
            assert made.volumes, (made.stopped, made.findings)
            result = burn(station, BurnRequest(image, (drive,), append=True, keep_open=number == 4))
            assert result.verified, result.findings

        with open_volume(disc) as volume:
            found = {file.path for file in volume.iter_files() if file.path.startswith("DICOM/")}
        assert len(found) == 5

    def test_a_session_of_another_station_is_verified_by_its_files(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        shutil.copytree(station.home, tmp_path / "other")
        with Station(tmp_path / "other") as other:
            burn(other, BurnRequest(images.first, (drive,), keep_open=True))
            burn(other, BurnRequest(images.updated, (drive,), append=True))

        report = verify(station, tmp_path / "disc")

        assert report.ok, report.findings
        assert report.manifest == "job"

    def test_programs_that_read_the_first_session_are_not_held_against_the_last(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))
        assert burn(station, BurnRequest(images.updated, (drive,), append=True)).verified

        report = verify(station, tmp_path / "disc", as_recipient=True)

        assert report.ok, report.findings
        programs = [row for row in report.compatibility if row.kind is ReaderKind.PROGRAM]
        assert {row.verdict for row in programs} == {Verdict.NOT_APPLICABLE}
        assert all("first session" in row.detail for row in programs)
        (told,) = [one for one in report.findings if one.rule == "programs-not-asked"]
        assert "again" not in told.hint
        assert "reader-loses" not in {one.rule for one in report.findings}

    def test_what_is_there_already_is_not_appended(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,), keep_open=True))
        before = (tmp_path / "disc").read_bytes()

        result = burn(station, BurnRequest(images.first, (drive,), append=True))

        assert result.exit_code == 1
        assert "nothing is new" in result.stopped
        assert (tmp_path / "disc").read_bytes() == before

    def test_the_disc_of_another_file_set_is_not_appended_to(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        other = make_images(tmp_path / "other")
        drive = f"stdio:{tmp_path}/disc"
        result = burn(station, BurnRequest(other.first, (drive,), keep_open=True))
        assert result.verified
        assert "not-made-here" in rules(result)
        before = (tmp_path / "disc").read_bytes()

        result = burn(station, BurnRequest(images.updated, (drive,), append=True))

        assert result.exit_code == 1
        assert "other-file-set" in rules(result)
        assert (tmp_path / "disc").read_bytes() == before

    def test_a_disc_that_holds_data_is_never_written_over(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        disc = tmp_path / "thesis.odt"
        disc.write_bytes(b"years of work")

        result = burn(station, BurnRequest(images.first, (f"stdio:{disc}",)))

        assert result.exit_code == 3
        assert disc.read_bytes() == b"years of work"

    def test_blanked_it_can_be_burned_again(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,)))
        shown: list[str] = []

        def confirm(_: object, content: list[str]) -> bool:
            shown.extend(content)
            return True

        done = blank(station, drive, confirm)

        assert done.disc is not None
        assert done.disc.status is DiscStatus.BLANK
        assert any("Doe^Jane" in line for line in shown)
        assert burn(station, BurnRequest(images.updated, (drive,))).verified

    def test_nothing_is_erased_unconfirmed(
        self, station: Station, images: Images, tmp_path: Path
    ) -> None:
        drive = f"stdio:{tmp_path}/disc"
        burn(station, BurnRequest(images.first, (drive,)))
        before = (tmp_path / "disc").read_bytes()

        with pytest.raises(ConfigError):
            blank(station, drive, lambda *_: False)

        assert (tmp_path / "disc").read_bytes() == before

    def test_two_drives_at_once(self, station: Station, images: Images, tmp_path: Path) -> None:
        drives = (f"stdio:{tmp_path}/one", f"stdio:{tmp_path}/two")

        result = burn(station, BurnRequest(images.first, drives))

        assert result.verified
        image = images.first.read_bytes()
        assert all((tmp_path / name).read_bytes().startswith(image) for name in ("one", "two"))
