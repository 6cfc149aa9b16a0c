"""The envelopes of one volume: made when it is known what lies where, and proved on the medium."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections import deque
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.errors import MediaError, MediastationError, SecrecyError
from mediastation.model.finding import Finding, error, note
from mediastation.model.manifest import ManifestFile
from mediastation.model.secrecy import ContentKey, Signature
from mediastation.reading.contract import Volume as Medium
from mediastation.reading.volume import open_volume
from mediastation.secure.opening.ber import BerError
from mediastation.secure.opening.certificates import (
    EntryNames,
    read_certificate,
    read_entry_names,
)
from mediastation.secure.opening.keys import KeyRing
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.recipients import RecipientFacts
from mediastation.secure.opening.signatures import SignatureFacts
from mediastation.secure.opening.trust import TrustStore
from mediastation.secure.sealing.files import seal_files
from mediastation.station.exporting.file_set import Volume
from mediastation.station.exporting.pages import rewrite_digest_list
from mediastation.station.exporting.work import Work
from mediastation.station.sealing.envelope_folder import SEALED, announce_envelopes, drop_envelopes
from mediastation.station.sealing.plan import Sealing

_AHEAD = 4

ContentKeys = dict[str, ContentKey]
"""By path the keys of envelopes that no password opens; in memory, until they are proved."""


def seal_volume(work: Work, volume: Volume) -> ContentKeys:
    """Make the envelopes of `volume`; they lie in its folder until its medium is made.

    Raises
    ------
    MediaError
        If the disk of the home fails or is full, or a stored file is not what
        the catalog says.
    """
    sealing = work.sealing
    if sealing is None or not volume.to_seal:
        return {}
    _require_room(volume)
    drop_envelopes(work.job, volume.folder)
    announce_envelopes(work.job)
    with disk_trouble_told(volume.folder):
        make_private_folder(volume.folder / SEALED)
    tasks = volume.to_seal
    total = sum(task.size_bytes for task in tasks.values())
    keys: ContentKeys = {}
    with work.job.step(volume.plan.step("seal"), total, "bytes") as step:
        made = seal_files(sealing.sealer, tuple(tasks.values()), progress=step.report)
        for place, (task, sealed) in zip(tasks, made, strict=True):
            planned = volume.manifest_files[place]
            if sealed.size_bytes != planned.size_bytes:
                raise AssertionError(f"{sealed.size_bytes} bytes, planned {planned.size_bytes}")
            with disk_trouble_told(volume.folder), task.target.open("rb") as envelope:
                digest = hashlib.file_digest(envelope, "sha256").hexdigest()
            volume.manifest_files[place] = replace(planned, sha256=digest)
            if sealing.password is None:
                keys[planned.path] = sealed.content_key
        step.summary = f"{len(tasks):,} envelopes"
    rewrite_digest_list(volume)
    return keys


def prove_volume(work: Work, volume: Volume, path: Path, keys: ContentKeys) -> list[Finding]:
    """Open every envelope on the medium at `path`, and hold what it gives against the manifest.

    It is opened as whoever gets it will: with the password where there is one.
    The keys of certificates are with their owners. For them it is proved that
    each envelope names them, and that the key that was sealed for them opens it.

    Returns
    -------
    list of Finding
        Errors where an envelope gives something else, or nothing.
    """
    sealing = work.sealing
    if sealing is None or not volume.to_seal:
        return []
    files = [volume.manifest_files[place] for place in volume.to_seal]
    total = sum(file.size_bytes for file in files)
    findings: list[Finding] = []
    with work.job.step(volume.plan.step("prove"), total, "bytes") as step:
        ring = KeyRing(
            passwords=(sealing.password,) if sealing.password else (),
            content_keys={path: key.octets for path, key in keys.items()},
        )
        with open_volume(path) as medium:
            proof = _Proof(medium, own_opener(work, sealing, ring), sealing)
            done = 0
            for file, found in proof.of_all(files):
                findings += found
                done += file.size_bytes
                step.report(done, total)
        step.summary = f"{len(files):,} envelopes opened" if not findings else "not proved"
    if not findings and sealing.recipients:
        findings.append(unseen_keys(work.target.medium.name, sealing))
    return findings


_Waiting = deque[tuple[ManifestFile, Future[list[Finding]]]]


def _next_of(waiting: _Waiting) -> tuple[ManifestFile, list[Finding]]:
    file, future = waiting.popleft()
    return file, future.result()


class _Proof:
    """Opens envelopes, a few at once, in the order of the list."""

    def __init__(self, medium: Medium, opener: Opener, sealing: Sealing) -> None:
        self._medium = medium
        self._opener = opener
        self._sealing = sealing

    def of_all(self, files: list[ManifestFile]) -> Iterator[tuple[ManifestFile, list[Finding]]]:
        """Yield each file with what is wrong with it."""
        waiting: _Waiting = deque()
        with ThreadPoolExecutor(len(os.sched_getaffinity(0)), "prove") as threads:
            try:
                for file in files:
                    waiting.append((file, threads.submit(self._of, file)))
                    if len(waiting) > _AHEAD:
                        yield _next_of(waiting)
                while waiting:
                    yield _next_of(waiting)
            finally:
                for _, future in waiting:
                    future.cancel()

    def _of(self, file: ManifestFile) -> list[Finding]:
        try:
            with self._medium.open(file.path) as stream:
                opened = self._opener.open(stream, file.size_bytes, _nowhere, file.path)
        except (OSError, MediaError, SecrecyError) as fault:
            said = fault.message if isinstance(fault, MediastationError) else str(fault)
            return [not_proved(file.path, f"It cannot be opened again: {said}")]
        return list(self._differences(file, opened))

    def _differences(self, file: ManifestFile, opened: Opened) -> Iterator[Finding]:
        if opened.sha256 != file.content_sha256:
            yield not_proved(file.path, "What it gives is not what was sealed.")
        if not is_sealed_for(self._sealing, opened.recipients):
            yield not_proved(file.path, "It is not sealed for exactly those who were named.")
        if self._sealing.signer is not None and not is_signed_here(opened.signatures):
            yield not_proved(file.path, NOT_SIGNED)


def own_opener(work: Work, sealing: Sealing, ring: KeyRing) -> Opener:
    """Return what opens what was sealed here, and believes no signature but this station's."""
    own = [read_certificate(sealing.signer.chain[0])] if sealing.signer else []
    # Certificates count as of today, whatever moment the medium bears.
    today = datetime.fromtimestamp(work.station.clock.now(), UTC)
    return Opener(ring, trust=TrustStore(own), moment=today)


