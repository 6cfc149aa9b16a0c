"""One instance as it comes over an association: to disk, and to whoever keeps it.

The same for the Storage SCP and for what comes back on a C-GET.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from mediastation.model.file_meta import encode_file_meta
from mediastation.network import command as dimse
from mediastation.network.connection import Connection
from mediastation.network.contexts import VERIFICATION

_LOG = logging.getLogger(__name__)
_ROOM_CHECK_BYTES = 16 * 1024 * 1024

Command = Mapping[int, int | str]


class StoreAnswer(Enum):
    """What a C-STORE is answered (PS3.4, B.2.3; PS3.7, Annex C): status and Error Comment."""

    STORED = (0x0000, "")
    OUT_OF_RESOURCES = (0xA700, "The station has no room, or is busy; its log says which")
    DOES_NOT_MATCH = (0xA900, "Class or instance of the data set differ from the request")
    CANNOT_UNDERSTAND = (0xC000, "The data set cannot be read")
    PROCESSING_FAILURE = (0x0110, "The station failed; see its log")
    INVALID_INSTANCE = (0x0117, "The SOP Class or Instance UID is not usable")
    UNRECOGNIZED_OPERATION = (0x0211, "Only C-STORE and C-ECHO are served")

    @property
    def status(self) -> int:
        """Status (0000,0900)."""
        return self.value[0]

    @property
    def comment(self) -> str:
        """Error Comment (0000,0902), at most 64 characters."""
        return self.value[1]


@dataclass(frozen=True, slots=True)
class ReceivedInstance:
    """One instance as it came, complete in a file.

    Parameters
    ----------
    path : Path
        A Part 10 file with our file meta in front of the bytes received; not
        yet synced. Who keeps it moves it away: what is still there after the
        answer is removed.
    sop_class_uid, sop_instance_uid : str
        Of the C-STORE request. The data set may say otherwise.
    transfer_syntax_uid : str
        As accepted for the Presentation Context.
    calling_ae, called_ae : str
        As the association has them.
    peer : str
        Address and port of the sender.
    """

    path: Path
    sop_class_uid: str
    sop_instance_uid: str
    transfer_syntax_uid: str
    calling_ae: str
    called_ae: str
    peer: str


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends on which context; `on_bytes` is told of every piece that came."""

    connection: Connection
    context_id: int
    abstract_syntax: str
    transfer_syntax: str
    calling_ae: str
    called_ae: str
    on_bytes: Callable[[int], None]


