"""Verify: reread a medium against whatever is known of it here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mediastation.errors import ConfigError, MediaError, ProfileError, SecrecyError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import error
from mediastation.model.manifest import Manifest
from mediastation.model.profile import ApplicationProfile
from mediastation.model.secrecy import Password
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.fresh import open_fresh
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import Volume, open_volume
from mediastation.secure.opening.errors import WrongKeyError
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import SecureMailVolume, is_secure_mail, open_secure_mail
from mediastation.secure.opening.opener import Opener
from mediastation.secure.opening.shut_mail import ShutMailVolume, open_mail_without_key
from mediastation.station.burning.burned_media import place_on_disc
from mediastation.station.burning.reread import job_of_manifest
from mediastation.station.intake.keys import look_for_seal
from mediastation.station.job import Job
from mediastation.station.medium_report import keep_report, require_report_name, write_report
from mediastation.station.password_question import password_needed
from mediastation.station.recording.known_media import (
    digest_of_directory,
    find_mail_manifest,
    find_manifest,
    known_media,
    read_manifest,
    show_patient,
)
from mediastation.station.sealing.job_keys import IN_MEMORY, KEY_ONLY, JobKeys
from mediastation.station.sealing.trust import read_site_trust
from mediastation.station.station import Station
from mediastation.verify.envelopes import Opening, require_right_key
from mediastation.verify.recipients import Recipients
from mediastation.verify.report import JOB, VerifyReport
from mediastation.verify.reread import not_read
from mediastation.verify.right_disc import RULE as WRONG_DISC
from mediastation.verify.right_disc import check_right_disc, has_sectors_of, read_identity
from mediastation.verify.shut_mail import verify_shut_mail
from mediastation.verify.verifier import verify_volume

__all__ = ["find_manifest", "verify"]

_DICOMDIR = ("DICOMDIR",)


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a medium is held against: what was named, and by which names reports call it."""

    manifest: Manifest | None
    manifest_name: str
    profile: ApplicationProfile | None
    as_recipient: bool
    cache: str


def verify(
    station: Station,
    medium: Path,
    manifest: Path | None = None,
    listener: Listener = nobody,
    *,
    profile: str = "",
    as_recipient: bool = False,
    report_file: Path | None = None,
    keys: KeyRing | None = None,
    key: tuple[Path, ...] = (),
    with_password: bool = False,
    password: Password | None = None,
) -> VerifyReport:
    """Reread `medium` and return what is wrong with it and how much was proved.

    It is held against the manifest that is named, else against that of the
    export which made it, else against the digest list that lies on it, else
    against nothing but itself and the standard. Of the standard, Annex F of
    PS3.3 counts always, an Application Profile where `profile` names it or
    that manifest does. A medium that is another one than the named manifest's
    is named for what it is, and not read further.

    With `as_recipient` it is looked at as those will who receive it, and by
    other programs where they are installed. The report is kept in the job's
    folder, and written to `report_file` besides.

    With `keys`, or the password and the files in `key`, the secure envelopes on
    it are opened besides, and what is in them is held against the records, the
    manifest and the profile; its signatures count by the site's list. Without
    any of these, envelopes prove their own bytes; an e-mail that is encrypted
    as a whole is one envelope. Where `with_password` says that there is to be
    one, a job in the queue asks for it, and again for one that opens nothing.

    Raises
    ------
    ConfigError
        If the manifest that is named cannot be read, the profile is not
        known, or no report can have that name.
    SecrecyError
        If what was given opens nothing on it, it is an e-mail that was given a
        key and cannot be opened, or one whose signature is broken.
    DecisionError
        If a job in the queue needs a password.
    MediaError
        If there is no medium that can be read at all.
    """
    chosen = station.find_profile(profile) if profile else None
    named = read_manifest(manifest) if manifest else None
    if report_file is not None:
        require_report_name(report_file)
    if not medium.exists():
        raise ConfigError(f"{medium} does not exist.", "Check the path, or mount the medium.")
    opener: AccessOpener = RandomAccess
    cache = ""
    if medium.is_block_device():
        opener, state = open_fresh(medium)
        cache = str(state)
    wanted = _Wanted(named, str(manifest) if manifest else JOB, chosen, as_recipient, cache)
    request = {"medium": str(medium), "manifest": str(manifest or ""), "profile": profile}
    with station.job("verify", request, listener) as job:
        given = JobKeys("verification", key, ring=keys, password=password, asks=job.asks)
        if with_password:
            given.require_any(f"What lies sealed on {medium} is to be proved.")
        folder = station.job_folder(job.id)
        with _told_to_ask(job, medium), _open(station, medium, given, folder, opener) as volume:
            if isinstance(volume, ShutMailVolume):
                report = _reread_shut_mail(station, job, medium, volume, wanted)
            else:
                opening = None
                if not given.is_empty and not isinstance(volume, SecureMailVolume):
                    envelopes = _opener(station, given)
                    require_right_key(volume, envelopes, in_drive=medium.is_block_device())
                    opening = Opening(envelopes, folder)
                report = _reread(station, job, medium, volume, wanted, opening)
        job.found(report.findings)
        job.result = {
            "path": str(medium),
            "ok": report.ok,
            "manifest": report.manifest,
            "files": report.files,
            "bytes": report.bytes,
            "opened": report.opened,
        }
        rows, more = (("Job", str(job.id)),), {"job": job.id}
        keep_report(station, folder, report, rows=rows, more=more)
        if report_file is not None:
            write_report(station, report_file, report, rows=rows, more=more)
    return report


