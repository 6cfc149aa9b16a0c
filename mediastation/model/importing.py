"""Outside media: what one is, what lies on it, and how that stands to what is here."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from mediastation.model.identity import PatientIdentity


class MediumKind(StrEnum):
    """How a medium came: in a drive, as an image of one, as files, or as one file."""

    DISC = "disc"
    IMAGE = "image"
    FOLDER = "folder"
    FILE = "file"
    ZIP = "zip"
    MAIL = "mail"


@dataclass(frozen=True, slots=True)
class OutsideMedium:
    """A medium that somebody brought, as it is recognised again.

    `sha256` is that of the whole image, disc or archive; of a folder that of
    its listing: a line ``SHA-256 path`` for each instance, sorted. `made_by` is
    the Implementation Version Name of its directory, `institution` the
    Institution Name of most instances; both are empty where nobody says.
    """

    kind: MediumKind
    name: str
    size_bytes: int = 0
    sha256: str = ""
    volume_id: str = ""
    file_set_id: str = ""
    file_set_uid: str = ""
    made_by: str = ""
    institution: str = ""

    @property
    def origin(self) -> str:
        """What decisions about media from one place are remembered under."""
        return self.institution or self.made_by or self.sha256


@dataclass(frozen=True, slots=True)
class ArrivedFile:
    """One instance on an outside medium, as the scan of its content found it.

    `path` is relative to the root of the medium. `sha256` is of the whole
    file, `data_sha256` of its data set, `pixel_key` recognises equal pixel data
    (`mediastation.dicom.pixel_key`) and is empty where there is none.
    """

    path: str
    size_bytes: int
    sha256: str
    data_sha256: str
    pixel_key: str
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    study_instance_uid: str
    series_instance_uid: str
    identity: PatientIdentity


@dataclass(frozen=True, slots=True)
class OpenedEnvelope:
    """How a file came out of its secure envelope; equal for many files of a medium.

    Parameters
    ----------
    opened_by : str
        What opened it, in words.
    cipher, digest : str
        `mediastation.model.secrecy.ContentCipher` and `Digest`.
    signature : str
        `mediastation.model.secrecy.Signature`: the worst, where several signed;
        empty where nobody did.
    reason : str
        Why the signature is not trusted.
    signers : tuple of str
        Who signed, in words.
    """

    opened_by: str
    cipher: str
    digest: str
    signature: str = ""
    reason: str = ""
    signers: tuple[str, ...] = ()


class Standing(StrEnum):
    """How an arriving instance stands to those that are here, or came before it.

    ``duplicate`` has UID and data set of one that is here. ``other-header`` has
    its UID and pixels, and other attributes; ``other-pixels`` its UID and other
    pixels. ``copied-pixels`` has the pixels of one with another UID.
    ``other-patient`` belongs to a study that is here under another patient.
    """

    NEW = "new"
    DUPLICATE = "duplicate"
    OTHER_HEADER = "other-header"
    OTHER_PIXELS = "other-pixels"
    COPIED_PIXELS = "copied-pixels"
    OTHER_PATIENT = "other-patient"


class Verdict(StrEnum):
    """What a person decided about an arriving instance that contradicts another one.

    ``keep`` takes it into the catalog beside the other one, ``leave`` keeps it
    in quarantine for good.
    """

    KEEP = "keep"
    LEAVE = "leave"
