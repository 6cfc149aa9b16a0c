"""What a peer confirmed, instance by instance, in the folder of the job that sent it.

One line each, written as soon as the answer came: whatever ends the job, the
next run knows what the peer has. A line that a power cut takes back costs one
instance sent twice, which every archive takes as the same.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType

from mediastation.catalog.durable import disk_trouble_told
from mediastation.model.entry import Entry
from mediastation.network.storage_scu import SentInstance
from mediastation.station.station import Station
from mediastation.station.traffic.peers import NamedPeer
from mediastation.station.traffic.requests import SendRequest

_NAME = "sent.jsonl"
_MAX_LINE = 4096


class SendJournal:
    """The journal of one job; what earlier runs of the same request had confirmed is taken over.

    Parameters
    ----------
    station : Station
        Where the job runs.
    job : int
        Its number.
    peer : NamedPeer
        Who confirms. What was confirmed at another address counts for nothing.
    """

    def __init__(self, station: Station, job: int, peer: NamedPeer) -> None:
        self._station = station
        self._peer = peer
        self.confirmed: set[bytes] = set()
        self._recorded: set[bytes] = set()
        self._path = station.job_folder(job) / _NAME
        with disk_trouble_told(self._path.parent):
            self._take(self._path)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
            self._file = os.open(self._path, flags, 0o600)
            # The line that a killed run left half written ends here.
            self._write("\n" + json.dumps({"peer": peer.address}))

    def __enter__(self) -> SendJournal:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with disk_trouble_told(self._path.parent):
            os.fsync(self._file)
            os.close(self._file)

    def take_over(self, job: int, request: SendRequest) -> int | None:
        """Take over from the latest job of the same words, if it is unfinished; return it."""
        earlier = self._station.jobs.with_request("send", json.dumps(request.peer))
        for record in earlier:
            told = record.request
            if (
                record.id >= job
                or told.get("sources") != list(request.sources)
                or (told.get("peer") != request.peer)
            ):
                continue
            if record.result.get("finished"):
                return None
            before = len(self.confirmed)
            with disk_trouble_told(self._path.parent):
                self._take(self._path.parents[1] / str(record.id) / _NAME)
                for key in self.confirmed:
                    self._write(json.dumps({"confirmed": key.hex(), "by": record.id}))
            return record.id if len(self.confirmed) > before else None
        return None

    def confirm(self, entry: Entry, outcome: SentInstance) -> None:
        """Note what the peer said of `entry`."""
        line = {
            "instance": outcome.sop_instance_uid,
            "status": None if outcome.status is None else f"{outcome.status:04X}",
            "comment": outcome.comment,
        }
        if outcome.stored:
            self.confirmed.add(_key(entry))
            line["confirmed"] = entry.sha256
        with disk_trouble_told(self._path.parent):
            self._write(json.dumps(line))

    def has(self, entry: Entry) -> bool:
        """Tell whether the peer confirmed this very content."""
        return _key(entry) in self.confirmed

    def is_recorded(self, entry: Entry) -> bool:
        """Tell whether the ledger says that the peer has `entry`: a killed run could not."""
        return _key(entry) in self._recorded

    def mark_recorded(self) -> None:
        """Note that the ledger tells of all that was confirmed so far."""
        if not self.confirmed <= self._recorded:
            self._recorded |= self.confirmed
            with disk_trouble_told(self._path.parent):
                self._write(json.dumps({"recorded": len(self._recorded)}))

    def _write(self, line: str) -> None:
        data = memoryview(f"{line}\n".encode())
        while data:
            data = data[os.write(self._file, data) :]

    def _take(self, path: Path) -> None:
        address = ""
        found: set[bytes] = set()
        for line in _iter_lines(path):
            address = str(line.get("peer", address))
            digest = line.get("confirmed")
            if address == self._peer.address and isinstance(digest, str):
                try:
                    found.add(bytes.fromhex(digest))
                except ValueError:
                    continue
            if "recorded" in line:
                self._recorded |= found
        self.confirmed |= found


def _iter_lines(path: Path) -> Iterator[dict[str, object]]:
    """Yield the whole lines of a journal; what a killed run left of a line is none."""
    try:
        file = path.open("rb")
    except FileNotFoundError:
        return
    with file:
        while line := file.readline(_MAX_LINE):
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict):
                yield told


def _key(entry: Entry) -> bytes:
    return bytes.fromhex(entry.sha256)
