"""Windows on a file, on bytes and on a deflated stream show the same bytes."""

from __future__ import annotations

import os
import zlib
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.dicom import source
from mediastation.dicom.source import (
    HEAD_BYTES,
    BytesSource,
    FileSource,
    InflatedSource,
    Source,
    SourceLimitError,
)

CONTENT = bytes(i * 7 % 251 for i in range(300_000))


def deflated(content: bytes, behind: int = 0) -> InflatedSource:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(content) + packer.flush()
    return InflatedSource(BytesSource(bytes(behind) + packed), behind)


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("source") / "content"
    path.write_bytes(CONTENT)
    return path


looks = st.lists(
    st.tuples(st.integers(0, len(CONTENT) + 100), st.integers(1, 70_000)), min_size=1, max_size=12
)


def check_looks(opened: Source, looks: list[tuple[int, int]]) -> None:
    for offset, length in looks:
        expected = CONTENT[offset : offset + length]
        assert opened.window(offset, length) == expected
        assert opened.reaches(offset) is (offset <= len(CONTENT))
        if offset > len(CONTENT):
            continue
        block, base = opened.block(offset)
        assert base <= offset
        assert block == CONTENT[base : base + len(block)]
        assert len(block) - (offset - base) >= min(HEAD_BYTES, len(CONTENT) - offset)


@given(looks)
@settings(max_examples=60, deadline=None)
def test_every_source_shows_what_is_there(path: Path, looks: list[tuple[int, int]]) -> None:
    check_looks(BytesSource(CONTENT), looks)
    check_looks(deflated(CONTENT, behind=17), looks)
    descriptor = os.open(path, os.O_RDONLY)
    try:
        check_looks(FileSource(descriptor, len(CONTENT)), looks)
    finally:
        os.close(descriptor)


def test_a_deflated_stream_knows_when_it_is_finished() -> None:
    opened = deflated(CONTENT)

    assert opened.reaches(len(CONTENT))
    assert not opened.reaches(len(CONTENT) + 1)
    assert opened.finished
    assert opened.size == len(CONTENT)


def test_a_damaged_stream_shows_what_came_before_the_damage() -> None:
    packer = zlib.compressobj(wbits=-15)
    packed = packer.compress(CONTENT) + packer.flush(zlib.Z_FULL_FLUSH)
    opened = InflatedSource(BytesSource(packed + b"\xff" * 100), 0)

    assert opened.window(0, 1000) == CONTENT[:1000]
    assert not opened.reaches(len(CONTENT) + 1)
    assert opened.damaged
    assert not opened.finished


def test_what_was_let_go_is_refused_and_not_made_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "INFLATE_KEEP_BYTES", 1000)
    opened = deflated(CONTENT)
    assert opened.window(299_000, 500) == CONTENT[299_000:299_500]

    with pytest.raises(SourceLimitError):
        opened.window(0)


def test_no_more_than_the_limit_is_inflated(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "INFLATE_LIMIT_BYTES", 100_000)

    with pytest.raises(SourceLimitError):
        deflated(bytes(10_000_000)).reaches(10_000_000)
