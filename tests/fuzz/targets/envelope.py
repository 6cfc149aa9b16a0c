"""Secure envelopes: lengths, kinds and counts that contradict each other, outside and inside.

The first byte of an input says what the rest is: a whole envelope, or what lies
encrypted in one. Spoiled ciphertext is noise to whoever has the key, so that the
inside is sealed anew when it is run.
"""

from __future__ import annotations

import hashlib
import io
from pathlib import Path
from random import Random
from unittest import mock

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password, Signature
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.envelope import read_envelope
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.trust import TrustStore
from tests.fuzz.mutation import Block, Spot, boundary, havoc, rearrange, set_number
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.support.certificates import MOMENT, issue
from tests.support.envelopes import (
    DIGESTED_DATA,
    ID_DATA,
    SIGNED_DATA,
    content_info,
    digested_fields,
    make_envelope,
    signed_fields,
    tlv,
)

_WORDS = "one two three"
_KEY = bytes(range(32))
_FILE = bytes(128) + b"DICM" + bytes(range(200))
_INSIDE = {4: DIGESTED_DATA, 5: SIGNED_DATA, 6: ID_DATA}
_MOST_BLOCKS = 400
_MAX_ITERATIONS = 5000
_NO_CHAIN: tuple[()] = ()


class EnvelopeTarget:
    """The head with its recipients, the encrypted content, its proofs."""

    name = "envelope"
    roots: tuple[str, ...] = ("secure/opening",)
    most_bytes = 1 << 16

    def __init__(self) -> None:
        clinic = issue("Clinic", number=1, bits=1024)
        self._signer = clinic.key, clinic.certificate, _NO_CHAIN
        self._opener = Opener(
            KeyRing([Password(_WORDS)], content_keys={"inside": _KEY}),
            trust=TrustStore([of_library(clinic.certificate)]),
            moment=MOMENT,
            max_iterations=_MAX_ITERATIONS,
        )

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """Envelopes in DER and in pieces, and the insides of others."""
        digested, signed = (
            [
                digested_fields(_FILE, "sha256", chunk, wrong=False)
                if kind == DIGESTED_DATA
                else signed_fields(
                    _FILE, [self._signer], "sha256", chunk, True, MOMENT, (False, False)
                )
                for chunk in (0, 50)
            ]
            for kind in (DIGESTED_DATA, SIGNED_DATA)
        )
        insides = [b"\x04" + tlv(0x30, *fields) for fields in digested]
        insides += [b"\x05" + tlv(0x30, *fields, indefinite=True) for fields in signed]
        insides.append(b"\x04" + b"".join(digested[0]))
        insides.append(b"\x06" + content_info(SIGNED_DATA, tlv(0x30, *signed[0])))
        certificate = self._signer[1]
        # The same bytes each time: nothing here has to be secret.
        with mock.patch("os.urandom", bytes):
            whole = [
                make_envelope(
                    _FILE, password=_WORDS, salt=b"8 octets", iterations=1000, cipher=cipher,
                    certificates=[certificate], signer=signer, indefinite=chunk,
                )
                for cipher, chunk, signer in (
                    ("aes256", 0, None), ("3des", 40, None), ("aes128", 70, self._signer),
                )
            ]  # fmt: skip
        return [*insides, *(b"\0" + envelope for envelope in whole)]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil lengths, identifiers and small numbers; leave out, double and exchange elements."""
        raw = bytearray(data)
        elements = list(_elements(data))
        pick = rng.randrange(10)
        if pick < 2 or not elements:
            havoc(rng, raw, self.most_bytes, other)
        elif pick < 5:
            at, head, _ = rng.choice(elements)
            spot = Spot(at + 1, 1) if head == 2 else Spot(at + 2, min(head - 2, 4), "big")
            set_number(raw, spot, boundary(rng, spot, raw))
        elif pick == 5:
            at, _, _ = rng.choice(elements)
            raw[at] = rng.choice((0x30, 0x31, 4, 0x24, 2, 6, 0xA0, 0xA1, 0xA3, 0x80, 0, 0x1F))
        elif pick == 6:
            # In pieces, and of open end.
            at, head, length = rng.choice(elements)
            inner = bytes(raw[at + head : at + head + length])
            raw[at : at + head + length] = tlv(raw[at] | 0x20, tlv(4, inner), indefinite=True)
        elif pick == 7:
            at, head, length = rng.choice(elements)
            raw[at : at + head + length] = rng.choice(
                (b"\x30\x80" * rng.choice((3, 50)), b"\x04\0" * rng.choice((3, 3000)), b"\0\0",
                 b"\x24\x80\x04\x01a\0\0", b"\x02\x04\x7f\xff\xff\xff", b"\x05\0" * 3000)
            )  # fmt: skip
        else:
            blocks = [Block(at, head + length) for at, head, length in elements]
            rearrange(rng, raw, blocks, self.most_bytes)
        return bytes(raw[: self.most_bytes])

    def run(self, data: bytes) -> set[str]:
        """Read its head, ask for its length, open it; what comes out has to be proved."""
        kind = _INSIDE.get(data[0] % 8) if data else None
        name = "inside" if kind else "whole"
        envelope = _sealed(kind, data[1:]) if kind else data[1:]
        said = set()
        try:
            facts = read_envelope(io.BytesIO(envelope), len(envelope), name)
        except SecrecyError as fault:
            said.add(_told(fault))
        else:
            said |= require_findings(facts.findings)
            for recipient in facts.recipients:
                require_harmless(recipient.text, "recipient")
        told = self._opener.content_bytes(io.BytesIO(envelope), len(envelope), name)
        content = io.BytesIO()
        try:
            opened = self._opener.open(
                io.BytesIO(envelope), len(envelope), content.write, name, allow_unproved=True
            )
        except SecrecyError as fault:
            if isinstance(fault, BadEnvelopeError):
                said |= require_findings(fault.findings)
            return {*said, _told(fault)}
        given = content.getvalue()
        require(told in {None, len(given)}, "the length was told otherwise")
        require(opened.size_bytes == len(given), "the size is another")
        require(opened.sha256 == hashlib.sha256(given).hexdigest(), "the digest is another")
        require(bool(kind) or given == _FILE, "a spoiled envelope gives another content")
        for one in opened.signatures:
            require(one.signature is not Signature.BROKEN, "content of a broken signature is given")
            if one.signature is Signature.TRUSTED:
                require(given == _FILE, "what was never signed is said to be")
        return {*said, *require_findings(opened.findings), f"opened {opened.content}"}


def _told(fault: SecrecyError) -> str:
    require_harmless(fault.message, "message")
    require_harmless(fault.hint, "hint")
    return " ".join(word for word in fault.message.split() if word.isalpha())


def _sealed(kind: str, inside: bytes) -> bytes:
    """An envelope around anything; nobody is named, and the key is at hand."""
    with mock.patch("os.urandom", bytes):
        envelope = make_envelope(inside, form="id_data_bare", content_key=_KEY)
    data = bytes.fromhex("06092a864886f70d010701")
    return envelope.replace(data, data[:-1] + bytes((int(kind.rpartition(".")[2]),)), 1)


def _elements(data: bytes) -> list[tuple[int, int, int]]:
    """Where elements lie, how long their headers are, and their values; as far as they fit."""
    found: list[tuple[int, int, int]] = []
    waiting = [(1, len(data))]
    while waiting and len(found) < _MOST_BLOCKS:
        at, end = waiting.pop()
        while at + 2 <= end and len(found) < _MOST_BLOCKS:
            octets = data[at + 1] & 0x7F if data[at + 1] > 0x80 else 0
            if data[at + 1] == 0x80:
                length = end - at - 2
            elif octets:
                length = int.from_bytes(data[at + 2 : at + 2 + octets], "big")
            else:
                length = data[at + 1]
            head = 2 + octets
            if at + head + length > end:
                break
            found.append((at, head, length))
            if data[at] & 0x20:
                waiting.append((at + head, at + head + length))
            at += head + length
    return found