class Reception:
    """Brings data sets to disk and asks what to answer.

    Parameters
    ----------
    incoming : Path
        An existing folder on the file system where instances will be kept.
    on_instance : callable
        Called with each instance that came; an exception is a failure of this
        one C-STORE.
    has_room : callable
        Asked before each data set and every 16 MiB of it; false, or an
        `OSError`, refuses it as out of resources.
    """

    def __init__(
        self,
        incoming: Path,
        on_instance: Callable[[ReceivedInstance], StoreAnswer],
        has_room: Callable[[], bool],
    ) -> None:
        self._incoming = incoming
        self._on_instance = on_instance
        self._has_room = has_room

    def store(self, sender: Sender, command: Command) -> StoreAnswer:
        """Take the data set of one C-STORE request and return what to answer."""
        received = ReceivedInstance(
            self._incoming / uuid.uuid4().hex,
            dimse.text(command, dimse.AFFECTED_SOP_CLASS_UID),
            dimse.text(command, dimse.AFFECTED_SOP_INSTANCE_UID),
            sender.transfer_syntax,
            sender.calling_ae,
            sender.called_ae,
            sender.connection.peer,
        )
        try:
            answer = self._receive(sender, command, received)
            return self._ask(received) if answer is None else answer
        finally:
            with suppress(OSError):
                received.path.unlink(missing_ok=True)

    def _receive(
        self, sender: Sender, command: Command, received: ReceivedInstance
    ) -> StoreAnswer | None:
        """Bring the data set to disk; an answer if it was refused, None if it is all there."""
        if dimse.number(command, dimse.COMMAND_DATA_SET_TYPE) == dimse.NO_DATA_SET:
            return StoreAnswer.CANNOT_UNDERSTAND
        answer: StoreAnswer | None = None
        if not _usable(received.sop_class_uid) or not _usable(received.sop_instance_uid):
            answer = StoreAnswer.INVALID_INSTANCE
        elif received.sop_class_uid != sender.abstract_syntax or (
            sender.abstract_syntax == VERIFICATION
        ):
            answer = StoreAnswer.DOES_NOT_MATCH
        else:
            answer = self._check_room()
        file = _File(received) if answer is None else None
        size = 0
        next_check = _ROOM_CHECK_BYTES
        try:
            # A refused data set is still read to its end: the answer has its
            # place behind it, and the association goes on.
            for data in sender.connection.iter_data_set(sender.context_id):
                size += len(data)
                sender.on_bytes(len(data))
                if file is not None:
                    answer = file.write(data)
                    if answer is None and size >= next_check:
                        next_check += _ROOM_CHECK_BYTES
                        answer = self._check_room()
                    if answer is not None:
                        file.discard()
                        file = None
            if file is not None and size == 0:
                answer = StoreAnswer.CANNOT_UNDERSTAND
        finally:
            if file is not None:
                answer = file.close() or answer
        return answer

    def _check_room(self) -> StoreAnswer | None:
        try:
            return None if self._has_room() else StoreAnswer.OUT_OF_RESOURCES
        except OSError as error:
            _LOG.error("cannot tell whether there is room: %s", error)
            return StoreAnswer.OUT_OF_RESOURCES

    def _ask(self, received: ReceivedInstance) -> StoreAnswer:
        try:
            return self._on_instance(received)
        except Exception:
            # What an object sets off ends its own C-STORE: those that follow are still taken.
            _LOG.exception("cannot keep %s from %s", received.sop_instance_uid, received.calling_ae)
            return StoreAnswer.PROCESSING_FAILURE


class _File:
    """The file of one instance while it grows; disk trouble becomes an answer."""

    def __init__(self, received: ReceivedInstance) -> None:
        self._received = received
        self._descriptor = -1

    def write(self, data: memoryview) -> StoreAnswer | None:
        try:
            if self._descriptor < 0:
                self._open()
            self._write(data)
        except OSError as error:
            _LOG.error("cannot write %s: %s", self._received.path, error)
            return StoreAnswer.OUT_OF_RESOURCES
        return None

    def _open(self) -> None:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        self._descriptor = os.open(self._received.path, flags, 0o600)
        meta = encode_file_meta(
            self._received.sop_class_uid,
            self._received.sop_instance_uid,
            self._received.transfer_syntax_uid,
        )
        self._write(memoryview(meta))

    def _write(self, data: memoryview) -> None:
        while data:
            data = data[os.write(self._descriptor, data) :]

    def close(self) -> StoreAnswer | None:
        descriptor, self._descriptor = self._descriptor, -1
        try:
            if descriptor >= 0:
                os.close(descriptor)
        except OSError as error:
            _LOG.error("cannot write %s: %s", self._received.path, error)
            return StoreAnswer.OUT_OF_RESOURCES
        return None

    def discard(self) -> None:
        """Close and remove at once: a refused instance may go on arriving for long."""
        self.close()
        with suppress(OSError):
            self._received.path.unlink(missing_ok=True)


def _usable(uid: str) -> bool:
    """Tell whether `uid` can stand in file meta; odd but harmless ones are let through."""
    return 0 < len(uid) <= 64 and uid.isprintable() and "\\" not in uid


def write_response(command: Command, field: int, answer: StoreAnswer) -> dict[int, int | str]:
    """Return the response to a request; what of it cannot be repeated is left out."""
    response: dict[int, int | str] = {
        dimse.COMMAND_FIELD: field | dimse.RESPONSE,
        dimse.MESSAGE_ID_RESPONDED_TO: dimse.number(command, dimse.MESSAGE_ID),
        dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
        dimse.STATUS: answer.status,
    }
    for element in (dimse.AFFECTED_SOP_CLASS_UID, dimse.AFFECTED_SOP_INSTANCE_UID):
        uid = dimse.text(command, element)
        if _usable(uid):
            response[element] = uid
    if answer.comment:
        response[dimse.ERROR_COMMENT] = answer.comment
    return response
