"""A kill between ledger entry and name: settled once, by what lies on the disk."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.model.ledger import LedgerEntry, LedgerEvent
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.serving.serve import serve
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from tests.support.objects import write_ct, write_series

# Runs as a process of its own, and kills itself where it is told to.
KILLED = """
import os, signal, sys
from pathlib import Path
from mediastation.media.contract import PendingMedium
from mediastation.station.exporting import volume as export_volume
from mediastation.station.exporting import reprint as reprinting
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.reprint import reprint
from mediastation.station.station import Station
from mediastation.station.updating.update import update
from mediastation.station.updating.request import UpdateRequest

home, what, point, source, output, profile, medium, at_volume = sys.argv[1:]
left = int(at_volume)

def die():
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), signal.SIGKILL)

def patched(owner, name, before=False, after=False):
    plain = getattr(owner, name)
    def work(*words, **more):
        if before: die()
        done = plain(*words, **more)
        if after: die()
        return done
    setattr(owner, name, work)

def listen(event):
    if point == "written" and getattr(event, "step", "").split()[0] == "verify":
        die()

if point == "recorded":
    patched(export_volume, "record_made", after=True)
    patched(reprinting, "record_reprinted", after=True)
if point == "before name":
    patched(PendingMedium, "commit", before=True)
if point == "after name":
    patched(PendingMedium, "commit", after=True)
with Station(Path(home)) as station:
    if what == "export":
        request = ExportRequest(
            (source,), profile, Path(output), medium=medium, several_patients=True
        )
        export(station, request, listen)
    elif what == "update":
        update(station, UpdateRequest(Path(source), Path(output), remove=("1.2.3.1.1",)), listen)
    else:
        reprint(station, int(source), Path(output), listener=listen)
