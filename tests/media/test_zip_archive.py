"""The ZIP writer: what other programs unpack, and what never stays."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import zipfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from mediastation.errors import CancelledError, MediaError, RefusedError
from mediastation.media.contract import MediumWriter, WrittenImage
from mediastation.media.level1 import MediumFile
from mediastation.media.zip_archive import ZipMedium, check_zip
from mediastation.reading.volume import open_volume
from tests.media.support import CONTENTS, MOMENT, medium_files
from tests.support.commands import in_mount_namespace
from tests.support.peers import run_peer


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def write_zip(
    output: Path, files: list[MediumFile], *, moment: datetime = MOMENT, deflate: bool = False
) -> WrittenImage:
    with (
        ZipMedium(files, moment=moment, deflate=deflate) as archive,
        archive.write(output) as pending,
    ):
        pending.commit()
        return pending.image


def contents_of(path: Path) -> dict[str, bytes]:
    """What Python's own reader finds, checksums proved."""
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        return {entry.filename: archive.read(entry) for entry in archive.infolist()}


def contents_below(folder: Path) -> dict[str, bytes]:
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


class TestPlan:
    def test_it_is_a_medium_writer_like_the_image(self, files: list[MediumFile]) -> None:
        writer: MediumWriter = ZipMedium(files, moment=MOMENT)

        assert writer.size_bytes > sum(map(len, CONTENTS.values()))

    @pytest.mark.parametrize("contents", [CONTENTS, {"DICOMDIR": b""}])
    def test_the_size_is_known_before(self, tmp_path: Path, contents: Mapping[str, bytes]) -> None:
        files = medium_files(tmp_path / "sources", contents)
        written = write_zip(tmp_path / "a.zip", files)

        assert written.size_bytes == ZipMedium(files, moment=MOMENT).size_bytes
        assert written.size_bytes == (tmp_path / "a.zip").stat().st_size

    @pytest.mark.parametrize("limit", [100, 2000, 5000, 3 << 20])
    def test_it_is_known_with_zip64_fields_too(
        self, tmp_path: Path, files: list[MediumFile], monkeypatch: pytest.MonkeyPatch, limit: int
    ) -> None:
        """With the limit lowered, which fields are wide is decided by the same numbers."""
        monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
        monkeypatch.setattr(zipfile, "ZIP_FILECOUNT_LIMIT", 5)

        write_zip(tmp_path / "a.zip", files)

        assert contents_of(tmp_path / "a.zip") == CONTENTS
        run_peer("7z", "t", tmp_path / "a.zip")
        with open_volume(tmp_path / "a.zip") as volume:
            assert volume.findings == ()
            for path, content in CONTENTS.items():
                with volume.open(path) as stream:
                    assert stream.read() == content

    def test_deflated_it_is_an_upper_bound(self, tmp_path: Path, files: list[MediumFile]) -> None:
        planned = ZipMedium(files, moment=MOMENT, deflate=True).size_bytes

        assert write_zip(tmp_path / "a.zip", files, deflate=True).size_bytes <= planned

    @pytest.mark.parametrize(
        ("path", "rule"),
        [
            ("../UP", "folder-name"),
            ("/ROOT", "folder-name"),
            ("A\\B", "folder-name"),
            ("DICOM/dicomdir/DICOMDIR", "zip-dicomdir"),
            ("DICOM/IM0000001", "zip-name"),
            ("A/B/C/D/E/F/G/H/I", "zip-name"),
            ("dicomdir", "folder-duplicate"),
            ("DICOMDIR", "folder-duplicate"),
        ],
    )
    def test_names_that_may_not_lie_there_are_refused(
        self, tmp_path: Path, path: str, rule: str
    ) -> None:
        files = [MediumFile("DICOMDIR", tmp_path, 1), MediumFile(path, tmp_path, 1)]

        assert rule in {finding.rule for finding in check_zip(files)}
        with pytest.raises(RefusedError, match="No ZIP file was made"):
            ZipMedium(files, moment=MOMENT)

    def test_without_a_dicomdir_it_is_refused(self, tmp_path: Path) -> None:
        """PS3.12 V: exactly one, in the root."""
        with pytest.raises(RefusedError, match="exactly one DICOMDIR"):
            ZipMedium([MediumFile("A", tmp_path, 1)], moment=MOMENT)

    @pytest.mark.parametrize(
        "moment",
        [
            datetime(1979, 12, 31, tzinfo=UTC),
            datetime(2108, 1, 1, tzinfo=UTC),
            datetime(2024, 1, 1),
        ],
    )
    def test_a_moment_it_cannot_record_is_refused(
        self, files: list[MediumFile], moment: datetime
    ) -> None:
        with pytest.raises(ValueError, match=r"year|zone"):
            ZipMedium(files, moment=moment)


