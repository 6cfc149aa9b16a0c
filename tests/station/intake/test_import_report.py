"""From an import to its report: what it comes to in words, and the files that are kept."""

from __future__ import annotations

import itertools
import json
import stat
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from mediastation.catalog.job_selection import remember_selection
from mediastation.catalog.selection import find_entries
from mediastation.errors import ConfigError, MediaError
from mediastation.model.finding import Severity, error, note, warning
from mediastation.model.identity import PatientIdentity
from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger_facts import DecidedHow
from mediastation.model.likeness import compare_identities
from mediastation.model.reconciliation import Candidate, CandidateOrigin
from mediastation.model.repair import RepairLog
from mediastation.pages.import_facts import OpenedFiles, SentOn
from mediastation.reading.findings import FINDINGS_PER_RULE, FindingLog
from mediastation.station import process_lock
from mediastation.station.clock import Clock
from mediastation.station.gather import add
from mediastation.station.intake.report import ImportOutcome, import_report_facts, verdict_of
from mediastation.station.intake.report_file import (
    amend_import_report,
    keep_import_report,
    write_import_report,
)
from mediastation.station.intake.request import IdentityDecision
from mediastation.station.process_lock import hold_lock
from mediastation.station.recording.ledger_traffic import record_imported
from mediastation.station.station import Station
from mediastation.station.traffic.requests import SendRequest
from mediastation.station.traffic.send import send
from tests.station.import_facts import FACTS, LOCAL, MEDIUM, OUTSIDE
from tests.station.outcomes import DECISION, clean_outcome, repaired, worst_outcome
from tests.support.objects import write_series
from tests.support.pacs import archive, write_peer
from tests.support.pdf import pdf_text
from tests.support.xhtml import XhtmlPage, bare

NOW = datetime(2026, 11, 23, 9, 30, tzinfo=UTC)


@pytest.fixture
def station(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Station]:
    monkeypatch.setenv("MEDIASTATION_INSTITUTION", "St. Elsewhere")
    monkeypatch.setenv("MEDIASTATION_OPERATOR", "mta")
    with Station(tmp_path / "home", Clock(NOW)) as opened:
        yield opened


def outcome(**counts: object) -> ImportOutcome:
    made = ImportOutcome(12, MEDIUM, found=28, imported=28)
    for name, value in counts.items():
        setattr(made, name, value)
    return made


class TestVerdict:
    @pytest.mark.parametrize(
        ("made", "said", "is_whole"),
        [
            (outcome(), "28 of 28 instances imported; no instance left behind.", True),
            (
                outcome(repairs=repaired(("a", "", "", ""), ("b", "", "", ""))),
                "28 of 28 instances imported; 2 things repaired; no instance left behind.",
                True,
            ),
            (
                outcome(imported=25, duplicates=1, held=1, refused=1),
                "25 of 28 instances imported; 1 here already; 1 held in quarantine; 1 refused.",
                False,
            ),
            (
                outcome(imported=0, duplicates=28),
                "All 28 instances are here already; no instance left behind.",
                True,
            ),
            (outcome(found=1, imported=1), "1 of 1 instance imported; no instance left behind.",
             True),
            (outcome(found=0, imported=0), "No DICOM instance was found.", True),
            (
                outcome(found=0, imported=0, missing=15),
                "No DICOM instance was found; 15 that the directory lists are not on the medium.",
                False,
            ),
            (
                outcome(bad_sectors=3, lost_bytes=6144),
                "28 of 28 instances imported; 3 sectors (6.0 KiB) of the disc cannot be read.",
                False,
            ),
            (
                outcome(imported=20, stopped="The disk is full."),
                "STOPPED: The disk is full. 20 of 28 instances imported; "
                "8 not looked at to the end.",
                False,
            ),
        ],
    )  # fmt: skip
    def test_it_can_stand_alone(self, made: ImportOutcome, said: str, is_whole: bool) -> None:
        assert verdict_of(made) == said
        assert made.is_whole is is_whole


