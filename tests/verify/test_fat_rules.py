"""FAT volumes against Annexes M, Q and R to U: ours without a fault, and each fault by its name."""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from mediastation.media.fat import CARD, FAT16, FAT32, MOD23, MOD41, Shape
from mediastation.model.finding import Severity
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.reading.fat import FatVolume
from mediastation.reading.volume import open_volume
from mediastation.verify import verify_volume
from mediastation.verify.fat_rules import check_fat
from mediastation.verify.file_system_rules import Expected
from tests.media.support import medium_files, write_fat
from tests.support.fat_images import BAD, DIRECTORY, HIDDEN, SYSTEM, Fat, dots, entry, named
from tests.support.file_sets import FILE_SET_UID
from tests.support.written_media import random_file_set

FLIPS = 60
OURS = [
    ("USB", FAT16, CARD, "R"), ("USB", FAT32, CARD, "R"), ("CF", FAT32, CARD, "S"),
    ("MMC", FAT16, CARD, "T"), ("SD", FAT16, CARD, "U"),
    ("MOD41", FAT16, MOD41, "M"), ("MOD23", FAT16, MOD23, "Q"),
]  # fmt: skip


def opened(tmp_path: Path, image: Fat | bytes) -> FatVolume:
    path = tmp_path / "usb.img"
    path.write_bytes(image if isinstance(image, bytes) else image.build())
    return FatVolume(path)


def good(kind: int = 16, extra: bytes = b"", **changes: object) -> Fat:
    """A volume that Annex R has nothing against; each test spoils one thing."""
    root = entry("DICOMDIR", 3, 5) + entry("DICOM", 4, 0, DIRECTORY) + extra
    chains = [[3], [4], [5], *changes.pop("chains", ())]  # type: ignore[misc]
    if kind == 32:
        chains.append([2])
    data = {3: b"12345", 4: dots(4, 0) + entry("IM000001", 5, 5), 5: b"67890"}
    data |= changes.pop("data", {})  # type: ignore[arg-type]
    return Fat(kind, root, chains, data=data, **{"partition": 63, **changes})  # type: ignore[arg-type]


def rules(volume: FatVolume, annex: str = "R", *, strict: bool = True) -> list[str]:
    return [finding.rule for finding in check_fat(volume, annex=annex, strict=strict)]


@pytest.mark.parametrize(("medium", "kind", "shape", "annex"), OURS)
def test_what_is_written_here_is_without_a_fault_and_proved_to_the_byte(
    tmp_path: Path, medium: str, kind: str, shape: Shape, annex: str
) -> None:
    path, manifest = written(tmp_path, medium, kind, shape)
    with open_volume(path) as volume:
        assert isinstance(volume, FatVolume)
        assert list(check_fat(volume, annex=annex, strict=True)) == []
        assert Expected(manifest).annex == annex
        report = verify_volume(volume, manifest)

    assert report.findings == []
    assert report.proved.startswith("Every byte")


@pytest.mark.parametrize("kind", [16, 32])
def test_a_volume_that_keeps_to_annex_r_is_not_blamed(tmp_path: Path, kind: int) -> None:
    with opened(tmp_path, good(kind)) as volume:
        assert rules(volume) == []


def poked(at: int, form: str, *values: int) -> Callable[[Fat], bytes]:
    """Change numbers of the boot sector."""

    def poke(fat: Fat) -> bytes:
        image = bytearray(fat.build())
        struct.pack_into(f"<{form}", image, fat.start + at, *values)
        return bytes(image)

    return poke


