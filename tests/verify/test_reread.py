"""Rereading: from the medium, with scratches, padding, sessions and cuts."""

from __future__ import annotations

import hashlib
import random
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError
from mediastation.model.manifest import Manifest
from mediastation.model.medium import Format
from mediastation.reading.fresh import Cache, DirectAccess, drop_cache, open_fresh
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import open_volume
from mediastation.verify import read_ahead
from mediastation.verify.recipients import Recipients
from mediastation.verify.report import VerifyReport
from mediastation.verify.reread import reread
from mediastation.verify.whole_medium import Placement
from tests.support.damaged import MemoryAccess
from tests.support.file_sets import good_file_set, manifest_of, write_folder
from tests.support.peers import run_peer
from tests.support.written_media import IMAGE_FORMATS, SECTOR, WrittenMedium, write_medium

PATH = "DICOM/S2/I5"


def nothing_known(_: str) -> list[object]:
    return []


@pytest.fixture(scope="module", params=IMAGE_FORMATS, ids=str)
def medium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("medium"), request.param)


def of(medium: WrittenMedium, access: MemoryAccess, **more: object) -> VerifyReport:
    return reread(medium.path, medium.manifest, nothing_known, opener=access, **more)  # type: ignore[arg-type]


def errors(report: VerifyReport) -> set[tuple[str, str]]:
    return {(one.rule, one.subject) for one in report.findings if one.severity == "error"}


class TestWhatIsRight:
    def test_an_image_is_proved_to_the_last_byte_and_from_the_medium(
        self, medium: WrittenMedium
    ) -> None:
        progress: list[tuple[int, int]] = []

        report = reread(
            medium.path,
            medium.manifest,
            nothing_known,
            recipients=Recipients(),
            progress=lambda done, total: progress.append((done, total)),
        )

        assert report.findings == []
        assert report.proved.startswith("Every byte")
        assert report.image_sha256 == medium.manifest.image_sha256
        assert progress[-1] == (len(medium.content), len(medium.content))
        assert (report.bad_sector_count, report.bad_sectors) == (0, ())

    @pytest.mark.parametrize("is_device", [False, True], ids=["file", "drive"])
    @pytest.mark.parametrize("behind", [2 * SECTOR, 300 << 10, 5 << 20])
    def test_what_burners_and_drives_append_is_no_fault(
        self, medium: WrittenMedium, behind: int, is_device: bool
    ) -> None:
        access = MemoryAccess(medium.content + bytes(behind), is_device=is_device)

        report = of(medium, access)

        assert report.ok, report.findings
        assert report.image_sha256 == medium.manifest.image_sha256
        assert report.bytes == len(medium.content)
        assert "padding" in {one.rule for one in report.findings}

    def test_what_lay_behind_it_before_is_no_fault_either(self, medium: WrittenMedium) -> None:
        """A rewritable disc that once held more."""
        chance = random.Random(5)
        access = MemoryAccess(medium.content + chance.randbytes(400 * SECTOR), is_device=True)

        report = of(medium, access)

        assert report.ok, report.findings

    def test_a_mounted_device_is_reread_file_by_file(self, tmp_path: Path) -> None:
        files = good_file_set()

        report = reread(write_folder(files, tmp_path / "usb"), manifest_of(files), nothing_known)

        assert (report.ok, report.files, report.findings) == (True, 8, [])
        assert report.from_cache in {"defeated", "unknown"}


