"""A log of findings stays small and still tells how many there were."""

from __future__ import annotations

import pytest

from mediastation.model.finding import Finding, error, note, warning
from mediastation.reading import findings as module
from mediastation.reading.findings import FindingLog, until_given_up


def log_of(*findings: Finding, limit: int = 3) -> FindingLog:
    log = FindingLog(limit)
    log.extend(findings)
    return log


def test_few_findings_are_kept_in_order() -> None:
    given = [error("a", "1", "x"), note("b", "2", "y"), error("a", "3", "z")]

    assert list(log_of(*given)) == given


def test_beyond_the_limit_a_rule_is_counted_with_its_heaviest_weight() -> None:
    given = [note("a", str(n), "x") for n in range(5)] + [error("a", "5", "x")]
    given += [warning("b", "only", "y"), note("a", "6", "x")]

    log = log_of(*given)

    assert list(log) == [*given[:3], given[6], error("a", "", "4 more findings of this kind")]
    assert log.total == 8


def test_a_log_taken_into_another_keeps_its_count() -> None:
    inner = log_of(*(error("a", str(n), "x") for n in range(10)))

    outer = log_of(error("a", "first", "x"), *inner)

    kept = list(outer)
    assert [finding.subject for finding in kept] == ["first", "0", "1", ""]
    assert kept[-1].message == "8 more findings of this kind"
    assert outer.total == 11


def test_too_many_faults_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MAX_FAULTS", 5)

    told = list(until_given_up((error("a", str(n), "x") for n in range(100)), "disc"))

    assert [finding.rule for finding in told] == ["a"] * 5 + ["given-up"]
    assert list(until_given_up([note("a", "1", "x")], "disc")) == [note("a", "1", "x")]
