"""Reprint: the same bytes, or each reason why not, and nothing half-made either way."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.selection import find_entries
from mediastation.catalog.upkeep import forget
from mediastation.errors import ConfigError, MediaError
from mediastation.media.iso9660 import Iso9660Image
from mediastation.model.entry import Kind
from mediastation.model.ledger import Disclosure, LedgerEvent
from mediastation.model.manifest import Manifest
from mediastation.reading.fresh import Cache
from mediastation.station.burning.burn import burn
from mediastation.station.burning.request import BurnRequest
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.reprint import reprint
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.gather import add
from mediastation.station.recording.ledger import facts_of
from mediastation.station.recording.ledger import find_entries as find_in_ledger
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from tests.support.objects import write_ct, write_series
from tests.support.peers import run_peer

FORMS = [
    ("STD-GEN-CD", "CD-80", ""),
    ("STD-GEN-DVD-JPEG", "DVD-R", "bridge"),
    ("STD-GEN-DVD-JPEG", "DVD-R", "iso9660"),
    ("STD-GEN-DVD-JPEG", "DVD+R", "udf-1.02"),
    ("STD-GEN-DVD-RAM", "DVD-RAM", ""),
    ("STD-GEN-BD", "BD-R-25", ""),
    ("STD-GEN-BD", "BD-RE-25", ""),
    ("STD-GEN-USB-JPEG", "USB", "fat16"),
    ("STD-GEN-USB-JPEG", "USB", "fat32"),
    ("STD-GEN-ZIP-MAIL", "ZIP", ""),
    ("STD-GEN-ZIP-MAIL", "MAIL", ""),
    ("STD-GEN-MIME", "MIME", ""),
]


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def source(tmp_path: Path) -> Path:
    write_series(tmp_path / "in", 2)
    write_ct(tmp_path / "in" / "implicit", implicit=True, SOPInstanceUID="1.2.3.1.7")
    return tmp_path / "in"


def made(station: Station, source: Path, output: Path, **words: object) -> ExportResult:
    """An export at this very moment, which no option names."""
    request = ExportRequest((str(source),), "STD-GEN-CD", output)
    result = export(station, replace(request, **words))  # type: ignore[arg-type]
    assert not result.stopped, result.stopped
    return result


class _HastyClock(Clock):
    """A clock by which every look takes a second: as if writing took as long as it does."""

    looks = 0

    def moment(self) -> datetime:
        self.looks += 1
        return datetime(2026, 11, 23, tzinfo=UTC) + timedelta(seconds=self.looks)


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def rules(result: ExportResult) -> set[str]:
    return {finding.rule for finding in result.findings if finding.severity == "error"}


def assert_nothing_written(result: ExportResult, output: Path) -> None:
    assert result.stopped
    assert result.volumes == []
    assert not output.exists()
    assert [path.name for path in output.parent.iterdir() if "part" in path.name] == []


@pytest.mark.parametrize(("profile", "medium", "form"), FORMS)
def test_a_medium_that_took_long_to_write_comes_out_again(
    source: Path, tmp_path: Path, profile: str, medium: str, form: str
) -> None:
    """The moment on the medium is when it was begun, whatever the time was at its end."""
    one, two = tmp_path / "one.img", tmp_path / "two.img"
    with Station(tmp_path / "home", _HastyClock()) as station:
        first = made(station, source, one, medium=medium, profile=profile, format=form)

        again = reprint(station, first.job, two)

    assert not again.stopped, again.findings
    assert digest(one) == digest(two)


@pytest.mark.parametrize(("profile", "medium", "form"), FORMS)
def test_the_same_bytes_come_out_again(
    station: Station, source: Path, tmp_path: Path, profile: str, medium: str, form: str
) -> None:
    one, two = tmp_path / "one.img", tmp_path / "two.img"
    first = made(station, source, one, medium=medium, profile=profile, format=form)

    again = reprint(station, first.job, two)

    assert not again.stopped
    assert digest(two) == digest(one) == first.volumes[0].sha256
    (volume,) = again.volumes
    assert (volume.sha256, volume.verified) == (first.volumes[0].sha256, True)
    assert volume.file_set_uid == first.volumes[0].file_set_uid
    assert volume.instances == 3
    assert again.job != first.job


def test_a_folder_gets_the_same_files(station: Station, source: Path, tmp_path: Path) -> None:
    first = made(station, source, tmp_path / "one", medium="USB", profile="STD-GEN-USB-JPEG")

    again = reprint(station, first.job, tmp_path / "two")

    assert not again.stopped
    assert run_peer("diff", "-r", tmp_path / "one", tmp_path / "two").stdout == ""


def test_one_on_a_stick_is_reread_from_there_and_not_from_memory(
    station: Station, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = made(station, source, tmp_path / "one", medium="USB", profile="STD-GEN-USB-JPEG")
    forgotten: list[str] = []

    def drop(path: Path) -> Cache:
        assert path.is_file()
        forgotten.append(path.name)
        return Cache.DEFEATED

    other = "mediastation.station.exporting.forget_written._is_on_another_disk"
    monkeypatch.setattr(other, lambda *_: True)
    monkeypatch.setattr("mediastation.verify.reread.drop_cache", drop)

    assert not reprint(station, first.job, tmp_path / "two").stopped

    assert {"DICOMDIR", "README.TXT"} < set(forgotten)


def test_a_reprint_is_verified_as_the_medium_it_is(
    station: Station, source: Path, tmp_path: Path
) -> None:
    first = made(station, source, tmp_path / "one.iso")
    (tmp_path / "one.iso").unlink()
    reprint(station, first.job, tmp_path / "two.iso")

    report = verify(station, tmp_path / "two.iso")

    assert report.ok
    assert report.manifest == "job"


def test_it_is_recorded_with_the_first_and_why(
    station: Station, source: Path, tmp_path: Path
) -> None:
    first = made(station, source, tmp_path / "one.iso")

    again = reprint(
        station, first.job, tmp_path / "two.iso", disclosure=Disclosure("court", "Ms. Doe", "lost")
    )

    entry = next(Ledger(station.catalog).entries(newest_first=True))
    assert (entry.event, entry.job) == (LedgerEvent.REPRINTED, again.job)
    assert entry.facts["of_job"] == first.job
    assert entry.facts["disclosure"]["requested_by"] == "court"
    facts = facts_of(entry)
    assert facts is not None
    assert facts.image_sha256 == first.volumes[0].sha256
    assert facts.path == str(tmp_path / "two.iso")
    assert [patient.patient_id for patient in facts.patients] == ["4711"]


def test_a_reprint_can_be_reprinted(station: Station, source: Path, tmp_path: Path) -> None:
    first = made(station, source, tmp_path / "one.iso")
    again = reprint(station, first.job, tmp_path / "two.iso")

    third = reprint(station, again.job, tmp_path / "three.iso")

    assert third.volumes[0].sha256 == first.volumes[0].sha256
    entry = next(Ledger(station.catalog).entries(newest_first=True))
    assert entry.facts["of_job"] == first.job


def test_each_volume_of_several_is_made_alone(
    station: Station, source: Path, tmp_path: Path
) -> None:
    """Two people under one Patient ID go onto two volumes."""
    write_ct(
        source / "other", SOPInstanceUID="1.9.1", StudyInstanceUID="1.9", PatientName="Roe^Rita",
        SeriesInstanceUID="1.9.1.1", PatientBirthDate="19500505", PatientSex="M",
    )  # fmt: skip
    first = made(station, source, tmp_path / "set", several_patients=True)
    assert len(first.volumes) == 2

    with pytest.raises(ConfigError, match="2 volumes"):
        reprint(station, first.job, tmp_path / "two.iso")
    with pytest.raises(ConfigError, match="no volume 3"):
        reprint(station, first.job, tmp_path / "two.iso", 3)
    for number, volume in enumerate(first.volumes, start=1):
        output = tmp_path / f"again{number}.iso"
        again = reprint(station, first.job, output, number)
        assert digest(output) == volume.sha256 == again.volumes[0].sha256


def test_prepared_copies_are_taken_as_they_went_out(
    station: Station, source: Path, tmp_path: Path
) -> None:
    first = made(
        station, source, tmp_path / "one", medium="DVD-R", profile="STD-GEN-DVD-JPEG",
        compress="jpeg-lossless",
    )  # fmt: skip
    assert first.transcoded
    assert next(station.catalog.store.iter_digests(Kind.PREPARED), None) is not None

    again = reprint(station, first.job, tmp_path / "two")

    assert digest(tmp_path / "two") == first.volumes[0].sha256 == again.volumes[0].sha256


class TestReasons:
    """Each keeps the same medium from being made, and says which file and why."""

    def test_a_forgotten_instance(self, station: Station, source: Path, tmp_path: Path) -> None:
        first = made(station, source, tmp_path / "one.iso")
        forget(station.catalog, find_entries(station.catalog, "instance:1.2.3.1.7"))

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert_nothing_written(again, tmp_path / "two.iso")
        (finding,) = again.findings
        assert (finding.rule, finding.subject) == ("reprint-forgotten", "1.2.3.1.7")

    def test_a_forgotten_instance_that_was_sent_again_is_the_same(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        (source / "implicit").unlink()
        first = made(station, source, tmp_path / "one.iso")
        forget(station.catalog, find_entries(station.catalog, "study:1.2.3"))
        add(station, [str(source)])

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert digest(tmp_path / "two.iso") == first.volumes[0].sha256 == again.volumes[0].sha256

    @pytest.mark.parametrize("size", ["same", "shorter"])
    def test_a_stored_file_that_is_damaged(
        self, station: Station, source: Path, tmp_path: Path, size: str
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")
        manifest = manifest_of(station, first)
        (wanted,) = [file for file in manifest.files if file.sop_instance_uid == "1.2.3.1.2"]
        stored = station.catalog.store.path(wanted.sha256)
        content = bytearray(stored.read_bytes())
        content[-1] ^= 1
        stored.chmod(0o600)
        stored.write_bytes(content if size == "same" else content[:-2])

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert_nothing_written(again, tmp_path / "two.iso")
        (finding,) = again.findings
        assert (finding.rule, finding.subject) == ("reprint-changed", "1.2.3.1.2")
        assert wanted.path in finding.message
        assert str(stored) in finding.message
        assert "sent again" in finding.hint

    def test_a_damaged_file_that_was_moved_aside_and_sent_again_is_the_same(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        """As the hint of the damage says."""
        first = made(station, source, tmp_path / "one.iso")
        (wanted,) = [
            file
            for file in manifest_of(station, first).files
            if file.sop_instance_uid == "1.2.3.1.2"
        ]
        station.catalog.store.path(wanted.sha256).rename(tmp_path / "aside")
        add(station, [str(source)])

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert digest(tmp_path / "two.iso") == first.volumes[0].sha256 == again.volumes[0].sha256

    @pytest.mark.parametrize("content", [b"", b"{", b'{"version": 2}', b"\xff"])
    def test_a_manifest_that_cannot_be_read(
        self, station: Station, source: Path, tmp_path: Path, content: bytes
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")
        path = station.job_folder(first.job) / MANIFEST_NAME
        path.write_bytes(content)

        with pytest.raises(ConfigError, match=f"job {first.job} noted") as caught:
            reprint(station, first.job, tmp_path / "two.iso")

        assert str(path) in caught.value.hint
        assert "sha256sum" not in caught.value.hint
        assert "backup" in caught.value.hint
        assert not (tmp_path / "two.iso").exists()

    @pytest.mark.parametrize("name", ["DICOMDIR", "README.TXT", "SHA256.TXT"])
    @pytest.mark.parametrize("fault", ["changed", "gone"])
    def test_a_file_of_the_job(
        self, station: Station, source: Path, tmp_path: Path, name: str, fault: str
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")
        path = station.job_folder(first.job) / name
        if fault == "gone":
            path.unlink()
        else:
            path.write_bytes(path.read_bytes() + b" ")

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert_nothing_written(again, tmp_path / "two.iso")
        (finding,) = again.findings
        assert finding.rule == ("reprint-missing" if fault == "gone" else "reprint-changed")
        assert finding.subject == name

    def test_content_of_the_site(self, station: Station, source: Path, tmp_path: Path) -> None:
        viewer = tmp_path / "VIEWER"
        (viewer / "BIN").mkdir(parents=True)
        (viewer / "BIN" / "VIEW.EXE").write_bytes(b"MZ")
        first = made(station, source, tmp_path / "one.iso", include=(viewer,))
        again = reprint(station, first.job, tmp_path / "two.iso")
        assert again.volumes[0].sha256 == first.volumes[0].sha256
        (viewer / "BIN" / "VIEW.EXE").write_bytes(b"MZ2")

        third = reprint(station, first.job, tmp_path / "three.iso")

        assert_nothing_written(third, tmp_path / "three.iso")
        assert [one.subject for one in third.findings] == ["VIEWER/BIN/VIEW.EXE"]

    def test_every_reason_is_told(self, station: Station, source: Path, tmp_path: Path) -> None:
        first = made(station, source, tmp_path / "one.iso")
        forget(station.catalog, find_entries(station.catalog, "study:1.2.3"))
        (station.job_folder(first.job) / "README.TXT").unlink()

        again = reprint(station, first.job, tmp_path / "two.iso")

        assert len(again.findings) == 4

    def test_a_program_that_writes_other_bytes(
        self, station: Station, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")

        def other(files: object, *, volume_id: str, moment: object) -> Iso9660Image:
            return Iso9660Image(files, volume_id=volume_id + "X", moment=moment)  # type: ignore[arg-type]

        monkeypatch.setattr("mediastation.station.exporting.output.Iso9660Image", other)
        again = reprint(station, first.job, tmp_path / "two.iso")

        assert_nothing_written(again, tmp_path / "two.iso")
        assert again.findings
        events = [entry.event for entry in Ledger(station.catalog).entries()]
        assert LedgerEvent.REPRINTED not in events

    def test_an_update_names_what_only_its_medium_had(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        made(station, source, tmp_path / "one.iso")
        write_ct(tmp_path / "more" / "x", SOPInstanceUID="1.2.3.1.9")
        updated = update(
            station,
            UpdateRequest(
                tmp_path / "one.iso", tmp_path / "two.iso", add=(str(tmp_path / "more"),)
            ),
        )
        assert not updated.stopped, updated.stopped

        again = reprint(station, updated.job, tmp_path / "three.iso")
        assert digest(tmp_path / "three.iso") == updated.volumes[0].sha256
        assert not again.stopped

        forget(station.catalog, find_entries(station.catalog, "instance:1.2.3.1.1"))
        gone = reprint(station, updated.job, tmp_path / "four.iso")
        assert_nothing_written(gone, tmp_path / "four.iso")
        assert "updated" in gone.findings[0].message


class TestRequests:
    def test_a_job_that_is_none(self, station: Station, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no job 99"):
            reprint(station, 99, tmp_path / "two.iso")

    def test_a_burn_leads_to_the_job_that_made_its_image(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        made = export(station, ExportRequest((str(source),), "STD-GEN-CD", tmp_path / "one.iso"))
        burned = burn(station, BurnRequest(tmp_path / "one.iso", (f"stdio:{tmp_path}/disc",)))

        with pytest.raises(ConfigError, match="burned an image") as caught:
            reprint(station, burned.job, tmp_path / "two.iso")

        (_, words) = caught.value.hint.split("audit ")
        found = find_in_ledger(station, words.split("`")[0])
        assert made.job in {entry.job for entry in found}

    def test_a_job_that_made_nothing(self, station: Station, source: Path, tmp_path: Path) -> None:
        add(station, [str(source)])
        with pytest.raises(ConfigError, match="made no medium"):
            reprint(station, 1, tmp_path / "two.iso")
        planned = made(station, source, tmp_path / "one.iso", plan_only=True)
        with pytest.raises(ConfigError, match="no medium"):
            reprint(station, planned.job, tmp_path / "two.iso")

    def test_a_manifest_of_an_older_version(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")
        manifest = replace(manifest_of(station, first), medium="", format="", moment="")
        (station.job_folder(first.job) / MANIFEST_NAME).write_text(manifest.to_json())

        with pytest.raises(ConfigError, match="older"):
            reprint(station, first.job, tmp_path / "two.iso")

    def test_what_is_there_already_and_something_else(
        self, station: Station, source: Path, tmp_path: Path
    ) -> None:
        first = made(station, source, tmp_path / "one.iso")
        (tmp_path / "letter.txt").write_text("dear")

        with pytest.raises(ConfigError):
            reprint(station, first.job, tmp_path / "letter.txt")

        assert (tmp_path / "letter.txt").read_text() == "dear"


@pytest.mark.parametrize("where", ["record", "commit"])
def test_what_fails_last_leaves_no_medium_and_an_honest_ledger(
    station: Station, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    first = made(station, source, tmp_path / "one.iso")
    before = [entry.number for entry in Ledger(station.catalog).entries()]

    def refuse(*_: object, **__: object) -> None:
        raise MediaError("The disk is full.")

    name = {
        "record": "mediastation.catalog.ledger_file.LedgerFile.append",
        "commit": "mediastation.media.contract.PendingMedium.commit",
    }[where]
    monkeypatch.setattr(name, refuse)
    with pytest.raises(MediaError):
        reprint(station, first.job, tmp_path / "two.iso")
    monkeypatch.undo()

    assert not (tmp_path / "two.iso").exists()
    after = list(Ledger(station.catalog).entries())[len(before) :]
    expected = [] if where == "record" else [LedgerEvent.REPRINTED, LedgerEvent.WITHDRAWN]
    assert [entry.event for entry in after] == expected


def test_a_fixed_moment_of_the_reprint_does_not_matter(source: Path, tmp_path: Path) -> None:
    with Station(tmp_path / "home", Clock(read_timestamp("2026-01-01"))) as station:
        first = made(station, source, tmp_path / "one.iso")
    with Station(tmp_path / "home", Clock(read_timestamp("2030-01-01"))) as station:
        again = reprint(station, first.job, tmp_path / "two.iso")

    assert again.volumes[0].sha256 == first.volumes[0].sha256


def manifest_of(station: Station, result: ExportResult) -> Manifest:
    path = station.job_folder(result.job) / MANIFEST_NAME
    return Manifest.from_json(path.read_text())
