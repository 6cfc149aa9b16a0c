"""What a coerced copy holds: the new identity, the old one as it was, and all else untouched."""

from __future__ import annotations

import errno
import os
import struct
import tracemalloc
import zlib
from dataclasses import replace
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from mediastation import IMPLEMENTATION_CLASS_UID
from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.header import read_header
from mediastation.errors import CancelledError, MediaError
from mediastation.importing.reconcile_plan import plan_coercion
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.support.coercing import MOMENT, ORDER, SITE, candidate, coerced, rules

CHANGED = {
    (0x0008, 0x0015),
    (0x0008, 0x0050),
    (0x0008, 0x0051),
    (0x0008, 0x1032),
    (0x0008, 0x1110),
    (0x0010, 0x0010),
    (0x0010, 0x0020),
    (0x0010, 0x0021),
    (0x0010, 0x0030),
    (0x0010, 0x0040),
    (0x0010, 0x1002),
    (0x0018, 0xA001),
    (0x0040, 0x0275),
    (0x0400, 0x0561),
    (0x0400, 0x0600),
}


def image(**facts: object) -> Dataset:
    ds = ct_image()
    ds.PatientBirthDate, ds.PatientSex = "19700101", "M"
    ds.AccessionNumber = "OUT1"
    ds.IssuerOfPatientID = "PRAXIS"
    ds.InstitutionName = "Praxis"
    for keyword, value in facts.items():
        setattr(ds, keyword, value)
    return ds


def file(folder: Path, ds: Dataset | None = None, encoding: str = "explicit") -> Path:
    path = folder / "original"
    path.write_bytes(written(ds or image(), ENCODINGS[encoding]))
    return path


def refused(source: Path, **options: object) -> str:
    """The rule under which no copy is made, nothing being left behind."""
    target = source.with_name("copy")
    header = read_header(source)
    with pytest.raises(CannotCoerce) as caught:
        coerce_file(source, target, header, plan_coercion(header, candidate(), SITE, MOMENT))
    assert not target.exists()
    assert "store keeps it" in caught.value.finding.hint
    return caught.value.finding.rule


def items(ds: Dataset) -> Dataset:
    """The one item of Modified Attributes Sequence of the newest original attributes."""
    (item,) = ds.OriginalAttributesSequence[-1].ModifiedAttributesSequence
    return item


