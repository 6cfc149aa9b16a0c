"""The parts of one import that tell what comes after: sending on, the report, another medium."""

from __future__ import annotations

from pathlib import Path

from rich.text import Text

from mediastation.console.screens.import_sections import Section, Shown, add_line
from mediastation.console.screens.import_words import identity_text, sent_text
from mediastation.console.widgets.page_table import Column, Key, PageRow
from mediastation.console.words import number_text
from mediastation.model.job import JobState

_REPORT_KEYS = ("page", "sheet", "copy", "export", "job")
_AT_WORK = (JobState.QUEUED, JobState.RUNNING)


def why_not_sent(shown: Shown) -> str:
    """Return why nothing can be sent on; empty if it can."""
    view = shown.view
    if view.record.state in _AT_WORK:
        return "The import has not ended."
    if not view.instances:
        return "Nothing of it is in the catalog."
    if not view.reconciled:
        return ("Nobody is reconciled: the images bear the identity that they came with. "
                "First say whose they are (Whose, ←).")  # fmt: skip
    return ""


def send_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return the peers that take images, each with what it got of this import."""
    rows: dict[Key, PageRow] = {}
    why_not = why_not_sent(shown)
    for peer in _takers(shown):
        name = str(peer["name"])
        sent = next((job for job in shown.view.later
                     if job.kind == "send" and job.request.get("peer") == name), None)  # fmt: skip
        told = f"{sent_text(sent)} (job {sent.id})" if sent else "not sent"
        if sent is None and why_not:
            told = "not now"
        address = f"{peer['aet']} at {peer['host']}:{peer['port']}"
        rows["to", name] = PageRow((str(peer["title"]), told, address), "faint" if why_not else "")
    return rows


def _takers(shown: Shown) -> list[dict[str, object]]:
    return [peer for peer in shown.peers if "store" in peer["services"]]


def send_words(shown: Shown, key: Key | None) -> Text:
    """Return what would go out, or why nothing can."""
    text, view = Text(), shown.view
    if why_not := why_not_sent(shown):
        add_line(text, f"! {why_not}", "bold")
        return text
    if key is None:
        return text
    add_line(text, f"Enter sends {number_text(view.reconciled, 'image')}:", "bold")
    for patient in view.patients:
        for local, number in patient.local:
            add_line(text, f"{identity_text(local)}: {number_text(number, 'image')}")
    if missing := view.instances - view.reconciled:
        add_line(text, f"! {number_text(missing, 'image')} not reconciled stay here, and are told.")
    return text


def report_rows(shown: Shown) -> dict[Key, PageRow]:
    """Return what can be done with the report, and with what came."""
    page = report_of(shown)
    told = {
        "page": ("Report, page", str(page) if page else "not written yet"),
        "sheet": ("Report, sheet", str(page.with_suffix(".pdf")) if page else "not written yet"),
        "copy": ("Copy the report …", "to a folder or file that you name (.htm or .pdf)"),
        "export": ("Export again …", "what came, as a medium of this house (2)"),
        "job": ("Job", f"job {shown.view.record.id} in Jobs (3): log, findings, reconciling"),
    }
    return {
        ("report", key): PageRow(told[key], "faint" if key in {"page", "sheet", "copy"} and not page
                                 else "")
        for key in _REPORT_KEYS
    }  # fmt: skip


def report_of(shown: Shown) -> Path | None:
    """Return where the page of the report lies; None before it is written."""
    path = shown.view.record.result.get("report")
    return Path(path) if isinstance(path, str) and path else None


def report_words(shown: Shown, key: Key | None) -> Text:
    """Return what Enter does."""
    text = Text()
    match key:
        case ("report", "page" | "sheet"):
            add_line(text, "Enter copies the path. It grows with each reconciliation and sending.")
        case ("report", "copy"):
            add_line(text, "Enter asks where to; for the file, or for whoever brought the medium.")
        case ("report", "export"):
            add_line(
                text, "Enter takes what came to Export: reconciled copies where there are any."
            )
            if shown.view.reconciled < shown.view.instances:
                add_line(text, "! Not all is reconciled: it would bear the identity it came with.")
        case ("report", "job"):
            add_line(text, "Enter goes there.")
    return text


ONWARD_SECTIONS = (
    Section(
        "send", "Send on", "Send",
        (Column("Peer", 16, flex=1), Column("What it got", 18, flex=2),
         Column("Address", 20, flex=1, from_width=90)),
        send_rows, send_words,
        lambda _: "No peer takes images: [peers.NAME] in config.toml (8, e) makes one.",
    ),
    Section(
        "report", "Report", "Report",
        (Column("What", 18), Column("Where", 20, flex=1)),
        report_rows, report_words, lambda _: "",
    ),
)  # fmt: skip
