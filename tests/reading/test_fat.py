"""FAT volumes of every width, and FAT volumes that lie: reading ends and says so."""

from __future__ import annotations

import struct
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.reading import fat_table, fat_tree
from mediastation.reading.contract import ImageVolume
from mediastation.reading.fat import FatVolume
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import FileSystem, IsoVolume, open_volume
from tests.support.fat_images import (
    ARCHIVE,
    BAD,
    DIRECTORY,
    END,
    HIDDEN,
    LABEL,
    Fat,
    dots,
    entry,
    long_name,
    named,
)
from tests.support.file_sets import good_file_set, write_image
from tests.support.outside.writers import OutsideMedia

fuzz = settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = b"twelve bytes"
LARGE = bytes(range(256)) * 5
KINDS = (12, 16, 32)
CONTENTS = {"A": TEXT, "D/LARGE": LARGE, "D/EMPTY": b""}


def tree(kind: int = 16, extra: bytes = b"", below: bytes = b"", **changes: object) -> Fat:
    """``A``, ``D/EMPTY`` and ``D/LARGE`` in three pieces; `extra` in the root, `below` in D."""
    # Cluster 2 is the root directory of FAT32.
    root = entry("TESTDISK", 0, 0, LABEL) + entry("A", 3, len(TEXT)) + entry("D", 4, 0, DIRECTORY)
    large = entry("LARGE", 9, len(LARGE))
    inside = dots(4, 0) + large + entry("EMPTY") + below
    data = {3: TEXT, 4: inside, 9: LARGE[:512], 7: LARGE[512:1024], 8: LARGE[1024:]}
    data |= changes.pop("data", {})  # type: ignore[arg-type]
    chains = [[3], [4], [9, 7, 8], *changes.pop("chains", ())]  # type: ignore[misc]
    if kind == 32:
        chains.append([2])
    return Fat(kind, root + extra, chains, data=data, **changes)  # type: ignore[arg-type]


def written(tmp_path: Path, image: Fat | bytes) -> Path:
    path = tmp_path / "usb.img"
    path.write_bytes(image if isinstance(image, bytes) else image.build())
    return path


def opened(tmp_path: Path, image: Fat | bytes) -> FatVolume:
    return FatVolume(written(tmp_path, image))


def contents(volume: FatVolume) -> dict[str, bytes]:
    found = {}
    for file in volume.iter_files():
        with volume.open(file.path) as stream:
            found[file.path] = stream.read()
    return found


def rules(volume: FatVolume) -> list[str]:
    return [finding.rule for finding in volume.findings]


def told(volume: FatVolume) -> list[tuple[str, str]]:
    return [(finding.rule, finding.subject) for finding in volume.findings]


LAYOUTS = {
    **{f"fat{kind}": tree(kind) for kind in KINDS},
    "partition": tree(16, partition=63),
    "partition of fat32": tree(32, partition=2048),
    "4096-byte sectors": replace(tree(16), sector=4096),
    "partition with 4096-byte sectors": replace(tree(16), sector=4096, partition=8),
    "2048-byte sectors": replace(tree(12), sector=2048),
}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> Fat:
    found = LAYOUTS[request.param]
    if found.sector == 512:
        return found
    # One cluster is enough for the large file then.
    inside = dots(4, 0) + entry("LARGE", 9, len(LARGE)) + entry("EMPTY")
    return replace(found, chains=[[3], [4], [9]], data={3: TEXT, 4: inside, 9: LARGE})


