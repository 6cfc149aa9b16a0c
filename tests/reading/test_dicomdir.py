"""Directories right, wrong and hostile: what is read of them, and what is said."""

from __future__ import annotations

import io
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.model.finding import Finding
from mediastation.reading.dicomdir import Dicomdir, read_dicomdir
from mediastation.reading.elements import (
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
    ElementCursor,
    Window,
    plain_elements,
)
from mediastation.reading.record_rules import check_records
from tests.support.file_sets import (
    CT,
    Record,
    dicomdir,
    element,
    image,
    patient,
    record_places,
    records,
    series,
    study,
)

fuzz = settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
GOOD = dicomdir(records())


def findings(content: bytes) -> list[Finding]:
    directory = read_dicomdir(content)
    return [*directory.findings, *check_records(directory)]


def rules(content: bytes) -> set[str]:
    return {finding.rule for finding in findings(content)}


def outline(directory: Dicomdir) -> list[tuple[int, str, str]]:
    return [(level, record.type, record.path) for level, record in directory.iter_tree()]


OUTLINE = [
    (0, "PATIENT", ""),
    (1, "STUDY", ""),
    (2, "SERIES", ""),
    *((3, "IMAGE", f"DICOM/S1/I{i}") for i in (1, 2, 3)),
    (2, "SERIES", ""),
    *((3, "IMAGE", f"DICOM/S2/I{i}") for i in (1, 2, 3)),
]


def re_encoded(content: bytes, *, explicit: bool, big_endian: bool, syntax: str) -> bytes:
    """A DICOMDIR made here with undefined lengths, in another encoding; offsets kept right."""
    order = ">" if big_endian else "<"
    out = bytearray()
    moved: dict[int, int] = {}
    patches: list[int] = []
    start = content.index(b"\x04\x00\x30\x11")
    meta = content[:start].replace(
        element(0x00020010, "UI", "1.2.840.10008.1.2.1"), element(0x00020010, "UI", syntax)
    )
    body = len(meta) - 144
    meta = meta[:140] + struct.pack("<I", body) + meta[144:]
    at = start
    while at < len(content):
        group, number = struct.unpack_from("<HH", content, at)
        if group == 0xFFFE:
            if number == 0xE000:
                moved[at] = len(meta) + len(out)
            out += struct.pack(
                order + "HHI", group, number, *struct.unpack_from("<I", content, at + 4)
            )
            at += 8
            continue
        vr = content[at + 4 : at + 6]
        if vr == b"SQ":
            head = vr + bytes(2) if explicit else b""
            out += struct.pack(order + "HH", group, number) + head + b"\xff" * 4
            at += 12
            continue
        (length,) = struct.unpack_from("<H", content, at + 6)
        value = content[at + 8 : at + 8 + length]
        out += struct.pack(order + "HH", group, number)
        out += (
            vr + struct.pack(order + "H", length) if explicit else struct.pack(order + "I", length)
        )
        if vr == b"UL":
            patches.append(len(out))
            out += struct.pack(order + "I", *struct.unpack("<I", value))
        elif vr == b"US":
            out += struct.pack(order + "H", *struct.unpack("<H", value))
        else:
            out += value
        at += 8 + length
    for place in patches:
        (old,) = struct.unpack_from(order + "I", out, place)
        if old:
            struct.pack_into(order + "I", out, place, moved[old])
    return meta + bytes(out)


