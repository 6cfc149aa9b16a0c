"""Text that a database takes."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.text import storable


@given(st.binary(max_size=20))
def test_any_file_name_can_be_stored_and_still_tells_its_bytes(name: bytes) -> None:
    stored = storable(os.fsdecode(name))

    assert stored == os.fsdecode(name) or "\\x" in stored


@given(st.text())
def test_text_that_can_be_stored_stays_as_it_is(text: str) -> None:
    """Hypothesis makes no surrogates unless asked."""
    assert storable(text) == text


def test_a_lone_surrogate_from_anywhere_is_written_out() -> None:
    assert storable("a\ud800b") == "a\\ud800b"
