"""What jobs with a peer are asked for."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SendRequest:
    """Instances for a peer.

    Parameters
    ----------
    sources : tuple of str
        Files, folders, images, or what the catalog has.
    peer : str
        Its name in the settings.
    again : bool
        Send also what an unfinished job of the same words got confirmed.
    """

    sources: tuple[str, ...]
    peer: str
    again: bool = False


@dataclass(frozen=True, slots=True)
class FetchRequest:
    """Studies that a peer has: its name in the settings, and their Study Instance UIDs."""

    peer: str
    studies: tuple[str, ...]
