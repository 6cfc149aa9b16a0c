"""Asking for associations (PS3.8, 7.1; PS3.7, Annex D), and what every SCU does with one."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from mediastation.errors import NetworkError
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.command import Command, CommandField
from mediastation.network.connection import (
    VALUE_HEAD_BYTES,
    Connection,
    ConnectionLostError,
    write_value_head,
)
from mediastation.network.pdu import (
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    PduType,
    ProposedContext,
    ProtocolError,
)

CHUNK_BYTES = 128 * 1024
_RELEASE_TIMEOUT_S = 5.0
_MAX_DISCARDED_BYTES = 1 << 20


class AssociationRejectedError(NetworkError):
    """The peer rejected the association; `is_transient` if it may accept it later."""

    def __init__(self, message: str, hint: str, *, is_transient: bool) -> None:
        super().__init__(message, hint)
        self.is_transient = is_transient


@dataclass(frozen=True, slots=True)
class RemoteAe:
    """Where a peer listens, and who calls whom.

    Parameters
    ----------
    host, port : str, int
        Its address.
    called_ae, calling_ae : str
        AE titles of the peer and of ours, 1 to 16 characters.
    timeout_s : float
        Longest silence of the peer.
    connect_timeout_s : float or None
        Longest wait for the connection; `timeout_s` by default.
    max_pdu_length : int
        The longest P-DATA-TF that we ask for and send, in bytes.
    """

    host: str
    port: int
    called_ae: str
    calling_ae: str
    timeout_s: float = 60.0
    connect_timeout_s: float | None = None
    max_pdu_length: int = CHUNK_BYTES


class Requestor:
    """An association of ours; leaving the block releases it, an exception aborts it.

    Parameters
    ----------
    remote : RemoteAe
        The peer.
    contexts : tuple of ProposedContext
        At most 128, with one Transfer Syntax each where it matters which.
    roles : mapping of str to tuple of bool
        SOP Classes whose SCP we want to be: SCU and SCP role of ours.
    alive : callable, optional
        Called twice a second while the peer is waited for; may raise to stop.

    Raises
    ------
    AssociationRejectedError
        If the peer rejects the association.
    NetworkError
        If it cannot be reached, falls silent or breaks the protocol.
    """

    def __init__(
        self,
        remote: RemoteAe,
        contexts: tuple[ProposedContext, ...],
        *,
        roles: Mapping[str, tuple[bool, bool]] | None = None,
        alive: Callable[[], None] | None = None,
    ) -> None:
        for title in (remote.calling_ae, remote.called_ae):
            if not (0 < len(title.strip()) <= 16 and title.isascii() and title.isprintable()):
                raise NetworkError(f"{title!r} is no AE title: 1 to 16 plain characters")
        self.remote = remote
        self._request = AssociateRequest(
            remote.called_ae, remote.calling_ae, contexts, remote.max_pdu_length, roles=roles or {}
        )
        self.connection = _connect(remote)
        self.connection.on_wait(alive)
        self._message_id = 0
        try:
            accept = self._negotiate()
        except AssociationRejectedError:
            self.connection.close()
            raise
        except BaseException:
            self.connection.close(pdu.write_abort(None))
            raise
        longest = min(remote.max_pdu_length, CHUNK_BYTES)
        self.room = min(accept.max_length or longest, longest)
        self.accepted = _accepted(self._request, accept)
        self.served = {uid for uid, (_, is_scp) in accept.roles.items() if is_scp}
        self.by_id = {number: pair for pair, number in self.accepted.items()}

    def __enter__(self) -> Requestor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._release()
        elif issubclass(kind, ProtocolError):
            self.connection.close(pdu.write_abort(pdu.AbortReason.NOT_SPECIFIED))
        else:
            self.connection.close(pdu.write_abort(None))

    @property
    def peer(self) -> str:
        """What messages call the peer: host and port."""
        return self.connection.peer

    def _negotiate(self) -> AssociateAccept:
        connection, request = self.connection, self._request
        connection.send(pdu.write_associate_request(request))
        kind, body = connection.read_pdu(PduType.ASSOCIATE_AC, PduType.ASSOCIATE_RJ)
        if kind is PduType.ASSOCIATE_RJ:
            reject = pdu.read_associate_reject(body)
            raise AssociationRejectedError(
                f"{request.called_ae} at {connection.peer} refused the association:"
                f" {reject.words()}",
                f"We called as {request.calling_ae}; check both AE titles with the peer.",
                is_transient=reject.is_transient,
            )
        return pdu.read_associate_accept(body)

    def _release(self) -> None:
        """Ask for release. Everything was answered already, so trouble here loses nothing."""
        try:
            self.connection.on_wait(None)
            self.connection.timeout_s = _RELEASE_TIMEOUT_S
            self.connection.send(pdu.write_pdu(PduType.RELEASE_RQ, bytes(4)))
            self.connection.read_pdu(PduType.RELEASE_RP)
        except NetworkError:
            pass
        finally:
            self.connection.close()

    def context_of(self, sop_class: str) -> tuple[int, str] | None:
        """Return an accepted context of `sop_class` and its Transfer Syntax; None if refused."""
        for (abstract, syntax), number in self.accepted.items():
            if abstract == sop_class:
                return number, syntax
        return None

    def begin(
        self, context_id: int, field: CommandField, elements: Command, *, has_data: bool = False
    ) -> int:
        """Send the Command Set of a request and return its Message ID."""
        self._message_id = self._message_id % 0xFFFF + 1
        command = {
            **elements,
            dimse.COMMAND_FIELD: int(field),
            dimse.MESSAGE_ID: self._message_id,
            dimse.COMMAND_DATA_SET_TYPE: 0 if has_data else dimse.NO_DATA_SET,
        }
        self.connection.send_command(context_id, command, self.room)
        return self._message_id

    def send_data_set(self, context_id: int, data: bytes) -> None:
        """Send a small data set in pieces of even length (PS3.8, Annex E.1)."""
        room = piece_bytes(self.room)
        for start in range(0, max(len(data), 1), room):
            piece = data[start : start + room]
            is_last = start + room >= len(data)
            head = write_value_head(context_id, 2 if is_last else 0, len(piece))
            self.connection.send(head + piece)

    def cancel(self, context_id: int, message_id: int) -> None:
        """Ask the peer to end what it does for `message_id` (C-CANCEL; PS3.7, 9.3.2.3)."""
        command: dict[int, int | str] = {
            dimse.COMMAND_FIELD: CommandField.C_CANCEL_RQ,
            dimse.MESSAGE_ID_RESPONDED_TO: message_id,
            dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
        }
        self.connection.send_command(context_id, command, self.room)

    def read_message(self) -> tuple[int, dict[int, int | str]]:
        """Return the context and Command Set of the next message; a release is no message."""
        message = self.connection.read_message_command()
        if message is None:
            raise ConnectionLostError(f"{self.peer} released the association instead of answering")
        return message

    def require_answer_to(self, command: Command, field: CommandField, message_id: int) -> None:
        """Raise `ProtocolError` unless `command` answers that very message."""
        if (
            dimse.number(command, dimse.COMMAND_FIELD) != field
            or dimse.number(command, dimse.MESSAGE_ID_RESPONDED_TO) != message_id
        ):
            raise ProtocolError(f"{self.peer} answered something else than it was asked")

    def read_response(self, field: CommandField, message_id: int) -> Command:
        """Return the one response to a request; a data set that comes with it is forgotten."""
        context_id, command = self.read_message()
        self.require_answer_to(command, field, message_id)
        if has_data_set(command):
            self.read_data_set(context_id, _MAX_DISCARDED_BYTES)
        return command

    def read_data_set(self, context_id: int, most_bytes: int) -> bytes:
        """Return the data set that follows; `ProtocolError` if it is longer than `most_bytes`."""
        data = bytearray()
        for piece in self.connection.iter_data_set(context_id):
            data += piece
            if len(data) > most_bytes:
                raise ProtocolError(f"{self.peer} answered with more than {most_bytes:,} bytes")
        return bytes(data)


@dataclass(slots=True)
class ContextTable:
    """Presentation Contexts to be proposed: pairs of SOP Class and Transfer Syntax."""

    pairs: dict[tuple[str, str], None] = field(default_factory=dict)

    def add(self, pairs: list[tuple[str, str]]) -> bool:
        """Take in all of `pairs`; false, and nothing taken, if they have no room."""
        merged = self.pairs | dict.fromkeys(pairs)
        if len(merged) > pdu.MAX_CONTEXTS:
            return False
        self.pairs = merged
        return True

    def contexts(self) -> tuple[ProposedContext, ...]:
        """Return one context for each pair."""
        return tuple(
            ProposedContext(2 * index + 1, sop_class, (syntax,))
            for index, (sop_class, syntax) in enumerate(self.pairs)
        )


def piece_bytes(room: int) -> int:
    """Return how many bytes of a data set one P-DATA-TF of `room` bytes carries: even."""
    return max((room - (VALUE_HEAD_BYTES - 6)) & ~1, 2)


def has_data_set(command: Command) -> bool:
    """Tell whether a data set follows the Command Set."""
    return (
        dimse.number(command, dimse.COMMAND_DATA_SET_TYPE, dimse.NO_DATA_SET) != dimse.NO_DATA_SET
    )


def _accepted(request: AssociateRequest, accept: AssociateAccept) -> dict[tuple[str, str], int]:
    """Return the accepted contexts; one in a syntax that was not proposed in it counts as none."""
    proposed = {context.context_id: context for context in request.contexts}
    return {
        (proposed[answer.context_id].abstract_syntax, answer.transfer_syntax): answer.context_id
        for answer in accept.contexts
        if answer.result == ContextResult.ACCEPTED
        and answer.context_id in proposed
        and answer.transfer_syntax in proposed[answer.context_id].transfer_syntaxes
    }


def _connect(remote: RemoteAe) -> Connection:
    peer = f"{remote.host}:{remote.port}"
    timeout_s = remote.connect_timeout_s or remote.timeout_s
    try:
        sock = socket.create_connection((remote.host, remote.port), timeout=timeout_s)
    except TimeoutError:
        raise NetworkError(
            f"{peer} does not answer", "Check address, network and firewall."
        ) from None
    except ConnectionRefusedError:
        raise NetworkError(
            f"nothing listens at {peer}", "Check the port, and that the peer is running."
        ) from None
    except (OSError, UnicodeError, OverflowError) as error:
        raise NetworkError(f"cannot reach {peer}: {error}") from None
    return Connection(sock, peer, remote.timeout_s)
