"""Whatever a header holds, every profile has a whole answer, and the directory can be written."""

from __future__ import annotations

import struct
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.conformance.character_sets import CharacterSetCheck
from mediastation.conformance.check import InstanceCheck
from mediastation.conformance.load import load_profiles, load_retired_profiles
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.errors import RefusedError
from mediastation.fileset.dicomdir import FileSetInstance
from mediastation.model.element_encoding import LONG_VRS, SHORT_VRS
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding
from mediastation.model.profile import Role
from mediastation.model.sop_class import SOP_CLASSES
from mediastation.model.transfer_syntax import TRANSFER_SYNTAXES
from tests.fileset.building import JANE, built
from tests.support import annex_headers
from tests.support.annex_headers import ct, dental, mr, sc, ultrasound, xa

PROFILES = {**load_profiles(), **load_retired_profiles()}
CHECKS = {
    (name, role): InstanceCheck(profile, role=role)
    for name, profile in PROFILES.items()
    for role in profile.roles
}
# What the tables of PS3.11 and the records ask for, rather than what is merely kept.
ASKED = [
    *sorted(
        tag
        for name, tag in vars(annex_headers).items()
        if name.isupper() and isinstance(tag, int) and tag in INDEX_TAGS
    ),
    *(0x00080005, 0x00100010, 0x00100020, 0x0020000D, 0x0020000E, 0x00200013),
    *(0x52009229, 0x60000100, 0x60000102),
]


def nested(depth: int) -> bytes:
    """Return sequences in each other, as one value."""
    value = b""
    for _ in range(depth):
        inner = struct.pack("<HH2sHI", 0x5200, 0x9229, b"SQ", 0, len(value)) + value
        value = b"\xfe\xff\x00\xe0" + struct.pack("<I", len(inner)) + inner
    return value


VALUES = st.one_of(
    st.binary(max_size=20),
    st.sampled_from(
        [
            b"",
            b"\\\\\\",
            b"-1",
            b"9" * 5000,
            b"1e400",
            b"NaN",
            "٥١٢".encode(),
            b"\xb2",
            b"\xff" * 8,
            b"1" * 65534,
            b"\x1b$B",
            b"ISO 2022 IR 87\\ISO 2022 IR 13",
            b"A\\B\\BIPLANE A",
            b"MONOCHROME2\\RGB",
            b"1.2.03",
            b"\xfe\xff\x00\xe0\xff\xff\xff\xff",
            b"\xfe\xff\x00\xe0\x00\x00\x00\x00" * 2000,
            nested(3),
            nested(200),
        ]
    ),
)
ELEMENTS = st.builds(Element, st.sampled_from([*SHORT_VRS.values(), *LONG_VRS.values()]), VALUES)


@st.composite
def headers(draw: st.DrawFn) -> InstanceHeader:
    """A good header of some annex with a few elements that no writer should make."""
    make = draw(st.sampled_from([xa, sc, ct, dental, lambda: mr(12), lambda: ultrasound("RGB")]))
    header = make()
    tags = st.sampled_from(ASKED) | st.sampled_from(sorted(INDEX_TAGS))
    spoilt = draw(st.dictionaries(tags, ELEMENTS, max_size=4))
    sop_classes = st.just(header.sop_class_uid) | st.sampled_from(
        [*SOP_CLASSES, "", "1.2.3", "x" * 70]
    )
    syntaxes = st.just(header.transfer_syntax_uid) | st.sampled_from([*TRANSFER_SYNTAXES, "", "1"])
    return replace(
        header,
        elements={**header.elements, **spoilt},
        sop_class_uid=draw(sop_classes),
        transfer_syntax_uid=draw(syntaxes),
        pixels=draw(st.sampled_from(PixelEncoding)),
        sop_instance_uid=draw(st.sampled_from([header.sop_instance_uid, "", "x", "1.2.03"])),
    )


@settings(max_examples=600, deadline=None)
@given(headers(), st.sampled_from(sorted(CHECKS)), st.sampled_from([0, 1, 10**6, 2**40]))
def test_what_is_accepted_can_be_written_and_what_is_refused_is_told_why(
    header: InstanceHeader, which: tuple[str, Role], size_bytes: int
) -> None:
    name, role = which
    verdict = CHECKS[which].verdict(header, size_bytes=size_bytes)

    faults = [finding for finding in verdict.findings if finding.severity == "error"]
    assert bool(faults) == (verdict.outcome == "refused")
    assert all(finding.message and finding.reference for finding in verdict.findings)
    if verdict.outcome == "accepted" and role is not Role.READER:
        instance = FileSetInstance(header, verdict.transfer_syntax_uid, JANE)
        try:
            built(instance, additional_keys=PROFILES[name].keys)
        except RefusedError as fault:
            pytest.fail(f"accepted and refused: {fault}")


@given(headers(), st.sampled_from(Role))
def test_text_in_any_character_set_is_looked_at(header: InstanceHeader, role: Role) -> None:
    check = CharacterSetCheck(role)

    told = check.add(header, "1.2.3")

    assert bool(check.finish()) == told
