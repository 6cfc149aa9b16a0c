"""DCMTK rewrites instances in every encoding; the header scan reads the same out of each."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.dicom.header import read_header
from mediastation.model.instance import Element
from mediastation.model.transfer_syntax import (
    DEFLATED_LE,
    EXPLICIT_BE,
    EXPLICIT_LE,
    IMPLICIT_LE,
)
from tests.support.corpus import corpus_file
from tests.support.peers import run_peer

INSTANCES = [
    "series/ct_ge_hispeed_28slices/01.dcm",
    "series/mr_ge_signa_16slices/MR01.dcm",
    "series/enh_mr_siemens_original/011-0001.img",
    "series/rt_breast_boost/rtplan.dcm",
    "charsets/MarekLatin2.dcm",
    "charsets/chrH31.dcm",
    "us/US-RGB-8-epicard",
    "pr/prLUTs.dcm",
    "other/rwvm.dcm",
]
ENCODINGS = {
    "+te": EXPLICIT_LE,
    "+ti": IMPLICIT_LE,
    "+tb": EXPLICIT_BE,
    "+td": DEFLATED_LE,
}


def unpadded(elements: dict[int, Element]) -> dict[int, tuple[str, bytes]]:
    return {tag: (e.vr, e.value.rstrip(b"\0 ")) for tag, e in elements.items()}


@pytest.mark.parametrize("lengths", ["+e", "-e"], ids=["defined", "undefined"])
@pytest.mark.parametrize("encoding", sorted(ENCODINGS))
@pytest.mark.parametrize("name", INSTANCES)
def test_the_scan_does_not_depend_on_the_encoding(
    name: str, encoding: str, lengths: str, tmp_path: Path
) -> None:
    original = corpus_file(name)
    run_peer("dcmconv", encoding, lengths, original, tmp_path / "written")

    before, after = read_header(original), read_header(tmp_path / "written")

    assert after.transfer_syntax_uid == ENCODINGS[encoding]
    assert after.complete
    assert not [f for f in after.findings if f.rule != "preamble"]
    assert after.pixels is before.pixels
    assert unpadded(dict(after.elements)) == unpadded(dict(before.elements))
