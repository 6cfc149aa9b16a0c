"""Keys of passwords and wrapped keys, by known answers.

The wrapped keys were made by other code than ours, from RFC 3211, with zeros
where it has random octets, and OpenSSL unwraps them. The derivation from many
words is the example of RFC 3211.
"""

from __future__ import annotations

import hashlib
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from mediastation.model.secrecy import ContentCipher, Password
from mediastation.secure.opening.recipients import PasswordEntry, RecipientFacts
from mediastation.secure.opening.unwrapping import DerivedKeys, unwrap

IV = bytes(range(0x20, 0x30))
SALT = bytes.fromhex("0011223344556677")
STAPLE = Password("correct horse battery staple")
WRAPPED_16 = "8d33425ed1d82a797928bebe0b2d997fb9620dd9ecd4c862b23dbeb88300922e"
WRAPPED_32 = (
    "b4c2f965a4721166c875cd59ca57511ad36883efc587aa840fa597033e7b072a"
    "50407d84e46aa6b9cde1daaf9fa04f9f"
)


def entry(
    prf: str = "sha1",
    iterations: int = 1000,
    cipher: ContentCipher = ContentCipher.AES_128,
    wrapped: str = WRAPPED_16,
    salt: bytes = SALT,
) -> PasswordEntry:
    facts = RecipientFacts(is_password=True)
    return PasswordEntry(facts, salt, iterations, prf, cipher, IV, bytes.fromhex(wrapped))


@pytest.mark.parametrize(
    ("prf", "cipher", "derived"),
    [
        ("sha1", ContentCipher.AES_128, "fc38bf6cd6122f053b1c50ee5d7fbbb1"),
        (
            "sha256",
            ContentCipher.AES_256,
            "87d2dbd7404215d39e3769727d570feb31275df156e6f18ff5142286e0539dfa",
        ),
    ],
)
def test_derived_keys(prf: str, cipher: ContentCipher, derived: str) -> None:
    assert DerivedKeys().get(STAPLE, entry(prf, cipher=cipher)).hex() == derived


def test_the_example_of_rfc_3211() -> None:
    words = "All n-entities must communicate with other n-entities via n-1 entiteeheehees"
    example = entry(
        iterations=500, cipher=ContentCipher.TRIPLE_DES, salt=bytes.fromhex("1234567878563412")
    )

    derived = DerivedKeys().get(Password(words), example)

    assert derived.hex() == "6a8970bf68c92caea84a8df28510858607126380cc47ab2d"


def test_unwrapped_keys() -> None:
    keys = DerivedKeys()
    large = entry("sha256", cipher=ContentCipher.AES_256, wrapped=WRAPPED_32)

    assert unwrap(entry(), keys.get(STAPLE, entry())) == bytes(range(16))
    assert unwrap(large, keys.get(STAPLE, large)) == bytes(range(32))


def test_a_wrong_key_unwraps_nothing() -> None:
    assert unwrap(entry(), bytes(16)) is None


@pytest.mark.parametrize("length", [0, 1, 15, 16, 17, 31])
def test_a_cut_key_unwraps_nothing(length: int) -> None:
    derived = DerivedKeys().get(STAPLE, entry())

    assert unwrap(entry(wrapped=WRAPPED_16[: 2 * length]), derived) is None


def test_threads_that_want_one_key_wait_for_the_first(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    made = []

    def slow(*arguments: Any) -> bytes:
        made.append(arguments)
        begun.set()
        assert go_on.wait(10)
        return b"k" * 16

    monkeypatch.setattr(hashlib, "pbkdf2_hmac", slow)
    keys = DerivedKeys()

    with ThreadPoolExecutor(4) as threads:
        first = threads.submit(keys.get, STAPLE, entry())
        assert begun.wait(10)
        others = [threads.submit(keys.get, STAPLE, entry()) for _ in range(3)]
        go_on.set()
        assert {first.result(), *(other.result() for other in others)} == {b"k" * 16}

    assert len(made) == 1


def test_a_derivation_that_failed_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: Any) -> bytes:
        raise MemoryError

    keys = DerivedKeys()
    with monkeypatch.context() as patched:
        patched.setattr(hashlib, "pbkdf2_hmac", fails)
        with pytest.raises(MemoryError):
            keys.get(STAPLE, entry())

    assert len(keys.get(STAPLE, entry())) == 16