class TestContent:
    @pytest.mark.parametrize("encoding", ENCODINGS)
    @pytest.mark.parametrize("order", [None, ORDER], ids=["unscheduled", "scheduled"])
    def test_pydicom_finds_the_new_identity_the_old_one_and_no_other_difference(
        self, encoding: str, order: object, tmp_path: Path
    ) -> None:
        source = file(tmp_path, encoding=encoding)
        ds, done, _ = coerced(source, candidate(order=order))  # type: ignore[arg-type]
        old = items(ds)

        assert ds.PatientName == "Local^Patient"
        assert (ds.PatientID, ds.IssuerOfPatientID) == ("L-1", "KAS")
        assert (ds.PatientBirthDate, ds.PatientSex) == ("19600203", "F")
        assert ds.AccessionNumber == ("ACC77" if order else "")
        assert old.PatientName == "Müller^Jörg"
        assert (old.PatientID, old.IssuerOfPatientID) == ("P1", "PRAXIS")
        assert (old.PatientBirthDate, old.PatientSex) == ("19700101", "M")
        assert old.AccessionNumber == "OUT1"
        (other,) = ds.OtherPatientIDsSequence
        assert (other.PatientID, other.IssuerOfPatientID, other.TypeOfPatientID) == (
            "P1",
            "PRAXIS",
            "TEXT",
        )
        before = pydicom.dcmread(source)
        for tag in CHANGED:
            for one in (before, ds):
                if tag in one:
                    del one[tag]
        assert before == ds
        assert ds.file_meta.TransferSyntaxUID == ENCODINGS[encoding]
        assert rules(done) == []

    def test_who_changed_it_when_why_and_whence_is_told(self, tmp_path: Path) -> None:
        ds, _, _ = coerced(file(tmp_path))
        (item,) = ds.OriginalAttributesSequence

        assert item.AttributeModificationDateTime == "20261123150405+0100"
        assert item.ModifyingSystem == "IMPORT1"
        assert item.ReasonForTheAttributeModification == "COERCE"
        assert item.SourceOfPreviousValues == "Praxis"
        assert "NonconformingModifiedAttributesSequence" not in item
        (equipment,) = ds.ContributingEquipmentSequence
        assert equipment.PurposeOfReferenceCodeSequence[0].CodeValue == "MEDIM"
        assert equipment.ContributionDateTime == "20261123150405+0100"
        assert ds.InstanceOriginStatus == "IMPORTED"
        assert ds.InstanceCoercionDateTime == "20261123150405+0100"

    def test_only_what_changed_is_listed(self, tmp_path: Path) -> None:
        source = file(tmp_path, image(PatientBirthDate="19600203", AccessionNumber=""))
        old = items(coerced(source)[0])

        assert "PatientBirthDate" not in old
        assert "AccessionNumber" not in old
        assert "SOPInstanceUID" not in old

    def test_a_patient_id_is_listed_with_its_issuer_even_if_there_was_none(
        self, tmp_path: Path
    ) -> None:
        ds = image()
        del ds.IssuerOfPatientID
        old = items(coerced(file(tmp_path, ds))[0])

        assert old.PatientID == "P1"
        assert old["IssuerOfPatientID"].is_empty

    def test_what_is_absent_and_has_no_local_value_is_not_added(self, tmp_path: Path) -> None:
        ds = image()
        del ds.PatientBirthDate, ds.AccessionNumber
        copy, _, _ = coerced(file(tmp_path, ds), candidate(birth_date=""))

        assert "PatientBirthDate" not in copy
        assert "AccessionNumber" not in copy

    def test_an_object_without_any_patient_gets_one(self, tmp_path: Path) -> None:
        ds = image()
        gone = ["PatientName", "PatientID", "IssuerOfPatientID", "PatientBirthDate", "PatientSex"]
        for keyword in [*gone, "AccessionNumber", "InstitutionName", "SpecificCharacterSet"]:
            delattr(ds, keyword)
        copy, _, _ = coerced(file(tmp_path, ds))

        assert copy.PatientID == "L-1"
        assert "OtherPatientIDsSequence" not in copy
        assert items(copy)["PatientID"].is_empty

    def test_replaced_and_removed_sequences_are_kept_whole(self, tmp_path: Path) -> None:
        code, request, qualifier = Dataset(), Dataset(), Dataset()
        code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "X", "99X", "Äußeres"
        request.RequestedProcedureID = "OUT-RP"
        request.RequestedProcedureCodeSequence = [code]
        qualifier.UniversalEntityID, qualifier.UniversalEntityIDType = "1.2.3", "ISO"
        ds = image(
            ProcedureCodeSequence=[code],
            RequestAttributesSequence=[request],
            IssuerOfPatientIDQualifiersSequence=[qualifier],
        )
        copy, _, _ = coerced(file(tmp_path, ds), candidate(order=ORDER))
        old = items(copy)

        assert old.ProcedureCodeSequence[0].CodeMeaning == "Äußeres"
        assert old.RequestAttributesSequence[0].RequestedProcedureID == "OUT-RP"
        assert old.IssuerOfPatientIDQualifiersSequence[0].UniversalEntityID == "1.2.3"
        assert "IssuerOfPatientIDQualifiersSequence" not in copy
        assert copy.RequestAttributesSequence[0].RequestedProcedureID == "RP1"
        assert copy.ProcedureCodeSequence[0].CodeValue == "IMP"


