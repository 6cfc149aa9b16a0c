"""Verify: reread a medium against whatever is known of it here."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from mediastation.errors import ConfigError, MediaError, ProfileError, SecrecyError
from mediastation.model.event import Listener, nobody
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.fresh import open_fresh
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.random_access import RandomAccess
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.mail import is_secure_mail, open_secure_mail
from mediastation.secure.opening.opener import Opener
from mediastation.station.burning.burned_media import place_on_disc
from mediastation.station.burning.reread import job_of_manifest
from mediastation.station.medium_report import keep_report, require_report_name, write_report
from mediastation.station.recording.known_media import (
    digest_of_directory,
    find_manifest,
    known_media,
    read_manifest,
    show_patient,
)
from mediastation.station.sealing.trust import read_site_trust
from mediastation.station.station import Station
from mediastation.verify.envelopes import Opening, require_right_key
from mediastation.verify.recipients import Recipients
from mediastation.verify.report import JOB, VerifyReport
from mediastation.verify.reread import not_read
from mediastation.verify.right_disc import check_right_disc, has_sectors_of, read_identity
from mediastation.verify.verifier import verify_volume

__all__ = ["find_manifest", "verify"]

_DICOMDIR = ("DICOMDIR",)


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

    With `keys` the secure envelopes on it are opened besides, and what is in
    them is held against the records, the manifest and the profile; its
    signatures count by the site's list. Of an e-mail that is encrypted as a
    whole nothing can be said without them.

    Raises
    ------
    ConfigError
        If the manifest that is named cannot be read, the profile is not
        known, or no report can have that name.
    SecrecyError
        If `keys` open nothing on it, or it is an e-mail that cannot be opened.
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
    request = {"medium": str(medium), "manifest": str(manifest or ""), "profile": profile}
    is_mail = is_secure_mail(medium)
    trust = read_site_trust(station) if keys or is_mail else None
    moment = datetime.fromtimestamp(station.clock.now(), UTC)
    envelopes = Opener(keys or KeyRing(), trust=trust, moment=moment)
    with (
        station.job("verify", request, listener) as job,
        open_secure_mail(medium, envelopes, station.job_folder(job.id))
        if is_mail
        else open_volume(medium, opener=opener) as volume,
    ):
        wrong = None
        opening = None
        if keys is not None and not keys.is_empty and not is_mail:
            require_right_key(volume, envelopes)
            opening = Opening(envelopes, station.job_folder(job.id))
        inside = opening.inside(volume) if opening else volume
        with job.step("identify") as step:
            name = str(manifest) if manifest else JOB
            made_by = 0
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
            step.summary = "made here" if named else "no manifest here"
            if wrong is not None:
                step.summary = "another medium"
        with job.step("verify", 0, "bytes") as step:
            if chosen is None and named is not None and named.profile:
                # A site may have given up a profile of its own since.
                with suppress(ProfileError):
                    chosen = station.find_profile(named.profile)
            folder = station.job_folder(job.id)
            if wrong is not None:
                report = not_read(medium, wrong, name, cache)
            else:
                named, placement = place_on_disc(station, medium, volume, named)
                report = verify_volume(
                    volume,
                    named,
                    profile=chosen,
                    progress=step.report,
                    manifest_name=name if named else "",
                    recipients=Recipients(folder, waiting=step.alive) if as_recipient else None,
                    placement=placement,
                    opening=opening,
                )
                report = replace(report, from_cache=cache, manifest_job=made_by)
            step.summary = report.proved
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