class TestEveryLayout:
    def test_the_files_are_those_that_were_recorded(self, tmp_path: Path, layout: Fat) -> None:
        with open_volume(written(tmp_path, layout)) as volume:
            assert isinstance(volume, FatVolume)
            assert isinstance(volume, ImageVolume)
            assert contents(volume) == CONTENTS
            assert volume.findings == ()
            assert (volume.kind, volume.label) == (f"FAT{layout.kind}", "TESTDISK")
            assert volume.lost_clusters == 0
            used = len([cluster for chain in layout.chains for cluster in chain])
            assert volume.free_clusters == layout.count - used
            assert volume.volume_bytes == volume.size_bytes

    def test_its_spans_cover_the_image_once_in_order(self, tmp_path: Path, layout: Fat) -> None:
        image = layout.build()
        seen = {path: bytearray(len(content)) for path, content in CONTENTS.items()}
        at = 0
        with opened(tmp_path, image) as volume:
            for span in volume.iter_spans():
                assert (span.offset, span.length > 0) == (at, True)
                at += span.length
                if span.file is not None:
                    piece = slice(span.file_offset, span.file_offset + span.length)
                    seen[span.region][piece] = image[span.offset : at]
                elif span.region == "unused":
                    assert not any(image[span.offset : at])
        assert at == len(image)
        assert seen == CONTENTS


def test_the_information_sector_is_told_as_it_is(tmp_path: Path) -> None:
    with opened(tmp_path, tree(32)) as volume:
        assert volume.information is not None
        assert volume.information.is_valid
        assert volume.information.free_clusters == volume.free_clusters
    with opened(tmp_path, tree(16)) as volume:
        assert volume.information is None