def _opener(station: Station, given: JobKeys) -> Opener:
    moment = datetime.fromtimestamp(station.clock.now(), UTC)
    return Opener(given.ring(), trust=read_site_trust(station), moment=moment)


def _open(
    station: Station, medium: Path, given: JobKeys, scratch: Path, opener: AccessOpener
) -> Volume:
    """Open a medium; an e-mail that was sealed as a whole, as far as what is given goes."""
    if not is_secure_mail(medium):
        return open_volume(medium, opener=opener)
    open_mail = open_mail_without_key if given.is_empty else open_secure_mail
    return open_mail(medium, _opener(station, given), scratch)


@contextmanager
def _told_to_ask(job: Job, medium: Path) -> Iterator[None]:
    """Have a job in the queue ask for what opens `medium` where what it was given does not."""
    try:
        yield
    except WrongKeyError as fault:
        if not job.asks:
            raise
        sealed = look_for_seal(medium)
        takes_password = sealed is None or sealed.takes_password
        hint = IN_MEMORY if takes_password else KEY_ONLY
        raise password_needed(f"What was given opens nothing: {fault.message}", hint) from None


def _reread_shut_mail(
    station: Station, job: Job, medium: Path, volume: ShutMailVolume, wanted: _Wanted
) -> VerifyReport:
    """Prove of an e-mail what can be proved without a key."""
    with job.step("identify", volume.size_bytes, "bytes") as step:
        sha256 = volume.sha256(step.report)
        found = find_mail_manifest(station, medium, sha256)
        named, wrong = wanted.manifest or found, None
        stated = named.image_sha256 if named else ""
        if found is not None and found.image_sha256 == sha256 and stated not in {"", sha256}:
            made_by = job_of_manifest(station, found)
            wrong = error(
                WRONG_DISC,
                volume.name,
                f"this is another e-mail, made by job {made_by}",
                "keep it apart, and name the right one",
            )
        step.summary = "another e-mail" if wrong else _whose(named)
    with job.step("verify", 0, "bytes") as step:
        if wrong is not None:
            report = not_read(medium, wrong, wanted.manifest_name, wanted.cache)
        else:
            folder = station.job_folder(job.id)
            report = verify_shut_mail(
                volume,
                named,
                profile=_profile_of(station, named, wanted),
                progress=step.report,
                manifest_name=wanted.manifest_name,
                recipients=Recipients(folder, waiting=step.alive) if wanted.as_recipient else None,
            )
            made_by = job_of_manifest(station, found) if found and named is found else 0
            report = replace(report, manifest_job=made_by)
        step.summary = report.proved
    return report


def _reread(
    station: Station,
    job: Job,
    medium: Path,
    volume: Volume,
    wanted: _Wanted,
    opening: Opening | None,
) -> VerifyReport:
    """Find out which medium it is, and prove of it what can be proved."""
    inside = opening.inside(volume) if opening else volume
    named, wrong, made_by = wanted.manifest, None, 0
    with job.step("identify") as step:
        if named is None:
            found = volume.find(_DICOMDIR)
            directory = Dicomdir()
            if found is not None:
                # What cannot be read here is a finding of the reread below.
                with (
                    suppress(OSError, MediaError, SecrecyError),
                    inside.open(found.file.path) as stream,
                ):
                    directory = read_dicomdir(stream)
            named = find_manifest(station, medium, directory, digest_of_directory(volume))
            made_by = job_of_manifest(station, named) if named else 0
        else:
            disc = read_identity(volume, inside)
            lookup = known_media(station)
            wrong = check_right_disc(
                disc,
                named,
                volume.name,
                lookup,
                show_patient,
                partial(has_sectors_of, volume, named),
            )
        step.summary = _whose(named) if wrong is None else "another medium"
    with job.step("verify", 0, "bytes") as step:
        folder = station.job_folder(job.id)
        if wrong is not None:
            report = not_read(medium, wrong, wanted.manifest_name, wanted.cache)
        else:
            profile = _profile_of(station, named, wanted)
            named, placement = place_on_disc(station, medium, volume, named)
            report = verify_volume(
                volume,
                named,
                profile=profile,
                progress=step.report,
                manifest_name=wanted.manifest_name if named else "",
                recipients=Recipients(folder, waiting=step.alive) if wanted.as_recipient else None,
                placement=placement,
                opening=opening,
            )
            report = replace(report, from_cache=wanted.cache, manifest_job=made_by)
        step.summary = report.proved
    return report


def _whose(manifest: Manifest | None) -> str:
    return "made here" if manifest else "no manifest here"


def _profile_of(
    station: Station, manifest: Manifest | None, wanted: _Wanted
) -> ApplicationProfile | None:
    """Return what profile a medium is held against: the one that was named, else its own."""
    if wanted.profile is None and manifest is not None and manifest.profile:
        # A site may have given up a profile of its own since.
        with suppress(ProfileError):
            return station.find_profile(manifest.profile)
    return wanted.profile
