"""Every record of a damaged DICOMDIR, found and put into a tree."""

from __future__ import annotations

from collections.abc import Iterable
from io import BytesIO
from pathlib import Path

from mediastation.model.repair import Repair
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.record_recovery import RecoveredDirectory, recover_directory
from mediastation.reading.record_tree import MAX_LEVEL, NO_PARENT
from tests.fuzz.oracles import require, require_harmless
from tests.fuzz.targets.dicomdir import DicomdirTarget


class RecoveryTarget(DicomdirTarget):
    """What an importer makes of a directory that readers give up."""

    name = "recovery"
    roots: tuple[str, ...] = ("reading/record_", "reading/dicomdir.py")

    def seeds(self, folder: Path | None) -> list[bytes]:
        """Those of the parser, each cut in the middle too."""
        whole = super().seeds(folder)
        return [*whole, *(one[: len(one) * 3 // 5] for one in whole), whole[0][400:]]

    def run(self, data: bytes) -> set[str]:
        """Recover it, and hold the tree against what a tree is."""
        directory = read_dicomdir(BytesIO(data))
        found = recover_directory(directory)
        said = require_repairs(found.repairs)
        require(len(found.repairs) <= 2000, "repairs without end")
        _require_whole(found, len(data))
        for record in found.directory.records:
            require_harmless(record.label, "label")
            said.update(f"key {key.vr}" for key in found.directory.keys(record).values())
        return said


def require_repairs(repairs: Iterable[Repair]) -> set[str]:
    """Look at repairs as a person would; return their kinds."""
    said = set()
    for repair in repairs:
        for text in (repair.subject, repair.before, repair.after):
            require_harmless(text, f"repair {repair.what}")
        said.add(f"repair {repair.what}")
    return said


def _require_whole(found: RecoveredDirectory, size: int) -> None:
    records, tree = found.directory.records, found.tree
    count = len(records)
    require(len(found.types) == count, "types that are no record's")
    require(len(tree.parents) == len(tree.levels) == count, "a tree of another size")
    require(sorted(tree.order) == list(range(count)), "records lost, or placed twice")
    last = -1
    for record in records:
        require(last < record.offset < size, "records out of their order in the file")
        last = record.offset
    placed = bytearray(count)
    for index in tree.order:
        parent = tree.parents[index]
        require(parent == NO_PARENT or bool(placed[parent]), "a record before its parent")
        above = -1 if parent == NO_PARENT else tree.levels[parent]
        require(tree.levels[index] == above + 1 <= MAX_LEVEL, "a level that is none")
        placed[index] = 1
    for one, other in found.twins.items():
        require(0 <= other < count and one != other, "a twin of nobody")
