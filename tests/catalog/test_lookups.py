"""What arrivals are compared with is found in batches, by index, on either database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.intake import Intake
from mediastation.catalog.lookups import (
    MOST_ALIKE,
    has_unseen_pixels,
    instances_with_uids,
    known_instance,
    originals_with_pixels,
    patients_of_studies,
)
from mediastation.catalog.upkeep import reindex
from mediastation.dicom.header import read_header
from mediastation.dicom.pixel_key import pixel_key_of
from mediastation.model.entry import Kind, Source
from mediastation.model.identity import PatientIdentity
from tests.catalog.test_queries import explain, statements_of
from tests.support.objects import write_ct

JANE = PatientIdentity("4711", "", "Doe^Jane", "19700101", "F")


def keep(intake: Intake, **facts: Any) -> int:
    path = write_ct(intake.new_path(), **facts)
    return intake.keep(path, Source("medium", "disc:IM1")).entry_id


def derive(intake: Intake, original: int, kind: Kind, **facts: Any) -> int:
    path = write_ct(intake.new_path(), **facts)
    if kind is Kind.COERCED:
        staged = intake.stage_coerced(path, original, "coerce", "job 1", ())
    else:
        staged = intake.stage_prepared(path, original, "prepare", ())
    return intake.commit([staged])[0].entry_id


def key_of(tmp_path: Path, **facts: Any) -> str:
    path = write_ct(tmp_path / "key", **facts)
    return pixel_key_of(path, read_header(path))


def test_an_entry_comes_with_what_it_is_compared_by(catalog: Catalog, tmp_path: Path) -> None:
    with Intake(catalog) as intake:
        entry = keep(intake)

    (known,) = instances_with_uids(catalog, ["1.2.3.1.1"])["1.2.3.1.1"]

    assert known == known_instance(catalog, entry)
    assert (known.entry, known.kind, known.derived_from) == (entry, Kind.ORIGINAL, None)
    assert (known.study_instance_uid, known.series_instance_uid) == ("1.2.3", "1.2.3.1")
    assert known.identity == JANE
    assert known.pixel_key == key_of(tmp_path)
    assert known.source == "disc:IM1"
    assert catalog.store.path(known.sha256).stat().st_size == known.size_bytes


def test_copies_of_a_uid_come_behind_their_original(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        first = keep(intake)
        derive(intake, first, Kind.PREPARED)
        derive(intake, first, Kind.COERCED, PatientID="L1")
        keep(intake, PatientSex="O")

    kinds = [one.kind for one in instances_with_uids(catalog, ["1.2.3.1.1"])["1.2.3.1.1"]]

    assert kinds[:2] == [Kind.ORIGINAL, Kind.ORIGINAL]
    assert sorted(kinds[2:]) == [Kind.COERCED, Kind.PREPARED]


def test_pixels_find_originals_alone_and_a_few_of_them(catalog: Catalog, tmp_path: Path) -> None:
    with Intake(catalog) as intake:
        entries = [keep(intake, SOPInstanceUID=f"1.9.{n}") for n in range(MOST_ALIKE + 3)]
        derive(intake, entries[0], Kind.COERCED, PatientID="L1")
        other = keep(intake, SOPInstanceUID="1.8", PixelData=bytes(range(1, 33)))
    other_key = key_of(tmp_path, PixelData=bytes(range(1, 33)))

    found = originals_with_pixels(catalog, [key_of(tmp_path), other_key, "0" * 32])

    assert [one.entry for one in found[key_of(tmp_path)]] == entries[:MOST_ALIKE]
    assert [one.entry for one in found[other_key]] == [other]
    assert len(found) == 2


def test_a_study_is_here_under_everybody_who_has_it(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        first = keep(intake)
        keep(intake, SOPInstanceUID="1.9.1")
        second = keep(intake, SOPInstanceUID="1.9.2", PatientName="Roe^Richard")
        copy = derive(intake, first, Kind.COERCED, PatientID="L1")

    (found,) = patients_of_studies(catalog, ["1.2.3", "1.2.4"]).values()

    told = {(one.identity.patient_id, one.identity.name): one.entry for one in found}
    assert told == {
        ("4711", "Doe^Jane"): first,
        ("4711", "Roe^Richard"): second,
        ("L1", "Doe^Jane"): copy,
    }


def test_the_empty_value_asks_for_nothing(catalog: Catalog) -> None:
    with Intake(catalog) as intake:
        keep(intake, PixelData=None)

    assert originals_with_pixels(catalog, ["", ""]) == {}
    assert instances_with_uids(catalog, [""]) == {}
    assert patients_of_studies(catalog, [""]) == {}


def test_many_values_are_asked_for_in_batches(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mediastation.catalog.lookups.BATCH", 3)
    uids = [f"1.9.{n}" for n in range(8)]
    with Intake(catalog) as intake:
        entries = [keep(intake, SOPInstanceUID=uid) for uid in uids]

    found = instances_with_uids(catalog, [*uids, "1.9.99"])

    assert [found[uid][0].entry for uid in uids] == entries


def test_no_lookup_scans_the_instances(tmp_path: Path) -> None:
    with Catalog(tmp_path / "home") as catalog:
        seen = statements_of(
            catalog,
            lambda: (
                instances_with_uids(catalog, ["1.2"]),
                originals_with_pixels(catalog, ["0" * 32]),
                patients_of_studies(catalog, ["1.2"]),
                has_unseen_pixels(catalog),
            ),
        )
        plans = explain(catalog, seen)

    assert len(seen) == 4
    assert not [line for line in plans if line.startswith("SCAN instances")], plans


class TestUnseenPixels:
    def test_an_intake_of_today_leaves_none(self, catalog: Catalog) -> None:
        with Intake(catalog) as intake:
            first = keep(intake)
            keep(intake, SOPInstanceUID="1.9", PixelData=None)
            derive(intake, first, Kind.COERCED, PatientID="L1")

        assert not has_unseen_pixels(catalog)

    def test_reindexing_looks_at_what_was_not_seen(
        self, catalog: Catalog, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with monkeypatch.context() as patched, Intake(catalog) as intake:
            patched.setattr("mediastation.catalog.staging.pixel_key_of", lambda *_: "")
            keep(intake)
            keep(intake, SOPInstanceUID="1.9", PixelData=None)
        assert has_unseen_pixels(catalog)

        reindex(catalog)

        assert not has_unseen_pixels(catalog)
        assert len(originals_with_pixels(catalog, [key_of(tmp_path)])) == 1
