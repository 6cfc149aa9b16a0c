"""How the peers of the settings, and studies that one of them has, read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from mediastation.console.widgets.page_table import Column, PageRow
from mediastation.console.words import age_text, date_text, name_text
from mediastation.model.text import harmless

PEER_COLUMNS = (
    Column("Peer", 12, flex=1),
    Column("AE title", 10, from_width=50),
    Column("Address", 18, flex=1, from_width=104),
    Column("For", 12, flex=1, from_width=60),
    Column("Last tried", 16, flex=3),
)
STUDY_COLUMNS = (
    Column("Patient", 12, flex=3),
    Column("Patient ID", 10, flex=1),
    Column("Born", 10, from_width=70),
    Column("Date", 10),
    Column("Study", 8, flex=2, from_width=56),
    Column("Mod", 5, from_width=56),
    Column("Images", 6, right=True, from_width=70),
)
_LONGEST_SAID = 300


@dataclass(frozen=True, slots=True)
class Try:
    """When a peer was tried last, and what came of it; `seconds` is negative where it failed."""

    at: float
    seconds: float
    said: str = ""

    @classmethod
    def from_memory(cls, told: object) -> Try | None:
        """Read what `as_memory` wrote; None for anything else."""
        match told:
            case {"at": int() | float() as at, "seconds": int() | float() as seconds,
                  "said": str(said)}:  # fmt: skip
                return cls(at, seconds, said[:_LONGEST_SAID])
        return None

    def as_memory(self) -> dict[str, Any]:
        """Return it as the console remembers it."""
        return {"at": self.at, "seconds": self.seconds, "said": self.said[:_LONGEST_SAID]}


def peer_row(peer: Mapping[str, Any], last: Try | None, now: float, *, trying: bool) -> PageRow:
    """Return a peer as a row."""
    told, look = "not yet: t tries it", "faint"
    if trying:
        told, look = "trying …", "strong"
    elif last is not None:
        ago = age_text(last.at, now)
        when = "just now" if ago == "now" else f"{ago} ago"
        if last.seconds < 0:
            told, look = f"✗ {when}: {last.said}", "error"
        else:
            told, look = f"✓ answered in {last.seconds:.3f} s, {when}", ""
    return PageRow(
        (
            str(peer["title"]),
            str(peer["aet"]),
            f"{peer['host']}:{peer['port']}",
            ", ".join(map(str, peer["services"])) or "nothing",
            told,
        ),
        look,
    )


def peer_text(peer: Mapping[str, Any], last: Try | None) -> str:
    """Return all that is known of a peer, one fact a line."""
    title = f"{peer['title']} ({peer['name']})" if peer["title"] != peer["name"] else peer["name"]
    lines = [
        f"{title} · AE title {peer['aet']} at {peer['host']}:{peer['port']} · "
        f"we call it as {peer['calling_aet']}",
        f"for: {', '.join(peer['services']) or 'nothing'}",
    ]
    if last is not None and last.seconds < 0:
        lines.append(f"✗ {last.said}")
    return "\n".join(map(harmless, lines))


def study_row(row: Mapping[str, str]) -> PageRow:
    """Return a study that a peer has as a row."""
    return PageRow(
        (
            name_text(row.get("patient_name", "")),
            row.get("patient_id", ""),
            date_text(row.get("patient_birth_date", "")),
            date_text(row.get("study_date", "")),
            row.get("study_description", ""),
            row.get("modalities_in_study", "").replace("\\", ","),
            row.get("number_of_study_related_instances", ""),
        )
    )


def keys_of_query(words: Mapping[str, str]) -> list[str]:
    """Return the keys of a query (PS3.4 C.2.2.2) from what was typed: dates may have dashes."""
    date = words.get("date", "")
    if date[4:5] == "-" and len(date) == 10:
        date = date.replace("-", "")
    typed = {
        "PatientID": words.get("patient_id", ""),
        "PatientName": words.get("name", ""),
        "AccessionNumber": words.get("accession", ""),
        "StudyDate": date,
    }
    return [f"{key}={value}" for key, value in typed.items() if value]
