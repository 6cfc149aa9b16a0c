"""Password files: the first line is the password, whoever wrote the file."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.errors import SecrecyError
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


@pytest.mark.parametrize(
    "content", [b"", b"\n", b"\r\n", b"\xef\xbb\xbf\n", "café".encode(), b"a\0b", b"x" * 1025]
)
def test_what_is_no_password_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content)

    with pytest.raises(SecrecyError):
        read_password_file(path)
