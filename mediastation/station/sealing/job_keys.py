"""What a job was given to open envelopes with: by a command at once, or by whoever it asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.station.password_question import password_needed

if TYPE_CHECKING:
    from pathlib import Path

    # Only who meets an envelope waits for cryptography to be loaded.
    from mediastation.secure.opening.keys import KeyRing

IN_MEMORY = "It is kept in memory only, and has to be given again after a restart."
KEY_ONLY = "No password opens it: name that private key (--key KEY.pem, or `a` in Jobs)."


class JobKeys:
    """Passwords and keys for one job; they are read when they are first needed.

    Parameters
    ----------
    what : str
        What the job is called in a question: ``"import"``.
    paths : tuple of Path
        Key files of the request, which are read where no `ring` was given.
    ring : KeyRing or None
        What a command was given.
    password : Password or None
        What a job in the queue was given; for the envelopes and for the keys.
    asks : bool
        Whether the job waits for a password that it needs.
    """

    def __init__(
        self,
        what: str,
        paths: tuple[Path, ...] = (),
        *,
        ring: KeyRing | None = None,
        password: Password | None = None,
        asks: bool = False,
    ) -> None:
        self._what = what
        self._paths = paths
        self._ring = ring
        self._password = password
        self.asks = asks

    @property
    def is_empty(self) -> bool:
        """Whether nothing is at hand."""
        if self._ring is not None:
            return self._ring.is_empty
        return not self._paths and self._password is None

    def ring(self) -> KeyRing:
        """Return what is at hand; a key of the request that has a password asks for it.

        Raises
        ------
        SecrecyError
            If a key cannot be read.
        DecisionError
            If a job in the queue needs the password of a key.
        """
        from mediastation.secure.opening.keys import KeyRing, read_private_key  # noqa: PLC0415
        from mediastation.secure.passphrase import read_words  # noqa: PLC0415

        if self._ring is None:
            keys = tuple(read_private_key(path, self._key_password) for path in self._paths)
            typed = self._password
            passwords = read_words(typed).to_try if typed is not None else ()
            self._ring = KeyRing(passwords=passwords, keys=keys)
        return self._ring

    def require_any(self, why: str) -> None:
        """Raise where nothing is at hand.

        Parameters
        ----------
        why : str
            What it is needed for, as a sentence.

        Raises
        ------
        SecrecyError, DecisionError
            As `ring` does for the password of a key.
        """
        if not self.is_empty:
            return
        if self.asks:
            raise password_needed(f"{why} What is the password?", IN_MEMORY)
        raise SecrecyError(why, "Give --password-file or --key.")

    def _key_password(self) -> Password:
        if self._password is not None:
            return self._password
        said = f"A private key that this {self._what} is to use has a password of its own."
        if self.asks:
            raise password_needed(f"{said} What is it?", IN_MEMORY)
        raise SecrecyError(said, "Give the command where somebody can type it.")
