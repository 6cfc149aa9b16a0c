"""A sealed medium as the airlock sees it: every file as it was before it was sealed.

What cannot be opened, or may not be believed, is one file's trouble; that our own
disk has no room to open it in stops the work.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mediastation.catalog.durable import disk_trouble_told, make_private_folder
from mediastation.errors import MediaError, SecrecyError
from mediastation.importing.envelopes import OwnDiskError, ShutError
from mediastation.importing.look import OutsideError, read_fully
from mediastation.model.finding import Finding, error
from mediastation.model.importing import OpenedEnvelope
from mediastation.model.secrecy import Signature
from mediastation.reading.contract import Found, Volume, VolumeFile
from mediastation.reading.file_meta import is_enveloped
from mediastation.secure.opening.errors import BadEnvelopeError, WrongKeyError
from mediastation.secure.opening.opened_volume import MEMORY_BYTES, OpenedVolume, ScratchError
from mediastation.secure.opening.opener import Opened, Opener
from mediastation.secure.opening.signatures import SignatureFacts

REFERENCE = "PS3.15 D.1"
_FRONT_BYTES = 32
_SUMMED_UP = frozenset({"signature", "signature-unknown"})
"""Findings that are said of all files together (`mediastation.importing.check_envelopes`)."""


class UnsealedVolume(OpenedVolume):
    """A medium whose envelopes are opened when they are read; threads may share it.

    Sizes stay those of the medium, so that what an earlier attempt has looked
    at is known again, whether it had the key or not.

    Parameters
    ----------
    volume : Volume
        The medium as it lies there.
    opener : Opener
        Opens its envelopes.
    scratch : Path
        Folder of the job's own for what is too large for memory.
    reserve_bytes : int
        Free space of that disk that has to be left.
    """

    def __init__(
        self, volume: Volume, opener: Opener, scratch: Path, reserve_bytes: int = 0
    ) -> None:
        super().__init__(volume, opener, scratch)
        self._sealed = volume
        self._folder = scratch
        self._reserve_bytes = reserve_bytes

    def iter_files(self) -> Iterator[VolumeFile]:
        """Yield each file once, as the medium lists it."""
        return self._sealed.iter_files()

    def find(self, components: Sequence[str]) -> Found | None:
        """Look a File ID up, exactly first, then as other systems may spell it."""
        return self._sealed.find(components)

    def open(self, path: str) -> BinaryIO:
        """Return what the file at `path` holds; errors as for `unseal`."""
        self._require_room(path)
        try:
            return super().open(path)
        except WrongKeyError as fault:
            raise ShutError([error("sealed", path, *_said(fault), REFERENCE)]) from None
        except BadEnvelopeError as fault:
            damaged = error("sealed-damaged", path, *_said(fault), REFERENCE)
            raise ShutError(fault.findings or [damaged]) from None
        except ScratchError as fault:
            raise OwnDiskError(fault.message, fault.hint) from fault

    def unseal(self, path: str) -> tuple[BinaryIO, OpenedEnvelope | None, tuple[Finding, ...]]:
        """Open the file at `path` as `mediastation.importing.envelopes.Unsealing` promises."""
        stream = self.open(path)
        opened = self.opening(path)
        if opened is None:
            return stream, None, ()
        told = tuple(one for one in opened.findings if one.rule not in _SUMMED_UP)
        return stream, envelope_facts(opened, opened.signatures), told

    def _require_room(self, path: str) -> None:
        """Raise `OwnDiskError` where what is in an envelope would go below the reserve."""
        found = self._sealed.find(path.split("/"))
        needed = found.file.size_bytes if found is not None else 0
        if needed <= MEMORY_BYTES:
            return
        try:
            with self._sealed.open(path) as stream:
                if not is_enveloped(read_fully(stream, _FRONT_BYTES)):
                    return
        except OutsideError:
            return  # opening it says the same
        require_room(self._folder, path, needed, self._reserve_bytes)


def require_room(folder: Path, name: str, needed_bytes: int, reserve_bytes: int) -> None:
    """Raise `OwnDiskError` where `folder` has no room for what is in the envelope `name`."""
    try:
        with disk_trouble_told(folder.parent):
            make_private_folder(folder)
            free = shutil.disk_usage(folder).free
    except MediaError as fault:
        raise OwnDiskError(fault.message, fault.hint) from fault
    if free - needed_bytes < reserve_bytes:
        raise OwnDiskError(
            f"{folder.parent} has {free:,} bytes left; to open the envelope {name} would go below "
            f"the reserve of {reserve_bytes:,}.",
            "Forget studies that are done or lower disk_reserve_bytes, then import again: it goes "
            "on where it stopped.",
        )


def envelope_facts(opened: Opened, signatures: Sequence[SignatureFacts]) -> OpenedEnvelope:
    """Return how an envelope was opened, as it is kept; `signatures` are what they are worth."""
    ranks = list(Signature)
    worst = max(signatures, key=lambda one: ranks.index(one.signature), default=None)
    return OpenedEnvelope(
        opened.opened_by,
        opened.cipher.value,
        opened.digest.value if opened.digest else "",
        worst.signature.value if worst else "",
        worst.reason if worst else "",
        tuple(one.text for one in signatures),
    )


def _said(fault: SecrecyError) -> tuple[str, str]:
    return fault.message, fault.hint
