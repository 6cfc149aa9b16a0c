"""UDF held to PS3.12 Annexes J, P and X: each image has one fault, and that one is told."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.media.level1 import MediumFile
from mediastation.model.finding import Finding, Severity
from mediastation.reading.udf import UdfVolume
from mediastation.verify.udf_rules import check_udf
from tests.media.support import UDF_REVISIONS, medium_files, write_bridge, write_udf
from tests.support.peers import run_peer
from tests.support.udf_images import BLOCK, amend, built

CONTENTS = {"DICOMDIR": b"directory", "DICOM/S1/IM000001": b"image" * 1000, "README.TXT": b"read"}
FILE_SET = {"DICOMDIR", "DICOM/S1/IM000001"}
# What the annexes are demanded of: J has one revision, X is told by the medium.
ANNEXES = {"1.02": "P", "1.50": "J", "2.01": "P", "2.50": "X", "2.60": "X"}

Spoil = Callable[["Image"], None]


class Image:
    """An image of `CONTENTS`; where its structures lie is found by what they look like."""

    def __init__(self, path: Path, revision: str) -> None:
        self.path = path
        self.raw = bytearray(path.read_bytes())
        self.metadata = revision >= "2.50"
        self.extended = revision >= "2.00"
        (self.reserve,) = struct.unpack_from("<I", self.raw, 256 * BLOCK + 28)
        self.first = 288 + 32 * self.metadata

    def sequences(self, number: int, changes: Mapping[int, bytes]) -> None:
        """Change one descriptor in main and reserve sequence."""
        for start in (32, self.reserve):
            amend(self.raw, (start + number) * BLOCK, changes)

    def integrity(self, changes: Mapping[int, bytes]) -> None:
        amend(self.raw, 64 * BLOCK, changes)

    def block(self, number: int, changes: Mapping[int, bytes]) -> None:
        """Change a descriptor of the structure, and of the mirror where there is one."""
        self._both((self.first + number) * BLOCK, changes)

    def entry(self, path: str, changes: Mapping[int, bytes]) -> None:
        """Change a file entry; the root's has the path ``""``."""
        if not path:
            self.block(2, changes)
            return
        *_, name = path.split("/")
        (block,) = struct.unpack_from("<I", self.raw, self._identifier(name) + 24)
        self.block(block, changes)

    def identifier(self, name: str, changes: Mapping[int, bytes]) -> None:
        self._both(self._identifier(name), changes)

    def _identifier(self, name: str) -> int:
        return self.raw.index(b"\x08" + name.encode(), self.first * BLOCK) - 38

    def _both(self, at: int, changes: Mapping[int, bytes]) -> None:
        whole = bytes(self.raw[at - at % BLOCK : at - at % BLOCK + BLOCK])
        amend(self.raw, at, changes)
        if self.metadata:
            mirror = self.raw.index(whole, at - at % BLOCK + BLOCK)
            amend(self.raw, mirror + at % BLOCK, changes)

    def check(self, *, annex: str, strict: bool = True, revision: int = 0) -> list[Finding]:
        self.path.write_bytes(self.raw)
        with UdfVolume(self.path) as volume:
            found = check_udf(
                volume, annex=annex, strict=strict, revision=revision, file_set=FILE_SET
            )
            return list(found)


@pytest.fixture
def make(tmp_path: Path) -> Callable[[str], Image]:
    def made(revision: str) -> Image:
        files = medium_files(tmp_path / "s", CONTENTS)
        write_udf(tmp_path / "disc.udf", files, revision)
        return Image(tmp_path / "disc.udf", revision)

    return made


def word(value: int) -> bytes:
    return struct.pack("<H", value)


def double(value: int) -> bytes:
    return struct.pack("<I", value)


def integrity_use(image: Image) -> int:
    return 80 + 8 * (1 + image.metadata)


def two_file_sets(image: Image) -> None:
    at = image.first * BLOCK
    image.raw[at + BLOCK : at + 2 * BLOCK] = image.raw[at : at + BLOCK]
    amend(image.raw, at + BLOCK, {40: double(1)}, location=1)


