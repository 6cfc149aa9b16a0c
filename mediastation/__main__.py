"""Start: the console on a terminal without arguments, commands otherwise."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path


def main() -> None:
    """Run the console or one command, and exit with its code."""
    try:
        from mediastation.cli.app import run  # noqa: PLC0415 - imports cost time; --version need not wait

        words = sys.argv[1:]
        if wants_console(words) and _on_terminal():
            sys.exit(run(words, _console))
        sys.exit(run(words))
    except KeyboardInterrupt:
        # While the imports above last, nobody else takes it; nothing is done yet.
        sys.exit(130)


def wants_console(words: Sequence[str]) -> bool:
    """Tell whether the words name no command: there are none, or ``--home DIR`` alone."""
    match words:
        case []:
            return True
        case [word]:
            return word.startswith("--home=") and word != "--home="
        case ["--home", home]:
            return bool(home)
    return False


def _on_terminal() -> bool:
    """Tell whether keys come from a terminal and what is drawn goes to one."""
    # Textual draws on standard error; any of them may be closed.
    streams = (sys.stdin, sys.stdout, sys.stderr)
    return all(stream is not None and stream.isatty() for stream in streams)


def _console(home: Path) -> None:
    from mediastation.console.app import run_console  # noqa: PLC0415 - no command needs Textual

    fault = run_console(home)
    if fault is not None:
        raise fault


if __name__ == "__main__":
    main()
