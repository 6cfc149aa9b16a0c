"""README.TXT of a sealed medium, followed to the letter by a shell and OpenSSL."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediastation.pages.readme import ReadmeFacts, render_readme
from tests.support.certificates import Identity, issue
from tests.support.envelopes import Signed, make_envelope
from tests.support.openssl_reader import OpensslReader

# What a shell or a careless recipe would take for something else.
PASSWORD = ' -it\'s "100%" $HOME `x` \\n & two  blanks '  # noqa: S105 - of nothing
KEY_PASSWORD = "another $one"  # noqa: S105 - of nothing
PLAIN = {
    "DICOMDIR": b"\0" * 128 + b"DICM" + b"directory" * 100,
    "DICOM/IM000001": os.urandom(70_001),
    "DICOM/ST01/SE01/IM000002": b"line\nline\r\n" * 40_000,
    "DICOM/ST01/SE01/IM000003": b"",
    "DICOM/ST01/SE01/IM000004": os.urandom(3_000_000),
}


@pytest.fixture(scope="module")
def signer(site: Identity) -> Signed:
    return site.key, site.certificate, ()


def reader_of(
    folder: Path, sealed: dict[str, bytes], text: bytes, *, shell: str = "sh"
) -> OpensslReader:
    """Write a medium and return who reads it."""
    for path, content in (sealed | {"README.TXT": text, "OPEN.HTM": b"<!DOCTYPE html>"}).items():
        (folder / "MEDIUM" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "MEDIUM" / path).write_bytes(content)
    return OpensslReader(folder / "MEDIUM", folder / "home", shell=shell)


def readme(*, password: bool = False, certificates: int = 0, signed: bool = False) -> bytes:
    return render_readme(
        ReadmeFacts(
            created=datetime(2026, 11, 23, tzinfo=UTC),
            profile="STD-GEN-SEC-USB-JPEG",
            file_set_id="",
            file_set_uid="2.25.1",
            instances=len(PLAIN) - 1,
            encrypted=True,
            password=password,
            certificates=certificates,
            signed=signed,
            open_page="OPEN.HTM",
        )
    )


@pytest.mark.parametrize("derivation", ["sha1", "sha512"])
@pytest.mark.parametrize("cipher", ["aes256", "aes192", "aes128", "3des"])
def test_with_the_password_every_file_comes_out(
    tmp_path: Path, cipher: str, derivation: str
) -> None:
    reader = reader_of(
        tmp_path,
        {
            path: make_envelope(content, password=PASSWORD, cipher=cipher, derivation=derivation)
            for path, content in PLAIN.items()
        },
        readme(password=True),
    )

    said = reader.follow(PASSWORD)

    assert reader.opened() == PLAIN
    assert said.count("opened      ./") == len(PLAIN)
    assert "NOT OPENED" not in said


@pytest.mark.parametrize("shell", ["sh", "bash"])
def test_what_is_signed_comes_out_of_either_shell(
    tmp_path: Path, signer: Signed, shell: str
) -> None:
    reader = reader_of(
        tmp_path,
        {
            path: make_envelope(content, password=PASSWORD, signer=signer, digest="sha384")
            for path, content in PLAIN.items()
        },
        readme(password=True, signed=True),
        shell=shell,
    )

    reader.follow(PASSWORD)

    assert reader.opened() == PLAIN


@pytest.mark.parametrize("key_password", ["", KEY_PASSWORD])
@pytest.mark.parametrize("signed", [True, False])
def test_with_certificate_and_key_every_file_comes_out(
    tmp_path: Path, recipient: Identity, signer: Signed, signed: bool, key_password: str
) -> None:
    others = [issue("Somebody else", number=2).certificate, recipient.certificate]
    reader = reader_of(
        tmp_path,
        {
            path: make_envelope(content, certificates=others, signer=signer if signed else None)
            for path, content in PLAIN.items()
        },
        readme(certificates=2, signed=signed),
    )
    (reader.home / "certificate.pem").write_bytes(recipient.pem)
    (reader.home / "key.pem").write_bytes(recipient.key_pem(key_password.encode()))

    reader.follow(key_password)

    assert reader.opened() == PLAIN


def test_where_both_open_it_both_are_told(tmp_path: Path, recipient: Identity) -> None:
    """The steps of both, one after the other: each has to open all."""
    certificates = [recipient.certificate]
    reader = reader_of(
        tmp_path,
        {
            path: make_envelope(content, password=PASSWORD, certificates=certificates)
            for path, content in PLAIN.items()
        },
        readme(password=True, certificates=1),
    )
    (reader.home / "certificate.pem").write_bytes(recipient.pem)
    (reader.home / "key.pem").write_bytes(recipient.key_pem())

    said = reader.follow(PASSWORD, "")

    assert said.count("opened      ./") == 2 * len(PLAIN)
    assert reader.opened() == PLAIN


def test_names_that_a_system_shows_in_small_letters_are_found(tmp_path: Path) -> None:
    """Linux does so with a plain ISO 9660 disc."""
    reader = reader_of(
        tmp_path,
        {path.lower(): make_envelope(plain, password=PASSWORD) for path, plain in PLAIN.items()},
        readme(password=True),
    )

    reader.follow(PASSWORD)

    assert reader.opened() == {path.lower(): plain for path, plain in PLAIN.items()}


def test_what_a_system_left_on_the_medium_is_passed_over(tmp_path: Path) -> None:
    left = ("System Volume Information/IndexerVolumeGuid", ".Trashes/501/IM1")
    sealed = {"DICOMDIR": make_envelope(PLAIN["DICOMDIR"], password=PASSWORD)}
    reader = reader_of(tmp_path, sealed | dict.fromkeys(left, b"x"), readme(password=True))

    assert reader.follow(PASSWORD).splitlines()[1:] == ["opened      ./DICOMDIR"]


@pytest.mark.parametrize("typed", ["wrong", "", PASSWORD.strip(), PASSWORD.upper()])
def test_a_wrong_password_leaves_nothing(tmp_path: Path, typed: str) -> None:
    reader = reader_of(
        tmp_path,
        {path: make_envelope(plain, password=PASSWORD) for path, plain in PLAIN.items()},
        readme(password=True),
    )

    said = reader.follow(typed)

    assert reader.opened() == {}
    assert said.count("NOT OPENED  ./") == len(PLAIN)
    assert "\nopened" not in said


def test_another_ones_key_leaves_nothing(tmp_path: Path, recipient: Identity) -> None:
    other = issue("Somebody else", number=2)
    reader = reader_of(
        tmp_path,
        {
            path: make_envelope(plain, certificates=[recipient.certificate])
            for path, plain in PLAIN.items()
        },
        readme(certificates=1),
    )
    (reader.home / "certificate.pem").write_bytes(recipient.pem)
    (reader.home / "key.pem").write_bytes(other.key_pem())

    said = reader.follow("")

    assert reader.opened() == {}
    assert said.count("NOT OPENED  ./") == len(PLAIN)


@pytest.mark.parametrize("signed", [True, False])
def test_a_damaged_file_is_named_and_not_kept(tmp_path: Path, signer: Signed, signed: bool) -> None:
    """Also one that was spoiled before it was sealed: only its digest tells."""
    who = signer if signed else None
    sealed = {
        path: make_envelope(plain, password=PASSWORD, signer=who) for path, plain in PLAIN.items()
    }
    bent = bytearray(sealed["DICOM/IM000001"])
    bent[40_000] ^= 1
    sealed["DICOM/IM000001"] = bytes(bent)
    sealed["DICOM/ST01/SE01/IM000004"] = sealed["DICOM/ST01/SE01/IM000004"][:-17]
    sealed["DICOM/ST01/SE01/IM000002"] = make_envelope(
        PLAIN["DICOM/ST01/SE01/IM000002"], password=PASSWORD, signer=who, wrong_digest=True
    )
    reader = reader_of(tmp_path, sealed, readme(password=True, signed=signed))

    said = reader.follow(PASSWORD)

    whole = {"DICOMDIR", "DICOM/ST01/SE01/IM000003"}
    assert reader.opened() == {path: PLAIN[path] for path in whole}
    spoiled = [line.split("./")[1] for line in said.splitlines() if line.startswith("NOT OPENED")]
    assert {*spoiled} == PLAIN.keys() - whole


@pytest.mark.parametrize("signed", [True, False])
@pytest.mark.parametrize("size", [0, 900, 5000])
def test_a_disk_that_takes_nothing_more_gives_no_file_out(
    tmp_path: Path, signer: Signed, size: int, signed: bool
) -> None:
    """OpenSSL ends well although the last of what it wrote was lost."""
    who = signer if signed else None
    plain = {"DICOMDIR": b"x" * size, "DICOM/IM000001": b"y" * size}
    sealed = {
        path: make_envelope(data, password=PASSWORD, signer=who) for path, data in plain.items()
    }
    reader = reader_of(tmp_path, sealed, readme(password=True, signed=signed))

    said = reader.follow(PASSWORD, before="trap '' XFSZ; ulimit -f 0")

    whole = plain if not size else {}
    assert reader.opened() == whole
    assert said.count("NOT OPENED") == len(plain) - len(whole)