def two_partitions(image: Image) -> None:
    """In the place of the Unallocated Space Descriptor, which readers do without."""
    for start in (32, image.reserve):
        at = start * BLOCK
        image.raw[at + 4 * BLOCK : at + 5 * BLOCK] = image.raw[at + 2 * BLOCK : at + 3 * BLOCK]
        amend(image.raw, at + 4 * BLOCK, {16: double(4), 22: word(1)}, location=start + 4)


def no_information(image: Image) -> None:
    for start in (32, image.reserve):
        amend(image.raw, (start + 1) * BLOCK, {20: b"\0*Somebody else".ljust(24, b"\0")})


def short_reserve(image: Image) -> None:
    """The Implementation Use Volume Descriptor gone from one of two sequences."""
    at = image.reserve * BLOCK
    image.raw[at + BLOCK : at + 2 * BLOCK] = image.raw[at : at + BLOCK]
    amend(image.raw, at + BLOCK, {}, location=image.reserve + 1)


def other_anchor(image: Image) -> None:
    """Main and reserve exchanged: both can be read, and are found by nobody else."""
    at = len(image.raw) - BLOCK
    swapped = image.raw[at + 24 : at + 32] + image.raw[at + 16 : at + 24]
    amend(image.raw, at, {16: bytes(swapped)})


def one_mirror_entry(image: Image) -> None:
    at = image.raw.rindex(b"\x08IM000001") - 38
    amend(image.raw, at - at % BLOCK - BLOCK, {44: double(0x7BFF)})


def same_unique_id(image: Image) -> None:
    at = 200 if image.extended else 160
    image.entry("DICOMDIR", {at: double(17)})
    image.entry("README.TXT", {at: double(17)})


def short_ad_of_a_file(image: Image) -> None:
    """Eight bytes of descriptor, which lead into the metadata partition."""
    image.entry("IM000001", {34: word(0x20), 212: double(8), 10: word(208)})


def long_ad_of_a_directory(image: Image) -> None:
    partition = word(1) + bytes(6)
    image.entry("S1", {34: word(0x21), 212: double(16), 224: partition, 10: word(216)})


