"""Archives made to cost: nested, overlapping, huge by their own word, endless, ambiguous."""

from __future__ import annotations

import io
import random
import struct
import tracemalloc
import zipfile
import zlib
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.reading import zip_directory
from mediastation.reading.zip_volume import MAX_RATIO, ZipVolume

STORED, DEFLATED = 0, 8
FREE_BYTES = 1 << 30


@dataclass
class Part:
    """One entry of an archive that is put together by hand; every number can lie."""

    name: bytes
    content: bytes = b""
    method: int = STORED
    size: int | None = None
    packed: int | None = None
    crc: int | None = None
    offset: int | None = None
    extra: bytes = b""

    def numbers(self, data: bytes) -> tuple[int, int, int]:
        return (
            zlib.crc32(self.content) if self.crc is None else self.crc,
            len(data) if self.packed is None else self.packed,
            len(self.content) if self.size is None else self.size,
        )


def local(part: Part, data: bytes) -> bytes:
    crc, packed, size = part.numbers(data)
    return struct.pack(
        "<4s5H3L2H", b"PK\3\4", 45, 0, part.method, 0, 33, crc, packed & 0xFFFFFFFF,
        size & 0xFFFFFFFF, len(part.name), 0,
    ) + part.name  # fmt: skip


def central(part: Part, data: bytes, offset: int) -> bytes:
    crc, packed, size = part.numbers(data)
    return struct.pack(
        "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, part.method, 0, 33, crc, min(packed, 0xFFFFFFFF),
        min(size, 0xFFFFFFFF), len(part.name), len(part.extra), 0, 0, 0, 0, offset,
    ) + part.name + part.extra  # fmt: skip


def end(count: int, length: int, start: int, comment: bytes = b"") -> bytes:
    count = min(count, 0xFFFF)
    return struct.pack(
        "<4s4H2LH", b"PK\5\6", 0, 0, count, count, length, start, len(comment)
    ) + comment  # fmt: skip


def built(parts: list[Part]) -> bytes:
    """The archive, its parts one behind the other but where `offset` says otherwise."""
    body, directory = bytearray(), bytearray()
    for part in parts:
        data = deflated(part.content) if part.method == DEFLATED else part.content
        at = len(body) if part.offset is None else part.offset
        directory += central(part, data, at)
        if part.offset is None:
            body += local(part, data) + data
    return bytes(body + directory) + end(len(parts), len(directory), len(body))


def deflated(content: bytes) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    return packer.compress(content) + packer.flush()


def written(folder: Path, data: bytes) -> Path:
    path = folder / "a.zip"
    path.write_bytes(data)
    return path


def unpacked_bytes(path: Path, most: int = 1 << 40) -> int:
    """How many bytes come out of all that can be opened, however they are asked for."""
    total = 0
    with ZipVolume(path) as volume:
        for file in volume.iter_files():
            try:
                with volume.open(file.path) as stream:
                    while piece := stream.read(1 << 16):
                        total += len(piece)
                        assert total <= most
            except (MediaError, OSError):
                continue
    return total


class TestNested:
    def test_archives_within_archives_stay_closed(self, tmp_path: Path) -> None:
        """42.zip: sixteen in each of five layers, 4 PB at the bottom. One layer is read."""
        inner = built([Part(b"bottom", bytes(4 << 20), DEFLATED)])
        for layer in range(5):
            inner = built([Part(b"lib %d-%x.zip" % (layer, n), inner, DEFLATED) for n in range(16)])
        path = written(tmp_path, inner)

        with ZipVolume(path) as volume:
            files = list(volume.iter_files())

        assert len(files) == 16
        assert all(file.path.endswith(".zip") for file in files)
        assert unpacked_bytes(path) == sum(file.size_bytes for file in files) < 1 << 20


