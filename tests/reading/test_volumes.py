"""One contract that every kind of medium keeps, and what each does with what is hostile."""

from __future__ import annotations

import io
import os
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mediastation.errors import MediaError
from mediastation.reading.contract import ImageVolume, Volume
from mediastation.reading.volume import FolderVolume, IsoVolume, MemoryVolume, open_volume
from tests.media.support import medium_files, write_fat
from tests.support.file_sets import good_file_set, write_folder, write_image

Maker = Callable[[dict[str, bytes], Path], Volume]
FILES = {**good_file_set(), "EMPTY": b""}


def memory(files: dict[str, bytes], _: Path) -> Volume:
    return MemoryVolume(files)


def folder(files: dict[str, bytes], tmp_path: Path) -> Volume:
    return open_volume(write_folder(files, tmp_path / "tree"))


def iso(files: dict[str, bytes], tmp_path: Path) -> Volume:
    return open_volume(write_image(files, tmp_path))


def fat(files: dict[str, bytes], tmp_path: Path) -> Volume:
    write_fat(tmp_path / "usb.img", medium_files(tmp_path / "sources", files))
    return open_volume(tmp_path / "usb.img")


def stored(files: dict[str, bytes], tmp_path: Path, method: int = zipfile.ZIP_STORED) -> Volume:
    with zipfile.ZipFile(tmp_path / "made.zip", "w", method) as archive:
        for path, content in files.items():
            archive.writestr(path, content)
    return open_volume(tmp_path / "made.zip")


def deflated(files: dict[str, bytes], tmp_path: Path) -> Volume:
    return stored(files, tmp_path, zipfile.ZIP_DEFLATED)


@pytest.fixture(
    params=[memory, folder, iso, fat, stored, deflated], ids=lambda maker: maker.__name__
)
def volume(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Volume]:
    with request.param(FILES, tmp_path) as opened:
        yield opened


class TestEveryVolume:
    def test_lists_each_file_once_with_its_size(self, volume: Volume) -> None:
        listed = [(file.path, file.size_bytes) for file in volume.iter_files()]

        assert sorted(listed) == sorted((path, len(data)) for path, data in FILES.items())
        assert [(file.path, file.size_bytes) for file in volume.iter_files()] == listed

    def test_gives_back_the_bytes(self, volume: Volume) -> None:
        for file in volume.iter_files():
            with volume.open(file.path) as stream:
                assert stream.read() == FILES[file.path]

    def test_streams_can_seek_and_end(self, volume: Volume) -> None:
        content = FILES["DICOM/S1/I3"]
        with volume.open("DICOM/S1/I3") as stream:
            assert stream.seek(0, io.SEEK_END) == len(content)
            assert stream.read(1) == b""
            assert stream.seek(2040) == 2040
            assert stream.read(16) == content[2040:2056]
            assert stream.seek(-5, io.SEEK_END) == len(content) - 5
            assert stream.read() == content[-5:]
            stream.seek(len(content) + 100)
            assert stream.read() == b""

    def test_streams_do_not_share_a_position(self, volume: Volume) -> None:
        with volume.open("DICOMDIR") as one, volume.open("DICOMDIR") as two:
            one.read(100)
            assert two.read(100) == FILES["DICOMDIR"][:100]

    def test_streams_cannot_be_written(self, volume: Volume) -> None:
        with volume.open("DICOMDIR") as stream, pytest.raises(io.UnsupportedOperation):
            stream.write(b"x")

    def test_has_no_file_that_is_not_there(self, volume: Volume) -> None:
        for path in ("DICOM/S1/I9", "DICOM", "", "/DICOMDIR", "../DICOMDIR", "dicomdir"):
            with pytest.raises(MediaError):
                volume.open(path)

    def test_finds_the_exact_name_and_forgives_nothing(self, volume: Volume) -> None:
        found = volume.find(["DICOM", "S2", "I1"])

        assert found is not None
        assert (found.file.path, found.tolerated) == ("DICOM/S2/I1", ())

    @pytest.mark.parametrize(
        ("asked", "forgiven"),
        [
            (["dicom", "S2", "i1"], ("letter case",)),
            (["DICOM", "S2", "I1.;1"], ("version number", "trailing dot")),
            (["DICOM", "S2", "I1;1"], ("version number",)),
            (["DICOM", "S2", "I1."], ("trailing dot",)),
            (["DICOM", "S2", "I1 "], ("blank at the end",)),
            (["DICOM/S2/I1"], ("separator inside a component",)),
            (["DICOM\\S2", "I1"], ("separator inside a component",)),
        ],
    )
    def test_finds_other_spellings_and_says_what_it_forgave(
        self, volume: Volume, asked: list[str], forgiven: tuple[str, ...]
    ) -> None:
        found = volume.find(asked)

        assert found is not None
        assert found.file.path == "DICOM/S2/I1"
        assert found.tolerated == forgiven

    @pytest.mark.parametrize(
        "asked",
        [
            [], [""], ["..", "DICOMDIR"], ["", "DICOMDIR"], [".", "DICOMDIR"], ["DICOM"],
            ["DICOM", "..", "DICOMDIR"], ["DICOM", "S2", "I9"], ["DICOMDIR", ""],
            ["/DICOMDIR"], ["C:", "DICOMDIR"], ["DICOM/../DICOMDIR"],
        ],
    )  # fmt: skip
    def test_never_finds_by_climbing(self, volume: Volume, asked: list[str]) -> None:
        assert volume.find(asked) is None

    def test_has_nothing_to_say_about_what_is_right(self, volume: Volume) -> None:
        assert volume.findings == ()
        assert volume.name