"""


class LateClock(Clock):
    """The clock of somebody who comes after the lease of whatever was killed."""

    def now(self) -> float:
        return time.time() + 3600


@dataclass(frozen=True)
class Bench:
    home: Path
    source: Path
    folder: Path

    def kill(
        self, what: str, point: str, source: object, output: Path, *,
        profile: str = "STD-GEN-CD", medium: str = "CD-80", volume: int = 1,
    ) -> None:  # fmt: skip
        words = [self.home, what, point, source, output, profile, medium, volume]
        done = subprocess.run(
            [sys.executable, "-c", KILLED, *map(str, words)],
            check=False, timeout=120, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == -signal.SIGKILL, done.stderr

    def export(self, output: Path) -> int:
        with Station(self.home) as station:
            return export(station, ExportRequest((str(self.source),), "STD-GEN-CD", output)).job

    def late(self) -> Station:
        return Station(self.home, LateClock())

    def settle(self) -> list[str]:
        """Settle, and again to see that nothing more comes of it; return the rules found."""
        with self.late() as station:
            found = settle_unfinished(station)
            before = len(entries(station))
            assert settle_unfinished(station) == []
            assert len(entries(station)) == before
            assert audit_ledger(station).ok
        return [finding.rule for finding in found]

    def withdrawn(self) -> dict[int, str]:
        with Station(self.home) as station:
            return {
                one.refers_to or 0: str(one.facts["reason"])
                for one in entries(station)
                if one.event is LedgerEvent.WITHDRAWN
            }

    def recorded(self) -> list[int]:
        """Numbers of the entries that tell of a medium."""
        with Station(self.home) as station:
            wanted = {LedgerEvent.MADE, LedgerEvent.REPRINTED}
            return [one.number for one in entries(station) if one.event in wanted]

    def left(self) -> list[str]:
        return sorted(path.name for path in self.folder.rglob(".*.part"))


def entries(station: Station) -> list[LedgerEntry]:
    return list(Ledger(station.catalog).entries())


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    write_series(tmp_path / "in", 3)
    (tmp_path / "out").mkdir()
    return Bench(tmp_path / "home", tmp_path / "in", tmp_path / "out")


FORMS = [("STD-GEN-CD", "CD-80", "x.iso"), ("STD-GEN-USB-JPEG", "USB", "STICK")]


class TestKilledExport:
    @pytest.mark.parametrize(("profile", "medium", "name"), FORMS)
    @pytest.mark.parametrize("point", ["written", "recorded", "before name"])
    def test_what_never_got_its_name_is_withdrawn_and_removed(
        self, bench: Bench, point: str, profile: str, medium: str, name: str
    ) -> None:
        output = bench.folder / name
        bench.kill("export", point, bench.source, output, profile=profile, medium=medium)
        assert bench.left() == [f".{name}.part"]

        rules = bench.settle()

        assert not output.exists()
        assert bench.left() == []
        if point == "written":
            assert bench.recorded() == []
            assert rules == ["left-over"]
        else:
            assert rules == ["medium-withdrawn", "left-over"]
            assert list(bench.withdrawn()) == bench.recorded() != []
            (reason,) = bench.withdrawn().values()
            assert "killed" in reason
            assert str(output) in reason

    @pytest.mark.parametrize(("profile", "medium", "name"), FORMS)
    def test_what_has_its_name_and_is_whole_stays_recorded(
        self, bench: Bench, profile: str, medium: str, name: str
    ) -> None:
        output = bench.folder / name
        bench.kill("export", "after name", bench.source, output, profile=profile, medium=medium)

        assert bench.settle() == []
        assert output.exists()
        assert bench.recorded() != []
        assert bench.withdrawn() == {}

    @pytest.mark.parametrize(("profile", "medium", "name"), FORMS)
    def test_what_has_that_name_and_is_something_else_is_withdrawn(
        self, bench: Bench, profile: str, medium: str, name: str
    ) -> None:
        output = bench.folder / name
        bench.kill("export", "after name", bench.source, output, profile=profile, medium=medium)
        spoil(output)

        assert bench.settle() == ["medium-withdrawn"]
        assert output.exists()
        assert "is not that medium" in "".join(bench.withdrawn().values())

    def test_what_was_there_whole_and_is_deleted_later_was_made(self, bench: Bench) -> None:
        output = bench.folder / "x.iso"
        bench.kill("export", "after name", bench.source, output)
        assert bench.settle() == []
        output.unlink()

        assert bench.settle() == []
        assert bench.withdrawn() == {}

    def test_the_image_that_was_replaced_still_there_does_not_pass_for_the_new_one(
        self, bench: Bench
    ) -> None:
        output = bench.folder / "x.iso"
        bench.export(output)
        first = output.read_bytes()
        bench.kill("export", "before name", bench.source, output)

        assert bench.settle() == ["medium-withdrawn", "left-over"]
        assert output.read_bytes() == first
        assert list(bench.withdrawn()) == bench.recorded()[1:]

    def test_of_several_volumes_those_that_are_whole_stay(self, bench: Bench) -> None:
        """Two people who share a Patient ID take two discs; the second one is cut short."""
        write_ct(
            bench.source / "other", PatientName="Roe^Richard", PatientBirthDate="19500505",
            StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1", SOPInstanceUID="1.8.1.1",
        )  # fmt: skip
        bench.kill("export", "before name", bench.source, bench.folder / "set", volume=2)
        first, second = bench.recorded()

        assert bench.settle() == ["medium-withdrawn", "left-over"]
        assert list(bench.withdrawn()) == [second]
        assert [path.name for path in (bench.folder / "set").iterdir()] == ["DISC1.ISO"]
        assert first not in bench.withdrawn()

    def test_a_job_that_may_be_alive_is_left_alone(self, bench: Bench) -> None:
        bench.kill("export", "before name", bench.source, bench.folder / "x.iso")

        with Station(bench.home) as station:
            assert settle_unfinished(station) == []
            assert settle_unfinished(station) == []

        assert bench.left() == [".x.iso.part"]
        assert bench.settle() == ["medium-withdrawn", "left-over"]

    def test_a_folder_that_cannot_be_seen_now_is_judged_when_it_can(self, bench: Bench) -> None:
        """A share that is not mounted says nothing of what lies on it."""
        bench.kill("export", "after name", bench.source, bench.folder / "x.iso")
        away = bench.folder.rename(bench.folder.with_name("away"))
        with bench.late() as station:
            settle_unfinished(station)
            assert settle_unfinished(station) == []
        assert bench.withdrawn() == {}

        (away / "x.iso").write_bytes(b"")
        away.rename(bench.folder)

        assert bench.settle() == ["medium-withdrawn"]

    def test_what_cannot_be_removed_is_named(self, bench: Bench) -> None:
        bench.kill("export", "written", bench.source, bench.folder / "x.iso")
        part = bench.folder / ".x.iso.part"
        part.unlink()
        part.symlink_to("/dev/null")

        with bench.late() as station:
            (finding,) = settle_unfinished(station)

        assert (finding.rule, finding.severity, finding.subject) == (
            "left-over", "warning", str(part),
        )  # fmt: skip
        assert part.is_symlink()


class TestOtherCommands:
    @pytest.mark.parametrize("point", ["recorded", "before name", "after name"])
    def test_a_killed_update_is_settled(self, bench: Bench, point: str) -> None:
        bench.export(bench.folder / "x.iso")
        bench.kill("update", point, bench.folder / "x.iso", bench.folder / "y.iso")
        made = bench.recorded()

        rules = bench.settle()

        was_named = point == "after name"
        assert rules == ([] if was_named else ["medium-withdrawn", "left-over"])
        assert list(bench.withdrawn()) == ([] if was_named else made[1:])
        assert bench.left() == []

    @pytest.mark.parametrize("point", ["recorded", "before name", "after name"])
    def test_a_killed_reprint_is_settled(self, bench: Bench, point: str) -> None:
        job = bench.export(bench.folder / "x.iso")
        bench.kill("reprint", point, job, bench.folder / "y.iso")
        made = bench.recorded()

        rules = bench.settle()

        was_named = point == "after name"
        assert rules == ([] if was_named else ["medium-withdrawn", "left-over"])
        assert list(bench.withdrawn()) == ([] if was_named else made[1:])
        assert bench.left() == []

    def test_the_next_export_settles_and_says_so(self, bench: Bench) -> None:
        bench.kill("export", "before name", bench.source, bench.folder / "x.iso")

        with bench.late() as station:
            output = bench.folder / "y.iso"
            result = export(station, ExportRequest((str(bench.source),), "STD-GEN-CD", output))

        told = {finding.rule for finding in result.findings}
        assert {"medium-withdrawn", "left-over"} <= told
        assert not result.stopped

    def test_audit_settles_before_it_speaks(self, bench: Bench) -> None:
        bench.kill("export", "before name", bench.source, bench.folder / "x.iso")

        with bench.late() as station:
            report = audit_ledger(station)

        assert report.ok
        assert [one.rule for one in report.findings] == ["medium-withdrawn", "left-over"]
        assert report.entries == len(bench.recorded()) + 1

    def test_serve_settles_when_it_starts(self, bench: Bench) -> None:
        bench.kill("export", "before name", bench.source, bench.folder / "x.iso")
        stop = threading.Event()

        def ready(*_: object) -> None:
            stop.set()

        with bench.late() as station:
            serve(station, stop=stop, on_ready=ready, port=0, bind="127.0.0.1")

        assert list(bench.withdrawn()) == bench.recorded()
        assert bench.left() == []

    def test_two_at_once_withdraw_once(self, bench: Bench) -> None:
        bench.kill("export", "before name", bench.source, bench.folder / "x.iso")
        together(lambda: settle(bench), 4)

        assert len(bench.withdrawn()) == 1
        with Station(bench.home) as station:
            events = [one.event for one in entries(station)]
        assert events.count(LedgerEvent.WITHDRAWN) == 1


def settle(bench: Bench) -> None:
    with bench.late() as station:
        settle_unfinished(station)


def together(work: Callable[[], None], times: int) -> None:
    threads = [threading.Thread(target=work) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def spoil(output: Path) -> None:
    """Flip one bit, which cannot be taken for no change."""
    path = output / "DICOMDIR" if output.is_dir() else output
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    os.sync()
