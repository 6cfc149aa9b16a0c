"""What the station records of what it does, and how it is found again."""

from __future__ import annotations

import shutil
import stat
import threading
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.errors import CancelledError, MediaError
from mediastation.model.event import Event, StepProgress
from mediastation.model.ledger import (
    BurnFacts,
    Disclosure,
    LedgerEntry,
    LedgerEvent,
    LedgerHead,
    contents_digest,
)
from mediastation.model.manifest import Manifest
from mediastation.station import process_lock
from mediastation.station.clock import Clock
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.gather import add
from mediastation.station.keeping import forget_sources, rebuild_index
from mediastation.station.process_lock import hold_lock
from mediastation.station.recording import ledger as station_ledger
from mediastation.station.recording.audit_folder import (
    stray_numbers,
    write_message,
    write_missing_messages,
)
from mediastation.station.recording.ledger import (
    facts_of,
    find_entries,
    find_media,
    find_medium,
    medium_facts,
    record_application,
    record_burned,
    record_made,
    record_reprinted,
    record_withdrawn,
)
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.recording.medium_contents import contents_of_folder, contents_of_medium
from mediastation.station.serving.serve import serve
from mediastation.station.station import Station
from tests.support.ledgers import lines_of, unguarded, write_lines
from tests.support.objects import write_ct, write_series
from tests.support.peers import run_peer

WHY = Disclosure("Dr. Roe", "Ms. Doe", "second opinion")


class SetClock(Clock):
    """A clock whose real time is what a test says."""

    def __init__(self, moment: datetime) -> None:
        super().__init__()
        self.real = moment

    def now(self) -> float:
        return self.real.timestamp()


@pytest.fixture
def clock() -> SetClock:
    return SetClock(datetime(2026, 11, 23, 9, 30, tzinfo=UTC))


