"""Signed and encrypted e-mails: headers and layers that contradict each other.

The first byte of an input says what the rest is: a whole message, or what lies
encrypted in one, which is sealed anew when it is run.
"""

from __future__ import annotations

import base64
import hashlib
import os
from pathlib import Path
from random import Random
from unittest import mock

from asn1crypto import core

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Severity
from mediastation.model.secrecy import Signature
from mediastation.reading.contract import Volume
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.zip_volume import DEFLATE_RATIO
from mediastation.secure.opening.certificates import of_library
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume, open_secure_mail
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.shut_mail import ShutMailVolume, open_mail_without_key
from mediastation.secure.opening.trust import TrustStore
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.images import NAME, opened
from tests.fuzz.targets.mime import MimeTarget
from tests.fuzz.targets.zip import ZipTarget
from tests.support.certificates import MOMENT, issue
from tests.support.envelopes import (
    ID_DATA,
    SIGNED_DATA,
    content_info,
    make_envelope,
    signed_fields,
    tlv,
)

_KEY = bytes(range(32))
_INSIDE = 1
_NO_CHAIN: tuple[()] = ()
_HEADERS = (
    b"Content-Type: application/pkcs7-mime; smime-type=enveloped-data",
    b"Content-Type: application/x-pkcs7-mime; smime-type=signed-data; name=smime.p7m",
    b"Content-Type: multipart/signed; protocol=application/pkcs7-signature; boundary=S",
    b"Content-Type: multipart/signed; protocol=application/x-pkcs7-signature; boundary=B",
    b"Content-Type: application/octet-stream; name=smime.p7m",
    b"Content-Type: application/pkcs7-signature", b"Content-Type: message/rfc822",
    b"Content-Transfer-Encoding: binary", b"Content-Transfer-Encoding: base64",
)  # fmt: skip


