from __future__ import annotations

from io import BytesIO

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.dataset import Dataset
from pynetdicom.dsutils import decode, encode

from mediastation.network import command as dimse
from mediastation.network.pdu import ProtocolError


def store_request() -> Dataset:
    """A C-STORE request's Command Set as pydicom has it."""
    ds = Dataset()
    ds.CommandGroupLength = 0
    ds.AffectedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    ds.CommandField = 1
    ds.MessageID = 77
    ds.Priority = 0
    ds.CommandDataSetType = 0
    ds.AffectedSOPInstanceUID = "1.2.3"
    ds.MoveOriginatorApplicationEntityTitle = "MOVER"
    ds.MoveOriginatorMessageID = 5
    return ds


def test_another_implementations_command_is_read() -> None:
    encoded = encode(store_request(), True, True)
    assert encoded is not None
    read = dimse.read_command(encoded)

    assert read == {
        dimse.AFFECTED_SOP_CLASS_UID: "1.2.840.10008.5.1.4.1.1.2",
        dimse.COMMAND_FIELD: 1,
        dimse.MESSAGE_ID: 77,
        dimse.PRIORITY: 0,
        dimse.COMMAND_DATA_SET_TYPE: 0,
        dimse.AFFECTED_SOP_INSTANCE_UID: "1.2.3",
    }


def test_another_implementation_reads_our_response() -> None:
    written = dimse.write_command(
        {
            dimse.STATUS: 0xA700,
            dimse.COMMAND_FIELD: 0x8001,
            dimse.MESSAGE_ID_RESPONDED_TO: 77,
            dimse.COMMAND_DATA_SET_TYPE: dimse.NO_DATA_SET,
            dimse.ERROR_COMMENT: "full",
            dimse.AFFECTED_SOP_INSTANCE_UID: "1.2.3",
        }
    )
    ds = decode(BytesIO(written), True, True)

    assert ds.CommandGroupLength == len(written) - 12
    assert [element.tag.element for element in ds] == sorted(e.tag.element for e in ds)
    assert ds.Status == 0xA700
    assert ds.CommandField == 0x8001
    assert ds.MessageIDBeingRespondedTo == 77
    assert ds.CommandDataSetType == 0x0101
    assert ds.ErrorComment == "full"
    assert ds.AffectedSOPInstanceUID == "1.2.3"


@given(st.binary(max_size=200))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    try:
        read = dimse.read_command(data)
    except ProtocolError:
        return
    assert dimse.COMMAND_FIELD in read


@pytest.mark.parametrize(
    "spoiled",
    [
        dimse.write_command({dimse.MESSAGE_ID: 1}),
        b"\0\0\0\1\4\0\0\0\1\0\0\0",
        b"\0\0\0\1\xff\xff\xff\xff\1\0",
        b"\0\0\2\0\2\0\0\0\xc3\xa4",
    ],
    ids=["no Command Field", "number of four bytes", "length past the end", "UID not ASCII"],
)
def test_what_is_no_command_is_refused(spoiled: bytes) -> None:
    with pytest.raises(ProtocolError):
        dimse.read_command(spoiled)


def test_a_missing_number_is_refused_unless_there_is_a_default() -> None:
    assert dimse.number({}, dimse.STATUS, 5) == 5
    with pytest.raises(ProtocolError):
        dimse.number({}, dimse.STATUS)
