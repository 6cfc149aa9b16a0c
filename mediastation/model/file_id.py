"""File IDs and File-set IDs: the names that a File-set may use (PS3.10 2024c 8.2, 8.5)."""

from __future__ import annotations

import re
import unicodedata

from mediastation.errors import RefusedError
from mediastation.model.finding import Finding, error

FileId = tuple[str, ...]
"""The components of a File ID, from the File-set's root down."""

MAX_COMPONENTS = 8
MAX_FILE_SET_ID = 16

_COMPONENT = re.compile(r"[A-Z0-9_]{1,8}", re.ASCII)
_FILE_SET_ID = re.compile(r"[A-Z0-9_]{0,16}", re.ASCII)
_OTHER = re.compile(r"[^A-Z0-9_]+", re.ASCII)

# Letters that Unicode does not take apart into a base letter and a mark.
_LETTERS = str.maketrans(
    {
        "Æ": "AE",
        "æ": "ae",
        "Œ": "OE",
        "œ": "oe",
        "Ø": "O",
        "ø": "o",
        "Ł": "L",
        "ł": "l",
        "Đ": "D",
        "đ": "d",
        "Ð": "D",
        "ð": "d",
        "Þ": "TH",
        "þ": "th",
        "ß": "ss",
        "ẞ": "SS",
        "ı": "i",
    }
)


def check_file_id(file_id: FileId) -> list[Finding]:
    """Check that `file_id` may stand in a DICOMDIR.

    One to eight components, each of one to eight characters out of ``A-Z``,
    ``0-9`` and ``_`` (PS3.10, 8.2 and 8.5). A name from elsewhere that fails
    here may still exist on a medium; it is no File ID.

    Returns
    -------
    list of Finding
        Empty if legal; else one finding, rule ``"file-id"``.
    """
    subject = "/".join(file_id)
    if not 1 <= len(file_id) <= MAX_COMPONENTS:
        message = f"A File ID has 1 to {MAX_COMPONENTS} components, this one has {len(file_id)}."
    elif faulty := [part for part in file_id if not _COMPONENT.fullmatch(part)]:
        message = (
            "A File ID component has 1 to 8 characters out of A-Z, 0-9 and _; "
            f"{faulty[0][:40]!r} is none."
        )
    else:
        return []
    return [error("file-id", subject, message, reference="PS3.10 8.2, 8.5")]


def require_file_id(file_id: FileId) -> FileId:
    """Return `file_id`; raise `RefusedError` if it is not legal."""
    if findings := check_file_id(file_id):
        raise RefusedError(findings[0].message, findings)
    return file_id


def check_file_set_id(file_set_id: str) -> list[Finding]:
    """Check a File-set ID: at most sixteen characters out of ``A-Z0-9_``, or none (PS3.10, 8.5)."""
    if _FILE_SET_ID.fullmatch(file_set_id):
        return []
    return [
        error(
            "file-set-id",
            file_set_id[:64],
            "A File-set ID has at most 16 characters out of A-Z, 0-9 and _.",
            reference="PS3.10 8.5",
        )
    ]


def require_file_set_id(file_set_id: str) -> str:
    """Return `file_set_id`; raise `RefusedError` if it is not legal."""
    if findings := check_file_set_id(file_set_id):
        raise RefusedError(findings[0].message, findings)
    return file_set_id


def file_set_id_from(text: str) -> str:
    """Return the File-set ID that comes closest to a label.

    Latin letters lose their marks (``Müller`` becomes ``MULLER``), lower case
    becomes upper case, every run of anything else one underscore. What is
    longer than sixteen characters is cut.

    Parameters
    ----------
    text : str
        A label in any script, of any length.

    Returns
    -------
    str
        A legal File-set ID. Empty, which is legal too, if `text` holds
        nothing that can be written in this repertoire.
    """
    return _OTHER.sub("_", _unmarked(text)).strip("_")[:MAX_FILE_SET_ID].rstrip("_")


def file_set_id_of_name(name: str) -> str:
    """Return `file_set_id_from` of a person's name; empty where letters would get lost.

    What is left of a name in another script, such as its Latin look-alikes,
    would name somebody else.
    """
    if any(letter.isalpha() and not letter.isascii() for letter in _unmarked(name)):
        return ""
    return file_set_id_from(name)


def _unmarked(text: str) -> str:
    plain = unicodedata.normalize("NFKD", text[:1024].translate(_LETTERS))
    return "".join(letter for letter in plain if not unicodedata.combining(letter)).upper()
