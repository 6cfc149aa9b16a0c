"""Other programs on our media: what they report, and what they may do to us."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from mediastation.errors import CancelledError, MediaError
from mediastation.model.finding import Finding
from mediastation.model.medium import Format
from mediastation.reading.contract import Extent
from mediastation.reading.volume import open_volume
from mediastation.verify import peer_readers, udfread_child, verify_medium
from mediastation.verify.compatibility import (
    CompatibilityRow,
    Goal,
    ReaderKind,
    Verdict,
    check_compatibility,
)
from mediastation.verify.peer_process import Bounds, PeerProcess
from mediastation.verify.peer_readers import PROGRAMS, Program, Reading, read_by_programs
from mediastation.verify.recipients import Recipients
from tests.support.file_sets import good_file_set, write_image
from tests.support.peers import peer
from tests.support.written_media import IMAGE_FORMATS, WrittenMedium, write_medium

BY_FORMAT = {
    Format.ISO9660: ("xorriso", "isoinfo", "bsdtar", "7z (ISO 9660)"),
    Format.BRIDGE: (
        "xorriso", "isoinfo", "bsdtar", "7z (ISO 9660)", "7z (UDF)", "libudfread"
    ),
    Format.UDF_1_50: ("7z (UDF)", "libudfread"),
    Format.UDF_2_50: ("7z (UDF)", "libudfread"),
    Format.UDF_2_60: ("7z (UDF)", "libudfread"),
    Format.FAT16: ("7z (FAT)", "mtools"),
}  # fmt: skip


def nobody() -> None:
    pass


def need(*names: str) -> None:
    """Skip without the programs, fail without them under ``REQUIRE_PEERS=1``."""
    for program in PROGRAMS:
        if program.name in names:
            if program.command == udfread_child.__name__:
                if udfread_child.load() is None:
                    if os.environ.get("REQUIRE_PEERS") == "1":
                        pytest.fail("libudfread is required and not installed")
                    pytest.skip("libudfread is not installed")
            else:
                peer(program.command)


@pytest.fixture(scope="module", params=IMAGE_FORMATS, ids=str)
def medium(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> WrittenMedium:
    return write_medium(tmp_path_factory.mktemp("medium"), request.param)


def read_by(
    path: Path, medium: WrittenMedium, folder: Path, *programs: Program
) -> list[CompatibilityRow]:
    recipients = Recipients(folder, programs or PROGRAMS)
    report = verify_medium(path, medium.manifest, recipients=recipients)
    return [row for row in report.compatibility if row.kind is ReaderKind.PROGRAM]


class TestRealPrograms:
    def test_every_one_reads_every_file_as_it_was_written(
        self, medium: WrittenMedium, tmp_path: Path
    ) -> None:
        names = BY_FORMAT[medium.format]
        need(*names)

        rows = read_by(medium.path, medium, tmp_path)

        assert len(rows) == len(names) >= 2
        for row, name in zip(rows, names, strict=True):
            assert row.reader.startswith(name)
            assert (row.verdict, row.files, row.equal) == (Verdict.COMPLETE, 15, 15), row
            assert (row.instances, row.expected) == (12, 12)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_that_differs_is_not_equal_for_any_of_them(
        self, medium: WrittenMedium, tmp_path: Path
    ) -> None:
        need(*BY_FORMAT[medium.format])
        start = next(start for start, _, name in medium.places if name == "DICOM/S1/I5")
        content = bytearray(medium.content)
        content[start + 700] ^= 1
        path = tmp_path / "spoiled.iso"
        path.write_bytes(content)

        rows = read_by(path, medium, tmp_path)

        for row in rows:
            assert (row.verdict, row.files, row.equal) == (Verdict.INCOMPLETE, 15, 14), row
            assert row.lost == ("1.2.3.1.5",)

    def test_versions_are_told(self, medium: WrittenMedium, tmp_path: Path) -> None:
        need(*BY_FORMAT[medium.format])

        for row in read_by(medium.path, medium, tmp_path):
            assert row.reader == "libudfread" or row.reader[-1].isdigit()

    def test_of_a_bridge_disc_both_sides_are_read(self, tmp_path: Path) -> None:
        need("xorriso", "isoinfo", "bsdtar", "7z (ISO 9660)", "7z (UDF)", "libudfread")
        path = write_image(good_file_set(), tmp_path, "-udf", "-iso-level", "1", "-V", "X")

        report = verify_medium(path, recipients=Recipients(tmp_path))

        rows = {row.reader.rpartition(" ")[0] or row.reader: row for row in report.compatibility}
        for name in ("xorriso", "isoinfo", "bsdtar", "7z (ISO 9660)", "7z (UDF)", "libudfread"):
            assert (rows[name].verdict, rows[name].instances) == (Verdict.COMPLETE, 6), rows[name]

    def test_a_zip_file_is_read_by_two(self, tmp_path: Path) -> None:
        need("bsdtar", "7z (ZIP)")
        path = tmp_path / "a.zip"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in good_file_set().items():
                archive.writestr(name, content)

        report = verify_medium(path, recipients=Recipients(tmp_path))

        programs = [row for row in report.compatibility if row.kind is ReaderKind.PROGRAM]
        assert [row.reader.split()[0] for row in programs] == ["bsdtar", "7z"]
        assert {(row.verdict, row.files, row.equal) for row in programs} == {
            (Verdict.COMPLETE, 8, 8)
        }

    def test_a_fat_volume_is_read_by_mtools_in_pieces(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Files of one name in many directories, and more than are copied at once."""
        need("mtools")
        monkeypatch.setattr(peer_readers, "_BATCH_FILES", 2)
        image = tmp_path / "fat.img"
        with image.open("wb") as file:
            file.truncate(20 << 20)
        environment = os.environ | {"MTOOLS_SKIP_CHECK": "1", "MTOOLSRC": "/dev/null"}
        files = good_file_set()
        for path, content in files.items():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path).write_bytes(content)
        sources = [tmp_path / "DICOM", tmp_path / "DICOMDIR"]
        for words in (
            [peer("mkfs.fat"), "-F", "16", image],
            [peer("mcopy"), "-s", "-i", image, *sources, "::/"],
        ):
            subprocess.run(words, check=True, capture_output=True, env=environment)
        reading = Reading(image, tmp_path, {}, image.stat().st_size, nobody)
        (program,) = [one for one in PROGRAMS if one.name == "mtools"]

        seen = dict(program.read(reading))

        expected = {
            path: hashlib.sha256(content).hexdigest()
            for path, content in files.items()
            if path != "README.TXT"
        }
        assert seen == expected


