"""The volumes of one export: who is on which, what each is called, and all of them or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.catalog.job_selection import assign_volumes, count_selection, iter_selection
from mediastation.catalog.selection import read_entry
from mediastation.conformance.partition import partition_people
from mediastation.errors import ConfigError, MediaError
from mediastation.model.identity import PersonCluster
from mediastation.model.instance import InstanceHeader
from mediastation.model.medium import Format
from mediastation.station.exporting.check import ROOT_CLASSES, CheckedSet, require_all_there
from mediastation.station.exporting.output import require_output
from mediastation.station.exporting.request import ExportRequest, VolumeResult
from mediastation.station.exporting.resumed import Finished
from mediastation.station.exporting.work import Work
from mediastation.station.recording.medium_record import forget_names, withdraw
from mediastation.station.station import Station

Share = tuple[list[tuple[PersonCluster, list[int]]], int]
"""Who is on a volume, with the catalog's patient identities that are theirs; how many instances."""


@dataclass(frozen=True, slots=True)
class VolumePlan:
    """One volume before anything of it exists.

    Parameters
    ----------
    number, volumes : int
        Which one of how many, from 1.
    people : list of (PersonCluster, list of int)
        Who is on it, with the catalog's patient identities that are theirs.
    instances : int
        How many instances go onto it.
    folder : Path
        Where its DICOMDIR, pages and manifest lie in the job's folder.
    output : Path
        The image or folder that it becomes.
    """

    number: int
    volumes: int
    people: list[tuple[PersonCluster, list[int]]]
    instances: int
    folder: Path
    output: Path

    @property
    def confirmed_ids(self) -> tuple[tuple[str, ...], ...]:
        """The Patient IDs of each person here who has several, confirmed to be one."""
        ids = (tuple(sorted(person.patient_ids)) for person, _ in self.people)
        return tuple(several for several in ids if len(several) > 1)

    def step(self, name: str) -> str:
        """Return the name of a step for this volume."""
        return name if self.volumes == 1 else f"{name} {self.number}/{self.volumes}"


def require_place(
    station: Station, request: ExportRequest, form: Format, finished: Finished
) -> None:
    """Raise where the output that was named can take nothing, before any work is done for it.

    How many volumes come out is not known yet: if several, they go into a folder.
    What an earlier attempt of the job has `finished` there is in nobody's way.
    """
    if any(path.is_relative_to(request.output) for path in finished):
        return
    if form.is_file and request.output.is_dir() and not request.output.is_symlink():
        if not os.access(request.output, os.W_OK | os.X_OK):
            raise MediaError(
                f"Nothing can be written in the folder {request.output}.", "Name another one."
            )
    else:
        require_output(station, request.output, form)


def plan_people(work: Work) -> list[VolumePlan]:
    """Spread what was checked over volumes, one unless people share a Patient ID.

    Raises
    ------
    ConfigError
        If the output that was named cannot be what comes out.
    RefusedError
        If instances were forgotten meanwhile, or too many volumes would come
        out.
    MediaError
        If the disk of the home fails.
    """
    station, job, checked = work.station, work.job, work.checked
    # Who is named by nothing but objects of nobody gets no record.
    here = [(person, rows) for person, rows in checked.people if rows]
    rows_of = {person.variants: (person, rows) for person, rows in here}
    groups = partition_people([person for person, _ in here])
    counts = count_selection(station.catalog, job.id, except_classes=ROOT_CLASSES)
    elsewhere = count_selection(station.catalog, job.id, classes=ROOT_CLASSES)
    require_all_there(sum(counts.values()) + sum(elsewhere.values()), checked.instances)
    shares: list[Share] = []
    for group in groups:
        people = [rows_of[person.variants] for person in group]
        instances = sum(counts.get(row, 0) for _, rows in people for row in rows)
        shares.append((people, instances + (0 if shares else sum(elsewhere.values()))))
    plans = lay_out(work, shares)
    if len(plans) > 1:
        volume_of = {row: plan.number for plan in plans for _, rows in plan.people for row in rows}
        assign_volumes(
            station.catalog,
            job.id,
            (
                (entry.id, volume_of[entry.patient])
                for entry in iter_selection(station.catalog, job.id, except_classes=ROOT_CLASSES)
            ),
        )
    return plans


