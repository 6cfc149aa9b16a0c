"""Drill: sealed media opened again with the escrow key, as if everybody else had lost theirs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from mediastation.errors import ConfigError, MediaError, SecrecyError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, Severity, error, note, warning
from mediastation.model.job import JobState
from mediastation.model.manifest import Manifest
from mediastation.model.medium import Format
from mediastation.model.secrecy import CertificateName
from mediastation.reading.contract import Volume, VolumeFile
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.file_meta import is_enveloped
from mediastation.reading.findings import FindingLog
from mediastation.secure.opening.each_lock import iter_spread
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume
from mediastation.secure.opening.opener import Opener
from mediastation.secure.sealing.recipients import read_recipient
from mediastation.station.job import Step
from mediastation.station.recording.known_media import (
    digest_of,
    digest_of_directory,
    find_manifest,
    made_volumes,
)
from mediastation.station.recording.ledger import record_drilled
from mediastation.station.sealing.drill_check import NOT_FOR_THIS_KEY, MediumDrill, Wanted
from mediastation.station.sealing.media import open_sealed, read_front
from mediastation.station.station import Station
from mediastation.station.told_result import ToldResult
from mediastation.verify.openings import BAD_ENVELOPE

KIND = "drill"
_MAKING = ("export", "update")
_DICOMDIR = "DICOMDIR"
_EXPIRES_SOON = timedelta(days=90)
_IN_SECURE_PROFILES = "-SEC-"
_KNOWN_BY = 3
"""Envelopes that are looked at to know a medium whose DICOMDIR is another one."""


@dataclass(frozen=True, slots=True)
class DrillRequest:
    """Which media are tried.

    Parameters
    ----------
    media : tuple of Path
        Empty for all that were sealed here and still lie where they were made.
    sample : int
        So many envelopes of each, evenly over it; 0 for all.
    """

    media: tuple[Path, ...] = ()
    sample: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return what the job table keeps."""
        return {"media": [str(path) for path in self.media], "sample": self.sample}


@dataclass(slots=True)
class DrillResult(ToldResult):
    """What came of it.

    Parameters
    ----------
    media, gone : int
        Media that were tried, and those that are not there any more.
    envelopes, tried, opened : int
        What lies on them, how many of these were tried, and how many opened.
    equal : int
        How many of these hold what was sealed, by the manifest.
    """

    job: int
    media: int = 0
    gone: int = 0
    envelopes: int = 0
    tried: int = 0
    opened: int = 0
    equal: int = 0
    findings: list[Finding] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Medium:
    """A medium to try; `digest` is that of its DICOMDIR, where it has to be that very one."""

    path: Path
    manifest: Manifest | None = None
    job: int = 0
    digest: str = ""


class DrillError(SecrecyError):
    """Nothing opened; `findings` say why."""

    def __init__(self, message: str, hint: str, findings: list[Finding]) -> None:
        super().__init__(message, hint)
        self.findings = tuple(findings)


def drill(
    station: Station, request: DrillRequest, keys: KeyRing, listener: Listener = nobody
) -> DrillResult:
    """Open sealed media with the keys at hand, and hold what comes out against the manifests.

    What comes out is read and thrown away: it lies nowhere. With an escrow
    certificate in the settings it is proved besides that each envelope is for
    it; without one, for the certificates of the keys at hand.

    Raises
    ------
    ConfigError
        If a medium that was named is not there.
    SecrecyError
        If there were envelopes to open, and none of them opened.
    MediaError
        If the home's disk fails.
    """
    for path in request.media:
        if not path.exists():
            raise ConfigError(f"{path} does not exist.", "Check the path, or mount the medium.")
    with station.job(KIND, request.as_dict(), listener) as job:
        result = DrillResult(job.id)
        now = datetime.fromtimestamp(station.clock.now(), UTC)
        opener = Opener(keys, moment=now)
        names, told = _certificates(station, keys, now)
        log = FindingLog()
        log.extend(told)
        wanted = Wanted(names, _is_escrow(station))
        media = list(_named(request) if request.media else _made_here(station))
        if not media:
            log.add(note("nothing-sealed", str(station.home), "No sealed medium was made here."))
        try:
            for number, medium in enumerate(media, start=1):
                name = KIND if len(media) == 1 else f"{KIND} {number}/{len(media)}"
                with job.step(name, 0, "bytes") as step:
                    log.extend(_try(station, request, medium, opener, wanted, step, result))
        finally:
            result.findings = list(log)
            job.found(result.findings)
            job.result = result.as_dict(with_findings=False)
            if result.tried:
                _record(station, result, keys, media)
        if result.tried and not result.opened:
            raise DrillError(
                f"No envelope opened, of {result.tried:,} that were tried.",
                "Give the escrow key, or the password of the media.",
                result.findings,
            )
    return result


