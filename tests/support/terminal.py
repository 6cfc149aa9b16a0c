"""A real terminal: tmux on a socket of its own, in which a program runs and keys are pressed."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.support.peers import peer
from tests.support.served_jobs import Handle, wait_until

_SOCKET = "tmux"


class Terminal:
    """One window of tmux; it and what runs in it end with the block.

    Parameters
    ----------
    folder : Path
        Gets the socket, and the exit code.
    program : sequence of str
        What runs; when it ends, what it said stays and `ended` is its exit code.
    environment : mapping of str to str
        In addition to the one of the test; an empty value takes a variable away.
    term : str
        What the program is told the terminal is.
    """

    def __init__(
        self,
        folder: Path,
        program: Sequence[str],
        *,
        size: tuple[int, int] = (80, 24),
        environment: Mapping[str, str] | None = None,
        term: str = "",
    ) -> None:
        self.folder = folder
        width, height = size
        given = {**(environment or {}), **({"TERM": term} if term else {})}
        gone = [word for name, value in given.items() if not value for word in ("-u", name)]
        kept = [f"{name}={value}" for name, value in given.items() if value]
        words = ["env", *gone, *kept]
        # From the shell: tmux does not always get to know it.
        self._code = folder / "exit-code"
        self._code.unlink(missing_ok=True)
        self._tmux = peer("tmux")
        self._say(
            *("-f", os.devnull, "new-session", "-d", "-s", "test"),
            *("-x", str(width), "-y", str(height), "sleep infinity"),
        )
        self._handle = Handle(int(self._say("display-message", "-p", "#{pid}")))
        self._say("set-option", "-g", "remain-on-exit", "on")
        self._say(
            "respawn-pane",
            "-k",
            f"{shlex.join([*words, *program])}; echo $? > {shlex.quote(str(self._code))}",
        )

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        """End the server, and with it the program, as when a terminal is closed."""
        try:
            self._say("kill-server")
            self._handle.wait()
        finally:
            self._handle.close()

    def _say(self, *words: str) -> str:
        # From within the folder: the path of a socket has 107 bytes.
        environment = {**os.environ, "LC_ALL": "C.UTF-8"}
        environment.pop("TMUX", None)
        done = subprocess.run(
            [self._tmux, "-S", _SOCKET, *words],
            cwd=self.folder, env=environment, check=True, capture_output=True, text=True,
            timeout=30,
        )  # fmt: skip
        return done.stdout

    def press(self, *keys: str) -> None:
        """Press keys, by the names that tmux has for them: ``Space``, ``Enter``, ``C-z``, ``e``."""
        self._say("send-keys", "-t", "test", *keys)

    def type(self, text: str) -> None:
        """Type letters as they are."""
        self._say("send-keys", "-t", "test", "-l", text)

    def resize(self, width: int, height: int) -> None:
        """Give the window another size."""
        self._say("resize-window", "-t", "test", "-x", str(width), "-y", str(height))

    def shown(self) -> str:
        """Return what is on the screen."""
        return self._say("capture-pane", "-p", "-t", "test")

    def wait_for(self, *words: str) -> str:
        """Wait until all words are on the screen, and return what is there then."""
        seen = ""

        def are_there() -> bool:
            nonlocal seen
            seen = self.shown()
            return all(one in seen for one in words)

        try:
            wait_until(are_there, f"{words} on the screen")
        except AssertionError as fault:
            fault.add_note(seen)
            raise
        return seen

    def wait_without(self, words: str) -> str:
        """Wait until the words are no longer on the screen, and return what is there then."""
        wait_until(lambda: words not in self.shown(), f"a screen without {words}")
        return self.shown()

    @property
    def program(self) -> int:
        """The number of the process that runs in it, below a shell as everywhere."""
        shell = self._say("display-message", "-p", "-t", "test", "#{pane_pid}").strip()
        (child,) = Path(f"/proc/{shell}/task/{shell}/children").read_text().split()
        return int(child)

    @property
    def ended(self) -> int | None:
        """The exit code of the program, None while it runs."""
        code = self._code.read_text().strip() if self._code.exists() else ""
        return int(code) if code else None

    def wait_for_end(self) -> tuple[int, str]:
        """Wait until the program has ended; return its exit code and all it has said."""
        wait_until(lambda: self.ended is not None, "the end of the program")
        code = self.ended
        assert code is not None
        return code, self._say("capture-pane", "-p", "-J", "-S", "-1000", "-t", "test")