class TestFacts:
    def test_faults_are_grouped_by_rule_worst_and_most_frequent_first(
        self, station: Station
    ) -> None:
        found = [
            note("n", "1", "N"),
            *(warning("w", str(number), f"W{number}") for number in range(3)),
            error("rare", "r", "R"),
            *(error("often", f"o{number}", f"O{number}") for number in range(5)),
            warning("often", "w", "The same rule, less grave."),
        ]
        faults = import_report_facts(station, outcome(findings=found)).faults.items

        assert [(one.severity, one.rule, one.count) for one in faults] == [
            (Severity.ERROR, "often", 5),
            (Severity.ERROR, "rare", 1),
            (Severity.WARNING, "w", 3),
            (Severity.WARNING, "often", 1),
            (Severity.NOTE, "n", 1),
        ]
        assert (faults[0].subject, faults[0].message) == ("o0", "O0")

    def test_what_a_reader_only_counted_is_counted_here_too(self, station: Station) -> None:
        log = FindingLog()
        for number in range(FINDINGS_PER_RULE + 1207):
            log.add(warning("stray", str(number), "It is astray."))
        (fault,) = import_report_facts(station, outcome(findings=list(log))).faults.items

        assert (fault.count, fault.subject) == (FINDINGS_PER_RULE + 1207, "0")

    def test_repairs_are_counted_by_kind_also_those_that_the_log_only_counted(
        self, station: Station
    ) -> None:
        log = RepairLog(limit=2)
        for number in range(9):
            log.add("often", f"record {number}", "before", "after")
        log.add("once", "record", "a", "b")
        facts = import_report_facts(station, outcome(repairs=log))

        (first, second) = facts.repairs.items
        assert (first.what, first.count, first.subject) == ("often", 9, "record 0")
        assert (second.what, second.count, second.before, second.after) == ("once", 1, "a", "b")
        assert ("repaired", 10) in facts.counts

    def test_the_medium_is_told_by_all_that_identifies_it(self, station: Station) -> None:
        medium = dict(import_report_facts(station, outcome(media_type="CD-R")).medium)

        assert medium == {
            "Kind": "Disc, CD-R", "Name": "/dev/sr0", "Label": "MRI_2024", "Size": "238.4 MiB",
            "File-set ID": "DISC1", "Made by": "ACME_1", "Institution": "St. Farther",
            "File-set UID": "2.25.77", "SHA-256": "ab" * 32,
        }  # fmt: skip

    def test_what_is_not_known_of_it_is_left_out(self, station: Station) -> None:
        bare = outcome(medium=OutsideMedium(MediumKind.FOLDER, "/mnt/usb"))

        assert import_report_facts(station, bare).medium == (
            ("Kind", "Files in a folder"),
            ("Name", "/mnt/usb"),
        )

    def test_what_is_lost_stands_first_among_what_did_not_come(self, station: Station) -> None:
        made = outcome(bad_sectors=7, missing=2, left=clean_outcome().left)
        facts = import_report_facts(station, made)

        assert [(one.what, one.count) for one in facts.left.items] == [
            ("Missing files", 2),
            ("Damaged sectors", 7),
            ("Program", 3),
            ("Other files", 14),
        ]
        assert facts.passed is False

    @pytest.mark.parametrize(
        ("made", "passed"),
        [(outcome(), True), (outcome(held=1), False), (outcome(found=0, imported=0), None)],
    )
    def test_whether_it_is_good(
        self, station: Station, made: ImportOutcome, passed: bool | None
    ) -> None:
        assert import_report_facts(station, made).passed is passed

    def test_identities_stand_side_by_side_with_agreement_and_decision(
        self, station: Station
    ) -> None:
        (sides,) = import_report_facts(station, outcome(identities=(DECISION,))).identities.items

        assert [(row.fact, row.outside, row.local) for row in sides.rows] == [
            ("Patient ID", "OUT1", "4711"),
            ("Issuer", "FARTHER", "ELSEWHERE"),
            ("Name", "DOE^JANE", "Doe^Jane^Ann"),
            ("Birth date", "1970-01-01", "1970-01-01"),
            ("Sex", "F", "F"),
            ("Accession no.", "", "A77"),
        ]
        agreements = [row.agreement for row in sides.rows]
        assert agreements[:2] == ["of another house", "of another house"]
        assert agreements[2].startswith("DIFFERS: ")
        assert agreements[3:5] == ["agrees", "agrees"]
        assert sides.decision == (
            "28 instances. The identity here is from the worklist of ris; "
            "decided by mta on 2026-11-23 09:31."
        )

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"how": DecidedHow.REMEMBERED}, "as decided before by mta on 2026-11-23 09:31."),
            ({"how": DecidedHow.SITE_RULE}, "by a rule of this site, since everything agrees."),
            ({"decided_by": "", "decided_at": "soon"}, "decided on soon."),
            (
                {"candidate": Candidate(LOCAL, CandidateOrigin.TYPED)},
                "from the keyboard alone; decided by mta on 2026-11-23 09:31.",
            ),
            (
                {"candidate": Candidate(LOCAL, CandidateOrigin.CATALOG)},
                "from the catalog of this station; decided by mta on 2026-11-23 09:31.",
            ),
            (
                {"candidate": Candidate(LOCAL, CandidateOrigin.PEER, "mpi")},
                "from a query to mpi; decided by mta on 2026-11-23 09:31.",
            ),
        ],
    )
    def test_who_vouched_and_who_decided(
        self, station: Station, change: dict[str, object], said: str
    ) -> None:
        decision = replace(DECISION, **change)  # type: ignore[arg-type]
        (sides,) = import_report_facts(station, outcome(identities=(decision,))).identities.items

        assert sides.decision.endswith(said)

    def test_a_birth_date_that_differs_cannot_be_overlooked(self, station: Station) -> None:
        other = replace(LOCAL, birth_date="19710101")
        decision = replace(
            DECISION,
            candidate=Candidate(other, CandidateOrigin.CATALOG),
            likeness=compare_identities(OUTSIDE, other),
        )
        (sides,) = import_report_facts(station, outcome(identities=(decision,))).identities.items

        assert ("Birth date", "DIFFERS") in [(row.fact, row.agreement) for row in sides.rows]

    def test_what_nobody_gives_is_no_difference(self, station: Station) -> None:
        """An outside number may be left out of the comparison; it is there all the same."""
        outside, local = PatientIdentity("X1", "", "Roe"), PatientIdentity("4711", "OURS", "Roe")
        likeness = compare_identities(replace(outside, patient_id=""), local)
        decision = IdentityDecision(
            outside, 1, Candidate(local, CandidateOrigin.CATALOG), likeness, DecidedHow.PERSON
        )
        (sides,) = import_report_facts(station, outcome(identities=(decision,))).identities.items

        assert [row.agreement for row in sides.rows] == [
            "of another house", "missing on one side", "agrees", "not given", "not given",
        ]  # fmt: skip

    def test_whoever_was_not_reconciled_is_said_to_be_kept_back(self, station: Station) -> None:
        alone = IdentityDecision(PatientIdentity("X1", "", "Roe^Ann"), 4)
        (sides,) = import_report_facts(station, outcome(identities=(alone,))).identities.items

        (row,) = sides.rows
        assert "Roe^Ann" in row.outside
        assert row.local == ""
        assert row.agreement == "4 instances as they came; not sent on"

    def test_it_names_the_house_the_operator_and_the_head_of_the_ledger(
        self, station: Station
    ) -> None:
        with station.job("import", {}) as job:
            head = record_imported(station, job.id, FACTS)
        facts = import_report_facts(station, outcome())

        assert (facts.institution, facts.operator) == ("St. Elsewhere", "mta")
        assert facts.created == NOW
        assert facts.ledger_head == head.short


