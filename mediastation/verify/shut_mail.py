"""Reread an e-mail whose envelope stays shut: what can be proved of it without any key."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from mediastation.model.finding import has_errors, note
from mediastation.model.manifest import Manifest
from mediastation.model.profile import ApplicationProfile
from mediastation.reading.dicomdir import Dicomdir
from mediastation.reading.findings import FindingLog, until_given_up
from mediastation.secure.opening.shut_mail import ShutMailVolume
from mediastation.verify.compatibility import CompatibilityRow, Goal
from mediastation.verify.file_system_rules import Expected, check_file_system
from mediastation.verify.passing import Progress
from mediastation.verify.recipients import Recipients, iter_rows
from mediastation.verify.report import JOB, STRUCTURE_ONLY, VerifyReport
from mediastation.verify.whole_medium import check_file

_INSIDE = "it is encrypted as a whole, and what is in it was not looked at"


def verify_shut_mail(
    volume: ShutMailVolume,
    manifest: Manifest | None = None,
    *,
    profile: ApplicationProfile | None = None,
    progress: Progress | None = None,
    manifest_name: str = JOB,
    recipients: Recipients | None = None,
) -> VerifyReport:
    """Hold the message against itself, the standard and the digest that it was made with.

    Parameters
    ----------
    volume : ShutMailVolume
        The e-mail, open.
    manifest : Manifest, optional
        What was meant to be written; the files that it lists lie inside. One
        that knows no digest of the whole proves nothing here.
    profile : ApplicationProfile, optional
        What the message claims.
    progress : callable, optional
        Called with the bytes done and the bytes in all; may raise to stop.
    manifest_name : str
        What the report calls the manifest.
    recipients : Recipients, optional
        Whose eyes it is looked at with besides: other readers have no key, and
        see nothing.

    Returns
    -------
    VerifyReport
        With one envelope, none of it opened, and no files.

    Raises
    ------
    MediaError
        If the message cannot be read.
    """
    log = FindingLog()
    log.extend(volume.findings)
    log.extend(until_given_up(check_file_system(volume, Expected(manifest, profile)), volume.name))
    sha256 = volume.sha256(progress)
    is_known = manifest is not None and bool(manifest.image_sha256)
    log.extend(check_file(volume.name, volume.size_bytes, sha256, manifest))
    if manifest is not None and not is_known:
        log.add(
            note(
                "manifest",
                volume.name,
                "what it is to be held against knows the files in it alone, not the e-mail itself",
                "give the key or password that opens it",
            )
        )
    rows: tuple[CompatibilityRow, ...] = ()
    if recipients is not None:
        goal = Goal(frozenset(), {})
        shut = Dicomdir(enveloped=True)
        rows = tuple(iter_rows(replace(recipients, folder=None), volume, {}, shut, manifest, goal))
    findings = list(log)
    ok = not has_errors(findings)
    return VerifyReport(
        path=volume.name,
        ok=ok,
        manifest=manifest_name if is_known else STRUCTURE_ONLY,
        files=0,
        bytes=volume.size_bytes,
        instances=0,
        image_sha256=sha256,
        proved=_describe_proof(ok=ok, is_known=is_known),
        findings=findings,
        compatibility=rows,
        envelopes=1,
        opened=0,
        signatures=dict(Counter(str(one.signature) for one in volume.signatures)),
    )


def _describe_proof(*, ok: bool, is_known: bool) -> str:
    if not ok:
        return f"Not proved: see the findings; {_INSIDE}."
    if is_known:
        return f"Every byte: the e-mail equals what was written; {_INSIDE}."
    return (
        "Structure only: its header can be read and its envelope ends where it should, but no "
        f"digest was at hand, so its bytes are not proved; {_INSIDE}."
    )
