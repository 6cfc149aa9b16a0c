"""Instances of one shape are told the same: what is remembered never differs from a fresh look."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mediastation.conformance.check import InstanceCheck, check_instance
from mediastation.conformance.copy_check import CopyCheck
from mediastation.conformance.load import load_profiles
from mediastation.conformance.opinion import form_opinion
from mediastation.conformance.rulebook import Rulebook, tags_of
from mediastation.conformance.shape import Shapes
from mediastation.dicom.index_tags import INDEX_TAGS
from mediastation.model.instance import Element, InstanceHeader, PixelEncoding, Preamble
from mediastation.model.profile import Role
from mediastation.model.sop_class import SOP_CLASSES
from tests.support.annex_headers import (
    CT,
    DX,
    FRAMES,
    HIGH_BIT,
    IMAGE_TYPE,
    IMPLICIT_LE,
    J2K_LOSSLESS,
    JPEG_BASELINE,
    JPEG_LOSSLESS_SV1,
    MODALITY,
    MR,
    PHOTOMETRIC,
    PLANAR,
    REGIONS,
    RLE,
    ROWS,
    SAMPLES,
    SC,
    STORED,
    US,
    XA,
    cs,
    pixels,
    region,
    sequence,
    us,
)
from tests.support.headers import EXPLICIT_LE, header

PROFILES = [
    load_profiles()[name]
    for name in (
        "STD-XABC-CD",
        "STD-XA1K-CD",
        "STD-US-CC-MF-CDR",
        "STD-CTMR-CD",
        "STD-DEN-CD",
        "STD-GEN-CD",
        "STD-GEN-DVD-J2K",
        "STD-GEN-MIME",
    )
]


class Watched(Mapping[int, Element]):
    """Elements that remember which of them were asked for."""

    def __init__(self, elements: Mapping[int, Element]) -> None:
        self._elements = elements
        self.asked: set[int] = set()

    def __getitem__(self, tag: int) -> Element:
        self.asked.add(tag)
        return self._elements[tag]

    def get(self, tag: int, default: Element | None = None) -> Element | None:  # type: ignore[override]
        self.asked.add(tag)
        return self._elements.get(tag, default)

    def __contains__(self, tag: object) -> bool:
        assert isinstance(tag, int)
        self.asked.add(tag)
        return tag in self._elements

    def __iter__(self) -> Iterator[int]:
        return iter(self._elements)

    def __len__(self) -> int:
        return len(self._elements)


numbers = st.sampled_from([0, 1, 3, 7, 8, 11, 12, 15, 16, 512, 513, 1024])
spoilt = st.dictionaries(
    st.sampled_from([SAMPLES, PLANAR, ROWS, STORED, HIGH_BIT, 0x00280011, 0x00280103, 0x60000010]),
    numbers.map(us),
    max_size=3,
).flatmap(
    lambda first: st.dictionaries(
        st.sampled_from([PHOTOMETRIC, MODALITY, IMAGE_TYPE]),
        st.sampled_from(["MONOCHROME2", "RGB", "YBR_FULL", "XA", "CT", "A\\B\\BIPLANE A"]).map(cs),
        max_size=2,
    ).map(lambda second: first | second)
)
regions = st.sampled_from([None, sequence(), sequence(region()), sequence(region(components=0))])


@st.composite
def headers(draw: st.DrawFn) -> InstanceHeader:
    """Headers of all kinds, most of them with something wrong."""
    syntax = draw(
        st.sampled_from(
            [EXPLICIT_LE, IMPLICIT_LE, RLE, JPEG_BASELINE, JPEG_LOSSLESS_SV1, J2K_LOSSLESS, "1.2"]
        )
    )
    elements = {**pixels(draw(numbers), 8), MODALITY: cs("US"), **draw(spoilt)}
    if (found := draw(regions)) is not None:
        elements[REGIONS] = found
    if draw(st.booleans()):
        elements[FRAMES] = Element("IS", b"2")
    return header(
        draw(st.sampled_from([CT, MR, XA, SC, US, DX, "1.2.3"])),
        syntax,
        elements=elements,
        without=(0x00080060,) if draw(st.integers(0, 9)) == 0 else (),
        pixels=draw(st.sampled_from(PixelEncoding)),
        preamble=draw(st.sampled_from(Preamble)),
        file_meta_conformant=draw(st.booleans()),
        signed=draw(st.booleans()),
    )


@settings(max_examples=150, deadline=None)
@given(
    st.lists(headers(), min_size=1, max_size=6),
    st.sampled_from(PROFILES),
    st.sampled_from([Role.CREATOR, Role.READER]),
    st.sampled_from(["", JPEG_LOSSLESS_SV1, RLE]),
)
def test_what_is_remembered_equals_a_fresh_look(
    several: list[InstanceHeader], profile: object, role: Role, compress: str
) -> None:
    facts = {"role": role, "compress": compress, "alternatives": PROFILES[:3]}
    check = InstanceCheck(profile, **facts)  # type: ignore[arg-type]

    # Twice over, so that each one meets what was remembered of itself and of its likes.
    for one in [*several, *several]:
        fresh = check_instance(one, profile, subject="x", **facts)  # type: ignore[arg-type]
        assert check.verdict(one, subject="x") == fresh


@settings(max_examples=150, deadline=None)
@given(headers(), st.sampled_from(["", JPEG_LOSSLESS_SV1, RLE]))
def test_no_profile_looks_at_anything_that_is_not_in_the_shape(
    one: InstanceHeader, compress: str
) -> None:
    books = [Rulebook(profile, compress=compress) for profile in PROFILES]
    shaping, judging = Watched(one.elements), Watched(one.elements)

    Shapes(books).of(replace(one, elements=shaping))
    for book in books:
        form_opinion(CopyCheck(replace(one, elements=judging)), book)

    assert judging.asked - shaping.asked <= set()


def test_slices_that_differ_in_place_and_number_have_one_shape() -> None:
    shapes = Shapes([Rulebook(profile) for profile in load_profiles().values()])
    slices = [
        header(
            uid=f"1.2.3.{number}",
            elements={
                0x00200013: Element("IS", b"%d" % number),
                0x00200032: Element("DS", b"0\\0\\%d" % number),
                0x00080033: Element("TM", b"10%04d" % number),
            },
        )
        for number in range(20)
    ]

    assert len({shapes.of(one) for one in slices}) == 1


@pytest.mark.parametrize(
    "changed",
    [
        {"elements": {PHOTOMETRIC: cs("MONOCHROME1")}},
        {"elements": {ROWS: us(17)}},
        {"encoding": IMPLICIT_LE},
        {"pixels": PixelEncoding.ABSENT},
        {"signed": True},
        {"preamble": Preamble.FOREIGN},
    ],
)
def test_what_decides_parts_the_shapes(changed: dict[str, object]) -> None:
    shapes = Shapes([Rulebook(profile) for profile in load_profiles().values()])

    assert shapes.of(header()) != shapes.of(header(**changed))  # type: ignore[arg-type]


def test_a_long_value_and_its_digest_do_not_look_alike() -> None:
    shapes = Shapes([Rulebook(load_profiles()["STD-US-SC-SF-CDR"])])
    first, second = (
        header(US, elements={REGIONS: sequence(*([region()] * count))}) for count in (8, 9)
    )

    assert shapes.of(first) != shapes.of(second)


def test_whatever_profiles_look_at_is_in_the_index() -> None:
    """Else the catalog would answer otherwise than the file."""
    books = [
        Rulebook(profile, role)
        for profile in load_profiles().values()
        for role in (Role.CREATOR, Role.READER)
    ]

    asked = {tag for book in books for uid in SOP_CLASSES for tag in tags_of(book.of_class(uid))}

    assert asked <= INDEX_TAGS
