"""What the Storage SCP asks: whether there is room, and what becomes of an instance that came.

Success is answered only for what is durable in the catalog. A conflict is kept
beside what was there and answered as success too: the sender can do nothing
about it, the file room can.
"""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from mediastation.catalog.staging import Staged
from mediastation.dicom.header import NotDicom
from mediastation.errors import MediaError
from mediastation.model.entry import Kept, Outcome, Source
from mediastation.network.storage_scp import ReceivedInstance, StoreAnswer

_LOG = logging.getLogger(__name__)


class InstanceIntake(Protocol):
    """The part of `mediastation.catalog.intake.Intake` that is needed here."""

    folder: Path

    def stage(self, path: Path, source: Source) -> Staged:
        """Read header and digests of a file in `folder`."""

    def commit(self, batch: Sequence[Staged]) -> list[Kept]:
        """Make what was staged durable."""


class StorageIntake:
    """Hands received instances to the catalog; safe to call from several threads.

    Parameters
    ----------
    intake : InstanceIntake
        The door into the catalog; instances arrive in its `folder`.
    reserve_bytes : int
        Free space on the disk of `intake.folder` below which nothing more is
        taken.
    """

    def __init__(self, intake: InstanceIntake, reserve_bytes: int) -> None:
        self._intake = intake
        self._reserve_bytes = reserve_bytes

    def has_room(self) -> bool:
        """Tell whether the disk has its reserve; OSError if it cannot be asked."""
        free = shutil.disk_usage(self._intake.folder).free
        if free < self._reserve_bytes:
            _LOG.error(
                "%s bytes are free, less than the reserve of %s: nothing is accepted",
                f"{free:,}", f"{self._reserve_bytes:,}",
            )  # fmt: skip
            return False
        return True

    def keep(self, received: ReceivedInstance) -> StoreAnswer:
        """Keep one instance and say what to answer.

        Returns
        -------
        StoreAnswer
            ``STORED`` once it is durable, also for a duplicate or a conflict.
            ``DOES_NOT_MATCH`` if the data set names another class or instance
            than the request did, ``CANNOT_UNDERSTAND`` if it is no data set,
            ``OUT_OF_RESOURCES`` if the disk failed; then nothing is kept.
        """
        sender = f"{received.calling_ae}@{received.peer}"
        source = Source("network", sender, received.calling_ae, received.called_ae)
        uid = received.sop_instance_uid
        try:
            staged = self._intake.stage(received.path, source)
            header = staged.header
            if (header.sop_class_uid, header.sop_instance_uid) != (received.sop_class_uid, uid):
                _LOG.warning(
                    "%s sent %s of class %s as %s of class %s: refused",
                    sender, header.sop_instance_uid, header.sop_class_uid,
                    uid, received.sop_class_uid,
                )  # fmt: skip
                return StoreAnswer.DOES_NOT_MATCH
            (kept,) = self._intake.commit([staged])
        except NotDicom as error:
            _LOG.warning("%s sent %s, which cannot be read: %s", sender, uid, error)
            return StoreAnswer.CANNOT_UNDERSTAND
        except MediaError as error:
            _LOG.error("cannot keep %s from %s: %s", uid, sender, error.message)
            return StoreAnswer.OUT_OF_RESOURCES
        _tell(kept, sender)
        return StoreAnswer.STORED


def _tell(kept: Kept, sender: str) -> None:
    for finding in kept.findings:
        _LOG.warning("%s: %s", finding.subject, finding.message)
    if kept.outcome is Outcome.CONFLICT:
        _LOG.warning(
            "%s from %s differs from the instance already here; both are kept",
            kept.sop_instance_uid, sender,
        )  # fmt: skip
    else:
        _LOG.info("%s from %s: %s", kept.sop_instance_uid, sender, kept.outcome.value)
