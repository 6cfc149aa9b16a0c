"""Trees of made-up instances, and the directory that they give."""

from __future__ import annotations

import io
from datetime import datetime
from typing import Any

from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from tests.support.dicomdir_walk import WalkedDicomdir, WalkedRecord, walk
from tests.support.record_headers import EXPLICIT_LE, header

MOMENT = datetime(2026, 5, 4, 3, 2, 1)
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"


def builder(output: io.BytesIO | None = None, **changes: Any) -> FileSetBuilder:
    arguments = {"file_set_uid": "1.2.3.99", "file_set_id": "TEST", "moment": MOMENT} | changes
    return FileSetBuilder(output if output is not None else io.BytesIO(), **arguments)


def instance(
    person: str | None = "A",
    study: str = "1.1",
    series: str = "1.1.1",
    uid: str = "1.1.1.1",
    *,
    patient_id: str | None = None,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.2",
    supplied: bool = False,
    **changes: tuple[str, Any] | None,
) -> FileSetInstance:
    """An instance of person A, study 1.1, series 1.1.1; changes are tags like ``t00100010``."""
    values: dict[int, tuple[str, Any] | None] = {
        0x00100020: ("LO", patient_id or f"ID-{person}"),
        0x00100010: ("PN", f"Name^{person}"),
        0x0020000D: ("UI", study),
        0x0020000E: ("UI", series),
    }
    values |= {int(tag[1:], 16): value for tag, value in changes.items()}
    return FileSetInstance(
        header(values, uid=uid, sop_class=sop_class),
        EXPLICIT_LE,
        Person(person, patient_id or f"ID-{person}", supplied) if person else None,
    )


def protocol(uid: str) -> FileSetInstance:
    return instance(None, uid=uid, sop_class=HANGING_PROTOCOL)


def directory_of(*instances: FileSetInstance, **changes: Any) -> WalkedDicomdir:
    output = io.BytesIO()
    file_set = builder(output, **changes)
    for one in instances:
        file_set.add(one)
    file_set.close()
    return walk(output.getvalue())


def shape(records: list[WalkedRecord]) -> list[Any]:
    """Types, and below them what hangs there."""
    found: list[Any] = []
    for record in records:
        found.append(record.type)
        if record.children:
            found.append(shape(record.children))
    return found
