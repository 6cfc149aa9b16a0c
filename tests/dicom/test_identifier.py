from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset

from mediastation.dicom.identifier import (
    IdentifierError,
    encode_identifier,
    key_tag,
    read_identifier,
    snake_case,
)

EXPLICIT_LE, IMPLICIT_LE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
SYNTAXES = pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
KEYS = {
    0x00080052: "STUDY",
    0x00080020: "20260101-",
    0x00100010: "Müller^Jörg*",
    0x00100020: "",
    0x0020000D: "1.2.3\\1.2.4",
    0x00201208: "12",
    0x00280010: "512",
}


def by_pydicom(ds: Dataset, syntax: str) -> bytes:
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, syntax == IMPLICIT_LE
    write_dataset(stream, ds)
    return stream.getvalue()


@SYNTAXES
def test_pydicom_reads_what_is_asked(syntax: str) -> None:
    meta = b"\0" * 128 + b"DICM"
    head = Dataset()
    head.TransferSyntaxUID = syntax
    file = meta + by_pydicom(head, EXPLICIT_LE) + encode_identifier(KEYS, syntax)
    ds = dcmread(BytesIO(file))

    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert str(ds.PatientName) == "Müller^Jörg*"
    assert ds.StudyInstanceUID == ["1.2.3", "1.2.4"]
    assert (ds.QueryRetrieveLevel, ds.StudyDate, ds.Rows) == ("STUDY", "20260101-", 512)
    assert ds.NumberOfStudyRelatedInstances == 12
    assert ds["PatientID"].value in ("", None)


@SYNTAXES
@pytest.mark.parametrize(
    ("character_set", "name"),
    [("ISO_IR 100", "Müller^Jörg"), ("ISO_IR 144", "Иванов"), ("ISO_IR 192", "山田^太郎"),
     ("GB18030", "王^小东")],
)  # fmt: skip
def test_what_pydicom_wrote_is_read(syntax: str, character_set: str, name: str) -> None:
    ds = Dataset()
    ds.SpecificCharacterSet = character_set
    ds.PatientName = name
    ds.StudyInstanceUID = "1.2.3"
    ds.ModalitiesInStudy = ["CT", "SR"]
    ds.Rows = [1, 2]
    item = Dataset()
    item.CodeValue = "X"
    ds.ProcedureCodeSequence = [item]
    row = read_identifier(by_pydicom(ds, syntax), syntax)

    assert row["patient_name"] == name
    assert (row["modalities_in_study"], row["rows"]) == ("CT\\SR", "1\\2")
    assert "procedure_code_sequence" not in row


@SYNTAXES
def test_plain_keys_need_no_character_set(syntax: str) -> None:
    row = read_identifier(encode_identifier({0x00100010: "Doe"}, syntax), syntax)
    assert row == {"patient_name": "Doe"}


@SYNTAXES
def test_an_answer_that_breaks_off_is_no_answer(syntax: str) -> None:
    whole = encode_identifier({0x00100020: "4711", 0x0020000D: "1.2.3"}, syntax)
    ends = {0, len(encode_identifier({0x00100020: "4711"}, syntax)), len(whole)}
    for end in range(len(whole) + 1):
        if end in ends:
            read_identifier(whole[:end], syntax)
        else:
            with pytest.raises(IdentifierError):
                read_identifier(whole[:end], syntax)


@SYNTAXES
@given(data=st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(syntax: str, data: bytes) -> None:
    try:
        row = read_identifier(data, syntax)
    except IdentifierError:
        return
    assert all(isinstance(value, str) for value in row.values())


@SYNTAXES
def test_deep_nesting_is_refused_and_does_not_recurse(syntax: str) -> None:
    sequence = b"\x08\x00\x32\x10" + (b"SQ\0\0" if syntax == EXPLICIT_LE else b"") + b"\xff" * 4
    data = (sequence + b"\xfe\xff\x00\xe0\xff\xff\xff\xff") * 20_000
    with pytest.raises(IdentifierError):
        read_identifier(data, syntax)


@pytest.mark.parametrize(
    ("word", "tag"),
    [("PatientID", 0x00100020), ("patient_id", 0x00100020), ("0010,0020", 0x00100020),
     ("(0010,0020)", 0x00100020), ("SOPInstanceUID", 0x00080018),
     ("sop_instance_uid", 0x00080018)],
)  # fmt: skip
def test_a_key_has_three_names(word: str, tag: int) -> None:
    assert key_tag(word) == tag


@pytest.mark.parametrize("word", ["", "shoe", "PixelData", "0009,0010", "0002,0010", "00100020x"])
def test_what_is_no_key(word: str) -> None:
    with pytest.raises(IdentifierError):
        key_tag(word)


def test_keywords_in_snake_case() -> None:
    assert snake_case("SOPInstanceUID") == "sop_instance_uid"
    assert snake_case("NumberOfStudyRelatedInstances") == "number_of_study_related_instances"
    assert snake_case("OtherPatientIDsSequence") == "other_patient_ids_sequence"


def test_a_value_that_cannot_be_said() -> None:
    with pytest.raises(IdentifierError, match="cannot be said in ISO_IR 100"):
        encode_identifier({0x00100010: "Иванов"}, EXPLICIT_LE, "ISO_IR 100")
    with pytest.raises(IdentifierError, match="no character set"):
        encode_identifier({0x00100010: "ü"}, EXPLICIT_LE, "latin")
    with pytest.raises(IdentifierError, match="no value of Rows"):
        encode_identifier({0x00280010: "99999999"}, EXPLICIT_LE)