class TestEachFault:
    @pytest.mark.parametrize(
        ("annex", "kinds"),
        [("R", {16, 32}), ("S", {16, 32}), ("T", {16}), ("U", {16}), ("M", {16}), ("Q", {16}),
         ("A", {12, 16}), ("", {16, 32})],
    )  # fmt: skip
    def test_kinds_of_fat_are_those_of_the_annex(
        self, tmp_path: Path, annex: str, kinds: set[int]
    ) -> None:
        for kind in (12, 16, 32):
            with opened(tmp_path, good(kind)) as volume:
                assert ("fat-kind" in rules(volume, annex)) == (kind not in kinds)

    @pytest.mark.parametrize(
        ("image", "rule"),
        [
            (good(extra=entry("hidden".upper(), attributes=HIDDEN | 0x20)), "hidden-file"),
            (good(extra=named("Image1", "IMAGE1")), "fat-name"),
            (good(extra=entry("LOWER", case=8)), "fat-name"),
            (good(extra=entry("A-B")), "fat-name"),
            (good(extra=entry("UNDATED", stamp=(0, 0))), "recording-date"),
            (good(extra=entry("UNTIMED", stamp=(24 << 11, 44 << 9 | 33))), "recording-date"),
            (good(chains=[[20, 21]]), "lost-clusters"),
            (good(links={30: BAD[16]}), "bad-clusters"),
            (good(16, type=0x0C), "partition"),
            (good(32, type=0x06), "partition"),
            (poked(488 + 512, "I", 7)(good(32)), "fs-information"),
            (poked(492 + 512, "I", 70000)(good(32)), "fs-information"),
            (poked(484 + 512, "I", 0)(good(32)), "fs-information"),
            (poked(28, "I", 62)(good(16)), "boot-sector"),
            (poked(42, "H", 1)(good(32)), "boot-sector"),
            (Fat(16, per_cluster=128, partition=63), "cluster-size"),
        ],
    )
    def test_it_is_an_error_on_ours_and_a_warning_on_others(
        self, tmp_path: Path, image: Fat | bytes, rule: str
    ) -> None:
        with opened(tmp_path, image) as volume:
            strict = list(check_fat(volume, annex="R", strict=True))
            lenient = list(check_fat(volume, annex="R", strict=False))

        assert {finding.rule for finding in strict} == {rule}
        assert {finding.severity for finding in strict} == {Severity.ERROR}
        assert all(finding.reference for finding in strict)
        assert {finding.severity for finding in lenient} <= {Severity.WARNING}
        # A bad cluster is how old media are, and no lapse of whoever wrote them.
        assert {finding.rule for finding in lenient} == {rule} - {"bad-clusters"}

    def test_what_systems_and_people_put_beside_it_is_not_blamed_on_others(
        self, tmp_path: Path
    ) -> None:
        """PS3.12 R restricts the names of DICOM files."""
        extra = (
            named("System Volume Information", "SYSTEM~1", 20, 0, DIRECTORY | HIDDEN | SYSTEM)
            + named("autorun.inf", "AUTORUN.INF")
            + named(".Trashes", "TRASHE~1", attributes=HIDDEN)
        )
        image = good(extra=extra, chains=[[20]], data={20: dots(20, 0)})
        with opened(tmp_path, image) as volume:
            assert rules(volume, strict=False) == []
            assert set(rules(volume, strict=True)) == {"fat-name"}

    def test_nine_levels_are_one_too_many(self, tmp_path: Path) -> None:
        data = {20 + n: dots(20 + n, 19 + n if n else 0) + entry("D", 21 + n, 0, DIRECTORY)
                for n in range(8)}  # fmt: skip
        data[28] = dots(28, 27) + entry("IMAGE1")
        image = good(
            extra=entry("D", 20, 0, DIRECTORY), data=data, chains=[[20 + n] for n in range(9)]
        )
        with opened(tmp_path, image) as volume:
            assert set(rules(volume)) == {"depth"}

    def test_the_file_set_lies_in_the_first_partition(self, tmp_path: Path) -> None:
        image = bytearray(good().build())
        image[462:478] = image[446:462]
        image[446:462] = b"\0" * 4 + b"\x83" + b"\0" * 3 + struct.pack("<II", 30, 20)
        with opened(tmp_path, bytes(image)) as volume:
            assert rules(volume, strict=False) == ["partition"]
            assert rules(volume) == ["partition", "partition"]

    @pytest.mark.parametrize("annex", ["A", "M", "Q"])
    def test_mo_disks_have_no_partitions(self, tmp_path: Path, annex: str) -> None:
        with opened(tmp_path, good()) as volume:
            assert "partition" in rules(volume, annex)

    @pytest.mark.parametrize(
        ("annex", "shapes", "faults"),
        [
            ("M", (512, 64), [(13, 32), (21, 0xF0), (28, 63), (36, 0x80), (38, 0x28), (16, 1)]),
            ("Q", (2048, 8), [(13, 4), (21, 0xF9), (14, 4), (20, 1)]),
        ],
    )
    def test_boot_sectors_of_mo_disks_are_held_to_annex_a(
        self, tmp_path: Path, annex: str, shapes: tuple[int, int], faults: list[tuple[int, int]]
    ) -> None:
        sector, per_cluster = shapes
        fat = Fat(16, entry("DICOMDIR"), sector=sector, per_cluster=per_cluster)
        with opened(tmp_path, fat) as volume:
            assert rules(volume, annex) == []
        for at, value in faults:
            with (tmp_path / "usb.img").open("r+b") as image:
                image.seek(at)
                (right,) = image.read(1)
                image.seek(at)
                image.write(bytes([value]))
            with FatVolume(tmp_path / "usb.img") as volume:
                assert "boot-sector" in rules(volume, annex), (at, value)
            with (tmp_path / "usb.img").open("r+b") as image:
                image.seek(at)
                image.write(bytes([right]))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes, Manifest]:
    path, manifest = written(tmp_path_factory.mktemp("usb"), "USB", FAT16, CARD)
    return path, path.read_bytes(), manifest


class TestVerified:
    """Damage to an image of ours, found by the verifier and laid at the right door."""

    def test_a_file_added_by_somebody_is_an_error(
        self, ours: tuple[Path, bytes, Manifest], tmp_path: Path
    ) -> None:
        path, content, manifest = ours
        with open_volume(path) as volume:
            assert isinstance(volume, FatVolume)
            spoiled = bytearray(content)
            root = volume.boot.root_offset
        last = max(at for at in range(root, root + 16384, 32) if content[at])
        spoiled[last + 32 : last + 64] = entry("EXTRA")
        (tmp_path / "usb.img").write_bytes(spoiled)
        with open_volume(tmp_path / "usb.img") as volume:
            report = verify_volume(volume, manifest)
        assert ("extra-file", "EXTRA") in {(one.rule, one.subject) for one in report.findings}

    def test_without_a_manifest_it_is_read_like_anybodys(
        self, ours: tuple[Path, bytes, Manifest]
    ) -> None:
        with open_volume(ours[0]) as volume:
            report = verify_volume(volume)
        assert report.ok
        assert report.findings == []


def written(folder: Path, medium: str, kind: str, shape: Shape) -> tuple[Path, Manifest]:
    """An image of ours, and its manifest."""
    contents = random_file_set()
    image = write_fat(folder / "usb.img", medium_files(folder / "s", contents), kind, shape)
    return folder / "usb.img", Manifest(
        files=tuple(
            ManifestFile(name, len(data), hashlib.sha256(data).hexdigest())
            for name, data in contents.items()
        ),
        file_set_uid=FILE_SET_UID,
        file_set_id="TESTSET",
        image_sha256=image.sha256,
        image_size_bytes=image.size_bytes,
        structure=image.structure,
        medium=medium,
        format=kind,
    )
