"""Which key opens the content of an envelope: those at hand are held against its entries."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.model.secrecy import Content, ContentCipher
from mediastation.secure.opening.content import FRONT_BYTES, Form, IsBare, form_of
from mediastation.secure.opening.envelope import Head
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.recipients import KeyEntry, PasswordEntry
from mediastation.secure.opening.unwrapping import DerivedKeys, content_decryptor, unwrap

_MOST_NAMED = 5


@dataclass(frozen=True, slots=True, repr=False)
class FoundKey:
    """A content key that fits, what it lets see, and whose it is."""

    key: bytes
    form: Form
    opened_by: str


@dataclass(frozen=True, slots=True, repr=False)
class _Candidate:
    """A key that may be the content's; `is_meant` tells that its entry was for whom gave it."""

    key: bytes
    opened_by: str
    is_meant: bool


class ContentKeys:
    """Finds content keys with a ring; threads may share it.

    Parameters
    ----------
    ring : KeyRing
        Passwords and keys.
    max_iterations : int
        How often passwords are stretched for one envelope at the most.
    """

    def __init__(self, ring: KeyRing, max_iterations: int) -> None:
        self._ring = ring
        self._max_iterations = max_iterations
        self._derived = DerivedKeys()

    @property
    def derived(self) -> int:
        """How many keys were made of passwords so far."""
        return self._derived.derived

    def find(
        self,
        head: Head,
        cipher: ContentCipher,
        front: bytes,
        named: Content | None,
        name: str,
        is_bare: IsBare,
    ) -> FoundKey:
        """Return the first key under which `front` is the beginning of something known.

        Raises
        ------
        WrongKeyError
            If none was meant for this envelope, or none fits.
        BadEnvelopeError
            If one was meant for it and still does not fit: the envelope is
            damaged, or was sealed with another key than it says.
        """
        was_meant = False
        asked = _Asked()
        front = front[: min(FRONT_BYTES, len(front) - len(front) % cipher.block_bytes)]
        for candidate in self._candidates(head, cipher, name, asked):
            if len(candidate.key) == cipher.key_bytes:
                decryptor = content_decryptor(cipher, candidate.key, head.iv)
                form = form_of(decryptor.update(front), named, is_bare)
                if form is not None:
                    return FoundKey(candidate.key, form, candidate.opened_by)
            was_meant = was_meant or candidate.is_meant
        if was_meant:
            raise BadEnvelopeError(
                f"{name} cannot be opened: it is damaged, or was sealed with another key.",
                "Ask the sender for the file again.",
            )
        if asked.too_often:
            raise BadEnvelopeError(
                f"{name} cannot be opened: it wants passwords to be stretched "
                f"{asked.too_often:,} times; {self._max_iterations:,} are done at the most.",
                "If that is not an attack, ask the sender for an envelope with fewer.",
            )
        raise self._wrong_key(head, name)

    def _candidates(
        self, head: Head, cipher: ContentCipher, name: str, asked: _Asked
    ) -> Iterator[_Candidate]:
        """Yield keys that may be the content's, those that cost least first."""
        own = self._ring.content_key(name)
        if own is not None:
            yield _Candidate(own, "content key", is_meant=True)
        for key in self._ring.keys:
            text = key.name.subject if key.name else "private key"
            for entry in head.entries:
                if not isinstance(entry, KeyEntry):
                    continue
                is_named = key.is_named(entry.issuer, entry.serial, entry.key_identifier)
                fits = len(entry.encrypted_key) == key.key_bytes
                if is_named or (fits and not key.has_certificate):
                    decrypted = key.decrypt(entry.encrypted_key, cipher.key_bytes)
                    yield _Candidate(decrypted, text, is_named)
        for entry in head.entries:
            if not isinstance(entry, PasswordEntry):
                continue
            for password in self._ring.passwords:
                if not self._derived.has(password, entry):
                    if asked.iterations + entry.iterations > self._max_iterations:
                        asked.too_often = asked.iterations + entry.iterations
                        continue
                    asked.iterations += entry.iterations
                unwrapped = unwrap(entry, self._derived.get(password, entry))
                if unwrapped is not None:
                    yield _Candidate(unwrapped, "password", is_meant=True)

    def _wrong_key(self, head: Head, name: str) -> WrongKeyError:
        texts = [facts.text for facts in head.recipients]
        whom = ", or for ".join(dict.fromkeys(texts[:_MOST_NAMED])) or "nobody"
        if len(texts) > _MOST_NAMED:
            whom += f", and {len(texts) - _MOST_NAMED} more"
        ring = self._ring
        passwords = [facts for facts in head.recipients if facts.is_password]
        if ring.is_empty:
            why = "it is sealed"
        elif ring.passwords and passwords:
            why = "the password or key is wrong, or the file is damaged"
        elif ring.passwords:
            why = "no password opens it"
        else:
            why = "the key is another one than it was sealed for, or the file is damaged"
        hint = "Give the password or the private key that opens it."
        if any(key.has_certificate for key in ring.keys) and len(passwords) < len(texts):
            hint += (
                " If your certificate was renewed since, give the key in a file without a "
                "certificate: then every entry is tried."
            )
        return WrongKeyError(f"{name} cannot be opened: {why}. It was sealed for {whom}.", hint)


@dataclass(slots=True)
class _Asked:
    """How often passwords were stretched for one envelope, and what would have been too often."""

    iterations: int = 0
    too_often: int = 0
