"""xorriso at work: on files that stand for discs, and as a double where files cannot show it."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.burn.drive import DiscStatus, Session
from mediastation.burn.engine import BurnProgress, Phase, TrackSource, WriteOptions
from mediastation.burn.process import Patience
from mediastation.burn.trouble import Cause, DriveError
from mediastation.burn.xorriso import XorrisoEngine
from mediastation.errors import ConfigError
from tests.support.peers import peer
from tests.support.xorriso_double import Script, install, started, written

MIB = 1 << 20


class StopError(Exception):
    """Somebody has had enough."""


def source_of(data: bytes, padding: int = 0) -> TrackSource:
    pieces = [data[at : at + MIB] for at in range(0, len(data), MIB)]
    return TrackSource(len(data), pieces, padding)


@pytest.fixture
def engine() -> XorrisoEngine:
    return XorrisoEngine(peer("xorriso"), Patience(ending_s=20))


@pytest.fixture
def drive(tmp_path: Path) -> str:
    return f"stdio:{tmp_path}/disc"


class TestFiles:
    """Real xorriso, onto a file."""

    def test_a_file_that_is_not_there_is_a_blank_disc(
        self, engine: XorrisoEngine, drive: str
    ) -> None:
        disc = engine.inspect(drive).disc

        assert disc is not None
        assert (disc.kind, disc.status) == ("file", DiscStatus.BLANK)
        assert disc.free_sectors > 1000

    def test_what_is_written_is_there_with_its_padding(
        self, engine: XorrisoEngine, drive: str
    ) -> None:
        data = os.urandom(3 * MIB + 2048)

        engine.write(drive, source_of(data, 150 * 2048), WriteOptions())

        there = engine.path(drive).read_bytes()
        assert there[: len(data)] == data
        assert len(there) >= len(data) + 150 * 2048
        assert not there[len(data) :].strip(b"\0")

    def test_data_that_is_no_iso_9660_makes_a_disc_that_is_not_blank(
        self, engine: XorrisoEngine, drive: str
    ) -> None:
        """xorriso itself calls it blank, and would write over it."""
        engine.path(drive).write_bytes(bytes(40_000) + b"a UDF disc, say" + bytes(40_000))
        disc = engine.inspect(drive).disc

        assert disc is not None
        assert disc.status is DiscStatus.OVERWRITABLE

    def test_zeros_are_a_blank_disc(self, engine: XorrisoEngine, drive: str) -> None:
        engine.path(drive).write_bytes(bytes(5 * MIB))
        disc = engine.inspect(drive).disc

        assert disc is not None
        assert disc.status is DiscStatus.BLANK

    def test_a_simulation_writes_nothing(self, engine: XorrisoEngine, drive: str) -> None:
        engine.write(drive, source_of(os.urandom(MIB)), WriteOptions(simulate=True))

        path = engine.path(drive)
        assert not path.exists() or path.read_bytes() == b""

    def test_progress_ends_with_all_of_it(self, engine: XorrisoEngine, drive: str) -> None:
        seen: list[BurnProgress] = []

        engine.write(drive, source_of(os.urandom(2 * MIB)), WriteOptions(), seen.append)

        assert seen[-1] == BurnProgress(Phase.WRITING, 2 * MIB, 2 * MIB)
        assert [one.done for one in seen] == sorted(one.done for one in seen)

    def test_blanking_leaves_nothing_of_it(self, engine: XorrisoEngine, drive: str) -> None:
        engine.write(drive, source_of(b"patient" * 300_000), WriteOptions())

        engine.blank(drive)

        assert b"patient" not in engine.path(drive).read_bytes()

    def test_whoever_watches_can_stop_it(self, engine: XorrisoEngine, drive: str) -> None:
        def endless() -> Iterator[bytes]:
            while True:
                yield bytes(65_536)

        def stop(progress: BurnProgress) -> None:
            if progress.phase is Phase.WRITING:
                raise StopError

        with pytest.raises(StopError):
            engine.write(drive, TrackSource(1 << 40, endless()), WriteOptions(), stop)

    def test_a_source_that_ends_early_spoils_the_disc(
        self, engine: XorrisoEngine, drive: str
    ) -> None:
        with pytest.raises(DriveError) as caught:
            engine.write(drive, TrackSource(MIB, [bytes(2048)]), WriteOptions())

        assert caught.value.wrote

    def test_a_source_that_fails_says_so_itself(self, engine: XorrisoEngine, drive: str) -> None:
        def failing() -> Iterator[bytes]:
            yield bytes(2048)
            raise OSError(5, "Input/output error")

        with pytest.raises(OSError, match="Input/output"):
            engine.write(drive, TrackSource(MIB, failing()), WriteOptions())

    @pytest.mark.parametrize(
        "device", ["stdio:/dev/null", "stdio:/dev/sdz", "stdio:/etc", "/etc", "/etc/passwd"]
    )
    def test_only_a_file_that_is_named_as_one_stands_for_a_drive(
        self, engine: XorrisoEngine, device: str
    ) -> None:
        """Behind any other name a disk may lie, or somebody's letter."""
        with pytest.raises(ConfigError):
            engine.write(device, source_of(bytes(2048)), WriteOptions())

    def test_a_name_that_is_nothing_yet_is_no_drive(
        self, engine: XorrisoEngine, tmp_path: Path
    ) -> None:
        """xorriso itself would make a file of that name, and the patient's data would lie in it."""
        for device in (str(tmp_path / "sr0"), f"/dev/..{tmp_path}/sr0"):
            with pytest.raises(ConfigError, match="is no drive"):
                engine.inspect(device)
            with pytest.raises(ConfigError, match="is no drive"):
                engine.write(device, source_of(bytes(2048)), WriteOptions())

        assert not (tmp_path / "sr0").exists()

    def test_a_folder_that_is_missing_is_told(self, engine: XorrisoEngine, tmp_path: Path) -> None:
        with pytest.raises(DriveError) as caught:
            engine.inspect(f"stdio:{tmp_path}/nowhere/disc")

        assert caught.value.cause is Cause.NO_DRIVE
        assert "Make it first" in caught.value.hint

    def test_a_drive_that_does_not_exist_is_told(self, engine: XorrisoEngine) -> None:
        with pytest.raises(DriveError) as caught:
            engine.inspect("/dev/sr250")

        assert caught.value.cause is Cause.NO_DRIVE

    def test_a_file_has_no_maker(self, engine: XorrisoEngine, drive: str) -> None:
        """xorriso would have the ledger name a drive that was never built."""
        found = engine.inspect(drive)

        assert (found.vendor, found.model, found.revision) == ("", "", "")
        assert found.words == found.full_name == drive

    def test_eject_and_reload_leave_a_file_alone(self, engine: XorrisoEngine, drive: str) -> None:
        engine.write(drive, source_of(b"x" * 4096), WriteOptions())
        before = engine.path(drive).read_bytes()

        engine.eject(drive)
        engine.reload(drive)

        assert engine.path(drive).read_bytes() == before


