from __future__ import annotations

from collections.abc import Callable
from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset

from mediastation.dicom.answer import MOST_ITEMS, Answer, read_answer
from mediastation.dicom.identifier import IdentifierError, Keys, encode_identifier
from mediastation.model.element_encoding import encode_element

EXPLICIT_LE, IMPLICIT_LE = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2"
SYNTAXES = pytest.mark.parametrize("syntax", [EXPLICIT_LE, IMPLICIT_LE])
NAME, PATIENT_ID, ACCESSION = 0x00100010, 0x00100020, 0x00080050
STEPS, STEP_ID, STEP_TEXT, CODES, VALUE = (
    0x00400100, 0x00400009, 0x00400007, 0x00400008, 0x00080100,
)  # fmt: skip
WANTED: Keys = {
    ACCESSION: "",
    NAME: "",
    STEPS: {STEP_ID: "", STEP_TEXT: "", CODES: {VALUE: ""}},
}


def item(**values: object) -> Dataset:
    ds = Dataset()
    for keyword, value in values.items():
        setattr(ds, keyword, value)
    return ds


def entry() -> Dataset:
    step = item(
        ScheduledProcedureStepID="S1",
        ScheduledProcedureStepDescription="Schädel",
        ScheduledProtocolCodeSequence=[item(CodeValue="A"), item(CodeValue="B")],
        ScheduledStationAETitle="CT1",
    )
    return item(
        SpecificCharacterSet="ISO_IR 100",
        AccessionNumber="A1",
        PatientName="Müller^Jörg",
        ScheduledProcedureStepSequence=[step],
    )


def encoded(ds: Dataset, syntax: str, change: Callable[[Dataset], None] | None = None) -> bytes:
    if change is not None:
        change(ds)
    stream = DicomBytesIO()
    stream.is_little_endian, stream.is_implicit_VR = True, syntax == IMPLICIT_LE
    write_dataset(stream, ds)
    return stream.getvalue()


def endless(ds: Dataset) -> None:
    """Write the sequences and their items with delimiters."""
    for element in ds:
        if element.VR == "SQ":
            element.is_undefined_length = True
            for one in element.value:
                one.is_undefined_length_sequence_item = True
                endless(one)


@SYNTAXES
@pytest.mark.parametrize("change", [None, endless])
def test_what_was_asked_for_is_read_as_deep_as_it_was_asked(
    syntax: str, change: Callable[[Dataset], None] | None
) -> None:
    answer = read_answer(encoded(entry(), syntax, change), syntax, WANTED)

    assert answer.text(NAME) == "Müller^Jörg"
    (step,) = answer.items(STEPS)
    # The character set of the whole holds for the items, which name none.
    assert (step.text(STEP_ID), step.text(STEP_TEXT)) == ("S1", "Schädel")
    assert [code.text(VALUE) for code in step.items(CODES)] == ["A", "B"]
    assert 0x00400001 not in step.texts  # not asked for


@SYNTAXES
def test_pydicom_reads_the_nested_keys_that_are_written(syntax: str) -> None:
    keys: Keys = {
        NAME: "Müller*",
        STEPS: {STEP_TEXT: "Schädel", CODES: {VALUE: ""}, 0x00400002: "20260101-"},
    }
    stream = BytesIO(encode_identifier(keys, syntax))
    ds = read_dataset(stream, is_implicit_VR=syntax == IMPLICIT_LE, is_little_endian=True)
    (step,) = ds.ScheduledProcedureStepSequence

    assert ds.SpecificCharacterSet == "ISO_IR 192"
    assert str(ds.PatientName) == "Müller*"
    assert step.ScheduledProcedureStepDescription == "Schädel"
    assert step.ScheduledProcedureStepStartDate == "20260101-"
    assert step.ScheduledProtocolCodeSequence[0].CodeValue in ("", None)
    assert [element.tag for element in step] == sorted(element.tag for element in step)


def test_a_text_inside_an_item_decides_on_the_character_set_too() -> None:
    assert b"ISO_IR 192" in encode_identifier({STEPS: {STEP_TEXT: "Schädel"}}, EXPLICIT_LE)
    assert b"ISO_IR" not in encode_identifier({STEPS: {STEP_TEXT: "Head"}}, EXPLICIT_LE)


