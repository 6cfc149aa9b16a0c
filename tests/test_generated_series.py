"""The instances that benchmarks measure on are real and always the same."""

from __future__ import annotations

import io

import pydicom

from benchmarks.generate import iter_series


def test_slices_differ_where_they_should_and_nowhere_else() -> None:
    first, second = (pydicom.dcmread(io.BytesIO(file)) for file in iter_series(2, 16))

    assert {element.keyword for element in first if element != second[element.tag]} == {
        *("SOPInstanceUID", "InstanceNumber", "ImagePositionPatient", "SliceLocation"),
        *("InstanceCreationTime", "AcquisitionTime", "ContentTime", "PixelData"),
    }
    assert first.InstanceNumber == 1
    assert first.file_meta.MediaStorageSOPInstanceUID == first.SOPInstanceUID
    assert second.pixel_array.std() > 100


def test_a_series_is_the_same_bytes_each_time() -> None:
    assert list(iter_series(3, 16)) == list(iter_series(3, 16))


def test_instances_of_one_series_have_uids_of_their_own() -> None:
    instances = [pydicom.dcmread(io.BytesIO(file)) for file in iter_series(100, 16)]

    assert len({ds.SOPInstanceUID for ds in instances}) == 100
    assert len({ds.SeriesInstanceUID for ds in instances}) == 1
    assert len({len(ds.SOPInstanceUID) for ds in instances}) == 1
