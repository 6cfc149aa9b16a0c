"""The set of indexed attributes: nothing that a directory record needs may be missing."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydicom.datadict import keyword_for_tag
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian

from mediastation.dicom import index_tags
from mediastation.dicom.header import read_header
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.dicom.sequences import is_bulk
from mediastation.model.record_types import RECORD_TAGS, RECORD_TYPES

ICON = 0x00880200


def test_every_name_in_the_tables_is_its_tags() -> None:
    """The keywords are there for people; PS3.6 must agree with them."""
    tables = [v for k, v in vars(index_tags).items() if re.fullmatch("_[A-Z_]+", k)]
    words = " ".join(tables).split()

    assert {int(tag, 16): name for tag, name in zip(words[::2], words[1::2], strict=True)} == {
        tag: keyword_for_tag(tag) for tag in INDEX_TAGS
    }
    assert len(words) == 2 * len(INDEX_TAGS)


@pytest.mark.parametrize("name", sorted(RECORD_TYPES))
def test_every_key_of_a_record_can_be_answered_from_the_index(name: str) -> None:
    keys = {tag for key in RECORD_TYPES[name].keys for tag in (key.tag, *key.fallback)}

    assert {f"{tag:08X}" for tag in keys - INDEX_TAGS - {ICON} if tag >> 16 != 4} == set()


def test_every_element_that_records_draw_upon_is_indexed() -> None:
    drawn_upon = {tag for tag in RECORD_TAGS - {ICON} if tag >> 16 != 4}

    assert {f"{tag:08X}" for tag in drawn_upon - INDEX_TAGS} == set()


# Typed from the standard's tables, PS3.11 A.3-2, B.3-2, D.3-2, E.3-2, H.3-2, I.3-2.
PROFILE_KEYS = """
    00100030 00100040 00080080 00080081 00081050 00080008 00500004 00081140 00282112
    00200032 00200037 00200052 00280010 00280011 00280030 00200200 00280008 00181800
    0008002A 52009229
"""


@pytest.mark.parametrize("tag", PROFILE_KEYS.split())
def test_every_key_that_a_profile_adds_is_indexed(tag: str) -> None:
    assert int(tag, 16) in INDEX_TAGS


@pytest.mark.parametrize("group", range(0x6000, 0x6020, 2))
def test_the_index_tells_whether_there_is_an_overlay_and_where_it_lies(group: int) -> None:
    """PS3.11 A.3.4 and B.3.4 ask for that in each of the sixteen groups."""
    overlay = {tag & 0xFFFF for tag in INDEX_TAGS if tag >> 16 == group}

    assert overlay == {0x0010, 0x0100, 0x0102}


def test_an_overlay_is_kept_without_its_data(tmp_path: Path) -> None:
    ds = Dataset()
    ds.file_meta = FileMetaDataset()
    ds.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    ds.file_meta.MediaStorageSOPClassUID = ds.SOPClassUID = "1.2.840.10008.5.1.4.1.1.7"
    ds.file_meta.MediaStorageSOPInstanceUID = ds.SOPInstanceUID = "1.2.3"
    ds.add_new(0x60020010, "US", 512)
    ds.add_new(0x60020100, "US", 16)
    ds.add_new(0x60020102, "US", 15)
    ds.add_new(0x60023000, "OW", b"\0" * 64)
    ds.save_as(tmp_path / "a.dcm", enforce_file_format=True)

    kept = read_header(tmp_path / "a.dcm").elements

    assert {tag: kept[tag].value for tag in kept if tag >> 16 == 0x6002} == {
        0x60020010: b"\0\2",
        0x60020100: b"\x10\0",
        0x60020102: b"\x0f\0",
    }


def test_no_bulk_is_indexed() -> None:
    assert not [f"{tag:08X}" for tag in INDEX_TAGS if is_bulk(tag)]