NSR03 = {"udf-recognition": "is BEA01 NSR03 TEA01"}
FAULTS: list[tuple[str, Spoil, dict[str, str]]] = [
    ("1.50", lambda i: i.sequences(0, {62: word(3)}), {"udf-interchange": "2 and 3"}),
    ("2.60", lambda i: i.sequences(0, {60: word(3)}), {"udf-interchange": "3 and 2"}),
    ("2.50", lambda i: i.block(0, {30: word(2)}), {"udf-interchange": "must be 3"}),
    ("1.50", lambda i: i.sequences(0, {58: word(2)}), {"udf-volume-set": "of at most 2"}),
    ("1.50", lambda i: i.sequences(1, {44: word(0x102)}), {"udf-revision": "names UDF 1.02"}),
    ("2.60", lambda i: i.block(0, {440: word(0x250)}), {"udf-revision": "names UDF 2.50"}),
    ("2.50", lambda i: i.sequences(3, {474: word(0x260)}), {"udf-revision": "names UDF 2.60"}),
    ("1.50", lambda i: i.raw.__setitem__(slice(34817, 34822), b"NSR03"), NSR03),
    ("2.01", lambda i: i.sequences(2, {2: word(2)}), {"udf-tag": "version 2, must be 3"}),
    ("1.50", lambda i: i.integrity({2: word(3)}), {"udf-tag": "version 3, must be 2"}),
    ("1.50", lambda i: i.sequences(3, {10: word(496)}), {"udf-tag": "496 bytes, must cover 430"}),
    ("2.50", lambda i: i.sequences(4, {10: word(496)}), {"udf-tag": "496 bytes, must cover 8"}),
    ("2.50", lambda i: i.integrity({10: word(496)}), {"udf-tag": "496 bytes, must cover 126"}),
    ("1.50", other_anchor, {"udf-anchors": "do not all name"}),
    (
        "1.50",
        lambda i: amend(i.raw, i.reserve * BLOCK, {73: b"F"}),
        {"udf-sequences": "differs between"},
    ),
    ("2.60", short_reserve, {"udf-sequences": "in the main volume descriptor sequence only"}),
    ("1.50", no_information, {"udf-sequences": "none of"}),
    ("1.50", two_partitions, {"udf-partition": "2 partitions"}),
    ("1.50", two_file_sets, {"udf-file-sets": "2 file sets"}),
    ("2.60", lambda i: i.integrity({136: word(0x260)}), {"udf-integrity": "asks for UDF 2.60"}),
    (
        "1.50",
        lambda i: i.integrity({72: double(2), 10: word(126)}),
        {"udf-integrity": "tells of 2 partitions"},
    ),
    ("1.50", lambda i: i.integrity({84: double(7)}), {"udf-integrity": "tells of 7 blocks"}),
    ("1.50", lambda i: i.integrity({120: double(9)}), {"udf-integrity": "9 files and 3 direct"}),
    ("2.50", lambda i: i.integrity({132: double(9)}), {"udf-integrity": "3 files and 9 direct"}),
    ("2.50", one_mirror_entry, {"udf-mirror": "differs from the metadata file at block"}),
    ("1.50", lambda i: i.identifier("IM000001", {16: word(2)}), {"udf-file-version": "number 2"}),
    ("2.50", lambda i: i.identifier("S1", {16: word(0)}), {"udf-file-version": "number 0"}),
    ("1.50", lambda i: i.identifier("DICOMDIR", {38: b"\x08dicomdir"}), {"udf-dicomdir": "name"}),
    ("1.50", lambda i: i.entry("IM000001", {27: b"\7"}), {"udf-file-type": "type 7"}),
    ("1.50", lambda i: i.entry("DICOMDIR", {44: double(0x7BDA)}), {"udf-permissions": "7BDAH"}),
    ("2.50", lambda i: i.entry("IM000001", {44: double(0x7B5E)}), {"udf-permissions": "7B5EH"}),
    ("2.50", lambda i: i.entry("S1", {44: double(0x7FFE)}), {"udf-permissions": "7FFEH"}),
    ("1.50", lambda i: i.entry("", {44: double(0x7BDE)}), {"udf-permissions": "7BDEH"}),
    ("2.60", short_ad_of_a_file, {"udf-allocation": "short allocation"}),
    ("2.60", long_ad_of_a_directory, {"udf-allocation": "long allocation"}),
    ("1.50", lambda i: i.entry("", {160: double(16)}), {"udf-unique-id": "16, must be 0"}),
    ("1.50", lambda i: i.entry("S1", {160: double(15)}), {"udf-unique-id": "15, must be 16"}),
    ("1.50", same_unique_id, {"udf-unique-id": "shares"}),
    (
        "2.01",
        lambda i: i.identifier("S1", {32: double(99)}),
        {"udf-unique-id": "says unique id 99"},
    ),
    ("2.50", lambda i: i.integrity({40: double(20)}), {"udf-unique-id": "is 20, 20 is taken"}),
    ("1.50", lambda i: i.entry("IM000001", {48: word(2)}), {"udf-link-count": "is 2, 1"}),
    ("2.50", lambda i: i.entry("DICOM", {48: word(1)}), {"udf-link-count": "is 1, 2"}),
    ("1.50", lambda i: i.integrity({22: b"\x16"}), {"udf-time": "is earlier than"}),
    ("2.50", lambda i: i.entry("IM000001", {92: b"\xc4\x1f"}), {"udf-time": "DICOM/S1/IM000001"}),
]
"""Revision, what is spoilt, and by rule what a finding says of it."""

OF_OURS: list[tuple[str, Spoil, dict[str, str]]] = [
    ("2.50", lambda i: i.identifier("README.TXT", {18: b"\1"}), {"udf-hidden": "hidden"}),
    ("1.50", lambda i: i.entry("IM000001", {27: b"\0"}), {"udf-file-type": "must be 5"}),
    ("1.50", lambda i: i.entry("IM000001", {20: word(4096)}), {"udf-strategy": "4096"}),
    ("1.50", lambda i: i.integrity({28: double(0)}), {"udf-integrity": "not closed"}),
    (
        "1.50",
        lambda i: i.identifier("README.TXT", {18: b"\4"}),
        {"udf-deleted": "deleted", "udf-integrity": "3 files and 3 directories, there are 2"},
    ),
]
"""What the reader itself tells of the media of others, or forgives them."""


@pytest.mark.parametrize("revision", UDF_REVISIONS)
def test_what_our_writer_wrote_is_without_fault(
    make: Callable[[str], Image], revision: str
) -> None:
    image = make(revision)

    assert image.check(annex=ANNEXES[revision]) == []
    assert image.check(annex="", strict=False) == []


