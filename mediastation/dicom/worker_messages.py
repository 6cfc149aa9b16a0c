"""What the caller and a codec worker say to each other.

Tasks go to the worker pickled: they are the caller's own values. Answers come
back as JSON and are taken apart strictly, because a decoder that a hostile
codestream has got hold of may be the one that writes them; nothing in them is
run, and a length is believed only up to a limit.
"""

from __future__ import annotations

import base64
import json
import pickle
import struct
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mediastation.dicom.prepared import Prepared
from mediastation.model.finding import Finding, Severity
from mediastation.model.icon import IconImage
from mediastation.model.instance import InstanceHeader
from mediastation.model.picture import Picture, WindowChange

MAX_ANSWER_BYTES = 96 << 20
"""The longest answer; a picture of 4,096 x 4,096 pixels in grey and in colour fits."""

_LENGTH = struct.Struct(">I")


class MessageError(ValueError):
    """An answer that no worker in its right mind gives."""


@dataclass(frozen=True, slots=True)
class PrepareTask:
    """A copy of an instance to be made: `mediastation.dicom.prepare.prepare_instance`.

    `key` is the caller's own; `target` is the UID of the copy's Transfer
    Syntax; `output` must not exist.
    """

    key: int
    source: Path
    output: Path
    header: InstanceHeader
    target: str


@dataclass(frozen=True, slots=True)
class IconTask:
    """An icon of `rows` by `columns` to be made: `mediastation.dicom.icon.render_icon`."""

    key: int
    source: Path
    header: InstanceHeader
    rows: int
    columns: int


@dataclass(frozen=True, slots=True)
class PreviewTask:
    """A picture for the screen to be made: `mediastation.dicom.preview.render_preview`."""

    key: int
    source: Path
    header: InstanceHeader
    rows: int
    columns: int
    frame: int | None
    change: WindowChange


Task = PrepareTask | IconTask | PreviewTask
Value = Prepared | IconImage | Picture


@dataclass(frozen=True, slots=True)
class Begun:
    """The worker has taken up the next of its tasks."""


@dataclass(frozen=True, slots=True)
class Working:
    """The worker gets on: `done` of `total`, in units of its own."""

    done: int
    total: int


@dataclass(frozen=True, slots=True)
class Delivered:
    """The task is done."""

    value: Value


@dataclass(frozen=True, slots=True)
class Refused:
    """The instance does not allow the task; `finding` says why."""

    finding: Finding


@dataclass(frozen=True, slots=True)
class Trouble:
    """A disk or file failed: a `MediaError` on its way to the caller."""

    message: str
    hint: str


@dataclass(frozen=True, slots=True)
class Unfit:
    """The worker cannot work at all."""

    message: str


Answer = Begun | Working | Delivered | Refused | Trouble | Unfit


def require_fit(task: Task, value: Value) -> None:
    """Raise `MessageError` if a value is no answer to the task."""
    if isinstance(task, IconTask):
        fit = isinstance(value, IconImage) and (value.rows, value.columns) == (
            task.rows,
            task.columns,
        )
    elif isinstance(task, PreviewTask):
        fit = isinstance(value, Picture) and (value.image.rows, value.image.columns) == (
            task.rows,
            task.columns,
        )
    else:
        fit = isinstance(value, Prepared)
    if not fit:
        raise MessageError("an answer to another task")


def framed(body: bytes) -> bytes:
    """Return `body` with its length in front."""
    return _LENGTH.pack(len(body)) + body


