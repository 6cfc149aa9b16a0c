"""Instances that bring a File ID along keep it, and no other gets it."""

from __future__ import annotations

import io

import pytest

from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance
from mediastation.model.file_id import FileId
from tests.fileset.building import JANE, MOMENT
from tests.support.dicomdir_walk import walk
from tests.support.record_headers import EXPLICIT_LE, header


def builder(output: io.BytesIO, *brought: FileId) -> FileSetBuilder:
    return FileSetBuilder(
        output, file_set_uid="1.2.3", file_set_id="TEST", moment=MOMENT, brought=brought
    )


def instance(uid: str, file_id: FileId = ()) -> FileSetInstance:
    return FileSetInstance(header(uid=uid), EXPLICIT_LE, JANE, file_id=file_id)


def test_it_stands_in_the_record_and_others_get_new_ones() -> None:
    output, old = io.BytesIO(), ("IMAGES", "A1")
    file_set = builder(output, old)

    first, second = file_set.add(instance("1.1.1.1", old)), file_set.add(instance("1.1.1.2"))
    file_set.close()

    assert first == old
    assert second == ("DICOM", "PT000001", "ST000001", "SE000001", "IM000001")
    records = walk(output.getvalue()).records()
    listed = [one.text(0x00041500) for one in records if 0x00041500 in one.elements]
    assert listed == ["IMAGES\\A1", "\\".join(second)]


def test_a_new_name_is_never_one_that_somebody_brings_later() -> None:
    taken = ("DICOM", "PT000001", "ST000001", "SE000001", "IM000001")
    file_set = builder(io.BytesIO(), taken)

    assert file_set.add(instance("1.1.1.1")) != taken
    assert file_set.add(instance("1.1.1.2", taken)) == taken


def test_it_is_used_once_and_only_if_it_was_told_of() -> None:
    old = ("IMAGES", "A1")
    file_set = builder(io.BytesIO(), old)
    file_set.add(instance("1.1.1.1", old))

    with pytest.raises(ValueError, match="A1"):
        file_set.add(instance("1.1.1.2", old))
    with pytest.raises(ValueError, match="A2"):
        file_set.add(instance("1.1.1.3", ("IMAGES", "A2")))


def test_it_has_to_be_legal() -> None:
    with pytest.raises(RefusedError):
        builder(io.BytesIO(), ("images", "a1"))
