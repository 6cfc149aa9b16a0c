"""How large a volume becomes, told before anything of it is laid out.

Sizes follow from counts alone: how many instances each series has, how many
series each study, how many studies each patient. The names that a File-set
gives its files and folders all have one length, so counts are enough for the
folders, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from mediastation.media.level1 import SECTOR_BYTES, level1_identifier, parents_of

FULL: Final = 1000
"""Files, or folders, that a File-set puts into one folder."""

_DESCRIPTOR_SECTORS: Final = 19
"""System area, primary descriptor, version descriptor and terminator, as they are written."""
_LISTED_BYTES: Final = len(f"{'0' * 64}  DICOM/PT000001/ST000001/SE000001/IM000001\n")
_LISTED_IN_GROUP_BYTES: Final = len("G0000001/")
_LISTED_IN_NUMBERED_TOP_BYTES: Final = len("001")
_LISTED_AT_ROOT_BYTES: Final = len(f"{'0' * 64}  DICOM/RT000000/OB000001\n")
_LISTED_FIXED_BYTES: Final = 64 + len("  \n")


@dataclass(frozen=True, slots=True)
class RecordBytes:
    """Bytes of a DICOMDIR: its head and tail, and at most so many for a record of each level.

    Parameters
    ----------
    head, patient, study, series, instance : int
        Item and element heads included. The size of a volume is exact where
        these are, and an upper bound where they are upper bounds. `instance`
        holds where a `PlannedInstance` does not tell its own.
    """

    head: int
    patient: int
    study: int
    series: int
    instance: int


@dataclass(frozen=True, slots=True)
class _Layout:
    """How a file system holds folders; `block_bytes` are what it allots at a time."""

    block_bytes: int
    heads_bytes: int
    file_entry_bytes: int
    folder_entry_bytes: int
    path_entry_bytes: int
    path_step_bytes: int
    path_step_blocks: int


# ECMA-119 9.1: a record has 33 bytes and the name, made even, and does not go
# over the end of a sector. 9.4: in a path table 8 and the name, made even;
# written twice, each in steps of two sectors.
_ISO9660: Final = _Layout(SECTOR_BYTES, 68, 44, 42, 16, 2 * SECTOR_BYTES, 4)
# Folders of a file system that is there already: only the files count.
_FILES_ALONE: Final = _Layout(1, 0, 0, 0, 0, 1, 0)


@dataclass(slots=True)
class Load:
    """What lies on a volume, as far as its size depends on it.

    `studies` has the number of series by study, `patients` the number of study
    folders by patient. One load serves one model only.
    """

    instances: int = 0
    blocks: int = 0
    folders: int = 0
    record_bytes: int = 0
    listed_bytes: int = 0
    tops: int = 0
    studies: dict[int, int] = field(default_factory=dict)
    patients: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Load:
        """Return another one that grows by itself."""
        return Load(
            self.instances,
            self.blocks,
            self.folders,
            self.record_bytes,
            self.listed_bytes,
            self.tops,
            self.studies.copy(),
            self.patients.copy(),
        )


@dataclass(frozen=True, slots=True)
class Weight:
    """What a unit that is never divided adds to a volume.

    Parameters
    ----------
    instances, blocks, folders, record_bytes, listed_bytes : int
        Of its series and instances: nothing of these is shared with others.
    tops : int
        Folders in the topmost one that no patient owns.
    studies : mapping of int to (int, int)
        Patient and number of series by study; their folders and records are
        shared with the other series there.
    """

    instances: int
    blocks: int
    folders: int
    record_bytes: int
    listed_bytes: int
    tops: int
    studies: Mapping[int, tuple[int, int]]


def together(weights: Sequence[Weight]) -> Weight:
    """Return the weight of several units as one."""
    studies: dict[int, tuple[int, int]] = {}
    for weight in weights:
        for study, (patient, series) in weight.studies.items():
            studies[study] = (patient, studies.get(study, (patient, 0))[1] + series)
    return Weight(
        sum(weight.instances for weight in weights),
        sum(weight.blocks for weight in weights),
        sum(weight.folders for weight in weights),
        sum(weight.record_bytes for weight in weights),
        sum(weight.listed_bytes for weight in weights),
        sum(weight.tops for weight in weights),
        studies,
    )


@dataclass(frozen=True, slots=True)
class SizeModel:
    """Tells the size of a volume from what lies on it; see `iso9660_sizes` and `folder_sizes`.

    Adding anything never makes a volume smaller.
    """

    layout: _Layout
    records: RecordBytes
    fixed_blocks: int
    fixed_path_bytes: int
    root_bytes: int
    lists_digests: bool
    listed_head_bytes: int

    @property
    def block_bytes(self) -> int:
        """Bytes that are allotted at a time."""
        return self.layout.block_bytes

    def file_blocks(self, size_bytes: int) -> int:
        """Return what a file takes, its folder's entry aside."""
        return -(-size_bytes // self.layout.block_bytes)

    def series_weight(
        self, patient: int, study: int, instances: int, blocks: int, record_bytes: int
    ) -> Weight:
        """Return what a series, or a piece of one, adds.

        Parameters
        ----------
        patient, study : int
            Any numbers that tell them apart; a study has one patient.
        instances : int
            At least one.
        blocks, record_bytes : int
            Of all its files, and of their DICOMDIR records.
        """
        layout = self.layout
        groups, rest = divmod(instances - 1, FULL)
        listed = instances * _LISTED_BYTES + (instances - min(instances, FULL)) * (
            _LISTED_IN_GROUP_BYTES
        )
        folder = _folder_blocks(layout, groups, min(instances, FULL))
        if groups:
            folder += (groups - 1) * _folder_blocks(layout, 0, FULL)
            folder += _folder_blocks(layout, 0, rest + 1)
        return Weight(
            instances,
            blocks + folder,
            1 + groups,
            record_bytes + self.records.series,
            listed if self.lists_digests else 0,
            0,
            {study: (patient, 1)},
        )

    def root_weight(self, instances: int, blocks: int, record_bytes: int) -> Weight:
        """Return what instances add that belong to no patient (PS3.3, F.4)."""
        full, rest = divmod(instances, FULL)
        groups = full + bool(rest)
        folder = full * _folder_blocks(self.layout, 0, FULL)
        folder += _folder_blocks(self.layout, 0, rest) if rest else 0
        listed = instances * _LISTED_AT_ROOT_BYTES if self.lists_digests else 0
        return Weight(instances, blocks + folder, groups, record_bytes, listed, groups, {})

    def size_blocks(self, load: Load) -> int:
        """Return the size of a volume with this on it."""
        return self._total(
            load.instances,
            load.blocks,
            load.folders,
            load.record_bytes,
            load.listed_bytes,
            load.tops,
        )

    def size_with(self, load: Load, weight: Weight) -> int:
        """Return the size of a volume in blocks if `weight` were added to what is on it."""
        blocks, folders, record_bytes, tops, _, _ = self._shared(load, weight)
        return self._total(
            load.instances + weight.instances,
            load.blocks + weight.blocks + blocks,
            load.folders + weight.folders + folders,
            load.record_bytes + weight.record_bytes + record_bytes,
            load.listed_bytes + weight.listed_bytes,
            load.tops + weight.tops + tops,
        )

    def least_growth(self, weight: Weight) -> int:
        """Return at least how many blocks `weight` adds where none of its studies is yet."""
        blocks = weight.blocks
        for _, series in weight.studies.values():
            blocks += _folders_blocks(self.layout, series)
        records = weight.record_bytes + len(weight.studies) * self.records.study
        return blocks + records // self.block_bytes + weight.listed_bytes // self.block_bytes

    def add(self, load: Load, weight: Weight) -> None:
        """Put `weight` onto the volume of `load`."""
        self._change(load, weight, 1)

    def remove(self, load: Load, weight: Weight) -> None:
        """Take `weight` off the volume of `load` again."""
        self._change(load, weight, -1)

    def _change(self, load: Load, weight: Weight, sign: int) -> None:
        blocks, folders, record_bytes, tops, studies, patients = self._shared(load, weight, sign)
        load.instances += sign * weight.instances
        load.blocks += sign * weight.blocks + blocks
        load.folders += sign * weight.folders + folders
        load.record_bytes += sign * weight.record_bytes + record_bytes
        load.listed_bytes += sign * weight.listed_bytes
        load.tops += sign * weight.tops + tops
        for counts, changed in ((load.studies, studies), (load.patients, patients)):
            for key, count in changed.items():
                if count:
                    counts[key] = count
                else:
                    del counts[key]

    def _shared(
        self, load: Load, weight: Weight, sign: int = 1
    ) -> tuple[int, int, int, int, dict[int, int], dict[int, int]]:
        """Return what changes for studies and patients of `weight`, and how many there are then."""
        layout, records = self.layout, self.records
        blocks = folders = record_bytes = tops = 0
        studies: dict[int, int] = {}
        patients: dict[int, int] = {}
        for study, (patient, series) in weight.studies.items():
            before = load.studies.get(study, 0)
            studies[study] = after = before + sign * series
            more = -(-after // FULL) + (-before // FULL)
            record_bytes += records.study * ((after > 0) - (before > 0))
            blocks += _folders_blocks(layout, after) - _folders_blocks(layout, before)
            folders += more
            if more:
                before = patients.get(patient, load.patients.get(patient, 0))
                patients[patient] = after = before + more
                record_bytes += records.patient * ((after > 0) - (before > 0))
                blocks += _folders_blocks(layout, after) - _folders_blocks(layout, before)
                opened = -(-after // FULL) + (-before // FULL)
                folders += opened
                tops += opened
        return blocks, folders, record_bytes, tops, studies, patients

    def _total(
        self, instances: int, blocks: int, folders: int, record_bytes: int, listed: int, tops: int
    ) -> int:
        layout = self.layout
        top_folders = -(-tops // FULL) or 1
        total = self.fixed_blocks + blocks + _folders_blocks(layout, tops or 1)
        total += self.file_blocks(self.records.head + record_bytes)
        if self.lists_digests:
            if top_folders > 1:
                listed += instances * _LISTED_IN_NUMBERED_TOP_BYTES
            total += self.file_blocks(self.listed_head_bytes + listed)
        root_bytes = self.root_bytes
        if top_folders > 1:
            # No entry is longer than 48 bytes: so much may stay empty in each sector.
            root_bytes += (top_folders - 1) * (layout.folder_entry_bytes + 48)
        if layout.path_entry_bytes:
            total += -(-root_bytes // (layout.block_bytes - 48)) - 1
            paths = self.fixed_path_bytes + (folders + top_folders) * layout.path_entry_bytes
            total += -(-paths // layout.path_step_bytes) * layout.path_step_blocks
        return total


def iso9660_sizes(
    records: RecordBytes, *, files: Iterable[tuple[str, int]] = (), digest_list: str = ""
) -> SizeModel:
    """Return the sizes of images that `mediastation.media.iso9660.Iso9660Image` makes.

    Exact to the sector where `records` is, but for volumes of more than a
    thousand patients or with so many fixed files in the root that its folder
    takes more than a sector: there it is an upper bound.

    Parameters
    ----------
    records : RecordBytes
        Of the DICOMDIR.
    files : iterable of (str, int)
        Path and size of what every volume carries beside the File-set.
    digest_list : str
        Name, in the root, of the list of digests, which grows with the
        File-set; empty if there is none.
    """
    fixed = dict(files)
    listed_head = sum(_LISTED_FIXED_BYTES + len(path) for path in ("DICOMDIR", *fixed))
    entries: dict[str, set[tuple[str, int]]] = {"": {("DICOMDIR", 44)}}
    names = [*fixed, *([digest_list] if digest_list else [])]
    folders = {parent for path in names for parent in parents_of(path)}
    for path in names:
        folder, _, name = path.rpartition("/")
        length = 33 + len(level1_identifier(name)) - 1
        entries.setdefault(folder, set()).add((name, length + length % 2))
    for path in folders:
        folder, _, name = path.rpartition("/")
        length = 33 + len(name)
        entries.setdefault(folder, set()).add((name, length + length % 2))
    root = [length for _, length in entries.pop("")]
    paths = sum(8 + len(name) + len(name) % 2 for name in (p.rpartition("/")[2] for p in folders))
    return SizeModel(
        layout=_ISO9660,
        records=records,
        fixed_blocks=_DESCRIPTOR_SECTORS
        + 1
        + sum(-(-size // SECTOR_BYTES) for size in fixed.values())
        + sum(_listed_blocks(sorted(listed)) for listed in entries.values()),
        # The root's own entry has ten bytes; the one of DICOM is two shorter than the others.
        fixed_path_bytes=10 + paths - 2,
        root_bytes=68 + 38 + sum(root),
        lists_digests=bool(digest_list),
        listed_head_bytes=listed_head,
    )


def folder_sizes(
    records: RecordBytes, *, files: Iterable[tuple[str, int]] = (), digest_list: str = ""
) -> SizeModel:
    """Return the sizes of folders as `mediastation.media.folder` tells them: the files alone.

    Parameters as for `iso9660_sizes`; exact where `records` is.
    """
    fixed = dict(files)
    return SizeModel(
        layout=_FILES_ALONE,
        records=records,
        fixed_blocks=sum(fixed.values()),
        fixed_path_bytes=0,
        root_bytes=0,
        lists_digests=bool(digest_list),
        listed_head_bytes=sum(_LISTED_FIXED_BYTES + len(path) for path in ("DICOMDIR", *fixed)),
    )


@lru_cache(maxsize=1 << 14)
def _folder_blocks(layout: _Layout, folders: int, files: int) -> int:
    """Return what a folder with so many entries takes, folders before files."""
    if not layout.heads_bytes:
        return 0
    blocks, used = 1, layout.heads_bytes
    for count, length in (
        (folders, layout.folder_entry_bytes),
        (files, layout.file_entry_bytes),
    ):
        here = min(count, (layout.block_bytes - used) // length)
        used += here * length
        if left := count - here:
            each = layout.block_bytes // length
            blocks += -(-left // each)
            used = (left % each or each) * length
    return blocks


@lru_cache(maxsize=1 << 14)
def _folders_blocks(layout: _Layout, count: int) -> int:
    """Return what folders take that hold `count` others, a thousand each."""
    full, rest = divmod(count, FULL)
    blocks = full * _folder_blocks(layout, FULL, 0)
    return blocks + (_folder_blocks(layout, rest, 0) if rest else 0)


def _listed_blocks(entries: Iterable[tuple[str, int]]) -> int:
    """Return what a folder with exactly these entries takes."""
    blocks, used = 1, _ISO9660.heads_bytes
    for _, length in entries:
        if used + length > SECTOR_BYTES:
            blocks, used = blocks + 1, 0
        used += length
    return blocks
