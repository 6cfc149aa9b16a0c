"""Eighty answers on one screen."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.conformance.fit_summary import folded_names, group_fits
from mediastation.conformance.fits import ProfileFit
from mediastation.conformance.load import load_profiles
from mediastation.model.finding import Finding, error


def unfolded(pattern: str) -> set[str]:
    """Return all names that a folded one stands for."""
    choices: list[list[str]] = []
    rest = pattern
    while rest:
        if rest[0] == "[":
            inside, _, rest = rest[1:].partition("]")
            choices.append(["", inside])
        elif rest[0] == "{":
            inside, _, rest = rest[1:].partition("}")
            choices.append(inside.split(","))
        else:
            choices.append([rest[0]])
            rest = rest[1:]
    return {"".join(parts) for parts in product(*choices)}


def fit(name: str, *findings: Finding, after: tuple[str, ...] = ()) -> ProfileFit:
    return ProfileFit(name, not findings, after, findings)


def fault(message: str) -> Finding:
    return error("x", "1.2", message)


@given(st.sets(st.sampled_from(sorted(load_profiles()))))
def test_folding_covers_these_names_and_no_other(names: set[str]) -> None:
    covered = [name for pattern in folded_names(names) for name in unfolded(pattern)]

    assert sorted(covered) == sorted(names)


def test_all_names_fit_on_a_screen() -> None:
    assert len(folded_names(load_profiles())) <= 15


@pytest.mark.parametrize(
    ("names", "folded"),
    [
        (["STD-GEN-CD", "STD-GEN-SEC-CD"], "STD-GEN-[SEC-]CD"),
        (["STD-US-ID-SF-DVD", "STD-US-SC-SF-DVD"], "STD-US-{ID,SC}-SF-DVD"),
        (["STD-GEN-SEC-CD"], "STD-GEN-SEC-CD"),
        (["AUG-X"], "AUG-X"),
    ],
)
def test_a_fold_reads_as_people_write_it(names: list[str], folded: str) -> None:
    assert folded_names(names) == (folded,)


def test_what_fits_comes_first_and_reasons_are_shared() -> None:
    common, groups = group_fits(
        [
            fit("STD-GEN-CD"),
            fit("STD-CTMR-CD", after=("decode",)),
            fit("STD-XABC-CD", fault("STD-XABC-CD does not carry it.")),
            fit("STD-DEN-CD", fault("STD-DEN-CD does not carry it.")),
        ]
    )

    assert common == ()
    assert [(group.fits, group.after, group.count) for group in groups] == [
        (True, (), 1),
        (True, ("decode",), 1),
        (False, (), 2),
    ]
    assert groups[2].reasons == ("the profile does not carry it.",)


def test_what_keeps_a_set_from_all_profiles_is_said_once() -> None:
    of_set = fault("Two people.")
    common, groups = group_fits(
        [fit("STD-GEN-CD", of_set), fit("STD-XABC-CD", fault("Too large."), of_set)]
    )

    assert common == ("Two people.",)
    assert [(group.fits, group.reasons) for group in groups] == [
        (True, ()),
        (False, ("Too large.",)),
    ]


def test_many_reasons_are_cut() -> None:
    _, (group,) = group_fits([fit("STD-GEN-CD", *(fault(str(n)) for n in range(50)))])

    assert group.reasons == ("0", "1", "2", "and 47 other reasons")
