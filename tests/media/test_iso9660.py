"""The ISO 9660 writer: its promises about bytes, errors and what stays behind."""

from __future__ import annotations

import errno
import hashlib
import os
import resource
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.iso9660 import Iso9660Image, MediumFile
from mediastation.media.part_file import PartFile
from mediastation.model.manifest import SectorDigest
from tests.media.support import CONTENTS, MOMENT, SPOILED, medium_files, write_image


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def folder_names(output: Path) -> list[str]:
    return sorted(path.name for path in output.parent.iterdir())


class TestPlan:
    def test_the_planned_size_is_the_written_size(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        planned = Iso9660Image(files, volume_id="", moment=MOMENT).size_sectors
        written = write_image(tmp_path / "disc.iso", files)

        assert planned * 2048 == written.size_bytes == (tmp_path / "disc.iso").stat().st_size

    def test_planning_opens_no_source(self, tmp_path: Path) -> None:
        files = [MediumFile("DICOM/IM000001", tmp_path / "absent", 5000)]

        assert Iso9660Image(files, volume_id="", moment=MOMENT).size_sectors > 3

    def test_illegal_names_are_refused_with_one_finding_each(self, tmp_path: Path) -> None:
        files = [MediumFile(path, tmp_path, 1) for path in ("image.dcm", "GOOD", "../UP")]

        with pytest.raises(RefusedError) as refused:
            Iso9660Image(files, volume_id="", moment=MOMENT)

        assert [finding.subject for finding in refused.value.findings] == ["image.dcm", "../UP"]

    @pytest.mark.parametrize("volume_id", ["lower", "WITH SPACE", "SEVENTEEN_LETTERS", "Ü"])
    def test_what_is_no_file_set_id_is_no_volume_id(self, volume_id: str) -> None:
        with pytest.raises(ValueError, match="no File-set ID"):
            Iso9660Image([], volume_id=volume_id, moment=MOMENT)

    @pytest.mark.parametrize(
        "moment",
        [MOMENT.replace(tzinfo=None), MOMENT.replace(year=1896), MOMENT.replace(year=2156)],
    )
    def test_a_moment_that_cannot_be_recorded_is_a_mistake(self, moment: datetime) -> None:
        with pytest.raises(ValueError, match=r"time zone|years"):
            Iso9660Image([], volume_id="", moment=moment)


class TestBytes:
    def test_the_digest_is_that_of_the_file(self, tmp_path: Path, files: list[MediumFile]) -> None:
        written = write_image(tmp_path / "disc.iso", files)

        data = (tmp_path / "disc.iso").read_bytes()
        assert written.sha256 == hashlib.sha256(data).hexdigest()

    def test_structure_and_contents_cover_every_sector_once(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        written = write_image(tmp_path / "disc.iso", files)

        data = (tmp_path / "disc.iso").read_bytes()
        sectors = [data[start : start + 2048] for start in range(0, len(data), 2048)]
        structure = {digest.sector for digest in written.structure}
        of_files = [sector for number, sector in enumerate(sectors) if number not in structure]
        wanted = [
            content[start : start + 2048].ljust(2048, b"\0")
            for content in CONTENTS.values()
            for start in range(0, len(content), 2048)
        ]
        assert sorted(of_files) == sorted(wanted)
        assert list(written.structure) == [
            SectorDigest(number, hashlib.sha256(sectors[number]).hexdigest())
            for number in sorted(structure)
        ]

    def test_an_empty_volume_is_all_structure(self, tmp_path: Path) -> None:
        written = write_image(tmp_path / "disc.iso", [])

        assert len(written.structure) * 2048 == written.size_bytes

    def test_files_are_written_in_one_pass_to_the_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Nothing but files comes after the first one, and none has to be gone back for."""
        monkeypatch.delattr(PartFile, "overwrite")
        names = ("A", "A0", "A_", "AB", "Z9", "_")
        contents = {f"{one}/{two}/IM{one}": b"3" for one in names for two in names}
        contents |= {f"{one}/{two}.TXT": b"2" * 3000 for one in names for two in names}
        contents |= {f"{one}.TXT": b"1" for one in names}

        written = write_image(tmp_path / "disc.iso", medium_files(tmp_path / "s", contents))

        assert [d.sector for d in written.structure] == list(range(len(written.structure)))

    def test_the_order_of_the_files_does_not_matter(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        one = write_image(tmp_path / "one.iso", files)
        other = write_image(tmp_path / "other.iso", files[::-1])

        assert one == other

    def test_clock_and_time_zone_of_the_machine_do_not_matter(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        written = []
        for hour, zone in enumerate(("UTC", "Asia/Kolkata", "America/St_Johns", "XXX-13:59")):
            monkeypatch.setenv("TZ", zone)
            time.tzset()
            with monkeypatch.context() as patch:
                patch.setattr(time, "time", lambda hour=hour: 1e9 + hour * 3600.0)
                written.append(write_image(tmp_path / "disc.iso", files))
        monkeypatch.undo()
        time.tzset()

        assert written == written[:1] * 4

    def test_another_process_makes_the_same_image(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        """With another hash seed, locale, time zone and folder, and with its own clock."""
        here = write_image(tmp_path / "disc.iso", files)
        program = (
            "from pathlib import Path\n"
            "from tests.media.support import CONTENTS, medium_files, write_image\n"
            "files = medium_files(Path('sources'), CONTENTS)\n"
            "print(write_image(Path('disc.iso'), files).sha256)\n"
        )
        (tmp_path / "there").mkdir()
        root = str(Path(__file__).parents[2])
        there = subprocess.run(
            [sys.executable, "-c", program],
            cwd=tmp_path / "there",
            env={"PYTHONPATH": root, "PYTHONHASHSEED": "7", "LC_ALL": "C", "TZ": "Asia/Kolkata"},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        ).stdout.strip()

        assert there == here.sha256

    def test_one_moment_in_two_time_zones_is_one_moment(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        there = MOMENT.astimezone(timezone(timedelta(hours=-9, minutes=-30)))

        assert write_image(tmp_path / "disc.iso", files) == write_image(
            tmp_path / "disc.iso", files, moment=there
        )

    def test_an_image_is_the_same_when_written_twice_from_one_plan(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        with Iso9660Image(files, volume_id="", moment=MOMENT) as image:
            with image.write(tmp_path / "one.iso") as one:
                pass
            with image.write(tmp_path / "two.iso") as two:
                pass

        assert one.image == two.image

    def test_the_epoch_is_a_moment_like_any_other(self, tmp_path: Path) -> None:
        write_image(tmp_path / "disc.iso", [], moment=datetime(1970, 1, 1, tzinfo=UTC))

        volume = (tmp_path / "disc.iso").read_bytes()[16 * 2048 :]
        assert volume[813:830] == b"1970010100000000\0"


class TestCommit:
    def test_without_commit_nothing_stays(self, tmp_path: Path, files: list[MediumFile]) -> None:
        output = tmp_path / "out" / "disc.iso"
        output.parent.mkdir()
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        with image.write(output) as pending:
            assert hashlib.sha256(pending.path.read_bytes()).hexdigest() == pending.image.sha256
            assert pending.path.stat().st_mode & 0o777 == 0o600
            assert folder_names(output) == [".disc.iso.part"]

        assert folder_names(output) == []

    def test_a_committed_image_stays_whatever_comes_after(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "disc.iso"
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        def interrupt() -> None:
            with image.write(output) as pending:
                assert pending.commit() == pending.path == output
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupt()

        assert output.stat().st_size == image.size_bytes
        assert folder_names(output) == ["disc.iso", "sources"]

    def test_a_commit_after_the_block_touches_nothing(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        with Iso9660Image(files, volume_id="", moment=MOMENT).write(tmp_path / "disc.iso") as late:
            late.sync()

        with pytest.raises(ValueError, match="closed"):
            late.commit()

    @pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o000, 0o644)])
    def test_the_final_mode_honours_the_umask(self, tmp_path: Path, umask: int, mode: int) -> None:
        before = os.umask(umask)
        try:
            write_image(tmp_path / "disc.iso", [])
        finally:
            os.umask(before)

        assert (tmp_path / "disc.iso").stat().st_mode & 0o777 == mode

    def test_an_older_image_lasts_until_the_commit(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "disc.iso"
        output.write_bytes(b"older")

        with Iso9660Image(files, volume_id="", moment=MOMENT).write(output) as pending:
            assert output.read_bytes() == b"older"
            pending.commit()

        assert output.stat().st_size == pending.image.size_bytes

    def test_what_a_killed_run_left_is_replaced(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        (tmp_path / ".disc.iso.part").write_bytes(b"left over" * 1_000_000)

        written = write_image(tmp_path / "disc.iso", files)

        assert (tmp_path / "disc.iso").stat().st_size == written.size_bytes
        assert not (tmp_path / ".disc.iso.part").exists()

    def test_two_runs_cannot_write_one_image_at_once(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        with image.write(tmp_path / "disc.iso") as first:
            with pytest.raises(MediaError, match="another run"), image.write(tmp_path / "disc.iso"):
                pass
            first.commit()

        assert (tmp_path / "disc.iso").stat().st_size == image.size_bytes

    def test_a_part_file_that_another_program_replaced_is_not_committed(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        with image.write(tmp_path / "disc.iso") as pending:
            pending.path.unlink()
            pending.path.write_bytes(b"somebody else's")
            with pytest.raises(MediaError, match="replaced by another"):
                pending.commit()

        assert not (tmp_path / "disc.iso").exists()
        assert pending.path.read_bytes() == b"somebody else's"

    def test_a_closed_plan_writes_nothing_and_closes_again(self, tmp_path: Path) -> None:
        image = Iso9660Image([], volume_id="", moment=MOMENT)
        image.close()
        image.close()

        with pytest.raises(ValueError, match="closed"):
            image.write(tmp_path / "disc.iso").__enter__()

        assert folder_names(tmp_path / "disc.iso") == []

    def test_a_link_in_the_place_of_the_part_file_is_not_followed(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        victim = tmp_path / "victim"
        victim.write_bytes(b"precious")
        (tmp_path / ".disc.iso.part").symlink_to(victim)

        with pytest.raises(MediaError, match="in the way"):
            write_image(tmp_path / "disc.iso", files)

        assert victim.read_bytes() == b"precious"


class TestFailure:
    @pytest.mark.parametrize("spoil", SPOILED)
    def test_a_spoiled_source_is_named_and_nothing_stays(
        self, tmp_path: Path, files: list[MediumFile], spoil: Callable[[Path], None]
    ) -> None:
        output = tmp_path / "out" / "disc.iso"
        output.parent.mkdir()
        spoil(files[3].source)

        with pytest.raises(MediaError, match=str(files[3].source)):
            write_image(output, files)

        assert folder_names(output) == []

    def test_a_source_that_changes_while_it_is_read_is_noticed(self, tmp_path: Path) -> None:
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        def rewrite(_done: int, _total: int) -> None:
            os.utime(files[0].source, ns=(1, 1))

        with (
            pytest.raises(MediaError, match="changed while"),
            image.write(tmp_path / "disc.iso", progress=rewrite),
        ):
            pass

    @pytest.mark.parametrize("stop", [CancelledError("stop"), KeyboardInterrupt(), OSError("no")])
    def test_what_the_progress_raises_comes_out_and_nothing_stays(
        self, tmp_path: Path, stop: BaseException
    ) -> None:
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        image = Iso9660Image(files, volume_id="", moment=MOMENT)
        output = tmp_path / "out" / "disc.iso"
        output.parent.mkdir()
        threads = set(threading.enumerate())

        def cancel(_done: int, _total: int) -> None:
            raise stop

        with pytest.raises(type(stop)) as raised, image.write(output, progress=cancel):
            pass

        assert raised.value is stop
        assert folder_names(output) == []
        assert set(threading.enumerate()) <= threads

    def test_progress_rises_to_the_whole(self, tmp_path: Path) -> None:
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20), "SMALL": b"1"})
        image = Iso9660Image(files, volume_id="", moment=MOMENT)
        told: list[tuple[int, int]] = []

        with image.write(tmp_path / "disc.iso", progress=lambda *step: told.append(step)):
            pass

        assert told == sorted(told)
        assert told[-1] == (image.size_bytes, image.size_bytes)
        assert len(told) > 3

    def test_a_missing_folder_is_named(self, tmp_path: Path, files: list[MediumFile]) -> None:
        with pytest.raises(MediaError, match="No such file") as raised:
            write_image(tmp_path / "absent" / "disc.iso", files)

        assert str(tmp_path / "absent") in raised.value.hint

    def test_a_folder_is_not_replaced(self, tmp_path: Path, files: list[MediumFile]) -> None:
        with pytest.raises(MediaError, match="is not a file"):
            write_image(tmp_path, files)

    def test_a_disk_that_fails_at_the_end_gives_no_image(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        output = tmp_path / "out" / "disc.iso"
        output.parent.mkdir()

        def fail(_descriptor: int) -> None:
            raise OSError(errno.EIO, "scratched")

        monkeypatch.setattr(os, "fsync", fail)
        with pytest.raises(MediaError, match="Input/output error"):
            write_image(output, files)

        assert folder_names(output) == []

    def test_too_little_space_stops_before_anything_is_written(self, tmp_path: Path) -> None:
        files = [
            MediumFile(f"IM{number:06d}", tmp_path / "absent", 2**32 - 2048)
            for number in range(2000)
        ]
        image = Iso9660Image(files, volume_id="", moment=MOMENT)

        with pytest.raises(MediaError, match="are free") as raised:
            image.write(tmp_path / "disc.iso").__enter__()

        assert f"{image.size_bytes:,}" in raised.value.message
        assert folder_names(tmp_path / "disc.iso") == []

    def test_a_disk_that_fills_up_is_told_with_the_numbers(self, tmp_path: Path) -> None:
        """In a process of its own, which may write no file beyond a mebibyte."""
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        output = tmp_path / "out" / "disc.iso"
        output.parent.mkdir()
        program = (
            "import resource\n"
            "from pathlib import Path\n"
            "from mediastation.errors import MediaError\n"
            "from tests.media.support import MOMENT, MediumFile, write_image\n"
            f"resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, {resource.RLIM_INFINITY}))\n"
            f"file = MediumFile('BIG', Path({str(files[0].source)!r}), {5 << 20})\n"
            "try:\n"
            f"    write_image(Path({str(output)!r}), [file])\n"
            "except MediaError as fault:\n"
            "    print(fault.message, fault.hint)\n"
        )

        said = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
        ).stdout

        assert "File too large" in said
        planned = Iso9660Image(files, volume_id="", moment=MOMENT).size_bytes
        assert f"Needed: {planned:,} bytes" in said
        assert folder_names(output) == []

    def test_a_disk_that_others_fill_meanwhile_is_told_and_nothing_stays(
        self, tmp_path: Path, small_disk: Path
    ) -> None:
        """There is room when the writing starts; then somebody else takes it."""
        files = medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})
        image = Iso9660Image(files, volume_id="", moment=MOMENT)
        output = small_disk / "disc.iso"

        def fill(_done: int, _total: int) -> None:
            filler = small_disk / "filler"
            if not filler.exists():
                filler.write_bytes(bytes(2 << 20))

        with pytest.raises(MediaError) as raised, image.write(output, progress=fill):
            pass

        assert "No space left" in raised.value.message
        assert f"Needed: {image.size_bytes:,} bytes" in raised.value.hint
        assert str(small_disk) in raised.value.hint
        assert folder_names(output) == ["filler"]


# Says "going" when a part of the image is on the disk, and waits.
WAITING_WRITER = """
import sys
from pathlib import Path
from tests.media.support import MOMENT, Iso9660Image, MediumFile

def wait(done, total):
    print("going", flush=True)
    sys.stdin.read()

files = [MediumFile("BIG", Path(sys.argv[1]), 5 << 20)]
image = Iso9660Image(files, volume_id="", moment=MOMENT)
with image.write(Path(sys.argv[2]), progress=wait) as pending:
    pending.commit()
"""


class TestKilled:
    @pytest.fixture
    def source(self, tmp_path: Path) -> MediumFile:
        return medium_files(tmp_path / "sources", {"BIG": bytes(5 << 20)})[0]

    @pytest.fixture
    def writer(self, tmp_path: Path, source: MediumFile) -> Iterator[subprocess.Popen[str]]:
        (tmp_path / "out").mkdir()
        with subprocess.Popen(
            [sys.executable, "-c", WAITING_WRITER, str(source.source), str(tmp_path / "out/a.iso")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        ) as process:
            try:
                assert process.stdout is not None
                assert process.stdout.readline() == "going\n"
                yield process
            finally:
                process.kill()

    def test_a_killed_writer_leaves_nothing_that_looks_whole_or_is_in_the_way(
        self, tmp_path: Path, source: MediumFile, writer: subprocess.Popen[str]
    ) -> None:
        output = tmp_path / "out" / "a.iso"
        with pytest.raises(MediaError, match="another run"):
            write_image(output, [source])

        writer.kill()
        writer.wait(30)

        assert folder_names(output) == [".a.iso.part"]
        write_image(output, [source])
        assert folder_names(output) == ["a.iso"]

    def test_an_interrupted_writer_leaves_nothing(
        self, tmp_path: Path, writer: subprocess.Popen[str]
    ) -> None:
        writer.send_signal(signal.SIGINT)
        writer.wait(30)

        assert folder_names(tmp_path / "out" / "a.iso") == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 6 MiB, where a test may have one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "tmpfs", str(disk)],
        capture_output=True,
        check=False,
        timeout=30,
    )
    if mounted.returncode:
        pytest.skip("only root mounts a small disk")
    try:
        yield disk
    finally:
        subprocess.run(["umount", str(disk)], check=True, timeout=30)
