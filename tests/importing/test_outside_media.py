"""The fixture library of outside media, held to other programs; and what our readers make of it."""

from __future__ import annotations

import stat
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.collect.folder import Candidate, iter_candidates
from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.source import BytesSource
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, Severity
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.record_rules import check_records
from mediastation.reading.volume import open_volume
from tests.support.outside.damage import Damage, Kind, Seen, good_tree
from tests.support.outside.patients import COUNT, instance_files, instances
from tests.support.outside.registry import ALL, OF_MEDIA, OF_TREES
from tests.support.outside.witness import pictures, tools
from tests.support.outside.writers import MAKERS, OutsideMedia, plain_folder, plain_iso

SEVERE = (Severity.ERROR, Severity.WARNING)
# What is told of good media, typed: their makers' ways, and no damage.
WAYS = {
    "iso-joliet-only": {"joliet-only"},
    "iso-two-sessions": {"several-sessions"},
}


def contents(path: Path) -> tuple[list[bytes], list[Finding]]:
    """Each file of a medium that can be read, and what is wrong with the others and the medium."""
    found, findings = [], []
    with open_volume(path) as volume:
        for file in volume.iter_files():
            try:
                with volume.open(file.path) as stream:
                    found.append(stream.read())
            except (OSError, MediaError) as fault:
                findings.append(Finding("unreadable", Severity.ERROR, file.path, str(fault)))
        findings += volume.findings
    return found, findings


def count_instances(files: list[bytes]) -> int:
    """How many files have the data set of an instance, whatever is wrong with it."""
    number = 0
    for content in files:
        try:
            header = read_header_from(BytesSource(content), "file")
        except NotDicom:
            continue
        number += bool(header.elements) and header.sop_class_uid != MEDIA_STORAGE_DIRECTORY
    return number


class TestGoodMedia:
    @pytest.mark.parametrize("kind", MAKERS)
    def test_every_kind_gives_back_every_instance_byte_for_byte(
        self, outside_media: OutsideMedia, kind: str
    ) -> None:
        found, findings = contents(outside_media.medium(kind))

        assert set(instance_files().values()) <= set(found)
        assert count_instances(found) == COUNT
        assert {finding.rule for finding in findings} == WAYS.get(kind, set())

    @pytest.mark.parametrize("program", ["ours", "dcmtk", "pydicom"])
    def test_directories_that_others_write_are_in_order(
        self, outside_media: OutsideMedia, program: str
    ) -> None:
        directory = read_dicomdir(outside_media.tree(program)["DICOMDIR"])

        assert directory.findings == ()
        assert list(check_records(directory)) == []
        uids = {r.sop_instance_uid for _, r in directory.iter_tree() if r.file_id}
        assert uids == {one.uid for one in instances()}

    def test_gdcm_writes_a_directory_with_known_faults(self, outside_media: OutsideMedia) -> None:
        """It takes no compressed instance, forgets character sets and the last root record."""
        directory = read_dicomdir(outside_media.tree("gdcm")["DICOMDIR"])

        faults = {f.rule for f in (*directory.findings, *check_records(directory))}
        assert faults == {"last-root-offset", "character-set"}
        assert sum(bool(record.file_id) for _, record in directory.iter_tree()) == COUNT - 1


class TestRegistry:
    def test_there_are_many_damages_of_each_kind(self) -> None:
        kinds = Counter(damage.kind for damage in ALL)

        assert len(ALL) >= 180
        assert min(kinds[kind] for kind in Kind) >= 50

    def test_each_damage_that_is_none_by_the_standard_has_to_say_nothing(self) -> None:
        assert [d.name for d in ALL if d.seen is Seen.LEGAL and d.expects.rules] == []

    def test_the_fixtures_are_the_same_each_time(self) -> None:
        """A damage that hangs on chance would hide what it finds."""
        for damage in OF_TREES:
            assert damage.tree() == damage.tree(), damage.name


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What other programs say of the good files, and of every one that a damage changed."""
    files = {f"good/{path}": content for path, content in good_tree().items()}
    for damage in OF_TREES:
        if damage.seen in (Seen.PICTURE, Seen.LEGAL):
            for path, content in damage.tree().items():
                if good_tree().get(path) != content:
                    files[f"{damage.name}/{path}"] = content
    return pictures(files, tmp_path_factory.mktemp("pictures") / "files")


class TestDamageIsReal:
    @pytest.mark.parametrize("damage", OF_TREES, ids=lambda damage: damage.name)
    def test_in_trees_other_programs_see_it(self, damage: Damage, seen: dict[str, str]) -> None:
        good, spoiled = good_tree(), damage.tree()

        assert spoiled != good
        if damage.seen is Seen.NAMES:
            assert set(spoiled) != set(good)
        elif damage.seen is not Seen.BYTES:
            changed = [path for path in spoiled if good.get(path) != spoiled[path]]
            assert changed
            for path in changed:
                assert seen[f"{damage.name}/{path}"] != seen.get(f"good/{path}", "")

    @pytest.mark.parametrize("damage", OF_MEDIA, ids=lambda damage: damage.name)
    def test_on_media_other_programs_see_it(
        self, damage: Damage, outside_media: OutsideMedia, tmp_path: Path
    ) -> None:
        assert damage.make is not None
        spoiled = damage.make(outside_media, tmp_path / damage.name)
        good = outside_media.medium(damage.base)

        if damage.seen is Seen.TOOL:
            assert tools(spoiled) != tools(good)
        else:
            assert spoiled.read_bytes() != good.read_bytes()


def made(damage: Damage, media: OutsideMedia, folder: Path) -> Iterator[Path]:
    """The medium of a damage; of trees, an image and a folder."""
    if damage.make is not None:
        yield damage.make(media, folder / "medium")
    else:
        yield plain_folder(folder / "folder", damage.tree())
        yield plain_iso(folder / "image", damage.tree())


class TestReaders:
    @pytest.mark.parametrize("damage", ALL, ids=lambda damage: damage.name)
    def test_every_instance_that_can_be_read_is_read_and_nothing_stops(
        self, damage: Damage, outside_media: OutsideMedia, tmp_path: Path
    ) -> None:
        for medium in made(damage, outside_media, tmp_path):
            found, _ = contents(medium)

            assert count_instances(found) == damage.expects.found, medium
            # The directory was damaged, and no file: each is what it was.
            if damage.kind is Kind.DIRECTORY:
                assert set(instance_files().values()) <= set(found)
            # Adding from it goes through, and opens nothing but files.
            for item in iter_candidates(medium):
                if isinstance(item, Candidate) and item.path is not None:
                    assert stat.S_ISREG(item.path.lstat().st_mode)
