"""The size of a volume as it is planned, against what the writers say of the same files."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.fileset import file_ids
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.media import volume_size
from mediastation.media.folder import FolderMedium
from mediastation.media.iso9660 import Iso9660Image, MediumFile
from mediastation.media.volume_size import (
    Load,
    RecordBytes,
    SizeModel,
    folder_sizes,
    iso9660_sizes,
)
from mediastation.model.manifest import ManifestFile, write_digest_list
from tests.support.record_headers import EXPLICIT_LE, header

RECORDS = RecordBytes(401, 251, 333, 273, 417)
PAGES = [("README.TXT", 900), ("VIEWER/A/RUN.EXE", 30_000), ("VIEWER/INDEX.HTM", 0)]
LIST = "SHA256.TXT"

Tree = list[list[list[int]]]
"""Numbers of instances by patient, study and series."""


def laid_out(
    tree: Tree, roots: int, pages: list[tuple[str, int]], digest_list: str, sizes: SizeModel
) -> tuple[list[MediumFile], Load]:
    """The files of a volume as an export names them, and the load that stands for them."""
    assigner, load, study_number = file_ids.FileIdAssigner(), Load(), 0
    files, directory = list(pages), RECORDS.head
    number = 0

    def new(file_id: tuple[str, ...]) -> int:
        nonlocal number, directory
        number += 1
        size = (0, 1, 2047, 2048, 2049, 5000)[number % 6]
        files.append(("/".join(file_id), size))
        directory += RECORDS.instance
        return sizes.file_blocks(size)

    for patient, studies in enumerate(tree):
        assigner.begin_patient()
        directory += RECORDS.patient
        for study in studies:
            assigner.begin_study()
            directory += RECORDS.study
            study_number += 1
            for count in study:
                assigner.begin_series()
                directory += RECORDS.series
                blocks = sum(new(assigner.next_instance()) for _ in range(count))
                records = count * RECORDS.instance
                weight = sizes.series_weight(patient, study_number, count, blocks, records)
                sizes.add(load, weight)
    if roots:
        blocks = sum(new(assigner.next_root_object()) for _ in range(roots))
        sizes.add(load, sizes.root_weight(roots, blocks, roots * RECORDS.instance))
    files.append(("DICOMDIR", directory))
    if digest_list:
        listed = write_digest_list(ManifestFile(path, size, "0" * 64) for path, size in files)
        files.append((digest_list, len(listed)))
    return [MediumFile(path, Path("unopened"), size) for path, size in files], load


def image_bytes(files: list[MediumFile]) -> int:
    with Iso9660Image(files, volume_id="", moment=datetime(2024, 1, 1, tzinfo=UTC)) as image:
        return image.size_bytes


def dicomdir_of(uids: list[str]) -> tuple[int, list[str]]:
    """Size of the DICOMDIR of one series with these instances, and their paths."""
    builder = FileSetBuilder(
        io.BytesIO(), file_set_uid="1.2.3", file_set_id="TEST", moment=datetime(2026, 5, 4)
    )
    paths = [
        "/".join(builder.add(FileSetInstance(header(uid=uid), EXPLICIT_LE, Person("jane", "P1"))))
        for uid in uids
    ]
    return builder.close().size_bytes, paths


SHAPES = {
    "one": [[[1]]],
    "a sector of files and one more": [[[45, 46, 47, 92, 93]]],
    "a second group": [[[999, 1000, 1001]]],
    "three groups": [[[2500]]],
    "many series": [[[1] * 120]],
    "a second study folder": [[[1] * 1003, [2]]],
    "a second patient folder": [[[1]] * 1003],
    "many patients": [[[1], [2]]] * 240,
}


class TestIso9660:
    @pytest.mark.parametrize("tree", SHAPES.values(), ids=SHAPES)
    @pytest.mark.parametrize("roots", [0, 1, 1001])
    @pytest.mark.parametrize(("pages", "name"), [([], ""), (PAGES, LIST)])
    def test_the_size_is_that_of_the_image(
        self, tree: Tree, roots: int, pages: list[tuple[str, int]], name: str
    ) -> None:
        sizes = iso9660_sizes(RECORDS, files=pages, digest_list=name)
        files, load = laid_out(tree, roots, pages, name, sizes)

        assert sizes.size_blocks(load) * sizes.block_bytes == image_bytes(files)

    @settings(max_examples=40, deadline=None)
    @given(
        st.lists(
            st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=4), min_size=1, max_size=3),
            min_size=1,
            max_size=5,
        ),
        st.integers(0, 3),
    )
    def test_the_size_is_that_of_the_image_whatever_the_tree(self, tree: Tree, roots: int) -> None:
        sizes = iso9660_sizes(RECORDS, files=PAGES, digest_list=LIST)
        files, load = laid_out(tree, roots, PAGES, LIST, sizes)

        assert sizes.size_blocks(load) * sizes.block_bytes == image_bytes(files)

    def test_more_than_a_thousand_patients_are_not_taken_for_less_than_they_are(self) -> None:
        sizes = iso9660_sizes(RECORDS, files=PAGES, digest_list=LIST)
        files, load = laid_out([[[1]]] * 2010, 0, PAGES, LIST, sizes)

        real, told = image_bytes(files), sizes.size_blocks(load) * sizes.block_bytes
        assert real <= told <= real * 1.01

    def test_with_the_largest_records_of_a_set_it_is_a_close_upper_bound(self) -> None:
        """The DICOMDIR is a real one, its records of several lengths."""
        uids = [f"1.2.3.{10 ** (number % 20)}.{number}" for number in range(1, 301)]
        longest = sorted(uids, key=len)[-2:]
        one, two = dicomdir_of(longest[:1])[0], dicomdir_of(longest)[0]
        sizes = iso9660_sizes(RecordBytes(one - (two - one), 0, 0, 0, two - one))
        directory, paths = dicomdir_of(uids)
        files = [MediumFile(path, Path("unopened"), 33_000) for path in paths]
        files.append(MediumFile("DICOMDIR", Path("unopened"), directory))
        load, blocks = Load(), 300 * sizes.file_blocks(33_000)
        sizes.add(load, sizes.series_weight(0, 0, 300, blocks, 300 * sizes.records.instance))

        real, told = image_bytes(files), sizes.size_blocks(load) * sizes.block_bytes
        assert real <= told <= real * 1.01

    def test_folders_are_as_full_as_those_of_a_file_set(self) -> None:
        assert volume_size.FULL == file_ids.FULL


class TestFolder:
    @pytest.mark.parametrize("tree", SHAPES.values(), ids=SHAPES)
    def test_the_size_is_that_of_the_folder(self, tree: Tree) -> None:
        sizes = folder_sizes(RECORDS, files=PAGES, digest_list=LIST)
        files, load = laid_out(tree, 2, PAGES, LIST, sizes)

        assert sizes.size_blocks(load) == FolderMedium(files).size_bytes


class TestLoad:
    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(1, 1200), st.integers(0, 9000)),
            min_size=1,
            max_size=12,
        )
    )
    def test_what_is_added_makes_larger_and_removed_leaves_no_trace(
        self, series: list[tuple[int, int, int]]
    ) -> None:
        sizes = iso9660_sizes(RECORDS, digest_list=LIST)
        load, before = Load(), [Load()]
        weights = [
            sizes.series_weight(study // 2, study, count, blocks, count * 400)
            for study, count, blocks in series
        ]
        for weight in weights:
            told = sizes.size_with(load, weight)
            assert told >= sizes.size_blocks(load) + weight.blocks
            if not load.studies.keys() & weight.studies.keys():
                assert told >= sizes.size_blocks(load) + sizes.least_growth(weight)
            sizes.add(load, weight)
            assert sizes.size_blocks(load) == told
            before.append(load.copy())
        for weight in reversed(weights):
            assert load == before.pop()
            sizes.remove(load, weight)
        assert load == Load()
