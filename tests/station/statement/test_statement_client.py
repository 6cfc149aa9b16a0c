"""What the statement says of the network as a client: what is configured, and nothing else."""

from __future__ import annotations

from pathlib import Path

from mediastation.model.document import Form
from mediastation.station.statement import gather_facts, write_statement
from mediastation.station.station import Station
from tests.support.pacs import write_peer


def statement(home: Path) -> str:
    with Station(home) as station:
        return write_statement(gather_facts(station), Form.MARKDOWN)


def test_without_peers_the_station_claims_no_scu(tmp_path: Path) -> None:
    told = statement(tmp_path / "home")

    assert "Study Root Query/Retrieve Information Model - FIND" not in told
    assert "none is configured" in told
    assert "CLIENT" not in told


def test_the_peers_services_and_classes_are_those_of_the_settings(tmp_path: Path) -> None:
    home = write_peer(tmp_path / "home", 104, services=["store"])
    write_peer(home, 105, name="archive", services=["find", "move"], information_model="patient")
    told = statement(home)

    assert "| CLIENT | Storage | Y | N |" in told
    assert "1.2.840.10008.5.1.4.1.2.1.1" in told  # Patient Root FIND
    assert "1.2.840.10008.5.1.4.1.2.1.2" in told  # Patient Root MOVE
    assert "1.2.840.10008.5.1.4.1.2.1.3" not in told  # nobody is asked for GET
    assert "1.2.840.10008.5.1.4.1.2.2.1" not in told
    assert "| 105 |" in told


def test_a_peer_for_queries_only_makes_no_storage_scu(tmp_path: Path) -> None:
    told = statement(write_peer(tmp_path / "home", 104, services=["find"]))

    assert "| CLIENT | Storage |" not in told
    assert "Peers that instances are sent to" not in told


def test_a_peer_with_a_worklist_makes_a_worklist_scu_and_no_other(tmp_path: Path) -> None:
    told = statement(write_peer(tmp_path / "home", 104, services=["worklist"], aet="RIS"))

    assert "| CLIENT | Basic Worklist Management | Y | N |" in told
    assert "| pacs | RIS | MEDIASTATION | Modality Worklist Information Model - FIND |" in told
    assert "1.2.840.10008.5.1.4.31" in told
    assert "| Accession Number | (0008,0050) | Y | Y |" in told
    assert "| Requested Procedure Code Sequence | (0032,1064) | N | Y |" in told
    assert "Scheduled Procedure Step ID | (0040,0009) | N | Y |" in told
    assert "| CLIENT | Query/Retrieve |" not in told
    assert "| CLIENT | Storage |" not in told


def test_a_peer_without_a_worklist_makes_no_worklist_scu(tmp_path: Path) -> None:
    told = statement(write_peer(tmp_path / "home", 104, services=["store", "find", "get", "move"]))

    assert "Basic Worklist Management | Y" not in told
    assert "1.2.840.10008.5.1.4.31" not in told
    assert "asked for orders" not in told
