"""The network as a client against DCMTK's archive: sent, found, and fetched both ways."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset, dcmread

from mediastation.catalog.selection import find_entries, read_entry
from mediastation.cli.app import run
from mediastation.model.identity import PatientIdentity
from mediastation.station.demo import demo_files
from mediastation.station.gather import add
from mediastation.station.reconciling.candidates import find_matches
from mediastation.station.station import Station
from mediastation.station.traffic.fetch import fetch
from mediastation.station.traffic.peers import echo
from mediastation.station.traffic.query import find
from mediastation.station.traffic.requests import FetchRequest, SendRequest
from mediastation.station.traffic.send import send
from tests.support.objects import write_ct
from tests.support.pacs import dcmqrscp, write_peer
from tests.support.serving import Nursery

PATIENT = "patient:98890234"
STUDY = "study_instance_uid"


def contents(home: Path) -> dict[str, Dataset]:
    """Every data set of the patient in `home`, by SOP Instance UID.

    DCMTK's archive writes what it takes anew: the elements stay, group lengths
    and the forms of sequences do not.
    """
    found: dict[str, Dataset] = {}
    with Station(home) as station:
        for number in find_entries(station.catalog, PATIENT):
            entry = read_entry(station.catalog, number)
            assert entry is not None
            ds = dcmread(station.catalog.store.path(entry.sha256, entry.kind))
            for tag in [tag for tag in ds.keys() if tag.element == 0]:  # noqa: SIM118 - tags
                del ds[tag]
            found[entry.header.sop_instance_uid] = ds
    return found


def test_sent_found_and_fetched_back_the_data_sets_are_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with dcmqrscp(tmp_path / "pacs") as port:
        sender = write_peer(tmp_path / "sender", port)
        with Station(sender) as station:
            assert echo(station, "pacs") > 0
            add(station, [str(path) for path in demo_files()])
            result = send(station, SendRequest((PATIENT,), "pacs"))
            assert (result.sent, result.refused, result.exit_code) == (24, 0, 0)

        fetcher = write_peer(tmp_path / "fetcher", port)
        with Station(fetcher) as station:
            (patient,) = find(station, "pacs", "patients").rows
            assert patient["patient_id"] == "98890234"
            studies = find(station, "pacs", "studies", ["PatientID=98890234"]).rows
            assert len(studies) == 4
            uids = tuple(row["study_instance_uid"] for row in studies)
            series = find(station, "pacs", "series", [f"StudyInstanceUID={uids[0]}"]).rows
            assert series
            fetched = fetch(station, FetchRequest("pacs", uids))
        assert (fetched.expected, fetched.received, fetched.exit_code) == (24, 24, 0)
        assert contents(fetcher) == contents(sender)

        # The same by the commands: their exit codes and keys are a contract.
        home = ["--json", "--quiet", "--home", str(fetcher)]
        capsys.readouterr()
        assert run([*home, "echo", "pacs"]) == 0
        assert json.loads(capsys.readouterr().out)["ok"] is True
        assert run([*home, "find", "pacs", "PatientID=98890234"]) == 0
        assert len(json.loads(capsys.readouterr().out)["rows"]) == 4
        assert run([*home, "fetch", "pacs", f"study:{uids[0]}"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert {"expected", "received", "findings"} <= told.keys()
        assert run([*home, "send", PATIENT, "pacs"]) == 0
        assert json.loads(capsys.readouterr().out)["sent"] == 24
        assert run([*home, "peers"]) == 0
        assert json.loads(capsys.readouterr().out)["peers"][0]["name"] == "pacs"

    assert run([*home, "echo", "pacs"]) == 3
    assert "pacs: nothing listens" in json.loads(capsys.readouterr().out)["error"]
    assert run([*home, "find", "pacs", "nonsense"]) == 2
    assert run([*home, "fetch", "pacs", "1.2.3"]) == 2
    assert run([*home, "send", "pacs"]) == 2


def test_what_is_moved_arrives_through_serve(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with Nursery(home, tmp_path / "log") as nursery:
        _, serving = nursery.start()
        with dcmqrscp(tmp_path / "pacs", move_to=serving) as port:
            write_peer(home, port, services=["find", "move"])
            sender = write_peer(tmp_path / "sender", port)
            with Station(sender) as station:
                add(station, [str(path) for path in demo_files()])
                assert send(station, SendRequest((PATIENT,), "pacs")).sent == 24
            with Station(home) as station:
                uids = tuple(r[STUDY] for r in find(station, "pacs", "studies").rows)
                result = fetch(station, FetchRequest("pacs", uids))
        assert nursery.terminate() == 0

    assert (result.expected, result.received, result.exit_code) == (24, 24, 0)
    assert contents(home) == contents(sender)


def test_an_archive_that_does_not_know_us_is_told_apart(tmp_path: Path) -> None:
    """A801: the peer does not know the title, and a person has to enter it there."""
    home = tmp_path / "home"
    home.mkdir()
    (home / "config.toml").write_text('aet = "STRANGER"\n', encoding="utf-8")
    with Nursery(home, tmp_path / "log") as nursery:
        nursery.start()
        with dcmqrscp(tmp_path / "pacs") as port:
            write_peer(home, port, services=["store", "find", "move"])
            with Station(home) as station:
                add(station, [str(demo_files()[0])])
                assert send(station, SendRequest((PATIENT,), "pacs")).sent == 1
                (row,) = find(station, "pacs", "studies").rows
                result = fetch(station, FetchRequest("pacs", (row["study_instance_uid"],)))
        nursery.terminate()

    assert "A801" in result.stopped
    assert "Enter this station at the peer" in result.hint


@pytest.mark.parametrize("model", ["study", "patient"])
def test_an_outside_patient_is_found_among_its_patients(tmp_path: Path, model: str) -> None:
    """As another hospital would spell her, with that hospital's number."""
    with dcmqrscp(tmp_path / "pacs") as port:
        home = write_peer(tmp_path / "home", port, information_model=model)
        with (home / "config.toml").open("a") as file:
            file.write('[reconcile]\npatients = "pacs"\ncatalog = false\nissuer = "HOSPITAL"\n')
        with Station(home) as station:
            for number, name in enumerate(["Müller^Jörg", "Mueller^Anna", "Doe^Jane"]):
                values: dict[str, Any] = {
                    "SpecificCharacterSet": "ISO_IR 100",
                    "PatientName": name,
                    "PatientID": f"47{number}",
                    "PatientBirthDate": "19700102",
                    "PatientSex": "M",
                    "SOPInstanceUID": f"1.2.{number}",
                    "SeriesInstanceUID": f"1.3.{number}",
                    "StudyInstanceUID": f"1.4.{number}",
                }
                add(station, [str(write_ct(tmp_path / f"{number}.dcm", **values))])
                send(station, SendRequest((f"patient:47{number}",), "pacs"))
            outside = PatientIdentity("99", "ELSEWHERE", "MUELLER^JOERG", "19700102", "M")
            found = find_matches(station, outside)
            by_number = find_matches(station, outside, patient_id="471")

    assert [one.candidate.identity.name for one in found.matches] == ["Müller^Jörg"]
    assert found.matches[0].candidate.identity.issuer == "HOSPITAL"
    assert found.findings == ()
    assert [one.candidate.identity.name for one in by_number.matches] == ["Mueller^Anna"]
