"""Sending to a peer (C-STORE; PS3.4 B): each instance accounted for, and no more sent than needed.

The peer is asked first what it takes; copies in another encoding are made
before anything is sent, so that no association waits for a codec.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

from mediastation.catalog.job_selection import (
    drop_from_selection,
    iter_selection,
    remember_selection,
    rivals_in,
)
from mediastation.catalog.selection import read_entry
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.errors import NetworkError, RefusedError
from mediastation.model.entry import Entry, StoredFile
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, note, warning
from mediastation.model.uid import is_usable_uid
from mediastation.network.part10 import SendableFile, read_sendable_file
from mediastation.network.pdu import MAX_CONTEXTS
from mediastation.network.requestor import ContextTable, Requestor
from mediastation.network.storage_scu import SentInstance, store_file
from mediastation.station.exporting.prepare import make_copies
from mediastation.station.gather import gather
from mediastation.station.job import Job, Step
from mediastation.station.reconciling.reconciled import check_reconciled
from mediastation.station.station import Station
from mediastation.station.traffic.peers import (
    NamedPeer,
    may_pass,
    require_peer,
    status_words,
    told,
)
from mediastation.station.traffic.requests import SendRequest
from mediastation.station.traffic.results import SendResult
from mediastation.station.traffic.send_account import SendAccount
from mediastation.station.traffic.send_journal import SendJournal
from mediastation.station.traffic.send_plan import Pair, SendPlan, wanted_pairs

_LONGEST_WAIT_S = 600.0
_TICK_S = 0.2
_SAVE_EVERY_S = 5.0
_FULL_IN_A_ROW = 3
_BREAKS_PER_INSTANCE = 2


def send(station: Station, request: SendRequest, listener: Listener = nobody) -> SendResult:
    """Send what `request` names to its peer.

    A run that was interrupted is gone on with by the next one of the same
    words: what the peer confirmed is not sent again. A lost association is
    tried again as the settings of the peer say.

    Returns
    -------
    SendResult
        With `stopped` and an exit code where the peer failed or refused.

    Raises
    ------
    ConfigError
        If there is no such peer, or a source names nothing.
    MediaError
        If the disk fails. Nothing is sent that the ledger does not tell of.
    """
    peer = require_peer(station, request.peer, "store")
    station.require_current_index()
    job = station.job(
        "send",
        {"sources": list(request.sources), "peer": request.peer, "again": request.again},
        listener,
    )
    result = SendResult(job.id, peer.name, findings=job.findings)
    try:
        with job:
            try:
                with SendJournal(station, job.id, peer) as journal:
                    _Sending(station, job, request, peer, journal, result).run()
            finally:
                job.result = result.counts()
    except (NetworkError, RefusedError) as fault:
        result.stop(fault)
    return result


def _check_rivals(station: Station, job: int) -> list[tuple[int, Finding]]:
    """Return the entries that share a UID: a peer keeps one of them, and nobody knows which."""
    return [
        (
            entry,
            error(
                "one-uid",
                uid,
                "Several different instances of what is to be sent have this SOP Instance UID; "
                "the peer would keep only one of them.",
                "Send one by its digest, sha256:…; `mediastation list instances` shows them.",
                "PS3.5 9",
            ),
        )
        for entry, uid in sorted(rivals_in(station.catalog, job).items())
    ]


class _FullError(NetworkError):
    """The peer is out of room for the moment."""


class _Sending:
    """One run over the selection of one job."""

    def __init__(
        self,
        station: Station,
        job: Job,
        request: SendRequest,
        peer: NamedPeer,
        journal: SendJournal,
        result: SendResult,
    ) -> None:
        self._station = station
        self._job = job
        self._request = request
        self._peer = peer
        self._journal = journal
        self._account = SendAccount(station, job, peer, journal)
        self._result = result
        self._copies: dict[int, StoredFile] = {}
        self._left: dict[int, Pair] = {}
        self._breaks: dict[int, int] = {}
        self._in_hand: int | None = None
        self._saved_at = 0.0
        self._done_bytes = 0

    def run(self) -> None:
        """Do everything; `RefusedError` or `NetworkError` if not all was confirmed."""
        station, job, result = self._station, self._job, self._result
        entries, refused_files = gather(station, job, self._request.sources)
        total = remember_selection(station.catalog, job.id, entries)
        self._account.find_imports()
        result.refused, result.unsent = refused_files, total
        self._refuse(check_reconciled(station, job.id))
        self._refuse(_check_rivals(station, job.id))
        if not self._request.again:
            self._resume()
        size_bytes = self._plan()
        try:
            with self._account.announced(list(self._left)):
                self._send(size_bytes)
        finally:
            self._account.amend_report(self._request, result)
        result.finished = result.refused == refused_files
        if result.refused:
            raise RefusedError(
                f"{result.refused:,} of {total + refused_files:,} instances did not get to "
                f"{self._peer.name}; {result.sent:,} did.",
                hint="The findings say why, instance by instance.",
            )

    def _resume(self) -> None:
        earlier = self._journal.take_over(self._job.id, self._request)
        known = self._account.take_known(self._selected())
        drop_from_selection(self._station.catalog, self._job.id, known)
        self._result.already = self._result.sent = len(known)
        self._result.unsent -= len(known)
        if known:
            by = f"job {earlier}" if earlier else "an earlier attempt"
            self._job.found(
                [
                    note(
                        "confirmed-before",
                        self._peer.name,
                        f"{len(known):,} instances were confirmed to {by} and are not sent again.",
                        "--again sends everything.",
                    )
                ]
            )

    def _selected(self) -> Iterator[Entry]:
        return iter_selection(self._station.catalog, self._job.id)

    def _refuse(self, refused: list[tuple[int, Finding]]) -> None:
        """Take entries out of the selection, and say why."""
        self._job.found(finding for _, finding in refused)
        drop_from_selection(self._station.catalog, self._job.id, (one for one, _ in refused))
        for entry, _ in refused:
            self._left.pop(entry, None)
        self._result.refused += len(refused)
        self._result.unsent -= len(refused)

    def _plan(self) -> int:
        """Ask the peer, decide, make copies; return how many bytes there are to send."""
        job, preferred = self._job, self._peer.settings.transfer_syntaxes
        kinds: dict[Pair, None] = {}
        for entry in self._selected():
            if is_usable_uid(entry.header.sop_class_uid):
                kinds[entry.header.sop_class_uid, entry.header.transfer_syntax_uid] = None
        plan = SendPlan(preferred, set())
        if kinds:
            with job.step("negotiate") as step:
                plan.accepted = self._ask(list(wanted_pairs(kinds, preferred)), step)
                step.summary = f"{len(plan.accepted):,} kinds accepted"
        size_bytes = 0
        for entry in self._selected():
            if (pair := plan.add(entry)) is not None:
                self._left[entry.id] = pair
                size_bytes += entry.size_bytes
        self._refuse(plan.refused)
        job.found(plan.notes(self._peer.name))
        if plan.targets:
            with job.step("prepare", len(plan.targets), "instances") as step:
                self._copies, failed = make_copies(self._station, job, plan.targets, step)
                step.summary = f"{len(self._copies):,} re-encoded, {len(failed):,} could not be"
            self._refuse(failed)
        return size_bytes

    def _ask(self, wanted: list[list[Pair]], step: Step) -> set[Pair]:
        """Return the pairs that the peer accepts."""
        tables = [ContextTable()]
        for pairs in wanted:
            if not tables[-1].add(pairs):
                tables.append(ContextTable())
                tables[-1].add(pairs)
        accepted: set[Pair] = set()
        attempt = 0
        while tables:
            try:
                with self._associate(tables[-1], step) as association:
                    accepted |= association.accepted.keys()
                tables.pop()
                attempt = 0
            except NetworkError as fault:
                attempt += 1
                self._wait(fault, attempt, step)
        return accepted

    def _associate(self, table: ContextTable, step: Step) -> Requestor:
        return Requestor(self._peer.remote(), table.contexts(), alive=step.alive)

    def _send(self, size_bytes: int) -> None:
        with self._job.step("send", size_bytes, "bytes") as step:
            attempt = 0
            while self._left:
                before = len(self._left)
                try:
                    self._pass(step)
                except NetworkError as fault:
                    self._blame(fault)
                    attempt = 1 if len(self._left) < before else attempt + 1
                    if self._left:
                        self._wait(fault, attempt, step)
            step.summary = f"{self._result.sent:,} confirmed, {self._result.refused:,} refused"

    def _wait(self, fault: NetworkError, attempt: int, step: Step) -> None:
        """Wait before the next attempt; raise what happened if there is to be none."""
        settings = self._peer.settings
        if attempt > settings.retries or not may_pass(fault):
            raised = told(self._peer, fault)
            if self._result.sent:
                raised.hint += (
                    f" {self._result.sent:,} instances are confirmed; the same command goes on "
                    "with the rest."
                )
            raise raised from fault
        wait_s = min(settings.retry_seconds * 2 ** (attempt - 1), _LONGEST_WAIT_S)
        self._job.found(
            [
                warning(
                    "association-lost",
                    self._peer.name,
                    f"{fault.message.rstrip('.')}.",
                    "It was tried again with what was not confirmed.",
                )
            ]
        )
        end = time.monotonic() + wait_s
        while (left := end - time.monotonic()) > 0:
            step.alive()
            time.sleep(min(left, _TICK_S))

    def _blame(self, fault: NetworkError) -> None:
        """Set an instance aside over which the peer breaks off again and again."""
        entry, self._in_hand = self._in_hand, None
        if entry is None or isinstance(fault, _FullError):
            return
        self._breaks[entry] = self._breaks.get(entry, 0) + 1
        if self._breaks[entry] < _BREAKS_PER_INSTANCE:
            return
        kept = read_entry(self._station.catalog, entry)
        uid = kept.header.sop_instance_uid if kept is not None else ""
        self._refuse(
            [
                (
                    entry,
                    error(
                        "peer-breaks-off",
                        uid,
                        f"The association was lost twice over this instance: {fault.message}.",
                        "It was left out; whoever looks after the peer may find it in its log.",
                    ),
                )
            ]
        )

    def _pass(self, step: Step) -> None:
        """Go once through what is left, in as many associations as the contexts need."""
        pairs = list(dict.fromkeys(self._left.values()))
        full = 0
        for start in range(0, len(pairs), MAX_CONTEXTS):
            table = ContextTable()
            table.add(pairs[start : start + MAX_CONTEXTS])
            due = [entry for entry, pair in self._left.items() if pair in table.pairs]
            with self._associate(table, step) as association:
                for number in due:
                    entry = read_entry(self._station.catalog, number)
                    if entry is None:
                        gone = error("not-here", str(number), "It was forgotten meanwhile.")
                        self._refuse([(number, gone)])
                        continue
                    full = full + 1 if self._one(association, entry, step) else 0
                    if full == _FULL_IN_A_ROW:
                        break
            if full == _FULL_IN_A_ROW:
                break
        if self._left:
            raise _FullError("it is out of room or resources", "Make room there; nothing is lost.")

    def _one(self, association: Requestor, entry: Entry, step: Step) -> bool:
        """Send one instance; true if the peer had no room for it, and it waits."""
        outcome = self._store(association, entry, step)
        self._in_hand = None
        if outcome.status is not None and outcome.status >> 8 == 0xA7:
            return True
        self._account.confirm(entry, outcome)
        self._done_bytes += entry.size_bytes
        step.report(min(self._done_bytes, step.total), step.total)
        if outcome.stored:
            self._left.pop(entry.id, None)
            self._result.sent += 1
            self._result.unsent -= 1
            self._result.size_bytes += entry.size_bytes
            self._warn(outcome)
        else:
            self._refuse([(entry.id, self._not_taken(outcome, entry))])
        self._save()
        return False

    def _store(self, association: Requestor, entry: Entry, step: Step) -> SentInstance:
        file = self._copies.get(entry.id, entry.file)
        path = self._station.catalog.store.path(file.sha256, file.kind)
        try:
            sendable = _sendable(path, entry, is_copy=entry.id in self._copies)
        except RefusedError as fault:
            return SentInstance(path, entry.header.sop_instance_uid, None, fault.message)
        except FileNotFoundError:
            raise stored_file_gone(entry.header.sop_instance_uid, path) from None
        except OSError as fault:
            reason = f"its stored file cannot be read: {fault.strerror or fault}"
            return SentInstance(path, entry.header.sop_instance_uid, None, reason)
        self._in_hand = entry.id
        done = self._done_bytes

        def on_bytes(count: int) -> None:
            nonlocal done
            done = min(done + count, self._done_bytes + entry.size_bytes)
            step.report(min(done, step.total), step.total)

        return store_file(association, sendable, on_bytes)

    def _warn(self, outcome: SentInstance) -> None:
        if outcome.status:
            comment = f": {outcome.comment}" if outcome.comment else ""
            self._job.found(
                [
                    warning(
                        "stored-with-warning",
                        outcome.sop_instance_uid,
                        f"{self._peer.name} stored it, but {status_words(outcome.status)}{comment}",
                        "Compare what it has with the original here.",
                        "PS3.4 B.2.3",
                    )
                ]
            )

    def _not_taken(self, outcome: SentInstance, entry: Entry) -> Finding:
        uid = entry.header.sop_instance_uid
        if outcome.status is None:
            return error("not-sent", uid, f"It was not sent: {outcome.comment}.")
        comment = f": {outcome.comment}" if outcome.comment else ""
        return error(
            "not-taken",
            uid,
            f"{self._peer.name} refused it: {status_words(outcome.status)}{comment}",
            "The log of the peer says more.",
            "PS3.4 B.2.3",
        )

    def _save(self) -> None:
        now = time.monotonic()
        if now - self._saved_at >= _SAVE_EVERY_S:
            self._saved_at = now
            self._job.result = self._result.counts()
            self._job.save_result()


def _sendable(path: Path, entry: Entry, *, is_copy: bool) -> SendableFile:
    """Return what to send: of an original, what the scan of its data set found.

    Its file meta may lack, or say something else. A copy has ours.
    """
    if is_copy:
        return read_sendable_file(path)
    header = entry.header
    length = path.stat().st_size - header.dataset_offset
    return SendableFile(
        path,
        header.sop_class_uid,
        header.sop_instance_uid,
        header.transfer_syntax_uid,
        header.dataset_offset,
        length,
    )
