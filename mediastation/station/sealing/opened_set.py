"""What came out of envelopes, held against the DICOMDIR that came out with it.

Each envelope proves its own content and nothing else: not that it is the one
that was sealed under its name, and not that none is missing beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, warning
from mediastation.model.sop_class import MEDIA_STORAGE_DIRECTORY
from mediastation.reading.contract import Volume
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.file_meta import HEAD_BYTES, FileFront, read_file_front
from mediastation.reading.findings import FindingLog
from mediastation.verify.links import Links

DICOMDIR = "DICOMDIR"
_WRONG_PLACE = frozenset({"wrong-link", "wrong-branch"})
_INCOMPLETE = "the study is not complete without it: ask the sender for the medium again"
_WHOSE = (
    "a viewer that goes by the DICOMDIR shows it under another name: ask the sender, and do not "
    "use it before"
)


def read_opened_directory(folder: Path, medium: Volume, copied: Collection[str]) -> Dicomdir | None:
    """Return the DICOMDIR of `medium` as it lies in `folder`; None where it did not come out.

    None as well where it cannot be understood: then it tells of no file.
    """
    found = medium.find([DICOMDIR])
    if found is None or found.file.path not in copied:
        return None
    try:
        with (folder / found.file.path).open("rb") as stream:
            return read_dicomdir(stream)
    except (OSError, MediaError):
        return None


def check_directory(medium: Volume, left: Collection[str]) -> Iterator[Finding]:
    """Yield that the DICOMDIR of `medium` is among what was `left` there."""
    found = medium.find([DICOMDIR])
    if found is not None and found.file.path in left:
        yield _left_out(found.file.path, "by its name it is the directory of the medium, and it")


def check_opened(
    folder: Path,
    directory: Dicomdir,
    medium: Volume,
    *,
    copied: Collection[str],
    left: Collection[str],
    confirmed_ids: Iterable[Iterable[str]] = (),
    alive: Callable[[], object],
) -> Iterator[Finding]:
    """Check that what came out is what the DICOMDIR tells of it, and all of it.

    Parameters
    ----------
    folder : Path
        Where the files lie now, under their paths on the medium.
    directory : Dicomdir
        That lies there too.
    medium : Volume
        Where they come from.
    copied : collection of str
        The files that lie there under their own names.
    left : collection of str
        What is neither an envelope nor a DICOM file and stayed on the medium.
    confirmed_ids : iterable
        Groups of Patient IDs, each of one person.
    alive : callable
        Called for each file; may raise to stop.

    Yields
    ------
    Finding
        ``"missing-file"``, ``"not-dicom"``, ``"wrong-link"`` and
        ``"wrong-branch"``; ``"unreferenced"`` as a warning, since that file is
        there all the same. Nothing of what an envelope kept shut.
    """
    links = Links(directory, medium, FindingLog(), confirmed_ids)
    for one in links.check_missing():
        yield replace(one, hint=_INCOMPLETE)
    for path in left:
        if links.is_referenced(path):
            yield _left_out(path, "the DICOMDIR lists it as an image or document, and it")
    for path in copied:
        alive()
        front = _front_of(folder / path)
        if not front.meta.has_prefix:
            continue  # that was told when it came out
        if not links.is_referenced(path):
            if front.meta.sop_class_uid == MEDIA_STORAGE_DIRECTORY:
                continue
            yield warning(
                "unreferenced",
                path,
                f"no record of the DICOMDIR leads to this file (SOP Instance "
                f"{front.meta.sop_instance_uid or 'none'})",
                "viewers that go by the DICOMDIR do not show it: ask the sender whether it is "
                "theirs",
                "PS3.3 F.2.1",
            )
            continue
        for one in links.check_file(path, front):
            if one.rule in _WRONG_PLACE:
                yield replace(one, hint=_WHOSE)


def _front_of(file: Path) -> FileFront:
    try:
        with file.open("rb") as stream:
            return read_file_front(stream.read(HEAD_BYTES))
    except OSError as fault:
        raise MediaError(
            f"{file} cannot be read again: {fault.strerror or fault}", "Check that disk."
        ) from fault


def _left_out(path: str, what: str) -> Finding:
    return error(
        "not-dicom",
        path,
        f"{what} is neither an envelope nor a DICOM file: it was left out",
        "it is damaged or was replaced: clean the disc, try another drive, then ask for the medium "
        "again",
        "PS3.10 7.4",
    )