def lay_out(work: Work, shares: Sequence[Share]) -> list[VolumePlan]:
    """Return one plan for each share, with its folder in the job's and its place outside.

    Raises
    ------
    ConfigError
        If the output that was named cannot be what comes out.
    MediaError
        If the disk of the home fails.
    """
    outputs = _outputs(work, len(shares))
    folder = work.station.job_folder(work.job.id)
    plans = []
    for number, ((people, instances), output) in enumerate(
        zip(shares, outputs, strict=True), start=1
    ):
        place = folder if number == 1 else folder / str(number)
        with disk_trouble_told(folder):
            make_private_folder(place)
        plans.append(VolumePlan(number, len(shares), people, instances, place, output))
    return plans


def confirmed_header(
    station: Station, checked: CheckedSet, person: PersonCluster
) -> InstanceHeader | None:
    """Return the header of an object that writes the person's identity as it was confirmed.

    Where there is one spelling only, any object does: then None.
    """
    identity = person.identity
    spellings = [variant for variant, _ in person.variants if variant in checked.spelt_by]
    if len(spellings) < 2:
        return None
    chosen = max(
        spellings,
        key=lambda variant: [
            getattr(variant, field) == getattr(identity, field)
            for field in ("name", "patient_id", "birth_date", "sex", "issuer")
        ],
    )
    entry = read_entry(station.catalog, checked.spelt_by[chosen])
    return entry.header if entry else None


def volume_folders(job_folder: Path) -> Iterator[Path]:
    """Yield the folders of a job's volumes: its own first, then those named 2, 3 and so on."""
    yield job_folder
    number = 2
    while (place := job_folder / str(number)).is_dir():
        yield place
        number += 1


@contextmanager
def all_or_none(
    work: Work, plans: Sequence[VolumePlan], written: list[VolumeResult]
) -> Iterator[None]:
    """Make the folder for several volumes; where one of them fails, the others go again.

    Half a collection must not pass for the whole. `written` is emptied then. A
    job that goes back into the queue keeps what it has made: it goes on with it.
    """
    made = None
    if len(plans) > 1 and not work.request.plan_only:
        folder = work.request.output
        with disk_trouble_told(folder):
            made = folder if not folder.exists() else None
            folder.mkdir(exist_ok=True)
    try:
        yield
    except BaseException as fault:
        if work.job.goes_on:
            raise
        forget_names(work.job)
        made_before = list(work.finished.values())
        for result in (*written, *(result for result, _ in made_before)):
            if result.verified:
                remove_made(Path(result.path))
        heads = {head.count: head for head in (*work.heads, *(head for _, head in made_before))}
        for head in heads.values():
            withdraw(
                *(work.station, work.job, head),
                "another volume of the set could not be made",
                fault,
            )
        written.clear()
        work.finished.clear()
        if made is not None:
            with suppress(OSError):
                made.rmdir()
        raise


def remove_made(path: Path) -> None:
    """Remove a volume that this job has made, as far as that can be done."""
    with suppress(OSError):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink()


def _outputs(work: Work, number: int) -> list[Path]:
    """Return where the volumes go; `ConfigError` where what was named cannot take them."""
    output, form, finished = work.request.output, work.target.format, work.finished
    into_folder = form.is_file and output.is_dir() and not output.is_symlink()
    if number == 1 and not into_folder:
        if output not in finished:
            require_output(work.station, output, form)
        return [output]
    if os.path.ismount(output):
        raise ConfigError(
            f"{number} volumes come out, and {output} is one medium.",
            "Name a folder on a disk and copy DISC1, DISC2 and so on from there, or take a larger "
            "medium.",
        )
    if not output.is_dir() and (output.exists() or output.suffix):
        raise ConfigError(
            f"{number} volumes come out, and {output} names one file.",
            "Name a folder; the volumes become DISC1, DISC2 and so on in it.",
        )
    outputs = [output / f"DISC{place}{form.suffix}" for place in range(1, number + 1)]
    if not output.is_dir():
        return outputs
    # Of several volumes none may be replaced: were the second to fail, neither
    # the old set nor the new one would be whole.
    for one in (*outputs, output / f"DISC{number + 1}{form.suffix}"):
        if os.path.lexists(one) and one not in finished:
            raise ConfigError(
                f"{output} holds {one.name} of another export.",
                "Name another folder: nothing is mixed with what is there.",
            )
    for one in outputs:
        if one not in finished:
            require_output(work.station, one, form)
    return outputs
