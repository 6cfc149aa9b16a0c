"""Tables of the catalog (SQLAlchemy Core), the same in SQLite and PostgreSQL."""

from __future__ import annotations

import hashlib

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
)
from sqlalchemy.engine import Dialect
from sqlalchemy.types import TypeEngine

from mediastation.catalog.guards import guard_table

SCHEMA_VERSION = 6

NO_PIXELS = "-"
"""The pixel key of what has no pixels of its own, and of every copy that was made here."""

metadata = MetaData()


class PostgresText(TypeDecorator[str]):
    r"""Text as PostgreSQL can keep it: sorted by code points, whatever the locale is.

    U+0000, which it does not take, is written ``\x00``.

    Parameters
    ----------
    most_bytes : int, optional
        What an index can take (some 2,700 bytes for all of its columns). Longer
        text, which no Value Representation allows there, is cut, and its digest
        put behind: it stays another one than any that begins in the same way.
    """

    impl = String
    cache_ok = True

    def __init__(self, most_bytes: int | None = None) -> None:
        super().__init__()
        self.most_bytes = most_bytes

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the type that the database has for it."""
        return dialect.type_descriptor(String(collation="C"))

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return what the index can store."""
        if value is None:
            return None
        value = value.replace("\0", "\\x00")
        if self.most_bytes is None or len(value) * 4 <= self.most_bytes:
            return value
        data = value.encode()
        if len(data) <= self.most_bytes:
            return value
        digest = f"~{hashlib.sha256(data).hexdigest()[:_DIGITS]}"
        return data[: self.most_bytes - len(digest)].decode(errors="ignore") + digest


class PathText(TypeDecorator[str]):
    """Text in which paths occur: bytes of a name that are no UTF-8 are kept readable."""

    impl = Text
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[str]:
        """Return the type that the database has for it."""
        is_postgres = dialect.name == "postgresql"
        return dialect.type_descriptor(String(collation="C") if is_postgres else Text())

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        """Return what the index can store."""
        if value is None:
            return None
        if dialect.name == "postgresql":
            value = value.replace("\0", "\\x00")
        if value.isascii():
            return value
        return value.encode("utf-8", "backslashreplace").decode("utf-8")


def _text(most_bytes: int | None = None) -> String:
    return String().with_variant(PostgresText(most_bytes), "postgresql")


_DIGITS = 16
_TEXT = _text()
# As much as any value has that is allowed (PS3.5 6.2): 64 characters, of a name three groups.
_SHORT = _text(100)
_INDEXED = _text(400)
_NAME = _text(900)
_LONG = Text().with_variant(PostgresText(), "postgresql")
_KEY = BigInteger().with_variant(Integer, "sqlite")

