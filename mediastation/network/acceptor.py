"""Accepting associations (PS3.8, 7.1 and 9.2; PS3.7, Annex D): one blocking thread each.

What a peer can make the acceptor spend is bounded: threads, memory of each, and
time that it waits in each phase. Whatever goes wrong in one association ends that
association only.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from mediastation.errors import NetworkError
from mediastation.network import pdu
from mediastation.network.association_log import AssociationFacts, AssociationLog
from mediastation.network.connection import (
    Connection,
    ConnectionLostError,
    PeerSilentError,
)
from mediastation.network.contexts import STORAGE_LEVELS, VERIFICATION, answer_contexts
from mediastation.network.pdu import (
    AbortReason,
    AnsweredContext,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    ContextResult,
    PduType,
    ProtocolError,
)

_LOG = logging.getLogger(__name__)
_LINGER_S = 2.0
_GRACE_S = 5.0


@dataclass(frozen=True, slots=True)
class Limits:
    """What peers may make the acceptor spend.

    Parameters
    ----------
    max_associations : int
        Established at one time; more are rejected as a transient limit.
    max_waiting : int
        Connections beyond those whose request is still read or rejected; more
        are closed without a word.
    negotiation_timeout_s : float
        For the whole of a request (the ARTIM timer of PS3.8, 9.1.5).
    idle_timeout_s : float
        Silence between messages.
    network_timeout_s : float
        Silence within a message.
    max_pdu_length : int
        Announced to peers, in bytes.
    """

    max_associations: int = 16
    max_waiting: int = 32
    negotiation_timeout_s: float = 30.0
    idle_timeout_s: float = 300.0
    network_timeout_s: float = 60.0
    max_pdu_length: int = 131_072


@dataclass(frozen=True, slots=True)
class Association:
    """An established association as the service above it sees it.

    `contexts` has the accepted ones: the abstract and the transfer syntax by
    identifier. `facts` counts what it does, through the acceptor's `log`.
    """

    connection: Connection
    called_ae: str
    calling_ae: str
    max_length: int
    contexts: Mapping[int, tuple[str, str]]
    facts: AssociationFacts

    @property
    def peer(self) -> str:
        """The peer's address and port."""
        return self.connection.peer


MessageHandler = Callable[[Association, int, Mapping[int, int | str]], None]
"""Takes one message: its association, context and Command Set; reads its data set; answers."""


