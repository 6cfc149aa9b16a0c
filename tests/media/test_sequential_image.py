"""An image written in order: the file, its digest and those of its structure agree."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.media.contract import WrittenImage
from mediastation.media.part_file import open_part_file
from mediastation.media.sequential_image import SequentialImage

SECTORS = 1200  # more than two of the runs that reach the disk at once


def written(put: Callable[[SequentialImage], None]) -> tuple[bytes, WrittenImage]:
    """Return the file that `put` and zeros up to the end make."""
    with (
        tempfile.TemporaryDirectory() as folder,
        open_part_file(Path(folder) / "image", SECTORS * 2048) as part,
    ):
        image = SequentialImage(part, size_sectors=SECTORS)
        try:
            put(image)
            image.blank_until(SECTORS)
            result = image.finish()
            return part.path.read_bytes(), result
        finally:
            image.close()


steps = st.one_of(
    st.tuples(st.just("structure"), st.integers(1, 3)),
    st.tuples(st.just("file"), st.integers(0, 400_000)),
    st.tuples(st.just("blank"), st.integers(0, 5)),
    st.tuples(st.just("skip"), st.integers(0, 200)),
)


@given(st.lists(steps, max_size=5))
@settings(deadline=None)
def test_file_digest_and_structure_are_what_was_put(drawn: list[tuple[str, int]]) -> None:
    expected = bytearray()
    of_files: set[int] = set()

    def put(image: SequentialImage) -> None:
        for number, (kind, count) in enumerate(drawn, start=1):
            assert image.sector * 2048 == len(expected)
            if kind == "structure":
                image.put_structure(bytes([number]) * 2048 * count)
                expected.extend(bytes([number]) * 2048 * count)
            elif kind == "file":
                of_files.update(range(image.sector, image.sector - (count // -2048)))
                image.put_file(bytes([number]) * count)
                image.end_file()
                expected.extend(bytes([number]) * count)
                expected.extend(bytes(-len(expected) % 2048))
            elif kind == "skip":
                of_files.update(range(image.sector, image.sector + count))
                image.skip_until((image.sector + count) * 2048)
                expected.extend(bytes(2048 * count))
            else:
                image.blank_until(image.sector + count)
                expected.extend(bytes(2048 * count))

    data, image = written(put)

    assert data == bytes(expected).ljust(SECTORS * 2048, b"\0")
    assert image.sha256 == hashlib.sha256(data).hexdigest()
    assert [(one.sector, one.sha256) for one in image.structure] == [
        (number, hashlib.sha256(data[number * 2048 :][:2048]).hexdigest())
        for number in range(SECTORS)
        if number not in of_files
    ]


def test_a_twin_that_differs_has_its_own_digest() -> None:
    """What is said of a sector is what was written there, whatever it should have been."""
    one, other = b"1" * 2048, b"2" * 2048

    def put(image: SequentialImage) -> None:
        image.put_structure(one + one)
        image.put_structure(one, twin=0)
        image.put_structure(other, twin=1)

    _, image = written(put)

    digests = [digest.sha256 for digest in image.structure[:4]]
    assert digests == [hashlib.sha256(block).hexdigest() for block in (one, one, one, other)]


def test_what_is_not_as_planned_is_a_mistake() -> None:
    def too_long(image: SequentialImage) -> None:
        image.put_file(bytes(SECTORS * 2048 + 1))

    def back(image: SequentialImage) -> None:
        image.put_structure(bytes(4096))
        image.blank_until(1)

    def split(image: SequentialImage) -> None:
        image.put_structure(bytes(100))

    def inside_a_file(image: SequentialImage) -> None:
        image.put_file(b"1")
        image.put_structure(bytes(2048))

    for put, said in (
        (too_long, "grow"),
        (back, "comes next"),
        (split, "whole sectors"),
        (inside_a_file, "whole sectors"),
    ):
        with pytest.raises(ValueError, match=said):
            written(put)


def test_an_image_that_is_not_whole_is_not_finished(tmp_path: Path) -> None:
    with open_part_file(tmp_path / "image", 4096) as part:
        image = SequentialImage(part, size_sectors=2)
        try:
            image.put_structure(bytes(2048))
            with pytest.raises(ValueError, match="2048 of 4096"):
                image.finish()
        finally:
            image.close()
