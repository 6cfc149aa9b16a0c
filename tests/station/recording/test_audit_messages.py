"""Audit messages: every entry of the ledger becomes one that the schema of PS3.15 A.5.1 takes."""

from __future__ import annotations

import base64
import xml.etree.ElementTree as ET
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.finding import Finding, error, warning
from mediastation.model.ledger import (
    BurnFacts,
    Disclosure,
    LedgerEntry,
    LedgerEvent,
    LedgerPatient,
    LedgerStudy,
    MediumFacts,
)
from mediastation.station.recording.audit_messages import audit_message
from tests.support.peers import run_peer

SCHEMA = Path(__file__).with_name("audit_message.rng")
MEDIUM = MediumFacts(
    medium="CD-80",
    format="iso9660",
    profile="STD-GEN-CD",
    path="/out/a b.iso",
    file_set_id="DOE_JANE",
    file_set_uid="2.25.1",
    instances=3,
    size_bytes=1000,
    image_sha256="ab" * 32,
    contents_sha256="cd" * 32,
    verified=True,
    patients=(LedgerPatient("4711", "Yamada^Tarou=山田^太郎", "19700101"),),
    studies=(LedgerStudy("1.2.3", "Thorax", "A1", {"1.2.840.10008.5.1.4.1.1.2": 3}),),
)
STATION = {"aet": "DISCS", "host": "station7", "process": "4242", "institution": "St. Elsewhere"}


def entry(event: LedgerEvent, operator: str = "mta", **facts: Any) -> LedgerEntry:
    return LedgerEntry(17, "2026-11-23T09:30:00.123+00:00", event, operator, 5, STATION, facts)


def made(medium: MediumFacts = MEDIUM, **facts: Any) -> LedgerEntry:
    disclosure = asdict(Disclosure("Dr. Roe", "Ms. Doe", "second opinion"))
    return entry(LedgerEvent.MADE, medium=asdict(medium), disclosure=disclosure, **facts)


def burned(medium: str = "CD-80", reread: str = "identical") -> LedgerEntry:
    facts = asdict(MEDIUM) | {"medium": medium}
    burn = asdict(BurnFacts("/dev/sr0", "CMC Magnetics 12345", reread))
    return entry(LedgerEvent.BURNED, medium=facts, burn=burn, disclosure={})


def alert(*findings: Finding) -> LedgerEntry:
    told = [finding.as_dict() for finding in findings]
    return entry(LedgerEvent.ALERT, findings=told, ledger="/home/ledger.jsonl")


FORGOTTEN = {
    "patients": [asdict(MEDIUM.patients[0])],
    "studies": [asdict(MEDIUM.studies[0])],
    "instances": 3,
    "files_sha256": "ef" * 32,
}
OPENED = {
    "opened": {"medium": "/media/stick", "path": "/out/plain", "envelopes": 3, "files": 3},
    "patients": [asdict(MEDIUM.patients[0])],
    "studies": [asdict(MEDIUM.studies[0])],
}
EVERY = {
    "opened": entry(LedgerEvent.OPENED, **OPENED),
    "not opened after all": entry(LedgerEvent.WITHDRAWN, entry=16, reason="disk", **OPENED),
    "made": made(),
    "reprinted": entry(LedgerEvent.REPRINTED, medium=asdict(MEDIUM), disclosure={}, of_job=3),
    "burned": burned(),
    "failed burn": burned(reread="unreadable"),
    "withdrawn": entry(LedgerEvent.WITHDRAWN, entry=16, reason="disk", medium=asdict(MEDIUM)),
    "kept after all": entry(LedgerEvent.WITHDRAWN, entry=16, reason="stopped", **FORGOTTEN),
    "forgotten": entry(LedgerEvent.FORGOTTEN, **FORGOTTEN),
    "drilled": entry(
        LedgerEvent.DRILLED,
        counts={"media": 2, "tried": 8, "opened": 8, "errors": 0},
        key="CN=Escrow",
        media=["/media/stick"],
    ),
    "started": entry(LedgerEvent.STARTED, address="127.0.0.1:11112"),
    "stopped": entry(LedgerEvent.STOPPED, operator="", address="127.0.0.1:11112"),
    "alert": alert(error("ledger-changed", "entry 3 (file)", "It was changed.")),
    "nobody": entry(LedgerEvent.MADE, operator="", medium={}, disclosure={}),
    "strange": entry(LedgerEvent.MADE, operator='a<b>&\0\ufffe"', medium={"path": "\x1b]\\xff"}),
}


def parsed(told: LedgerEntry) -> ET.Element:
    return ET.fromstring(audit_message(told))  # noqa: S314 - made here


