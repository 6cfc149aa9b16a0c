"""The Storage and Verification SCP (PS3.4, A and B).

Each data set goes to disk as it comes, with file meta in front; memory does not
depend on its size. What becomes of the file is the application's business: its
answer is the answer to the C-STORE, and nothing is a success without it.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from mediastation.network import command as dimse
from mediastation.network.acceptor import Acceptor, Association, Limits
from mediastation.network.association_log import AssociationLog
from mediastation.network.command import CommandField
from mediastation.network.pdu import ProtocolError
from mediastation.network.reception import (
    Command,
    ReceivedInstance,
    Reception,
    Sender,
    StoreAnswer,
    write_response,
)

__all__ = ["ReceivedInstance", "StorageScp", "StoreAnswer"]


class StorageScp:
    """Receives instances into `incoming` and asks `on_instance` what to answer.

    Parameters
    ----------
    incoming, has_room
        As for `Reception`.
    on_instance : callable
        Called in the association's thread, several at a time; an exception is
        a failure of this one C-STORE.
    ae_title, bind, port, require_called_aet
        As for `Acceptor`.
    limits : Limits
        What peers may make us spend.
    """

    def __init__(
        self,
        incoming: Path,
        on_instance: Callable[[ReceivedInstance], StoreAnswer],
        *,
        ae_title: str = "MEDIASTATION",
        bind: str = "127.0.0.1",
        port: int = 11112,
        require_called_aet: bool = False,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        has_room: Callable[[], bool] = lambda: True,
    ) -> None:
        self._reception = Reception(incoming, on_instance, has_room)
        self._acceptor = Acceptor(
            ae_title, bind, port, limits, require_called_aet, self._on_message
        )

    def start(self) -> tuple[str, int]:
        """Listen; return the bound address and port. NetworkError if that is impossible."""
        return self._acceptor.start()

    def stop(self, timeout_s: float = 10.0) -> bool:
        """Let running C-STOREs finish for `timeout_s`, abort the rest; true if all ended."""
        return self._acceptor.stop(timeout_s)

    @property
    def associations(self) -> AssociationLog:
        """Who is connected, and what came of those who were."""
        return self._acceptor.log

    def _on_message(self, association: Association, context_id: int, command: Command) -> None:
        field = dimse.number(command, dimse.COMMAND_FIELD)
        stored: bool | None = None
        if field == CommandField.C_STORE_RQ:
            answer = self._store(association, context_id, command)
            stored = answer is StoreAnswer.STORED
        else:
            if dimse.number(command, dimse.COMMAND_DATA_SET_TYPE) != dimse.NO_DATA_SET:
                for _ in association.connection.iter_data_set(context_id):
                    pass
            if field == CommandField.C_CANCEL_RQ:
                return  # Nothing here takes long enough to be cancelled.
            if field & dimse.RESPONSE:
                raise ProtocolError("a response came that nobody asked for")
            served = field == CommandField.C_ECHO_RQ
            answer = StoreAnswer.STORED if served else StoreAnswer.UNRECOGNIZED_OPERATION
        association.connection.send_command(
            context_id, write_response(command, field, answer), association.max_length
        )
        self.associations.answered(association.facts, stored=stored)

    def _store(self, association: Association, context_id: int, command: Command) -> StoreAnswer:
        abstract_syntax, transfer_syntax = association.contexts[context_id]
        sender = Sender(
            association.connection,
            context_id,
            abstract_syntax,
            transfer_syntax,
            association.calling_ae,
            association.called_ae,
            lambda count: self.associations.received(association.facts, count),
        )
        return self._reception.store(sender, command)