class TestReading:
    @pytest.mark.parametrize("undefined", [False, True])
    def test_a_good_directory_is_read_without_a_word(self, undefined: bool) -> None:
        content = dicomdir(records(), undefined=undefined)

        directory = read_dicomdir(content)

        assert findings(content) == []
        assert outline(directory) == OUTLINE
        assert directory.file_set_id == "TESTSET"
        assert directory.file_set_uid == "1.2.826.0.1.3680043.8.498.77"
        leaf = directory.records[3]
        assert (leaf.sop_class_uid, leaf.sop_instance_uid) == (CT, "1.2.3.1.1")
        assert leaf.file_id == ("DICOM", "S1", "I1")
        assert {tag: key.value for tag, key in directory.keys(leaf).items()} == {0x00200013: b"1 "}

    @pytest.mark.parametrize(
        ("explicit", "big_endian", "syntax"),
        [
            (False, False, "1.2.840.10008.1.2"),
            (True, True, "1.2.840.10008.1.2.2"),
            (False, False, "1.2.840.10008.1.2.1"),
            (True, False, "1.2.840.10008.1.2"),
        ],
    )
    def test_other_encodings_are_read_and_reported_even_mislabelled(
        self, explicit: bool, big_endian: bool, syntax: str
    ) -> None:
        content = re_encoded(
            dicomdir(records(), undefined=True),
            explicit=explicit, big_endian=big_endian, syntax=syntax,
        )  # fmt: skip

        directory = read_dicomdir(content)

        assert outline(directory) == OUTLINE
        assert "transfer-syntax" in {f.rule for f in directory.findings}
        assert rules(content) <= {"transfer-syntax", "file-meta"}

    def test_a_stream_is_as_good_as_bytes(self) -> None:
        assert outline(read_dicomdir(io.BytesIO(GOOD))) == OUTLINE

    def test_a_directory_of_nothing_is_allowed(self) -> None:
        assert findings(dicomdir([])) == []

    def test_a_directory_without_preamble_is_read(self) -> None:
        content = dicomdir(records(), undefined=True)
        bare = content[content.index(b"\x04\x00\x30\x11") :]

        directory = read_dicomdir(bare)

        assert len(directory.records) == 10
        assert {"no-preamble", "offset-shift"} <= {f.rule for f in directory.findings}
        assert outline(directory) == OUTLINE

    def test_large_values_in_a_record_are_stepped_over(self) -> None:
        icon = element(
            0x00880200, "SQ", b"\xfe\xff\x00\xe0" + struct.pack("<I", 90_000) + bytes(90_000)
        )
        roots = records()
        roots[0].children[0].children[0].children[1].keys += icon

        content = dicomdir(roots)
        directory = read_dicomdir(content)

        assert findings(content) == []
        key = directory.keys(directory.records[4])[0x00880200]
        assert (key.length, len(key.value)) == (90_008, 1 << 16)

    def test_nested_sequences_of_undefined_length_are_stepped_over(self) -> None:
        item, item_end, end = (
            b"\xfe\xff\0\xe0",
            b"\xfe\xff\x0d\xe0\0\0\0\0",
            b"\xfe\xff\xdd\xe0\0\0\0\0",
        )
        inner = b"\x08\0\x40\x11SQ\0\0\xff\xff\xff\xff" + item + b"\0\0\0\0" + end
        outer = (
            b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff" + item + b"\xff" * 4 + inner + item_end + end
        )
        roots = records()
        leaf = roots[0].children[0].children[0].children[0]
        leaf.keys = outer + leaf.keys

        content = dicomdir(roots)

        assert findings(content) == []