@pytest.mark.parametrize("deflate", [False, True])
class TestBytes:
    def test_other_programs_unpack_what_was_planned(
        self, tmp_path: Path, files: list[MediumFile], deflate: bool
    ) -> None:
        path = tmp_path / "a.zip"
        write_zip(path, files, deflate=deflate)
        for folder in ("bsdtar", "7z", "unzip"):
            (tmp_path / folder).mkdir()
        run_peer("unzip", "-tq", path)
        run_peer("unzip", "-q", path, "-d", tmp_path / "unzip")
        run_peer("bsdtar", "-C", tmp_path / "bsdtar", "-xf", path)
        run_peer("7z", "x", f"-o{tmp_path / '7z'}", path)

        assert contents_of(path) == CONTENTS
        for folder in ("bsdtar", "7z", "unzip"):
            assert contents_below(tmp_path / folder) == CONTENTS, folder

    def test_a_reader_of_streams_takes_it(
        self, tmp_path: Path, files: list[MediumFile], deflate: bool
    ) -> None:
        """Who reads from a pipe has no central directory: sizes have to stand in front."""
        write_zip(tmp_path / "a.zip", files, deflate=deflate)
        (tmp_path / "out").mkdir()
        with (tmp_path / "a.zip").open("rb") as archive:
            subprocess.run(
                ["bsdtar", "-C", tmp_path / "out", "-xf", "-"], stdin=archive, check=True
            )

        assert contents_below(tmp_path / "out") == CONTENTS

    def test_the_same_gives_the_same_bytes(
        self, tmp_path: Path, files: list[MediumFile], deflate: bool
    ) -> None:
        one = write_zip(tmp_path / "a.zip", files, deflate=deflate)
        other = write_zip(
            tmp_path / "b.zip",
            files[::-1],
            moment=MOMENT.astimezone(timezone(timedelta(hours=9))),
            deflate=deflate,
        )

        assert (tmp_path / "a.zip").read_bytes() == (tmp_path / "b.zip").read_bytes()
        assert one == other
        assert one.sha256 == hashlib.sha256((tmp_path / "a.zip").read_bytes()).hexdigest()

    def test_nothing_in_it_varies_or_is_hidden(
        self, tmp_path: Path, files: list[MediumFile], deflate: bool
    ) -> None:
        write_zip(tmp_path / "a.zip", files, deflate=deflate)

        with zipfile.ZipFile(tmp_path / "a.zip") as archive:
            entries = archive.infolist()
        assert [entry.filename for entry in entries] == [
            "DICOMDIR", *sorted(path for path in CONTENTS if path != "DICOMDIR")
        ]  # fmt: skip
        assert {entry.date_time for entry in entries} == {(2024, 2, 29, 23, 59, 58)}
        assert {(entry.extra, entry.comment, entry.flag_bits) for entry in entries} == {
            (b"", b"", 0)
        }
        assert {entry.external_attr for entry in entries} == {0o100644 << 16}

    def test_progress_ends_with_the_planned_size(
        self, tmp_path: Path, files: list[MediumFile], deflate: bool
    ) -> None:
        told: list[tuple[int, int]] = []
        archive = ZipMedium(files, moment=MOMENT, deflate=deflate)
        with archive.write(tmp_path / "a.zip", progress=lambda *now: told.append(now)):
            pass

        assert told[-1] == (archive.size_bytes, archive.size_bytes)
        assert told == sorted(told)


