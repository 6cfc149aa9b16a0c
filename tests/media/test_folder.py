"""The folder writer: what lies there afterwards, and what never does."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.errors import CancelledError, ConfigError, MediaError, RefusedError
from mediastation.media.contract import MediumWriter
from mediastation.media.folder import FolderMedium, check_folder_names, open_part_folder
from mediastation.media.level1 import MediumFile
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.verify.verifier import verify_medium
from tests.media.support import CONTENTS, medium_files
from tests.support.commands import in_mount_namespace


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def write_folder(output: Path, files: list[MediumFile]) -> Path:
    with FolderMedium(files) as folder, folder.write(output) as pending:
        return pending.commit()


def contents_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def names_beside(output: Path) -> list[str]:
    return sorted(path.name for path in output.parent.iterdir() if path.name != "sources")


class TestPlan:
    def test_it_is_a_medium_writer_like_the_image(self, files: list[MediumFile]) -> None:
        writer: MediumWriter = FolderMedium(files)

        assert writer.size_bytes == sum(map(len, CONTENTS.values()))

    @pytest.mark.parametrize(
        "path",
        ["../UP", "/ROOT", "A//B", "A/./B", "", "A/..", "A\\..\\B", "A\0B", "A\nB", "A" * 256,
         "/".join("A" * 33)],
    )  # fmt: skip
    def test_a_path_that_leads_elsewhere_is_refused(self, tmp_path: Path, path: str) -> None:
        with pytest.raises(RefusedError) as refused:
            FolderMedium([MediumFile(path, tmp_path, 1)])

        assert refused.value.findings[0].subject == path

    @pytest.mark.parametrize(
        ("one", "other"),
        [("A", "A"), ("IMAGE", "image"), ("A", "A/B"), ("A/B", "a"), ("A/X", "a/Y")],
    )
    def test_two_names_that_are_one_somewhere_are_refused(
        self, tmp_path: Path, one: str, other: str
    ) -> None:
        findings = check_folder_names(
            [MediumFile(one, tmp_path, 1), MediumFile(other, tmp_path, 1)]
        )

        assert {finding.rule for finding in findings} == {"folder-duplicate"}

    def test_names_of_viewers_are_taken_as_they_are(self, tmp_path: Path) -> None:
        paths = ["DICOMDIR", "Viewer/Read me (ä).html", "autorun.inf", "A/B/C/D/E/F/G/H"]

        assert check_folder_names([MediumFile(path, tmp_path, 1) for path in paths]) == []


class TestBytes:
    def test_every_file_lies_where_it_was_planned(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        folder = write_folder(tmp_path / "stick", files)

        assert folder == tmp_path / "stick"
        assert contents_below(folder) == CONTENTS
        assert names_beside(folder) == ["stick"]

    def test_everybody_may_read_it_and_only_the_owner_write(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        mask = os.umask(0o022)
        try:
            folder = write_folder(tmp_path / "stick", files)
        finally:
            os.umask(mask)

        modes = {path.stat().st_mode & 0o777 for path in folder.rglob("*") if path.is_file()}
        assert modes == {0o644}
        folders = [folder, *(path for path in folder.rglob("*") if path.is_dir())]
        assert {path.stat().st_mode & 0o777 for path in folders} == {0o755}

    def test_progress_ends_with_the_planned_size(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        told: list[tuple[int, int]] = []
        with FolderMedium(files) as folder:
            with folder.write(tmp_path / "stick", progress=lambda *now: told.append(now)):
                pass

            assert told[-1] == (folder.size_bytes, folder.size_bytes)
            assert told == sorted(told)

    def test_an_empty_folder_of_that_name_is_replaced(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        (tmp_path / "stick").mkdir()

        assert contents_below(write_folder(tmp_path / "stick", files)) == CONTENTS


class TestPrivate:
    def test_nobody_but_its_owner_may_look_into_it(self, tmp_path: Path) -> None:
        mask = os.umask(0)
        try:
            with open_part_folder(tmp_path / "opened", 10, private=True) as part:
                with part.new_file("SERIES/IMAGE") as append:
                    append(b"a patient")
                part.commit()
        finally:
            os.umask(mask)

        opened = tmp_path / "opened"
        assert {path.stat().st_mode & 0o777 for path in (opened, opened / "SERIES")} == {0o700}
        assert (opened / "SERIES/IMAGE").stat().st_mode & 0o777 == 0o600

    def test_a_file_gets_its_name_when_it_is_proved_and_goes_otherwise(
        self, tmp_path: Path
    ) -> None:
        with open_part_folder(tmp_path / "opened", 10) as part:
            for name, content in (("A/ONE", b"good"), ("A/TWO", b"bad")):
                with part.new_file(".next") as append:
                    append(content)
                if content == b"good":
                    part.rename(".next", name)
                else:
                    part.remove(".next")
            part.commit()

        assert contents_below(tmp_path / "opened") == {"A/ONE": b"good"}

    def test_a_name_that_something_has_is_not_taken_from_it(self, tmp_path: Path) -> None:
        with open_part_folder(tmp_path / "opened", 10) as part:
            for name in ("A", ".next"):
                with part.new_file(name) as append:
                    append(name.encode())
            with pytest.raises(MediaError, match="exists"):
                part.rename(".next", "A")
            assert (part.path / "A").read_bytes() == b"A"


class TestWhatStays:
    @pytest.mark.parametrize("make", [Path.touch, lambda path: path.symlink_to("/")])
    def test_what_is_no_folder_is_left_alone(
        self, tmp_path: Path, files: list[MediumFile], make: Callable[[Path], None]
    ) -> None:
        output = tmp_path / "stick"
        make(output)
        before = output.lstat()

        with pytest.raises(ConfigError, match="is no folder"):
            write_folder(output, files)

        assert output.lstat() == before

    def test_nothing_is_mixed_with_what_is_there(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "stick"
        output.mkdir()
        (output / "letter.txt").write_text("mine")

        with pytest.raises(ConfigError, match="not empty"):
            write_folder(output, files)

        assert contents_below(output) == {"letter.txt": b"mine"}

    def test_what_appears_meanwhile_stays(self, tmp_path: Path, files: list[MediumFile]) -> None:
        output = tmp_path / "stick"
        with FolderMedium(files) as folder, folder.write(output) as pending:
            output.mkdir()
            (output / "letter.txt").write_text("mine")
            with pytest.raises(MediaError, match="cannot write"):
                pending.commit()

        assert contents_below(output) == {"letter.txt": b"mine"}
        assert names_beside(output) == ["stick"]

    @pytest.mark.parametrize("stop", [CancelledError("stop"), KeyboardInterrupt(), OSError("no")])
    def test_whatever_stops_it_removes_what_was_written(
        self, tmp_path: Path, files: list[MediumFile], stop: BaseException
    ) -> None:
        def raise_late(done: int, total: int) -> None:
            if done > total // 2:
                raise stop

        with (
            pytest.raises(type(stop)),
            FolderMedium(files) as folder,
            folder.write(tmp_path / "stick", progress=raise_late),
        ):
            pass

        assert names_beside(tmp_path / "stick") == []

    def test_without_commit_nothing_stays(self, tmp_path: Path, files: list[MediumFile]) -> None:
        with FolderMedium(files) as folder, folder.write(tmp_path / "stick") as pending:
            assert contents_below(pending.path) == CONTENTS

        assert names_beside(tmp_path / "stick") == []

    def test_what_a_killed_run_left_is_replaced(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        left = tmp_path / ".stick.part"
        left.mkdir(0o700)
        (left / "HALF").write_bytes(b"half")

        assert contents_below(write_folder(tmp_path / "stick", files)) == CONTENTS
        assert names_beside(tmp_path / "stick") == ["stick"]

    def test_a_folder_that_no_run_made_is_in_the_way(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        left = tmp_path / ".stick.part"
        left.mkdir()
        left.chmod(0o755)
        (left / "letter.txt").write_text("mine")

        with pytest.raises(MediaError, match="in the way"):
            write_folder(tmp_path / "stick", files)

        assert contents_below(left) == {"letter.txt": b"mine"}

    def test_two_runs_do_not_write_one_folder(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        output = tmp_path / "stick"
        with FolderMedium(files) as folder, folder.write(output) as pending:
            with pytest.raises(MediaError, match="another run"):
                write_folder(output, files)
            pending.commit()

        assert contents_below(output) == CONTENTS

    @pytest.mark.parametrize("change", [-1, 1])
    def test_a_source_of_another_size_stops(
        self, tmp_path: Path, files: list[MediumFile], change: int
    ) -> None:
        wrong = replace(files[3], size_bytes=files[3].size_bytes + change)
        files = [*files[:3], wrong, *files[4:]]

        with pytest.raises(MediaError, match="planned were"):
            write_folder(tmp_path / "stick", files)

        assert names_beside(tmp_path / "stick") == []


_FULL_DISK = """
import sys
from pathlib import Path
import subprocess
small, sources = Path(sys.argv[1]), Path(sys.argv[2])
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], check=True)
import mediastation.media.folder as writer
from mediastation.errors import MediaError
from mediastation.media.level1 import MediumFile
files = [MediumFile(path.name.upper().replace(" ", ""), path, path.stat().st_size)
         for path in sources.iterdir()]
