"""Who an outside patient may be, asked of peers that match badly, fail, or have too much."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from mediastation.catalog.intake import Intake
from mediastation.catalog.remembered import remember_identity
from mediastation.errors import ConfigError, NetworkError
from mediastation.model.entry import Source
from mediastation.model.identity import PatientIdentity
from mediastation.model.likeness import Verdict
from mediastation.model.matching import MatchList
from mediastation.model.reconciliation import Candidate, CandidateOrigin
from mediastation.station.reconciling.candidates import find_matches
from mediastation.station.settings_view import toml_value
from mediastation.station.station import Station
from tests.support.objects import write_ct
from tests.support.orders import Double, dataset, double, worklist_entry
from tests.support.pacs import write_peer

COUNT = iter(range(1, 1_000_000))
OUTSIDE = PatientIdentity("77", "ELSEWHERE", "DOE^JANE", "19700102", "F")
JANE: dict[str, Any] = {
    "PatientID": "4711",
    "IssuerOfPatientID": "HOSPITAL",
    "PatientName": "Doe^Jane",
    "PatientBirthDate": "19700102",
    "PatientSex": "F",
}
RITA: dict[str, Any] = {**JANE, "PatientID": "4712", "PatientName": "Roe^Rita"}


@dataclass
class Site:
    """A home whose peers and rules a test sets; `station` opens it."""

    home: Path
    peer: Double

    @property
    def asked(self) -> list[Dataset]:
        return self.peer.asked

    def rules(self, **rules: Any) -> None:
        self.home.mkdir(exist_ok=True)
        lines = ["[reconcile]", *(f"{key} = {toml_value(one)}" for key, one in rules.items())]
        with (self.home / "config.toml").open("a", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    def ris(self, *those: Dataset) -> None:
        self.peer.has(*those)
        write_peer(self.home, self.peer.port, name="ris", services=["worklist"])

    def pacs(
        self,
        answer: Callable[[Dataset], list[Dataset]],
        model: str = "study",
        **settings: Any,
    ) -> None:
        def find(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            for one in answer(event.identifier):
                yield 0xFF00, one

        self.peer.patients = find
        values = {"services": ["find"], "information_model": model, **settings}
        write_peer(self.home, self.peer.port, name="pacs", **values)

    def dead(self, name: str, service: str) -> None:
        """A peer at a port that nobody listens on."""
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = int(probe.getsockname()[1])
        write_peer(self.home, port, name=name, services=[service])

    def keep(self, kind: str = "network", **facts: str) -> None:
        uid = f"1.2.{next(COUNT)}"
        values: dict[str, Any] = {
            **facts,
            "SOPInstanceUID": uid,
            "StudyInstanceUID": f"{uid}.1",
            "SeriesInstanceUID": f"{uid}.2",
        }
        with Station(self.home) as station, Intake(station.catalog) as intake:
            intake.keep(write_ct(intake.new_path(), **values), Source(kind, "/x"))

    def find(self, outside: PatientIdentity = OUTSIDE, **words: Any) -> MatchList:
        with Station(self.home) as station:
            return find_matches(station, outside, **words)


@pytest.fixture(scope="module")
def running() -> Iterator[Double]:
    with double() as peer:
        yield peer


@pytest.fixture
def site(tmp_path: Path, running: Double) -> Site:
    running.forget()
    return Site(tmp_path / "home", running)


def ids(found: MatchList) -> list[tuple[str, str]]:
    return [
        (one.candidate.origin.value, one.candidate.identity.patient_id) for one in found.matches
    ]


def rules_of(found: MatchList) -> list[str]:
    return [finding.rule for finding in found.findings]


def matching(*people: dict[str, Any]) -> Callable[[Dataset], list[Dataset]]:
    """A peer that matches number and birth date exactly, and names by wild card, case-blind."""
    from fnmatch import fnmatchcase  # noqa: PLC0415

    def answer(asked: Dataset) -> list[Dataset]:
        def fits(person: dict[str, Any]) -> bool:
            name = str(asked.get("PatientName") or "*")
            return (
                asked.get("PatientID") in (None, "", person["PatientID"])
                and asked.get("PatientBirthDate") in (None, "", person["PatientBirthDate"])
                and fnmatchcase(person["PatientName"].casefold(), name.casefold())
            )

        return [dataset(SpecificCharacterSet="ISO_IR 192", **one) for one in people if fits(one)]

    return answer


class TestSources:
    def test_one_person_known_everywhere_is_one_line_with_its_order(self, site: Site) -> None:
        site.ris(worklist_entry(), worklist_entry(**RITA))
        site.pacs(matching(JANE, RITA))
        site.rules(patients="pacs")
        site.keep(**JANE)

        found = site.find()

        assert ids(found) == [("worklist", "4711")]
        assert found.matches[0].candidate.peer == "ris"
        assert found.matches[0].likeness.verdict is Verdict.LIKELY
        assert found.findings == ()
        assert found.asked == ("worklist of ris", "patients of pacs", "catalog")

    def test_each_source_alone_knows_her(self, site: Site) -> None:
        site.ris(worklist_entry())
        site.pacs(matching(JANE))
        site.keep(**JANE)

        assert ids(site.find(worklist="ris", peer="-")) == [("worklist", "4711")]
        assert ids(site.find(worklist="-", peer="pacs")) == [("peer", "4711")]
        assert ids(site.find(worklist="-", peer="-")) == [("catalog", "4711")]

    def test_an_archive_is_asked_for_patients_only_where_the_settings_say_so(
        self, site: Site
    ) -> None:
        """Any peer may be queried; whose patients are the site's is the site's word."""
        site.pacs(matching(JANE))

        assert site.find().asked == ("catalog",)
        assert site.asked == []

    def test_the_catalog_is_left_out_where_the_settings_say_so(self, site: Site) -> None:
        site.rules(catalog=False)
        site.keep(**JANE)

        found = site.find()

        assert (found.matches, found.asked) == ((), ())
        assert rules_of(found) == ["nobody-asked"]

    def test_who_came_on_a_medium_is_no_patient_of_this_site(self, site: Site) -> None:
        site.keep("medium", **JANE)
        assert site.find().matches == ()

        site.keep("reconciled", **{**JANE, "PatientSex": ""})
        assert ids(site.find()) == [("catalog", "4711")]

    @pytest.mark.parametrize("model", ["study", "patient"])
    def test_either_model_is_asked_for_patients(self, site: Site, model: str) -> None:
        site.pacs(matching(JANE, RITA), model)
        site.rules(patients="pacs")

        assert ids(site.find()) == [("peer", "4711")]
        level = "STUDY" if model == "study" else "PATIENT"
        assert {ds.QueryRetrieveLevel for ds in site.asked} == {level}

    @pytest.mark.parametrize("key", ["worklist", "peer"])
    def test_a_peer_that_is_not_there_is_a_mistake_not_a_failure(
        self, site: Site, key: str
    ) -> None:
        site.home.mkdir()
        words: dict[str, Any] = {key: "xyz"}
        with pytest.raises(ConfigError, match="no peer 'xyz'"):
            site.find(**words)


class TestNames:
    @pytest.mark.parametrize(
        ("outside", "here"),
        [
            ("MUELLER^JOERG", "Müller^Jörg"),
            ("Müller^Jörg", "MUELLER^JOERG"),
            ("Garcia^Jose", "García^José"),
            ("Jane^Doe", "Doe^Jane"),
            ("DOE JANE", "Doe^Jane"),
        ],
    )
    def test_another_spelling_is_found_at_the_archive_and_here(
        self, site: Site, outside: str, here: str
    ) -> None:
        site.pacs(matching({**JANE, "PatientName": here}, RITA))
        site.rules(patients="pacs")
        other = {**JANE, "PatientName": here, "PatientID": "9"}
        site.keep(**other, SpecificCharacterSet="ISO_IR 192")

        found = site.find(replace(OUTSIDE, name=outside))

        assert ids(found) == [("peer", "4711"), ("catalog", "9")]

    def test_a_name_in_another_script_is_found_by_the_birth_date_in_a_worklist(
        self, site: Site
    ) -> None:
        site.ris(worklist_entry(PatientName="IVANOV^IVAN"))

        found = site.find(replace(OUTSIDE, name="Иванов^Иван"))

        assert ids(found) == [("worklist", "4711")]

    def test_what_the_character_set_of_the_peer_lacks_is_not_asked(self, site: Site) -> None:
        site.pacs(matching(JANE), character_set="ISO_IR 100")
        site.rules(patients="pacs")

        found = site.find(replace(OUTSIDE, name="Иванов^Иван"))

        assert (found.matches, found.findings) == ((), ())

    def test_a_peer_that_overlooks_birth_dates_is_not_asked_for_everybody(self, site: Site) -> None:
        other = {**JANE, "PatientID": "1", "PatientBirthDate": "19990101"}

        def careless(asked: Dataset) -> list[Dataset]:
            asked.PatientBirthDate = ""
            return matching(other, JANE)(asked)

        site.pacs(careless)
        site.rules(patients="pacs")

        assert ids(site.find()) == [("peer", "4711")]
        assert all(len(str(ds.PatientName)) > 2 for ds in site.asked)

    def test_a_peer_that_refuses_wide_questions_has_answered_the_others(self, site: Site) -> None:
        def refusing(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            if len(str(event.identifier.PatientName)) <= 2:
                yield 0xA700, None
                return
            for one in matching(JANE)(event.identifier):
                yield 0xFF00, one

        site.pacs(matching())
        site.peer.patients = refusing
        site.rules(patients="pacs")
        found = site.find()

        assert ids(found) == [("peer", "4711")]
        assert rules_of(found) == ["more-candidates"]

    def test_without_a_birth_date_nobody_is_asked_for_by_name(self, site: Site) -> None:
        site.ris(worklist_entry())

        found = site.find(replace(OUTSIDE, birth_date=""))

        assert (found.matches, site.asked) == ((), [])
        assert rules_of(found) == ["too-little-known"]

    @pytest.mark.parametrize("date", ["1970*", "19700102-19710101", "1970\\1", "*", "١٩٧٠٠١٠٢"])
    def test_what_is_no_birth_date_asks_for_no_range_of_people(self, site: Site, date: str) -> None:
        site.ris(worklist_entry())

        assert site.find(replace(OUTSIDE, birth_date=date)).matches == ()
        assert site.asked == []


class TestNumbers:
    """A Patient ID never leads into another issuer's patients."""

    @pytest.mark.parametrize("issuer", ["", "ELSEWHERE"])
    def test_an_outside_number_is_not_looked_for(self, site: Site, issuer: str) -> None:
        site.ris(worklist_entry(**{**RITA, "PatientID": "77"}))
        site.rules(issuer="HOSPITAL")
        site.keep(**{**RITA, "PatientID": "77"})

        found = site.find(replace(OUTSIDE, issuer=issuer))

        assert found.matches == ()
        assert {ds.PatientID for ds in site.asked} <= {"", None}

    def test_a_number_that_this_site_gave_is_looked_for_and_proves_her(self, site: Site) -> None:
        """Her own old disc comes back, after she married."""
        married = {**JANE, "PatientName": "Roe^Jane"}
        site.ris(worklist_entry(**married))
        site.rules(issuer="HOSPITAL")

        found = site.find(replace(OUTSIDE, patient_id="4711", issuer="hospital"))

        assert ids(found) == [("worklist", "4711")]
        assert "4711" in {ds.PatientID for ds in site.asked}

    def test_the_issuer_of_the_site_is_that_of_candidates_without_one(self, site: Site) -> None:
        site.ris(worklist_entry(IssuerOfPatientID=None))
        site.rules(issuer="HOSPITAL")
        outside = replace(OUTSIDE, patient_id="4711", issuer="HOSPITAL")

        (match,) = site.find(outside).matches

        assert match.candidate.identity.issuer == "HOSPITAL"
        assert match.likeness.verdict is Verdict.SAME

    def test_a_number_that_was_asked_for_shows_its_patient_whoever_that_is(
        self, site: Site
    ) -> None:
        site.ris(worklist_entry(**RITA), worklist_entry())
        site.keep(**RITA)

        found = site.find(patient_id="4712")

        assert ids(found) == [("worklist", "4712")]
        assert found.matches[0].likeness.verdict is Verdict.APART

    def test_an_accession_number_is_looked_for_among_orders_alone(self, site: Site) -> None:
        site.ris(worklist_entry(), worklist_entry(AccessionNumber="A2"))
        site.pacs(matching(JANE))
        site.rules(patients="pacs")
        site.keep(**JANE)

        found = site.find(accession_number="A2")

        (match,) = found.matches
        assert match.candidate.order is not None
        assert match.candidate.order.accession_number == "A2"
        assert found.asked == ("worklist of ris",)

    def test_several_orders_of_her_are_several_lines(self, site: Site) -> None:
        site.ris(worklist_entry(), worklist_entry(AccessionNumber="A2"))

        assert ids(site.find()) == [("worklist", "4711")] * 2

    @pytest.mark.parametrize("wild", ["47*", "471?", "1\\2"])
    def test_a_number_with_wild_cards_is_none(self, site: Site, wild: str) -> None:
        site.home.mkdir()
        for key in ("patient_id", "accession_number"):
            words: dict[str, Any] = {key: wild}
            with pytest.raises(ConfigError, match="is no number"):
                site.find(**words)


