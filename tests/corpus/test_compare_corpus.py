"""Real instances that are like one another are told apart, and copies are known."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.dicom.header import read_header
from mediastation.importing.judge import Judge, PixelVerdict
from mediastation.model.importing import Standing
from tests.support.arrivals import Lender, compared, keep
from tests.support.corpus import corpus_file, corpus_files


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
