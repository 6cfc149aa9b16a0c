"""A header survives the one column that it lies in."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mediastation.catalog.packing import pack_header, unpack_header
from mediastation.model.finding import Finding, Severity
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding, Preamble

elements = st.dictionaries(
    st.integers(0, 0xFFFFFFFF),
    st.builds(Element, st.sampled_from(["PN", "UI", "SQ", "US"]), st.binary(max_size=64)),
    max_size=12,
)
findings = st.builds(Finding, st.text(), st.sampled_from(Severity), st.text(), st.text())
headers = st.builds(
    InstanceHeader,
    st.text(),
    st.text(),
    st.text(),
    elements,
    st.sampled_from(Preamble),
    st.booleans(),
    st.booleans(),
    st.integers(0, 2**40),
    st.sampled_from(PixelEncoding),
    st.booleans(),
    st.booleans(),
    st.lists(findings, max_size=3).map(tuple),
    st.integers(0, 2**40),
    st.integers(1, 2**40),
)


@given(headers)
def test_unpacking_gives_what_was_packed(header: InstanceHeader) -> None:
    unpacked = unpack_header(
        pack_header(header),
        header.sop_class_uid,
        header.sop_instance_uid,
        header.transfer_syntax_uid,
    )

    assert dict(unpacked.elements) == dict(header.elements)
    assert {tag: unpacked.elements.get(tag) for tag in header.elements} == header.elements
    for field in InstanceHeader.__dataclass_fields__:
        if field != "elements":
            assert getattr(unpacked, field) == getattr(header, field)


@given(headers, st.integers(0, 0xFFFFFFFF))
def test_an_element_that_is_not_there_gives_what_was_asked_for_instead(
    header: InstanceHeader, tag: int
) -> None:
    unpacked = unpack_header(pack_header(header), "", "", "")

    assert unpacked.elements.get(tag) == header.elements.get(tag)
    assert unpacked.elements.get(tag, "none") == header.elements.get(tag, "none")
