"""What signatures are worth: trusted, intact of an unknown signer, or broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from asn1crypto import cms, core
from asn1crypto import x509 as asn1_x509
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.serialization import Encoding

from mediastation.model.finding import Severity
from mediastation.model.secrecy import Content, Digest, Signature
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.opener import Opened
from tests.secure.opening.small import FILE, WORDS, by, open_with, rules, trusting, words
from tests.support.certificates import MOMENT, Identity, elliptic_certificate, issue, key_usage
from tests.support.envelopes import make_envelope, signed_fields, tlv

ROOT = issue("Root", number=1, authority=True, usage=key_usage("key_cert_sign"))
CLINIC = issue("Clinic", number=2, issuer=ROOT, usage=key_usage("digital_signature"))
OTHER = issue("Other Clinic", number=3)


def sealed(signer: Identity = CLINIC, **more: Any) -> bytes:
    """A signed envelope; each test changes one thing."""
    options: dict[str, Any] = {
        "password": WORDS, "iterations": 1000, "salt": b"8 octets", "signer": by(signer),
    }  # fmt: skip
    return make_envelope(FILE, **options | more)


def opened(envelope: bytes, *trusted: Identity, moment: datetime = MOMENT) -> Opened:
    content, told = open_with(
        words(), envelope, trust=trusting(*trusted) if trusted else None, moment=moment
    )
    assert content == FILE
    return told


def refused(envelope: bytes) -> BadEnvelopeError:
    with pytest.raises(BadEnvelopeError) as caught:
        open_with(words(), envelope, trust=trusting(ROOT))
    return caught.value


class TestIntact:
    @pytest.mark.parametrize("digest", Digest)
    @pytest.mark.parametrize("attributes", [True, False])
    def test_one_of_a_trusted_signer_is_trusted(self, digest: Digest, attributes: bool) -> None:
        told = opened(sealed(digest=digest.value, signed_attributes=attributes), ROOT)

        assert told.content is Content.SIGNED
        assert told.digest is digest
        (facts,) = told.signatures
        assert facts.signature is Signature.TRUSTED
        assert facts.signer is not None
        assert facts.signer.subject == "CN=Clinic,O=Example Hospital,C=DE"
        assert facts.signer.serial == CLINIC.certificate.serial_number
        assert facts.reason == ""
        assert [(one.rule, one.severity) for one in told.findings] == [("signature", Severity.NOTE)]

    def test_one_of_somebody_else_is_intact_and_of_an_unknown_signer(self) -> None:
        told = opened(sealed(OTHER), ROOT)

        (facts,) = told.signatures
        assert facts.signature is Signature.UNKNOWN_SIGNER
        assert "nobody whom this site trusts vouches for it" in facts.reason
        (finding,) = told.findings
        assert (finding.rule, finding.severity) == ("signature-unknown", Severity.WARNING)
        assert "CN=Other Clinic" in finding.message

    def test_without_a_list_nobody_is_known(self) -> None:
        (facts,) = opened(sealed()).signatures

        assert facts.signature is Signature.UNKNOWN_SIGNER
        assert facts.reason == "this site has no list of whom it trusts"

    def test_each_of_several_is_judged(self) -> None:
        told = opened(sealed(signers=[by(OTHER)]), ROOT)

        assert {facts.signature for facts in told.signatures} == {
            Signature.TRUSTED,
            Signature.UNKNOWN_SIGNER,
        }
        assert sorted(rules(told)) == ["signature", "signature-unknown"]

    def test_when_it_was_signed_is_told_as_the_signers_word(self) -> None:
        signed_at = datetime(2025, 3, 1, 8, 30, tzinfo=UTC)

        told = opened(sealed(signing_time=signed_at), ROOT)

        assert told.signatures[0].signed_at == signed_at
        assert "2025-03-01 08:30 UTC, by its own word" in told.findings[0].message

    def test_attributes_that_are_not_sorted_verify_as_they_stand_or_sorted(self) -> None:
        """DER sorts a SET; OpenSSL verifies what stands there."""
        for signed_sorted in (True, False):
            told = opened(changed(sealed_parts(), unsorted(signed_sorted)), ROOT)
            assert told.signatures[0].signature is Signature.TRUSTED

    def test_a_signer_may_be_named_by_key_identifier(self) -> None:
        told = opened(changed_signer(named_by_key), ROOT)

        assert told.signatures[0].signature is Signature.TRUSTED

    def test_a_certificate_that_did_not_come_along_is_found_in_the_list(self) -> None:
        assert opened(without_certificates(), CLINIC).signatures[0].signature is Signature.TRUSTED

    def test_without_its_certificate_the_signer_is_unknown(self) -> None:
        told = opened(without_certificates(), ROOT)

        (facts,) = told.signatures
        assert facts.signature is Signature.UNKNOWN_SIGNER
        assert facts.signer is None
        assert facts.reason == "the signer's certificate did not come with it"
        assert f"certificate {CLINIC.certificate.serial_number:X} of CN=Root" in facts.text

    @pytest.mark.parametrize(
        ("algorithm", "said"), [("sha256_ecdsa", "ECDSA"), ("rsassa_pss", "RSASSA-PSS")]
    )
    def test_algorithms_outside_the_profile_are_of_unknown_signers(
        self, algorithm: str, said: str
    ) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signature_algorithm"] = {"algorithm": algorithm}

        (facts,) = opened(changed_signer(change), ROOT).signatures

        assert facts.signature is Signature.UNKNOWN_SIGNER
        assert facts.reason == f"{said} signatures are not checked here"

    def test_a_signer_named_by_a_key_that_nobody_knows_is_told_by_it(self) -> None:
        def change(parts: dict[str, Any]) -> None:
            parts["certificates"] = b""
            named_by_key(parts["signers"][0])

        (facts,) = opened(changed(sealed_parts(), change), ROOT).signatures

        assert facts.text.startswith("the owner of the key ")

    def test_what_was_added_beside_the_signature_is_passed_over(self) -> None:
        """A time stamp is one of these; nothing here says what it is worth."""

        def change(info: cms.SignerInfo) -> None:
            info["unsigned_attrs"] = [{"type": "1.2.3", "values": [core.Integer(1)]}]

        assert opened(changed_signer(change), ROOT).signatures[0].signature is Signature.TRUSTED

    def test_the_certificate_of_another_kind_of_key_checks_nothing(self) -> None:
        elliptic = x509.load_pem_x509_certificate(elliptic_certificate())

        def change(parts: dict[str, Any]) -> None:
            parts["certificates"] = tlv(0xA0, elliptic.public_bytes(Encoding.DER))
            parts["signers"][0]["sid"] = cms.SignerIdentifier(
                {
                    "issuer_and_serial_number": {
                        "issuer": asn1_x509.Name.load(elliptic.issuer.public_bytes()),
                        "serial_number": elliptic.serial_number,
                    }
                }
            )

        (facts,) = opened(changed(sealed_parts(), change), ROOT).signatures

        assert facts.reason == "the signer's certificate has no RSA key"

    @pytest.mark.parametrize("value", [b"\x17\x05today", b"\x17\x0d251399999999Z", b"\x05\0"])
    def test_a_time_that_is_none_is_not_told(self, value: bytes) -> None:
        def change(info: cms.SignerInfo) -> None:
            attribute = {"type": "signing_time", "values": [cms.Time({"utc_time": MOMENT})]}
            info["signed_attrs"].append(attribute)

        whole = changed(sealed_parts(), resigned(change, value))

        assert opened(whole, ROOT).signatures[0].signed_at is None


class TestBroken:
    """What was signed is not what is there: nothing is given out."""

    def said(self, envelope: bytes) -> str:
        fault = refused(envelope)
        assert [finding.rule for finding in fault.findings] == ["signature-broken"]
        assert fault.findings[0].severity is Severity.ERROR
        assert "CN=Clinic" in fault.message
        return fault.message

    def test_content_that_is_not_what_was_signed(self) -> None:
        assert "the content is not what was signed" in self.said(sealed(wrong_digest=True))

    def test_content_that_is_not_what_was_signed_without_attributes(self) -> None:
        envelope = sealed(wrong_digest=True, signed_attributes=False)

        assert "was not made with the key" in self.said(envelope)

    def test_a_signature_of_something_else(self) -> None:
        assert "was not made with the key" in self.said(sealed(wrong_signature=True))

    def test_attributes_that_were_changed(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signed_attrs"].append(
                {"type": "signing_time", "values": [cms.Time({"utc_time": MOMENT})]}
            )

        assert "was not made with the key" in self.said(changed_signer(change))

    @pytest.mark.parametrize("kind", ["content_type", "message_digest"])
    def test_attributes_that_do_not_say_what_is_signed(self, kind: str) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signed_attrs"] = [
                one for one in info["signed_attrs"] if one["type"].native != kind
            ]

        assert "it does not say what it signs" in self.said(changed_signer(change))

    def test_one_thing_that_is_signed_twice(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signed_attrs"] = [*info["signed_attrs"], info["signed_attrs"][1]]

        assert "one thing twice" in self.said(changed_signer(change))

    def test_two_values_for_one_thing(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            digest = next(
                one for one in info["signed_attrs"] if one["type"].native == "message_digest"
            )
            digest["values"].append(bytes(32))

        assert "two things for one" in self.said(changed_signer(change))

    def test_content_of_another_kind(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            attributes = [one for one in info["signed_attrs"] if one["type"].native[0] == "m"]
            attributes.append(cms.CMSAttribute({"type": "content_type", "values": ["1.2.3"]}))
            info["signed_attrs"] = attributes

        assert "it signs content of another kind" in self.said(changed_signer(change))

    def test_two_digests(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signature_algorithm"] = {"algorithm": "sha512_rsa"}

        assert "it names two digests" in self.said(changed_signer(change))

    def test_a_digest_that_was_not_announced(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["digest_algorithm"] = {"algorithm": "sha512"}

        assert "was not announced" in self.said(changed_signer(change))

    def test_the_certificate_of_another_key_under_the_same_name(self) -> None:
        """A stranger's certificate that copies issuer and serial number of a trusted one."""
        twin = impostor()

        envelope = make_envelope(
            FILE, password=WORDS, iterations=10, salt=b"8 octets",
            signer=(twin.key, twin.certificate, ()),
        )  # fmt: skip

        with pytest.raises(BadEnvelopeError, match="was not made with the key"):
            open_with(words(), envelope, trust=trusting(CLINIC))
        (facts,) = opened(envelope, ROOT).signatures
        assert facts.signature is Signature.UNKNOWN_SIGNER

    def test_one_of_two_is_enough(self) -> None:
        def change(info: cms.SignerInfo) -> None:
            info["signature"] = bytes(256)

        fault = refused(changed_signer(change, signers=[by(OTHER)]))

        assert sorted(finding.rule for finding in fault.findings) == [
            "signature-broken",
            "signature-unknown",
        ]

    def test_nobody_signed(self) -> None:
        envelope = changed(sealed_parts(), lambda parts: parts.update(signers=[]))

        assert "nobody signed it" in refused(envelope).message

    def test_without_attributes_and_certificate_nothing_is_proved(self) -> None:
        parts = sealed_parts(signed_attributes=False)

        envelope = changed(parts, lambda parts: parts.update(certificates=b""))

        assert "cannot be checked" in refused(envelope).message


