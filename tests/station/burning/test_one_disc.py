"""One disc in a drive of the imagination: written, read back, condemned where it has to be."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from mediastation.burn.drive import Disc, DiscStatus
from mediastation.burn.trouble import Cause
from mediastation.catalog.ledger import Ledger
from mediastation.model.event import Event, StepProgress, StepStarted
from mediastation.model.job import JobState
from mediastation.model.ledger import LedgerEvent
from mediastation.station.burning.burn import burn
from mediastation.station.burning.request import BurnRecord, BurnRequest
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.recording.ledger import facts_of
from mediastation.station.station import Station
from tests.support.burners import MemoryDrive, MemoryEngine, fail_at, flip_bit
from tests.support.burning import SR0, rules, state_of
from tests.support.discs import Images


class TestOneDisc:
    """A drive of the imagination."""

    def test_a_disc_is_written_read_back_and_put_out(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.verified
        assert result.exit_code == 0
        assert result.image_sha256 == images.manifest.image_sha256
        assert drive.path.read_bytes().startswith(images.first.read_bytes())
        assert drive.reloads == 1
        assert engine.ejected == [SR0]
        assert state_of(station, result.job)[0] is JobState.DONE
        (record,) = records
        assert record == BurnRecord(
            job=result.job,
            drive="/dev/sr0 (TSSTcorp CDDVDW)",
            medium_id="Taiyo Yuden",
            image=str(images.first),
            image_sha256=images.manifest.image_sha256,
            manifest=images.manifest,
            copy=1,
            copies=1,
            reread="identical",
            bad_sectors=0,
        )

    @pytest.mark.parametrize("made_here", [True, False])
    def test_each_disc_is_in_the_ledger_a_spoiled_one_too(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        engine: MemoryEngine,
        tmp_path: Path,
        made_here: bool,
    ) -> None:
        drive.faults = {0: fail_at(0.5)}
        request = BurnRequest(images.first, (SR0,), retries=1)
        with Station(tmp_path / "other") as other:
            where = station if made_here else other
            burn(where, request, engine=engine)

            entries = [
                entry
                for entry in Ledger(where.catalog).entries()
                if entry.event is LedgerEvent.BURNED
            ]

        assert [entry.facts["burn"]["reread"] for entry in entries] == ["not reread", "identical"]
        for entry in entries:
            medium = facts_of(entry)
            assert medium is not None
            assert medium.image_sha256 == images.manifest.image_sha256
            assert [one.name for one in medium.patients] == ["Doe^Jane"]

    def test_a_simulation_is_no_entry_of_the_ledger(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), simulate=True), engine=engine)

        events = [entry.event for entry in Ledger(station.catalog).entries()]
        assert LedgerEvent.BURNED not in events

    def test_the_json_has_the_promised_keys(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine).as_dict()

        assert {"job", "drive", "image_sha256", "verified", "bad_sectors", "findings"} <= set(
            result
        )
        assert result["drive"] == SR0
        assert result["bad_sectors"] == 0
        json.dumps(result)

    def test_a_report_is_kept(self, station: Station, images: Images, engine: MemoryEngine) -> None:
        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        report = json.loads((station.job_folder(result.job) / "report.json").read_text())
        assert report["ok"] is True
        assert report["drive"] == SR0

    def test_steps_count_bytes(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        events: list[Event] = []

        burn(station, BurnRequest(images.first, (SR0,)), events.append, engine=engine)

        names = [event.step for event in events if isinstance(event, StepStarted)]
        assert names == ["image", "drive", "write", "reread"]
        size = images.first.stat().st_size
        assert StepProgress("write", size, size) in events

    def test_it_may_stay_in_the_drive(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), eject=False), engine=engine)

        assert engine.ejected == []

    def test_it_may_be_left_open(
        self, station: Station, images: Images, engine: MemoryEngine
    ) -> None:
        burn(station, BurnRequest(images.first, (SR0,), keep_open=True), engine=engine)

        assert engine.options[0].keep_open

    @pytest.mark.parametrize(
        ("lies", "cause"),
        [
            (DiscStatus.NONE, Cause.NO_DISC),
            (DiscStatus.CLOSED, Cause.NOT_BLANK),
            (DiscStatus.APPENDABLE, Cause.NOT_BLANK),
            (DiscStatus.UNKNOWN, Cause.WRONG_DISC),
        ],
    )
    def test_a_disc_that_may_not_be_written_is_not_touched(
        self,
        station: Station,
        images: Images,
        drive: MemoryDrive,
        engine: MemoryEngine,
        lies: DiscStatus,
        cause: Cause,
    ) -> None:
        drive.lies = lies
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.exit_code == 3
        assert rules(result) == [cause]
        assert not drive.path.exists()
        assert not records
        assert state_of(station, result.job)[0] is JobState.FAILED
        assert result.as_dict()["burns"][0]["discs"] == []

    def test_the_disc_of_another_kind_is_refused(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.blank = Disc("DVD-R", DiscStatus.BLANK, 2_298_496, 2_298_496)

        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert (result.exit_code, rules(result)) == (3, ["wrong-disc"])
        assert drive.discs == 0

    def test_one_flipped_bit_on_the_disc_condemns_it(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = {0: flip_bit(60_000)}
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert not result.verified
        assert result.exit_code == 1
        assert "discard-disc" in rules(result)
        assert [record.reread for record in records] == ["differs"]
        state, kept = state_of(station, result.job)
        assert state is JobState.REFUSED
        assert kept["burns"][0]["discs"][0]["state"] == "discard"

    def test_a_write_failure_condemns_the_disc(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.faults = {0: fail_at(0.37)}
        records: list[BurnRecord] = []

        result = burn(
            station, BurnRequest(images.first, (SR0,)), engine=engine, on_burned=records.append
        )

        assert result.exit_code == 3
        assert {"write-failed", "discard-disc"} <= set(rules(result))
        assert [record.reread for record in records] == ["not reread"]
        assert "destroy" in result.hint

    def test_a_dvd_ram_that_is_larger_than_its_image_gets_anchors_at_its_end(
        self, station: Station, drive: MemoryDrive, engine: MemoryEngine, tmp_path: Path
    ) -> None:
        image = tmp_path / "ram.iso"
        made = export(station, ExportRequest(("patient:4711",), "STD-GEN-DVD-RAM", image))
        assert made.volumes, made.stopped
        drive.blank = Disc("DVD-RAM", DiscStatus.BLANK, 10_000, 10_000, is_random_access=True)

        result = burn(station, BurnRequest(image, (SR0,)), engine=engine)

        assert result.verified, result.findings
        assert drive.path.stat().st_size == 10_000 * 2048
        assert "anchors" not in rules(result)

    def test_another_disc_in_the_reread_is_named(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        """The updated state of the same patient's set lies there instead."""

        def swap(disc: bytearray) -> None:
            disc[:] = images.updated.read_bytes()

        drive.faults = {0: swap}

        result = burn(station, BurnRequest(images.first, (SR0,)), engine=engine)

        assert not result.verified
        assert "wrong-disc" in rules(result)


class TestSimulation:
    """Nothing is written, and nothing is claimed."""

    def test_a_simulation_leaves_the_disc_alone(
        self, station: Station, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        records: list[BurnRecord] = []

        result = burn(
            station,
            BurnRequest(images.first, (SR0,), simulate=True),
            engine=engine,
            on_burned=records.append,
        )

        assert engine.options[0].simulate
        assert not drive.path.exists()
        assert result.exit_code == 0
        assert not result.verified
        assert not records
        assert result.as_dict()["burns"][0]["discs"][0]["state"] == "simulated"

    def test_a_disc_that_knows_none_is_not_even_tried(
        self, tmp_path: Path, images: Images, drive: MemoryDrive, engine: MemoryEngine
    ) -> None:
        drive.blank = Disc("DVD+R", DiscStatus.BLANK, 2_295_104, 2_295_104)
        with Station(tmp_path / "other") as other:
            result = burn(other, BurnRequest(images.first, (SR0,), simulate=True), engine=engine)

        assert engine.options == []
        assert "no-simulation" in rules(result)
