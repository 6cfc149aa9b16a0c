"""Exceptions that stop the work, told apart by whose move is next.

What is wrong with *data* is a `mediastation.model.finding.Finding`, a value the
operator reads; these classes are for what stops a command. Each carries the
exit code of its kind, and one place (`mediastation.cli.app`) prints them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any


class MediastationError(Exception):
    """Root of all errors that a person is told about.

    Parameters
    ----------
    message : str
        What is wrong, with which file, disc or peer.
    hint : str
        What to do next; empty if there is nothing to add.
    """

    exit_code = 1

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class ConfigError(MediastationError):
    """The command line or the configuration has to change."""

    exit_code = 2


class ProfileError(ConfigError):
    """An Application Profile is unknown, or its description is faulty."""


class RefusedError(MediastationError):
    """The data may not go out, or failed verification; `findings` say why."""

    exit_code = 1

    def __init__(self, message: str, findings: Sequence[Any] = (), hint: str = "") -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)


class DecisionError(RefusedError):
    """Somebody has to decide before it goes on; `question` says what.

    A job in the queue waits for the answer; a command is refused, and its hint
    names the option that answers.
    """

    def __init__(
        self, message: str, findings: Sequence[Any] = (), hint: str = "", *, question: Any
    ) -> None:
        super().__init__(message, findings, hint)
        self.question = question


class MediaError(MediastationError):
    """A medium, drive, file system or disk failed."""

    exit_code = 3


class NetworkError(MediastationError):
    """A peer or a port failed."""

    exit_code = 3


class SecrecyError(MediastationError):
    """A password, key or recipient is wrong."""

    exit_code = 4


class CancelledError(MediastationError):
    """The operator stopped the work."""

    exit_code = 130