class TestUnreadableSectors:
    def sector_of(self, medium: WrittenMedium, path: str) -> int:
        return next(start for start, _, name in medium.places if name == path) // SECTOR

    def test_they_are_laid_at_the_file_and_the_instance_that_they_cost(
        self, medium: WrittenMedium
    ) -> None:
        first = self.sector_of(medium, PATH)

        report = of(medium, MemoryAccess(medium.content, bad={first, first + 1}))

        assert errors(report) == {("unreadable", PATH), ("unreadable-file", PATH)}
        (bad,) = report.bad_sectors
        assert (bad.first, bad.count, bad.region, bad.was_asked) == (first, 2, PATH, True)
        assert bad.place.sop_instance_uid == "1.2.3.2.5"
        assert bad.place.series_instance_uid == "1.2.3.2"
        assert bad.place.patient_id == "PID1"
        (finding,) = [one for one in report.findings if one.rule == "unreadable"]
        assert f"2 sectors from sector {first} cannot be read" in finding.message
        assert "instance 1.2.3.2.5, series 1.2.3.2, Patient ID PID1" in finding.message
        assert report.bad_sector_count == 2
        assert report.image_sha256 == ""
        assert report.files == len(medium.files)

    def test_neighbours_of_two_files_are_told_apart(self, medium: WrittenMedium) -> None:
        places = [(start, end, name) for start, end, name in medium.places]
        (_, end, left), (start, _, right) = next(
            pair for pair in pairwise(places) if -(-pair[0][1] // SECTOR) * SECTOR == pair[1][0]
        )
        bad = {(end - 1) // SECTOR, start // SECTOR}

        report = of(medium, MemoryAccess(medium.content, bad=bad))

        assert [one.region for one in report.bad_sectors] == [left, right]
        assert report.bad_sector_count == 2

    def test_one_that_is_read_at_the_next_try_costs_nothing(self, medium: WrittenMedium) -> None:
        sector = self.sector_of(medium, PATH)
        access = MemoryAccess(medium.content, bad={sector}, heals_after=2)

        report = of(medium, access)

        assert report.ok, report.findings
        assert access.asked[sector] == 3

    def test_of_a_structure_that_cannot_be_read_nothing_else_is_said(
        self, medium: WrittenMedium
    ) -> None:
        """Whether it is what was written is not known: that is not the same as being another."""
        last = len(medium.content) // SECTOR - 1
        assert medium.owner(last * SECTOR) == ("", False) or medium.format is Format.ISO9660

        report = of(medium, MemoryAccess(medium.content, bad={last}))

        assert "unreadable" in {rule for rule, _ in errors(report)}
        assert "structure-differs" not in {rule for rule, _ in errors(report)}

    def test_a_drive_that_fails_all_the_time_is_spared(
        self, medium: WrittenMedium, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(read_ahead, "MAX_BAD_SECTORS", 3)
        first = min(start for start, _, _ in medium.places) // SECTOR
        bad = range(first, first + 6)

        report = of(medium, MemoryAccess(medium.content, bad=bad))

        asked = [one for one in report.bad_sectors if one.was_asked]
        spared = [one for one in report.bad_sectors if not one.was_asked]
        assert sum(one.count for one in asked) == 3
        assert spared[0].first == first + 3
        assert report.bad_sector_count == len(medium.content) // SECTOR - first
        assert "were not read any more" in " ".join(one.message for one in report.findings)

    def test_a_lost_instance_is_lost_to_every_persona(self, medium: WrittenMedium) -> None:
        sector = self.sector_of(medium, PATH)

        report = of(medium, MemoryAccess(medium.content, bad={sector}), recipients=Recipients())

        played = [row for row in report.compatibility if row.expected]
        systems = {Format.BRIDGE: 2, Format.FAT16: 0}.get(medium.format, 1)
        assert len(played) == 4 + systems
        assert {(row.instances, row.expected, row.lost) for row in played} == {
            (11, 12, ("1.2.3.2.5",))
        }


class TestCuts:
    def test_at_every_boundary_of_a_structure_or_file_the_loss_is_named(
        self, medium: WrittenMedium
    ) -> None:
        with open_volume(medium.path) as volume:
            boundaries = {span.offset for span in volume.iter_spans()}  # type: ignore[attr-defined]
        boundaries |= {start for start, _, _ in medium.places}
        boundaries |= {end for _, end, _ in medium.places}
        boundaries -= {len(medium.content)}
        assert len(boundaries) > 20

        for size in sorted(boundaries):
            report = of(medium, MemoryAccess(medium.content[:size]))

            assert not report.ok, size
            assert report.image_sha256 != medium.manifest.image_sha256
            rules = {rule for rule, _ in errors(report)}
            assert rules & {"truncated-image", "unreadable-medium", "wrong-disc"}, size
            if rules & {"unreadable-medium", "wrong-disc"}:
                continue
            told = {one.subject for one in report.findings}
            beyond = "more findings of this kind" in " ".join(
                one.message for one in report.findings
            )
            lost = {name for _, end, name in medium.places if end > size}
            assert lost <= told or beyond, (size, lost - told)


def test_an_appended_session_is_hashed_from_where_it_begins(tmp_path: Path) -> None:
    files = good_file_set()
    old = tmp_path / "old.iso"
    plain = ("-iso-level", "1", "-sysid", "", "-V", "TESTSET")
    run_peer(
        "genisoimage",
        "-quiet",
        *plain,
        "-o",
        old,
        write_folder({"OLD.TXT": b"old"}, tmp_path / "o"),
    )
    first = 400
    session = tmp_path / "session.iso"
    tree = write_folder(files, tmp_path / "n")
    run_peer("genisoimage", "-quiet", *plain, "-C", f"0,{first}", "-M", old, "-o", session, tree)
    disc = tmp_path / "disc.iso"
    disc.write_bytes(
        old.read_bytes().ljust(first * SECTOR, b"\0") + session.read_bytes() + bytes(300 << 10)
    )
    manifest = replace(
        manifest_of(files | {"OLD.TXT": b"old"}),
        image_sha256=hashlib.sha256(session.read_bytes()).hexdigest(),
        image_size_bytes=session.stat().st_size,
    )

    placement = Placement(first, padded=True)
    drive = MemoryAccess(disc.read_bytes(), is_device=True, last_session=first)

    for opener in (None, drive):
        report = reread(disc, manifest, nothing_known, placement=placement, opener=opener)

        assert report.ok, report.findings
        assert report.image_sha256 == manifest.image_sha256
        assert report.files == len(files) + 1
        assert "several-sessions" in {one.rule for one in report.findings}


class TestOpening:
    def test_what_cannot_be_opened_is_a_finding(self, tmp_path: Path) -> None:
        report = reread(tmp_path / "nothing", Manifest(()), nothing_known)

        assert errors(report) == {("unreadable-medium", str(tmp_path / "nothing"))}

    @pytest.mark.parametrize("size", [0, 1 << 20, 3 << 20])
    def test_a_blank_disc_is_called_blank(self, tmp_path: Path, size: int) -> None:
        disc = tmp_path / "blank"
        disc.write_bytes(bytes(size))

        report = reread(disc, manifest_of(good_file_set()), nothing_known)

        (finding,) = report.findings
        assert finding.rule == "wrong-disc"
        assert "blank" in finding.message

    def test_progress_may_stop_it(self, medium: WrittenMedium) -> None:
        def stop(done: int, total: int) -> None:
            raise CancelledError("stopped")

        with pytest.raises(CancelledError):
            of(medium, MemoryAccess(medium.content), progress=stop)


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("cache") / "image"
    path.write_bytes(random.Random(3).randbytes((1 << 20) * 2 + 4567))
    return path


class TestCache:
    def test_what_was_just_written_is_not_taken_from_memory(self, file: Path) -> None:
        opener, achieved = open_fresh(file)

        if achieved is Cache.UNKNOWN:
            pytest.skip("this file system lies in memory")
        access = opener(file)
        assert access.read_at(0, access.size_bytes) == file.read_bytes()
        access.close()

    def test_a_file_that_is_held_in_memory_is_not_called_fresh(self, file: Path) -> None:
        """Whatever the system does: what it still remembers is not said to be forgotten."""
        import mmap  # noqa: PLC0415

        with file.open("r+b") as stream, mmap.mmap(stream.fileno(), 0) as held:
            held[5000] = held[5000]  # a page that is mapped and written to stays

            assert drop_cache(file) is Cache.UNKNOWN

    @settings(max_examples=200, deadline=None)
    @given(offset=st.integers(0, (1 << 21) + 5000), length=st.integers(0, (1 << 20) + 9000))
    def test_past_the_cache_the_bytes_are_the_same(
        self, file: Path, offset: int, length: int
    ) -> None:
        try:
            direct = DirectAccess(file)
        except OSError:
            pytest.skip("this file system has no way past its cache")
        plain = RandomAccess(file)

        assert direct.read_at(offset, length) == plain.read_at(offset, length)
        direct.close()
        plain.close()