for look_first in (True, False):
    if not look_first:
        writer.require_space = lambda *_: None
    try:
        with writer.FolderMedium(files) as folder, folder.write(small / "OUT") as pending:
            pending.commit()
    except MediaError as fault:
        print(fault.message, "|", fault.hint)
    assert list(small.iterdir()) == [], list(small.iterdir())
"""


def test_a_full_disk_is_said_with_numbers_and_nothing_stays(
    tmp_path: Path, files: list[MediumFile]
) -> None:
    done = subprocess.run(
        [*in_mount_namespace(), sys.executable, "-c", _FULL_DISK,
         str(tmp_path / "small"), str(tmp_path / "sources")],
        capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert "are free" in first
    assert "No space left" in second
    assert "Needed:" in second


class TestVerified:
    """The verifier proves a written folder and finds each kind of damage."""

    @pytest.fixture
    def stick(self, tmp_path: Path, files: list[MediumFile]) -> Path:
        return write_folder(tmp_path / "stick", files)

    @pytest.fixture
    def manifest(self) -> Manifest:
        return Manifest(
            tuple(
                ManifestFile(path, len(content), hashlib.sha256(content).hexdigest())
                for path, content in CONTENTS.items()
            )
        )

    @staticmethod
    def found(stick: Path, manifest: Manifest) -> set[tuple[str, str]]:
        """What is said about files; the DICOMDIR here is none, which is said too."""
        report = verify_medium(stick, manifest)
        return {(item.rule, item.subject) for item in report.findings} - {("not-dicom", "DICOMDIR")}

    def test_what_was_written_is_proved(self, stick: Path, manifest: Manifest) -> None:
        assert self.found(stick, manifest) == set()

    def test_a_missing_file_is_found(self, stick: Path, manifest: Manifest) -> None:
        (stick / "DICOM/LARGE").unlink()

        assert self.found(stick, manifest) == {("missing-file", "DICOM/LARGE")}

    def test_an_extra_file_is_found(self, stick: Path, manifest: Manifest) -> None:
        (stick / "DICOM/EXTRA").write_bytes(b"")

        assert self.found(stick, manifest) == {("extra-file", "DICOM/EXTRA")}

    @pytest.mark.parametrize("path", [path for path, content in CONTENTS.items() if content])
    def test_one_flipped_bit_is_found(self, stick: Path, manifest: Manifest, path: str) -> None:
        data = bytearray((stick / path).read_bytes())
        data[len(data) // 2] ^= 4
        (stick / path).write_bytes(data)

        assert self.found(stick, manifest) == {("differs", path)}

    def test_a_cut_file_is_found(self, stick: Path, manifest: Manifest) -> None:
        path = "DICOM/PT000001/ST000001/SE000001/IM000002"
        os.truncate(stick / path, 100)

        assert self.found(stick, manifest) == {("differs", path)}
