"""The identity firewall from end to end: what the command says, and what lies on the media."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pydicom
import pytest

from mediastation.cli.app import run
from mediastation.errors import MediaError
from mediastation.media.contract import PendingMedium
from mediastation.station.exporting.export import export as export_request
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from tests.support.corpus import CORPUS, corpus_files
from tests.support.iso_peers import pycdlib_files
from tests.support.objects import write_ct, write_series
from tests.support.peers import run_peer

Ask = Callable[..., tuple[int, dict[str, Any]]]

SPELT = {"PatientName": "Mueller^Jane"}
TWO_IDS = {"PatientID": "0815"}
ISSUERS = {"IssuerOfPatientID": "SOUTH"}
STRANGER = {"PatientName": "Roe^Rita", "PatientBirthDate": "19800808"}


@pytest.fixture
def ask(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Ask:
    """Run a command with --json; give its exit code and its object."""

    def run_json(*words: object) -> tuple[int, dict[str, Any]]:
        capsys.readouterr()
        code = run([*map(str, words), "--json", "--home", str(tmp_path / "home")])
        out = capsys.readouterr().out
        return code, json.loads(out) if out else {}

    return run_json


def write_second(folder: Path, number: int = 1, **facts: Any) -> None:
    """One image of another study; by default of the same Jane Müller."""
    study = f"1.2.9.{number}"
    write_ct(
        folder / f"second{number}",
        **{
            "SpecificCharacterSet": "ISO_IR 192",
            "PatientName": "Müller^Jane",
            "SOPInstanceUID": f"{study}.1.1",
            "StudyInstanceUID": study,
            "SeriesInstanceUID": f"{study}.1",
            **facts,
        },
    )


def two_identities(folder: Path, **facts: Any) -> Path:
    """Three images of Jane Müller, and one of another study that differs in `facts`."""
    first = {"IssuerOfPatientID": "NORTH"} if "IssuerOfPatientID" in facts else {}
    write_series(folder, 3, SpecificCharacterSet="ISO_IR 192", PatientName="Müller^Jane", **first)
    write_second(folder, **facts)
    return folder


def export(ask: Ask, source: Path, output: Path, *words: object) -> tuple[int, dict[str, Any]]:
    return ask("export", source, "--profile", "STD-GEN-CD", "--output", output, *words)


def rules(answer: dict[str, Any]) -> dict[str, str]:
    return {finding["rule"]: finding["severity"] for finding in answer["findings"]}


def patients_on(image: Path, folder: Path) -> list[pydicom.Dataset]:
    """The PATIENT records of an image, as pydicom reads them out of what pycdlib finds."""
    folder.mkdir(exist_ok=True)
    path = folder / f"{image.stem}.DICOMDIR"
    path.write_bytes(pycdlib_files(image)["DICOMDIR"][1])
    directory = pydicom.dcmread(path)
    return [
        record
        for record in directory.DirectoryRecordSequence
        if record.DirectoryRecordType == "PATIENT"
    ]


CASES = [
    pytest.param(SPELT, "one-person-two-spellings", id="spelling"),
    pytest.param(TWO_IDS, "one-person-two-ids", id="two-ids"),
    pytest.param(ISSUERS, "patient-id-of-issuers", id="issuers"),
    pytest.param({"PatientName": "Meyer^Jane"}, "shared-patient-id", id="married"),
]


@pytest.mark.parametrize(("facts", "rule"), CASES)
class TestLikelyOne:
    def test_stops_with_a_question(
        self, ask: Ask, tmp_path: Path, facts: dict[str, str], rule: str
    ) -> None:
        source = two_identities(tmp_path / "in", **facts)

        code, answer = export(ask, source, tmp_path / "out.iso")

        assert (code, answer["volumes"]) == (1, [])
        assert not (tmp_path / "out.iso").exists()
        assert rules(answer)[rule] == "error"
        assert "--confirm-identity" in answer["hint"]
        assert ask("check", source, "--profile", "STD-GEN-CD")[0] == 1

    def test_goes_out_under_the_confirmed_identity_and_is_logged(
        self, ask: Ask, tmp_path: Path, facts: dict[str, str], rule: str
    ) -> None:
        source = two_identities(tmp_path / "in", **facts)
        image = tmp_path / "out.iso"

        code, answer = export(ask, source, image, "--confirm-identity")

        assert code == 0, answer
        assert rules(answer)["identity-confirmed"] == "warning"
        assert rule not in rules(answer)
        (patient,) = patients_on(image, tmp_path / "read")
        assert (patient.PatientID, str(patient.PatientName)) == ("4711", "Müller^Jane")
        with Station(tmp_path / "home") as station:
            record = station.jobs.get(answer["job"], station.clock.now())
        assert record is not None
        assert record.request["confirm_identity"] is True
        assert record.operator
        (told,) = [
            f for f in record.findings if f.rule == "identity-confirmed" and " | " in f.message
        ]
        assert "The directory has: Patient ID 4711" in told.message
        code, checked = ask("check", source, "--profile", "STD-GEN-CD", "--confirm-identity")
        assert (code, rules(checked)["identity-confirmed"]) == (0, "warning")


@pytest.mark.parametrize("facts", [case.values[0] for case in CASES])
def test_the_objects_keep_their_own_data_and_that_is_proved_again(
    ask: Ask, tmp_path: Path, facts: dict[str, str]
) -> None:
    source = two_identities(tmp_path / "in", **facts)
    image = tmp_path / "out.iso"
    export(ask, source, image, "--confirm-identity")

    on_medium = {content for _, content in pycdlib_files(image).values()}
    assert {path.read_bytes() for path in source.iterdir()} <= on_medium
    code, report = ask("verify", image)
    assert (code, report["ok"], report["manifest"]) == (0, True, "job")


def test_the_rarer_spelling_comes_first_and_is_not_the_records(ask: Ask, tmp_path: Path) -> None:
    """The tree goes by UIDs; the record goes by the confirmed identity."""
    source = two_identities(tmp_path / "in")
    write_second(source, 0, StudyInstanceUID="1.1", PatientName="MULLER^JANE")

    code, _ = export(ask, source, tmp_path / "out.iso", "--confirm-identity")

    assert code == 0
    (patient,) = patients_on(tmp_path / "out.iso", tmp_path / "read")
    assert str(patient.PatientName) == "Müller^Jane"
    assert b"M\xc3\xbcller^Jane" in patient["PatientName"].value.original_string


def test_one_series_in_two_spellings_is_one_series_of_the_confirmed_person(
    ask: Ask, tmp_path: Path
) -> None:
    for number in range(1, 5):
        write_ct(
            tmp_path / "in" / str(number),
            SpecificCharacterSet="ISO_IR 192",
            PatientName=("Müller^Jane", "Mueller^Jane")[number % 2],
            SOPInstanceUID=f"1.2.3.1.{number}",
            InstanceNumber=str(number),
        )

    code, answer = export(ask, tmp_path / "in", tmp_path / "out.iso", "--confirm-identity")

    assert code == 0, answer
    assert answer["volumes"][0]["instances"] == 4
    with Station(tmp_path / "home") as station:
        directory = pydicom.dcmread(station.job_folder(answer["job"]) / "DICOMDIR")
    types = [record.DirectoryRecordType for record in directory.DirectoryRecordSequence]
    assert [types.count(one) for one in ("PATIENT", "STUDY", "SERIES", "IMAGE")] == [1, 1, 1, 4]


def test_two_people_are_not_confirmed_away(ask: Ask, tmp_path: Path) -> None:
    source = two_identities(tmp_path / "in", **STRANGER)

    code, answer = export(ask, source, tmp_path / "out.iso", "--confirm-identity")

    assert code == 1
    assert "Nothing suggests that these are one person" in answer["error"]
    assert not (tmp_path / "out.iso").exists()


class TestSeveralVolumes:
    def test_who_shares_an_id_goes_onto_a_volume_of_her_own(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        write_second(source, 2, PatientID="9", PatientName="Poe^Paul", PatientSex="M")
        media = tmp_path / "media"

        code, answer = export(ask, source, media, "--several-patients")

        assert code == 0, answer
        assert rules(answer)["shared-patient-id"] == "warning"
        volumes = answer["volumes"]
        assert [volume["path"] for volume in volumes] == [
            str(media / "DISC1.ISO"),
            str(media / "DISC2.ISO"),
        ]
        assert sorted(path.name for path in media.iterdir()) == ["DISC1.ISO", "DISC2.ISO"]
        assert sum(volume["instances"] for volume in volumes) == 5
        assert len({volume["file_set_uid"] for volume in volumes}) == 2
        assert len({volume["file_set_id"] for volume in volumes}) == 2
        names = []
        for number, volume in enumerate(volumes, start=1):
            assert volume["verified"]
            patients = patients_on(Path(volume["path"]), tmp_path / "read")
            ids = [patient.PatientID for patient in patients]
            assert len(set(ids)) == len(ids)
            names += [str(patient.PatientName) for patient in patients]
            readme = pycdlib_files(Path(volume["path"]))["README.TXT"][1].decode()
            assert re.search(rf"Volume:\s+{number} of 2", readme)
            code, report = ask("verify", volume["path"])
            assert (code, report["manifest"]) == (0, "job")
        assert sorted(names) == ["Müller^Jane", "Poe^Paul", "Roe^Rita"]

    def test_dcmtk_finds_each_id_once_on_each_volume(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        _, answer = export(ask, source, tmp_path / "media", "--several-patients")

        for volume in answer["volumes"]:
            patients_on(Path(volume["path"]), tmp_path / "read")
            directory = tmp_path / "read" / f"{Path(volume['path']).stem}.DICOMDIR"
            said = run_peer("dcmdump", "+P", "PatientID", directory).stdout
            assert said.count("[4711]") == 1

    def test_the_same_order_gives_the_same_bytes(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        stamp = ("--several-patients", "--timestamp", "2026-11-23T00:00:00Z")

        _, one = export(ask, source, tmp_path / "one", *stamp)
        _, two = export(ask, source, tmp_path / "two", *stamp)

        assert [v["sha256"] for v in one["volumes"]] == [v["sha256"] for v in two["volumes"]]

    def test_a_plan_names_the_volumes_and_writes_none(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)

        code, answer = export(ask, source, tmp_path / "media", "--several-patients", "--plan")

        assert code == 0
        assert [volume["verified"] for volume in answer["volumes"]] == [False, False]
        assert not (tmp_path / "media").exists()

    @pytest.mark.parametrize("there", [False, True])
    def test_a_file_name_for_several_volumes_is_wrong_usage(
        self, ask: Ask, tmp_path: Path, there: bool
    ) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        output = tmp_path / "out.iso"
        if there:
            output.write_bytes(b"")

        code, answer = export(ask, source, output, "--several-patients")

        assert code == 2
        assert "Name a folder" in answer["hint"]
        assert output.exists() == there

    def test_a_folder_takes_one_volume_as_well(self, ask: Ask, tmp_path: Path) -> None:
        """Whoever names one need not know how many come out."""
        source = two_identities(tmp_path / "in", PatientID="9", **STRANGER)
        media = tmp_path / "media"
        media.mkdir()

        code, _ = export(ask, source, media, "--several-patients")

        assert code == 0
        assert [path.name for path in media.iterdir()] == ["DISC1.ISO"]

    def test_a_disc_of_an_older_export_is_not_mixed_in(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        media = tmp_path / "media"
        media.mkdir()
        (media / "DISC3.ISO").write_bytes(b"older")

        code, answer = export(ask, source, media, "--several-patients")

        assert code == 2
        assert "DISC3.ISO" in answer["error"]
        assert [path.name for path in media.iterdir()] == ["DISC3.ISO"]

    def test_volumes_that_are_there_are_not_replaced(self, ask: Ask, tmp_path: Path) -> None:
        """Of two sets, half replaced, neither would be whole."""
        source = two_identities(tmp_path / "in", **STRANGER)
        media = tmp_path / "media"
        assert export(ask, source, media, "--several-patients")[0] == 0
        before = {path: path.read_bytes() for path in media.iterdir()}

        code, answer = export(ask, source, media, "--several-patients")

        assert code == 2
        assert "DISC1.ISO" in answer["error"]
        assert {path: path.read_bytes() for path in media.iterdir()} == before

    def test_one_that_does_not_fit_leaves_none(self, ask: Ask, tmp_path: Path) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)

        code, answer = export(
            ask, source, tmp_path / "media", "--several-patients", "--capacity", 20480
        )

        assert (code, answer["volumes"]) == (1, [])
        assert not (tmp_path / "media").exists()

    def test_a_disk_that_fails_at_the_second_leaves_none(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = two_identities(tmp_path / "in", **STRANGER)
        commit = PendingMedium.commit
        done: list[Path] = []

        def fail_at_the_second(pending: PendingMedium) -> Path:
            if done:
                raise MediaError("the disk is full")
            done.append(commit(pending))
            return done[0]

        monkeypatch.setattr(PendingMedium, "commit", fail_at_the_second)
        request = ExportRequest(
            (str(source),), "STD-GEN-CD", tmp_path / "media", several_patients=True
        )
        with Station(tmp_path / "home") as station, pytest.raises(MediaError):
            export_request(station, request)

        assert [path.name for path in done] == ["DISC1.ISO"]
        assert not (tmp_path / "media").exists()

    def test_a_confirmation_joins_within_a_collection_and_parts_the_others(
        self, ask: Ask, tmp_path: Path
    ) -> None:
        source = two_identities(tmp_path / "in", **SPELT)
        write_second(source, 2, **STRANGER)
        write_second(source, 3, PatientID="9", PatientName="Poe^Paul", PatientSex="M")
        words = ("--several-patients", "--confirm-identity")

        code, answer = export(ask, source, tmp_path / "media", *words)

        assert code == 0, answer
        found = [
            sorted(str(p.PatientName) for p in patients_on(Path(v["path"]), tmp_path / "read"))
            for v in answer["volumes"]
        ]
        assert sorted(found) == [["Müller^Jane", "Poe^Paul"], ["Roe^Rita"]]


@pytest.mark.skipif(not CORPUS.is_dir(), reason="no corpus here")
def test_three_strangers_under_one_real_id_take_three_volumes(ask: Ask, tmp_path: Path) -> None:
    source = corpus_files("series/same_patient_id_different_names")[0].parent
    assert export(ask, source, tmp_path / "out.iso")[0] == 1
    assert export(ask, source, tmp_path / "out.iso", "--confirm-identity")[0] == 1

    code, answer = export(ask, source, tmp_path / "media", "--several-patients")

    assert code == 0, answer
    names = {
        str(patient.PatientName)
        for volume in answer["volumes"]
        for patient in patients_on(Path(volume["path"]), tmp_path / "read")
    }
    assert names == {"HELLO", "WORLD", "FOO"}
    assert len(answer["volumes"]) == 3


def test_identities_stand_side_by_side_within_80_columns(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source = two_identities(tmp_path / "in", **STRANGER)
    home = ("--home", str(tmp_path / "home"))

    run(["check", str(source), "--profile", "STD-GEN-CD", *home])

    lines = capsys.readouterr().err.splitlines()
    told = [line for line in lines if line.startswith("    ")]
    assert "    Patient ID 4711, [Müller^Jane], [born 19700101], sex F: 3 instances" in told
    assert "    Patient ID 4711, [Roe^Rita], [born 19800808], sex F: 1 instance." in told
    assert all(len(line) <= 80 for line in told)
