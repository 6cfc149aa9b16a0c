"""One station, opened: its home, settings, catalog and clock. Use cases take it as first word."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from pydantic import ValidationError

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.catalog.intake import Intake
from mediastation.catalog.job_numbers import JOBS_FOLDER
from mediastation.catalog.job_queue import JobQueue
from mediastation.catalog.jobs import JobTable
from mediastation.config import Settings, load_settings
from mediastation.conformance.load import find_profile, load_profiles
from mediastation.errors import ConfigError
from mediastation.model.event import Listener, nobody
from mediastation.model.job import JobRecord
from mediastation.model.profile import ApplicationProfile
from mediastation.station.clock import Clock
from mediastation.station.job import Job, worker_name


class Station:
    """What every use case works with.

    Parameters
    ----------
    home : Path
        Folder of this station; made, private, where there is none.
    clock : Clock, optional
        The real one by default.
    claimed : JobRecord, optional
        A job that this process took from the queue: the use case that is run
        goes on with it in place of a new one.
    is_stopping : callable, optional
        Whether the process was told to end.
    """

    def __init__(
        self,
        home: Path,
        clock: Clock | None = None,
        *,
        claimed: JobRecord | None = None,
        is_stopping: Callable[[], bool] = lambda: False,
    ) -> None:
        self.home = home.expanduser().absolute()
        # os.path answers no where pathlib raises: what may not be seen is told below.
        if os.path.exists(self.home) and not os.path.isdir(self.home):  # noqa: PTH110, PTH112
            raise ConfigError(f"{self.home} is no folder.", "Name a folder with --home.")
        self.clock = clock or Clock()
        self.settings = read_settings(self.home)
        if claimed is not None:
            # It is the word of whoever asked for it, not of the account that works.
            self.settings = self.settings.model_copy(update={"operator": claimed.operator})
        with disk_trouble_told(self.home.parent):
            make_private_folder(self.home)
        self.catalog = Catalog(_store_of(self.home, self.settings), self.settings.database)
        self.jobs = JobTable(self.catalog)
        self.queue = JobQueue(self.catalog)
        self._claimed = claimed
        self._is_stopping = is_stopping
        self._intake: Intake | None = None

    def __enter__(self) -> Station:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        fault: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._intake is not None:
            self._intake.close()
        self.catalog.close()

    @property
    def intake(self) -> Intake:
        """The door into the catalog, opened when it is first needed."""
        if self._intake is None:
            self._intake = Intake(self.catalog, self.clock.now)
        return self._intake

    @property
    def claimed(self) -> int | None:
        """The job from the queue that waits here to be gone on with; None if there is none."""
        return self._claimed.id if self._claimed is not None else None

    def job(self, kind: str, request: dict[str, Any], listener: Listener = nobody) -> Job:
        """Create a job of this station's operator, or go on with the one that was claimed."""
        claimed = self._claimed
        if claimed is not None and claimed.kind == kind:
            # What its earlier attempt left may have been settled since it was claimed.
            claimed = self.jobs.get(claimed.id, self.clock.now()) or claimed
            self._claimed, number = None, claimed.id
        else:
            claimed, now = None, self.clock.now()
            number = self.jobs.create(kind, request, self.settings.operator, worker_name(), now)
        return Job(self.jobs, self.queue, self.clock, number, listener, claimed, self._is_stopping)

    @property
    def profiles(self) -> Mapping[str, ApplicationProfile]:
        """The profiles in force here: the standard's, and the site's own."""
        return load_profiles(self.home / "profiles")

    def find_profile(self, name: str) -> ApplicationProfile:
        """Return the profile called `name`; `ProfileError` names the nearest ones."""
        return find_profile(name, self.home / "profiles")

    @property
    def jobs_folder(self) -> Path:
        """Where the folders of the jobs lie, by number."""
        return self.catalog.home / JOBS_FOLDER

    def job_folder(self, job: int) -> Path:
        """Return the folder of a job, made where there is none."""
        folder = self.jobs_folder / str(job)
        with disk_trouble_told(self.catalog.home):
            make_private_folder(folder.parent)
            make_private_folder(folder)
        return folder

    def require_current_index(self) -> None:
        """Raise `ConfigError` where the index would give older answers, or half of them."""
        if not self.catalog.index_is_current:
            raise ConfigError(
                "The index was written by an older Mediastation, or lost and begun anew.",
                "Run `mediastation reindex` once; the stored instances stay as they are.",
            )


def _store_of(home: Path, settings: Settings) -> Path:
    return home if settings.store is None else home / settings.store.expanduser()


def read_settings(home: Path) -> Settings:
    """Read the settings of `home`; `ConfigError` says which one is wrong."""
    try:
        return load_settings(home)
    except ValidationError as fault:
        wrong = "; ".join(
            f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in fault.errors()
        )
        raise ConfigError(
            f"The settings are wrong: {wrong}.",
            f"Correct {home / 'config.toml'} or the MEDIASTATION_* variables.",
        ) from fault
    except OSError as fault:
        raise ConfigError(
            f"{home / 'config.toml'} cannot be read: {fault.strerror}.",
            "The folder of --home and what lies in it belong to the account that runs this.",
        ) from fault
    except ValueError as fault:
        raise ConfigError(
            f"{home / 'config.toml'} cannot be read: {fault}", "It has to be TOML."
        ) from fault
