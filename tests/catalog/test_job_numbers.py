"""Numbers of jobs: none is given twice, whatever became of the index."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.job_queue import JobQueue
from mediastation.catalog.jobs import JobTable
from mediastation.catalog.ledger import Ledger
from mediastation.model.ledger import LedgerEntry, LedgerEvent

First = Callable[[Catalog], int]


def create(catalog: Catalog) -> int:
    return JobTable(catalog).create("export", {}, "me", "host:1", 100.0)


def submit(catalog: Catalog) -> int:
    return JobQueue(catalog).submit("export", {}, "me", 100.0, moment="", seed="ab")


def record(catalog: Catalog, job: int | None, **facts: object) -> None:
    draft = LedgerEntry(
        number=0, at="2026-11-23T09:30:00.000+00:00", event=LedgerEvent.MADE, operator="me",
        job=job, station={}, facts=facts,
    )  # fmt: skip
    Ledger(catalog).append(draft)


@pytest.mark.parametrize("first", [create, submit])
class TestANewIndex:
    """What outlived the one before has the numbers of other jobs."""

    def test_goes_on_behind_the_folders_of_jobs(self, catalog: Catalog, first: First) -> None:
        for name in ("3", "12", "x", "²", "9" * 30):
            (catalog.home / "jobs" / name).mkdir(parents=True)

        assert first(catalog) == 13
        assert [create(catalog), submit(catalog)] == [14, 15]

    def test_goes_on_behind_the_jobs_of_the_ledger(self, catalog: Catalog, first: First) -> None:
        """A reprint of one would otherwise be recorded as one of another patient's medium."""
        record(catalog, 41, label='"job":99')
        record(catalog, 7, of_job=5)
        record(catalog, None)

        assert first(catalog) == 42
        assert [create(catalog), submit(catalog)] == [43, 44]

    def test_begins_with_one_where_nothing_was_before(self, catalog: Catalog, first: First) -> None:
        assert first(catalog) == 1
        (catalog.home / "jobs" / "50").mkdir(parents=True)
        assert create(catalog) == 2
