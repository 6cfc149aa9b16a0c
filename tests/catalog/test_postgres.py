"""What is PostgreSQL's own: turns of writers, text it cannot hold, a server that goes."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import delete, insert, text, update
from sqlalchemy.exc import InternalError, ProgrammingError

from mediastation.catalog import ledger as ledger_module
from mediastation.catalog import postgres as module
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.guards import lift_guards, set_guards
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_selection import iter_selection, remember_selection
from mediastation.catalog.jobs import JobTable
from mediastation.catalog.ledger import Ledger
from mediastation.catalog.ledger_check import mend_ledger, verify_ledger
from mediastation.catalog.listing import list_rows
from mediastation.catalog.schema import ledger
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import reindex
from mediastation.errors import ConfigError, MediaError
from mediastation.model.entry import Source
from tests.support.ledgers import draft, fill, lines_of, report_of, write_lines
from tests.support.objects import write_ct
from tests.support.servers import PASSWORD, PostgresServer, postgres_server

SOURCE = Source("folder", "/outside")


@pytest.fixture
def url(shared_database: str) -> str:
    return shared_database


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def catalog(home: Path, url: str) -> Iterator[Catalog]:
    with Catalog(home, url) as opened:
        yield opened


def keep(catalog: Catalog, **facts: object) -> int:
    with Intake(catalog) as intake:
        return intake.keep(write_ct(intake.new_path(), **facts), SOURCE).entry_id  # type: ignore[arg-type]


class TestOpening:
    @pytest.mark.parametrize(
        ("text", "said"),
        [
            ("mysql://me:geheim@host/db", "begins with 'mysql'"),
            ("geheim", "begins with"),
            ("postgresql://me:geheim@host:port/db", "is no URL"),
        ],
    )
    def test_what_is_no_url_of_postgresql_is_refused_without_its_password(
        self, home: Path, text: str, said: str
    ) -> None:
        with pytest.raises(ConfigError, match=said) as caught:
            Catalog(home, text)

        assert ":geheim" not in "".join(traceback.format_exception(caught.value))

    def test_a_database_of_something_else_is_left_alone(self, home: Path, url: str) -> None:
        with Catalog(home, url) as catalog, catalog.writing() as connection:
            connection.execute(text("DROP TABLE catalog_meta"))

        with pytest.raises(ConfigError, match="a table 'icons' of something else"):
            Catalog(home, url)

    def test_names_need_unicode(self, home: Path, postgres: PostgresServer) -> None:
        name = "latin"
        postgres._say(
            f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' "
            "LOCALE_PROVIDER libc LOCALE 'C'"
        )
        with pytest.raises(ConfigError, match="text in LATIN1"):
            Catalog(home, postgres.url(name))
        postgres.drop_database(postgres.url(name))

    def test_a_clock_that_would_end_other_stations_leases_is_told(
        self, home: Path, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        class Ahead:
            monotonic = time.monotonic

            @staticmethod
            def time() -> float:
                return time.time() + 100

        monkeypatch.setattr(module, "time", Ahead)
        with pytest.raises(ConfigError, match=r"(99|100) s ahead of"):
            Catalog(home, url)

    def test_an_older_schema_grows_and_a_newer_one_is_not_touched(
        self, home: Path, url: str
    ) -> None:
        with Catalog(home, url) as catalog:
            keep(catalog)
            with catalog.writing() as connection:
                connection.execute(text("ALTER TABLE studies DROP COLUMN search_text"))
                connection.execute(text("DROP INDEX jobs_by_state"))
            catalog.set_mark("schema_version", "4")
        with Catalog(home, url) as catalog:
            assert len(list_rows(catalog, "studies", "doe")) == 1
            with catalog.reading() as connection:
                found = connection.execute(text("SELECT search_text FROM studies")).scalar_one()
                assert "doe" in found
                assert connection.execute(text("SELECT 'jobs_by_state'::regclass")).scalar_one()
            catalog.set_mark("schema_version", "99")

        with pytest.raises(ConfigError, match="schema version 99"):
            Catalog(home, url)


class TestStore:
    def test_a_database_goes_with_one_store(self, tmp_path: Path, home: Path, url: str) -> None:
        with Catalog(home, url):
            pass
        with Catalog(home, url):
            pass

        with pytest.raises(ConfigError, match="another store") as caught:
            Catalog(tmp_path / "other", url)

        assert (home / "catalog.id").read_text().strip() in caught.value.hint

    def test_a_store_with_another_database_is_refused(
        self, home: Path, url: str, postgres: PostgresServer
    ) -> None:
        other = postgres.new_database()
        with Catalog(home, url):
            pass
        with Catalog(home.with_name("second"), other):
            pass

        with pytest.raises(ConfigError, match="another store"):
            Catalog(home, other)
        postgres.drop_database(other)

    def test_what_sqlite_indexed_goes_into_an_empty_database_by_reindex(
        self, home: Path, url: str
    ) -> None:
        with Catalog(home) as catalog:
            keep(catalog)
        fill(home, 3)
        with Catalog(home, url) as catalog:
            assert not catalog.index_is_current
            assert reindex(catalog) == (1, [])
            assert mend_ledger(Ledger(catalog))
            assert len(list_rows(catalog, "instances")) == 1
        assert report_of(home, url).entries == 3


class TestText:
    def test_what_the_database_cannot_hold_stops_no_instance(self, catalog: Catalog) -> None:
        """U+0000, and names far longer than an index takes, that begin alike."""
        chance = random.Random(5)
        long = "".join(chance.choice("abcdefghijklmnop0123456789") for _ in range(30_000))
        for number, name in enumerate(("A\0B", "A", f"{long}X", f"{long}Y")):
            keep(catalog, PatientName=name, SOPInstanceUID=f"1.2.{number}")

        names = [row["patient_name"] for row in list_rows(catalog, "patients")]
        assert len(set(names)) == 4
        assert len(list_rows(catalog, "instances")) == 4

    def test_directory_order_is_that_of_code_points_whatever_the_locale(
        self, catalog: Catalog
    ) -> None:
        """A locale passes over points; media are the same from either database."""
        uids = ["1.2.10.1", "1.21.0.1", "1.2.9.1", "1.2.1.11"]
        entries = [keep(catalog, StudyInstanceUID=uid, SOPInstanceUID=f"{uid}.7") for uid in uids]
        keep(catalog, StudyInstanceUID="1.2.9.1", SOPInstanceUID="1.2.9.1.8", InstanceNumber="")
        entries += find_entries(catalog, "instance:1.2.9.1.8")
        job = JobTable(catalog).create("test", {}, "", "", 0.0)
        remember_selection(catalog, job, entries)

        found = [entry.header.sop_instance_uid for entry in iter_selection(catalog, job)]

        expected = sorted(f"{uid}.7" for uid in uids)
        # No number goes before any.
        expected.insert(expected.index("1.2.9.1.7"), "1.2.9.1.8")
        assert found == expected


@pytest.fixture(scope="module")
def own() -> Iterator[PostgresServer]:
    """A server that may be stopped."""
    with postgres_server() as server:
        yield server


class TestServer:
    def test_it_may_go_and_come_back_under_an_open_catalog(
        self, home: Path, own: PostgresServer
    ) -> None:
        with Catalog(home, own.new_database()) as catalog:
            jobs = JobTable(catalog)
            first = jobs.create("test", {}, "me", "w", 1.0)
            own.stop(signal.SIGQUIT)

            with pytest.raises(MediaError, match=r"The catalog's database cannot be reached") as at:
                jobs.create("test", {}, "me", "w", 2.0)
            assert "`database`" in at.value.hint
            with pytest.raises(MediaError, match="cannot be reached"):
                Catalog(home, own.url("any"))

            own.start()
            assert jobs.create("test", {}, "me", "w", 3.0) > first
            assert jobs.get(first, 4.0) is not None

    def test_no_password_is_told(self, home: Path, own: PostgresServer) -> None:
        wrong = own.url("postgres").replace("geheim", "falsch")
        with pytest.raises(MediaError, match="cannot be reached") as caught:
            Catalog(home, wrong)

        told = "".join(traceback.format_exception(caught.value)) + caught.value.hint
        assert PASSWORD not in told
        assert "falsch" not in told

    def test_a_transaction_that_lost_its_server_leaves_nothing(
        self, home: Path, own: PostgresServer
    ) -> None:
        url = own.new_database()
        with Catalog(home, url) as catalog:

            def write() -> None:
                with catalog.writing() as connection:
                    connection.execute(text("INSERT INTO catalog_meta VALUES ('half', 'made')"))
                    own.stop(signal.SIGQUIT)

            with pytest.raises(MediaError, match="reached"):
                write()
            own.start()
            assert catalog.mark("half") is None


def end_session(catalog: Catalog, process: int) -> None:
    """Do to a writer what a broken network does."""
    with catalog.reading() as connection:
        connection.execute(text("SELECT pg_terminate_backend(:it, 10000)"), {"it": process})


class TestTurns:
    def test_whoever_waits_too_long_is_told(
        self, catalog: Catalog, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(module, "_SESSION", "SET lock_timeout = '20ms'")
        with (
            catalog.writing(),
            pytest.raises(MediaError, match="busy"),
            Catalog(catalog.home, url),
        ):
            pass

    def test_who_lost_the_lock_while_at_work_is_waited_for(
        self, catalog: Catalog, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The server has given the lock to the next one, and files are being written still."""
        with Catalog(catalog.home, url) as other:

            def work() -> None:
                with catalog.writing() as connection:
                    mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
                    end_session(other, mine)
                    with pytest.raises(MediaError, match="busy"), other.writing():
                        pass

            monkeypatch.setattr(module, "_BUSY_S", 0)
            with pytest.raises(MediaError, match="reached"):
                work()
            with other.writing():
                pass

    def test_a_reader_sees_one_state_and_stops_nobody(self, catalog: Catalog) -> None:
        with catalog.reading() as reading:
            seen = reading.execute(text("SELECT count(*) FROM jobs")).scalar_one()
            JobTable(catalog).create("test", {}, "", "", 0.0)
            assert reading.execute(text("SELECT count(*) FROM jobs")).scalar_one() == seen
            with pytest.raises(InternalError, match="read-only"):
                reading.execute(text("DELETE FROM jobs"))


