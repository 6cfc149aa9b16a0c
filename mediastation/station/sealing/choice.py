"""Who is to open what will be sealed, as somebody chooses it: certificates, and a password."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.errors import SecrecyError
from mediastation.model.browsing import StudyRow
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.model.secrecy import CertificateName, Password

if TYPE_CHECKING:
    from mediastation.model.finding import Finding
    from mediastation.station.exporting.request import ExportRequest
    from mediastation.station.station import Station

SEALS_FILES = Security.MEDIA
"""Profiles that take a password besides certificates."""


@dataclass(frozen=True, slots=True)
class CertificateRow:
    """A certificate as somebody looks at it before anything is sealed for it.

    Parameters
    ----------
    path : Path
        The file.
    is_escrow : bool
        Whether it is the site's own, which opens everything that is sealed here.
    name : CertificateName or None
        Whose it is; None where it cannot be used.
    key_bits : int
        Length of its key.
    trouble, hint : str
        Why it cannot be used, and what to do; empty if it can.
    """

    path: Path
    is_escrow: bool = False
    name: CertificateName | None = None
    key_bits: int = 0
    trouble: str = ""
    hint: str = ""

    @property
    def title(self) -> str:
        """What the certificate is called in a list: its subject, or its file."""
        return self.name.subject if self.name is not None else self.path.name


def look_at_certificates(station: Station, paths: Sequence[Path]) -> list[CertificateRow]:
    """Return what `paths` hold, in their order, and the site's escrow behind them."""
    today = datetime.fromtimestamp(station.clock.now(), UTC)
    rows = [_look_at(path, today) for path in paths]
    if (escrow := station.settings.secure.escrow) is not None:
        rows.append(_look_at(escrow, today, is_escrow=True))
    return rows


def _look_at(path: Path, today: datetime, *, is_escrow: bool = False) -> CertificateRow:
    from mediastation.secure.sealing.recipients import (  # noqa: PLC0415 - not for the first paint
        public_key_of,
        read_recipient,
    )

    try:
        recipient = read_recipient(path, today)
        bits = public_key_of(recipient.der).key_size
    except SecrecyError as fault:
        return CertificateRow(path, is_escrow, trouble=fault.message, hint=fault.hint)
    return CertificateRow(path, is_escrow, recipient.name, bits)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a typed password is worth.

    Parameters
    ----------
    password : Password
        What to seal with: one of ours as it was made, however it was typed.
    words : int
        Words of one of ours, without the checksum word; 0 for any other.
    bits : float
        How hard it is to guess.
    least_bits : int
        What this station asks for.
    trouble : str
        Why it is refused, without any word of it; empty if it may be used.
    """

    password: Password
    words: int
    bits: float
    least_bits: int
    trouble: str = ""


def judge_password(station: Station, password: Password, personal: Sequence[str] = ()) -> Judgement:
    """Tell what a password that is to seal something is worth.

    Parameters
    ----------
    personal : sequence of str
        What it may not be made of, as in `personal_of`.
    """
    from mediastation.secure import passphrase  # noqa: PLC0415 - not for the first paint

    least_bits = station.settings.secure.least_bits
    checked = passphrase.read_words(password)
    bits = passphrase.strength_bits(checked.password, personal)
    trouble = ""
    try:
        passphrase.require_typed_right(password)
        passphrase.require_strong(checked.password, least_bits, personal)
    except SecrecyError as fault:
        trouble = fault.message
    return Judgement(checked.password, checked.words, bits, least_bits, trouble)


def slip_in(station: Station, password: Password) -> str:  # noqa: ARG001 - called through a desk
    """Return what looks mistyped in a password that exists already; empty if nothing does."""
    from mediastation.secure.passphrase import read_words  # noqa: PLC0415

    return read_words(password).trouble


def new_password(station: Station, personal: Sequence[str] = ()) -> Password:
    """Return a passphrase of words drawn at random, strong enough for this station."""
    from mediastation.secure.passphrase import make_passphrase, words_for  # noqa: PLC0415

    words = words_for(station.settings.secure.least_bits)
    return Password(make_passphrase(words, personal=personal))


def personal_of(studies: Iterable[StudyRow]) -> tuple[str, ...]:
    """Return what of the patients no password may be made of."""
    values = {
        value
        for study in studies
        for value in (
            study.patient_name,
            study.patient_id,
            study.patient_birth_date,
            study.accession_number,
        )
        if value
    }
    return tuple(sorted(values))


def takes_password(profile: ApplicationProfile) -> bool:
    """Tell whether a password opens what a profile seals: mail programs take none."""
    return profile.security is SEALS_FILES


def sheet_place(station: Station, job: int) -> Path:
    """Return where the sheet with the password of a job is put if nobody says otherwise."""
    folder = station.settings.images or station.home / "images"
    return folder / f"job-{job}-password.pdf"


def put_on_sheet(
    station: Station, path: Path, password: Password, request: ExportRequest, job: int
) -> tuple[Finding, ...]:
    """Write the sheet that tells the recipient the password, nowhere near the medium.

    What could not be printed is returned.

    Raises
    ------
    ConfigError
        If it would lie on the medium, or the file exists.
    """
    from mediastation.station.sealing.recipient_sheet import (  # noqa: PLC0415 - loads fonts
        require_sheet_place,
        write_sheet,
    )

    require_sheet_place(path, request)
    if path == sheet_place(station, job):
        with disk_trouble_told(station.home):
            make_private_folder(path.parent)
    return write_sheet(station, path, password, request, (), job)
