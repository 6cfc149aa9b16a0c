"""What contradicts what is here is noticed, and what is usual on discs is not cried over."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian, RLELossless
from sqlalchemy import update

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.schema import instances
from mediastation.importing.compare import check_knowledge, iter_standings
from mediastation.importing.judge import PixelVerdict
from mediastation.model.entry import Kind
from mediastation.model.importing import Standing
from tests.importing.rivals import OTHER, PIXELS, rewritten, squeezed, write
from tests.support.arrivals import Lender, arrival, compared, keep
from tests.support.objects import ct_dataset


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