class TestOtherIds:
    def test_ids_are_united_and_none_stands_twice(self, tmp_path: Path) -> None:
        known, own = Dataset(), Dataset()
        known.PatientID, known.TypeOfPatientID = "p1", "TEXT"
        known.IssuerOfPatientID = "Praxis"
        own.PatientID, own.TypeOfPatientID = "RF7", "RFID"
        source = file(tmp_path, image(OtherPatientIDsSequence=[own, known]))
        copy, _, _ = coerced(source, candidate(other_patient_ids=(("N9", "X"), ("RF7", ""))))

        assert [one.PatientID for one in copy.OtherPatientIDsSequence] == ["RF7", "p1", "N9"]
        assert copy.OtherPatientIDsSequence[0].TypeOfPatientID == "RFID"
        assert len(items(copy).OtherPatientIDsSequence) == 2

    def test_the_retired_list_grows_where_an_object_has_one(self, tmp_path: Path) -> None:
        ds = image()
        ds.add_new(0x00101000, "LO", ["A", "B"])
        copy, _, _ = coerced(file(tmp_path, ds))

        assert list(copy[0x00101000].value) == ["A", "B", "P1"]
        assert list(items(copy)[0x00101000].value) == ["A", "B"]

    @pytest.mark.parametrize("undefined", [False, True])
    @pytest.mark.parametrize("empty", [False, True])
    def test_sequences_of_either_form_take_one_more_item(
        self, undefined: bool, empty: bool, tmp_path: Path
    ) -> None:
        item = Dataset()
        item.PatientID, item.TypeOfPatientID = "RF7", "RFID"
        ds = image(OtherPatientIDsSequence=[] if empty else [item])
        ds["OtherPatientIDsSequence"].is_undefined_length = undefined
        item.is_undefined_length_sequence_item = undefined
        copy, _, _ = coerced(file(tmp_path, ds))

        assert copy.OtherPatientIDsSequence[-1].PatientID == "P1"
        assert len(copy.OtherPatientIDsSequence) == 2 - empty


