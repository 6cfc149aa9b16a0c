"""Many files sealed at once: in order, all or none, and every fault with its file."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import CancelledError, MediaError
from mediastation.secure.sealing import files as sealing_files
from mediastation.secure.sealing.files import SealTask, seal_files
from mediastation.secure.sealing.recipients import recipient_from_der
from mediastation.secure.sealing.sealer import CHUNK_BYTES, Sealed, Sealer
from tests.secure.sealing.envelopes import open_digested
from tests.support.certificates import MOMENT, issue


@pytest.fixture(scope="module")
def sealer() -> Sealer:
    """For one certificate."""
    return Sealer([recipient_from_der(issue("Recipient").der)], None, moment=MOMENT)


def tasks(folder: Path, *sizes: int) -> list[SealTask]:
    """Files of these lengths, each filled with its number, and where they are to go."""
    (folder / "out").mkdir()
    made = []
    for number, size_bytes in enumerate(sizes):
        source = folder / f"source{number}"
        source.write_bytes(bytes([number]) * size_bytes)
        digest = hashlib.sha256(source.read_bytes()).hexdigest()
        made.append(SealTask(source, size_bytes, digest, folder / "out" / f"IM{number}"))
    return made


def left(folder: Path) -> list[str]:
    """The names of targets."""
    return sorted(path.name for path in (folder / "out").iterdir())


class TestSealFiles:
    @pytest.mark.parametrize("threads", [None, 1, 2, 5])
    def test_each_target_opens_to_its_source_and_the_order_is_kept(
        self, threads: int | None, sealer: Sealer, tmp_path: Path
    ) -> None:
        """The first is the longest: the ones behind it are done before."""
        work = tasks(tmp_path, 9 * CHUNK_BYTES + 1, 0, 1, *[5000] * 20)

        made = list(seal_files(sealer, work, threads=threads))

        assert [task for task, _ in made] == work
        for task, sealed in made:
            envelope = task.target.read_bytes()
            assert len(envelope) == sealed.size_bytes == sealer.sealed_bytes(task.size_bytes)
            assert open_digested(envelope, sealed.content_key) == task.source.read_bytes()
            assert stat.S_IMODE(task.target.stat().st_mode) == 0o600

    def test_nothing_to_do_is_done(self, sealer: Sealer) -> None:
        assert list(seal_files(sealer, [])) == []

    def test_targets_are_private_whatever_the_umask(self, sealer: Sealer, tmp_path: Path) -> None:
        (task,) = tasks(tmp_path, 10)
        before = os.umask(0)
        try:
            list(seal_files(sealer, [task]))
        finally:
            os.umask(before)

        assert stat.S_IMODE(task.target.stat().st_mode) == 0o600

    def test_a_few_files_are_ahead_of_the_caller_and_no_more(
        self, sealer: Sealer, tmp_path: Path
    ) -> None:
        """Ten thousand envelopes that nobody has looked at would be a disk full of them."""
        work = tasks(tmp_path, *[100] * 40)
        made = seal_files(sealer, work, threads=2)

        for taken in range(1, 20):
            next(made)
            assert len(left(tmp_path)) <= taken + 4
        made.close()

    def test_the_last_envelope_may_be_taken_without_asking_for_another(
        self, sealer: Sealer, tmp_path: Path
    ) -> None:
        """As `zip` does that has the tasks in front."""
        work = tasks(tmp_path, 10, 20)
        made = seal_files(sealer, work)
        next(made), next(made)
        made.close()

        assert left(tmp_path) == ["IM0", "IM1"]


class TestProgress:
    def test_it_counts_plain_bytes_up_to_all_of_them(self, sealer: Sealer, tmp_path: Path) -> None:
        work = tasks(tmp_path, 3 * CHUNK_BYTES, 10, 0, CHUNK_BYTES + 7)
        total = 4 * CHUNK_BYTES + 17
        told: list[tuple[int, int]] = []

        def progress(done: int, of: int) -> None:
            told.append((done, of))
            assert threading.current_thread() is threading.main_thread()

        for _ in seal_files(sealer, work, progress=progress):
            pass

        assert {of for _, of in told} == {total}
        assert [done for done, _ in told] == sorted(done for done, _ in told)
        assert told[-1] == (total, total)

    @pytest.mark.parametrize("after", [0, 1, 3])
    def test_what_it_raises_is_passed_on_and_leaves_nothing(
        self, after: int, sealer: Sealer, tmp_path: Path
    ) -> None:
        work = tasks(tmp_path, *[3 * CHUNK_BYTES] * 6)
        calls = iter(range(1000))

        def progress(done: int, of: int) -> None:
            if next(calls) == after:
                raise CancelledError("stopped")

        with pytest.raises(CancelledError, match="stopped"):
            list(seal_files(sealer, work, progress=progress))
        assert left(tmp_path) == []
        assert [task.source.stat().st_size for task in work] == [3 * CHUNK_BYTES] * 6


class TestFaults:
    def test_a_caller_who_goes_away_leaves_nothing(self, sealer: Sealer, tmp_path: Path) -> None:
        made = seal_files(sealer, tasks(tmp_path, *[10] * 10))
        next(made)
        made.close()

        assert left(tmp_path) == []

    def fails(self, sealer: Sealer, folder: Path, work: list[SealTask], match: str) -> MediaError:
        """The error that stops the work; nothing is left."""
        with pytest.raises(MediaError, match=match) as caught:
            list(seal_files(sealer, work))
        assert left(folder) == []
        assert caught.value.hint
        return caught.value

    @pytest.mark.parametrize("place", [0, 3, 7])
    @pytest.mark.parametrize("change", [b"", b"longer than it was", bytes(9)])
    def test_a_source_of_another_length_or_content_is_named(
        self, place: int, change: bytes, sealer: Sealer, tmp_path: Path
    ) -> None:
        work = tasks(tmp_path, *[9] * 8)
        if place == 0:
            change = change.replace(b"\0", b"\1")
        work[place].source.write_bytes(change)

        fault = self.fails(sealer, tmp_path, work, "is not what was planned")
        assert str(work[place].source) in fault.message

    def test_a_source_that_grows_or_shrinks_while_it_is_read_is_named(
        self, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        (task,) = tasks(tmp_path, 3 * CHUNK_BYTES)
        write = os.write
        for size_bytes in (3 * CHUNK_BYTES + 1, CHUNK_BYTES + 1):

            def change(descriptor: int, data: Any, size_bytes: int = size_bytes) -> int:
                os.truncate(task.source, size_bytes)
                return write(descriptor, data)

            os.truncate(task.source, 3 * CHUNK_BYTES)
            monkeypatch.setattr(sealing_files.os, "write", change)
            fault = self.fails(sealer, tmp_path, [task], "is not what was planned")
            assert str(task.source) in fault.message

    def test_a_source_that_is_gone_or_no_file_is_named(
        self, sealer: Sealer, tmp_path: Path
    ) -> None:
        work = tasks(tmp_path, 5, 5, 5)
        work[1].source.unlink()
        self.fails(sealer, tmp_path, work, r"source1 cannot be read: No such file")
        os.mkfifo(work[1].source)
        self.fails(sealer, tmp_path, work, r"source1 is not a file")
        work[1].source.unlink()
        work[1].source.mkdir()
        self.fails(sealer, tmp_path, work, r"source1 is not a file")

    def test_a_disk_that_cannot_be_read_is_told_with_the_file(
        self, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> Sealed:
            raise OSError(errno.EIO, os.strerror(errno.EIO))

        monkeypatch.setattr(sealer, "seal", broken, raising=False)
        self.fails(sealer, tmp_path, tasks(tmp_path, 5), r"source0 cannot be read: Input/output")

    @pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
    def test_a_full_disk_is_told_with_the_file_and_what_is_free(
        self, code: int, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sealing_files.os, "write", self.full_after(4, code))

        fault = self.fails(sealer, tmp_path, tasks(tmp_path, *[2 * CHUNK_BYTES] * 5), r"IM\d")
        assert os.strerror(code) in fault.message
        assert "bytes are free" in fault.hint

    def full_after(self, count: int, code: int) -> Callable[[int, Any], int]:
        """A way to write that fails after some pieces."""
        write = os.write
        calls = iter(range(10_000))

        def full(descriptor: int, data: Any) -> int:
            if next(calls) >= count:
                raise OSError(code, os.strerror(code))
            return write(descriptor, data)

        return full

    def test_what_is_written_in_parts_is_written_wholly(
        self, sealer: Sealer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A nearly full disk takes part of a piece before it refuses the next."""
        work = tasks(tmp_path, 2 * CHUNK_BYTES)
        write = os.write
        monkeypatch.setattr(
            sealing_files.os, "write", lambda descriptor, data: write(descriptor, data[:70_001])
        )

        ((task, sealed),) = seal_files(sealer, work)

        envelope = task.target.read_bytes()
        assert open_digested(envelope, sealed.content_key) == task.source.read_bytes()

    def test_a_target_that_exists_is_neither_written_over_nor_removed(
        self, sealer: Sealer, tmp_path: Path
    ) -> None:
        work = tasks(tmp_path, 5, 5, 5)
        work[2].target.write_bytes(b"somebody's")

        with pytest.raises(MediaError, match=r"IM2 cannot be written: File exists"):
            list(seal_files(sealer, work))
        assert left(tmp_path) == ["IM2"]
        assert work[2].target.read_bytes() == b"somebody's"

    def test_a_link_in_the_place_of_a_target_is_not_followed(
        self, sealer: Sealer, tmp_path: Path
    ) -> None:
        (task,) = tasks(tmp_path, 5)
        task.target.symlink_to(tmp_path / "elsewhere")

        with pytest.raises(MediaError, match="File exists"):
            list(seal_files(sealer, [task]))
        assert not (tmp_path / "elsewhere").exists()

    def test_a_missing_folder_is_named(self, sealer: Sealer, tmp_path: Path) -> None:
        (task,) = tasks(tmp_path, 5)
        (tmp_path / "out").rmdir()

        with pytest.raises(MediaError, match=r"IM0 cannot be written: No such file") as caught:
            list(seal_files(sealer, [task]))
        assert str(tmp_path / "out") in caught.value.hint
