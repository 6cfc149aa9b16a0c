"""ZIP files as media: what Python's zipfile packs is read; what is hostile costs nothing."""

from __future__ import annotations

import io
import random
import stat
import struct
import subprocess
import zipfile
import zlib
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.reading.contract import ContainerVolume
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import ZipVolume, open_volume
from mediastation.verify.verifier import verify_medium
from tests.support.file_sets import good_file_set
from tests.support.peers import peer, run_peer

LARGE = b"".join(b"%08d" % number for number in range(200_000))
FILES = {**good_file_set(), "EMPTY": b"", "LARGE": LARGE, "NOISE": random.Random(2).randbytes(9000)}


def packed(path: Path, files: dict[str, bytes] = FILES, method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return path


def entry(name: str, *, mode: int = 0, flags: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.filename = name  # the constructor cuts and turns what it takes for wrong
    info.create_system = 3
    info.external_attr = mode << 16
    info.flag_bits = flags
    return info


def rules(path: Path) -> set[tuple[str, str]]:
    with ZipVolume(path) as volume:
        return {(finding.rule, finding.subject) for finding in volume.findings}


def patched(path: Path, change: Callable[[bytearray], None]) -> Path:
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


class TestGoodArchives:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_every_file_is_given_back(self, tmp_path: Path, method: int) -> None:
        with open_volume(packed(tmp_path / "a.zip", method=method)) as volume:
            assert isinstance(volume, ContainerVolume)
            assert volume.findings == ()
            assert {file.path for file in volume.iter_files()} == set(FILES)
            for file in volume.iter_files():
                with volume.open(file.path) as stream:
                    assert stream.read() == FILES[file.path]

    @pytest.mark.parametrize("command", [("7z", "a"), ("bsdtar", "-a", "-cf")])
    def test_other_programs_archives_are_read(
        self, tmp_path: Path, command: tuple[str, ...]
    ) -> None:
        """Among them streamed ones, whose sizes stand behind each file."""
        names = []
        for name, content in FILES.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).write_bytes(content)
            names.append(name)
        program, *options = command
        subprocess.run(
            [peer(program), *options, "made.zip", *names],
            cwd=tmp_path, check=True, capture_output=True,
        )  # fmt: skip

        with open_volume(tmp_path / "made.zip") as volume:
            assert volume.findings == ()
            for name, content in FILES.items():
                with volume.open(name) as stream:
                    assert stream.read() == content

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_streams_are_read_at_any_position(self, tmp_path: Path, method: int) -> None:
        dice = random.Random(3)
        with ZipVolume(packed(tmp_path / "a.zip", method=method)) as volume:
            stream = volume.open("LARGE")
            for _ in range(300):
                at, length = dice.randrange(len(LARGE)), dice.randrange(40_000)
                stream.seek(at)
                assert stream.read(length) == LARGE[at : at + length]

    def test_what_stands_before_and_behind_is_said(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip")
        path.write_bytes(b"stub" * 10 + path.read_bytes() + b"tail")

        with ZipVolume(path) as volume:
            assert [finding.rule for finding in volume.findings] == ["zip-tail", "zip-prefix"]
            with volume.open("LARGE") as stream:
                assert stream.read() == LARGE

    def test_an_empty_archive_has_no_files(self, tmp_path: Path) -> None:
        with open_volume(packed(tmp_path / "a.zip", {})) as volume:
            assert list(volume.iter_files()) == []


class TestNames:
    @pytest.mark.parametrize(
        ("name", "path"),
        [
            ("../UP", "%2E%2E/UP"),
            ("A/../../UP", "A/%2E%2E/%2E%2E/UP"),
            ("/etc/passwd", "%/etc/passwd"),
            ("C:/WINDOWS/X", "C%3A/WINDOWS/X"),
            ("C:X", "C%3AX"),
            ("A//B", "A/%/B"),
        ],
    )
    def test_what_leads_out_is_named_and_made_safe(
        self, tmp_path: Path, name: str, path: str
    ) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(entry(name), b"x")

        assert rules(tmp_path / "a.zip") == {("climbing-name", path)}
        with ZipVolume(tmp_path / "a.zip") as volume:
            assert [file.path for file in volume.iter_files()] == [path]
            assert volume.find(name.split("/")) is None

    def test_backslashes_separate(self, tmp_path: Path) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(entry("DICOM\\A"), b"x")
            archive.writestr(entry("..\\B"), b"x")

        with ZipVolume(tmp_path / "a.zip") as volume:
            assert [file.path for file in volume.iter_files()] == ["DICOM/A", "%2E%2E/B"]
            assert {finding.rule for finding in volume.findings} == {
                "zip-separator", "climbing-name",
            }  # fmt: skip

    def test_of_files_with_one_name_each_is_listed_and_it_is_an_error(self, tmp_path: Path) -> None:
        """Two series that a program flattened into one folder: neither may be lost."""
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr("A", b"one")
            for content in (b"two", b"three"):
                with pytest.warns(UserWarning, match="Duplicate"):
                    archive.writestr("A", content)

        assert rules(tmp_path / "a.zip") == {("duplicate-name", "A")}
        with ZipVolume(tmp_path / "a.zip") as volume:
            found = {file.path: volume.open(file.path).read() for file in volume.iter_files()}
        assert found == {"A": b"one", "A%2": b"two", "A%3": b"three"}

    @pytest.mark.parametrize(
        ("names", "expected"),
        [
            (("A/b", "A/B"), ("case-clash", "A/B")),
            (("A/B", "A"), ("duplicate-name", "A")),
            (("A\x1bB",), ("unsafe-name", "A%1BB")),
            (("x" * 2000,), ("too-long-name", "x" * 80)),
            (("/".join("A" * 40),), ("too-deep", "/".join("A" * 40))),
        ],
    )
    def test_others_that_clash_or_steer_are_said(
        self, tmp_path: Path, names: tuple[str, ...], expected: tuple[str, str]
    ) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            for name in names:
                archive.writestr(entry(name), b"x")

        assert rules(tmp_path / "a.zip") == {expected}

    @pytest.mark.parametrize(
        ("mode", "rule"), [(stat.S_IFLNK, "symbolic-link"), (stat.S_IFIFO, "special-file")]
    )
    def test_links_and_devices_are_not_listed(self, tmp_path: Path, mode: int, rule: str) -> None:
        with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
            archive.writestr(entry("A", mode=mode | 0o777), b"/etc/passwd")

        assert rules(tmp_path / "a.zip") == {(rule, "A")}
        with ZipVolume(tmp_path / "a.zip") as volume:
            assert list(volume.iter_files()) == []


def central(data: bytearray, number: int = 0) -> int:
    """Where the central directory's entry of that number begins."""
    at = -1
    for _ in range(number + 1):
        at = data.index(b"PK\x01\x02", at + 1)
    return at


class TestHostileContent:
    def test_an_encrypted_file_is_listed_and_not_opened(self, tmp_path: Path) -> None:
        (tmp_path / "A").write_bytes(b"secret")
        run_peer("7z", "a", "-ptest", tmp_path / "a.zip", tmp_path / "A")

        assert rules(tmp_path / "a.zip") == {("encrypted", "A")}
        with ZipVolume(tmp_path / "a.zip") as volume, pytest.raises(MediaError, match="encrypted"):
            volume.open("A")

    def test_other_methods_are_named(self, tmp_path: Path) -> None:
        assert rules(packed(tmp_path / "a.zip", {"A": b"x"}, zipfile.ZIP_BZIP2)) == {
            ("zip-method", "A")
        }

    def test_a_file_that_claims_more_than_deflate_can_hold_is_not_opened(
        self, tmp_path: Path
    ) -> None:
        path = packed(tmp_path / "a.zip", {"A": b"x" * 1000})
        patched(path, lambda data: struct.pack_into("<L", data, central(data) + 24, 1 << 31))

        assert rules(path) == {("archive-bomb", "A")}
        with ZipVolume(path) as volume, pytest.raises(MediaError):
            volume.open("A")

    def test_an_archive_that_unpacks_to_far_too_much_is_not_followed(self, tmp_path: Path) -> None:
        """Eight files of 256 MiB of zeros in 2 MB; what is beyond the limit is not opened."""
        packer = zlib.compressobj(9, zlib.DEFLATED, -15)
        piece, crc, size = bytes(1 << 20), 0, 256 << 20
        content = bytearray()
        for _ in range(256):
            content += packer.compress(piece)
            crc = zlib.crc32(piece, crc)
        content += packer.flush()
        data, directory = bytearray(), bytearray()
        for number in range(8):
            name = b"A%d" % number
            numbers = (20, 0, 8, 0, 33, crc, len(content), size, len(name), 0)
            directory += struct.pack("<4sH5H3L5H2L", b"PK\1\2", 20, *numbers, 0, 0, 0, 0, len(data))
            directory += name
            data += struct.pack("<4s5H3L2H", b"PK\3\4", *numbers) + name + content
        end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 8, 8, len(directory), len(data), 0)
        (tmp_path / "a.zip").write_bytes(data + directory + end)

        found = rules(tmp_path / "a.zip")

        assert {rule for rule, _ in found} == {"archive-bomb"}
        assert ("archive-bomb", "A7") in found
        assert ("archive-bomb", "A0") not in found

    def test_files_that_share_bytes_are_not_opened(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip", {"A": b"a" * 5000, "B": b"b" * 5000}, zipfile.ZIP_STORED)
        patched(path, lambda data: struct.pack_into("<L", data, central(data, 1) + 42, 10))

        assert "overlap" in {rule for rule, _ in rules(path)}
        with ZipVolume(path) as volume:
            for name in "AB":
                with pytest.raises(MediaError):
                    volume.open(name)

    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_damaged_content_is_told_when_it_was_read(self, tmp_path: Path, method: int) -> None:
        path = packed(tmp_path / "a.zip", {"LARGE": LARGE}, method)
        patched(path, lambda data: data.__setitem__(len(data) // 2, data[len(data) // 2] ^ 1))

        with (
            ZipVolume(path) as volume,
            volume.open("LARGE") as stream,
            pytest.raises(OSError, match=r"checksum|inflated|ends before"),
        ):
            list(iter(partial(stream.read, 10_000), b""))
        assert ("unreadable-file", "LARGE") in {
            (finding.rule, finding.subject) for finding in verify_medium(path).findings
        }

    @pytest.mark.parametrize("at", [8, 14, 18, 22, 30])
    def test_a_header_that_contradicts_the_directory_is_told(self, tmp_path: Path, at: int) -> None:
        """Method, checksum, both sizes and the name: programs differ in which they believe."""
        path = packed(tmp_path / "a.zip", {"ABCDEF": LARGE})
        patched(path, lambda data: data.__setitem__(at, data[at] ^ 1))

        with ZipVolume(path) as volume, pytest.raises(MediaError, match="contradicts"):
            volume.open("ABCDEF")


class TestDamagedDirectory:
    @pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    def test_without_its_end_the_files_are_found_by_their_own_headers(
        self, tmp_path: Path, method: int
    ) -> None:
        path = packed(tmp_path / "a.zip", method=method)
        path.write_bytes(path.read_bytes()[:-30])

        with open_volume(path) as volume:
            assert [finding.rule for finding in volume.findings] == ["zip-salvaged"]
            assert {file.path for file in volume.iter_files()} == set(FILES)
            for file in volume.iter_files():
                with volume.open(file.path) as stream:
                    assert stream.read() == FILES[file.path]

    def test_streamed_files_are_found_where_their_sizes_say(self, tmp_path: Path) -> None:
        """bsdtar writes the sizes behind each file, deflated or stored."""
        for method in ("deflate", "store"):
            root = tmp_path / method
            root.mkdir()
            for name in ("LARGE", "NOISE"):
                (root / name).write_bytes(FILES[name])
            path = tmp_path / f"{method}.zip"
            options = ("--format", "zip", "--options", f"zip:compression={method}")
            made = subprocess.run(
                [peer("bsdtar"), *options, "-C", root, "-cf", "-", "LARGE", "NOISE"],
                check=True,
                capture_output=True,
            )
            path.write_bytes(made.stdout[: made.stdout.index(b"PK\1\2")])

            with open_volume(path) as volume:
                assert {file.path for file in volume.iter_files()} == {"LARGE", "NOISE"}
                for file in volume.iter_files():
                    with volume.open(file.path) as stream:
                        assert stream.read() == FILES[file.path]

    def test_an_archive_within_is_stepped_over(self, tmp_path: Path) -> None:
        inner = packed(tmp_path / "b.zip", {"B": b"b"}).read_bytes()
        path = packed(tmp_path / "a.zip", {"INNER": inner, "A": b"a"}, zipfile.ZIP_STORED)
        path.write_bytes(path.read_bytes()[:-30])

        with open_volume(path) as volume:
            assert {file.path for file in volume.iter_files()} == {"INNER", "A"}

    def test_a_file_that_is_there_twice_is_shown_twice(self, tmp_path: Path) -> None:
        first, second = (
            packed(tmp_path / name, {"A": name.encode()}).read_bytes() for name in ("1", "2")
        )
        path = tmp_path / "a.zip"
        path.write_bytes(first[: first.index(b"PK\1\2")] + second[: second.index(b"PK\1\2")])

        with open_volume(path) as volume:
            assert [file.path for file in volume.iter_files()] == ["A", "A%2"]
            with volume.open("A%2") as stream:
                assert stream.read() == b"2"

    def test_streams_without_an_end_cost_no_more_than_a_few_passes(self, tmp_path: Path) -> None:
        """Each header promises a file that ends nowhere."""
        header = struct.pack("<4s5H3L2H", b"PK\3\4", 20, 8, 0, 0, 33, 0, 0, 0, 1, 0) + b"A"
        path = tmp_path / "a.zip"
        path.write_bytes(header * 20_000)
        read = 0

        class Counting(RandomAccess):
            def read_at(self, offset: int, length: int) -> bytes:
                nonlocal read
                piece = super().read_at(offset, length)
                read += len(piece) if length > 4096 else 0
                return piece

        with pytest.raises(MediaError, match="end is missing"):
            open_volume(path, opener=Counting)
        assert read < 12 * len(header) * 20_000 + (20_000 * 31)

    def test_one_bomb_keeps_nothing_else_out(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip", {"BOMB": bytes(64 << 20), **FILES})
        content = bytearray(path.read_bytes())
        size = struct.pack("<L", 64 << 20)
        while (at := content.find(size)) >= 0:
            content[at : at + 4] = struct.pack("<L", 0xF0000000)
        path.write_bytes(content)

        with ZipVolume(path) as volume:
            assert {(f.rule, f.subject) for f in volume.findings} == {("archive-bomb", "BOMB")}
            for name, content in FILES.items():
                with volume.open(name) as stream:
                    assert stream.read() == content

    def test_what_has_no_header_left_is_no_medium(self, tmp_path: Path) -> None:
        path = tmp_path / "a.zip"
        path.write_bytes(b"PK\3\4" + bytes(400))

        with pytest.raises(MediaError, match="end is missing") as raised:
            open_volume(path)
        assert raised.value.hint

    def test_what_a_damaged_one_still_lists_is_no_more_than_its_files(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip", {"A": b"a", "B": b"b", "C": b"c"})
        patched(path, lambda data: data.__setitem__(central(data, 2), 0))

        with ZipVolume(path) as volume:
            assert [file.path for file in volume.iter_files()] == ["A", "B", "C"]
            assert [finding.rule for finding in volume.findings] == ["zip-salvaged"]

    def test_a_wrong_count_is_said(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip", {"A": b"a"})
        patched(path, lambda data: struct.pack_into("<2H", data, len(data) - 14, 2, 2))

        assert rules(path) == {("zip-directory", "")}

    def test_a_part_of_a_split_archive_is_named(self, tmp_path: Path) -> None:
        path = packed(tmp_path / "a.zip", {"A": b"a"})
        patched(path, lambda data: struct.pack_into("<H", data, len(data) - 18, 1))

        with pytest.raises(MediaError, match="split"):
            ZipVolume(path)

    @settings(
        max_examples=300,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.tuples(st.integers(0, 1 << 20), st.integers(0, 255)), min_size=1), st.data())
    def test_no_damage_stops_it_or_gives_wrong_bytes(
        self, tmp_path: Path, changes: list[tuple[int, int]], data: st.DataObject
    ) -> None:
        """Whatever is changed, a file is read as it was, or told; checksums make slips rare."""
        files = {"A": b"a" * 3000, "B/C": bytes(range(256)) * 9, "D": b""}
        method = data.draw(st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
        path = packed(tmp_path / "a.zip", files, method)
        content = bytearray(path.read_bytes())
        for at, value in changes:
            content[at % len(content)] = value
        path.write_bytes(content)
        try:
            volume = ZipVolume(path)
        except MediaError:
            return
        with volume:
            for file in volume.iter_files():
                try:
                    with volume.open(file.path) as stream:
                        read = stream.read()
                except (MediaError, OSError):
                    continue
                assert read in files.values()


def test_a_position_is_what_the_caller_asked_for(tmp_path: Path) -> None:
    with ZipVolume(packed(tmp_path / "a.zip")) as volume, volume.open("LARGE") as stream:
        assert stream.seek(-8, io.SEEK_END) == len(LARGE) - 8
        assert stream.read() == LARGE[-8:]
        assert stream.tell() == len(LARGE)
