"""Hold envelopes against their profile, and their content against record and manifest.

What may lie sealed, and for whom it is, envelopes tell themselves as they pass
by. With a password or key at hand each of them is opened besides; its content
goes nowhere, and no more of it is held than its front.
"""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from mediastation.errors import MediaError, SecrecyError
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.manifest import Manifest
from mediastation.model.profile import ApplicationProfile, Security
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.file_meta import HEAD_BYTES, is_enveloped, read_file_front
from mediastation.reading.findings import FindingLog
from mediastation.secure.opening.each_lock import iter_each_lock
from mediastation.secure.opening.envelope import read_envelope
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.opened_volume import OpenedVolume
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.verify.contents import fold_path
from mediastation.verify.links import Links
from mediastation.verify.openings import BAD_ENVELOPE, REFERENCE, OpeningLog, unreadable_file
from mediastation.verify.passing import FileRead

DICOMDIR = "DICOMDIR"
_MOST_GROUPS = 20
_TOLD_GROUPS = 3
_TOLD_RECIPIENTS = 4


class EnvelopeCheck:
    """Listens to a pass over a medium, for what is sealed on it and what is not.

    Parameters
    ----------
    profile : ApplicationProfile or None
        What the medium claims, where that is known.
    manifest : Manifest or None
        What was meant to be written.
    is_opened : bool
        Whether the envelopes are opened afterwards, and tell more then.
    log : FindingLog
        Where findings go.
    """

    def __init__(
        self,
        profile: ApplicationProfile | None,
        manifest: Manifest | None,
        *,
        is_opened: bool,
        log: FindingLog,
    ) -> None:
        self.files: list[VolumeFile] = []
        self._plain = 0
        self._first_plain = ""
        self._profile = profile
        self._unsealed = _is_meant_open(profile, manifest)
        self._is_opened = is_opened
        self._log = log
        self._groups: Counter[frozenset[RecipientFacts]] = Counter()

    def take(self, read: FileRead, is_dicom: bool) -> bool:
        """Take a file that passed by; tell whether it is an envelope."""
        path = read.file.path
        if is_enveloped(read.front):
            self.files.append(read.file)
            if self._profile is not None and self._profile.security is not Security.MEDIA:
                self._log.add(
                    error(
                        "sealed",
                        path,
                        f"is a secure envelope, and {self._profile.name} has none",
                        "readers of the profile cannot open it",
                        f"PS3.11 Annex {self._profile.annex}; PS3.15 D.1",
                    )
                )
            self._look(read)
            return True
        if is_dicom:
            self._plain += 1
            self._first_plain = self._first_plain or path
            seals = self._profile is not None and self._profile.security is Security.MEDIA
            if seals and not self._unsealed and self._profile is not None:
                self._log.add(
                    error(
                        "not-sealed",
                        path,
                        f"anybody can read it, and {self._profile.name} seals every DICOM file",
                        "do not hand it out; make the medium again",
                        f"PS3.11 Annex {self._profile.annex}; PS3.15 D.1",
                    )
                )
        return False

    def findings(self) -> Iterator[Finding]:
        """Yield what there is to say when all files have passed by."""
        if self._unsealed and self._plain:
            name = self._profile.name if self._profile else "the profile"
            yield warning(
                "unsealed",
                self._first_plain,
                f"{_files(self._plain)} not sealed, as was asked for when it was made; {name} "
                "seals every DICOM file",
                "it is for looking at: do not hand it out",
                REFERENCE,
            )
        if self._profile is None and self.files and self._plain:
            yield warning(
                "mixed-security",
                self._first_plain,
                f"{_files(self._plain)} in no envelope beside {len(self.files):,} in envelopes: a "
                "File-set has all its DICOM files sealed, or none",
                "ask the sender whether all of it is theirs",
                "PS3.11 D.3.5",
            )
        if len(self._groups) > 1:
            told = "; ".join(
                f"{_files(number)} for {_names(group)}"
                for group, number in self._groups.most_common(_TOLD_GROUPS)
            )
            more = len(self._groups) - _TOLD_GROUPS
            yield note(
                "recipients-differ",
                self.files[0].path,
                f"not all envelopes are for the same: {told}"
                + (f"; and {more:,} more sets of recipients" if more > 0 else ""),
                "who opens some of them may be unable to open the others",
                REFERENCE,
            )

    def _look(self, read: FileRead) -> None:
        """See for whom an envelope is; where its head is longer than what was kept, nobody says."""
        path = read.file.path
        try:
            envelope = read_envelope(io.BytesIO(read.front), read.size_bytes, path)
        except (BadEnvelopeError, MediaError) as fault:
            if read.size_bytes <= len(read.front) and not self._is_opened and not read.fault:
                self._log.add(error(BAD_ENVELOPE, path, fault.message, fault.hint, REFERENCE))
            return
        group = frozenset(envelope.recipients)
        if group in self._groups or len(self._groups) < _MOST_GROUPS:
            self._groups[group] += 1
        if not self._is_opened:
            self._log.extend(envelope.findings)


@dataclass(frozen=True, slots=True)
class Opening:
    """What opens envelopes, and the private folder where large content lies for a moment."""

    opener: Opener
    scratch: Path

    def inside(self, volume: Volume) -> Volume:
        """Return `volume` as it is with its envelopes opened."""
        return OpenedVolume(volume, self.opener, self.scratch)


