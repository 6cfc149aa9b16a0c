"""The SCU of Query/Retrieve (PS3.4, C) and of worklists (PS3.4, K): C-FIND, C-MOVE and C-GET.

Memory and time are bounded. Identifiers pass as bytes; what they mean is not
known here. What comes back on a C-GET goes to disk as it does in the Storage SCP.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum

from mediastation.errors import NetworkError
from mediastation.model.transfer_syntax import EXPLICIT_LE, IMPLICIT_LE
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.command import Command, CommandField
from mediastation.network.pdu import ProposedContext, ProtocolError
from mediastation.network.reception import Reception, Sender, StoreAnswer, write_response
from mediastation.network.requestor import Requestor, has_data_set

MAX_IDENTIFIER_BYTES = 1 << 20
"""The longest identifier that is taken: a list of 15,000 UIDs fits."""
MAX_RESPONSES = 1_000_000
"""Pending responses to one request beyond which the peer is taken to be broken."""
_AFTER_CANCEL = 10_000
_ROOT = "1.2.840.10008.5.1.4.1.2"
MODALITY_WORKLIST = "1.2.840.10008.5.1.4.31"
"""SOP Class UID of C-FIND in worklists (PS3.4, K.6.1.1)."""


class Model(Enum):
    """An information model (PS3.4, C.6): the UIDs of its FIND, MOVE and GET."""

    PATIENT = 1
    STUDY = 2

    @property
    def find(self) -> str:
        """SOP Class UID of C-FIND."""
        return f"{_ROOT}.{self.value}.1"

    @property
    def move(self) -> str:
        """SOP Class UID of C-MOVE."""
        return f"{_ROOT}.{self.value}.2"

    @property
    def get(self) -> str:
        """SOP Class UID of C-GET."""
        return f"{_ROOT}.{self.value}.3"


class NotServedError(NetworkError):
    """The peer does not take what a request needs; another way may do."""


@dataclass(frozen=True, slots=True)
class Response:
    """One response to C-FIND, C-MOVE or C-GET.

    `identifier` is the data set with it, empty if there is none, in
    `transfer_syntax`. The counters are of sub-operations; -1 where the peer
    does not tell.
    """

    status: int
    comment: str
    identifier: bytes
    transfer_syntax: str
    remaining: int = -1
    completed: int = -1
    failed: int = -1
    warned: int = -1

    @property
    def is_pending(self) -> bool:
        """Whether more is to come (PS3.7, Annex C.1.1)."""
        return self.status in (0xFF00, 0xFF01)


Identifier = Callable[[str], bytes]
"""Encodes the identifier of a request in the Transfer Syntax that was accepted."""


def query_contexts(*classes: str) -> tuple[ProposedContext, ...]:
    """Return one context for each class, in either uncompressed encoding."""
    return tuple(
        ProposedContext(2 * index + 1, uid, (EXPLICIT_LE, IMPLICIT_LE))
        for index, uid in enumerate(classes)
    )


def iter_find(
    association: Requestor, sop_class: str, identifier: Identifier, limit: int
) -> Iterator[Response]:
    """Query, and yield the responses; the last is the final one, and not pending.

    After `limit` matches the query is cancelled. A peer that goes on all the
    same is cut off by a `ProtocolError`.

    Raises
    ------
    NotServedError
        If the peer did not accept `sop_class`.
    NetworkError
        As for every association.
    """
    context_id, syntax = _context(association, sop_class)
    asked = association.begin(
        context_id,
        CommandField.C_FIND_RQ,
        {dimse.AFFECTED_SOP_CLASS_UID: sop_class, dimse.PRIORITY: 0},
        has_data=True,
    )
    association.send_data_set(context_id, identifier(syntax))
    matches = after = 0
    while True:
        number, command = association.read_message()
        association.require_answer_to(command, CommandField.C_FIND_RSP, asked)
        response = _response(association, number, context_id, command, syntax)
        if not response.is_pending:
            yield response
            return
        matches += 1
        if matches <= limit:
            yield response
            if matches == limit:
                association.cancel(context_id, asked)
        else:
            after += 1
            if after > _AFTER_CANCEL:
                raise ProtocolError(f"{association.peer} goes on with a query that was cancelled")


def iter_move(
    association: Requestor, sop_class: str, destination: str, identifier: Identifier
) -> Iterator[Response]:
    """Have the peer send to `destination`, an AE title that it knows; yield its responses.

    Whatever ends the iteration early also ends the association, and with it
    the retrieval. Errors as for `iter_find`.
    """
    context_id, syntax = _context(association, sop_class)
    asked = association.begin(
        context_id,
        CommandField.C_MOVE_RQ,
        {
            dimse.AFFECTED_SOP_CLASS_UID: sop_class,
            dimse.PRIORITY: 0,
            dimse.MOVE_DESTINATION: destination,
        },
        has_data=True,
    )
    association.send_data_set(context_id, identifier(syntax))
    for _ in range(MAX_RESPONSES):
        number, command = association.read_message()
        association.require_answer_to(command, CommandField.C_MOVE_RSP, asked)
        response = _response(association, number, context_id, command, syntax)
        yield response
        if not response.is_pending:
            return
    raise ProtocolError(f"{association.peer} answers without an end")


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of one instance that came on a C-GET."""

    sop_instance_uid: str
    answer: StoreAnswer


