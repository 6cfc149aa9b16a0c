"""The proof of a coerced copy: whatever was not decided is found, whoever did it."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.uid import RLELossless

from mediastation.dicom.coerce import CannotCoerce, coerce_file
from mediastation.dicom.coerce_check import check_coerced
from mediastation.dicom.header import NotDicom, read_header
from mediastation.errors import MediaError
from mediastation.importing.reconcile_plan import plan_coercion
from mediastation.model.coercion import Coercion
from tests.dicom.instances import ENCODINGS, ct_image, written
from tests.support.coercing import MOMENT, ORDER, SITE, candidate


def outside() -> Dataset:
    ds = ct_image()
    ds.PatientBirthDate, ds.PatientSex, ds.AccessionNumber = "19700101", "M", "OUT1"
    ds.Manufacturer = "Größe"
    return ds


def pair(
    folder: Path, encoding: str = "explicit", name: str = "Local^Patient"
) -> tuple[Path, Path, Coercion]:
    """An original, its honest copy, and what was decided."""
    source, target = folder / "original", folder / "copy"
    ds = outside()
    if encoding == "encapsulated":
        ds.PixelData = encapsulate([b"\x01\x00" * 99, b"\x02\x00" * 5])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
    source.write_bytes(written(ds, ENCODINGS.get(encoding, RLELossless)))
    header = read_header(source)
    coercion = plan_coercion(header, candidate(name, order=ORDER), SITE, MOMENT)
    target.unlink(missing_ok=True)
    coerce_file(source, target, header, coercion)
    assert check_coerced(source, target, coercion) == []
    return source, target, coercion


def messages(source: Path, target: Path, coercion: Coercion) -> str:
    findings = check_coerced(source, target, coercion)
    assert all(one.rule == "coercion-differs" for one in findings)
    assert all(one.subject == coercion.sop_instance_uid for one in findings)
    return " ".join(one.message for one in findings)


def _pixel(ds: Dataset) -> None:
    ds.PixelData = ds.PixelData[:-1] + b"\xff"


def _nested(ds: Dataset) -> None:
    ds.ReferencedImageSequence[1].ReferencedFrameNumber = "8"


def _private(ds: Dataset) -> None:
    ds[0x0029, 0x1010].value = 1


def _study(ds: Dataset) -> None:
    ds.StudyInstanceUID = "1.2.4"


def _added(ds: Dataset) -> None:
    ds.PatientComments = "hello"


def _lost(ds: Dataset) -> None:
    del ds.SeriesNumber


def _name(ds: Dataset) -> None:
    ds.PatientName = "Local^Patientin"


def _emptied(ds: Dataset) -> None:
    ds.PatientID = ""


def _issuer(ds: Dataset) -> None:
    ds.IssuerOfPatientID = "PRAXIS"


def _order(ds: Dataset) -> None:
    ds.RequestAttributesSequence[0].RequestedProcedureID = "RP2"


def _code(ds: Dataset) -> None:
    del ds.ProcedureCodeSequence[0].CodingSchemeDesignator


def _qualifier(ds: Dataset) -> None:
    ds.TypeOfPatientID = "RFID"


def _old_gone(ds: Dataset) -> None:
    del ds.OriginalAttributesSequence


def _old_changed(ds: Dataset) -> None:
    item = ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0]
    item.PatientID = "P2"


def _old_unlisted(ds: Dataset) -> None:
    del ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].PatientName


def _old_issuer(ds: Dataset) -> None:
    del ds.OriginalAttributesSequence[0].ModifiedAttributesSequence[0].IssuerOfPatientID


def _other_id(ds: Dataset) -> None:
    ds.OtherPatientIDsSequence[0].PatientID = "P3"


def _equipment(ds: Dataset) -> None:
    ds.ContributingEquipmentSequence[0].StationName = "ELSEWHERE"


def _charset(ds: Dataset) -> None:
    """The same bytes under another set are other letters."""
    raw = ds.Manufacturer.encode("latin_1")
    ds.SpecificCharacterSet = "ISO_IR 101"
    ds.Manufacturer = raw.decode("iso8859_2") + "x"


CHANGES: list[Callable[[Dataset], None]] = [
    _pixel,
    _nested,
    _private,
    _study,
    _added,
    _lost,
    _name,
    _emptied,
    _issuer,
    _order,
    _code,
    _qualifier,
    _old_gone,
    _old_changed,
    _old_unlisted,
    _old_issuer,
    _other_id,
    _equipment,
    _charset,
]


class TestFound:
    @pytest.mark.parametrize("change", CHANGES, ids=lambda one: one.__name__)
    @pytest.mark.parametrize("name", ["Local^Patient", "Łoś^Ö"], ids=["kept", "converted"])
    def test_any_change_that_was_not_decided(
        self, change: Callable[[Dataset], None], name: str, tmp_path: Path
    ) -> None:
        source, target, coercion = pair(tmp_path, name=name)
        if change is _charset and name != "Local^Patient":
            pytest.skip("the copy is in Unicode already")
        ds = pydicom.dcmread(target)
        change(ds)
        ds.save_as(target)

        assert messages(source, target, coercion)

    def test_the_attribute_is_named(self, tmp_path: Path) -> None:
        source, target, coercion = pair(tmp_path)
        ds = pydicom.dcmread(target)
        ds.StudyInstanceUID = "1.2.4"
        ds.save_as(target)

        assert "Study Instance UID" in messages(source, target, coercion)

    def test_another_coercion_s_copy(self, tmp_path: Path) -> None:
        source, target, _ = pair(tmp_path)
        other = plan_coercion(read_header(source), candidate("Third^Person"), SITE, MOMENT)
        assert messages(source, target, other)

    def test_the_original_itself(self, tmp_path: Path) -> None:
        source, _, coercion = pair(tmp_path)
        assert messages(source, source, coercion)

    def test_a_copy_of_another_instance(self, tmp_path: Path) -> None:
        source, target, coercion = pair(tmp_path)
        ds = pydicom.dcmread(target)
        ds.SOPInstanceUID = ds.file_meta.MediaStorageSOPInstanceUID = "1.2.3.9"
        ds.save_as(target)
        assert "another instance" in messages(source, target, coercion)

    def test_a_preamble_that_is_not_zero(self, tmp_path: Path) -> None:
        source, target, coercion = pair(tmp_path)
        target.write_bytes(b"MZ" + target.read_bytes()[2:])
        assert "File Meta" in messages(source, target, coercion)

    def test_an_identity_that_stands_twice(self, tmp_path: Path) -> None:
        source, target, coercion = pair(tmp_path)
        raw = target.read_bytes()
        at = raw.index(struct.pack("<HH2s", 0x0020, 0x000D, b"UI"))
        element = struct.pack("<HH2sH", 0x0010, 0x0020, b"LO", 2) + b"P1"
        target.write_bytes(raw[:at] + element + raw[at:])
        assert "twice" in messages(source, target, coercion)

    def test_a_missing_copy_is_a_fault_of_the_disk(self, tmp_path: Path) -> None:
        source, target, coercion = pair(tmp_path)
        target.unlink()
        with pytest.raises(MediaError):
            check_coerced(source, target, coercion)


@pytest.mark.parametrize("name", ["Local^Patient", "Łoś^Ö"], ids=["kept", "converted"])
@pytest.mark.parametrize("encoding", [*ENCODINGS, "encapsulated"])
def test_no_flipped_bit_of_a_copy_goes_unseen(name: str, encoding: str, tmp_path: Path) -> None:
    """Padding and the reserved bytes of long heads excepted, which mean nothing."""
    source, target, coercion = pair(tmp_path, encoding, name)
    raw = target.read_bytes()
    start = read_header(target).dataset_offset

    @settings(
        max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(st.integers(start, len(raw) - 1), st.integers(0, 7))
    def flipped(at: int, bit: int) -> None:
        spoiled = bytearray(raw)
        spoiled[at] ^= 1 << bit
        target.write_bytes(spoiled)
        if not check_coerced(source, target, coercion):
            before, after = (_data_set(one, start, encoding) for one in (raw, bytes(spoiled)))
            assert len(before) == len(after)
            differ = [place for place, byte in enumerate(before) if byte != after[place]]
            assert all(_harmless(before, place) for place in differ), (at, bit)

    flipped()


@pytest.mark.parametrize("encoding", [*ENCODINGS, "encapsulated"])
def test_a_damaged_original_is_refused_or_copied_faithfully(encoding: str, tmp_path: Path) -> None:
    """Whatever a medium brings, there is no third outcome: no traceback, no copy that differs."""
    source, target, _ = pair(tmp_path, encoding)
    raw = source.read_bytes()
    start = read_header(source).dataset_offset

    @settings(
        max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        st.lists(
            st.tuples(st.integers(start, len(raw) - 1), st.sampled_from(b"\0\1\x1b\xff\\A\xfe")),
            max_size=3,
        ),
        st.sampled_from(["Local^Patient", "Müller", "Łoś^Ö"]),
    )
    def damaged(changes: list[tuple[int, int]], name: str) -> None:
        spoiled = bytearray(raw)
        for at, byte in changes:
            spoiled[at] = byte
        source.write_bytes(spoiled)
        target.unlink(missing_ok=True)
        try:
            header = read_header(source)
            coercion = plan_coercion(header, candidate(name, order=ORDER), SITE, MOMENT)
            coerce_file(source, target, header, coercion)
        except (NotDicom, CannotCoerce):
            assert not target.exists()
        else:
            assert check_coerced(source, target, coercion) == []

    damaged()


def _data_set(raw: bytes, start: int, encoding: str) -> bytes:
    if encoding != "deflated":
        return raw[start:]
    return zlib.decompressobj(-zlib.MAX_WBITS).decompress(raw[start:])


def _harmless(data: bytes, at: int) -> bool:
    """Tell whether the byte means nothing: padding, or reserved in a head (PS3.5, 7.1.2)."""
    long_heads = (b"OB", b"OW", b"SQ", b"UN", b"UC", b"UT")
    reserved = data[at - 2 : at] in long_heads or data[at - 3 : at - 1] in long_heads
    return reserved or data[at : at + 1] in (b" ", b"\0")
