"""Records out of objects made by hand, read back by their offsets."""

from __future__ import annotations

import io
from collections.abc import Mapping
from datetime import datetime

from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, FileSetSummary, Person
from mediastation.fileset.siblings import SiblingValue
from mediastation.model.record import AdditionalKey
from tests.support.dicomdir_walk import WalkedRecord, walk
from tests.support.record_headers import EXPLICIT_LE, header
from tests.support.record_objects import UIDS

MOMENT = datetime(2026, 5, 4, 3, 2, 1)
JANE = Person("jane", "P1")


def built(
    *instances: FileSetInstance, additional_keys: tuple[AdditionalKey, ...] = ()
) -> tuple[list[WalkedRecord], FileSetSummary]:
    """The records, top down, of a DICOMDIR with these instances."""
    output = io.BytesIO()
    builder = FileSetBuilder(
        output,
        file_set_uid="1.2.3",
        file_set_id="TEST",
        moment=MOMENT,
        additional_keys=additional_keys,
    )
    for instance in instances:
        builder.add(instance)
    summary = builder.close()
    return walk(output.getvalue()).records(), summary


def leaf(
    changes: Mapping[int, tuple[str, str | bytes | int] | None],
    sop_class: str = UIDS + "2",
    additional_keys: tuple[AdditionalKey, ...] = (),
) -> tuple[WalkedRecord, dict[str, str]]:
    """The instance's record, and the findings' messages by rule."""
    instance = FileSetInstance(header(changes, sop_class=sop_class), EXPLICIT_LE, JANE)
    records, summary = built(instance, additional_keys=additional_keys)
    return records[-1], {finding.rule: finding.message for finding in summary.findings}


def upper(
    level: int,
    changes: Mapping[int, tuple[str, str | bytes | int] | None],
    siblings: Mapping[int, SiblingValue] | None = None,
    additional_keys: tuple[AdditionalKey, ...] = (),
) -> tuple[WalkedRecord, dict[str, str]]:
    """The record at PATIENT (0), STUDY (1) or SERIES (2) level."""
    name = ("PATIENT", "STUDY", "SERIES")[level]
    instance = FileSetInstance(header(changes), EXPLICIT_LE, JANE, {name: siblings or {}})
    records, summary = built(instance, additional_keys=additional_keys)
    return records[level], {finding.rule: finding.message for finding in summary.findings}