class TestNames:
    @pytest.mark.parametrize(
        ("recorded", "shown"),
        [
            ("Ünïcode.dcm", "Ünïcode.dcm"), ("日本", "日本"), ("a/b\\c", "a%2Fb%5Cc"),
            ("..", "%2E%2E"), ("x\x1b[2J", "x%1B[2J"), ("\u202etxt.exe", "%202Etxt.exe"),
            ("exactly 13 ch", "exactly 13 ch"), ("N" * 255, "N" * 255), ("\ud800A", "%D800A"),
        ],
    )  # fmt: skip
    def test_long_names_are_shown_and_none_climbs(
        self, tmp_path: Path, recorded: str, shown: str
    ) -> None:
        # Up to 21 entries: more than a cluster of the root directory of FAT16 needs.
        image = tree(extra=named(recorded, "LONG~1.DCM", 20, 12), data={20: TEXT}, chains=[[20]])
        with opened(tmp_path, image) as volume:
            assert contents(volume) == {**CONTENTS, shown: TEXT}
            assert volume.findings == ()

    def test_a_file_id_matches_the_short_name(self, tmp_path: Path) -> None:
        image = tree(
            extra=named("Pictures of today", "IMAGES", 20, 0, DIRECTORY),
            chains=[[20], [21], [22]],
            data={
                20: dots(20, 0) + named("Image1", "IMAGE1", 21, 12) + entry("IMAGE2", 22, 12),
                21: TEXT,
                22: TEXT,
            },
        )
        with opened(tmp_path, image) as volume:
            for name in ("IMAGE1", "IMAGE2"):
                found = volume.find(["IMAGES", name])
                assert found is not None
                assert found.tolerated == ()
                with volume.open(found.file.path) as stream:
                    assert stream.read() == TEXT
                assert found.file.recorded == name
            assert volume.find(["IMAGES", "IMAGE1"]).file.path == "Pictures of today/Image1"  # type: ignore[union-attr]
            lower = volume.find(["images", "image2"])
            assert lower is not None
            assert lower.tolerated == ("letter case",)
            shown = volume.find(["Pictures of today", "IMAGE1"])
            assert shown is not None
            assert shown.tolerated == ("letter case",)
            assert volume.find(["IMAGES", "IMAGE3"]) is None
            assert volume.find(["IMAGES", "..", "A"]) is None

    def test_the_case_that_nt_noted_is_shown(self, tmp_path: Path) -> None:
        image = tree(extra=entry("LOWER.TXT", case=0x18) + entry("BASE.TXT", case=0x08))
        with opened(tmp_path, image) as volume:
            assert set(contents(volume)) == {*CONTENTS, "lower.txt", "base.TXT"}
            assert volume.find(["LOWER.TXT"]) is not None

    @pytest.mark.parametrize("spoil", ["checksum", "order", "orphan", "twice"])
    def test_parts_of_other_long_names_are_not_believed(self, tmp_path: Path, spoil: str) -> None:
        own = entry("SHORT", 20, 12)
        parts = long_name("a name over two entries", own)
        extra = {
            "checksum": long_name("other", own, checksum=1) + own,
            "order": parts[32:] + own,
            "orphan": parts[:32] + own,
            "twice": parts + parts + own,
        }[spoil]
        with opened(tmp_path, tree(extra=extra, chains=[[20]], data={20: TEXT})) as volume:
            shown = "a name over two entries" if spoil == "twice" else "SHORT"
            assert contents(volume) == {**CONTENTS, shown: TEXT}
            assert told(volume) == [("long-name", shown)]

    def test_deleted_entries_are_left_out(self, tmp_path: Path) -> None:
        gone = bytearray(named("gone for good", "GONE", 9, 500))
        gone[0] = gone[32] = 0xE5
        with opened(tmp_path, tree(extra=bytes(gone))) as volume:
            assert contents(volume) == CONTENTS
            assert volume.findings == ()

    def test_what_follows_the_end_mark_is_not_read(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(extra=bytes(32) + entry("BEHIND", 9, 500))) as volume:
            assert contents(volume) == CONTENTS

    def test_bytes_above_ascii_and_the_two_that_mean_something(self, tmp_path: Path) -> None:
        extra = entry(b"\x05BC        ") + entry("M\x9aLLER".encode("latin-1").ljust(11))
        with opened(tmp_path, tree(extra=extra)) as volume:
            assert set(contents(volume)) == {*CONTENTS, "σBC", "MÜLLER"}

    def test_nulls_fill_a_name_as_annex_a_would_have_it(self, tmp_path: Path) -> None:
        """PS3.12 A.1.3."""
        with opened(tmp_path, tree(extra=entry(b"IMAGE1".ljust(11, b"\0")))) as volume:
            assert volume.find(["IMAGE1"]) is not None

    def test_two_files_of_one_name_both_stay_in_reach(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(extra=entry("A", 20, 3), chains=[[20]])) as volume:
            assert set(contents(volume)) == {*CONTENTS, "A%2"}
            assert set(rules(volume)) == {"duplicate-name"}

    def test_labels_elsewhere_do_not_count(self, tmp_path: Path) -> None:
        image = tree(below=entry("OTHER", 0, 0, LABEL))
        with opened(tmp_path, image) as volume:
            assert volume.label == "TESTDISK"
            assert told(volume) == [("volume-label", "directory /D")]

    def test_entries_tell_what_rules_ask_for(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(extra=entry("H", attributes=HIDDEN | ARCHIVE))) as volume:
            found = {one.short_name: one for one in volume.iter_entries(volume.directories[0])}
            assert found["H"].attributes == HIDDEN | ARCHIVE
            assert found["D"].is_directory
            assert found["TESTDISK"].is_label
            assert found["A"].written == (44 << 9 | 1 << 5 | 1, 12 << 11)


