"""Files for their owner alone: new, of mode 0600, whole or not there."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from mediastation.errors import ConfigError, MediaError
from mediastation.station.sealing.private_file import require_new_file, write_private_file


def test_nobody_else_may_read_it_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        write_private_file(tmp_path / "secret", b"content")
    finally:
        os.umask(before)

    assert (tmp_path / "secret").read_bytes() == b"content"
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("kind", ["file", "folder", "link", "broken link"])
def test_what_is_there_is_never_replaced(kind: str, tmp_path: Path) -> None:
    target, other = tmp_path / "target", tmp_path / "other"
    if kind == "file":
        target.write_bytes(b"kept")
    elif kind == "folder":
        target.mkdir()
    else:
        target.symlink_to(other)
        if kind == "link":
            other.write_bytes(b"kept")
    before = sorted((path.name, path.is_symlink()) for path in tmp_path.iterdir())

    for refuse in (require_new_file, lambda path: write_private_file(path, b"new")):
        with pytest.raises(ConfigError, match="is there already"):
            refuse(target)

    assert sorted((path.name, path.is_symlink()) for path in tmp_path.iterdir()) == before
    assert all(path.read_bytes() == b"kept" for path in (target, other) if path.is_file())


def test_a_folder_that_does_not_exist_is_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="does not exist"):
        require_new_file(tmp_path / "no" / "secret")


def test_where_the_disk_refuses_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)

    with pytest.raises(MediaError, match="full"):
        write_private_file(tmp_path / "secret", b"content")

    assert list(tmp_path.iterdir()) == []
