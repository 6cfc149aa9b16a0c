"""OPEN.HTM: the page that opens a sealed medium in the browser of who has the password.

It lies in clear beside the envelopes, so it tells of nobody. It is one file and refers to
nothing outside: its policy names the digests of its own style and script and forbids
the rest, connections first of all.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from mediastation import __version__
from mediastation.errors import ConfigError
from mediastation.pages.templates import render_template
from mediastation.pages.text import LONGEST, isolated, one_line

OPEN_NAME = "OPEN.HTM"
STYLE_NAME = "OPEN.CSS"
SCRIPT_NAME = "OPEN.JS"
LARGEST_MIB = 512
"""A file that is larger is not opened in a browser, which digests a file in one piece."""
MOST_GIB = 1.5
"""What the page holds of opened files until they are saved."""


@dataclass(frozen=True, slots=True)
class OpenFacts:
    """What OPEN.HTM tells: nothing of the patient, nothing that differs between media.

    Parameters
    ----------
    institution : str
        Who made the medium; empty is told as "not stated".
    contact : tuple of str
        Lines under the institution: address, telephone.
    """

    institution: str = ""
    contact: tuple[str, ...] = ()


def render_open(facts: OpenFacts, templates: Path | None = None) -> bytes:
    """Return OPEN.HTM in UTF-8; the same facts give the same bytes, whatever is on the medium.

    The page opens envelopes that have a password recipient, in AES-128 or AES-256 with any
    PBKDF2 function of the profile, and gives a file out only after its digest or signature
    was found to fit (PS3.15 D.1.1). For others it points to README.TXT.

    Parameters
    ----------
    facts : OpenFacts
        What to tell.
    templates : Path, optional
        The site's templates.

    Raises
    ------
    ConfigError
        If a template is missing or faulty.
    """
    style = render_template(STYLE_NAME, {}, templates)
    script = render_template(
        SCRIPT_NAME, {"largest_mib": LARGEST_MIB, "most_mib": int(MOST_GIB * 1024)}, templates
    )
    for name, text in ((STYLE_NAME, style), (SCRIPT_NAME, script)):
        if "</" in text or "<!--" in text:
            raise ConfigError(
                f"the template {name} has </ or <!-- in it, which ends or hides it in a page",
                "Write it in another way.",
            )
    page = render_template(
        OPEN_NAME,
        {
            "facts": OpenFacts(
                one_line(facts.institution, LONGEST),
                tuple(filter(None, (one_line(line, LONGEST) for line in facts.contact))),
            ),
            "policy": _policy(style, script),
            # Both are ours or the site's own templates; nothing from outside is filled into them.
            "style": Markup(style),  # noqa: S704
            "script": Markup(script),  # noqa: S704
            "largest_mb": LARGEST_MIB,
            "most_gb": MOST_GIB,
            "version": __version__,
        },
        templates,
        {"told": isolated},
    )
    return page.encode()


def _policy(style: str, script: str) -> str:
    """Return a Content-Security-Policy under which only `style` and `script` count."""
    rules = {
        "default-src": "'none'",
        "script-src": _digest_source(script),
        "style-src": _digest_source(style),
        "connect-src": "'none'",
        "form-action": "'none'",
        "base-uri": "'none'",
    }
    return "; ".join(f"{name} {source}" for name, source in rules.items())


def _digest_source(text: str) -> str:
    # A browser digests what it parsed, in which a line ends in one character.
    digest = hashlib.sha256(text.replace("\r\n", "\n").replace("\r", "\n").encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode('ascii')}'"
