"""The Query/Retrieve SCU against peers that break the rules, byte for byte."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from mediastation.errors import NetworkError
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.connection import PeerSilentError
from mediastation.network.pdu import AnsweredContext, AssociateAccept, PduType, ProtocolError
from mediastation.network.query_retrieve_scu import (
    MAX_IDENTIFIER_BYTES,
    Model,
    NotServedError,
    Response,
    get_contexts,
    iter_find,
    iter_get,
    iter_move,
    query_contexts,
)
from mediastation.network.reception import Reception, StoreAnswer
from mediastation.network.requestor import (
    AssociationRejectedError,
    RemoteAe,
    Requestor,
)
from tests.support.network import CT, EXPLICIT_LE, store_request, value

FIND = Model.STUDY.find


class Peer:
    """The accepting side of a connection, told what to send."""

    def __init__(self, connected: socket.socket) -> None:
        self.socket = connected

    def read(self) -> tuple[int, bytes]:
        head = self._read(6)
        return head[0], self._read(int.from_bytes(head[2:], "big"))

    def _read(self, count: int) -> bytes:
        received = bytearray()
        while len(received) < count:
            piece = self.socket.recv(count - len(received))
            assert piece
            received += piece
        return bytes(received)

    def accept(self, *answers: AnsweredContext) -> None:
        self.read()
        accept = AssociateAccept("PEER", "US", answers or (AnsweredContext(1, 0, EXPLICIT_LE),))
        self.send(pdu.write_associate_accept(accept))

    def send(self, *parts: bytes) -> None:
        self.socket.sendall(b"".join(parts))

    def respond(
        self, status: int, *, field: int = 0x8020, to: int = 1, data: bytes | None = None,
        context_id: int = 1,
    ) -> None:  # fmt: skip
        command = dimse.write_command(
            {
                dimse.COMMAND_FIELD: field,
                dimse.MESSAGE_ID_RESPONDED_TO: to,
                dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET if data is None else 0,
                dimse.STATUS: status,
            }
        )
        parts = [value(command, context_id=context_id, command=True)]
        if data is not None:
            parts.append(value(data, context_id=context_id))
        self.send(*parts)


@contextmanager
def scripted(script: Callable[[Peer], None], timeout_s: float = 20) -> Iterator[RemoteAe]:
    """A peer that does what `script` says, once."""
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def serve() -> None:
            connected, _ = listener.accept()
            connected.settimeout(30)
            with connected:
                try:
                    script(Peer(connected))
                    while received := connected.recv(65536):
                        if received[-10:-9] == bytes((PduType.RELEASE_RQ,)):
                            connected.sendall(pdu.write_pdu(PduType.RELEASE_RP, bytes(4)))
                except OSError:
                    pass  # our side has gone: that is what most scripts lead to

        thread = threading.Thread(target=serve)
        thread.start()
        host, port = listener.getsockname()
        yield RemoteAe(host, port, "PEER", "US", timeout_s)
        thread.join(30)
        assert not thread.is_alive()


def found(remote: RemoteAe, limit: int = 10) -> list[Response]:
    with Requestor(remote, query_contexts(FIND)) as association:
        return list(iter_find(association, FIND, lambda _: b"", limit))


def test_matches_come_and_then_the_end() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.respond(0xFF00, data=b"one!")
        peer.respond(0x0000)

    with scripted(script) as remote:
        match, last = found(remote)

    assert (match.identifier, match.is_pending, match.transfer_syntax) == (
        b"one!", True, EXPLICIT_LE,
    )  # fmt: skip
    assert (last.status, last.identifier) == (0, b"")


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 0, "to": 9},
        {"status": 0, "field": 0x8001},
        {"status": 0, "field": 0x0020},
        {"status": 0, "context_id": 3},
    ],
    ids=["another message", "another operation", "a request", "another context"],
)
def test_an_answer_to_something_else_is_a_broken_protocol(answer: dict[str, int]) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.respond(**answer)

    with scripted(script) as remote, pytest.raises(ProtocolError):
        found(remote)


def test_an_identifier_without_an_end_is_cut_off() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        command = dimse.write_command(
            {
                dimse.COMMAND_FIELD: 0x8020,
                dimse.MESSAGE_ID_RESPONDED_TO: 1,
                dimse.COMMAND_DATA_SET_TYPE: 0,
                dimse.STATUS: 0xFF00,
            }
        )
        peer.send(value(command, command=True))
        while True:
            peer.send(value(bytes(65536), last=False))

    with scripted(script) as remote, pytest.raises(ProtocolError, match="answered with more than"):
        found(remote)


def test_an_identifier_of_the_greatest_length_is_taken() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.respond(0xFF00, data=bytes(MAX_IDENTIFIER_BYTES))
        peer.respond(0)

    with scripted(script) as remote:
        assert len(found(remote)[0].identifier) == MAX_IDENTIFIER_BYTES


def test_a_peer_that_ignores_the_cancel_is_cut_off() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        while True:
            peer.respond(0xFF00)

    with scripted(script) as remote, pytest.raises(ProtocolError, match="cancelled"):
        found(remote, limit=2)


def test_silence_ends_the_wait_and_may_be_ended_before() -> None:
    def script(peer: Peer) -> None:
        peer.accept()

    with scripted(script, timeout_s=0.3) as remote, pytest.raises(PeerSilentError):
        found(remote)

    class StoppedError(Exception):
        pass

    def stop() -> None:
        raise StoppedError

    def query(remote: RemoteAe) -> None:
        with Requestor(remote, query_contexts(FIND), alive=stop) as association:
            list(iter_find(association, FIND, lambda _: b"", 1))

    with scripted(script, timeout_s=60) as remote, pytest.raises(StoppedError):
        query(remote)


@pytest.mark.parametrize(("result", "transient"), [(1, False), (2, True)])
def test_a_rejection_says_whether_it_may_pass(result: int, transient: bool) -> None:
    def script(peer: Peer) -> None:
        peer.read()
        peer.send(pdu.write_associate_reject(pdu.AssociateReject(result, 3, 2)))

    with scripted(script) as remote, pytest.raises(AssociationRejectedError) as raised:
        found(remote)
    assert raised.value.is_transient is transient


@pytest.mark.parametrize(
    "answer",
    [
        AnsweredContext(1, 3, ""),
        AnsweredContext(1, 0, "1.2.840.10008.1.2.4.50"),
        AnsweredContext(99, 0, EXPLICIT_LE),
    ],
    ids=["refused", "a syntax that nobody proposed", "a context that nobody proposed"],
)
def test_what_was_not_accepted_is_not_served(answer: AnsweredContext) -> None:
    with (
        scripted(lambda peer: peer.accept(answer)) as remote,
        pytest.raises(NotServedError, match="C-FIND by Study Root"),
    ):
        found(remote)


@pytest.mark.parametrize("how", ["close", "abort", "release"])
def test_a_peer_that_goes_away_is_told(how: str) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.read()
        if how == "abort":
            peer.send(pdu.write_abort(None))
        elif how == "release":
            peer.send(pdu.write_pdu(PduType.RELEASE_RQ, bytes(4)))
        peer.socket.shutdown(socket.SHUT_WR)

    with scripted(script) as remote, pytest.raises(NetworkError):
        found(remote)


def test_counters_of_a_move_are_read_and_may_lack() -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        command = {
            dimse.COMMAND_FIELD: 0x8021, dimse.MESSAGE_ID_RESPONDED_TO: 1, dimse.REMAINING: 3,
            dimse.COMPLETED: 2, dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
            dimse.STATUS: 0xFF00,
        }  # fmt: skip
        peer.send(value(dimse.write_command(command), command=True))
        peer.respond(0xB000, field=0x8021, data=b"failed")

    move = Model.STUDY.move
    with scripted(script) as remote, Requestor(remote, query_contexts(move)) as association:
        pending, last = iter_move(association, move, "US", lambda _: b"")

    assert (pending.remaining, pending.completed, pending.failed) == (3, 2, -1)
    assert (last.status, last.identifier) == (0xB000, b"failed")


def test_what_comes_on_a_context_that_is_not_open_is_a_broken_protocol(tmp_path: object) -> None:
    def script(peer: Peer) -> None:
        peer.accept()
        peer.send(store_request(context_id=3), value(b"data", context_id=3))

    contexts, roles = get_contexts(Model.STUDY.get, [CT], [EXPLICIT_LE])

    def get(remote: RemoteAe) -> None:
        from pathlib import Path  # noqa: PLC0415

        reception = Reception(Path(str(tmp_path)), lambda _: StoreAnswer.STORED, lambda: True)
        with Requestor(remote, contexts, roles=roles) as association:
            list(iter_get(association, Model.STUDY.get, lambda _: b"", reception))

    with scripted(script) as remote, pytest.raises(ProtocolError, match="not open"):
        get(remote)


def test_contexts_of_a_get_fit_an_association_and_name_every_syntax() -> None:
    for classes in (1, 2, 60, 127):
        uids = [f"1.2.{number}" for number in range(classes)]
        contexts, roles = get_contexts(Model.STUDY.get, uids, [f"1.9.{n}" for n in range(44)])
        assert len(contexts) <= 128
        assert len({one.context_id for one in contexts}) == len(contexts)
        assert max(one.context_id for one in contexts) <= 255
        for uid in uids:
            offered = [s for one in contexts if one.abstract_syntax == uid
                       for s in one.transfer_syntaxes]  # fmt: skip
            assert offered == [f"1.9.{n}" for n in range(44)]
        assert set(roles) == set(uids)
    with pytest.raises(ValueError, match="do not fit"):
        get_contexts(Model.STUDY.get, [f"1.{n}" for n in range(128)], [EXPLICIT_LE])
