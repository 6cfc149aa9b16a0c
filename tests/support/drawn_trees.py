"""Trees of files that hypothesis draws: names and sizes, then what a medium holds of them."""

from __future__ import annotations

import string
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from mediastation.media.level1 import MediumFile

FILE_IDS = st.text("ABCXYZ019_", min_size=1, max_size=8)
"""Components of File IDs, of few characters: names come near each other."""

ALL_FILE_IDS = st.text(string.ascii_uppercase + string.digits + "_", min_size=1, max_size=8)
"""The same of all characters that there are (PS3.10 8.2)."""

SIZES = st.one_of(st.integers(0, 5000), st.sampled_from([0, 1, 2047, 2048, 2049, 4096]))
"""Around those of a sector."""

_NONE = st.just("")


def drawn_trees(
    *,
    names: SearchStrategy[str] = FILE_IDS,
    endings: SearchStrategy[str] = _NONE,
    levels: int = 7,
    most: int = 40,
    sizes: SearchStrategy[int] = SIZES,
) -> SearchStrategy[dict[str, int]]:
    """Sizes by path.

    A file may have the name of a folder: `legal_contents` or
    `accepted_contents` leaves it out.

    Parameters
    ----------
    names : strategy
        Of folders and files.
    endings : strategy
        Put behind the names of files.
    levels : int
        Folders above a file, at most.
    most : int
        Files, at most.
    sizes : strategy
        Of files.
    """
    folders = st.lists(st.one_of(st.sampled_from(["A", "DICOM"]), names), max_size=levels)
    paths = st.tuples(folders, names, endings)
    return st.dictionaries(
        paths.map(lambda drawn: "/".join((*drawn[0], drawn[1] + drawn[2]))), sizes, max_size=most
    )


def legal_contents(drawn: Mapping[str, int]) -> dict[str, bytes]:
    """Contents by path, without the files that have the name of a folder."""
    parents = {path[:end] for path in drawn for end, char in enumerate(path) if char == "/"}
    return {path: _filled(path, size) for path, size in drawn.items() if path not in parents}


def accepted_contents(
    drawn: Mapping[str, int], check: Callable[[list[MediumFile]], Sequence[object]]
) -> dict[str, bytes]:
    """Contents by path, of those files that can lie beside the ones drawn before."""
    contents: dict[str, bytes] = {}
    for path, size in drawn.items():
        if not check([MediumFile(one, Path(), 0) for one in (*contents, path)]):
            contents[path] = _filled(path, size)
    return contents


def _filled(path: str, size: int) -> bytes:
    data = path.encode()
    return (data * (size // len(data) + 1))[:size]