@pytest.mark.parametrize(("revision", "spoil", "wanted"), FAULTS + OF_OURS)
def test_each_fault_of_ours_is_an_error_and_named_alone(
    make: Callable[[str], Image], revision: str, spoil: Spoil, wanted: dict[str, str]
) -> None:
    image = make(revision)
    spoil(image)

    found = image.check(annex=ANNEXES[revision])

    assert {finding.rule for finding in found} == set(wanted)
    for finding in found:
        assert finding.severity is Severity.ERROR
        assert wanted[finding.rule] in f"{finding.subject} {finding.message}"
        assert "*" not in finding.reference


@pytest.mark.parametrize(("revision", "spoil", "wanted"), FAULTS)
def test_on_media_of_others_it_is_a_warning(
    make: Callable[[str], Image], revision: str, spoil: Spoil, wanted: dict[str, str]
) -> None:
    image = make(revision)
    spoil(image)

    found = image.check(annex="", strict=False)

    assert {finding.rule for finding in found} == set(wanted)
    assert {finding.severity for finding in found} == {Severity.WARNING}


@pytest.mark.parametrize(("revision", "spoil", "wanted"), OF_OURS)
def test_what_the_reader_has_told_of_others_is_not_told_again(
    make: Callable[[str], Image], revision: str, spoil: Spoil, wanted: dict[str, str]
) -> None:
    image = make(revision)
    spoil(image)

    found = {finding.rule for finding in image.check(annex="", strict=False)}

    assert found <= set(wanted) - {"udf-hidden", "udf-file-type", "udf-strategy", "udf-deleted"}


class TestRevision:
    @pytest.mark.parametrize(
        ("annex", "creator", "reader"),
        [
            ("J", {"1.50"}, {"1.02", "1.50"}),
            ("P", {"1.02", "1.50", "2.01"}, {"1.02", "1.50", "2.01"}),
            ("X", {"2.50", "2.60"}, {"2.50", "2.60"}),
        ],
    )
    def test_each_annex_has_its_own(
        self, make: Callable[[str], Image], annex: str, creator: set[str], reader: set[str]
    ) -> None:
        for strict, allowed in ((True, creator), (False, reader)):
            passed = {
                revision
                for revision in UDF_REVISIONS
                if not make(revision).check(annex=annex, strict=strict)
            }
            assert passed == allowed

    def test_one_that_was_meant_is_demanded(self, make: Callable[[str], Image]) -> None:
        (finding,) = make("2.60").check(annex="X", revision=0x0250)

        assert finding.rule == "udf-revision"
        assert finding.message == "is of UDF 2.60, must be 2.50"
        assert finding.reference == "PS3.12 X.1.1"


class TestPartitions:
    @pytest.mark.parametrize("kind", ["virtual-1.50", "virtual-2.00", "sparable"])
    def test_maps_for_rewriting_are_for_dvd_alone(self, tmp_path: Path, kind: str) -> None:
        (tmp_path / "disc.udf").write_bytes(built({}, {}, kind))
        with UdfVolume(tmp_path / "disc.udf") as volume:
            told = {
                annex: [
                    finding.message
                    for finding in check_udf(volume, annex=annex, strict=True)
                    if finding.rule == "udf-partition"
                ]
                for annex in "JPX"
            }

        name = kind.partition("-")[0]
        assert f"there is a {name} partition, which must not be written" in told["J"]
        assert told["J"] == told["X"]
        assert not any(name in message for message in told["P"])

    def test_a_bd_without_metadata_partition(self, tmp_path: Path) -> None:
        (tmp_path / "disc.udf").write_bytes(built({}, {}, "plain"))
        with UdfVolume(tmp_path / "disc.udf") as volume:
            told = [one.message for one in check_udf(volume, annex="X", strict=True)]

        assert "UDF 2.50 without a metadata partition" in told

    def test_iso_9660_beside_it_is_no_bd(self, tmp_path: Path) -> None:
        write_bridge(tmp_path / "disc.iso", medium_files(tmp_path / "s", CONTENTS))
        with UdfVolume(tmp_path / "disc.iso") as volume:
            on_dvd = list(check_udf(volume, annex="P", strict=True))
            on_bd = list(check_udf(volume, annex="X", strict=True, revision=0x0102))

        assert on_dvd == []
        assert [finding.rule for finding in on_bd] == ["udf-revision", "udf-bridge"]