class TestDefects:
    def test_offsets_off_by_a_constant_are_put_right_and_reported(self) -> None:
        content = dicomdir(records(), shift=-6)

        assert outline(read_dicomdir(content)) == OUTLINE
        assert rules(content) == {"offset-shift"}

    def test_an_offset_that_hits_no_record_is_named(self) -> None:
        roots = records()
        roots[0].children[0].children[0].children[1].next_to = 999

        found = findings(dicomdir(roots))

        assert [(f.rule, f.subject) for f in found] == [
            ("offset-no-record", "DICOM/S1/I2"),
            ("orphan-record", "DICOM/S1/I3"),
        ]

    def test_a_record_that_leads_to_itself_is_a_loop(self) -> None:
        roots = records()
        leaf = roots[0].children[0].children[0].children[2]
        leaf.next_to = record_places(dicomdir(roots, undefined=True))[5]

        content = dicomdir(roots, undefined=True)

        assert [(f.rule, f.subject) for f in findings(content)] == [("record-loop", "DICOM/S1/I3")]
        assert outline(read_dicomdir(content)) == OUTLINE

    @pytest.mark.parametrize(("source", "target"), [(5, 3), (2, 0), (5, 0), (5, 2)])
    def test_longer_loops_end_too(self, source: int, target: int) -> None:
        """A next that goes back, a child that is an ancestor, a leaf whose child is its root."""
        roots = records()
        flat = [roots[0], roots[0].children[0], *roots[0].children[0].children]
        series_one = flat[2]
        nodes = [roots[0], roots[0].children[0], series_one, *series_one.children]
        nodes[source].child_to = record_places(dicomdir(roots, undefined=True))[target]

        found = findings(dicomdir(roots, undefined=True))

        assert {f.rule for f in found} & {"record-loop", "two-parents"}

    def test_two_parents_are_told_from_a_loop(self) -> None:
        roots = records()
        places = record_places(dicomdir(roots, undefined=True))
        roots[0].children[0].children[1].child_to = places[3]

        found = findings(dicomdir(roots, undefined=True))

        assert [(f.rule, f.message) for f in found if f.rule == "two-parents"] == [
            ("two-parents", "leads also to DICOM/S1/I1, which is already in the tree")
        ]
        assert [f.subject for f in found if f.rule == "orphan-record"] == [
            f"DICOM/S2/I{i}" for i in (1, 2, 3)
        ]

    def test_a_record_out_of_reach_is_an_orphan(self) -> None:
        content = dicomdir(records(), extra=(image("DICOM/S3/I1", "1.2.9"),))

        assert [(f.rule, f.subject) for f in findings(content)] == [
            ("orphan-record", "DICOM/S3/I1")
        ]

    def test_a_wrong_end_of_the_root_chain_is_reported(self) -> None:
        assert rules(dicomdir(records(), last=len(GOOD) - 10)) == {"last-root-offset"}

    def test_old_flags_are_reported(self) -> None:
        roots = records()
        roots[0].children[0].children[0].children[0].in_use = 0

        found = findings(dicomdir(roots, consistency=0xFFFF))

        assert {(f.rule, f.severity.value) for f in found} == {
            ("in-use-flag", "warning"),
            ("consistency-flag", "warning"),
        }

    @pytest.mark.parametrize(
        ("kind", "rule"),
        [("OVERLAY", "retired-record"), ("MRDR", "retired-record"), ("UNKNOWN", "unknown-record")],
    )
    def test_types_of_old_and_of_nowhere_are_walked_through(self, kind: str, rule: str) -> None:
        roots = records()
        roots[0].type = kind

        content = dicomdir(roots)

        assert rules(content) == {rule}
        assert len(outline(read_dicomdir(content))) == 10

    def test_a_record_in_the_wrong_place_is_reported(self) -> None:
        content = dicomdir([study("1.2.3", series("1.2.3.1"))])

        assert [(f.rule, f.message) for f in findings(content)] == [
            ("record-place", "STUDY may not lie under the root")
        ]

    def test_private_records_may_lie_anywhere_and_need_a_uid(self) -> None:
        private = Record("PRIVATE", children=[Record("PRIVATE", keys=b"")])
        assert rules(dicomdir([patient("A", private)])) == {"missing-key"}

    @pytest.mark.parametrize(
        "file_id",
        [
            "..\\..\\ETC\\PASSWD",
            "\\ETC\\PASSWD",
            "DICOM\\..\\..\\X",
            "C:\\X",
            "../../ETC",
            "/ETC",
            "A\\\\B",
            ".",
        ],
    )
    def test_file_ids_that_lead_out_are_refused(self, file_id: str) -> None:
        roots = records()
        roots[0].children[0].children[0].children[0].file_id = file_id

        assert "escaping-file-id" in rules(dicomdir(roots))

    @pytest.mark.parametrize(
        "file_id",
        [
            "DICOM\\I1.DCM",
            "DICOM\\i1",
            "DICOM\\TOOLONGNAME",
            "A-B",
            "DICOM/S1/I1",
            "\\".join("ABCDEFGHI"),
        ],
    )
    def test_file_ids_that_are_none_are_reported(self, file_id: str) -> None:
        roots = records()
        roots[0].children[0].children[0].children[0].file_id = file_id

        assert rules(dicomdir(roots)) == {"file-id"}

    def test_two_records_for_one_file_or_instance_are_reported(self) -> None:
        roots = records()
        first, second, _ = roots[0].children[0].children[0].children
        second.file_id = first.file_id
        assert rules(dicomdir(roots)) == {"referenced-twice"}

        second.file_id, second.uid = "DICOM\\S1\\I2", first.uid
        assert rules(dicomdir(roots)) == {"instance-twice"}

    def test_patients_studies_and_series_are_unique(self) -> None:
        two_patients = [patient("A"), patient("A")]
        assert rules(dicomdir(two_patients)) == {"not-unique"}
        two_series = [patient("A", study("1.2", series("1.3")), study("1.4", series("1.3")))]
        assert rules(dicomdir(two_series)) == {"not-unique"}
        same_study = [patient("A", study("1.2")), patient("B", study("1.2"))]
        assert rules(dicomdir(same_study)) == {"not-unique"}

    @pytest.mark.parametrize(
        ("record", "keys", "missing"),
        [
            ("PATIENT", b"", {"(0010,0020)", "(0010,0010)"}),
            ("STUDY", b"", {
                "(0008,0020)", "(0008,0030)", "(0020,000D)", "(0020,0010)", "(0008,1030)",
                "(0008,0050)",
            }),
            ("SERIES", b"", {"(0008,0060)", "(0020,000E)", "(0020,0011)"}),
            ("IMAGE", element(0x00200013, "IS", ""), {"(0020,0013)"}),
            ("SR DOCUMENT", element(0x0040A493, "CS", "VERIFIED"), {
                "(0020,0013)", "(0040,A491)", "(0008,0023)", "(0008,0033)", "(0040,A043)",
                "(0040,A030)",
            }),
            ("RAW DATA", b"", {"(0008,0023)", "(0008,0033)", "(0020,0013)"}),
            ("STEREOMETRIC", b"", set()),
            ("HANGING PROTOCOL", b"", {
                "(0072,0002)", "(0072,0004)", "(0072,0006)", "(0072,0008)", "(0072,000A)",
                "(0072,000C)", "(0072,0014)", "(0072,000E)",
            }),
        ],
    )  # fmt: skip
    def test_keys_that_a_type_needs_are_missed(
        self, record: str, keys: bytes, missing: set[str]
    ) -> None:
        content = dicomdir([Record(record, keys)])

        found = {f.message.split()[0] for f in findings(content) if f.rule == "missing-key"}
        assert found == missing

    def test_letters_beyond_ascii_need_a_character_set(self) -> None:
        assert rules(dicomdir([patient("A", name="M\xfcller")])) == {"character-set"}
        with_set = patient("A", name="M\xfcller")
        with_set.keys = element(0x00080005, "CS", "ISO_IR 100") + with_set.keys
        assert rules(dicomdir([with_set])) == set()

    def test_a_directory_cut_off_anywhere_is_reported(self) -> None:
        for size in range(len(GOOD)):
            found = findings(GOOD[:size])
            # A directory that ends with its File-set ID is one without records, which is allowed.
            assert any(f.severity == "error" or f.rule == "no-directory" for f in found), size

    def test_an_envelope_is_known_for_one(self) -> None:
        content = bytes.fromhex("3082010006092a864886f70d010703a0") + bytes(500)

        directory = read_dicomdir(content)

        assert directory.enveloped
        assert [f.rule for f in directory.findings] == ["enveloped"]

    def test_another_sop_class_is_no_directory(self) -> None:
        wrong = GOOD.replace(b"1.2.840.10008.1.3.10", b"1.2.840.10008.1.3.11", 1)
        assert rules(wrong) == {"not-a-directory"}