class SecureMailTarget:
    """The layers around an e-mail, and the e-mail."""

    name = "secure-mail"
    roots: tuple[str, ...] = ("secure/opening/mail", "reading/mime")
    most_bytes = 1 << 17

    def __init__(self) -> None:
        clinic = issue("Clinic", number=1, bits=1024)
        self._signer = clinic.key, clinic.certificate, _NO_CHAIN
        self._opener = Opener(
            KeyRing(content_keys={os.fspath(NAME): _KEY}),
            trust=TrustStore([of_library(clinic.certificate)]),
            moment=MOMENT,
        )
        self._stranger = Opener(KeyRing(), moment=MOMENT)
        self._mail = _mail()
        self._signed = {hashlib.sha256(self._mail).hexdigest()}

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """Signed in clear and opaquely, encrypted, both, and what lies in the encrypted ones."""
        clear, opaque = self._clear(self._mail), self._opaque(self._mail)
        encrypted = _message(_sealed(clear))
        messages = [clear, opaque, encrypted, _message(_sealed(opaque)), self._opaque(encrypted)]
        messages.append(self._clear(encrypted))
        self._signed.add(hashlib.sha256(encrypted).hexdigest())
        streamed = clear.replace(b"\r\n", b"\n")
        insides = [bytes((_INSIDE,)) + one for one in (clear, opaque, self._mail)]
        return [*insides, *(b"\0" + one for one in (*messages, streamed))]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil it as any entity, or put the header of another layer in."""
        if rng.random() < 0.7:
            return data[:1] + MimeTarget().mutate(rng, data[1:], other[1:])
        lines = data[1:].splitlines(keepends=True)
        heads = [place for place, line in enumerate(lines) if line[:8] == b"Content-"] or [0]
        place = rng.choice(heads)
        lines[place : place + rng.randrange(2)] = [rng.choice(_HEADERS) + b"\r\n"]
        return (data[:1] + b"".join(lines))[: self.most_bytes]

    def run(self, data: bytes) -> set[str]:
        """Open it, read all of it; what bears a trusted signature has to be what was signed.

        Then once more as somebody who has no key.
        """
        message = _message(_sealed(data[1:])) if data[:1] == bytes((_INSIDE,)) else data[1:]
        most_bytes = DEFLATE_RATIO * len(message)
        said = opened(self._open, message, self._look, most_bytes=most_bytes)
        shut = opened(self._open_without_key, message, self._look_shut, most_bytes=most_bytes)
        return said | {f"without key: {one}" for one in shut}

    def _open(self, path: Path, access_opener: AccessOpener) -> Volume:
        try:
            return open_secure_mail(path, self._opener, Path("/nowhere"), access_opener)
        except SecrecyError as fault:
            require_findings(getattr(fault, "findings", ()))
            raise MediaError(fault.message, fault.hint) from fault

    def _open_without_key(self, path: Path, access_opener: AccessOpener) -> Volume:
        try:
            return open_mail_without_key(path, self._stranger, Path("/nowhere"), access_opener)
        except SecrecyError as fault:
            require_findings(getattr(fault, "findings", ()))
            raise MediaError(fault.message, fault.hint) from fault

    def _look_shut(self, volume: Volume, said: set[str]) -> None:
        if not isinstance(volume, ShutMailVolume):
            self._look(volume, said)
            return
        require(not any(volume.iter_files()), "files come out of what stays shut")
        whole = any(one.rule == "enveloped" for one in volume.findings)
        damaged = any(one.severity is Severity.ERROR for one in volume.findings)
        require(whole is not damaged, "it is said neither to be shut nor to be damaged")

    def _look(self, volume: Volume, said: set[str]) -> None:
        assert isinstance(volume, SecureMailVolume)
        digested = volume.opened is not None and volume.opened.content is not None
        require(digested or bool(volume.signatures), "content is given that nothing proves")
        for one in volume.signatures:
            require_harmless(one.text, "signer")
            require(one.signature is not Signature.BROKEN, "content of a broken signature is given")
            if one.signature is Signature.TRUSTED:
                is_genuine = volume.entity_sha256 in self._signed
                require(is_genuine, "what was never signed is said to be")
            said.add(str(one.signature))

    def _clear(self, entity: bytes) -> bytes:
        fields = self._fields(entity)
        fields[2] = tlv(0x30, core.ObjectIdentifier(ID_DATA).dump())
        signature = content_info(SIGNED_DATA, tlv(0x30, *fields))
        return (
            b"MIME-Version: 1.0\r\nContent-Type: multipart/signed; "
            b"protocol=application/pkcs7-signature; boundary=S\r\n\r\n--S\r\n" + entity
            + b"\r\n--S\r\nContent-Type: application/pkcs7-signature\r\n"
            b"Content-Transfer-Encoding: base64\r\n\r\n"
            + base64.encodebytes(signature) + b"\r\n--S--\r\n"
        )  # fmt: skip

    def _opaque(self, entity: bytes) -> bytes:
        return _message(content_info(SIGNED_DATA, tlv(0x30, *self._fields(entity))))

    def _fields(self, entity: bytes) -> list[bytes]:
        return signed_fields(entity, [self._signer], "sha256", 0, True, MOMENT, (False, False))


def _mail() -> bytes:
    archive = base64.encodebytes(ZipTarget().seeds(None)[1]).replace(b"\n", b"\r\n")
    return (
        b"Subject: DICOM-ZIP\r\nContent-Type: application/zip; name=DICOM.ZIP\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + archive
    )


def _message(envelope: bytes) -> bytes:
    return (
        b"MIME-Version: 1.0\r\nContent-Type: application/pkcs7-mime; name=smime.p7m\r\n"
        b"Content-Transfer-Encoding: base64\r\n\r\n" + base64.encodebytes(envelope)
    )


def _sealed(entity: bytes) -> bytes:
    """An envelope for nobody; the key is at hand."""
    with mock.patch("os.urandom", bytes):
        return make_envelope(entity, form="id_data_bare", content_key=_KEY)
