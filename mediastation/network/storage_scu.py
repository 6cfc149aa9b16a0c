"""The Storage and Verification SCU (PS3.4, A and B): files sent as they lie.

No data set is decoded: each goes out in the transfer syntax that it has, in
pieces, so an object of any size takes the same memory. Where the peer does not
take that syntax the instance is not sent, and said so.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from mediastation.errors import NetworkError, RefusedError
from mediastation.model.transfer_syntax import DEFLATED_LE, EXPLICIT_LE, IMPLICIT_LE
from mediastation.network import command as dimse
from mediastation.network.command import CommandField
from mediastation.network.connection import VALUE_HEAD_BYTES, write_value_head
from mediastation.network.contexts import VERIFICATION
from mediastation.network.part10 import SendableFile, read_sendable_file
from mediastation.network.pdu import ProposedContext
from mediastation.network.requestor import ContextTable, RemoteAe, Requestor, piece_bytes

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
    remote = RemoteAe(address, port, called_ae, calling_ae, timeout_s)
    for batch, table in _iter_batches(sendable):
        with Requestor(remote, table.contexts()) as association:
            for file in batch:
                tell(store_file(association, file))
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
    return verify(RemoteAe(address, port, called_ae, calling_ae, timeout_s))


def verify(remote: RemoteAe) -> float:
    """Do what `echo` does, for a peer that is described already."""
    begin = time.monotonic()
    context = ProposedContext(1, VERIFICATION, (IMPLICIT_LE, EXPLICIT_LE))
    with Requestor(remote, (context,)) as association:
        accepted = association.context_of(VERIFICATION)
        if accepted is None:
            raise NetworkError(f"{association.peer} does not serve C-ECHO")
        request = {dimse.AFFECTED_SOP_CLASS_UID: VERIFICATION}
        asked = association.begin(accepted[0], CommandField.C_ECHO_RQ, request)
        command = association.read_response(CommandField.C_ECHO_RSP, asked)
        status = dimse.number(command, dimse.STATUS)
    if status != 0:
        raise NetworkError(f"{association.peer} answered C-ECHO with status {status:04X}")
    return time.monotonic() - begin


def store_file(
    association: Requestor, file: SendableFile, on_bytes: Callable[[int], None] | None = None
) -> SentInstance:
    """Send one file and return what the peer answered.

    Parameters
    ----------
    association : Requestor
        Has a context for class and syntax of the file, or the file is not sent.
    file : SendableFile
        The file.
    on_bytes : callable, optional
        Called with the length of each piece that went out; may raise to stop.
    """
    context_id = association.accepted.get((file.sop_class_uid, file.transfer_syntax_uid))
    if context_id is None:
        return _unsent(
            file,
            f"the peer does not take class {file.sop_class_uid}"
            f" in transfer syntax {file.transfer_syntax_uid}",
        )
    if file.dataset_length % 2 and file.transfer_syntax_uid not in _PADDED_SYNTAXES:
        reason = "the data set has an odd number of bytes; no message can carry it as it is"
        return _unsent(file, reason)
    request: dict[int, int | str] = {
        dimse.AFFECTED_SOP_CLASS_UID: file.sop_class_uid,
        dimse.AFFECTED_SOP_INSTANCE_UID: file.sop_instance_uid,
        dimse.PRIORITY: 0,
    }
    try:
        source = file.path.open("rb", buffering=0)
    except OSError as error:
        return _unsent(file, f"cannot be read: {error}")
    with source:
        asked = association.begin(context_id, CommandField.C_STORE_RQ, request, has_data=True)
        source.seek(file.dataset_offset)
        left = file.dataset_length
        padding = left % 2
        # Pieces of even length, as PS3.8, Annex E.1 asks; each with its head
        # in one buffer, so that it makes one call.
        room = piece_bytes(association.room)
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
            association.connection.send(piece)
            if on_bytes is not None:
                on_bytes(count)
    command = association.read_response(CommandField.C_STORE_RSP, asked)
    status = dimse.number(command, dimse.STATUS)
    comment = dimse.text(command, dimse.ERROR_COMMENT)
    return SentInstance(file.path, file.sop_instance_uid, status, comment)


def _unsent(file: SendableFile, reason: str) -> SentInstance:
    return SentInstance(file.path, file.sop_instance_uid, None, reason)


def _iter_batches(
    files: Iterable[SendableFile],
) -> Iterator[tuple[list[SendableFile], ContextTable]]:
    """Cut `files` where a batch would need more than 128 pairs of class and syntax."""
    batch: list[SendableFile] = []
    table = ContextTable()
    for file in files:
        pair = [(file.sop_class_uid, file.transfer_syntax_uid)]
        if not table.add(pair):
            yield batch, table
            batch, table = [], ContextTable()
            table.add(pair)
        batch.append(file)
    if batch:
        yield batch, table
