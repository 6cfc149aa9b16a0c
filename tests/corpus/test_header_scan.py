"""The header scan against pydicom: the same values, out of every file that both read."""

from __future__ import annotations

import contextlib
import logging
import warnings
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest
from pydicom.charset import default_encoding
from pydicom.dataelem import DataElement, RawDataElement, convert_raw_data_element
from pydicom.dataset import Dataset
from pydicom.errors import InvalidDicomError
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_sequence
from pydicom.tag import Tag

from mediastation.dicom.header import INDEX_TAGS, NotDicom, read_header
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from tests.support.corpus import corpus_file, corpus_files

# The package's own files; pydicom's helpers would fetch further ones.
PYDICOM_FILES = sorted(
    path
    for folder in ("test_files", "charset_files")
    for path in (Path(pydicom.__file__).parent / "data" / folder).rglob("*")
    if path.is_file()
)
FILES = [*corpus_files(), *PYDICOM_FILES]
HOSTILE = corpus_files("broken", "media", "inputs")

CONTENT_SEQUENCE = 0x0040A730
PIXELS = (0x7FE00008, 0x7FE00009, 0x7FE00010)
ONLY = {
    0x0040A073: {0x0040A030},
    0x52009229: {0x00081140, 0x00209113, 0x00209116, 0x00289110},
}


def short(path: Path) -> str:
    """The last three parts of a path, by which a test is known."""
    return "/".join(path.parts[-3:])


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """pydicom warns about the very files this is for."""
    logging.disable(logging.CRITICAL)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield
    logging.disable(logging.NOTSET)


def plain(value: Any) -> Any:
    """A value as nested tuples of text, numbers and bytes without padding."""
    if isinstance(value, bytes):
        return value.rstrip(b"\0 ")
    if value is None:
        return ""
    if isinstance(value, (str, int)):
        return str(value).rstrip("\0 ")
    if isinstance(value, float):
        return repr(value)
    if hasattr(value, "original_string") and not hasattr(value, "components"):
        return str(value)
    if isinstance(value, (list, pydicom.multival.MultiValue)):
        return tuple(plain(part) for part in value) if len(value) else ""
    return str(value).rstrip("\0 ")


def is_left_out(tag: int) -> bool:
    return (
        tag >> 16 in (0x7FE0, 0x5400)
        or tag & 0xFFFF == 0
        or tag in (0x00420011, 0x00880200, 0xFFFCFFFC)
    )


def items(sequence: Any, only: set[int] | None = None) -> list[dict[int, Any]]:
    """The items of a pydicom sequence as mappings of tag to plain value."""
    found = []
    for item in sequence:
        values: dict[int, Any] = {}
        for tag in item._dict:
            if is_left_out(tag) or (only is not None and tag not in only):
                continue
            element = item[tag]
            values[int(tag)] = items(element.value) if element.VR == "SQ" else plain(element.value)
        found.append(values)
    return found


def theirs(tag: int, element: DataElement) -> Any:
    """What the index should keep of an element, as pydicom reads it."""
    if element.VR != "SQ":
        return plain(element.value)
    sequence = element.value
    if tag == CONTENT_SEQUENCE:
        sequence = [i for i in sequence if i.get("RelationshipType") == "HAS CONCEPT MOD"]
    return items(sequence, ONLY.get(tag))


def ours(tag: int, element: Element, charset: list[str]) -> Any:
    """What the index keeps, decoded by pydicom as Explicit VR Little Endian."""
    if element.vr == "SQ":
        stream = DicomBytesIO(element.value)
        return items(read_sequence(stream, False, True, len(element.value), charset))
    raw = RawDataElement(Tag(tag), element.vr, len(element.value), element.value, 0, False, True)
    return plain(convert_raw_data_element(raw, encoding=charset).value)


def readable(path: Path, header: InstanceHeader) -> Dataset:
    """What pydicom makes of a file, given the help it needs."""
    if header.has_file_meta:
        # A broken-off JPEG 2000 file loses all its elements without the second way.
        return pydicom.dcmread(path) or pydicom.dcmread(path, stop_before_pixels=True)
    if header.dataset_offset:
        return pydicom.dcmread(path, force=True)
    # The letters DICM may stand in the data; a preamble in front makes it clear.
    return pydicom.dcmread(BytesIO(bytes(128) + b"DICM" + path.read_bytes()), force=True)


