"""Every file of an outside medium, looked at by content; nothing is believed, nothing written."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.importing.look import OutsideError, read_fully
from mediastation.importing.look_worker import BATCH_BYTES, BATCH_FILES, iter_looked
from mediastation.importing.survey import Survey
from mediastation.reading.contract import Volume, VolumeFile

_WORTH_PROCESSES_FILES = 400
_WORTH_PROCESSES_BYTES = 128 << 20
"""Below this, everything is looked at before processes would be up."""
_WORTH_THREADS_BYTES = 1 << 20
_SAMPLES = 4
_CHUNK = 1 << 20


def scan(
    volume: Volume,
    survey: Survey,
    path: Path | None,
    progress: Callable[[int, int], None],
    workers: int | None = None,
) -> None:
    """Look at every file of `volume` that `survey` does not know, and enter it there.

    Parameters
    ----------
    volume : Volume
        The medium.
    survey : Survey
        What an earlier attempt found stays, where the medium still lists the
        same file of the same size and date, and samples of them are the same.
    path : Path or None
        Where other processes find the medium; None where they cannot, because
        the keys to it are here alone: then threads share the work.
    progress : callable
        Told the bytes done and in all; may raise to stop.
    workers : int, optional
        Processes or threads; by default one for each core, and none for little.
    """
    files = list(volume.iter_files())
    known = _still_known(survey, files)
    if any(known) and not _is_same_medium(volume, survey):
        survey.drop(place for place, flag in enumerate(known) if flag)
        known = bytearray(len(files))
    total = sum(file.size_bytes for file in files)
    done = sum(file.size_bytes for place, file in enumerate(files) if known[place])
    if workers is None:
        left = total - done
        much = len(files) - sum(known) > _WORTH_PROCESSES_FILES or left > _WORTH_PROCESSES_BYTES
        if path is None:
            much = left > _WORTH_THREADS_BYTES
        workers = len(os.sched_getaffinity(0)) if much else 0
    progress(done, total)
    for rows in iter_looked(volume, path, _runs(files, known), workers):
        survey.add(rows)
        done += sum(files[row[0]].size_bytes for row in rows)
        progress(done, total)
    survey.complete()


def _still_known(survey: Survey, files: Sequence[VolumeFile]) -> bytearray:
    """Return a flag for each file that was looked at before; forget what has changed."""
    flags, changed = bytearray(len(files)), []
    for position, path, size_bytes, changed_at in survey.known():
        file = files[position] if position < len(files) else None
        if file is not None and _is_same(file, path, size_bytes, changed_at):
            flags[position] = 1
        else:
            changed.append(position)
    survey.drop(changed)
    return flags


def _is_same_medium(volume: Volume, survey: Survey) -> bool:
    """Tell whether some files that seem to be those of an earlier attempt are.

    Names, sizes and dates may be the same on two media of one maker, and then
    one patient's files would count as the other's.
    """
    for path, sha256 in survey.samples(_SAMPLES):
        digest = hashlib.sha256()
        try:
            with volume.open(path) as stream:
                while chunk := read_fully(stream, _CHUNK):
                    digest.update(chunk)
        except (OSError, MediaError, OutsideError):
            return False
        if digest.hexdigest() != sha256:
            return False
    return True


def _is_same(file: VolumeFile, path: str, size_bytes: int, changed_at: int) -> bool:
    return (file.path, file.size_bytes, file.changed_at) == (path, size_bytes, changed_at)


def _runs(
    files: Sequence[VolumeFile], known: bytearray
) -> Iterator[tuple[int, Sequence[VolumeFile]]]:
    """Yield files that follow each other and are not known, cut into batches."""
    start = place = size = 0
    for place, file in enumerate(files):
        full = place - start >= BATCH_FILES or size >= BATCH_BYTES
        if (known[place] or full) and start < place:
            yield start, files[start:place]
            start, size = place, 0
        if known[place]:
            start, size = place + 1, 0
        else:
            size += file.size_bytes
    if start < len(files):
        yield start, files[start:]