def participants(message: ET.Element) -> dict[str, list[ET.Element]]:
    """By the meaning of their role."""
    found: dict[str, list[ET.Element]] = {}
    for one in message.iter("ActiveParticipant"):
        role = one.find("RoleIDCode")
        found.setdefault("" if role is None else role.attrib["originalText"], []).append(one)
    return found


def code(message: ET.Element, path: str) -> str:
    found = message.find(path)
    assert found is not None
    return found.attrib["csd-code"]


def details(message: ET.Element) -> dict[str, str]:
    return {
        one.attrib["type"]: base64.b64decode(one.attrib["value"], validate=True).decode()
        for one in message.iter("ParticipantObjectDetail")
    }


@pytest.mark.parametrize("name", EVERY)
def test_every_kind_of_entry_is_valid_by_the_schema(name: str, tmp_path: Path) -> None:
    path = tmp_path / "message.xml"
    path.write_bytes(audit_message(EVERY[name]))

    checked = run_peer("xmllint", "--noout", "--relaxng", SCHEMA, path, check=False)

    assert checked.returncode == 0, checked.stderr


def test_the_schema_is_strict(tmp_path: Path) -> None:
    """Names of RFC 3881, a wrong order: a check that takes anything proves nothing."""
    whole = audit_message(EVERY["made"]).decode()
    for old, new in (
        ("csd-code", "code"),
        ("originalText", "displayName"),
        ("ParticipantObjectName", "ParticipantObjectTitle"),
        ('EventOutcomeIndicator="0"', 'EventOutcomeIndicator="1"'),
        ("+00:00", ""),
        ("<Encrypted>", '<Accession Number="2" /><Encrypted>'),
    ):
        spoiled = tmp_path / "spoiled.xml"
        spoiled.write_text(whole.replace(old, new), encoding="utf-8")
        assert spoiled.read_text(encoding="utf-8") != whole
        checked = run_peer("xmllint", "--noout", "--relaxng", SCHEMA, spoiled, check=False)
        assert checked.returncode != 0, old


class TestExport:
    """PS3.15 Table A.5.3.4-1: who, what, whom, and onto what."""

    def test_event_and_action(self) -> None:
        message = parsed(made())
        event = message.find("EventIdentification")
        assert event is not None
        assert code(message, "EventIdentification/EventID") == "110106"
        assert event.attrib["EventActionCode"] == "R"
        assert event.attrib["EventDateTime"] == "2026-11-23T09:30:00.123+00:00"
        assert event.attrib["EventOutcomeIndicator"] == "0"

    @pytest.mark.parametrize("name", ["made", "reprinted", "burned", "nobody", "withdrawn"])
    def test_exactly_one_requestor_and_one_medium_that_is_none(self, name: str) -> None:
        message = parsed(EVERY[name])
        asking = [one.attrib["UserIsRequestor"] for one in message.iter("ActiveParticipant")]
        (medium,) = participants(message)["Destination Media"]

        assert asking.count("true") == 1
        assert medium.attrib["UserIsRequestor"] == "false"
        assert medium.find("MediaIdentifier/MediaType") is not None

    def test_who_exports_and_who_receives(self) -> None:
        found = participants(parsed(made()))

        person, process = found["Source Role ID"]
        assert person.attrib["UserID"] == "mta@station7"
        assert process.attrib["UserID"] == "4242"
        assert process.attrib["AlternativeUserID"] == "AETITLES=DISCS"
        (receiver,) = found["Destination Role ID"]
        assert receiver.attrib["UserID"] == "Ms. Doe"

    def test_a_file_is_named_by_its_uri_and_a_disc_by_what_can_be_held(self) -> None:
        (file,) = participants(parsed(made()))["Destination Media"]
        (disc,) = participants(parsed(burned()))["Destination Media"]

        assert file.attrib["UserID"] == "file:///out/a%20b.iso"
        assert file.attrib["NetworkAccessPointTypeCode"] == "5"
        assert code(file, "MediaIdentifier/MediaType") == "110037"
        assert disc.attrib["UserID"] == "CD-80 CMC Magnetics 12345"
        assert disc.attrib["AlternativeUserID"] == "2.25.1"
        assert "NetworkAccessPointID" not in disc.attrib

    @pytest.mark.parametrize(
        ("medium", "media_type"),
        [
            ("CD-74", "110032"),
            ("DVD+R-DL", "110033"),
            ("DVD-RAM", "110033"),
            ("USB", "110030"),
            ("CF", "110034"),
            ("MMC", "110035"),
            ("SD", "110036"),
            ("BD-R-25", "BD"),
            ("MOD41", "MO"),
        ],
    )
    def test_media_types_are_those_of_cid_405(self, medium: str, media_type: str) -> None:
        (disc,) = participants(parsed(burned(medium)))["Destination Media"]

        assert code(disc, "MediaIdentifier/MediaType") == media_type

    def test_study_and_patient_are_named_with_classes_and_counts(self) -> None:
        study, patient = parsed(made()).findall("ParticipantObjectIdentification")

        assert study.attrib["ParticipantObjectID"] == "1.2.3"
        assert study.attrib["ParticipantObjectTypeCode"] == "2"
        assert study.attrib["ParticipantObjectTypeCodeRole"] == "3"
        assert code(study, "ParticipantObjectIDTypeCode") == "110180"
        inside = study.find("ParticipantObjectDescription")
        assert inside is not None
        assert [(one.tag, one.attrib, one.text) for one in inside] == [
            ("Accession", {"Number": "A1"}, None),
            ("SOPClass", {"UID": "1.2.840.10008.5.1.4.1.1.2", "NumberOfInstances": "3"}, None),
            ("Encrypted", {}, "false"),
        ]
        assert patient.attrib["ParticipantObjectID"] == "4711"
        assert patient.attrib["ParticipantObjectTypeCode"] == "1"
        assert patient.attrib["ParticipantObjectTypeCodeRole"] == "1"
        assert code(patient, "ParticipantObjectIDTypeCode") == "2"
        assert patient.findtext("ParticipantObjectName") == "Yamada^Tarou=山田^太郎"

    def test_why_and_what_exactly_are_told_as_details(self) -> None:
        told = details(parsed(made()))

        assert told["Reason"] == "second opinion"
        assert told["Requested by"] == "Dr. Roe"
        assert told["Image SHA-256"] == "ab" * 32
        assert told["Ledger entry"] == "17"

    @pytest.mark.parametrize(
        ("name", "outcome"),
        [("burned", "0"), ("failed burn", "8"), ("withdrawn", "8"), ("made", "0")],
    )
    def test_a_failure_is_one(self, name: str, outcome: str) -> None:
        event = parsed(EVERY[name]).find("EventIdentification")

        assert event is not None
        assert event.attrib["EventOutcomeIndicator"] == outcome
        assert (event.find("EventOutcomeDescription") is None) == (outcome == "0")


