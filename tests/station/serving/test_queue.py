"""What carries the numbers of jobs: SQLite, PostgreSQL or Redis, with the same manners."""

from __future__ import annotations

import signal
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.errors import ConfigError, MediaError
from mediastation.station.serving.queue import JobTransport
from tests.support.servers import PASSWORD, configure, postgres_server, redis_server


@pytest.fixture(params=["sqlite", "postgresql", "redis"])
def url(request: pytest.FixtureRequest) -> str:
    """What the setting `queue` names."""
    fixture = {"postgresql": "shared_database", "redis": "redis_url"}.get(request.param)
    return str(request.getfixturevalue(fixture)) if fixture else ""


@pytest.fixture
def transport(tmp_path: Path, url: str) -> Iterator[JobTransport]:
    with JobTransport(configure(tmp_path / "home"), url) as opened:
        yield opened
        while opened.take() is not None:
            pass


def test_a_number_comes_out_once_the_more_urgent_first(transport: JobTransport) -> None:
    for number, priority in ((1, 0), (2, 9), (3, -9), (4, 0)):
        transport.put(number, priority=priority)

    assert [transport.take() for _ in range(5)] == [2, 1, 4, 3, None]


def test_each_place_has_its_own(transport: JobTransport) -> None:
    transport.put(1, "here")
    transport.put(2)

    assert transport.take("there") is None
    assert transport.take("here") == 1
    assert transport.take("here") is None
    assert transport.take() == 2


def test_what_one_station_puts_in_another_takes_out(
    transport: JobTransport, tmp_path: Path, url: str
) -> None:
    home = tmp_path / "other" if url else tmp_path / "home"
    with JobTransport(configure(home), url) as other:
        other.put(7)
        assert transport.take() == 7
        assert other.take() is None


def test_foreign_messages_are_passed_over(transport: JobTransport) -> None:
    transport.put(1)
    assert transport.take() == 1
    storage = transport._queue("").storage
    for message in (b"\x80\x04.", b'["x", "no.such.task"]'):
        storage.enqueue(message, 0)
    assert transport.take() is None
    assert transport.take() is None
    transport.put(2)
    assert transport.take() == 2


def test_a_queue_of_another_kind_is_refused(tmp_path: Path) -> None:
    with (
        JobTransport(tmp_path, "amqp://me:geheim@host") as transport,
        pytest.raises(ConfigError, match="begins with 'amqp'"),
    ):
        transport.take()


def test_postgresql_that_goes_and_comes_back_is_used_again(tmp_path: Path) -> None:
    with postgres_server() as server:
        url = server.new_database().replace("postgresql:", "postgresql+psycopg:")
        with JobTransport(tmp_path, url) as transport:
            transport.put(1)
            server.stop(signal.SIGQUIT)
            for word in (lambda: transport.put(2), transport.take):
                with pytest.raises(MediaError, match="cannot be reached") as caught:
                    word()
                assert PASSWORD not in "".join(traceback.format_exception(caught.value))
            server.start()
            assert transport.take() == 1


def test_redis_that_goes_and_comes_back_is_used_again(tmp_path: Path) -> None:
    with redis_server() as server, JobTransport(tmp_path, server.url) as transport:
        transport.put(1)
        server.stop()
        for word in (lambda: transport.put(2), transport.take):
            with pytest.raises(MediaError, match="cannot be reached"):
                word()
        server.start()
        transport.put(3)
        assert transport.take() == 3