class Unframer:
    """Takes a stream apart into the bodies that `framed` put into it."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[bytes]:
        """Take in `data` and yield every body that is whole; `MessageError` above the limit."""
        self._buffer += data
        while len(self._buffer) >= _LENGTH.size:
            (length,) = _LENGTH.unpack_from(self._buffer)
            if length > self._limit:
                raise MessageError(f"a message of {length} bytes")
            end = _LENGTH.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_LENGTH.size : end])
            del self._buffer[:end]
            yield body


def encode_task(task: Task) -> bytes:
    """Return the task as bytes, its paths absolute: the worker stands in another folder."""
    if isinstance(task, PrepareTask):
        task = replace(task, source=task.source.absolute(), output=task.output.absolute())
    else:
        task = replace(task, source=task.source.absolute())
    return pickle.dumps(task, pickle.HIGHEST_PROTOCOL)


def decode_task(body: bytes) -> Task:
    """Return what `encode_task` was given; for the worker, whose caller is to be trusted."""
    task: Task = pickle.loads(body)  # noqa: S301
    return task


def encode_answer(answer: Answer) -> bytes:
    """Return the answer as JSON."""
    match answer:
        case Begun():
            told: dict[str, Any] = {"is": "begun"}
        case Working(done, total):
            told = {"is": "working", "done": done, "total": total}
        case Delivered(Prepared(findings, size_bytes, sha256)):
            told = {"is": "prepared", "size_bytes": size_bytes, "sha256": sha256}
            told["findings"] = [finding.as_dict() for finding in findings]
        case Delivered(IconImage(rows, columns, pixels)):
            told = {"is": "icon", "rows": rows, "columns": columns}
            told["pixels"] = base64.b64encode(pixels).decode()
        case Delivered(Picture() as picture):
            image = picture.image
            told = {"is": "picture", "rows": image.rows, "columns": image.columns}
            told["pixels"] = base64.b64encode(image.pixels).decode()
            told["of"] = [picture.frame, picture.frames, picture.rows, picture.columns]
            told["window"] = [picture.center, picture.width]
            told["colours"] = base64.b64encode(picture.colours).decode()
        case Refused(finding):
            told = {"is": "refused", "finding": finding.as_dict()}
        case Trouble(message, hint):
            told = {"is": "trouble", "message": message, "hint": hint}
        case Unfit(message):
            told = {"is": "unfit", "message": message}
    return json.dumps(told).encode()


def decode_answer(body: bytes) -> Answer:
    """Return what `encode_answer` was given.

    Raises
    ------
    MessageError
        If the bytes are no such answer.
    """
    try:
        return _answer(json.loads(body))
    except MessageError:
        raise
    except (ValueError, TypeError, KeyError, RecursionError) as fault:
        raise MessageError(f"an answer that makes no sense: {fault}") from fault


def _answer(told: Any) -> Answer:
    match told:
        case {"is": "begun"}:
            return Begun()
        case {"is": "working", "done": int(done), "total": int(total)}:
            return Working(done, total)
        case {
            "is": "prepared",
            "size_bytes": int(size_bytes),
            "sha256": str(sha256),
            "findings": list(findings),
        }:
            return Delivered(Prepared(tuple(map(_finding, findings)), size_bytes, sha256))
        case {"is": "icon", "rows": int(rows), "columns": int(columns), "pixels": str(pixels)}:
            return Delivered(IconImage(rows, columns, base64.b64decode(pixels, validate=True)))
        case {
            "is": "picture",
            "rows": int(rows),
            "columns": int(columns),
            "pixels": str(pixels),
            "of": [int(frame), int(frames), int(of_rows), int(of_columns)],
            "window": [int() | float() | None as center, int() | float() | None as width],
            "colours": str(colours),
        }:
            image = IconImage(rows, columns, base64.b64decode(pixels, validate=True))
            in_colour = base64.b64decode(colours, validate=True)
            return Delivered(
                Picture(image, frame, frames, of_rows, of_columns, center, width, in_colour)
            )
        case {"is": "refused", "finding": finding}:
            return Refused(_finding(finding))
        case {"is": "trouble", "message": str(message), "hint": str(hint)}:
            return Trouble(message, hint)
        case {"is": "unfit", "message": str(message)}:
            return Unfit(message)
    raise MessageError("an answer of an unknown kind")


def _finding(told: Any) -> Finding:
    if not isinstance(told, dict) or not all(isinstance(text, str) for text in told.values()):
        raise MessageError("a finding that is not text")
    return Finding(**{**told, "severity": Severity(told["severity"])})
