"""The Storage and Verification SCU (PS3.4, A and B): files sent as they lie.

No data set is decoded: each goes out in the transfer syntax that it has, in
pieces, so an object of any size takes the same memory. Where the peer does not
take that syntax the instance is not sent, and said so.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import NetworkError, RefusedError
from mediastation.model.transfer_syntax import DEFLATED_LE, EXPLICIT_LE, IMPLICIT_LE
from mediastation.network import command as dimse
from mediastation.network import pdu
from mediastation.network.command import CommandField
from mediastation.network.connection import (
    VALUE_HEAD_BYTES,
    Connection,
    ConnectionLostError,
    write_value_head,
)
from mediastation.network.contexts import VERIFICATION
from mediastation.network.part10 import SendableFile, read_sendable_file
from mediastation.network.pdu import (
    AssociateAccept,
    AssociateRequest,
    ContextResult,
    PduType,
    ProposedContext,
    ProtocolError,
)

_CHUNK_BYTES = 128 * 1024
_RELEASE_TIMEOUT_S = 5.0
# A deflated stream of odd length gets a NULL behind it (PS3.5, A.5), which
# files in the field often lack.
_PADDED_SYNTAXES = (DEFLATED_LE,)


@dataclass(frozen=True, slots=True)
class SentInstance:
    """What became of one file.

    Parameters
    ----------
    path : Path
        The file.
    sop_instance_uid : str
        Of its file meta; empty if it could not be read.
    status : int or None
        Status of the C-STORE response; None if it was not sent.
    comment : str
        The peer's Error Comment, or why it was not sent.
    """

    path: Path
    sop_instance_uid: str
    status: int | None
    comment: str = ""

    @property
    def stored(self) -> bool:
        """Whether the peer has it: success, or a warning (PS3.7, Annex C)."""
        return self.status is not None and (
            self.status in (0x0000, 0x0001, 0x0107, 0x0116) or self.status >> 12 == 0xB
        )


@dataclass(frozen=True, slots=True)
class SendReport:
    """What became of all files, in the order sent; those that cannot be sent come first."""

    instances: tuple[SentInstance, ...]

    @property
    def stored(self) -> int:
        """How many the peer has."""
        return sum(instance.stored for instance in self.instances)

    @property
    def refused(self) -> tuple[SentInstance, ...]:
        """The ones that the peer has not."""
        return tuple(instance for instance in self.instances if not instance.stored)


Progress = Callable[[SentInstance], None]


def send_files(
    address: str,
    port: int,
    files: Iterable[Path],
    *,
    calling_ae: str,
    called_ae: str,
    progress: Progress | None = None,
    timeout_s: float = 60.0,
) -> SendReport:
    """Send `files` to a Storage SCP, each in its own class and transfer syntax.

    One context is proposed for each pair of class and syntax; more than 128
    pairs take several associations, one behind the other.

    Parameters
    ----------
    address, port : str, int
        Where the peer listens.
    files : iterable of Path
        Files with file meta.
    calling_ae, called_ae : str
        AE titles of ours and of the peer, 1 to 16 characters.
    progress : callable, optional
        Called with each outcome as soon as it is known.
    timeout_s : float
        Longest silence of the peer.

    Raises
    ------
    NetworkError
        If the peer cannot be reached, rejects the association, aborts or falls
        silent. What it acknowledged before, `progress` has been told.
    """
    outcomes: list[SentInstance] = []

    def tell(outcome: SentInstance) -> None:
        outcomes.append(outcome)
        if progress is not None:
            progress(outcome)

    sendable = []
    for path in files:
        try:
            sendable.append(read_sendable_file(path))
        except RefusedError as error:
            tell(SentInstance(path, "", None, error.message))
        except OSError as error:
            tell(SentInstance(path, "", None, f"cannot be read: {error}"))
    for batch, pairs in _iter_batches(sendable):
        contexts = tuple(
            ProposedContext(2 * index + 1, sop_class, (syntax,))
            for index, (sop_class, syntax) in enumerate(pairs)
        )
        association = _Requestor(address, port, calling_ae, called_ae, contexts, timeout_s)
        with association:
            for file in batch:
                tell(association.store(file))
    return SendReport(tuple(outcomes))


def echo(
    address: str,
    port: int,
    *,
    calling_ae: str,
    called_ae: str,
    timeout_s: float = 30.0,
) -> float:
    """Verify that a DICOM application answers (C-ECHO); return the seconds it took.

    Raises
    ------
    NetworkError
        If it does not, or answers with a failure.
    """
    begin = time.monotonic()
    context = ProposedContext(1, VERIFICATION, (IMPLICIT_LE, EXPLICIT_LE))
    with _Requestor(address, port, calling_ae, called_ae, (context,), timeout_s) as association:
        status = association.verify()
    if status != 0:
        raise NetworkError(f"{address}:{port} answered C-ECHO with status {status:04X}")
    return time.monotonic() - begin


def _iter_batches(
    files: Iterable[SendableFile],
) -> Iterator[tuple[list[SendableFile], tuple[tuple[str, str], ...]]]:
    """Cut `files` where a batch would need more than 128 pairs of class and syntax."""
    batch: list[SendableFile] = []
    pairs: dict[tuple[str, str], None] = {}
    for file in files:
        pair = (file.sop_class_uid, file.transfer_syntax_uid)
        if pair not in pairs and len(pairs) == pdu.MAX_CONTEXTS:
            yield batch, tuple(pairs)
            batch, pairs = [], {}
        batch.append(file)
        pairs[pair] = None
    if batch:
        yield batch, tuple(pairs)


class _Requestor:
    """An association of ours; leaving the block releases it, an exception aborts it."""

    def __init__(
        self,
        address: str,
        port: int,
        calling_ae: str,
        called_ae: str,
        contexts: tuple[ProposedContext, ...],
        timeout_s: float,
    ) -> None:
        for title in (calling_ae, called_ae):
            if not (0 < len(title.strip()) <= 16 and title.isascii() and title.isprintable()):
                raise NetworkError(f"{title!r} is no AE title: 1 to 16 plain characters")
        self._request = AssociateRequest(called_ae, calling_ae, contexts, _CHUNK_BYTES)
        self._connection = _connect(address, port, timeout_s)
        self._message_id = 0
        try:
            accept = self._negotiate()
        except BaseException:
            self._connection.close()
            raise
        self._room = min(accept.max_length or _CHUNK_BYTES, _CHUNK_BYTES)
        self._contexts = _accepted(self._request, accept)

    def __enter__(self) -> _Requestor:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self._release()
        elif issubclass(kind, ProtocolError):
            self._connection.close(pdu.write_abort(pdu.AbortReason.NOT_SPECIFIED))
        else:
            self._connection.close(pdu.write_abort(None))

    def _negotiate(self) -> AssociateAccept:
        connection, request = self._connection, self._request
        connection.send(pdu.write_associate_request(request))
        kind, body = connection.read_pdu(PduType.ASSOCIATE_AC, PduType.ASSOCIATE_RJ)
        if kind is PduType.ASSOCIATE_RJ:
            reject = pdu.read_associate_reject(body)
            raise NetworkError(
                f"{request.called_ae} at {connection.peer} refused the association:"
                f" {reject.words()}",
                f"We called as {request.calling_ae}; check both AE titles with the peer.",
            )
        return pdu.read_associate_accept(body)

    def _release(self) -> None:
        """Ask for release. Everything was answered already, so trouble here loses nothing."""
        try:
            self._connection.timeout_s = _RELEASE_TIMEOUT_S
            self._connection.send(pdu.write_pdu(PduType.RELEASE_RQ, bytes(4)))
            self._connection.read_pdu(PduType.RELEASE_RP)
        except NetworkError:
            pass
        finally:
            self._connection.close()

    def _next_message_id(self) -> int:
        self._message_id = self._message_id % 0xFFFF + 1
        return self._message_id

    def verify(self) -> int:
        """Send a C-ECHO and return the status."""
        if (VERIFICATION, IMPLICIT_LE) in self._contexts:
            context_id = self._contexts[VERIFICATION, IMPLICIT_LE]
        elif (VERIFICATION, EXPLICIT_LE) in self._contexts:
            context_id = self._contexts[VERIFICATION, EXPLICIT_LE]
        else:
            raise NetworkError(f"{self._connection.peer} does not serve C-ECHO")
        request: dict[int, int | str] = {
            dimse.AFFECTED_SOP_CLASS_UID: VERIFICATION,
            dimse.COMMAND_FIELD: CommandField.C_ECHO_RQ,
            dimse.MESSAGE_ID: self._next_message_id(),
            dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
        }
        self._connection.send_command(context_id, request, self._room)
        return self._response(CommandField.C_ECHO_RSP)[0]

    def store(self, file: SendableFile) -> SentInstance:
        """Send one file and return what the peer answered."""
        context_id = self._contexts.get((file.sop_class_uid, file.transfer_syntax_uid))
        if context_id is None:
            return SentInstance(
                file.path,
                file.sop_instance_uid,
                None,
                f"the peer does not take class {file.sop_class_uid}"
                f" in transfer syntax {file.transfer_syntax_uid}",
            )
        if file.dataset_length % 2 and file.transfer_syntax_uid not in _PADDED_SYNTAXES:
            reason = "the data set has an odd number of bytes; no message can carry it as it is"
            return SentInstance(file.path, file.sop_instance_uid, None, reason)
        request: dict[int, int | str] = {
            dimse.AFFECTED_SOP_CLASS_UID: file.sop_class_uid,
            dimse.AFFECTED_SOP_INSTANCE_UID: file.sop_instance_uid,
            dimse.COMMAND_FIELD: CommandField.C_STORE_RQ,
            dimse.MESSAGE_ID: self._next_message_id(),
            dimse.PRIORITY: 0,
            dimse.COMMAND_DATA_SET_TYPE: 0,
        }
        try:
            source = file.path.open("rb", buffering=0)
        except OSError as error:
            reason = f"cannot be read: {error}"
            return SentInstance(file.path, file.sop_instance_uid, None, reason)
        with source:
            self._connection.send_command(context_id, request, self._room)
            source.seek(file.dataset_offset)
            left = file.dataset_length
            padding = left % 2
            # Pieces of even length, as PS3.8, Annex E.1 asks; each with its head
            # in one buffer, so that it makes one call.
            room = max((self._room - 6) & ~1, 2)
            buffer = memoryview(bytearray(VALUE_HEAD_BYTES + room))
            while left:
                count = min(left, room)
                left -= count
                size = count if left else count + padding
                piece = buffer[: VALUE_HEAD_BYTES + size]
                piece[:VALUE_HEAD_BYTES] = write_value_head(context_id, 0 if left else 2, size)
                if source.readinto(piece[VALUE_HEAD_BYTES:][:count]) != count:
                    raise NetworkError(f"{file.path} changed while it was sent")
                piece[VALUE_HEAD_BYTES + count :] = bytes(size - count)
                self._connection.send(piece)
        status, comment = self._response(CommandField.C_STORE_RSP)
        return SentInstance(file.path, file.sop_instance_uid, status, comment)

    def _response(self, field: CommandField) -> tuple[int, str]:
        message = self._connection.read_message_command()
        peer = self._connection.peer
        if message is None:
            raise ConnectionLostError(f"{peer} released the association instead of answering")
        context_id, command = message
        if (
            dimse.number(command, dimse.COMMAND_FIELD) != field
            or dimse.number(command, dimse.MESSAGE_ID_RESPONDED_TO) != self._message_id
        ):
            raise ProtocolError(f"{peer} answered something else than it was asked")
        if dimse.number(command, dimse.COMMAND_DATA_SET_TYPE, dimse.NO_DATA_SET) != (
            dimse.NO_DATA_SET
        ):
            for _ in self._connection.iter_data_set(context_id):
                pass
        return dimse.number(command, dimse.STATUS), dimse.text(command, dimse.ERROR_COMMENT)


def _accepted(request: AssociateRequest, accept: AssociateAccept) -> dict[tuple[str, str], int]:
    proposed = {context.context_id: context for context in request.contexts}
    return {
        (proposed[answer.context_id].abstract_syntax, answer.transfer_syntax): answer.context_id
        for answer in accept.contexts
        if answer.result == ContextResult.ACCEPTED and answer.context_id in proposed
    }


def _connect(address: str, port: int, timeout_s: float) -> Connection:
    peer = f"{address}:{port}"
    try:
        sock = socket.create_connection((address, port), timeout=timeout_s)
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
    return Connection(sock, peer, timeout_s)