class TestOthers:
    @pytest.mark.parametrize(("name", "kind"), [("started", "110120"), ("stopped", "110121")])
    def test_start_and_stop_are_application_activity(self, name: str, kind: str) -> None:
        message = parsed(EVERY[name])

        assert code(message, "EventIdentification/EventID") == "110100"
        assert code(message, "EventIdentification/EventTypeCode") == kind
        (application,) = participants(message)["Application"]
        assert application.attrib["AlternativeUserID"] == "AETITLES=DISCS"
        assert message.find("ParticipantObjectIdentification") is None

    @pytest.mark.parametrize(("whole", "event"), [(True, "110105"), (False, "110103")])
    def test_what_is_forgotten_is_a_study_deleted_or_instances_deleted(
        self, whole: bool, event: str
    ) -> None:
        studies = [FORGOTTEN["studies"][0] | {"whole": whole}]  # type: ignore[index]
        message = parsed(entry(LedgerEvent.FORGOTTEN, **(FORGOTTEN | {"studies": studies})))

        found = message.find("EventIdentification")
        assert found is not None
        assert found.attrib["EventActionCode"] == "D"
        assert code(message, "EventIdentification/EventID") == event

    @pytest.mark.parametrize(
        ("finding", "kind", "outcome"),
        [
            (error("ledger-changed", "entry 3", "It was changed."), "LEDGER", "8"),
            (warning("ledger-filled", "the index", "Filled."), "LEDGER", "4"),
            (error("ledger-key", "entries 1 to 9", "The key is gone."), "110129", "8"),
        ],
    )
    def test_an_alert_says_what_is_wrong(self, finding: Finding, kind: str, outcome: str) -> None:
        message = parsed(alert(finding))

        assert code(message, "EventIdentification/EventID") == "110113"
        assert code(message, "EventIdentification/EventTypeCode") == kind
        event = message.find("EventIdentification")
        assert event is not None
        assert event.attrib["EventOutcomeIndicator"] == outcome
        assert finding.message in details(message)["Alert Description"]


@given(st.text(), st.text())
def test_whatever_a_name_holds_the_message_is_well_formed(name: str, path: str) -> None:
    facts = asdict(MEDIUM) | {"patients": [{"patient_id": name, "name": name}], "path": path}
    message = parsed(entry(LedgerEvent.MADE, operator=name, medium=facts, disclosure={}))

    assert len(message.findall("ParticipantObjectIdentification")) == 2