class TestOverlapping:
    def test_one_kernel_under_many_names_is_not_unpacked_many_times(self, tmp_path: Path) -> None:
        """Every entry of the directory points to the same header."""
        kernel = bytes(1 << 16)
        first = Part(b"0000", kernel, DEFLATED)
        parts = [first, *(Part(b"%04d" % n, kernel, DEFLATED, offset=0) for n in range(1, 500))]

        assert unpacked_bytes(written(tmp_path, built(parts))) == 0

    def test_headers_quoted_in_stored_blocks_are_seen_as_overlaps(self, tmp_path: Path) -> None:
        """Each file's deflate stream quotes the next file's header, and ends in its kernel."""
        kernel, packed = bytes(1 << 20), deflated(bytes(1 << 20))
        count = 40
        crcs, sizes, headers = [0] * count, [0] * count, [b""] * count
        streams = [b""] * count
        content = kernel
        stream = packed
        for n in reversed(range(count)):
            part = Part(
                b"%04d" % n, b"", DEFLATED,
                size=len(content), packed=len(stream), crc=zlib.crc32(content),
            )  # fmt: skip
            headers[n], streams[n] = local(part, b""), stream
            crcs[n], sizes[n] = zlib.crc32(content), len(content)
            quoted = headers[n]
            stream = struct.pack("<BHH", 0, len(quoted), len(quoted) ^ 0xFFFF) + quoted + stream
            content = quoted + content
        body, directory = bytearray(), bytearray()
        for n in range(count):
            part = Part(
                b"%04d" % n, b"", DEFLATED, size=sizes[n], packed=len(streams[n]), crc=crcs[n]
            )
            directory += central(part, b"", len(body))
            body += headers[n]
            if n + 1 < count:
                body += struct.pack("<BHH", 0, len(headers[n + 1]), len(headers[n + 1]) ^ 0xFFFF)
        body += packed
        path = written(tmp_path, bytes(body + directory) + end(count, len(directory), len(body)))
        with zipfile.ZipFile(path) as archive:  # it is what it is meant to be
            assert len(archive.read("0038")) > 1 << 20

        with ZipVolume(path) as volume:
            rules = {finding.rule for finding in volume.findings}
        assert rules == {"overlap"}
        assert unpacked_bytes(path) == 0

    @pytest.mark.parametrize("back", [1, 30, 500, 1 << 31])
    def test_a_file_that_reaches_into_the_directory_is_not_opened(
        self, tmp_path: Path, back: int
    ) -> None:
        noise = random.Random(1).randbytes(400)
        data = built([Part(b"A", noise, size=400 + back, packed=400 + back)])

        assert unpacked_bytes(written(tmp_path, data)) == 0


class TestHugeByTheirOwnWord:
    @pytest.mark.parametrize("size", [1 << 32, 1 << 40, (1 << 63) - 1, 1 << 63, (1 << 64) - 1])
    @pytest.mark.parametrize("method", [STORED, DEFLATED])
    def test_no_memory_is_taken_for_a_size_that_is_claimed(
        self, tmp_path: Path, size: int, method: int
    ) -> None:
        extra = struct.pack("<2HQ", 1, 8, size)
        part = Part(b"A", bytes(1000), method, size=0xFFFFFFFF, extra=extra)
        path = written(tmp_path, built([part]))

        tracemalloc.start()
        try:
            assert unpacked_bytes(path, most=1000) <= 1000
            assert tracemalloc.get_traced_memory()[1] < 16 << 20
        finally:
            tracemalloc.stop()

    def test_many_files_that_claim_much_together_are_closed_from_the_limit_on(
        self, tmp_path: Path
    ) -> None:
        content = bytes(40 << 20)
        packed = deflated(content)
        part = Part(b"", b"", DEFLATED, size=len(content), packed=len(packed),
                    crc=zlib.crc32(content))  # fmt: skip
        body, directory = bytearray(), bytearray()
        for n in range(100):
            part.name = b"%04d" % n
            directory += central(part, packed, len(body))
            body += local(part, packed) + packed
        path = written(tmp_path, bytes(body + directory) + end(100, len(directory), len(body)))

        with ZipVolume(path) as volume:
            closed = {f.subject for f in volume.findings if f.rule == "archive-bomb"}
            open_bytes = sum(f.size_bytes for f in volume.iter_files() if f.path not in closed)

        assert closed
        assert open_bytes <= MAX_RATIO * path.stat().st_size + FREE_BYTES

    def test_a_stream_that_gives_more_than_it_says_is_cut_there(self, tmp_path: Path) -> None:
        part = Part(b"A", bytes(50 << 20), DEFLATED, size=1000, crc=zlib.crc32(bytes(1000)))
        path = written(tmp_path, built([part]))

        assert unpacked_bytes(path, most=1000) == 1000

    def test_going_back_and_forth_does_not_cost_the_square(self, tmp_path: Path) -> None:
        """Reading backwards costs a step each time, not the file from its start."""
        content = random.Random(3).randbytes(64) * (1 << 18)
        path = written(tmp_path, built([Part(b"A", content, DEFLATED)]))
        spent = 0

        with ZipVolume(path) as volume, volume.open("A") as stream:
            raw = stream.raw  # type: ignore[attr-defined]
            really = raw._inflate

            def inflate(length: int) -> bytes:
                nonlocal spent
                piece: bytes = really(length)
                spent += len(piece)
                return piece

            raw._inflate = inflate
            for at in range(len(content) - 100, 0, -(1 << 18)):
                stream.seek(at)
                assert stream.read(64) == content[at : at + 64]

        assert spent < 8 * len(content)


