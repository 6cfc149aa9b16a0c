"""Rereading at the station: wrong discs are named by their jobs, and the report is kept."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.errors import ConfigError
from mediastation.model.finding import error
from mediastation.model.job import JobState
from mediastation.model.manifest import Manifest
from mediastation.station.burning.reread import RereadRequest, reread_medium
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.medium_report import write_report
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from mediastation.verify.report import VerifyReport
from tests.support.commands import CommandNursery
from tests.support.damaged import MemoryAccess
from tests.support.objects import write_series

CD = "STD-GEN-CD"
KEYS = {
    "version", "created", "path", "ok", "manifest", "proved", "files", "bytes", "instances",
    "image_sha256", "file_set_uid", "file_set_id", "from_cache", "bad_sectors", "compatibility",
    "findings", "manifest_job", "ledger_head", "envelopes", "opened", "signatures",
}  # fmt: skip
OTHER = {
    "SpecificCharacterSet": "ISO_IR 192",
    "PatientID": "8888",
    "PatientName": "Müller^Jürgen=山田^太郎",
    "PatientBirthDate": "19500505",
    "PatientSex": "M",
    "StudyInstanceUID": "1.9",
    "SeriesInstanceUID": "1.9.1",
}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home", Clock(read_timestamp("2026-11-23T10:00:00Z"))) as opened:
        yield opened


@pytest.fixture
def ours(station: Station, tmp_path: Path) -> ExportResult:
    """An image of our own with three instances, `ours.iso`."""
    write_series(tmp_path / "in", 3)
    return exported(station, tmp_path / "in", tmp_path / "ours.iso")


def exported(station: Station, source: Path, output: Path, **more: Any) -> ExportResult:
    result = export(station, ExportRequest((str(source),), CD, output, **more))
    assert result.stopped == "", result.findings
    return result


def manifest_of(station: Station, job: int, *below: str) -> Manifest:
    path = station.job_folder(job).joinpath(*below) / MANIFEST_NAME
    return Manifest.from_json(path.read_text())


def burned(tmp_path: Path, image: Path) -> Path:
    """What a burner makes of an image in a drive that is a file."""
    disc = tmp_path / "disc"
    disc.write_bytes(image.read_bytes() + bytes(300 << 10))
    return disc


def reread(station: Station, disc: Path, manifest: Manifest, **more: Any) -> VerifyReport:
    request = RereadRequest(disc, manifest, station.home / "report", **more)
    return reread_medium(station, request)


def wrong(report: VerifyReport) -> str:
    (finding,) = report.findings
    assert finding.rule == "wrong-disc"
    assert not report.ok
    return finding.message


class TestTheRightDisc:
    def test_it_is_proved_and_its_report_is_kept(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        disc = burned(tmp_path, tmp_path / "ours.iso")
        told: list[tuple[int, int]] = []
        request = RereadRequest(
            disc,
            manifest_of(station, ours.job),
            station.home / "report",
            rows=(("Drive", "PIONEER <BD-RW>"),),
            more={"job": 7, "ok": "not theirs to say"},
        )

        report = reread_medium(station, request, lambda done, total: told.append((done, total)))

        assert report.ok, report.findings
        assert report.image_sha256 == ours.volumes[0].sha256
        assert told[-1] == (ours.volumes[0].size_bytes,) * 2
        kept = json.loads((station.home / "report" / "report.json").read_text())
        assert kept.keys() == KEYS | {"job"}
        assert (kept["ok"], kept["job"]) == (True, 7)
        assert kept["created"] == "2026-11-23T10:00:00+00:00"
        assert kept["bad_sectors"] == {"count": 0, "ranges": []}
        personas = {row["reader"]: row for row in kept["compatibility"]}
        assert personas["DICOMDIR only"] == {
            "reader": "DICOMDIR only",
            "kind": "persona",
            "verdict": "complete",
            "files": report.files,
            "equal": report.files,
            "instances": 3,
            "expected": 3,
            "detail": "",
            "lost": [],
        }
        page = (station.home / "report" / "report.html").read_text()
        assert "PIONEER &lt;BD-RW&gt;" in page
        assert report.proved in page
        assert "DICOMDIR only" in page
        assert [path.name for path in (station.home / "report").iterdir()] == unordered(
            ["report.json", "report.html"]
        )

    def test_each_copy_has_its_own_report(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        disc = burned(tmp_path, tmp_path / "ours.iso")
        for number in (1, 2):
            reread(station, disc, manifest_of(station, ours.job), stem=f"report-{number}")

        assert [path.name for path in (station.home / "report").iterdir()] == unordered(
            [f"report-{number}.{kind}" for number in (1, 2) for kind in ("json", "html")]
        )

    def test_scratches_are_in_the_report_with_whose_they_are(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        image = tmp_path / "ours.iso"
        content = image.read_bytes()
        sector = content.index(b"DICM", content.index(b"DICM") + 1) // 2048
        request = RereadRequest(
            image, manifest_of(station, ours.job), station.home / "report", programs=()
        )

        report = reread_medium(station, request, opener=MemoryAccess(content, bad={sector}))

        assert not report.ok
        kept = json.loads((station.home / "report" / "report.json").read_text())
        (bad,) = kept["bad_sectors"]["ranges"]
        assert (bad["first"], bad["count"], kept["bad_sectors"]["count"]) == (sector, 1, 1)
        assert bad["sop_instance_uid"].startswith("1.2.3.1.")
        assert bad["patient_id"]
        assert bad["region"] in (station.home / "report" / "report.html").read_text()


class unordered:  # noqa: N801 - reads like a list
    """Equal to a list of the same things in any order."""

    def __init__(self, things: list[str]) -> None:
        self._things = sorted(things)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, list) and sorted(other) == self._things

    def __hash__(self) -> int:
        return 0


class TestAWrongDisc:
    def test_one_of_another_patient_is_named_in_their_own_letters(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "other", 2, **OTHER)
        theirs = exported(station, tmp_path / "other", tmp_path / "theirs.iso")

        report = reread(
            station, burned(tmp_path, tmp_path / "theirs.iso"), manifest_of(station, ours.job)
        )

        message = wrong(report)
        assert "of another patient: Müller^Jürgen=山田^太郎, ID 8888" in message
        assert f"made by job {theirs.job}" in message
        assert theirs.volumes[0].file_set_uid in message
        assert (
            message in json.loads((station.home / "report" / "report.json").read_text())["proved"]
        )

    def test_another_one_of_the_same_patient_is_named_so(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "more", 2, SeriesInstanceUID="1.2.3.2", SeriesNumber="2")
        exported(station, tmp_path / "more", tmp_path / "more.iso")

        report = reread(station, tmp_path / "more.iso", manifest_of(station, ours.job))

        assert "of the same patient" in wrong(report)

    def test_the_state_before_an_update_is_named_with_its_job(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "more", 2, SeriesInstanceUID="1.2.3.2", SeriesNumber="2")
        new = tmp_path / "new.iso"
        result = update(
            station, UpdateRequest(tmp_path / "ours.iso", new, add=(str(tmp_path / "more"),))
        )
        assert result.stopped == "", result.findings
        old, later = manifest_of(station, ours.job), manifest_of(station, result.job)

        before = reread(station, tmp_path / "ours.iso", later)
        after = reread(station, new, old)

        assert f"before the update, as job {ours.job} made it, with 3 instances" in wrong(before)
        assert f"updated state of the same File-set, as job {result.job} made it" in wrong(after)
        assert reread(station, new, later).ok

    def test_another_disc_of_one_export_is_named_by_its_number(
        self, station: Station, tmp_path: Path
    ) -> None:
        """People who share a Patient ID go onto discs of their own."""
        write_series(tmp_path / "in" / "a", 2)
        shared = OTHER | {"PatientID": "4711"}
        write_series(tmp_path / "in" / "b", 2, **shared)
        result = exported(station, tmp_path / "in", tmp_path / "discs", several_patients=True)
        assert len(result.volumes) == 2
        first, second = (Path(volume.path) for volume in result.volumes)

        report = reread(station, second, manifest_of(station, result.job))

        assert "disc 2 of 2 of the same export" in wrong(report)
        assert "disc 1 is to be reread" in wrong(report)
        assert reread(station, second, manifest_of(station, result.job, "2")).ok
        assert reread(station, first, manifest_of(station, result.job)).ok


class TestVerifying:
    def test_against_the_manifest_of_another_disc_the_disc_is_named(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "other", 2, **OTHER)
        exported(station, tmp_path / "other", tmp_path / "theirs.iso")
        path = station.job_folder(ours.job) / MANIFEST_NAME

        report = verify(station, tmp_path / "theirs.iso", path)

        assert "of another patient" in wrong(report)

    @pytest.mark.usefixtures("ours")
    @pytest.mark.parametrize("name", ["r.html", "r.HTM", "r.json", "r.pdf"])
    def test_the_report_is_written_as_its_name_asks(
        self, station: Station, tmp_path: Path, name: str
    ) -> None:
        verify(station, tmp_path / "ours.iso", as_recipient=True, report_file=tmp_path / name)

        content = (tmp_path / name).read_bytes()
        beginning = {"json": b"{", "pdf": b"%PDF-"}.get(name.partition(".")[2], b"<!DOCTYPE html")
        assert content.startswith(beginning)
        job = max(int(path.name) for path in (station.home / "jobs").iterdir())
        kept = json.loads((station.job_folder(job) / "report.json").read_text())
        assert kept["job"] == job
        assert len(kept["compatibility"]) >= 6

    def test_the_report_names_the_job_whose_manifest_counted_and_the_head_of_the_ledger(
        self, station: Station, ours: ExportResult, tmp_path: Path
    ) -> None:
        report = verify(station, tmp_path / "ours.iso", report_file=tmp_path / "r.html")

        assert report.manifest == "job"
        page = (tmp_path / "r.html").read_text("utf-8")
        assert f"the manifest of job {ours.job}" in page
        head = str(Ledger(station.catalog).head())
        assert head in page
        job = max(int(path.name) for path in (station.home / "jobs").iterdir())
        kept = json.loads((station.job_folder(job) / "report.json").read_text())
        assert (kept["manifest_job"], kept["ledger_head"]) == (ours.job, head)

    @pytest.mark.usefixtures("ours")
    def test_of_a_folder_of_images_each_is_to_be_verified(
        self, station: Station, tmp_path: Path
    ) -> None:
        (tmp_path / "set").mkdir()
        for name in ("DISC1.ISO", "DISC2.ISO"):
            shutil.copy(tmp_path / "ours.iso", tmp_path / "set" / name)

        report = verify(station, tmp_path / "set")

        (finding,) = [one for one in report.findings if one.rule == "no-dicomdir"]
        assert "2 images" in finding.hint
        assert f"mediastation verify {tmp_path}/set/DISC1.ISO" in finding.hint

    @pytest.mark.usefixtures("ours")
    @pytest.mark.parametrize("name", ["report.txt", "report", "no/such/folder.html", "."])
    def test_a_name_that_no_report_can_have_is_told_before_any_work(
        self, station: Station, tmp_path: Path, name: str
    ) -> None:
        with pytest.raises(ConfigError):
            verify(station, tmp_path / "ours.iso", report_file=tmp_path / name)

        assert station.jobs.latest(0.0)[0].kind == "export"

    def test_a_report_of_hostile_words_is_a_page_all_the_same(
        self, station: Station, tmp_path: Path
    ) -> None:
        finding = error("x", "<script>alert(1)</script>\x1b[2J", "\ud800\u202e&", "", "")
        report = VerifyReport("/dev/sr0\n", False, "job", 0, 0, 0, findings=[finding])

        for name in ("r.html", "r.json", "r.pdf"):
            write_report(station, tmp_path / name, report)

        page = (tmp_path / "r.html").read_text()
        assert "<script" not in page
        assert "\x1b" not in page

    @pytest.mark.usefixtures("ours")
    def test_the_command_shows_who_reads_it_and_who_does_not(
        self, station: Station, tmp_path: Path
    ) -> None:
        log = tmp_path / "log"
        with CommandNursery() as nursery:
            words = ("--home", station.home, "verify", tmp_path / "ours.iso", "--as-recipient")
            nursery.start(log, *words)
            assert nursery.end() == 0
            assert re.search(r"DICOMDIR only: complete, 3 of 3 instances", log.read_text())
            nursery.start(log, *words, "--json", "--quiet")
            assert nursery.end() == 0
            rows = json.loads(log.read_text())["compatibility"]
            assert {row["verdict"] for row in rows} <= {
                "complete", "not applicable", "not installed"
            }  # fmt: skip


REREADING = """
import sys, time
from pathlib import Path
from mediastation.station.recording.known_media import read_manifest
from mediastation.station.burning.reread import RereadRequest, reread_medium
from mediastation.station.station import Station

