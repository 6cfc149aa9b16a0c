"""Whom a site trusts, and who is vouched for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from mediastation.errors import ConfigError
from mediastation.secure.opening import trust
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.trust import TrustStore, read_trust
from tests.secure.opening.small import trusting
from tests.support.certificates import MOMENT, Identity, elliptic_certificate, issue, key_usage

CERT_SIGN = key_usage("key_cert_sign")
ROOT = issue("Root", number=1, authority=True, usage=CERT_SIGN)
MIDDLE = issue("Middle", number=2, authority=True, usage=CERT_SIGN, issuer=ROOT)
LEAF = issue("Leaf", number=3, issuer=MIDDLE, usage=key_usage("digital_signature"))
PAST = datetime(2025, 1, 1, tzinfo=UTC)


def doubt(store: TrustStore, signer: Identity, *others: Identity, moment: datetime = MOMENT) -> str:
    certificates = [of_library(other.certificate) for other in others]
    return store.doubt(of_library(signer.certificate), certificates, moment)


class TestChains:
    def test_a_root_vouches_through_what_came_along(self) -> None:
        assert doubt(trusting(ROOT), LEAF, LEAF, MIDDLE) == ""

    def test_a_root_vouches_through_what_the_list_has(self) -> None:
        assert doubt(trusting(ROOT, MIDDLE), LEAF) == ""

    def test_an_authority_in_the_list_needs_no_root(self) -> None:
        assert doubt(trusting(MIDDLE), LEAF) == ""

    def test_a_sender_in_the_list_needs_nobody(self) -> None:
        assert doubt(trusting(LEAF), LEAF) == ""

    def test_a_sender_in_the_list_vouches_for_nobody(self) -> None:
        pinned = issue("Pinned", number=4)
        forged = issue("Forged", number=5, issuer=pinned)

        assert "nobody" in doubt(trusting(pinned), forged)

    def test_a_gap_is_a_doubt(self) -> None:
        assert "nobody whom this site trusts" in doubt(trusting(ROOT), LEAF)

    def test_somebody_elses_root_is_a_doubt(self) -> None:
        twin = issue("Root", number=6, authority=True, usage=CERT_SIGN)

        assert "nobody whom this site trusts" in doubt(trusting(twin), LEAF, MIDDLE)

    def test_who_is_no_authority_cannot_issue(self) -> None:
        """The oldest trick: a leaf of a trusted root signs another certificate."""
        forged = issue("Forged", number=5, issuer=LEAF)

        assert "nobody" in doubt(trusting(ROOT), forged, LEAF, MIDDLE)

    def test_an_authority_whose_key_is_not_for_certificates_cannot_issue(self) -> None:
        odd = issue(
            "Odd", number=7, authority=True, usage=key_usage("digital_signature"), issuer=ROOT
        )
        forged = issue("Forged", number=5, issuer=odd)

        assert "nobody" in doubt(trusting(ROOT), forged, odd)

    def test_a_stranger_that_comes_along_vouches_for_nobody(self) -> None:
        stranger = issue("Stranger", number=8, authority=True, usage=CERT_SIGN)
        forged = issue("Forged", number=5, issuer=stranger)

        assert "nobody" in doubt(trusting(ROOT), forged, stranger, ROOT)

    def test_a_limit_on_the_length_of_chains_holds(self) -> None:
        short = issued("Short", 9, ROOT, x509.BasicConstraints(ca=True, path_length=0))
        below = issue("Below", number=10, authority=True, usage=CERT_SIGN, issuer=short)
        leaf = issue("Leaf", number=3, issuer=below)

        assert doubt(trusting(ROOT), issue("Direct", number=3, issuer=short), short) == ""
        assert "nobody" in doubt(trusting(ROOT), leaf, below, short)

    def test_rules_that_are_not_understood_are_a_doubt(self) -> None:
        names = x509.NameConstraints([x509.DNSName("example.org")], None)
        bound = issued("Bound", 9, ROOT, x509.BasicConstraints(True, None), names)
        leaf = issue("Leaf", number=3, issuer=bound)
        odd = issued("Odd", 9, ROOT, x509.TLSFeature([x509.TLSFeatureType.status_request]))

        assert "nobody" in doubt(trusting(ROOT), leaf, bound)
        assert "a rule that is not understood" in doubt(trusting(ROOT), odd)

    def test_an_authority_of_the_list_is_held_to_its_own_rules(self) -> None:
        """One that may speak for some names only does not speak for all because it is listed."""
        names = x509.NameConstraints([x509.DirectoryName(ROOT.certificate.subject)], None)
        bound = issued("Bound", 9, ROOT, x509.BasicConstraints(True, None), names)
        leaf = issue("Leaf", number=3, issuer=bound)

        assert "a rule that is not understood" in doubt(trusting(bound), leaf)
        assert "a rule that is not understood" in doubt(trusting(ROOT, bound), leaf)
        assert doubt(trusting(leaf, bound), leaf) == ""

    def test_a_signature_with_sha_1_vouches_for_nobody(self) -> None:
        weak = with_sha_1(issue("Weak", number=4, issuer=ROOT))

        assert "nobody" in doubt(trusting(ROOT), weak)
        assert doubt(trusting(weak), weak) == ""

    def test_a_long_chain_ends(self) -> None:
        chain = [ROOT]
        for number in range(trust.MAX_CHAIN + 1):
            chain.append(
                issue(f"Level {number}", number=number % 3, authority=True, usage=CERT_SIGN,
                      issuer=chain[-1])
            )  # fmt: skip

        near = issue("Near", number=3, issuer=chain[trust.MAX_CHAIN - 1])
        far = issue("Far", number=3, issuer=chain[-1])

        assert doubt(trusting(ROOT), near, *chain) == ""
        assert "nobody" in doubt(trusting(ROOT), far, *chain)

    def test_many_that_fit_together_end_the_search(self) -> None:
        """Thirty authorities of one name and one key: each could have issued each."""
        ring = issue("Ring", number=1, authority=True, usage=CERT_SIGN)
        maze = [
            issue("Ring", number=1, authority=True, usage=CERT_SIGN, issuer=ring) for _ in range(30)
        ]
        leaf = issue("Leaf", number=3, issuer=ring)

        assert "too many certificates" in doubt(trusting(LEAF), leaf, *maze)


class TestSigner:
    def test_a_key_that_is_not_for_signatures(self) -> None:
        sealing = issue("Sealing", number=4, issuer=ROOT, usage=key_usage("key_encipherment"))

        assert doubt(trusting(ROOT), sealing) == "its certificate is not for signatures"

    def test_a_key_that_does_not_say_what_it_is_for(self) -> None:
        assert doubt(trusting(ROOT), issue("Any", number=4, issuer=ROOT)) == ""

    @pytest.mark.parametrize("pinned", [True, False])
    def test_one_that_expired(self, pinned: bool) -> None:
        old = issue("Old", number=4, issuer=ROOT, valid_until=PAST)
        store = trusting(old) if pinned else trusting(ROOT)

        assert doubt(store, old) == "its certificate expired on 2025-01-01"
        assert doubt(store, old, moment=PAST) == ""
        assert doubt(store, old, moment=PAST + timedelta(seconds=1)) != ""

    def test_a_key_that_is_too_short(self) -> None:
        short = issue("Short", number=4, bits=1024, issuer=ROOT)
        store = trusting(ROOT)

        assert doubt(store, short) == ""
        with pytest.MonkeyPatch.context() as patched:
            patched.setattr(trust, "LEAST_RSA_BITS", 1025)
            assert doubt(store, short) == "its key is too short to prove anything"

    def test_one_that_is_not_valid_yet(self) -> None:
        young = issue("Young", number=4, issuer=ROOT, valid_from=MOMENT + timedelta(days=1))

        assert doubt(trusting(ROOT), young) == "its certificate is valid from 2026-11-24 only"

    def test_an_authority_between_that_expired(self) -> None:
        old = issue("Old", number=4, authority=True, usage=CERT_SIGN, issuer=ROOT,
                    valid_until=PAST)  # fmt: skip
        leaf = issue("Leaf", number=3, issuer=old)

        assert "nobody" in doubt(trusting(ROOT), leaf, old)
        assert doubt(trusting(ROOT), leaf, old, moment=PAST) == ""


class TestReading:
    def test_a_file_with_several(self, tmp_path: Path) -> None:
        (tmp_path / "trust.pem").write_bytes(b"Comment\n" + ROOT.pem + b"\n" + LEAF.pem)

        store = read_trust(tmp_path / "trust.pem")

        assert len(store) == 2
        assert doubt(store, LEAF) == ""

    def test_a_folder_with_files_of_both_encodings(self, tmp_path: Path) -> None:
        (tmp_path / "root.pem").write_bytes(ROOT.pem)
        (tmp_path / "LEAF.CER").write_bytes(LEAF.der)
        (tmp_path / "README").write_bytes(b"no certificate")

        assert len(read_trust(tmp_path)) == 2

    def test_the_certificate_of_another_kind_of_key_is_kept(self, tmp_path: Path) -> None:
        (tmp_path / "trust.pem").write_bytes(elliptic_certificate())

        assert len(read_trust(tmp_path)) == 1

    @pytest.mark.parametrize(
        ("data", "said"),
        [
            (b"", "cannot be understood"),
            (b"not a certificate", "cannot be understood"),
            (ROOT.pem[:-30], "has no end"),
            (ROOT.pem.replace(b"M", b"N", 20), "cannot be understood"),
            (b"-----BEGIN PRIVATE KEY-----\n", "holds no certificate"),
        ],
    )
    def test_what_is_no_certificate_is_named(self, tmp_path: Path, data: bytes, said: str) -> None:
        path = tmp_path / "trust.pem"
        path.write_bytes(data)

        with pytest.raises(ConfigError, match=said) as caught:
            read_trust(path)

        assert str(path) in caught.value.message
        assert caught.value.exit_code == 2

    def test_what_is_not_there_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match=r"nothing\.pem cannot be read: No such file"):
            read_trust(tmp_path / "nothing.pem")

    def test_more_than_a_site_has_is_no_list(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(trust, "MAX_TRUSTED", 1)
        (tmp_path / "trust.pem").write_bytes(ROOT.pem + LEAF.pem)

        with pytest.raises(ConfigError, match="more than 1 certificates"):
            read_trust(tmp_path)

    def test_an_empty_folder_is_no_list(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="holds no certificate"):
            read_trust(tmp_path)

    def test_a_large_file_is_no_list(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(trust, "MAX_FILE_BYTES", 100)
        (tmp_path / "trust.pem").write_bytes(ROOT.pem)

        with pytest.raises(ConfigError, match="too large"):
            read_trust(tmp_path / "trust.pem")


def issued(
    common_name: str,
    number: int,
    issuer: Identity,
    *extensions: x509.ExtensionType,
) -> Identity:
    """A certificate with critical extensions of any kind."""
    like = issue(common_name, number=number, issuer=issuer)
    builder = (
        x509.CertificateBuilder()
        .subject_name(like.certificate.subject)
        .issuer_name(issuer.certificate.subject)
        .public_key(like.key.public_key())
        .serial_number(like.certificate.serial_number)
        .not_valid_before(like.certificate.not_valid_before_utc)
        .not_valid_after(like.certificate.not_valid_after_utc)
    )
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(issuer.key, hashes.SHA256())
    return Identity(like.key, certificate, (issuer.certificate, *issuer.above))


def with_sha_1(identity: Identity) -> Identity:
    """The same certificate, signed by the root as was usual until 2015."""
    der = asn1_x509.Certificate.load(identity.der)
    algorithm = {"algorithm": "sha1_rsa"}
    der["tbs_certificate"]["signature"] = algorithm
    der["signature_algorithm"] = algorithm
    signed = der["tbs_certificate"].dump(force=True)
    der["signature_value"] = ROOT.key.sign(signed, padding.PKCS1v15(), hashes.SHA1())  # noqa: S303
    return Identity(identity.key, x509.load_der_x509_certificate(der.dump(force=True)))
