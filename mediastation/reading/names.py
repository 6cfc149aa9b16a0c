"""Names as media record them, as a person may be shown them, and as a lookup compares them."""

from __future__ import annotations

import re
from collections.abc import Sequence

_VERSION = re.compile(r";[0-9]{0,5}$")
_UNSAFE = re.compile("[\x00-\x1f\x7f-\x9f/\\\\\ud800-\udfff\u202a-\u202e\u2066-\u2069]")


def safe_name(name: str) -> str:
    """Return one path component that cannot climb, split or steer a terminal.

    Separators, control characters, lone surrogates and direction overrides
    become ``%`` and their code in hexadecimal; so do the dots of ``.`` and
    ``..`` and a name that is empty.
    """
    if name in {"", ".", ".."}:
        return "%2E" * len(name) or "%"
    return _UNSAFE.sub(lambda match: f"%{ord(match[0]):02X}", name)


def iso_name(identifier: bytes, encoding: str = "latin-1") -> str:
    """Return an ISO 9660 file identifier as a path component; Joliet's are in UTF-16.

    The version number and the separator of an empty extension belong to the
    file system, not to the File ID (PS3.12, F.1.2): ``IMAGE1.;1`` is
    ``IMAGE1``.
    """
    name = _VERSION.sub("", identifier.decode(encoding, "replace"))
    return safe_name(name[:-1] if name.endswith(".") and name.strip(".") else name)


def folded(component: str) -> str:
    """Return what two spellings of one name have in common."""
    return _VERSION.sub("", component.strip(" \0")).removesuffix(".").upper()


def split_components(components: Sequence[str]) -> list[str] | None:
    """Return `components` with separators inside one of them taken as such.

    None if one is empty or climbs: such a name is never looked for.
    """
    parts = [part for component in components for part in re.split(r"[/\\]", component)]
    if not parts or any(part.strip(" \0") in {"", ".", ".."} for part in parts):
        return None
    return parts


def tolerances(asked: Sequence[str], recorded: Sequence[str]) -> tuple[str, ...]:
    """Name the differences between two spellings that `folded` takes for one."""
    found: dict[str, None] = {}
    if len(asked) != len(recorded):
        found["separator inside a component"] = None
    for left, right in zip("/".join(asked).split("/"), recorded, strict=False):
        first, second = left.strip(" \0"), right.strip(" \0")
        if first != left or second != right:
            found["blank at the end"] = None
        if bool(_VERSION.search(first)) != bool(_VERSION.search(second)):
            found["version number"] = None
        first, second = _VERSION.sub("", first), _VERSION.sub("", second)
        if first.endswith(".") != second.endswith("."):
            found["trailing dot"] = None
        if first.removesuffix(".") != second.removesuffix("."):
            found["letter case"] = None
    return tuple(found)