def test_more_files_than_sixteen_bits_count(tmp_path: Path) -> None:
    (tmp_path / "empty").touch()
    names = ["DICOMDIR", *(f"D{number // 1000}/I{number}" for number in range(65_600))]
    files = [MediumFile(name, tmp_path / "empty", 0) for name in names]

    written = write_zip(tmp_path / "a.zip", files)

    assert written.size_bytes == ZipMedium(files, moment=MOMENT).size_bytes
    assert len(run_peer("bsdtar", "-tf", tmp_path / "a.zip").stdout.splitlines()) == 65_601
    with open_volume(tmp_path / "a.zip") as volume:
        assert volume.findings == ()
        assert sum(1 for _ in volume.iter_files()) == 65_601


class TestWhatStays:
    @pytest.mark.parametrize("stop", [CancelledError("stop"), KeyboardInterrupt(), OSError("no")])
    def test_whatever_stops_it_removes_what_was_written(
        self, tmp_path: Path, files: list[MediumFile], stop: BaseException
    ) -> None:
        def raise_late(done: int, total: int) -> None:
            if done > total // 2:
                raise stop

        (tmp_path / "a.zip").write_text("older")
        with (
            pytest.raises(type(stop)),
            ZipMedium(files, moment=MOMENT).write(tmp_path / "a.zip", progress=raise_late),
        ):
            pass

        assert (tmp_path / "a.zip").read_text() == "older"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["a.zip", "sources"]

    def test_without_commit_nothing_stays(self, tmp_path: Path, files: list[MediumFile]) -> None:
        with ZipMedium(files, moment=MOMENT).write(tmp_path / "a.zip") as pending:
            assert contents_of(pending.path) == CONTENTS

        assert [path.name for path in tmp_path.iterdir()] == ["sources"]

    def test_after_closing_nothing_is_written(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        archive = ZipMedium(files, moment=MOMENT)
        archive.close()

        with pytest.raises(ValueError, match="closed"), archive.write(tmp_path / "a.zip"):
            pass

    @pytest.mark.parametrize("change", [-1, 1])
    @pytest.mark.parametrize("number", [0, 6])
    def test_a_source_of_another_size_stops(
        self, tmp_path: Path, files: list[MediumFile], number: int, change: int
    ) -> None:
        files[number] = replace(files[number], size_bytes=files[number].size_bytes + change)

        with pytest.raises(MediaError, match="planned were"):
            write_zip(tmp_path / "a.zip", files)

        assert [path.name for path in tmp_path.iterdir()] == ["sources"]


_FULL_DISK = """
import sys
from pathlib import Path
import subprocess
small, sources = Path(sys.argv[1]), Path(sys.argv[2])
small.mkdir()
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", small], check=True)
import mediastation.media.part_file as part_file
from mediastation.errors import MediaError
from mediastation.media.zip_archive import ZipMedium
from tests.media.support import CONTENTS, MOMENT, medium_files
files = medium_files(sources, CONTENTS)
for look_first in (True, False):
    if not look_first:
        part_file.require_space = lambda *_: None
    try:
        with ZipMedium(files, moment=MOMENT).write(small / "a.zip") as pending:
            pending.commit()
    except MediaError as fault:
        print(fault.message, "|", fault.hint)
    assert list(small.iterdir()) == [], list(small.iterdir())
"""


def test_a_full_disk_is_said_with_numbers_and_nothing_stays(tmp_path: Path) -> None:
    done = subprocess.run(
        [*in_mount_namespace(), sys.executable, "-c", _FULL_DISK,
         str(tmp_path / "small"), str(tmp_path / "sources")],
        capture_output=True, text=True, check=False, timeout=60, cwd=Path(__file__).parents[2],
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
    first, second = done.stdout.splitlines()
    assert "are free" in first
    assert "No space left" in second
    assert "Needed:" in second
