"""The signing key and its certificates."""

from __future__ import annotations

import copy
import pickle
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Digest, Password
from mediastation.secure.sealing.signer import Signer, read_signer
from tests.support.certificates import MOMENT, Identity, issue, key_usage, to_pem


@pytest.fixture(scope="module")
def site() -> Identity:
    """A signer's certificate under an authority under a root."""
    root = issue("Root", number=1, authority=True)
    middle = issue("Middle", number=2, issuer=root, authority=True)
    return issue("Site", issuer=middle, usage=key_usage("digital_signature"))


def read(folder: Path, identity: Identity, password: bytes = b"") -> Signer:
    """Write the identity and read it again."""
    certificate, key = identity.write(folder, "site", password)
    given = Password(password.decode()) if password else None
    return read_signer(key, certificate, MOMENT, given)


class TestReadSigner:
    @pytest.mark.parametrize("password", [b"", b"key \\ $ word"])
    def test_it_signs_as_its_certificate_says(
        self, site: Identity, password: bytes, tmp_path: Path
    ) -> None:
        signer = read(tmp_path, site, password)

        assert signer.name.subject.startswith("CN=Site")
        for digest, algorithm in (
            (Digest.SHA_256, hashes.SHA256()),
            (Digest.SHA_384, hashes.SHA384()),
            (Digest.SHA_512, hashes.SHA512()),
        ):
            signature = signer.sign(b"attributes", digest)
            assert len(signature) == signer.signature_bytes
            site.key.public_key().verify(signature, b"attributes", PKCS1v15(), algorithm)

    def test_the_chain_is_put_in_order_and_what_is_not_of_it_left_out(
        self, site: Identity, tmp_path: Path
    ) -> None:
        _, key = site.write(tmp_path, "site")
        middle, root = site.above
        other = issue("Other", number=3).certificate
        mixed = tmp_path / "mixed.pem"
        mixed.write_bytes(to_pem([root, other, middle, site.certificate, middle]))

        signer = read_signer(key, mixed, MOMENT)

        ordered = [site.certificate, middle, root]
        assert list(signer.chain) == [
            one.public_bytes(serialization.Encoding.DER) for one in ordered
        ]

    def test_the_key_may_be_der(self, site: Identity, tmp_path: Path) -> None:
        certificate, key = site.write(tmp_path, "site")
        key.write_bytes(site.key_der())

        assert read_signer(key, certificate, MOMENT).signature_bytes == 256

    def test_a_password_that_the_key_does_not_need_does_no_harm(
        self, site: Identity, tmp_path: Path
    ) -> None:
        certificate, key = site.write(tmp_path, "site")

        assert read_signer(key, certificate, MOMENT, Password("spare")).name.subject

    @pytest.mark.parametrize(
        ("given", "message"), [(None, "is encrypted"), ("another", "password is another one")]
    )
    def test_the_wrong_password_is_refused(
        self, site: Identity, given: str | None, message: str, tmp_path: Path
    ) -> None:
        certificate, key = site.write(tmp_path, "site", b"right")

        with pytest.raises(SecrecyError, match=message) as caught:
            read_signer(key, certificate, MOMENT, Password(given) if given else None)
        assert str(key) in caught.value.message
        assert caught.value.__cause__ is None

    def test_a_certificate_of_another_key_is_refused(self, site: Identity, tmp_path: Path) -> None:
        _, key = site.write(tmp_path, "site")
        other, _ = issue("Other", number=3).write(tmp_path, "other")

        with pytest.raises(SecrecyError, match="no certificate of the key"):
            read_signer(key, other, MOMENT)

    def test_files_in_each_others_place_are_refused(self, site: Identity, tmp_path: Path) -> None:
        certificate, key = site.write(tmp_path, "site")

        with pytest.raises(SecrecyError, match="holds no private key"):
            read_signer(certificate, certificate, MOMENT)
        with pytest.raises(SecrecyError, match="holds a private key and no certificate"):
            read_signer(key, key, MOMENT)

    def test_an_elliptic_key_is_refused(self, site: Identity, tmp_path: Path) -> None:
        certificate, key = site.write(tmp_path, "site")
        key.write_bytes(
            ec.generate_private_key(ec.SECP256R1()).private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
        )

        with pytest.raises(SecrecyError, match="no RSA key"):
            read_signer(key, certificate, MOMENT)

    def test_a_short_key_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match=r"site.pem has an RSA key of 1024 bits"):
            read(tmp_path, issue("Short", bits=1024))

    def test_a_certificate_for_encryption_alone_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match="not for signatures"):
            read(tmp_path, issue("Sealed", usage=key_usage("key_encipherment")))

    def test_an_expired_authority_is_refused(self, tmp_path: Path) -> None:
        root = issue(
            "Old root", number=1, authority=True, valid_until=datetime(2025, 1, 1, tzinfo=UTC)
        )

        with pytest.raises(SecrecyError, match="expired on 2025-01-01"):
            read(tmp_path, issue("Site", issuer=root))


def test_the_key_shows_itself_nowhere(site: Identity, tmp_path: Path) -> None:
    signer = read(tmp_path, site)

    assert repr(signer) == "Signer('CN=Site,O=Example Hospital,C=DE', key not shown)"
    for leave in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not written anywhere"):
            leave(signer)
