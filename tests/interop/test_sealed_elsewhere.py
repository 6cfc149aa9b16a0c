"""What this program seals, opened by programs that share nothing with it: OpenSSL and a browser."""

from __future__ import annotations

import io
import os
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.pages.open_page import OPEN_NAME, OpenFacts, render_open
from mediastation.pages.readme import README_NAME, ReadmeFacts, render_readme
from mediastation.secure.sealing.recipients import recipient_from_der
from mediastation.secure.sealing.sealer import Sealer
from mediastation.secure.sealing.signer import Signer, read_signer
from tests.support.browser import Browser
from tests.support.certificates import MOMENT, Identity
from tests.support.corpus import corpus_files
from tests.support.open_page import OpenPage
from tests.support.openssl_reader import OpensslReader

PASSWORD = "maple orbit Kettle-7 $tone"  # noqa: S105 - of nothing
LARGEST_REAL, REAL_FILES = 1_000_000, 4


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory, site: Identity) -> Signer:
    certificate, key = site.write(tmp_path_factory.mktemp("signer"), "site")
    return read_signer(key, certificate, MOMENT)


@pytest.fixture(scope="module")
def plain() -> dict[str, bytes]:
    """Some real files where there are any; and sizes at the edges of a block."""
    real = [
        path
        for path in corpus_files("mr", "sr", "us", "waveform")
        if path.stat().st_size <= LARGEST_REAL
    ]
    some = real[:: max(1, len(real) // REAL_FILES)][:REAL_FILES]
    files = {f"DICOM/REAL{number:04}": path.read_bytes() for number, path in enumerate(some)}
    files |= {f"DICOM/EDGE{size:04}": os.urandom(size) for size in (0, 16)}
    return files | {"DICOMDIR": os.urandom(70_000), "DICOM/LARGE": os.urandom(20_000_001)}


def write_medium(
    folder: Path, plain: dict[str, bytes], sealer: Sealer, *, signed: bool = False
) -> None:
    for path, content in plain.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        with (folder / path).open("xb") as file:
            sealer.seal(io.BytesIO(content), len(content), file.write)
    readme = ReadmeFacts(
        created=datetime(2026, 11, 23, tzinfo=UTC),
        profile="STD-GEN-SEC-USB-JPEG",
        file_set_id="",
        file_set_uid="2.25.1",
        instances=len(plain) - 1,
        encrypted=True,
        password=True,
        certificates=1,
        signed=signed,
        open_page=OPEN_NAME,
    )
    (folder / README_NAME).write_bytes(render_readme(readme))
    (folder / OPEN_NAME).write_bytes(render_open(OpenFacts("St. Elsewhere")))


@pytest.mark.parametrize(
    ("cipher", "digest", "derivation", "signed"),
    [
        (ContentCipher.AES_256, Digest.SHA_256, Digest.SHA_1, False),
        (ContentCipher.AES_128, Digest.SHA_512, Digest.SHA_512, True),
    ],
)
def test_openssl_and_a_browser_open_it(
    tmp_path: Path,
    browser: Browser,
    recipient: Identity,
    signer: Signer,
    plain: dict[str, bytes],
    cipher: ContentCipher,
    digest: Digest,
    derivation: Digest,
    signed: bool,
) -> None:
    medium = tmp_path / "MEDIUM"
    sealer = Sealer(
        [recipient_from_der(recipient.der)],
        Password(PASSWORD),
        moment=MOMENT,
        signer=signer if signed else None,
        cipher=cipher,
        digest=digest,
        derivation=derivation,
        iterations=100_000,
    )
    write_medium(medium, plain, sealer, signed=signed)

    reader = OpensslReader(medium, tmp_path / "home")
    (reader.home / "certificate.pem").write_bytes(recipient.pem)
    (reader.home / "key.pem").write_bytes(recipient.key_pem(b"of the key"))
    said = reader.follow(PASSWORD, "of the key")
    assert said.count("opened      ./") == 2 * len(plain)
    assert reader.opened() == plain

    page = OpenPage(browser, medium)
    page.choose()
    page.open(PASSWORD.lower())
    assert page.said().startswith("Wrong password. Nothing was opened.")
    results = page.open(PASSWORD)
    assert page.said() == f"All {len(plain)} files are open, and proved to be unchanged."
    assert ("the signature fits" in results["DICOMDIR"]) == signed
    assert page.saved() == plain
