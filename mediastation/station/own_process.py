"""Starting this very program once more, whatever folder the caller stands in."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from mediastation.station.log_folder import open_log

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


def begin_own(home: Path, *words: str, log: str, stdin: int) -> subprocess.Popen[bytes]:
    """Start `mediastation` with `words` on `home`, its output going to a log of the home.

    It has a session of its own, so that no terminal's Ctrl-C or end reaches
    it, and stands in the root folder, so that it keeps no medium mounted.

    Parameters
    ----------
    log : str
        A name of `mediastation.station.log_folder`.
    stdin : int
        ``subprocess.PIPE`` or ``DEVNULL``.
    """
    descriptor = open_log(home, log)
    try:
        return subprocess.Popen(
            own_words(home, *words),
            stdin=stdin,
            stdout=descriptor,
            stderr=descriptor,
            cwd="/",
            env=own_environment(),
            start_new_session=True,
        )
    finally:
        os.close(descriptor)
