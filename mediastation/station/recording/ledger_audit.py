"""The ledger looked over: proved, held against a printed head, mended."""

from __future__ import annotations

import logging

from mediastation.catalog.ledger import Ledger
from mediastation.catalog.ledger_check import LedgerReport, mend_ledger, verify_ledger
from mediastation.errors import MediaError
from mediastation.model.finding import Finding, error, has_errors
from mediastation.model.ledger import LedgerEvent, LedgerHead
from mediastation.station.recording.audit_folder import (
    FOLDER_NAME,
    highest_message,
    stray_numbers,
    write_missing_messages,
)
from mediastation.station.recording.ledger import record_alert
from mediastation.station.station import Station
from mediastation.station.unfinished import settle_unfinished

_LOG = logging.getLogger(__name__)


def audit_ledger(station: Station, wanted: LedgerHead | None = None) -> LedgerReport:
    """Prove the ledger, and tell the ledger itself what was found, once.

    Audit messages that a killed process or a full disk left out are made, and
    where the ledger is whole, entries are withdrawn whose media never came to be.

    Parameters
    ----------
    wanted : LedgerHead, optional
        A head that was printed, as `LedgerHead.parse` reads it.

    Raises
    ------
    MediaError
        If the disk fails.
    """
    log = Ledger(station.catalog)
    report = verify_ledger(log, wanted)
    if cut := _find_cut(station, report.entries):
        report.take([cut])
        report.whole = ""
    if report.ok and (settled := settle_unfinished(station)):
        report = verify_ledger(log, wanted)
        report.take(settled)
    # A head that was typed badly says nothing of the ledger.
    told = [finding for finding in report.findings if finding.rule != "ledger-head"]
    if report.ok or not has_errors(told):
        write_missing_messages(station)
    elif not _is_known(log, told):
        try:
            record_alert(station, told)
        except MediaError as fault:
            _LOG.error("the alert could not be recorded: %s", fault.message)
    return report


def mend(station: Station) -> list[Finding]:
    """Make a spoiled copy anew from a proved one, and record that; see `mend_ledger`."""
    findings = mend_ledger(Ledger(station.catalog))
    if findings:
        record_alert(station, findings)
    return findings


def _is_known(log: Ledger, findings: list[Finding]) -> bool:
    """Tell whether the latest alert says the same already."""
    told = [finding.as_dict() for finding in findings]
    for entry in log.entries(newest_first=True, containing=f'"event":"{LedgerEvent.ALERT}"'):
        if entry.event is LedgerEvent.ALERT:
            return entry.facts.get("findings") == told[:20]
    return False


def _find_cut(station: Station, entries: int) -> Finding | None:
    """Tell what the audit messages know of and the ledger does not, also where it went on since."""
    last = highest_message(station)
    if strays := stray_numbers(station):
        first, last = strays[0], strays[-1]
        known = f"{len(strays):,} entries that the ledger lacks, or has others in place of"
    elif last > entries:
        first, known = entries + 1, f"entries up to {last}; the ledger ends at {entries}"
    else:
        return None
    return error(
        "ledger-cut",
        f"entry {first}" if first == last else f"entries {first} to {last}",
        f"The audit messages in {FOLDER_NAME}/ tell of {known}.",
        "Compare with a backup of ledger.jsonl and with heads on printed labels and reports.",
    )
