"""The commands: words in, exit codes out. One place prints what went wrong."""

from __future__ import annotations

import os
import signal
import stat
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Annotated, Any

import typer

from mediastation import __version__
from mediastation.cli.environment import take_password_out
from mediastation.cli.output import Words, prepare_streams, print_error, say, tell
from mediastation.config import default_home
from mediastation.errors import CancelledError, ConfigError, MediastationError

_EPILOG = "--home, --json and --quiet may stand before or after the command."

_PATIENCE_S = 30.0
"""So long what was interrupted may clear away undisturbed."""

_UsageError: type[Exception] = typer.BadParameter.__mro__[1]
"""What Typer raises for wrong words; it has no public name of its own."""

app = typer.Typer(
    name="mediastation",
    help="DICOM media interchange: collect, check, export, verify.",
    epilog=_EPILOG,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def path_word(text: str) -> Path:
    """Read a path. An empty word is none: a variable that is not set names no folder."""
    if not text:
        raise typer.BadParameter("An empty word names nothing.")
    return Path(text)


def no_empty_words(words: list[str]) -> list[str]:
    """Return `words`; where one is empty, a script's variable was not set."""
    if "" in words:
        raise typer.BadParameter("An empty word names nothing.")
    return words


def _print_version(wanted: bool) -> None:
    if wanted:
        say(f"mediastation {__version__}")
        raise typer.Exit


@app.callback()
def common(
    context: typer.Context,
    home: Annotated[
        Path | None,
        typer.Option(
            parser=path_word,
            metavar="DIR",
            help="Folder of this station.",
            envvar="MEDIASTATION_HOME",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress, no notes.")] = False,
    version: Annotated[  # noqa: ARG001 - its callback does it
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Say which.")
    ] = False,
) -> None:
    """Take the options that every command has."""
    context.obj = Words(home or default_home(), as_json, quiet)


def run(arguments: Sequence[str], console: Callable[[Path], None] | None = None) -> int:
    """Run one command, or `console` on the home that is named, and return its exit code.

    Nothing ends in a traceback on the screen: that of a fault of ours goes into
    a file that can be reported.
    """
    take_password_out()
    from mediastation.cli import commands  # noqa: F401, PLC0415 - registers the commands

    common_words, rest = _hoist(arguments)
    words = Words(default_home(), "--json" in common_words, "--quiet" in common_words)
    prepare_streams()
    interrupts = _Interrupts()
    signal.signal(signal.SIGTERM, interrupts)
    interrupts.catch(signal.SIGHUP)
    if console is None:  # a console reads Ctrl-C as a key
        interrupts.catch(signal.SIGINT)
    try:
        if console is not None:
            console(_home_of(common_words))
            return 0
        code = app(args=[*common_words, *rest], standalone_mode=False, prog_name="mediastation")
    except _UsageError as fault:
        return _usage(words, fault)
    except (typer.Abort, CancelledError, KeyboardInterrupt) as stop:
        return _interrupted(words, stop)
    except MediastationError as fault:
        print_error(words, fault)
        return fault.exit_code
    except Exception as fault:
        print_error(words, _own_fault(_home_of(common_words), fault))
        return MediastationError.exit_code
    # Typer makes an exit code of Ctrl-C and says nothing.
    return _interrupted(words) if code == CancelledError.exit_code else int(code or 0)


def _hoist(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Move the common options to the front, from wherever they stand before ``--``."""
    common_words: list[str] = []
    rest: list[str] = []
    words = iter(arguments)
    for word in words:
        if word == "--":
            rest += [word, *words]
        elif word in {"--json", "--quiet"} or word.startswith("--home="):
            common_words.append(word)
        elif word == "--home":
            common_words += [word, *([value] if (value := next(words, None)) is not None else [])]
        else:
            rest.append(word)
    return common_words, rest


def _home_of(common_words: Sequence[str]) -> Path:
    for place, word in enumerate(common_words):
        if word.startswith("--home="):
            return Path(word.removeprefix("--home="))
        if word == "--home" and place + 1 < len(common_words):
            return Path(common_words[place + 1])
    return default_home()


def _own_fault(home: Path, fault: Exception) -> MediastationError:
    """Put the traceback of a fault of ours into the home, and say where it lies."""
    told = "".join(traceback.format_exception(fault))
    path = home / f"fault-{datetime.now(UTC):%Y%m%dT%H%M%S}.txt"
    try:
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.touch(mode=0o600)
        path.write_text(told, encoding="utf-8", errors="backslashreplace")
        where = f"The details are in {path}; please report them."
    except OSError:
        *_, frame = traceback.extract_tb(fault.__traceback__)
        where = f"It arose in {frame.filename}, line {frame.lineno}; please report it."
    return MediastationError(f"This is a fault of Mediastation: {fault!r}.", where)


def _usage(words: Words, fault: Any) -> int:
    command = fault.ctx.command_path if fault.ctx else "mediastation"
    print_error(
        words,
        ConfigError(
            fault.format_message().replace("Value error, ", ""), f"`{command} --help` shows how."
        ),
    )
    return ConfigError.exit_code


def _interrupted(words: Words, stop: BaseException | None = None) -> int:
    fault = CancelledError("Cancelled; nothing half-made was left behind.")
    if isinstance(stop, CancelledError) and stop.hint:
        # Something is left that somebody has to see to.
        fault = stop
    if words.json or fault.hint:
        print_error(words, fault)
    else:
        tell(fault.message)
    return CancelledError.exit_code


class _Interrupts:
    """Makes one `KeyboardInterrupt` of all the signals that tell a command to end.

    Whoever waits presses Ctrl-C again: an interrupt of what an interrupt has to
    clear away would leave it lying. Only after a while it is one again, for
    what does not end.
    """

    def __init__(self) -> None:
        self._until = 0.0

    def __call__(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGHUP:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            _tell_no_terminal()
        now = time.monotonic()
        if now >= self._until:
            self._until = now + _PATIENCE_S
            raise KeyboardInterrupt

    def catch(self, number: signal.Signals) -> None:
        """Take a signal, unless whoever began this process has it ignored (``nohup``)."""
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, self)


def _tell_no_terminal() -> None:
    """Have what is told from now on go nowhere: writing to a terminal that is gone is a fault."""
    with suppress(OSError), Path(os.devnull).open("wb") as nowhere:
        for descriptor in (1, 2):
            if stat.S_ISCHR(os.fstat(descriptor).st_mode):
                os.dup2(nowhere.fileno(), descriptor)


def end_with_terminal() -> None:
    """Have this process end at once when its terminal goes; what else it began ends in order."""
    if isinstance(signal.getsignal(signal.SIGHUP), _Interrupts):
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