def iter_get(
    association: Requestor,
    sop_class: str,
    identifier: Identifier,
    reception: Reception,
    on_bytes: Callable[[int], None] = lambda _: None,
) -> Iterator[Response | Arrival]:
    """Retrieve over this very association; yield what arrived, and the responses.

    Each instance is answered as `reception` says, so success is said of what
    is durable only. Errors as for `iter_find`.
    """
    context_id, syntax = _context(association, sop_class)
    asked = association.begin(
        context_id,
        CommandField.C_GET_RQ,
        {dimse.AFFECTED_SOP_CLASS_UID: sop_class, dimse.PRIORITY: 0},
        has_data=True,
    )
    association.send_data_set(context_id, identifier(syntax))
    for _ in range(2 * MAX_RESPONSES):
        number, command = association.read_message()
        if dimse.number(command, dimse.COMMAND_FIELD) == CommandField.C_STORE_RQ:
            yield _take(association, number, command, reception, on_bytes)
            continue
        association.require_answer_to(command, CommandField.C_GET_RSP, asked)
        response = _response(association, number, context_id, command, syntax)
        yield response
        if not response.is_pending:
            return
    raise ProtocolError(f"{association.peer} answers without an end")


def get_contexts(
    sop_class: str, classes: Iterable[str], syntaxes: Iterable[str]
) -> tuple[tuple[ProposedContext, ...], dict[str, tuple[bool, bool]]]:
    """Return contexts and roles for a C-GET of instances of `classes`.

    Each class gets a context for every syntax, so that the peer can send each
    instance as it has it. Where 128 contexts do not do, the last one of each
    class takes all the syntaxes that are left: the peer then chooses.

    Raises
    ------
    ValueError
        If there are more than 127 classes.
    """
    wanted, encodings = list(dict.fromkeys(classes)), list(dict.fromkeys(syntaxes))
    room = pdu.MAX_CONTEXTS - 1
    if len(wanted) > room:
        raise ValueError(f"{len(wanted)} classes do not fit one association")
    each = min(len(encodings), room // max(len(wanted), 1))
    groups = [(one,) for one in encodings[: each - 1]] + [tuple(encodings[each - 1 :])]
    contexts = list(query_contexts(sop_class))
    for uid in wanted:
        for group in groups:
            contexts.append(ProposedContext(2 * len(contexts) + 1, uid, group))
    return tuple(contexts), dict.fromkeys(wanted, (False, True))


def _context(association: Requestor, sop_class: str) -> tuple[int, str]:
    accepted = association.context_of(sop_class)
    if accepted is None:
        raise NotServedError(f"{association.peer} does not serve {_name(sop_class)}")
    return accepted


def _take(
    association: Requestor,
    context_id: int,
    command: Command,
    reception: Reception,
    on_bytes: Callable[[int], None],
) -> Arrival:
    if context_id not in association.by_id:
        raise ProtocolError(f"a message came on context {context_id}, which is not open")
    abstract, syntax = association.by_id[context_id]
    remote = association.remote
    # The peer is the sender here: its title is the one that called us.
    sender = Sender(
        association.connection,
        context_id,
        abstract,
        syntax,
        remote.called_ae,
        remote.calling_ae,
        on_bytes,
    )
    answer = reception.store(sender, command)
    response = write_response(command, CommandField.C_STORE_RQ, answer)
    association.connection.send_command(context_id, response, association.room)
    return Arrival(dimse.text(command, dimse.AFFECTED_SOP_INSTANCE_UID), answer)


def _response(
    association: Requestor, context_id: int, expected: int, command: Command, syntax: str
) -> Response:
    if context_id != expected:
        raise ProtocolError(f"{association.peer} answered on another context")
    data = b""
    if has_data_set(command):
        data = association.read_data_set(context_id, MAX_IDENTIFIER_BYTES)
    counters = (
        dimse.number(command, element, -1)
        for element in (dimse.REMAINING, dimse.COMPLETED, dimse.FAILED, dimse.WARNED)
    )
    status, comment = dimse.number(command, dimse.STATUS), dimse.text(command, dimse.ERROR_COMMENT)
    return Response(status, comment, data, syntax, *counters)


def _name(sop_class: str) -> str:
    if sop_class == MODALITY_WORKLIST:
        return "Modality Worklist"
    root = "Patient Root" if sop_class.startswith(f"{_ROOT}.1.") else "Study Root"
    return {"1": "C-FIND", "2": "C-MOVE"}.get(sop_class[-1], "C-GET") + f" by {root}"
