"""E-mails and MIME entities: headers, boundaries and encodings that contradict each other."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from random import Random

from mediastation.reading.contract import Volume
from mediastation.reading.mime_header import looks_mime
from mediastation.reading.mime_volume import open_mime
from mediastation.reading.zip_volume import DEFLATE_RATIO
from tests.fuzz.mutation import HOSTILE_TEXTS, Block, havoc, rearrange
from tests.fuzz.targets.images import opened
from tests.fuzz.targets.zip import ZipTarget
from tests.support.damaged import MemoryAccess

_HEADERS = (
    b"Content-Type: multipart/mixed; boundary=B", b"Content-Type: multipart/x; boundary=\"B\"",
    b"Content-Type: message/rfc822", b"Content-Type: application/dicom; id=\"DICOM/I1\"",
    b"Content-Type: application/dicom; id*=utf-8''%2E%2E%2FI1", b"Content-Type: message/partial",
    b"Content-Type: application/dicom; id*0=A; id*1=B; id*2*=%43", b"Content-Type: text/plain",
    b"Content-Type: application/zip; name=DICOM.ZIP", b"Content-Transfer-Encoding: base64",
    b"Content-Transfer-Encoding: quoted-printable", b"Content-Transfer-Encoding: 8bit",
    b"Content-Transfer-Encoding: x-uuencode", b"Content-Disposition: attachment; filename=\"../x\"",
    b"Content-Location: ../../x", b"Content-Location: %2e%2e/%00x", b"MIME-Version: 1.0",
    b"Subject: =?utf-8?b?" + b"A" * 90 + b"?=", b"Subject: =?iso-2022-jp?q?=1B$B?=",
    b"Content-Type: application/dicom; id*0*=x'y'%ff; id*1=\"\\", b"Content-Type: multipart/mixed",
    b"Content-Disposition: attachment; filename*=rot13''abc", b"Content-ID: <a@b>", b"X: \xff\x00",
    b"Content-Disposition: attachment; filename*=idna''%ff", b"Subject: =?zlib?b?eJwDAAAAAAE=?=",
    b"Content-Disposition: attachment; filename*=unicode_escape''%5cud800",
)  # fmt: skip
_TEXTS = (
    b"--B\r\n", b"--B--\r\n", b"\r\n--B\r\n\r\n--B\r\n", b"\r\n\r\n", b"\n\n", b"=\r\n", b"=3D",
    b"=XY", b"====", b"AAAA=AAAA", b"\r\n--B", b"--B  \t\n", b"\r", b"From nobody\r\n", b"%%%",
    b"\0", b"QQ", b";;;;;;\"\"\"\"", b"--BB\r\n", b"\r\n" * 50, *HOSTILE_TEXTS,
)  # fmt: skip
_NAMES = re.compile(rb"(?:id|name|filename|boundary)=(\"?[^\r\n;]*)")


def _entity(parts: list[tuple[bytes, bytes]], kind: bytes = b"multipart/mixed") -> bytes:
    head = (
        b"MIME-Version: 1.0\r\nSubject: DICOM-ZIP\r\nContent-Type: "
        + kind
        + b"; boundary=B\r\n\r\n"
    )
    body = b"".join(b"--B\r\n" + front + b"\r\n\r\n" + data + b"\r\n" for front, data in parts)
    return head + body + b"--B--\r\n"


class MimeTarget:
    """The entity, its parts, the ZIP file in an e-mail."""

    name = "mime"
    roots: tuple[str, ...] = ("reading/mime",)
    most_bytes = 1 << 17

    def seeds(self, folder: Path | None) -> list[bytes]:  # noqa: ARG002 - no program is needed
        """DICOM parts in all encodings, an e-mail with a ZIP file, one inside another."""
        dicom = b'Content-Type: application/dicom; id="DICOM/I%d"\r\nContent-Transfer-Encoding: '
        content = bytes(128) + b"DICM" + bytes(range(256))
        packed = base64.encodebytes(content).replace(b"\n", b"\r\n")
        parts = [
            (dicom % 1 + b"base64", packed),
            (dicom % 2 + b"quoted-printable", b"a=3Db=\r\n c=00" * 20),
            (dicom % 3 + b"binary", content),
            (b"Content-Type: text/html; name=INDEX.HTM", b"<p>"),
        ]
        plain = _entity(parts)
        archive = base64.encodebytes(ZipTarget().seeds(None)[1])
        mail = [(b"Content-Type: text/plain", b"See inside."),
                (b"Content-Type: application/zip; name=DICOM.ZIP\r\n"
                 b"Content-Disposition: attachment; filename=DICOM.ZIP\r\n"
                 b"Content-Transfer-Encoding: base64", archive)]  # fmt: skip
        forwarded = _entity([(b"Content-Type: message/rfc822", _entity(mail).replace(b"B", b"B"))])
        return [
            plain, _entity(mail), forwarded, b"From a@b Mon\r\n" + plain,
            plain.replace(b"\r\n", b"\n"), _entity(parts[:1], b"multipart/related"),
        ]  # fmt: skip

    def mutate(self, rng: Random, data: bytes, other: bytes) -> bytes:
        """Exchange headers, put delimiters where none belong, cut and double lines."""
        raw = bytearray(data)
        pick = rng.randrange(10)
        lines = _lines(raw)
        if pick < 2 or not lines:
            havoc(rng, raw, self.most_bytes, other)
        elif pick < 5:
            headers = [one for one in lines if b":" in raw[one.at : one.at + one.length]] or lines
            one = rng.choice(headers)
            made = rng.choice(_HEADERS) + rng.choice((b"\r\n", b"\r\n", b"\n", b"\r\n ;a=b\r\n"))
            end = one.at + (one.length if rng.random() < 0.6 else 0)
            raw[one.at : end] = made
        elif pick < 7:
            at = rng.choice(lines).at if rng.random() < 0.6 else rng.randrange(len(raw))
            raw[at:at] = rng.choice(_TEXTS) * rng.choice((1, 1, 1, 3, 300))
        elif pick == 7:
            names = list(_NAMES.finditer(raw))
            if names:
                match = rng.choice(names)
                raw[match.start(1) : match.end(1)] = rng.choice(HOSTILE_TEXTS)
        else:
            rearrange(rng, raw, lines, self.most_bytes)
        return bytes(raw[: self.most_bytes])

    def run(self, data: bytes) -> set[str]:
        """Look at it as `open_volume` would, open it, read all of it."""
        looks_mime(MemoryAccess(data))
        return opened(open_mime, data, _look, most_bytes=DEFLATE_RATIO * len(data))


def _lines(raw: bytearray) -> list[Block]:
    """The first two thousand lines, their ends included."""
    found: list[Block] = []
    at = 0
    while len(found) < 2000 and (end := raw.find(b"\n", at) + 1):
        found.append(Block(at, end - at))
        at = end
    return found


def _look(volume: Volume, said: set[str]) -> None:
    said.add(f"{type(volume).__name__} {min(sum(1 for _ in volume.iter_files()), 9)}")
