"""A manifest is read as it was written, however many files and sectors it has."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.model.manifest import Manifest, ManifestFile, SectorDigest

# The job folder keeps UTF-8, which has no lone surrogates.
texts = st.text(st.characters(exclude_categories=["Cs"]))
manifests = st.builds(
    Manifest,
    st.lists(st.builds(ManifestFile, texts, st.integers(), texts, texts), max_size=3).map(tuple),
    texts,
    texts,
    texts,
    texts,
    st.integers(),
    st.lists(st.builds(SectorDigest, st.integers(), texts), max_size=3).map(tuple),
    st.lists(st.lists(texts, max_size=2).map(tuple), max_size=2).map(tuple),
    st.booleans(),
    texts,
)


@given(manifests)
def test_what_is_written_is_read_again(manifest: Manifest) -> None:
    assert Manifest.from_json(manifest.to_json()) == manifest


@given(manifests)
def test_the_text_is_one_json_object_of_version_1_with_every_field(manifest: Manifest) -> None:
    told = json.loads("".join(manifest.iter_json()))

    assert told == json.loads(json.dumps({"version": 1, **asdict(manifest)}))


def test_no_piece_of_the_text_grows_with_the_number_of_files() -> None:
    file = ManifestFile("DICOM/IM000001", 1, "0" * 64, "1.2.3")
    longest = [max(map(len, Manifest((file,) * number).iter_json())) for number in (1, 1000)]

    assert longest[0] == longest[1]


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_another_version_is_no_manifest(version: object) -> None:
    told = json.loads(Manifest(()).to_json())

    with pytest.raises(ValueError, match="version"):
        Manifest.from_json(json.dumps(told | {"version": version}))
