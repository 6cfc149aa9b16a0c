"""What an export does about an instance or medium that a profile would not take as it is."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.pixels import pixel_array
from pydicom.uid import RLELossless

from mediastation.errors import ConfigError, ProfileError, SecrecyError
from mediastation.model.event import Event, StepStarted
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest, ExportResult
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_ct, write_series
from tests.support.peers import run_peer
from tests.support.profile_objects import ct_image, picture, us_image, write, xa_image

SV1 = "1.2.840.10008.1.2.4.70"
J2K = "1.2.840.10008.1.2.4.90"


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def instances(result: ExportResult, folder: Path) -> list[pydicom.Dataset]:
    """What lies on the only volume, unpacked by bsdtar where it is an image."""
    (volume,) = result.volumes
    path = Path(volume.path)
    if path.is_file():
        folder.mkdir()
        run_peer("bsdtar", "-C", folder, "-xf", path)
        path = folder
    return [pydicom.dcmread(file) for file in sorted(path.glob("DICOM/**/*")) if file.is_file()]


def icons(result: ExportResult, folder: Path) -> list[pydicom.Dataset]:
    """The icons in the directory of the only volume."""
    directory = pydicom.dcmread(next(folder.rglob("DICOMDIR"), Path(result.volumes[0].path)))
    return [
        record.IconImageSequence[0]
        for record in directory.DirectoryRecordSequence
        if "IconImageSequence" in record
    ]


class TestCompression:
    @pytest.mark.parametrize(
        ("profile", "word", "syntax"),
        [
            ("STD-GEN-USB-JPEG", "jpeg-lossless", SV1),
            ("STD-GEN-USB-J2K", "j2k", J2K),
            ("STD-CTMR-CD", "jpeg-lossless", SV1),
        ],
    )
    def test_an_operator_may_choose_it_and_no_sample_changes(
        self, station: Station, tmp_path: Path, profile: str, word: str, syntax: str
    ) -> None:
        source = write(ct_image(), tmp_path / "in.dcm")
        request = ExportRequest((str(source),), profile, tmp_path / "out", compress=word)

        result = export(station, request)

        (ds,) = instances(result, tmp_path / "unpacked")
        run_peer("gdcmconv", "--raw", ds.filename, tmp_path / "native.dcm")
        assert (result.stopped, result.transcoded) == ("", 1)
        assert str(ds.file_meta.TransferSyntaxUID) == syntax
        assert ds.SOPInstanceUID == ct_image().SOPInstanceUID
        assert "LossyImageCompression" not in ds
        native = pydicom.dcmread(tmp_path / "native.dcm").pixel_array
        assert np.array_equal(native, picture(96, 96, bits=12)[0])

    def test_a_profile_that_does_not_carry_it_is_told_before_any_work(
        self, station: Station, tmp_path: Path
    ) -> None:
        source = write(ct_image(), tmp_path / "in.dcm")
        request = ExportRequest(
            (str(source),), "STD-GEN-CD", tmp_path / "out.iso", compress="jpeg-lossless"
        )

        with pytest.raises(ConfigError, match="STD-GEN-CD"):
            export(station, request)

    def test_it_is_done_once_and_used_again(self, station: Station, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 3)
        first, second = (
            export(
                station,
                ExportRequest(
                    (str(tmp_path / "in"),), "STD-GEN-SD-JPEG", path, compress="jpeg-lossless"
                ),
            )
            for path in (tmp_path / "one", tmp_path / "two")
        )
        prepared = list((tmp_path / "home" / "prepared").rglob("*"))

        assert (first.transcoded, second.transcoded) == (3, 3)
        assert sum(path.is_file() for path in prepared) == 3

    def test_ultrasound_that_may_not_lie_there_native_becomes_rle(
        self, station: Station, tmp_path: Path
    ) -> None:
        """PS3.11 Table C.3-2: YBR_FULL lies there as RLE alone."""
        ds = us_image()
        ds.PhotometricInterpretation = "YBR_FULL"
        source = write(ds, tmp_path / "in.dcm")

        result = export(
            station, ExportRequest((str(source),), "STD-US-ID-SF-CDR", tmp_path / "out.iso")
        )

        (written,) = instances(result, tmp_path / "unpacked")
        assert written.file_meta.TransferSyntaxUID == RLELossless
        assert written.PhotometricInterpretation == "YBR_FULL"
        assert pixel_array(written, raw=True).tobytes() == ds.PixelData


class TestIcons:
    def test_where_they_are_required_they_are_made(self, station: Station, tmp_path: Path) -> None:
        source = write(xa_image(), tmp_path / "in.dcm")

        result = export(station, ExportRequest((str(source),), "STD-XABC-CD", tmp_path / "out.iso"))
        instances(result, tmp_path / "unpacked")
        (icon,) = icons(result, tmp_path / "unpacked")

        assert (icon.Rows, icon.Columns, icon.BitsAllocated) == (128, 128, 8)
        assert icon.PhotometricInterpretation == "MONOCHROME2"
        # A third through the run, every fourth pixel of it near the icon's.
        frame = picture(512, 512, frames=6)[2].reshape(128, 4, 128, 4).mean(axis=(1, 3))
        shown = np.frombuffer(icon.PixelData, "u1").reshape(128, 128)
        assert np.corrcoef(frame.ravel(), shown.ravel())[0, 1] > 0.99

    @pytest.mark.parametrize("wanted", [False, True])
    def test_where_they_are_optional_they_are_made_if_wanted(
        self, station: Station, tmp_path: Path, wanted: bool
    ) -> None:
        source = write(ct_image(), tmp_path / "in.dcm")
        request = ExportRequest((str(source),), "STD-CTMR-CD", tmp_path / "out.iso", icons=wanted)

        result = export(station, request)
        instances(result, tmp_path / "unpacked")
        made = icons(result, tmp_path / "unpacked")

        assert [(icon.Rows, icon.Columns) for icon in made] == [(64, 64)] * wanted

    def test_a_second_export_renders_nothing_anew(self, station: Station, tmp_path: Path) -> None:
        source = write(xa_image(), tmp_path / "in.dcm")
        made = []

        def listen(event: Event) -> None:
            if isinstance(event, StepStarted) and event.step == "icons":
                made.append(event)

        first = export(station, ExportRequest((str(source),), "STD-XABC-CD", tmp_path / "1.iso"))
        job = export(
            station, ExportRequest((str(source),), "STD-XABC-CD", tmp_path / "2.iso"), listen
        ).job
        record = station.jobs.get(job, station.clock.now())

        assert first.stopped == ""
        assert record is not None
        (step,) = [step for step in record.steps if step.name == "icons"]
        assert step.summary.startswith("0 made")
        assert len(made) == 1

    def test_an_image_without_pixels_stops_the_profile_that_demands_icons(
        self, station: Station, tmp_path: Path
    ) -> None:
        ds = xa_image()
        del ds.PixelData
        source = write(ds, tmp_path / "in.dcm")

        result = export(station, ExportRequest((str(source),), "STD-XA1K-CD", tmp_path / "out.iso"))

        assert result.stopped
        assert not (tmp_path / "out.iso").exists()


class TestMedia:
    def test_a_stick_gets_a_folder_that_verifies(self, station: Station, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 3)
        output = tmp_path / "stick"

        result = export(station, ExportRequest((str(tmp_path / "in"),), "STD-GEN-USB-JPEG", output))

        assert [volume.verified for volume in result.volumes] == [True]
        assert sorted(path.name for path in output.iterdir()) == [
            "DICOM", "DICOMDIR", "INDEX.HTM", "README.TXT", "SHA256.TXT",
        ]  # fmt: skip
        assert "STD-GEN-USB-JPEG" in (output / "README.TXT").read_text()
        assert verify(station, output).ok
        (next(path for path in output.glob("DICOM/**/*") if path.is_file())).write_bytes(b"other")
        assert not verify(station, output).ok

    @pytest.mark.parametrize(
        ("profile", "medium", "revision"),
        [
            ("STD-GEN-BD", "BD-R-25", "2.60"),
            ("STD-GEN-BD", "BD-RE-50", "2.50"),
            ("STD-GEN-DVD-RAM", "DVD-RAM", "1.50"),
        ],
    )
    def test_each_disc_gets_the_udf_revision_of_its_annex(
        self, station: Station, tmp_path: Path, profile: str, medium: str, revision: str
    ) -> None:
        """PS3.12 J.2.1 and X.2.1; udfinfo tells which one it is."""
        write_series(tmp_path / "in", 1)
        output = tmp_path / "disc.iso"

        result = export(
            station, ExportRequest((str(tmp_path / "in"),), profile, output, medium=medium)
        )

        assert [volume.verified for volume in result.volumes] == [True]
        assert f"udfwriterev={revision}\n" in run_peer("udfinfo", output).stdout

    def test_a_format_that_the_annex_does_not_know_is_refused(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-BD", tmp_path / "disc.iso", format="iso9660"
        )

        with pytest.raises(ProfileError, match=r"Annex X of PS3.12 asks for UDF 2.60") as raised:
            export(station, request)

        assert "--format udf-2.60" in raised.value.hint

    def test_a_card_that_only_fat32_could_fill_is_refused(
        self, station: Station, tmp_path: Path
    ) -> None:
        """PS3.12 U: FAT16 only; SDHC begins where that ends."""
        write_series(tmp_path / "in", 1)
        request = ExportRequest(
            (str(tmp_path / "in"),),
            "STD-GEN-SD-JPEG",
            tmp_path / "card",
            capacity_bytes=32_000_000_000,
        )

        with pytest.raises(ProfileError, match=r"allows FAT16 only") as raised:
            export(station, request)

        assert "SDHC" in raised.value.hint
        assert not (tmp_path / "card").exists()

    def test_a_dvd_takes_an_image(self, station: Station, tmp_path: Path) -> None:
        """PS3.12 P: a creator may choose ISO 9660 alone."""
        write_series(tmp_path / "in", 1)
        output = tmp_path / "dvd.iso"

        result = export(station, ExportRequest((str(tmp_path / "in"),), "STD-GEN-DVD-JPEG", output))

        assert (result.stopped, output.is_file()) == ("", True)

    @pytest.mark.parametrize("kind", ["file", "full folder", "link"])
    def test_nothing_that_is_there_is_mixed_or_replaced(
        self, station: Station, tmp_path: Path, kind: str
    ) -> None:
        write_series(tmp_path / "in", 1)
        output = tmp_path / "stick"
        if kind == "file":
            output.write_text("mine")
        elif kind == "link":
            output.symlink_to(tmp_path / "elsewhere")
        else:
            output.mkdir()
            (output / "holiday.jpg").write_text("mine")

        with pytest.raises(ConfigError):
            export(station, ExportRequest((str(tmp_path / "in"),), "STD-GEN-USB-JPEG", output))

        if kind == "full folder":
            assert [path.name for path in output.iterdir()] == ["holiday.jpg"]
        assert not (tmp_path / "elsewhere").exists()


class TestSecrecy:
    def test_what_is_to_be_sealed_does_not_go_out_plain(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)

        with pytest.raises(SecrecyError, match="seal"):
            export(
                station,
                ExportRequest((str(tmp_path / "in"),), "STD-GEN-SEC-CD", tmp_path / "out.iso"),
            )

        assert not (tmp_path / "out.iso").exists()

    def test_looked_at_unsealed_it_is_a_folder_that_claims_nothing(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-SEC-CD", tmp_path / "out", unsealed=True
        )

        result = export(station, request)

        assert (tmp_path / "out" / "DICOMDIR").is_file()
        assert "No DICOM Application Profile" in (tmp_path / "out" / "README.TXT").read_text()
        assert "unsealed" in {finding.rule for finding in result.findings}

    def test_unsealed_means_nothing_for_a_plain_profile(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)
        request = ExportRequest(
            (str(tmp_path / "in"),), "STD-GEN-CD", tmp_path / "out", unsealed=True
        )

        with pytest.raises(ConfigError, match="seals nothing"):
            export(station, request)


def test_a_retired_profile_is_not_written(station: Station, tmp_path: Path) -> None:
    write_ct(tmp_path / "in.dcm")

    with pytest.raises(ProfileError, match="retired"):
        export(
            station,
            ExportRequest((str(tmp_path / "in.dcm"),), "STD-CTMR-MOD650", tmp_path / "out"),
        )


def test_a_site_writes_its_own_augmented_profile(station: Station, tmp_path: Path) -> None:
    (tmp_path / "home" / "profiles").mkdir()
    (tmp_path / "home" / "profiles" / "house.toml").write_text(
        """
        [class]
        name = "AUG-HOUSE"
        annex = "E"
        title = "CT and MR with PET"
        clinical_use = "What our nuclear medicine hands out"
        edition = "2024c"
        source = "House rule 7"
        objects_table = "House rule 7"

        [[profile]]
        name = "AUG-CTMR-PET-CD"
        augments = "STD-CTMR-CD"
        roles = ["FSC"]
        media = ["CD-80", "CD-74"]
        medium_format = "PS3.12 Annex F"
        security = "none"

        [[object]]
        sop_classes = ["1.2.840.10008.5.1.4.1.1.128"]
        transfer_syntaxes = ["1.2.840.10008.1.2.1"]
        creator = "O"
        reader = "O"
        updater = "-"
        """
    )
    ds = ct_image()
    ds.SOPClassUID, ds.Modality = "1.2.840.10008.5.1.4.1.1.128", "PT"
    source = write(ds, tmp_path / "in.dcm")

    stopped = export(station, ExportRequest((str(source),), "STD-CTMR-CD", tmp_path / "1.iso"))
    written = export(station, ExportRequest((str(source),), "AUG-CTMR-PET-CD", tmp_path / "2.iso"))

    assert stopped.stopped
    assert (written.stopped, len(written.volumes)) == ("", 1)
    request = station.jobs.get(written.job, station.clock.now())
    assert request is not None
    assert json.loads(json.dumps(request.request))["profile"] == "AUG-CTMR-PET-CD"
