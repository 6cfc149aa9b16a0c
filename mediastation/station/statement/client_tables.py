"""The tables of what the station does as an SCU (PS3.2, Annex N, 5.2.1, 5.2.5.1, 5.2.7)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from mediastation.config import Peer
from mediastation.dicom.dictionary import attribute_name, uid_name
from mediastation.dicom.elements import tag_text
from mediastation.dicom.identifier import Keys
from mediastation.model.document import Table
from mediastation.model.transfer_syntax import EXPLICIT_LE, IMPLICIT_LE, transfer_syntax_name
from mediastation.network.query_retrieve_scu import MODALITY_WORKLIST, Model
from mediastation.station.reconciling.worklist import MATCHED_KEYS, worklist_keys
from mediastation.station.statement.facts import StatementFacts, uid_order

CLIENT: Final = "CLIENT"


def client_services(facts: StatementFacts) -> list[tuple[str, ...]]:
    """Return the rows of the services that are used; none where no peer is configured."""
    rows = [
        ("Verification", facts.peers),
        ("Basic Worklist Management", facts.peers_for("worklist")),
        ("Storage", facts.peers_for("store")),
        ("Query/Retrieve", facts.peers_for("find", "get", "move")),
    ]
    return [(CLIENT, name, "Y", "N", "N", "N", "N") for name, used in rows if used]


def client_tables(facts: StatementFacts) -> dict[str, Table]:
    """Return the tables of the peers; they have no rows where there are none."""
    return {
        "store-peers": Table(
            "Peers that instances are sent to",
            ("Peer", "Called AE Title", "Calling AE Title", "Address", "Transfer Syntaxes",
             "Maximum PDU", "Timeouts", "Retries"),
            tuple(
                (
                    name,
                    peer.aet,
                    peer.calling_aet or str(facts.settings["aet"]),
                    f"{peer.host}:{peer.port}",
                    "; ".join(map(transfer_syntax_name, peer.transfer_syntaxes))
                    or "as the instances have them",
                    f"{peer.max_pdu_bytes:,}",
                    f"{peer.connect_timeout_s:g} s to connect, {peer.timeout_s:g} s of silence",
                    f"{peer.retries}, first after {peer.retry_seconds:g} s",
                )
                for name, peer in facts.peers_for("store")
            ),
            wide=True,
        ),
        "workflow": _used(
            "Workflow management", [MODALITY_WORKLIST] if facts.peers_for("worklist") else []
        ),
        "query-classes": _used(
            "Query/Retrieve",
            sorted({uid for _, peer in facts.peers_for("find", "get", "move")
                    for uid in _classes(peer)}, key=uid_order),
        ),
        "worklist-peers": Table(
            "Peers that are asked for orders",
            ("Peer", "Called AE Title", "Calling AE Title", "SOP Class Name", "SOP Class UID",
             "Transfer Syntaxes", "SCU"),
            tuple(
                (
                    name,
                    peer.aet,
                    peer.calling_aet or str(facts.settings["aet"]),
                    uid_name(MODALITY_WORKLIST, MODALITY_WORKLIST),
                    MODALITY_WORKLIST,
                    _UNCOMPRESSED,
                    "Y",
                )
                for name, peer in facts.peers_for("worklist")
            ),
        ),
        "worklist-keys": Table(
            "Attributes asked of a worklist",
            ("Attribute", "Tag", "Matched by for imports", "Returned"),
            tuple(_key_rows(worklist_keys({}))) if facts.peers_for("worklist") else (),
        ),
        "query-peers": Table(
            "Query/Retrieve SOP Classes used, by peer",
            ("Peer", "SOP Class Name", "SOP Class UID", "Transfer Syntaxes", "SCU"),
            tuple(
                (name, uid_name(uid, uid), uid, _UNCOMPRESSED, "Y")
                for name, peer in facts.peers_for("find", "get", "move")
                for uid in _classes(peer)
            ),
        ),
    }  # fmt: skip


_UNCOMPRESSED: Final = "; ".join(map(transfer_syntax_name, (EXPLICIT_LE, IMPLICIT_LE)))


def _used(what: str, uids: Iterable[str]) -> Table:
    """Return the table of the overview: one row for each Transfer Syntax of each class."""
    return Table(
        f"{what}: SOP Classes used",
        ("SOP Class Name", "SOP Class UID", "Transfer Syntax Name", "Transfer Syntax UID",
         "SCU", "SCP"),
        tuple(
            (uid_name(uid, uid), uid, transfer_syntax_name(syntax), syntax, "Y", "N")
            for uid in uids
            for syntax in (EXPLICIT_LE, IMPLICIT_LE)
        ),
    )  # fmt: skip


def _key_rows(keys: Keys, above: str = "") -> Iterator[tuple[str, ...]]:
    for tag, below in sorted(keys.items(), key=lambda one: one[0]):
        matched = "Y" if tag in MATCHED_KEYS and not above else "N"
        yield f"{above}{attribute_name(tag)}", tag_text(tag), matched, "Y"
        if not isinstance(below, str):
            yield from _key_rows(below, f"{above}>")


def _classes(peer: Peer) -> list[str]:
    model = Model.PATIENT if peer.information_model == "patient" else Model.STUDY
    uids = {"find": model.find, "get": model.get, "move": model.move}
    return [uids[service] for service in ("find", "get", "move") if service in peer.services]
