"""The clock that pycdlib is given."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime

import pycdlib
import pytest
from pycdlib import dates

from mediastation.media.pycdlib_clock import pycdlib_clock

MOMENT = datetime(2001, 2, 3, 4, 5, 6, 999_999, tzinfo=UTC)


def recorded() -> bytes:
    """Return the date that pycdlib would record now."""
    iso = pycdlib.PyCdlib()
    iso.new()
    date: bytes = iso.pvd.volume_creation_date.record()
    return date


def test_inside_it_is_the_moment_and_outside_it_is_now() -> None:
    with pycdlib_clock(MOMENT):
        assert recorded() == b"2001020304050600\0"
        assert int(dates.time.time()) == int(MOMENT.timestamp())

    assert dates.time is time
    assert recorded()[:4] != b"2001"


def test_the_clock_is_given_back_after_an_error() -> None:
    with pytest.raises(RuntimeError), pycdlib_clock(MOMENT):
        raise RuntimeError

    assert dates.time is time


def test_threads_keep_their_own_moments() -> None:
    """All are inside at once; one has no moment, and one leaves before the others."""
    years = [b"1999", b"2011", b"2150"]
    seen: dict[bytes, bytes] = {}
    inside, left = threading.Barrier(4, timeout=30), threading.Event()

    def work(year: bytes) -> None:
        with pycdlib_clock(MOMENT.replace(year=int(year))):
            inside.wait()
            if year != years[0]:
                left.wait(30)
            seen[year] = recorded()[:4]
        if year == years[0]:
            left.set()

    threads = [threading.Thread(target=work, args=(year,)) for year in years]
    for thread in threads:
        thread.start()
    inside.wait()
    assert abs(dates.time.time() - time.time()) < 3600
    for thread in threads:
        thread.join(30)

    assert seen == {year: year for year in years}
    assert dates.time is time
