"""Hold each file that passes by against the manifest and against its record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.manifest import Manifest, ManifestFile
from mediastation.model.system_files import is_system_file
from mediastation.reading.contract import Span, VolumeFile
from mediastation.reading.file_meta import FileFront, FileMeta, read_file_front
from mediastation.reading.findings import FindingLog
from mediastation.reading.names import folded
from mediastation.verify.bad_sectors import BadSectorList, InstancePlace
from mediastation.verify.links import Links
from mediastation.verify.passing import FileRead
from mediastation.verify.read_ahead import BadRun


def fold_path(path: str) -> str:
    """Return what two spellings of one path have in common."""
    return "/".join(map(folded, path.split("/")))


@dataclass(frozen=True, slots=True)
class FileFacts:
    """What one reading of a file told: enough to ask of it what other readers would find.

    `sha256` is empty where it was not read whole. `sop_instance_uid` is that
    of its file meta.
    """

    file: VolumeFile
    size_bytes: int
    sha256: str
    is_dicom: bool
    sop_instance_uid: str


class ContentCheck:
    """The listener of a pass: counts, compares, and writes findings down.

    Parameters
    ----------
    manifest : Manifest or None
        The measure; None where there is none.
    links : Links or None
        The references of the DICOMDIR; None where it cannot be read.
    directory_path : str
        Where the DICOMDIR lies; empty if there is none.
    list_path : str
        Where a digest list lies that the manifest cannot list, because it is
        that list or no better than one; empty otherwise.
    trusted : bool
        Whether the manifest came from elsewhere than the medium.
    strict : bool
        Whether the medium is a CD of ours.
    known_sectors : bool
        Whether every sector outside the files is known by its digest: then
        nothing but zeros fills the files' last ones.
    blank_rest : bool
        Whether room that no file has was written as zeros and has no digests.
    pure : bool
        Whether what no span names must be unused.
    keeps_facts : bool
        Whether `facts` is filled, which takes some hundred bytes a file.
    is_envelope : callable
        Is told of each file, and whether it begins as DICOM does; tells whether
        it is a secure envelope, of whose content nothing is said here.
    log : FindingLog
        Where findings go.
    """

    def __init__(
        self,
        manifest: Manifest | None,
        links: Links | None,
        *,
        directory_path: str,
        list_path: str,
        trusted: bool,
        strict: bool,
        known_sectors: bool,
        blank_rest: bool,
        pure: bool,
        keeps_facts: bool,
        is_envelope: Callable[[FileRead, bool], bool],
        log: FindingLog,
    ) -> None:
        self.files = self.equal = self.instances = self.unlisted = self.bytes = 0
        self.differing_sectors: list[int] = []
        self.bad_sectors = BadSectorList()
        self.facts: dict[str, FileFacts] = {}
        self._links = links
        self._directory_path = directory_path
        self._list_path = list_path
        self._strict = strict
        self._known_sectors = known_sectors
        self._blank_rest = blank_rest
        self._pure = pure
        self._keeps_facts = keeps_facts
        self._is_envelope = is_envelope
        self._log = log
        self._has_manifest = manifest is not None
        self._trusted = trusted
        self._expected: dict[str, ManifestFile] = {}
        self._by_fold: dict[str, str] = {}
        self._uids: dict[str, str] = {}
        for entry in manifest.files if manifest else ():
            if entry.path in self._expected:
                log.add(warning("manifest", entry.path, "is listed twice; the last one counts"))
            self._expected[entry.path] = entry
            fold = fold_path(entry.path)
            self._by_fold[fold] = entry.path
            if entry.sop_instance_uid:
                self._uids[fold] = entry.sop_instance_uid

    def file_read(self, read: FileRead) -> None:
        """Take one file."""
        self.files += 1
        self.bytes += read.size_bytes
        path = read.file.path
        if self._has_manifest:
            self._compare(read)
        elif read.fault:
            self._log.add(_unread(read))
        is_dicom = read.front[128:132] == b"DICM"
        front = read_file_front(read.front) if is_dicom else FileFront(FileMeta(has_prefix=False))
        if self._keeps_facts:
            self.facts[path] = FileFacts(
                read.file, read.size_bytes, read.sha256, is_dicom, front.meta.sop_instance_uid
            )
        if self._is_envelope(read, is_dicom) or path == self._directory_path:
            return
        if is_dicom:
            self.instances += 1
        elif read.fault or self._links is None or not self._links.is_referenced(path):
            # Of what could not be read whole, the front may be made up: say nothing more.
            return
        if self._links is not None:
            self._log.extend(self._links.check_file(path, front))

    def gap_not_zero(self, span: Span, offset: int) -> None:
        """Take a byte where nothing should lie: on media of others a note, no more."""
        if span.region == "unused" and not (self._pure or self._blank_rest):
            return
        is_padding = span.region.startswith("padding after ") or self._blank_rest
        ours = self._strict or (self._known_sectors and is_padding)
        severity = Severity.ERROR if ours else Severity.NOTE
        if self._known_sectors and not is_padding:
            return  # Its digest tells, and better.
        if span.region == "after the volume" and severity is Severity.NOTE:
            return
        self._log.add(
            Finding(
                "not-zero",
                severity,
                span.region,
                f"byte {offset} (sector {offset // 2048}) is not zero",
                "something was changed after the image was made" if ours else "",
                "ECMA-119 6.3" if self._strict else "",
            )
        )

    def unreadable(self, span: Span, run: BadRun) -> None:
        """Take a run that the drive could not read; told when the whole range is known."""
        place = InstancePlace()
        if span.file is not None:
            path = span.file.path
            place = self._links.place_of(path) if self._links else place
            uid = self._uids.get(fold_path(path), "")
            if uid and not place.sop_instance_uid:
                place = replace(place, sop_instance_uid=uid)
        self.bad_sectors.add(run, span.region, place)

    def check_readable(self) -> Iterator[Finding]:
        """Yield a finding for each range that could not be read."""
        for bad in self.bad_sectors:
            what = "cannot be read" if bad.was_asked else "were not read any more"
            whose = f" ({bad.place})" if str(bad.place) else ""
            yield error(
                "unreadable",
                bad.region,
                f"{bad.count} sectors from sector {bad.first} {what}{whose}",
                "clean the disc, try another drive; if it stays, make the disc again",
            )

    def sector_differs(self, sector: int) -> None:
        """Take a structure sector that is not what was written; named when all are known."""
        self.differing_sectors.append(sector)

    def check_missing(self) -> Iterator[Finding]:
        """Yield a finding for each file of the manifest that did not pass by."""
        for path in self._expected:
            if path != self._list_path:
                yield error(
                    "missing-file",
                    path,
                    "is in the manifest and not on the medium",
                    "the medium is incomplete: do not hand it out",
                )

    def _compare(self, read: FileRead) -> None:
        path = read.file.path
        expected = self._take(read.file)
        if expected is None:
            if read.fault:
                self._log.add(_unread(read))
            if path == self._list_path:
                return
            if is_system_file(path) and read.front[128:132] != b"DICM":
                message = "an operating system left it there; it was not written with the medium"
                self._log.add(note("system-file", path, message))
                return
            self.unlisted += 1
            make = error if self._trusted else warning
            self._log.add(
                make(
                    "extra-file",
                    path,
                    "is on the medium and not in the manifest",
                    "find out who put it there before the medium is used",
                )
            )
            return
        size = expected.size_bytes
        if read.fault:
            self._log.add(_unread(read))
        elif size >= 0 and size != read.size_bytes:
            self._log.add(
                error(
                    "differs",
                    path,
                    f"has {read.size_bytes} bytes, {size} were written",
                    "make the medium again from the store",
                )
            )
        elif read.sha256 != expected.sha256:
            self._log.add(
                error(
                    "differs",
                    path,
                    f"its SHA-256 is {read.sha256}, {expected.sha256} was written",
                    "make the medium again from the store",
                )
            )
        else:
            self.equal += 1

    def _take(self, file: VolumeFile) -> ManifestFile | None:
        expected = self._expected.pop(file.path, None)
        if expected is not None:
            return expected
        other = self._by_fold.get(fold_path(file.path), "")
        expected = self._expected.pop(other, None)
        if expected is not None:
            self._log.add(note("name-differs", file.path, f"the manifest spells it {other}"))
        return expected


def _unread(read: FileRead) -> Finding:
    return error(
        "unreadable-file",
        read.file.path,
        read.fault,
        "clean the disc, try another drive; if it stays, make the medium again",
    )
