"""What a peer says it has of studies (C-FIND; PS3.4 C.4.1), and how it is asked for each of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from mediastation.errors import ConfigError, RefusedError
from mediastation.model.uid import is_usable_uid
from mediastation.network.query_retrieve_scu import Model, NotServedError, query_contexts
from mediastation.network.requestor import Requestor
from mediastation.station.job import Job, Step
from mediastation.station.traffic.fetch_plan import Expected
from mediastation.station.traffic.peers import NamedPeer, peer_named
from mediastation.station.traffic.query import (
    CLASS_UID,
    INSTANCE_UID,
    MOST_ROWS,
    PATIENT_ID,
    SERIES_UID,
    STUDY_UID,
    SYNTAXES,
    QueryResult,
    iter_rows,
)

_UIDS_IN_A_REQUEST = 500


@dataclass(frozen=True, slots=True)
class Holdings:
    """What a peer says it has of the studies that are wanted.

    Parameters
    ----------
    studies : sequence of str
        Study Instance UIDs, as they were wanted.
    instances : dict of str to Expected
        By SOP Instance UID.
    patients : dict of str to str
        Patient ID by study, where the peer is asked by Patient Root.
    """

    studies: Sequence[str] = ()
    instances: dict[str, Expected] = field(default_factory=dict)
    patients: dict[str, str] = field(default_factory=dict)

    def iter_requests(self, wanted: Mapping[str, Expected]) -> Iterator[tuple[str, dict[int, str]]]:
        """Yield level and keys: whole studies at first, lists of instances for what is missing."""
        if len(wanted) == len(self.instances):
            for study in self.studies:
                if any(one.study == study for one in wanted.values()):
                    yield "STUDY", self._above(study)
            return
        by_series: dict[tuple[str, str], list[str]] = {}
        for uid, one in wanted.items():
            by_series.setdefault((one.study, one.series), []).append(uid)
        for (study, series), uids in by_series.items():
            for start in range(0, len(uids), _UIDS_IN_A_REQUEST):
                listed = "\\".join(uids[start : start + _UIDS_IN_A_REQUEST])
                yield "IMAGE", self._above(study) | {SERIES_UID: series, INSTANCE_UID: listed}

    def _above(self, study: str) -> dict[int, str]:
        patient = {PATIENT_ID: self.patients[study]} if study in self.patients else {}
        return {STUDY_UID: study, **patient}


def ask_holdings(job: Job, step: Step, peer: NamedPeer, studies: Sequence[str]) -> Holdings:
    """Ask for the series of each study, and the instances of each series.

    Raises
    ------
    ConfigError
        If the peer wants to know whose a study is, and cannot be asked that.
    NetworkError
        If it does not answer.
    RefusedError
        If it has nothing of them.
    """
    told = QueryResult()
    held = Holdings(studies)
    with (
        peer_named(peer),
        Requestor(peer.remote(), query_contexts(peer.model.find), alive=step.alive) as ae,
    ):
        for study in studies:
            above = {STUDY_UID: study}
            if peer.model is not Model.STUDY:
                held.patients[study] = above[PATIENT_ID] = _patient_of(peer, study, told)
            rows = iter_rows(peer, "SERIES", above | {SERIES_UID: ""}, MOST_ROWS, told, ae)
            series = [row["series_instance_uid"] for row in rows]
            for uid in filter(None, dict.fromkeys(series)):
                keys = above | {SERIES_UID: uid, INSTANCE_UID: "", CLASS_UID: "", SYNTAXES: ""}
                for row in iter_rows(peer, "IMAGE", keys, MOST_ROWS, told, ae):
                    _expect(held.instances, study, uid, row)
                    step.report(len(held.instances), 0)
    job.found(told.findings)
    if not held.instances:
        raise RefusedError(
            f"{peer.name} has nothing of {', '.join(studies)}.",
            hint=f"`mediastation find {peer.name} studies` shows what it has.",
        )
    return held


def _patient_of(peer: NamedPeer, study: str, told: QueryResult) -> str:
    """Return the key that Patient Root wants above a study (PS3.4 C.6.1)."""
    asked = NamedPeer(
        peer.name,
        peer.settings.model_copy(update={"information_model": "study"}),
        peer.calling_ae,
    )
    try:
        rows = list(iter_rows(asked, "STUDY", {STUDY_UID: study, PATIENT_ID: ""}, 2, told))
    except NotServedError:
        raise ConfigError(
            f"{peer.name} answers by Patient Root only, and cannot be asked whose study "
            f"{study} is.",
            "Set information_model to study if the peer serves Study Root after all.",
        ) from None
    return rows[0].get("patient_id", "") if rows else ""


def _expect(
    instances: dict[str, Expected], study: str, series: str, row: Mapping[str, str]
) -> None:
    uid = row["sop_instance_uid"]
    if is_usable_uid(uid) and len(instances) < MOST_ROWS:
        syntaxes = filter(None, row["available_transfer_syntax_uid"].split("\\"))
        instances[uid] = Expected(study, series, row["sop_class_uid"], tuple(syntaxes))
