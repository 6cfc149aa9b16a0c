"""Instances of an outside medium into the catalog: copied, proved to be what was looked at."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from mediastation.catalog.intake import Intake
from mediastation.catalog.staging import Staged
from mediastation.errors import MediaError
from mediastation.importing.hostile import POLYGLOT
from mediastation.importing.lend import copy_out
from mediastation.importing.look import OutsideError
from mediastation.importing.quarantine import Quarantine, QuarantinedFile, disarm
from mediastation.importing.survey import Survey
from mediastation.importing.survey_rows import Fate, SurveyedInstance
from mediastation.model.entry import Outcome, Source
from mediastation.model.finding import Finding, error, note
from mediastation.model.identity import shown
from mediastation.model.importing import Standing, Verdict
from mediastation.model.text import harmless
from mediastation.reading.contract import Volume

_BATCH_FILES = 256
_BATCH_BYTES = 256 << 20
_WITHOUT_RIVAL = frozenset({Standing.NEW, Standing.COPIED_PIXELS})
THE_RULE = "the station's rule"
"""Who decided where nobody has to: a file with a program in its preamble never comes in."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """What is to be said of each instance of one import.

    Parameters
    ----------
    job : int
        Number of the job.
    medium : str
        What a person calls the medium.
    origin : str
        What decisions about it are remembered under.
    moment : datetime
        When it came.
    source_of : callable
        Returns where an instance came from.
    """

    job: int
    medium: str
    origin: str
    moment: datetime
    source_of: Callable[[SurveyedInstance], Source]


class Keeper:
    """Takes instances of one medium in, or holds them, in batches that are durable.

    Parameters
    ----------
    volume, survey : Volume, Survey
        The medium, and what was found on it.
    intake : Intake
        The door of the catalog.
    quarantine : Quarantine
        Where instances are held.
    arrival : Arrival
        What is to be said of them.
    reserve_bytes : int
        Free space of the home that has to be left.
    """

    def __init__(
        self,
        volume: Volume,
        survey: Survey,
        intake: Intake,
        quarantine: Quarantine,
        arrival: Arrival,
        reserve_bytes: int = 0,
    ) -> None:
        self._volume = volume
        self._survey = survey
        self._intake = intake
        self._quarantine = quarantine
        self._arrival = arrival
        self._reserve_bytes = reserve_bytes
        self._batch: list[tuple[SurveyedInstance, Staged]] = []
        self._waiting_bytes = 0
        self.findings: list[Finding] = []

    def keep(self, instances: Iterable[SurveyedInstance], progress: Callable[[int], None]) -> None:
        """Take `instances` in; `progress` is told the bytes of each, and may raise to stop.

        Raises
        ------
        MediaError
            If our own disk fails or runs short: what was committed is safe, and the
            survey says which files that are.
        """
        for instance in instances:
            if (copy := self._copied(instance)) is not None:
                self._batch.append((instance, self._staged(instance, copy)))
                self._waiting_bytes += instance.size_bytes
            if len(self._batch) >= _BATCH_FILES or self._waiting_bytes >= _BATCH_BYTES:
                self.commit()
            progress(instance.size_bytes)
        self.commit()

    def hold(
        self,
        instances: Iterable[SurveyedInstance],
        progress: Callable[[int], None],
        *,
        for_good: bool = False,
    ) -> None:
        """Hold `instances` in quarantine; `progress` and errors as for `keep`.

        `for_good` says that the same was decided before, and nobody is asked.
        """
        for instance in instances:
            if (copy := self._copied(instance)) is not None:
                decided = "as decided before" if for_good else ""
                record = self._record(instance, instance.standing.value, decided)
                held = self._quarantine.hold(copy, record)
                is_left = held.verdict is Verdict.LEAVE
                if is_left and not for_good:
                    self._tell_left(instance, held)
                self._survey.set_fates([Fate(instance.position, "left" if is_left else "held")])
            progress(instance.size_bytes)

    def commit(self) -> None:
        """Make durable what was copied, and note it in the survey."""
        taken, self._batch, self._waiting_bytes = self._batch, [], 0
        if not taken:
            return
        entries = self._intake.commit([staged for _, staged in taken])
        fates, here = [], set()
        for (instance, _), kept in zip(taken, entries, strict=True):
            told = {"restored"}
            if instance.standing in _WITHOUT_RIVAL:
                # What it contradicts came by another way since it was compared.
                told.add("conflict")
            self.findings += (one for one in kept.findings if one.rule in told)
            # Without a UID two files of one medium are known as equal only now. What an earlier
            # attempt kept before it was killed is here already, and came with this medium too.
            again = kept.outcome is Outcome.DUPLICATE and (
                kept.entry_id in here or self._survey.has_kept(kept.entry_id)
            )
            fates.append(Fate(instance.position, "duplicate" if again else "kept", kept.entry_id))
            here.add(kept.entry_id)
        self._survey.set_fates(fates)

    def _copied(self, instance: SurveyedInstance) -> Path | None:
        """Return a copy that is what was looked at; None, and told, where there is none."""
        free = shutil.disk_usage(self._intake.folder).free
        if free - instance.size_bytes < self._reserve_bytes:
            self.commit()
            raise MediaError(
                f"{self._intake.catalog.home} has {free:,} bytes left; {instance.path} would go "
                f"below the reserve of {self._reserve_bytes:,}.",
                "Forget studies that are done or lower disk_reserve_bytes, then import again: it "
                "goes on where it stopped.",
            )
        copy = self._intake.new_path()
        try:
            sha256 = copy_out(self._volume, instance.path, copy)
        except OutsideError as fault:
            copy.unlink(missing_ok=True)
            self._refuse(instance, "unreadable", f"It could be read before, and now not: {fault}.")
            return None
        if sha256 != instance.sha256:
            copy.unlink(missing_ok=True)
            self._refuse(
                instance, "changed", "It is not what it was when it was looked at just now."
            )
            return None
        return copy

    def _staged(self, instance: SurveyedInstance, copy: Path) -> Staged:
        source = self._arrival.source_of(instance)
        if instance.armed:
            harmless = self._intake.new_path()
            disarm(copy, harmless)
            self._quarantine.hold(copy, self._record(instance, POLYGLOT, THE_RULE))
            return self._intake.stage(harmless, source)
        return Staged(
            path=copy,
            header=instance.header,
            sha256=instance.sha256,
            data_sha256=instance.data_sha256,
            size_bytes=instance.size_bytes,
            source=source,
            pixel_key=instance.pixel_key,
        )

    def _record(self, instance: SurveyedInstance, rule: str, decided: str) -> QuarantinedFile:
        """Return what is said of a held instance; `decided` is who wants it left, if anybody."""
        arrival, moment = self._arrival, self._arrival.moment.isoformat()
        return QuarantinedFile(
            sha256=instance.sha256,
            job=arrival.job,
            medium=arrival.medium,
            path=instance.path,
            rule=rule,
            held_at=moment,
            sop_instance_uid=instance.header.sop_instance_uid,
            # What came before it on the medium has its entry by now.
            other=instance.other or self._survey.entry_at(instance.other_path),
            origin=arrival.origin,
            subject=instance.subject,
            verdict=Verdict.LEAVE if decided else None,
            decided_by=decided,
            decided_at=moment if decided else "",
        )

    def _tell_left(self, instance: SurveyedInstance, held: QuarantinedFile) -> None:
        """Say that the very file was left before, from whatever medium: nobody is asked again."""
        day = held.decided_at[:16].replace("T", " ")
        self.findings.append(
            note(
                "decided-before",
                instance.path,
                "It stays in quarantine: this very file, byte for byte, was left there before "
                f"({harmless(shown(held.decided_by))}, {day}, import {held.job}).",
                f"To take it in: `mediastation quarantine {held.sha256[:12]} --keep`.",
            )
        )

    def _refuse(self, instance: SurveyedInstance, rule: str, message: str) -> None:
        self.findings.append(
            error(
                rule,
                instance.path,
                message,
                "See to the medium and import it again; what was taken is not taken twice.",
            )
        )
        self._survey.set_fates([Fate(instance.position, "refused")])
