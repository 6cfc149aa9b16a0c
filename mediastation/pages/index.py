"""INDEX.HTM: what lies on the medium, for whoever opens it in a browser (IHE PDI).

XHTML Basic 1.1 in one file: no script, nothing from outside, no table of its own for
the layout. It names the patients, so it stays off media whose content is encrypted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import quote

from markupsafe import escape

from mediastation import __version__
from mediastation.pages.facts import (
    IndexFacts,
    IndexPatient,
    IndexSeries,
    IndexStudy,
    SiblingDisc,
)
from mediastation.pages.people import SEXES
from mediastation.pages.templates import render_template, require_well_formed
from mediastation.pages.text import (
    LONGEST,
    isolate,
    isolated,
    name_groups,
    one_line,
    readable_date,
    require_zone,
)

INDEX_NAME = "INDEX.HTM"
MOST_SERIES = 2000
"""Series that the page lists; of more it says how many. An importer reads the DICOMDIR."""
MOST_SIBLINGS = 200

_MOST_NUMBERS = 5
_LONGEST_FILE_SET_ID = 16
_LONGEST_UID = 64


def render_index(facts: IndexFacts, templates: Path | None = None) -> bytes:
    """Return INDEX.HTM in UTF-8.

    Text from outside is isolated from what surrounds it, so that a name of Arabic
    letters turns nothing round (UAX #9). Values longer than 200 characters are
    cut, names later; past `MOST_SERIES` series the page says how many more there are.

    Parameters
    ----------
    facts : IndexFacts
        What to tell; the page's size is linear in it.
    templates : Path, optional
        The site's templates.

    Raises
    ------
    ValueError
        If `facts.created` has no time zone.
    ConfigError
        If a template is faulty, or makes a page that is not well-formed.
    """
    shown, left = _within_limits(facts)
    return _render(shown, _totals(facts), left, templates)


def index_size_bound(whole: IndexFacts, volumes: int, templates: Path | None = None) -> int:
    """Return the bytes that INDEX.HTM of any one volume needs at most.

    The page is rendered once with as many rows as the whole set has, each as long
    as the longest. What a planner reserves by it is a little too much and never too
    little, however the set is split. (A site's template that says more where a
    value is missing than where it is there can exceed it.)

    Parameters
    ----------
    whole : IndexFacts
        Facts of the set as if it lay on one medium. Its identifiers and siblings
        do not count.
    volumes : int
        How many there will be at most.
    templates : Path, optional
        The site's templates.

    Raises
    ------
    ValueError, ConfigError
        As `render_index`.
    """
    totals = _totals(whole)
    studies = [study for patient in whole.patients for study in patient.studies]
    one_series = IndexSeries(
        _longest(one.modality for one in _series(whole.patients)),
        _longest(one.number for one in _series(whole.patients)),
        _longest(one.description for one in _series(whole.patients)),
        totals.instances,
    )
    one_study = IndexStudy(
        _longest((study.date for study in studies), readable_date),
        _longest(study.description for study in studies),
        _longest(study.accession for study in studies),
        (),
        (volumes,) * (volumes - 1),
    )
    one_patient = IndexPatient(
        _longest((patient.name for patient in whole.patients), _names),
        _longest(patient.patient_id for patient in whole.patients),
        _longest((patient.birth_date for patient in whole.patients), readable_date),
        _longest((patient.sex for patient in whole.patients), _sex),
        (),
    )
    # The page grows by what stands in it, not by what belongs to what: one study has all rows.
    first = replace(one_study, series=(one_series,) * min(totals.series, MOST_SERIES))
    some_studies = (first, *(one_study,) * (min(totals.studies, MOST_SERIES) - 1))
    page = replace(
        whole,
        file_set_id="W" * _LONGEST_FILE_SET_ID,
        file_set_uid="9" * _LONGEST_UID,
        patients=(
            replace(one_patient, studies=some_studies),
            *(one_patient,) * (min(totals.patients, MOST_SERIES) - 1),
        ),
        volume=volumes,
        volumes=volumes,
        siblings=(
            SiblingDisc(
                volumes,
                totals.studies,
                totals.series,
                totals.instances,
                one_study.date,
                f"{one_study.date} ",
            ),
        )
        * (min(volumes, MOST_SIBLINGS) if volumes > 1 else 0),
    )
    return len(_render(page, totals, replace(totals, discs=volumes), templates))


@dataclass(frozen=True, slots=True)
class _Counts:
    """How many of each, on the medium or left out of the page."""

    patients: int = 0
    studies: int = 0
    series: int = 0
    instances: int = 0
    discs: int = 0


def _render(facts: IndexFacts, totals: _Counts, left: _Counts, templates: Path | None) -> bytes:
    require_zone(facts.created)
    contact = [one_line(line, LONGEST) for line in facts.contact]
    page = render_template(
        INDEX_NAME,
        {
            "facts": replace(facts, contact=tuple(filter(None, contact))),
            "totals": totals,
            "left": left,
            "version": __version__,
        },
        templates,
        {
            "told": isolated,
            "names": _names,
            "sex": _sex,
            "dates": _dates,
            "discs": _discs,
            "link": link_to,
        },
    )
    return require_well_formed(INDEX_NAME, page, templates).encode()


def _within_limits(facts: IndexFacts) -> tuple[IndexFacts, _Counts]:
    """Return the facts with at most `MOST_SERIES` rows of each kind, and what that leaves out."""
    room = MOST_SERIES
    patients = []
    for patient in facts.patients:
        if room <= 0:
            break
        studies: list[IndexStudy] = []
        for study in patient.studies:
            if room <= 0:
                break
            series = study.series[:room]
            studies.append(replace(study, series=series))
            room -= max(1, len(series))
        if not patient.studies:
            room -= 1
        patients.append(replace(patient, studies=tuple(studies)))
    shown = replace(facts, patients=tuple(patients), siblings=facts.siblings[:MOST_SIBLINGS])
    every, some = _totals(facts), _totals(shown)
    left = _Counts(
        every.patients - some.patients,
        every.studies - some.studies,
        every.series - some.series,
        every.instances - some.instances,
        len(facts.siblings) - len(shown.siblings),
    )
    return shown, left


def _totals(facts: IndexFacts) -> _Counts:
    return _Counts(
        len(facts.patients),
        sum(len(patient.studies) for patient in facts.patients),
        sum(1 for _ in _series(facts.patients)),
        sum(one.instances for one in _series(facts.patients)) + facts.without_patient,
    )


def _series(patients: Iterable[IndexPatient]) -> Iterator[IndexSeries]:
    return (one for patient in patients for study in patient.studies for one in study.series)


def _longest(values: Iterable[str], shown: Callable[[str], str] = one_line) -> str:
    """Return the value that needs most room on the page."""
    return max(set(values), key=lambda value: (_room(shown(value)), value), default="")


def _room(text: str) -> int:
    return len(escape(isolated(text)).encode())


def _names(name: str) -> str:
    groups = [isolate(group) for group in name_groups(name)]
    return " \N{MIDDLE DOT} ".join(groups) or "no name"


def _sex(sex: str) -> str:
    return SEXES.get(sex) or isolated(sex)


def _dates(disc: SiblingDisc) -> str:
    days = dict.fromkeys(readable_date(day) for day in (disc.first_date, disc.last_date) if day)
    return isolated(" to ".join(days))


def _discs(numbers: tuple[int, ...]) -> str:
    told = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    more = len(numbers) - _MOST_NUMBERS
    return f"{told} and {more:,} more" if more > 0 else told


def link_to(path: str) -> str:
    """Return a relative link to a file of the medium; nothing in a path can lead elsewhere."""
    parts = [part for part in path.replace("\\", "/").split("/") if part not in {"", ".", ".."}]
    return "/".join(quote(part, safe="") for part in parts)
