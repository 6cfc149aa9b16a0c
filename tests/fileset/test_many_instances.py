"""Many instances, and any tree of them."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.fileset.dicomdir import FileSetInstance, Person
from mediastation.model.instance import Element
from tests.support.dicomdir_walk import WalkedRecord, walk
from tests.support.record_headers import EXPLICIT_LE
from tests.support.trees import builder, instance, protocol


def many(count: int, series_size: int) -> Iterator[FileSetInstance]:
    """Instances of one study; elements shared, as a catalog would not."""
    shared = dict(instance().header.elements)
    person = Person("A", "ID-A")
    for number in range(count):
        elements = dict(shared)
        elements[0x0020000E] = Element("UI", b"1.1.%d" % (number // series_size + 1))
        elements[0x00200013] = Element("IS", b"%d" % number)
        one = instance().header if number == 0 else None
        base = one or _HEADER
        yield FileSetInstance(
            type(base)(base.sop_class_uid, f"1.9.{number}", EXPLICIT_LE, elements),
            EXPLICIT_LE,
            person,
        )


_HEADER = instance().header


class CountingFile(io.BytesIO):
    """Counts what is asked of a file."""

    calls = 0

    def write(self, data: Any) -> int:
        self.calls += 1
        return super().write(data)

    def seek(self, *arguments: int) -> int:
        self.calls += 1
        return super().seek(*arguments)


@pytest.mark.parametrize("series_size", [1_000_000, 10])
def test_ten_thousand_instances_take_few_calls_of_the_file(series_size: int) -> None:
    output = CountingFile()
    file_set = builder(output)
    for one in many(10_000, series_size):
        file_set.add(one)
    summary = file_set.close()

    assert summary.instances == 10_000
    assert output.calls < 50
    walk(output.getvalue())


def test_memory_grows_by_little_more_than_the_uids(tmp_path: Any) -> None:
    """Of the last twenty thousand of a hundred thousand (4 MB of records), digests stay."""
    with (tmp_path / "DICOMDIR").open("w+b") as output:
        file_set = builder(output)  # type: ignore[arg-type]
        generated = many(100_000, 1_000_000)
        for _ in range(80_000):
            file_set.add(next(generated))
        tracemalloc.start()
        try:
            for one in generated:
                file_set.add(one)
            grown, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        summary = file_set.close()

    assert summary.instances == 100_000
    assert summary.size_bytes > 20_000_000
    assert grown < 20_000 * 64 + 1_200_000  # sixteen bytes as an object, and the write buffer
    assert peak < grown + 3_000_000


NAMES = [
    ("", "Doe^Jane"),
    ("ISO_IR 100", "Müller^Änne"),
    ("ISO_IR 144", "Люкceмбypг"),
    ("ISO_IR 192", "王^小东"),
    ("GB18030", "王^小东"),
    ("ISO_IR 138", "שרון^דבורה"),
]
CODECS = {
    "": "ascii",
    "ISO_IR 100": "latin-1",
    "ISO_IR 144": "iso8859_5",
    "ISO_IR 192": "utf-8",
    "GB18030": "gb18030",
    "ISO_IR 138": "iso8859_8",
}
OPTIONAL = [0x00080020, 0x00080030, 0x00080050, 0x00080060, 0x00081030, 0x00200010, 0x00200011]


@st.composite
def trees(draw: st.DrawFn) -> list[FileSetInstance]:
    """Instances in tree order with random sizes, character sets and missing keys."""
    found = []
    for person in range(draw(st.integers(1, 3))):
        charset, name = draw(st.sampled_from(NAMES))
        for study in range(draw(st.integers(1, 3))):
            for series in range(draw(st.integers(1, 3))):
                for number in range(draw(st.integers(1, 3))):
                    missing = draw(st.sets(st.sampled_from([*OPTIONAL, 0x00200013])))
                    if draw(st.booleans()) and draw(st.booleans()):
                        found.append(protocol(f"9.{len(found)}"))
                    found.append(
                        instance(
                            str(person),
                            f"1.{person}.{study}",
                            f"1.{person}.{study}.{series}",
                            f"1.{person}.{study}.{series}.{number}",
                            t00080005=("CS", charset) if charset else None,
                            t00100010=("PN", name.encode(CODECS[charset])),
                            **{f"t{tag:08X}": None for tag in sorted(missing)},
                        )
                    )
    return found


@settings(max_examples=60, deadline=None)
@given(trees())
def test_any_tree_comes_back_as_it_went_in(instances: list[FileSetInstance]) -> None:
    """Read by pydicom and by offsets: the same tree, the same keys, all Type 1 keys there."""
    from pydicom import dcmread  # noqa: PLC0415 - slow to import, and only here

    output = io.BytesIO()
    file_set = builder(output)
    file_ids = {one.header.sop_instance_uid: file_set.add(one) for one in instances}
    file_set.close()
    found = walk(output.getvalue())
    by_uid = {one.header.sop_instance_uid: one for one in instances}
    decoded = {
        item.seq_item_tell: item
        for item in dcmread(io.BytesIO(output.getvalue())).DirectoryRecordSequence
    }

    paths = []
    waiting: list[tuple[WalkedRecord, list[WalkedRecord]]] = [(top, []) for top in found.root]
    while waiting:
        record, above = waiting.pop()
        waiting += [(child, [*above, record]) for child in record.children]
        item = decoded[record.offset]
        if record.type == "PATIENT":
            assert str(item.PatientName) in {name for _, name in NAMES}
        if record.type == "STUDY":
            assert all(item[tag].value for tag in (0x00080020, 0x00080030, 0x00200010))
            assert "AccessionNumber" in item
            assert "StudyDescription" in item
        if record.type == "SERIES":
            assert item.Modality in ("CT", "OT")
            assert item.SeriesNumber is not None
        if record.children:
            continue
        uid = record.text(0x00041511)
        one = by_uid[uid]
        assert tuple(record.text(0x00041500).split("\\")) == file_ids[uid]
        paths.append(uid)
        if one.person is None:
            assert above == []
            continue
        patient, study, series = above
        assert patient.text(0x00100020) == one.person.patient_id
        name, charset = (one.header.elements.get(tag) for tag in (0x00100010, 0x00080005))
        assert name is not None
        assert patient.elements[0x00100010][1].rstrip() == name.value.rstrip()
        if charset and not name.value.isascii():
            assert patient.elements[0x00080005][1] == charset.value
        assert study.text(0x0020000D) == one.header.elements[0x0020000D].value.decode().rstrip("\0")
        assert series.text(0x0020000E) == one.header.elements[0x0020000E].value.decode().rstrip(
            "\0"
        )
        number = one.header.elements.get(0x00200013)
        if number:
            assert record.text(0x00200013) == "7"
        else:
            assert record.text(0x00200013).isdigit()
    assert sorted(paths) == sorted(by_uid)