@pytest.fixture
def station(tmp_path: Path, clock: SetClock) -> Iterator[Station]:
    with Station(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def volume(station: Station, tmp_path: Path) -> tuple[int, Manifest, Path]:
    """One exported image: job, manifest, and the folder of its DICOMDIR."""
    write_series(tmp_path / "in", 2)
    write_ct(
        tmp_path / "in" / "other", SOPInstanceUID="1.9.1", StudyInstanceUID="1.9",
        SeriesInstanceUID="1.9.1", PatientName="Müller^Änne", PatientID="0815",
        SpecificCharacterSet="ISO_IR 100", PatientBirthDate="19881224", StudyDescription="Schädel",
    )  # fmt: skip
    request = ExportRequest(
        (str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "out.iso", several_patients=True
    )
    result = export(station, request)
    folder = station.job_folder(result.job)
    return result.job, Manifest.from_json((folder / MANIFEST_NAME).read_text()), folder


def entries(station: Station) -> list[LedgerEntry]:
    return list(Ledger(station.catalog).entries())


def events(station: Station) -> list[str]:
    return [str(entry.event) for entry in entries(station)]


def messages(station: Station) -> list[str]:
    folder = station.home / "audit"
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.xml"))


def record(station: Station, volume: tuple[int, Manifest, Path], name: str = "x") -> LedgerHead:
    job, manifest, folder = volume
    path = folder.parent / f"{name}.iso"
    facts = medium_facts(manifest, contents_of_folder(station, folder), path=path, verified=True)
    return record_made(station, job, facts, WHY)


class TestMedia:
    def test_a_medium_is_recorded_with_whose_data_it_holds(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        job, manifest, _ = volume
        before = len(entries(station))
        head = record(station, volume)

        made = entries(station)[-1]
        assert (made.number, made.event, made.job) == (head.count, LedgerEvent.MADE, job)
        assert head.count == before + 1
        assert made.at == "2026-11-23T09:30:00.000+00:00"
        facts = facts_of(made)
        assert facts is not None
        assert {(one.name, one.patient_id, one.birth_date) for one in facts.patients} == {
            ("Doe^Jane", "4711", "19700101"),
            ("Müller^Änne", "0815", "19881224"),
        }
        ct = "1.2.840.10008.5.1.4.1.1.2"
        assert {(one.study_instance_uid, one.description) for one in facts.studies} == {
            ("1.2.3", "Thorax"),
            ("1.9", "Schädel"),
        }
        assert {one.study_instance_uid: one.sop_classes for one in facts.studies} == {
            "1.2.3": {ct: 2},
            "1.9": {ct: 1},
        }
        assert facts.instances == 3
        assert facts.image_sha256 == manifest.image_sha256
        assert facts.contents_sha256 == contents_digest(manifest.files)
        assert made.facts["disclosure"]["reason"] == "second opinion"

    def test_contents_are_the_same_from_the_image(
        self, station: Station, volume: tuple[int, Manifest, Path], tmp_path: Path
    ) -> None:
        _, _, folder = volume

        assert contents_of_medium(station, tmp_path / "out.iso") == contents_of_folder(
            station, folder
        )
        assert contents_of_medium(station, tmp_path / "none.iso") == ((), ())

    def test_the_digest_of_the_contents_is_that_of_what_sha256sum_says(
        self, volume: tuple[int, Manifest, Path], tmp_path: Path
    ) -> None:
        _, manifest, _ = volume
        tree = tmp_path / "tree"
        run_peer("xorriso", "-osirrox", "on", "-indev", tmp_path / "out.iso", "-extract", "/", tree)
        paths = sorted(str(path.relative_to(tree)) for path in tree.rglob("*") if path.is_file())
        listed = "".join(
            f"{run_peer('sha256sum', tree / path).stdout.split()[0]}  {path}\n" for path in paths
        )
        (tmp_path / "list").write_text(listed)

        told = run_peer("sha256sum", tmp_path / "list").stdout.split()[0]

        assert told == contents_digest(manifest.files)

    def test_burning_points_at_the_making_and_a_reprint_at_the_first(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        job, manifest, _ = volume
        made = record(station, volume, "first")
        facts = find_medium(station, manifest.image_sha256)
        assert facts is not None

        record_burned(station, 77, facts, BurnFacts("/dev/sr0", "CMC 1", "identical"), WHY)
        record_reprinted(station, 78, facts, job)

        *_, burned, reprinted = entries(station)
        assert burned.refers_to is not None
        first = next(one for one in entries(station) if one.number == reprinted.refers_to)
        assert (first.job, first.event) == (job, LedgerEvent.MADE)
        assert burned.refers_to <= made.count
        assert burned.facts["burn"]["medium_id"] == "CMC 1"
        assert reprinted.facts["of_job"] == job

    def test_what_was_never_made_here_is_not_known(self, station: Station) -> None:
        assert find_medium(station, "0" * 64) is None
        assert find_medium(station, "") is None

    def test_what_did_not_come_to_pass_is_withdrawn_with_all_that_was_said(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        job, _, _ = volume
        made = record(station, volume)
        record_withdrawn(station, job, made, "the disk is full")

        last = entries(station)[-1]
        assert last.event is LedgerEvent.WITHDRAWN
        assert last.refers_to == made.count
        assert facts_of(last) == facts_of(entries(station)[-2])

    def test_a_ledger_that_cannot_be_written_stops_the_medium(
        self,
        station: Station,
        volume: tuple[int, Manifest, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        record(station, volume)
        before = lines_of(station.home)

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("mediastation.catalog.ledger_file.os.write", full)
        with pytest.raises(MediaError, match="full"):
            record(station, volume)
        monkeypatch.undo()

        assert lines_of(station.home) == before


class TestFinding:
    @pytest.mark.parametrize(
        "text",
        ["doe", "DOE^JANE", "4711", "19700101", "müller", "2026-11-23", "roe opinion", "1.9", ""],
    )
    def test_a_medium_is_found_by_any_of_its_facts(
        self, station: Station, volume: tuple[int, Manifest, Path], text: str
    ) -> None:
        made = record(station, volume)

        assert next(find_media(station, text)).number == made.count

    def test_by_uid_and_hash(self, station: Station, volume: tuple[int, Manifest, Path]) -> None:
        _, manifest, _ = volume
        made = record(station, volume)

        for text in (manifest.file_set_uid, manifest.image_sha256, manifest.image_sha256[:20]):
            assert next(find_media(station, text)).number == made.count

    @pytest.mark.parametrize("text", ["nobody", "2026-11-24", "doe nobody", "26-11-23"])
    def test_what_does_not_match_is_not_found(
        self, station: Station, volume: tuple[int, Manifest, Path], text: str
    ) -> None:
        record(station, volume)

        assert list(find_media(station, text)) == []

    def test_since_a_moment(
        self, station: Station, clock: SetClock, volume: tuple[int, Manifest, Path]
    ) -> None:
        record(station, volume)
        clock.real += timedelta(days=3)
        late = record(station, volume)

        found = list(find_entries(station, since=clock.real - timedelta(hours=1)))

        assert [entry.number for entry in found] == [late.count]


class TestForgetting:
    def test_nothing_goes_without_an_entry_for_each_patient(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 3)
        write_ct(tmp_path / "in" / "o", SOPInstanceUID="1.9", PatientID="0815", PatientName="Roe")
        add(station, [str(tmp_path / "in")])
        before = len(entries(station))

        assert forget_sources(station, ["instance:1.2.3.1.1", "patient:0815"]).removed == 2

        new = entries(station)[before:]
        assert [entry.event for entry in new] == [LedgerEvent.FORGOTTEN] * 2
        by_patient = {entry.facts["patients"][0]["patient_id"]: entry.facts for entry in new}
        assert by_patient["4711"]["instances"] == 1
        assert [one["whole"] for one in by_patient["4711"]["studies"]] == [False]
        assert [one["whole"] for one in by_patient["0815"]["studies"]] == [True]

    def test_nothing_goes_if_the_ledger_cannot_be_written(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_series(tmp_path / "in", 3)
        add(station, [str(tmp_path / "in")])

        def full(*_: object) -> int:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("mediastation.catalog.ledger_file.os.write", full)
        with pytest.raises(MediaError):
            forget_sources(station, ["patient:4711"])
        monkeypatch.undo()

        assert len(list_rows(station.catalog, "instances")) == 3

    def test_what_stays_because_the_work_was_stopped_is_withdrawn(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        write_series(tmp_path / "in", 3)
        add(station, [str(tmp_path / "in")])
        monkeypatch.setattr("mediastation.catalog.upkeep._BATCH", 1)

        def stop(event: Event) -> None:
            if isinstance(event, StepProgress):
                raise CancelledError("The job was cancelled.")

        with pytest.raises(CancelledError):
            forget_sources(station, ["patient:4711"], stop)

        forgotten, withdrawn = entries(station)[-2:]
        left = len(list_rows(station.catalog, "instances"))
        assert left == 2
        assert withdrawn.event is LedgerEvent.WITHDRAWN
        assert withdrawn.refers_to == forgotten.number
        assert f"{left} of 3" in withdrawn.facts["reason"]


class TestMessages:
    def test_every_entry_has_its_message_private_and_valid(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        job, _, _ = volume
        made = record(station, volume)
        record_withdrawn(station, job, made, "disk")

        names = messages(station)
        assert len(names) == len(entries(station))
        assert names[-2] == f"2026-11-23/{made.count:08d}-made.xml"
        schema = Path(__file__).with_name("audit_message.rng")
        for name in names:
            path = station.home / "audit" / name
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            run_peer("xmllint", "--noout", "--relaxng", schema, path)

    def test_a_message_that_is_missing_is_made_later_and_the_same(
        self,
        station: Station,
        volume: tuple[int, Manifest, Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:
        record(station, volume)
        (last,) = [name for name in messages(station) if name == messages(station)[-1]]
        path = station.home / "audit" / last
        content = path.read_bytes()
        path.unlink()

        def refuse(*_: object) -> None:
            raise MediaError("The disk is full.")

        monkeypatch.setattr(station_ledger, "write_message", refuse)
        later = record(station, volume)
        monkeypatch.undo()

        assert write_missing_messages(station) == 2
        assert path.read_bytes() == content
        assert any(f"{later.count:08d}-" in name for name in messages(station))
        assert write_missing_messages(station) == 0

    def test_one_process_at_a_time_writes_messages(
        self, station: Station, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        """Two took half-written files from under each other, and said that a file was missing."""
        seen: list[list[str]] = []
        with ExitStack() as other:
            other.enter_context(hold_lock(station.home / "audit" / ".lock", RuntimeError))

            def wait(_seconds: float) -> None:
                seen.append(messages(station))
                if len(seen) == 100:
                    other.close()

            clock = SimpleNamespace(monotonic=lambda: 0.0, sleep=wait)
            monkeypatch.setattr(process_lock, "time", clock)
            record_application(station, started=True)

        assert seen == [[]] * 100
        assert len(messages(station)) == 1
        assert caplog.messages == []

    def test_days_that_were_moved_away_are_not_made_again(
        self, station: Station, clock: SetClock, volume: tuple[int, Manifest, Path]
    ) -> None:
        record(station, volume)
        shutil.rmtree(station.home / "audit" / "2026-11-23")
        clock.real += timedelta(days=1)

        assert write_missing_messages(station) == 0
        record(station, volume)
        assert len(messages(station)) == 1

    def test_serving_is_told_at_start_and_end(self, station: Station) -> None:
        stop = threading.Event()

        serve(station, stop=stop, on_ready=lambda *_: stop.set(), bind="127.0.0.1", port=0)

        assert events(station) == ["started", "stopped"]
        roots = [ET.parse(station.home / "audit" / name).getroot() for name in messages(station)]  # noqa: S314
        codes = [root.find("EventIdentification/EventTypeCode") for root in roots]
        assert [one is not None and one.attrib["csd-code"] for one in codes] == ["110120", "110121"]


class TestAudit:
    def test_a_whole_ledger(self, station: Station, volume: tuple[int, Manifest, Path]) -> None:
        head = record(station, volume)

        report = audit_ledger(station, head)

        assert report.ok
        assert (report.found_at, report.broken_from) == (head.count, None)

    def test_damage_becomes_an_alert_once(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        for _ in range(4):
            record(station, volume)
        lines = lines_of(station.home)
        write_lines(station.home, [lines[0], lines[1].replace(b"4711", b"4712"), *lines[2:]])

        first, again = audit_ledger(station), audit_ledger(station)

        assert not first.ok
        assert not again.ok
        assert first.broken_from == 2
        assert events(station).count("alert") == 1
        assert messages(station)[-1].endswith("-alert.xml")

    def test_a_head_that_was_typed_badly_is_no_alert(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        record(station, volume)

        assert not audit_ledger(station, LedgerHead(1, "0" * 64)).ok
        assert "alert" not in events(station)

    def test_a_tail_cut_off_both_copies_shows_against_the_messages(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        for _ in range(3):
            record(station, volume)
        number = len(lines_of(station.home))
        station.catalog.close()
        write_lines(station.home, lines_of(station.home)[:-1])
        with unguarded(station.home) as connection:
            connection.execute("DELETE FROM ledger WHERE position=?", [number])

        report = audit_ledger(station)

        assert [finding.rule for finding in report.findings] == ["ledger-cut"]
        assert not report.whole
        assert report.broken_from == number

    def test_a_cut_shows_however_far_the_ledger_has_gone_on_since(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        """The alert takes the number of what was cut."""
        for _ in range(3):
            record(station, volume)
        number = len(lines_of(station.home))
        station.catalog.close()
        write_lines(station.home, lines_of(station.home)[:-1])
        with unguarded(station.home) as connection:
            connection.execute("DELETE FROM ledger WHERE position=?", [number])
        before = messages(station)

        reports = [audit_ledger(station) for _ in range(3)]

        assert len(lines_of(station.home)) == number
        assert {one.rule for report in reports for one in report.findings} == {"ledger-cut"}
        assert {report.broken_from for report in reports} == {number}
        assert events(station).count("alert") == 1
        assert set(before) <= set(messages(station))

    def test_a_message_of_another_entry_is_never_written_over(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        record(station, volume)
        entry = entries(station)[-1]

        for operator in ("anna", "anna", "bert"):
            path = write_message(station, replace(entry, operator=operator))

        kept = sorted(path.parent.glob(f"{path.stem}*"))
        assert [b"anna" in one.read_bytes() for one in kept] == [False, True, False]
        assert stray_numbers(station) == [entry.number]

    def test_reindex_mends_what_can_be_proved_and_says_so_in_the_ledger(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        for _ in range(3):
            record(station, volume)
        with unguarded(station.home) as connection:
            connection.execute("UPDATE ledger SET body='{}' WHERE position=2")

        _, findings = rebuild_index(station)

        assert "ledger-mended" in {finding.rule for finding in findings}
        assert events(station)[-1] == "alert"
        found = audit_ledger(station).findings
        assert [one for one in found if one.rule.startswith("ledger")] == []

    def test_a_lost_index_gets_the_ledger_back(
        self, station: Station, volume: tuple[int, Manifest, Path]
    ) -> None:
        record(station, volume)
        numbers = [entry.number for entry in entries(station)]
        station.catalog.close()
        for path in station.home.glob("catalog.sqlite*"):
            path.unlink()

        with Station(station.home) as other:
            rebuild_index(other)
            found = [entry.number for entry in entries(other)]
            assert audit_ledger(other).ok

        assert found[: len(numbers)] == numbers
