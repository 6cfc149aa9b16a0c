"""A message in MIME, its parts listed: what is DICOM, what is a ZIP file, what is wrong."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from mediastation.errors import MediaError
from mediastation.model.finding import error, warning
from mediastation.reading.contract import MAX_PATH_CHARACTERS, FileIndex, VolumeFile
from mediastation.reading.findings import FindingLog
from mediastation.reading.image_base import AccessOpener
from mediastation.reading.mime_body import Body, open_body
from mediastation.reading.mime_parts import Part, find_root, iter_leaves
from mediastation.reading.names import safe_name
from mediastation.reading.zip_directory import is_zip_start, safe_path

SAVE = "save the attachment with a mail program, and give that"

_DICOM = "application/dicom"
_LONGEST_NAME = 1024
_ENVELOPE = (
    "holds an S/MIME envelope, encrypted or signed as a whole",
    "give it to `mediastation open` or `mediastation import` with --key; if it lies beside other "
    f"parts, {SAVE}",
)
_CLOSED = MappingProxyType(
    {
        "message/partial": (
            "is one of several pieces of an e-mail (message/partial)",
            "have a mail program join them, save the whole e-mail, and give that",
        ),
        "application/pkcs7-mime": _ENVELOPE,
        "application/x-pkcs7-mime": _ENVELOPE,
    }
)


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where a file's body lies, and in what encoding."""

    start: int
    end: int
    encoding: str


@dataclass(frozen=True, slots=True)
class Archive:
    """A ZIP file that a part carries, under the name that it has there."""

    name: str
    body: Body
    part: Part


class MimeEntity:
    """A message, its parts listed: DICOM files and others by path, ZIP files, what is wrong.

    Attributes
    ----------
    root : Part
        The message.
    parts : list of Part
        What consists of no others, in its order.
    """

    def __init__(self, path: Path, opener: AccessOpener) -> None:
        self.name = os.fspath(path)
        self.access = opener(path)
        self.log = FindingLog()
        self.index = FileIndex()
        self.entries: dict[str, _Entry] = {}
        self.blocked: dict[str, str] = {}
        self.has_dicom = False
        self.archives: list[Archive] = []
        self.parts: list[Part] = []
        self._closed: MediaError | None = None
        self._nameless = 0
        self._characters = 0
        try:
            self._list()
        except OSError as fault:
            self.access.close()
            raise MediaError(f"{path} cannot be read: {fault.strerror}") from fault
        except BaseException:
            self.access.close()
            raise

    def open(self, path: str) -> Body:
        """Return the content of the file at `path`; `MediaError` if it has none to be trusted."""
        self.index.require(path, self.name)
        entry = self.entries[path]
        body = None
        if path not in self.blocked:
            body = open_body(self.access.read_at, entry.start, entry.end, entry.encoding)
        if body is None or body.fault:
            raise MediaError(f"{path} {self.blocked.get(path) or 'has changed'}", SAVE)
        return body

    def _list(self) -> None:
        read_at = self.access.read_at
        root = find_root(read_at, self.access.size_bytes, self.log)
        if root is None:
            raise MediaError(f"{self.name} begins like an e-mail, and its header does not end")
        self.root = root
        for part in iter_leaves(read_at, root, self.log):
            self.parts.append(part)
            if part.header.media_type in _CLOSED:
                self._pass_over(part.header.media_type)
            elif part.header.media_type == _DICOM:
                self.has_dicom = True
                self._enter(part, self._path_of(part))
            elif (name := _name_of(part)) or not part.header.media_type.startswith("text/"):
                self._take(part, name)

        if self._closed is not None and not self.archives and not len(self.index):
            raise self._closed

    def _pass_over(self, media_type: str) -> None:
        """Note what cannot be entered; it stops the work if there is nothing else."""
        message, hint = _CLOSED[media_type]
        self.log.add(error("mime-closed", "", message, hint))
        self._closed = MediaError(f"{self.name} {message}", hint)

    def _path_of(self, part: Part) -> str:
        identifier = part.header.identifier.removeprefix("/")
        if identifier and (path := self._safe(identifier)):
            return path
        self._nameless += 1
        return f"PART{self._nameless:04}"

    def _take(self, part: Part, name: str) -> None:
        """Take in what is no DICOM part: a ZIP file, or a file with a name."""
        body = open_body(self.access.read_at, part.start, part.end, part.header.encoding)
        if body is not None and not body.fault and is_zip_start(body.read_at(0, 4)):
            self.archives.append(Archive(name, body, part))
        elif name and (path := self._safe(name)):
            self._enter(part, path, body)

    def _safe(self, name: str) -> str | None:
        self._characters += len(name)
        if len(name) > _LONGEST_NAME or self._characters > MAX_PATH_CHARACTERS:
            message = f"a name of {len(name)} characters; not used"
            self.log.add(error("too-long-name", safe_name(name[:80]), message))
            return None
        return safe_path(name, self.log, "mime")

    def _enter(self, part: Part, path: str, body: Body | None = None) -> None:
        header = part.header
        free = self.index.free_path(path)
        if free != path:
            self.log.add(
                error(
                    "duplicate-name", path, f"is there twice; the other one is shown as {free}",
                    "find out which one is meant before either is used",
                )
            )  # fmt: skip
        if body is None:
            body = open_body(self.access.read_at, part.start, part.end, header.encoding)
        size = body.size_bytes if body else 0
        self.index.add(VolumeFile(free, size, recorded=path.rpartition("/")[2]))
        self.entries[free] = _Entry(part.start, part.end, header.encoding)
        if body is None:
            self._block(free, f"is encoded in {safe_name(header.encoding)[:40]}")
        elif body.fault:
            self._block(free, body.fault)
        elif body.tolerated:
            self.log.add(warning("mime-encoding", free, body.tolerated))

    def _block(self, path: str, message: str) -> None:
        hint = "have it sent again"
        self.log.add(error("mime-encoding", path, f"{message}; not opened", hint))
        self.blocked[path] = message


def _name_of(part: Part) -> str:
    """Return what a part that is no DICOM part is called: by its place, else by its name."""
    header = part.header
    if header.location and not header.location.startswith("/"):
        return header.location
    return re.split(r"[/\\]", header.file_name)[-1]
