"""Trees of files whose DICOM files lie in envelopes, as a secure profile has them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.support.envelopes import make_envelope

WORDS = "tulip-88 over the North Sea"
"""The password of `sealed`; it stands nowhere else, so that a search for it finds what leaks."""


def sealed(content: bytes, **how: Any) -> bytes:
    """Return an envelope around `content`; for `WORDS`, unless `how` names somebody."""
    if not {"password", "passwords", "certificates", "other_recipients"} & set(how):
        how["password"] = WORDS
    return make_envelope(content, **{"iterations": 1000, "salt": b"8 octets", **how})


def sealed_tree(tree: Mapping[str, bytes], **how: Any) -> dict[str, bytes]:
    """Return `tree` with every DICOM file of it, the DICOMDIR too, in an envelope."""
    return {
        path: sealed(content, **how) if content[128:132] == b"DICM" else content
        for path, content in tree.items()
    }
