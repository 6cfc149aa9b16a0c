"""Assignment of File IDs: legal, unique, a thousand to a directory."""

from __future__ import annotations

import re
from collections import Counter

from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.fileset.file_ids import FileIdAssigner


def assigned(tree: list[list[list[int]]], root_objects: int = 0) -> list[tuple[str, ...]]:
    """Names for people, their studies, and the number of instances in each series."""
    file_ids = FileIdAssigner()
    found = []
    for studies in tree:
        file_ids.begin_patient()
        for series in studies:
            file_ids.begin_study()
            for instances in series:
                file_ids.begin_series()
                found += [file_ids.next_instance() for _ in range(instances)]
    return found + [file_ids.next_root_object() for _ in range(root_objects)]


def test_names_count_per_parent() -> None:
    assert ["/".join(file_id) for file_id in assigned([[[2, 1]], [[1]]], 1)] == [
        "DICOM/PT000001/ST000001/SE000001/IM000001",
        "DICOM/PT000001/ST000001/SE000001/IM000002",
        "DICOM/PT000001/ST000001/SE000002/IM000001",
        "DICOM/PT000002/ST000001/SE000001/IM000001",
        "DICOM/RT000000/OB000001",
    ]


def test_a_thousand_files_share_a_directory_and_the_next_one_opens_another() -> None:
    names = ["/".join(file_id[4:]) for file_id in assigned([[[2001]]])]

    assert names[999:1001] == ["IM001000", "G0000001/IM000001"]
    assert names[2000] == "G0000002/IM000001"


def check(file_ids: list[tuple[str, ...]]) -> None:
    assert len(set(file_ids)) == len(file_ids)
    assert all(len(file_id) <= 7 for file_id in file_ids)
    assert all(re.fullmatch("[A-Z0-9_]{1,8}", part) for file_id in file_ids for part in file_id)
    files = Counter(file_id[:-1] for file_id in file_ids)
    assert max(files.values(), default=0) <= 1000
    folders = {file_id[:end] for file_id in file_ids for end in range(1, len(file_id))}
    entries = Counter(folder[:-1] for folder in folders)
    assert all(count <= 1000 for count in entries.values())


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.lists(st.lists(st.integers(1, 4), max_size=4), max_size=4), max_size=4),
    st.integers(0, 2100),
)
def test_names_are_legal_and_unique(tree: list[list[list[int]]], root_objects: int) -> None:
    check(assigned(tree, root_objects))


def test_no_level_overflows() -> None:
    """Beyond a thousand, patients, studies, series and files go on in a directory of their own."""
    check(assigned([[[1]]] * 2500))
    check(assigned([[[1]] * 2500]))
    check(assigned([[[1] * 2500]]))
    check(assigned([[[12_000]]]))
