"""Folders that lead in circles, never end, or change while they are read."""

from __future__ import annotations

import os
import socket
import stat
import threading
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.reading import folder
from mediastation.reading.folder import FolderVolume
from tests.support.file_sets import write_folder


def rules(volume: FolderVolume) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in volume.findings]


class TestEntriesThatAreNoFiles:
    def test_links_pipes_and_sockets_are_named_and_not_opened(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        (root / "LINK").symlink_to("/etc/passwd")
        (root / "NOWHERE").symlink_to("nowhere")
        os.mkfifo(root / "PIPE")
        monkeypatch.chdir(root)  # the name of a socket has to be short
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind("SOCKET")

        volume = FolderVolume(root)

        assert [file.path for file in volume.iter_files()] == ["A"]
        assert rules(volume) == [
            ("symbolic-link", "LINK"), ("symbolic-link", "NOWHERE"),
            ("special-file", "PIPE"), ("special-file", "SOCKET"),
        ]  # fmt: skip

    def test_devices_are_not_opened(self, tmp_path: Path) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        try:
            os.mknod(root / "NULL", stat.S_IFCHR | 0o666, os.makedev(1, 3))
        except PermissionError:
            pytest.skip("only root makes devices")

        assert rules(FolderVolume(root)) == [("special-file", "NULL")]

    def test_a_file_that_became_a_device_or_pipe_is_not_read(self, tmp_path: Path) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        with FolderVolume(root) as volume:
            (root / "A").unlink()
            os.mkfifo(root / "A")

            with pytest.raises(MediaError, match="no longer a file"):
                volume.open("A")


class TestDepth:
    def test_three_hundred_levels_are_one_finding(self, tmp_path: Path) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        handle = os.open(root, os.O_RDONLY)
        for _ in range(300):
            os.mkdir("D", dir_fd=handle)
            inner = os.open("D", os.O_RDONLY | os.O_DIRECTORY, dir_fd=handle)
            os.close(handle)
            handle = inner
        try:
            volume = FolderVolume(root)
        finally:
            _unmake(handle)

        assert [file.path for file in volume.iter_files()] == ["A"]
        assert [finding.rule for finding in volume.findings] == ["too-deep"]


def _unmake(handle: int) -> None:
    """Remove a chain of folders from its lowest on: its paths are too long for any other way."""
    for _ in range(300):
        above = os.open("..", os.O_RDONLY | os.O_DIRECTORY, dir_fd=handle)
        os.close(handle)
        handle = above
        os.rmdir("D", dir_fd=handle)
    os.close(handle)


class Circle:
    """Stands in for `os.scandir` on file systems that can be made to lead anywhere."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, places: dict[str, list[str]]) -> None:
        self._places = places
        self.listed = 0
        self._really = os.scandir
        monkeypatch.setattr(folder.os, "scandir", self)

    def __call__(self, path: Path) -> object:
        self.listed += 1
        last = Path(path).name
        return _Listing([_Entry(name) for name in self._places.get(last, ())])


class _Listing:
    def __init__(self, entries: list[_Entry]) -> None:
        self._entries = entries

    def __enter__(self) -> Iterator[_Entry]:
        return iter(self._entries)

    def __exit__(self, *_: object) -> None: ...


class _Entry:
    """A folder whose place is told by its name, as hard links to folders would be."""

    def __init__(self, name: str) -> None:
        self.name = name

    def stat(self, *, follow_symlinks: bool) -> os.stat_result:
        assert not follow_symlinks
        mode = stat.S_IFDIR if self.name[0] in "DE" else stat.S_IFREG
        return os.stat_result(
            (mode | 0o755, zlib.crc32(self.name.encode()), 99, 1, 0, 0, 7, 0, 0, 0)
        )


class TestCircles:
    def test_a_folder_that_lies_in_itself_is_not_entered_again(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        circle = Circle(monkeypatch, {tmp_path.name: ["D", "F"], "D": ["E", "G"], "E": ["D", "H"]})

        volume = FolderVolume(tmp_path)

        assert rules(volume) == [("directory-loop", "D/E/D")]
        assert {file.path for file in volume.iter_files()} == {"F", "D/G", "D/E/H"}
        assert circle.listed == 4

    def test_folders_that_multiply_come_to_an_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each folder leads twice to the next: 2 to the 31st ways, and no circle."""
        places = {f"D{n}x": [f"D{n + 1}x", f"D{n + 1}x"] for n in range(40)}
        Circle(monkeypatch, {**places, tmp_path.name: ["D0x", "D0x"]})
        monkeypatch.setattr(folder, "MAX_DIRECTORIES", 2000)

        volume = FolderVolume(tmp_path)

        assert "too-many-directories" in {rule for rule, _ in rules(volume)}

    def test_the_limit_is_one_that_no_medium_reaches(self) -> None:
        assert 100_000 <= folder.MAX_DIRECTORIES <= 500_000


class TestTrouble:
    def test_what_could_be_listed_before_a_folder_failed_is_kept(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Failing(_Listing):
            def __enter__(self) -> Iterator[_Entry]:
                yield from self._entries
                raise OSError(5, "Input/output error")

        listings = iter([_Listing([]), Failing([_Entry("F1"), _Entry("F2")])])
        monkeypatch.setattr(folder.os, "scandir", lambda _: next(listings))

        volume = FolderVolume(tmp_path)

        assert [file.path for file in volume.iter_files()] == ["F1", "F2"]
        assert rules(volume) == [("unreadable", "")]

    def test_an_entry_that_cannot_be_asked_what_it_is_is_named(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Broken(_Entry):
            def stat(self, **_: bool) -> os.stat_result:
                raise OSError(5, "Input/output error")

        listings = iter([_Listing([]), _Listing([_Entry("F1"), Broken("F2"), _Entry("F3")])])
        monkeypatch.setattr(folder.os, "scandir", lambda _: next(listings))

        volume = FolderVolume(tmp_path)

        assert [file.path for file in volume.iter_files()] == ["F1", "F3"]
        assert rules(volume) == [("unreadable", "F2")]

    def test_a_folder_that_is_too_full_is_not_listed_to_its_end(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(folder, "MAX_FILES", 50)
        root = write_folder({f"F{n:04}": b"" for n in range(200)}, tmp_path / "tree")

        volume = FolderVolume(root)

        assert len(list(volume.iter_files())) == 50
        assert rules(volume) == [("too-many-files", "")]

    def test_changing_while_it_is_read_never_leads_outside(self, tmp_path: Path) -> None:
        """Whoever swaps folder and link as fast as can be gets nobody out of the root."""
        outside = write_folder({"B": b"secret"}, tmp_path / "outside")
        root = write_folder({"D/B": b"b"}, tmp_path / "tree")
        volume = FolderVolume(root)
        stop = threading.Event()

        def swap() -> None:
            while not stop.is_set():
                (root / "D").rename(root / "D2")
                (root / "D").symlink_to(outside)
                (root / "D").unlink()
                (root / "D2").rename(root / "D")

        swapping = threading.Thread(target=swap)
        swapping.start()
        try:
            for _ in range(2000):
                volume.close()  # the folder that was read last is not held
                try:
                    with volume.open("D/B") as stream:
                        assert stream.read() == b"b"
                except MediaError:
                    pass
        finally:
            stop.set()
            swapping.join()
