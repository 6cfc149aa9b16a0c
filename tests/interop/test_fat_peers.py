"""FAT volumes of ours in the hands of mtools, fsck.fat and 7z; and theirs in ours."""

from __future__ import annotations

import os
import random
import re
import struct
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.media.fat import CARD, FAT16, FAT32, MOD23, MOD41, Shape
from mediastation.media.level1 import MediumFile
from mediastation.reading.fat import FatVolume
from mediastation.reading.volume import open_volume
from mediastation.verify import verify_volume
from mediastation.verify.fat_rules import check_fat
from tests.media.support import CONTENTS, medium_files, sparse_disk, write_fat
from tests.support.file_sets import good_file_set, write_folder
from tests.support.peers import peer, run_peer

EIGHT = {"A/B2/C_3/DDDDDDDD/E/F/G/IM000001": b"the eighth component"}
MANY = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(300)}
OTHERS = {"VIEWER/VIEW-1.EXE": b"MZ", "INDEX.HTM": b"<html>"}
EVERYTHING = CONTENTS | EIGHT | MANY | OTHERS
KINDS = {
    "usb-16": (FAT16, CARD, None),
    "usb-32": (FAT32, CARD, None),
    "stick of 300 MB": (FAT16, CARD, 300_000_000),
    "mod41": (FAT16, MOD41, None),
    "mod23": (FAT16, MOD23, None),
}


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> None:
    """FAT knows no time zone; these programs take the system's."""
    monkeypatch.setenv("TZ", "UTC")