@pytest.mark.parametrize("path", FILES, ids=short)
def test_every_indexed_value_is_what_pydicom_reads(path: Path) -> None:
    try:
        header = read_header(path)
    except NotDicom:
        with pytest.raises(InvalidDicomError):
            pydicom.dcmread(path)
        return
    ds = readable(path, header)
    charset = getattr(ds, "_character_set", None) or [default_encoding]
    charset = [charset] if isinstance(charset, str) else list(charset)
    found = {tag: ours(tag, e, charset) for tag, e in header.elements.items()}
    expected = {int(tag): theirs(tag, ds[tag]) for tag in ds._dict if tag in INDEX_TAGS}
    if not expected.get(CONTENT_SEQUENCE, True):
        del expected[CONTENT_SEQUENCE]

    assert found == expected
    assert {tag: e.vr for tag, e in header.elements.items()} == {
        tag: ds[tag].VR for tag in expected
    }


@pytest.mark.parametrize("path", FILES, ids=short)
def test_pixels_and_signatures_are_seen_where_pydicom_sees_them(path: Path) -> None:
    try:
        header = read_header(path)
    except NotDicom:
        return
    ds = readable(path, header)
    pixels = next((ds[tag] for tag in PIXELS if tag in ds), None)

    if header.complete:
        assert (header.pixels is PixelEncoding.ABSENT) == (pixels is None)
    if pixels is not None:
        encapsulated = header.pixels is PixelEncoding.ENCAPSULATED
        assert encapsulated == pixels.is_undefined_length
    assert header.signed == ("DigitalSignaturesSequence" in ds)


def test_the_corpus_is_complete_but_for_the_files_that_were_cut() -> None:
    cut = {
        "3gb-bulk-data-truncated",
        "MR_truncated.dcm",
        "emri_small_jpeg_2k_lossless_too_short.dcm",
        "rtplan_truncated.dcm",
        "truncated_dicomdir/DICOMDIR",
    }
    found = set()
    for path in FILES:
        with contextlib.suppress(NotDicom):
            if not read_header(path).complete:
                found.add(path)

    assert {p for p in found if not str(p).endswith(tuple(cut))} == set()
    assert len([p for p in FILES if str(p).endswith(tuple(cut))]) == len(found)


@pytest.mark.timeout(20)
@pytest.mark.parametrize("path", HOSTILE, ids=short)
def test_a_broken_file_gives_a_header_or_the_reason_why_not(path: Path) -> None:
    try:
        header = read_header(path)
    except NotDicom as error:
        reason = str(error)
    else:
        assert header.transfer_syntax_uid
        assert all(finding.message and finding.reference for finding in header.findings)
        return
    assert path.name in reason


@pytest.mark.parametrize(
    "name", ["inputs/sample.mpeg", "inputs/HelloWorld.pdf", "inputs/pm-example-dcm.zip"]
)
def test_other_formats_are_not_dicom(name: str) -> None:
    with pytest.raises(NotDicom):
        read_header(corpus_file(name))


# What the corpus' own list says is wrong with each file.
FAULTS = {
    "broken/BadDicomFile.dcm": None,
    "broken/no_meta.dcm": None,
    "broken/ExplVR_BigEndNoMeta.dcm": {"no-preamble", "no-file-meta", "transfer-syntax-guessed"},
    "broken/rtstruct.dcm": {"no-preamble", "no-file-meta", "transfer-syntax-guessed"},
    "broken/meta_missing_tsyntax.dcm": {"meta-incomplete", "transfer-syntax-guessed"},
    "broken/no_meta_group_length.dcm": {"meta-incomplete"},
    "broken/CTImageStorage_bad_meta.dcm": {"meta-incomplete"},
    "broken/MR_truncated.dcm": {"truncated"},
    "broken/rtplan_truncated.dcm": {"truncated"},
    "broken/3gb-bulk-data-truncated": {"truncated"},
    "us/IM00001.implicit_little_endian.dcm": {"charset-unknown"},
    "xa_rf/jpeg_baseline_8bit.dcm": {"preamble"},
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_file_is_said(name: str) -> None:
    path, rules = corpus_file(name), FAULTS[name]
    if rules is None:
        with pytest.raises(NotDicom):
            read_header(path)
        return
    assert rules <= {finding.rule for finding in read_header(path).findings}
