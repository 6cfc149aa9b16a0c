"""How the Export screen reads: what goes out, what was chosen, what would come of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.text import Text

from mediastation.console.screens.export_choices import ASK, MAKE, Choices
from mediastation.console.screens.job_words import add_findings, bar, without_preamble
from mediastation.console.screens.study_rows import patient_text
from mediastation.console.widgets.page_table import Column, Key, PageRow
from mediastation.console.words import date_text, fit, name_text, number_text
from mediastation.model.medium import MEDIA, Format
from mediastation.model.profile import Security
from mediastation.model.text import harmless, size_text

if TYPE_CHECKING:
    from mediastation.media.planning import MediumRow
    from mediastation.station.exporting.chosen import ChosenRow
    from mediastation.station.exporting.foresight import Foresight
    from mediastation.station.exporting.presets import ReadyPreset

SOURCE_COLUMNS = (
    Column("Goes out", 14, flex=3),
    Column("Patient ID", 9, flex=1),
    Column("Born", 10, from_width=110),
    Column("Date", 10),
    Column("Study", 8, flex=3),
    Column("Mod", 5),
    Column("Images", 6, right=True),
    Column("Size", 9, right=True),
)
CHOICE_COLUMNS = (Column("Chosen", 9), Column("", 10, flex=1))
START = "start"
ENCRYPTED = "▣ encrypted"
"""Mark and word of what is sealed; both stand wherever it matters."""
_PASSWORDS = {MAKE: "made up, shown once", ASK: "typed by you, twice", "": "none"}
_MOST_NAMES = 12
_BAR = 10


def source_key(row: ChosenRow) -> tuple[str, int]:
    """Return what tells a row from the others."""
    return row.source, row.study.id if row.study else 0


def source_rows(rows: Sequence[ChosenRow]) -> dict[Key, PageRow]:
    """Return what goes out as rows."""
    return {source_key(row): _source_row(row) for row in rows}


def _source_row(row: ChosenRow) -> PageRow:
    study, series = row.study, row.series
    if study is None:
        return PageRow(("! gone", "", "", "", row.source, "", "", ""), "error")
    what = study.study_description or study.study_id
    if series is not None:
        number = f"Series {series.series_number}" if series.series_number else "A series"
        what = f"{number} {series.series_description}".strip() + (f" of {what}" if what else "")
    return PageRow(
        (
            name_text(study.patient_name),
            study.patient_id,
            date_text(study.patient_birth_date),
            date_text(study.study_date),
            what,
            series.modality if series else ",".join(study.modalities),
            f"{row.instances:,}",
            size_text(row.size_bytes),
        )
    )


def patients_of(rows: Sequence[ChosenRow]) -> list[str]:
    """Return the patients of a selection, each once, with all that names them."""
    studies = {row.study.patient: row.study for row in rows if row.study is not None}
    return [patient_text(study) for study in studies.values()]


def shortened(names: Sequence[str]) -> list[str]:
    """Return as many names as a dialog shows."""
    if len(names) <= _MOST_NAMES:
        return list(names)
    return [*names[:_MOST_NAMES], f"and {len(names) - _MOST_NAMES} more"]


def what_goes_out(rows: Sequence[ChosenRow]) -> str:
    """Return what a selection adds up to."""
    studies = sum(row.series is None and row.study is not None for row in rows)
    series = sum(row.series is not None for row in rows)
    parts = [number_text(studies, "study", "studies")] if studies else []
    parts += [f"{series:,} series"] if series else []
    parts.append(number_text(sum(row.instances for row in rows), "image"))
    parts.append(size_text(sum(row.size_bytes for row in rows)))
    return ", ".join(parts)


def selection_line(rows: Sequence[ChosenRow], growing: int) -> str:
    """Return the line above the selection."""
    if not rows:
        return "Nothing goes out yet."
    people = patients_of(rows)
    parts = [what_goes_out(rows)]
    patients = number_text(len(people), "patient")
    parts.append(f"! {patients}" if len(people) > 1 else patients)
    if gone := sum(row.study is None for row in rows):
        parts.append(f"! {gone} gone")
    if growing:
        parts.append(f"! {number_text(growing, 'study', 'studies')} still growing")
    return " · ".join(parts)


def choice_rows(
    choices: Choices,
    presets: Sequence[ReadyPreset],
    keys: Mapping[str, str],
    drives: set[str],
    *,
    has_escrow: bool = False,
) -> dict[Key, PageRow]:
    """Return what was chosen as rows; `drives` are those that are known here.

    With `has_escrow`, a certificate of the site opens everything that is encrypted.
    """
    names = {ready.name: ready.title for ready in presets}
    letters = " ".join(filter(None, (keys.get(ready.name) for ready in presets)))
    preset = names.get(choices.preset, "own choice")
    told = {
        "preset": f"{preset}  ({letters})" if letters else preset,
        "profile": choices.profile,
        "medium": choices.medium,
        "format": choices.form.words,
        "compress": choices.compress or "only where needed",
        "label": choices.label or ("names nobody" if choices.is_sealed else "from the patient"),
        "requested_by": choices.requested_by or "–",
        "given_to": choices.given_to or "–",
        "reason": choices.reason or "–",
        "output": choices.output or "among the station's images",
    }
    if choices.security is not Security.NONE:
        told = {"preset": told.pop("preset"), "profile": told.pop("profile"),
                **_secrecy(choices, has_escrow=has_escrow), **told}  # fmt: skip
    labels = {
        "preset": "Preset", "profile": "Profile", "sealed": "Encrypt", "recipients": "Keys of",
        "password": "Password", "medium": "Medium", "format": "Format",
        "compress": "Compress", "label": "Label", "requested_by": "Asked by",
        "given_to": "Given to", "reason": "Because", "output": "Write to", "drive": "Burn on",
        "copies": "Copies",
    }  # fmt: skip
    if choices.form.is_disc:
        lost = "" if choices.drive in drives else "! not found: "
        told["drive"] = f"{lost}{choices.drive}" if choices.drive else "none: image only"
        if choices.drive:
            told["copies"] = number_text(choices.copies, "disc") + " of each"
    rows: dict[Key, PageRow] = {
        name: PageRow((labels[name], value)) for name, value in told.items()
    }
    rows[START] = PageRow(("▶ Start", "x · asks once more"), "strong")
    return rows


def _secrecy(choices: Choices, *, has_escrow: bool) -> dict[str, str]:
    """Return how it is encrypted, and who opens it, by the name of each choice."""
    if choices.unsealed:
        return {"sealed": "! no: must not leave the house"}
    number = len(choices.recipients)
    names = ", ".join(Path(path).name for path in choices.recipients)
    keys = f"{number}: {names}" if number else "nobody"
    keys += " + escrow" if has_escrow else ""
    told = {"sealed": f"{ENCRYPTED[0]} yes", "recipients": keys}
    if choices.security is not Security.MAIL:
        told["password"] = _PASSWORDS[choices.password]
    return told


def opened_with(choices: Choices) -> str:
    """Return who opens what comes out; empty where it is not encrypted."""
    if not choices.is_sealed:
        return ""
    ways = [f"a password ({_PASSWORDS[choices.password]})"] if choices.has_password else []
    if number := len(choices.recipients):
        ways.append("the key of " + number_text(number, "recipient"))
    return " or ".join(ways)


def plan_text(
    foresight: Foresight | None, choices: Choices, *, is_planning: bool, is_empty: bool
) -> Text:
    """Return what would come of the export: discs on each medium, findings, what to decide."""
    text = Text()
    if is_empty:
        text.append("Nothing is chosen yet.\n", "bold")
        text.append("→ Mark studies in Studies (1), and press e there.\n")
        return text
    if is_planning:
        text.append("… checking and planning; nothing is written\n", "bold")
    if choices.is_sealed:
        who = opened_with(choices)
        text.append(f"{ENCRYPTED}: ", "bold reverse")
        text.append(f"opened with {who}\n" if who else "! nobody could open it\n", "bold")
    if foresight is None:
        return text
    for word in _decided(choices):
        text.append(f"{word}\n", "bold")
    if foresight.stopped:
        text.append(f"✗ {harmless(without_preamble(foresight.stopped))}\n", "bold")
    if foresight.question is not None:
        text.append("? To be decided: press i\n", "bold reverse")
    elif foresight.stopped and foresight.hint:
        text.append(f"→ {harmless(foresight.hint)}\n")
    if foresight.volumes and not foresight.stopped:
        what = _volumes(len(foresight.volumes), choices)
        text.append(f"✓ {what}: {foresight.volumes[0].file_set_id}\n", "bold")
    for row in foresight.media:
        text.append(_medium_line(row, choices))
    if foresight.refused:
        text.append(
            f"! {number_text(foresight.refused, 'image')} may not go out under {choices.profile}\n",
            "bold",
        )
    said = without_preamble(foresight.stopped)
    findings = [one for one in foresight.findings if not said or one.message != said]
    if findings:
        text.append("\n")
        add_findings(text, findings)
    return text


def confirmation(
    choices: Choices, rows: Sequence[ChosenRow], foresight: Foresight, growing: int = 0
) -> str:
    """Return what follows from starting; `growing` studies may not be complete yet."""
    told = [f"{what_goes_out(rows)}, as {choices.profile}"]
    told.append(f"onto {_volumes(len(foresight.volumes), choices)}")
    if choices.is_sealed:
        told.append(f"{ENCRYPTED.upper()}, opened with {opened_with(choices)}")
    if foresight.refused:
        told.append(f"without {number_text(foresight.refused, 'image')} that may not go out")
    if choices.is_burned:
        told.append(f"burned on {choices.drive}, {number_text(choices.copies, 'copy', 'copies')}")
    elif choices.output:
        told.append(f"written to {choices.output}")
    told.append(f"given to {choices.given_to or 'nobody named'}")
    if choices.requested_by:
        told.append(f"requested by {choices.requested_by}")
    if choices.reason:
        told.append(f"because: {choices.reason}")
    lines = ", ".join(told) + "."
    if growing:
        what = number_text(growing, "study is", "studies are")
        lines += f" ! {what} still growing: images may be missing."
    return f"{lines} {' '.join(_decided(choices))}".strip()


def _decided(choices: Choices) -> list[str]:
    words = []
    if choices.confirmed:
        words.append("Decided: these identities are one person.")
    if choices.several:
        words.append("Decided: several patients on one medium.")
    if choices.drop:
        words.append("Decided: what may not go out is left out.")
    if choices.unsealed:
        words.append("! Not encrypted: for looking at here, must not leave the house.")
    return words


def _volumes(number: int, choices: Choices) -> str:
    if choices.unsealed or choices.form is Format.FOLDER:
        return f"{number_text(number, 'folder')} for {choices.medium}"
    return f"{number} × {choices.medium}"


def _medium_line(row: MediumRow, choices: Choices) -> str:
    sign = "●" if row.name == choices.medium else " "
    if row.unplaced:
        told = f"! {row.unplaced:,} do not fit"
    elif MEDIA[row.name].capacity_bytes > 1 << 38:
        told = size_text(row.size_bytes)
    else:
        share = f"{row.fill:.0%}" if row.fill >= 0.01 or not row.fill else "<1%"
        told = f"{bar(row.fill, _BAR)} {share} full"
    return f"{sign} {fit(f'{row.volumes} × {row.name}', 13)} {told}\n"