@pytest.fixture(scope="module", params=KINDS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    kind, shape, capacity = KINDS[request.param]
    folder = tmp_path_factory.mktemp("image")
    files = medium_files(folder / "sources", EVERYTHING)
    write_fat(folder / "usb.img", files, kind, shape, capacity_bytes=capacity)
    return folder / "usb.img"


def start_of(image: Path) -> int:
    """Where the volume begins, in bytes."""
    with image.open("rb") as file:
        front = file.read(512)
    return 0 if front[0] == 0xEB else struct.unpack_from("<I", front, 454)[0] * 512


def volume_of(image: Path, folder: Path) -> Path:
    """The volume alone, without the partition table."""
    start = start_of(image)
    if not start:
        return image
    with image.open("rb") as source, (folder / "volume.img").open("wb") as target:
        source.seek(start)
        while piece := source.read(1 << 20):
            if piece.strip(b"\0"):
                target.write(piece)
            else:
                target.seek(len(piece), os.SEEK_CUR)
        target.truncate(image.stat().st_size - start)
    return folder / "volume.img"


def mtools(name: str, image: Path, *arguments: str | Path) -> str:
    return run_peer(name, "-i", f"{image}@@{start_of(image)}", *arguments).stdout


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def copied_out(image: Path, folder: Path) -> dict[str, bytes]:
    folder.mkdir()
    mtools("mcopy", image, "-s", "-n", "-m", "::/", folder)
    return tree(folder)


def require_clean(volume: Path) -> str:
    """Run fsck.fat without repairs; return its last line."""
    said = run_peer("fsck.fat", "-n", "-v", volume, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stderr == ""
    return said.stdout.strip().splitlines()[-1]


class TestOursByOthers:
    def test_mtools_copies_every_file_out(self, image: Path, tmp_path: Path) -> None:
        assert copied_out(image, tmp_path / "out") == EVERYTHING

    def test_mtools_sees_the_moment(self, image: Path, tmp_path: Path) -> None:
        copied_out(image, tmp_path / "out")

        times = {path.stat().st_mtime for path in (tmp_path / "out").rglob("*") if path.is_file()}
        assert times == {1709251198.0}  # 2024-02-29 23:59:58 UTC

    def test_fsck_has_nothing_to_complain_of(self, image: Path, tmp_path: Path) -> None:
        last = require_clean(volume_of(image, tmp_path))

        with FatVolume(image) as volume:
            directories = len(volume.directories) - 1
            boot = volume.boot
            # It counts the label as a file, and directories too.
            assert f": {len(EVERYTHING) + directories + 1} files, " in last
            used = boot.clusters - volume.free_clusters
            assert last.endswith(f"{used}/{boot.clusters} clusters")

    def test_7z_extracts_every_file(self, image: Path, tmp_path: Path) -> None:
        volume = image
        if start_of(image):
            run_peer("7z", "x", "-bd", "-tmbr", f"-o{tmp_path}", image)
            (volume,) = tmp_path.iterdir()
        said = run_peer("7z", "x", "-bd", f"-o{tmp_path / 'out'}", volume).stdout

        assert "Everything is Ok" in said
        assert "Warning" not in said
        assert tree(tmp_path / "out") == EVERYTHING

    def test_7z_and_mtools_name_kind_and_label(self, image: Path, tmp_path: Path) -> None:
        said = run_peer("7z", "l", "-slt", volume_of(image, tmp_path)).stdout
        with FatVolume(image) as volume:
            assert f"File System = {volume.kind}" in said
            assert f"Cluster Size = {volume.boot.cluster_bytes}" in said
            assert f"Free Space = {volume.free_clusters * volume.boot.cluster_bytes}" in said
        assert "CT_2024" in mtools("mlabel", image, "-s", "::")

    def test_minfo_reads_the_geometry(self, image: Path) -> None:
        said = mtools("minfo", image, "::")
        with FatVolume(image) as volume:
            boot = volume.boot
            assert f"sector size: {boot.sector_bytes} bytes" in said
            assert f"cluster size: {boot.cluster_bytes // boot.sector_bytes} sectors" in said
        assert "media descriptor byte: 0xf8" in said

    def test_others_can_write_onto_it_and_it_stays_sound(self, image: Path, tmp_path: Path) -> None:
        copy = tmp_path / "copy.img"
        run_peer("cp", "--sparse=always", image, copy)
        more = tmp_path / "More of it.txt"
        more.write_bytes(b"more" * 10_000)
        mtools("mcopy", copy, more, "::/DICOM/")
        mtools("mdel", copy, "::/DICOM/LARGE")

        require_clean(volume_of(copy, tmp_path))
        with FatVolume(copy) as volume:
            assert volume.findings == ()
            assert volume.lost_clusters == 0
            expected = {**EVERYTHING, "DICOM/More of it.txt": b"more" * 10_000}
            del expected["DICOM/LARGE"]
            assert contents(volume) == expected


def test_peers_notice_what_is_wrong(tmp_path: Path) -> None:
    """Or else their silence above would prove nothing."""
    image = tmp_path / "usb.img"
    write_fat(image, medium_files(tmp_path / "s", CONTENTS), FAT16, MOD41)
    data = bytearray(image.read_bytes())
    data[512 + 2 * 30] ^= 0xFF
    image.write_bytes(data)

    assert run_peer("fsck.fat", "-n", image, check=False).returncode != 0


def test_five_thousand_files(tmp_path: Path) -> None:
    chance = random.Random(5)
    contents = {f"DICOM/S{n % 50:02}/IM{n:06}": chance.randbytes(n % 5000) for n in range(5000)}
    image = tmp_path / "usb.img"
    write_fat(image, medium_files(tmp_path / "s", contents), FAT32, capacity_bytes=300_000_000)

    assert copied_out(image, tmp_path / "out") == contents
    assert require_clean(volume_of(image, tmp_path))


def test_the_largest_file_of_fat32(tmp_path: Path) -> None:
    """As much less than 4 GiB as a cluster may have, whose last byte comes back."""
    source, size = tmp_path / "source", 0xFFFF0000
    with source.open("wb") as file:
        file.seek(size - 1)
        file.write(b"\xff")
    image = tmp_path / "usb.img"
    with sparse_disk():
        write_fat(image, [MediumFile("BIG", source, size)], FAT32, replace(CARD, partitioned=False))

    assert re.search(r"BIG +4294901760 2024-02-29", mtools("mdir", image, "::"))
    said = require_clean(image)
    assert ": 2 files, 1048561/" in said
    with FatVolume(image) as volume:
        assert volume.findings == ()
        with volume.open("BIG") as stream:
            stream.seek(-2, os.SEEK_END)
            assert stream.read() == b"\0\xff"


@pytest.mark.parametrize(
    ("kind", "shape", "capacity"),
    [
        (FAT16, replace(CARD, partitioned=False), 1 << 31),
        (FAT16, MOD41, 4_000_000 * 512),
        (FAT16, MOD23, 1_000_000 * 2048),
        (FAT32, replace(CARD, partitioned=False), 32_000_000_000),
    ],
)
def test_volumes_that_fill_large_media(
    tmp_path: Path, kind: str, shape: Shape, capacity: int
) -> None:
    image = tmp_path / "usb.img"
    files = medium_files(tmp_path / "s", CONTENTS)
    with sparse_disk():
        write_fat(image, files, kind, shape, capacity_bytes=capacity)

    assert capacity - (1 << 20) <= image.stat().st_size <= capacity
    assert require_clean(image)
    assert copied_out(image, tmp_path / "out") == CONTENTS
    with FatVolume(image) as volume:
        assert (contents(volume), volume.findings) == (CONTENTS, ())


def contents(volume: FatVolume) -> dict[str, bytes]:
    found = {}
    for file in volume.iter_files():
        with volume.open(file.path) as stream:
            found[file.path] = stream.read()
    return found


LONG = {
    "Bericht für Ü.html": b"Latin-1",
    "viewer/Viewer program.exe": b"MZ" * 3000,
    "viewer/" + "long name " * 20 + "end": b"longer than 200 characters",
    "mixed/Image1": b"upper and lower",
    "mixed/lower.txt": b"lower",
}
THEIRS = [
    (12, 2000, []), (12, 8000, ["-s", "4"]), (12, 3000, ["-S", "2048"]), (16, 20000, []),
    (16, 40000, ["-s", "2", "-f", "1"]), (16, 20000, ["-S", "1024"]), (32, 40000, ["-s", "1"]),
    (32, 70000, ["-s", "2", "-b", "8"]), (16, 100_000, ["-S", "4096", "-s", "1"]),
]  # fmt: skip


def formatted(
    folder: Path, kind: int, kib: int, options: list[str], files: Mapping[str, bytes]
) -> Path:
    """A volume made by mkfs.fat and filled by mcopy, which left a hole in between."""
    image = folder / "theirs.img"
    said = run_peer("mkfs.fat", "-C", "-F", str(kind), "-n", "THEIRS", *options, image, str(kib))
    assert "WARNING" not in said.stderr
    filler = folder / "filler"
    filler.write_bytes(bytes(30_000))
    run_peer("mcopy", "-i", image, filler, "::first")
    run_peer("mcopy", "-i", image, filler, "::second")
    root = write_folder(dict(files), folder / "tree")
    run_peer("mdel", "-i", image, "::first")
    for path in sorted(root.iterdir()):
        run_peer("mcopy", "-s", "-i", image, path, "::/")
    run_peer("mdel", "-i", image, "::second")
    return image


class TestTheirsByUs:
    @pytest.mark.parametrize(("kind", "kib", "options"), THEIRS)
    def test_every_file_is_read(
        self, tmp_path: Path, kind: int, kib: int, options: list[str]
    ) -> None:
        files = {**CONTENTS, **LONG} if kib > 8000 else LONG | {"SMALL": b"s" * 40_000}
        image = formatted(tmp_path, kind, kib, options, files)

        with open_volume(image) as volume:
            assert isinstance(volume, FatVolume)
            assert contents(volume) == files
            assert volume.findings == ()
            assert (volume.kind, volume.label) == (f"FAT{kind}", "THEIRS")
            assert volume.lost_clusters == 0
            last = require_clean(image)
            used = volume.boot.clusters - volume.free_clusters
            assert last.endswith(f"{used}/{volume.boot.clusters} clusters")
            assert {one.severity for one in check_fat(volume, annex="R", strict=False)} <= {
                "warning"
            }

    def test_a_file_id_finds_the_file_by_its_short_name(self, tmp_path: Path) -> None:
        image = formatted(tmp_path, 16, 20000, [], LONG)

        with FatVolume(image) as volume:
            found = volume.find(["MIXED", "IMAGE1"])
            assert found is not None
            assert found.file.path == "mixed/Image1"

    @pytest.mark.parametrize("start", [63, 2048])
    def test_a_volume_in_a_partition(self, tmp_path: Path, start: int) -> None:
        volume = formatted(tmp_path, 16, 20000, ["-h", str(start)], good_file_set())
        table = bytearray(start * 512)
        sectors = volume.stat().st_size // 512
        table[446:462] = b"\0\xfe\xff\xff\x06\xfe\xff\xff" + struct.pack("<II", start, sectors)
        table[510:] = b"\x55\xaa" + table[512:]
        image = tmp_path / "partitioned.img"
        image.write_bytes(bytes(table) + volume.read_bytes())

        with open_volume(image) as opened:
            assert isinstance(opened, FatVolume)
            assert contents(opened) == good_file_set()
            assert list(check_fat(opened, annex="R", strict=False)) == []
            report = verify_volume(opened)
        assert report.ok
        assert report.manifest == "structure only"

    def test_what_others_hide_is_told(self, tmp_path: Path) -> None:
        image = formatted(tmp_path, 16, 20000, [], {"DICOMDIR": b"1", "IMAGE1": b"2"})
        run_peer("mattrib", "-i", image, "+h", "::IMAGE1")

        with FatVolume(image) as volume:
            found = list(check_fat(volume, annex="R", strict=False))
        assert [(one.rule, one.subject) for one in found] == [("hidden-file", "IMAGE1")]

    def test_a_bad_cluster_is_no_file(self, tmp_path: Path) -> None:
        listed = tmp_path / "bad"
        listed.write_text("9000\n")
        image = formatted(tmp_path, 16, 20000, ["-l", str(listed)], LONG)

        with FatVolume(image) as volume:
            assert volume.bad_clusters == 1
            assert contents(volume) == LONG

    def test_a_random_life_of_writing_and_deleting(self, tmp_path: Path) -> None:
        """Fragments, reused entries, names that come and go."""
        chance = random.Random(11)
        image = tmp_path / "life.img"
        run_peer("mkfs.fat", "-C", "-F", "16", "-s", "1", image, "4500")
        peer("mcopy")
        there: dict[str, bytes] = {}
        for number in range(60):
            if there and chance.random() < 0.4:
                name = chance.choice(sorted(there))
                del there[name]
                run_peer("mdel", "-i", image, f"::{name}")
            else:
                long = chance.random() < 0.5
                name = f"a longer name {number}" if long else f"NAME{number}"
                there[name] = chance.randbytes(chance.randrange(60_000))
                (tmp_path / "one").write_bytes(there[name])
                run_peer("mcopy", "-i", image, tmp_path / "one", f"::{name}")
        with FatVolume(image) as volume:
            assert contents(volume) == there
            assert volume.findings == ()
            assert volume.lost_clusters == 0
        require_clean(image)