class TestTimes:
    def test_a_certificate_that_expired_since_leaves_the_content_intact(self) -> None:
        brief = issue("Brief", number=4, issuer=ROOT, valid_until=datetime(2025, 1, 1, tzinfo=UTC))
        signed_at = datetime(2024, 6, 1, tzinfo=UTC)

        (facts,) = opened(sealed(brief, signing_time=signed_at), ROOT).signatures

        assert facts.signature is Signature.UNKNOWN_SIGNER
        assert facts.reason == (
            "its certificate expired on 2025-01-01; by its own word it was signed on 2024-06-01, "
            "when it was trusted"
        )

    def test_who_was_never_trusted_is_not_said_to_have_been(self) -> None:
        brief = issue("Brief", number=4, valid_until=datetime(2025, 1, 1, tzinfo=UTC))
        signed_at = datetime(2024, 6, 1, tzinfo=UTC)

        (facts,) = opened(sealed(brief, signing_time=signed_at), ROOT).signatures

        assert facts.reason == "its certificate expired on 2025-01-01"

    def test_a_time_to_come_proves_nothing(self) -> None:
        brief = issue("Brief", number=4, issuer=ROOT, valid_until=datetime(2025, 1, 1, tzinfo=UTC))

        (facts,) = opened(sealed(brief, signing_time=MOMENT + timedelta(days=400)), ROOT).signatures

        assert facts.reason == "its certificate expired on 2025-01-01"


