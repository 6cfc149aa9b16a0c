"""The verifier's table of records and the writer's were typed apart; they must say the same."""

from __future__ import annotations

import pytest

from mediastation.model.record import ROOT as WRITERS_ROOT
from mediastation.model.record_types import RECORD_TYPES
from mediastation.reading.record_types import (
    CHILDREN,
    CURRENT_TYPES,
    INSTANCE_TYPES,
    PRIVATE,
    RETIRED_TYPES,
    ROOT,
    TYPE_1,
    TYPE_2,
)


@pytest.mark.parametrize("name", sorted(CURRENT_TYPES - {PRIVATE}))
def test_both_tables_have_the_same_keys_in_the_same_place(name: str) -> None:
    written = RECORD_TYPES[name]

    parents = {above for above, below in CHILDREN.items() if name in below}
    assert parents == {ROOT if written.parent == WRITERS_ROOT else written.parent}
    assert set(TYPE_1.get(name, ())) == {key.tag for key in written.keys if key.type == "1"}
    assert set(TYPE_2.get(name, ())) == {key.tag for key in written.keys if key.type == "2"}


def test_no_type_is_current_and_retired() -> None:
    assert not CURRENT_TYPES & RETIRED_TYPES
    assert set(RECORD_TYPES) - {PRIVATE} == CURRENT_TYPES - {PRIVATE}


def test_private_records_may_lie_under_every_type() -> None:
    assert all(PRIVATE in below for below in CHILDREN.values())


def test_only_three_types_have_children_of_the_standard() -> None:
    """Counted in PS3.3 2024c F.4: 34 types, and WF PRESENTATION of 2025a."""
    assert len(CURRENT_TYPES) == 35
    assert {above for above, below in CHILDREN.items() if below - {PRIVATE}} == {
        ROOT,
        "PATIENT",
        "STUDY",
        "SERIES",
    }
    assert len(INSTANCE_TYPES) == 31
