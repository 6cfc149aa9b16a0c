"""Content keys out of recipient entries: by password (PBKDF2, RFC 3211), each derivation once."""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict
from concurrent.futures import Future

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import (
    BlockCipherAlgorithm,
    Cipher,
    CipherContext,
)
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC, ECB

from mediastation.model.secrecy import ContentCipher, Password
from mediastation.secure.opening.recipients import PasswordEntry

MAX_DERIVED_KEYS = 256
"""How many are remembered: a medium of ours has one for all its files, others one for each."""

_CHECKED_BYTES = 4

_Place = tuple[bytes, bytes, int, str, int]


class DerivedKeys:
    """Keys made of passwords, each made once, however many threads want it.

    The oldest are forgotten beyond `MAX_DERIVED_KEYS`.
    """

    __slots__ = ("_futures", "_lock", "derived")

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._futures: OrderedDict[_Place, Future[bytes]] = OrderedDict()
        self.derived = 0

    def has(self, password: Password, entry: PasswordEntry) -> bool:
        """Tell whether the key is there, or being made, already."""
        with self._lock:
            return _place(password, entry) in self._futures

    def get(self, password: Password, entry: PasswordEntry) -> bytes:
        """Return the key-encryption key of `password` for `entry`."""
        place = _place(password, entry)
        with self._lock:
            future = self._futures.get(place)
            if future is not None:
                self._futures.move_to_end(place)
            else:
                mine: Future[bytes] = Future()
                self._futures[place] = mine
                self.derived += 1
                if len(self._futures) > MAX_DERIVED_KEYS:
                    self._futures.popitem(last=False)
        if future is not None:
            return future.result()
        try:
            octets, salt, iterations, prf, length = place
            mine.set_result(hashlib.pbkdf2_hmac(prf, octets, salt, iterations, length))
        except BaseException as fault:
            with self._lock:
                self._futures.pop(place, None)
            mine.set_exception(fault)
            raise
        return mine.result()

    def __repr__(self) -> str:
        return "DerivedKeys(not shown)"


def _place(password: Password, entry: PasswordEntry) -> _Place:
    length = entry.wrap_cipher.key_bytes
    return password.octets, entry.salt, entry.iterations, entry.prf, length


def unwrap(entry: PasswordEntry, derived: bytes) -> bytes | None:
    """Return the content key of `entry`; None if it was not wrapped with `derived`.

    Three of its bytes stand beside it inverted (RFC 3211 2.3): one wrong key
    in sixteen million gets by, and fails at the content.
    """
    size = entry.wrap_cipher.block_bytes
    wrapped = entry.wrapped_key
    if len(wrapped) % size or len(wrapped) < 2 * size:
        return None
    algorithm = _algorithm(entry.wrap_cipher, derived)
    # The second pass went on from the last block of the first: that block comes first.
    last = Cipher(algorithm, ECB()).decryptor().update(wrapped[-size:])  # noqa: S305 - RFC 3211
    iv = bytes(left ^ right for left, right in zip(last, wrapped[-2 * size : -size], strict=True))
    once = Cipher(algorithm, CBC(iv)).decryptor().update(wrapped)
    block = Cipher(algorithm, CBC(entry.wrap_iv)).decryptor().update(once)
    key = block[_CHECKED_BYTES : _CHECKED_BYTES + block[0]]
    check = bytes(octet ^ 0xFF for octet in block[1:_CHECKED_BYTES])
    fits = len(key) == block[0] and len(key) in {16, 24, 32}
    return key if hmac.compare_digest(key[:3], check) and fits else None


def content_decryptor(cipher: ContentCipher, key: bytes, iv: bytes) -> CipherContext:
    """Return what decrypts content; `key` has the cipher's length."""
    return Cipher(_algorithm(cipher, key), CBC(iv)).decryptor()


def _algorithm(cipher: ContentCipher, key: bytes) -> BlockCipherAlgorithm:
    return TripleDES(key) if cipher is ContentCipher.TRIPLE_DES else AES(key)
