"""Icons for the directory: made once, from the windowed image, and kept with the instance."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from mediastation.catalog.icons import find_icon, keep_icons
from mediastation.catalog.job_selection import iter_selection
from mediastation.conformance.attributes import number_of
from mediastation.dicom.worker_messages import IconTask
from mediastation.dicom.workers import CodecWorkers, Failed
from mediastation.model.entry import Entry
from mediastation.model.finding import Finding, Severity
from mediastation.model.icon import IconImage
from mediastation.model.instance import PixelEncoding
from mediastation.model.profile import ApplicationProfile
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.station.exporting.check import CheckedSet, leave_out
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.job import Job
from mediastation.station.station import Station

_RECIPE_VERSION = 1
"""Raised when icons of older versions must not be used again."""
_USUAL_SIZE = 64
"""What every reader that shows icons has to take (PS3.3 F.7)."""
_BATCH = 64
_ROWS = 0x00280010


@dataclass(frozen=True, slots=True)
class IconPlan:
    """Which icons a directory gets: for images, of one size."""

    rows: int
    columns: int
    required: bool
    reference: str

    @property
    def recipe(self) -> str:
        """What the catalog keeps them under."""
        return f"{self.rows}x{self.columns}/{_RECIPE_VERSION}"

    def wants(self, entry: Entry) -> bool:
        """Tell whether the record of `entry` is to have one."""
        sop_class = SOP_CLASSES.get(entry.header.sop_class_uid)
        if sop_class is None or sop_class.record_type != "IMAGE":
            return False
        has_pixels = entry.header.pixels is not PixelEncoding.ABSENT
        return self.required or (has_pixels and number_of(entry.header, _ROWS) > 0)


def plan_icons(profile: ApplicationProfile, *, wanted: bool) -> IconPlan | None:
    """Return which icons to make under `profile`; None for none at all.

    Where the profile leaves it open (PS3.11, X.3.3), they are made if `wanted`.
    """
    rule = profile.icon_rule("IMAGE")
    if rule is None:
        return IconPlan(_USUAL_SIZE, _USUAL_SIZE, False, "PS3.3 F.7") if wanted else None
    if not rule.required and not wanted:
        return None
    return IconPlan(rule.rows, rule.columns, rule.required, rule.reference)


def make_icons(
    station: Station,
    job: Job,
    request: ExportRequest,
    profile: ApplicationProfile,
    checked: CheckedSet,
) -> IconPlan | None:
    """Make the icons that the directory needs and the catalog lacks.

    An image that gives none leaves the set where the profile demands one, and
    goes without where it does not.

    Raises
    ------
    RefusedError
        If a demanded icon cannot be made and dropping was not asked for.
    """
    plan = plan_icons(profile, wanted=request.icons)
    if plan is None:
        return None
    failed: list[tuple[int, Finding]] = []
    done = 0
    to_make = _without_icon(station, job, plan)
    with job.step("icons", len(to_make), "instances") as step, CodecWorkers() as workers:
        made: list[tuple[int, IconImage]] = []

        def report(_: float = 0) -> None:
            step.report(done, len(to_make))

        for result in workers.run(_tasks(station, job, plan, to_make), progress=report):
            if isinstance(result, Failed):
                failed.append((result.task.key, result.finding))
            elif isinstance(result.value, IconImage):
                made.append((result.task.key, result.value))
            if len(made) == _BATCH:
                keep_icons(station.catalog, plan.recipe, made)
                made.clear()
            done += 1
            report()
        keep_icons(station.catalog, plan.recipe, made)
        step.summary = f"{done - len(failed):,} made, {len(failed):,} could not be"
    if not plan.required:
        job.found(_as_warning(finding) for _, finding in failed)
        return plan
    job.found(finding for _, finding in failed)
    leave_out(station, job, request, checked, failed, f"give no icon, which {profile.name} demands")
    return plan


def icon_of(station: Station, plan: IconPlan | None, entry: Entry) -> IconImage | None:
    """Return the icon of `entry` where the directory gets one."""
    if plan is None or not plan.wants(entry):
        return None
    return find_icon(station.catalog, entry.id, plan.recipe)


def _without_icon(station: Station, job: Job, plan: IconPlan) -> set[int]:
    return {
        entry.id
        for entry in iter_selection(station.catalog, job.id)
        if plan.wants(entry) and find_icon(station.catalog, entry.id, plan.recipe) is None
    }


def _tasks(station: Station, job: Job, plan: IconPlan, to_make: set[int]) -> Iterator[IconTask]:
    for entry in iter_selection(station.catalog, job.id):
        if entry.id in to_make:
            yield IconTask(
                entry.id,
                station.catalog.store.path(entry.sha256, entry.kind),
                entry.header,
                plan.rows,
                plan.columns,
            )


def _as_warning(finding: Finding) -> Finding:
    return Finding(
        finding.rule,
        Severity.WARNING,
        finding.subject,
        f"The directory has no icon of it: {finding.message}",
        finding.hint,
        finding.reference,
    )
