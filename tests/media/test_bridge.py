"""The writer of bridge discs: both sides by the rules, over the same extents."""

from __future__ import annotations

import hashlib
import random
import struct
import tempfile
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError, RefusedError
from mediastation.media.bridge import BridgeImage
from mediastation.media.contract import MediumWriter
from mediastation.media.iso9660 import MediumFile
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import FileSystem, IsoVolume, open_volume
from tests.media.support import (
    CONTENTS,
    MOMENT,
    SPOILED,
    medium_files,
    sparse_disk,
    write_bridge,
    write_image,
)
from tests.support.drawn_trees import drawn_trees, legal_contents
from tests.support.udf_walk import content, walk

LONGEST_SECTION = 2**32 - 2048


@pytest.fixture
def files(tmp_path: Path) -> list[MediumFile]:
    return medium_files(tmp_path / "sources", CONTENTS)


def planned(files: list[MediumFile], volume_id: str = "", seed: str = "") -> BridgeImage:
    return BridgeImage(files, volume_id=volume_id, moment=MOMENT, volume_set_seed=seed)


def up(number: int, unit: int) -> int:
    return -(number // -unit) * unit


def size_by_the_formula(contents: dict[str, int]) -> int:
    """Sectors of an image, from the notes of `BridgeImage` and nothing else."""

    def s(size: int) -> int:
        return -(size // -2048)

    entries: dict[str, set[tuple[str, bool]]] = {"": set()}
    for path in contents:
        above, _, name = path.rpartition("/")
        entries.setdefault(above, set()).add((name, False))
        while above:
            below, above = above, above.rpartition("/")[0]
            entries.setdefault(above, set()).add((below.rpartition("/")[2], True))
    table = 10
    iso = udf = 0
    for path, within in entries.items():
        if path:
            table += up(8 + len(path.rpartition("/")[2]), 2)
        end, fids = 68, 40

        def order(entry: tuple[str, bool]) -> tuple[str, str]:
            base, _, extension = entry[0].partition(".")
            return base, extension

        for name, is_directory in sorted(within, key=order):
            identifier = len(name) if is_directory else len(name) + 3 - ("." in name)
            record = up(34 + identifier - 1, 2)
            if end // 2048 != (end + record - 1) // 2048:
                end = up(end, 2048)
            end += record
            fids += up(39 + len(name), 4)
        iso += s(end)
        udf += s(fids)
    start = max(288, up(257 + 2 * s(table) + iso, 32))
    structure = 2 + len(contents) + len(entries) + udf
    return start + up(structure + sum(map(s, contents.values())), 32) + 288


class TestPlan:
    def test_the_planned_size_is_the_written_size_and_that_of_the_notes(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        plan: MediumWriter = planned(files)
        written = write_bridge(tmp_path / "disc.iso", files)

        assert plan.size_bytes == written.size_bytes == (tmp_path / "disc.iso").stat().st_size
        sizes = {path: len(data) for path, data in CONTENTS.items()}
        assert plan.size_bytes == size_by_the_formula(sizes) * 2048

    def test_many_files_and_directories_need_what_the_notes_say(self, tmp_path: Path) -> None:
        """Directories over many sectors, path tables over several."""
        contents = {f"D{n % 700:04d}/{n:07d}": n for n in range(2000)}
        contents |= {f"D/{n}.{n % 1000:03d}": 1 for n in range(3000)}

        plan = planned([MediumFile(path, tmp_path, size) for path, size in contents.items()])

        assert plan.size_sectors == size_by_the_formula(contents)

    def test_planning_opens_no_source(self, tmp_path: Path) -> None:
        assert planned([MediumFile("DICOM/IM000001", tmp_path / "absent", 5000)]).size_bytes

    @pytest.mark.parametrize(
        "path", ["image.dcm", "../UP", "NINELONG9", "A/B/C/D/E/F/G/IM000001", "A.DIR/B", "ü"]
    )
    def test_names_that_one_side_cannot_record_are_refused(self, tmp_path: Path, path: str) -> None:
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile("GOOD", tmp_path, 1), MediumFile(path, tmp_path, 1)])

        assert {finding.subject for finding in refused.value.findings} == {path}
        assert {finding.rule for finding in refused.value.findings} <= {"iso-name", "iso-depth"}

    @pytest.mark.parametrize("paths", [("A", "A"), ("A", "A/B")])
    def test_two_files_in_one_place_are_refused(
        self, tmp_path: Path, paths: tuple[str, ...]
    ) -> None:
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile(path, tmp_path, 1) for path in paths])

        assert {finding.rule for finding in refused.value.findings} == {"iso-duplicate"}

    def test_a_size_below_zero_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(RefusedError) as refused:
            planned([MediumFile("A", tmp_path, -1)])

        assert [finding.rule for finding in refused.value.findings] == ["udf-file-size"]

    def test_more_sectors_than_can_be_numbered_are_refused(self, tmp_path: Path) -> None:
        files = [MediumFile(f"IM{n:06d}", tmp_path, 100 << 30) for n in range(82)]

        with pytest.raises(RefusedError) as refused:
            planned(files)

        assert [finding.rule for finding in refused.value.findings] == ["iso-volume-size"]

    @pytest.mark.parametrize("volume_id", ["lower", "WITH SPACE", "SEVENTEEN_LETTERS", "Ü"])
    def test_what_is_no_file_set_id_is_no_volume_id(self, volume_id: str) -> None:
        with pytest.raises(ValueError, match="no File-set ID"):
            planned([], volume_id=volume_id)

    @pytest.mark.parametrize(
        "moment",
        [
            MOMENT.replace(tzinfo=None),
            MOMENT.replace(year=1896),
            MOMENT.replace(year=2156),
            datetime(1, 1, 1, tzinfo=timezone(timedelta(hours=1))),
        ],
    )
    def test_a_moment_that_cannot_be_recorded_is_a_mistake(self, moment: datetime) -> None:
        with pytest.raises(ValueError, match=r"time zone|years"):
            BridgeImage([], volume_id="", moment=moment)