def test_the_character_set_of_the_whole_holds_for_items_that_name_none() -> None:
    ds = entry()
    ds.SpecificCharacterSet = "ISO_IR 144"
    ds.PatientName = "Иванов"
    ds.ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription = "Череп"

    (step,) = read_answer(encoded(ds, EXPLICIT_LE), EXPLICIT_LE, WANTED).items(STEPS)

    assert step.text(STEP_TEXT) == "Череп"


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Müller^Jörg".encode(), "Müller^Jörg"),
        ("Иванов^Иван".encode(), "Иванов^Иван"),
        ("Müller^Jörg".encode("latin-1"), "Müller^Jörg"),
    ],
)
def test_a_name_in_utf_8_that_declares_no_character_set_is_no_other_name(
    written: bytes, name: str
) -> None:
    """What is read here is written into images of the patient."""
    data = encode_element(NAME, "PN", written + b" " * (len(written) % 2))

    assert read_answer(data, EXPLICIT_LE, WANTED).text(NAME) == name


def test_an_item_may_have_a_character_set_of_its_own() -> None:
    ds = entry()
    ds.ScheduledProcedureStepSequence[0].SpecificCharacterSet = "ISO_IR 144"
    ds.ScheduledProcedureStepSequence[0].ScheduledProcedureStepDescription = "Череп"

    answer = read_answer(encoded(ds, EXPLICIT_LE), EXPLICIT_LE, WANTED)

    assert answer.items(STEPS)[0].text(STEP_TEXT) == "Череп"
    assert answer.text(NAME) == "Müller^Jörg"


@SYNTAXES
def test_what_is_left_out_reads_like_what_is_empty(syntax: str) -> None:
    empty = item(PatientName="", ScheduledProcedureStepSequence=[])

    for ds in (Dataset(), empty):
        answer = read_answer(encoded(ds, syntax), syntax, WANTED)
        assert (answer.text(NAME), answer.text(ACCESSION)) == ("", "")
        assert answer.items(STEPS) == ()


def test_a_sequence_of_unknown_vr_is_read_as_the_dictionary_has_it() -> None:
    """A peer that does not know the attribute passes it on as UN, its items implicit."""
    items = encoded(item(ScheduledProcedureStepID="S1"), IMPLICIT_LE)
    whole = b"\xfe\xff\x00\xe0" + len(items).to_bytes(4, "little") + items
    data = b"\x40\x00\x00\x01UN\0\0" + len(whole).to_bytes(4, "little") + whole

    (step,) = read_answer(data, EXPLICIT_LE, WANTED).items(STEPS)

    assert step.text(STEP_ID) == "S1"


def nested(depth: int) -> bytes:
    inner = Dataset()
    for _ in range(depth):
        inner = item(ScheduledProcedureStepSequence=[inner])
    return encoded(inner, EXPLICIT_LE)


def deep(depth: int) -> bytes:
    """Sequences of undefined length within each other, never closed."""
    return b"\x40\x00\x00\x01SQ\0\0\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff" * depth


@pytest.mark.parametrize(
    "data",
    [
        deep(10_000),
        encoded(entry(), EXPLICIT_LE)[:-3],
        b"\x40\x00\x00\x01LO\x02\0S1",
        b"\x40\x00\x00\x01SQ\0\0\x0c\0\0\0" + b"\x40\x00\x07\0LO\x04\0Head",
        encoded(item(ScheduledProcedureStepSequence=[Dataset()] * (MOST_ITEMS + 1)), EXPLICIT_LE),
        b"\0" * 7,
    ],
    ids=["too deep", "cut short", "a text for a sequence", "no items", "too many items", "bytes"],
)
def test_what_cannot_be_an_answer_is_told(data: bytes) -> None:
    with pytest.raises(IdentifierError):
        read_answer(data, EXPLICIT_LE, WANTED)


def test_deeper_sequences_than_were_asked_for_are_passed_over() -> None:
    answer = read_answer(nested(60), EXPLICIT_LE, WANTED)

    assert answer.items(STEPS)[0] == Answer()


@given(st.binary(max_size=300), st.sampled_from([EXPLICIT_LE, IMPLICIT_LE]))
def test_no_bytes_do_more_than_be_refused(data: bytes, syntax: str) -> None:
    try:
        read_answer(data, syntax, WANTED)
    except IdentifierError:
        return


@given(st.data(), st.sampled_from([EXPLICIT_LE, IMPLICIT_LE]))
def test_no_damage_to_an_answer_does_more_than_have_it_refused(
    data: st.DataObject, syntax: str
) -> None:
    spoiled = bytearray(encoded(entry(), syntax, endless))
    for _ in range(data.draw(st.integers(1, 4))):
        spoiled[data.draw(st.integers(0, len(spoiled) - 1))] = data.draw(st.integers(0, 255))
    try:
        read_answer(bytes(spoiled), syntax, WANTED)
    except IdentifierError:
        return
