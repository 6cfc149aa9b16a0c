"""ISO 9660 images that lie: whatever their numbers claim, reading ends and says so."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.reading import iso_tree
from mediastation.reading.iso9660 import IsoVolume
from mediastation.verify import verify_medium
from tests.support.file_sets import SECTOR, good_file_set, write_image

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))


def both(value: int, width: int = 4) -> bytes:
    return value.to_bytes(width, "little") + value.to_bytes(width, "big")


def record(name: bytes, block: int, size: int, flags: int = 0) -> bytes:
    body = (
        b"\0" + both(block) + both(size) + b"\x7c\1\1\0\0\0\0"
        + bytes([flags, 0, 0]) + both(1, 2) + bytes([len(name)]) + name
    )  # fmt: skip
    body += b"" if len(name) % 2 else b"\0"
    return bytes([len(body) + 1]) + body


def built(
    directories: dict[int, bytes], *, size: int = 64, root: tuple[int, int] = (20, SECTOR)
) -> bytes:
    """An image with the given directory contents by sector; the root lies in sector 20."""
    primary = bytearray(SECTOR)
    primary[0:7] = b"\x01CD001\x01"
    primary[8:72] = b" " * 64
    primary[80:88] = both(size)
    primary[120:132] = both(1, 2) + both(1, 2) + both(SECTOR, 2)
    primary[132:140] = both(10)
    primary[140:144] = struct.pack("<I", 18)
    primary[148:152] = struct.pack(">I", 19)
    primary[156:190] = record(b"\0", *root, 2)
    primary[881] = 1
    image = bytearray(size * SECTOR)
    image[16 * SECTOR : 17 * SECTOR] = primary
    image[17 * SECTOR : 17 * SECTOR + 7] = b"\xffCD001\x01"
    image[18 * SECTOR : 18 * SECTOR + 10] = b"\x01\0" + struct.pack("<I", root[0]) + b"\1\0\0\0"
    image[19 * SECTOR : 19 * SECTOR + 10] = b"\x01\0" + struct.pack(">I", root[0]) + b"\0\1\0\0"
    for sector, content in directories.items():
        image[sector * SECTOR : sector * SECTOR + len(content)] = content
    return bytes(image)


def dots(own: int, parent: int, size: int = SECTOR) -> bytes:
    return record(b"\0", own, size, 2) + record(b"\1", parent, SECTOR, 2)


def opened(tmp_path: Path, content: bytes) -> IsoVolume:
    path = tmp_path / "image"
    path.write_bytes(content)
    return IsoVolume(path)


def rules(volume: IsoVolume) -> list[str]:
    return [finding.rule for finding in volume.findings]


def test_the_builder_builds_what_is_right(tmp_path: Path) -> None:
    with opened(tmp_path, built({20: dots(20, 20) + record(b"A.;1", 30, 3), 30: b"abc"})) as volume:
        assert volume.findings == ()
        assert [(file.path, file.recorded) for file in volume.iter_files()] == [("A", "A.;1")]
        assert volume.open("A").read() == b"abc"


def test_a_directory_that_holds_itself_is_entered_once(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"LOOP", 20, SECTOR, 2) + record(b"A.;1", 30, 3)
    with opened(tmp_path, built({20: root, 30: b"abc"})) as volume:
        assert rules(volume) == ["directory-loop"]
        assert [file.path for file in volume.iter_files()] == ["A"]


def test_directories_that_hold_each_other_are_entered_once(tmp_path: Path) -> None:
    content = built(
        {
            20: dots(20, 20) + record(b"ONE", 21, SECTOR, 2),
            21: dots(21, 20) + record(b"TWO", 22, SECTOR, 2),
            22: dots(22, 21) + record(b"ONE", 21, SECTOR, 2) + record(b"ROOT", 20, SECTOR, 2),
        }
    )
    with opened(tmp_path, content) as volume:
        assert rules(volume) == ["directory-loop", "directory-loop"]


def test_a_very_long_chain_of_directories_is_cut(tmp_path: Path) -> None:
    depth = 5000
    chain = {20: dots(20, 20) + record(b"D", 21, SECTOR, 2)}
    for level in range(1, depth):
        chain[20 + level] = dots(20 + level, 19 + level) + record(b"D", 21 + level, SECTOR, 2)
    with opened(tmp_path, built(chain, size=depth + 30)) as volume:
        assert rules(volume) == ["too-deep"]
        assert len(volume.directories) == 32


def test_a_very_wide_tree_is_cut(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(iso_tree, "MAX_FILES", 20)
    monkeypatch.setattr(iso_tree, "MAX_DIRECTORIES", 3)
    names = b"".join(record(f"F{n}.;1".encode(), 30, 3) for n in range(40))
    folders = b"".join(record(f"D{n}".encode(), 22 + n, SECTOR, 2) for n in range(6))
    with opened(tmp_path, built({20: dots(20, 20) + folders + names})) as volume:
        assert {"too-many-directories", "too-many-files"} <= set(rules(volume))
        assert len(list(volume.iter_files())) == 20


def test_gigantic_directories_that_overlap_are_read_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each claims the whole image, so all together they would claim its square."""
    monkeypatch.setattr(iso_tree, "MAX_DIRECTORY_BYTES", 1 << 20)
    folders = b"".join(record(b"D%d" % n, 21 + n, 0xFFFFFFFF, 2) for n in range(40))
    with opened(tmp_path, built({20: dots(20, 20) + folders}, size=200)) as volume:
        assert "too-many-directories" in rules(volume)
        assert "truncated-image" in rules(volume)


