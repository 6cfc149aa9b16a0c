"""UDF volumes of every partition map, and UDF images that lie: reading ends and says so."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.reading import udf_space, udf_tree
from mediastation.reading.contract import HOLE, ImageVolume
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import FileSystem, FolderVolume, IsoVolume, open_volume
from mediastation.verify import verify_medium
from tests.support.file_sets import good_file_set, write_image
from tests.support.udf_images import (
    BLOCK,
    DIRECTORY,
    KINDS,
    LENGTH,
    META_REFERENCE,
    START,
    built,
    entry,
    long_ad,
    name,
    short_ad,
    tagged,
)

fuzz = settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
TEXT = b"twelve bytes"
LARGE = bytes(range(256)) * 20


def directory(block: int, first: int, names: bytes, ads: int = 0) -> dict[int, bytes]:
    """A directory whose ICB is `block`, with its names from block `first` on."""
    where = short_ad(len(names), first)
    return {block: entry(block, where, len(names), kind=DIRECTORY, ads=ads), first: names}


def tree(kind: str = "plain", extra: bytes = b"") -> dict[int, bytes]:
    """``A``, ``D/LARGE`` in two pieces, ``D/INSIDE`` in its entry; `extra` names in the root."""
    ref = META_REFERENCE[kind]
    top = name("", 2, ref, 3, traits=10) + name("A", 6, ref, 3)
    top += name("D", 4, ref, 3, traits=2) + extra
    below = name("", 2, ref, 5, traits=10) + name("LARGE", 7, ref, 5) + name("INSIDE", 8, ref, 5)
    pieces = long_ad(2 * BLOCK, 70) + long_ad(len(LARGE) - 2 * BLOCK, 64)
    return {
        **directory(2, 3, top),
        **directory(4, 5, below),
        6: entry(6, long_ad(len(TEXT), 68), len(TEXT)),
        7: entry(7, pieces, len(LARGE)),
        8: entry(8, TEXT, len(TEXT), ads=3),
    }


DATA = {68: TEXT, 70: LARGE[: 2 * BLOCK], 64: LARGE[2 * BLOCK :]}
CONTENTS = {"A": TEXT, "D/LARGE": LARGE, "D/INSIDE": TEXT}


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "image.udf"
    path.write_bytes(content)
    return path


def opened(tmp_path: Path, content: bytes) -> UdfVolume:
    return UdfVolume(written(tmp_path, content))


def contents(volume: UdfVolume) -> dict[str, bytes]:
    found = {}
    for file in volume.iter_files():
        with volume.open(file.path) as stream:
            found[file.path] = stream.read()
    return found


def rules(volume: UdfVolume) -> list[str]:
    return [finding.rule for finding in volume.findings]


@pytest.mark.parametrize("kind", KINDS)
class TestEveryMap:
    def test_the_files_are_those_that_were_recorded(self, tmp_path: Path, kind: str) -> None:
        with opened(tmp_path, built(tree(kind), DATA, kind)) as volume:
            assert contents(volume) == CONTENTS
            lonely = ["anchors"] if kind.startswith("virtual") else []
            assert rules(volume) == lonely
            assert isinstance(volume, ImageVolume)

    def test_its_spans_cover_the_image_once_in_order(self, tmp_path: Path, kind: str) -> None:
        image = built(tree(kind), DATA, kind)
        seen = {path: bytearray(len(content)) for path, content in CONTENTS.items()}
        at = 0
        with opened(tmp_path, image) as volume:
            for span in volume.iter_spans():
                assert (span.offset, span.length > 0) == (at, True)
                at += span.length
                if span.file is not None:
                    piece = slice(span.file_offset, span.file_offset + span.length)
                    seen[span.region][piece] = image[span.offset : at]
        assert at == len(image)
        assert seen == CONTENTS


def test_structures_that_are_destroyed_are_read_from_the_mirror(tmp_path: Path) -> None:
    image = bytearray(built(tree("metadata"), DATA, "metadata"))
    # The Metadata File's ICB; within the file, the root's ICB and the names in D.
    for sector in (START, START + 32 + 2, START + 32 + 5):
        spoiled = bytearray(image)
        spoiled[sector * BLOCK : sector * BLOCK + 60] = bytes(60)
        with opened(tmp_path, bytes(spoiled)) as volume:
            assert contents(volume) == CONTENTS
            assert set(rules(volume)) & {"descriptor", "mirror-used"}
    spoiled = image[:]
    spoiled[(START + 32) * BLOCK : (START + 64) * BLOCK] = bytes(32 * BLOCK)
    with opened(tmp_path, bytes(spoiled)) as volume:
        assert contents(volume) == CONTENTS
        assert "mirror-used" in rules(volume)


@pytest.mark.parametrize("sector", [32, 34, 35])
def test_the_reserve_sequence_stands_in_for_the_main_one(tmp_path: Path, sector: int) -> None:
    image = bytearray(built(tree(), DATA))
    image[sector * BLOCK + 30] ^= 0xFF
    with opened(tmp_path, bytes(image)) as volume:
        assert contents(volume) == CONTENTS
        assert rules(volume) == ["descriptor"]
        assert volume.volume_identifier == "DICOMTEST"
    image[32 * BLOCK : 38 * BLOCK] = bytes(6 * BLOCK)
    with opened(tmp_path, bytes(image)) as volume:
        assert contents(volume) == CONTENTS
        assert "volume-sequence" in rules(volume)


def test_without_its_first_anchor_it_opens_by_another(tmp_path: Path) -> None:
    image = bytearray(built(tree(), DATA))
    image[256 * BLOCK : 257 * BLOCK] = bytes(BLOCK)
    for padding in (0, 150):
        with opened(tmp_path, bytes(image) + bytes(padding * BLOCK)) as volume:
            assert contents(volume) == CONTENTS


def test_one_unreadable_sector_costs_no_more_than_what_lies_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = built(tree("metadata"), DATA, "metadata")
    read = RandomAccess.read_at

    def scratched(access: RandomAccess, offset: int, length: int) -> bytes:
        if offset < (bad + 1) * BLOCK and offset + length > bad * BLOCK:
            raise OSError(5, "Input/output error")
        return read(access, offset, length)

    path = written(tmp_path, image)
    monkeypatch.setattr(RandomAccess, "read_at", scratched)
    inside = [START + block for block in (0, 32, 33, 34, 35, 36, 37, 38, 39)]
    for bad in (16, 17, 18, 32, 34, 35, 64, 256, 257, *inside):
        with UdfVolume(path) as volume:
            assert set(contents(volume)) == set(CONTENTS), bad


class TestNames:
    @pytest.mark.parametrize(
        ("recorded", "shown"),
        [
            ("Ünïcode", "Ünïcode"), ("日本", "日本"), ("a/b\\c", "a%2Fb%5Cc"), ("..", "%2E%2E"),
            ("x\x1b[2J", "x%1B[2J"), ("\u202etxt.exe", "%202Etxt.exe"),
        ],
    )  # fmt: skip
    def test_every_script_is_read_and_no_name_climbs(
        self, tmp_path: Path, recorded: str, shown: str
    ) -> None:
        image = built(tree(extra=name(recorded, 8, 0, 3)), DATA)
        with opened(tmp_path, image) as volume:
            assert contents(volume) == {**CONTENTS, shown: TEXT}

    def test_lone_surrogates_and_unknown_encodings_are_shown_harmless(self, tmp_path: Path) -> None:
        body = struct.pack("<HBB", 1, 0, 5) + long_ad(BLOCK, 8) + b"\0\0" + b"\x10\xd8\0\0A" + b"\0"
        odd = tagged(257, 3, body)
        other = tagged(257, 3, odd[16:38] + b"\x63abcd\0")
        with opened(tmp_path, built(tree(extra=odd + other), DATA)) as volume:
            assert {"%D800A", "cabcd"} <= set(contents(volume))
            assert rules(volume) == ["name-encoding"]

    def test_deleted_names_are_left_out_and_hidden_ones_told(self, tmp_path: Path) -> None:
        extra = name("GONE", 0, 0, 3, traits=4) + name("HID", 8, 0, 3, traits=1)
        with opened(tmp_path, built(tree(extra=extra), DATA)) as volume:
            assert contents(volume) == {**CONTENTS, "HID": TEXT}
            assert rules(volume) == ["hidden-file"]
            assert not volume.is_pure

    def test_two_files_of_one_name_both_stay_in_reach(self, tmp_path: Path) -> None:
        with opened(tmp_path, built(tree(extra=name("A", 8, 0, 3)), DATA)) as volume:
            assert set(contents(volume)) == {*CONTENTS, "A%2"}
            assert rules(volume) == ["duplicate-name"]


class TestAllocation:
    def one(self, tmp_path: Path, icb: bytes, more: dict[int, bytes] | None = None) -> UdfVolume:
        meta = {**tree(extra=name("X", 10, 0, 3)), 10: icb, **(more or {})}
        return opened(tmp_path, built(meta, DATA))

    def test_unrecorded_extents_are_zeros(self, tmp_path: Path) -> None:
        ads = long_ad(BLOCK, 68) + long_ad(BLOCK, 0, kind=2) + long_ad(12, 68)
        with self.one(tmp_path, entry(10, ads, 2 * BLOCK + 12)) as volume:
            expected = TEXT.ljust(BLOCK, b"\0") + bytes(BLOCK) + TEXT
            assert contents(volume)["X"] == expected
            file = next(file for file in volume.iter_files() if file.path == "X")
            assert [extent.offset == HOLE for extent in file.extents] == [False, True, False]
            assert sum(span.length for span in volume.iter_spans()) == volume.size_bytes

    def test_holes_without_end_are_not_believed(self, tmp_path: Path) -> None:
        ads = short_ad((1 << 30) - BLOCK, 0, kind=2) * 200
        size = 200 * ((1 << 30) - BLOCK)
        with self.one(tmp_path, entry(10, ads, size, ads=0)) as volume:
            assert rules(volume) == ["unrecorded", "truncated-file"]
            with volume.open("X") as stream:
                assert stream.read(1) == b""

    def test_continued_descriptors_are_followed(self, tmp_path: Path) -> None:
        more = struct.pack("<II", 0, 8) + short_ad(12, 68)
        ads = short_ad(BLOCK, 80) + short_ad(BLOCK, 11, kind=3)
        volume = self.one(tmp_path, entry(10, ads, BLOCK + 12, ads=0), {11: tagged(258, 11, more)})
        with volume:
            assert contents(volume)["X"] == bytes(BLOCK) + TEXT
            assert volume.findings == ()

    def test_descriptors_that_continue_themselves_end(self, tmp_path: Path) -> None:
        more = struct.pack("<II", 0, 8) + short_ad(BLOCK, 11, kind=3)
        icb = entry(10, short_ad(BLOCK, 11, kind=3), 9 * BLOCK, ads=0)
        with self.one(tmp_path, icb, {11: tagged(258, 11, more)}) as volume:
            assert rules(volume) == ["allocation-loop", "truncated-file"]

    @pytest.mark.parametrize(
        ("ads", "rule"),
        [
            (long_ad(BLOCK, 5000), "truncated-file"),
            (long_ad(BLOCK, 68, 9), "partition-reference"),
            (long_ad(BLOCK - 1, 68), "truncated-file"),
            (b"", "truncated-file"),
        ],
    )
    def test_files_without_a_place_are_named_and_end_early(
        self, tmp_path: Path, ads: bytes, rule: str
    ) -> None:
        with self.one(tmp_path, entry(10, ads, BLOCK)) as volume:
            assert rule in rules(volume)
            assert len(contents(volume)["X"]) < BLOCK

    def test_one_run_claimed_a_hundred_times_is_cut(self, tmp_path: Path) -> None:
        ads = long_ad(250 * BLOCK, 10) * 100
        with self.one(tmp_path, entry(10, ads, 25000 * BLOCK)) as volume:
            assert "truncated-file" in rules(volume)
            held = sum(len(content) for content in contents(volume).values())
            assert held < 2 * volume.size_bytes

    def test_of_an_icb_of_strategy_4096_the_last_version_counts(self, tmp_path: Path) -> None:
        link = struct.pack("<IHHHBBIHH", 0, 4096, 1, 2, 0, 3, 0, 0, 0)
        old = entry(10, b"old", 3, ads=3, strategy=4096)
        new = entry(12, b"newer", 5, ads=3, strategy=4096)
        to = {11: tagged(259, 11, link + long_ad(2 * BLOCK, 12)), 12: new}
        with self.one(tmp_path, old, to) as volume:
            assert contents(volume)["X"] == b"newer"
        back = {13: tagged(259, 13, link + long_ad(2 * BLOCK, 10))}
        with self.one(tmp_path, old, {**to, **back}) as volume:
            assert contents(volume)["X"] == b"newer"

    @pytest.mark.parametrize(
        ("kind", "rule"), [(12, "symbolic-link"), (6, "special-file"), (4, "file-type")]
    )
    def test_what_is_no_file_is_told(self, tmp_path: Path, kind: int, rule: str) -> None:
        with self.one(tmp_path, entry(10, b"", 0, kind=kind)) as volume:
            assert rule in rules(volume)
            assert contents(volume) == CONTENTS


class TestLoopsAndLimits:
    def test_a_directory_that_holds_itself_is_entered_once(self, tmp_path: Path) -> None:
        extra = name("LOOP", 2, 0, 3, traits=2) + name("AGAIN", 4, 0, 3, traits=2)
        with opened(tmp_path, built(tree(extra=extra), DATA)) as volume:
            assert rules(volume) == ["directory-loop", "directory-loop"]
            assert contents(volume) == CONTENTS

    def test_a_very_long_chain_of_directories_is_cut(self, tmp_path: Path) -> None:
        meta: dict[int, bytes] = {}
        for level in range(60):
            block = 2 + 2 * level
            up = max(2, block - 2)
            names = name("", up, 0, block + 1, traits=10)
            names += name("D", block + 2, 0, block + 1, traits=2)
            meta |= directory(block, block + 1, names)
        with opened(tmp_path, built(meta)) as volume:
            assert rules(volume) == ["too-deep"]
            assert len(volume.directories) == 32

    def test_a_very_wide_tree_is_cut(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(udf_tree, "MAX_FILES", 20)
        extra = b"".join(name(f"F{n:02}", 8, 0, 3) for n in range(30))
        with opened(tmp_path, built(tree(extra=extra), DATA)) as volume:
            assert "too-many-files" in rules(volume)
            assert len(contents(volume)) == 20

    def test_work_without_end_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(udf_space, "MAX_DESCRIPTORS", 12)
        extra = b"".join(name(f"F{n:02}", 8, 0, 3) for n in range(30))
        with opened(tmp_path, built(tree(extra=extra), DATA)) as volume:
            assert "given-up" in rules(volume)

    def test_a_file_in_countless_crumbs_is_given_up(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(udf_space, "MAX_PIECES", 150)
        icb = entry(8, short_ad(1, 0, kind=2) * 200, 200, ads=0)
        with opened(tmp_path, built({**tree(), 8: icb}, DATA)) as volume:
            assert {"truncated-file", "given-up"} <= set(rules(volume))

    def test_a_directory_larger_than_all_limits_is_not_read(self, tmp_path: Path) -> None:
        meta = {**tree(), 4: entry(4, short_ad(1 << 29, 5), 1 << 62, kind=DIRECTORY, ads=0)}
        with opened(tmp_path, built(meta, DATA)) as volume:
            assert rules(volume) == ["too-many-directories"]
            assert contents(volume) == {"A": TEXT}

    def test_names_behind_a_destroyed_one_are_still_found(self, tmp_path: Path) -> None:
        meta = tree()
        names = bytearray(meta[3])
        names[40:60] = b"\xff" * 20
        meta[3] = bytes(names)
        with opened(tmp_path, built(meta, DATA)) as volume:
            assert rules(volume) == ["directory-record"]
            assert set(contents(volume)) == {"D/LARGE", "D/INSIDE"}


class TestOpening:
    def test_udf_is_taken_where_there_is_no_iso_9660(self, tmp_path: Path) -> None:
        path = written(tmp_path, built(tree(), DATA))
        with open_volume(path) as volume:
            assert isinstance(volume, UdfVolume)
            assert volume.is_pure
        with pytest.raises(MediaError, match="no ISO 9660") as raised:
            open_volume(path, only=FileSystem.ISO9660)
        assert raised.value.hint

    def test_who_knows_udf_only_does_not_see_iso_9660(self, tmp_path: Path) -> None:
        path = write_image(good_file_set(), tmp_path)
        with open_volume(path) as volume:
            assert isinstance(volume, IsoVolume)
        with pytest.raises(MediaError, match="no UDF"):
            open_volume(path, only=FileSystem.UDF)

    def test_a_folder_has_neither(self, tmp_path: Path) -> None:
        assert isinstance(open_volume(tmp_path), FolderVolume)
        with pytest.raises(MediaError, match="folder"):
            open_volume(tmp_path, only=FileSystem.UDF)

    def test_an_unknown_map_and_a_lost_table_are_refused_in_words(self, tmp_path: Path) -> None:
        image = built(tree("virtual-2.00"), DATA, "virtual-2.00")
        with pytest.raises(MediaError, match="virtual allocation table") as raised:
            opened(tmp_path, image[:-BLOCK])
        assert raised.value.hint


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("fuzzed") / "image.udf"


def outcome(place: Path, image: bytes) -> tuple[dict[str, bytes], list[str]] | None:
    place.write_bytes(image)
    try:
        with UdfVolume(place) as volume:
            at = 0
            for span in volume.iter_spans():
                assert span.offset == at
                at += span.length
            assert at == len(image)
            return contents(volume), rules(volume)
    except MediaError:
        return None


@pytest.mark.parametrize("kind", KINDS)
def test_a_flipped_bit_in_a_structure_is_found_or_changes_nothing(place: Path, kind: str) -> None:
    image = built(tree(kind), DATA, kind)
    clean = outcome(place, image)
    assert clean is not None
    assert clean[0] == CONTENTS
    place.write_bytes(image)
    with UdfVolume(place) as volume:
        structures = [
            span.offset + at
            for span in volume.iter_spans()
            if span.file is None and not span.region.startswith(("padding", "unused", "system"))
            for at in range(min(span.length, 512))
            if any(image[span.offset + at : span.offset + at + 4])
        ]
    for number, at in enumerate(structures[:: max(1, len(structures) // 250)]):
        spoiled = bytearray(image)
        spoiled[at] ^= 1 << number % 8
        seen = outcome(place, bytes(spoiled))
        assert seen is None or seen[0] == CONTENTS or seen[1] != clean[1], at


@fuzz
@given(st.sampled_from(KINDS), st.integers(0, 875 * BLOCK))
@example("plain", 770 * BLOCK)
def test_a_truncated_image_is_found_and_never_raises(place: Path, kind: str, length: int) -> None:
    """Behind the partition a cut may leave an anchor where burners' padding would have it."""
    image = built(tree(kind), DATA, kind)
    seen = outcome(place, image[:length])
    if length >= len(image) or seen is None or seen[1]:
        return
    assert length > (START + LENGTH) * BLOCK
    assert seen[0] == CONTENTS


@fuzz
@given(st.sampled_from(KINDS), st.data())
def test_any_spoiled_structures_never_raise_or_hang(
    place: Path, kind: str, data: st.DataObject
) -> None:
    image = bytearray(built(tree(kind), DATA, kind))
    used = [n for n in range(len(image) // BLOCK) if any(image[n * BLOCK : n * BLOCK + 512])]
    for _ in range(data.draw(st.integers(1, 5))):
        sector = data.draw(st.sampled_from(used))
        at = sector * BLOCK + data.draw(st.integers(0, 500))
        patch = data.draw(st.binary(min_size=1, max_size=8))
        image[at : at + len(patch)] = patch
        if data.draw(st.booleans()):  # checks that hold, so that what is inside is believed
            length = int.from_bytes(image[sector * BLOCK + 10 : sector * BLOCK + 12], "little")
            start = sector * BLOCK
            body = bytes(image[start + 16 : start + 16 + min(length, BLOCK - 16)])
            number = int.from_bytes(image[start : start + 2], "little")
            where = int.from_bytes(image[start + 12 : start + 16], "little")
            image[start : start + 16 + len(body)] = tagged(number, where, body)
    outcome(place, bytes(image))
    try:
        assert verify_medium(place).proved
    except MediaError:
        return
