"""OpenSSL opens what is sealed here, finds the file whole, and verifies who signed it."""

from __future__ import annotations

import itertools
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from asn1crypto import cms

from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.secure.sealing.recipients import Recipient, read_recipient
from mediastation.secure.sealing.sealer import CHUNK_BYTES, Sealer
from mediastation.secure.sealing.signer import Signer, read_signer
from tests.support.certificates import MOMENT, issue, key_usage
from tests.support.objects import write_ct
from tests.support.peers import peer, run_peer

PASSWORD = " back\\slash $HOME `x` \"quoted\" 'too' "  # noqa: S105
CIPHERS = [ContentCipher.AES_128, ContentCipher.AES_192, ContentCipher.AES_256]
COUNT = 100_000


@dataclass(frozen=True)
class People:
    """Files of the recipients (certificate, key) and of the signer's authority."""

    recipients: tuple[tuple[Path, Path], ...]
    signer: Signer
    root: Path

    def take(self, count: int) -> list[Recipient]:
        """The first recipients."""
        return [read_recipient(certificate, MOMENT) for certificate, _ in self.recipients[:count]]


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> People:
    """Three recipients, of them one with a longer key, and a signer under two authorities."""
    peer("openssl")
    folder = tmp_path_factory.mktemp("people")
    root = issue("Root", number=4, authority=True, usage=key_usage("key_cert_sign"))
    middle = issue(
        "Middle", number=5, issuer=root, authority=True, usage=key_usage("key_cert_sign")
    )
    made = [
        issue("One", usage=key_usage("key_encipherment")),
        issue("Two", number=1, issuer=root),
        issue("Three", number=2, bits=3072, key_identifier=False),
    ]
    site = issue("Site", number=3, issuer=middle, usage=key_usage("digital_signature"))
    certificate, key = site.write(folder, "site")
    anchor = folder / "root.pem"
    anchor.write_bytes(root.pem)
    return People(
        tuple(identity.write(folder, f"recipient{n}") for n, identity in enumerate(made)),
        read_signer(key, certificate, MOMENT),
        anchor,
    )


def seal(sealer: Sealer, source: Path, target: Path) -> Path:
    """Seal a file."""
    with source.open("rb", buffering=0) as content, target.open("wb") as output:
        sealer.seal(content, source.stat().st_size, output.write)
    return target


def decrypt(envelope: Path, *way: str | Path) -> bytes:
    """Return what OpenSSL finds inside."""
    inner = envelope.with_suffix(".inner")
    run_peer("openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", envelope,
             "-out", inner, *way)  # fmt: skip
    return inner.read_bytes()


def with_password(envelope: Path) -> bytes:
    """Open with the password."""
    return decrypt(envelope, "-pwri_password", PASSWORD)


def with_key(envelope: Path, recipient: tuple[Path, Path]) -> bytes:
    """Open with a private key."""
    return decrypt(envelope, "-recip", recipient[0], "-inkey", recipient[1])