def test_a_directory_as_large_as_the_disc_is_read_within_bounds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iso_tree, "MAX_DIRECTORY_BYTES", 1 << 20)
    content = built({20: dots(20, 20) + record(b"A.;1", 30, 3)}, root=(20, 1 << 31), size=4000)
    with opened(tmp_path, content) as volume:
        assert "too-many-directories" in rules(volume)
        assert volume.directories[0].size_bytes == 1 << 20
        assert [file.path for file in volume.iter_files()] == ["A"]


def test_a_file_beyond_the_end_is_named_and_ends_early(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"A.;1", 63, 0xFFFFFFFF) + record(b"B.;1", 0xFFFFFFF0, 10)
    with opened(tmp_path, built({20: root})) as volume:
        assert [(f.rule, f.subject) for f in volume.findings] == [
            ("truncated-file", "A"),
            ("truncated-file", "B"),
        ]
        assert len(volume.open("A").read()) == SECTOR
        assert volume.open("B").read() == b""
        report = verify_medium(tmp_path / "image")
        assert {"A", "B"} <= {f.subject for f in report.findings if f.rule == "unreadable-file"}


def test_both_orders_that_disagree_are_named(tmp_path: Path) -> None:
    wrong = bytearray(record(b"A.;1", 30, 3))
    wrong[6] ^= 1
    with opened(tmp_path, built({20: dots(20, 20) + bytes(wrong)})) as volume:
        assert [(f.rule, f.subject) for f in volume.findings] == [("both-endian", "A")]


def test_names_that_climb_are_made_harmless(tmp_path: Path) -> None:
    names = (b"..", b"../../ETC.;1", b"A\0B.;1", b"\\X.;1", b"C\x1b[2J.;1", b".;1")
    root = dots(20, 20) + b"".join(record(name, 30, 3) for name in names)
    root += record(b"../UP", 21, SECTOR, 2)
    with opened(tmp_path, built({20: root, 21: dots(21, 20) + record(b"F.;1", 30, 3)})) as volume:
        paths = [file.path for file in volume.iter_files()]
        assert len(paths) == len(names) + 1
        for path in paths:
            assert not {"", ".", ".."} & set(path.split("/"))
            assert path.isprintable()
            assert path.count("/") <= 1
            assert volume.open(path).read() == bytes(3)


def test_two_files_of_one_name_are_both_kept(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"A.;1", 30, 1) + record(b"A.;2", 31, 1) + record(b"A.;1", 32, 1)
    content = built({20: root, 30: b"1", 31: b"2", 32: b"3"})
    with opened(tmp_path, content) as volume:
        assert rules(volume) == ["duplicate-name", "duplicate-name"]
        read = {file.path: volume.open(file.path).read() for file in volume.iter_files()}
        assert sorted(read.values()) == [b"1", b"2", b"3"]


