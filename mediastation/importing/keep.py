"""Instances of an outside medium into the catalog: copied, proved to be what was looked at."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from mediastation.catalog.durable import disk_trouble_told
from mediastation.catalog.intake import Intake
from mediastation.catalog.staging import Staged
from mediastation.errors import MediaError
from mediastation.importing.look import OutsideError, read_fully
from mediastation.importing.survey import Fate, Survey, SurveyedInstance
from mediastation.model.entry import Outcome, Source
from mediastation.model.finding import Finding, error
from mediastation.model.importing import Standing
from mediastation.reading.contract import Volume

_BATCH_FILES = 256
_BATCH_BYTES = 256 << 20
_CHUNK = 1 << 20


@dataclass(slots=True)
class KeepReport:
    """What became of the instances: how many, and what was wrong."""

    kept: int = 0
    duplicates: int = 0
    refused: int = 0
    findings: list[Finding] = field(default_factory=list)


class Keeper:
    """Takes instances of one medium into the catalog, in batches that are durable.

    Parameters
    ----------
    volume, survey : Volume, Survey
        The medium, and what was found on it.
    intake : Intake
        The door of the catalog.
    source_of : callable
        Returns what an instance's path on the medium is called in the catalog.
    reserve_bytes : int
        Free space of the home that has to be left.
    """

    def __init__(
        self,
        volume: Volume,
        survey: Survey,
        intake: Intake,
        source_of: Callable[[str], Source],
        reserve_bytes: int = 0,
    ) -> None:
        self._volume = volume
        self._survey = survey
        self._intake = intake
        self._source_of = source_of
        self._reserve_bytes = reserve_bytes
        self._batch: list[tuple[SurveyedInstance, Staged]] = []
        self._waiting_bytes = 0
        self.report = KeepReport()

    def keep(self, instances: Iterable[SurveyedInstance], progress: Callable[[int], None]) -> None:
        """Take `instances` in; `progress` is told the bytes of each, and may raise to stop.

        Raises
        ------
        MediaError
            If our own disk fails or runs short: what was committed is safe, and the
            survey says which files that are.
        """
        for instance in instances:
            self._take(instance)
            if len(self._batch) >= _BATCH_FILES or self._waiting_bytes >= _BATCH_BYTES:
                self.commit()
            progress(instance.size_bytes)
        self.commit()

    def commit(self) -> None:
        """Make durable what was copied, and note it in the survey."""
        taken, self._batch, self._waiting_bytes = self._batch, [], 0
        if not taken:
            return
        fates = []
        for (instance, _), kept in zip(
            taken, self._intake.commit([staged for _, staged in taken]), strict=True
        ):
            self.report.findings += (one for one in kept.findings if one.rule == "restored")
            # An earlier attempt that was killed behind its commit has kept it already.
            again = kept.outcome is Outcome.DUPLICATE and instance.standing is Standing.DUPLICATE
            fates.append(Fate(instance.position, "duplicate" if again else "kept", kept.entry_id))
            self.report.duplicates += again
            self.report.kept += not again
        self._survey.set_fates(fates)

    def _take(self, instance: SurveyedInstance) -> None:
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
            sha256 = self._copy(instance, copy)
        except OutsideError as fault:
            copy.unlink(missing_ok=True)
            self._refuse(
                instance, "unreadable", f"The file could be read before, and now not: {fault}."
            )
            return
        if sha256 != instance.sha256:
            copy.unlink(missing_ok=True)
            self._refuse(
                instance, "changed", "The file is not what it was when it was looked at just now."
            )
            return
        staged = Staged(
            path=copy,
            header=instance.header,
            sha256=sha256,
            data_sha256=instance.data_sha256,
            size_bytes=instance.size_bytes,
            source=self._source_of(instance.path),
        )
        self._batch.append((instance, staged))
        self._waiting_bytes += instance.size_bytes

    def _refuse(self, instance: SurveyedInstance, rule: str, message: str) -> None:
        self.report.refused += 1
        self.report.findings.append(
            error(
                rule,
                instance.path,
                message,
                "See to the medium and import it again; what was taken is not taken twice.",
            )
        )
        self._survey.set_fates([Fate(instance.position, "refused")])

    def _copy(self, instance: SurveyedInstance, copy: Path) -> str:
        """Copy one file onto our disk, private, and return its digest."""
        digest = hashlib.sha256()
        try:
            stream = self._volume.open(instance.path)
        except (OSError, MediaError) as fault:
            raise OutsideError.of(fault) from fault
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with stream, disk_trouble_told(self._intake.folder):
            handle = os.open(copy, flags, 0o600)
            with os.fdopen(handle, "wb", buffering=0) as output:
                while chunk := read_fully(stream, _CHUNK):
                    digest.update(chunk)
                    rest = memoryview(chunk)
                    while rest:
                        rest = rest[output.write(rest) :]
        return digest.hexdigest()
