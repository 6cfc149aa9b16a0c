"""The image, byte by byte, against PS3.12 Annex F and ECMA-119, by a walk of the test's own."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.media.support import CONTENTS, medium_files, write_image

DATE = bytes([124, 2, 29, 23, 59, 58, 0])  # 2024-02-29 23:59:58, offset 0


@dataclass
class Record:
    """A directory record (ECMA-119, 9.1) and where it was found."""

    path: str
    raw: bytes

    @property
    def extent(self) -> int:
        return both_endian(self.raw[2:10])

    @property
    def size(self) -> int:
        return both_endian(self.raw[10:18])

    @property
    def is_directory(self) -> bool:
        return bool(self.raw[25] & 2)

    @property
    def name(self) -> bytes:
        return self.raw[33 : 33 + self.raw[32]]


def both_endian(field: bytes) -> int:
    half = len(field) // 2
    little, big = int.from_bytes(field[:half], "little"), int.from_bytes(field[half:], "big")
    assert little == big
    return little


def records_of(data: bytes, directory: Record) -> Iterator[Record]:
    """Yield the records of `directory`; none crosses a sector."""
    for sector in range(directory.extent, directory.extent + directory.size // 2048):
        part = data[sector * 2048 : sector * 2048 + 2048]
        position = 0
        while position < 2048 and part[position]:
            length = part[position]
            assert position + length <= 2048
            raw = part[position : position + length]
            name = raw[33 : 33 + raw[32]].decode("latin-1")
            yield Record(f"{directory.path}/{name}", raw)
            position += length
        assert not any(part[position:])


def walk(data: bytes) -> Iterator[Record]:
    """Yield the root and everything below it, ``.`` and ``..`` included."""
    waiting = [Record("", data[16 * 2048 + 156 : 16 * 2048 + 190])]
    while waiting:
        directory = waiting.pop()
        assert directory.size % 2048 == 0
        yield directory
        for record in records_of(data, directory):
            if record.is_directory and record.name not in (b"\0", b"\1"):
                waiting.append(record)
            else:
                yield record


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("image")
    many = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(120)}
    write_image(folder / "disc.iso", medium_files(folder / "sources", CONTENTS | many))
    return (folder / "disc.iso").read_bytes()


@pytest.fixture(scope="module")
def volume(data: bytes) -> bytes:
    return data[16 * 2048 : 17 * 2048]


class TestPrimaryVolumeDescriptor:
    def test_the_system_area_is_empty(self, data: bytes) -> None:
        assert not any(data[: 16 * 2048])

    def test_one_primary_descriptor_and_the_terminator_are_all(self, data: bytes) -> None:
        """No supplementary descriptor: no Joliet."""
        assert data[16 * 2048 :][:7] == b"\1CD001\1"
        assert data[17 * 2048 :][:7] == b"\xffCD001\1"

    def test_the_system_identifier_is_blank(self, volume: bytes) -> None:
        assert volume[8:40] == b" " * 32

    def test_the_file_set_id_is_the_volume_identifier(self, volume: bytes) -> None:
        assert volume[40:72] == b"CT_2024".ljust(32)

    def test_an_empty_file_set_id_gives_32_spaces(self, tmp_path: Path) -> None:
        write_image(tmp_path / "disc.iso", [], "")

        assert (tmp_path / "disc.iso").read_bytes()[16 * 2048 + 40 :][:32] == b" " * 32

    def test_the_sizes_are_those_of_the_image(self, data: bytes, volume: bytes) -> None:
        assert both_endian(volume[80:88]) * 2048 == len(data)
        assert both_endian(volume[120:124]) == both_endian(volume[124:128]) == 1
        assert both_endian(volume[128:132]) == 2048

    def test_the_makers_are_named_in_legal_characters(self, volume: bytes) -> None:
        for start in (318, 446, 574):
            field = volume[start : start + 128]
            assert field.startswith(b"MEDIASTATION ")
            assert all(char in b"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_. +-" for char in field)

    def test_what_names_no_file_and_no_set_is_blank(self, volume: bytes) -> None:
        assert volume[190:318] == b" " * 128
        assert volume[702:813] == b" " * 111

    def test_the_dates_are_the_moment_in_utc(self, volume: bytes) -> None:
        moment, never = b"2024022923595800\0", b"0" * 16 + b"\0"
        assert volume[813:830] == volume[830:847] == moment
        assert volume[847:864] == never
        assert volume[864:881] == moment
        assert volume[881] == 1

    def test_the_path_tables_name_every_directory(self, data: bytes, volume: bytes) -> None:
        size = both_endian(volume[132:140])
        little = struct.unpack("<I", volume[140:144])[0] * 2048
        big = struct.unpack(">I", volume[148:152])[0] * 2048
        assert volume[144:148] == volume[152:156] == bytes(4)
        directories = {record.extent for record in walk(data) if record.is_directory}

        for start, order in ((little, "<"), (big, ">")):
            table, entries = data[start : start + size], []
            while table:
                length, extent, parent = struct.unpack_from(f"{order}BxIH", table)
                entries.append((parent, table[8 : 8 + length], extent))
                table = table[8 + length + length % 2 :]
            assert {extent for _, _, extent in entries} == directories
            assert len(entries) == len(directories)
            assert entries[0][:2] == (1, b"\0")
            assert [entry[:2] for entry in entries] == sorted(entry[:2] for entry in entries)


class TestDirectoryRecords:
    def test_every_file_is_there_once_with_its_bytes(self, data: bytes) -> None:
        found = {
            record.path: data[record.extent * 2048 : record.extent * 2048 + record.size]
            for record in walk(data)
            if not record.is_directory
        }

        assert found["/DICOMDIR.;1"] == CONTENTS["DICOMDIR"]
        assert found["/README.TXT;1"] == CONTENTS["README.TXT"]
        assert len(found) == len(CONTENTS) + 120
        for path, content in CONTENTS.items():
            assert found[f"/{path};1" if "." in path else f"/{path}.;1"] == content

    def test_dates_flags_and_attributes_are_as_annex_f_says(self, data: bytes) -> None:
        for record in walk(data):
            assert record.raw[18:25] == DATE
            assert record.raw[1] == 0, "extended attribute record"
            assert record.raw[25] in (0, 2), "file flags"
            assert record.raw[26:28] == b"\0\0", "interleaving"
            assert both_endian(record.raw[28:32]) == 1

    def test_no_record_has_a_system_use_field(self, data: bytes) -> None:
        """Rock Ridge would live there."""
        for record in walk(data):
            assert record.raw[0] == 33 + record.raw[32] + (record.raw[32] + 1) % 2

    def test_records_are_in_order_and_begin_with_themselves_and_the_parent(
        self, data: bytes
    ) -> None:
        directories = [
            record
            for record in walk(data)
            if (record.is_directory and record.name not in (b"\0", b"\1")) or not record.path
        ]
        at = {record.path: record.extent for record in directories}
        for directory in directories:
            own, parent, *others = records_of(data, directory)
            assert (own.name, parent.name) == (b"\0", b"\1")
            assert (own.extent, own.size) == (directory.extent, directory.size)
            assert parent.extent == at[directory.path.rpartition("/")[0]]
            padded = [name.name.partition(b".")[0].ljust(8) for name in others]
            assert padded == sorted(padded)

    def test_a_directory_of_several_sectors_is_whole(self, data: bytes) -> None:
        big = [record for record in walk(data) if record.path.endswith("SE000001")]

        assert max(record.size for record in big) > 2048

    def test_an_empty_file_lies_inside_the_volume(self, data: bytes) -> None:
        (record,) = (
            record for record in walk(data) if "IM000003" in record.path and not record.size
        )

        assert record.extent * 2048 <= len(data)