def test_thousands_of_files_of_one_name_cost_no_more_than_others(tmp_path: Path) -> None:
    """Each gets a path of its own, and none is looked for by trying all before it."""
    one = record(b"A.;1", 30, 3)
    sector = (one * (SECTOR // len(one))).ljust(SECTOR, b"\0")
    count = 400
    content = built({20: dots(20, 20) + record(b"D", 100, count * SECTOR, 2)}, size=100 + count)
    content = content[: 100 * SECTOR] + sector * count
    with opened(tmp_path, content) as volume:
        paths = {file.path for file in volume.iter_files()}
    assert len(paths) == count * (SECTOR // len(one))
    assert max(map(len, paths)) < 20


def test_a_tree_of_nothing_but_faults_is_given_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(iso_tree, "MAX_FAULTS", 3000)
    loop = record(b"LOOP", 20, SECTOR, 2)
    sector = (loop * (SECTOR // len(loop))).ljust(SECTOR, b"\0")
    content = built({20: dots(20, 20) + record(b"D", 100, 200 * SECTOR, 2)}, size=300)
    content = content[: 100 * SECTOR] + sector * 200
    with opened(tmp_path, content) as volume:
        assert "given-up" in rules(volume)
    assert not verify_medium(tmp_path / "image").ok


def test_files_that_share_bytes_are_reported_and_links_are_not(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"A.;1", 30, 5000) + record(b"B.;1", 31, 5000)
    with opened(tmp_path, built({20: root})) as volume:
        assert [(f.rule, f.subject) for f in volume.findings] == [("overlap", "B")]
    root = dots(20, 20) + record(b"A.;1", 30, 5000) + record(b"B.;1", 30, 5000)
    with opened(tmp_path, built({20: root})) as volume:
        assert volume.findings == ()
    assert {f.rule for f in verify_medium(tmp_path / "image").findings} == {"no-dicomdir"}


def test_a_file_that_lies_in_a_directory_is_reported(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"A.;1", 20, 100)
    with opened(tmp_path, built({20: root})) as volume:
        assert rules(volume) == ["overlap"]


def test_many_files_of_the_same_bytes_are_read_no_more_than_needed(tmp_path: Path) -> None:
    """A thousand overlapping files of the whole image would be a thousand rereads."""
    size = 2000
    names = [record(b"F%d.;1" % n, 30 + n, (size - 100) * SECTOR) for n in range(40)]
    path = tmp_path / "image"
    path.write_bytes(built({20: dots(20, 20) + b"".join(names)}, size=size))
    done: list[int] = []

    report = verify_medium(path, progress=lambda now, _: done.append(now))

    assert report.files == 40
    assert any("too many bytes" in f.message for f in report.findings)


@pytest.mark.parametrize("flag", [0x80])
def test_a_file_whose_last_extent_is_missing_is_reported(tmp_path: Path, flag: int) -> None:
    root = dots(20, 20) + record(b"A.;1", 30, 5, flag)
    with opened(tmp_path, built({20: root})) as volume:
        assert rules(volume) == ["multi-extent"]


def test_extents_out_of_order_are_still_one_file(tmp_path: Path) -> None:
    root = dots(20, 20) + record(b"A.;1", 40, SECTOR, 0x80) + record(b"A.;1", 30, 3)
    content = built({20: root, 40: b"x" * SECTOR, 30: b"end"})
    with opened(tmp_path, content) as volume:
        assert volume.findings == ()
        assert volume.open("A").read() == b"x" * SECTOR + b"end"
    report = verify_medium(tmp_path / "image")
    assert report.files == 1
    assert {f.rule for f in report.findings if f.severity == "error"} == {"no-dicomdir"}


def test_a_path_table_that_lies_is_reported(tmp_path: Path) -> None:
    content = bytearray(built({20: dots(20, 20) + record(b"D", 21, SECTOR, 2), 21: dots(21, 20)}))
    path = tmp_path / "image"
    path.write_bytes(content)

    found = [(f.rule, f.subject) for f in verify_medium(path).findings]

    assert ("path-table", "path table L") in found
    assert ("path-table", "path table M") in found


def test_a_path_table_without_end_is_no_burden(tmp_path: Path) -> None:
    content = bytearray(built({20: dots(20, 20)}, size=3000))
    content[16 * SECTOR + 132 : 16 * SECTOR + 140] = both(0xFFFFFFFF)
    table = b"".join(
        b"\x08\0" + struct.pack("<I", 99) + struct.pack("<H", max(1, n)) + b"DDDDDDDD"
        for n in range(60_000)
    )
    content[18 * SECTOR : 18 * SECTOR + len(table)] = table
    path = tmp_path / "image"
    path.write_bytes(content[: 3000 * SECTOR])

    assert not verify_medium(path).ok


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    return write_image(good_file_set(), tmp_path_factory.mktemp("good")).read_bytes()


@fuzz
@given(data=st.data())
def test_any_spoiled_structures_never_raise_or_hang(
    good: bytes, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    content = bytearray(good)
    sector = data.draw(st.integers(16, 30))
    for _ in range(data.draw(st.integers(1, 6))):
        at = sector * SECTOR + data.draw(st.integers(0, 400))
        patch = data.draw(st.binary(min_size=1, max_size=8))
        content[at : at + len(patch)] = patch
    path = tmp_path_factory.getbasetemp() / "fuzzed.iso"
    path.write_bytes(content)

    try:
        report = verify_medium(path)
    except MediaError:
        return
    assert report.proved
