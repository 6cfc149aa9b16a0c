"""Whether a medium is sealed: its directory and first files tell it before all are looked at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain, islice

from mediastation.errors import MediaError
from mediastation.importing.directory_files import DIRECTORY_NAME
from mediastation.importing.look import OutsideError, read_fully
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.file_meta import is_enveloped
from mediastation.reading.names import folded

MOST_FILES = 256
"""Files that are looked at on a medium where that costs little."""
FEW_FILES = 8
"""Files that are looked at in a drive, where each may cost a seek."""
_MOST_DIRECTORIES = 8
_FRONT_BYTES = 132


@dataclass(frozen=True, slots=True)
class SealedSample:
    """What the first files of a medium are.

    `envelopes` are the sealed ones, the smallest first; `plain` is how many are
    DICOM files as anybody can read them.
    """

    envelopes: tuple[VolumeFile, ...] = ()
    plain: int = 0

    @property
    def is_sealed(self) -> bool:
        """Whether nothing of it can be read without a password or key."""
        return bool(self.envelopes) and not self.plain


def sample_medium(volume: Volume, most: int = MOST_FILES) -> SealedSample:
    """Look at the fronts of the directories of a medium and of its first files, `most` in all.

    What cannot be read is passed over: the scan says so.
    """
    directories = islice(filter(_is_directory, volume.iter_files()), _MOST_DIRECTORIES)
    files = chain(directories, volume.iter_files())
    envelopes, plain = [], 0
    for file in _each_once(files, most):
        front = _front(volume, file)
        if is_enveloped(front):
            envelopes.append(file)
        plain += front[128:132] == b"DICM"
    return SealedSample(tuple(sorted(envelopes, key=lambda one: one.size_bytes)), plain)


def _is_directory(file: VolumeFile) -> bool:
    name = file.path.rpartition("/")[2]
    return folded(name).partition(".")[0] == DIRECTORY_NAME


def _each_once(files: Iterable[VolumeFile], most: int) -> Iterable[VolumeFile]:
    seen: set[str] = set()
    for file in files:
        if len(seen) >= most:
            return
        if file.path not in seen and file.size_bytes:
            seen.add(file.path)
            yield file


def _front(volume: Volume, file: VolumeFile) -> bytes:
    try:
        with volume.open(file.path) as stream:
            return read_fully(stream, _FRONT_BYTES)
    except (OSError, MediaError, OutsideError):
        return b""
