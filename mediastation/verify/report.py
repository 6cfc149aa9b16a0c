"""What a reread found, and how much it proves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from mediastation.model.finding import Finding
from mediastation.verify.bad_sectors import BadSectors
from mediastation.verify.compatibility import CompatibilityRow

STRUCTURE_ONLY = "structure only"
MEDIUM = "medium"
JOB = "job"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of rereading one volume.

    Parameters
    ----------
    path : str
        The medium.
    ok : bool
        Whether no finding is an error.
    manifest : str
        What the medium was held against: ``"job"``, ``"medium"`` (the digest
        list that lies on it), ``"structure only"``, or what the caller named.
    manifest_job : int
        The job whose manifest it was; 0 if it was none of a job's, or nobody said.
    files, bytes : int
        Files and bytes that were read; bytes count the whole image where the
        medium is one.
    instances : int
        DICOM files that were read, the DICOMDIR left out.
    image_sha256 : str
        Of the image; empty for a folder or where sectors were unreadable.
    file_set_uid, file_set_id : str
        As the DICOMDIR has them.
    proved : str
        One sentence for the operator about what could be proved.
    findings : list of Finding
        Everything that was wrong or tolerated.
    bad_sector_count : int
        Sectors that could not be read.
    bad_sectors : tuple of BadSectors
        Where those lie and whose they are, in the order of the disc.
    compatibility : tuple of CompatibilityRow
        What other readers get out of it; empty if none was asked.
    envelopes, opened : int
        Secure envelopes that were read, and how many of them were opened.
    signatures : dict of str to int
        How many signatures lay in those, by what they are worth.
    from_cache : str
        ``"defeated"`` if the bytes came from the medium, ``"unknown"`` if they
        may have come from memory; empty if nobody tried.
    """

    path: str
    ok: bool
    manifest: str
    files: int
    bytes: int
    instances: int
    image_sha256: str = ""
    file_set_uid: str = ""
    file_set_id: str = ""
    proved: str = ""
    findings: list[Finding] = field(default_factory=list)
    bad_sector_count: int = 0
    bad_sectors: tuple[BadSectors, ...] = ()
    compatibility: tuple[CompatibilityRow, ...] = ()
    from_cache: str = ""
    manifest_job: int = 0
    envelopes: int = 0
    opened: int = 0
    signatures: dict[str, int] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Return what the JSON report keeps; its keys stay, more may come."""
        return {
            "version": 1,
            "path": self.path,
            "ok": self.ok,
            "manifest": self.manifest,
            "manifest_job": self.manifest_job,
            "proved": self.proved,
            "files": self.files,
            "bytes": self.bytes,
            "instances": self.instances,
            "image_sha256": self.image_sha256,
            "file_set_uid": self.file_set_uid,
            "file_set_id": self.file_set_id,
            "envelopes": self.envelopes,
            "opened": self.opened,
            "signatures": self.signatures,
            "from_cache": self.from_cache,
            "bad_sectors": {
                "count": self.bad_sector_count,
                "ranges": [bad.as_dict() for bad in self.bad_sectors],
            },
            "compatibility": [row.as_dict() for row in self.compatibility],
            "findings": [finding.as_dict() for finding in self.findings],
        }


def describe_proof(
    *,
    ok: bool,
    manifest: str,
    files: int,
    equal: int,
    unlisted: int,
    whole_image: bool,
    enveloped: bool,
    opened: int = 0,
    as_sealed: int = 0,
) -> str:
    """Return the sentence about what a reread proves.

    Parameters
    ----------
    ok : bool
        Whether the medium passed.
    manifest : str
        What it was held against.
    files, equal, unlisted : int
        Files read, those equal to their digest, those without one.
    whole_image : bool
        Whether the whole image equals the hash it was made with.
    enveloped : bool
        Whether the DICOMDIR lies in a secure envelope that was not opened, so
        that links stay unseen.
    opened, as_sealed : int
        Envelopes that were opened, and those that hold what the manifest says
        was sealed.
    """
    links = (
        "the File-set lies in secure envelopes, so its directory could not be read"
        if enveloped
        else "the file system, the DICOMDIR and every link between it and the files agree"
    )
    if opened and ok:
        count = "the envelope was" if opened == 1 else f"all {opened:,} envelopes were"
        whole = "holds what was sealed" if as_sealed == opened else "is whole"
        links = f"{count} opened, and what is inside {whole}; {links}"
    if not ok:
        extent = (
            f"{equal} of {files} files equal their digests" if manifest != STRUCTURE_ONLY else ""
        )
        return f"Not proved: see the findings{'; ' if extent else ''}{extent}."
    if whole_image:
        return f"Every byte: the image with its {equal} files equals what was written; {links}."
    if manifest == STRUCTURE_ONLY:
        return (
            f"Structure only: {links}, but no digests were at hand, "
            f"so the content of {files} files is not proved."
        )
    source = "the digest list on the medium, which vouches for nothing but itself"
    listed = source if manifest == MEDIUM else f"the manifest ({manifest})"
    rest = f", {unlisted} are not listed" if unlisted else ""
    return f"{equal} of {files} files equal {listed}{rest}; {links}."
