"""What the statement says of the network is what the running SCP does."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import cycle, pairwise
from pathlib import Path

import pytest
from pynetdicom import AE
from pynetdicom.association import Association
from pynetdicom.pdu_primitives import SOPClassExtendedNegotiation
from pynetdicom.presentation import build_context

from mediastation.model.document import Form
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.acceptor import Limits
from mediastation.network.contexts import answer_contexts
from mediastation.network.pdu import AssociateRequest, ContextResult, PduType, ProposedContext
from mediastation.network.storage_scp import ReceivedInstance, StoreAnswer
from mediastation.pages.document import render_document
from mediastation.station.serving.serve import serve
from mediastation.station.statement import StatementFacts, gather_facts, statement_document
from mediastation.station.station import Station
from tests.support.network import (
    CT,
    QUICK,
    Kept,
    RawPeer,
    association_request,
    raw_peer,
    running_scp,
    store_request,
    value,
)
from tests.support.rendered import HtmlPage

STUDY_ROOT_FIND = "1.2.840.10008.5.1.4.1.2.2.1"
MPPS = "1.2.840.10008.3.1.2.3.3"
MOST_CONTEXTS = 128


@pytest.fixture(scope="module")
def facts(tmp_path_factory: pytest.TempPathFactory) -> StatementFacts:
    with Station(tmp_path_factory.mktemp("home")) as station:
        return gather_facts(station)


@pytest.fixture(scope="module")
def page(facts: StatementFacts) -> HtmlPage:
    return HtmlPage(render_document(statement_document(facts), Form.HTML))


@pytest.fixture
def scp(tmp_path: Path) -> Iterator[tuple[str, int]]:
    with running_scp(tmp_path / "in", Kept(), limits=replace(QUICK)) as address:
        yield address


def associate(
    address: tuple[str, int], pairs: list[tuple[str, str]], *items: SOPClassExtendedNegotiation
) -> Association:
    ae = AE("PYNETDICOM")
    contexts = [build_context(abstract, [syntax]) for abstract, syntax in pairs]
    return ae.associate(*address, contexts=contexts, ext_neg=list(items), ae_title="ANY")


def negotiated(
    address: tuple[str, int], pairs: list[tuple[str, str]]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Propose each pair in a context of its own, as many as fit at once: accepted, refused."""
    accepted: set[tuple[str, str]] = set()
    refused: set[tuple[str, str]] = set()
    for start in range(0, len(pairs), MOST_CONTEXTS):
        assoc = associate(address, pairs[start : start + MOST_CONTEXTS])
        assert assoc.is_established or assoc.rejected_contexts
        accepted |= {(c.abstract_syntax, c.transfer_syntax[0]) for c in assoc.accepted_contexts}
        refused |= {(c.abstract_syntax, c.transfer_syntax[0]) for c in assoc.rejected_contexts}
        if assoc.is_established:
            assoc.release()
    return accepted, refused


class TestNegotiation:
    def test_every_class_and_every_syntax_that_is_stated_is_accepted(
        self, page: HtmlPage, scp: tuple[str, int]
    ) -> None:
        classes = [row[1] for row in page.rows("Storage SOP Classes") if row[4] == "Y"]
        syntaxes = sorted({row[2] for row in page.rows("Transfer Syntaxes") if row[0] != "M"})
        pairs = list(zip(classes, cycle(syntaxes), strict=False))
        pairs += [(CT, syntax) for syntax in syntaxes]

        accepted, refused = negotiated(scp, pairs)

        assert refused == set()
        assert accepted == set(pairs)
        assert len(classes) > MOST_CONTEXTS

    def test_any_class_is_accepted_in_any_syntax(self, facts: StatementFacts) -> None:
        for fact in facts.sop_classes:
            contexts = tuple(
                ProposedContext(2 * number + 1, fact.uid, (one.uid,))
                for number, one in enumerate(facts.transfer_syntaxes)
            )
            answers = answer_contexts(AssociateRequest("A", "B", contexts))
            assert {answer.result for answer in answers} == {ContextResult.ACCEPTED}

    def test_what_is_not_stated_is_refused(self, page: HtmlPage, scp: tuple[str, int]) -> None:
        (directory, *_) = page.rows("Storage SOP Classes")
        excluded = [
            row[1] for row in page.rows("Transfer Syntaxes that are never accepted for storage")
        ]
        pairs = [
            (directory[1], "1.2.840.10008.1.2.1"),
            (STUDY_ROOT_FIND, "1.2.840.10008.1.2"),
            (MPPS, "1.2.840.10008.1.2"),
            *((CT, uid) for uid in excluded),
        ]

        accepted, refused = negotiated(scp, pairs)

        assert directory[4] == "N"
        assert accepted == set()
        assert refused == set(pairs)
        assert len(excluded) == 10

    def test_private_and_unlisted_storage_classes_are_taken_as_stated(
        self, scp: tuple[str, int]
    ) -> None:
        pairs = [
            ("1.2.840.113619.4.26", "1.2.840.10008.1.2"),
            ("1.2.840.10008.5.1.4.1.1.999.1", "1.2.840.10008.1.2"),
            (CT, "1.2.840.113619.5.2"),
        ]

        assert negotiated(scp, pairs) == (set(pairs), set())

    def test_preference_is_as_stated(self, page: HtmlPage, scp: tuple[str, int]) -> None:
        """Of two places in the table the higher is taken, whichever is offered first."""
        rows = page.rows("Transfer Syntaxes in order of preference")
        first: dict[str, str] = {}
        for place, _, uid, _ in rows:
            first.setdefault(place, uid)
        ordered = [uid for _, uid in sorted(first.items()) if uid != "any"]
        assert len(ordered) == 5
        for better, worse in pairwise(ordered):
            ae = AE("PYNETDICOM")
            ae.add_requested_context(CT, [worse, better])
            assoc = ae.associate(*scp)
            (context,) = assoc.accepted_contexts
            assoc.release()
            assert context.transfer_syntax == [better]

    def test_verification_is_answered_in_the_syntaxes_stated(
        self, page: HtmlPage, scp: tuple[str, int]
    ) -> None:
        rows = page.rows("Verification Service")
        for row in rows:
            assert row[4:] == ["N", "Y"]
            assoc = associate(scp, [(row[1], row[3])])
            status = assoc.send_c_echo()
            assoc.release()
            assert status.Status == 0
        assert len(rows) == 2