class TestHostile:
    @fuzz
    @given(data=st.data())
    def test_any_spoiled_bytes_give_findings_and_never_an_exception(
        self, data: st.DataObject
    ) -> None:
        content = bytearray(dicomdir(records(), undefined=data.draw(st.booleans())))
        for _ in range(data.draw(st.integers(1, 8))):
            at = data.draw(st.integers(0, len(content) - 1))
            content[at : at + data.draw(st.integers(0, 4))] = data.draw(st.binary(max_size=6))

        directory = read_dicomdir(bytes(content))

        list(check_records(directory))
        assert len(directory.tree.order) <= len(directory.records)
        assert len(set(directory.tree.order)) == len(directory.tree.order)

    @fuzz
    @given(st.binary(max_size=400))
    def test_any_bytes_at_all_are_no_reason_to_fail(self, content: bytes) -> None:
        for raw in (content, GOOD[:358] + content):
            directory = read_dicomdir(raw)
            assert any(f.severity == "error" for f in directory.findings) or raw == GOOD

    def test_sequences_nested_without_end_are_given_up(self) -> None:
        nest = b"\x08\0\x15\x11SQ\0\0\xff\xff\xff\xff\xfe\xff\0\xe0\xff\xff\xff\xff" * 100_000
        roots = records()
        roots[0].keys = nest

        found = findings(dicomdir(roots, undefined=True))

        assert "truncated-directory" in {f.rule for f in found}

    def test_a_chain_of_levels_without_end_is_cut(self) -> None:
        uid = element(0x00041432, "UI", "1.2")
        record = Record("PRIVATE", uid)
        for _ in range(100):
            record = Record("PRIVATE", uid, [record])

        found = findings(dicomdir([record]))

        assert {f.rule for f in found} == {"too-deep", "orphan-record"}

    def test_a_million_wrong_records_make_few_findings(self) -> None:
        item = b"\xfe\xff\0\xe0\0\0\0\0"
        content = dicomdir([])[:-12] + b"\x04\x00\x20\x12SQ\0\0\xff\xff\xff\xff" + item * 20_000

        found = findings(content)

        assert sum(f.rule == "orphan-record" for f in found) == 101
        assert [f.message for f in found if f.rule == "orphan-record"][-1] == (
            "19900 more findings of this kind"
        )


@fuzz
@given(st.data())
def test_the_quick_walk_sees_what_the_careful_one_sees(data: st.DataObject) -> None:
    tags = st.integers(0x00080000, 0x00300000)
    vrs = st.sampled_from(["CS", "UI", "OB", "SQ", "UN", "PN", "US", "??"])
    values = st.binary(max_size=20)
    raw = b"".join(
        element(*row) for row in data.draw(st.lists(st.tuples(tags, vrs, values), max_size=8))
    ) + data.draw(st.binary(max_size=14))

    plain, stopped = plain_elements(raw, 0, len(raw))

    cursor = ElementCursor(Window(raw), 0, len(raw), EXPLICIT_LE)
    for quick in plain:
        assert cursor.next() == quick
    assert cursor.at == stopped


@fuzz
@given(st.binary(max_size=300), st.sampled_from([EXPLICIT_LE, IMPLICIT_LE, EXPLICIT_BE]))
def test_a_cursor_always_moves_or_stops(raw: bytes, encoding: object) -> None:
    cursor = ElementCursor(Window(raw), 0, len(raw), encoding)  # type: ignore[arg-type]
    at = -1
    while cursor.next():
        assert at < cursor.at <= len(raw)
        at = cursor.at
