"""A set that is too large for one medium: several File-sets, each whole, naming the others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pydicom
import pytest
from pydicom.dataset import Dataset

from mediastation.errors import ConfigError, MediaError
from mediastation.reading.fresh import Cache
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.file_set import Volume
from mediastation.station.exporting.request import ExportRequest, ExportResult, VolumeResult
from mediastation.station.exporting.volume import write_volume
from mediastation.station.exporting.work import Work
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished
from mediastation.station.verification import verify
from mediastation.verify.report import VerifyReport
from mediastation.verify.verifier import verify_volume
from tests.support.objects import write_ct, write_series
from tests.support.unpacking import unpacked

SOFTCOPY = "1.2.840.10008.5.1.4.1.1.11.1"
PROFILES = {
    "iso9660": ("STD-GEN-CD", "CD-80"),
    "bridge": ("STD-GEN-DVD-JPEG", "DVD-R"),
    "udf-1.50": ("STD-GEN-DVD-RAM", "DVD-RAM"),
    "udf-2.50": ("STD-GEN-BD", "BD-RE-25"),
    "udf-2.60": ("STD-GEN-BD", "BD-R-25"),
    "folder": ("STD-GEN-USB-JPEG", "USB"),
    "zip": ("STD-GEN-ZIP-MAIL", "ZIP"),
}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    with Station(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def studies(tmp_path: Path) -> Path:
    """Four studies of one person, a series of 24 to 30 images each, the last one the newest."""
    for number in range(1, 5):
        write_series(
            tmp_path / "in" / str(number),
            22 + 2 * number,
            StudyInstanceUID=f"1.2.3.{number}",
            SeriesInstanceUID=f"1.2.3.{number}.1",
            StudyDate=f"2026010{number}",
            StudyDescription=f"Study {number}",
            PixelData=bytes(20_000),
            Rows=100,
            Columns=100,
        )
    return tmp_path / "in"


def ask(station: Station, source: Path, output: Path, form: str, **more: Any) -> ExportResult:
    profile, medium = PROFILES[form]
    return export(
        station,
        ExportRequest((str(source),), profile, output, medium=medium, format=form, **more),
    )


def held(volume: Path, folder: Path) -> dict[str, list[str]]:
    """SOP Instance UIDs by study, as the files of a volume say; each is in its DICOMDIR."""
    root = unpacked(volume, folder)
    found: dict[str, list[str]] = {}
    listed = [
        str(record.ReferencedSOPInstanceUIDInFile)
        for record in pydicom.dcmread(root / "DICOMDIR").DirectoryRecordSequence
        if "ReferencedFileID" in record
    ]
    for path in (root / "DICOM").rglob("*"):
        if path.is_file():
            ds = pydicom.dcmread(path, stop_before_pixels=True)
            found.setdefault(str(ds.StudyInstanceUID), []).append(str(ds.SOPInstanceUID))
    assert sorted(listed) == sorted(uid for uids in found.values() for uid in uids)
    return found


@pytest.mark.parametrize("form", PROFILES)
def test_every_study_lies_whole_on_one_of_several_media(
    station: Station, tmp_path: Path, studies: Path, form: str
) -> None:
    (whole,) = ask(station, studies, tmp_path / "whole", form, plan_only=True).volumes
    capacity = whole.size_bytes - 1

    result = ask(station, studies, tmp_path / "out", form, capacity_bytes=capacity)

    assert result.stopped == "", [finding.message for finding in result.findings]
    assert [volume.verified for volume in result.volumes] == [True] * 2
    assert all(volume.size_bytes <= capacity for volume in result.volumes)
    assert len({volume.file_set_uid for volume in result.volumes}) == 2
    assert [volume.file_set_id for volume in result.volumes] == ["DOE_JANE_1", "DOE_JANE_2"]
    found = [
        held(Path(volume.path), tmp_path / f"unpacked{number}")
        for number, volume in enumerate(result.volumes)
    ]
    assert {study: len(uids) for one in found for study, uids in one.items()} == {
        f"1.2.3.{number}": 22 + 2 * number for number in range(1, 5)
    }
    assert "1.2.3.4" in found[0]
    assert not found[0].keys() & found[1].keys()
    for volume in result.volumes:
        assert verify(station, Path(volume.path)).ok


def test_each_volume_says_what_the_others_hold(
    station: Station, tmp_path: Path, studies: Path
) -> None:
    result = ask(station, studies, tmp_path / "out", "iso9660", capacity_bytes=1_600_000)

    for number, volume in enumerate(result.volumes, start=1):
        root = unpacked(Path(volume.path), tmp_path / f"unpacked{number}")
        readme = (root / "README.TXT").read_text()
        assert f"{number} of 2" in readme
        for other, sibling in enumerate(result.volumes, start=1):
            assert f"Disc {other} " in readme
            assert f"{sibling.instances} instances" in readme
        assert f"Disc {number} of 2" in (root / "INDEX.HTM").read_text()


def test_the_boundary_is_the_last_byte(station: Station, tmp_path: Path, studies: Path) -> None:
    (whole,) = ask(station, studies, tmp_path / "one.iso", "iso9660").volumes

    exact = ask(
        station, studies, tmp_path / "exact.iso", "iso9660", capacity_bytes=whole.size_bytes
    )
    less = ask(station, studies, tmp_path / "less", "iso9660", capacity_bytes=whole.size_bytes - 1)

    assert len(exact.volumes) == 1
    assert len(less.volumes) == 2


def test_a_plan_is_what_is_written_and_writes_nothing(
    station: Station, tmp_path: Path, studies: Path
) -> None:
    words: dict[str, Any] = {"capacity_bytes": 1_600_000}

    planned = ask(station, studies, tmp_path / "out", "iso9660", plan_only=True, **words)

    assert not (tmp_path / "out").exists()
    assert [row.name for row in planned.media] == ["CD-80", "CD-74"]
    assert [row.volumes for row in planned.media] == [2, 1]
    assert [
        sorted(study["study_instance_uid"] for study in volume["studies"])
        for volume in planned.plan
    ] == [["1.2.3.3", "1.2.3.4"], ["1.2.3.1", "1.2.3.2"]]
    written = ask(station, studies, tmp_path / "out", "iso9660", **words)
    assert [volume.size_bytes for volume in planned.volumes] == [
        volume.size_bytes for volume in written.volumes
    ]


def test_a_series_is_cut_only_where_it_fits_nowhere_whole(
    station: Station, tmp_path: Path, studies: Path
) -> None:
    result = ask(station, studies, tmp_path / "out", "iso9660", capacity_bytes=600_000)

    cut = [finding for finding in result.findings if finding.rule == "series-cut"]
    assert [volume.verified for volume in result.volumes] == [True] * len(result.volumes)
    found = [
        held(Path(volume.path), tmp_path / f"unpacked{number}")
        for number, volume in enumerate(result.volumes)
    ]
    uids = [uid for one in found for uids in one.values() for uid in uids]
    assert len(uids) == len(set(uids)) == 108
    pieces = {study: sum(study in one for one in found) for one in found for study in one}
    assert {f"{study}.1" for study, count in pieces.items() if count > 1} == {
        finding.subject for finding in cut
    }
    also = [study["also_on"] for volume in ask(
        station, studies, tmp_path / "plan", "iso9660", capacity_bytes=600_000, plan_only=True
    ).plan for study in volume["studies"]]  # fmt: skip
    assert all(also)


def test_what_references_images_lies_with_them(
    station: Station, tmp_path: Path, studies: Path
) -> None:
    """A presentation state of study 2, in a study of its own that would fit anywhere."""
    first = next(iter(sorted((studies / "2").iterdir())))
    image = pydicom.dcmread(first)
    presentation_of(image, "1.2.3.9", studies / "state")

    result = ask(station, studies, tmp_path / "out", "iso9660", capacity_bytes=1_600_000)

    assert result.stopped == "", [finding.message for finding in result.findings]
    found = [
        held(Path(volume.path), tmp_path / f"unpacked{number}")
        for number, volume in enumerate(result.volumes)
    ]
    (together,) = [one for one in found if "1.2.3.9" in one]
    assert "1.2.3.2" in together


def presentation_of(image: Dataset, study: str, path: Path) -> None:
    reference = Dataset()
    reference.ReferencedSOPClassUID = image.SOPClassUID
    reference.ReferencedSOPInstanceUID = image.SOPInstanceUID
    series = Dataset()
    series.SeriesInstanceUID = image.SeriesInstanceUID
    series.ReferencedImageSequence = [reference]
    write_ct(
        path,
        SOPClassUID=SOFTCOPY,
        SOPInstanceUID=f"{study}.1.1",
        StudyInstanceUID=study,
        SeriesInstanceUID=f"{study}.1",
        StudyDate="20250101",
        Modality="PR",
        ContentLabel="STATE",
        ContentDescription="",
        PresentationCreationDate="20250101",
        PresentationCreationTime="101010",
        ContentCreatorName="",
        ReferencedSeriesSequence=[series],
        PixelData=None,
        Rows=None,
        Columns=None,
        SamplesPerPixel=None,
        PhotometricInterpretation=None,
        BitsAllocated=None,
        BitsStored=None,
        HighBit=None,
        PixelRepresentation=None,
        ImageType=None,
    )


class TestTooLarge:
    def test_one_instance_that_no_medium_can_hold_stops_the_export(
        self, station: Station, tmp_path: Path, studies: Path
    ) -> None:
        self.add_large(studies)

        result = ask(station, studies, tmp_path / "out", "iso9660", capacity_bytes=1_600_000)

        assert "too large for CD-R, 80 minutes" in result.stopped
        (told,) = [one for one in result.findings if one.rule == "instance-too-large"]
        assert told.subject == "1.2.3.5.1.1"
        assert not (tmp_path / "out").exists()

    def test_it_is_left_out_where_that_was_asked_for(
        self, station: Station, tmp_path: Path, studies: Path
    ) -> None:
        self.add_large(studies)

        result = ask(
            station, studies, tmp_path / "out", "iso9660",
            capacity_bytes=1_600_000, drop_refused=True,
        )  # fmt: skip

        assert (result.stopped, result.refused) == ("", 1)
        assert sum(volume.instances for volume in result.volumes) == 108

    @staticmethod
    def add_large(studies: Path) -> None:
        write_ct(
            studies / "large",
            StudyInstanceUID="1.2.3.5",
            SeriesInstanceUID="1.2.3.5.1",
            SOPInstanceUID="1.2.3.5.1.1",
            Rows=1200,
            Columns=1200,
            PixelData=bytes(2_880_000),
        )


class TestWhySeveral:
    """The note says what made several of it, and nothing else."""

    @staticmethod
    def told(result: ExportResult) -> list[str]:
        assert not result.stopped, result.stopped
        return [one.message for one in result.findings if one.rule == "several-volumes"]

    @staticmethod
    def add_namesake(studies: Path) -> None:
        write_ct(
            studies / "other",
            PatientName="Roe^Richard",
            PatientBirthDate="19500505",
            StudyInstanceUID="1.8",
            SeriesInstanceUID="1.8.1",
            SOPInstanceUID="1.8.1.1",
        )

    def test_too_much_for_one(self, station: Station, tmp_path: Path, studies: Path) -> None:
        result = ask(station, studies, tmp_path / "out", "iso9660", capacity_bytes=1_600_000)

        (message,) = self.told(result)
        assert "does not fit on one" in message
        assert "Patient ID" not in message

    def test_a_shared_patient_id(self, station: Station, tmp_path: Path, studies: Path) -> None:
        self.add_namesake(studies)

        result = ask(station, studies, tmp_path / "out", "iso9660", several_patients=True)

        (message,) = self.told(result)
        assert len(result.volumes) == 2
        assert "share a Patient ID" in message
        assert "fit" not in message

    def test_both(self, station: Station, tmp_path: Path, studies: Path) -> None:
        self.add_namesake(studies)

        result = ask(
            station, studies, tmp_path / "out", "iso9660",
            capacity_bytes=1_600_000, several_patients=True,
        )  # fmt: skip

        (message,) = self.told(result)
        assert len(result.volumes) == 3
        assert "share a Patient ID" in message
        assert "does not fit on 2" in message

    def test_what_was_dropped_leaves_one(
        self, station: Station, tmp_path: Path, studies: Path
    ) -> None:
        """Of what did not fit the rest does: one volume, and no word of several."""
        TestTooLarge.add_large(studies)

        result = ask(
            station, studies, tmp_path / "out.iso", "iso9660",
            capacity_bytes=2_700_000, drop_refused=True,
        )  # fmt: skip

        assert len(result.volumes) == 1
        assert self.told(result) == []


class TestOutput:
    def test_a_file_name_cannot_take_several(
        self, station: Station, tmp_path: Path, studies: Path
    ) -> None:
        with pytest.raises(ConfigError, match=r"2 volumes come out") as raised:
            ask(station, studies, tmp_path / "x.iso", "iso9660", capacity_bytes=1_600_000)

        assert "folder" in raised.value.hint
        assert not (tmp_path / "x.iso").exists()

    def test_one_medium_that_is_mounted_cannot_take_several(
        self, station: Station, tmp_path: Path, studies: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stick = tmp_path / "stick"
        stick.mkdir()
        monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == stick)
        monkeypatch.setattr("mediastation.media.mounted.mounted_file_system", fat32)

        with pytest.raises(ConfigError, match=r"2 volumes come out, and .* is one medium"):
            ask(station, studies, stick, "folder", capacity_bytes=1_600_000)

        assert list(stick.iterdir()) == []

    def test_a_stick_is_written_in_place(
        self, station: Station, tmp_path: Path, studies: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What systems leave on every stick stays; the rest is the File-set, and is proved."""
        stick = tmp_path / "stick"
        (stick / "System Volume Information").mkdir(parents=True)
        monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == stick)
        monkeypatch.setattr("mediastation.media.mounted.mounted_file_system", fat32)
        before = stick.stat().st_ino

        result = ask(station, studies, stick, "folder")

        assert result.stopped == "", [finding.message for finding in result.findings]
        assert [volume.verified for volume in result.volumes] == [True]
        assert "system-file" in {finding.rule for finding in result.findings}
        assert stick.stat().st_ino == before
        assert (stick / "DICOMDIR").is_file()

    @pytest.mark.parametrize("is_folder_on_it", [False, True], ids=["stick", "folder on a stick"])
    @pytest.mark.parametrize("cache", list(Cache))
    def test_a_stick_is_reread_from_itself_and_not_from_memory(
        self,
        station: Station,
        tmp_path: Path,
        studies: Path,
        monkeypatch: pytest.MonkeyPatch,
        cache: Cache,
        is_folder_on_it: bool,
    ) -> None:
        """What was just written is remembered, whatever the stick has made of it."""
        stick = tmp_path / "stick"
        if is_folder_on_it:
            other = "mediastation.station.exporting.forget_written._is_on_another_disk"
            monkeypatch.setattr(other, lambda *_: True)
        else:
            stick.mkdir()
            monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == stick)
        monkeypatch.setattr("mediastation.media.mounted.mounted_file_system", fat32)
        forgotten: list[Path] = []

        def drop(path: Path) -> Cache:
            assert path.is_file()
            forgotten.append(path)
            return cache

        def verified(medium: Any, *words: Any, **more: Any) -> VerifyReport:
            (root,) = tmp_path.glob("*stick*")
            assert sorted(forgotten) == sorted(root / file.path for file in medium.iter_files())
            return verify_volume(medium, *words, **more)

        monkeypatch.setattr("mediastation.verify.reread.drop_cache", drop)
        monkeypatch.setattr("mediastation.station.exporting.volume.verify_volume", verified)

        result = ask(station, studies, stick, "folder")

        assert result.stopped == "", [finding.message for finding in result.findings]
        assert {"DICOMDIR", "README.TXT"} < {path.name for path in forgotten}
        rules = {finding.rule for finding in result.findings}
        assert ("read-from-memory" in rules) is (cache is Cache.UNKNOWN)

    @pytest.mark.parametrize("plan_only", [True, False], ids=["plan", "export"])
    @pytest.mark.parametrize("lacking", ["bytes", "clusters"])
    def test_a_stick_with_too_little_room_is_refused_before_anything_is_written(
        self,
        station: Station,
        tmp_path: Path,
        studies: Path,
        monkeypatch: pytest.MonkeyPatch,
        lacking: str,
        plan_only: bool,
    ) -> None:
        """All files together may be small enough, and their last clusters too many."""
        (whole,) = ask(station, studies, tmp_path / "whole", "folder", plan_only=True).volumes
        stick = tmp_path / "stick"
        stick.mkdir()
        monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == stick)
        monkeypatch.setattr("mediastation.media.mounted.mounted_file_system", fat32)
        enough = -(-whole.size_bytes // 32768)
        free = enough + 1 if lacking == "clusters" else enough // 2
        real = os.statvfs

        def statvfs(path: Path) -> object:
            if Path(path) != stick:
                return real(path)
            return SimpleNamespace(
                f_frsize=32768, f_blocks=70_000, f_bfree=free, f_bavail=free, f_flag=0
            )

        monkeypatch.setattr(os, "statvfs", statvfs)

        with pytest.raises(MediaError, match=f"and {free * 32768:,} are free") as raised:
            ask(station, studies, stick, "folder", plan_only=plan_only)

        assert "larger medium" in raised.value.hint
        assert list(stick.iterdir()) == []

    def test_a_stick_with_another_file_system_is_refused(
        self, station: Station, tmp_path: Path, studies: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """PS3.12 R.1.1: FAT16 or FAT32, and nothing else is to be found there."""
        stick = tmp_path / "stick"
        stick.mkdir()
        monkeypatch.setattr("os.path.ismount", lambda path: Path(path) == stick)
        monkeypatch.setattr(
            "mediastation.media.mounted.mounted_file_system", lambda *_, **__: "exfat"
        )

        result = ask(station, studies, stick, "folder")

        assert "exfat" in result.stopped
        assert list(stick.iterdir()) == []


def fat32(*_: object, **__: object) -> str:
    return "fat32"


def test_where_the_ledger_fails_too_both_faults_are_told_the_first_one_first(
    station: Station, studies: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second volume fails, and the entry of the first one cannot be withdrawn."""
    written: list[Volume] = []

    def failing(work: Work, volume: Volume) -> VolumeResult:
        if written:
            raise MediaError("cannot write DISC2.ISO: Input/output error", "Check the disk.")
        written.append(volume)
        return write_volume(work, volume)

    def refused(*_: object) -> None:
        raise MediaError("The ledger's disk is full.")

    monkeypatch.setattr("mediastation.station.exporting.export.write_volume", failing)
    monkeypatch.setattr("mediastation.station.recording.medium_record.record_withdrawn", refused)
    with pytest.raises(MediaError) as caught:
        ask(station, studies, tmp_path / "set", "iso9660", capacity_bytes=1_600_000)

    assert caught.value.message == "cannot write DISC2.ISO: Input/output error"
    assert caught.value.hint.startswith("Check the disk.")
    assert "The ledger's disk is full" in caught.value.hint
    (job, *_) = station.jobs.latest(station.clock.now())
    told = station.jobs.get(job.id, station.clock.now())
    assert told is not None
    assert "DISC2.ISO" in told.message
    assert "not-withdrawn" in {finding.rule for finding in told.findings}
    assert not list(tmp_path.glob("set/*.ISO"))

    # What could not be withdrawn then is withdrawn by whoever comes next.
    monkeypatch.undo()
    assert [finding.rule for finding in settle_unfinished(station)] == ["medium-withdrawn"]