def sealed_parts(**more: Any) -> dict[str, Any]:
    """A SignedData in its parts, to be changed and sealed again."""
    signers = more.get("signers", ())
    inner = signed_fields(
        FILE, [by(CLINIC), *signers], "sha256", 0, more.get("signed_attributes", True), None,
        (False, False),
    )  # fmt: skip
    infos = [cms.SignerInfo.load(one.dump()) for one in cms.SignerInfos.load(inner[4])]
    return {"head": inner[:3], "certificates": inner[3], "signers": infos}


def changed(parts: dict[str, Any], change: Any) -> bytes:
    """An envelope around a SignedData whose parts were changed."""
    change(parts)
    signers = [one if isinstance(one, bytes) else one.dump(force=True) for one in parts["signers"]]
    inner = tlv(0x30, *parts["head"], parts["certificates"], tlv(0x31, *signers))
    envelope = make_envelope(
        inner, password=WORDS, iterations=1000, salt=b"8 octets", form="id_data_bare"
    )
    data = bytes.fromhex("06092a864886f70d010701")
    return envelope.replace(data, data[:-1] + b"\x02", 1)


def changed_signer(change: Any, **more: Any) -> bytes:
    """An envelope whose first signer, the clinic, was changed after it had signed."""

    def change_first(parts: dict[str, Any]) -> None:
        for info in parts["signers"]:
            serial = info["sid"].chosen["serial_number"].native
            if serial == CLINIC.certificate.serial_number:
                change(info)

    return changed(sealed_parts(**more), change_first)