class TestNames:
    @pytest.mark.parametrize("name", ["image001", "IMAGE.1", "NINELONG9", "IM 1", "ÜMLAUT"])
    @pytest.mark.parametrize("folder", [False, True])
    def test_only_dicom_files_and_their_directories_have_to_bear_file_ids(
        self, tmp_path: Path, name: str, *, folder: bool
    ) -> None:
        path = f"{name}/IM000001" if folder else f"DICOM/{name}"
        contents = {path: b"image", "DICOMDIR": b"directory"}
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", contents))
        with UdfVolume(tmp_path / "disc.udf") as volume:
            unknown = list(check_udf(volume, annex="X", strict=True))
            known = list(check_udf(volume, annex="X", strict=True, file_set={path}))

        assert unknown == []
        assert [(one.rule, one.subject) for one in known] == [
            ("udf-file-id", path.removesuffix("/IM000001"))
        ]

    def test_a_ninth_component_is_too_deep(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.media.udf.names.MAX_COMPONENTS", 9)
        path = "A/B/C/D/E/F/G/H/IM000001"
        write_udf(tmp_path / "disc.udf", medium_files(tmp_path / "s", {path: b"image"}))
        with UdfVolume(tmp_path / "disc.udf") as volume:
            (found,) = check_udf(volume, annex="X", strict=True, file_set={path})

        assert (found.rule, found.subject) == ("udf-file-id", path)


class TestForeign:
    def test_mkudffs_claims_too_much(self, tmp_path: Path) -> None:
        """It records a maximum interchange level of 3 (seen with udftools 2.3)."""
        image = tmp_path / "disc.udf"
        with image.open("wb") as file:
            file.truncate(8 << 20)
        run_peer("mkudffs", "--media-type=dvdram", "--udfrev=1.50", "--blocksize=2048", image)
        with UdfVolume(image) as volume:
            (found,) = check_udf(volume, annex="J", strict=False)

        assert (found.rule, found.severity) == ("udf-interchange", Severity.WARNING)
        assert found.reference == "PS3.12 J.2.1.1"

    def test_blocks_of_disks_are_none_of_discs(self, tmp_path: Path) -> None:
        image = tmp_path / "disc.udf"
        with image.open("wb") as file:
            file.truncate(8 << 20)
        run_peer("mkudffs", "--media-type=hd", "--udfrev=2.01", "--blocksize=512", image)
        with UdfVolume(image) as volume:
            rules = {one.rule for one in check_udf(volume, annex="", strict=False)}

        assert rules == {"udf-interchange", "udf-block-size"}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("whole")
    many = {f"DICOM/S1/IM{n:06d}": b"%d" % n for n in range(50)}
    write_udf(folder / "disc.udf", medium_files(folder / "s", CONTENTS | many), "2.50")
    return folder / "disc.udf"


@given(st.data())
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
def test_whatever_a_descriptor_says_the_check_ends(whole: Path, data: st.DataObject) -> None:
    """Values that no checksum gives away."""
    raw = bytearray(whole.read_bytes())
    sectors = [
        n
        for n in range(32, 460)
        if raw[n * BLOCK + 6 : n * BLOCK + 8] == b"\1\0" and any(raw[n * BLOCK :][:16])
    ]
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.sampled_from(sectors)) * BLOCK
        offset = data.draw(st.integers(16, 480))
        amend(raw, at, {offset: data.draw(st.binary(min_size=1, max_size=8))})
    image = whole.with_name("spoilt.udf")
    image.write_bytes(raw)
    with suppress(MediaError), UdfVolume(image) as volume:
        for strict in (False, True):
            assert sum(1 for _ in check_udf(volume, annex="X", strict=strict)) < 1000


def test_twenty_thousand_files_are_checked(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"image")
    files = [
        MediumFile(f"DICOM/S{n // 1000:04d}/IM{n:06d}", tmp_path / "one", 5) for n in range(20_000)
    ]
    write_udf(tmp_path / "disc.udf", files, "2.60")
    with UdfVolume(tmp_path / "disc.udf") as volume:
        file_set = {file.path for file in files}
        assert list(check_udf(volume, annex="X", strict=True, file_set=file_set)) == []
