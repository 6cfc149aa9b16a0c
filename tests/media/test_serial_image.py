"""The file that pycdlib writes into: whatever the order of the writes, one file and its digest."""

from __future__ import annotations

import hashlib
import io
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.media.part_file import open_part_file
from mediastation.media.serial_image import SerialImage

SECTORS = 1200  # more than two of the runs that reach the disk at once
HEAD = 4


def written(writes: list[tuple[int, bytes]], head: int = HEAD) -> tuple[bytes, str, list[str]]:
    """Perform `writes`, and return the file, its digest and those of all sectors."""
    size = SECTORS * 2048
    with (
        tempfile.TemporaryDirectory() as folder,
        open_part_file(Path(folder) / "image", size) as part,
    ):
        image = SerialImage(part, head_bytes=head * 2048, size_bytes=size)
        try:
            for offset, data in writes:
                image.seek(offset)
                image.write(data)
                assert image.tell() == offset + len(data)
            sha256, sectors = image.finish([range(SECTORS)])
        finally:
            image.close()
        return part.path.read_bytes(), sha256, [digest.sha256 for digest in sectors]


def model(writes: list[tuple[int, bytes]]) -> bytes:
    """Return what an ordinary file would hold."""
    file = io.BytesIO(bytes(SECTORS * 2048))
    for offset, data in writes:
        file.seek(offset)
        file.write(data)
    return file.getvalue()


in_head = st.tuples(st.integers(0, (HEAD - 1) * 2048), st.binary(max_size=2048))
in_files = st.tuples(
    st.integers(HEAD * 2048, (SECTORS - 600) * 2048),
    st.one_of(st.binary(max_size=50), st.integers(1, 255).map(lambda n: bytes([n]) * n * 4096)),
)


@given(st.lists(in_head, max_size=6), st.lists(in_files, max_size=6))
def test_any_order_of_writes_gives_the_file_and_its_true_digest(
    head: list[tuple[int, bytes]], files: list[tuple[int, bytes]]
) -> None:
    wanted = model(head + files)

    data, sha256, sectors = written(head + files)

    assert data == wanted
    assert sha256 == hashlib.sha256(wanted).hexdigest()
    assert sectors == [
        hashlib.sha256(wanted[start : start + 2048]).hexdigest()
        for start in range(0, len(wanted), 2048)
    ]


def test_a_head_changed_afterwards_is_digested_as_it_lies_on_disk() -> None:
    writes = [(0, b"early"), (HEAD * 2048, b"file" * 500_000), (1, b"late")]

    data, sha256, sectors = written(writes)

    assert data[:6] == b"elate\0"
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert sectors[0] == hashlib.sha256(data[:2048]).hexdigest()


def test_the_end_is_that_of_what_was_written(tmp_path: Path) -> None:
    with open_part_file(tmp_path / "image", 8192) as part:
        image = SerialImage(part, head_bytes=2048, size_bytes=8192)
        image.seek(100)
        image.write(b"12345")

        assert image.seek(0, os.SEEK_END) == 105
        assert image.seek(-5, os.SEEK_CUR) == 100
        image.close()


@pytest.mark.parametrize(("offset", "length"), [(8190, 3), (2047, 2)])
def test_writes_over_the_end_or_across_the_head_are_mistakes(
    tmp_path: Path, offset: int, length: int
) -> None:
    with open_part_file(tmp_path / "image", 8192) as part:
        image = SerialImage(part, head_bytes=2048, size_bytes=8192)
        image.seek(offset)
        with pytest.raises(ValueError, match=r"grow over|reaches from"):
            image.write(bytes(length))
        image.close()
