"""Importing an outside medium: what comes in, and what is held."""

from __future__ import annotations

import hashlib
import json
import shutil
import zipfile
from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.catalog.selection import find_entries, read_entry
from mediastation.catalog.upkeep import forget
from mediastation.errors import ConfigError, MediaError
from mediastation.importing.hostile import POLYGLOT
from mediastation.importing.quarantine import Quarantine
from mediastation.model.importing import Verdict
from mediastation.model.ledger import LedgerEvent
from mediastation.station.intake import reading_place
from mediastation.station.intake.folder import survey_path
from mediastation.station.intake.quarantine_desk import decide, held_files
from mediastation.station.keeping import forget_sources
from mediastation.station.station import Station
from tests.station.intake.plain_stick import no_answer, rules, take, write_stick
from tests.support.damaged import MemoryAccess
from tests.support.objects import write_ct, write_series
from tests.support.outside.damage import good_tree
from tests.support.outside.patients import COUNT
from tests.support.peers import run_peer
from tests.support.small_iso import small_iso


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    return write_stick(tmp_path / "stick")


class TestWhatComesIn:
    def test_instances_come_as_they_are_and_nothing_else_does(
        self, station: Station, medium: Path
    ) -> None:
        result = take(station, medium)

        assert (result.found, result.imported, result.duplicates, result.refused) == (6, 6, 0, 0)
        assert result.exit_code == 0
        assert result.left == 2
        assert {"no-dicomdir"} <= rules(result)
        rows = list_rows(station.catalog, "instances")
        assert {row["source_kind"] for row in rows} == {"medium"}
        for path in (medium / "IMAGES").iterdir():
            (entry,) = find_entries(station.catalog, f"sha256:{_sha256(path)}")
            kept = read_entry(station.catalog, entry)
            assert kept is not None
            stored = station.catalog.store.path(kept.sha256, kept.kind)
            assert stored.read_bytes() == path.read_bytes()

    def test_the_viewer_is_told_and_nothing_of_it_is_copied(
        self, station: Station, medium: Path
    ) -> None:
        result = take(station, medium)

        told = " ".join(finding.message for finding in result.findings)
        assert "program" in told
        everything = b"".join(
            path.read_bytes() for path in station.home.rglob("*") if path.is_file()
        )
        assert b"MZ" + bytes(400) not in everything

    def test_the_same_medium_again_brings_nothing_twice(
        self, station: Station, medium: Path
    ) -> None:
        take(station, medium)

        again = take(station, medium)

        assert (again.imported, again.duplicates, again.exit_code) == (0, 6, 0)
        assert len(list_rows(station.catalog, "instances")) == 6
        assert len(find_entries(station.catalog, f"import:{again.job}")) == 6

    def test_what_two_imports_brought_is_not_forgotten_with_one_without_a_word(
        self, station: Station, medium: Path, tmp_path: Path
    ) -> None:
        first = take(station, medium)
        shutil.copytree(medium, tmp_path / "copy")
        second = take(station, tmp_path / "copy")
        assert second.duplicates == first.imported > 0

        gone = forget_sources(station, [f"import:{first.job}"])

        assert gone.removed == first.imported
        (told,) = gone.findings
        assert (told.rule, told.subject) == ("brought-twice", f"import:{second.job}")
        assert f"{first.imported} instances" in told.message

    def test_two_imports_that_are_forgotten_together_are_no_news(
        self, station: Station, medium: Path
    ) -> None:
        both = [f"import:{take(station, medium).job}" for _ in range(2)]

        assert forget_sources(station, both).findings == ()

    def test_a_zip_and_a_single_image_come_in_too(self, station: Station, medium: Path) -> None:
        archive = medium.parent / "disc.zip"
        with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
            for path in sorted((medium / "IMAGES").iterdir()):
                file.write(path, f"DICOM/{path.name}")

        result = take(station, archive)

        assert (result.found, result.imported) == (6, 6)
        assert result.medium is not None
        assert result.medium.kind == "zip"
        assert result.medium.sha256 == _sha256(archive)

    def test_one_instance_by_itself_comes_in(self, station: Station, medium: Path) -> None:
        path = next((medium / "IMAGES").iterdir())

        result = take(station, path)

        assert (result.found, result.imported) == (1, 1)
        assert result.medium is not None
        assert (result.medium.kind, result.medium.sha256) == ("file", _sha256(path))

    def test_a_file_that_is_neither_says_what_it_is_not(
        self, station: Station, medium: Path
    ) -> None:
        with pytest.raises(MediaError, match="no ISO 9660 image"):
            take(station, medium / "AUTORUN.INF")

    def test_a_dicomdir_by_itself_is_no_medium_of_which_all_is_missing(
        self, station: Station, tmp_path: Path
    ) -> None:
        path = tmp_path / "DICOMDIR"
        path.write_bytes(good_tree()["DICOMDIR"])

        with pytest.raises(MediaError, match="lists the files of a medium") as stopped:
            take(station, path)

        assert "folder" in stopped.value.hint

    def test_of_an_encrypted_archive_the_password_is_asked_for_and_no_drive_is_blamed(
        self, station: Station, medium: Path
    ) -> None:
        archive = medium.parent / "disc.zip"
        with zipfile.ZipFile(archive, "w") as file:
            for path in sorted((medium / "IMAGES").iterdir()):
                file.write(path, path.name)
        spoiled = bytearray(archive.read_bytes())
        at = -1
        while (at := spoiled.find(b"PK\x01\x02", at + 1)) >= 0:
            spoiled[at + 8] |= 1
        archive.write_bytes(spoiled)

        result = take(station, archive)

        assert (result.found, result.refused, result.exit_code) == (6, 6, 1)
        hints = {one.hint for one in result.findings if one.rule == "unreadable"}
        assert hints == {"unpack it with its password"}
        (none,) = (one for one in result.findings if one.rule == "no-instances")
        assert "another maker" not in none.hint

    def test_a_folder_that_is_not_entered_is_not_passed_over(
        self, station: Station, medium: Path
    ) -> None:
        """Exit code 0 says that all that is on the medium came in."""
        deep = medium.joinpath(*["D"] * 40)
        deep.mkdir(parents=True)
        write_ct(deep / "LOST", SOPInstanceUID="1.2.9.9")

        result = take(station, medium)

        assert (result.imported, result.exit_code) == (6, 1)
        assert "too-deep" in rules(result)
        assert "could not be looked into" in result.stopped

    def test_a_truncated_instance_comes_in_and_is_told(
        self, station: Station, medium: Path
    ) -> None:
        path = next((medium / "IMAGES").iterdir())
        path.write_bytes(path.read_bytes()[:-5])

        result = take(station, medium)

        assert (result.found, result.imported) == (6, 6)
        assert "truncated" in rules(result)

    def test_an_executable_preamble_is_cleared_and_the_file_as_it_came_is_held(
        self, station: Station, tmp_path: Path
    ) -> None:
        armed = write_ct(tmp_path / "stick" / "A.DCM", preamble=b"MZ" + b"\x90" * 60)

        result = take(station, tmp_path / "stick")

        assert (result.imported, result.held, result.exit_code) == (1, 0, 0)
        assert POLYGLOT in rules(result)
        (entry,) = find_entries(station.catalog, "study:1.2.3")
        kept = read_entry(station.catalog, entry)
        assert kept is not None
        stored = station.catalog.store.path(kept.sha256, kept.kind).read_bytes()
        assert stored == bytes(128) + armed.read_bytes()[128:]
        (held,) = Quarantine(station.home).iter_held()
        assert held.sha256 == _sha256(armed)
        assert held.verdict is Verdict.LEAVE

    def test_a_medium_without_dicom_says_so(self, station: Station, tmp_path: Path) -> None:
        (tmp_path / "stick").mkdir()
        (tmp_path / "stick" / "holiday.jpg").write_bytes(b"\xff\xd8\xff\xe0" + bytes(100))

        result = take(station, tmp_path / "stick")

        assert (result.found, result.exit_code) == (0, 1)
        assert "no-instances" in rules(result)

    def test_what_the_directory_lists_and_is_not_there_is_counted(
        self, station: Station, tmp_path: Path
    ) -> None:
        tree = good_tree()
        gone = next(path for path in sorted(tree) if path != "DICOMDIR")
        for path, content in tree.items():
            target = tmp_path / "stick" / path
            target.parent.mkdir(parents=True, exist_ok=True)
            if path != gone:
                target.write_bytes(content)

        result = take(station, tmp_path / "stick")

        number = len(tree) - 3
        assert result.medium is not None
        assert result.medium.made_by == dcmread(tmp_path / "stick" / "DICOMDIR").file_meta.get(
            "ImplementationVersionName", ""
        )
        assert (result.found, result.imported, result.missing) == (number, number, 1)
        assert result.exit_code == 1
        assert "missing-file" in rules(result)

    def test_what_lies_beyond_the_end_of_a_cut_image_is_refused_and_counted(
        self, station: Station, tmp_path: Path
    ) -> None:
        source = tmp_path / "files"
        for path, content in good_tree().items():
            (source / path).parent.mkdir(parents=True, exist_ok=True)
            (source / path).write_bytes(content)
        image = tmp_path / "cut.iso"
        run_peer("genisoimage", "-quiet", "-no-pad", "-o", str(image), str(source))
        whole = take(station, image)
        with image.open("r+b") as file:
            file.truncate(image.stat().st_size * 2 // 3)

        cut = take(station, image)

        assert (whole.found, whole.refused) == (COUNT, 0)
        assert cut.refused
        assert cut.imported + cut.duplicates + cut.held + cut.refused == cut.found >= COUNT
        assert cut.exit_code == 1

    def test_a_listed_file_that_is_no_instance_is_not_passed_over(
        self, station: Station, tmp_path: Path
    ) -> None:
        tree = good_tree()
        spoiled = next(path for path in sorted(tree) if path not in {"DICOMDIR", "README.TXT"})
        tree[spoiled] = b"\xff\xd8\xff\xe0" + bytes(200)
        for path, content in tree.items():
            (tmp_path / "stick" / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "stick" / path).write_bytes(content)

        result = take(station, tmp_path / "stick")

        assert result.imported == COUNT - 1
        assert result.exit_code == 1
        assert "are no DICOM" in result.stopped

    def test_the_ledger_and_a_report_tell_of_it(self, station: Station, medium: Path) -> None:
        report = medium.parent / "report.htm"

        result = take(station, medium, report_file=report)

        (entry,) = Ledger(station.catalog).entries()
        assert entry.event is LedgerEvent.IMPORTED
        assert entry.facts["counts"]["imported"] == 6
        assert "EXT-1" in report.read_text(encoding="utf-8")
        assert Path(result.report).is_file()
        assert Path(result.report).with_suffix(".pdf").read_bytes()[:5] == b"%PDF-"


class TestContradictions:
    @pytest.fixture
    def other(self, station: Station, medium: Path, tmp_path: Path) -> Path:
        """Another stick from the same place: one instance has other pixels under its UID."""
        take(station, medium)
        folder = tmp_path / "other"
        write_series(folder, 3, PatientID="EXT-1", InstitutionName="Elsewhere")
        write_ct(
            folder / "image00002.dcm",
            PatientID="EXT-1",
            InstitutionName="Elsewhere",
            SOPInstanceUID="1.2.3.1.2",
            InstanceNumber="2",
            PixelData=bytes(range(16)) * 2,
        )
        return folder

    def test_other_pixels_are_held_and_the_rest_is_not(self, station: Station, other: Path) -> None:
        result = take(station, other)

        assert (result.found, result.imported, result.duplicates, result.held) == (3, 0, 2, 1)
        assert result.exit_code == 1
        assert "other-pixels" in rules(result)
        (held,) = held_files(station, result.job)
        assert held.path == "image00002.dcm"
        assert held.rule == "other-pixels"
        path = Quarantine(station.home).path(held.sha256)
        assert path.read_bytes() == (other / "image00002.dcm").read_bytes()

    def test_what_another_import_had_held_before_stayed_behind_here_too(
        self, station: Station, other: Path
    ) -> None:
        for _ in range(2):
            result = take(station, other)
            assert result.held == 1
            report = json.loads(Path(result.report).with_suffix(".json").read_text("utf-8"))
            assert [one["what"] for one in report["left"]["items"]] == ["Held in quarantine"]

    @pytest.mark.parametrize(
        ("verdict", "said"),
        [(Verdict.KEEP, "Taken in from quarantine"), (Verdict.LEAVE, "Left in quarantine")],
    )
    def test_the_reports_of_all_who_brought_it_say_who_decided(
        self, station: Station, other: Path, verdict: Verdict, said: str
    ) -> None:
        reports = [Path(take(station, other).report) for _ in range(2)]

        decide(station, [held.sha256 for held in held_files(station)], verdict)

        for report in reports:
            (told,) = json.loads(report.with_suffix(".json").read_text("utf-8"))["left"]["items"]
            assert (told["what"], told["count"]) == (said, 1)
            assert told["why"].startswith(f"other-pixels; {station.settings.operator}, ")
            assert said in report.read_text("utf-8")

    def test_rivals_on_one_medium_are_shown_beside_each_other(
        self, station: Station, tmp_path: Path
    ) -> None:
        folder = tmp_path / "stick"
        write_ct(folder / "a.dcm")
        write_ct(folder / "b.dcm", PixelData=bytes(range(16)) * 2)

        result = take(station, folder)

        assert (result.imported, result.held) == (1, 1)
        (held,) = held_files(station, result.job)
        assert [held.other] == find_entries(station.catalog, "instance:1.2.3.1.1")

    def test_what_is_kept_lies_beside_the_other_one(self, station: Station, other: Path) -> None:
        result = take(station, other)
        (held,) = held_files(station)

        decided = decide(station, [held.sha256[:8]], Verdict.KEEP, "both are right")

        assert (decided.kept, decided.left) == (1, 0)
        assert len(find_entries(station.catalog, "instance:1.2.3.1.2")) == 2
        assert len(find_entries(station.catalog, f"import:{result.job}")) == 3
        assert list(held_files(station)) == []

    def test_what_is_kept_comes_in_without_the_program_in_front_of_it(
        self, station: Station, other: Path
    ) -> None:
        """It was held for its pixels; that does not make its preamble harmless."""
        path = other / "image00002.dcm"
        path.write_bytes((b"MZ" + b"\x90" * 60).ljust(128, b"\0") + path.read_bytes()[128:])
        take(station, other)
        (held,) = (one for one in held_files(station) if one.verdict is None)

        decide(station, [held.sha256], Verdict.KEEP)

        stored = []
        for entry in find_entries(station.catalog, "instance:1.2.3.1.2"):
            kept = read_entry(station.catalog, entry)
            assert kept is not None
            stored.append(station.catalog.store.path(kept.sha256, kept.kind).read_bytes())
        assert bytes(128) + path.read_bytes()[128:] in stored
        assert not any(content.startswith(b"MZ") for content in stored)
        assert Quarantine(station.home).path(held.sha256).read_bytes() == path.read_bytes()

    @pytest.mark.parametrize("verdict", list(Verdict))
    def test_the_same_is_decided_alike_the_next_time(
        self, station: Station, other: Path, verdict: Verdict
    ) -> None:
        result = take(station, other)
        decide(station, [f"import:{result.job}"], verdict)
        if verdict is Verdict.KEEP:
            (added,) = find_entries(station.catalog, f"sha256:{_sha256(other / 'image00002.dcm')}")
            forget(station.catalog, [added])

        again = take(station, other)

        assert (again.held, again.exit_code) == (0, 0)
        assert again.imported == (1 if verdict is Verdict.KEEP else 0)
        assert "decided-before" in rules(again)

    def test_the_very_file_that_was_left_from_another_medium_is_told_as_left(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Nobody is asked for what was decided already, and it is said who did."""
        write_ct(tmp_path / "first" / "a.dcm")
        for name in ("second", "third"):
            write_ct(tmp_path / name / "b.dcm", PixelData=bytes(range(16)) * 2)
        write_ct(tmp_path / "third" / "c.dcm", SOPInstanceUID="1.2.9.9")
        take(station, tmp_path / "first")
        decide(station, [f"import:{take(station, tmp_path / 'second').job}"], Verdict.LEAVE)

        result = take(station, tmp_path / "third")

        assert (result.held, result.exit_code) == (0, 0)
        (said,) = (one for one in result.findings if one.rule == "decided-before")
        assert "import 2" in said.message

    def test_what_is_kept_belongs_to_every_import_that_brought_it(
        self, station: Station, other: Path
    ) -> None:
        """Who reconciles the later import must not leave it behind."""
        first, second = take(station, other), take(station, other)
        (held,) = held_files(station, second.job)

        decide(station, [f"import:{second.job}"], Verdict.KEEP)

        for result in (first, second):
            brought = {
                entry.sha256
                for one in find_entries(station.catalog, f"import:{result.job}")
                if (entry := read_entry(station.catalog, one)) is not None
            }
            assert held.sha256 in brought

    def test_a_decision_is_for_what_was_held(self, station: Station, other: Path) -> None:
        take(station, other)

        with pytest.raises(ConfigError, match="No held file"):
            decide(station, ["0" * 12], Verdict.KEEP)


class TestWhatStaysPrivate:
    def test_the_survey_is_the_owners_alone(self, station: Station, medium: Path) -> None:
        result = take(station, medium)

        path = survey_path(station, result.job)
        assert path.stat().st_mode & 0o77 == 0
        assert path.parent.stat().st_mode & 0o77 == 0

    def test_the_medium_is_only_read(self, station: Station, medium: Path) -> None:
        before = _state_of(medium)

        take(station, medium)

        assert _state_of(medium) == before


def _state_of(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {
        str(path): (path.read_bytes(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_an_instance_that_lost_bytes_is_refused_and_makes_no_picture_with_a_hole(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Zeros in place of pixels would be read as what the scanner saw."""
    pixels = {"Rows": 100, "Columns": 100, "PixelData": b"\x01\x02" * 10_000}
    paths = write_series(tmp_path / "in", 4, **pixels)
    files = {f"I{number}": path.read_bytes() for number, path in enumerate(paths)}
    files["VIEW.EXE"] = b"MZ" + bytes(9000)
    image = small_iso(files)
    lost = (("I0", 8192), ("I1", 0), ("VIEW.EXE", 4096))
    bad = {(image.index(files[name]) + offset) // 2048 for name, offset in lost}
    drive = tmp_path / "drive"
    drive.touch()
    is_device, copy = Path.is_block_device, reading_place.copy_disc
    monkeypatch.setattr(Path, "is_block_device", lambda path: path == drive or is_device(path))
    monkeypatch.setattr(reading_place.XorrisoEngine, "inspect", no_answer)
    for access, numbers in (
        (MemoryAccess(image, bad=bad, is_device=True), (4, 2, 2)),
        (MemoryAccess(image, is_device=True), (4, 2, 0)),
    ):
        monkeypatch.setattr(
            reading_place,
            "copy_disc",
            lambda *words, to=access, **more: copy(*words, opener=to, **more),
        )

        result = take(station, drive)

        assert (result.found, result.imported, result.refused) == numbers
        named = {one.subject for one in result.findings if one.rule == "unreadable"}
        assert named == ({"I0", "I1", "VIEW.EXE"} if result.refused else set())
    assert len(find_entries(station.catalog, "study:1.2.3")) == 4


def test_a_disc_without_a_file_system_is_told_by_the_name_of_its_drive(
    station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    drive = tmp_path / "drive"
    drive.write_bytes(bytes(range(256)) * 800)
    is_device = Path.is_block_device
    monkeypatch.setattr(Path, "is_block_device", lambda path: path == drive or is_device(path))
    monkeypatch.setattr(reading_place.XorrisoEngine, "inspect", no_answer)

    with pytest.raises(MediaError) as caught:
        take(station, drive)

    assert caught.value.message.startswith(str(drive))
    assert "disc.img" not in caught.value.message
