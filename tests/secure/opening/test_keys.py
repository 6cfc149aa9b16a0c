"""Private keys, as they lie in files."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import Password
from mediastation.secure.opening import keys
from mediastation.secure.opening.keys import KeyRing, read_private_key
from tests.secure.opening.small import FILE, open_with
from tests.support.certificates import issue
from tests.support.envelopes import make_envelope

ROOT = issue("Root", number=2, authority=True)
ANNA = issue("Anna", number=1, issuer=ROOT)
LOCK = b"lock of the key"


def envelope() -> bytes:
    return make_envelope(FILE, certificates=[ANNA.certificate, ROOT.certificate])


def written(folder: Path, data: bytes) -> Path:
    path = folder / "anna.key"
    path.write_bytes(data)
    return path


def asked() -> Password:
    return Password(LOCK.decode())


def never() -> Password:
    raise AssertionError("asked for a password")


class TestForms:
    @pytest.mark.parametrize(
        "make",
        [
            ANNA.key_pem,
            ANNA.key_der,
            lambda: ANNA.key_pem(traditional=True),
            lambda: ANNA.key_der(traditional=True),
            lambda: b"Bag Attributes\n" + ANNA.key_pem() + ANNA.chain_pem,
            lambda: ANNA.chain_pem + ANNA.key_pem(),
            ANNA.pkcs12,
        ],
    )
    def test_keys_without_a_password_open_and_nobody_is_asked(
        self, tmp_path: Path, make: Callable[[], bytes]
    ) -> None:
        key = read_private_key(written(tmp_path, make()), never)

        assert open_with(KeyRing(keys=[key]), envelope())[0] == FILE

    @pytest.mark.parametrize(
        "make",
        [
            lambda: ANNA.key_pem(LOCK),
            lambda: ANNA.key_der(LOCK),
            lambda: ANNA.key_pem(LOCK, traditional=True),
            lambda: ANNA.key_pem(LOCK) + ANNA.chain_pem,
            lambda: ANNA.pkcs12(LOCK),
        ],
    )
    def test_a_password_is_asked_for_once(self, tmp_path: Path, make: Callable[[], bytes]) -> None:
        questions: list[int] = []

        def ask() -> Password:
            questions.append(1)
            return asked()

        key = read_private_key(written(tmp_path, make()), ask)

        assert len(questions) == 1
        assert open_with(KeyRing(keys=[key]), envelope())[0] == FILE
        with pytest.raises(SecrecyError, match="cannot be opened with that password"):
            read_private_key(written(tmp_path, make()), lambda: Password("wrong"))
        with pytest.raises(SecrecyError, match="has a password of its own"):
            read_private_key(written(tmp_path, make()))

    @pytest.mark.parametrize("make", [lambda: ANNA.chain_pem + ANNA.key_pem(), ANNA.pkcs12])
    def test_of_several_certificates_the_one_of_the_key_names_it(
        self, tmp_path: Path, make: Callable[[], bytes]
    ) -> None:
        key = read_private_key(written(tmp_path, make()))

        assert key.name is not None
        assert key.name.subject == "CN=Anna,O=Example Hospital,C=DE"
        assert key.name.serial == ANNA.certificate.serial_number

    def test_the_certificate_of_another_key_does_not_name_it(self, tmp_path: Path) -> None:
        key = read_private_key(written(tmp_path, ROOT.pem + ANNA.key_pem()))

        assert key.name is None
        assert open_with(KeyRing(keys=[key]), envelope())[0] == FILE


class TestWhatIsNoKey:
    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "holds no private key"),
            (b"\x30\x80", "holds no private key"),
            (b"\x30\x03\x02\x01\x03", "holds no private key"),
            (ANNA.pem, "holds no private key"),
            (ANNA.der, "holds no private key"),
            (ANNA.key_pem()[:-40], "holds no private key"),
            (ANNA.key_pem().replace(b"\nM", b"\nA"), "holds no private key"),
            (ANNA.key_der()[:-40], "holds no private key"),
            (ANNA.key_pem() + ANNA.pem[:-30], "a certificate that cannot be understood"),
            (b"\0" * (keys.MAX_KEY_FILE_BYTES + 1), "too large"),
        ],
    )
    def test_it_is_named_with_its_file(self, tmp_path: Path, data: bytes, said: str) -> None:
        path = written(tmp_path, data)

        with pytest.raises(SecrecyError, match=said) as caught:
            read_private_key(path, asked)

        assert str(path) in caught.value.message
        assert caught.value.exit_code == 4

    @pytest.mark.parametrize(
        "make",
        [lambda: ec.generate_private_key(ec.SECP256R1()), ed25519.Ed25519PrivateKey.generate],
    )
    def test_keys_of_other_kinds(
        self, tmp_path: Path, make: Callable[[], ed25519.Ed25519PrivateKey]
    ) -> None:
        pem = make().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

        with pytest.raises(SecrecyError, match="no RSA key"):
            read_private_key(written(tmp_path, pem))

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match=r"anna\.key cannot be read: No such file"):
            read_private_key(tmp_path / "anna.key")

    def test_a_folder(self, tmp_path: Path) -> None:
        with pytest.raises(SecrecyError, match=r"not a file|cannot be read"):
            read_private_key(tmp_path)


def test_what_the_asked_one_says_goes_through(tmp_path: Path) -> None:
    """Whoever is asked may give up."""

    def gives_up() -> Password:
        raise SecrecyError("No password was given.")

    with pytest.raises(SecrecyError, match="No password was given"):
        read_private_key(written(tmp_path, ANNA.key_pem(LOCK)), gives_up)
