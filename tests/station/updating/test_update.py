"""A File-set updated: what comes, what goes, and that nothing else is touched."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset

from mediastation.errors import CancelledError, ConfigError, MediaError, ProfileError
from mediastation.model.event import Event, StepProgress, StepStarted
from mediastation.model.manifest import Manifest
from mediastation.reading.dicomdir import read_dicomdir
from mediastation.reading.volume import open_volume
from mediastation.station.clock import Clock, read_timestamp
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.exporting.volume import MANIFEST_NAME
from mediastation.station.station import Station
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from tests.support.file_sets import dicomdir, element, patient, series, study
from tests.support.file_sets import image as image_record
from tests.support.objects import write_ct, write_series
from tests.support.updating import (
    digests,
    foreign_directory,
    foreign_records,
    record_bytes,
    request,
    tree,
    updated,
    write_foreign,
)

CD = "STD-GEN-CD"
OTHER_PERSON = {
    "PatientID": "8888",
    "PatientName": "Roe^Richard",
    "PatientBirthDate": "19500505",
    "PatientSex": "M",
    "StudyInstanceUID": "1.9",
    "SeriesInstanceUID": "1.9.1",
}


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def ours(station: Station, tmp_path: Path) -> Path:
    """An image of our own: series 1.2.3.1 with three instances."""
    write_series(tmp_path / "in", 3)
    return exported(station, tmp_path / "in", tmp_path / "ours.iso")


def exported(station: Station, source: Path, output: Path, profile: str = CD) -> Path:
    result = export(station, ExportRequest((str(source),), profile, output))
    assert result.stopped == "", result.findings
    return output


def more(tmp_path: Path, series_uid: str = "1.2.3.2", **facts: object) -> str:
    """A folder with a series of two instances."""
    folder = tmp_path / f"more {series_uid}"
    known = {"SeriesInstanceUID": series_uid, "SeriesNumber": series_uid[-1]}
    write_series(folder, 2, **(known | facts))
    return str(folder)


def identity(medium: Path) -> tuple[str, str]:
    with open_volume(medium) as volume, volume.open("DICOMDIR") as stream:
        directory = read_dicomdir(stream)
    return directory.file_set_uid, directory.file_set_id


def left_behind(tmp_path: Path, before: set[str]) -> set[str]:
    incoming = tmp_path / "home" / "incoming"
    assert not [path for path in incoming.rglob("*") if path.is_file() and path.suffix != ".lock"]
    return {path.name for path in tmp_path.iterdir()} - before


class TestAdding:
    def test_it_is_the_same_file_set_with_more_in_it(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        before = digests(ours)
        image = tmp_path / "new.iso"

        result = updated(station, ours, image, add=(more(tmp_path),))

        assert identity(image) == identity(ours)
        (volume,) = result.volumes
        assert (result.profile, volume.instances, volume.verified) == (CD, 5, True)
        after = digests(image)
        kept = {path: digest for path, digest in before.items() if path.startswith("DICOM/")}
        assert kept.items() <= after.items()
        assert len(after) == len(before) + 2
        assert verify(station, image).manifest == "job"
        assert verify(station, image).ok

    def test_the_old_medium_is_still_known_for_what_it_was(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        """Both bear one File-set UID, and each is held against its own manifest."""
        updated(station, ours, tmp_path / "new.iso", add=(more(tmp_path),))
        updated(station, tmp_path / "new.iso", tmp_path / "again.iso", remove=("1.2.3.1.2",))

        for image in (ours, tmp_path / "new.iso", tmp_path / "again.iso"):
            report = verify(station, image)
            assert (report.ok, report.manifest) == (True, "job")

    def test_new_instances_go_below_the_records_that_are_there(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        image = tmp_path / "new.iso"
        write_ct(tmp_path / "one" / "x", SOPInstanceUID="1.2.3.1.9", InstanceNumber="9")
        updated(station, ours, image, add=(str(tmp_path / "one"), more(tmp_path)))

        assert tree(image) == [
            (0, "PATIENT", ""),
            (1, "STUDY", ""),
            (2, "SERIES", ""),
            *((3, "IMAGE", f"1.2.3.1.{number}") for number in (1, 2, 3, 9)),
            (2, "SERIES", ""),
            (3, "IMAGE", "1.2.3.2.1"),
            (3, "IMAGE", "1.2.3.2.2"),
        ]

    def test_what_is_there_already_comes_no_second_time(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        image = tmp_path / "new.iso"
        result = updated(station, ours, image, add=(str(tmp_path / "in"), more(tmp_path)))

        assert len(tree(image)) == 3 + 3 + 1 + 2
        duplicates = [item for item in result.findings if item.rule == "duplicate"]
        assert {item.subject for item in duplicates} == {f"1.2.3.1.{n}" for n in (1, 2, 3)}

    def test_an_original_whose_prepared_copy_is_there_comes_no_second_time(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_ct(tmp_path / "in" / "x", implicit=True)
        ours = exported(station, tmp_path / "in", tmp_path / "ours.iso")

        updated(station, ours, tmp_path / "new.iso", add=(str(tmp_path / "in"), more(tmp_path)))

        assert [uid for _, _, uid in tree(tmp_path / "new.iso") if uid] == [
            "1.2.3.1.1", "1.2.3.2.1", "1.2.3.2.2"
        ]  # fmt: skip

    def test_another_object_under_a_uid_of_the_medium_stops(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        write_ct(tmp_path / "odd" / "x", SOPInstanceUID="1.2.3.1.1", Rows=2, Columns=8)
        result = update(station, request(ours, tmp_path / "new.iso", add=(str(tmp_path / "odd"),)))

        assert "conflict" in {item.rule for item in result.findings}
        assert result.stopped
        assert not (tmp_path / "new.iso").exists()

    def test_somebody_else_s_instance_stops(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        source = more(tmp_path, "1.9.1", **OTHER_PERSON)
        result = update(station, request(ours, tmp_path / "new.iso", add=(source,)))

        assert "several-patients" in {item.rule for item in result.findings}
        assert result.stopped
        assert not (tmp_path / "new.iso").exists()

    def test_a_collection_is_written_when_that_is_meant(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        source = more(tmp_path, "1.9.1", **OTHER_PERSON)
        image = tmp_path / "new.iso"
        updated(station, ours, image, add=(source,), several_patients=True)

        assert [kind for level, kind, _ in tree(image) if level == 0] == ["PATIENT"] * 2

    def test_somebody_else_under_a_patient_id_of_the_medium_stops_even_then(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        source = more(tmp_path, "1.9.1", **(OTHER_PERSON | {"PatientID": "4711"}))
        result = update(
            station,
            request(ours, tmp_path / "new.iso", add=(source,), several_patients=True),
        )

        assert "shared-patient-id" in {item.rule for item in result.findings}
        assert result.stopped
        assert not (tmp_path / "new.iso").exists()

    def test_a_patient_id_in_another_spelling_goes_under_the_record_that_is_there(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 2, PatientID="ab 1")
        ours = exported(station, tmp_path / "in", tmp_path / "ours.iso")
        image = tmp_path / "new.iso"
        updated(station, ours, image, add=(more(tmp_path, PatientID="AB 1"),))

        assert [kind for _, kind, _ in tree(image)].count("PATIENT") == 1

    def test_the_same_timestamp_gives_the_same_bytes(self, ours: Path, tmp_path: Path) -> None:
        source = more(tmp_path)
        written = []
        for name in ("one.iso", "other.iso"):
            clock = Clock(read_timestamp("2026-11-23T00:00:00Z"))
            with Station(tmp_path / "home", clock) as fixed:
                updated(fixed, ours, tmp_path / name, add=(source,))
            written.append(hashlib.sha256((tmp_path / name).read_bytes()).hexdigest())

        assert written[0] == written[1]


class TestRemoving:
    @pytest.mark.parametrize(
        ("uid", "gone"),
        [
            ("1.2.3.1.2", {"1.2.3.1.2"}),
            ("1.2.3.2", {"1.2.3.2.1", "1.2.3.2.2"}),
            ("1.2.3", {f"1.2.3.{s}.{n}" for s in (1, 2) for n in (1, 2)}),
        ],
    )
    def test_instances_go_with_their_files_and_empty_records(
        self, station: Station, tmp_path: Path, uid: str, gone: set[str]
    ) -> None:
        write_series(tmp_path / "in", 2)
        write_series(tmp_path / "in2", 2, SeriesInstanceUID="1.2.3.2", SeriesNumber="2")
        write_series(tmp_path / "in3", 1, StudyInstanceUID="1.2.4", SeriesInstanceUID="1.2.4.1")
        for name in ("in2", "in3"):
            for path in (tmp_path / name).iterdir():
                shutil.move(path, tmp_path / "in" / f"{name}{path.name}")
        ours = exported(station, tmp_path / "in", tmp_path / "ours.iso")
        image = tmp_path / "new.iso"

        result = updated(station, ours, image, remove=(uid,))

        everything = {found for _, _, found in tree(ours)}
        assert {found for _, _, found in tree(image)} == everything - gone
        levels = [level for level, _, _ in tree(image)]
        # No record of a person, study or series is left without what it held.
        assert all(below > level for level, below in pairwise([*levels, 0]) if level < 3)
        assert len(digests(image)) == len(digests(ours)) - len(gone)
        assert ("removed", uid) in {(item.rule, item.subject) for item in result.findings}

    def test_adding_and_removing_gives_the_same_set_back(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        updated(station, ours, tmp_path / "more.iso", add=(more(tmp_path),))
        updated(station, tmp_path / "more.iso", tmp_path / "back.iso", remove=("1.2.3.2",))

        assert record_bytes(tmp_path / "back.iso") == record_bytes(ours)
        before, after = digests(ours), digests(tmp_path / "back.iso")
        assert before.keys() == after.keys()
        # The pages say when they were made, to the minute.
        assert {path for path in before if before[path] != after[path]} <= {
            "README.TXT", "INDEX.HTM", "SHA256.TXT"
        }  # fmt: skip
        # Nothing but offsets had to change, and they came out as they were.
        assert before["DICOMDIR"] == after["DICOMDIR"]

    def test_an_instance_is_replaced_by_removing_and_adding(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        write_ct(tmp_path / "new" / "x", SOPInstanceUID="1.2.3.1.1", Rows=2, Columns=8)
        image = tmp_path / "new.iso"
        updated(station, ours, image, remove=("1.2.3.1.1",), add=(str(tmp_path / "new"),))

        assert [uid for _, _, uid in tree(image) if uid] == ["1.2.3.1.2", "1.2.3.1.3", "1.2.3.1.1"]

    @pytest.mark.parametrize("uid", ["1.2.3.4.5.6", "", "not a UID"])
    def test_what_is_not_there_cannot_go(
        self, station: Station, ours: Path, tmp_path: Path, uid: str
    ) -> None:
        with pytest.raises(ConfigError, match="names no study, series or instance"):
            update(station, request(ours, tmp_path / "new.iso", remove=("1.2.3.1.1", uid)))

        assert not (tmp_path / "new.iso").exists()

    def test_a_patient_id_is_told_from_a_uid(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match="is a Patient ID"):
            update(station, request(ours, tmp_path / "new.iso", remove=("4711",)))

    def test_an_empty_file_set_is_not_written(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        result = update(station, request(ours, tmp_path / "new.iso", remove=("1.2.3",)))

        assert "no instance any more" in result.stopped
        assert not (tmp_path / "new.iso").exists()

    def test_an_object_that_speaks_of_what_goes_is_named(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 2)
        document = pydicom.dcmread(write_ct(tmp_path / "in" / "ko"))
        for keyword in ("Rows", "Columns", "PixelData", "BitsAllocated", "BitsStored", "HighBit",
                        "SamplesPerPixel", "PhotometricInterpretation", "PixelRepresentation",
                        "ImageType"):  # fmt: skip
            delattr(document, keyword)
        reference, title = Dataset(), Dataset()
        reference.ReferencedSOPInstanceUID = "1.2.3.1.2"
        reference.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
        title.CodeValue, title.CodingSchemeDesignator = "113000", "DCM"
        title.CodeMeaning = "Of Interest"
        document.SOPClassUID = "1.2.840.10008.5.1.4.1.1.88.59"
        document.file_meta.MediaStorageSOPClassUID = document.SOPClassUID
        document.SOPInstanceUID = document.file_meta.MediaStorageSOPInstanceUID = "1.2.3.7.1"
        document.SeriesInstanceUID, document.Modality = "1.2.3.7", "KO"
        document.ContentDate, document.ContentTime = "20260102", "1200"
        document.ConceptNameCodeSequence = [title]
        document.CurrentRequestedProcedureEvidenceSequence = [reference]
        document.save_as(tmp_path / "in" / "ko")
        ours = exported(station, tmp_path / "in", tmp_path / "ours.iso")

        result = updated(station, ours, tmp_path / "new.iso", remove=("1.2.3.1.2",))

        (told,) = [item for item in result.findings if item.rule == "reference-removed"]
        assert told.subject == "1.2.3.7.1"
        assert "1.2.3.1.2" in told.message


class TestNothingElseIsTouched:
    @pytest.fixture
    def foreign(self, tmp_path: Path) -> Path:
        return write_foreign(tmp_path / "foreign")

    def test_records_keys_icons_and_files_of_another_maker_stay(
        self, station: Station, foreign: Path, tmp_path: Path
    ) -> None:
        before, bytes_before = digests(foreign), record_bytes(foreign)
        image = tmp_path / "new.iso"

        updated(station, foreign, image, profile=CD, add=(more(tmp_path, "1.2.3.3"),))

        after, bytes_after = digests(image), record_bytes(image)
        assert before.pop("DICOMDIR") != after["DICOMDIR"]
        assert before.items() <= after.items()
        assert len(after) == len(before) + 3
        kept = [one for one in bytes_after.values() if one in bytes_before.values()]
        assert len(kept) == len(bytes_before)
        assert verify(station, image).ok

    def test_names_of_new_files_collide_with_none(
        self, station: Station, foreign: Path, tmp_path: Path
    ) -> None:
        (foreign / "DICOM").write_bytes(b"a file of this very name")
        before = digests(foreign)
        updated(station, foreign, tmp_path / "n.iso", profile=CD, add=(more(tmp_path, "1.2.3.3"),))

        new = digests(tmp_path / "n.iso").keys() - before.keys()
        assert {path.split("/")[0] for path in new} == {"DICOM001"}

    def test_the_source_is_not_taken_for_the_result(
        self, station: Station, foreign: Path, tmp_path: Path
    ) -> None:
        updated(station, foreign, tmp_path / "n.iso", profile=CD, remove=("1.2.3.2",))

        assert verify(station, foreign).manifest == "structure only"
        assert verify(station, foreign).ok

    def test_a_readme_of_others_stays_and_a_digest_list_is_not_forced_on_them(
        self, station: Station, foreign: Path, tmp_path: Path
    ) -> None:
        updated(station, foreign, tmp_path / "n.iso", profile=CD, remove=("1.2.3.2",))

        assert set(digests(tmp_path / "n.iso")) == {
            "DICOMDIR", "README.TXT", "VIEWER.EXE", "MAKER/A1", "MAKER/A2"
        }  # fmt: skip

    def test_a_file_shown_in_another_letter_case_gets_its_file_id_back(
        self, station: Station, foreign: Path, tmp_path: Path
    ) -> None:
        (foreign / "MAKER").rename(foreign / "maker")
        result = updated(station, foreign, tmp_path / "n.iso", profile=CD, remove=("1.2.3.2",))

        assert {"MAKER/A1", "MAKER/A2"} <= digests(tmp_path / "n.iso").keys()
        assert "name-restored" in {item.rule for item in result.findings}

    def test_damage_is_not_carried_over(self, station: Station, ours: Path, tmp_path: Path) -> None:
        """One flipped bit in the pixels of an image that was made here."""
        data = bytearray(ours.read_bytes())
        place = data.find(bytes(range(32)))
        data[place] ^= 1
        ours.write_bytes(data)
        result = update(station, request(ours, tmp_path / "new.iso", add=(more(tmp_path),)))

        assert "has faults" in result.stopped
        assert "differs" in {item.rule for item in result.findings}
        assert not (tmp_path / "new.iso").exists()

    def test_a_medium_that_changes_while_it_is_read_stops(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        """What is written is what was verified, or nothing."""
        place = ours.read_bytes().find(bytes(range(32)))

        def flip() -> None:
            with ours.open("r+b") as file:
                file.seek(place)
                file.write(b"\xff")

        wanted = request(ours, tmp_path / "new.iso", add=(more(tmp_path),))
        with pytest.raises(MediaError, match="read differently"):
            update(station, wanted, at_step("keep", flip))

        assert not (tmp_path / "new.iso").exists()


def at_step(name: str, act: Callable[[], object]) -> Callable[[Event], None]:
    def listen(event: Event) -> None:
        if isinstance(event, StepStarted) and event.step == name:
            act()

    return listen


class TestProfiles:
    def test_a_medium_of_others_needs_a_profile(self, station: Station, tmp_path: Path) -> None:
        foreign = write_foreign(tmp_path / "foreign")
        with pytest.raises(ConfigError, match="Application Profile") as told:
            update(station, request(foreign, tmp_path / "new.iso", remove=("1.2.3.2",)))

        assert "--profile" in told.value.hint

    @pytest.mark.parametrize("profile", ["STD-CTMR-DVD", "STD-DEN-CD", "STD-GEN-DVD-JPEG"])
    def test_a_profile_without_updaters_is_refused(
        self, station: Station, ours: Path, tmp_path: Path, profile: str
    ) -> None:
        with pytest.raises(ProfileError, match="defines no File-set Updater"):
            update(
                station,
                request(ours, tmp_path / "new.iso", profile=profile, remove=("1.2.3.1.1",)),
            )

    def test_a_stick_is_updated_as_a_folder(self, station: Station, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 3)
        ours = exported(station, tmp_path / "in", tmp_path / "stick", "STD-GEN-USB-JPEG")
        new = tmp_path / "new stick"
        result = updated(station, ours, new, add=(more(tmp_path),), remove=("1.2.3.1.1",))

        assert result.profile == "STD-GEN-USB-JPEG"
        assert identity(new) == identity(ours)
        assert [uid for _, _, uid in tree(new) if uid] == [
            "1.2.3.1.2", "1.2.3.1.3", "1.2.3.2.1", "1.2.3.2.2"
        ]  # fmt: skip
        assert verify(station, new).manifest == "job"
        assert verify(station, new).ok

    def test_what_stays_has_to_fit_the_profile(self, station: Station, tmp_path: Path) -> None:
        """CT/MR media carry no such class, and what is on a medium cannot be left out unasked."""
        write_series(tmp_path / "in", 2, SOPClassUID="1.2.840.10008.5.1.4.1.1.6.1", Modality="US")
        ours = exported(station, tmp_path / "in", tmp_path / "ours.iso")
        result = update(
            station,
            request(ours, tmp_path / "new.iso", profile="STD-CTMR-CD", add=(more(tmp_path),)),
        )

        assert result.stopped
        assert "sop-class" in {item.rule for item in result.findings} | {
            item.rule.replace("profile-", "") for item in result.findings
        }
        assert not (tmp_path / "new.iso").exists()


class TestRequests:
    def test_nothing_to_change_is_wrong_usage(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        with pytest.raises(ConfigError, match="nothing to change"):
            update(station, request(ours, tmp_path / "new.iso"))

    def test_the_medium_is_never_its_own_output(
        self, station: Station, ours: Path, tmp_path: Path
    ) -> None:
        link = tmp_path / "link.iso"
        os.link(ours, link)
        for output in (ours, link, tmp_path / "in" / ".." / "ours.iso"):
            with pytest.raises(ConfigError, match="never changed in place"):
                update(station, request(ours, output, remove=("1.2.3.1.1",)))

    def test_no_output_lies_inside_the_medium(self, station: Station, tmp_path: Path) -> None:
        foreign = write_foreign(tmp_path / "foreign")
        with pytest.raises(ConfigError, match="lies inside"):
            update(station, request(foreign, foreign / "n.iso", profile=CD, remove=("1.2.3.2",)))

        assert digests(foreign).keys() == digests(write_foreign(tmp_path / "same")).keys()

    def test_a_folder_without_dicomdir_is_no_file_set(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "in", 1)
        with pytest.raises(Exception, match="has no DICOMDIR"):
            update(
                station,
                request(tmp_path / "in", tmp_path / "n.iso", profile=CD, remove=("1.2.3",)),
            )


def spoilt(**how: object) -> bytes:
    roots = foreign_records()
    roots[0].children[0].children[0].children[0].children = []
    return dicomdir(roots, **how)  # type: ignore[arg-type]


def looped() -> bytes:
    roots = foreign_records()
    roots[0].children[0].child_to = 400
    return dicomdir(roots)


def escaping() -> bytes:
    outside = image_record("../../etc/passwd", "1.2.3.1.1")
    return dicomdir([patient("4711", study("1.2.3", series("1.2.3.1", outside)))])


class TestHostileDirectories:
    @pytest.mark.parametrize(
        ("directory", "rule"),
        [
            (lambda: spoilt(shift=2), "offset-shift"),
            (lambda: spoilt(syntax="1.2.840.10008.1.2"), "transfer-syntax"),
            (lambda: spoilt(last=400), "last-root-offset"),
            (looped, "offset-no-record"),
            (escaping, "escaping-file-id"),
            (lambda: foreign_directory()[:-40], "truncated-directory"),
            (lambda: b"no DICOM at all", "not-dicom"),
            (lambda: dicomdir([]), "no-directory"),
        ],
    )
    def test_they_are_refused_and_nothing_is_written(
        self, station: Station, tmp_path: Path, directory: Callable[[], bytes], rule: str
    ) -> None:
        foreign = write_foreign(tmp_path / "foreign", directory())
        before = {path.name for path in tmp_path.iterdir()}
        result = update(
            station,
            request(foreign, tmp_path / "new.iso", profile=CD, add=(more(tmp_path, "1.2.3.3"),)),
        )

        assert rule in {item.rule for item in result.findings}
        assert "\n" not in result.stopped
        assert result.hint
        assert left_behind(tmp_path, before) == {"more 1.2.3.3"}

    @pytest.mark.parametrize("flag", [0x0000, 0x1234])
    def test_records_that_may_be_deleted_are_not_revived(
        self, station: Station, tmp_path: Path, flag: int
    ) -> None:
        roots = foreign_records()
        roots[0].children[0].children[0].children[0].children = []
        roots[0].children[0].children[1].children[0].in_use = flag
        foreign = write_foreign(tmp_path / "foreign", dicomdir(roots))
        result = update(
            station, request(foreign, tmp_path / "new.iso", profile=CD, remove=("1.2.3.1.1",))
        )

        assert "the in-use flag is not FFFFH" in result.stopped

    def test_a_consistency_flag_that_says_unfinished_is_written_right(
        self, station: Station, tmp_path: Path
    ) -> None:
        foreign = write_foreign(tmp_path / "foreign", spoilt(consistency=0xFFFF))
        updated(station, foreign, tmp_path / "n.iso", profile=CD, remove=("1.2.3.2",))

        with open_volume(tmp_path / "n.iso") as volume, volume.open("DICOMDIR") as stream:
            assert read_dicomdir(stream).consistency == 0

    def test_an_offset_to_a_shared_record_is_not_copied(
        self, station: Station, tmp_path: Path
    ) -> None:
        roots = foreign_records()
        leaf = roots[0].children[0].children[0].children[1]
        leaf.keys = element(0x00041504, "UL", b"\x90\x01\0\0") + leaf.keys
        roots[0].children[0].children[0].children[0].children = []
        foreign = write_foreign(tmp_path / "foreign", dicomdir(roots))
        result = update(
            station, request(foreign, tmp_path / "new.iso", profile=CD, remove=("1.2.3.2",))
        )

        assert result.stopped
        assert not (tmp_path / "new.iso").exists()


class TestInterruptions:
    @pytest.mark.parametrize(
        "step", ["read", "keep", "collect", "check", "file-set", "image", "verify"]
    )
    @pytest.mark.parametrize("stop", [KeyboardInterrupt, CancelledError])
    def test_whenever_it_is_stopped_nothing_half_made_stays(
        self, station: Station, ours: Path, tmp_path: Path, step: str, stop: type[BaseException]
    ) -> None:
        source = more(tmp_path)
        before = {path.name for path in tmp_path.iterdir()}

        def listen(event: Event) -> None:
            if isinstance(event, (StepStarted, StepProgress)) and event.step == step:
                raise stop("stopped")

        with pytest.raises(stop):
            update(station, request(ours, tmp_path / "new.iso", add=(source,)), listen)

        assert left_behind(tmp_path, before) == set()
        (job, *_) = station.jobs.latest(station.clock.now())
        assert (job.kind, job.state) == ("update", "cancelled")

    def test_a_home_without_room_is_told_before_anything_is_copied(
        self, station: Station, ours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        real = shutil.disk_usage(tmp_path)
        monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=10))

        with pytest.raises(MediaError, match="10 bytes are free"):
            update(station, request(ours, tmp_path / "new.iso", remove=("1.2.3.1.1",)))

        assert left_behind(tmp_path, {path.name for path in tmp_path.iterdir()}) == set()


def test_the_manifest_names_the_profile_and_every_file(
    station: Station, ours: Path, tmp_path: Path
) -> None:
    result = updated(station, ours, tmp_path / "new.iso", add=(more(tmp_path),))
    text = (station.job_folder(result.job) / MANIFEST_NAME).read_text()

    manifest = Manifest.from_json(text)
    assert json.loads(text)["inherited"] is False
    assert manifest.profile == CD
    assert {file.path: file.sha256 for file in manifest.files} == digests(tmp_path / "new.iso")