catalog_meta = Table(
    "catalog_meta",
    metadata,
    Column("key", _TEXT, primary_key=True),
    Column("value", _TEXT, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("patient_id", _INDEXED, nullable=False),
    Column("issuer_of_patient_id", _INDEXED, nullable=False),
    Column("patient_name", _NAME, nullable=False),
    Column("patient_birth_date", _SHORT, nullable=False),
    Column("patient_sex", _SHORT, nullable=False),
    # What names are sorted by and searched in (`mediastation.model.name_order`).
    Column("name_key", _NAME, nullable=False, server_default=""),
    # An identity as the objects give it. Whether two of them are one person is
    # decided at export, never while receiving.
    UniqueConstraint(
        "patient_id",
        "issuer_of_patient_id",
        "patient_name",
        "patient_birth_date",
        "patient_sex",
        name="one_row_per_identity",
    ),
)
PATIENT_ORDER = (
    patients.c.name_key,
    patients.c.patient_name,
    patients.c.patient_id,
    patients.c.id,
)
PATIENTS_IN_ORDER = Index("patients_in_order", *PATIENT_ORDER[:3])
Index("patients_by_birth_date", patients.c.patient_birth_date, patients.c.name_key)

studies = Table(
    "studies",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("study_instance_uid", _INDEXED, nullable=False),
    Column("study_date", _INDEXED, nullable=False),
    Column("study_time", _INDEXED, nullable=False),
    Column("study_id", _TEXT, nullable=False),
    Column("accession_number", _TEXT, nullable=False),
    Column("study_description", _TEXT, nullable=False),
    # When its last instance arrived, and what it is found by (`mediastation.model.search_text`).
    Column("received_at", Float, nullable=False, server_default="0"),
    Column("search_text", _TEXT, nullable=False, server_default=""),
    UniqueConstraint("patient", "study_instance_uid", name="one_study_per_patient"),
)
Index("studies_by_uid", studies.c.study_instance_uid)
Index("studies_by_date", studies.c.study_date)
Index("studies_in_order_of_date", studies.c.study_date, studies.c.study_time, studies.c.id)
Index("studies_by_arrival", studies.c.received_at, studies.c.id)

series = Table(
    "series",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("study", ForeignKey("studies.id"), nullable=False),
    Column("series_instance_uid", _INDEXED, nullable=False),
    Column("modality", _INDEXED, nullable=False),
    Column("series_number", _TEXT, nullable=False),
    Column("series_description", _TEXT, nullable=False),
    # Kept with every change, so that lists never count a million rows.
    Column("instances", Integer, nullable=False, default=0),
    Column("size_bytes", BigInteger, nullable=False, default=0),
    UniqueConstraint("study", "series_instance_uid", name="one_series_per_study"),
)
Index("series_by_uid", series.c.series_instance_uid)
Index("series_by_modality", series.c.modality, series.c.study)

instances = Table(
    "instances",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("series", ForeignKey("series.id"), nullable=False),
    Column("kind", _TEXT, nullable=False),
    Column("derived_from", ForeignKey("instances.id"), nullable=True),
    Column("recipe", _INDEXED, nullable=False, default=""),
    Column("sop_instance_uid", _INDEXED, nullable=False),
    Column("sop_class_uid", _TEXT, nullable=False),
    Column("transfer_syntax_uid", _TEXT, nullable=False),
    Column("instance_number", BigInteger, nullable=True),
    Column("sha256", _INDEXED, nullable=False),
    Column("data_sha256", _INDEXED, nullable=False),
    # Recognises equal pixel data; `NO_PIXELS` where there is none, and empty where
    # nobody has looked: in rows that are older than this column.
    Column("pixel_key", _INDEXED, nullable=False, default="", server_default=""),
    Column("size_bytes", BigInteger, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("index_version", Integer, nullable=False),
    Column("source_kind", _TEXT, nullable=False),
    Column("source_detail", PathText, nullable=False),
    Column("calling_ae", _TEXT, nullable=False),
    Column("called_ae", _TEXT, nullable=False),
    Column("received_at", Float, nullable=False),
    # A job, or a copy in the making, may still hold the number of what was forgotten.
    sqlite_autoincrement=True,
)
_ORIGINAL = instances.c.derived_from.is_(None)
_DERIVED = instances.c.derived_from.is_not(None)
Index(
    "one_original_per_content",
    instances.c.sop_instance_uid,
    instances.c.data_sha256,
    unique=True,
    sqlite_where=_ORIGINAL,
    postgresql_where=_ORIGINAL,
)
Index(
    "one_copy_per_recipe",
    instances.c.derived_from,
    instances.c.recipe,
    unique=True,
    sqlite_where=_DERIVED,
    postgresql_where=_DERIVED,
)
Index("instances_of_series", instances.c.series, instances.c.instance_number)
Index("instances_by_uid", instances.c.sop_instance_uid)
Index("instances_by_digest", instances.c.sha256)
Index("instances_by_pixels", instances.c.pixel_key)

# Pictures for Directory Records, made once while a set is prepared.
icons = Table(
    "icons",
    metadata,
    Column("instance", ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    Column("recipe", _INDEXED, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("pixels", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("kind", _TEXT, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("operator", _TEXT, nullable=False),
    Column("request", _LONG, nullable=False),
    Column("result", _LONG, nullable=False, default="{}"),
    Column("message", PathText, nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("worker", _TEXT, nullable=False, default=""),
    Column("lease_until", Float, nullable=True),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    # The host whose drive it needs; empty where any worker will do.
    Column("place", _TEXT, nullable=False, default="", server_default=""),
    # What only one running job may use; empty where nothing is.
    Column("resource", PathText, nullable=False, default="", server_default=""),
    # What goes onto its media in place of clock and chance, so that a job that goes on
    # makes the same bytes. Empty for a job that nobody else may take over.
    Column("moment", _TEXT, nullable=False, default="", server_default=""),
    Column("seed", _TEXT, nullable=False, default="", server_default=""),
    Column("attempts", Integer, nullable=False, default=0, server_default="0"),
    Column("question", PathText, nullable=False, default="", server_default=""),
    Column("started_at", Float, nullable=True),
    Column("ended_at", Float, nullable=True),
)
Index("jobs_by_state", jobs.c.state)

job_events = Table(
    "job_events",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("job", ForeignKey("jobs.id"), nullable=False),
    Column("at", Float, nullable=False),
    Column("who", PathText, nullable=False),
    Column("text", PathText, nullable=False),
)
Index("job_events_by_job", job_events.c.job)

job_steps = Table(
    "job_steps",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("name", _TEXT, nullable=False),
    Column("state", _TEXT, nullable=False),
    Column("done", BigInteger, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),
    Column("unit", _TEXT, nullable=False, default=""),
    Column("summary", PathText, nullable=False, default=""),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=True),
)

job_findings = Table(
    "job_findings",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("rule", _TEXT, nullable=False),
    Column("severity", _TEXT, nullable=False),
    Column("subject", PathText, nullable=False),
    Column("message", PathText, nullable=False),
    Column("hint", _LONG, nullable=False),
    Column("reference", _TEXT, nullable=False),
)

job_entries = Table(
    "job_entries",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True),
    Column("entry", ForeignKey("instances.id"), primary_key=True),
    # Which volume of the job it goes onto, where the job makes several.
    Column("volume", Integer, nullable=False, default=1, server_default="1"),
)
Index("job_entries_by_entry", job_entries.c.entry)

# What people decided about instances on outside media, to be applied again to the next
# medium from the same `origin` (`mediastation.model.importing`).
import_decisions = Table(
    "import_decisions",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("origin", _INDEXED, nullable=False),
    Column("standing", _TEXT, nullable=False),
    # A digest of what was decided about.
    Column("subject", _INDEXED, nullable=False),
    Column("verdict", _TEXT, nullable=False),
    Column("who", PathText, nullable=False),
    Column("at", Float, nullable=False),
    Column("note", _LONG, nullable=False, default="", server_default=""),
)
Index("import_decisions_by_subject", import_decisions.c.subject, import_decisions.c.origin)
Index("import_decisions_by_origin", import_decisions.c.origin)

# Which patient of this site an outside patient was, the last time somebody said so
# (`mediastation.catalog.remembered`).
remembered_identities = Table(
    "remembered_identities",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("origin", _INDEXED, nullable=False),
    # Both as `PatientIdentity.key`.
    Column("outside_key", _INDEXED, nullable=False),
    Column("local_key", _INDEXED, nullable=False),
    Column("candidate", _LONG, nullable=False),
    Column("who", PathText, nullable=False),
    Column("at", Float, nullable=False),
    Column("job", ForeignKey("jobs.id"), nullable=True),
)
Index(
    "remembered_by_outside",
    remembered_identities.c.origin,
    remembered_identities.c.outside_key,
    remembered_identities.c.id,
)

# The lines of `ledger.jsonl`, to be searched (`mediastation.catalog.ledger`).
ledger = Table(
    "ledger",
    metadata,
    Column("position", _KEY, primary_key=True, autoincrement=False),
    Column("body", _LONG, nullable=False),
    Column("mac", _TEXT, nullable=False),
)
guard_table(ledger)
