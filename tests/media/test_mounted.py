"""A medium written where it is mounted: what lies on it at every moment, and what stays."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mediastation.errors import CancelledError, ConfigError, MediaError, RefusedError
from mediastation.media import folder_tree, mounted
from mediastation.media.contract import MediumWriter
from mediastation.media.folder import FolderMedium
from mediastation.media.level1 import MediumFile
from mediastation.media.mounted import (
    MountedFolder,
    check_mounted,
    mounted_file_system,
    require_mounted_room,
)
from mediastation.model.finding import Severity
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.system_files import is_system_file
from mediastation.verify.verifier import verify_medium
from tests.media.support import CONTENTS, medium_files
from tests.support.commands import in_mount_namespace
from tests.support.file_sets import good_file_set

MOUNTS = r"""22 1 0:21 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
30 22 0:26 / /media/A rw,nosuid - vfat /dev/sdb1 rw,utf8
31 22 0:27 / /media/A\040stick rw - exfat /dev/sdc1 rw
32 22 0:28 / /media/over rw - ext4 /dev/sdd1 rw
33 22 0:29 / /media/over rw shared:2 master:3 - fuseblk /dev/sde1 rw
broken line
"""


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


@pytest.fixture
def stick(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that passes for a mount point."""
    path = tmp_path / "stick"
    path.mkdir()
    monkeypatch.setattr(os.path, "ismount", lambda where: Path(where) == path)
    return path


def contents_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def fails(code: int, after: int) -> Callable[[int, bytes], int]:
    """An `os.write` that fails with `code` once it has taken `after` bytes."""
    write, taken = os.write, 0

    def written(descriptor: int, data: bytes) -> int:
        nonlocal taken
        if taken >= after:
            raise OSError(code, os.strerror(code))
        taken += len(data)
        return write(descriptor, data)

    return written


