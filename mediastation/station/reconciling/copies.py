"""The coerced copies of one reconciliation: made, proved, and kept in batches."""

from __future__ import annotations

import hashlib
import socket
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from mediastation.catalog.coerced_copies import newest_copy
from mediastation.catalog.staging import Staged
from mediastation.conformance.identity import comparable_text
from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.store_trouble import stored_file_gone
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.coercion import CoercingSite
from mediastation.model.entry import Entry
from mediastation.model.finding import Finding
from mediastation.model.ledger import LedgerStudy
from mediastation.model.reconciliation import Candidate
from mediastation.station.job import Job, Step
from mediastation.station.station import Station

_BATCH = 128
_MOST_TOLD = 1000
_STUDY, _DESCRIPTION = 0x0020000D, 0x00081030


def coercing_site(station: Station) -> CoercingSite:
    """Return who coerces here, and by which rules of the house."""
    settings = station.settings
    return CoercingSite(
        institution=settings.institution,
        station=socket.gethostname(),
        issuer_of_patient_id=settings.reconcile.issuer,
        undeclared_text=settings.reconcile.undeclared_text,
    )


class CopyMaking:
    """Makes coerced copies, proves each, and keeps them in batches."""

    def __init__(self, station: Station, job: Job, candidate: Candidate) -> None:
        self._station = station
        self._job = job
        self._candidate = candidate
        self._site = coercing_site(station)
        self._studies: dict[str, tuple[str, Counter[str]]] = {}
        self._made: dict[int, str] = {}
        self._told: dict[tuple[str, str], tuple[Finding, int]] = {}
        self.done = 0
        self.waiting: list[tuple[Entry, Staged]] = []
        self.refused = 0

    def make(self, original: Entry, step: Step) -> None:
        """Make the copy of one original, unless the same stands for it already."""
        station = self._station
        moment = station.clock.moment()
        coercion = plan_coercion(original.header, self._candidate, self._site, moment)
        recipe, known = coercion.recipe, newest_copy(station.catalog, original.id)
        if known is not None:
            # An older copy by this recipe does not count: another decision came after it.
            is_same = known.is_made_by(recipe)
            if is_same and known.stored:
                self._count(original, known.sha256)
                return
            recipe = known.recipe if is_same else known.followed_by(recipe, self._job.id)
        source = station.catalog.store.path(original.sha256, original.kind)
        if not source.exists():
            raise stored_file_gone(original.header.sop_instance_uid, source)
        target = station.intake.new_path()
        try:
            made = coerce_file(
                source, target, original.header, coercion, progress=lambda *_: step.alive()
            )
        except CannotCoerce as fault:
            self._refuse([fault.finding])
            return
        if wrong := check_coerced(source, target, coercion):
            target.unlink(missing_ok=True)
            self._refuse(wrong)
            return
        staged = station.intake.stage_coerced(
            target, original.id, recipe, f"job {self._job.id}", made.findings
        )
        self._tell(made.findings)
        self.waiting.append((original, staged))
        if len(self.waiting) >= _BATCH:
            self.commit()

    def commit(self) -> None:
        """Make durable what was made."""
        if self.waiting:
            self._station.intake.commit([staged for _, staged in self.waiting])
            for original, staged in self.waiting:
                self._count(original, staged.sha256)
            self.waiting.clear()

    def count_replaced(self) -> int:
        """Count originals that another decision has given to somebody else meanwhile."""
        return sum(
            (copy := newest_copy(self._station.catalog, original)) is None or copy.sha256 != sha256
            for original, sha256 in self._made.items()
        )

    def studies(self) -> tuple[LedgerStudy, ...]:
        """Return the studies that the copies are of, with their classes."""
        return tuple(
            LedgerStudy(uid, description, "", dict(sorted(classes.items())))
            for uid, (description, classes) in self._studies.items()
        )

    def files_sha256(self) -> str:
        """Return the SHA-256 of the digests of the copies, sorted, a line each."""
        listed = "".join(f"{digest}\n" for digest in sorted(self._made.values()))
        return hashlib.sha256(listed.encode()).hexdigest()

    def _count(self, original: Entry, sha256: str) -> None:
        header = original.header
        uid = comparable_text(header, _STUDY)
        _, classes = self._studies.setdefault(
            uid, (comparable_text(header, _DESCRIPTION), Counter())
        )
        classes[header.sop_class_uid] += 1
        self._made[original.id] = sha256
        self.done += 1

    def findings(self) -> list[Finding]:
        """Return what was told of the copies, each thing once with the number of instances."""
        return [
            replace(one, message=f"{one.message} So it is in {number:,} instances.")
            if number > 1
            else one
            for one, number in self._told.values()
        ]

    def _tell(self, findings: Sequence[Finding]) -> None:
        for one in findings:
            known, number = self._told.get((one.rule, one.message), (one, 0))
            if number or len(self._told) < _MOST_TOLD:
                self._told[one.rule, one.message] = known, number + 1

    def _refuse(self, findings: Sequence[Finding]) -> None:
        self.refused += 1
        self._job.found(findings)
