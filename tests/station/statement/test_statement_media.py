"""What the statement says of media is what lies on a medium that the station wrote."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pydicom
import pytest

from mediastation.conformance.load import load_profiles, load_retired_profiles
from mediastation.model.document import Form
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import Requirement, Role, Security
from mediastation.model.record import Condition
from mediastation.model.record_types import RECORD_TYPES
from mediastation.model.secrecy import Password
from mediastation.pages.document import render_document
from mediastation.reading.file_meta import is_enveloped
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.gather import add
from mediastation.station.statement import gather_facts, statement_document
from mediastation.station.statement.annex_tables import _WHEN
from mediastation.station.statement.claims import claim, claimed_roles
from mediastation.station.station import Station
from mediastation.station.updating.request import UpdateRequest
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from mediastation.verify.verifier import verify_medium
from tests.support.built import compressed, instance
from tests.support.built import write as write_instance
from tests.support.network import Kept, raw_peer, store_request, value
from tests.support.peers import run_peer
from tests.support.profile_objects import object_for, write
from tests.support.rendered import HtmlPage
from tests.support.unpacking import unpacked

pytestmark = pytest.mark.usefixtures("small_mo_disks")

PASSWORD = Password("kz4.Vr9-tunnel+Quartz7")
ELE = "1.2.840.10008.1.2.1"
CREATED, UPDATED = (
    [name for name, profile in load_profiles().items() if role in claimed_roles(profile)]
    for role in (Role.CREATOR, Role.UPDATER)
)


BD = {
    "STD-GEN-BD", "STD-GEN-BD-JPEG", "STD-GEN-BD-J2K",
    *(f"STD-GEN-BD-MPEG2-{level}" for level in ("MPML", "MPHL")),
    *(
        f"STD-GEN-BD-MPEG4-{level}"
        for level in ("HPLV41", "HPLV41BD", "HPLV42-2D", "HPLV42-3D", "SHPLV42")
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def station(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Station]:
    clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
    home = tmp_path_factory.mktemp("home")
    (home / "config.toml").write_text("[secure]\niterations = 100000\n")
    with Station(home, clock) as opened:
        yield opened


@pytest.fixture(scope="module")
def page(station: Station) -> HtmlPage:
    return HtmlPage(render_document(statement_document(gather_facts(station)), Form.HTML))


class TestCreator:
    @pytest.mark.parametrize("name", CREATED)
    def test_every_claimed_profile_is_written_and_reread(
        self, station: Station, tmp_path: Path, name: str
    ) -> None:
        """Sticks and cards as an image of FAT16, which other programs unpack like the rest."""
        maker, written_in = object_for(name)
        source = write(maker(), tmp_path / "in" / "object.dcm", written_in)
        formats = MEDIA[load_profiles()[name].media[0]].formats
        form = "fat16" if Format.FAT16 in formats else ""

        is_sealed = load_profiles()[name].security is not Security.NONE
        request = ExportRequest(
            (str(source),), name, tmp_path / "out", format=form, with_password=is_sealed
        )
        result = export(station, request, password=PASSWORD if is_sealed else None)

        assert result.stopped == "", [finding.message for finding in result.findings]
        (volume,) = result.volumes
        assert (volume.verified, volume.instances) == (True, 1)
        root = unpacked(Path(volume.path), tmp_path / "unpacked")
        assert is_enveloped((root / "DICOMDIR").read_bytes()) == is_sealed

    def test_what_is_claimed_is_what_the_commands_do(self) -> None:
        """Typed: all profiles of PS3.11 but those that are e-mailed."""
        suffixes = ["JPEG", "J2K"]
        assert set(CREATED) == {
            *(name.replace("STD-GEN-", "STD-GEN-SEC-") for name in BD),
            *(f"STD-GEN-SEC-{medium}" for medium in ("CD", "DVD-RAM")),
            "STD-DVD-SEC-MPEG2-MPML",
            *(
                f"STD-GEN-SEC-{medium}-{suffix}"
                for medium in ("DVD", "USB", "CF", "MMC", "SD")
                for suffix in suffixes
            ),
            "STD-XABC-CD", "STD-XA1K-CD", "STD-XA1K-DVD", "STD-GEN-CD", "STD-DEN-CD",
            "STD-GEN-DVD-RAM", "STD-DVD-MPEG2-MPML", "STD-GEN-MIME", *BD,
            *(f"STD-CTMR-{medium}" for medium in ("CD", "DVD", "DVD-RAM", "MOD41")),
            *(
                f"STD-GEN-{medium}-{suffix}"
                for medium in ("DVD", "USB", "CF", "MMC", "SD")
                for suffix in suffixes
            ),
            *(
                f"STD-US-{purpose}-{frames}-{medium}"
                for purpose in ("ID", "SC", "CC")
                for frames in ("SF", "MF")
                for medium in ("CDR", "DVD", "DVD-RAM", "MOD23-90")
            ),
        }  # fmt: skip

    def test_nothing_retired_or_sent_is_claimed_and_nothing_sealed_is_updated(self) -> None:
        for profile in (*load_profiles().values(), *load_retired_profiles().values()):
            roles = claimed_roles(profile)
            if profile.retired:
                assert roles == (), profile.name
            if profile.security is not Security.NONE:
                assert Role.UPDATER not in roles, profile.name
            if "MAIL" in profile.media:
                assert Role.CREATOR not in roles, profile.name
            assert set(roles) <= set(profile.roles)
            assert {*roles, *(role for role, _ in claim(profile).withheld)} == set(profile.roles)

    def test_media_that_images_are_written_for_are_stated(self, page: HtmlPage) -> None:
        stated = {row[1] for row in page.rows("Media that images are written for")}

        assert {"CD-74", "CD-80", "DVD-R", "BD-R-25", "DVD-RAM", "USB", "MOD41", "MIME"} <= stated
        assert stated.isdisjoint({"ZIP", "MAIL"})


class TestUpdater:
    @pytest.mark.parametrize("name", UPDATED)
    def test_every_claimed_profile_is_updated_and_keeps_its_identity(
        self, station: Station, tmp_path: Path, name: str
    ) -> None:
        maker, written_in = object_for(name)
        first, second = maker(), maker()
        second.SOPInstanceUID = f"{first.SOPInstanceUID}.2"
        sources = [
            str(write(ds, tmp_path / f"in{number}" / "object.dcm", written_in))
            for number, ds in enumerate((first, second))
        ]
        made = export(station, ExportRequest((sources[0],), name, tmp_path / "one.iso"))

        added = update(
            station, UpdateRequest(tmp_path / "one.iso", tmp_path / "two.iso", (sources[1],))
        )
        removed = update(
            station,
            UpdateRequest(
                tmp_path / "two.iso", tmp_path / "three.iso", remove=(first.SOPInstanceUID,)
            ),
        )

        for result, count in ((made, 1), (added, 2), (removed, 1)):
            assert result.stopped == "", [finding.message for finding in result.findings]
            assert (result.volumes[0].verified, result.volumes[0].instances) == (True, count)
            assert result.volumes[0].file_set_uid == made.volumes[0].file_set_uid

    def test_no_updater_is_claimed_for_dvd_and_dental_media(self) -> None:
        """Typed: PS3.11 defines none for them."""
        assert set(UPDATED) == {
            "STD-XABC-CD", "STD-XA1K-CD", "STD-GEN-CD", "STD-CTMR-CD", "STD-CTMR-MOD41",
            "STD-GEN-DVD-RAM", "STD-CTMR-DVD-RAM", *BD,
            *(
                f"STD-GEN-{medium}-{suffix}"
                for medium in ("USB", "CF", "MMC", "SD")
                for suffix in ("JPEG", "J2K")
            ),
            *(
                f"STD-US-{purpose}-{frames}-{medium}"
                for purpose in ("ID", "SC", "CC")
                for frames in ("SF", "MF")
                for medium in ("CDR", "DVD-RAM", "MOD23-90")
            ),
        }  # fmt: skip


class TestFileMeta:
    @pytest.fixture
    def folder(self, station: Station, tmp_path: Path) -> Path:
        maker, written_in = object_for("STD-CTMR-CD")
        source = write(maker(), tmp_path / "object.dcm", written_in)
        request = ExportRequest((str(source),), "STD-XABC-CD", tmp_path / "out.iso")
        maker, written_in = object_for("STD-XABC-CD")
        write(maker(), source, written_in)
        result = export(station, request)
        assert result.stopped == ""
        return unpacked(Path(result.volumes[0].path), tmp_path / "unpacked")

    def test_directory_and_copies_bear_the_values_stated(
        self, page: HtmlPage, folder: Path
    ) -> None:
        stated = {
            row[1]: row[7] for row in page.rows("File meta information that the station writes")
        }
        copies = [path for path in (folder / "DICOM").rglob("*") if path.is_file()]
        for path in (folder / "DICOMDIR", *copies):
            meta = pydicom.dcmread(path).file_meta
            assert meta.FileMetaInformationVersion == b"\0\1"
            assert stated["(0002,0001)"] == "00H 01H"
            assert meta.ImplementationClassUID == stated["(0002,0012)"]
            assert meta.ImplementationVersionName == stated["(0002,0013)"]
            assert "SourceApplicationEntityTitle" not in meta
        assert len(copies) == 1

    def test_another_program_reads_the_same_values(self, page: HtmlPage, folder: Path) -> None:
        parameters = dict(
            page.rows("Association and file parameters, the same for all Application Entities")
        )
        dumped = run_peer("dcmdump", folder / "DICOMDIR").stdout

        assert parameters["Implementation Class UID (0002,0012)"] in dumped
        assert parameters["Implementation Version Name (0002,0013)"] in dumped

    def test_what_the_network_brought_bears_them_too(self, page: HtmlPage, tmp_path: Path) -> None:
        stated = {
            row[1]: row[7] for row in page.rows("File meta information that the station writes")
        }
        kept = Kept()
        with raw_peer(tmp_path / "in", kept) as peer:
            peer.associate()
            peer.send(store_request(), value(b"\x08\0\x16\0UI\x04\x001.2\0"))
            peer.read_status()
        (tmp_path / "file").write_bytes(kept.files[0])

        meta = pydicom.dcmread(tmp_path / "file").file_meta

        assert meta.ImplementationClassUID == stated["(0002,0012)"]
        assert meta.ImplementationVersionName == stated["(0002,0013)"]

    def test_records_hold_the_keys_stated_and_no_others(self, page: HtmlPage, folder: Path) -> None:
        base = {row[1] for row in page.rows("Every Directory Record")}
        table = page.table("Selection keys of the Directory Records")
        stated: dict[str, set[str]] = {}
        current = ""
        for row in filter(None, table.rows):
            if len(row) == 1:
                current = row[0].partition(" (")[0]
            elif not row[0].startswith(">"):
                stated.setdefault(current, set()).add(row[1])
        icon = page.rows("Icon Image Sequence")
        added: dict[str, set[str]] = {"IMAGE": {icon[0][1]}}
        caption = "Keys that claimed Application Profiles add or make stricter"
        names: list[str] = []
        for row in filter(None, page.table(caption).rows):
            if len(row) == 1:
                current, _, listed = row[0].partition(": ")
                names = listed.split("; ")
            elif "STD-XABC-CD" in names:
                added.setdefault(current, set()).add(row[1])

        directory = pydicom.dcmread(folder / "DICOMDIR")
        seen = set()
        for record in directory.DirectoryRecordSequence:
            kind = record.DirectoryRecordType
            tags = {f"({e.tag.group:04X},{e.tag.element:04X})" for e in record}
            seen.add(kind)
            assert tags <= base | stated[kind] | added.get(kind, set()), kind
            required = {
                f"({key.tag >> 16:04X},{key.tag & 0xFFFF:04X})"
                for key in RECORD_TYPES[kind].keys
                if key.type in "12"
            }
            assert required <= tags
        assert seen == {"PATIENT", "STUDY", "SERIES", "IMAGE"}
        head = {f"({e.tag.group:04X},{e.tag.element:04X})" for e in directory}
        assert head == {
            row[1] for row in page.rows("Basic Directory: File-set and directory information")
        }
        image = directory.DirectoryRecordSequence[-1]
        (item,) = image.IconImageSequence
        assert {f"({e.tag.group:04X},{e.tag.element:04X})" for e in item} == {
            row[1] for row in icon[1:]
        }


class TestReader:
    def test_a_claimed_medium_is_verified_and_taken_in(
        self, station: Station, tmp_path: Path
    ) -> None:
        maker, written_in = object_for("STD-GEN-CD")
        source = write(maker(), tmp_path / "object.dcm", written_in)
        image = tmp_path / "out.iso"
        export(station, ExportRequest((str(source),), "STD-GEN-CD", image))
        mounted = unpacked(image, tmp_path / "mounted")

        with Station(tmp_path / "elsewhere") as other:
            for medium in (image, mounted):
                assert verify(other, medium).ok
            assert add(other, [str(image)]).added == 1
            assert add(other, [str(mounted)]).duplicates == 1

    def test_every_syntax_that_readers_must_take_is_taken_in(
        self, station: Station, tmp_path: Path
    ) -> None:
        """PS3.2 7.2: a reader takes every mandatory class in any mandatory syntax."""
        mandatory = {
            uid
            for profile in station.profiles.values()
            if Role.READER in claimed_roles(profile)
            for rule in profile.objects
            if rule.reader in (Requirement.MANDATORY, Requirement.DECLARED)
            for uid in rule.transfer_syntaxes
        }
        medium = tmp_path / "medium"
        medium.mkdir()
        for number, syntax in enumerate(sorted(mandatory)):
            ds = instance()
            ds.SOPInstanceUID = f"2.25.99.{number}"
            path = medium / f"IM{number:06d}"
            if syntax == ELE:
                ds.PixelData = bytes(24)
                ds["PixelData"].VR = "OB"
                write_instance(path, ds, syntax)
            else:
                compressed(path, ds, syntax, [b"\xff\xd8\xff\xd9"])

        with Station(tmp_path / "home") as other:
            report = add(other, [str(medium)])

        assert (report.added, report.refused) == (len(mandatory), 0)
        assert len(mandatory) > 10

    def test_a_medium_without_a_directory_is_an_error_and_still_read(self, tmp_path: Path) -> None:
        maker, written_in = object_for("STD-GEN-CD")
        write(maker(), tmp_path / "medium" / "image.dcm", written_in)

        with Station(tmp_path / "home") as other:
            assert add(other, [str(tmp_path / "medium")]).added == 1
        assert not verify_medium(tmp_path / "medium").ok


def test_every_condition_of_a_key_has_its_words() -> None:
    assert set(_WHEN) == set(Condition)
