"""Look-up tables that are written as segments (PS3.3 C.7.9.2)."""

from __future__ import annotations

from array import array

MAX_ENTRIES = 0x10000
MAX_SEGMENTS = 100_000
"""Segments done in all, those that indirect ones repeat included."""

_DISCRETE, _LINEAR, _INDIRECT = 0, 1, 2


def expand_segmented(data: bytes, bits: int) -> bytes:
    """Return the entries of a segmented table as words of 16 bits, little endian.

    Parameters
    ----------
    data : bytes
        The value of a Segmented Palette Color Lookup Table Data element.
    bits : int
        Bits of an entry: 8 if its numbers are bytes, otherwise 16.

    Returns
    -------
    bytes
        At most `MAX_ENTRIES` entries; those that could be read before the
        first segment that makes no sense.
    """
    words = array("B" if bits == 8 else "H")
    words.frombytes(data[: len(data) - len(data) % words.itemsize])
    out = array("H")
    at, done = 0, 0
    returns: list[tuple[int, int]] = []  # after an indirect segment: where to go on; how many left
    left = MAX_SEGMENTS
    while len(out) < MAX_ENTRIES and done < MAX_SEGMENTS:
        if returns and left == 0:
            at, left = returns.pop()
            continue
        if at + 2 > len(words):
            break
        kind, count = words[at], words[at + 1]
        done, left = done + 1, left - 1
        if kind == _DISCRETE:
            out.extend(list(words[at + 2 : at + 2 + count]))
            at += 2 + count
        elif kind == _LINEAR and at + 2 < len(words) and out:
            start, end = out[-1], words[at + 2]
            out.extend(start + (end - start) * n // count for n in range(1, count + 1))
            at += 3
        elif kind == _INDIRECT and not returns:
            parts = words[at + 2 : at + 2 + 4 // words.itemsize]
            offset = sum(part << 8 * words.itemsize * n for n, part in enumerate(parts))
            returns.append((at + 2 + len(parts), left))
            at, left = offset // words.itemsize, count
        else:
            break
    return out[:MAX_ENTRIES].tobytes()
