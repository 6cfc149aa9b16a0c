"""Seeds that pydicom writes: the same data sets in every encoding."""

from __future__ import annotations

import zlib

from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.filebase import DicomBytesIO
from pydicom.filewriter import write_dataset
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEGLosslessSV1,
)

from tests.fuzz.targets.data_set import parse, serialised
from tests.support.file_sets import file_meta
from tests.support.objects import ct_dataset


def _bytes(ds: Dataset, syntax: str) -> bytes:
    """A Part 10 file; what pydicom would rather not turn round is written as it stands."""
    body = DicomBytesIO()
    body.is_implicit_VR = syntax == ImplicitVRLittleEndian
    body.is_little_endian = syntax != ExplicitVRBigEndian
    write_dataset(body, ds)
    raw = body.getvalue()
    if syntax == DeflatedExplicitVRLittleEndian:
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        raw = packer.compress(raw) + packer.flush()
    return file_meta(str(ds.SOPClassUID), str(ds.SOPInstanceUID), syntax) + raw


def encoded_directories(explicit: bytes) -> list[bytes]:
    """A DICOMDIR written implicitly and in big endian: with its meta saying so, or not."""
    made = []
    at = explicit.index(b"\x04\x00\x30\x11")
    for syntax, is_explicit, big in (
        (b"1.2.840.10008.1.2", False, False), (b"1.2.840.10008.1.2.2", True, True),
    ):  # fmt: skip
        tree = parse(explicit, at, explicit=True, big=False)
        tree.explicit, tree.big = is_explicit, big
        if big:
            for node in tree.all_nodes():
                if node.vr in (b"US", b"UL"):
                    node.value = node.value[::-1]
        body = serialised(tree, at)
        made.append(explicit[:at] + body)
        stated = explicit[:at].replace(b"1.2.840.10008.1.2.1\0", syntax.ljust(20, b"\0"))
        made.append(stated + body)
    return made


def rich_dataset() -> Dataset:
    """An image with sequences, codes, names in other letters, private elements and an icon."""
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = "113000", "DCM", "Of Interest"
    item = Dataset()
    item.ReferencedSOPClassUID = "1.2.840.10008.5.1.4.1.1.2"
    item.ReferencedSOPInstanceUID = "1.2.3.7"
    item.PurposeOfReferenceCodeSequence = [code]
    content = Dataset()
    content.RelationshipType, content.ValueType = "HAS CONCEPT MOD", "CODE"
    content.ConceptNameCodeSequence = [code]
    groups = Dataset()
    groups.ReferencedImageSequence = [item]
    ds = ct_dataset(
        PatientName="Müller^Jürgen", SpecificCharacterSet="ISO_IR 100",
        ReferencedImageSequence=[item, item], ConceptNameCodeSequence=[code],
        ContentSequence=[content, content], SharedFunctionalGroupsSequence=[groups],
        SmallestImagePixelValue=1, NumberOfFrames="1",
    )  # fmt: skip
    ds.private_block(0x0009, "ACME", create=True).add_new(0x10, "UN", b"abcd")
    return ds


def encoded_objects() -> list[bytes]:
    """CT images in all five ways to write one, plain and rich."""
    made = []
    for make in (ct_dataset, rich_dataset):
        for syntax in (
            ExplicitVRLittleEndian, ImplicitVRLittleEndian, ExplicitVRBigEndian,
            DeflatedExplicitVRLittleEndian,
        ):  # fmt: skip
            made.append(_bytes(make(), syntax))
        ds = make()
        ds.PixelData = encapsulate([b"\xff\xd8\xff\xc3" + bytes(20) + b"\xff\xd9"])
        ds["PixelData"].VR, ds["PixelData"].is_undefined_length = "OB", True
        made.append(_bytes(ds, JPEGLosslessSV1))
    made.append(made[0][132:])
    made.append(made[1][made[1].index(b"\x08\x00\x08\x00") :])
    return made