class TestWriting:
    def test_the_files_lie_there_and_the_folder_is_the_same(
        self, stick: Path, files: list[MediumFile]
    ) -> None:
        inode = stick.stat().st_ino
        writer: MediumWriter = FolderMedium(files)
        with writer.write(stick) as pending:
            assert pending.path == stick
            assert pending.commit() == stick

        assert contents_below(stick) == CONTENTS
        assert stick.stat().st_ino == inode
        assert sorted(path.name for path in stick.parent.iterdir()) == ["sources", "stick"]

    def test_the_directory_comes_when_all_it_leads_to_is_there_and_synced(
        self, stick: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        seen: list[dict[str, bytes]] = []
        settle = MountedFolder.settle

        def watched(folder: MountedFolder) -> None:
            settle(folder)
            seen.append(contents_below(stick))

        monkeypatch.setattr(MountedFolder, "settle", watched)
        with FolderMedium(files).write(stick) as pending:
            pending.commit()

        rest = {path: content for path, content in CONTENTS.items() if path != "DICOMDIR"}
        assert seen == [rest]

    def test_without_commit_nothing_stays(self, stick: Path, files: list[MediumFile]) -> None:
        with FolderMedium(files).write(stick):
            assert contents_below(stick) == CONTENTS

        assert list(stick.iterdir()) == []

    @pytest.mark.parametrize("fault", [CancelledError("stop"), KeyboardInterrupt(), ValueError()])
    def test_whatever_ends_it_nothing_stays(
        self, stick: Path, files: list[MediumFile], fault: BaseException
    ) -> None:
        def progress(done: int, _: int) -> None:
            if done > 2 << 20:
                raise fault

        with (
            pytest.raises(type(fault)),
            FolderMedium(files).write(stick, progress=progress),
        ):
            pytest.fail("it was written all the same")
        assert list(stick.iterdir()) == []

    def test_what_systems_left_stays_and_is_told(
        self, stick: Path, files: list[MediumFile]
    ) -> None:
        (stick / "System Volume Information").mkdir()
        (stick / "System Volume Information" / "WPSettings.dat").write_bytes(b"12")
        (stick / ".Trash-1000").mkdir()
        before = sorted(stick.rglob("*"))

        told = check_mounted(stick)
        assert [(one.rule, one.subject, one.severity) for one in told] == [
            ("system-file", ".Trash-1000", Severity.NOTE),
            ("system-file", "System Volume Information", Severity.NOTE),
        ]
        with FolderMedium(files).write(stick):
            pass
        assert sorted(stick.rglob("*")) == before

    @pytest.mark.parametrize("name", ["PHOTO.JPG", "DICOMDIR", ".hidden", "System Volume"])
    def test_a_medium_that_is_not_empty_is_left_as_it_is(
        self, stick: Path, files: list[MediumFile], name: str
    ) -> None:
        (stick / name).write_bytes(b"mine")
        with pytest.raises(ConfigError, match="not empty"):
            check_mounted(stick)
        with pytest.raises(ConfigError, match="not empty"), FolderMedium(files).write(stick):
            pytest.fail("it was written all the same")
        assert contents_below(stick) == {name: b"mine"}

    def test_two_runs_do_not_write_onto_one_medium(
        self, stick: Path, files: list[MediumFile]
    ) -> None:
        with FolderMedium(files[:0]).write(stick):
            with (
                pytest.raises(MediaError, match="another run"),
                FolderMedium(files).write(stick),
            ):
                pytest.fail("it was written all the same")
            assert list(stick.iterdir()) == []

    def test_another_medium_under_the_same_name_is_not_committed(
        self, stick: Path, files: list[MediumFile]
    ) -> None:
        away = stick.with_name("away")
        with FolderMedium(files).write(stick) as pending:
            stick.rename(away)
            stick.mkdir()
            with pytest.raises(MediaError, match="another medium"):
                pending.commit()
        # What was written went where it was begun, and is gone from there.
        assert list(away.iterdir()) == []
        assert list(stick.iterdir()) == []


class TestPulled:
    @pytest.mark.parametrize("code", [errno.EIO, errno.ENODEV, errno.ENXIO])
    def test_a_stick_that_is_gone_is_said_so(
        self, stick: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch, code: int
    ) -> None:
        monkeypatch.setattr(folder_tree.os, "write", fails(code, 2 << 20))
        with (
            pytest.raises(MediaError, match="does not answer") as told,
            FolderMedium(files).write(stick),
        ):
            pytest.fail("it was written all the same")
        assert "pulled out" in told.value.hint
        assert list(stick.iterdir()) == []

    def test_a_full_stick_is_said_with_numbers(
        self, stick: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folder_tree.os, "write", fails(errno.ENOSPC, 2 << 20))
        with (
            pytest.raises(MediaError, match="No space left") as told,
            FolderMedium(files).write(stick),
        ):
            pytest.fail("it was written all the same")
        assert "Needed" in told.value.hint
        assert list(stick.iterdir()) == []

    def test_what_cannot_be_removed_is_said_and_has_no_directory(
        self, stick: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stuck(*_: object, **__: object) -> None:
            raise OSError(errno.EROFS, "Read-only file system")

        monkeypatch.setattr(folder_tree.os, "write", fails(errno.EIO, 2 << 20))
        monkeypatch.setattr(mounted.os, "unlink", stuck)
        with pytest.raises(MediaError) as told, FolderMedium(files).write(stick):
            pytest.fail("it was written all the same")
        assert "format it" in told.value.hint
        assert "DICOMDIR" not in contents_below(stick)

    def test_a_medium_given_up_that_cannot_be_cleared_is_an_error(
        self, stick: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def stuck(*_: object, **__: object) -> None:
            raise OSError(errno.EIO, "Input/output error")

        with (
            pytest.raises(MediaError, match="could not be removed"),
            FolderMedium(files).write(stick),
        ):
            monkeypatch.setattr(mounted.os, "unlink", stuck)

    def test_a_killed_run_leaves_no_directory(self, tmp_path: Path) -> None:
        program = (
            "import os, signal, sys\n"
            "from pathlib import Path\n"
            "from mediastation.media.folder import FolderMedium\n"
            "from tests.media.support import CONTENTS, medium_files\n"
            "stick = Path(sys.argv[1])\n"
            "os.path.ismount = lambda where: Path(where) == stick\n"
            "def progress(done, _):\n"
            "    if done > 2 << 20: os.kill(os.getpid(), signal.SIGKILL)\n"
            "files = medium_files(Path(sys.argv[2]), CONTENTS)\n"
            "with FolderMedium(files).write(stick, progress=progress) as pending:\n"
            "    pending.commit()\n"
        )
        (tmp_path / "stick").mkdir()
        done = subprocess.run(
            [sys.executable, "-c", program, str(tmp_path / "stick"), str(tmp_path / "sources")],
            cwd=Path(__file__).parents[2], check=False, timeout=60, capture_output=True,
        )  # fmt: skip

        assert done.returncode == -9, done.stderr
        left = contents_below(tmp_path / "stick")
        assert left
        assert "DICOMDIR" not in left


class TestWhatIsMounted:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("/", "ext4"), ("/media", "ext4"), ("/media/A stick", "exfat"),
            ("/media/A stick/DICOM", "exfat"), ("/media/AB", "ext4"),
            ("/media/over", "fuseblk"), ("/media/over/D/E", "fuseblk"),
        ],
    )  # fmt: skip
    def test_the_innermost_and_latest_mount_is_the_one(self, path: str, name: str) -> None:
        assert mounted_file_system(Path(path), mounts=lambda: MOUNTS) == name

    @pytest.mark.parametrize(
        ("clusters", "name"),
        [(4084, "fat12"), (4085, "fat16"), (65524, "fat16"), (65525, "fat32")],
    )
    def test_the_number_of_clusters_tells_the_kind_of_fat(
        self, monkeypatch: pytest.MonkeyPatch, clusters: int, name: str
    ) -> None:
        monkeypatch.setattr(mounted.os, "statvfs", lambda _: state(blocks=clusters))
        assert mounted_file_system(Path("/media/A"), mounts=lambda: MOUNTS) == name

    def test_where_the_kernel_does_not_say_nothing_is_known(self) -> None:
        assert mounted_file_system(Path("/media/A"), mounts=str) == ""

    def test_this_machine_has_a_root(self) -> None:
        assert mounted_file_system(Path("/"))

    @pytest.mark.parametrize(
        ("system", "allowed", "wrong"),
        [
            ("exfat", ["fat16", "fat32"], True), ("ntfs3", ["fat16", "fat32"], True),
            ("", ["fat16"], True), ("fat32", ["fat16"], True), ("fat12", ["fat16"], True),
            ("fat16", ["fat16"], False), ("fat32", ["fat16", "fat32"], False),
            ("ext4", [], False),
        ],
    )  # fmt: skip
    def test_another_file_system_than_the_annex_names_is_an_error(
        self,
        stick: Path,
        monkeypatch: pytest.MonkeyPatch,
        system: str,
        allowed: list[str],
        wrong: bool,
    ) -> None:
        monkeypatch.setattr(mounted, "mounted_file_system", lambda *_, **__: system)
        found = check_mounted(stick, allowed)

        assert [one.rule for one in found] == ["mounted-file-system"] * wrong
        for one in found:
            assert one.severity is Severity.ERROR
            assert one.hint


def state(
    blocks: int = 70000, free: int = 70000, unit: int = 4096, flags: int = 0
) -> os.statvfs_result:
    return os.statvfs_result((unit, unit, blocks, free, free, 0, 0, 0, flags, 255))


class TestRoom:
    """Two directories and a file of one cluster and a byte: two and two clusters."""

    FILES = (MediumFile("DICOM/S1/I1", Path("/nowhere"), 4097),)

    def test_every_file_and_directory_takes_whole_clusters(
        self, stick: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounted.os, "statvfs", lambda _: state(free=4))
        require_mounted_room(stick, self.FILES)
        monkeypatch.setattr(mounted.os, "statvfs", lambda _: state(free=3))
        with pytest.raises(MediaError, match="16,384 bytes and 12,288 are free"):
            require_mounted_room(stick, self.FILES)

    def test_a_locked_medium_is_said_before_anything_is_written(
        self, stick: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(mounted.os, "statvfs", lambda _: state(flags=os.ST_RDONLY))
        with pytest.raises(MediaError, match="reading only"):
            require_mounted_room(stick, self.FILES)

    @pytest.mark.parametrize(
        ("system", "files", "rule"),
        [
            ("fat32", [MediumFile("BIG", Path(), 1 << 32)], "fat-file-size"),
            ("fat16", [MediumFile("BIG", Path(), 1 << 31)], "fat-file-size"),
            ("fat16", [MediumFile(f"F{n}", Path(), 1) for n in range(513)], "fat-directory"),
            ("ext4", [MediumFile("BIG", Path(), 1 << 33)], ""),
            ("fat32", [MediumFile("A viewer's long name.html", Path(), 1)], ""),
        ],
    )
    def test_what_fat_cannot_hold_is_refused(
        self,
        stick: Path,
        monkeypatch: pytest.MonkeyPatch,
        system: str,
        files: list[MediumFile],
        rule: str,
    ) -> None:
        monkeypatch.setattr(mounted, "mounted_file_system", lambda *_, **__: system)
        monkeypatch.setattr(mounted.os, "statvfs", lambda _: state(free=1 << 40))
        if not rule:
            require_mounted_room(stick, files)
            return
        with pytest.raises(RefusedError) as refused:
            require_mounted_room(stick, files)
        assert {finding.rule for finding in refused.value.findings} == {rule}


def test_a_verified_stick_forgives_what_systems_left_and_nothing_else(
    stick: Path, tmp_path: Path
) -> None:
    contents = good_file_set()
    manifest = Manifest(
        tuple(
            ManifestFile(path, len(content), hashlib.sha256(content).hexdigest())
            for path, content in contents.items()
        )
    )
    (stick / "System Volume Information").mkdir()
    (stick / "System Volume Information" / "IndexerVolumeGuid").write_bytes(b"x" * 76)
    with FolderMedium(medium_files(tmp_path / "sources", contents)).write(stick) as pending:
        report = verify_medium(pending.path, manifest)
        assert report.ok
        assert [one.rule for one in report.findings] == ["system-file"]
        pending.commit()

    image = contents["DICOM/S1/I3"]
    (stick / "System Volume Information" / "IM1").write_bytes(image)
    assert not verify_medium(stick, manifest).ok


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("System Volume Information/WPSettings.dat", True), ("lost+found", True),
        (".Trash-1000/info", True), (".Trashes", True), ("$RECYCLE.BIN/X", True),
        ("DICOM/System Volume Information", False), ("DICOM", False), (".Trash-x", False),
    ],
)  # fmt: skip
def test_system_files_are_known_by_their_place_in_the_root(path: str, left: bool) -> None:
    assert is_system_file(path) is left


