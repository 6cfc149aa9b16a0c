"""Envelopes that ``openssl cms`` made, opened here (RFC 5652; PS3.15 D.1).

OpenSSL writes ``id-data`` into an envelope whatever lies in it, so that what it
makes in one go is the form that readers have to forgive. The conforming form is
made of its parts: its DigestedData or SignedData, and its encryption of that.
"""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from asn1crypto import cms

from mediastation.model.secrecy import Content, ContentCipher, Digest, Password, Signature
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.trust import TrustStore
from tests.support.certificates import MOMENT, Identity, issue, key_usage
from tests.support.peers import run_peer

WORDS = r"Ein \ $PASS wort"
FILE = b"\0" * 128 + b"DICM" + bytes(range(256)) * 300
ID_DATA = bytes.fromhex("06092a864886f70d010701")
CIPHERS = {
    "-aes128": ContentCipher.AES_128,
    "-aes192": ContentCipher.AES_192,
    "-aes256": ContentCipher.AES_256,
    "-des3": ContentCipher.TRIPLE_DES,
}


class Bench:
    """OpenSSL in a folder, with a recipient's and a signer's key and certificate."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        root = issue("Root", number=1, authority=True, usage=key_usage("key_cert_sign"))
        self.root = root
        self.anna = issue("Anna", number=2)
        self.clinic = issue("Clinic", number=3, issuer=root, usage=key_usage("digital_signature"))
        self.anna_path, self.anna_key = self.anna.write(folder, "anna")
        self.clinic_path, self.clinic_key = self.clinic.write(folder, "clinic")
        self._count = 0

    def cms(self, data: bytes, *arguments: str | Path) -> bytes:
        """What ``openssl cms`` makes of `data`."""
        self._count += 1
        source, target = (self.folder / f"{self._count}.{end}" for end in ("in", "out"))
        source.write_bytes(data)
        run_peer("openssl", "cms", *arguments, "-binary", "-in", source, "-outform", "DER",
                 "-out", target)  # fmt: skip
        return target.read_bytes()

    def digested(self, digest: str = "sha256") -> bytes:
        """A ContentInfo with DigestedData."""
        return self.cms(FILE, "-digest_create", "-md", digest)

    def signed(self, digest: str = "sha256", *more: str) -> bytes:
        """A ContentInfo with SignedData."""
        return self.cms(
            FILE, "-sign", "-nodetach", "-md", digest, "-signer", self.clinic_path, "-inkey",
            self.clinic_key, *more,
        )  # fmt: skip

    def sealed(self, inner: bytes, *more: str, cipher: str = "-aes256") -> bytes:
        """An envelope for a password and for Anna."""
        return self.cms(
            inner, "-encrypt", cipher, "-pwri_password", WORDS, *more, "-recip", self.anna_path
        )

    def rings(self) -> list[KeyRing]:
        """What opens it: the password; the key; the key with its certificate."""
        with_certificate = self.folder / "both.pem"
        with_certificate.write_bytes(self.anna_key.read_bytes() + self.anna_path.read_bytes())
        return [
            KeyRing([Password(WORDS)]),
            KeyRing(keys=[read_private_key(self.anna_key)]),
            KeyRing(keys=[read_private_key(with_certificate)]),
        ]

    def opened(self, envelope: bytes) -> list[Opened]:
        """Open it in every way; the content is checked."""
        found = []
        for ring in self.rings():
            content = io.BytesIO()
            opener = Opener(ring, trust=trusting(self.root), moment=MOMENT)
            found.append(opener.open(io.BytesIO(envelope), len(envelope), content.write, "IM1"))
            assert content.getvalue() == FILE
        return found


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("openssl"))


def trusting(*identities: Identity) -> TrustStore:
    return TrustStore([of_library(identity.certificate) for identity in identities])


def conforming(envelope: bytes, inner: bytes) -> bytes:
    """Say in the envelope what it holds; OpenSSL has no option for that.

    The content type stands in front of the cipher; both kinds have as many octets.
    """
    kind = cms.ContentInfo.load(inner)["content_type"].dump()
    assert envelope.count(ID_DATA) == 1
    return envelope.replace(ID_DATA, kind)


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("streamed", [(), ("-stream",)])
def test_what_it_encrypts_is_opened(bench: Bench, cipher: str, streamed: tuple[str, ...]) -> None:
    for inner, kind in ((bench.digested(), Content.DIGESTED), (bench.signed(), Content.SIGNED)):
        for opened in bench.opened(bench.sealed(inner, *streamed, cipher=cipher)):
            assert opened.cipher is CIPHERS[cipher]
            assert opened.content is kind
            assert "envelope-nesting" in [finding.rule for finding in opened.findings]


@pytest.mark.parametrize("digest", Digest)
def test_each_of_its_digests_is_checked(bench: Bench, digest: Digest) -> None:
    for opened in bench.opened(bench.sealed(bench.digested(digest.value))):
        assert opened.digest is digest


@pytest.mark.parametrize("streamed", [(), ("-stream",)])
@pytest.mark.parametrize("digest", Digest)
def test_each_of_its_signatures_is_verified(
    bench: Bench, digest: Digest, streamed: tuple[str, ...]
) -> None:
    for opened in bench.opened(bench.sealed(bench.signed(digest.value, *streamed))):
        (facts,) = opened.signatures
        assert facts.signature is Signature.TRUSTED
        assert facts.signed_at is not None
        assert opened.digest is digest


@pytest.mark.parametrize("option", ["-noattr", "-keyid", "-nosmimecap"])
def test_its_other_ways_to_sign_are_verified(bench: Bench, option: str) -> None:
    for opened in bench.opened(bench.sealed(bench.signed("sha256", option))):
        assert [facts.signature for facts in opened.signatures] == [Signature.TRUSTED]


def test_a_signature_without_certificates_is_of_nobody_known(bench: Bench) -> None:
    for opened in bench.opened(bench.sealed(bench.signed("sha256", "-nocerts"))):
        assert [facts.signature for facts in opened.signatures] == [Signature.UNKNOWN_SIGNER]


def test_a_recipient_named_by_key_identifier_is_found(bench: Bench) -> None:
    assert len(bench.opened(bench.sealed(bench.digested(), "-keyid"))) == 3


@pytest.mark.parametrize("streamed", [(), ("-stream",)])
def test_the_conforming_form_of_its_parts_is_opened_without_a_word(
    bench: Bench, streamed: tuple[str, ...]
) -> None:
    """The bare SEQUENCE, as PS3.15 D.1.1 and RFC 5652 have it."""
    for inner in (bench.digested(), bench.signed()):
        bare = cms.ContentInfo.load(inner)["content"].untag().dump()
        envelope = conforming(bench.sealed(bare, *streamed), inner)
        for opened in bench.opened(envelope):
            assert "envelope-nesting" not in [finding.rule for finding in opened.findings]


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("-aes256", "-secretkey", "00" * 16, "-secretkeyid", "01"), "a secret key"),
        (("-aes256", "-recip", "anna.pem", "-keyopt", "rsa_padding_mode:oaep"), "RSA-OAEP"),
    ],
)
def test_what_it_seals_for_other_keys_is_called_by_name(
    bench: Bench, options: tuple[str, ...], said: str
) -> None:
    options = tuple(str(bench.anna_path) if one == "anna.pem" else one for one in options)
    envelope = bench.cms(bench.digested(), "-encrypt", *options)

    with pytest.raises(WrongKeyError, match=said):
        bench.opened(envelope)


def test_its_authenticated_envelopes_are_called_by_name(bench: Bench) -> None:
    envelope = bench.cms(bench.digested(), "-encrypt", "-aes-256-gcm", "-recip", bench.anna_path)

    with pytest.raises(BadEnvelopeError, match="AuthEnvelopedData"):
        bench.opened(envelope)


def test_what_it_encrypts_without_proof_stays_shut(bench: Bench) -> None:
    with pytest.raises(BadEnvelopeError, match="without digest or signature"):
        bench.opened(bench.sealed(FILE))
