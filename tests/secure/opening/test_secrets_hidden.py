"""No password and no key shows itself: not in words, errors, tracebacks, pickles or warnings."""

from __future__ import annotations

import pickle
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing, PrivateKey, read_private_key
from mediastation.secure.opening.opener import Opener
from tests.secure.opening.small import FILE, open_by
from tests.support.certificates import MOMENT, issue
from tests.support.envelopes import make_envelope

CANARY = "yellow canary in the mine"
ANNA = issue("Anna", number=1)
CONTENT_KEY = b"0123456789abcdefghijklmnopqrstuv"


def numbers() -> list[str]:
    """What would give the private key away."""
    private = ANNA.key.private_numbers()
    return [text for number in (private.p, private.q, private.d)
            for text in (str(number), f"{number:x}")]  # fmt: skip


def ring() -> KeyRing:
    return KeyRing([Password(CANARY)], [PrivateKey(ANNA.key)], {"IM1": CONTENT_KEY})


def require_silent(text: str) -> None:
    for secret in (CANARY, repr(CANARY.encode())[2:-1], CONTENT_KEY.decode(), CONTENT_KEY.hex(),
                   *numbers()):  # fmt: skip
        assert secret not in text


@pytest.mark.parametrize(
    "make",
    [
        ring,
        lambda: PrivateKey(ANNA.key),
        lambda: Password(CANARY),
        lambda: Opener(ring(), moment=MOMENT),
        lambda: Opener(ring(), moment=MOMENT)._keys,
    ],
)
def test_secrets_are_neither_shown_nor_pickled(make: Callable[[], Any]) -> None:
    secret = make()

    require_silent(f"{secret!r} {secret!s} {[secret]}")
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        pickle.dumps(secret)


def test_an_opener_that_has_derived_keys_is_as_silent() -> None:
    opener = Opener(KeyRing([Password(CANARY)]), moment=MOMENT)
    envelope = make_envelope(FILE, password=CANARY, iterations=1000)

    _, opened = open_by(opener, envelope)

    require_silent(f"{opened!r} {opener!r} {opener._keys!r} {opener._keys._derived!r}")
    with pytest.raises(TypeError):
        pickle.dumps(opener)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda envelope: envelope,
        lambda envelope: envelope[:-40],
        lambda envelope: envelope[:200] + b"\xff" + envelope[201:],
        lambda envelope: envelope[:-1] + bytes((envelope[-1] ^ 1,)),
    ],
)
@pytest.mark.parametrize("sealed_with", [CANARY, "something else"])
def test_errors_say_nothing_of_what_was_tried(
    spoil: Callable[[bytes], bytes], sealed_with: str
) -> None:
    envelope = spoil(
        make_envelope(FILE, password=sealed_with, certificates=[ANNA.certificate], iterations=1000)
    )

    for keys in (KeyRing([Password(CANARY)]), KeyRing(keys=[PrivateKey(ANNA.key)]), ring()):
        try:
            open_by(Opener(keys, moment=MOMENT), envelope)
        except SecrecyError as fault:
            require_silent(said_by(fault))


def test_key_files_that_cannot_be_read_say_nothing_of_what_was_tried(tmp_path: Path) -> None:
    path = tmp_path / "anna.key"
    for data in (ANNA.key_pem(b"another"), ANNA.key_der(b"another"), ANNA.pkcs12(b"another"),
                 ANNA.key_pem()[:-40], ANNA.key_der()[:-40]):  # fmt: skip
        path.write_bytes(data)
        with pytest.raises(SecrecyError) as caught:
            read_private_key(path, lambda: Password(CANARY))
        require_silent(said_by(caught.value))


def said_by(fault: BaseException) -> str:
    """Everything that a log could have of an error, with the local variables of every frame."""
    told = traceback.TracebackException.from_exception(fault, capture_locals=True)
    # The test's own variables hold what it looks for.
    for chained in iter_chain(told):
        chained.stack = traceback.StackSummary.from_list(
            [frame for frame in chained.stack if "/mediastation/secure/" in frame.filename]
        )
    return "".join(told.format()) + repr(fault) + repr(getattr(fault, "hint", ""))


def iter_chain(told: traceback.TracebackException) -> list[traceback.TracebackException]:
    found: list[traceback.TracebackException] = []
    waiting: list[traceback.TracebackException | None] = [told]
    while waiting:
        one = waiting.pop()
        if one is not None:
            found.append(one)
            waiting += [one.__cause__, one.__context__]
    return found
