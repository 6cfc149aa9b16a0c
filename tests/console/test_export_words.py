"""What the last question before an export says, as literals."""

from __future__ import annotations

import pytest

from mediastation.console.screens.export_choices import Choices
from mediastation.console.screens.export_words import confirmation
from mediastation.station.exporting.foresight import Foresight

CD = Choices(profile="STD-GEN-CD", medium="CD-80", format="iso9660", given_to="Dr A")


@pytest.mark.parametrize(
    ("growing", "said"), [(1, "! 1 study is still growing"), (2, "! 2 studies are still growing")]
)
def test_studies_that_may_not_be_complete_are_told_where_it_is_decided(
    growing: int, said: str
) -> None:
    assert said in confirmation(CD, (), Foresight(), growing)


def test_complete_studies_are_no_news() -> None:
    told = confirmation(CD, (), Foresight())

    assert "growing" not in told
    assert "given to Dr A" in told
