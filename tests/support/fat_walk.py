"""A FAT volume taken apart by its published layout, for tests: plain, trusting, and complete.

Nothing is shared with the writer or the reader. What cannot be raises an
`AssertionError`, so that walking an image of ours already proves a lot of it.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class WalkedEntry:
    """One entry of a directory, as recorded."""

    name: bytes
    attributes: int
    cluster: int
    size: int
    times: tuple[int, ...]
    chain: list[int] = field(default_factory=list)


@dataclass
class WalkedFat:
    """The volume: `start` and `data` are bytes from the image's beginning."""

    raw: memoryview
    start: int
    boot: bytes
    kind: int
    cluster_bytes: int
    clusters: int
    data: int
    tables: list[list[int]]
    files: dict[str, WalkedEntry] = field(default_factory=dict)
    directories: dict[str, list[WalkedEntry]] = field(default_factory=dict)
    chains: dict[str, list[int]] = field(default_factory=dict)

    def content(self, path: str) -> bytes:
        """What the file at `path` holds."""
        entry = self.files[path]
        pieces = [
            self.raw[self.offset(cluster) : self.offset(cluster) + self.cluster_bytes]
            for cluster in entry.chain
        ]
        return b"".join(pieces)[: entry.size]

    def offset(self, cluster: int) -> int:
        return self.data + (cluster - 2) * self.cluster_bytes

    def contents(self) -> dict[str, bytes]:
        return {path: self.content(path) for path in self.files}

    @property
    def label(self) -> bytes:
        """The label in the root directory; empty if there is none."""
        return next((entry.name for entry in self.directories[""] if entry.attributes == 8), b"")


def walk(image: Path | bytes) -> WalkedFat:
    """Take the volume apart; of a partitioned image, the first partition."""
    raw = memoryview(image.read_bytes() if isinstance(image, Path) else image)
    assert raw[510:512] == b"\x55\xaa"
    start = 0
    if raw[0] not in {0xEB, 0xE9}:
        start = struct.unpack_from("<I", raw, 454)[0] * 512
    boot = bytes(raw[start : start + 512])
    size, per_cluster, reserved, fats, roots, small = struct.unpack_from("<HBHBHH", boot, 11)
    fat = struct.unpack_from("<H", boot, 22)[0] or struct.unpack_from("<I", boot, 36)[0]
    total = small or struct.unpack_from("<I", boot, 32)[0]
    root = reserved + fats * fat
    data = root + roots * 32 // size
    clusters = (total - data) // per_cluster
    kind = 12 if clusters < 4085 else 16 if clusters < 65525 else 32
    assert start + total * size <= len(raw)
    tables = []
    for number in range(fats):
        at = start + (reserved + number * fat) * size
        table = raw[at : at + fat * size]
        assert kind in {16, 32}
        entries = table.cast("B").cast("H" if kind == 16 else "I").tolist()
        assert len(entries) >= clusters + 2
        assert not any(entries[clusters + 2 :])
        tables.append(entries[: clusters + 2])
    found = WalkedFat(
        raw, start, boot, kind, size * per_cluster, clusters, start + data * size, tables
    )
    if kind == 32:
        first = struct.unpack_from("<I", boot, 44)[0]
        found.chains[""] = _chain(found, first)
        _enter(found, "", _clusters(found, found.chains[""]))
    else:
        _enter(found, "", bytes(raw[start + root * size : found.data]))
    return found


def _enter(found: WalkedFat, path: str, content: bytes) -> None:
    entries = found.directories[path] = []
    for at in range(0, len(content), 32):
        raw = content[at : at + 32]
        if not raw[0]:
            assert not any(content[at:])
            break
        name, attributes, nt, tenths = struct.unpack_from("<11sBBB", raw)
        times = struct.unpack_from("<HHH", raw, 14) + struct.unpack_from("<HH", raw, 22)
        high, low = struct.unpack_from("<H", raw, 20)[0], struct.unpack_from("<H", raw, 26)[0]
        size = struct.unpack_from("<I", raw, 28)[0]
        assert (nt, tenths) == (0, 0)
        entry = WalkedEntry(name, attributes, high << 16 | low, size, times)
        entries.append(entry)
        if attributes == 8 or name[:1] == b".":
            continue
        base, extension = name[:8].decode("ascii"), name[8:].decode("ascii")
        shown = base.rstrip(" ") + (f".{extension.rstrip(' ')}" if extension.strip() else "")
        below = f"{path}/{shown}" if path else shown
        assert below not in found.files
        assert below not in found.directories
        if entry.cluster:
            entry.chain = _chain(found, entry.cluster)
            found.chains[below] = entry.chain
        if attributes & 16:
            assert entry.size == 0
            _enter(found, below, _clusters(found, entry.chain))
        else:
            assert len(entry.chain) == -(entry.size // -found.cluster_bytes)
            found.files[below] = entry


def _chain(found: WalkedFat, first: int) -> list[int]:
    end = 0xFFF8 if found.kind == 16 else 0x0FFFFFF8
    chain = [first]
    while (following := found.tables[0][chain[-1]]) < end:
        assert 2 <= following < found.clusters + 2
        assert len(chain) <= found.clusters
        chain.append(following)
    return chain


def _clusters(found: WalkedFat, chain: list[int]) -> bytes:
    return b"".join(
        found.raw[found.offset(cluster) : found.offset(cluster) + found.cluster_bytes]
        for cluster in chain
    )
