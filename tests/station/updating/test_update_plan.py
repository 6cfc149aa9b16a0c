"""What stays of a tree of records when studies, series or instances are taken out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.errors import ConfigError, RefusedError
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.station.updating.plan import plan_removal, require_updatable
from tests.support.file_sets import Record, dicomdir, element, image, patient, series, study


def directory(*roots: Record) -> Dicomdir:
    return read_dicomdir(dicomdir(list(roots)))


def hospital(shape: list[list[list[int]]]) -> list[Record]:
    """People, their studies, their series, and the number of images in each."""
    return [
        patient(
            f"P{p}",
            *(
                study(
                    f"1.{p}.{s}",
                    *(
                        series(
                            f"1.{p}.{s}.{r}",
                            *(
                                image(f"P{p}/S{s}/R{r}/I{i}", f"1.{p}.{s}.{r}.{i}")
                                for i in range(1, images + 1)
                            ),
                        )
                        for r, images in enumerate(person_series, start=1)
                    ),
                )
                for s, person_series in enumerate(studies, start=1)
            ),
        )
        for p, studies in enumerate(shape, start=1)
    ]


shapes = st.lists(
    st.lists(st.lists(st.integers(1, 3), min_size=1, max_size=3), min_size=1, max_size=3),
    min_size=1,
    max_size=3,
)


def left(found: Dicomdir, uids: list[str]) -> set[str]:
    planned = plan_removal(found, uids)
    stay = {
        record.sop_instance_uid
        for record, stays in zip(found.records, planned.stays, strict=True)
        if stays and record.sop_instance_uid
    }
    everything = {record.sop_instance_uid for record in found.records} - {""}
    assert planned.instances == len(stay)
    assert planned.removed_uids == everything - stay
    return stay


@given(shapes, st.data())
def test_what_is_named_goes_and_nothing_is_left_empty(
    shape: list[list[list[int]]], data: st.DataObject
) -> None:
    found = directory(*hospital(shape))
    everything = sorted({record.sop_instance_uid for record in found.records} - {""})
    # A prefix of an instance's UID is that of its series, then of its study.
    levels = st.tuples(st.sampled_from(everything), st.integers(3, 5))
    named = {
        ".".join(uid.split(".")[:level]) for uid, level in data.draw(st.lists(levels, max_size=4))
    }

    stay = left(found, sorted(named))

    gone = {
        uid for uid in everything
        if any(uid == one or uid.startswith(f"{one}.") for one in named)
    }  # fmt: skip
    assert stay == set(everything) - gone
    stays = plan_removal(found, sorted(named)).stays
    parents = found.tree.parents
    with_children = {parents[index] for index, kept in enumerate(stays) if kept}
    for index, record in enumerate(found.records):
        if stays[index]:
            assert record.file_id or index in with_children
            assert parents[index] < 0 or stays[parents[index]]


def test_nothing_named_leaves_everything_even_what_is_empty() -> None:
    found = directory(patient("P", study("1.2")), *hospital([[[1]]]))

    assert list(plan_removal(found, []).stays) == [1] * len(found.records)


def test_a_uid_of_two_levels_takes_out_both() -> None:
    """Some makers give a study and its series one UID."""
    found = directory(patient("P", study("1.2", series("1.2", image("A", "1.2.1"))),
                              study("1.3", series("1.3.1", image("B", "1.3.1.1")))))  # fmt: skip

    assert left(found, ["1.2"]) == {"1.3.1.1"}


def test_what_hangs_below_an_instance_goes_with_it() -> None:
    leaf = image("A", "1.2.1.1")
    leaf.children = [Record("PRIVATE", element(0x00041432, "UI", "1.9"), [], "B", "1.2.1.2")]
    found = directory(patient("P", study("1.2", series("1.2.1", leaf, image("C", "1.2.1.3")))))

    assert left(found, ["1.2.1.1"]) == {"1.2.1.3"}


@pytest.mark.parametrize("uid", ["", "P1", "1.1", "1.1.1.1.9"])
def test_what_names_nothing_is_told(uid: str) -> None:
    with pytest.raises(ConfigError):
        plan_removal(directory(*hospital([[[2]]])), ["1.1.1.1.1", uid])


@pytest.mark.parametrize(
    ("spoilt", "rule"),
    [
        (dicomdir([]), "no-directory"),
        (dicomdir(hospital([[[1]]]), syntax="1.2.840.10008.1.2.2"), ""),
        (dicomdir([Record("MRDR", b"", [], "A", "1.2")]), "retired-record"),
        (b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03" + bytes(200), "enveloped"),
    ],
)
def test_what_cannot_be_copied_is_refused(spoilt: bytes, rule: str) -> None:
    found = read_dicomdir(spoilt)
    if not rule:
        # Said to be Big Endian and written Little Endian: the verifier stops that.
        require_updatable(found)
        assert found.findings
        return
    with pytest.raises(RefusedError) as told:
        require_updatable(found)

    assert [finding.rule for finding in told.value.findings] == [rule]