class _Worker:
    """One connection and its thread; `idle` while cutting it off would interrupt nothing."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.thread = threading.current_thread()
        self.idle = True
        self.facts: AssociationFacts | None = None


class Acceptor:
    """Listens, negotiates, and hands each message to `on_message`.

    Parameters
    ----------
    ae_title : str
        Our own, at most 16 characters.
    bind : str
        Address or host name to listen on.
    port : int
        0 for any that is free.
    limits : Limits
        What peers may make us spend.
    require_called_aet : bool
        Whether requests for another AE title are rejected.
    on_message : callable
        See `MessageHandler`; it runs in the association's thread.
    """

    def __init__(
        self,
        ae_title: str,
        bind: str,
        port: int,
        limits: Limits,
        require_called_aet: bool,
        on_message: MessageHandler,
    ) -> None:
        self._ae_title = ae_title
        self._bind = bind
        self._port = port
        self._limits = limits
        self._require_called_aet = require_called_aet
        self._on_message = on_message
        self.log = AssociationLog()
        self._listener: socket.socket | None = None
        self._listening = threading.Thread(target=self._listen, name="dicom-listen", daemon=True)
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._workers: set[_Worker] = set()
        self._established = 0

    def start(self) -> tuple[str, int]:
        """Listen, and return the address and port that are bound.

        Raises
        ------
        NetworkError
            If the address is unknown or the port taken.
        """
        where = f"{self._bind}:{self._port}"
        try:
            family, _, _, _, address = socket.getaddrinfo(
                self._bind, self._port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
            )[0]
            listener = socket.create_server(address[:2], family=family, backlog=128)
        except (OSError, UnicodeError, OverflowError) as error:
            number = getattr(error, "errno", None) or 0
            # Python adds the address once more; getaddrinfo has negative numbers of its own.
            reason = os.strerror(number) if number > 0 else getattr(error, "strerror", str(error))
            raise NetworkError(
                f"cannot listen on {where}: {reason}", "Choose another --port or --bind."
            ) from None
        self._listener = listener
        self._listening.start()
        bound = listener.getsockname()
        return str(bound[0]), int(bound[1])

    def stop(self, timeout_s: float) -> bool:
        """Stop listening, let running messages finish for `timeout_s`, abort the rest.

        Returns
        -------
        bool
            Whether every association has ended. One whose application does not
            return is left behind in a daemon thread; its peer gets no answer.
        """
        self._stopping.set()
        if self._listener is None:
            return True
        try:
            self._listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            _LOG.debug("the listener was closed already")
        self._listening.join()
        self._listener.close()
        with self._lock:
            workers = list(self._workers)
            for worker in workers:
                if worker.idle:
                    worker.connection.wake()
        _join(workers, timeout_s)
        for worker in workers:
            worker.connection.cut()
        _join(workers, _GRACE_S)
        return not any(worker.thread.is_alive() for worker in workers)

    def _listen(self) -> None:
        assert self._listener is not None  # noqa: S101 - start() sets it first
        full = False
        while not self._stopping.is_set():
            try:
                sock, address = self._listener.accept()
            except OSError as error:
                if not self._stopping.is_set():
                    _LOG.warning("cannot accept a connection: %s", error)
                    self._stopping.wait(0.2)
                continue
            with self._lock:
                count = len(self._workers)
            if count >= self._limits.max_associations + self._limits.max_waiting:
                if not full:
                    _LOG.warning("%d connections are open; more are turned away", count)
                full = True
                sock.close()
                continue
            full = False
            self._begin(sock, f"{address[0]}:{address[1]}")

    def _begin(self, sock: socket.socket, peer: str) -> None:
        try:
            worker = _Worker(Connection(sock, peer, self._limits.network_timeout_s))
            worker.thread = threading.Thread(
                target=self._run, args=(worker,), name=f"dicom-{peer}", daemon=True
            )
            with self._lock:
                self._workers.add(worker)
            worker.thread.start()
        except (OSError, RuntimeError) as error:
            _LOG.warning("cannot serve %s: %s", peer, error)
            with self._lock:
                self._workers = {each for each in self._workers if each.thread.is_alive()}
            sock.close()

    def _run(self, worker: _Worker) -> None:
        connection, peer = worker.connection, worker.connection.peer
        farewell, how = b"", "failed"
        try:
            farewell = self._serve(worker)
            how = "the station stopped" if self._stopping.is_set() else "released"
        except ConnectionLostError as error:
            how = "connection lost or aborted"
            if self._stopping.is_set():
                farewell, how = pdu.write_abort(None), "the station stopped"
            _LOG.info("%s", error.message)
        except PeerSilentError as error:
            farewell, how = pdu.write_abort(AbortReason.NOT_SPECIFIED), "aborted: silent"
            _LOG.warning("%s; aborted", error.message)
        except ProtocolError as error:
            farewell, how = pdu.write_abort(error.reason), "aborted: broke the protocol"
            _LOG.warning("%s: %s; aborted", peer, error.message)
        except Exception:
            # Whatever a peer's bytes have set off in here or in `on_message`, the peer is told
            # that nothing more comes of this association, and the next one is served.
            farewell = pdu.write_abort(AbortReason.NOT_SPECIFIED)
            _LOG.exception("the association with %s failed; aborted", peer)
        finally:
            if worker.facts is not None:
                self.log.end(worker.facts, how)
            linger = 0.0 if self._stopping.is_set() else _LINGER_S
            connection.close(farewell, linger_s=linger if farewell else 0.0)
            with self._lock:
                self._workers.discard(worker)

    def _serve(self, worker: _Worker) -> bytes:
        """Go through one association and return what is to be said at its end."""
        connection = worker.connection
        connection.set_deadline(self._limits.negotiation_timeout_s)
        _, body = connection.read_pdu(PduType.ASSOCIATE_RQ)
        request = pdu.read_associate_request(body)
        if not request.contexts:
            raise ProtocolError("the request proposes no Presentation Context")
        rejection = self._rejection(request)
        if rejection is None and not self._take_slot():
            rejection = pdu.LOCAL_LIMIT_EXCEEDED
        if rejection is not None:
            _LOG.warning(
                "rejected %s at %s, which called %s", request.calling_ae, connection.peer,
                request.called_ae,
            )  # fmt: skip
            self.log.rejected(
                connection.peer, request.calling_ae, request.called_ae, len(request.contexts)
            )
            return pdu.write_associate_reject(rejection)
        try:
            association = self._establish(worker, request)
            connection.set_deadline(None)
            return self._converse(worker, association)
        finally:
            with self._lock:
                self._established -= 1

    def _rejection(self, request: AssociateRequest) -> AssociateReject | None:
        if not request.protocol_version & 1:
            return pdu.PROTOCOL_VERSION_NOT_SUPPORTED
        if request.application_context != pdu.APPLICATION_CONTEXT:
            return pdu.APPLICATION_CONTEXT_NOT_SUPPORTED
        if self._require_called_aet and request.called_ae != self._ae_title:
            return pdu.CALLED_AE_NOT_RECOGNIZED
        return None

    def _take_slot(self) -> bool:
        with self._lock:
            if self._established >= self._limits.max_associations:
                return False
            self._established += 1
            return True

    def _establish(self, worker: _Worker, request: AssociateRequest) -> Association:
        connection = worker.connection
        answers = answer_contexts(request)
        accepted = _accepted(request, answers)
        storage = {abstract for abstract, _ in accepted.values()} - {VERIFICATION}
        levels = {uid: STORAGE_LEVELS for uid in request.extended if uid in storage}
        accept = AssociateAccept(
            request.called_ae,
            request.calling_ae,
            answers,
            self._limits.max_pdu_length,
            levels,
        )
        worker.facts = facts = self.log.begin(
            connection.peer, request.calling_ae, request.called_ae, len(accepted), len(answers)
        )
        connection.send(pdu.write_associate_accept(accept))
        _LOG.info(
            "%s at %s: association with %d of %d contexts",
            request.calling_ae, connection.peer, len(accepted), len(answers),
        )  # fmt: skip
        return Association(
            connection, request.called_ae, request.calling_ae, request.max_length, accepted, facts
        )

    def _converse(self, worker: _Worker, association: Association) -> bytes:
        connection = worker.connection

        def busy() -> None:
            worker.idle = False
            connection.timeout_s = self._limits.network_timeout_s

        while True:
            with self._lock:
                if self._stopping.is_set():
                    return pdu.write_abort(None)
                worker.idle = True
            connection.timeout_s = self._limits.idle_timeout_s
            message = connection.read_message_command(on_begin=busy)
            if message is None:
                _LOG.info("%s at %s: released", association.calling_ae, association.peer)
                return pdu.write_pdu(PduType.RELEASE_RP, bytes(4))
            context_id, command = message
            if context_id not in association.contexts:
                raise ProtocolError(f"a message came on context {context_id}, which is not open")
            self._on_message(association, context_id, command)


def _accepted(
    request: AssociateRequest, answers: tuple[AnsweredContext, ...]
) -> dict[int, tuple[str, str]]:
    return {
        proposed.context_id: (proposed.abstract_syntax, answer.transfer_syntax)
        for proposed, answer in zip(request.contexts, answers, strict=True)
        if answer.result == ContextResult.ACCEPTED
    }


def _join(workers: list[_Worker], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    for worker in workers:
        worker.thread.join(max(deadline - time.monotonic(), 0.0))
