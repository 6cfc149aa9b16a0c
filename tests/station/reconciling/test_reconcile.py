"""Reconciling outside instances with patients of this site, and what may then be sent."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydicom import dcmread

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.listing import list_rows
from mediastation.catalog.selection import find_entries, read_entry
from mediastation.catalog.upkeep import reindex
from mediastation.errors import ConfigError
from mediastation.model.entry import Entry, Kind, Source
from mediastation.model.finding import Finding
from mediastation.model.ledger import LedgerEvent
from mediastation.station.gather import add
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ImportResult, ReconcileRequest
from mediastation.station.reconciling.copies import CopyMaking
from mediastation.station.reconciling.reconcile import find_candidates, reconcile
from mediastation.station.station import Station
from mediastation.station.traffic.requests import SendRequest
from mediastation.station.traffic.send import send
from tests.support.objects import write_ct, write_series
from tests.support.pacs import archive as pacs_archive
from tests.support.pacs import write_peer

OUTSIDE = {
    "PatientID": "EXT-1",
    "PatientName": "Roe^Jane",
    "PatientBirthDate": "19610203",
    "PatientSex": "F",
    "InstitutionName": "Elsewhere",
    "AccessionNumber": "X99",
}
OURS = {**OUTSIDE, "PatientID": "4711", "InstitutionName": "Here"}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir(mode=0o700)
    return tmp_path / "home"


@pytest.fixture
def station(home: Path, tmp_path: Path) -> Iterator[Station]:
    """A station that knows Jane Roe, as 4711, from its own scanner's folder."""
    write_ct(
        tmp_path / "ours" / "a.dcm", StudyInstanceUID="1.2.50", SeriesInstanceUID="1.2.50.1",
        SOPInstanceUID="1.2.50.1.1", **OURS,
    )  # fmt: skip
    with Station(home) as opened:
        add(opened, [str(tmp_path / "ours")])
        yield opened


@pytest.fixture
def imported(station: Station, tmp_path: Path) -> ImportResult:
    write_series(tmp_path / "stick", 3, **OUTSIDE)
    return import_medium(station, ImportRequest(tmp_path / "stick"))


def wish(job: int, patient_id: str = "4711", **words: object) -> ReconcileRequest:
    return ReconcileRequest((f"import:{job}",), patient_id, **words)  # type: ignore[arg-type]


def current(station: Station, selector: str = "study:1.2.3") -> list[Entry]:
    found = [read_entry(station.catalog, one) for one in find_entries(station.catalog, selector)]
    return [entry for entry in found if entry is not None]


def rules(findings: list[Finding]) -> set[str]:
    return {finding.rule for finding in findings}