class TestTwice:
    def test_the_second_coercion_keeps_what_the_first_one_told(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        first, _, _ = coerced(source)
        again = source.with_name("original.coerced")
        copy, _, _ = coerced(
            again, candidate("Third^Person", "Z-3"), moment=MOMENT + timedelta(hours=1)
        )
        oldest, newest = copy.OriginalAttributesSequence

        assert oldest == first.OriginalAttributesSequence[0]
        assert oldest.ModifiedAttributesSequence[0].PatientID == "P1"
        assert newest.ModifiedAttributesSequence[0].PatientID == "L-1"
        assert newest.ModifiedAttributesSequence[0].InstanceCoercionDateTime.startswith("2026")
        assert len(copy.ContributingEquipmentSequence) == 2
        assert [one.PatientID for one in copy.OtherPatientIDsSequence] == ["P1", "L-1"]

    def test_a_sequence_that_came_as_unknown_is_known_again(self, tmp_path: Path) -> None:
        """Programs older than (0400,0561) pass it on as UN, implicit inside (PS3.5, 6.2.2)."""
        item = struct.pack("<HHL", 0x0400, 0x0563, 4) + b"OLD1"
        run = struct.pack("<HHL", 0xFFFE, 0xE000, len(item)) + item
        raw = written(image())
        at = raw.index(b"\xe0\x7f\x10\0")
        element = struct.pack("<HH2sHL", 0x0400, 0x0561, b"UN", 0, len(run)) + run
        path = tmp_path / "original"
        path.write_bytes(raw[:at] + element + raw[at:])
        copy, _, _ = coerced(path)

        assert copy.OriginalAttributesSequence[0].ModifyingSystem == "OLD1"
        assert copy.OriginalAttributesSequence[1].ModifyingSystem == "IMPORT1"


class TestNonconforming:
    @pytest.mark.parametrize(
        ("keyword", "vr", "value"),
        [
            ("PatientID", "LO", b"x" * 66),
            ("PatientName", "PN", b"A" * 70),
            ("PatientName", "PN", b"A=B=C=D "),
            ("PatientName", "PN", b"One\\Two "),
            ("PatientBirthDate", "DA", b"1970.01.01"),
            ("PatientSex", "CS", b"male"),
            ("AccessionNumber", "SH", b"x" * 18),
            ("PatientID", "LO", b"P1\r\n"),
            ("PatientID", "LO", b"P1\0\0"),
        ],
    )
    def test_a_value_that_breaks_its_vr_is_kept_raw_beside_an_empty_one(
        self, keyword: str, vr: str, value: bytes, tmp_path: Path
    ) -> None:
        raw = written(image())
        tag = pydicom.datadict.tag_for_keyword(keyword)
        assert tag is not None
        element = struct.pack("<HH2sH", tag >> 16, tag & 0xFFFF, vr.encode(), len(value)) + value
        ds = pydicom.dcmread(BytesIO(raw))
        had = struct.pack("<HH2s", tag >> 16, tag & 0xFFFF, vr.encode())
        at = raw.index(had)
        length = int.from_bytes(raw[at + 6 : at + 8], "little")
        path = tmp_path / "original"
        path.write_bytes(raw[:at] + element + raw[at + 8 + length :])
        copy, _, _ = coerced(path)
        item = copy.OriginalAttributesSequence[-1]
        (broken,) = item.NonconformingModifiedAttributesSequence

        assert items(copy)[keyword].is_empty
        assert broken.SelectorAttribute == tag
        assert broken.NonconformingDataElementValue == value
        assert vr == ds[keyword].VR

    def test_an_odd_length_is_kept_raw(self, tmp_path: Path) -> None:
        raw = written(image()).replace(b"LO\x02\0P1", b"LO\x03\0P12", 1)
        path = tmp_path / "original"
        path.write_bytes(raw)
        copy, _, _ = coerced(path)

        (broken,) = copy.OriginalAttributesSequence[0].NonconformingModifiedAttributesSequence
        assert broken.NonconformingDataElementValue.rstrip(b"\0") == b"P12"


class TestBytes:
    def test_everything_unnamed_is_copied_as_it_lies(self, tmp_path: Path) -> None:
        """From the study on there is nothing to change until the equipment, and after it."""
        source = file(tmp_path)
        coerced(source)
        before, after = source.read_bytes(), source.with_name("original.coerced").read_bytes()
        mark = struct.pack("<HH2s", 0x0020, 0x000D, b"UI")

        assert before[before.index(mark) : before.index(mark) + 200] in after
        assert after.endswith(before[before.index(b"\xe0\x7f\x10\0") :])

    def test_file_meta_is_new_and_the_preamble_zero(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        raw = bytearray(source.read_bytes())
        raw[:4] = b"MZ\x90\0"
        source.write_bytes(raw)
        ds, _, _ = coerced(source)

        assert source.with_name("original.coerced").read_bytes()[:132] == bytes(128) + b"DICM"
        assert ds.file_meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
        assert ds.file_meta.MediaStorageSOPInstanceUID == ds.SOPInstanceUID
        assert read_header(source.with_name("original.coerced")).file_meta_conformant

    def test_group_lengths_of_changed_groups_go_the_others_stay(self, tmp_path: Path) -> None:
        raw = written(image())
        at = raw.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
        image_group = raw.index(struct.pack("<HH2s", 0x0028, 0x0002, b"US"))

        def group_length(group: int) -> bytes:
            return struct.pack("<HH2sHL", group, 0, b"UL", 4, 77)

        path = tmp_path / "original"
        path.write_bytes(
            raw[:at]
            + group_length(0x10)
            + raw[at:image_group]
            + group_length(0x28)
            + raw[image_group:]
        )
        copy, _, _ = coerced(path)

        assert (0x0010, 0) not in copy
        assert (0x0028, 0) in copy

    def test_encapsulated_pixels_and_padding_stay(self, tmp_path: Path) -> None:
        ds = image()
        ds.PixelData = encapsulate([b"\x01\x00" * 99, b"\x02\x00" * 5])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        ds.add_new(0xFFFCFFFC, "OB", bytes(100))
        path = tmp_path / "original"
        path.write_bytes(written(ds, RLELossless))
        copy, _, _ = coerced(path)

        assert copy.PixelData == ds.PixelData
        assert copy[0xFFFCFFFC].value == bytes(100)

    def test_zeros_behind_the_data_set_are_left_behind(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        whole = source.read_bytes()
        source.write_bytes(whole + bytes(2048))
        coerced(source)

        assert source.with_name("original.coerced").read_bytes().endswith(whole[-64:])

    def test_a_deflated_stream_is_one_again_of_even_length(self, tmp_path: Path) -> None:
        source = file(tmp_path, encoding="deflated")
        coerced(source)
        target = source.with_name("original.coerced")
        data = target.read_bytes()[read_header(target).dataset_offset :]
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        inflater.decompress(data)

        assert inflater.eof
        assert inflater.unused_data in (b"", b"\0")
        assert len(data) % 2 == 0

    def test_tags_out_of_order_stay_so_and_new_ones_find_a_place(self, tmp_path: Path) -> None:
        raw = written(image())
        start = raw.index(struct.pack("<HH2s", 0x0010, 0x0010, b"PN"))
        end = raw.index(struct.pack("<HH2s", 0x0020, 0x000D, b"UI"))
        pixels = raw.index(b"\xe0\x7f\x10\0")
        path = tmp_path / "original"
        path.write_bytes(raw[:start] + raw[end:pixels] + raw[start:end] + raw[pixels:])
        copy, _, _ = coerced(path)

        assert copy.PatientID == "L-1"
        assert items(copy).PatientID == "P1"

    def test_a_network_dump_with_commands_becomes_a_file(self, tmp_path: Path) -> None:
        raw = written(image())
        offset = read_header(file(tmp_path)).dataset_offset
        bare = tmp_path / "bare"
        bare.write_bytes(raw[offset:])
        copy, _, _ = coerced(bare)

        assert copy.PatientID == "L-1"

    def test_memory_does_not_grow_with_the_object(self, tmp_path: Path) -> None:
        ds = image()
        ds.Rows, ds.Columns = 4096, 4096
        ds.PixelData = bytes(4096 * 4096 * 2)
        source = file(tmp_path, ds)
        del ds
        tracemalloc.start()
        try:
            coerced_path = source.with_name("copy")
            header = read_header(source)
            coerce_file(
                source, coerced_path, header, plan_coercion(header, candidate(), SITE, MOMENT)
            )
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert peak < 8 * 1024 * 1024


class TestEchoes:
    def test_the_outside_identity_elsewhere_is_told_with_its_place(self, tmp_path: Path) -> None:
        text = Dataset()
        text.TextValue = "Mr. MUELLER, Georg (P1234) was seen"
        ds = image(PatientName="Mueller^Georg", PatientID="P1234", ContentSequence=[text])
        ds.StudyDescription = "CT of P1234"
        _, done, _ = coerced(file(tmp_path, ds))

        (finding,) = [one for one in done.findings if one.rule == "outside-identity-remains"]
        assert "Content Sequence" in finding.message
        assert "Study Description" in finding.message

    @pytest.mark.parametrize("text", ["P12345", "Muellerin Georgia", "Mueller"])
    def test_words_that_only_resemble_it_are_none(self, text: str, tmp_path: Path) -> None:
        ds = image(PatientName="Mueller^Georg", PatientID="P1234", StudyDescription=text)
        assert rules(coerced(file(tmp_path, ds))[1]) == []

    def test_what_the_local_patient_has_as_well_is_no_echo(self, tmp_path: Path) -> None:
        ds = image(PatientName="Local^Patient", PatientID="L-17", StudyDescription="Local Patient")
        assert rules(coerced(file(tmp_path, ds))[1]) == []


class TestRefused:
    def test_an_attribute_that_stands_twice(self, tmp_path: Path) -> None:
        raw = written(image())
        element = struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 2) + b"P9"
        at = raw.index(struct.pack("<HH2s", 0x0010, 0x0020, b"LO"))
        path = tmp_path / "original"
        path.write_bytes(raw[:at] + element + raw[at:])
        assert refused(path) == "twice"

    def test_a_truncated_object(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        source.write_bytes(source.read_bytes()[:-20])
        assert refused(source) == "truncated"

    def test_a_truncated_deflated_object(self, tmp_path: Path) -> None:
        source = file(tmp_path, encoding="deflated")
        source.write_bytes(source.read_bytes()[:-40])
        assert refused(source) == "truncated"

    def test_an_object_without_identity(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        header = replace(read_header(source), sop_instance_uid="")
        with pytest.raises(CannotCoerce) as caught:
            coerce_file(
                source,
                tmp_path / "copy",
                header,
                plan_coercion(header, candidate(), SITE, MOMENT),
            )
        assert caught.value.finding.rule == "uid"

    def test_a_slip_inside_a_sequence(self, tmp_path: Path) -> None:
        """A length that lies would otherwise be carried on as if it were meant."""
        raw = written(image())
        at = raw.index(struct.pack("<HH2s", 0x0008, 0x1140, b"SQ"))
        inner = raw.index(b"\xfe\xff\x00\xe0", at)
        path = tmp_path / "original"
        path.write_bytes(raw[: inner + 4] + b"\xf0\xff\xff\x00" + raw[inner + 8 :])
        assert refused(path) in ("malformed", "truncated")

    def test_a_sequence_of_other_ids_that_is_none(self, tmp_path: Path) -> None:
        ds = image()
        ds.add_new(0x00101002, "LO", "P7")
        path = tmp_path / "original"
        path.write_bytes(written(ds))
        assert refused(path) == "malformed"


class TestFailure:
    def test_an_existing_file_is_neither_overwritten_nor_removed(self, tmp_path: Path) -> None:
        source, target = file(tmp_path), tmp_path / "copy"
        target.write_text("precious")
        header = read_header(source)
        coercion = plan_coercion(header, candidate(), SITE, MOMENT)
        with pytest.raises(MediaError):
            coerce_file(source, target, header, coercion)
        assert target.read_text() == "precious"

    def test_a_full_disk_leaves_nothing(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        source = file(tmp_path)
        header = read_header(source)

        def full(*_: object) -> int:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

        monkeypatch.setattr(os, "write", full)
        with pytest.raises(MediaError, match="No space left"):
            coerce_file(
                source,
                tmp_path / "copy",
                header,
                plan_coercion(header, candidate(), SITE, MOMENT),
            )
        assert not (tmp_path / "copy").exists()

    def test_a_source_that_is_gone_is_told_as_what_it_is(self, tmp_path: Path) -> None:
        source = file(tmp_path)
        header = read_header(source)
        source.unlink()
        with pytest.raises(MediaError, match="is gone"):
            coerce_file(
                source,
                tmp_path / "copy",
                header,
                plan_coercion(header, candidate(), SITE, MOMENT),
            )

    def test_progress_ends_at_its_total_and_may_stop_the_work(self, tmp_path: Path) -> None:
        seen: list[tuple[int, int]] = []
        coerced(file(tmp_path), progress=lambda done, total: seen.append((done, total)))
        assert seen[-1][0] == seen[-1][1] > 0

        def stop(done: int, total: int) -> None:
            raise CancelledError("stopped")

        with pytest.raises(CancelledError):
            coerced(file(tmp_path), suffix=".stopped", progress=stop)
        assert not (tmp_path / "original.stopped").exists()


def test_the_same_decision_and_moment_give_the_same_bytes(tmp_path: Path) -> None:
    source = file(tmp_path)
    first, second = coerced(source)[1], coerced(source, suffix=".again")[1]
    assert first.sha256 == second.sha256