def test_without_xorriso_the_package_is_named(drive: str) -> None:
    with pytest.raises(DriveError) as caught:
        XorrisoEngine("no-such-program-anywhere").inspect(drive)

    assert caught.value.cause is Cause.NOT_INSTALLED
    assert "xorriso" in caught.value.hint


class TestDouble:
    """What a file cannot show."""

    def engine(self, folder: Path, **drives: Script) -> XorrisoEngine:
        named = {f"/dev/{name}": script for name, script in drives.items()}
        return XorrisoEngine(str(install(folder, named)), Patience(silence_s=1, ending_s=1))

    def test_drives_are_listed_with_their_discs(self, tmp_path: Path) -> None:
        engine = self.engine(tmp_path, sr0=Script("cd-r-blank"), sr1=Script("bd-re-written"))

        first, second = engine.list_drives()[:2]

        assert first.disc is not None
        assert first.disc.words == "blank CD-R"
        assert second.disc is not None
        assert second.disc.words == "BD-RE with data"
        assert second.disc.sessions == (Session(1, 0, 98, "DOE_PETER"),)

    def test_one_drive_that_is_busy_hides_no_other(self, tmp_path: Path) -> None:
        engine = self.engine(tmp_path, sr0=Script("busy"), sr1=Script("dvd-r-blank"))

        first, second = engine.list_drives()[:2]

        assert "busy" in first.trouble
        assert second.disc is not None
        assert second.disc.kind == "DVD-R"

    @pytest.mark.parametrize(
        ("disc", "cause", "word"),
        [
            ("busy", Cause.BUSY, "busy"),
            ("permission", Cause.PERMISSION, "usermod"),
        ],
    )
    def test_what_keeps_from_a_drive_is_told(
        self, tmp_path: Path, disc: str, cause: Cause, word: str
    ) -> None:
        with pytest.raises(DriveError) as caught:
            self.engine(tmp_path, sr0=Script(disc)).inspect("/dev/sr0")

        assert caught.value.cause is cause
        assert not caught.value.wrote
        assert word in caught.value.message + caught.value.hint

    def test_the_drive_is_told_how_to_write(self, tmp_path: Path) -> None:
        engine = self.engine(tmp_path, sr0=Script())
        data = os.urandom(300_000)

        engine.write(
            "/dev/sr0", source_of(data, 307_200), WriteOptions(speed_kilobytes=1764, keep_open=True)
        )

        assert hashlib.sha256(written(tmp_path, "/dev/sr0")).digest() == (
            hashlib.sha256(data).digest()
        )
        (words,) = started(tmp_path)
        assert {"speed=1764k", "-multi", "tsize=300000", "padsize=307200"} <= set(words)
        assert words[0] == "-no_rc"
        assert "-dummy" not in words

    @pytest.mark.parametrize(
        ("fault", "cause", "wrote"),
        [
            ("write-error", Cause.WRITE_FAILED, True),
            ("write-protected", Cause.WRITE_FAILED, True),
            ("pulled", Cause.GONE, True),
            ("hang", Cause.HUNG, True),
            ("too-small", Cause.TOO_SMALL, False),
            ("not-blank", Cause.NOT_BLANK, False),
        ],
    )
    def test_a_failure_on_the_way_says_what_to_do_with_the_disc(
        self, tmp_path: Path, fault: str, cause: Cause, wrote: bool
    ) -> None:
        engine = self.engine(tmp_path, sr0=Script(fails={"0": (fault, 0.37)}))

        with pytest.raises(DriveError) as caught:
            engine.write("/dev/sr0", source_of(bytes(2 * MIB)), WriteOptions())

        assert (caught.value.cause, caught.value.wrote) == (cause, wrote)
        assert ("destroy it" in caught.value.hint) is wrote
        if wrote:
            assert 0.3 * 2 * MIB < len(written(tmp_path, "/dev/sr0")) < 0.5 * 2 * MIB

    def test_a_rewritable_disc_is_blanked_with_progress(self, tmp_path: Path) -> None:
        engine = self.engine(tmp_path, sr0=Script("cd-rw-closed", then=["cd-rw-blank"]))
        seen: list[BurnProgress] = []

        engine.blank("/dev/sr0", watch=seen.append)

        assert BurnProgress(Phase.BLANKING, 5000, 10_000) in seen
        (words,) = [words for words in started(tmp_path) if "-blank" in words]
        assert words[-1] == "as_needed"

    def test_a_whole_erasure_is_asked_of_the_drive(self, tmp_path: Path) -> None:
        engine = self.engine(tmp_path, sr0=Script("cd-rw-closed", then=["cd-rw-blank"]))

        engine.blank("/dev/sr0", whole=True)

        assert any(words[-2:] == ["-blank", "all"] for words in started(tmp_path))

    def test_a_disc_that_stays_what_it_was_is_no_success(self, tmp_path: Path) -> None:
        with pytest.raises(DriveError) as caught:
            self.engine(tmp_path, sr0=Script("cd-rw-closed")).blank("/dev/sr0")

        assert caught.value.cause is Cause.BLANK_FAILED

    @pytest.mark.parametrize(
        ("disc", "cause"),
        [("cd-r-closed", Cause.NOT_REWRITABLE), ("no-disc", Cause.NO_DISC)],
    )
    def test_what_cannot_be_blanked_is_left_alone(
        self, tmp_path: Path, disc: str, cause: Cause
    ) -> None:
        with pytest.raises(DriveError) as caught:
            self.engine(tmp_path, sr0=Script(disc)).blank("/dev/sr0")

        assert caught.value.cause is cause
        assert not any("-blank" in words for words in started(tmp_path))

    def test_both_ends_of_a_disc_without_sessions_are_zeroed(self, tmp_path: Path) -> None:
        """Else a reader of UDF finds its anchors at the end, and with them what was erased."""
        script = Script("bd-re-written", then=["bd-re-written", "bd-re-written", "bd-re-blank"])
        engine = self.engine(tmp_path, sr0=script)

        engine.blank("/dev/sr0")

        writes = [words for words in started(tmp_path) if "cdrecord" in words]
        starts = [word for words in writes for word in words if "write_start_address" in word]
        last = (11_826_176 - 512) * 2048
        assert starts == ["write_start_address=0", f"write_start_address={last}"]
        assert written(tmp_path, "/dev/sr0", 0) == bytes(512 * 2048)
