"""Audit messages of imports, identities and transfers (PS3.15 A.5.3.3, .5, .6 and .7)."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.importing import MediumKind, OutsideMedium
from mediastation.model.ledger import LedgerEntry, LedgerEvent, LedgerPatient, LedgerStudy
from mediastation.model.ledger_facts import TransferFacts
from mediastation.station.recording.audit_messages import audit_message
from tests.station.import_facts import CT, FACTS, MEDIUM, RECONCILED, SR
from tests.station.recording.test_audit_messages import (
    SCHEMA,
    code,
    details,
    entry,
    parsed,
    participants,
)
from tests.support.peers import run_peer

TRANSFER = TransferFacts(
    "pacs",
    "PACS",
    "10.0.0.9",
    104,
    LedgerPatient("4711", "Doe^Jane", "19700101"),
    (LedgerStudy("1.2.3", "Thorax", "A77", {CT: 3}),),
    instances=3,
    new=3,
    files_sha256="23" * 32,
)
MOVED = TRANSFER.as_facts()


def imported(medium: OutsideMedium = MEDIUM, media_type: str = "CD-R") -> LedgerEntry:
    facts = replace(FACTS, medium=medium, media_type=media_type)
    return entry(LedgerEvent.IMPORTED, **facts.as_facts())


def refused(**counts: Any) -> LedgerEntry:
    return entry(LedgerEvent.REFUSED, **replace(FACTS, **counts).as_kept_facts())


ENCRYPTED = entry(LedgerEvent.IMPORTED, **replace(FACTS, encrypted=True).as_facts())
EVERY = {
    "imported": imported(),
    "imported encrypted": ENCRYPTED,
    "imported folder": imported(OutsideMedium(MediumKind.FOLDER, "/mnt/usb")),
    "imported mail": imported(OutsideMedium(MediumKind.MAIL, "letter.eml"), ""),
    "imported unknown": entry(LedgerEvent.IMPORTED),
    "imported by nobody": entry(LedgerEvent.IMPORTED, operator="", **FACTS.as_facts()),
    "refused": refused(),
    "nothing came": refused(imported=0, duplicates=0, held=28, refused=0),
    "withdrawn": entry(LedgerEvent.WITHDRAWN, **FACTS.as_facts(), entry=16, reason="disk"),
    "reconciled": entry(LedgerEvent.RECONCILED, **RECONCILED.as_facts()),
    "sending": entry(LedgerEvent.SENDING, **MOVED),
    "sent": entry(LedgerEvent.SENT, **MOVED, entry=16),
    "unsent": entry(LedgerEvent.WITHDRAWN, **MOVED, entry=16, reason="pacs did not confirm"),
    "fetched": entry(LedgerEvent.FETCHED, **MOVED),
    "fetched by nobody": entry(LedgerEvent.FETCHED, operator="", **MOVED),
    "strange": entry(LedgerEvent.IMPORTED, operator="<&\0", outside_medium={"name": "\x1b/\\xff"}),
}


def test_that_all_of_it_was_encrypted_is_said_and_nothing_of_a_mixture() -> None:
    said = [one.text for one in parsed(ENCRYPTED).iter("Encrypted")]

    assert said == ["true"] * len(FACTS.studies)
    assert list(parsed(imported()).iter("Encrypted")) == []


def event_of(told: LedgerEntry) -> Any:
    event = parsed(told).find("EventIdentification")
    assert event is not None
    return event.attrib


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_entry_is_valid_by_the_schema(name: str, tmp_path: Path) -> None:
    path = tmp_path / "message.xml"
    path.write_bytes(audit_message(EVERY[name]))

    checked = run_peer("xmllint", "--noout", "--relaxng", SCHEMA, path, check=False)

    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", EVERY)
def test_exactly_one_asks(name: str) -> None:
    asking = [
        one.attrib["UserIsRequestor"] for one in parsed(EVERY[name]).iter("ActiveParticipant")
    ]

    assert asking.count("true") == 1


class TestImport:
    def test_event_action_and_outcome(self) -> None:
        assert code(parsed(imported()), "EventIdentification/EventID") == "110107"
        assert event_of(imported())["EventActionCode"] == "C"
        assert event_of(imported())["EventOutcomeIndicator"] == "0"

    @pytest.mark.parametrize(("name", "outcome"), [("refused", "4"), ("nothing came", "8")])
    def test_what_stayed_outside_is_a_failure_and_says_how_much(
        self, name: str, outcome: str
    ) -> None:
        message = parsed(EVERY[name])

        assert event_of(EVERY[name])["EventOutcomeIndicator"] == outcome
        assert "28 found" in (message.findtext("EventIdentification/EventOutcomeDescription") or "")

    def test_one_that_was_withdrawn_is_a_failed_import(self) -> None:
        assert code(parsed(EVERY["withdrawn"]), "EventIdentification/EventID") == "110107"
        assert event_of(EVERY["withdrawn"])["EventOutcomeIndicator"] == "8"

    def test_person_and_process_are_where_it_goes_and_the_medium_where_it_comes_from(self) -> None:
        found = participants(parsed(imported()))

        person, process = found["Destination Role ID"]
        assert (person.attrib["UserID"], process.attrib["UserID"]) == ("mta@station7", "4242")
        (medium,) = found["Source Media"]
        assert medium.attrib["UserIsRequestor"] == "false"
        assert medium.attrib["UserID"] == "CD-R MRI_2024"
        assert medium.attrib["AlternativeUserID"] == "2.25.77"
        roles = {one.attrib["csd-code"] for one in parsed(imported()).iter("RoleIDCode")}
        assert roles == {"110152", "110155"}

    @pytest.mark.parametrize(
        ("kind", "told", "media_type"),
        [
            (MediumKind.DISC, "CD-RW", "110032"),
            (MediumKind.DISC, "DVD+R", "110033"),
            (MediumKind.DISC, "BD-R", "BD"),
            (MediumKind.DISC, "", "DISC"),
            (MediumKind.FOLDER, "USB", "110030"),
            (MediumKind.FOLDER, "", "110037"),
            (MediumKind.ZIP, "", "110037"),
            (MediumKind.IMAGE, "", "110037"),
            (MediumKind.MAIL, "", "110031"),
        ],
    )
    def test_media_types_are_those_of_cid_405_where_one_fits(
        self, kind: MediumKind, told: str, media_type: str
    ) -> None:
        message = parsed(imported(OutsideMedium(kind, "/x/a b"), told))
        (medium,) = participants(message)["Source Media"]

        assert code(medium, "MediaIdentifier/MediaType") == media_type

    def test_files_are_named_by_their_uri(self) -> None:
        message = parsed(imported(OutsideMedium(MediumKind.ZIP, "/x/a b.zip"), ""))
        (medium,) = participants(message)["Source Media"]

        assert medium.attrib["UserID"] == "file:///x/a%20b.zip"
        assert medium.attrib["NetworkAccessPointTypeCode"] == "5"

    def test_study_and_patient_are_named_with_classes_and_counts(self) -> None:
        study, patient = parsed(imported()).findall("ParticipantObjectIdentification")

        assert study.attrib["ParticipantObjectID"] == "1.2.3"
        assert code(study, "ParticipantObjectIDTypeCode") == "110180"
        assert study.attrib["ParticipantObjectDataLifeCycle"] == "2"
        counts = {
            one.attrib["UID"]: one.attrib["NumberOfInstances"] for one in study.iter("SOPClass")
        }
        assert counts == {CT: "24", SR: "1"}
        assert patient.attrib["ParticipantObjectID"] == "OUT1"
        assert patient.findtext("ParticipantObjectName") == "DOE^JANE"

    def test_it_leads_back_to_the_medium_and_the_ledger(self) -> None:
        told = details(parsed(imported()))

        assert told["Medium SHA-256"] == "ab" * 32
        assert told["File-set UID"] == "2.25.77"
        assert told["Files SHA-256"] == "ef" * 32
        assert told["Ledger entry"] == "17"


def test_an_identity_that_was_given_is_an_update_with_both_sides_named() -> None:
    message = parsed(EVERY["reconciled"])

    assert code(message, "EventIdentification/EventID") == "110103"
    assert event_of(EVERY["reconciled"])["EventActionCode"] == "U"
    patients = [
        one.attrib["ParticipantObjectID"]
        for one in message.findall("ParticipantObjectIdentification")
        if one.attrib["ParticipantObjectTypeCode"] == "1"
    ]
    assert patients == ["4711"]
    told = details(message)
    assert (told["Outside Patient ID"], told["Outside name"]) == ("OUT1", "DOE^JANE")
    assert (told["Vouched for by"], told["Decided by"]) == ("worklist ris", "mta")


class TestTransfers:
    @pytest.mark.parametrize(
        ("name", "event", "action", "outcome"),
        [
            ("sending", "110102", "E", "0"),
            ("sent", "110104", "R", "0"),
            ("unsent", "110104", "R", "8"),
            ("fetched", "110104", "C", "0"),
        ],
    )
    def test_event_action_and_outcome(
        self, name: str, event: str, action: str, outcome: str
    ) -> None:
        assert code(parsed(EVERY[name]), "EventIdentification/EventID") == event
        assert event_of(EVERY[name])["EventActionCode"] == action
        assert event_of(EVERY[name])["EventOutcomeIndicator"] == outcome

    def test_what_was_here_unchanged_was_only_read(self) -> None:
        again = entry(LedgerEvent.FETCHED, **replace(TRANSFER, new=0).as_facts())

        assert event_of(again)["EventActionCode"] == "R"

    @pytest.mark.parametrize(
        ("name", "source", "destination"),
        [("sent", "DISCS", "PACS"), ("fetched", "PACS", "DISCS")],
    )
    def test_source_and_destination_are_the_two_applications(
        self, name: str, source: str, destination: str
    ) -> None:
        found = participants(parsed(EVERY[name]))
        (sender,), (receiver,) = found["Source Role ID"], found["Destination Role ID"]

        assert sender.attrib["AlternativeUserID"] == f"AETITLES={source}"
        assert receiver.attrib["AlternativeUserID"] == f"AETITLES={destination}"
        (operator,) = found[""]
        assert operator.attrib["UserName"] == "mta"

    @pytest.mark.parametrize(("host", "kind"), [("10.0.0.9", "2"), ("::1", "2"), ("pacs.lan", "1")])
    def test_where_the_peer_is(self, host: str, kind: str) -> None:
        told = entry(LedgerEvent.SENT, **replace(TRANSFER, host=host).as_facts())
        (peer,) = participants(parsed(told))["Destination Role ID"]

        assert peer.attrib["NetworkAccessPointID"] == host
        assert peer.attrib["NetworkAccessPointTypeCode"] == kind

    def test_one_patient_and_the_study_with_its_accession_and_counts(self) -> None:
        study, patient = parsed(EVERY["sent"]).findall("ParticipantObjectIdentification")

        inside = study.find("ParticipantObjectDescription")
        assert inside is not None
        assert [(one.tag, one.attrib) for one in inside] == [
            ("Accession", {"Number": "A77"}),
            ("SOPClass", {"UID": CT, "NumberOfInstances": "3"}),
        ]
        assert patient.attrib["ParticipantObjectID"] == "4711"


@given(st.text(), st.text(), st.sampled_from(list(MediumKind)))
def test_whatever_a_medium_says_of_itself_the_message_is_well_formed(
    name: str, label: str, kind: MediumKind
) -> None:
    medium = asdict(OutsideMedium(kind, name, volume_id=label, file_set_uid=label))
    facts = {"outside_medium": medium, "patients": [{"patient_id": label, "name": name}]}
    told = LedgerEntry(1, "2026-11-23T09:30:00+00:00", LedgerEvent.IMPORTED, name, 1, {}, facts)

    assert len(parsed(told).findall("ParticipantObjectIdentification")) == 1