class TestFailures:
    def test_a_peer_that_does_not_answer_is_told_and_the_others_count(self, site: Site) -> None:
        site.dead("ris", "worklist")
        site.keep(**JANE)

        found = site.find()

        assert ids(found) == [("catalog", "4711")]
        assert rules_of(found) == ["source-failed"]
        assert found.findings[0].subject == "ris"
        assert found.asked == ("catalog",)

    def test_where_nobody_answers_at_all_it_fails(self, site: Site) -> None:
        site.dead("ris", "worklist")
        site.rules(catalog=False)

        with pytest.raises(NetworkError, match="ris"):
            site.find()

    def test_of_a_peer_that_breaks_off_nothing_counts(self, site: Site) -> None:
        """Half of its answers may lack the one that matters."""

        def breaking(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            yield 0xFF00, worklist_entry()
            yield 0xC001, None

        site.ris()
        site.peer.worklist = breaking
        found = site.find()

        assert found.matches == ()
        assert rules_of(found) == ["source-failed"]

    def test_that_a_peer_does_not_match_by_every_key_is_no_news(self, site: Site) -> None:
        """What came is compared here anyway; a warning with every import is read by nobody."""

        def partly(event: Any) -> Iterator[tuple[int, Dataset | None]]:
            yield 0xFF01, worklist_entry()

        site.ris()
        site.peer.worklist = partly
        found = site.find()

        assert (ids(found), found.findings) == ([("worklist", "4711")], ())

    def test_more_than_is_looked_at_is_said_once(self, site: Site) -> None:
        site.ris(*(worklist_entry(PatientID=str(number)) for number in range(6)))
        for number in range(6):
            site.keep(**{**JANE, "PatientID": str(number)})

        found = site.find(limit=3)

        assert rules_of(found) == ["more-candidates", "more-candidates"]
        assert [finding.subject for finding in found.findings] == ["worklist of ris", "catalog"]
        assert len(found.matches) == 3


class TestRemembered:
    BEFORE = Candidate(
        PatientIdentity("4711", "HOSPITAL", "Doe^Jane", "19700102", "F"), CandidateOrigin.WORKLIST
    )

    def remember(self, site: Site, candidate: Candidate = BEFORE) -> None:
        with Station(site.home) as station:
            remember_identity(station.catalog, "Elsewhere", OUTSIDE, candidate, "ann", 1.0)

    def test_who_she_was_before_is_marked_with_the_values_of_today(self, site: Site) -> None:
        site.ris(worklist_entry(PatientName="Doe^Jane^Maria", AccessionNumber="A9"))
        site.rules()
        self.remember(site, replace(self.BEFORE, identity=replace(self.BEFORE.identity, name="")))

        (match,) = site.find(origin="Elsewhere").matches

        assert match.remembered
        assert match.candidate.identity.name == "Doe^Jane^Maria"
        assert match.candidate.order is not None
        assert match.candidate.order.accession_number == "A9"

    def test_on_media_from_elsewhere_and_without_origin_she_is_not(self, site: Site) -> None:
        site.ris(worklist_entry())
        self.remember(site)

        for origin in ("", "Another place"):
            assert [one.remembered for one in site.find(origin=origin).matches] == [False]

    def test_she_is_looked_for_by_the_number_she_was_given(self, site: Site) -> None:
        """Nothing on the medium would find her; the decision does."""
        site.ris(worklist_entry(PatientBirthDate="", PatientName="Roe^Jane"))
        before = replace(self.BEFORE.identity, birth_date="", name="Roe^Jane")
        self.remember(site, replace(self.BEFORE, identity=before))

        (match,) = site.find(origin="Elsewhere").matches

        assert match.remembered
        assert match.likeness.verdict is Verdict.APART
        assert "4711" in {ds.PatientID for ds in site.asked}

    def test_it_is_said_where_nobody_knows_her_today(self, site: Site) -> None:
        site.ris(worklist_entry(**{**JANE, "PatientID": "4799"}))
        self.remember(site)

        found = site.find(origin="Elsewhere")

        assert ids(found) == [("worklist", "4799")]
        assert not found.matches[0].remembered
        assert rules_of(found) == ["remembered-missing"]
        assert "4711" in found.findings[0].message

    @pytest.mark.parametrize("typed", [True, False])
    def test_who_was_typed_is_offered_again_where_typing_is_allowed(
        self, site: Site, typed: bool
    ) -> None:
        site.rules(typed=typed)
        self.remember(site, replace(self.BEFORE, origin=CandidateOrigin.TYPED))

        found = site.find(origin="Elsewhere")

        assert ids(found) == ([("typed", "4711")] if typed else [])
        assert rules_of(found) == ([] if typed else ["remembered-missing"])
