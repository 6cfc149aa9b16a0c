"""The files of a sealed medium on their way into a folder: opened, proved, and then named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import BinaryIO

from mediastation.errors import MediaError, SecrecyError
from mediastation.media.folder import PartFolder
from mediastation.model.finding import Finding, error, note, warning
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.file_meta import is_enveloped
from mediastation.reading.findings import FindingLog
from mediastation.secure.opening.each_lock import iter_each_lock
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.opener import Opener
from mediastation.station.free_paths import FreePaths
from mediastation.station.job import Step
from mediastation.station.recording.known_media import digest_of_directory, find_manifest
from mediastation.station.sealing.media import is_dicom, read_front
from mediastation.station.sealing.opened_set import (
    check_directory,
    check_opened,
    read_opened_directory,
)
from mediastation.station.station import Station
from mediastation.station.told_result import ToldResult
from mediastation.verify.openings import WRONG_KEY, OpeningLog, unreadable_file

_NEXT = ".next"
"""What a file is called in the folder until its integrity is proved."""
_COPY_BYTES = 1 << 20
_NAMED = 3


@dataclass(slots=True)
class OpenResult(ToldResult):
    """What came of it.

    Parameters
    ----------
    path : str
        The folder.
    files, bytes : int
        What lies in it.
    envelopes, damaged : int
        How many were opened, and how many could not be.
    signatures : dict of str to int
        How many contents were signed, by what that is worth.
    """

    job: int
    path: str
    files: int = 0
    bytes: int = 0
    envelopes: int = 0
    damaged: int = 0
    signatures: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


class NothingOpenedError(SecrecyError):
    """Not one envelope opens; `findings` say why."""

    def __init__(self, message: str, hint: str, findings: Iterable[Finding]) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)


class OpeningWork:
    """The files of one medium on their way into the folder."""

    def __init__(
        self, volume: Volume, opener: Opener, part: PartFolder, step: Step, result: OpenResult
    ) -> None:
        self.seen = 0
        self._volume = volume
        self._opener = opener
        self._part = part
        self._step = step
        self._result = result
        self._names = FreePaths(_NEXT)
        self._openings = OpeningLog()
        self._log = FindingLog()
        self._done_bytes = 0
        self._done: set[str] = set()
        self._clear: list[str] = []
        self._copied: list[str] = []

    def findings(self) -> list[Finding]:
        """Return what there is to say by now."""
        found = [*self._log, *self._openings.findings()]
        if self._clear:
            more = len(self._clear) - _NAMED
            names = ", ".join(self._clear[:_NAMED]) + (f" and {more:,} more" if more > 0 else "")
            found.append(
                note("in-clear", self._volume.name,
                     f"What lay open there and is no DICOM file was not copied: {names}.",
                     "It can be read on the medium itself.")
            )  # fmt: skip
        return found

    def run(self, first: VolumeFile, files: Sequence[VolumeFile], *, in_drive: bool) -> None:
        """Take every file; the smallest envelope first, so that a wrong password is told soon.

        Raises
        ------
        NothingOpenedError
            If none opens.
        """
        wrong = 0
        for file in chain((first,), iter_each_lock(self._volume, files, in_drive=in_drive)):
            fault = self._take(file)
            if self._result.envelopes:
                break
            wrong += isinstance(fault, WrongKeyError)
        if not wrong or self._result.envelopes:
            for file in files:
                self._take(file)
        if not self._result.envelopes:
            fault = self._openings.first_fault
            raise NothingOpenedError(
                f"Nothing could be opened. {fault.message if fault else ''}".strip(),
                fault.hint if fault else "Clean the disc, or try another drive.",
                # That the same password is wrong for each of them is one thing to say.
                [finding for finding in self.findings() if finding.rule != WRONG_KEY],
            )

    def run_mail(self, mail: SecureMailVolume, files: Iterable[VolumeFile]) -> None:
        """Take every file out of an e-mail that was opened as a whole, and proved."""
        self.seen = self._result.envelopes = 1
        self._result.signatures = dict(Counter(str(one.signature) for one in mail.signatures))
        for file in files:
            self._step.report(self._done_bytes, self._step.total)
            try:
                stream = mail.open(file.path)
            except (OSError, MediaError) as fault:
                self._refuse(unreadable_file(file.path, fault))
            else:
                with stream:
                    self._copy(file, stream)
            self._done_bytes += file.size_bytes

    def check(self, station: Station, medium: Path) -> None:
        """Hold what is there now against the DICOMDIR that came out with it."""
        self._log.extend(check_directory(self._volume, self._clear))
        directory = read_opened_directory(self._part.path, self._volume, self._copied)
        if directory is None:
            return
        digest = digest_of_directory(self._volume)
        made = find_manifest(station, medium, directory, digest)
        self._log.extend(
            check_opened(
                self._part.path,
                directory,
                self._volume,
                copied=self._copied,
                left=self._clear,
                confirmed_ids=made.confirmed_ids if made else (),
                alive=lambda: self._step.report(self._step.total, self._step.total),
            )
        )

    def _take(self, file: VolumeFile) -> SecrecyError | None:
        """Take one file, whatever it is; return what keeps its envelope shut."""
        if file.path in self._done:
            return None
        self._done.add(file.path)
        self._step.report(self._done_bytes, self._step.total)
        try:
            return self._take_new(file)
        finally:
            self._done_bytes += file.size_bytes

    def _take_new(self, file: VolumeFile) -> SecrecyError | None:
        try:
            stream = self._volume.open(file.path)
        except (OSError, MediaError) as fault:
            self._refuse(unreadable_file(file.path, fault))
            return None
        with stream:
            try:
                front = read_front(stream)
            except (OSError, MediaError) as fault:
                self._refuse(unreadable_file(file.path, fault))
                return None
            if is_enveloped(front):
                self.seen += 1
                return self._open(file, stream)
            if is_dicom(front):
                if self._copy(file, stream):
                    self._log.add(
                        warning("not-sealed", file.path,
                                "It lay open among the envelopes, and was copied as it is.",
                                "Nothing proves that it is what the sender put there.",
                                "PS3.15 D.1")
                    )  # fmt: skip
            else:
                self._clear.append(file.path)
        return None

    def _open(self, file: VolumeFile, stream: BinaryIO) -> SecrecyError | None:
        def fill(sink: _Sink) -> None:
            opened = self._opener.open(stream, file.size_bytes, sink.write, file.path)
            self._openings.opened(file.path, opened)
            if not is_dicom(sink.front):
                self._log.add(
                    warning("not-dicom", file.path,
                            "What was in the envelope is whole, and no DICOM file.",
                            "Ask the sender what it is.", "PS3.10 7.4")
                )  # fmt: skip

        fault = self._fill(file, fill)
        if fault is None:
            self._result.envelopes += 1
            self._result.signatures = self._openings.signatures
        elif isinstance(fault, SecrecyError):
            self._openings.refused(file.path, fault)
            self._result.damaged += 1
            return fault
        return None

    def _copy(self, file: VolumeFile, stream: BinaryIO) -> bool:
        """Copy a file as it is; tell whether all of it is there."""

        def fill(sink: _Sink) -> None:
            while data := stream.read(_COPY_BYTES):
                sink.write(data)
            if sink.size_bytes != file.size_bytes:
                raise MediaError(f"only {sink.size_bytes:,} of {file.size_bytes:,} bytes are there")

        return self._fill(file, fill) is None

    def _fill(self, file: VolumeFile, fill: Callable[[_Sink], None]) -> Exception | None:
        """Have a new file filled, and give it its name when that ended well."""
        fault: Exception | None = None
        try:
            path = self._names.take(file.path)
        except ValueError as why:
            self._refuse(error("name-too-long", file.path[:200], f"It was left out: {why}."))
            return why
        with self._part.new_file(_NEXT) as append:
            sink = _Sink(append, self._count)
            try:
                fill(sink)
            except (SecrecyError, MediaError, OSError) as caught:
                if sink.fault is not None:
                    raise sink.fault from None
                fault = caught
        if fault is not None:
            self._part.remove(_NEXT)
            if not isinstance(fault, SecrecyError):
                self._refuse(unreadable_file(file.path, fault))
            return fault
        self._part.rename(_NEXT, path)
        if path != file.path:
            self._log.add(
                warning("name-taken", file.path, f"It is called {path}: its name was taken.",
                        "A DICOMDIR does not lead to it.", "PS3.10 8.2")
            )  # fmt: skip
        else:
            self._copied.append(path)
        self._result.files += 1
        self._result.bytes += sink.size_bytes
        return None

    def _refuse(self, finding: Finding) -> None:
        self._log.add(finding)
        self._result.damaged += 1

    def _count(self, size_bytes: int) -> None:
        self._step.report(min(self._done_bytes + size_bytes, self._step.total), self._step.total)


class _Sink:
    """Takes the content of one file.

    `fault` is what stopped it here, the disk or the operator: what comes out of
    an opener or a medium may look the same.
    """

    def __init__(self, append: Callable[[bytes], None], count: Callable[[int], None]) -> None:
        self.front = b""
        self.size_bytes = 0
        self.fault: BaseException | None = None
        self._append = append
        self._count = count

    def write(self, data: bytes) -> None:
        """Take what comes next."""
        try:
            if len(self.front) < 132:
                self.front += bytes(data[: 132 - len(self.front)])
            self._append(data)
            self.size_bytes += len(data)
            self._count(self.size_bytes)
        except BaseException as fault:
            self.fault = fault
            raise


def smallest_envelope(volume: Volume, files: Iterable[VolumeFile]) -> VolumeFile | None:
    """Return the smallest envelope; what cannot be read is told when its turn comes."""
    for file in sorted(files, key=lambda file: file.size_bytes):
        try:
            with volume.open(file.path) as stream:
                if is_enveloped(read_front(stream)):
                    return file
        except (OSError, MediaError):
            continue
    return None
