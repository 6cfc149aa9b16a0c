"""Sealed sticks to import, and what may be found of them afterwards."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mediastation.importing import unsealed
from mediastation.model.finding import Severity
from mediastation.model.secrecy import Password
from mediastation.secure.opening.keys import KeyRing, read_private_key
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.station import Station
from tests.support.file_sets import write_folder
from tests.support.objects import write_ct, write_series
from tests.support.outside.damage import Tree
from tests.support.sealed_media import sealed_tree

CANARY = b"Canary of the pixels, sung once."
"""In the pixels of `canaries`: 32 octets, as many as a small CT image has."""


def ring(*words: str, keys: tuple[Path, ...] = ()) -> KeyRing:
    return KeyRing(tuple(map(Password, words)), tuple(map(read_private_key, keys)))


def take(station: Station, medium: Path, *words: str, **more: Any) -> ImportResult:
    """Import `medium` with the passwords `words`."""
    return import_medium(station, ImportRequest(medium, **more), keys=ring(*words))


def rules(result: ImportResult) -> dict[str, Severity]:
    return {finding.rule: finding.severity for finding in result.findings}


def stored(station: Station) -> set[str]:
    """The digests of what the store holds, by what lies there."""
    return {
        hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (station.home / "store").rglob("*")
        if path.is_file()
    }


def digests(files: Mapping[str, bytes]) -> set[str]:
    return {hashlib.sha256(content).hexdigest() for content in files.values()}


def stick(folder: Path, tree: Tree) -> Path:
    return write_folder(tree, folder / "stick")


def enumerate_files(folder: Path, number: int, **facts: Any) -> dict[str, bytes]:
    """Plain instances of one series by name."""
    paths = write_series(folder / "plain-series", number, **facts)
    return {f"IM{place}": path.read_bytes() for place, path in enumerate(paths)}


def canaries(folder: Path, number: int) -> Tree:
    """Envelopes of instances whose pixels are the canary; one of them is larger than memory."""
    tree = {
        f"IM{place}": content
        for place, content in enumerate(enumerate_files(folder, number, PixelData=CANARY).values())
    }
    large = CANARY * (1 << 18)
    facts = {"Rows": 2048, "Columns": 2048, "PixelData": large, "SOPInstanceUID": "1.2.3.1.99999"}
    tree["LARGE"] = write_ct(folder / "large", **facts).read_bytes()
    assert len(tree["LARGE"]) > unsealed.MEMORY_BYTES
    return sealed_tree(tree)


def secrets_in(home: Path, *secrets: bytes) -> list[str]:
    """Where a secret stands below `home`: file and offset; what the store keeps is no secret."""
    found = []
    for path in sorted(home.rglob("*")):
        if not path.is_file() or (home / "store") in path.parents:
            continue
        content = path.read_bytes()
        found += [f"{path}: {content.index(one)}" for one in secrets if one in content]
    return found