@pytest.mark.parametrize("kind", KINDS)
class TestChains:
    @pytest.mark.parametrize(
        ("links", "size", "rule", "held"),
        [
            ({20: 21, 21: 20}, 2000, "chain-loop", 1024),
            ({20: 20}, 2000, "chain-loop", 512),
            ({20: 21, 21: 0}, 2000, "chain-broken", 1024),
            ({20: 21, 21: "bad"}, 2000, "chain-broken", 1024),
            ({20: 21, 21: 1}, 2000, "chain-broken", 1024),
            ({20: 21, 21: "outside"}, 2000, "chain-broken", 1024),
            ({20: 21, 21: "end"}, 2000, "chain-short", 1024),
            ({20: 21, 21: 22, 22: "end"}, 1000, "chain-long", 1000),
        ],
    )
    def test_each_fault_is_named_and_what_can_be_read_is_read(
        self,
        tmp_path: Path,
        kind: int,
        links: dict[int, int | str],
        size: int,
        rule: str,
        held: int,
    ) -> None:
        values = {"bad": BAD[kind], "end": END[kind], "outside": Fat(kind).count + 2}
        spoiled = {at: values.get(to, to) for at, to in links.items()}  # type: ignore[arg-type]
        image = tree(kind, extra=entry("X", 20, size), links=spoiled)
        with opened(tmp_path, image) as volume:
            assert told(volume) == [(rule, "X")]
            assert {**contents(volume), "X": b""} == {**CONTENTS, "X": b""}
            with volume.open("X") as stream:
                assert len(stream.read()) == held

    def test_files_that_share_clusters_name_each_other(self, tmp_path: Path, kind: int) -> None:
        # LARGE has 9, 7, 8; X comes to 7 as well.
        image = tree(kind, extra=entry("X", 20, 1500), links={20: 7})
        with opened(tmp_path, image) as volume:
            (finding,) = volume.findings
            assert (finding.rule, finding.subject) == ("cross-link", "D/LARGE")
            assert "cluster 7 with X" in finding.message
            assert contents(volume) == {
                **CONTENTS,
                "X": bytes(512) + LARGE[512:].ljust(1024, b"\0")[:988],
            }

    def test_files_that_begin_nowhere_are_named(self, tmp_path: Path, kind: int) -> None:
        extra = entry("X", 0, 5) + entry("Y", 1, 5) + entry("Z", 20, 0)
        with opened(tmp_path, tree(kind, extra=extra, chains=[[20]])) as volume:
            assert told(volume) == [
                ("chain-broken", "X"), ("chain-broken", "Y"), ("chain-long", "Z"),
            ]  # fmt: skip
            assert volume.lost_clusters == 1

    def test_lost_clusters_are_counted(self, tmp_path: Path, kind: int) -> None:
        with opened(tmp_path, tree(kind, chains=[[30, 31], [40]])) as volume:
            assert volume.lost_clusters == 3
            assert volume.findings == ()

    def test_bad_clusters_are_no_unused_room(self, tmp_path: Path, kind: int) -> None:
        image = tree(kind, links={50: BAD[kind]}, data={50: b"\xff" * 512})
        with opened(tmp_path, image) as volume:
            assert (volume.bad_clusters, volume.lost_clusters) == (1, 0)
            assert [
                span.offset for span in volume.iter_spans() if span.region == "bad cluster"
            ] == [image.cluster_at(50)]


class TestDirectories:
    def test_a_directory_that_contains_itself_is_entered_once(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(below=entry("AGAIN", 4, 0, DIRECTORY))) as volume:
            assert contents(volume) == CONTENTS
            assert told(volume) == [("directory-loop", "directory /D/AGAIN")]

    def test_a_directory_without_clusters_is_named(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(extra=entry("E", 0, 0, DIRECTORY))) as volume:
            assert contents(volume) == CONTENTS
            assert set(told(volume)) >= {("chain-broken", "directory /E")}

    def test_dots_that_lead_elsewhere_are_told(self, tmp_path: Path) -> None:
        inside = dots(4, 9) + entry("LARGE", 9, len(LARGE)) + entry("EMPTY")
        with opened(tmp_path, tree(data={4: inside})) as volume:
            assert contents(volume) == CONTENTS
            assert told(volume) == [("directory-parent", "directory /D")]

    def test_a_directory_of_many_clusters(self, tmp_path: Path) -> None:
        """In pieces, and with a long name over the border of two of them."""
        names = b"".join(entry(f"F{n:03}") for n in range(12))
        inside = dots(20, 0) + names + named("a name over the border", "BORDER")
        image = tree(
            extra=entry("E", 20, 0, DIRECTORY),
            chains=[[20, 25]],
            data={20: inside[:512], 25: inside[512:]},
        )
        with opened(tmp_path, image) as volume:
            assert len(contents(volume)) == len(CONTENTS) + 13
            assert "E/a name over the border" in contents(volume)
            assert volume.findings == ()

    def test_forty_levels_are_not_followed(self, tmp_path: Path) -> None:
        data = {20 + n: dots(20 + n, 19 + n if n else 0) + entry("D", 21 + n, 0, DIRECTORY)
                for n in range(40)}  # fmt: skip
        image = tree(
            extra=entry("E", 20, 0, DIRECTORY), data=data, chains=[[20 + n] for n in range(41)]
        )
        with opened(tmp_path, image) as volume:
            assert contents(volume) == CONTENTS
            assert rules(volume) == ["too-deep"]

    def test_more_files_than_are_listed(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fat_tree, "MAX_FILES", 4)
        many = b"".join(entry(f"F{n}") for n in range(6))
        with opened(tmp_path, tree(extra=many)) as volume:
            assert len(contents(volume)) == 4
            assert rules(volume) == ["too-many-files"]


