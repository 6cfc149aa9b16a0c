"""Which audit message tells what (PS3.15 A.5): asked of the code that writes them."""

from __future__ import annotations

import xml.etree.ElementTree as ET  # of our own messages
from collections.abc import Iterator
from typing import Any, Final

from mediastation.model.document import Table
from mediastation.model.ledger import LedgerEntry, LedgerEvent
from mediastation.station.recording.audit_messages import audit_message

EVENT_WORDS: Final[dict[LedgerEvent, str]] = {
    LedgerEvent.MADE: "A medium was written and reread",
    LedgerEvent.BURNED: "A disc was burned",
    LedgerEvent.REPRINTED: "A medium was made again",
    LedgerEvent.WITHDRAWN: "What an earlier message told did not come to pass",
    LedgerEvent.FORGOTTEN: "Instances were removed from the store",
    LedgerEvent.IMPORTED: "Instances of an outside medium were taken in",
    LedgerEvent.REFUSED: "Instances of an outside medium were not taken in, or are held",
    LedgerEvent.RECONCILED: "Copies were made under an identity of this site",
    LedgerEvent.SENDING: "Instances are about to go to a peer",
    LedgerEvent.SENT: "A peer confirmed that it has them",
    LedgerEvent.FETCHED: "Instances came from a peer that was asked for them",
    LedgerEvent.OPENED: "Sealed files were taken out of their envelopes",
    LedgerEvent.DRILLED: "Sealed media were opened again with the escrow key",
    LedgerEvent.STARTED: "The service was started",
    LedgerEvent.STOPPED: "The service was stopped",
    LedgerEvent.ALERT: "The ledger is damaged, or was mended",
}
_STUDY: Final = {"studies": [{"study_instance_uid": "1.2", "whole": True}]}
# What a message depends on besides the event: what was withdrawn, and whether a study went whole.
_VARIANTS: Final[dict[LedgerEvent, tuple[tuple[str, dict[str, Any]], ...]]] = {
    LedgerEvent.WITHDRAWN: (
        (": a medium", {"medium": {}}),
        (": a transfer", {"transfer": {}}),
        (": an import", {"outside_medium": {}}),
        (": opened files", {"opened": {}}),
    ),
    LedgerEvent.FORGOTTEN: ((": whole studies", _STUDY), (": some of a study", {})),
}


def audit_table() -> Table:
    """Return the audit messages by what they tell."""
    return Table(
        "Audit messages",
        ("What happened", "Audit Message", "EventID", "EventActionCode"),
        tuple(_rows()),
    )


def _rows() -> Iterator[tuple[str, ...]]:
    for event in LedgerEvent:
        for more, facts in _VARIANTS.get(event, (("", {}),)):
            entry = LedgerEntry(1, "2001-02-03T04:05:06+00:00", event, "", 1, {}, facts)
            told = ET.fromstring(audit_message(entry)).find("EventIdentification")  # noqa: S314
            code = None if told is None else told.find("EventID")
            if told is None or code is None:
                raise AssertionError(f"the audit message of {event} has no event")
            yield (
                f"{EVENT_WORDS[event]}{more}",
                code.get("originalText", ""),
                f"{code.get('csd-code')}, {code.get('codeSystemName')}",
                told.get("EventActionCode", ""),
            )