def both_sides(image: Path) -> tuple[dict[str, bytes], dict[str, bytes]]:
    """What our readers find on the one side and on the other, without a word."""
    found: list[dict[str, bytes]] = []
    extents = []
    for side in (FileSystem.UDF, FileSystem.ISO9660):
        with open_volume(image, only=side) as volume:
            assert volume.findings == ()
            assert isinstance(volume, UdfVolume if side is FileSystem.UDF else IsoVolume)
            contents = {}
            for file in volume.iter_files():
                with volume.open(file.path) as stream:
                    contents[file.path] = stream.read()
            found.append(contents)
            extents.append({file.path: file.extents for file in volume.iter_files()})
    assert extents[0] == extents[1]
    return found[0], found[1]


class TestStructure:
    def test_every_rule_of_udf_holds_and_every_file_is_there(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        write_bridge(tmp_path / "disc.iso", files)

        walked = walk(tmp_path / "disc.iso")
        found = {path: content(tmp_path / "disc.iso", f) for path, f in walked.files.items()}
        assert found == CONTENTS
        assert walked.fields["volume"] == walked.fields["label"] == "CT_2024"

    def test_both_sides_have_the_same_files_in_the_same_places(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        write_bridge(tmp_path / "disc.iso", files)

        assert both_sides(tmp_path / "disc.iso") == (CONTENTS, CONTENTS)

    def test_nothing_is_recorded_twice(self, tmp_path: Path) -> None:
        chance = random.Random(2)
        contents = {f"D/{n}": chance.randbytes(3000) for n in range(5)}
        data = write_bridge_path(tmp_path, medium_files(tmp_path / "s", contents)).read_bytes()

        for one in contents.values():
            assert data.count(one) == data.count(one[:100]) == 1

    def test_the_iso_side_says_of_itself_what_a_cd_says(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        """All but places and sizes: identifiers, dates, versions."""
        write_bridge(tmp_path / "bridge.iso", files)
        write_image(tmp_path / "cd.iso", files)

        with (tmp_path / "bridge.iso").open("rb") as one, (tmp_path / "cd.iso").open("rb") as two:
            primaries = []
            for image in (one, two):
                image.seek(16 * 2048)
                primary = bytearray(image.read(2048))
                for start, end in ((80, 88), (140, 144), (148, 152), (158, 166)):
                    primary[start:end] = bytes(end - start)
                primaries.append(primary)
        assert primaries[0] == primaries[1]

    def test_the_iso_volume_has_every_sector_of_the_image(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        data = write_bridge_path(tmp_path, files).read_bytes()

        space = struct.unpack("<I", data[16 * 2048 + 80 :][:4])[0]
        assert space * 2048 == len(data)

    def test_names_that_end_in_each_other_are_in_the_order_of_the_standard(
        self, tmp_path: Path
    ) -> None:
        """ECMA-119, 9.3: names filled with spaces first, then extensions filled with spaces."""
        names = ["A", "A0", "A.0", "A.00", "A.A", "A_", "_", "A.0A", "AB.X", "AB.X1"]
        contents = {name: name.encode() for name in names} | {"AA/B": b"in a directory"}
        image = write_bridge_path(tmp_path, medium_files(tmp_path / "s", contents))

        assert both_sides(image) == (contents, contents)
        with open_volume(image, only=FileSystem.ISO9660) as volume:
            assert isinstance(volume, IsoVolume)
            records = list(volume.iter_directory_records(volume.directories[0]))[2:]
        assert [record.identifier.decode().split(";")[0] for record in records] == [
            *("A.", "A.0", "A.00", "A.0A", "A.A", "A0.", "AA", "AB.X", "AB.X1", "A_.", "_.")
        ]

    def test_an_empty_volume_is_all_structure(self, tmp_path: Path) -> None:
        written = write_bridge(tmp_path / "disc.iso", [], "")

        assert both_sides(tmp_path / "disc.iso") == ({}, {})
        assert len(written.structure) * 2048 == written.size_bytes
        assert str(walk(tmp_path / "disc.iso").fields["label"]).startswith("DICOM_")
        data = (tmp_path / "disc.iso").read_bytes()
        assert data[16 * 2048 + 40 :][:32] == b" " * 32

    def test_the_path_tables_lead_to_the_directories_in_order(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        image = write_bridge_path(tmp_path, files)

        with open_volume(image, only=FileSystem.ISO9660) as volume:
            assert isinstance(volume, IsoVolume)
            tables = [
                [(r.identifier, r.block, r.parent) for r in volume.iter_path_table(name)]
                for name in ("path table L", "path table M")
            ]
            places = {d.path: d.block for d in volume.directories}
        assert tables[0] == tables[1]
        paths = [""]
        for identifier, _, parent in tables[0][1:]:
            paths.append(f"{paths[parent - 1]}/{identifier.decode()}".lstrip("/"))
        assert {path: block for path, (_, block, _) in zip(paths, tables[0], strict=True)} == places
        keys = [(parent, identifier) for identifier, _, parent in tables[0][1:]]
        assert keys == sorted(keys)


def write_bridge_path(folder: Path, files: list[MediumFile]) -> Path:
    write_bridge(folder / "disc.iso", files)
    return folder / "disc.iso"


class TestBytes:
    def test_the_digests_are_those_of_the_image(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        written = write_bridge(tmp_path / "disc.iso", files)

        data = (tmp_path / "disc.iso").read_bytes()
        assert written.sha256 == hashlib.sha256(data).hexdigest()
        structure = {digest.sector: digest.sha256 for digest in written.structure}
        for sector, sha256 in structure.items():
            assert hashlib.sha256(data[sector * 2048 :][:2048]).hexdigest() == sha256
        others = [n for n in range(len(data) // 2048) if n not in structure]
        assert len(others) == sum(-(len(one) // -2048) for one in CONTENTS.values())

    def test_repetition_and_order_change_no_byte(
        self, tmp_path: Path, files: list[MediumFile]
    ) -> None:
        zone = timezone(timedelta(hours=5, minutes=30))
        write_bridge(tmp_path / "one.iso", files)
        write_bridge(tmp_path / "other.iso", files[::-1], moment=MOMENT.astimezone(zone))

        assert (tmp_path / "one.iso").read_bytes() == (tmp_path / "other.iso").read_bytes()

    def test_the_seed_tells_one_volume_set_from_another(self, tmp_path: Path) -> None:
        found = set()
        for seed in ("1.2.3", "1.2.4"):
            with planned([], seed=seed).write(tmp_path / "disc.iso") as pending:
                found.add(walk(pending.path).fields["volume set"])

        assert len(found) == 2

    @pytest.mark.parametrize("spoil", SPOILED)
    def test_a_source_that_is_not_what_was_planned_leaves_nothing(
        self, tmp_path: Path, spoil: Callable[[Path], None]
    ) -> None:
        files = medium_files(tmp_path / "s", {"DICOMDIR": b"directory", "IM1": b"image"})
        spoil(files[1].source)
        (tmp_path / "out").mkdir()

        with (
            planned(files) as image,
            pytest.raises(MediaError),
            image.write(tmp_path / "out" / "disc.iso"),
        ):
            pass

        assert list((tmp_path / "out").iterdir()) == []


def test_a_file_beyond_32_bits_has_sections_on_the_one_side_and_extents_on_the_other(
    tmp_path: Path,
) -> None:
    """With a mark on both sides of every place where a section or an extent ends."""
    size = LONGEST_SECTION + (1 << 30) + 777
    ends = {n * (2**30 - 2048) for n in range(1, 6)} | {LONGEST_SECTION}
    marks = sorted({0, size - 1} | {end + step for end in ends for step in (-1, 0)})
    with (tmp_path / "large").open("wb") as source:
        for number, mark in enumerate(marks, start=1):
            source.seek(mark)
            source.write(bytes([number]))
    files = [
        MediumFile("DICOM/LARGE", tmp_path / "large", size),
        *medium_files(tmp_path / "s", {"DICOM/BEHIND": b"behind it", "DICOMDIR": b"before"}),
    ]
    with sparse_disk():
        image = write_bridge_path(tmp_path, files)

    for side in (FileSystem.UDF, FileSystem.ISO9660):
        with open_volume(image, only=side) as volume:
            assert volume.findings == ()
            found = volume.find(["DICOM", "LARGE"])
            assert found is not None
            assert found.file.size_bytes == size
            with volume.open("DICOM/LARGE") as stream:
                read: list[int] = []
                for mark in marks:
                    stream.seek(mark)
                    read += stream.read(1)
            assert read == list(range(1, len(marks) + 1))
            with volume.open("DICOM/BEHIND") as stream:
                assert stream.read() == b"behind it"
    assert len(walk(image).files["DICOM/LARGE"].extents) == 6
    sectors = -(size // -2048)
    assert planned(files).size_sectors == up(288 + 2 + 3 + 2 + 2 + sectors + 2, 32) + 288


def test_a_file_of_exactly_one_section_is_not_cut(tmp_path: Path) -> None:
    (tmp_path / "large").touch()
    with (tmp_path / "large").open("r+b") as source:
        source.truncate(LONGEST_SECTION)
    with sparse_disk():
        image = write_bridge_path(
            tmp_path, [MediumFile("LARGE", tmp_path / "large", LONGEST_SECTION)]
        )

    with open_volume(image, only=FileSystem.ISO9660) as volume:
        assert isinstance(volume, IsoVolume)
        (record,) = list(volume.iter_directory_records(volume.directories[0]))[2:]
    assert (record.flags, record.size_bytes) == (0, LONGEST_SECTION)


endings = st.one_of(st.just(""), st.text("AZ09_", min_size=1, max_size=3).map(".{}".format))


@given(drawn_trees(endings=endings, levels=6))
@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_is_written_by_the_rules_of_both_sides(drawn: dict[str, int]) -> None:
    contents = legal_contents(drawn)
    with tempfile.TemporaryDirectory() as name:
        image = write_bridge_path(Path(name), medium_files(Path(name) / "s", contents))

        walked = walk(image).files
        assert {path: content(image, file) for path, file in walked.items()} == contents
        assert both_sides(image) == (contents, contents)
        written = {path: len(data) for path, data in contents.items()}
        assert image.stat().st_size == size_by_the_formula(written) * 2048