class TestLedger:
    ENTRIES = 5

    @pytest.fixture
    def filled(self, home: Path, url: str) -> Path:
        fill(home, self.ENTRIES, url)
        return home

    def test_homes_that_share_store_and_database_have_one_chain(
        self, filled: Path, url: str
    ) -> None:
        program = (
            "import sys; from pathlib import Path; from tests.support.ledgers import fill; "
            f"fill(Path({str(filled)!r}), 10, {url!r})"
        )
        started = [
            subprocess.Popen(
                [sys.executable, "-c", program],
                stderr=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2],
            )
            for _ in range(3)
        ]  # fmt: skip
        told = [process.communicate(timeout=60)[1] for process in started]
        assert [process.returncode for process in started] == [0] * 3, told

        report = report_of(filled, url)
        assert report.ok, report.findings
        assert report.entries == self.ENTRIES + 30

    @pytest.mark.parametrize(
        "statement",
        [
            update(ledger).values(body="{}"),
            delete(ledger),
            insert(ledger).values(position=9, body="{}", mac=""),
            text("TRUNCATE ledger"),
        ],
    )
    def test_the_table_is_only_added_to(self, filled: Path, url: str, statement: object) -> None:
        def spoil(catalog: Catalog) -> None:
            with catalog.writing() as connection:
                connection.execute(statement)  # type: ignore[call-overload]

        with Catalog(filled, url) as catalog, pytest.raises(Exception, match="append-only"):
            spoil(catalog)
        assert report_of(filled, url).findings == []

    def test_a_changed_row_is_found_and_mended_while_somebody_reads(
        self, filled: Path, url: str
    ) -> None:
        with Catalog(filled, url) as catalog:
            with catalog.writing() as connection:
                lift_guards(connection)
                connection.execute(
                    update(ledger).where(ledger.c.position == 2).values(body='{"number":2}')
                )
                set_guards(connection)
            log = Ledger(catalog)
            assert not verify_ledger(log).ok
            reader = log.entries()
            next(reader)

            assert {finding.rule for finding in mend_ledger(log)} >= {"ledger-mended"}

            reader.close()
            assert verify_ledger(log).ok

    def test_the_guards_are_back_after_that(self, filled: Path, url: str) -> None:
        lines = lines_of(filled)
        with Catalog(filled, url) as catalog, catalog.writing() as connection:
            lift_guards(connection)
            connection.execute(delete(ledger).where(ledger.c.position > 2))
        report = report_of(filled, url)
        assert [finding.rule for finding in report.findings] == ["ledger-filled"]
        assert lines_of(filled) == lines
        self.test_the_table_is_only_added_to(filled, url, delete(ledger))

    def test_a_cut_file_is_told(self, filled: Path, url: str) -> None:
        write_lines(filled, lines_of(filled)[:-1])

        assert not report_of(filled, url).ok

    def test_an_entry_whose_server_goes_at_the_last_moment_is_not_there(
        self, filled: Path, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real: Callable[..., None] = ledger_module.insert_lines
        with Catalog(filled, url) as other, Catalog(filled, url) as catalog:

            def lose(connection: object, lines: object) -> None:
                monkeypatch.setattr(ledger_module, "insert_lines", real)
                mine = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()  # type: ignore[attr-defined]
                end_session(other, mine)
                real(connection, lines)

            monkeypatch.setattr(ledger_module, "insert_lines", lose)
            with pytest.raises(MediaError, match="reached"):
                Ledger(catalog).append(draft(7))
            Ledger(other).append(draft(8))

        report = report_of(filled, url)
        assert report.findings == []
        assert report.entries == self.ENTRIES + 1


def test_a_fault_of_ours_is_not_blamed_on_the_server(catalog: Catalog) -> None:
    with pytest.raises(ProgrammingError), catalog.reading() as connection:
        connection.execute(text("SELECT nothing FROM nowhere"))
