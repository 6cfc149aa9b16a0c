"""What a PDF shows, as poppler and zbar see it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree as ET

from tests.support.peers import run_peer

_MM_PER_PT = 25.4 / 72
_XHTML = "{http://www.w3.org/1999/xhtml}"


@dataclass(frozen=True)
class Word:
    """A word and the box around it in millimetres from the top left corner."""

    text: str
    left: float
    top: float
    right: float
    bottom: float


def pdf_text(path: Path) -> str:
    """Return the text in the order of reading, without the marks of direction."""
    text = run_peer("pdftotext", "-layout", path, "-").stdout
    return re.sub("[\u200e\u200f\u202a-\u202e]", "", text)


def pdf_words(path: Path) -> list[Word]:
    """Return every word with its place."""
    shown = run_peer("pdftotext", "-bbox", path, "-").stdout
    # Poppler writes control characters as they are; there should be none.
    return [
        Word(
            one.text or "",
            *(float(one.attrib[name]) * _MM_PER_PT for name in ("xMin", "yMin", "xMax", "yMax")),
        )
        for one in ET.fromstring(shown).iter(f"{_XHTML}word")  # noqa: S314
    ]


def pdf_fonts(path: Path) -> list[tuple[str, bool]]:
    """Return the fonts by name, each with whether it is embedded."""
    rows = run_peer("pdffonts", path).stdout.splitlines()[2:]
    return [(row.split()[0], row.split()[-5] == "yes") for row in rows]


def qr_codes(path: Path, folder: Path) -> list[str]:
    """Return what the QR codes on the first page say."""
    run_peer("pdftoppm", "-r", "200", "-png", "-singlefile", path, folder / "page")
    found = run_peer(
        "zbarimg", "--raw", "-q", "-S*.disable", "-Sqrcode.enable", folder / "page.png"
    )
    return found.stdout.split()