class TestTable:
    def test_copies_that_differ_are_told_with_the_first_cluster(self, tmp_path: Path) -> None:
        for kind in KINDS:
            with opened(tmp_path, tree(kind, first={33: END[kind], 90: END[kind]})) as volume:
                assert contents(volume) == CONTENTS
                (finding,) = volume.findings
                assert (finding.rule, finding.subject) == ("fat-copies", "FAT 2")
                assert "cluster 33" in finding.message
                assert not volume.copies_are_equal

    def test_an_unreadable_table_is_read_from_its_copy(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = tree(16)
        scratch(monkeypatch, image.fat_at(0), 512)
        with opened(tmp_path, image) as volume:
            assert contents(volume) == CONTENTS
            assert set(rules(volume)) == {"fat-copy-used"}

    def test_without_any_copy_what_is_found_is_empty_and_said(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        image = tree(16)
        scratch(monkeypatch, image.fat_at(0), 2 * image.fat_sectors * 512)
        with opened(tmp_path, image) as volume:
            assert "unreadable" in rules(volume)
            assert volume.free_clusters == -1
            with volume.open("A") as stream:
                assert stream.read() == TEXT

    def test_too_many_unreadable_sectors_end_the_reading(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(fat_table, "MAX_UNREADABLE", 0)
        image = tree(16)
        scratch(monkeypatch, image.fat_at(0), 2 * image.fat_sectors * 512)
        with pytest.raises(MediaError, match="too many unreadable"):
            opened(tmp_path, image)

    @pytest.mark.parametrize(
        ("kind", "links"),
        [(16, {1: 0x7FFF}), (16, {1: 0xBFFF}), (32, {1: 0x07FFFFFF}), (32, {1: 0x0BFFFFFF})],
    )
    def test_a_volume_that_was_not_let_go_is_told(
        self, tmp_path: Path, kind: int, links: dict[int, int]
    ) -> None:
        with opened(tmp_path, tree(kind, links=links)) as volume:
            assert rules(volume) == ["dirty-volume"]
        image = bytearray(tree(kind).build())
        image[65 if kind == 32 else 37] = 1
        with opened(tmp_path, bytes(image)) as volume:
            assert rules(volume) == ["dirty-volume"]

    def test_a_media_byte_that_disagrees_is_told(self, tmp_path: Path) -> None:
        with opened(tmp_path, tree(16, links={0: 0xFFF0})) as volume:
            assert rules(volume) == ["fat-media"]

    def test_reserved_bits_of_fat32_do_not_count(self, tmp_path: Path) -> None:
        links = {3: 0xFFFFFFFF, 9: 0xA0000007, 60: 0xF0000000}
        with opened(tmp_path, tree(32, links=links)) as volume:
            assert contents(volume) == CONTENTS
            assert volume.lost_clusters == 0

    def test_the_active_table_counts_where_they_are_not_kept_equal(self, tmp_path: Path) -> None:
        image = bytearray(tree(32, first={9: 0}).build())
        image[40] = 0x80
        with opened(tmp_path, bytes(image)) as volume:
            assert told(volume) == [("chain-broken", "D/LARGE")]
        image[40] = 0x81
        with opened(tmp_path, bytes(image)) as volume:
            assert contents(volume) == CONTENTS
            assert volume.findings == ()

    @pytest.mark.parametrize("kind", KINDS)
    def test_a_damaged_table_gives_way_to_its_copy(self, tmp_path: Path, kind: int) -> None:
        """Zeros and bits in the first table; the second still has every chain."""
        with opened(tmp_path, tree(kind, first={4: 0, 9: 3, 7: 0})) as volume:
            assert contents(volume) == CONTENTS
            assert told(volume) == [("fat-copies", "FAT 2"), ("fat-copy-used", "FAT 1")]
            assert volume.lost_clusters == 0

    def test_a_damaged_copy_changes_nothing(self, tmp_path: Path) -> None:
        image = tree(16)
        raw = bytearray(image.build())
        raw[image.fat_at(1) : image.fat_at(1) + 40] = bytes(40)
        with opened(tmp_path, bytes(raw)) as volume:
            assert contents(volume) == CONTENTS
            assert told(volume) == [("fat-copies", "FAT 2")]

    def test_files_that_all_share_one_chain_cost_no_more_than_the_purse(
        self, tmp_path: Path
    ) -> None:
        """Four hundred times four thousand steps would be asked for."""
        long = range(20, 4020)
        below = b"".join(entry(f"F{n}", 20, 4000 * 512) for n in range(400))
        folder = dots(4100, 0) + below
        chain = range(4100, 4100 + -(len(folder) // -512))
        data = {4100 + n: folder[n * 512 : n * 512 + 512] for n in range(len(chain))}
        image = tree(extra=entry("E", 4100, 0, DIRECTORY), chains=[long, chain], data=data)
        with opened(tmp_path, image) as volume:
            assert "given-up" in rules(volume)
            assert "cross-link" in rules(volume)


class TestPlace:
    def test_the_first_fat_partition_is_taken(self, tmp_path: Path) -> None:
        image = bytearray(tree(16, partition=63).build())
        image[462:478] = image[446:462]
        image[446:462] = b"\0" * 4 + b"\x83" + b"\0" * 3 + struct.pack("<II", 30, 20)
        with opened(tmp_path, bytes(image)) as volume:
            assert contents(volume) == CONTENTS
            assert volume.partition is not None
            assert (volume.partition.number, len(volume.partitions)) == (1, 2)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            ({450: b"\xee"}, "GUID partition table"),
            ({450: b"\x07"}, "exFAT or NTFS"),
            ({450: b"\x83"}, "Linux"),
            ({63 * 512: bytes(512)}, "damaged"),
        ],
    )
    def test_what_is_there_instead_is_said_with_what_to_do(
        self, tmp_path: Path, change: dict[int, bytes], message: str
    ) -> None:
        image = bytearray(tree(16, partition=63).build())
        for at, raw in change.items():
            image[at : at + len(raw)] = raw
        with pytest.raises(MediaError, match=message) as told_so:
            open_volume(written(tmp_path, bytes(image)))
        assert told_so.value.hint

    @pytest.mark.parametrize("name", [b"EXFAT   ", b"NTFS    "])
    def test_other_file_systems_are_named(self, tmp_path: Path, name: bytes) -> None:
        raw = (b"\xeb\x76\x90" + name).ljust(510, b"\0") + b"\x55\xaa"
        with pytest.raises(MediaError, match=r"exFAT|NTFS"):
            open_volume(written(tmp_path, raw.ljust(1 << 16, b"\0")))

    @pytest.mark.parametrize("partition", [0, 2048])
    def test_the_copy_of_a_destroyed_boot_sector_is_used(
        self, tmp_path: Path, partition: int
    ) -> None:
        image = bytearray(tree(32, partition=partition).build())
        image[partition * 512 : partition * 512 + 512] = bytes(512)
        with open_volume(written(tmp_path, bytes(image))) as volume:
            assert isinstance(volume, FatVolume)
            assert contents(volume) == CONTENTS
            assert rules(volume) == ["boot-sector"]

    def test_a_boot_sector_without_its_mark_is_told(self, tmp_path: Path) -> None:
        image = bytearray(tree(16).build())
        image[510] = 0
        with opened(tmp_path, bytes(image)) as volume:
            assert contents(volume) == CONTENTS
            assert rules(volume) == ["boot-sector"]

    def test_a_table_too_short_for_its_volume_is_told(self, tmp_path: Path) -> None:
        image = bytearray(tree(16).build())
        total = struct.unpack_from("<I", image, 32)[0]
        struct.pack_into("<I", image, 32, total + 2000)
        with opened(tmp_path, bytes(image)) as volume:
            assert rules(volume) == ["fat-size", "truncated-image"]

    @pytest.mark.parametrize(("kind", "clusters"), [(32, 4200), (16, 65600)])
    def test_a_count_of_clusters_that_belongs_to_another_kind_is_told(
        self, tmp_path: Path, kind: int, clusters: int
    ) -> None:
        with opened(tmp_path, tree(kind, clusters=clusters)) as volume:
            assert contents(volume) == CONTENTS
            assert (rules(volume), volume.kind) == (["fat-clusters"], f"FAT{kind}")

    def test_a_cut_image_names_what_is_lost(self, tmp_path: Path) -> None:
        image = tree(16)
        with opened(tmp_path, image.build()[: image.cluster_at(8)]) as volume:
            assert told(volume) == [
                ("truncated-image", volume.name), ("truncated-file", "D/LARGE"),
            ]  # fmt: skip
            with volume.open("A") as stream:
                assert stream.read() == TEXT

    def test_a_partition_smaller_than_its_volume_is_told(self, tmp_path: Path) -> None:
        image = bytearray(tree(16, partition=63).build())
        struct.pack_into("<I", image, 458, 1000)
        with opened(tmp_path, bytes(image)) as volume:
            assert rules(volume) == ["partition-size"]

    def test_a_disc_image_that_a_device_once_held_is_not_looked_at(self, tmp_path: Path) -> None:
        image = bytearray(tree(16, partition=2048).build())
        old = write_image(good_file_set(), tmp_path).read_bytes()
        image[32768:65536] = old[32768:65536]
        with open_volume(written(tmp_path, bytes(image))) as volume:
            assert isinstance(volume, FatVolume)
            assert contents(volume) == CONTENTS
            assert rules(volume) == ["other-file-system"]

    def test_a_disc_image_stays_a_disc_image(self, tmp_path: Path) -> None:
        """With the boot record that makes it start from a stick as well."""
        old = bytearray(write_image(good_file_set(), tmp_path).read_bytes())
        old[446:462] = b"\x80\0\1\0\x17\xfe\xff\xff" + struct.pack("<II", 0, len(old) // 512)
        old[510:512] = b"\x55\xaa"
        with open_volume(written(tmp_path, bytes(old))) as volume:
            assert isinstance(volume, IsoVolume)

    def test_who_knows_nothing_but_fat_finds_no_disc(self, tmp_path: Path) -> None:
        path = write_image(good_file_set(), tmp_path)
        with pytest.raises(MediaError, match="no FAT file system"):
            open_volume(path, only=FileSystem.FAT)
        with pytest.raises(MediaError):
            open_volume(written(tmp_path, tree(16)), only=FileSystem.ISO9660)


class TestHostile:
    @given(data=st.data())
    @fuzz
    def test_flipped_bytes_end_in_findings_or_in_one_error(
        self, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
    ) -> None:
        kind = data.draw(st.sampled_from([12, 16]))
        extra = named("a long name for a file", "LONG~1", 60, 1500)
        layout = tree(kind, extra=extra, chains=[[60, 61, 62]], partition=1)
        image = bytearray(layout.build())
        regions = [
            (446, 66), (layout.start + 11, 60), (layout.fat_at(0), 140), (layout.fat_at(1), 140),
            (layout.root_at, 320), (layout.cluster_at(4), 160),
        ]  # fmt: skip
        for _ in range(data.draw(st.integers(1, 6))):
            start, length = data.draw(st.sampled_from(regions))
            at = start + data.draw(st.integers(0, length - 1))
            image[at] = data.draw(st.integers(0, 255))
        path = tmp_path_factory.mktemp("fuzz") / "usb.img"
        path.write_bytes(image)
        read_through(path)
        path.unlink()

    @given(st.binary(min_size=512, max_size=1200))
    @fuzz
    def test_any_bytes_behind_a_boot_sector(
        self, tmp_path_factory: pytest.TempPathFactory, raw: bytes
    ) -> None:
        path = tmp_path_factory.mktemp("fuzz") / "usb.img"
        path.write_bytes(tree(12).boot() + raw * 40)
        read_through(path)
        path.unlink()

    def test_a_volume_as_large_as_numbers_go_costs_nothing(self, tmp_path: Path) -> None:
        image = bytearray(tree(32).build())
        struct.pack_into("<I", image, 32, 0xFFFFFFFF)
        struct.pack_into("<I", image, 36, 0x00400000)
        with opened(tmp_path, bytes(image[:1_000_000])) as volume:
            assert "truncated-image" in rules(volume)


def read_through(path: Path) -> None:
    """Use all that a volume offers; only `MediaError` and `OSError` may come out."""
    try:
        volume = open_volume(path)
    except MediaError:
        return
    with volume:
        for file in volume.iter_files():
            volume.find(file.path.split("/"))
            with volume.open(file.path) as stream:
                while stream.read(1 << 16):
                    pass
        if isinstance(volume, FatVolume):
            at = 0
            for span in volume.iter_spans():
                assert (span.offset, span.length > 0) == (at, True)
                at += span.length
            assert at == volume.size_bytes
            for directory in volume.directories:
                for one in volume.iter_entries(directory):
                    assert one.shown_name is not None


def scratch(monkeypatch: pytest.MonkeyPatch, start: int, length: int) -> None:
    """Make `length` bytes from `start` unreadable."""
    read: Callable[[RandomAccess, int, int], bytes] = RandomAccess.read_at

    def scratched(access: RandomAccess, offset: int, count: int) -> bytes:
        if offset < start + length and offset + count > start:
            raise OSError(5, "Input/output error")
        return read(access, offset, count)

    monkeypatch.setattr(RandomAccess, "read_at", scratched)


class TestLostPartitionTable:
    """What lies where tools put a first partition is found, if nothing else is there."""

    def test_the_volume_is_found_and_the_table_told(self, tmp_path: Path) -> None:
        image = bytearray(tree(16, partition=63).build())
        whole = tmp_path / "whole.img"
        whole.write_bytes(image)
        image[:512] = bytes(512)
        (path := tmp_path / "disk.img").write_bytes(image)

        with open_volume(whole) as good, open_volume(path) as volume:
            assert {f.path for f in volume.iter_files()} == {f.path for f in good.iter_files()}
            assert "partition-table" in {finding.rule for finding in volume.findings}

    def test_a_disc_image_stays_one_whatever_lies_at_such_a_place(
        self, tmp_path: Path, outside_media: OutsideMedia
    ) -> None:
        image = bytearray(outside_media.medium("iso").read_bytes())
        boot = tree(16, partition=63).build()[63 * 512 : 64 * 512]
        image += bytes(max(0, 2049 * 512 - len(image)))
        image[2048 * 512 : 2049 * 512] = boot
        (path := tmp_path / "disc.iso").write_bytes(image)

        with open_volume(path) as volume:
            assert isinstance(volume, IsoVolume)
