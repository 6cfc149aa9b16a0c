"""Starting this very program once more, whatever folder the caller stands in."""

from __future__ import annotations

import os
import sys
import sysconfig
from pathlib import Path

_ROOT = Path(__file__).parents[2]


def own_words(home: Path, *words: str) -> list[str]:
    """Return the command line that runs `mediastation` with `words` on `home`.

    Nothing is imported from the working folder, which may be somebody's medium.
    """
    return [sys.executable, "-P", "-m", "mediastation", "--home", str(home.absolute()), *words]


def own_environment() -> dict[str, str]:
    """Return the environment in which `own_words` runs the code that runs now."""
    environment = dict(os.environ)
    installed = {Path(sysconfig.get_path(name)) for name in ("purelib", "platlib")}
    if _ROOT not in installed:
        others = environment.get("PYTHONPATH")
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, (str(_ROOT), others)))
    return environment
