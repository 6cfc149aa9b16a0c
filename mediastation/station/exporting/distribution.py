"""A set that is too large for one medium: several File-sets, planned, built and measured.

What fits is built once. What does not is planned from the sizes that the first
attempt gave, and what comes out is measured again: no volume is written that
its writer has not found to fit.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from mediastation.catalog.job_selection import assign_volumes, iter_selection
from mediastation.conformance.attributes import (
    SERIES_INSTANCE_UID,
    STUDY_INSTANCE_UID,
    text_of,
)
from mediastation.errors import RefusedError
from mediastation.media.fat import CARD, SHAPES
from mediastation.media.planning import (
    Distribution,
    MediumChoice,
    MediumRow,
    PlannedInstance,
    PlannedVolume,
    compare_media,
    plan_distribution,
)
from mediastation.media.sizes import RecordBytes, SizeModel, size_model
from mediastation.model.finding import Finding, error, note
from mediastation.model.instance import InstanceHeader
from mediastation.model.manifest import DIGEST_LIST_NAME
from mediastation.model.medium import MEDIA, Format, Medium
from mediastation.station.exporting.check import ROOT_CLASSES, leave_out
from mediastation.station.exporting.contents import RecordSizes
from mediastation.station.exporting.file_set import Volume, build_file_set
from mediastation.station.exporting.pages import PageRoom, add_pages
from mediastation.station.exporting.partition import Share, VolumePlan, lay_out, plan_people
from mediastation.station.exporting.references import ReferenceReader
from mediastation.station.exporting.target import filled_bytes
from mediastation.station.exporting.volume import measure, require_room
from mediastation.station.exporting.work import Work

MOST_VOLUMES = 999
_ROUNDS = 6
_STUDY_DATE, _STUDY_TIME, _INSTANCE_NUMBER = 0x00080020, 0x00080030, 0x00200013
_DIGITS = re.compile(r"\d*")
_NUMBER = re.compile(r"[+-]?\d{1,18}")

Progress = Callable[[int, int], None]


def _unheard(done: int, total: int) -> None:
    """Tell nobody."""


def make_volumes(work: Work) -> tuple[list[Volume], list[MediumRow]]:
    """Build the File-sets of an export, as few as fit its medium.

    Returns
    -------
    list of Volume
        Whole but for writing; each is known to fit.
    list of MediumRow
        Where only a plan was asked for: what the set would take of each
        medium of the profile. Empty otherwise.

    Raises
    ------
    ConfigError
        If the output that was named cannot be what comes out.
    RefusedError
        If instances cannot be placed, or are too large for the medium, and
        dropping was not asked for.
    MediaError
        If the disk of the home fails, or a mounted medium has too little room.
    """
    plans = plan_people(work)
    volumes = _build(work, plans)
    if len(volumes) == 1:
        require_room(work, volumes[0])
    fits = all(measure(work, volume) <= work.target.capacity_bytes for volume in volumes)
    if fits and len(volumes) > 1:
        work.job.found([_several(work, len(volumes), groups=len(volumes))])
    rows: list[MediumRow] = []
    if work.request.plan_only or not fits:
        planner = _Planner(work, plans, volumes)
        rows = planner.compare() if work.request.plan_only else []
        volumes = volumes if fits else planner.split()
    for volume in volumes:
        # What is left takes minutes of reading and writing, and needs them no more.
        volume.contents = volume.contents.without_sizes() if volume.contents else None
    return volumes, rows


def _build(work: Work, plans: Sequence[VolumePlan]) -> list[Volume]:
    volumes = [build_file_set(work, plan) for plan in plans]
    add_pages(work, volumes)
    return volumes


class _Planner:
    """Plans one set, from what its first attempt has shown."""

    def __init__(self, work: Work, plans: Sequence[VolumePlan], volumes: Sequence[Volume]) -> None:
        self._work = work
        self._records = RecordSizes.largest(
            volume.contents.sizes for volume in volumes if volume.contents is not None
        )
        self._room = PageRoom(work, volumes)
        self._place_of_row = {
            row: place for place, (_, rows) in enumerate(work.checked.people) for row in rows
        }
        place_of = {person.variants: place for place, (person, _) in enumerate(work.checked.people)}
        self._groups = {
            str(place_of[person.variants]): plan.number
            for plan in plans
            for person, _ in plan.people
        }
        self._references = ReferenceReader(work)

    def compare(self) -> list[MediumRow]:
        """Return what the set would take of each medium of the profile."""
        choices = []
        for name in self._work.profile.media:
            medium = MEDIA[name]
            is_target = medium == self._work.target.medium
            form = self._work.target.format if is_target else medium.formats[0]
            capacity = self._work.target.capacity_bytes if is_target else medium.capacity_bytes
            told = self._work.request.capacity_bytes if is_target else None
            filled = filled_bytes(medium, form, told)
            choices.append(MediumChoice(name, capacity, self._sizes(medium, form, 1, filled)))
        return compare_media(self._instances(), choices, partition=self._groups)

    def split(self) -> list[Volume]:
        """Build as many File-sets as the set needs."""
        work = self._work
        capacity = work.target.capacity_bytes
        room, expected = capacity, 2
        for _ in range(_ROUNDS):
            plan = self._plan(room, expected)
            while len(plan.volumes) > expected:
                # More volumes are named on the pages, which then take more room.
                expected = len(plan.volumes)
                plan = self._plan(room, expected)
            if plan.unplaced:
                self._require_room_beside_included(plan, room, expected)
                self._leave_out(plan)
                continue
            if len(plan.volumes) > MOST_VOLUMES:
                raise _too_many(work, len(plan.volumes))
            volumes = self._build(plan)
            excess = max(measure(work, volume) for volume in volumes) - capacity
            if excess <= 0:
                work.job.found(plan.findings)
                if len(volumes) > 1:
                    work.job.found([_several(work, len(volumes), self._groups_in(plan))])
                return volumes
            room -= excess
        raise RefusedError(
            "Nothing was written: the set could not be spread over the media so that all fit.",
            hint="Give a somewhat smaller --capacity, or export fewer studies at a time.",
        )

    def _plan(self, room: int, volumes: int, *, with_included: bool = True) -> Distribution:
        work = self._work
        total = work.checked.instances
        with work.job.step("plan", total, "instances") as step:
            plan = plan_distribution(
                self._instances(step.report),
                max(0, room),
                self._sizes(
                    *(work.target.medium, work.target.format, volumes, work.target.filled_bytes),
                    with_included=with_included,
                ),
                partition=self._groups,
            )
            step.summary = f"{len(plan.volumes):,} volumes"
        return plan

    def _sizes(
        self,
        medium: Medium,
        form: Format,
        volumes: int,
        filled: int,
        *,
        with_included: bool = True,
    ) -> SizeModel:
        sizes: RecordSizes = self._records
        return size_model(
            form,
            RecordBytes(
                sizes.head + self._work.growth_bytes,
                sizes.patient,
                sizes.study,
                sizes.series,
                sizes.leaf,
            ),
            files=self._room.files(volumes, with_included=with_included),
            digest_list=DIGEST_LIST_NAME,
            shape=SHAPES.get(medium.name, CARD),
            filled_bytes=filled,
            mail_sealer=self._work.mail_sealer,
        )

    def _instances(self, progress: Progress = _unheard) -> Iterator[PlannedInstance]:
        work = self._work
        total = work.checked.instances
        on_medium = work.bytes_on_medium
        for done, entry in enumerate(iter_selection(work.station.catalog, work.job.id), start=1):
            header, copy = entry.header, work.copy_of(entry)
            is_root = header.sop_class_uid in ROOT_CLASSES
            yield PlannedInstance(
                key=entry.id,
                person="" if is_root else str(self._place_of_row[entry.patient]),
                study="" if is_root else text_of(header, STUDY_INSTANCE_UID),
                series="" if is_root else text_of(header, SERIES_INSTANCE_UID),
                uid=header.sop_instance_uid,
                moment=_moment(header),
                size_bytes=on_medium(copy.size_bytes),
                references=self._references.of(entry, copy),
                number=_number(header),
                record_bytes=self._records.leaves.get(header.sop_instance_uid, 0),
            )
            progress(done, total)

    def _require_room_beside_included(self, plan: Distribution, room: int, volumes: int) -> None:
        """Raise `RefusedError` where instances would fit but for what the site adds.

        No image stays behind for the sake of a viewer, whatever may be dropped.
        """
        if not self._work.included.files:
            return
        alone = self._plan(room, volumes, with_included=False)
        kept_out = set(plan.unplaced) - set(alone.unplaced)
        if kept_out:
            raise _included_too_large(self._work, len(kept_out))

    def _leave_out(self, plan: Distribution) -> None:
        """Drop what no volume can hold; `RefusedError` where that was not asked for."""
        too_large = [one for one in plan.findings if one.rule == "instance-too-large"]
        self._work.job.found(too_large)
        work = self._work
        leave_out(
            work.station,
            work.job,
            work.request,
            work.checked,
            list(zip(plan.unplaced, too_large, strict=True)),
            f"are too large for {work.target.medium.description}",
        )

    def _build(self, plan: Distribution) -> list[Volume]:
        work = self._work
        plans = lay_out(work, [self._share(volume) for volume in plan.volumes])
        assign_volumes(
            work.station.catalog,
            work.job.id,
            ((key, volume.number) for volume in plan.volumes for key in volume.iter_keys()),
        )
        return _build(work, plans)

    def _groups_in(self, plan: Distribution) -> int:
        """Count the groups of people who cannot lie on one volume, as far as they are left."""
        people = {part.person for volume in plan.volumes for part in volume.parts}
        return len({self._groups[person] for person in people if person in self._groups})

    def _share(self, volume: PlannedVolume) -> Share:
        places = sorted({int(part.person) for part in volume.parts if part.person})
        return [self._work.checked.people[place] for place in places], volume.instances


def _moment(header: InstanceHeader) -> str:
    date, time = (
        "".join(_DIGITS.findall(text_of(header, tag))) for tag in (_STUDY_DATE, _STUDY_TIME)
    )
    return date[:8] + time[:6] if len(date) >= 8 else date


def _number(header: InstanceHeader) -> int:
    text = text_of(header, _INSTANCE_NUMBER).strip()
    return int(text) if _NUMBER.fullmatch(text) else 0


def _several(work: Work, volumes: int, groups: int) -> Finding:
    """Say why there are several volumes: `groups` of people had to be kept apart anyway."""
    if groups < 2:
        because = "The set does not fit on one"
    elif volumes == groups:
        because = "People who share a Patient ID cannot lie in one directory"
    else:
        because = (
            "People who share a Patient ID cannot lie in one directory, and what is theirs does "
            f"not fit on {groups:,}"
        )
    return note(
        "several-volumes",
        work.target.medium.name,
        f"{because}: it is {volumes:,} File-sets, each with a directory of its own.",
        "Hand them out together; each names the others."
        if groups < 2
        else "Each names the others; hand them out together if that was meant.",
        "PS3.3 F.5.1" if groups > 1 else "PS3.11",
    )


def _included_too_large(work: Work, instances: int) -> RefusedError:
    names, files = work.included.folders, work.included.files
    size_bytes = sum(file.size_bytes for file in files)
    kept_out = "an instance" if instances == 1 else f"{instances:,} instances"
    finding = error(
        "include-too-large",
        ", ".join(names),
        f"What --include adds takes {size_bytes:,} bytes in {len(files):,} files. Beside it, "
        f"there is no room on {work.target.medium.description} ({work.target.capacity_bytes:,} "
        f"bytes) for {kept_out} that would fit without it.",
        "Leave --include out, include less, or take a larger medium.",
    )
    return RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)


def _too_many(work: Work, number: int) -> RefusedError:
    medium = work.target.medium
    finding = error(
        "too-many-volumes",
        medium.name,
        f"The set would take {number:,} of {medium.description}; {MOST_VOLUMES} is the most.",
        "Use a larger medium, or export fewer studies at a time.",
        f"PS3.12 Annex {medium.annex}",
    )
    return RefusedError(f"Nothing was written. {finding.message}", [finding], finding.hint)