class TestReconcile:
    def test_the_copies_bear_our_identity_and_the_originals_stay(
        self, station: Station, imported: ImportResult
    ) -> None:
        before = current(station)

        result = reconcile(station, wish(imported.job))

        assert (result.reconciled, result.exit_code, result.stopped) == (3, 0, "")
        after = current(station)
        assert {entry.kind for entry in after} == {Kind.COERCED}
        for entry in after:
            ds = dcmread(station.catalog.store.path(entry.sha256, entry.kind))
            assert (ds.PatientID, ds.PatientName) == ("4711", "Roe^Jane")
            assert ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientID == (
                "EXT-1"
            )
            assert ds.AccessionNumber == ""
        for entry in before:
            ds = dcmread(station.catalog.store.path(entry.sha256, entry.kind))
            assert ds.PatientID == "EXT-1"
        assert len(find_entries(station.catalog, "patient:4711")) == 4

    def test_the_ledger_says_who_became_whom_and_who_decided(
        self, station: Station, imported: ImportResult
    ) -> None:
        reconcile(station, wish(imported.job))

        entry = [
            one for one in Ledger(station.catalog).entries() if one.event is LedgerEvent.RECONCILED
        ][-1]
        assert entry.facts["outside"]["patient_id"] == "EXT-1"
        assert entry.facts["local"]["patient_id"] == "4711"
        assert entry.facts["how"] == "person"
        assert entry.facts["instances"] == 3

    def test_again_makes_nothing_new(self, station: Station, imported: ImportResult) -> None:
        reconcile(station, wish(imported.job))
        before = {entry.id for entry in current(station)}

        again = reconcile(station, wish(imported.job))

        assert again.reconciled == 3
        assert {entry.id for entry in current(station)} == before

    def test_a_wrong_choice_is_put_right(
        self, station: Station, imported: ImportResult, tmp_path: Path
    ) -> None:
        """Both copies are there; what is sent and exported is the newer one."""
        write_ct(
            tmp_path / "other.dcm", SOPInstanceUID="1.2.60.1.1", StudyInstanceUID="1.2.60",
            SeriesInstanceUID="1.2.60.1", **{**OURS, "PatientID": "4712"},
        )  # fmt: skip
        add(station, [str(tmp_path / "other.dcm")])
        reconcile(station, wish(imported.job, "4712"))

        reconcile(station, wish(imported.job))

        assert len(find_entries(station.catalog, "patient:4711")) == 4
        rows = {row["patient_id"]: row["instances"] for row in list_rows(
            station.catalog, "studies", "1.2.3")}  # fmt: skip
        assert rows == {"EXT-1": 0, "4711": 3, "4712": 0}

    def test_a_choice_that_is_taken_back_counts_again(
        self, station: Station, imported: ImportResult, tmp_path: Path
    ) -> None:
        """Chosen, chosen otherwise, and chosen again: a copy of the first time is no answer."""
        write_ct(
            tmp_path / "other.dcm", SOPInstanceUID="1.2.60.1.1", StudyInstanceUID="1.2.60",
            SeriesInstanceUID="1.2.60.1", **{**OURS, "PatientID": "4712"},
        )  # fmt: skip
        add(station, [str(tmp_path / "other.dcm")])

        for wanted in ("4711", "4712", "4711", "4712", "4711"):
            result = reconcile(station, wish(imported.job, wanted))

            assert result.reconciled == 3
            for entry in current(station, f"import:{imported.job}"):
                ds = dcmread(station.catalog.store.path(entry.sha256, entry.kind))
                assert ds.PatientID == wanted

    def test_the_rest_of_a_study_does_not_become_another_patient_s(
        self, station: Station, imported: ImportResult, tmp_path: Path
    ) -> None:
        """It comes on a second disc, and a wrong number is given."""
        write_ct(
            tmp_path / "other.dcm", SOPInstanceUID="1.2.60.1.1", StudyInstanceUID="1.2.60",
            SeriesInstanceUID="1.2.60.1", **{**OURS, "PatientID": "4712"},
        )  # fmt: skip
        add(station, [str(tmp_path / "other.dcm")])
        reconcile(station, wish(imported.job))
        write_series(tmp_path / "second", 2, SeriesInstanceUID="1.2.3.2", **OUTSIDE)
        second = import_medium(station, ImportRequest(tmp_path / "second"))

        wrong = reconcile(station, wish(second.job, "4712"))

        assert (wrong.reconciled, wrong.exit_code) == (0, 1)
        assert "study-elsewhere" in rules(wrong.findings)
        assert reconcile(station, wish(second.job)).reconciled == 2
        whole = reconcile(station, ReconcileRequest(("study:1.2.3",), "4712"))
        assert whole.reconciled == 5

    def test_what_was_received_here_is_part_of_the_study_too(
        self, station: Station, imported: ImportResult
    ) -> None:
        path = station.intake.new_path()
        write_ct(path, SOPInstanceUID="1.2.3.5.1", SeriesInstanceUID="1.2.3.5",
                 **{**OURS, "PatientID": "4712"})  # fmt: skip
        station.intake.keep(path, Source("network", "MR1"))

        assert "study-elsewhere" in rules(reconcile(station, wish(imported.job)).findings)
        assert reconcile(station, wish(imported.job, "4712")).reconciled == 3

    def test_two_people_in_one_study_each_go_their_own_way(
        self, station: Station, imported: ImportResult
    ) -> None:
        path = station.intake.new_path()
        stranger = {"PatientID": "5000", "PatientName": "Poe^Edgar", "PatientBirthDate": "18090119",
                    "PatientSex": "M"}  # fmt: skip
        write_ct(path, SOPInstanceUID="1.2.3.5.1", SeriesInstanceUID="1.2.3.5", **stranger)
        station.intake.keep(path, Source("network", "MR1"))

        assert reconcile(station, wish(imported.job)).reconciled == 3

    def test_two_decisions_at_the_same_time_are_noticed(
        self, station: Station, imported: ImportResult, tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        """Whoever ends first finds some instances with the other patient, and sends nothing."""
        write_ct(
            tmp_path / "other.dcm", SOPInstanceUID="1.2.60.1.1", StudyInstanceUID="1.2.60",
            SeriesInstanceUID="1.2.60.1", **{**OURS, "PatientID": "4712"},
        )  # fmt: skip
        add(station, [str(tmp_path / "other.dcm")])
        real = CopyMaking.commit

        def meanwhile(making: CopyMaking) -> None:
            real(making)
            monkeypatch.setattr(CopyMaking, "commit", real)
            assert reconcile(station, wish(imported.job, "4712")).reconciled == 3

        monkeypatch.setattr(CopyMaking, "commit", meanwhile)
        result = reconcile(station, wish(imported.job))

        assert (result.reconciled, result.exit_code, result.sent_by) == (0, 1, 0)
        assert "at the same time" in result.stopped

    def test_nothing_that_came_from_here_is_reconciled(self, station: Station) -> None:
        with pytest.raises(ConfigError, match="came from an outside medium"):
            reconcile(station, ReconcileRequest(("study:1.2.50",), "4711"))

    def test_a_patient_that_nobody_knows_is_not_made_up(
        self, station: Station, imported: ImportResult
    ) -> None:
        result = reconcile(station, wish(imported.job, "9999"))

        assert (result.reconciled, result.exit_code) == (0, 1)
        assert "9999" in result.stopped
        assert {entry.kind for entry in current(station)} == {Kind.ORIGINAL}


class TestWhatDiffers:
    @pytest.mark.parametrize(
        ("fact", "value"),
        [
            ("PatientName", "Doe^Jane"),
            ("PatientBirthDate", "19610204"),
            ("PatientSex", "M"),
            ("PatientBirthDate", ""),
        ],
    )
    def test_a_difference_stops_until_somebody_confirms_it(
        self, station: Station, tmp_path: Path, fact: str, value: str
    ) -> None:
        write_series(tmp_path / "stick", 2, **{**OUTSIDE, fact: value})
        job = import_medium(station, ImportRequest(tmp_path / "stick")).job

        asked = reconcile(station, wish(job))

        assert (asked.reconciled, asked.exit_code) == (0, 1)
        assert "identity-differs" in rules(asked.findings)
        assert asked.question is not None
        sides = {person["side"]: person for person in asked.question.facts["people"]}
        assert sides["outside"]["patient_id"] == "EXT-1"
        assert sides["local"]["patient_id"] == "4711"

        confirmed = reconcile(station, wish(job, confirm_identity=True))

        assert (confirmed.reconciled, confirmed.exit_code) == (2, 0)

    def test_a_confirmation_is_for_the_people_that_were_shown(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 2, **{**OUTSIDE, "PatientName": "Doe^Jane"})
        job = import_medium(station, ImportRequest(tmp_path / "stick")).job

        result = reconcile(station, wish(job, confirm_identity=True, people=("somebody else",)))

        assert (result.reconciled, result.exit_code) == (0, 1)

    def test_two_outside_patients_are_reconciled_one_at_a_time(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick" / "a", 2, **OUTSIDE)
        write_series(
            tmp_path / "stick" / "b", 2, StudyInstanceUID="1.2.9", SeriesInstanceUID="1.2.9.1",
            **{**OUTSIDE, "PatientID": "EXT-2", "PatientName": "Poe^Edgar"},
        )  # fmt: skip
        job = import_medium(station, ImportRequest(tmp_path / "stick")).job

        both = reconcile(station, wish(job, confirm_identity=True))
        one = reconcile(station, ReconcileRequest(("patient:EXT-1",), "4711"))

        assert (both.reconciled, both.exit_code) == (0, 1)
        assert "several-outside-patients" in rules(both.findings)
        assert one.reconciled == 2
        assert {entry.kind for entry in current(station, "study:1.2.9")} == {Kind.ORIGINAL}

    def test_typed_values_need_a_rule_of_the_site(
        self, station: Station, imported: ImportResult
    ) -> None:
        typed = wish(imported.job, "8000", name="Roe^Jane", birth_date="19610203", sex="F")

        with pytest.raises(ConfigError, match="not typed"):
            reconcile(station, typed)
        rules_of_site = station.settings.reconcile.model_copy(
            update={"typed": True, "issuer": "HERE"}
        )
        station.settings = station.settings.model_copy(update={"reconcile": rules_of_site})
        result = reconcile(station, typed)

        assert result.reconciled == 3
        assert result.patients[0]["reconciled_with"]["origin"] == "typed"
        assert result.patients[0]["reconciled_with"]["issuer"] == "HERE"


class TestSendingOn:
    def test_what_was_not_reconciled_is_not_sent(
        self, station: Station, imported: ImportResult
    ) -> None:
        with pacs_archive() as archive:
            _know(station, archive.port)
            result = send(station, SendRequest((f"import:{imported.job}",), "pacs"))

        assert (result.sent, result.refused) == (0, 3)
        assert "not-reconciled" in rules(result.findings)
        assert archive.sent == []

    def test_what_was_added_by_its_path_before_does_not_go_either(
        self, station: Station, tmp_path: Path
    ) -> None:
        """Somebody copied the disc into the catalog first; then it came to the airlock."""
        write_series(tmp_path / "stick", 3, **OUTSIDE)
        add(station, [str(tmp_path / "stick")])
        again = import_medium(station, ImportRequest(tmp_path / "stick"))
        with pacs_archive() as archive:
            _know(station, archive.port)
            refused = send(station, SendRequest((f"import:{again.job}",), "pacs"))
            result = reconcile(station, wish(again.job, to="pacs"))

        assert (again.imported, again.duplicates) == (0, 3)
        assert "added-before" in rules(again.findings)
        assert (refused.sent, refused.refused) == (0, 3)
        assert (result.reconciled, result.sent) == (3, 3)
        assert all(b"4711" in data for _, data in archive.stored.values())

    def test_that_it_came_from_outside_outlives_the_index(self, home: Path, tmp_path: Path) -> None:
        write_series(tmp_path / "stick", 3, **OUTSIDE)
        with Station(home) as opened:
            add(opened, [str(tmp_path / "stick")])
            import_medium(opened, ImportRequest(tmp_path / "stick"))
        for path in home.glob("catalog.sqlite*"):
            path.unlink()

        with Station(home) as anew, pacs_archive() as archive:
            reindex(anew.catalog)
            _know(anew, archive.port)
            result = send(anew, SendRequest(("study:1.2.3",), "pacs"))

        assert (result.sent, result.refused) == (0, 3)

    def test_one_outside_patient_of_two_is_sent_on(self, station: Station, tmp_path: Path) -> None:
        """The words that named the original name it still; what goes is the copy."""
        write_series(tmp_path / "stick", 3, **OUTSIDE)
        write_ct(
            tmp_path / "stick" / "other.dcm", StudyInstanceUID="1.2.7",
            SeriesInstanceUID="1.2.7.1", SOPInstanceUID="1.2.7.1.1", PatientID="EXT-2",
            PatientName="Poe^Ann", PatientBirthDate="19500101",
        )  # fmt: skip
        brought = import_medium(station, ImportRequest(tmp_path / "stick"))
        with pacs_archive() as archive:
            _know(station, archive.port)
            result = reconcile(station, ReconcileRequest(("patient:EXT-1",), "4711", to="pacs"))

        report = (station.job_folder(brought.job) / "report.htm").read_text("utf-8")
        assert report.count("Nobody chosen") == 1
        assert f"of reconcile:{result.job}" in report
        assert (result.reconciled, result.sent, result.exit_code) == (3, 3, 0)
        assert sorted(archive.stored) == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"]
        assert all(b"4711" in data for _, data in archive.stored.values())

    def test_what_was_reconciled_goes_under_our_identity(
        self, station: Station, imported: ImportResult
    ) -> None:
        with pacs_archive() as archive:
            _know(station, archive.port)
            result = reconcile(station, wish(imported.job, to="pacs"))

        assert (result.reconciled, result.sent, result.exit_code) == (3, 3, 0)
        assert sorted(archive.stored) == ["1.2.3.1.1", "1.2.3.1.2", "1.2.3.1.3"]
        for _, data in archive.stored.values():
            assert b"4711" in data

    def test_one_command_takes_in_reconciles_and_sends(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 3, **OUTSIDE)
        with pacs_archive() as archive:
            _know(station, archive.port)
            report = tmp_path / "filed.htm"
            result = import_medium(
                station,
                ImportRequest(tmp_path / "stick", patient_id="4711", to="pacs", report_file=report),
            )

        assert (result.imported, result.reconciled, result.sent) == (3, 3, 3)
        assert result.exit_code == 0
        assert len(archive.stored) == 3
        # Who files the report is told where the images went, not that they went nowhere.
        assert f"PACS@127.0.0.1:{archive.port}" in report.read_text("utf-8")

    def test_without_a_patient_an_import_sends_nothing(
        self, station: Station, tmp_path: Path
    ) -> None:
        write_series(tmp_path / "stick", 3, **OUTSIDE)
        with pacs_archive() as archive:
            _know(station, archive.port)
            result = import_medium(station, ImportRequest(tmp_path / "stick", to="pacs"))

        assert (result.imported, result.reconciled, result.sent) == (3, 0, 0)
        assert result.exit_code == 1
        assert "Nothing was sent" in result.stopped
        assert archive.sent == []


class TestRemembered:
    def test_the_next_disc_from_there_is_proposed_the_same_patient(
        self, station: Station, imported: ImportResult, tmp_path: Path
    ) -> None:
        reconcile(station, wish(imported.job))
        write_series(
            tmp_path / "next", 2, StudyInstanceUID="1.2.8", SeriesInstanceUID="1.2.8.1", **OUTSIDE
        )
        job = import_medium(station, ImportRequest(tmp_path / "next")).job

        person, found = find_candidates(station, [f"import:{job}"])

        assert person.identity.patient_id == "EXT-1"
        assert found.matches[0].remembered
        assert found.matches[0].candidate.identity.patient_id == "4711"
        assert {entry.kind for entry in current(station, "study:1.2.8")} == {Kind.ORIGINAL}

    def test_the_catalog_alone_never_decides(self, station: Station, tmp_path: Path) -> None:
        """The site's rule takes a worklist's or a peer's word, no other."""
        always = station.settings.reconcile.model_copy(update={"automatic": True})
        station.settings = station.settings.model_copy(update={"reconcile": always})
        write_series(tmp_path / "stick", 2, **OUTSIDE)

        result = import_medium(station, ImportRequest(tmp_path / "stick"))

        assert (result.imported, result.reconciled) == (2, 0)


def _know(station: Station, port: int) -> None:
    from mediastation.station.station import read_settings  # noqa: PLC0415

    write_peer(station.home, port)
    station.settings = read_settings(station.home)
