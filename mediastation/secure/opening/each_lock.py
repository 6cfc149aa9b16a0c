"""Which envelopes of a medium have to be tried before a password or key counts as wrong.

The files of one medium may be for different recipients (PS3.11 D.3.5), and
media of several senders may lie in one folder. That some envelopes stay shut
proves nothing for those that ask for something else.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from mediastation.errors import MediaError
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.secure.opening.envelope import Lock, read_envelope
from mediastation.secure.opening.errors import BadEnvelopeError

MOST_HEADS = 1000
MOST_IN_DRIVE = 100
"""Envelopes that are looked at, evenly over the medium: each costs a read, or even a seek."""

_OF_EACH = 3
"""One may be damaged just where it says how it is opened."""
_ALWAYS = 12
_MOST_ITERATIONS = 10_000_000
"""Some makers stretch the password anew for each file: after that much, `_ALWAYS` is enough."""


def iter_each_lock(
    volume: Volume, files: Sequence[VolumeFile], *, in_drive: bool = False
) -> Iterator[VolumeFile]:
    """Yield files, in their order, whose envelopes ask for something that others did not.

    A dozen are yielded whatever they ask for. What is no envelope, is damaged or
    cannot be read is passed over.

    Parameters
    ----------
    volume : Volume
        The medium, with the envelopes as they lie there.
    files : sequence of VolumeFile
        What is looked at.
    in_drive : bool
        Whether that is a disc in a drive: fewer of them then.
    """
    seen: Counter[Lock] = Counter()
    tried = iterations = 0
    chosen = list(iter_spread(files, MOST_IN_DRIVE if in_drive else MOST_HEADS))
    anyhow = {file.path for file in iter_spread(chosen, _ALWAYS)}
    for file in chosen:
        try:
            with volume.open(file.path) as stream:
                locks = read_envelope(stream, file.size_bytes, file.path).locks
        except (OSError, MediaError, BadEnvelopeError):
            continue
        new = [lock for lock in locks if seen[lock] < _OF_EACH]
        if not new and file.path not in anyhow:
            continue
        cost = sum(lock.iterations for lock in new if not seen[lock])
        if tried >= _ALWAYS and iterations + cost > _MOST_ITERATIONS:
            continue
        seen.update(locks)
        tried, iterations = tried + 1, iterations + cost
        yield file


def iter_spread(files: Sequence[VolumeFile], most: int) -> Iterator[VolumeFile]:
    """Yield at most so many of `files`, evenly over all of them, the first and the last too."""
    if len(files) <= most:
        yield from files
        return
    for number in range(most):
        yield files[number * (len(files) - 1) // max(1, most - 1)]
