"""What tests of burning ask and wait for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from mediastation.model.job import JobState
from mediastation.station.burning.request import BurnResult
from mediastation.station.station import Station

SR0 = "/dev/sr0"


def rules(result: BurnResult) -> list[str]:
    return [finding.rule for finding in result.findings]


def state_of(station: Station, job: int) -> tuple[JobState, dict[str, Any]]:
    record = station.jobs.get(job, station.clock.now())
    assert record is not None
    return record.state, record.result


def wait_for(found: Callable[[], Any], timeout_s: float = 60) -> Any:
    """Look until something is there; nobody tells when another process is so far."""
    ticks = threading.Event()
    for _ in range(round(timeout_s / 0.02)):
        if result := found():
            return result
        ticks.wait(0.02)
    raise AssertionError("it did not come")
