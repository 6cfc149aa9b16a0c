"""Whose signatures a station believes, by its settings."""

from __future__ import annotations

import json
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from mediastation.secure.opening.trust import TrustStore
from mediastation.station.sealing.trust import read_site_trust
from mediastation.station.station import Station
from tests.support.certificates import Identity, issue


def trust_of(tmp_path: Path, **rules: Path) -> TrustStore | None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    lines = [f"{name} = {json.dumps(str(path))}" for name, path in rules.items()]
    (home / "config.toml").write_text("\n".join(["[secure]", *lines, ""]))
    with Station(home) as station:
        return read_site_trust(station)


def test_a_site_that_names_nobody_believes_nobody(tmp_path: Path) -> None:
    assert trust_of(tmp_path) is None


def test_the_sites_own_certificate_is_believed_and_not_who_issued_it(tmp_path: Path) -> None:
    """The authority issues certificates for others as well."""
    authority = issue("Authority", number=1, authority=True)
    certificate, key = issue("File Room", issuer=authority).write(tmp_path, "signer")

    found = trust_of(tmp_path, signing_certificate=certificate, signing_key=key)

    assert found is not None
    assert [one.der for one in found] == [_first(certificate)]


def test_the_list_comes_besides(tmp_path: Path) -> None:
    certificate, key = issue("File Room").write(tmp_path, "signer")
    sender: Identity = issue("Sender", number=1)
    (tmp_path / "list.pem").write_bytes(sender.pem)

    found = trust_of(
        tmp_path, signing_certificate=certificate, signing_key=key, trust=tmp_path / "list.pem"
    )

    assert found is not None
    assert {one.der for one in found} == {_first(certificate), sender.der}


def _first(path: Path) -> bytes:
    return x509.load_pem_x509_certificates(path.read_bytes())[0].public_bytes(Encoding.DER)