def test_only_images_have_spans(tmp_path: Path) -> None:
    assert not isinstance(memory(FILES, tmp_path), ImageVolume)
    assert not isinstance(folder(FILES, tmp_path / "a"), ImageVolume)
    with iso(FILES, tmp_path / "b") as volume:
        assert isinstance(volume, ImageVolume)


class TestFolder:
    def test_links_are_not_followed(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        (root / "LINK").symlink_to(tmp_path / "secret")
        (root / "LOOP").symlink_to(root)

        volume = FolderVolume(root)

        assert [file.path for file in volume.iter_files()] == ["A"]
        assert {(f.rule, f.subject) for f in volume.findings} == {
            ("symbolic-link", "LINK"),
            ("symbolic-link", "LOOP"),
        }

    def test_a_file_replaced_by_a_link_is_not_opened(self, tmp_path: Path) -> None:
        (tmp_path / "secret").write_bytes(b"secret")
        root = write_folder({"A": b"a", "D/B": b"b"}, tmp_path / "tree")
        volume = FolderVolume(root)
        (root / "A").unlink()
        (root / "A").symlink_to(tmp_path / "secret")
        outside = write_folder({"B": b"secret"}, tmp_path / "outside")
        (root / "D" / "B").unlink()
        (root / "D").rmdir()
        (root / "D").symlink_to(outside)

        for path in ("A", "D/B"):
            with pytest.raises(MediaError):
                volume.open(path)

    def test_pipes_are_not_opened(self, tmp_path: Path) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        os.mkfifo(root / "PIPE")
        volume = FolderVolume(root)
        (root / "A").unlink()
        os.mkfifo(root / "A")

        assert [(f.rule, f.subject) for f in volume.findings] == [("special-file", "PIPE")]
        with pytest.raises(MediaError):
            volume.open("A")

    def test_too_many_levels_are_not_entered(self, tmp_path: Path) -> None:
        deep = "/".join(["D"] * 40)
        root = write_folder({"A": b"a", f"{deep}/B": b"b"}, tmp_path / "tree")

        volume = FolderVolume(root)

        assert [file.path for file in volume.iter_files()] == ["A"]
        assert [f.rule for f in volume.findings] == ["too-deep"]

    def test_names_that_could_mislead_are_shown_harmless_and_still_open(
        self, tmp_path: Path
    ) -> None:
        root = write_folder({"A": b"a"}, tmp_path / "tree")
        for name in (b"ev\x1b[2Jil", b"back\\slash", b"\xff\xfe", b"new\nline"):
            (root / os.fsdecode(name)).write_bytes(name)

        volume = FolderVolume(root)

        shown = {file.path: volume.open(file.path) for file in volume.iter_files()}
        assert set(shown) == {"A", "back%5Cslash", "ev%1B[2Jil", "new%0Aline", "%DCFF%DCFE"}
        for stream in shown.values():
            with stream:
                assert stream.read()


class TestOpening:
    def test_what_is_not_there_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(MediaError, match="No such file"):
            open_volume(tmp_path / "none")

    @pytest.mark.parametrize(
        ("content", "word"),
        [
            (b"", "empty"),
            (b"PK\x03\x04" + bytes(100), "ZIP"),
            (b"hello", "no ISO 9660"),
            (b"7z\xbc\xaf\x27\x1c" + bytes(100), "7z archive"),
            (b"Rar!\x1a\x07\x01\0" + bytes(100_000), "RAR archive"),
            (b"x".ljust(257, b"\0") + b"ustar" + bytes(100_000), "tar archive"),
            (bytes(100_000), "no ISO 9660"),
            (b"\xeb\x3c\x90" + bytes(507) + b"\x55\xaa" + bytes(40_000), "FAT"),
            (bytes(32768) + b"\0BEA01" + bytes(2042) + b"\0NSR02" + bytes(4000), "UDF"),
            (b"\0" + b"\xff" * 10 + b"\0" + bytes(2352 * 20), "2352"),
        ],
    )
    def test_other_kinds_of_media_are_named(
        self, tmp_path: Path, content: bytes, word: str
    ) -> None:
        path = tmp_path / "medium"
        path.write_bytes(content)

        with pytest.raises(MediaError, match=word) as raised:
            open_volume(path)

        assert raised.value.hint

    def test_a_pipe_is_refused_without_waiting(self, tmp_path: Path) -> None:
        os.mkfifo(tmp_path / "pipe")

        with pytest.raises(MediaError, match="neither a file nor a block device"):
            open_volume(tmp_path / "pipe")

    def test_a_name_that_no_system_takes_is_refused(self) -> None:
        with pytest.raises(MediaError):
            open_volume(Path("nul\0byte"))

    def test_closing_twice_is_harmless(self, tmp_path: Path) -> None:
        volume = IsoVolume(write_image(FILES, tmp_path))
        volume.close()
        volume.close()
