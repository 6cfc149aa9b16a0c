"""Takes files out of secure envelopes (PS3.15 D.1), in constant memory, and proves them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import BinaryIO

from mediastation.errors import SecrecyError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.secrecy import Content, ContentCipher, Digest, Signature
from mediastation.secure.opening import oids
from mediastation.secure.opening.ber import BerError, BerReader, gathered
from mediastation.secure.opening.content import (
    FRONT_BYTES,
    ContentReader,
    Form,
    IsBare,
    Nesting,
    Proofs,
    is_dicom,
    iter_decrypted,
    named_content,
)
from mediastation.secure.opening.content_key import ContentKeys
from mediastation.secure.opening.envelope import (
    REFERENCE,
    Head,
    bad_envelope,
    check_head,
    iter_chunks,
    iter_encrypted,
    read_head,
    read_tail,
)
from mediastation.secure.opening.errors import BadEnvelopeError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.secure.opening.signatures import (
    SignatureCheck,
    SignatureFacts,
    iter_signature_findings,
)
from mediastation.secure.opening.trust import TrustStore
from mediastation.secure.opening.unwrapping import content_decryptor

MAX_ITERATIONS = 20_000_000
"""How often passwords are stretched for one envelope at the most: some ten seconds."""

_PIECE_BYTES = 1 << 16


@dataclass(frozen=True, slots=True)
class Opened:
    """What came out of an envelope: it is whole, and what is told here is proved.

    Parameters
    ----------
    size_bytes : int
        Of the content.
    sha256 : str
        Of the content, in hexadecimal, whatever digest was in the envelope.
    content : Content or None
        What proved it; None only where nothing did, and the caller wanted it so.
    cipher : ContentCipher
        How it was encrypted.
    digest : Digest or None
        The digest that was in the envelope.
    opened_by : str
        ``password``, ``content key``, or the subject of the certificate.
    signatures : tuple of SignatureFacts
        Of signed content; none of them is broken.
    recipients : tuple of RecipientFacts
        For whom it was sealed.
    findings : tuple of Finding
        What was tolerated, and what the signatures are worth.
    """

    size_bytes: int
    sha256: str
    content: Content | None
    cipher: ContentCipher
    digest: Digest | None
    opened_by: str
    signatures: tuple[SignatureFacts, ...]
    recipients: tuple[RecipientFacts, ...]
    findings: tuple[Finding, ...]


class Opener:
    """Opens envelopes with the keys at hand; threads may share it.

    Parameters
    ----------
    ring : KeyRing
        Passwords and keys.
    trust : TrustStore or None
        Whose signatures are believed; without it every signer is unknown.
    moment : datetime
        When certificates must be valid, with its zone.
    max_iterations : int
        How often passwords are stretched for one envelope at the most.
    """

    def __init__(
        self,
        ring: KeyRing,
        *,
        trust: TrustStore | None = None,
        moment: datetime,
        max_iterations: int = MAX_ITERATIONS,
    ) -> None:
        if moment.tzinfo is None:
            raise ValueError("a moment without a zone is none")
        self._keys = ContentKeys(ring, max_iterations)
        self._trust = trust
        self._moment = moment

    def open(
        self,
        stream: BinaryIO,
        size_bytes: int,
        write: Callable[[bytes], object],
        name: str,
        *,
        allow_unproved: bool = False,
        is_bare: IsBare = is_dicom,
    ) -> Opened:
        """Hand what is in an envelope to `write`, piece by piece.

        What was written is only to be believed when this returns: the proof
        comes last. On any error it has to be thrown away.

        Parameters
        ----------
        stream : binary stream
            At the envelope's first byte; read once, never set back.
        size_bytes : int
            How long the file is; what comes behind is not read.
        write : callable
            Takes the content. What it raises goes through.
        name : str
            What the file is called in errors and findings, and in `KeyRing`.
        allow_unproved : bool
            Whether a DICOM file is given out too that lies in its envelope
            without any proof. That is for an operator to decide.
        is_bare : callable
            Tells by its beginning whether content that lies so is what it is to
            be: no key can be told to be the right one otherwise.

        Raises
        ------
        WrongKeyError
            If nothing at hand opens it; says for whom it was sealed.
        BadEnvelopeError
            If it is no envelope, damaged, or its content was changed.
        MediaError
            If the stream cannot be read.
        """
        reader = BerReader(iter_chunks(stream, size_bytes, name), size_bytes)
        try:
            session = self._begin(reader, name, size_bytes, is_bare)
            if session.form.content is None and not allow_unproved:
                raise _unproved(name, "the file lies in it without digest or signature")
            proofs = ContentReader(session.plain, session.form).read(write)
            trailing = read_tail(reader)
        except BerError as fault:
            raise bad_envelope(name, fault) from None
        signatures = self.judge(proofs, name) if session.form.content is Content.SIGNED else ()
        said = (
            *check_head(session.head, name),
            *_check_content(session, proofs, trailing, name),
            *iter_signature_findings(signatures, name),
        )
        return Opened(
            proofs.size_bytes,
            proofs.digests[Digest.SHA_256].hex(),
            session.form.content,
            session.cipher,
            proofs.digest,
            session.opened_by,
            signatures,
            session.head.recipients,
            said,
        )

    def content_bytes(self, stream: BinaryIO, size_bytes: int, name: str = "") -> int | None:
        """Return how long the content is by its own word, from its head.

        None where it does not say, or where nothing at hand opens it. Nothing
        is proved.

        Raises
        ------
        MediaError
            If the stream cannot be read.
        """
        reader = BerReader(iter_chunks(stream, size_bytes, name), size_bytes)
        try:
            session = self._begin(reader, name, size_bytes)
            return ContentReader(session.plain, session.form).content_bytes()
        except (BerError, SecrecyError):
            return None

    def _begin(
        self, reader: BerReader, name: str, size_bytes: int, is_bare: IsBare = is_dicom
    ) -> _Session:
        head = read_head(reader)
        named = named_content(head.content_type)
        if head.cipher is None:
            raise BerError(f"it is encrypted with {head.cipher_name}, which is not opened here")
        pieces = iter_encrypted(reader)
        front = next(gathered(pieces, FRONT_BYTES), b"")
        found = self._keys.find(head, head.cipher, front, named, name, is_bare)
        decryptor = content_decryptor(head.cipher, found.key, head.iv)
        decrypted = iter_decrypted(
            chain((front,), gathered(pieces, _PIECE_BYTES)), decryptor, head.cipher.block_bytes
        )
        plain = BerReader(decrypted, size_bytes)
        return _Session(head, head.cipher, found.form, found.opened_by, plain)

    def judge(self, proofs: Proofs, name: str) -> tuple[SignatureFacts, ...]:
        """Return what the signatures of signed content are worth.

        Raises
        ------
        BadEnvelopeError
            If there is none, or one is broken.
        """
        if not proofs.signers:
            raise _unproved(name, "it is called signed, and nobody signed it")
        check = SignatureCheck(
            proofs.digests, proofs.content_type, proofs.certificates, self._trust, self._moment
        )
        facts = tuple(map(check.judge, proofs.signers))
        broken = [one for one in facts if one.signature is Signature.BROKEN]
        if broken:
            raise BadEnvelopeError(
                f"{name} cannot be opened: the signature of {broken[0].text} is broken: "
                f"{broken[0].reason}.",
                "Ask the sender for the file again.",
                tuple(iter_signature_findings(facts, name)),
            )
        return facts


@dataclass(frozen=True, slots=True)
class _Session:
    """An envelope whose key was found."""

    head: Head
    cipher: ContentCipher
    form: Form
    opened_by: str
    plain: BerReader


_ODD_NESTING = {
    Nesting.CONTENT_INFO: "a second wrapping (ContentInfo) lies around its content",
    Nesting.OCTETS: "the outer wrapping of its content is missing",
    Nesting.DATA: "it says that it holds just data, as envelopes for mail do",
}


def _check_content(
    session: _Session, proofs: Proofs, trailing: int, name: str
) -> Iterator[Finding]:
    nesting = session.form.nesting
    if nesting in _ODD_NESTING:
        yield warning(
            "envelope-nesting", name,
            f"It was opened, but {_ODD_NESTING[nesting]}: other programs may not open it.",
            "Tell the sender.", REFERENCE,
        )  # fmt: skip
    if nesting is Nesting.BARE:
        yield error(
            "envelope-unproved", name,
            "The file lies in it without digest or signature: nobody can tell whether it was "
            "changed.",
            "Ask the sender for an envelope as PS3.15 D.1 has it.", REFERENCE,
        )  # fmt: skip
    if proofs.content_type != oids.DATA:
        yield note(
            "envelope-content-type", name,
            f"It says that its content is {oids.name_of(proofs.content_type)}; a DICOM file is "
            "data.", "", REFERENCE,
        )  # fmt: skip
    if trailing or proofs.trailing_bytes:
        where = "behind the envelope" if trailing else "behind what is proved in it"
        yield warning(
            "envelope-trailing", name,
            f"{trailing or proofs.trailing_bytes:,} bytes lie {where}; they were left out.",
            "Tell the sender.", REFERENCE,
        )  # fmt: skip


def _unproved(name: str, why: str) -> BadEnvelopeError:
    return BadEnvelopeError(
        f"{name} was not opened: {why}, so that nobody can tell whether it was changed.",
        "Ask the sender for an envelope as PS3.15 D.1 has it, with a digest or a signature.",
    )
