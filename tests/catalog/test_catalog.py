"""The index as a file: made, lost, shared, damaged; where it sorts; what its trouble is called."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, select, text
from sqlalchemy.exc import OperationalError, ProgrammingError

from mediastation.catalog import sqlite
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_selection import remember_selection
from mediastation.catalog.listing import list_rows
from mediastation.catalog.schema import instances
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget, reindex
from mediastation.errors import MediaError
from mediastation.model.entry import Source
from tests.support.objects import write_ct

SOURCE = Source("folder", "/outside")


def keep(catalog: Catalog, **facts: object) -> int:
    with Intake(catalog) as intake:
        return intake.keep(write_ct(intake.new_path(), **facts), SOURCE).entry_id  # type: ignore[arg-type]


def test_an_index_begun_anew_over_stored_files_does_not_pass_for_whole(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Catalog(home) as catalog:
        assert catalog.index_is_current
        keep(catalog)
    (home / "catalog.sqlite").rename(home / "aside")

    with Catalog(home) as catalog:
        assert not catalog.index_is_current
    with Catalog(home) as catalog:
        keep(catalog, SOPInstanceUID="1.2.3.1.2")
        assert not catalog.index_is_current
        assert reindex(catalog)[0] == 2
        assert catalog.index_is_current


def test_the_number_of_a_forgotten_entry_is_given_to_no_other(catalog: Catalog) -> None:
    """A running export may hold it still, and would take another patient's instance for it."""
    gone = keep(catalog)
    forget(catalog, [gone])

    assert keep(catalog, PatientID="4712", PatientName="Roe^Rita") != gone


def test_what_was_removed_meanwhile_is_not_called_damage(catalog: Catalog) -> None:
    gone = keep(catalog)
    forget(catalog, [gone])

    with pytest.raises(MediaError, match="changed meanwhile") as caught:
        remember_selection(catalog, 1, [gone])
    assert "reindex" not in caught.value.hint


def test_a_fault_in_a_statement_is_not_called_damage(catalog: Catalog) -> None:
    with pytest.raises(ProgrammingError), catalog.reading() as connection:
        connection.exec_driver_sql("SELECT ?", (1, 2))


def test_sorting_more_than_fits_in_memory_takes_files_in_the_home_only(tmp_path: Path) -> None:
    catalog = Catalog(tmp_path / "home")
    query = text(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 4000) "
        "SELECT randomblob(3000) AS b FROM n ORDER BY b"
    )
    with catalog.reading() as connection:
        rows = connection.execution_options(yield_per=1).execute(query)
        rows.fetchone()
        opened = []
        for descriptor in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):
                opened.append(descriptor.readlink())
    sorting = {path.parent for path in opened if path.name.startswith("etilqs_")}

    assert sorting == {catalog.home}
    catalog.close()


def test_a_home_may_have_any_name(tmp_path: Path) -> None:
    home = tmp_path / "it's a home? #1 %20"
    with Catalog(home) as catalog:
        keep(catalog)
        assert len(list_rows(catalog, "instances")) == 1
    assert (home / "catalog.sqlite").exists()


_OPEN = """
import sys
from pathlib import Path
from mediastation.catalog import sqlite
from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
sys.stdin.read(1)
with Catalog(Path(sys.argv[1]), sys.argv[2]) as catalog, Intake(catalog):
    assert catalog.index_is_current
"""


def test_processes_may_make_one_home_at_the_same_time(tmp_path: Path, database: str) -> None:
    gate, opener = os.pipe()
    running = [
        subprocess.Popen(
            [sys.executable, "-c", _OPEN, str(tmp_path / "home"), database],
            stdin=gate,
            stderr=subprocess.PIPE,
        )
        for _ in range(6)
    ]
    os.close(gate)
    os.close(opener)
    told = [process.communicate()[1].decode() for process in running]
    assert [process.returncode for process in running] == [0] * 6, told


def test_a_name_that_is_no_text_does_not_stop_its_file(catalog: Catalog, tmp_path: Path) -> None:
    name = os.fsdecode(b"/outside/\xff.dcm")
    with Intake(catalog) as intake:
        intake.keep(write_ct(intake.new_path()), Source("file", name))

    (row,) = list_rows(catalog, "instances")
    assert row["source_detail"] == "/outside/\\udcff.dcm"
    assert find_entries(catalog, "study:1.2.3")


def test_an_interrupted_statement_leaves_no_lock_behind(
    catalog: Catalog, database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C, the job's end has still to be written, and the traceback is alive then."""
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_MS", 0)
    keep(catalog)

    def interrupted(cursor: Any, statement: str, values: Any, _: object) -> None:
        cursor.execute(statement, values)
        raise KeyboardInterrupt

    listener = catalog._engine, "do_execute", interrupted

    def work() -> None:
        with catalog.writing() as connection:
            event.listen(*listener)
            connection.execute(select(instances))

    with pytest.raises(KeyboardInterrupt) as caught:
        work()
    event.remove(*listener)

    with Catalog(catalog.home, database) as other, other.writing():
        pass
    assert caught.value.__traceback__ is not None


def test_an_index_that_is_current_opens_and_is_read_while_somebody_else_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Opening writes nothing then, so a disk without room does not keep it shut."""
    monkeypatch.setattr(sqlite, "_BUSY_TIMEOUT_MS", 0)
    with Catalog(tmp_path / "home") as first, first.writing(), Catalog(tmp_path / "home") as second:
        assert list(list_rows(second, "instances")) == []
        with pytest.raises(MediaError, match="busy"), second.writing():
            pass


@pytest.mark.parametrize(("free", "told"), [(4096, "is full"), (1 << 30, "disk I/O error")])
def test_an_io_error_on_a_disk_without_room_is_told_as_a_full_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, told: str
) -> None:
    """SQLite calls it an I/O error that the memory its readers share has no room."""
    with Catalog(tmp_path / "home") as catalog:
        usage = shutil.disk_usage(tmp_path)._replace(free=free)
        monkeypatch.setattr("mediastation.catalog.sqlite.shutil.disk_usage", lambda _: usage)

        with pytest.raises(MediaError, match=told), catalog.reading():
            raise OperationalError("SELECT 1", None, sqlite3.OperationalError("disk I/O error"))
