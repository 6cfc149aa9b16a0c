"""A stick that somebody sealed with OpenSSL alone comes in, and is told what it has otherwise."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from mediastation.model.finding import Severity
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from tests.support.certificates import issue
from tests.support.objects import write_series
from tests.support.peers import run_peer

WORDS = "made with openssl"


@pytest.mark.parametrize("streamed", [False, True], ids=["DER", "streamed BER"])
@pytest.mark.parametrize("by", ["password", "key"])
def test_what_openssl_sealed_comes_in(tmp_path: Path, by: str, streamed: bool) -> None:
    ann = issue("Ann")
    certificate, key = ann.write(tmp_path, "ann")
    options = ("-pwri_password", WORDS) if by == "password" else (str(certificate),)
    stream = ("-stream",) if streamed else ()
    plain = write_series(tmp_path / "plain", 3)
    (tmp_path / "stick").mkdir()
    for number, path in enumerate(plain):
        inner, outer = tmp_path / "inner", tmp_path / "stick" / f"IM{number}"
        der = ("-binary", "-outform", "DER")
        run_peer("openssl", "cms", "-digest_create", "-md", "sha256", *der, "-in", path,
                 "-out", inner)  # fmt: skip
        run_peer("openssl", "cms", "-encrypt", "-aes256", *der, *stream, "-in", inner,
                 "-out", outer, *options)  # fmt: skip
    keys = KeyRing((Password(WORDS),) if by == "password" else (), (read_private_key(key),))

    with Station(tmp_path / "home") as station:
        result = import_medium(station, ImportRequest(tmp_path / "stick"), keys=keys)
        stored = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (tmp_path / "home" / "store").rglob("*")
            if path.is_file()
        }

    assert (result.imported, result.opened, result.exit_code) == (3, 3, 0)
    assert stored == {hashlib.sha256(path.read_bytes()).hexdigest() for path in plain}
    told = {one.rule: one.severity for one in result.findings}
    assert told["envelope-nesting"] is Severity.WARNING