class TestEndless:
    def test_more_entries_than_are_listed_are_not_read(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(zip_directory, "MAX_FILES", 500)
        path = written(tmp_path, built([Part(b"%05d" % n) for n in range(5000)]))

        with ZipVolume(path) as volume:
            assert len(list(volume.iter_files())) == 500
            assert "too-many-files" in {f.rule for f in volume.findings}

    def test_a_directory_that_is_too_long_is_refused_before_it_is_read(
        self, tmp_path: Path
    ) -> None:
        path = tmp_path / "a.zip"
        with path.open("wb") as file:
            file.write(b"PK\3\4")
            file.truncate(70 << 20)
            file.seek(70 << 20)
            file.write(end(1, 65 << 20, 5 << 20))

        with pytest.raises(MediaError, match="at most"):
            ZipVolume(path)

    def test_one_name_many_times_is_a_hundred_lines_and_a_count(self, tmp_path: Path) -> None:
        path = written(tmp_path, built([Part(b"IM1", b"x") for _ in range(3000)]))

        with ZipVolume(path) as volume:
            assert len({file.path for file in volume.iter_files()}) == 3000
            assert len(volume.findings) < 250

    def test_names_of_a_thousand_levels_are_not_listed(self, tmp_path: Path) -> None:
        path = written(tmp_path, built([Part(b"a/" * 500 + b"x"), Part(b"IM1", b"x")]))

        with ZipVolume(path) as volume:
            assert [file.path for file in volume.iter_files()] == ["IM1"]
            assert "too-deep" in {f.rule for f in volume.findings}


class TestAmbiguous:
    def test_a_second_end_hidden_in_the_comment_is_said(self, tmp_path: Path) -> None:
        """Programs that look from the other side see another archive."""
        plain = built([Part(b"GOOD", b"good")])
        data = bytearray(plain)
        hidden = end(0, 0, 0)
        struct.pack_into("<H", data, len(data) - 2, len(hidden) + 2)
        path = written(tmp_path, bytes(data) + hidden + b"xx")

        with ZipVolume(path) as volume:
            names = [file.path for file in volume.iter_files()]
            rules = {f.rule for f in volume.findings}

        assert names == ["GOOD"] or rules & {"zip-tail", "zip-prefix"}

    def test_content_that_the_directory_does_not_list_is_no_file(self, tmp_path: Path) -> None:
        hidden = Part(b"HIDDEN", b"hidden")
        listed = built([Part(b"A", b"a")])
        path = written(tmp_path, local(hidden, b"hidden") + b"hidden" + listed)

        with ZipVolume(path) as volume:
            assert [file.path for file in volume.iter_files()] == ["A"]
            assert {f.rule for f in volume.findings} == {"zip-prefix"}


@settings(max_examples=120, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_change_of_any_bytes_makes_it_cost_more_than_the_limit(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("DICOMDIR", b"x" * 500)
        archive.writestr("DICOM/A", bytes(20_000))
        archive.writestr("B", random.Random(4).randbytes(700))
    spoiled = bytearray(buffer.getvalue())
    for _ in range(data.draw(st.integers(1, 6))):
        at = data.draw(st.integers(0, len(spoiled) - 1))
        spoiled[at : at + 4] = data.draw(st.sampled_from([
            b"\xff\xff\xff\xff", b"\0\0\0\0", b"PK\1\2", b"PK\5\6", b"\x7f", b"\x80\0",
        ]))  # fmt: skip
    path = written(tmp_path_factory.mktemp("zip"), bytes(spoiled))

    with suppress(MediaError):
        assert unpacked_bytes(path, most=MAX_RATIO * len(spoiled) + FREE_BYTES) < 1 << 22