home, disc, manifest = map(Path, sys.argv[1:])
def hang(done, total):
    print("reading", flush=True)
    time.sleep(1000)

with Station(home) as station, station.job("burn", {}) as job, job.step("reread", 1, "bytes"):
    request = RereadRequest(disc, read_manifest(manifest), station.job_folder(job.id))
    reread_medium(station, request, hang)
    job.result = {"verified": True}
"""


def test_killed_while_rereading_nothing_passes_for_reread(
    station: Station, ours: ExportResult, tmp_path: Path
) -> None:
    disc = burned(tmp_path, tmp_path / "ours.iso")
    manifest = station.job_folder(ours.job) / MANIFEST_NAME
    child = subprocess.Popen(
        [sys.executable, "-c", REREADING, str(station.home), str(disc), str(manifest)],
        stdout=subprocess.PIPE,
        text=True,
        cwd=Path(__file__).parents[3],
    )
    try:
        assert child.stdout is not None
        assert child.stdout.readline() == "reading\n"
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()
        child.stdout.close()  # type: ignore[union-attr]

    latest = station.jobs.latest(station.clock.now())[0]
    assert (latest.kind, latest.state, latest.result) == ("burn", JobState.RUNNING, {})
    later = station.jobs.get(latest.id, station.clock.now() + 1000)
    assert later is not None
    assert later.state is JobState.ABANDONED
    assert list(station.job_folder(latest.id).iterdir()) == []
    # And it can be done again.
    assert reread(station, disc, Manifest.from_json(manifest.read_text())).ok