def verified(inner: bytes, kind: str, folder: Path, *options: str | Path) -> bytes:
    """Have OpenSSL prove the inner part, and return the file in it."""
    message, file = folder / "message", folder / "file"
    # OpenSSL takes whole messages only, so that the type is put before the bare SEQUENCE again.
    content = {"digested_data": cms.DigestedData, "signed_data": cms.SignedData}[kind].load(inner)
    info = cms.ContentInfo({"content_type": kind, "content": content})
    message.write_bytes(info.dump())
    assert inner in message.read_bytes()
    verify = "-verify" if kind == "signed_data" else "-digest_verify"
    done = run_peer("openssl", "cms", verify, *options, "-inform", "DER", "-binary",
                    "-in", message, "-out", file)  # fmt: skip
    assert "erification successful" in done.stderr
    return file.read_bytes()


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A CT image with every octet that a text tool could change."""
    return write_ct(tmp_path / "ct.dcm", Rows=16, Columns=16, PixelData=bytes(range(256)) * 2)


@pytest.mark.parametrize("cipher", CIPHERS)
@pytest.mark.parametrize("digest", [Digest.SHA_256, Digest.SHA_384, Digest.SHA_512])
def test_the_digest_is_found_right_by_password_and_by_key(
    cipher: ContentCipher, digest: Digest, people: People, file: Path, tmp_path: Path
) -> None:
    sealer = Sealer(
        people.take(1),
        Password(PASSWORD),
        moment=MOMENT,
        cipher=cipher,
        digest=digest,
        iterations=COUNT,
    )

    envelope = seal(sealer, file, tmp_path / "envelope")

    inner = with_password(envelope)
    assert with_key(envelope, people.recipients[0]) == inner
    assert verified(inner, "digested_data", tmp_path) == file.read_bytes()


@pytest.mark.parametrize("digest", [Digest.SHA_256, Digest.SHA_384, Digest.SHA_512])
def test_the_signature_and_its_chain_are_verified(
    digest: Digest, people: People, file: Path, tmp_path: Path
) -> None:
    """Only the root is given: the certificate between travels in the envelope."""
    sealer = Sealer(people.take(1), None, moment=MOMENT, signer=people.signer, digest=digest)

    inner = with_key(seal(sealer, file, tmp_path / "envelope"), people.recipients[0])

    proved = verified(inner, "signed_data", tmp_path, "-CAfile", people.root, "-purpose", "any")
    assert proved == file.read_bytes()


def test_a_signature_is_not_believed_without_its_root(
    people: People, file: Path, tmp_path: Path
) -> None:
    """So that the test before can fail."""
    sealer = Sealer(people.take(1), None, moment=MOMENT, signer=people.signer)
    inner = with_key(seal(sealer, file, tmp_path / "envelope"), people.recipients[0])
    info = cms.ContentInfo({"content_type": "signed_data", "content": cms.SignedData.load(inner)})
    (tmp_path / "message").write_bytes(info.dump())

    done = run_peer("openssl", "cms", "-verify", "-inform", "DER", "-binary", "-purpose", "any",
                    "-CAfile", people.recipients[0][0], "-in", tmp_path / "message",
                    "-out", os.devnull, check=False)  # fmt: skip

    assert done.returncode != 0


@pytest.mark.parametrize("derivation", list(Digest))
@pytest.mark.parametrize("cipher", CIPHERS)
def test_every_derivation_opens(
    derivation: Digest, cipher: ContentCipher, file: Path, tmp_path: Path
) -> None:
    sealer = Sealer(
        [],
        Password(PASSWORD),
        moment=MOMENT,
        cipher=cipher,
        derivation=derivation,
        iterations=COUNT,
    )

    inner = with_password(seal(sealer, file, tmp_path / "envelope"))

    assert verified(inner, "digested_data", tmp_path) == file.read_bytes()


def test_the_advised_count_opens(file: Path, tmp_path: Path) -> None:
    sealer = Sealer([], Password(PASSWORD), moment=MOMENT)

    inner = with_password(seal(sealer, file, tmp_path / "envelope"))

    assert verified(inner, "digested_data", tmp_path) == file.read_bytes()


@pytest.mark.parametrize(
    ("count", "password"), [(n, p) for n, p in itertools.product((1, 2, 3), (False, True))]
)
def test_each_of_several_recipients_opens_alone(
    count: int, password: bool, people: People, file: Path, tmp_path: Path
) -> None:
    secret = Password(PASSWORD) if password else None
    sealer = Sealer(people.take(count), secret, moment=MOMENT, iterations=COUNT)

    envelope = seal(sealer, file, tmp_path / "envelope")

    inners: Sequence[bytes] = [with_key(envelope, one) for one in people.recipients[:count]]
    if password:
        inners = [*inners, with_password(envelope)]
    assert len(set(inners)) == 1
    assert verified(inners[0], "digested_data", tmp_path) == file.read_bytes()


def test_recipients_that_share_issuer_and_serial_number_open_by_key_identifier(
    file: Path, tmp_path: Path
) -> None:
    twins = [
        issue("Twin", number=number, serial=1).write(tmp_path, f"twin{number}") for number in (0, 1)
    ]
    recipients = [read_recipient(certificate, MOMENT) for certificate, _ in twins]

    envelope = seal(Sealer(recipients, None, moment=MOMENT), file, tmp_path / "envelope")

    assert len({with_key(envelope, twin) for twin in twins}) == 1


@pytest.mark.parametrize("size_bytes", [0, 1, 15, 16, 17, 3 * CHUNK_BYTES - 5])
def test_files_of_every_kind_of_length(size_bytes: int, people: People, tmp_path: Path) -> None:
    file = tmp_path / "file.dcm"
    file.write_bytes(os.urandom(size_bytes))
    sealer = Sealer(people.take(1), None, moment=MOMENT)

    inner = with_key(seal(sealer, file, tmp_path / "envelope"), people.recipients[0])

    assert verified(inner, "digested_data", tmp_path) == file.read_bytes()


def test_the_wrong_password_opens_nothing(file: Path, tmp_path: Path) -> None:
    sealer = Sealer([], Password(PASSWORD), moment=MOMENT, iterations=COUNT)
    envelope = seal(sealer, file, tmp_path / "envelope")

    done = run_peer("openssl", "cms", "-decrypt", "-inform", "DER", "-binary", "-in", envelope,
                    "-pwri_password", PASSWORD.strip(), "-out", os.devnull,
                    check=False)  # fmt: skip

    assert done.returncode == 4


def test_the_structure_is_as_the_profile_wants_it(
    people: People, file: Path, tmp_path: Path
) -> None:
    """As OpenSSL prints it: PS3.15 D.1.1, RFC 5652 6.1."""
    sealer = Sealer(people.take(1), Password(PASSWORD), moment=MOMENT, iterations=COUNT)
    envelope = seal(sealer, file, tmp_path / "envelope")

    told = run_peer("openssl", "cms", "-cmsout", "-print", "-noout", "-inform", "DER",
                    "-in", envelope).stdout  # fmt: skip

    for line in (
        "contentType: pkcs7-envelopedData (1.2.840.113549.1.7.3)",
        "contentType: pkcs7-digestData (1.2.840.113549.1.7.5)",
        "algorithm: aes-256-cbc (2.16.840.1.101.3.4.1.42)",
        "algorithm: id-alg-PWRI-KEK (1.2.840.113549.1.9.16.3.9)",
        "algorithm: PBKDF2 (1.2.840.113549.1.5.12)",
        "algorithm: rsaEncryption (1.2.840.113549.1.1.1)",
        "version: 3",
        "unprotectedAttrs:\n      <ABSENT>",
        "originatorInfo: <ABSENT>",
    ):
        assert line in told