_REAL = """
import os, subprocess, sys
from pathlib import Path
stick, sources = Path(sys.argv[1]), Path(sys.argv[2])
stick.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=6m", "none", stick], check=True)
from mediastation.errors import MediaError
from mediastation.media import mounted
from mediastation.media.folder import FolderMedium
from tests.media.support import CONTENTS, medium_files
files = medium_files(sources, CONTENTS)
print(mounted.mounted_file_system(stick))
with FolderMedium(files).write(stick):
    pass
assert list(stick.iterdir()) == []
with FolderMedium(files).write(stick) as pending:
    pending.commit()
assert (stick / "DICOMDIR").read_bytes() == CONTENTS["DICOMDIR"]
subprocess.run(["umount", stick], check=True)
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", stick], check=True)
for look_first in (True, False):
    if not look_first:
        mounted.require_mounted_room = lambda *_: None
    try:
        with FolderMedium(files).write(stick) as pending:
            pending.commit()
    except MediaError as fault:
        print(fault.message)
    assert list(stick.iterdir()) == []
"""


def test_on_a_real_mount(tmp_path: Path) -> None:
    done = subprocess.run(
        [*in_mount_namespace(), sys.executable, "-c", _REAL,
         str(tmp_path / "stick"), str(tmp_path / "sources")],
        capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    system, first, second = done.stdout.splitlines()
    assert system == "tmpfs"
    assert "are free" in first
    assert "No space left" in second
