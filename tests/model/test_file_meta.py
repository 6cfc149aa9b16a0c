"""The File Meta Information of what is written, in the eyes of another reader (PS3.10 7.1)."""

from __future__ import annotations

import io

from hypothesis import given
from hypothesis import strategies as st
from pydicom import dcmread

from mediastation import IMPLEMENTATION_CLASS_UID, IMPLEMENTATION_VERSION_NAME
from mediastation.model.file_meta import encode_file_meta

uids = st.lists(st.integers(0, 10**8), min_size=1, max_size=5).map(
    lambda arcs: "1." + ".".join(map(str, arcs))
)


@given(uids, uids, uids)
def test_the_file_meta_is_what_another_reader_finds(
    sop_class: str, instance: str, syntax: str
) -> None:
    written = encode_file_meta(sop_class, instance, syntax)
    meta = dcmread(io.BytesIO(written), force=False).file_meta

    assert written[:132] == bytes(128) + b"DICM"
    assert meta.FileMetaInformationGroupLength == len(written) - 144
    assert meta.FileMetaInformationVersion == b"\0\1"
    assert meta.MediaStorageSOPClassUID == sop_class
    assert meta.MediaStorageSOPInstanceUID == instance
    assert meta.TransferSyntaxUID == syntax
    assert meta.ImplementationClassUID == IMPLEMENTATION_CLASS_UID
    assert meta.ImplementationVersionName == IMPLEMENTATION_VERSION_NAME


def test_elements_that_are_carried_on_stand_in_their_place() -> None:
    written = encode_file_meta(
        "1.2", "1.3", "1.2.840.10008.1.2.1", {0x00020016: ("AE", b"SCANNER")}
    )
    meta = dcmread(io.BytesIO(written)).file_meta

    assert meta.SourceApplicationEntityTitle == "SCANNER"
    assert [element.tag for element in meta] == sorted(element.tag for element in meta)
    assert meta.FileMetaInformationGroupLength == len(written) - 144
