"""What is sealed here is opened here, by every kind of recipient, without a word of complaint.

That both agree proves little by itself: OpenSSL, a browser and an oracle of the
tests read and write the same (`tests.interop`, `tests.support.envelopes`).
"""

from __future__ import annotations

import hashlib
import io
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.model.secrecy import Content, ContentCipher, Digest, Password, Signature
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.keys import KeyRing, PrivateKey
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.trust import TrustStore
from mediastation.secure.sealing.recipients import recipient_from_der
from mediastation.secure.sealing.sealer import Sealer
from mediastation.secure.sealing.signer import Signer, read_signer
from tests.support.certificates import MOMENT, Identity, issue, key_usage

WORDS = Password("one two three")
ANNA = issue("Anna", number=1, usage=key_usage("key_encipherment"))
ESCROW = issue("Escrow", number=2, usage=key_usage("key_encipherment"))
ROOT = issue("Root", number=3, authority=True, usage=key_usage("key_cert_sign"))
CLINIC = issue("Clinic", number=4, issuer=ROOT, usage=key_usage("digital_signature"))
WRITTEN = [cipher for cipher in ContentCipher if cipher is not ContentCipher.TRIPLE_DES]
TRUST = TrustStore([of_library(ROOT.certificate)])


@cache
def signer() -> Signer:
    with TemporaryDirectory() as folder:
        certificate, key = CLINIC.write(Path(folder), "clinic")
        return read_signer(key, certificate, MOMENT)


def key_of(identity: Identity) -> KeyRing:
    return KeyRing(keys=[PrivateKey(identity.key, of_library(identity.certificate))])


@pytest.mark.parametrize("derivation", Digest)
@given(
    content=st.binary(max_size=70_000),
    cipher=st.sampled_from(WRITTEN),
    digest=st.sampled_from([Digest.SHA_256, Digest.SHA_384, Digest.SHA_512]),
    is_signed=st.booleans(),
)
@settings(max_examples=15, deadline=None)
def test_everybody_it_was_sealed_for_gets_what_was_sealed(
    derivation: Digest, content: bytes, cipher: ContentCipher, digest: Digest, is_signed: bool
) -> None:
    sealer = Sealer(
        [recipient_from_der(ANNA.der), recipient_from_der(ESCROW.der)],
        WORDS,
        moment=MOMENT,
        signer=signer() if is_signed else None,
        cipher=cipher,
        digest=digest,
        derivation=derivation,
        iterations=1000,
    )
    envelope = io.BytesIO()
    sealed = sealer.seal(io.BytesIO(content), len(content), envelope.write)

    rings = [
        KeyRing([WORDS]),
        key_of(ANNA),
        key_of(ESCROW),
        KeyRing(content_keys={"IM1": sealed.content_key.octets}),
    ]
    for ring in rings:
        given_out = io.BytesIO()
        opener = Opener(ring, trust=TRUST, moment=MOMENT)
        size_bytes = len(envelope.getvalue())
        opened = opener.open(io.BytesIO(envelope.getvalue()), size_bytes, given_out.write, "IM1")

        assert given_out.getvalue() == content
        assert opened.sha256 == hashlib.sha256(content).hexdigest() == sealed.content_sha256
        assert (opened.cipher, opened.digest) == (cipher, digest)
        assert opened.content is (Content.SIGNED if is_signed else Content.DIGESTED)
        assert [one.signature for one in opened.signatures] == [Signature.TRUSTED] * is_signed
        assert [one.rule for one in opened.findings] == ["signature"] * is_signed
        names = {(one.issuer, one.serial) for one in opened.recipients if not one.is_password}
        assert names == {
            (one.name.issuer, one.name.serial)
            for one in (recipient_from_der(ANNA.der), recipient_from_der(ESCROW.der))
        }
        assert opener.content_bytes(io.BytesIO(envelope.getvalue()), size_bytes, "IM1") == len(
            content
        )


def test_the_length_of_what_is_too_large_for_four_octets_is_told_by_its_head() -> None:
    """Ten gigabytes are sealed as far as the first of their bytes."""

    class EnoughError(Exception):
        pass

    class Zeros(io.RawIOBase):
        def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
            return len(buffer)

    size_bytes = 10 << 30
    sealer = Sealer([], WORDS, moment=MOMENT, iterations=1000)
    head = io.BytesIO()

    def take(data: bytes | memoryview) -> None:
        head.write(data)
        if head.tell() > 1 << 16:
            raise EnoughError

    with pytest.raises(EnoughError):
        sealer.seal(Zeros(), size_bytes, take)
    head.seek(0)

    told = Opener(KeyRing([WORDS]), moment=MOMENT).content_bytes(
        head, sealer.sealed_bytes(size_bytes), "IM1"
    )
    assert told == size_bytes