class TestParameters:
    def test_parameters_are_what_an_association_shows(self, page: HtmlPage, tmp_path: Path) -> None:
        stated = dict(
            page.rows("Association and file parameters, the same for all Application Entities")
        )
        levels = {row[1]: row[3] for row in page.rows("Extended negotiation in acceptance")}
        item = SOPClassExtendedNegotiation()
        item.sop_class_uid = CT
        item.service_class_application_information = bytes((3, 0, 3, 0, 2, 0))
        with running_scp(tmp_path / "in", Kept(), limits=Limits()) as address:
            assoc = associate(address, [(CT, "1.2.840.10008.1.2.1")], item)
            shown = assoc.acceptor
            answered = shown.sop_class_extended[CT]
            assoc.release()

        assert stated["Maximum PDU received, in bytes"] == str(shown.maximum_length)
        assert stated["Implementation Class UID"] == shown.implementation_class_uid
        assert stated["Implementation Version Name"] == shown.implementation_version_name
        assert stated["Application context"] == "1.2.840.10008.3.1.1.1"
        assert [str(answered[place]) for place in (0, 2, 4)] == [
            levels["Level of support"],
            levels["Level of digital signature support"],
            levels["Element coercion"],
        ]
        told = page.rows("Levels of conformance of the Storage SCP")
        assert told == [[str(answered[0]), str(answered[2])]]

    def test_limits_are_those_that_serving_uses(
        self, facts: StatementFacts, page: HtmlPage
    ) -> None:
        assert inspect.signature(serve).parameters["limits"].default == facts.limits
        general = {row[0]: row[2] for row in page.rows("General parameters")}
        assert general["Association request timeout"] == f"{facts.limits.negotiation_timeout_s:g} s"
        assert general["DIMSE timeout"] == f"{facts.limits.network_timeout_s:g} s"

    def test_as_many_associations_as_stated_are_served_and_one_more_is_rejected(
        self, page: HtmlPage, tmp_path: Path
    ) -> None:
        general = {row[0]: row[2] for row in page.rows("General parameters")}
        most = int(general["Maximum simultaneous associations"])
        peers: list[RawPeer] = []
        try:
            with running_scp(tmp_path / "in", Kept(), limits=Limits()) as address:
                for _ in range(most):
                    peers.append(RawPeer(address))
                    peers[-1].associate()
                peers.append(RawPeer(address))
                peers[-1].send(association_request())
                kind, body = peers[-1].read()
                for peer in peers:
                    with suppress(OSError):
                        peer.socket.close()
        finally:
            for peer in peers:
                peer.socket.close()

        assert most == 16
        assert kind is PduType.ASSOCIATE_RJ
        assert pdu.read_associate_reject(body) == pdu.AssociateReject(2, 3, 2)
        responses = dict(page.rows("Exceptions as association acceptor"))
        assert "transient, local limit exceeded" in responses["Too many associations"]

    def test_other_titles_are_accepted_or_rejected_as_configured(self, tmp_path: Path) -> None:
        for require, kind in ((False, PduType.ASSOCIATE_AC), (True, PduType.ASSOCIATE_RJ)):
            with raw_peer(
                tmp_path / f"in{require}", Kept(), ae_title="US", require_called_aet=require
            ) as peer:
                peer.send(association_request(called="OTHER"))
                assert peer.read()[0] is kind


class TestStatuses:
    def test_each_status_is_answered_when_the_statement_says_so(
        self, page: HtmlPage, tmp_path: Path
    ) -> None:
        stated = {
            row[2]: row[3].removeprefix("(0000,0902) ").replace("none", "")
            for row in page.rows("Status codes of the Storage and Verification SCP")
        }
        data = value(b"\x08\0\x16\0UI\x04\x001.2\0")
        uid = "1.2.3"
        seen: dict[str, str] = {}

        def answer(name: str, *parts: bytes, keep: object = None, **options: object) -> None:
            with raw_peer(tmp_path / name, keep or Kept(), **options) as peer:  # type: ignore[arg-type]
                peer.associate()
                peer.send(*parts)
                status, comment = peer.read_status()
                seen[f"{status:04X}"] = comment

        def broken(_: ReceivedInstance) -> StoreAnswer:
            raise RuntimeError("a fault of the station")

        n_get = dimse.write_command(
            {dimse.COMMAND_FIELD: 0x0110, dimse.MESSAGE_ID: 3, dimse.COMMAND_DATA_SET_TYPE: 0x0101}
        )
        answer("stored", store_request(uid), data)
        answer("broken", store_request(uid), data, keep=broken)
        answer("uid", store_request("1" * 65), data)
        answer("operation", value(n_get, command=True))
        answer("room", store_request(uid), data, has_room=lambda: False)
        answer("class", store_request(uid, "1.2.840.10008.5.1.4.1.1.4"), data)
        answer("empty", store_request(uid, data_set=0x0101))

        assert seen == stated
