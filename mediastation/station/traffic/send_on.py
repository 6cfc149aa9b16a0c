"""Sending on what was reconciled: a job of its own, after the one that reconciled it."""

from __future__ import annotations

from collections.abc import Sequence

from mediastation.model.event import Listener
from mediastation.station.intake.request import ReconcileResult
from mediastation.station.job import Job
from mediastation.station.station import Station
from mediastation.station.traffic.requests import SendRequest


def send_on(
    station: Station,
    job: Job,
    sources: Sequence[str],
    peer: str,
    result: ReconcileResult,
    listener: Listener,
) -> None:
    """Send `sources` to `peer`: through the queue where `job` came from there, else at once."""
    from mediastation.station.serving.submitting import submit  # noqa: PLC0415
    from mediastation.station.traffic.send import send  # noqa: PLC0415 - not every import sends

    request = SendRequest(tuple(sources), peer)
    if job.asks:
        result.sent_by = submit(station, request)
        _keep(job, result)
        return
    sent = send(station, request, listener)
    result.sent_by, result.sent = sent.job, sent.sent
    result.findings += (one for one in sent.findings if one not in result.findings)
    if sent.exit_code:
        result.stopped, result.hint, result.exit_code = sent.stopped, sent.hint, sent.exit_code
    _keep(job, result)


def _keep(job: Job, result: ReconcileResult) -> None:
    """Write into the job that has ended who sends on what came of it."""
    job.result = result.counts()
    job.save_result()
