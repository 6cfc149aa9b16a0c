"""How an export is sealed: for whom and with what, decided before anything is planned."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from mediastation.config import SecureRules
from mediastation.errors import ConfigError, RefusedError, SecrecyError
from mediastation.model.file_id import MAX_FILE_SET_ID, file_set_id_from
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.identity import PatientIdentity
from mediastation.model.name_spelling import typed_words
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.model.secrecy import ContentCipher, Digest, Password
from mediastation.secure.opening.ber import BerError
from mediastation.secure.opening.certificates import read_certificate
from mediastation.secure.passphrase import read_words
from mediastation.secure.personal import PersonalData
from mediastation.secure.sealing.mail import SignedEntity
from mediastation.secure.sealing.recipients import Recipient, read_recipient
from mediastation.secure.sealing.sealer import Sealer
from mediastation.secure.sealing.signer import Signer, read_signer
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.password_question import password_needed
from mediastation.station.sealing.password_file import read_password_file
from mediastation.station.station import Station

_NEUTRAL_ID = "SECURE_"
_SHORT = 2
_WHICH = "What password is the medium to be sealed with?"
_SHEET_TELLS = (
    "It is kept in memory only, and has to be given again after a restart. Where a sheet was "
    "printed for this job, give the one that it tells: its recipient gets no other."
)
_STANDS_IN = "what is only planned needs no password"
"""Takes as much room in an envelope as any other."""


@dataclass(frozen=True, slots=True)
class Sealing:
    """What the files of an export, or its e-mail, are sealed with.

    Parameters
    ----------
    sealer : Sealer
        Seals.
    security : Security
        Whether each file is sealed, or the e-mail as a whole.
    recipients : tuple of Recipient
        Who opens it with a key, the escrow of the site included.
    password : Password or None
        What opens it besides.
    signer : Signer or None
        Who signs it; only a digest protects it otherwise.
    cipher : ContentCipher
        How it is encrypted.
    """

    sealer: Sealer
    security: Security
    recipients: tuple[Recipient, ...]
    password: Password | None = field(repr=False)
    signer: Signer | None
    cipher: ContentCipher

    @property
    def opened_by(self) -> tuple[str, ...]:
        """What opens it: ``password``, and the subjects of certificates."""
        named = tuple(recipient.name.subject for recipient in self.recipients)
        return ("password", *named) if self.password is not None else named

    @property
    def seals_files(self) -> bool:
        """Whether every DICOM file has an envelope of its own (PS3.15 D.1)."""
        return self.security is Security.MEDIA

    def bytes_on_medium(self, size_bytes: int) -> int:
        """Return how many bytes a DICOM file of so many takes on the medium."""
        return self.sealer.sealed_bytes(size_bytes) if self.seals_files else size_bytes

    @property
    def growth_bytes(self) -> int:
        """How much larger, at most, a file becomes: lengths and padding differ by some octets."""
        return self.bytes_on_medium(1 << 40) - (1 << 40) + 32 if self.seals_files else 0


def is_sealed(request: ExportRequest, profile: ApplicationProfile) -> bool:
    """Tell whether what the request makes is sealed."""
    return profile.security is not Security.NONE and not request.unsealed


def require_recipients(request: ExportRequest, profile: ApplicationProfile) -> None:
    """Raise where somebody is to open what is not sealed, or nobody could open what is.

    Raises
    ------
    ConfigError
        If the profile seals nothing.
    SecrecyError
        If neither a recipient nor a password was named.
    """
    named = bool(request.recipients or request.with_password)
    if not is_sealed(request, profile):
        if named:
            raise ConfigError(
                f"{profile.name} seals nothing, so nobody needs a password or key for it."
                if profile.security is Security.NONE
                else "What is left unsealed needs no password and no recipient.",
                "Choose a profile with SEC in its name, such as STD-GEN-SEC-USB-JPEG."
                if profile.security is Security.NONE
                else "Leave --unsealed out.",
            )
        return
    if profile.security is Security.MAIL and not request.recipients and not request.plan_only:
        raise SecrecyError(
            f"{profile.name} is encrypted for certificates: mail programs take no password.",
            "Name the recipient's certificate with --recipient CERT.pem.",
        )
    if not named and not request.plan_only:
        raise SecrecyError(
            f"{profile.name} seals every file, and nobody was named who may open them: nothing "
            "was written.",
            "Give --password-file FILE (`mediastation passphrase --output FILE` makes one), "
            "--recipient CERT.pem, or both.",
        )


def prepare_sealing(
    station: Station,
    request: ExportRequest,
    profile: ApplicationProfile,
    password: Password | None,
) -> Sealing | None:
    """Return what seals an export; None where nothing is sealed.

    Raises
    ------
    DecisionError
        If its password has to be given first, or was mistyped.
    SecrecyError
        If a certificate or the site's key cannot be used.
    """
    if not is_sealed(request, profile):
        return None
    if password is not None:
        password = _as_made(password)
    elif request.with_password:
        if not request.plan_only:
            raise password_needed(_WHICH, _SHEET_TELLS)
        password = Password(_STANDS_IN)
    rules = station.settings.secure
    # Certificates count as of today, whatever moment the medium bears.
    today = datetime.fromtimestamp(station.clock.now(), UTC)
    named = [read_recipient(path, today) for path in request.recipients]
    _require_same_people(request, named)
    escrow = [read_recipient(rules.escrow, today)] if rules.escrow else []
    recipients = _without_twins([*named, *escrow])
    if not recipients and password is None:
        password = Password(_STANDS_IN)  # only a plan comes as far as here
    signer = None
    if rules.signing_key is not None and rules.signing_certificate is not None:
        key_password = None
        if rules.signing_key_password_file is not None:
            key_password = read_password_file(rules.signing_key_password_file)
        signer = read_signer(rules.signing_key, rules.signing_certificate, today, key_password)
        _require_provable(signer, rules.signing_certificate)
    if profile.security is Security.MAIL and signer is None:
        raise SecrecyError(
            f"{profile.name} is signed by its sender, and this station has no key to sign with.",
            "Set signing_key and signing_certificate under [secure] in the settings.",
        )
    cipher = ContentCipher(rules.cipher)
    # What an envelope of a mail holds is a message again, and that is signed.
    frame = None
    if profile.security is Security.MAIL and signer is not None:
        frame = SignedEntity(signer, Digest(rules.digest), station.clock.moment())
    sealer = Sealer(
        recipients,
        password,
        moment=station.clock.moment(),
        signer=signer,
        cipher=cipher,
        digest=Digest(rules.digest),
        derivation=Digest(rules.derivation),
        iterations=rules.iterations,
        frame=frame,
    )
    return Sealing(sealer, profile.security, recipients, password, signer, cipher)


def describe_sealing(
    sealing: Sealing, medium: str, included: Collection[str] = ()
) -> Iterator[Finding]:
    """Yield what has to be known of a sealed medium: who opens it, how the password travels.

    And what of it everybody reads: the `included` folders of the site.
    """
    opens = [f"the key of {recipient.name.subject}" for recipient in sealing.recipients]
    if sealing.password is not None:
        opens.insert(0, "the password")
    how = f"signed by {sealing.signer.name.subject}" if sealing.signer else "protected by a digest"
    yield note(
        "sealed-for",
        medium,
        f"It is opened with {'; or with '.join(opens)}.",
        f"The content is encrypted with {sealing.cipher.text} and {how}.",
        "PS3.15 D.1" if sealing.seals_files else "PS3.15 B.8",
    )
    if included and sealing.seals_files:
        yield warning(
            "included-in-clear",
            ", ".join(included),
            "What --include adds is not sealed: whoever finds the medium can read it.",
            "See that nothing in it tells of a patient.",
            "PS3.15 D.1",
        )
    if sealing.password is not None:
        yield note(
            "password-apart",
            medium,
            "Whoever has the password opens everything on the medium.",
            "Give it by another way than the medium: by hand, by telephone, on a sheet of its "
            "own; never in the same envelope, and never written on the disc.",
            "PS3.15 D.1.1",
        )


def opens_in_browser(rules: SecureRules) -> bool:
    """Tell whether browsers know how files are sealed here: WebCrypto has no AES-192."""
    return ContentCipher(rules.cipher) is not ContentCipher.AES_192


def neutral_file_set_id(job: int) -> str:
    """Return what a sealed File-set is called, which everybody can read on the medium."""
    return f"{_NEUTRAL_ID}{job}"[:MAX_FILE_SET_ID]


def require_neutral_label(
    label: str, people: Iterable[PatientIdentity], accession_numbers: Iterable[str] = ()
) -> None:
    """Raise `RefusedError` where the label of a sealed medium would tell whose it is.

    It is looked at as it is written, where letters have lost their marks; so
    ``MULLER`` and ``MUELLER`` both tell of Müller. A name of two letters counts
    where it stands alone.
    """
    written = file_set_id_from(label).lower()
    squeezed = written.replace("_", "")
    people = list(people)
    # The sign of a name keeps one with a digit in it from being taken for an identifier.
    values = [f"{person.name}^" for person in people] + list(accession_numbers)
    values += [value for person in people for value in (person.patient_id, person.birth_date)]
    personal = PersonalData.of(values)
    short = {word for person in people for word in typed_words(person.name) if len(word) == _SHORT}
    if not (
        personal.found_in(written)
        or personal.found_in(squeezed)
        or short.intersection(written.split("_"))
    ):
        return
    finding = error(
        "label-names-patient",
        label,
        "The label would tell whose the sealed medium is: everybody can read it.",
        "Leave --label out, or take one without name, ID, birth date and accession number.",
        "PS3.15 D.1",
    )
    raise RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)


def with_digests(station: Station, request: ExportRequest) -> ExportRequest:
    """Return a request that names whose certificates they are, for a job that comes later.

    Files with certificates lie on sticks, and a stick may be another one by then.

    Raises
    ------
    SecrecyError
        If one of them cannot be used.
    """
    today = datetime.fromtimestamp(station.clock.now(), UTC)
    named = [read_recipient(path, today).name.sha256 for path in request.recipients]
    return replace(request, recipient_digests=tuple(named))


def _require_same_people(request: ExportRequest, named: Sequence[Recipient]) -> None:
    if not request.recipient_digests:
        return
    for path, recipient, digest in zip(
        request.recipients, named, request.recipient_digests, strict=True
    ):
        if recipient.name.sha256 != digest:
            raise SecrecyError(
                f"{path} holds another certificate than when the export was asked for: now it is "
                f"that of {recipient.name.subject}. Nothing was written.",
                "Put the right one back and begin the job again; or give the export anew, if it "
                "is to be for this one.",
            )


def _require_provable(signer: Signer, path: Path) -> None:
    """Raise `SecrecyError` where nobody here could check what the site signs."""
    try:
        for der in signer.chain:
            read_certificate(der)
    except BerError as fault:
        raise SecrecyError(
            f"{path} holds a certificate whose signatures are not believed here: {fault}.",
            "Have a certificate issued that is as RFC 5280 has it, for the key that signs.",
        ) from fault


def _as_made(password: Password) -> Password:
    """Return the octets to seal with: of one of our passphrases those that its sheet tells.

    Whoever is asked for it again may type it with capitals, or with a slip.
    """
    checked = read_words(password)
    if checked.trouble:
        raise password_needed(f"{checked.trouble} {_WHICH}", _SHEET_TELLS)
    return checked.password


def _without_twins(recipients: Iterable[Recipient]) -> tuple[Recipient, ...]:
    """Return each certificate once: the escrow may have been named besides."""
    return tuple({recipient.name.sha256: recipient for recipient in recipients}.values())
