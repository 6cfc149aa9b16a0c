"""Who took whose images in, and under whose identity they stand, is in the ledger."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.catalog.ledger import Ledger
from mediastation.cli.app import run
from mediastation.model.ledger import MEDIA_EVENTS, LedgerEntry, LedgerEvent
from mediastation.model.ledger_facts import DecidedHow
from mediastation.station.recording.ledger import find_entries, find_media, record_entry
from mediastation.station.recording.ledger_audit import audit_ledger
from mediastation.station.recording.ledger_traffic import record_imported, record_reconciled
from mediastation.station.recording.media_made import page_of_media
from mediastation.station.station import Station
from tests.station.import_facts import CT, FACTS, RECONCILED, SR

WHOLE = replace(FACTS, imported=27, held=0, refused=0, kept_patients=(), kept_studies=())


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


@pytest.fixture
def job(station: Station) -> int:
    with station.job("import", {}) as job:
        return job.id


def entries(station: Station) -> list[LedgerEntry]:
    return list(Ledger(station.catalog).entries())


class TestImported:
    def test_it_tells_the_medium_the_counts_and_whose_images_came(
        self, station: Station, job: int
    ) -> None:
        head = record_imported(station, job, WHOLE)

        (entry,) = entries(station)
        assert (str(entry.event), entry.job, entry.number) == ("imported", job, head.count)
        assert entry.operator == station.settings.operator
        medium = entry.facts["outside_medium"]
        assert (medium["kind"], medium["sha256"]) == ("disc", "ab" * 32)
        assert (medium["volume_id"], medium["institution"]) == ("MRI_2024", "St. Farther")
        assert entry.facts["counts"] == {
            "found": 28, "imported": 27, "duplicates": 1, "held": 0, "refused": 0, "repaired": 2,
        }  # fmt: skip
        assert entry.facts["patients"] == [
            {"patient_id": "OUT1", "name": "DOE^JANE", "birth_date": "19700101"}
        ]
        assert entry.facts["studies"][0]["sop_classes"] == {CT: 24, SR: 1}
        assert entry.facts["files_sha256"] == "ef" * 32

    def test_what_stayed_outside_is_an_entry_of_its_own_with_its_own_patients(
        self, station: Station, job: int
    ) -> None:
        """One outcome to a message (PS3.15 A.5.2): 25 came in, 2 did not."""
        record_imported(station, job, FACTS)

        came, stayed = entries(station)
        assert [str(one.event) for one in (came, stayed)] == ["imported", "refused"]
        assert [one.facts["patients"][0]["patient_id"] for one in (came, stayed)] == [
            "OUT1",
            "OUT2",
        ]
        assert stayed.facts["studies"][0]["study_instance_uid"] == "1.2.4"

    def test_a_medium_of_which_nothing_came_in_is_refused_and_not_imported(
        self, station: Station, job: int
    ) -> None:
        record_imported(station, job, replace(FACTS, imported=0, duplicates=0, held=20, refused=8))

        assert [str(one.event) for one in entries(station)] == ["refused"]

    def test_a_medium_without_instances_is_recorded_too(self, station: Station, job: int) -> None:
        record_imported(station, job, replace(WHOLE, found=0, imported=0, duplicates=0))

        assert [str(one.event) for one in entries(station)] == ["imported"]

    def test_coming_again_after_a_kill_writes_nothing_twice(
        self, station: Station, job: int
    ) -> None:
        first = record_imported(station, job, FACTS)
        second = record_imported(station, job, FACTS)

        assert second == first
        assert len(entries(station)) == 2

    def test_only_the_second_is_written_where_the_kill_came_between(
        self, station: Station, job: int
    ) -> None:
        record_entry(station, LedgerEvent.IMPORTED, job, FACTS.as_facts())
        record_imported(station, job, FACTS)

        assert [str(one.event) for one in entries(station)] == ["imported", "refused"]

    def test_the_same_medium_in_another_job_is_recorded_again(
        self, station: Station, job: int
    ) -> None:
        record_imported(station, job, WHOLE)
        with station.job("import", {}) as other:
            record_imported(station, other.id, WHOLE)

        assert [one.job for one in entries(station)] == [job, other.id]

    def test_it_is_no_medium_that_was_made_here(self, station: Station, job: int) -> None:
        record_imported(station, job, FACTS)

        assert not {one.event for one in entries(station)} & MEDIA_EVENTS
        assert list(find_media(station, "")) == []
        assert page_of_media(station).media == []


class TestReconciled:
    def test_it_tells_both_identities_and_on_whose_word(self, station: Station, job: int) -> None:
        record_reconciled(station, job, RECONCILED)

        (entry,) = entries(station)
        facts = entry.facts
        assert str(entry.event) == "reconciled"
        assert facts["outside"]["patient_id"] == "OUT1"
        assert facts["local"]["patient_id"] == "4711"
        assert facts["patients"] == [
            {"patient_id": "4711", "name": "Doe^Jane^Ann", "birth_date": "19700101"}
        ]
        assert (facts["origin"], facts["peer"]) == ("worklist", "ris")
        assert (facts["how"], facts["decided_by"]) == ("person", "mta")
        assert (facts["accession_number"], facts["instances"]) == ("A77", 25)

    def test_each_outside_identity_once(self, station: Station, job: int) -> None:
        other = replace(RECONCILED, outside=replace(RECONCILED.outside, patient_id="OUT9"))
        for facts in (RECONCILED, other, RECONCILED, other):
            record_reconciled(station, job, facts)

        told = [one.facts["outside"]["patient_id"] for one in entries(station)]
        assert told == ["OUT1", "OUT9"]


def test_the_ledger_stays_proved_and_is_searched_by_either_identity(
    station: Station, job: int
) -> None:
    record_imported(station, job, FACTS)
    record_reconciled(station, job, RECONCILED)

    report = audit_ledger(station)
    assert (report.ok, report.findings, report.entries) == (True, [], 3)
    for words, events in (
        ("out1", ["reconciled", "imported"]),
        ("4711", ["reconciled"]),
        ("farther mri_2024", ["refused", "imported"]),
        ("roe^ann", ["refused"]),
    ):
        assert [str(one.event) for one in find_entries(station, words)] == events


@pytest.mark.parametrize(
    ("how", "by", "said"),
    [
        (DecidedHow.PERSON, "mta", "decided by mta"),
        (DecidedHow.REMEMBERED, "roe", "as decided before by roe"),
        (DecidedHow.SITE_RULE, "", "by a rule of the site"),
    ],
)
def test_audit_reads_as_a_sentence(
    station: Station,
    job: int,
    capsys: pytest.CaptureFixture[str],
    how: DecidedHow,
    by: str,
    said: str,
) -> None:
    record_imported(station, job, FACTS)
    record_reconciled(station, job, replace(RECONCILED, how=how, decided_by=by))

    assert run(["audit", "--home", str(station.home)]) == 0
    told = " ".join(capsys.readouterr().out.split())

    for words in (
        "25 of 28 instances from CD-R MRI_2024 of St. Farther: DOE^JANE (OUT1); 1 here already, "
        "2 repaired",
        "2 of 28 instances stayed outside, from CD-R MRI_2024 of St. Farther: ROE^ANN (OUT2); "
        "1 held, 1 refused",
        "DOE^JANE (OUT1) is Doe^Jane^Ann (4711): 25 instances; from worklist ris; accession A77; "
        f"{said}",
    ):
        assert words in told
