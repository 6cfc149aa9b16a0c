"""Repairs are named up to a number, and counted beyond it."""

from __future__ import annotations

from mediastation.model.repair import Repair, RepairLog


def log_of(kinds: str, limit: int = 2) -> RepairLog:
    """A log with one repair for each letter of `kinds`."""
    log = RepairLog(limit)
    for number, kind in enumerate(kinds):
        log.add(kind, f"record {number}", "wrong", "right")
    return log


def test_each_kind_is_named_up_to_the_limit_and_then_counted() -> None:
    log = log_of("abaaab")

    assert [(one.what, one.subject) for one in log] == [
        ("a", "record 0"),
        ("b", "record 1"),
        ("a", "record 2"),
        ("b", "record 5"),
        ("a", ""),
    ]
    assert list(log)[-1] == Repair("a", "", "", "2 more of this kind", count=2)
    assert (log.total, log.counts) == (6, {"a": 4, "b": 2})


def test_what_is_not_wanted_is_counted_all_the_same() -> None:
    log = RepairLog(1)

    assert [log.wants("a"), log.wants("a")] == [True, False]
    assert log.total == 2


def test_two_logs_become_one_that_keeps_the_limit() -> None:
    log = log_of("a")
    log.merge(log_of("aaab"), {"record 0": "X/DICOMDIR"})

    assert [one.subject for one in log] == ["record 0", "X/DICOMDIR", "record 3", ""]
    assert list(log)[-1].after == "2 more of this kind"
    assert log.total == 5
