"""The size of a volume as it is planned, against what the writers say of the same files."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mediastation.errors import RefusedError
from mediastation.fileset import file_ids
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.media import volume_size
from mediastation.media.bridge import BridgeImage
from mediastation.media.fat import CARD, SHAPES, FatImage, Shape, VolumeTooSmallError
from mediastation.media.fat_layout import most_clusters
from mediastation.media.folder import FolderMedium
from mediastation.media.iso9660 import Iso9660Image, MediumFile
from mediastation.media.mime import MailMedium, MimeMedium
from mediastation.media.sizes import size_model
from mediastation.media.udf import UdfImage
from mediastation.media.volume_size import Load, RecordBytes, SizeModel
from mediastation.media.zip_archive import ZipMedium
from mediastation.model.manifest import ManifestFile, write_digest_list
from mediastation.model.medium import Format
from tests.support.record_headers import EXPLICIT_LE, header

RECORDS = RecordBytes(401, 251, 333, 273, 417)
PAGES = [("README.TXT", 900), ("VIEWER/A/RUN.EXE", 30_000), ("VIEWER/INDEX.HTM", 0), ("MORE", 7)]
LIST = "SHA256.TXT"
UID = "1.2.826.0.1.3680043.8.498.1"
MOMENT = datetime(2024, 1, 1, tzinfo=UTC)
GIGABYTE = 2**30

Tree = list[list[list[int]]]
"""Numbers of instances by patient, study and series."""

Pages = list[tuple[str, int]]


def iso9660(files: list[MediumFile]) -> int:
    with Iso9660Image(files, volume_id="", moment=MOMENT) as image:
        return image.size_bytes


def udf(revision: str) -> Callable[[list[MediumFile]], int]:
    return lambda files: UdfImage(files, revision=revision, volume_id="", moment=MOMENT).size_bytes


def fat(
    kind: str, shape: Shape = CARD, device_bytes: int | None = None
) -> Callable[[list[MediumFile]], int]:
    return lambda files: (
        FatImage(
            files,
            kind=kind,
            shape=shape,
            volume_label="LABEL",
            moment=MOMENT,
            capacity_bytes=device_bytes,
        ).size_bytes
    )


WRITERS: dict[Format, Callable[[list[MediumFile]], int]] = {
    Format.ISO9660: iso9660,
    Format.FOLDER: lambda files: FolderMedium(files).size_bytes,
    Format.ZIP: lambda files: ZipMedium(files, moment=MOMENT).size_bytes,
    Format.MIME: lambda files: MimeMedium(files, file_set_uid=UID, moment=MOMENT).size_bytes,
    Format.MAIL: lambda files: MailMedium(files, file_set_uid=UID, moment=MOMENT).size_bytes,
    Format.BRIDGE: lambda files: BridgeImage(files, volume_id="", moment=MOMENT).size_bytes,
    Format.FAT16: fat("fat16"),
    Format.FAT32: fat("fat32"),
} | {kind: udf(kind.udf_revision) for kind in Format if kind.udf_revision}

SIZES = (0, 1, 2047, 2048, 2049, 5000, 57, 113)


def model(kind: Format, pages: Pages, digest_list: str) -> SizeModel:
    return size_model(kind, RECORDS, files=pages, digest_list=digest_list, uid_bytes=len(UID))


def laid_out(
    tree: Tree,
    roots: int,
    pages: Pages,
    digest_list: str,
    sizes: SizeModel,
    lengths: tuple[int, ...] = SIZES,
) -> tuple[list[MediumFile], Load]:
    """The files of a volume as an export names them, and the load that stands for them."""
    assigner, load, study_number = file_ids.FileIdAssigner(), Load(), 0
    files, directory = list(pages), RECORDS.head
    number = 0

    def new(file_id: tuple[str, ...]) -> int:
        nonlocal number, directory
        number += 1
        size = lengths[number % len(lengths)]
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


def told(sizes: SizeModel, load: Load) -> int:
    return sizes.size_bytes(sizes.size_blocks(load))


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


TREES_OF_NOTE = {
    "one": [[[1]]],
    "a sector of files and one more": [[[45, 46, 47, 92, 93]]],
    "a second group": [[[999, 1000, 1001]]],
    "three groups": [[[2500]]],
    "many series": [[[1] * 120]],
    "a second study folder": [[[1] * 1003, [2]]],
    "a second patient folder": [[[1]] * 1003],
    "many patients": [[[1], [2]]] * 240,
}
TREES = st.lists(
    st.lists(st.lists(st.integers(1, 60), min_size=1, max_size=4), min_size=1, max_size=3),
    min_size=1,
    max_size=5,
)

every_format = pytest.mark.parametrize("kind", WRITERS)


@every_format
class TestEveryFormat:
    @pytest.mark.parametrize("tree", TREES_OF_NOTE.values(), ids=TREES_OF_NOTE)
    @pytest.mark.parametrize("roots", [0, 1, 1001])
    @pytest.mark.parametrize(("pages", "name"), [([], ""), (PAGES, LIST)])
    def test_the_size_is_that_of_the_writer(
        self, kind: Format, tree: Tree, roots: int, pages: Pages, name: str
    ) -> None:
        sizes = model(kind, pages, name)
        files, load = laid_out(tree, roots, pages, name, sizes)

        assert told(sizes, load) == WRITERS[kind](files)

    @settings(max_examples=25, deadline=None)
    @given(
        TREES,
        st.integers(0, 3),
        st.lists(st.integers(0, 200_000), min_size=1, max_size=9).map(tuple),
    )
    def test_the_size_is_that_of_the_writer_whatever_the_tree(
        self, kind: Format, tree: Tree, roots: int, lengths: tuple[int, ...]
    ) -> None:
        sizes = model(kind, PAGES, LIST)
        files, load = laid_out(tree, roots, PAGES, LIST, sizes, lengths)

        assert told(sizes, load) == WRITERS[kind](files)

    def test_more_than_a_thousand_patients_are_not_taken_for_less_than_they_are(
        self, kind: Format
    ) -> None:
        sizes = model(kind, PAGES, LIST)
        files, load = laid_out([[[1]]] * 2010, 3, PAGES, LIST, sizes)

        assert WRITERS[kind](files) <= told(sizes, load) <= WRITERS[kind](files) * 1.01

    @settings(max_examples=100, deadline=None)
    @given(data=st.data())
    def test_what_is_within_the_capacity_in_blocks_is_so_in_bytes_and_nothing_else_is(
        self, kind: Format, data: st.DataObject
    ) -> None:
        sizes = model(kind, PAGES, LIST)
        capacity = data.draw(st.integers(sizes.size_bytes(0), 10**9))
        most = sizes.capacity_blocks(capacity)

        assert sizes.size_bytes(most) <= capacity < sizes.size_bytes(most + 1)

    def test_a_capacity_below_the_smallest_volume_holds_no_blocks(self, kind: Format) -> None:
        sizes = model(kind, PAGES, LIST)

        assert sizes.size_blocks(Load()) > sizes.capacity_blocks(4000)

    @settings(max_examples=60, deadline=None)
    @given(
        st.lists(
            st.tuples(st.integers(0, 3), st.integers(1, 1200), st.integers(0, 2 * GIGABYTE)),
            min_size=1,
            max_size=12,
        )
    )
    @example([(0, 1, 1)] * 12)
    def test_what_is_added_makes_larger_and_removed_leaves_no_trace(
        self, kind: Format, series: list[tuple[int, int, int]]
    ) -> None:
        sizes = model(kind, PAGES, LIST)
        load, before = Load(), [Load()]
        weights = [
            sizes.series_weight(study // 2, study, count, sizes.file_blocks(length), count * 400)
            for study, count, length in series
        ]
        for weight in weights:
            grown, size = sizes.size_with(load, weight), sizes.size_blocks(load)
            assert grown >= size + sizes.own_growth(weight)
            if not load.studies.keys() & weight.studies.keys():
                assert grown >= size + sizes.least_growth(weight)
            assert sizes.size_bytes(grown) >= sizes.size_bytes(size)
            sizes.add(load, weight)
            assert sizes.size_blocks(load) == grown
            before.append(load.copy())
        for weight in reversed(weights):
            assert load == before.pop()
            sizes.remove(load, weight)
        assert load == Load()

    def test_with_the_largest_records_of_a_set_it_is_a_close_upper_bound(
        self, kind: Format
    ) -> None:
        """The DICOMDIR is a real one, its records of several lengths."""
        uids = [f"1.2.3.{10 ** (number % 20)}.{number}" for number in range(1, 301)]
        longest = sorted(uids, key=len)[-2:]
        one, two = dicomdir_of(longest[:1])[0], dicomdir_of(longest)[0]
        records = RecordBytes(one - (two - one), 0, 0, 0, two - one)
        sizes = size_model(kind, records, uid_bytes=len(UID))
        directory, paths = dicomdir_of(uids)
        files = [MediumFile(path, Path("unopened"), 33_000) for path in paths]
        files.append(MediumFile("DICOMDIR", Path("unopened"), directory))
        load, blocks = Load(), 300 * sizes.file_blocks(33_000)
        sizes.add(load, sizes.series_weight(0, 0, 300, blocks, 300 * sizes.records.instance))

        assert WRITERS[kind](files) <= told(sizes, load) <= WRITERS[kind](files) * 1.01


class TestLargeArchives:
    @pytest.mark.parametrize("kind", [Format.ZIP, Format.MAIL])
    @pytest.mark.parametrize("length", [GIGABYTE, 2 * GIGABYTE - 10_000_000, 5 * GIGABYTE])
    def test_offsets_and_sizes_above_two_gigabytes_are_counted(
        self, kind: Format, length: int
    ) -> None:
        sizes = model(kind, PAGES, LIST)
        files, load = laid_out([[[3, 1]]], 1, PAGES, LIST, sizes, (length,))

        real = WRITERS[kind](files)
        assert real <= told(sizes, load) <= real + 1000

    def test_more_files_than_sixteen_bits_count(self) -> None:
        sizes = model(Format.ZIP, PAGES, LIST)
        files, load = laid_out([[[30_000, 35_529]]], 0, PAGES, LIST, sizes, (0,))
        assert len(files) == 65_535
        at_most = told(sizes, load)
        assert at_most == WRITERS[Format.ZIP](files)

        files, load = laid_out([[[30_000, 35_530]]], 0, PAGES, LIST, sizes, (0,))
        assert told(sizes, load) == WRITERS[Format.ZIP](files) > at_most + 76

    @settings(max_examples=25, deadline=None)
    @given(TREES, st.lists(st.integers(0, 200_000), min_size=1, max_size=9).map(tuple))
    def test_deflated_files_are_counted_as_their_writer_counts_them(
        self, tree: Tree, lengths: tuple[int, ...]
    ) -> None:
        sizes = size_model(Format.ZIP, RECORDS, files=PAGES, digest_list=LIST, deflate=True)
        files, load = laid_out(tree, 1, PAGES, LIST, sizes, lengths)

        assert told(sizes, load) == ZipMedium(files, moment=MOMENT, deflate=True).size_bytes


class TestFat:
    @pytest.mark.parametrize(
        ("kind", "name"), [*(("fat16", name) for name in SHAPES), ("fat32", "USB")]
    )
    @settings(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_whatever_the_clusters_the_size_is_that_of_the_writer_or_little_more(
        self, kind: str, name: str, data: st.DataObject
    ) -> None:
        """Forty instances fill the volume up to where larger clusters are needed, or less."""
        shape = SHAPES[name]
        sizes = size_model(Format(kind), RECORDS, files=PAGES, digest_list=LIST, shape=shape)
        unit = data.draw(st.sampled_from(shape.sectors_per_cluster)) * shape.sector_bytes
        about = unit * most_clusters(kind, shape, unit) // 40
        length = data.draw(st.integers(about - 50_000, about) | st.integers(1, about))
        tree = [[[20, 20]]]
        files, load = laid_out(tree, 0, PAGES, LIST, sizes, (min(length, 2 * GIGABYTE - 1),))

        try:
            real = fat(kind, shape)(files)
        except RefusedError:
            assert sizes.size_blocks(load) > sizes.capacity_blocks(1 << 50)
        else:
            assert real <= told(sizes, load) <= real * 1.01

    @pytest.mark.parametrize(
        ("kind", "name"), [*(("fat16", name) for name in SHAPES), ("fat32", "CF")]
    )
    @settings(max_examples=40, deadline=None)
    @given(data=st.data())
    def test_what_fills_a_device_fits_if_its_writer_says_so(
        self, kind: str, name: str, data: st.DataObject
    ) -> None:
        """Forty instances take about as many clusters as the device has, and not one more."""
        shape = SHAPES[name]
        device = data.draw(st.integers(300_000_000, 2 << 30))
        sizes = size_model(
            Format(kind), RECORDS, files=PAGES, digest_list=LIST, shape=shape, filled_bytes=device
        )
        room = sizes.capacity_blocks(device)
        files, load = laid_out([[[20, 20]]], 0, PAGES, LIST, sizes, (1,))
        beside = sizes.size_blocks(load) - 40
        each = (room - beside) // 40 * sizes.block_bytes
        length = data.draw(st.sampled_from([each, each + 1]) | st.integers(1, each + 50_000))
        files, load = laid_out([[[20, 20]]], 0, PAGES, LIST, sizes, (length,))
        fits = sizes.size_blocks(load) <= room

        if fits:
            assert told(sizes, load) == fat(kind, shape, device)(files) <= device
        else:
            with pytest.raises(VolumeTooSmallError) as raised:
                fat(kind, shape, device)(files)
            lacking = sizes.size_blocks(load) - room
            assert raised.value.excess_bytes == lacking * sizes.block_bytes

    def test_a_device_is_planned_with_less_of_it_where_less_may_be_taken(self) -> None:
        sizes = size_model(Format.FAT32, RECORDS, filled_bytes=8_000_000_000)
        whole = sizes.capacity_blocks(8_000_000_000)

        assert sizes.capacity_blocks(8_000_000_000 - 1) == whole - 1
        assert sizes.capacity_blocks(8_000_000_000 - 4096) == whole - 1
        assert sizes.capacity_blocks(8_000_000_000 - 4097) == whole - 2

    def test_more_than_the_largest_volume_never_fits(self) -> None:
        sizes = size_model(Format.FAT16, RECORDS)
        files, load = laid_out([[[3]]], 0, [], "", sizes, (GIGABYTE - 1,))

        assert sizes.size_blocks(load) > sizes.capacity_blocks(1 << 40)
        with pytest.raises(RefusedError):
            fat("fat16")(files)


def test_file_sections_of_a_bridge_are_counted() -> None:
    sizes = model(Format.BRIDGE, PAGES, LIST)
    files, load = laid_out([[[40, 40]]], 0, PAGES, LIST, sizes, (9 * GIGABYTE, 5))

    real = WRITERS[Format.BRIDGE](files)
    assert real <= told(sizes, load) <= real + 100 * 2048


class TestWhatIsNotKnown:
    @pytest.mark.parametrize("kind", [Format.MIME, Format.MAIL])
    def test_a_uid_that_is_not_told_is_taken_for_the_longest(self, kind: Format) -> None:
        sizes = size_model(kind, RECORDS)
        files, load = laid_out([[[30]]], 0, [], "", sizes)
        kinds = {Format.MIME: MimeMedium, Format.MAIL: MailMedium}
        longest = kinds[kind](files, file_set_uid="1" * 64, moment=MOMENT)

        assert told(sizes, load) == longest.size_bytes

    @every_format
    def test_names_that_no_medium_can_have_stop_nothing(self, kind: Format) -> None:
        """Whether they may be written is for the writer to say."""
        plain = size_model(kind, RECORDS)
        odd = size_model(kind, RECORDS, files=[('\U0001f600/\ud83d\udc00"?', 5)])

        assert told(odd, Load()) >= told(plain, Load())


def test_a_series_of_more_than_a_million_instances_has_several_folders() -> None:
    """A folder holds a thousand files and 999 groups of a thousand."""
    sizes = model(Format.UDF_2_60, [], "")
    weight = sizes.series_weight(0, 0, 1_001_002, 0, 0)
    assigner = file_ids.FileIdAssigner()
    for begin in (assigner.begin_patient, assigner.begin_study, assigner.begin_series):
        begin()
    paths = ["/".join(assigner.next_instance()) for _ in range(1_001_002)]

    assert weight.studies[0] == (0, 2)
    assert weight.folders == len({path.rpartition("/")[0] for path in paths})
    assert weight.path_bytes == sum(map(len, paths))


def test_folders_are_as_full_as_those_of_a_file_set() -> None:
    assert volume_size.FULL == file_ids.FULL
