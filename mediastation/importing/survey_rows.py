"""The rows of a survey: what is kept of each file, and the values that come out of them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import astuple, dataclass
from typing import Any, NamedTuple

from mediastation.catalog.packing import pack_header
from mediastation.conformance.identity import IdentityReader
from mediastation.importing.look import Looked
from mediastation.model.finding import Finding, Severity
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import ArrivedFile, OpenedEnvelope, Standing
from mediastation.model.instance import InstanceHeader
from mediastation.reading.contract import VolumeFile

VERSION = "1"
LEAVE = "leave"
"""Action besides those of `mediastation.importing.decide`: held for good, as decided before."""
_STUDY, _SERIES = 0x0020000D, 0x0020000E
SHOWN = {
    "study_date": 0x00080020,
    "study_description": 0x00081030,
    "modality": 0x00080060,
    "series_number": 0x00200011,
    "series_description": 0x0008103E,
    "institution": 0x00080080,
}
IDENTITY = ("patient_id", "issuer", "patient_name", "birth_date", "sex")
COLUMNS = (
    "position", "path", "listed_bytes", "changed_at", "size_bytes", "kind",
    "sha256", "data_sha256", "pixel_key",
    "sop_class_uid", "sop_instance_uid", "transfer_syntax_uid",
    "study_instance_uid", "series_instance_uid", *IDENTITY, *SHOWN,
    "armed", "header", "front", "findings", "envelope",
)  # fmt: skip
SCHEMA = f"""
CREATE TABLE IF NOT EXISTS facts (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS files (
  position INTEGER PRIMARY KEY,
  {", ".join(f"{name} NOT NULL" for name in COLUMNS[1:])},
  standing TEXT NOT NULL DEFAULT '',
  action TEXT NOT NULL DEFAULT '',
  other INTEGER NOT NULL DEFAULT 0,
  other_path TEXT NOT NULL DEFAULT '',
  subject TEXT NOT NULL DEFAULT '',
  fate TEXT NOT NULL DEFAULT '',
  entry INTEGER NOT NULL DEFAULT 0,
  told TEXT NOT NULL DEFAULT ''
);
"""
ADDED = {
    "envelope": "ALTER TABLE files ADD COLUMN envelope NOT NULL DEFAULT ''",
    "told": "ALTER TABLE files ADD COLUMN told TEXT NOT NULL DEFAULT ''",
}
"""Columns that surveys of before do not have, and how they get them."""
INDEXES = """
CREATE INDEX IF NOT EXISTS files_by_path ON files (path);
CREATE INDEX IF NOT EXISTS files_by_entry ON files (entry) WHERE entry > 0;
CREATE INDEX IF NOT EXISTS files_by_uid ON files (sop_instance_uid) WHERE sop_instance_uid != '';
"""
"""Made when all rows are there: kept up row by row they cost more than the rows."""
INSERT = (
    f"INSERT OR REPLACE INTO files ({', '.join(COLUMNS)}) "  # noqa: S608 - names of our own
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)
ARRIVED = (
    "path, size_bytes, sha256, data_sha256, pixel_key, sop_class_uid, sop_instance_uid, "
    f"transfer_syntax_uid, study_instance_uid, series_instance_uid, {', '.join(IDENTITY)}"
)

Row = tuple[Any, ...]
"""One row of `files` as `survey_row` makes it: text, numbers and bytes alone."""


class Fate(NamedTuple):
    """What became of an instance.

    It was ``kept`` or was a ``duplicate`` of `entry`; it is ``held`` until
    somebody decides, was ``refused``, or ``left`` in quarantine for good.
    """

    position: int
    fate: str
    entry: int = 0


class Course(NamedTuple):
    """What is to be done with an instance (`mediastation.importing.decide.Action`), and why.

    `told` is what is said of it, if anything.
    """

    path: str
    standing: Standing
    action: str
    other: int = 0
    other_path: str = ""
    subject: str = ""
    told: Finding | None = None


@dataclass(frozen=True, slots=True)
class SurveyedInstance:
    """An instance that is to be kept or held: where it lies, what it has to be, its header.

    `other` is the entry that it contradicts, or `other_path` where that came on
    the same medium; `subject` is what a decision about it is remembered under;
    `was_sealed` that it came out of a secure envelope.
    """

    position: int
    path: str
    size_bytes: int
    sha256: str
    data_sha256: str
    pixel_key: str
    armed: bool
    standing: Standing
    other: int
    other_path: str
    subject: str
    header: InstanceHeader
    was_sealed: bool = False


def survey_row(position: int, file: VolumeFile, looked: Looked, reader: IdentityReader) -> Row:
    """Return the row of one file; `position` is its place in the order of the medium."""
    header = looked.header
    told = json.dumps([packed_finding(one) for one in looked.findings])
    envelope = _packed(looked.envelope)
    place = (position, looked.path, file.size_bytes, file.changed_at, looked.size_bytes,
             looked.kind.value)  # fmt: skip
    if header is None:
        empty = [""] * (COLUMNS.index("armed") - COLUMNS.index("sha256"))
        return (*place, *empty, 0, b"", looked.front, told, envelope)
    identity = reader.identity(header)
    return (
        *place, looked.sha256, looked.data_sha256, looked.pixel_key,
        header.sop_class_uid, header.sop_instance_uid, header.transfer_syntax_uid,
        reader.text(header, _STUDY), reader.text(header, _SERIES),
        identity.patient_id, identity.issuer, identity.name, identity.birth_date, identity.sex,
        *(reader.text(header, tag) for tag in SHOWN.values()),
        int(looked.armed), pack_header(header), b"", told, envelope,
    )  # fmt: skip


def packed_finding(finding: Finding) -> list[str]:
    """Return a finding as `read_finding` reads it."""
    return [str(one) for one in finding.as_dict().values()]


def read_finding(packed: Sequence[str]) -> Finding:
    """Return what `packed_finding` has packed."""
    rule, severity, *texts = packed
    return Finding(rule, Severity(severity), *texts)


def _packed(envelope: OpenedEnvelope | None) -> str:
    """Return how a file came out of its envelope, alike for all that came out alike."""
    if envelope is None:
        return ""
    *texts, signers = astuple(envelope)
    return json.dumps([*texts, *signers])


def opened_envelope(packed: str) -> OpenedEnvelope:
    """Return what `survey_row` has packed."""
    opened_by, cipher, digest, signature, reason, *signers = json.loads(packed)
    return OpenedEnvelope(opened_by, cipher, digest, signature, reason, tuple(signers))


def arrived_file(row: Sequence[Any]) -> ArrivedFile:
    """Return the instance of a row that was asked for as `ARRIVED`."""
    return ArrivedFile(
        path=row[0],
        size_bytes=row[1],
        sha256=row[2],
        data_sha256=row[3],
        pixel_key=row[4],
        sop_class_uid=row[5],
        sop_instance_uid=row[6],
        transfer_syntax_uid=row[7],
        study_instance_uid=row[8],
        series_instance_uid=row[9],
        identity=PatientIdentity(*row[10:]),
    )
