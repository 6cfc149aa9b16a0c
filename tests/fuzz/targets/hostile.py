"""Files that are something else than they seem, under names that hide it."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from random import Random
from unittest.mock import patch

from mediastation.dicom.header import NotDicom, read_header_from
from mediastation.dicom.source import BytesSource
from mediastation.importing import look as look_module
from mediastation.importing.hostile import (
    check_names,
    check_preamble,
    classify_file,
    has_look_alikes,
    plain_name,
    suffix_of,
)
from mediastation.importing.look import FRONT_BYTES, FileKind, Looked, StreamSource, look
from mediastation.importing.repaired_set import plan_file_ids
from mediastation.model.file_id import check_file_id
from mediastation.model.instance import InstanceHeader
from mediastation.model.repair import RepairLog
from mediastation.reading.memory import MemoryVolume
from mediastation.reading.names import safe_name
from tests.fuzz.mutation import HOSTILE_TEXTS, havoc
from tests.fuzz.oracles import require, require_findings, require_harmless
from tests.fuzz.targets.data_set import mutate_file
from tests.fuzz.targets.header import require_alike
from tests.fuzz.targets.objects import encoded_objects
from tests.support.file_sets import dicomdir, instance, records

_NAME_BYTES = 64
_MARKS = (
    b"MZ", b"\x7fELF", b"#!/bin/sh\n", b"PK\3\4", b"%PDF-1.7", b"[autorun]\nopen=", b"<script",
    b"From: a\nContent-Type", b"\xff\xfe<\0h\0t\0m\0l\0", b"\xef\xbb\xbf@echo", b"BM", b"FWS\x01",
    b"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03", b"x:" + b"a" * 3000 + b"\nmime-ver",
    b"\n\r\t " * 500, b"from " + b"\n" * 2000, b"!:" * 1500, b"<?xml", b"function(" * 40, b"II*\0",
)  # fmt: skip
_WORDS = (
    "\u202e", "\u200b", "fdp.exe", ".dcm.exe", "CON", "NUL.dcm", "\u0430utorun.inf", "AUTORUN.INF",
    ":stream", " " * 40, ".", "..", "a" * 300, "\u0130\u0131", "\ufb01le", "%20" * 20, "%202E",
    "\U000e0041", "\u0345" * 50, "\ufdfa" * 200, "x\u200d.sh", "LPT1:", "~1", ";1",
)  # fmt: skip


class HostileTarget:
    """One file as the scan looks at it: by bytes and as a stream, and what it is if it is none."""

    name = "hostile"
    roots: tuple[str, ...] = ("importing/look.py", "importing/hostile.py", "importing/signat",
                              "dicom/pixel_key.py", "dicom/header.py")  # fmt: skip
    most_bytes = 1 << 16

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """A name of 64 bytes, then a file."""
        files = [*encoded_objects(), instance("1.2.3", pixels=40), dicomdir(records()), *_MARKS]
        return [b"A.DCM".ljust(_NAME_BYTES, b"\0") + file for file in files]

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Spoil the name, the preamble, or the file."""
        name, file = bytearray(data[:_NAME_BYTES]), data[_NAME_BYTES:]
        pick = rng.randrange(8)
        if pick == 0:
            word = rng.choice(_WORDS).encode() if rng.random() < 0.7 else rng.choice(HOSTILE_TEXTS)
            at = rng.randrange(8)
            name[at : at + len(word)] = word
        elif pick == 1:
            start = rng.choice(_MARKS)
            file = start[:128].ljust(128, b"\0") + file[128:]
        elif pick == 2:
            file = rng.choice(_MARKS) + file[: rng.choice((0, 50, 5000))]
        elif pick == 3:
            raw = bytearray(file)
            havoc(rng, raw, self.most_bytes, other)
            file = bytes(raw)
        else:
            file = mutate_file(rng, file, self.most_bytes - _NAME_BYTES)
        return bytes(name[:_NAME_BYTES].ljust(_NAME_BYTES, b"\0")) + file

    def run(self, data: bytes) -> set[str]:
        """Look at the file, say what it is, and judge its name."""
        raw, file = data[:_NAME_BYTES].rstrip(b"\0"), data[_NAME_BYTES:]
        text = raw.decode("utf-8", "surrogateescape")
        path = "/".join(safe_name(part) for part in text.split("/"))
        volume = MemoryVolume({path: file, path.swapcase(): b""})
        said: set[str] = set(_names(volume, text))
        for one in volume.iter_files():
            looked = look(volume, one)
            said |= require_findings(looked.findings)
            said.add(f"{looked.kind} {bool(looked.pixel_key)} {looked.armed}")
            require(len(looked.front) <= FRONT_BYTES, "more kept than is looked at")
            _require_seen_alike(volume, looked)
            if looked.kind is FileKind.OTHER:
                left = classify_file(one.path, looked.front, one.size_bytes)
                said.add(f"{left.kind} {left.words} {left.disguise}")
        finding = check_preamble(path, file)
        said |= require_findings([finding] if finding else [])
        _require_alike(file)
        return said


def _require_seen_alike(volume: MemoryVolume, whole: Looked) -> None:
    """A file that is held piece by piece has to look like one that is held as a whole."""
    with patch.object(look_module, "_FIRST_BYTES", 512):
        pieces = look(volume, next(one for one in volume.iter_files() if one.path == whole.path))
    if whole.kind is not FileKind.INSTANCE or whole.size_bytes < 512:
        return
    require_alike(whole.header, pieces.header)
    for name in ("kind", "sha256", "data_sha256", "armed", "size_bytes"):
        require(getattr(whole, name) == getattr(pieces, name), f"another {name} in pieces")


def _names(volume: MemoryVolume, text: str) -> set[str]:
    for part in text.split("/"):
        has_look_alikes(part)
        require(len(suffix_of(part)) <= 18, "a suffix too long")
        require(len(plain_name(part)) <= 64 * 20, "a name that grew")
    files = [(str(number), file.path) for number, file in enumerate(volume.iter_files())]
    kept = list(plan_file_ids(files, RepairLog()).values())
    require(len(set(kept)) == len(kept), "one File ID twice")
    require(not any(map(check_file_id, kept)), f"no File IDs: {kept}")
    findings = check_names(volume)
    for finding in findings:
        require_harmless(finding.message, "finding")
    return {finding.rule for finding in findings}


def _require_alike(file: bytes) -> None:
    """A stream and the same bytes in memory have to give the same header."""
    headers: list[InstanceHeader | None] = []
    for source in (BytesSource(file), StreamSource(BytesIO(file), len(file))):
        try:
            headers.append(read_header_from(source, "a.dcm"))
        except NotDicom:
            headers.append(None)
    require_alike(*headers)
