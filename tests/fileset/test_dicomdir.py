"""The File-set builder: tree, offsets, refusals, findings (PS3.3 F.2, F.3; PS3.10 8)."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import mediastation
from mediastation.errors import MediaError, RefusedError
from mediastation.fileset import directory, findings
from mediastation.fileset.dicomdir import FileSetBuilder, FileSetInstance, Person
from mediastation.model.instance import Element
from tests.support.dicomdir_walk import WalkedDicomdir, WalkedRecord, walk
from tests.support.record_headers import EXPLICIT_LE, header

MOMENT = datetime(2026, 5, 4, 3, 2, 1)
HANGING_PROTOCOL = "1.2.840.10008.5.1.4.38.1"


def builder(output: io.BytesIO | None = None, **changes: Any) -> FileSetBuilder:
    arguments = {"file_set_uid": "1.2.3.99", "file_set_id": "TEST", "moment": MOMENT} | changes
    return FileSetBuilder(output if output is not None else io.BytesIO(), **arguments)


def instance(
    person: str | None = "A",
    study: str = "1.1",
    series: str = "1.1.1",
    uid: str = "1.1.1.1",
    *,
    patient_id: str | None = None,
    sop_class: str = "1.2.840.10008.5.1.4.1.1.2",
    supplied: bool = False,
    **changes: tuple[str, Any] | None,
) -> FileSetInstance:
    """An instance of person A, study 1.1, series 1.1.1; changes are tags like ``t00100010``."""
    values: dict[int, tuple[str, Any] | None] = {
        0x00100020: ("LO", patient_id or f"ID-{person}"),
        0x00100010: ("PN", f"Name^{person}"),
        0x0020000D: ("UI", study),
        0x0020000E: ("UI", series),
    }
    values |= {int(tag[1:], 16): value for tag, value in changes.items()}
    return FileSetInstance(
        header(values, uid=uid, sop_class=sop_class),
        EXPLICIT_LE,
        Person(person, patient_id or f"ID-{person}", supplied) if person else None,
    )


def protocol(uid: str) -> FileSetInstance:
    return instance(None, uid=uid, sop_class=HANGING_PROTOCOL)


def directory_of(*instances: FileSetInstance, **changes: Any) -> WalkedDicomdir:
    output = io.BytesIO()
    file_set = builder(output, **changes)
    for one in instances:
        file_set.add(one)
    file_set.close()
    return walk(output.getvalue())


def shape(records: list[WalkedRecord]) -> list[Any]:
    """Types, and below them what hangs there."""
    found: list[Any] = []
    for record in records:
        found.append(record.type)
        if record.children:
            found.append(shape(record.children))
    return found


class TestFile:
    def test_the_file_meta_names_the_directory_and_this_station(self) -> None:
        meta = directory_of(instance()).meta

        assert list(meta) == [
            0x00020000,
            0x00020001,
            0x00020002,
            0x00020003,
            0x00020010,
            0x00020012,
            0x00020013,
        ]
        assert meta[0x00020001] == ("OB", b"\0\1")
        assert meta[0x00020002] == ("UI", b"1.2.840.10008.1.3.10")
        assert meta[0x00020003] == ("UI", b"1.2.3.99")
        assert meta[0x00020010] == ("UI", b"1.2.840.10008.1.2.1\0")
        assert meta[0x00020012][1].rstrip(b"\0").decode() == mediastation.IMPLEMENTATION_CLASS_UID
        assert meta[0x00020013][1].rstrip().decode() == mediastation.IMPLEMENTATION_VERSION_NAME

    def test_the_data_set_has_the_two_modules_and_nothing_else(self) -> None:
        elements = directory_of(instance()).elements

        assert list(elements) == [0x00041130, 0x00041200, 0x00041202, 0x00041212, 0x00041220]
        assert elements[0x00041130] == ("CS", b"TEST")
        assert elements[0x00041212] == ("US", b"\0\0")

    def test_a_descriptor_is_named_with_its_character_set(self) -> None:
        elements = directory_of(
            instance(), descriptor=("DOC", "README"), descriptor_character_set="ISO_IR 192"
        ).elements

        assert elements[0x00041141] == ("CS", b"DOC\\README")
        assert elements[0x00041142] == ("CS", b"ISO_IR 192")

    def test_every_record_is_in_use(self) -> None:
        for record in directory_of(instance()).records():
            assert record.elements[0x00041410] == ("US", b"\xff\xff")

    def test_a_set_without_instances_is_a_valid_directory_and_an_error(self) -> None:
        output = io.BytesIO()
        summary = builder(output, file_set_id="").close()
        empty = walk(output.getvalue())

        assert empty.root == []
        assert empty.elements[0x00041130] == ("CS", b"")
        assert [(one.rule, one.severity.value) for one in summary.findings] == [
            ("empty-file-set", "error")
        ]

    def test_the_output_is_written_from_its_beginning_and_cut_behind(self) -> None:
        output = io.BytesIO(b"x" * 100_000)
        output.seek(500)
        file_set = builder(output)
        file_set.add(instance())
        summary = file_set.close()

        assert len(output.getvalue()) == summary.size_bytes
        walk(output.getvalue())

    @pytest.mark.parametrize(
        "changes",
        [
            {"file_set_id": "lower"},
            {"file_set_id": "X" * 17},
            {"file_set_uid": ""},
            {"file_set_uid": "1.2.x"},
            {"descriptor": ("README.TXT",)},
        ],
    )
    def test_illegal_identifiers_are_refused(self, changes: dict[str, Any]) -> None:
        with pytest.raises(RefusedError):
            builder(**changes)


class TestTree:
    def test_records_hang_where_they_belong(self) -> None:
        found = directory_of(
            instance(),
            instance(uid="1.1.1.2"),
            instance(series="1.1.2", uid="1.1.2.1"),
            instance(study="1.2", series="1.2.1", uid="1.2.1.1"),
            instance("B", "2.1", "2.1.1", "2.1.1.1"),
        )

        assert shape(found.root) == [
            "PATIENT",
            [
                "STUDY",
                ["SERIES", ["IMAGE", "IMAGE"], "SERIES", ["IMAGE"]],
                "STUDY",
                ["SERIES", ["IMAGE"]],
            ],
            "PATIENT",
            ["STUDY", ["SERIES", ["IMAGE"]]],
        ]

    def test_what_has_no_patient_lies_in_the_root_and_interrupts_nobody(self) -> None:
        found = directory_of(
            protocol("9.1"),
            instance(),
            protocol("9.2"),
            instance(uid="1.1.1.2"),
            protocol("9.3"),
        )

        assert shape(found.root) == [
            "HANGING PROTOCOL",
            "PATIENT",
            ["STUDY", ["SERIES", ["IMAGE", "IMAGE"]]],
            "HANGING PROTOCOL",
            "HANGING PROTOCOL",
        ]

    def test_records_refer_to_the_file_ids_that_were_returned(self) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_ids = [
            file_set.add(one) for one in (protocol("9.1"), instance(), instance(uid="1.1.1.2"))
        ]
        summary = file_set.close()
        leaves = [one for one in walk(output.getvalue()).records() if 0x00041500 in one.elements]

        assert [tuple(one.text(0x00041500).split("\\")) for one in leaves] == file_ids
        assert summary.instances == 3
        assert summary.records == {
            "HANGING PROTOCOL": 1,
            "IMAGE": 2,
            "PATIENT": 1,
            "SERIES": 1,
            "STUDY": 1,
        }

    def test_a_later_study_of_one_series_each_links_across_the_write_buffer(self) -> None:
        """Siblings lie megabytes apart, so their links are patched in the file itself."""
        instances = [
            instance(series=f"1.1.{number}", uid=f"1.1.{number}.1", t00081030=("LO", "x" * 64))
            for number in range(1, 6000)
        ]
        found = directory_of(
            *instances,
            instance(study="1.2", series="1.2.1", uid="1.2.1.1"),
            instance("B", "2.1", "2.1.1", "2.1.1.1"),
        )

        assert [record.type for record in found.root] == ["PATIENT", "PATIENT"]
        assert len(found.root[0].children) == 2
        assert len(found.root[0].children[0].children) == 5999

    def test_the_same_instances_give_the_same_bytes(self) -> None:
        def once() -> bytes:
            output = io.BytesIO()
            file_set = builder(output)
            for one in (instance(t00080020=None), protocol("9.1"), instance(uid="1.1.1.2")):
                file_set.add(one)
            file_set.close()
            return output.getvalue()

        assert once() == once()


class TestRefusals:
    def refusal(self, *before: FileSetInstance, last: FileSetInstance) -> str:
        """The rule by which `last` is refused; the others stay, and the directory sound."""
        output, plain = io.BytesIO(), io.BytesIO()
        file_set, without = builder(output), builder(plain)
        for one in before:
            assert file_set.add(one) == without.add(one)
        with pytest.raises(RefusedError) as caught:
            file_set.add(last)
        after = instance("Z", "7.1", "7.1.1", "7.1.1.1")
        assert file_set.add(after) == without.add(after)
        assert file_set.close() == without.close()
        assert output.getvalue() == plain.getvalue()
        (finding,) = caught.value.findings
        assert finding.severity.value == "error"
        assert finding.subject == last.header.sop_instance_uid
        return str(finding.rule)

    @pytest.mark.parametrize(
        ("changes", "rule"),
        [
            ({"uid": ""}, "missing-identifier"),
            ({"uid": "1.x"}, "illegal-identifier"),
            ({"uid": "1." * 40 + "1"}, "illegal-identifier"),
            ({"t0020000D": None}, "missing-identifier"),
            ({"t0020000D": ("UI", b"\0\0")}, "missing-identifier"),
            ({"t0020000D": ("UI", b"\xfcber")}, "illegal-identifier"),
            ({"t0020000E": None}, "missing-identifier"),
            ({"t0020000E": ("SQ", b"")}, "missing-identifier"),
            ({"sop_class": ""}, "missing-identifier"),
            ({"sop_class": "1.2.840.10008.5.1.4.1.1.200.2"}, "no-record-type"),
            ({"sop_class": "1.2.840.10008.1.3.10"}, "no-record-type"),
            ({"sop_class": "1.3.6.1.4.1.5"}, "no-record-type"),
            ({"person": None}, "missing-identifier"),
            ({"patient_id": "  "}, "missing-identifier"),
            ({"patient_id": "\0\n"}, "missing-identifier"),
            ({"patient_id": "x" * 70_000, "t00100020": None}, "patient-id"),
            ({"patient_id": "Ünbekannt", "t00100020": ("LO", "other")}, "patient-id"),
        ],
    )
    def test_one_that_no_record_can_hold(self, changes: dict[str, Any], rule: str) -> None:
        assert self.refusal(last=instance(**changes)) == rule

    def test_a_second_instance_of_one_uid(self) -> None:
        assert self.refusal(instance(), last=instance()) == "duplicate-instance"
        assert self.refusal(protocol("1.1.1.1"), last=instance()) == "duplicate-instance"
        assert (
            self.refusal(instance(), last=instance("B", "2.1", "2.1.1", "1.1.1.1"))
            == "duplicate-instance"
        )

    def test_one_patient_id_of_two_people(self) -> None:
        other = instance("B", "2.1", "2.1.1", "2.1.1.1", patient_id="ID-A ")

        assert self.refusal(instance(), last=other) == "patient-id-of-two"

    def test_two_patient_ids_that_are_recorded_alike(self) -> None:
        first = instance(patient_id="A/B")
        other = instance("B", "2.1", "2.1.1", "2.1.1.1", patient_id="A\\B")

        assert self.refusal(first, last=other) == "patient-id-of-two"

    def test_one_study_of_two_people(self) -> None:
        other = instance("B", "1.1", "2.1.1", "2.1.1.1")

        assert self.refusal(instance(), last=other) == "study-of-two"

    def test_one_series_in_two_studies(self) -> None:
        within = instance("A", "1.2", "1.1.1", "1.2.1.1")
        across = instance("B", "2.1", "1.1.1", "2.1.1.1")

        assert self.refusal(instance(), last=within) == "series-in-two"
        assert self.refusal(instance(), last=across) == "series-in-two"

    def test_a_person_study_or_series_that_was_left_already(self) -> None:
        b = instance("B", "2.1", "2.1.1", "2.1.1.1")
        second_study = instance("A", "1.2", "1.2.1", "1.2.1.1")
        second_series = instance("A", "1.1", "1.1.2", "1.1.2.1")
        new_study = instance("A", "1.3", "1.3.1", "1.3.1.1")
        again = instance(uid="1.1.1.9")

        assert self.refusal(instance(), b, last=new_study) == "out-of-order"
        assert self.refusal(instance(), second_study, last=again) == "out-of-order"
        assert self.refusal(instance(), second_series, last=again) == "out-of-order"

    def test_more_than_offsets_can_reach(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(directory, "MAX_DICOMDIR_BYTES", 6000)
        output = io.BytesIO()
        file_set = builder(output)

        def add_many() -> None:
            for number in range(100):
                file_set.add(instance(uid=f"1.1.1.{number}"))

        with pytest.raises(RefusedError, match="4 GiB"):
            add_many()
        summary = file_set.close()

        assert 1 <= summary.instances < 100
        assert summary.size_bytes <= 6000
        walk(output.getvalue())

    def test_a_closed_set_takes_no_more_and_says_the_same_again(self) -> None:
        file_set = builder()
        file_set.add(instance())
        summary = file_set.close()

        assert file_set.close() is summary
        with pytest.raises(ValueError, match="closed"):
            file_set.add(instance(uid="1.1.1.2"))

    def test_a_full_disk_is_told(self) -> None:
        class Full(io.BytesIO):
            def write(self, _data: Any) -> int:
                raise OSError(28, "No space left on device")

        file_set = builder(Full())
        file_set.add(instance())
        with pytest.raises(MediaError, match="No space left"):
            file_set.close()


class TestIdentity:
    def test_the_confirmed_patient_id_wins_and_is_told(self) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_set.add(instance(patient_id="NOID-1", supplied=True, t00100020=None))
        file_set.add(instance(patient_id="NOID-1", supplied=True, uid="1.1.1.2"))
        summary = file_set.close()

        assert walk(output.getvalue()).root[0].text(0x00100020) == "NOID-1"
        assert [finding.rule for finding in summary.findings] == ["key-supplied"]
        assert "PatientID 'NOID-1'" in summary.findings[0].message

    @pytest.mark.parametrize(
        ("patient_id", "recorded"),
        [("A\\B", "A/B"), ("A\nB ", "AB"), ("x" * 80, "x" * 80)],
    )
    def test_a_patient_id_becomes_one_value_and_is_never_cut(
        self, patient_id: str, recorded: str
    ) -> None:
        output = io.BytesIO()
        file_set = builder(output)
        file_set.add(instance(patient_id=patient_id, t00100020=("LO", patient_id.encode())))
        summary = file_set.close()

        assert walk(output.getvalue()).root[0].text(0x00100020) == recorded
        assert [finding.rule for finding in summary.findings] == ["key-changed"]

    def test_a_patient_id_beyond_ascii_is_copied_in_its_own_set(self) -> None:
        found = directory_of(
            instance(
                patient_id="Ünbekannt",
                t00100020=("LO", "Ünbekannt".encode("latin-1")),
                t00080005=("CS", "ISO_IR 100"),
            )
        ).root[0]

        assert found.elements[0x00100020][1].rstrip() == "Ünbekannt".encode("latin-1")
        assert found.text(0x00080005) == "ISO_IR 100"


class TestAgreement:
    """Records are built from the first object; others may say something else."""

    def told(self, first: dict[str, Any], *others: dict[str, Any]) -> list[tuple[str, str, str]]:
        file_set = builder()
        for number, changes in enumerate((first, *others)):
            file_set.add(instance(uid=f"1.1.1.{number + 1}", **changes))
        return [
            (finding.severity.value, finding.subject, finding.message.split()[0])
            for finding in file_set.close().findings
            if finding.rule == "record-disagrees"
        ]

    def test_each_key_is_told_once_per_record(self) -> None:
        other = {"t00100010": ("PN", "Other^One"), "t00081030": ("LO", "Thorax")}

        assert self.told({}, other, other, {"t00081030": ("LO", "Head")}) == [
            ("warning", "1.1.1.1", "PatientName"),
            ("warning", "1.1", "StudyDescription"),
        ]

    @pytest.mark.parametrize(
        ("tag", "first", "other"),
        [
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "DOE^JANE^^^")),
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "Doe^Jane^^^  ")),
            ("t00100010", ("PN", "Doe^Jane"), None),
            ("t00100010", ("PN", "Doe^Jane"), ("PN", "")),
            ("t00080030", ("TM", "1200"), ("TM", "120000.000")),
            ("t00080020", ("DA", "20240131"), ("DA", "2024.01.31")),
            ("t00200011", ("IS", "1"), ("IS", "+01")),
            ("t0008103E", None, ("LO", "Axial")),
        ],
    )
    def test_differences_that_mean_nothing_are_not_told(
        self, tag: str, first: tuple[str, str] | None, other: tuple[str, str] | None
    ) -> None:
        assert self.told({tag: first}, {tag: other}) == []

    def test_one_name_in_two_character_sets_is_one_name(self) -> None:
        latin = {
            "t00080005": ("CS", "ISO_IR 100"),
            "t00100010": ("PN", "Müller^Änne".encode("latin-1")),
        }
        utf_8 = {"t00080005": ("CS", "ISO_IR 192"), "t00100010": ("PN", "Müller^Änne".encode())}

        assert self.told(latin, utf_8, latin) == []

    def test_a_type_3_key_disagrees_softly(self) -> None:
        assert self.told({"t00180015": ("CS", "HEAD")}, {"t00180015": ("CS", "NECK")}) == [
            ("note", "1.1.1", "BodyPartExamined")
        ]


def test_findings_are_bounded_and_the_rest_is_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "MOST_PER_RULE", 5)
    file_set = builder()
    for number in range(20):
        file_set.add(instance(uid=f"1.1.1.{number}", t00200013=None))
    *kept, last = file_set.close().findings

    assert len(kept) == 5
    assert last.message == "15 more findings like these."
    assert last.rule == "key-supplied"


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