class TestFiles:
    def test_page_and_sheet_lie_in_the_jobs_folder(self, station: Station) -> None:
        with station.job("import", {}) as job:
            folder = station.job_folder(job.id)
            kept = keep_import_report(station, folder, clean_outcome(job.id))

        assert (kept.page, kept.sheet) == (folder / "report.htm", folder / "report.pdf")
        assert kept.findings == ()
        said = "28 of 28 instances imported; 2 things repaired; no instance left behind."
        assert said in XhtmlPage(kept.page.read_bytes()).text
        assert said in " ".join(pdf_text(kept.sheet).split())
        assert sorted(path.name for path in folder.iterdir()) == [
            "report.htm",
            "report.json",
            "report.pdf",
        ]

    @pytest.mark.parametrize("name", ["r.htm", "r.html", "r.PDF", "r.json"])
    def test_the_suffix_decides(self, station: Station, tmp_path: Path, name: str) -> None:
        path = tmp_path / name
        write_import_report(station, path, clean_outcome())

        head = path.read_bytes()[:9]
        wanted = {".htm": b"<!DOCTYPE", ".html": b"<!DOCTYPE", ".pdf": b"%PDF-", ".json": b"{"}
        assert head.startswith(wanted[path.suffix.lower()])
        assert stat.S_ISREG(path.stat().st_mode)

    def test_json_has_the_same_facts(self, station: Station, tmp_path: Path) -> None:
        write_import_report(station, tmp_path / "r.json", clean_outcome())

        told = json.loads((tmp_path / "r.json").read_text("utf-8"))
        assert told["created"] == NOW.isoformat()
        assert told["verdict"].startswith("28 of 28")
        assert told["faults"]["items"][0]["rule"] == "file-id-case"

    def test_another_suffix_is_refused(self, station: Station, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no name for a report"):
            write_import_report(station, tmp_path / "r.doc", clean_outcome())

    def test_a_disk_that_refuses_leaves_the_older_report(
        self, station: Station, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        path = tmp_path / "r.htm"
        path.write_text("older", encoding="utf-8")

        def refuse(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr("os.fsync", refuse)
        with pytest.raises(MediaError, match="full"):
            write_import_report(station, path, clean_outcome())

        monkeypatch.undo()
        assert path.read_text("utf-8") == "older"
        assert [one.name for one in tmp_path.glob("*r.htm*")] == ["r.htm"]

    def test_the_worst_is_written_too(self, station: Station, tmp_path: Path) -> None:
        for name in ("w.htm", "w.pdf"):
            write_import_report(station, tmp_path / name, worst_outcome())

        page = (tmp_path / "w.htm").read_bytes()
        assert len(page) < 1 << 20
        assert "STOPPED: The disk is full." in XhtmlPage(page).text


class TestAmending:
    @pytest.fixture
    def job(self, station: Station) -> int:
        """The job of an import that nobody was chosen for yet."""
        with station.job("import", {}) as job:
            made = clean_outcome(job.id)
            made.identities = (IdentityDecision(OUTSIDE, 28),)
            made.sent = ()
            keep_import_report(station, station.job_folder(job.id), made)
        return job.id

    def shown(self, station: Station, job: int) -> str:
        page = (station.job_folder(job) / "report.htm").read_bytes()
        sheet = " ".join(pdf_text(station.job_folder(job) / "report.pdf").split())
        text = XhtmlPage(page).text
        assert ("Nobody chosen" in text) == ("Nobody chosen" in sheet)
        assert ("PACS@10.0.0.9:104" in text) == ("PACS@10.0.0.9:104" in sheet)
        return bare(text)

    def test_who_is_reconciled_later_takes_the_place_of_nobody(
        self, station: Station, job: int
    ) -> None:
        assert "Nobody chosen" in self.shown(station, job)

        assert amend_import_report(station, [job], identities=[DECISION]) == []

        text = self.shown(station, job)
        assert "Nobody chosen" not in text
        assert "from the worklist of ris; decided by mta" in text
        assert "28 of 28 instances imported" in text

    def test_what_is_sent_later_is_entered_and_the_same_peer_once(
        self, station: Station, job: int
    ) -> None:
        for confirmed, waiting in ((20, 8), (28, 0)):
            sent = SentOn("pacs", "PACS@10.0.0.9:104", confirmed, 0, waiting)
            assert amend_import_report(station, [job], sent=sent) == []

        told = json.loads((station.job_folder(job) / "report.json").read_text("utf-8"))
        assert [(one["confirmed"], one["waiting"]) for one in told["sent"]["items"]] == [(28, 0)]
        assert "PACS@10.0.0.9:104" in self.shown(station, job)

    def test_what_others_enter_at_the_same_time_stays(
        self, station: Station, job: int, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Each read the report, made its pages, and wrote over what the other had entered."""
        sent = SentOn("pacs", "PACS@10.0.0.9:104", 28)
        looks = itertools.count(1)
        with ExitStack() as other:
            lock = station.jobs_folder / ".reports.lock"
            other.enter_context(hold_lock(lock, RuntimeError))

            def wait(_seconds: float) -> None:
                if next(looks) == 100:
                    other.close()
                    assert amend_import_report(station, [job], sent=sent) == []

            clock = SimpleNamespace(monotonic=lambda: 0.0, sleep=wait)
            monkeypatch.setattr(process_lock, "time", clock)
            assert amend_import_report(station, [job], identities=[DECISION]) == []

        assert next(looks) > 100
        text = self.shown(station, job)
        assert "Nobody chosen" not in text
        assert "PACS@10.0.0.9:104" in text

    def test_it_is_found_where_the_store_lies_elsewhere(self, tmp_path: Path) -> None:
        """Stations that share a store have the folders of their jobs there."""
        home = tmp_path / "other-home"
        home.mkdir()
        (home / "config.toml").write_text(f'store = "{tmp_path / "shared"}"\n')
        with Station(home) as station:
            with station.job("import", {}) as job:
                made = clean_outcome(job.id)
                made.identities = (IdentityDecision(OUTSIDE, 28),)
                keep_import_report(station, station.job_folder(job.id), made)
            assert amend_import_report(station, [job.id], identities=[DECISION]) == []
            page = (station.job_folder(job.id) / "report.htm").read_bytes()

        assert "Nobody chosen" not in XhtmlPage(page).text

    def test_everything_else_stays_to_the_letter(self, station: Station) -> None:
        """Facts go out as JSON and come back the same, the worst of them as well."""
        with station.job("import", {}) as job:
            folder = station.job_folder(job.id)
            keep_import_report(station, folder, worst_outcome(job.id))
        before = {path.name: path.read_bytes() for path in folder.iterdir()}

        assert amend_import_report(station, [job.id]) == []

        assert {path.name: path.read_bytes() for path in folder.iterdir()} == before

    def test_what_was_sent_in_parts_is_told_in_parts(self, station: Station, job: int) -> None:
        for part, confirmed in (("patient:1", 24), ("patient:2", 7), ("patient:1", 24)):
            sent = SentOn("pacs", "PACS@10.0.0.9:104", confirmed, part=part)
            assert amend_import_report(station, [job], sent=sent) == []

        told = json.loads((station.job_folder(job) / "report.json").read_text("utf-8"))
        assert [one["confirmed"] for one in told["sent"]["items"]] == [24, 7]
        assert "pacs, of patient:1" in self.shown(station, job)

    def test_one_of_before_envelopes_is_amended_too(self, station: Station, job: int) -> None:
        path = station.job_folder(job) / "report.json"
        told = json.loads(path.read_text("utf-8"))
        del told["opened"]
        path.write_text(json.dumps(told), encoding="utf-8")

        assert amend_import_report(station, [job], identities=[DECISION]) == []
        assert "Secure envelopes" not in self.shown(station, job)

    def test_what_was_opened_stays_told(self, station: Station) -> None:
        opened = OpenedFiles("password", "AES-256", "the signature (SHA-256) of Ann", 1200)
        with station.job("import", {}) as job:
            made = replace(clean_outcome(job.id), opened=(opened,))
            keep_import_report(station, station.job_folder(job.id), made)

        assert amend_import_report(station, [job.id], identities=[DECISION]) == []

        page = XhtmlPage((station.job_folder(job.id) / "report.htm").read_bytes())
        assert ["Password", "AES-256", "the signature (SHA-256) of Ann", "1,200"] in page.rows

    @pytest.mark.parametrize("imports", [[], [99]])
    def test_what_no_import_brought_has_no_report(
        self, station: Station, job: int, imports: list[int]
    ) -> None:
        before = self.shown(station, job)

        assert amend_import_report(station, imports, identities=[DECISION]) == []
        assert self.shown(station, job) == before

    @pytest.mark.parametrize("spoiled", ["", "[]", "{", '{"created": "never"}', "[" * 100_000])
    def test_a_spoiled_report_is_a_warning_and_stops_nobody(
        self, station: Station, job: int, spoiled: str
    ) -> None:
        path = station.job_folder(job) / "report.json"
        path.write_text(spoiled, encoding="utf-8")

        (finding,) = amend_import_report(station, [job], identities=[DECISION])

        assert finding.rule == "report-not-amended"
        assert "Nobody chosen" in self.shown(station, job)

    def test_sending_an_import_enters_where_it_went(self, tmp_path: Path) -> None:
        write_series(tmp_path / "in", 3)
        with archive() as pacs:
            home = write_peer(tmp_path / "home", pacs.port)
            with Station(home) as station:
                add(station, [str(tmp_path / "in")])
                with station.job("import", {}) as job:
                    folder = station.job_folder(job.id)
                    keep_import_report(station, folder, ImportOutcome(job.id, MEDIUM, 3, 3))
                brought = find_entries(station.catalog, "study:1.2.3")
                remember_selection(station.catalog, job.id, brought)
                assert send(station, SendRequest((f"import:{job.id}",), "pacs")).sent == 3
            told = json.loads((folder / "report.json").read_text("utf-8"))

        assert told["sent"]["items"] == [
            {"peer": "pacs", "address": f"PACS@127.0.0.1:{pacs.port}", "confirmed": 3,
             "refused": 0, "waiting": 0, "part": ""}
        ]  # fmt: skip