def _record(station: Station, result: DrillResult, keys: KeyRing, media: Sequence[_Medium]) -> None:
    """Enter into the ledger that it was done: an auditor asks when that was last."""
    counts = {
        "media": result.media,
        "tried": result.tried,
        "opened": result.opened,
        "errors": sum(one.severity is Severity.ERROR for one in result.findings),
    }
    names = [key.name.subject if key.name else "a key without certificate" for key in keys.keys]
    names += ["a password"] if keys.passwords else []
    record_drilled(
        station, result.job, counts, " and ".join(names), [str(one.path) for one in media]
    )


def _try(
    station: Station,
    request: DrillRequest,
    medium: _Medium,
    opener: Opener,
    wanted: Wanted,
    step: Step,
    result: DrillResult,
) -> Iterator[Finding]:
    """Try one medium, and say what came of it."""
    subject = str(medium.path)
    if not medium.path.exists():
        result.gone += 1
        step.summary = "not there"
        yield _gone(medium)
        return
    try:
        volume = open_sealed(medium.path, opener, station.job_folder(result.job))
    except SecrecyError as fault:
        result.media, result.envelopes = result.media + 1, result.envelopes + 1
        result.tried += 1
        rule = NOT_FOR_THIS_KEY if isinstance(fault, WrongKeyError) else BAD_ENVELOPE
        yield error(rule, subject, fault.message, fault.hint, "PS3.15 B.8")
        return
    except MediaError as fault:
        yield error("unreadable-medium", subject, fault.message, fault.hint)
        return
    with volume:
        manifest = medium.manifest or _manifest_of(station, medium.path, volume)
        if medium.manifest is not None and not _is_that(medium.manifest, medium.digest, volume):
            result.gone += 1
            step.summary = "another medium lies there"
            yield _gone(medium)
            return
        check = MediumDrill(subject, opener, manifest, wanted)
        if isinstance(volume, SecureMailVolume) and volume.opened is not None:
            check.take_mail(volume, volume.opened, step.report)
            result.media, result.envelopes = result.media + 1, result.envelopes + 1
            result.tried, result.opened = result.tried + 1, result.opened + 1
            result.equal += check.equal
            step.summary = "the e-mail opened"
            yield from check.findings(1)
            return
        yield from _check_missing(volume, manifest, subject)
        envelopes = list(_envelopes(volume, manifest))
        chosen = list(iter_spread(envelopes, request.sample)) if request.sample else envelopes
        result.media += 1
        result.envelopes += len(envelopes)
        if not envelopes:
            yield note("no-envelope", subject, "Nothing on it is sealed.")
            return
        total, done = sum(file.size_bytes for file in chosen), 0
        for file in chosen:
            step.report(done, total)
            check.take(volume, file, partial(_report, step, done, total))
            done += file.size_bytes
        step.report(total, total)
        result.tried += len(chosen)
        result.opened += check.opened
        result.equal += check.equal
        step.summary = f"{check.opened:,} of {len(chosen):,} envelopes opened"
        yield from check.findings(len(envelopes))


def _report(step: Step, before: int, total: int, done: int) -> None:
    step.report(before + done, total)


def _named(request: DrillRequest) -> Iterator[_Medium]:
    for path in request.media:
        yield _Medium(path)


def _made_here(station: Station) -> Iterator[_Medium]:
    """Yield every sealed volume that a job made, the oldest first."""
    records = {
        record.id: record
        for kind in _MAKING
        for record in station.jobs.with_result(kind, _IN_SECURE_PROFILES)
        if record.state is JobState.DONE
    }
    for number, record in sorted(records.items()):
        volumes = record.result.get("volumes")
        paths = {
            str(volume.get("file_set_uid", "")): Path(str(volume.get("path", "")))
            for volume in (volumes if isinstance(volumes, list) else ())
            if isinstance(volume, dict)
        }
        with suppress(ConfigError):
            for _, manifest in made_volumes(station.jobs_folder / str(number)):
                path = paths.get(manifest.file_set_uid)
                if path is not None and _is_sealed(manifest):
                    yield _Medium(path, manifest, number, _directory(manifest))


