from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.filereader import read_file_meta_info

from mediastation.errors import RefusedError
from mediastation.model.file_meta import encode_file_meta
from mediastation.network.part10 import read_sendable_file
from tests.support.corpus import corpus_files
from tests.support.network import CT, EXPLICIT_LE, write_ct


def test_what_is_read_from_the_corpus_is_what_pydicom_reads() -> None:
    compared = 0
    for path in corpus_files():
        try:
            file = read_sendable_file(path)
        except RefusedError:
            continue
        meta = read_file_meta_info(path)
        assert file.sop_class_uid == meta.MediaStorageSOPClassUID
        assert file.sop_instance_uid == meta.MediaStorageSOPInstanceUID
        assert file.transfer_syntax_uid == meta.TransferSyntaxUID
        assert file.dataset_offset + file.dataset_length == path.stat().st_size
        compared += 1
    if not corpus_files():
        pytest.skip("the corpus is not here")
    assert compared > 100


def test_a_wrong_group_length_does_not_matter(tmp_path: Path) -> None:
    path = write_ct(tmp_path / "file", "1.2.3")
    right = read_sendable_file(path)
    content = bytearray(path.read_bytes())
    content[140:144] = b"\xff\xff\0\0"
    path.write_bytes(content)

    assert read_sendable_file(path) == right


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"DICM",
        bytes(200),
        encode_file_meta(CT, "1.2.3", EXPLICIT_LE),
        encode_file_meta(CT, "", EXPLICIT_LE) + b"data",
        encode_file_meta(CT, "1" * 65, EXPLICIT_LE) + b"data",
        encode_file_meta(CT, "1.2.3", EXPLICIT_LE)[:-20],
    ],
    ids=["empty", "prefix", "zeros", "no data set", "no instance", "long UID", "cut off"],
)
def test_what_cannot_be_sent_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    with pytest.raises(RefusedError, match="file"):
        read_sendable_file(path)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_spoiled_file_is_read_or_refused(tmp_path: Path, data: st.DataObject) -> None:
    path = write_ct(tmp_path / "file", "1.2.3")
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 3))):
        content[data.draw(st.integers(132, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        file = read_sendable_file(path)
    except RefusedError:
        return
    assert 132 <= file.dataset_offset < path.stat().st_size