def program_of(tmp_path: Path, script: str, read: peer_readers.Read) -> Program:
    """A program that this test wrote, called `peer`."""
    place = tmp_path / "peer"
    place.write_text(f"#!{sys.executable}\n{script}")
    place.chmod(0o755)
    return Program("peer", str(place), (), frozenset({"iso", "udf", "fat"}), read)


class TestWhatProgramsMayDo:
    def row(self, medium: WrittenMedium, program: Program, folder: Path) -> CompatibilityRow:
        (row,) = read_by(medium.path, medium, folder, program)
        return row

    def test_one_that_is_not_installed_is_a_row_and_no_fault(
        self, medium: WrittenMedium, tmp_path: Path
    ) -> None:
        program = Program("nothing", "no-such-program", (), frozenset({"iso", "udf", "fat"}), iter)  # type: ignore[arg-type]

        report = verify_medium(
            medium.path, medium.manifest, recipients=Recipients(tmp_path, (program,))
        )

        row = report.compatibility[-1]
        assert (row.verdict, row.detail) == (
            Verdict.NOT_INSTALLED,
            "not installed: no-such-program",
        )
        assert report.ok
        assert report.findings == []

    def test_one_that_fails_is_a_warning_with_its_own_words(
        self, medium: WrittenMedium, tmp_path: Path
    ) -> None:
        script = "import sys; print('what\\x1b[31m is this', file=sys.stderr); sys.exit(3)"
        program = program_of(tmp_path, script, reads_lines)

        report = verify_medium(
            medium.path, medium.manifest, recipients=Recipients(tmp_path, (program,))
        )

        row = report.compatibility[-1]
        assert row.verdict is Verdict.FAILED
        assert "what [31m is this (exit code 3)" in row.detail
        assert [(one.rule, one.severity) for one in report.findings] == [
            ("reader-failed", "warning")
        ]
        assert report.ok

    def test_one_that_says_too_much_is_stopped(self, tmp_path: Path) -> None:
        with (
            started(tmp_path, "while True: print('x' * 100_000)", Bounds(60, 1 << 20)) as process,
            pytest.raises(MediaError, match="says more"),
        ):
            assert max(len(line) for line in process.iter_lines()) <= 1 << 16

    def test_one_that_never_ends_is_stopped_with_all_that_it_started(self, tmp_path: Path) -> None:
        script = (
            "import subprocess, sys, time\n"
            "child = subprocess.Popen(['sleep', '1000'])\n"
            "print(child.pid, flush=True)\n"
            "time.sleep(1000)"
        )
        with started(tmp_path, script, Bounds(1.5, 1 << 20)) as process:
            found = process.iter_lines()
            child = int(next(found))
            with pytest.raises(MediaError, match="took longer"):
                next(found)

        assert gone(child)

    def test_one_that_wants_too_much_memory_does_not_get_it(self, tmp_path: Path) -> None:
        with (
            started(tmp_path, "x = bytearray(5 << 30); print(len(x))", Bounds(60, 1 << 20)) as one,
            pytest.raises(MediaError, match="MemoryError"),
        ):
            one.finish()

    def test_one_that_fills_the_disk_is_stopped(self, tmp_path: Path) -> None:
        script = "f = open('big', 'wb')\nwhile True: f.write(bytes(1 << 20))"
        with (
            started(tmp_path, script, Bounds(60, 1 << 20, 4 << 20)) as process,
            pytest.raises(MediaError, match="peer failed"),
        ):
            process.finish()

        assert (tmp_path / "big").stat().st_size <= 4 << 20

    def test_whoever_waits_may_stop_it(self, tmp_path: Path) -> None:
        def stop() -> None:
            raise CancelledError("stopped")

        process = PeerProcess(script_of(tmp_path, SLEEP), tmp_path, Bounds(60, 1 << 20), stop)
        with process, pytest.raises(CancelledError):
            process.finish()

    def test_it_gets_no_input_and_nothing_of_our_environment(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MEDIASTATION_PASSWORD", "secret")
        script = "import os, sys; print(sorted(os.environ), len(sys.stdin.read()), os.getcwd())"
        with started(tmp_path, script, Bounds(60, 1 << 20)) as process:
            (line,) = process.iter_lines()
            process.finish()

        assert "MEDIASTATION" not in line
        assert line.endswith(f"0 {tmp_path}")

    def test_lists_that_lie_lead_to_no_digest(self, medium: WrittenMedium, tmp_path: Path) -> None:
        """Names that climb and sectors that nobody has are seen and equal to nothing."""
        said = "File data lba:  0 , 99999999 , 7 , 12345 , '/../../etc/passwd'"
        program = program_of(tmp_path, f"print({said!r})", as_xorriso)

        row = self.row(medium, program, tmp_path)

        assert (row.verdict, row.files, row.equal, row.instances) == (
            Verdict.INCOMPLETE, 1, 0, 0
        )  # fmt: skip


SLEEP = "import time; time.sleep(1000)"


def script_of(folder: Path, script: str) -> list[str]:
    place = folder / "peer"
    place.write_text(script)
    return [sys.executable, "-I", str(place)]


def started(folder: Path, script: str, bounds: Bounds) -> PeerProcess:
    process = PeerProcess(script_of(folder, script), folder, bounds, nobody)
    process._name = "peer"
    return process


def gone(pid: int) -> bool:
    """Whether a process is no more, or only waits to be fetched."""
    deadline = threading.Event()
    for _ in range(200):
        try:
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except OSError:
            return True
        if state == "Z":
            return True
        deadline.wait(0.02)
    return False


def reads_lines(reading: Reading):  # type: ignore[no-untyped-def]
    with reading.start(str(reading.folder.parent / "peer")) as process:
        for line in process.iter_lines():
            yield line, ""
        process.finish()


def as_xorriso(reading: Reading):  # type: ignore[no-untyped-def]
    """Take what our own script says for what xorriso says."""
    with reading.start(str(reading.folder.parent / "peer")) as process:
        for line in process.iter_lines():
            found = peer_readers._LBA.fullmatch(line)
            assert found
            yield found[5], reading.digest_at([Extent(int(found[2]) * 2048, int(found[4]))])
        process.finish()


class TestFindings:
    GOAL = Goal(frozenset({"a", "b"}), {"a": "1.2.3", "b": "1.2.4"}, ours=True)

    def told(self, goal: Goal, row: CompatibilityRow) -> list[Finding]:
        return list(check_compatibility([row], goal))

    @pytest.mark.parametrize(
        ("ours", "kind", "severity"),
        [
            (True, ReaderKind.PERSONA, "error"),
            (True, ReaderKind.PROGRAM, "warning"),
            (False, ReaderKind.PERSONA, "warning"),
        ],
    )
    def test_who_loses_an_instance_weighs_by_whose_it_is(
        self, ours: bool, kind: ReaderKind, severity: str
    ) -> None:
        goal = Goal(self.GOAL.contents, self.GOAL.instances, ours)

        (finding,) = self.told(goal, goal.row("X", kind, ["a", ""], {"a"}))

        assert (finding.rule, finding.severity, finding.subject) == ("reader-loses", severity, "X")
        assert "reaches 1 of 2 instances and loses 1, the first is 1.2.4" in finding.message

    def test_who_reaches_all_is_not_spoken_of(self) -> None:
        row = self.GOAL.row("X", ReaderKind.PERSONA, ["a", "b", "c"], {"a", "b", "c"})

        assert (row.verdict, row.files, row.equal, row.instances) == (Verdict.COMPLETE, 3, 2, 2)
        assert self.told(self.GOAL, row) == []


def test_programs_are_asked_only_about_what_they_read(tmp_path: Path) -> None:
    asked: list[str] = []

    def reads(reading: Reading):  # type: ignore[no-untyped-def]
        asked.append("zip")
        yield "", ""

    program = Program("zip", sys.executable, (), frozenset({"zip"}), reads)
    path = write_medium(tmp_path, Format.ISO9660).path

    with open_volume(path) as volume:
        reading = Reading(path, tmp_path, {}, 1, nobody)
        assert list(read_by_programs(volume, reading, Goal(frozenset(), {}), [program])) == []
    assert asked == []
