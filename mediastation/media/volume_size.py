"""How large a volume becomes, told before anything of it is laid out.

Sizes follow from counts alone: how many instances each series has, how many
series each study, how many studies each patient. The names that a File-set
gives its files and folders all have one length, so counts are enough for the
folders, too. What a kind of medium makes of the counts is its `SizeLayout`;
`mediastation.media.sizes` has the model of each.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from mediastation.media.size_layout import Contents, SizeLayout

FULL: Final = 1000
"""Files, or folders, that a File-set puts into one folder."""

LISTED_BYTES: Final = 64 + len("  \n")
"""What a line of the list of digests has beside the path."""

_PATH_BYTES: Final = len("DICOM/PT000001/ST000001/SE000001/IM000001")
_GROUP_BYTES: Final = len("G0000001/")
_NUMBERED_TOP_BYTES: Final = len("001")
_ROOT_PATH_BYTES: Final = len("DICOM/RT000000/OB000001")


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


@dataclass(slots=True)
class Load:
    """What lies on a volume, as far as its size depends on it.

    `studies` has the number of series folders by study, `patients` the number
    of study folders by patient. One load serves one model only.
    """

    instances: int = 0
    blocks: int = 0
    structure: int = 0
    folders: int = 0
    record_bytes: int = 0
    path_bytes: int = 0
    tops: int = 0
    studies: dict[int, int] = field(default_factory=dict)
    patients: dict[int, int] = field(default_factory=dict)

    def copy(self) -> Load:
        """Return another one that grows by itself."""
        return Load(
            self.instances,
            self.blocks,
            self.structure,
            self.folders,
            self.record_bytes,
            self.path_bytes,
            self.tops,
            self.studies.copy(),
            self.patients.copy(),
        )


@dataclass(frozen=True, slots=True)
class Weight:
    """What a unit that is never divided adds to a volume.

    Parameters
    ----------
    instances, blocks, structure, folders, record_bytes, path_bytes : int
        Of its series and instances: nothing of these is shared with others.
        Blocks and structure are whatever the layout counts in.
    tops : int
        Folders in the topmost one that no patient owns.
    studies : mapping of int to (int, int)
        Patient and number of series folders by study; the study's folders and
        records are shared with the other series there.
    """

    instances: int
    blocks: int
    structure: int
    folders: int
    record_bytes: int
    path_bytes: int
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
        sum(weight.structure for weight in weights),
        sum(weight.folders for weight in weights),
        sum(weight.record_bytes for weight in weights),
        sum(weight.path_bytes for weight in weights),
        sum(weight.tops for weight in weights),
        studies,
    )


@dataclass(frozen=True, slots=True)
class SizeModel:
    """Tells the size of a volume from what lies on it; `mediastation.media.sizes` makes them.

    Adding anything never makes a volume smaller.

    Parameters
    ----------
    layout : SizeLayout
        Of the medium.
    records : RecordBytes
        Of the DICOMDIR.
    listed_head_bytes : int, optional
        Lines in the list of digests beside those of the instances; None if
        there is no list.
    """

    layout: SizeLayout
    records: RecordBytes
    listed_head_bytes: int | None = None

    @property
    def block_bytes(self) -> int:
        """Bytes that are allotted at a time."""
        return self.layout.block_bytes

    def file_blocks(self, size_bytes: int) -> int:
        """Return what a file takes, its entry aside."""
        return self.layout.file_blocks(size_bytes)

    def size_bytes(self, blocks: int) -> int:
        """Return the size of a volume that takes `blocks`, as its writer tells it."""
        return self.layout.size_bytes(blocks)

    def used_bytes(self, blocks: int) -> int:
        """Return `size_bytes` without what is free on the volume."""
        return self.layout.used_bytes(blocks)

    def capacity_blocks(self, capacity_bytes: int) -> int:
        """Return how many blocks a volume may take so that it is within `capacity_bytes`."""
        return self.layout.capacity_blocks(capacity_bytes)

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
        structure = instances * layout.entry_blocks
        path_bytes = folders = series = 0
        # A folder that holds a thousand files and 999 groups of them is followed by another one.
        for start in range(0, instances, FULL * FULL):
            here = min(instances - start, FULL * FULL)
            groups, rest = divmod(here - 1, FULL)
            path_bytes += here * _PATH_BYTES + (here - min(here, FULL)) * _GROUP_BYTES
            structure += layout.folder_blocks(groups, min(here, FULL))
            if groups:
                structure += (groups - 1) * layout.folder_blocks(0, FULL)
                structure += layout.folder_blocks(0, rest + 1)
            folders += 1 + groups
            series += 1
        return Weight(
            instances,
            blocks,
            structure,
            folders,
            record_bytes + self.records.series,
            path_bytes,
            0,
            {study: (patient, series)},
        )

    def root_weight(self, instances: int, blocks: int, record_bytes: int) -> Weight:
        """Return what instances add that belong to no patient (PS3.3, F.4)."""
        layout = self.layout
        full, rest = divmod(instances, FULL)
        groups = full + bool(rest)
        structure = instances * layout.entry_blocks + full * layout.folder_blocks(0, FULL)
        structure += layout.folder_blocks(0, rest) if rest else 0
        path_bytes = instances * _ROOT_PATH_BYTES
        return Weight(instances, blocks, structure, groups, record_bytes, path_bytes, groups, {})

    def size_blocks(self, load: Load) -> int:
        """Return the size of a volume with this on it."""
        return self._total(
            load.instances,
            load.blocks,
            load.structure,
            load.folders,
            load.record_bytes,
            load.path_bytes,
            load.tops,
        )

    def size_with(self, load: Load, weight: Weight) -> int:
        """Return the size of a volume in blocks if `weight` were added to what is on it."""
        structure, folders, record_bytes, tops, _, _ = self._shared(load, weight)
        return self._total(
            load.instances + weight.instances,
            load.blocks + weight.blocks,
            load.structure + weight.structure + structure,
            load.folders + weight.folders + folders,
            load.record_bytes + weight.record_bytes + record_bytes,
            load.path_bytes + weight.path_bytes,
            load.tops + weight.tops + tops,
        )

    def own_growth(self, weight: Weight) -> int:
        """Return at least how many blocks `weight` adds, whatever is there."""
        return self.layout.least_growth(weight.blocks, weight.structure)

    def least_growth(self, weight: Weight) -> int:
        """Return at least how many blocks `weight` adds where none of its studies is yet."""
        structure = weight.structure
        for _, series in weight.studies.values():
            structure += self._folders_blocks(series)
        return self.layout.least_growth(weight.blocks, structure)

    def add(self, load: Load, weight: Weight) -> None:
        """Put `weight` onto the volume of `load`."""
        self._change(load, weight, 1)

    def remove(self, load: Load, weight: Weight) -> None:
        """Take `weight` off the volume of `load` again."""
        self._change(load, weight, -1)

    def _change(self, load: Load, weight: Weight, sign: int) -> None:
        structure, folders, record_bytes, tops, studies, patients = self._shared(load, weight, sign)
        load.instances += sign * weight.instances
        load.blocks += sign * weight.blocks
        load.structure += sign * weight.structure + structure
        load.folders += sign * weight.folders + folders
        load.record_bytes += sign * weight.record_bytes + record_bytes
        load.path_bytes += sign * weight.path_bytes
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
        records = self.records
        structure = folders = record_bytes = tops = 0
        studies: dict[int, int] = {}
        patients: dict[int, int] = {}
        for study, (patient, series) in weight.studies.items():
            before = load.studies.get(study, 0)
            studies[study] = after = before + sign * series
            more = -(-after // FULL) + (-before // FULL)
            record_bytes += records.study * ((after > 0) - (before > 0))
            structure += self._folders_blocks(after) - self._folders_blocks(before)
            folders += more
            if more:
                before = patients.get(patient, load.patients.get(patient, 0))
                patients[patient] = after = before + more
                record_bytes += records.patient * ((after > 0) - (before > 0))
                structure += self._folders_blocks(after) - self._folders_blocks(before)
                opened = -(-after // FULL) + (-before // FULL)
                folders += opened
                tops += opened
        return structure, folders, record_bytes, tops, studies, patients

    def _folders_blocks(self, count: int) -> int:
        """Return what folders take that hold `count` others, a thousand each."""
        full, rest = divmod(count, FULL)
        blocks = full * self.layout.folder_blocks(FULL, 0) if full else 0
        return blocks + (self.layout.folder_blocks(rest, 0) if rest else 0)

    def _total(
        self,
        instances: int,
        blocks: int,
        structure: int,
        folders: int,
        record_bytes: int,
        path_bytes: int,
        tops: int,
    ) -> int:
        top_folders = -(-tops // FULL) or 1
        if top_folders > 1:
            path_bytes += instances * _NUMBERED_TOP_BYTES
        listed_bytes = 0
        if self.listed_head_bytes is not None:
            listed_bytes = self.listed_head_bytes + instances * LISTED_BYTES + path_bytes
        return self.layout.total_blocks(
            Contents(
                instances,
                path_bytes,
                blocks,
                structure + self._folders_blocks(tops or 1),
                folders + top_folders,
                top_folders,
                self.records.head + record_bytes,
                listed_bytes,
            )
        )