@dataclass(slots=True)
class ContentProof:
    """What the envelopes of a medium gave.

    Parameters
    ----------
    opened : int
        How many could be opened.
    equal : int
        How many of these hold what the manifest says was sealed.
    instances : int
        How many hold an instance.
    signatures : dict of str to int
        How many signatures there are, by what they are worth.
    """

    opened: int = 0
    equal: int = 0
    instances: int = 0
    signatures: dict[str, int] = field(default_factory=dict)


def prove_content(
    volume: Volume,
    files: list[VolumeFile],
    opener: Opener,
    *,
    manifest: Manifest | None,
    links: Links | None,
    directory_path: str,
    log: FindingLog,
    progress: Callable[[int], None] | None = None,
) -> ContentProof:
    """Open every envelope, and hold its content against its record and the manifest.

    Parameters
    ----------
    volume : Volume
        The medium, with the envelopes as they lie there.
    files : list of VolumeFile
        The envelopes.
    manifest : Manifest or None
        Knows the digests of what was sealed, where it was made here.
    links : Links or None
        The references of the DICOMDIR that came out of its envelope.
    directory_path : str
        Where the DICOMDIR lies; empty if there is none.
    log : FindingLog
        Where findings go.
    progress : callable, optional
        Called with the bytes of envelopes that are done; may raise to stop.
    """
    wanted = {
        fold_path(file.path): file.content_sha256
        for file in (manifest.files if manifest else ())
        if file.content_sha256
    }
    openings = OpeningLog()
    proof = ContentProof()
    done = 0
    for file in files:
        front = _Front(done, progress)
        try:
            with volume.open(file.path) as stream:
                opened = opener.open(stream, file.size_bytes, front.write, file.path)
        except SecrecyError as fault:
            openings.refused(file.path, fault)
        except (OSError, MediaError) as fault:
            log.add(unreadable_file(file.path, fault))
        else:
            openings.opened(file.path, opened)
            proof.equal += _is_equal(file.path, wanted, opened.sha256, log)
            if file.path != directory_path:
                proof.instances += front.is_dicom
                log.extend(_check_front(file.path, front, links))
        done += file.size_bytes
        if progress:
            progress(done)
    log.extend(openings.findings())
    proof.opened = openings.count
    proof.signatures = openings.signatures
    return proof


def require_right_key(volume: Volume, opener: Opener, *, in_drive: bool = False) -> None:
    """Raise where nothing on `volume` opens with what is at hand, before all of it is read.

    Its DICOMDIR is tried, and envelopes spread over the medium that ask for
    something else. One that is damaged proves nothing.

    Raises
    ------
    WrongKeyError
        If none of those opens, and one for want of the right password or key.
    """
    found = volume.find([DICOMDIR])
    files = [*([found.file] if found else []), *volume.iter_files()]
    wrong: WrongKeyError | None = None
    for file in iter_each_lock(volume, files, in_drive=in_drive):
        try:
            with volume.open(file.path) as stream:
                opener.open(stream, file.size_bytes, _nowhere, file.path)
                return
        except WrongKeyError as fault:
            wrong = wrong or fault
        except (SecrecyError, OSError, MediaError):
            continue
    if wrong is not None:
        raise wrong


class _Front:
    """Keeps the first bytes of a content, and counts all of them."""

    def __init__(self, done: int, progress: Callable[[int], None] | None) -> None:
        self.data = bytearray()
        self._done = done
        self._progress = progress

    @property
    def is_dicom(self) -> bool:
        return self.data[128:132] == b"DICM"

    def write(self, data: bytes) -> None:
        if len(self.data) < HEAD_BYTES:
            self.data += data[: HEAD_BYTES - len(self.data)]
        self._done += len(data)
        if self._progress:
            self._progress(self._done)


def _check_front(path: str, front: _Front, links: Links | None) -> Iterator[Finding]:
    if links is not None:
        if front.is_dicom or links.is_referenced(path):
            yield from links.check_file(path, read_file_front(bytes(front.data)))
    elif not front.is_dicom:
        yield error(
            "not-dicom",
            path,
            "what is in the envelope is no DICOM file",
            "the file was replaced before it was sealed",
            "PS3.10 7.4",
        )


def _is_equal(path: str, wanted: dict[str, str], sha256: str, log: FindingLog) -> bool:
    stated = wanted.get(fold_path(path), "")
    if stated and stated != sha256:
        log.add(
            error(
                "differs",
                path,
                f"what is in the envelope has the SHA-256 {sha256}, {stated} was sealed",
                "make the medium again from the store",
            )
        )
    return bool(stated) and stated == sha256


def _is_meant_open(profile: ApplicationProfile | None, manifest: Manifest | None) -> bool:
    """Tell whether the job that made it left everything unsealed, as it was told to."""
    return (
        profile is not None
        and profile.security is Security.MEDIA
        and manifest is not None
        and manifest.profile == profile.name
        and not any(file.content_sha256 for file in manifest.files)
    )


def _names(group: frozenset[RecipientFacts]) -> str:
    told = sorted(one.text for one in group)
    more = len(told) - _TOLD_RECIPIENTS
    return " or ".join(told[:_TOLD_RECIPIENTS]) + (f" or {more:,} more" if more > 0 else "")


def _files(number: int) -> str:
    return "1 file is" if number == 1 else f"{number:,} files are"


def _nowhere(data: bytes) -> None:
    """Take content whose opening alone counts."""