def unsorted(signed_sorted: bool) -> Any:
    """Write the signed attributes the other way round; sign them sorted, or as they stand."""

    def change(parts: dict[str, Any]) -> None:
        (info,) = parts["signers"]
        elements = sorted(one.dump() for one in info["signed_attrs"])
        ordered, turned = b"".join(elements), b"".join(elements[::-1])
        signed = tlv(0x31, ordered if signed_sorted else turned)
        info["signature"] = CLINIC.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        written = info.dump(force=True)
        assert written.count(ordered) == 1
        parts["signers"] = [written.replace(ordered, turned)]

    return change


def resigned(change: Any, time: bytes) -> Any:
    """Change the attributes, put `time` for the time of signing, and sign that."""

    def change_and_sign(parts: dict[str, Any]) -> None:
        (info,) = parts["signers"]
        change(info)
        elements = sorted(
            tlv(0x30, one["type"].dump(), tlv(0x31, time))
            if one["type"].native == "signing_time"
            else one.dump()
            for one in info["signed_attrs"]
        )
        signed = tlv(0x31, *elements)
        before = info["signed_attrs"].dump(force=True)
        info["signature"] = CLINIC.key.sign(signed, padding.PKCS1v15(), hashes.SHA256())
        written = info.dump(force=True)
        assert written.count(before) == 1
        whole = written.replace(before, b"\xa0" + signed[1:])
        head = 4 if whole[1] == 0x82 else 3
        parts["signers"] = [tlv(0x30, whole[head:])]

    return change_and_sign


def named_by_key(info: cms.SignerInfo) -> None:
    """Name the signer by key identifier."""
    der = CLINIC.certificate.extensions.get_extension_for_class(x509.SubjectKeyIdentifier)
    info["version"] = "v3"
    info["sid"] = cms.SignerIdentifier({"subject_key_identifier": der.value.digest})


def without_certificates() -> bytes:
    """A signed envelope that brings no certificate."""
    return changed(sealed_parts(), lambda parts: parts.update(certificates=b""))


def impostor() -> Identity:
    """A certificate with issuer and serial number of the clinic's and another key."""
    other = issue("x", number=9)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(CLINIC.certificate.subject)
        .issuer_name(CLINIC.certificate.issuer)
        .public_key(other.key.public_key())
        .serial_number(CLINIC.certificate.serial_number)
        .not_valid_before(CLINIC.certificate.not_valid_before_utc)
        .not_valid_after(CLINIC.certificate.not_valid_after_utc)
        .sign(other.key, hashes.SHA256())
    )
    return Identity(other.key, certificate)


def test_the_parts_that_tests_change_are_a_good_envelope() -> None:
    """Otherwise what they find could be the helpers' fault."""
    told = opened(changed(sealed_parts(), lambda _: None), ROOT)

    assert told.signatures[0].signature is Signature.TRUSTED