def _is_sealed(manifest: Manifest) -> bool:
    """Tell whether its files were sealed, or the e-mail that carries them."""
    return manifest.format == Format.MAIL or any(file.content_sha256 for file in manifest.files)


def _manifest_of(station: Station, path: Path, volume: Volume) -> Manifest | None:
    directory = Dicomdir()
    found = volume.find((_DICOMDIR,))
    if found is not None:
        with suppress(OSError, MediaError), volume.open(found.file.path) as stream:
            directory = read_dicomdir(stream)
    return find_manifest(station, path, directory, digest_of_directory(volume))


def _directory(manifest: Manifest) -> str:
    return next((file.sha256 for file in manifest.files if file.path == _DICOMDIR), "")


def _is_that(manifest: Manifest, digest: str, volume: Volume) -> bool:
    """Tell whether `volume` is the medium of `manifest`: it has its DICOMDIR, or a file of it.

    No envelope is made twice, so one tells; the DICOMDIR may be what is damaged.
    """
    if not digest or digest_of_directory(volume) == digest:
        return True
    sealed = [one for one in manifest.files if one.content_sha256 and one.path != _DICOMDIR]
    sealed.sort(key=lambda one: one.size_bytes)
    return any(digest_of(volume, one.path) == one.sha256 for one in sealed[:_KNOWN_BY])


def _check_missing(volume: Volume, manifest: Manifest | None, subject: str) -> Iterator[Finding]:
    """Yield that envelopes are gone that were written to the medium."""
    sealed = _sealed_paths(manifest)
    missing = sorted(path for path in sealed if volume.find(path.split("/")) is None)
    if missing:
        yield error(
            "missing-file",
            subject,
            f"{len(missing):,} of the {len(sealed):,} envelopes that were written to it are not "
            f"there any more, such as {missing[0]}.",
            "Make the medium again while its studies are here.",
            "PS3.15 D.1",
        )


def _sealed_paths(manifest: Manifest | None) -> set[str]:
    return {file.path for file in (manifest.files if manifest else ()) if file.content_sha256}


def _envelopes(volume: Volume, manifest: Manifest | None) -> Iterator[VolumeFile]:
    """Yield the envelopes of a medium, the DICOMDIR first."""
    sealed = _sealed_paths(manifest)
    for file in sorted(volume.iter_files(), key=lambda file: file.path != _DICOMDIR):
        if file.path in sealed:
            yield file
            continue
        with suppress(OSError, MediaError), volume.open(file.path) as stream:
            if is_enveloped(read_front(stream)):
                yield file


def _gone(medium: _Medium) -> Finding:
    return note(
        "medium-gone",
        str(medium.path),
        f"The medium that job {medium.job} made does not lie there any more.",
        f"Drill it where it is: `mediastation drill MEDIUM`, with the key of job {medium.job}.",
    )


def _is_escrow(station: Station) -> bool:
    return station.settings.secure.escrow is not None


def _certificates(
    station: Station, keys: KeyRing, now: datetime
) -> tuple[tuple[CertificateName, ...], list[Finding]]:
    """Return the certificates that every envelope should be for, and what is wrong with them."""
    findings: list[Finding] = []
    names = {key.name.sha256: key.name for key in keys.keys if key.name is not None}
    path = station.settings.secure.escrow
    if path is not None:
        try:
            escrow = read_recipient(path, now).name
        except SecrecyError as fault:
            findings.append(error("escrow-certificate", str(path), fault.message, fault.hint))
        else:
            names = {escrow.sha256: escrow}
    for name in names.values():
        expires = datetime.fromisoformat(name.expires)
        if expires - now < _EXPIRES_SOON:
            verb = "expired" if expires < now else "expires"
            findings.append(
                warning(
                    "certificate-expires",
                    name.subject,
                    f"The certificate {verb} on {expires:%Y-%m-%d}.",
                    "Have a new one made, and name it in the settings. Keep the old key: what was "
                    "sealed for it is opened by no other.",
                    "PS3.15 D.1",
                )
            )
    return tuple(names.values()), findings
