"""Tables of the catalog (SQLAlchemy Core). SQLite by default; nothing here is SQLite's alone."""

from __future__ import annotations

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

from mediastation.catalog.guards import guard_table

SCHEMA_VERSION = 5

metadata = MetaData()


class PathText(TypeDecorator[str]):
    """Text in which paths occur: bytes of a name that are no UTF-8 are kept readable."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        """Return what the index can store."""
        if value is None or value.isascii():
            return value
        return value.encode("utf-8", "backslashreplace").decode("utf-8")


# SQLite compares code points anyway; other databases would ask the locale.
_CODE_POINTS = String().with_variant(String(collation="C"), "postgresql")
_KEY = BigInteger().with_variant(Integer, "sqlite")

catalog_meta = Table(
    "catalog_meta",
    metadata,
    Column("key", String, primary_key=True),
    Column("value", String, nullable=False),
)

patients = Table(
    "patients",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("patient_id", String, nullable=False),
    Column("issuer_of_patient_id", String, nullable=False),
    Column("patient_name", String, nullable=False),
    Column("patient_birth_date", String, nullable=False),
    Column("patient_sex", String, nullable=False),
    # What names are sorted by and searched in (`mediastation.model.name_order`).
    Column("name_key", _CODE_POINTS, nullable=False, server_default=""),
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

studies = Table(
    "studies",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("patient", ForeignKey("patients.id"), nullable=False),
    Column("study_instance_uid", String, nullable=False),
    Column("study_date", String, nullable=False),
    Column("study_time", String, nullable=False),
    Column("study_id", String, nullable=False),
    Column("accession_number", String, nullable=False),
    Column("study_description", String, nullable=False),
    # When its last instance arrived, and what it is found by (`mediastation.model.search_text`).
    Column("received_at", Float, nullable=False, server_default="0"),
    Column("search_text", _CODE_POINTS, nullable=False, server_default=""),
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
    Column("series_instance_uid", String, nullable=False),
    Column("modality", String, nullable=False),
    Column("series_number", String, nullable=False),
    Column("series_description", String, nullable=False),
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
    Column("kind", String, nullable=False),
    Column("derived_from", ForeignKey("instances.id"), nullable=True),
    Column("recipe", String, nullable=False, default=""),
    Column("sop_instance_uid", String, nullable=False),
    Column("sop_class_uid", String, nullable=False),
    Column("transfer_syntax_uid", String, nullable=False),
    Column("instance_number", BigInteger, nullable=True),
    Column("sha256", String, nullable=False),
    Column("data_sha256", String, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("header", LargeBinary, nullable=False),
    Column("index_version", Integer, nullable=False),
    Column("source_kind", String, nullable=False),
    Column("source_detail", PathText, nullable=False),
    Column("calling_ae", String, nullable=False),
    Column("called_ae", String, nullable=False),
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

# Pictures for Directory Records, made once while a set is prepared.
icons = Table(
    "icons",
    metadata,
    Column("instance", ForeignKey("instances.id", ondelete="CASCADE"), primary_key=True),
    Column("recipe", String, primary_key=True),
    Column("rows", Integer, nullable=False),
    Column("columns", Integer, nullable=False),
    Column("pixels", LargeBinary, nullable=False),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _KEY, primary_key=True),
    Column("kind", String, nullable=False),
    Column("state", String, nullable=False),
    Column("operator", String, nullable=False),
    Column("request", Text, nullable=False),
    Column("result", Text, nullable=False, default="{}"),
    Column("message", PathText, nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("updated_at", Float, nullable=False),
    Column("worker", String, nullable=False, default=""),
    Column("lease_until", Float, nullable=True),
    Column("cancel_requested", Boolean, nullable=False, default=False),
    Column("priority", Integer, nullable=False, default=0, server_default="0"),
    # The host whose drive it needs; empty where any worker will do.
    Column("place", String, nullable=False, default="", server_default=""),
    # What only one running job may use; empty where nothing is.
    Column("resource", PathText, nullable=False, default="", server_default=""),
    # What goes onto its media in place of clock and chance, so that a job that goes on
    # makes the same bytes. Empty for a job that nobody else may take over.
    Column("moment", String, nullable=False, default="", server_default=""),
    Column("seed", String, nullable=False, default="", server_default=""),
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
    Column("name", String, nullable=False),
    Column("state", String, nullable=False),
    Column("done", BigInteger, nullable=False, default=0),
    Column("total", BigInteger, nullable=False, default=0),
    Column("unit", String, nullable=False, default=""),
    Column("summary", PathText, nullable=False, default=""),
    Column("started_at", Float, nullable=False),
    Column("ended_at", Float, nullable=True),
)

job_findings = Table(
    "job_findings",
    metadata,
    Column("job", ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("rule", String, nullable=False),
    Column("severity", String, nullable=False),
    Column("subject", PathText, nullable=False),
    Column("message", PathText, nullable=False),
    Column("hint", Text, nullable=False),
    Column("reference", String, nullable=False),
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

# The lines of `ledger.jsonl`, to be searched (`mediastation.catalog.ledger`).
ledger = Table(
    "ledger",
    metadata,
    Column("position", _KEY, primary_key=True, autoincrement=False),
    Column("body", Text, nullable=False),
    Column("mac", String, nullable=False),
)
guard_table(ledger)
