"""What contradicts what is here is noticed, and what is usual on discs is not cried over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import UID, ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from sqlalchemy import update

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.schema import instances
from mediastation.dicom.header import read_header
from mediastation.importing.compare import check_knowledge, iter_standings
from mediastation.importing.comparison import subject_of
from mediastation.importing.judge import Judge, PixelVerdict
from mediastation.importing.lend import lend_from
from mediastation.model.entry import Kind
from mediastation.model.importing import Standing
from mediastation.reading.folder import FolderVolume
from tests.support.arrivals import Lender, arrival, compared, keep
from tests.support.built import compressed, rle_frame
from tests.support.corpus import corpus_file, corpus_files
from tests.support.objects import ct_dataset, write_ct

PIXELS = bytes(range(32))
OTHER = bytes(range(1, 33))
SOMEBODY_ELSE = {
    "PatientName": "Roe^Richard",
    "PatientID": "0815",
    "PatientBirthDate": "19330303",
    "PatientSex": "M",
}


def write(folder: Path, name: str, **facts: Any) -> Path:
    return write_ct(folder / name, **facts)


def rewritten(path: Path, target: Path, syntax: str) -> Path:
    """Write a file's data set in another native encoding, by pydicom."""
    ds = pydicom.dcmread(path)
    big = syntax == ExplicitVRBigEndian
    if big:
        ds.PixelData = np.frombuffer(ds.PixelData, "<u2").astype(">u2").tobytes()
    ds.file_meta.TransferSyntaxUID = UID(syntax)
    implicit = syntax == ImplicitVRLittleEndian
    pydicom.dcmwrite(target, ds, implicit_vr=implicit, little_endian=not big)
    return target


def squeezed(path: Path, target: Path) -> Path:
    """Write a file's data set with its pixels in RLE."""
    ds = pydicom.dcmread(path)
    samples = np.frombuffer(ds.PixelData, "<u2").reshape(ds.Rows, ds.Columns)
    return compressed(target, ds, RLELossless, [rle_frame(samples)])


class TestNew:
    def test_an_instance_that_nothing_is_like_is_new(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        lender = Lender()
        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "a"), lender=lender)

        assert comparison.standing is Standing.NEW
        assert comparison.counterpart is None
        assert lender.lent == []

    def test_a_study_goes_on_under_its_patient(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER)
        )

        assert comparison.standing is Standing.NEW

    def test_without_a_uid_nothing_is_the_same(self, catalog: Catalog, tmp_path: Path) -> None:
        path = write(tmp_path, "a")
        nameless = replace(arrival(path), sop_instance_uid="")

        standings = [
            comparison.standing
            for _, comparison in iter_standings(
                catalog, [nameless, nameless], Lender(), tmp_path / "scratch"
            )
        ]

        assert standings == [Standing.NEW, Standing.NEW]


