"""What `serve` answers through its socket: who it is, who is connected, and a few words to it.

`ping`, `associations`, `workers`, `wake`, `stop`, `secret-put` (for a job that
waits) and `secret-take` (by the worker that runs the job, once). Everything
else between processes goes through the catalog.
"""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from mediastation.errors import MediastationError
from mediastation.network.association_log import AssociationLog
from mediastation.station.job import worker_name
from mediastation.station.serving.control_socket import (
    LONGEST_LINE,
    SOCKET_NAME,
    TIMEOUT_S,
    ControlError,
    listen,
    read_line,
    require_same_account,
    send_line,
)
from mediastation.station.serving.secret_shelf import SecretShelf
from mediastation.station.serving.supervisor import Supervisor
from mediastation.station.station import Station
from mediastation.station.stop_signal import Stop

_LOG = logging.getLogger(__name__)
_MOST_AT_ONCE = 16


class Control:
    """Answers at the control socket of a home, in threads of its own.

    Parameters
    ----------
    station : Station
        Its home has the socket.
    identity : dict
        What `ping` answers.
    associations : AssociationLog
        Of the Storage SCP.
    supervisor : Supervisor or None
        Of the workers, where there are any.
    stop : Event or StopSignal
        Set by the word `stop`.
    shelf : SecretShelf
        Emptied when this ends.
    """

    def __init__(
        self,
        station: Station,
        identity: Mapping[str, Any],
        associations: AssociationLog,
        supervisor: Supervisor | None,
        stop: Stop,
        shelf: SecretShelf,
    ) -> None:
        self._station = station
        self._identity = dict(identity)
        self._associations = associations
        self._supervisor = supervisor
        self._stop = stop
        self._shelf = shelf
        self._slots = threading.BoundedSemaphore(_MOST_AT_ONCE)
        self._listener: socket.socket | None = None
        self._closing = False
        self._words: dict[str, Callable[[Mapping[str, Any], int], dict[str, Any]]] = {
            "ping": self._ping,
            "associations": self._tell_associations,
            "workers": self._tell_workers,
            "wake": self._wake,
            "stop": self._begin_stop,
            "secret-put": self._put_secret,
            "secret-take": self._take_secret,
        }

    def start(self) -> None:
        """Listen. Where the file system has no sockets, `serve` goes on without."""
        try:
            self._listener = listen(self._station.home)
        except OSError as fault:
            _LOG.error("no control socket: %s; the console cannot reach this", fault.strerror)
            return
        threading.Thread(target=self._accept, name="control", daemon=True).start()

    def close(self) -> None:
        """Answer nobody any more, and forget every secret."""
        self._closing = True
        self._shelf.clear()
        if self._listener is not None:
            with suppress(OSError):
                (self._station.home / SOCKET_NAME).unlink()
            with suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()

    def _accept(self) -> None:
        assert self._listener is not None  # noqa: S101 - start() sets it first
        while not self._closing:
            self._slots.acquire()
            try:
                sock, _ = self._listener.accept()
            except OSError as fault:
                self._slots.release()
                if self._closing:
                    return
                _LOG.warning("the control socket cannot accept: %s", fault.strerror)
                self._stop.wait(0.2)
                continue
            try:
                threading.Thread(
                    target=self._serve, args=(sock,), name="control-peer", daemon=True
                ).start()
            except RuntimeError:
                self._slots.release()
                sock.close()

    def _serve(self, sock: socket.socket) -> None:
        try:
            with sock:
                sock.settimeout(TIMEOUT_S)
                send_line(sock, self._answer(sock))
        except OSError:
            _LOG.debug("who asked at the control socket is gone")
        except Exception as fault:
            _LOG.error("the control socket failed: %s", type(fault).__name__)
        finally:
            self._slots.release()

    def _answer(self, sock: socket.socket) -> dict[str, Any]:
        try:
            process = require_same_account(sock)
            told = read_line(sock, LONGEST_LINE, TIMEOUT_S)
            word = told.get("word")
            if not isinstance(word, str) or word not in self._words:
                raise ControlError(f"the words are {', '.join(self._words)}")
            return {"ok": True, **self._words[word](told, process)}
        except ControlError as fault:
            return {"ok": False, "error": str(fault), "hint": ""}
        except TimeoutError:
            return {"ok": False, "error": "the line did not come in time", "hint": ""}
        except MediastationError as fault:
            return {"ok": False, "error": fault.message, "hint": fault.hint}

    def _ping(self, _told: Mapping[str, Any], _process: int) -> dict[str, Any]:
        return {
            **self._identity,
            "stopping": self._stop.is_set(),
            "associations": self._associations.live_count,
        }

    def _tell_associations(self, _told: Mapping[str, Any], _process: int) -> dict[str, Any]:
        live, ended = self._associations.snapshot()
        return {
            "live": [facts.as_dict() for facts in live],
            "ended": [facts.as_dict() for facts in ended],
        }

    def _tell_workers(self, _told: Mapping[str, Any], _process: int) -> dict[str, Any]:
        return {"workers": [] if self._supervisor is None else self._supervisor.workers()}

    def _wake(self, _told: Mapping[str, Any], _process: int) -> dict[str, Any]:
        if self._supervisor is not None:
            self._supervisor.wake()
        return {}

    def _begin_stop(self, _told: Mapping[str, Any], process: int) -> dict[str, Any]:
        if not self._stop.is_set():
            _LOG.info("process %d asks for the end", process)
            self._stop.set()
        return {"pid": self._identity.get("pid")}

    def _put_secret(self, told: Mapping[str, Any], _process: int) -> dict[str, Any]:
        secret = told.get("secret")
        if not isinstance(secret, str):
            raise ControlError("a secret is text")
        if self._closing:
            raise ControlError("serve ends")
        return {"missed": self._shelf.put(self._station, _job_of(told), secret)}

    def _take_secret(self, told: Mapping[str, Any], process: int) -> dict[str, Any]:
        if self._supervisor is None or not self._supervisor.is_worker(process):
            raise ControlError("only a worker of this serve gets a secret")
        return {"secret": self._shelf.take(self._station, _job_of(told), worker_name(process))}


def _job_of(told: Mapping[str, Any]) -> int:
    job = told.get("job")
    if not isinstance(job, int) or isinstance(job, bool):
        raise ControlError("a job is a number")
    return job
