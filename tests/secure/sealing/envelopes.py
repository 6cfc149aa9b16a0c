"""Opens envelopes with asn1crypto, all in memory: not the way that the station opens them."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

from asn1crypto import cms
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

from mediastation.model.secrecy import ContentKey
from mediastation.secure.sealing.sealer import Sealed, Sealer

CONTENTS = {"digested_data": cms.DigestedData, "signed_data": cms.SignedData}


@dataclass(frozen=True)
class Taken:
    """An envelope taken apart: its EnvelopedData, the frame inside, and the file in that."""

    enveloped: Any
    inner: Any
    inner_octets: bytes
    file: bytes

    @property
    def entries(self) -> list[Any]:
        """The chosen alternatives of the recipient infos."""
        return [entry.chosen for entry in self.enveloped["recipient_infos"]]

    @property
    def password_entry(self) -> Any:
        """The only PasswordRecipientInfo."""
        (entry,) = (one for one in self.enveloped["recipient_infos"] if one.name == "pwri")
        return entry.chosen


def seal(sealer: Sealer, file: bytes) -> tuple[bytes, Sealed]:
    """Seal octets and return the envelope and what was said of it."""
    output = io.BytesIO()
    sealed = sealer.seal(io.BytesIO(file), len(file), output.write)
    return output.getvalue(), sealed


def take_apart(envelope: bytes, key: ContentKey) -> Taken:
    """Decrypt with the content key; a wrong padding or length is an error."""
    info = cms.ContentInfo.load(envelope, strict=True)
    assert info["content_type"].native == "enveloped_data"
    enveloped = info["content"]
    content = enveloped["encrypted_content_info"]
    vector = content["content_encryption_algorithm"]["parameters"].native
    decryptor = Cipher(AES(key.octets), CBC(vector)).decryptor()
    unpadder = PKCS7(128).unpadder()
    padded = decryptor.update(content["encrypted_content"].native) + decryptor.finalize()
    octets = unpadder.update(padded) + unpadder.finalize()
    inner = CONTENTS[content["content_type"].native].load(octets, strict=True)
    return Taken(enveloped, inner, octets, inner["encap_content_info"]["content"].native or b"")


def open_digested(envelope: bytes, key: ContentKey) -> bytes:
    """Return the file of an envelope with DigestedData whose digest is right."""
    taken = take_apart(envelope, key)
    name = taken.inner["digest_algorithm"]["algorithm"].native
    assert taken.inner["digest"].native == hashlib.new(name, taken.file).digest()
    return taken.file