NOT_SIGNED = "It does not bear the signature of this station."


def is_signed_here(signatures: Sequence[SignatureFacts]) -> bool:
    """Tell whether what `own_opener` opened bears the signature of this station alone."""
    return [one.signature for one in signatures] == [Signature.TRUSTED]


def _nowhere(_data: bytes) -> None:
    """Take content whose digest alone is wanted."""


def is_sealed_for(sealing: Sealing, recipients: Collection[RecipientFacts]) -> bool:
    """Tell whether an envelope is for exactly those who were named.

    Each certificate has an entry of its own, by issuer and serial number or, where
    two share these, by the identifier of its key.
    """
    try:
        wanted = [_names_of(one.der) for one in sealing.recipients]
    except BerError:
        return False  # no reader finds an entry by such a name
    # Those who are named by their keys are nobody else; issuer and number may fit two.
    for one in sorted(recipients, key=lambda one: not one.key_identifier):
        if one.is_password:
            continue
        found = next((names for names in wanted if _is_named(one, *names)), None)
        if found is None:
            return False
        wanted.remove(found)
    by_password = sum(one.is_password for one in recipients)
    return not wanted and by_password == (sealing.password is not None)


@lru_cache
def _names_of(der: bytes) -> EntryNames:
    """Return what names a certificate; there are few of them, and many envelopes."""
    return read_entry_names(der)


def _is_named(entry: RecipientFacts, issuer: str, serial: int, key_identifier: str) -> bool:
    if entry.key_identifier:
        return entry.key_identifier == key_identifier
    return entry.serial is not None and (entry.issuer, entry.serial) == (issuer, serial)


def not_proved(path: str, message: str) -> Finding:
    """Return the finding that an envelope does not give what was sealed."""
    return error(
        "not-proved",
        path,
        message,
        "Check memory and disk of this computer, then make the medium again.",
        "PS3.15 D.1",
    )


def unseen_keys(medium: str, sealing: Sealing) -> Finding:
    """Return the finding that nothing was opened with the keys of its recipients."""
    names = [one.name.subject for one in sealing.recipients]
    return note(
        "keys-not-here",
        medium,
        "Every envelope names the certificates it was sealed for; their private keys are not "
        f"here, so that none was opened as by {' or '.join(names)}.",
        "`mediastation drill --key KEY.pem` proves that, where the key is.",
        "PS3.15 D.1",
    )


def _require_room(volume: Volume) -> None:
    """Raise `MediaError` before hours of sealing where the home has no room for the envelopes."""
    needed = sum(volume.manifest_files[place].size_bytes for place in volume.to_seal)
    with disk_trouble_told(volume.folder):
        free = shutil.disk_usage(volume.folder).free
    if free < needed:
        raise MediaError(
            f"The envelopes take {needed:,} bytes beside the medium, and the disk of the home has "
            f"{free:,} free.",
            "Make room there, then give the command again.",
        )
