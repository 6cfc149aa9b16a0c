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

from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from mediastation import __version__
from mediastation.errors import ConfigError
from mediastation.model.manifest import DIGEST_LIST_NAME
from mediastation.resources import resource_folder

README_NAME = "README.TXT"
_COLUMNS = 76


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


def render_readme(facts: ReadmeFacts) -> bytes:
    """Return README.TXT: lines of at most 76 columns that end in CR LF.

    The text is ASCII as long as the facts are. An institution that does not
    write itself in ASCII is not respelled: the whole text is then UTF-8 with a
    byte order mark, by which the editors of all usual systems know it, and its
    ASCII part is readable in any.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    ConfigError
        If the template is missing or faulty.
    """
    if facts.created.tzinfo is None:
        raise ValueError("the date needs a time zone")
    facts = replace(
        facts,
        institution=_one_line(facts.institution),
        contact=tuple(filter(None, map(_one_line, facts.contact))),
    )
    # Lines in this text start and end nothing, so there is nothing to escape.
    environment = ImmutableSandboxedEnvironment(
        autoescape=False,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    path = resource_folder("templates") / README_NAME
    try:
        template = environment.from_string(path.read_text("utf-8"))
        text = template.render(facts=facts, version=__version__)
    except (OSError, UnicodeDecodeError, TemplateError) as fault:
        raise ConfigError(f"the template {path} cannot be used: {fault}") from fault
    lines = [folded for line in text.splitlines() for folded in _fold(line)]
    text = "".join(f"{line}\r\n" for line in lines)
    return text.encode("ascii" if text.isascii() else "utf-8-sig")


def _one_line(text: str) -> str:
    """Return `text` without line breaks and what else a terminal or editor might obey."""
    printable = "".join(char if char.isprintable() else " " for char in text)
    return " ".join(printable.split())


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
