"""What opens the envelopes of an outside medium: found out, asked for and tried before the scan.

A plain medium needs nothing, and nobody is asked. Of a sealed one it is known
within a moment for whom it is, and whether what is at hand opens it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mediastation.errors import MediaError, MediastationError, SecrecyError
from mediastation.importing.open_medium import open_medium
from mediastation.importing.sealed_sample import FEW_FILES, MOST_FILES, SealedSample, sample_medium
from mediastation.model.importing import OpenedEnvelope
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import looks_mime
from mediastation.station.password_question import password_needed
from mediastation.station.sealing.job_keys import IN_MEMORY, KEY_ONLY, JobKeys
from mediastation.station.station import Station

if TYPE_CHECKING:
    # Only who meets an envelope waits for cryptography to be loaded.
    from mediastation.secure.opening.opener import Opener
    from mediastation.secure.opening.recipients import RecipientFacts

_NAMED = 3
_GIVE = (
    "Give `mediastation import` the password with --password-file FILE, or the private key with "
    "--key KEY.pem."
)


@dataclass(frozen=True, slots=True)
class Unlocked:
    """A medium, open, and what it takes to read it.

    `volume` is the medium as it lies there, its envelopes shut; `opener` opens
    them, where there may be any, and `has_envelopes` tells that some were seen.
    Of an e-mail that was sealed as a whole `volume` is what was in it, and
    `mail` how it came out.
    """

    volume: Volume
    opener: Opener | None = None
    has_envelopes: bool = False
    mail: OpenedEnvelope | None = None
    is_secure_mail: bool = False


@dataclass(frozen=True, slots=True)
class SealedFor:
    """Whom a sealed medium is for: in words, and whether a password is among it."""

    told: str
    takes_password: bool


class ImportKeys:
    """What is at hand for one import, and what it takes.

    Parameters
    ----------
    station : Station
        Its settings say whose signatures are trusted.
    medium : Path
        What is imported.
    given : JobKeys
        What the job was given.
    """

    def __init__(self, station: Station, medium: Path, given: JobKeys) -> None:
        self._station = station
        self._medium = medium
        self._given = given

    @property
    def is_empty(self) -> bool:
        """Whether nothing is at hand."""
        return self._given.is_empty

    def require_in_drive(self) -> None:
        """Raise as `open` does, by a glance at a disc that is not copied yet.

        What the drive cannot read now is left to the copy.
        """
        with suppress(MediaError, OSError), open_medium(self._medium) as volume:
            self._opener_for(volume, sample_medium(volume, FEW_FILES))

    def open(self, place: Path, scratch: Path) -> Unlocked:
        """Open the medium that is read at `place`, and find what opens its envelopes.

        Parameters
        ----------
        place : Path
            A disc's copy, or the medium itself.
        scratch : Path
            Where what is in a sealed e-mail lies, in a file without a name.

        Raises
        ------
        MediaError
            If it cannot be read.
        SecrecyError
            If the medium is sealed, and nothing at hand opens it.
        DecisionError
            If a job in the queue needs a password for it.
        """
        if _may_be_mail(place):
            from mediastation.secure.opening.mail import is_secure_mail  # noqa: PLC0415

            if is_secure_mail(place):
                return self._open_mail(place, scratch)
        volume = open_medium(place)
        try:
            sample = sample_medium(volume)
            return Unlocked(volume, self._opener_for(volume, sample), bool(sample.envelopes))
        except BaseException:
            volume.close()
            raise

    def _open_mail(self, place: Path, scratch: Path) -> Unlocked:
        """Open an e-mail that is signed or encrypted as a whole (PS3.15 B.8)."""
        from mediastation.importing.unsealed import envelope_facts, require_room  # noqa: PLC0415
        from mediastation.secure.opening.errors import WrongKeyError  # noqa: PLC0415
        from mediastation.secure.opening.mail import (  # noqa: PLC0415
            mail_recipients,
            open_secure_mail,
        )

        reserve_bytes = self._station.settings.disk_reserve_bytes
        require_room(scratch, place.name, place.stat().st_size, reserve_bytes)
        try:
            volume = open_secure_mail(place, self._new_opener(), scratch)
        except WrongKeyError as fault:
            said = f"{fault.message} Nothing was imported."
            if self._given.asks:
                by_password = _whom(mail_recipients(place)).takes_password
                raise password_needed(said, IN_MEMORY if by_password else KEY_ONLY) from None
            raise SecrecyError(said, _GIVE) from None
        opened = volume.opened
        facts = envelope_facts(opened, volume.signatures) if opened is not None else None
        return Unlocked(volume, mail=facts, is_secure_mail=True)

    def _opener_for(self, volume: Volume, sample: SealedSample) -> Opener | None:
        """Return what opens the envelopes of `volume`; None where nothing is at hand or needed."""
        if not self.is_empty:
            return self._fitting(volume, sample)
        if sample.is_sealed:
            raise self._refusal(volume, sample.envelopes)
        return None

    def require_opening(self, volume: Volume, envelopes: tuple[VolumeFile, ...]) -> None:
        """Raise as `open` does, where the scan has found envelopes and opened none.

        That all of them are damaged is no reason: the findings say it.
        """
        if self.is_empty:
            raise self._refusal(volume, envelopes)
        self._fitting(volume, SealedSample(envelopes))

    def _fitting(self, volume: Volume, sample: SealedSample) -> Opener:
        """Return the opener; raise where a few envelopes for each recipient stay shut."""
        from mediastation.secure.opening.each_lock import iter_each_lock  # noqa: PLC0415
        from mediastation.secure.opening.errors import (  # noqa: PLC0415
            BadEnvelopeError,
            WrongKeyError,
        )

        opener = self._new_opener()
        is_wrong = False
        # Only where these stay shut does anybody look further: in a drive that costs time.
        in_drive = self._medium.is_block_device()
        further = (
            file
            for files in (sample.envelopes, volume.iter_files())
            for file in iter_each_lock(volume, tuple(files), in_drive=in_drive)
        )
        for file in further:
            try:
                with volume.open(file.path) as stream:
                    opener.open(stream, file.size_bytes, _nowhere, file.path)
            except WrongKeyError:
                is_wrong = True
            except (BadEnvelopeError, MediaError, OSError):
                continue  # the scan says which are damaged
            else:
                return opener
        if is_wrong:
            raise self._refusal(volume, sample.envelopes)
        return opener

    def _new_opener(self) -> Opener:
        from mediastation.secure.opening.opener import Opener  # noqa: PLC0415
        from mediastation.station.sealing.trust import read_site_trust  # noqa: PLC0415

        trust, moment = read_site_trust(self._station), self._station.clock.moment()
        return Opener(self._given.ring(), trust=trust, moment=moment)

    def _refusal(self, volume: Volume, envelopes: tuple[VolumeFile, ...]) -> MediastationError:
        """Return what stops the import of a medium that nothing at hand opens."""
        sealed = whom_for(volume, envelopes)
        said = f"{self._medium} is sealed for {sealed.told}. Nothing was imported."
        if not self.is_empty:
            said = f"What was given opens nothing on it: {said}"
        if self._given.asks:
            return password_needed(said, IN_MEMORY if sealed.takes_password else KEY_ONLY)
        if not self.is_empty:
            return SecrecyError(said, "Check the password or key, and give the command again.")
        if sealed.takes_password:
            return SecrecyError(said, _GIVE)
        return SecrecyError(said, "No password opens it: give that private key with --key KEY.pem.")


def _may_be_mail(place: Path) -> bool:
    """Tell whether a file may be an e-mail, or the envelope of one that was saved by itself.

    Of what cannot be read others say why.
    """
    if not place.is_file():
        return False
    try:
        with closing(RandomAccess(place)) as access:
            return looks_mime(access) or place.suffix.lower() == ".p7m"
    except (MediaError, OSError):
        return False


def look_for_seal(medium: Path) -> SealedFor | None:
    """Return whom a medium is sealed for; None where it is plain, or cannot be told now."""
    if _may_be_mail(medium):
        from mediastation.secure.opening.mail import mail_recipients  # noqa: PLC0415

        recipients = mail_recipients(medium)
        return _whom(recipients) if recipients else None
    with suppress(MediaError, OSError):
        few = FEW_FILES if medium.is_block_device() else MOST_FILES
        with open_medium(medium) as volume:
            sample = sample_medium(volume, few)
            if sample.is_sealed:
                return whom_for(volume, sample.envelopes)
    return None


def whom_for(volume: Volume, envelopes: tuple[VolumeFile, ...]) -> SealedFor:
    """Return whom some envelopes are for, together."""
    return _whom(one for _, recipients in _heads(volume, envelopes) for one in recipients)


def _whom(recipients: Iterable[RecipientFacts]) -> SealedFor:
    named = {one.text: one for one in recipients}
    told = list(named)[:_NAMED]
    if len(named) > _NAMED:
        told.append(f"{len(named) - _NAMED:,} more")
    takes_password = any(one.is_password and not one.unsupported for one in named.values())
    return SealedFor(" and ".join(told) or "somebody it does not name", takes_password)


def _heads(
    volume: Volume, envelopes: tuple[VolumeFile, ...]
) -> Iterator[tuple[VolumeFile, tuple[RecipientFacts, ...]]]:
    from mediastation.secure.opening.envelope import read_envelope  # noqa: PLC0415
    from mediastation.secure.opening.errors import BadEnvelopeError  # noqa: PLC0415

    for file in envelopes:
        try:
            with volume.open(file.path) as stream:
                head = read_envelope(stream, file.size_bytes, file.path)
        except (MediaError, OSError, BadEnvelopeError):
            continue
        yield file, head.recipients


def _nowhere(_data: bytes) -> None:
    """Take content that is not kept: whether it opens is the question."""
