"""README.TXT: what a person reads who has the medium in hand and no viewer.

IHE PDI asks for it in the root: the institution with its contact, the
application, how the medium is organised, and *nothing of the patient*: the text
is independent of the clinical content.
"""

from __future__ import annotations

import textwrap
import unicodedata
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from mediastation import __version__
from mediastation.model.manifest import DIGEST_LIST_NAME
from mediastation.pages.facts import SiblingDisc, Viewer
from mediastation.pages.templates import render_template
from mediastation.pages.text import one_line, require_zone

README_NAME = "README.TXT"
MOST_SIBLINGS = 99
"""Discs of a set that README.TXT lists."""

_COLUMNS = 76
_LONGEST = 200
_LONGEST_FILE_SET_ID = 16
_LONGEST_UID = 64


@dataclass(frozen=True, slots=True)
class ReadmeFacts:
    """What README.TXT tells.

    Parameters
    ----------
    created : datetime
        When the medium was made, with the time zone that the text shows.
    profile : str
        The Application Profile, as ``STD-GEN-CD``; empty if none is claimed.
    file_set_id, file_set_uid : str
        As in the DICOMDIR; the identifier may be empty.
    instances : int
        DICOM files without the DICOMDIR.
    institution : str
        Who made the medium; empty is told as "not stated".
    contact : tuple of str
        Lines under the institution: address, telephone.
    volume, volumes : int
        Which one of how many; told if there are several.
    dicom_folder : str
        The folder in the root that holds the DICOM files.
    digest_list : str
        Name of the digest list in the root; empty if there is none.
    siblings : tuple of SiblingDisc
        All discs of the set; only their counts are told.
    index_page : str
        ``INDEX.HTM`` if the medium has it; empty otherwise.
    web_folder : str
        ``IHE_PDI`` if there is web content; empty otherwise.
    viewer : Viewer, optional
        A viewer on the medium.
    other_folders : tuple of str
        Further folders in the root, with content that is not importable.
    encrypted : bool
        Whether the DICOM files and the DICOMDIR are encrypted (PS3.15, Annex D).
    password : bool
        Whether a password opens them.
    certificates : int
        How many certificates they are encrypted for. Where neither is told, the text
        has the steps for both.
    signed : bool
        Whether what lies in the envelopes is signed; digested otherwise.
    open_page : str
        ``OPEN.HTM`` if the medium has it; empty otherwise.
    """

    created: datetime
    profile: str
    file_set_id: str
    file_set_uid: str
    instances: int
    institution: str = ""
    contact: tuple[str, ...] = ()
    volume: int = 1
    volumes: int = 1
    dicom_folder: str = "DICOM"
    digest_list: str = DIGEST_LIST_NAME
    siblings: tuple[SiblingDisc, ...] = ()
    index_page: str = ""
    web_folder: str = ""
    viewer: Viewer | None = None
    other_folders: tuple[str, ...] = ()
    encrypted: bool = False
    password: bool = False
    certificates: int = 0
    signed: bool = False
    open_page: str = ""

    @property
    def ways(self) -> tuple[str, ...]:
        """By what the files are opened: ``password``, ``certificate`` or both."""
        told = {"password": self.password, "certificate": self.certificates > 0}
        return tuple(way for way, there in told.items() if there) or tuple(told)


def render_readme(facts: ReadmeFacts, templates: Path | None = None) -> bytes:
    """Return README.TXT: lines of at most 76 columns that end in CR LF.

    The text is ASCII as long as the facts are. An institution that does not
    write itself in ASCII is not respelled: the whole text is then UTF-8 with a
    byte order mark, by which the editors of all usual systems know it, and its
    ASCII part is readable in any.

    Parameters
    ----------
    facts : ReadmeFacts
        What to tell.
    templates : Path, optional
        The site's templates.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    ConfigError
        If the template is missing or faulty.
    """
    require_zone(facts.created)
    facts = replace(
        facts,
        institution=one_line(facts.institution, _LONGEST),
        contact=tuple(filter(None, (one_line(line, _LONGEST) for line in facts.contact))),
        siblings=tuple(replace(disc, first_date="", last_date="") for disc in facts.siblings),
    )
    # Lines in this text start and end nothing, so there is nothing to escape.
    text = render_template(
        README_NAME,
        {"facts": facts, "version": __version__, "most_siblings": MOST_SIBLINGS},
        templates,
    )
    lines = [folded for line in text.splitlines() for folded in _fold(line)]
    text = "".join(f"{line}\r\n" for line in lines)
    return text.encode("ascii" if text.isascii() else "utf-8-sig")


def readme_size_bound(facts: ReadmeFacts, volumes: int, templates: Path | None = None) -> int:
    """Return the bytes that README.TXT of any one volume needs at most.

    Parameters
    ----------
    facts : ReadmeFacts
        As if the whole set lay on one medium; its identifiers and siblings do not count.
    volumes : int
        How many there will be at most.
    templates : Path, optional
        The site's templates.
    """
    disc = SiblingDisc(volumes, facts.instances, facts.instances, facts.instances)
    longest = replace(
        facts,
        file_set_id="W" * _LONGEST_FILE_SET_ID,
        file_set_uid="9" * _LONGEST_UID,
        instances=max(2, facts.instances),
        volume=volumes,
        volumes=volumes,
        siblings=(disc,) * (volumes if volumes > 1 else 0),
    )
    page = render_readme(longest, templates)
    # Where words wrap, a shorter number can leave a longer line: two bytes a break.
    return len(page) + 2 * page.count(b"\n")


def _fold(line: str) -> list[str]:
    """Break `line` at the last column, keeping what it is set in by."""
    line = line.rstrip()
    if not line:
        return [""]
    column = len(line) - len(line.lstrip())
    if not column and (label := line.find("  ")) > 0:
        column = len(line) - len(line[label:].lstrip())
    # East Asian characters are two columns wide: then half as many fit.
    wide = any(unicodedata.east_asian_width(char) in "WF" for char in line)
    columns = _COLUMNS // 2 if wide else _COLUMNS
    return textwrap.wrap(line, columns, subsequent_indent=" " * column, break_on_hyphens=False)
