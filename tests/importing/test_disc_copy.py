"""The copy of a disc: all that is readable is in it, nothing is read twice, no two discs mix."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Collection
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import CancelledError, MediaError
from mediastation.importing import disc_copy
from mediastation.importing.disc_copy import CHUNK, DiscCopy, copy_disc, map_path
from mediastation.media.left_over import part_path
from mediastation.reading.contract import Extent
from tests.support.damaged import MemoryAccess

SECTOR = 2048
DRIVE = Path("/dev/no-such-drive")


def content(sectors: int, seed: int = 1) -> bytes:
    """A disc full of bytes that are nowhere the same."""
    return random.Random(seed).randbytes(sectors * SECTOR)


def zeroed(data: bytes, bad: Collection[int]) -> bytes:
    copy = bytearray(data)
    for sector in bad:
        copy[sector * SECTOR : (sector + 1) * SECTOR] = bytes(SECTOR)
    return bytes(copy[: len(data)])


def bad_sectors(copy: DiscCopy) -> set[int]:
    return {
        sector
        for extent in copy.bad
        for sector in range(extent.offset // SECTOR, -(-(extent.offset + extent.length) // SECTOR))
    }


class CountingAccess(MemoryAccess):
    """Counts how often each byte range was delivered, sector by sector."""

    def __init__(self, data: bytes, **more: object) -> None:
        super().__init__(data, **more)  # type: ignore[arg-type]
        self.delivered: dict[int, int] = {}
        self.reads: list[tuple[int, int]] = []

    def read_at(self, offset: int, length: int) -> bytes:
        self.reads.append((offset, length))
        data = super().read_at(offset, length)
        for sector in range(offset // SECTOR, -(-(offset + len(data)) // SECTOR)):
            self.delivered[sector] = self.delivered.get(sector, 0) + 1
        return data


class TestAGoodDisc:
    def test_the_copy_has_every_byte_and_the_digest_is_its(self, tmp_path: Path) -> None:
        data = content(1500) + b"the end of an image file"

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(data))

        assert copy.path.read_bytes() == data
        assert copy.sha256 == hashlib.sha256(data).hexdigest()
        assert (copy.size_bytes, copy.bad, copy.retried, copy.findings) == (len(data), (), 0, ())

    def test_only_its_owner_can_read_it(self, tmp_path: Path) -> None:
        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(content(40)))

        assert copy.path.stat().st_mode & 0o777 == 0o600
        assert map_path(copy.path).stat().st_mode & 0o777 == 0o600
        assert sorted(one.name for one in tmp_path.iterdir()) == ["disc.img", "disc.map"]

    def test_a_real_file_is_copied_by_the_reader_of_media(self, tmp_path: Path) -> None:
        source = tmp_path / "source.iso"
        source.write_bytes(content(700))

        copy = copy_disc(source, tmp_path / "disc.img")

        assert copy.path.read_bytes() == source.read_bytes()

    def test_progress_goes_up_to_the_whole(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        data = content(1600)

        copy_disc(
            DRIVE,
            tmp_path / "disc.img",
            opener=MemoryAccess(data, bad={700, 1300}),
            progress=lambda done, total: seen.append((done, total)),
        )

        assert seen == sorted(seen)
        assert seen[-1] == (len(data), len(data))
        assert {total for _, total in seen} == {len(data)}

    def test_what_is_done_is_not_read_again(self, tmp_path: Path) -> None:
        drive = CountingAccess(content(700))
        first = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)
        drive.reads.clear()

        assert copy_disc(DRIVE, tmp_path / "disc.img", opener=drive) == first
        assert drive.reads == []

    def test_an_empty_drive_gives_an_empty_copy(self, tmp_path: Path) -> None:
        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(b""))

        assert copy.path.read_bytes() == b""
        assert copy.sha256 == hashlib.sha256().hexdigest()


class TestADamagedDisc:
    def test_unreadable_sectors_are_zeros_and_all_others_are_there(self, tmp_path: Path) -> None:
        bad = {0, 17, 511, 512, 513, 700, 1023, 1499}
        data = content(1500)

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(data, bad=bad))

        assert copy.path.read_bytes() == zeroed(data, bad)
        assert bad_sectors(copy) == bad
        assert copy.sha256 == hashlib.sha256(zeroed(data, bad)).hexdigest()
        assert [f.rule for f in copy.findings] == ["bad-sectors"]
        assert "8 sectors" in copy.findings[0].message

    def test_neighbours_are_one_extent(self, tmp_path: Path) -> None:
        drive = MemoryAccess(content(1500), bad=range(500, 530))

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)

        assert copy.bad == (Extent(500 * SECTOR, 30 * SECTOR),)

    def test_a_sector_that_heals_is_recovered_and_counted(self, tmp_path: Path) -> None:
        """It fails with its chunk, with its piece and alone; the second time alone it comes."""
        data = content(1500)
        drive = MemoryAccess(data, bad={600, 601}, heals_after=3)

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)

        assert copy.path.read_bytes() == data
        assert (copy.bad, copy.retried) == ((), 2)
        assert [f.rule for f in copy.findings] == ["sectors-retried"]
        assert copy.sha256 == hashlib.sha256(data).hexdigest()

    @pytest.mark.parametrize("retries", [0, 1, 3])
    def test_a_sector_that_never_comes_is_asked_for_a_limited_number_of_times(
        self, tmp_path: Path, retries: int
    ) -> None:
        drive = MemoryAccess(content(1500), bad={600})

        copy_disc(DRIVE, tmp_path / "disc.img", opener=drive, retries=retries)

        # Chunk, piece, alone; then the rounds. 600 identifies no disc, so nobody else asks.
        assert drive.asked[600] == 3 + retries

    def test_the_middle_of_a_long_scratch_is_spared_the_retries(self, tmp_path: Path) -> None:
        drive = MemoryAccess(content(3000), bad=range(1030, 1130))

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive, retries=3)

        assert bad_sectors(copy) == set(range(1030, 1130))
        assert drive.asked[1080] < drive.asked[1031]

    def test_a_drive_that_gives_less_than_asked_is_not_believed(self, tmp_path: Path) -> None:
        class Short(MemoryAccess):
            def read_at(self, offset: int, length: int) -> bytes:
                return self._content[offset : min(offset + length, 1000 * SECTOR)]

        data = content(1020)
        drive = Short(data)

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)

        assert copy.path.read_bytes() == zeroed(data, range(1000, 1020))
        assert bad_sectors(copy) == set(range(1000, 1020))

    @settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
    @given(
        sectors=st.integers(1, 1300),
        bad=st.sets(st.integers(0, 1299), max_size=40),
        healing=st.sets(st.integers(0, 1299), max_size=10),
    )
    def test_whatever_is_bad_the_readable_rest_is_recovered(
        self, tmp_path_factory: pytest.TempPathFactory, sectors: int, bad: set[int],
        healing: set[int],
    ) -> None:  # fmt: skip
        data = content(sectors)
        bad = {sector for sector in bad if sector < sectors}
        known = set(range(40)) | set(range(256, 272))
        target = tmp_path_factory.mktemp("disc") / "disc.img"
        if bad >= set(range(sectors)):
            return
        drive = MemoryAccess(data, bad=bad | {one for one in healing if one in bad - known})

        copy = copy_disc(DRIVE, target, opener=drive)

        assert bad_sectors(copy) == bad
        assert target.read_bytes() == zeroed(data, bad)
        assert copy.sha256 == hashlib.sha256(target.read_bytes()).hexdigest()


class StoppedError(CancelledError):
    """The operator pressed Ctrl-C."""


def stopping_at(call: int) -> Callable[[int, int], None]:
    left = [call]

    def progress(_done: int, _total: int) -> None:
        left[0] -= 1
        if not left[0]:
            raise StoppedError("stopped")

    return progress


class TestGoingOn:
    @pytest.mark.parametrize("every", [1, 3, 7, 40])
    def test_stopped_at_any_point_it_ends_the_same_and_reads_nothing_twice(
        self, tmp_path: Path, every: int
    ) -> None:
        data = content(4 * 512 + 300)
        bad = {5, 520, 521, *range(1600, 1640), 2347}
        whole = copy_disc(DRIVE, tmp_path / "at-once.img", opener=MemoryAccess(data, bad=bad))
        drive = CountingAccess(data, bad=bad)
        known: set[int] = set()

        # To hash the copy begins anew each time, so that somebody has to let it at last.
        for call in [*[every] * 300, 1000]:
            try:
                copy = copy_disc(
                    DRIVE, tmp_path / "disc.img", opener=drive, progress=stopping_at(call)
                )
                break
            except StoppedError:
                header = json.loads((tmp_path / "disc.map").read_text().splitlines()[0])
                known = {sector for sector, _ in header["known"]}
        else:
            pytest.fail("it does not get on")

        assert copy.sha256 == whole.sha256
        assert copy.bad == whole.bad
        assert copy.path.read_bytes() == whole.path.read_bytes()
        # Sectors by which the disc is recognised are read again each time; no other is.
        assert {n for sector, n in drive.delivered.items() if sector not in known} == {1}

    @pytest.mark.parametrize("kill_at", [1, 2, 5, 9, 30])
    def test_killed_at_any_point_it_goes_on(self, tmp_path: Path, kill_at: int) -> None:
        source, target = tmp_path / "source.iso", tmp_path / "disc.img"
        data = content(40 * 512)
        source.write_bytes(data)
        child = subprocess.run(
            [
                sys.executable,
                "-c",
                "import os, signal, sys\n"
                "from pathlib import Path\n"
                "from mediastation.importing.disc_copy import copy_disc\n"
                "left = [int(sys.argv[3])]\n"
                "def progress(done, total):\n"
                "    left[0] -= 1\n"
                "    left[0] or os.kill(os.getpid(), signal.SIGKILL)\n"
                "copy_disc(Path(sys.argv[1]), Path(sys.argv[2]), progress=progress)\n",
                str(source),
                str(target),
                str(kill_at),
            ],
            check=False,
            timeout=60,
        )
        assert child.returncode == -signal.SIGKILL
        assert not target.exists()
        held = [json.loads(line) for line in map_path(target).read_text().splitlines()]
        settled = max([step["read"] for step in held if "read" in step], default=0)
        drive = CountingAccess(data)

        copy = copy_disc(source, target, opener=drive)

        assert target.read_bytes() == data
        assert copy.sha256 == hashlib.sha256(data).hexdigest()
        big = [offset for offset, length in drive.reads if length == CHUNK]
        assert min(big) == settled

    def test_killed_before_it_had_its_name_it_gets_it_without_the_drive(
        self, tmp_path: Path
    ) -> None:
        target = tmp_path / "disc.img"
        data = content(300)
        copy = copy_disc(DRIVE, target, opener=MemoryAccess(data))
        target.rename(part_path(target))

        again = copy_disc(DRIVE, target, opener=MemoryAccess(b""))

        assert again == copy
        assert target.read_bytes() == data

    def test_a_torn_last_line_is_cut_off(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        data = content(4 * 512)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(data), progress=stopping_at(2))
        whole = map_path(target).read_bytes()
        map_path(target).write_bytes(whole + b'{"read": 41943')

        copy = copy_disc(DRIVE, target, opener=MemoryAccess(data))

        assert copy.path.read_bytes() == data
        for line in map_path(target).read_text().splitlines():
            json.loads(line)

    @pytest.mark.parametrize(
        "line",
        ['{"read": 1}', '{"read": 99999999999}', '{"divided": [0, 2048], "bad": []}', '{"x": 1}',
         '{"round": 7, "to": 5, "good": []}', '{"failed": [4096, 2048]}', '{"read": "all"}'],
    )  # fmt: skip
    def test_a_journal_that_contradicts_itself_is_not_believed_at_all(
        self, tmp_path: Path, line: str
    ) -> None:
        target = tmp_path / "disc.img"
        data = content(4 * 512)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(data), progress=stopping_at(2))
        with map_path(target).open("a") as journal:
            journal.write(line + "\n")
        drive = CountingAccess(data)

        copy_disc(DRIVE, target, opener=drive)

        assert target.read_bytes() == data
        assert (0, CHUNK) in drive.reads

    def test_what_the_journal_has_and_the_copy_lost_is_read_again(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        data = content(4 * 512)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(data), progress=stopping_at(3))
        part = part_path(target)
        part.write_bytes(part.read_bytes()[: 3 * CHUNK - 1])

        copy_disc(DRIVE, target, opener=MemoryAccess(data))

        assert target.read_bytes() == data

    @settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.binary(max_size=200), st.integers(0, 400))
    def test_no_rubbish_in_a_journal_makes_a_wrong_copy(
        self, tmp_path_factory: pytest.TempPathFactory, rubbish: bytes, at: int
    ) -> None:
        target = tmp_path_factory.mktemp("disc") / "disc.img"
        data = content(600)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(data), progress=stopping_at(1))
        journal = map_path(target).read_bytes()
        # The header stays: what follows it is what a torn disk may hold.
        end = journal.index(b"\n") + 1
        map_path(target).write_bytes(journal[:end] + journal[end : end + at] + rubbish)

        copy_disc(DRIVE, target, opener=MemoryAccess(data))

        assert target.read_bytes() == data

    def test_two_runs_at_once_are_refused(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        drive = MemoryAccess(content(1100))

        def meanwhile(_done: int, _total: int) -> None:
            with pytest.raises(MediaError, match="another run"):
                copy_disc(DRIVE, target, opener=drive)

        copy_disc(DRIVE, target, opener=drive, progress=meanwhile)


class TestWhichDisc:
    def test_another_disc_is_not_mixed_in(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        first, other = content(2000), content(2000, seed=2)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(first), progress=stopping_at(2))

        with pytest.raises(MediaError, match="another disc") as told:
            copy_disc(DRIVE, target, opener=MemoryAccess(other))
        assert "first disc" in told.value.hint

        copy_disc(DRIVE, target, opener=MemoryAccess(first))
        assert target.read_bytes() == first

    def test_discs_that_differ_deep_inside_are_told_apart(self, tmp_path: Path) -> None:
        """Two discs of one burner on one day: the descriptors are alike, the images are not."""
        target = tmp_path / "disc.img"
        first = content(4000)
        other = first[: 1000 * SECTOR] + content(3000, seed=2)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(first), progress=stopping_at(2))

        with pytest.raises(MediaError, match="another disc"):
            copy_disc(DRIVE, target, opener=MemoryAccess(other))

    def test_a_blank_in_place_of_the_disc_is_another_disc(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        first = content(2000)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(first), progress=stopping_at(2))

        with pytest.raises(MediaError, match="another disc"):
            copy_disc(DRIVE, target, opener=MemoryAccess(bytes(len(first))))

    def test_a_disc_that_nothing_tells_from_others_is_copied_anew(self, tmp_path: Path) -> None:
        """All sectors by which it would be known are blank: nothing may be taken as its own."""
        target = tmp_path / "disc.img"
        first = bytearray(3000 * SECTOR)
        first[300 * SECTOR : 310 * SECTOR] = content(10)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(bytes(first)), progress=stopping_at(2))
        first[300 * SECTOR : 310 * SECTOR] = content(10, seed=2)

        copy_disc(DRIVE, target, opener=MemoryAccess(bytes(first)))

        assert target.read_bytes() == first

    def test_the_same_disc_in_a_drive_that_reads_less_goes_on(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        data = content(2000)
        with pytest.raises(StoppedError):
            copy_disc(DRIVE, target, opener=MemoryAccess(data), progress=stopping_at(2))

        copy_disc(DRIVE, target, opener=MemoryAccess(data, bad=range(10, 30)))

        assert target.read_bytes() == data

    @pytest.mark.parametrize("difference", [-2, 2, 150])
    def test_drives_may_differ_about_where_the_run_out_ends(
        self, tmp_path: Path, difference: int
    ) -> None:
        target = tmp_path / "disc.img"
        data = content(2150)
        with pytest.raises(StoppedError):
            copy_disc(
                DRIVE, target, opener=MemoryAccess(data[: 2000 * SECTOR]), progress=stopping_at(2)
            )

        copy = copy_disc(DRIVE, target, opener=MemoryAccess(data[: (2000 + difference) * SECTOR]))

        size = max(2000, 2000 + difference) * SECTOR
        lost = max(0, -difference) * SECTOR
        assert target.read_bytes() == data[: size - lost] + bytes(lost)
        assert copy.size_bytes == size

    def test_a_disc_of_another_length_is_another_disc(self, tmp_path: Path) -> None:
        target = tmp_path / "disc.img"
        data = content(3000)
        with pytest.raises(StoppedError):
            copy_disc(
                DRIVE, target, opener=MemoryAccess(data[: 2000 * SECTOR]), progress=stopping_at(2)
            )

        with pytest.raises(MediaError, match="bytes"):
            copy_disc(DRIVE, target, opener=MemoryAccess(data))


class Unplugged(MemoryAccess):
    """Works until it was asked so often, then answers with one error."""

    def __init__(self, data: bytes, after: int, code: int) -> None:
        super().__init__(data)
        self._left, self._code = after, code
        self.asked_in_vain = 0

    def read_at(self, offset: int, length: int) -> bytes:
        self._left -= 1
        if self._left < 0:
            self.asked_in_vain += 1
            raise OSError(self._code, os.strerror(self._code))
        return super().read_at(offset, length)


class TestADriveThatGoes:
    @pytest.mark.parametrize("code", [errno.EIO, errno.ENODEV, errno.ENXIO, errno.ENOMEDIUM])
    def test_it_is_told_soon_and_what_was_read_stays(self, tmp_path: Path, code: int) -> None:
        target = tmp_path / "disc.img"
        data = content(60 * 512)
        drive = Unplugged(data, after=60, code=code)

        with pytest.raises(MediaError, match="does not read any more") as told:
            copy_disc(DRIVE, target, opener=drive)

        assert "goes on where it was" in told.value.hint
        assert drive.asked_in_vain < 30
        again = CountingAccess(data)
        copy_disc(DRIVE, target, opener=again)
        assert target.read_bytes() == data
        assert (0, CHUNK) not in again.reads

    def test_a_large_hole_in_a_disc_is_no_drive_that_went(self, tmp_path: Path) -> None:
        start, end = 3 * CHUNK, 21 * CHUNK

        class Holed(MemoryAccess):
            def read_at(self, offset: int, length: int) -> bytes:
                if offset < end and offset + length > start:
                    raise OSError(errno.EIO, "Input/output error")
                return super().read_at(offset, length)

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=Holed(content(22 * 512)))

        assert copy.bad == (Extent(start, end - start),)

    def test_a_disc_that_is_blank_where_discs_are_known_has_its_holes_too(
        self, tmp_path: Path
    ) -> None:
        data = bytearray(3000 * SECTOR)
        data[300 * SECTOR : 310 * SECTOR] = content(10)
        bad = range(600, 700)

        copy = copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(bytes(data), bad=bad))

        assert bad_sectors(copy) == set(bad)
        assert copy.path.read_bytes() == data

    def test_another_disc_put_in_meanwhile_is_told(self, tmp_path: Path) -> None:
        first, other = content(60 * 512), content(60 * 512, seed=2)

        class Swapped(MemoryAccess):
            def read_at(self, offset: int, length: int) -> bytes:
                if offset < 30 * CHUNK and length == CHUNK:
                    return super().read_at(offset, length)
                if offset >= 30 * CHUNK:
                    self._content = other
                    if length == CHUNK:
                        raise OSError(errno.EIO, "Input/output error")
                return super().read_at(offset, length)

        with pytest.raises(MediaError, match="another disc"):
            copy_disc(DRIVE, tmp_path / "disc.img", opener=Swapped(first))

    def test_a_drive_that_cannot_be_opened_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="no-such-drive"):
            copy_disc(DRIVE, tmp_path / "disc.img")


class TestTheDisk:
    def test_too_little_space_is_told_before_anything_is_read(self, tmp_path: Path) -> None:
        class Huge(CountingAccess):
            def __init__(self) -> None:
                super().__init__(b"")
                self.size_bytes = 1 << 60

        drive = Huge()

        with pytest.raises(MediaError, match="free"):
            copy_disc(DRIVE, tmp_path / "disc.img", opener=drive)
        assert drive.reads == []

    def test_a_disk_that_fills_up_keeps_what_was_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        target = tmp_path / "disc.img"
        data = content(10 * 512)
        really = os.pwrite
        full = [6]

        def pwrite(descriptor: int, piece: bytes, offset: int) -> int:
            full[0] -= 1
            if full[0] < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return really(descriptor, piece, offset)

        monkeypatch.setattr(disc_copy.os, "pwrite", pwrite)
        with pytest.raises(MediaError, match="is full") as told:
            copy_disc(DRIVE, target, opener=MemoryAccess(data))
        assert "Free some space" in told.value.hint
        monkeypatch.undo()
        drive = CountingAccess(data)

        copy_disc(DRIVE, target, opener=drive)

        assert target.read_bytes() == data
        assert [offset // CHUNK for offset, size in drive.reads if size == CHUNK] == [6, 7, 8, 9]

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="nowhere"):
            copy_disc(DRIVE, tmp_path / "nowhere" / "disc.img", opener=MemoryAccess(b"x"))

    def test_a_link_under_the_name_is_not_written_through(self, tmp_path: Path) -> None:
        victim = tmp_path / "victim"
        victim.write_text("precious")
        part_path(tmp_path / "disc.img").symlink_to(victim)

        with pytest.raises(MediaError):
            copy_disc(DRIVE, tmp_path / "disc.img", opener=MemoryAccess(content(20)))

        assert victim.read_text() == "precious"
