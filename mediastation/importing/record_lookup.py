"""Follow the File IDs of a directory to files, as far as that can be meant (PS3.10, 8.2).

What lies where its record says is found at once. The rest waits for the scan
to go by: a file is taken for a record's if it holds the instance that the
record names, or, where the record names none, if nothing else answers to as
much of its path. No path of a record is ever opened.
"""

from __future__ import annotations

from mediastation.importing.read_directory import ReadDirectory
from mediastation.model.finding import error, note, warning
from mediastation.model.importing import ArrivedFile
from mediastation.model.repair import RepairLog
from mediastation.reading.contract import Found, Volume
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import folded, split_components
from mediastation.reading.record_rules import escapes

NO_RECORD, PERHAPS = -1, -2
"""What `RecordLookup.claim` says of a file that no record means for certain."""

_AMBIGUOUS = -1
_MAX_SUFFIX = 10
"""Components of a path, from its end: a File ID has eight (PS3.10, 8.5), a folder may hold it all.

Each of them costs a record that waits another entry.
"""
_BY_SUFFIX = 2
"""How much of a path has to agree before it says anything: more than the file's own name."""


class RecordLookup:
    """Which record of one directory leads to which file.

    Parameters
    ----------
    read : ReadDirectory
        The directory.
    volume : Volume
        The medium.
    log, repairs
        Take what was wrong with names.
    """

    def __init__(
        self, read: ReadDirectory, volume: Volume, log: FindingLog, repairs: RepairLog
    ) -> None:
        self._read = read
        self._log = log
        self._repairs = repairs
        self.listed = 0
        self._record_of: dict[str, int] = {}
        self._by_uid: dict[str, int] = {}
        self._by_suffix: dict[tuple[str, ...], int] = {}
        self._waiting: set[int] = set()
        self._nearly: dict[int, tuple[int, str]] = {}
        self._elsewhere: dict[int, str] = {}
        for index, record in enumerate(read.records):
            if (record.file_id or record.sop_instance_uid) and index not in read.recovered.twins:
                self._enter(index, volume)

    def record_of(self, file: ArrivedFile) -> int:
        """Return the record that leads to `file` by its path, -1 if none does."""
        index = self._record_of.pop(file.path, -1)
        if index >= 0 and (waiting := self._by_uid.get(file.sop_instance_uid, -1)) >= 0:
            self._elsewhere.setdefault(waiting, file.path)
        return index

    def claim(self, file: ArrivedFile) -> int:
        """Return the record that can only mean `file`, to which no path leads.

        `NO_RECORD` if none means it, `PERHAPS` if its path resembles that of one:
        `settle` tells in the end.
        """
        index = self._by_uid.get(file.sop_instance_uid, -1)
        if index in self._waiting:
            self._waiting.discard(index)
            self._tell_name(index, file.path, "holds the instance that the record names")
            return index
        return PERHAPS if self._is_like_one(file) else NO_RECORD

    def settle(self) -> dict[str, int]:
        """Return the files that only a likeness of paths leads to, with their records."""
        settled: dict[str, int] = {}
        for index, (_, path) in self._nearly.items():
            if path and index in self._waiting and path not in settled:
                self._waiting.discard(index)
                settled[path] = index
                self._tell_name(index, path, "is the only file that answers to it")
        self._nearly = {}
        return settled

    def unusable(self) -> int:
        """Tell of records that lead to a file which is no instance; return how many they are."""
        for path, index in self._record_of.items():
            self._repairs.add("not-an-instance", path, "listed", "left out")
            if path == self._read.file.path:
                self._log.add(
                    warning(
                        "not-an-instance",
                        path,
                        f"the record at byte {self._read.records[index].offset} lists the "
                        "directory itself",
                        "",
                        "PS3.3 F.2.1",
                    )
                )
                continue
            self._log.add(
                error(
                    "not-dicom",
                    path,
                    f"the {self._type(index)} record at byte {self._read.records[index].offset} "
                    "lists this file, and it cannot be read as a DICOM instance",
                    "see what the scan says of it; ask the sender for it if it is damaged",
                    "PS3.3 F.2.1",
                )
            )
        return len(self._record_of)

    def missing(self) -> int:
        """Tell of records that lead nowhere; return how many they are."""
        for index in sorted(self._waiting):
            record = self._read.records[index]
            twin = self._elsewhere.get(index, "")
            where = f"; its SOP Instance is that of {twin}, which another record lists"
            self._log.add(
                error(
                    "missing-file",
                    record.label,
                    f"the {self._type(index)} record at byte {record.offset} lists a file that is "
                    f"not on the medium{where if twin else ''}",
                    "" if twin else "ask the sender for it: the study is not complete without",
                    "PS3.3 F.2.1",
                )
            )
        return len(self._waiting)

    def _type(self, index: int) -> str:
        return self._read.recovered.types[index] or "nameless"

    def _enter(self, index: int, volume: Volume) -> None:
        """Look for the file of one record, or let it wait."""
        record = self._read.records[index]
        self.listed += 1
        hostile = bool(record.file_id) and escapes(record)
        found = None if hostile or not record.file_id else self._find(index, volume)
        if found is not None:
            first = self._record_of.setdefault(found.file.path, index)
            if first != index:
                self.listed -= 1
                self._log.add(
                    warning(
                        "referenced-twice",
                        found.file.path,
                        f"the records at byte {self._read.records[first].offset} and at byte "
                        f"{record.offset} list this file",
                        "",
                        "PS3.3 F.2.1",
                    )
                )
                self._repairs.add("referenced-twice", record.label, "listed twice", "listed once")
            elif found.tolerated:
                self._tell_name(index, found.file.path, ", ".join(found.tolerated))
            return
        if hostile:
            self._log.add(
                error(
                    "escaping-file-id",
                    record.label,
                    "its Referenced File ID would lead out of the medium; it was not followed",
                    "treat this medium as hostile",
                    "PS3.10 8.2",
                )
            )
        self._waiting.add(index)
        if record.sop_instance_uid:
            self._by_uid.setdefault(record.sop_instance_uid, index)
        parts = None if hostile else split_components(record.file_id)
        if parts:
            whole = [*map(_stem, self._read.folders), *map(_stem, parts)][-_MAX_SUFFIX:]
            for start in range(len(whole)):
                suffix = tuple(whole[start:])
                taken = self._by_suffix.setdefault(suffix, index)
                if taken != index:
                    self._by_suffix[suffix] = _AMBIGUOUS

    def _find(self, index: int, volume: Volume) -> Found | None:
        """Look a File ID up below the directory's folder, else from the root of the medium."""
        file_id = self._read.records[index].file_id
        folders = self._read.folders
        found = volume.find([*folders, *file_id])
        if found is not None or not folders:
            return found
        found = volume.find(file_id)
        if found is None:
            return None
        return Found(found.file, (*found.tolerated, "begins in the root of the medium"))

    def _is_like_one(self, file: ArrivedFile) -> bool:
        """Remember `file` for the waiting record whose path it resembles, if there is one."""
        whole = tuple(map(_stem, file.path.split("/")))[-_MAX_SUFFIX:]
        for start in range(len(whole)):
            index = self._by_suffix.get(whole[start:])
            if index is None:
                continue
            if index == _AMBIGUOUS:
                return False
            record = self._read.records[index]
            agreed = len(whole) - start
            everything = len(self._read.folders) + len(split_components(record.file_id) or ())
            # A record that names another instance means this file only where all but the
            # extension agrees; then the file is right about what it holds.
            whole_path = agreed == everything and start == 0
            if not whole_path and (record.sop_instance_uid or agreed < _BY_SUFFIX):
                return False
            known, _ = self._nearly.get(index, (0, ""))
            if agreed > known:
                self._nearly[index] = agreed, file.path
            elif agreed == known:
                self._nearly[index] = agreed, ""
            return True
        return False

    def _tell_name(self, index: int, path: str, why: str) -> None:
        record = self._read.records[index]
        if self._repairs.wants("file-name"):
            self._repairs.keep("file-name", record.label, record.path or "no file", path)
        self._log.add(
            note(
                "name-differs",
                path,
                f"the record lists it as {record.path or 'nothing'} ({why})",
                "readers that compare names exactly will not find it",
                "PS3.10 8.2",
            )
        )


def _stem(component: str) -> str:
    """Return what is left of a name without version and extension."""
    plain = folded(component)
    return plain.partition(".")[0] or plain
