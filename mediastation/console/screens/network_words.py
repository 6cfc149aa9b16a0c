"""How the listener and its associations read."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import age_text, moment_text, number_text
from mediastation.model.text import harmless, size_text

if TYPE_CHECKING:
    from mediastation.network.association_log import AssociationFacts
    from mediastation.station.serving.listening import Listener

COLUMNS = (
    Column("How", 11, flex=2),
    Column("Calling AE", 16),
    Column("Peer", 21, flex=1, from_width=100),
    Column("Called AE", 16, from_width=124),
    Column("Images", 7, right=True),
    Column("Refused", 7, right=True, from_width=110),
    Column("Data", 9, right=True),
    Column("Rate", 11, right=True),
    Column("Since", 7, right=True, from_width=100),
    Column("Last", 7, right=True),
)
_MEASURABLE_S = 0.5


def association_row(facts: AssociationFacts, rate: float, now: float) -> PageRow:
    """Return an association as a row; `rate` is in bytes a second."""
    return PageRow(
        (
            how_text(facts),
            facts.calling_ae,
            facts.peer,
            facts.called_ae,
            f"{facts.instances:,}",
            f"! {facts.refused:,}" if facts.refused else "0",
            size_text(facts.bytes),
            f"{size_text(rate)}/s" if rate >= 1 else "",
            age_text(facts.since, now),
            age_text(facts.last_activity, now),
        ),
        _look(facts),
    )


def how_text(facts: AssociationFacts) -> str:
    """Return how an association stands, or how it ended."""
    if facts.ended_at is None:
        return "● live"
    sign = {"released": "✓", "the station stopped": "■"}.get(facts.ended, "✗")
    return f"{sign} {facts.ended or 'ended'}"


def _look(facts: AssociationFacts) -> str:
    if facts.ended_at is None:
        return "strong"
    if facts.ended == "released":
        return "warning" if facts.refused else ""
    return "faint" if facts.ended == "the station stopped" else "error"


def mean_rate(facts: AssociationFacts) -> float:
    """Return bytes a second over the life of an association; 0 where it was too short."""
    lasted = facts.last_activity - facts.since
    return facts.bytes / lasted if lasted >= _MEASURABLE_S else 0.0


def association_text(facts: AssociationFacts, now: float) -> str:
    """Return all that is known of an association, and what to do about how it ended."""
    end = f", ended {moment_text(facts.ended_at)}" if facts.ended_at is not None else ""
    lines = [
        f"{how_text(facts)} · {facts.calling_ae} at {facts.peer} called {facts.called_ae}",
        f"since {moment_text(facts.since)}{end}; last heard of {_ago(facts.last_activity, now)}",
        f"{number_text(facts.instances, 'image')} stored, {facts.refused:,} refused, "
        f"{size_text(facts.bytes)}; {facts.contexts} of {facts.proposed} Presentation Contexts "
        "accepted",
    ]
    if advice := _advice(facts):
        lines.append(f"→ {advice}")
    return "\n".join(map(harmless, lines))


def _ago(moment: float, now: float) -> str:
    age = age_text(moment, now)
    return "now" if age == "now" else f"{age} ago" if age else "never"


def _advice(facts: AssociationFacts) -> str:
    if facts.ended == "rejected":
        return "Check the called AE title on the sender; it may also have come as one too many."
    if facts.refused:
        return "The sender was told why; it shows which images it has to send again."
    if facts.ended.startswith("aborted: broke"):
        return "What it sent is no DICOM association: check which port the sender is set to."
    if facts.ended.startswith(("aborted", "connection lost", "failed")):
        return "Images that were not acknowledged are sent again by the sender; look there."
    if facts.contexts < facts.proposed:
        return "Contexts that were not accepted are no storage, or in an unknown encoding."
    return ""


def listener_text(listener: Listener | None, hosts: Sequence[str], busy: str, now: float) -> Text:
    """Return who listens, what to set on a sender, and what keeps senders away."""
    text = Text()
    if listener is None:
        text.append("Reading …")
        return text
    where = harmless(f"{listener.address}:{listener.port}")
    if not listener.port:
        where = harmless(f"{listener.address}, on a free port")
    title = harmless(listener.ae_title)
    if busy:
        _line(text, f"… {busy}", "bold")
    elif listener.answers and listener.stopping:
        _line(text, "◐ Ending: a disc that is being made is finished first", "bold")
    elif listener.answers:
        _line(text, f"● Listening on {where} as {title}", "bold reverse")
    elif listener.is_served:
        _line(text, "◐ Served by a process that does not answer: it starts, or it ends", "bold")
    else:
        _line(text, f"○ Nobody listens. s starts {title} on {where}", "bold")
    if listener.answers:
        _line(
            text,
            f"since {moment_text(listener.since)} ({age_text(listener.since, now)}) · "
            f"process {listener.process} · {number_text(listener.running, 'job')} running",
        )
    else:
        _line(text, "Nothing is received, and jobs wait in the list, until it is started.")
    if hosts:
        other = f" (or {harmless(', '.join(hosts[1:]))})" if hosts[1:] else ""
        asked = "" if listener.only_own_title else "; any AE title is taken"
        _line(
            text,
            f"On the modality: AE title {title}, host {harmless(hosts[0])}{other}, "
            f"port {listener.port}{asked}",
        )
    elif listener.is_loopback:
        _line(text, "! Only programs of this computer can reach it: `bind` is loopback.", "bold")
        _line(text, '  → Set bind = "0.0.0.0" in config.toml (8, e), then stop (x) and start (s).')
    return text


def modality_words(listener: Listener, hosts: Sequence[str]) -> str:
    """Return what is typed into a sender, one fact a line."""
    host = hosts[0] if hosts else listener.address
    return f"AE title: {listener.ae_title}\nHost: {host}\nPort: {listener.port}\n"


def _line(text: Text, words: str, style: str = "") -> None:
    if text.plain:
        text.append("\n")
    text.append(words, style)
