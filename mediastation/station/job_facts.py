"""What a job is about, told from its row: what is made, of whom, and which files came out."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mediastation.model.browsing import StudyRow
from mediastation.model.job import JobRecord, JobState
from mediastation.station.exporting.chosen import rows_of_sources

if TYPE_CHECKING:
    from mediastation.config import Settings
    from mediastation.station.station import Station

_MAKING = ("export", "update", "reprint")
_MOST_STEPS_BACK = 4
"""A burn of a reprint of an update of an export; further back nobody goes."""


@dataclass(frozen=True, slots=True)
class Output:
    """A file or folder that a job made, or is to make, and what its label is printed from."""

    path: Path
    file_set_id: str = ""
    sha256: str = ""
    size_bytes: int = 0
    instances: int = 0
    verified: bool = False
    label: str = ""


@dataclass(frozen=True, slots=True)
class JobFacts:
    """What a job is about.

    Parameters
    ----------
    what : str
        What it does, such as ``Patient CD`` or ``Burn 2 discs on sr0``.
    studies : tuple of StudyRow
        Those whose data it moves, as far as the catalog still knows them.
    outputs : tuple of Output
        What it made.
    source_count : int
        How much was named that is no study of the catalog (any more).
    """

    what: str
    studies: tuple[StudyRow, ...] = ()
    outputs: tuple[Output, ...] = ()
    source_count: int = 0

    @property
    def patients(self) -> tuple[StudyRow, ...]:
        """One study for each patient identity."""
        return tuple({study.patient: study for study in self.studies}.values())


def facts_of_jobs(station: Station, records: Iterable[JobRecord]) -> dict[int, JobFacts]:
    """Return what jobs are about, by number."""
    return {record.id: facts_of_job(station, record) for record in records}


def facts_of_job(station: Station, record: JobRecord) -> JobFacts:
    """Return what a job is about; what cannot be told of it is left out."""
    origin = _origin(station, record)
    sources = _sources(origin) if origin is not None else ()
    rows = rows_of_sources(station, sources)
    studies = {row.study.id: row.study for row in rows if row.study is not None}
    return JobFacts(
        words_of_job(record, station.settings),
        tuple(studies.values()),
        tuple(outputs_of_job(record)),
        sum(row.study is None for row in rows),
    )


def words_of_job(record: JobRecord, settings: Settings | None = None) -> str:
    """Return what a job does, without anybody's name."""
    request = record.request
    match record.kind:
        case "export":
            words = _medium_words(request, settings)
            return f"Check for {words}" if request.get("plan_only") else words
        case "burn":
            drives = ", ".join(map(_name, _texts(request.get("drives")))) or "a drive"
            copies = request.get("copies", 1)
            discs = "a disc" if copies == 1 else f"{copies} discs"
            return f"Burn {discs} on {drives}"
        case "verify":
            return f"Verify {_name(request.get('medium'))}"
        case "update":
            return f"Update {_name(request.get('medium'))}"
        case "reprint":
            return f"Reprint of job {request.get('of', '?')}"
        case "blank":
            return f"Blank the disc in {_name(request.get('drive'))}"
        case "send":
            return f"Send to {_peer_words(request, settings)}"
        case "fetch":
            return f"Fetch from {_peer_words(request, settings)}"
        case "import":
            return f"Import {_name(request.get('medium'))}"
        case "open":
            return f"Open the envelopes of {_name(request.get('medium'))}"
        case "drill":
            media = _texts(request.get("media"))
            return f"Drill {', '.join(map(_name, media)) or 'all sealed media made here'}"
        case "reconcile":
            return f"Reconcile with {request.get('patient_id') or 'an order'}"
        case "quarantine":
            held = len(_texts(request.get("files")))
            verb = "Keep" if request.get("verdict") == "keep" else "Leave"
            return f"{verb} {'a held file' if held == 1 else f'{held:,} held files'}"
        case "add":
            return f"Add {', '.join(map(_name, _texts(request.get('sources'))))}"
        case _:
            return record.kind.capitalize()


def outputs_of_job(record: JobRecord) -> list[Output]:
    """Return the files and folders that a job made; of a plan, none."""
    if record.request.get("plan_only"):
        return []
    found = []
    volumes = record.result.get("volumes")
    for told in volumes if isinstance(volumes, list) else ():
        if isinstance(told, dict) and isinstance(told.get("path"), str):
            found.append(
                Output(
                    Path(told["path"]),
                    str(told.get("file_set_id", "")),
                    str(told.get("sha256", "")),
                    int(told.get("size_bytes", 0)),
                    int(told.get("instances", 0)),
                    bool(told.get("verified")),
                    str(told.get("label", "")),
                )
            )
    return found


def images_to_burn(record: JobRecord) -> list[Output]:
    """Return the images of discs that a finished job made."""
    if record.kind not in _MAKING or record.state is not JobState.DONE:
        return []
    return [one for one in outputs_of_job(record) if one.path.suffix.upper() == ".ISO"]


def is_about_checking(record: JobRecord) -> bool:
    """Tell whether a job only looks: a plan before an export, a check against profiles."""
    return record.kind == "check" or bool(record.request.get("plan_only"))


def _peer_words(request: Mapping[str, Any], settings: Settings | None) -> str:
    name = str(request.get("peer", ""))
    peer = settings.peers.get(name) if settings else None
    return (peer.title if peer else "") or name or "a peer"


def _medium_words(request: Mapping[str, Any], settings: Settings | None) -> str:
    profile, medium = str(request.get("profile", "")), str(request.get("medium", ""))
    if request.get("unsealed"):
        return f"{medium or profile}, unsealed"
    for name, preset in settings.presets.items() if settings else ():
        same = preset.profile == profile and preset.compress == request.get("compress", "")
        if same and preset.medium in ("", medium) and preset.format in ("", request.get("format")):
            return preset.title or name
    what = medium or profile or "Export"
    is_sealed = request.get("with_password") or request.get("recipients")
    return f"{what}, encrypted" if is_sealed else what


def _origin(station: Station, record: JobRecord) -> JobRecord | None:
    """Return the job whose sources are what `record` is about."""
    for _ in range(_MOST_STEPS_BACK):
        request = record.request
        before: JobRecord | None = None
        match record.kind:
            case "export" | "send" | "reconcile" | "import":
                return record
            case "burn":
                before = _maker(station, request.get("image"))
            case "verify" | "update":
                before = _maker(station, request.get("medium"))
            case "reprint":
                of = request.get("of")
                before = station.jobs.get(of, station.clock.now()) if type(of) is int else None
        if before is None or before.id >= record.id:
            return None
        record = before
    return None


def _sources(record: JobRecord) -> Sequence[str]:
    """Return what a job is about; an import is about what it brought."""
    if record.kind == "import":
        return (f"import:{record.id}",)
    return _texts(record.request.get("sources"))


def _maker(station: Station, path: object) -> JobRecord | None:
    """Return the job that made a file, or burned what lies on a drive."""
    if not isinstance(path, str) or not path:
        return None
    quoted = json.dumps(path)
    found = [one for kind in (*_MAKING, "burn") for one in station.jobs.with_result(kind, quoted)]
    return max(found, key=lambda one: one.id, default=None)


def _texts(value: object) -> Sequence[str]:
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else ()


def _name(path: object) -> str:
    return Path(path).name or path if isinstance(path, str) else "a medium"
