"""Password files: the first line is the password, whoever wrote the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import SecrecyError
from mediastation.model.secrecy import LONGEST_PASSWORD
from mediastation.station.sealing.password_file import read_password_file

WORDS = b"canary lobster velvet"


@pytest.mark.parametrize("front", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b"\nsecond line\n"])
def test_neither_the_end_of_the_line_nor_the_mark_of_an_editor_belongs_to_it(
    tmp_path: Path, front: bytes, end: bytes
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(front + WORDS + end)

    assert read_password_file(path).octets == WORDS


@pytest.mark.parametrize("front", [b"", b"\xef\xbb\xbf"])
def test_the_longest_one_is_read_to_its_end(tmp_path: Path, front: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(front + b"x" * LONGEST_PASSWORD + b"\r\n")

    assert read_password_file(path).octets == b"x" * LONGEST_PASSWORD


@pytest.mark.parametrize(
    "content",
    [
        *(b"", b"\n", b"\r\n", b"\xef\xbb\xbf\n", "café".encode(), b"a\0b", b"x" * 1025),
        *(b"\xef\xbb\xbf" + b"x" * length for length in (1025, 1026, 3000)),
    ],
)
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(SecrecyError):
        read_password_file(path)