class TestDuplicates:
    def test_what_is_here_already_is_a_duplicate_and_its_file_is_not_read(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        entry, lender = keep(catalog, path), Lender()

        (comparison,) = compared(catalog, tmp_path, path, lender=lender)

        assert (comparison.standing, comparison.other) == (Standing.DUPLICATE, entry)
        assert not comparison.rewritten
        assert lender.lent == []

    def test_another_preamble_and_file_meta_make_no_difference(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", preamble=b"II*\0"))

        assert (comparison.standing, comparison.other) == (Standing.DUPLICATE, entry)

    def test_the_same_instance_twice_on_a_medium(self, catalog: Catalog, tmp_path: Path) -> None:
        first, second = write(tmp_path, "a"), write(tmp_path, "b")

        one, other = compared(catalog, tmp_path, first, second)

        assert one.standing is Standing.NEW
        assert (other.standing, other.other_path) == (Standing.DUPLICATE, str(first))

    @pytest.mark.parametrize("syntax", [ImplicitVRLittleEndian, ExplicitVRBigEndian])
    def test_another_native_encoding_is_the_same_instance(
        self, catalog: Catalog, tmp_path: Path, syntax: str
    ) -> None:
        path = write(tmp_path, "a", PatientComments="x" * 300, WindowCenter=["40", "50"])
        entry = keep(catalog, path)

        (comparison,) = compared(catalog, tmp_path, rewritten(path, tmp_path / "b", syntax))

        assert (comparison.standing, comparison.other) == (Standing.DUPLICATE, entry)
        assert comparison.rewritten
        assert comparison.pixels is PixelVerdict.SAME

    def test_a_lossless_compression_is_the_same_instance(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        keep(catalog, path)

        (comparison,) = compared(catalog, tmp_path, squeezed(path, tmp_path / "b"))

        assert (comparison.standing, comparison.rewritten) == (Standing.DUPLICATE, True)
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_where_a_copy_was_kept_makes_no_difference(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        elsewhere = write(tmp_path, "b", RetrieveAETitle="PACS", StorageMediaFileSetUID="1.2.3.4.5")

        (comparison,) = compared(catalog, tmp_path, elsewhere)

        assert (comparison.standing, comparison.rewritten) == (Standing.DUPLICATE, True)

    def test_another_character_set_for_the_same_name_makes_no_difference(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        name = "Müller^Zoë"
        latin = write(tmp_path, "a", SpecificCharacterSet="ISO_IR 100", PatientName=name)
        unicode = write(tmp_path, "b", SpecificCharacterSet="ISO_IR 192", PatientName=name)
        keep(catalog, latin)

        (comparison,) = compared(catalog, tmp_path, unicode)

        assert (comparison.standing, comparison.rewritten) == (Standing.DUPLICATE, True)

    def test_a_coerced_copy_that_comes_back_is_known_as_ours(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        original = keep(catalog, write(tmp_path, "a", PatientID="EXT"))
        ours = write(tmp_path, "b", PatientID="4711")
        with Intake(catalog) as intake:
            copy = intake.new_path()
            copy.write_bytes(ours.read_bytes())
            intake.commit([intake.stage_coerced(copy, original, "coerce/4711", "job 1", ())])

        plain, otherwise = compared(
            catalog, tmp_path, ours, rewritten(ours, tmp_path / "c", ImplicitVRLittleEndian)
        )

        for comparison in (plain, otherwise):
            assert comparison.standing is Standing.DUPLICATE
            assert comparison.made_here
            assert comparison.counterpart is not None
            assert comparison.counterpart.kind is Kind.COERCED

    def test_a_copy_prepared_for_a_medium_that_comes_back_is_known_as_ours(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        original = keep(catalog, path)
        prepared = squeezed(path, tmp_path / "b")
        with Intake(catalog) as intake:
            copy = intake.new_path()
            copy.write_bytes(prepared.read_bytes())
            intake.commit([intake.stage_prepared(copy, original, "rle", ())])

        (comparison,) = compared(catalog, tmp_path, prepared)

        assert comparison.standing is Standing.DUPLICATE
        assert comparison.made_here

    def test_a_second_copy_of_what_was_held_asks_nothing_again(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        held, again = write(tmp_path, "b", PixelData=OTHER), write(tmp_path, "c", PixelData=OTHER)

        first, second = compared(catalog, tmp_path, held, again)

        assert first.standing is Standing.OTHER_PIXELS
        assert (second.standing, second.other_path) == (Standing.DUPLICATE, str(held))


class TestOtherHeader:
    def test_the_attributes_that_differ_are_named_with_both_values(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a", StationName="CT1"))
        coerced = write(tmp_path, "b", PatientID="0815", AccessionNumber="B7", StationName=None)

        (comparison,) = compared(catalog, tmp_path, coerced)

        assert (comparison.standing, comparison.other) == (Standing.OTHER_HEADER, entry)
        assert comparison.pixels is PixelVerdict.SAME
        told = {one.name: (one.one, one.other) for one in comparison.differences.shown}
        assert told == {
            "Accession Number": ("A1", "B7"),
            "Station Name": ("CT1", None),
            "Patient ID": ("4711", "0815"),
        }

    def test_twenty_are_told_and_the_rest_counted(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))
        ds = ct_dataset()
        block = ds.private_block(0x0029, "SOMEBODY", create=True)
        for number in range(40):
            block.add_new(number, "LO", "private")
        path = tmp_path / "b"
        ds.file_meta = pydicom.dcmread(write(tmp_path, "c")).file_meta
        ds.save_as(path, enforce_file_format=True)

        (comparison,) = compared(catalog, tmp_path, path)

        assert len(comparison.differences.shown) == 20
        assert comparison.differences.number == 41

    def test_on_one_medium(self, catalog: Catalog, tmp_path: Path) -> None:
        first, second = write(tmp_path, "a"), write(tmp_path, "b", PatientSex="M")

        _, comparison = compared(catalog, tmp_path, first, second)

        assert (comparison.standing, comparison.other_path) == (Standing.OTHER_HEADER, str(first))

    def test_a_report_with_other_content(self, catalog: Catalog, tmp_path: Path) -> None:
        item = Dataset()
        item.TextValue = "no finding"
        report = {"PixelData": None, "ContentSequence": [item]}
        keep(catalog, write(tmp_path, "a", **report))
        other = Dataset()
        other.TextValue = "a finding"

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", **{**report, "ContentSequence": [other]})
        )

        assert comparison.standing is Standing.OTHER_HEADER
        assert [one.name for one in comparison.differences.shown] == ["Content Sequence"]


class TestOtherPixels:
    def test_one_bit_is_enough(self, catalog: Catalog, tmp_path: Path) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        spoiled = bytes([*PIXELS[:-1], PIXELS[-1] ^ 1])

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", PixelData=spoiled))

        assert (comparison.standing, comparison.other) == (Standing.OTHER_PIXELS, entry)
        assert comparison.pixels is PixelVerdict.OTHER

    def test_one_bit_that_no_key_sees_is_enough(self, catalog: Catalog, tmp_path: Path) -> None:
        """A key reads three pieces; what decides is the whole."""
        pixels = bytearray(np.arange(200 * 200, dtype="<u2").tobytes())
        shape: dict[str, Any] = {"Rows": 200, "Columns": 200}
        one = write(tmp_path, "a", PixelData=bytes(pixels), **shape)
        pixels[20_000] ^= 4
        other = write(tmp_path, "b", PixelData=bytes(pixels), **shape)
        keep(catalog, one)
        assert arrival(one).pixel_key == arrival(other).pixel_key

        (comparison,) = compared(catalog, tmp_path, other)

        assert comparison.standing is Standing.OTHER_PIXELS

    def test_a_compressed_image_with_other_pixels_is_one(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        squeezed_other = squeezed(write(tmp_path, "b", PixelData=OTHER), tmp_path / "c")

        (comparison,) = compared(catalog, tmp_path, squeezed_other)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.OTHER

    def test_what_nothing_decodes_may_have_other_pixels(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        keep(catalog, path)
        broken = compressed(tmp_path / "b", pydicom.dcmread(path), RLELossless, [b"no frame" * 8])

        (comparison,) = compared(catalog, tmp_path, broken)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.UNTOLD

    def test_a_file_that_is_cut_short_is_not_the_whole_one(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        path = write(tmp_path, "a")
        keep(catalog, path)
        cut = tmp_path / "b"
        cut.write_bytes(path.read_bytes()[:-7])

        (comparison,) = compared(catalog, tmp_path, cut)

        assert comparison.standing is Standing.OTHER_PIXELS

    def test_an_image_without_its_pixels_is_not_the_image(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", PixelData=None))

        assert comparison.standing is Standing.OTHER_PIXELS

    @pytest.mark.parametrize("gone", ["medium", "store"])
    def test_a_file_that_cannot_be_read_is_not_believed(
        self, catalog: Catalog, tmp_path: Path, gone: str
    ) -> None:
        path, other = write(tmp_path, "a"), write(tmp_path, "b", PatientSex="M")
        keep(catalog, path)
        lender = Lender(str(other)) if gone == "medium" else Lender()
        if gone == "store":
            catalog.store.path(arrival(path).sha256).unlink()

        (comparison,) = compared(catalog, tmp_path, other, lender=lender)

        assert comparison.standing is Standing.OTHER_PIXELS
        assert comparison.pixels is PixelVerdict.UNTOLD
        assert "cannot be read" in comparison.differences.unread


class TestCopiedPixels:
    def test_an_image_under_another_uid_in_another_study(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, copy)

        assert (comparison.standing, comparison.other) == (Standing.COPIED_PIXELS, entry)

    def test_on_one_medium(self, catalog: Catalog, tmp_path: Path) -> None:
        first = write(tmp_path, "a")
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **SOMEBODY_ELSE)

        _, comparison = compared(catalog, tmp_path, first, copy)

        assert (comparison.standing, comparison.other_path) == (Standing.COPIED_PIXELS, str(first))

    def test_another_persons_image_goes_before_ones_own(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a", SOPInstanceUID="1.5", StudyInstanceUID="1.5"))
        strange = keep(
            catalog,
            write(tmp_path, "b", SOPInstanceUID="1.6", StudyInstanceUID="1.6", **SOMEBODY_ELSE),
        )

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "c"))

        assert comparison.other == strange

    def test_a_localizer_repeated_in_its_study_is_new(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        repeated = [
            write(tmp_path, f"b{n}", SOPInstanceUID=f"1.9.{n}", SeriesInstanceUID=f"1.8.{n}")
            for n in range(3)
        ]

        standings = {one.standing for one in compared(catalog, tmp_path, *repeated)}

        assert standings == {Standing.NEW}

    @pytest.mark.parametrize("value", [0, 1, 0xFFFF])
    def test_blank_images_copy_nothing(self, catalog: Catalog, tmp_path: Path, value: int) -> None:
        blank: dict[str, Any] = {
            "Rows": 64,
            "Columns": 64,
            "PixelData": np.full(4096, value, "<u2").tobytes(),
        }
        native = write(tmp_path, "a", **blank)
        keep(catalog, native)
        other = {"SOPInstanceUID": "1.9", "StudyInstanceUID": "1.8", **blank, **SOMEBODY_ELSE}

        (comparison,) = compared(catalog, tmp_path, write(tmp_path, "b", **other))

        assert comparison.standing is Standing.NEW

    def test_blank_compressed_images_copy_nothing(self, catalog: Catalog, tmp_path: Path) -> None:
        blank: dict[str, Any] = {"Rows": 64, "Columns": 64, "PixelData": bytes(8192)}
        keep(catalog, squeezed(write(tmp_path, "a", **blank), tmp_path / "a2"))
        other = write(
            tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **blank, **SOMEBODY_ELSE
        )

        (comparison,) = compared(catalog, tmp_path, squeezed(other, tmp_path / "b2"))

        assert comparison.standing is Standing.NEW

    def test_a_large_image_with_black_borders_is_compared_whole(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        """Three pieces see only black here: no copy is claimed, whatever lies between."""
        shape: dict[str, Any] = {"Rows": 512, "Columns": 512}
        keep(catalog, write(tmp_path, "a", **shape, PixelData=bytes(512 * 512 * 2)))
        pixels = bytearray(512 * 512 * 2)
        pixels[100_000] = 1

        (comparison,) = compared(
            catalog,
            tmp_path,
            write(
                tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8", **shape,
                PixelData=bytes(pixels),
            ),
        )  # fmt: skip

        assert comparison.standing is Standing.NEW

    def test_objects_without_pixels_copy_nothing(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a", PixelData=None))
        other = write(tmp_path, "b", PixelData=None, SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, other)

        assert comparison.standing is Standing.NEW

    def test_a_copy_that_cannot_be_read_again_is_only_new(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        copy = write(tmp_path, "b", SOPInstanceUID="1.9", StudyInstanceUID="1.8")

        (comparison,) = compared(catalog, tmp_path, copy, lender=Lender(str(copy)))

        assert comparison.standing is Standing.NEW


class TestOtherPatient:
    def test_a_study_that_is_here_under_somebody_else(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        entry = keep(catalog, write(tmp_path, "a"))
        foreign = write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **SOMEBODY_ELSE)

        (comparison,) = compared(catalog, tmp_path, foreign)

        assert (comparison.standing, comparison.other) == (Standing.OTHER_PATIENT, entry)
        assert comparison.counterpart is not None
        assert comparison.counterpart.identity.name == "Doe^Jane"

    def test_on_one_medium_every_instance_of_the_later_person_contradicts(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        mine = write(tmp_path, "a")
        strange = [
            write(tmp_path, f"b{n}", SOPInstanceUID=f"1.9.{n}", PixelData=OTHER, **SOMEBODY_ELSE)
            for n in range(3)
        ]

        first, *others = compared(catalog, tmp_path, mine, *strange)

        assert first.standing is Standing.NEW
        assert {one.standing for one in others} == {Standing.OTHER_PATIENT}
        assert {one.other_path for one in others} == {str(mine)}

    @pytest.mark.parametrize("held", [{"PixelData": OTHER}, {}])
    def test_a_stranger_who_is_held_for_another_reason_stays_one(
        self, catalog: Catalog, tmp_path: Path, held: dict[str, bytes]
    ) -> None:
        """Neither a changed instance nor a second copy of it makes the study the stranger's."""
        keep(catalog, write(tmp_path, "a"))
        changed = write(tmp_path, "b", **held, **SOMEBODY_ELSE)
        again = write(tmp_path, "c", **held, **SOMEBODY_ELSE)
        new = write(tmp_path, "d", SOPInstanceUID="1.9", PixelData=bytes(range(2, 34)),
                    **SOMEBODY_ELSE)  # fmt: skip

        *_, comparison = compared(catalog, tmp_path, changed, again, new)

        assert comparison.standing is Standing.OTHER_PATIENT

    @pytest.mark.parametrize(
        "facts",
        [
            {"PatientName": "DOE^JANE"},
            {"PatientName": "Doe^Jane^^Mrs", "PatientID": "OTHER-7"},
            {"PatientID": "4711", "PatientBirthDate": ""},
            {"PatientName": "", "PatientID": ""},
        ],
    )
    def test_one_person_spelt_or_numbered_otherwise_is_no_contradiction(
        self, catalog: Catalog, tmp_path: Path, facts: dict[str, str]
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        path = write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **facts)

        (comparison,) = compared(catalog, tmp_path, path)

        assert comparison.standing is Standing.NEW

    def test_a_name_that_nobody_can_read_is_still_the_same_name(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        def unreadable(name: str, uid: str, pixels: bytes) -> Path:
            path = write(
                tmp_path, name, SpecificCharacterSet="ISO_IR 192", PatientName="DoeXX^Jane",
                PatientID="", PatientBirthDate="", SOPInstanceUID=uid, PixelData=pixels,
            )  # fmt: skip
            path.write_bytes(path.read_bytes().replace(b"DoeXX", b"Doe\xff\xfe"))
            return path

        keep(catalog, unreadable("a", "1.9.1", PIXELS))

        (comparison,) = compared(catalog, tmp_path, unreadable("b", "1.9.2", OTHER))

        assert comparison.standing is Standing.NEW

    def test_the_identity_that_this_site_gave_counts(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        local: dict[str, Any] = {
            "PatientName": "Doe^Janet",
            "PatientID": "L1",
            "PatientBirthDate": "19700102",
        }
        original = keep(catalog, write(tmp_path, "a"))
        with Intake(catalog) as intake:
            copy = write_ct(intake.new_path(), **local)
            intake.commit([intake.stage_coerced(copy, original, "coerce", "job 1", ())])

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", SOPInstanceUID="1.9", PixelData=OTHER, **local)
        )

        assert comparison.standing is Standing.NEW

    def test_other_pixels_under_the_uid_weigh_more(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))

        (comparison,) = compared(
            catalog, tmp_path, write(tmp_path, "b", PixelData=OTHER, **SOMEBODY_ELSE)
        )

        assert comparison.standing is Standing.OTHER_PIXELS


class TestSubject:
    def test_one_decision_counts_for_a_study_however_the_names_are_spelt(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a"))
        spelt = {**SOMEBODY_ELSE, "PatientName": "ROE^RICHARD"}
        paths = [
            write(tmp_path, "b", SOPInstanceUID="1.9.1", PixelData=OTHER, **SOMEBODY_ELSE),
            write(tmp_path, "c", SOPInstanceUID="1.9.2", PixelData=OTHER, **spelt),
            write(tmp_path, "d", SOPInstanceUID="1.9.3", PixelData=OTHER,
                  **{**SOMEBODY_ELSE, "PatientID": "0816"}),
        ]  # fmt: skip

        found = compared(catalog, tmp_path, *paths)
        one, again, other = (
            subject_of(arrival(path), comparison)
            for path, comparison in zip(paths, found, strict=True)
        )

        assert one == again != other

    def test_of_one_uid_both_contents_count(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))
        paths = [write(tmp_path, f"b{n}", PixelData=bytes([n]) * 32) for n in (1, 2)]

        subjects = {
            subject_of(arrival(path), compared(catalog, tmp_path, path)[0]) for path in paths
        }

        assert len(subjects) == 2

    def test_what_is_no_contradiction_has_none(self, catalog: Catalog, tmp_path: Path) -> None:
        path = write(tmp_path, "a")
        new, again = compared(catalog, tmp_path, path, path)

        assert subject_of(arrival(path), new) == subject_of(arrival(path), again) == ""


class TestStreaming:
    def test_more_than_one_batch(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.importing.compare.BATCH", 2)
        monkeypatch.setattr("mediastation.catalog.lookups.BATCH", 2)
        paths = [
            write(tmp_path, f"a{n}", SOPInstanceUID=f"1.9.{n}", PixelData=bytes([n, 1]) * 16)
            for n in range(7)
        ]
        keep(catalog, paths[5])

        found = compared(catalog, tmp_path, *paths, paths[0])

        assert [one.standing for one in found] == [
            *[Standing.NEW] * 5,
            Standing.DUPLICATE,
            Standing.NEW,
            Standing.DUPLICATE,
        ]

    def test_the_next_batch_is_asked_for_when_the_last_was_taken(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("mediastation.importing.compare.BATCH", 2)
        one = arrival(write(tmp_path, "a"))
        drawn = []

        def arrivals() -> Any:
            for number in range(6):
                drawn.append(number)
                yield replace(one, sop_instance_uid=f"1.{number}")

        standings = iter_standings(catalog, arrivals(), Lender(), tmp_path / "scratch")
        next(standings)

        assert drawn == [0, 1]
        standings.close()  # type: ignore[attr-defined]
        assert list((tmp_path / "scratch").iterdir()) == []


class TestKnowledge:
    def test_a_catalog_from_before_says_so_once(self, catalog: Catalog, tmp_path: Path) -> None:
        keep(catalog, write(tmp_path, "a"))
        assert check_knowledge(catalog) == []
        with catalog.writing() as connection:
            connection.execute(update(instances).values(pixel_key=""))

        (finding,) = check_knowledge(catalog)

        assert finding.rule == "pixels-unseen"
        assert "reindex" in finding.hint

    def test_what_has_no_pixels_leaves_nothing_unseen(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        keep(catalog, write(tmp_path, "a", PixelData=None))

        assert check_knowledge(catalog) == []


class TestLending:
    def test_a_file_of_a_medium_is_lent_and_taken_back(self, tmp_path: Path) -> None:
        disc = tmp_path / "disc"
        path = write(disc, "IM1")
        lend = lend_from(FolderVolume(disc), tmp_path / "lent")

        with lend(arrival(path, disc)) as copy:
            assert copy.read_bytes() == path.read_bytes()
            assert copy.stat().st_mode & 0o077 == 0

        assert list((tmp_path / "lent").iterdir()) == []

    def test_a_file_that_changed_or_went_counts_as_other_content(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        disc = tmp_path / "disc"
        keep(catalog, write(tmp_path, "a"))
        path = write(disc, "IM1", PatientSex="M")
        volume, arrived = FolderVolume(disc), arrival(path, disc)
        for happen in (lambda: path.write_bytes(b"changed"), path.unlink):
            happen()

            ((_, comparison),) = iter_standings(
                catalog, [arrived], lend_from(volume, tmp_path / "lent"), tmp_path / "scratch"
            )

            assert comparison.standing is Standing.OTHER_PIXELS
            assert comparison.differences.unread


@settings(deadline=None, max_examples=25, suppress_health_check=list(HealthCheck))
@given(
    one=st.tuples(st.sampled_from(["4711", "0815"]), st.sampled_from([PIXELS, OTHER])),
    other=st.tuples(st.sampled_from(["4711", "0815"]), st.sampled_from([PIXELS, OTHER])),
    syntax=st.sampled_from(["as it is", ImplicitVRLittleEndian, ExplicitVRBigEndian, RLELossless]),
)
def test_the_same_content_is_a_duplicate_and_nothing_else_is(
    tmp_path_factory: pytest.TempPathFactory,
    one: tuple[str, bytes],
    other: tuple[str, bytes],
    syntax: str,
) -> None:
    tmp_path = tmp_path_factory.mktemp("pair")
    first = write(tmp_path, "a", PatientID=one[0], PixelData=one[1])
    second = write(tmp_path, "b", PatientID=other[0], PixelData=other[1])
    if syntax == RLELossless:
        second = squeezed(second, tmp_path / "c")
    elif syntax != "as it is":
        second = rewritten(second, tmp_path / "c", syntax)
    with Catalog(tmp_path / "home") as catalog:
        keep(catalog, first)
        (comparison,) = compared(catalog, tmp_path, second)

    assert (comparison.standing is Standing.DUPLICATE) == (one == other)
    if one[1] != other[1]:
        assert comparison.standing is Standing.OTHER_PIXELS
    elif one != other:
        assert comparison.standing is Standing.OTHER_HEADER


class TestCorpus:
    def test_what_a_pacs_gave_new_uids_is_told_as_copied(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        before = [corpus_file(f"series/enh_mr_siemens_original/011-000{n}.img") for n in (1, 2)]
        after = [corpus_file(f"series/enh_mr_siemens_after_pacs/011-000{n}.img") for n in (1, 2)]
        entries = [keep(catalog, path) for path in before]

        found = compared(catalog, tmp_path, *after)

        assert [one.standing for one in found] == [Standing.COPIED_PIXELS] * 2
        assert [one.other for one in found] == entries

    def test_three_people_with_one_id_in_three_studies_are_three(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        paths = corpus_files("series/same_patient_id_different_names")
        if not paths:
            pytest.skip("the corpus is not here")

        assert {one.standing for one in compared(catalog, tmp_path, *paths)} == {Standing.NEW}

    def test_a_disc_imported_twice_is_all_duplicates(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        paths = corpus_files("media/philips_ct_disc/DICOM")
        if not paths:
            pytest.skip("the corpus is not here")
        lender = Lender()

        first = compared(catalog, tmp_path, *paths, lender=lender)
        for path in paths:
            keep(catalog, path)
        second = compared(catalog, tmp_path, *paths)

        assert {one.standing for one in first} == {Standing.NEW}
        assert {one.standing for one in second} == {Standing.DUPLICATE}
        # The exam summary repeats the scout, in its own study.
        assert lender.lent == []

    def test_one_image_in_six_encodings_is_one_instance(
        self, catalog: Catalog, tmp_path: Path
    ) -> None:
        corpus_file("mr/MR_small.dcm")
        first, *others = (path for path in corpus_files("mr") if path.name.startswith("MR_small"))
        keep(catalog, first)

        found = dict(zip((path.name for path in others), compared(catalog, tmp_path, *others),
                         strict=True))  # fmt: skip

        told = {
            name: [one.name for one in comparison.differences.shown]
            for name, comparison in found.items()
            if comparison.standing is not Standing.DUPLICATE
        }
        assert {one.pixels for one in found.values()} == {PixelVerdict.SAME}
        assert told == {}, [read_header(path).transfer_syntax_uid for path in others]

    def test_a_lossy_copy_of_a_native_image_may_be_the_same(self, tmp_path: Path) -> None:
        """Decoders may round: that the bits differ does not make it another image."""
        native = corpus_file("us/IM00001.implicit_little_endian.dcm")
        lossy = corpus_file("us/IM00001.fragmented_no_bot_jpeg_baseline.50.dcm")

        with Judge(tmp_path) as judge:
            verdict, _ = judge.judge(native, lossy)

        assert verdict is PixelVerdict.UNTOLD
