"""The instance store: files under their SHA-256, never changed, never replaced.

Originals lie in ``store/``, copies that were prepared for media in
``prepared/``: these can be made again, so rebuilding the index drops them.
Coerced copies lie in ``coerced/``; what they stand for is in ``origins/``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mediastation.catalog.durable import make_private_folder, sync_folder
from mediastation.model.entry import Kind

_FOLDERS = {Kind.ORIGINAL: "store", Kind.PREPARED: "prepared", Kind.COERCED: "coerced"}
_SHARD = re.compile(r"[0-9a-f]{3}")
_REST = re.compile(r"[0-9a-f]{61}")


class InstanceStore:
    """Where the files of one home lie.

    4,096 shards keep a folder at a few hundred names when the store holds a
    million instances.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        for name in _FOLDERS.values():
            make_private_folder(home / name)

    def path(self, sha256: str, kind: Kind = Kind.ORIGINAL) -> Path:
        """Return where the file with this digest lies, or would lie."""
        return self.home / _FOLDERS[kind] / sha256[:3] / sha256[3:]

    def holds(self, sha256: str, kind: Kind, size_bytes: int) -> bool:
        """Tell whether the file with this digest is there in its full length."""
        try:
            return self.path(sha256, kind).stat().st_size == size_bytes
        except FileNotFoundError:
            return False

    def place(self, file: Path, sha256: str, kind: Kind = Kind.ORIGINAL) -> list[Path]:
        """Rename `file`, which has this digest, into the store.

        A file that is there already has the same content and stays, unless it
        lost some of it.

        Returns
        -------
        list of Path
            The folders that the caller has to make durable afterwards, as it
            made the content durable before.
        """
        target = self.path(sha256, kind)
        changed = [target.parent]
        if not target.parent.is_dir():
            target.parent.mkdir(mode=0o700, exist_ok=True)
            changed.append(target.parent.parent)
        if not file.exists() and target.exists():
            return changed  # an earlier try, which failed later, has placed it
        if self.holds(sha256, kind, file.stat().st_size):
            file.unlink()
        else:
            file.chmod(0o400)
            file.replace(target)
        return changed

    def remove(self, sha256: str, kind: Kind = Kind.ORIGINAL) -> None:
        """Remove the file with this digest, durably; one that is gone is no error."""
        target = self.path(sha256, kind)
        target.unlink(missing_ok=True)
        if target.parent.is_dir():
            sync_folder(target.parent)

    def iter_digests(self, kind: Kind = Kind.ORIGINAL) -> Iterator[str]:
        """Yield the digest of every stored file, by name alone; strange names are passed over."""
        for shard in sorted((self.home / _FOLDERS[kind]).iterdir()):
            if _SHARD.fullmatch(shard.name) and shard.is_dir():
                for file in sorted(shard.iterdir()):
                    if _REST.fullmatch(file.name):
                        yield shard.name + file.name
