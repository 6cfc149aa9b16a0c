"""Fetching studies from a peer (C-GET or C-MOVE; PS3.4 C.4.2, C.4.3), and proving that all came.

What there is is asked first, instance by instance. What came is counted
against that; what is missing is asked for once more, then named.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from mediastation.catalog.selection import known_instances
from mediastation.collect.storage import StorageIntake
from mediastation.dicom.identifier import IdentifierError, read_identifier
from mediastation.errors import ConfigError, NetworkError, RefusedError
from mediastation.model.event import Listener, nobody
from mediastation.model.finding import Finding, error, warning
from mediastation.model.uid import is_usable_uid
from mediastation.network.query_retrieve_scu import (
    Arrival,
    NotServedError,
    Response,
    get_contexts,
    iter_get,
    iter_move,
    query_contexts,
)
from mediastation.network.reception import ReceivedInstance, Reception, StoreAnswer
from mediastation.network.requestor import Requestor
from mediastation.station.job import Job, Step
from mediastation.station.recording.ledger_traffic import record_fetched
from mediastation.station.serving.listening import read_listener
from mediastation.station.station import Station
from mediastation.station.traffic.fetch_plan import Expected, chunked_classes, wanted_syntaxes
from mediastation.station.traffic.holdings import Holdings, ask_holdings
from mediastation.station.traffic.peers import NamedPeer, peer_named, require_peer, status_words
from mediastation.station.traffic.query import LEVEL, identifier_of
from mediastation.station.traffic.requests import FetchRequest
from mediastation.station.traffic.results import FetchResult

_ROUNDS = 2
_MOST_NAMED = 1000


def fetch(station: Station, request: FetchRequest, listener: Listener = nobody) -> FetchResult:
    """Fetch the studies of `request` into the catalog.

    Returns
    -------
    FetchResult
        With `stopped` and an exit code where something is missing or the peer
        failed.

    Raises
    ------
    ConfigError
        If there is no such peer, a UID is none, or the peer can only send to a
        `serve` that does not run.
    MediaError
        If the disk fails.
    """
    peer = require_peer(station, request.peer, "get", "move")
    for uid in request.studies:
        if not is_usable_uid(uid):
            raise ConfigError(f"{uid!r} is no Study Instance UID.", "Give study:UID.")
    if not request.studies:
        raise ConfigError("There is nothing to fetch.", "Give study:UID.")
    told = {"peer": request.peer, "studies": list(request.studies)}
    job = station.job("fetch", told, listener)
    result = FetchResult(job.id, peer.name, findings=job.findings)
    try:
        with job:
            try:
                with peer_named(peer):
                    _Fetching(station, job, request, peer, result).run()
            finally:
                job.result = result.counts()
    except (NetworkError, RefusedError) as fault:
        result.stop(fault)
    return result


class _RefusedByPeerError(NetworkError):
    """The peer answered that it does nothing: what lies here already did not come of this."""


class _Fetching:
    """One run."""

    def __init__(
        self,
        station: Station,
        job: Job,
        request: FetchRequest,
        peer: NamedPeer,
        result: FetchResult,
    ) -> None:
        self._station = station
        self._job = job
        self._request = request
        self._peer = peer
        self._result = result
        self._holdings = Holdings()
        self._received: set[str] = set()
        self._strangers: set[str] = set()
        self._way: Callable[[Step], None] | None = None
        self._unserved: list[str] = []
        self._said: list[Finding] = []
        self._failed: set[str] = set()

    def run(self) -> None:
        """Do everything; `RefusedError` if something is missing in the end."""
        job, result = self._job, self._result
        with job.step("query") as step:
            self._holdings = ask_holdings(job, step, self._peer, self._request.studies)
            step.summary = f"{len(self._expected):,} instances"
        result.expected = len(self._expected)
        known = known_instances(self._station.catalog, self._expected)
        try:
            with job.step("fetch", len(self._expected), "instances") as step:
                for again in range(_ROUNDS):
                    if not self._missing():
                        break
                    self._failed.clear()
                    self._retrieve(step, again=bool(again))
                step.summary = f"{len(self._received):,} of {len(self._expected):,} are here"
        finally:
            came = self._received | self._strangers
            record_fetched(self._station, job.id, self._peer, came, known)
        self._tell_strangers()
        self._require_all()

    @property
    def _expected(self) -> dict[str, Expected]:
        return self._holdings.instances

    def _missing(self) -> dict[str, Expected]:
        return {uid: one for uid, one in self._expected.items() if uid not in self._received}

    def _retrieve(self, step: Step, *, again: bool) -> None:
        """Ask for what is missing, by the ways that the peer is for, in their order."""
        try:
            for way in [self._way] if self._way else self._ways():
                try:
                    way(step)
                except NotServedError as fault:
                    self._unserved.append(fault.message)
                    continue
                if self._received:
                    self._way = way
                    return
            if self._unserved and not self._said:
                raise NetworkError(
                    f"{self._peer.name} cannot be fetched from: {'; '.join(self._unserved)}.",
                    "Ask whoever looks after it to let this station retrieve.",
                )
        except _RefusedByPeerError:
            raise
        except NetworkError as fault:
            # What was said to be durable is; the second round asks for the rest.
            if again or not self._received:
                raise
            lost = warning(
                "association-lost",
                self._peer.name,
                fault.message,
                "What was missing was asked for once more.",
            )
            self._job.found([lost])

    def _ways(self) -> list[Callable[[Step], None]]:
        """Return how to fetch, the preferred way first; one that cannot work comes only alone."""
        ways = {"get": self._get, "move": self._move}
        named = [one for one in self._peer.settings.services if one in ways]
        if len(named) > 1 and not read_listener(self._station).answers:
            named.remove("move")
        return [ways[one] for one in named]

    def _get(self, step: Step) -> None:
        """Retrieve over our own association, into our own intake."""
        intake = self._station.intake
        storage = StorageIntake(intake, self._station.settings.disk_reserve_bytes)

        def keep(received: ReceivedInstance) -> StoreAnswer:
            answer = storage.keep(received)
            if answer is StoreAnswer.STORED:
                uid = received.sop_instance_uid
                (self._received if uid in self._expected else self._strangers).add(uid)
            return answer

        reception = Reception(intake.folder, keep, storage.has_room)
        model = self._peer.model.get
        for classes in chunked_classes(self._missing()):
            wanted = {
                uid: one
                for uid, one in self._missing().items()
                if one.sop_class in classes or not one.sop_class
            }
            if not wanted:
                continue
            contexts, roles = get_contexts(model, classes, wanted_syntaxes(self._peer, wanted))
            remote = self._peer.remote(self._peer.settings.retrieve_timeout_s)
            with Requestor(remote, contexts, roles=roles, alive=step.alive) as association:
                for level, keys in self._holdings.iter_requests(wanted):
                    for told in iter_get(
                        association, model, self._identifier(level, keys), reception,
                        lambda _: step.alive(),
                    ):  # fmt: skip
                        self._heed(told, step)

    def _move(self, step: Step) -> None:
        """Have the peer send to our `serve`, which keeps what comes."""
        listener = read_listener(self._station)
        if not listener.answers:
            raise ConfigError(
                f"{self._peer.name} sends what is fetched to `serve`, and nobody serves this home.",
                "Start `mediastation serve`, or put get into the services of the peer.",
            )
        model = self._peer.model.move
        remote = self._peer.remote(self._peer.settings.retrieve_timeout_s)
        contexts = query_contexts(model)
        is_refused = False
        try:
            with Requestor(remote, contexts, alive=step.alive) as association:
                for level, keys in self._holdings.iter_requests(self._missing()):
                    for told in iter_move(
                        association, model, listener.ae_title, self._identifier(level, keys)
                    ):
                        self._heed(told, step)
        except (_RefusedByPeerError, NotServedError):
            is_refused = True
            raise
        finally:
            # Of what the peer says it could not send, an older copy may be here.
            here = {} if is_refused else known_instances(self._station.catalog, self._expected)
            self._received.update(
                uid
                for uid, studies in here.items()
                if self._expected[uid].study in studies and uid not in self._failed
            )
            step.report(len(self._received), len(self._expected))

    def _identifier(self, level: str, keys: Mapping[int, str]) -> Callable[[str], bytes]:
        return lambda syntax: identifier_of(self._peer, {LEVEL: level, **keys}, syntax)

    def _heed(self, told: Response | Arrival, step: Step) -> None:
        if isinstance(told, Arrival):
            if told.answer is not StoreAnswer.STORED:
                self._job.found([_not_kept(told)])
            step.report(len(self._received), len(self._expected))
            return
        if told.is_pending:
            done = max(told.completed, 0) + max(told.warned, 0)
            step.report(max(len(self._received), min(done, step.total)), step.total)
        elif told.status != 0:
            self._fail(told)

    def _fail(self, told: Response) -> None:
        """Say what a final response says; raise where nothing at all was done."""
        comment = f": {told.comment}" if told.comment else ""
        words = f"{status_words(told.status)}{comment}"
        if told.status >> 12 == 0xB or told.status == 0xA702:
            failed = ""
            try:
                row = read_identifier(told.identifier, told.transfer_syntax)
                failed = row.get("failed_sop_instance_uid_list", "")
            except IdentifierError:
                failed = ""
            listed = set(filter(None, failed.split("\\")))
            self._failed |= listed
            count = len(listed) or max(told.failed, 0)
            message = f"The peer could not send {count:,} instances: {words}."
            self._said.append(warning("not-sent-by-peer", self._peer.name, message))
            return
        hint = "Ask whoever looks after the peer."
        if told.status == 0xA801:
            hint = (
                "Enter this station at the peer: the AE title, address and port of `serve`; "
                "or put get into the services of the peer."
            )
        raise _RefusedByPeerError(f"{self._peer.name} refused the retrieval: {words}.", hint)

    def _tell_strangers(self) -> None:
        """Name what came without being asked for: another patient's image has to be seen."""
        self._result.unexpected = len(self._strangers)
        studies = known_instances(self._station.catalog, self._strangers)
        wanted = set(self._request.studies)
        for uid in sorted(self._strangers)[:_MOST_NAMED]:
            of = studies.get(uid, set())
            if of & wanted:
                message = "It came though the peer had not named it: the study has grown."
            else:
                message = (
                    f"It came though it was not asked for: it is of study {', '.join(sorted(of))}."
                )
            hint = "It is in the catalog; look whether it belongs there."
            self._job.found([warning("unexpected-instance", uid, message, hint)])

    def _require_all(self) -> None:
        result = self._result
        result.received = len(self._received)
        missing = self._missing()
        if not missing:
            return
        self._job.found(self._said)
        self._job.found(
            error(
                "not-received",
                uid,
                f"{self._peer.name} has it, but it did not come.",
                "Fetch the study again, or ask whoever looks after the peer.",
                "PS3.4 C.4.2.1",
            )
            for uid in sorted(missing)[:_MOST_NAMED]
        )
        raise RefusedError(
            f"{len(missing):,} of {result.expected:,} instances did not come.",
            hint="What came is in the catalog; fetching again asks for everything.",
        )


def _not_kept(arrival: Arrival) -> Finding:
    return error(
        "not-kept",
        arrival.sop_instance_uid or "an instance",
        f"It came and was refused: {arrival.answer.comment}.",
        "The log says more.",
    )
