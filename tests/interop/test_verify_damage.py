"""Damage to images that another program made: each flipped bit and each cut is named."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.errors import MediaError
from mediastation.model.manifest import DIGEST_LIST_NAME, Manifest, write_digest_list
from mediastation.verify import VerifyReport, verify_medium
from tests.support.file_sets import (
    SECTOR,
    good_file_set,
    manifest_of,
    manifest_of_image,
    write_image,
)
from tests.support.iso_peers import pycdlib_files

many = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


class Disc(NamedTuple):
    path: Path
    files: dict[str, bytes]
    places: dict[str, int]
    content: bytes
    manifest: Manifest

    def owner(self, offset: int) -> tuple[str, bool]:
        """The file whose sectors hold `offset`, and whether it is in the file's own bytes."""
        for name, data in self.files.items():
            start = self.places[name] * SECTOR
            if start <= offset < start + -(-len(data) // SECTOR) * SECTOR:
                return name, offset < start + len(data)
        return "", False

    def spoiled(self, content: bytes) -> Path:
        path = self.path.with_name("spoiled.iso")
        path.write_bytes(content)
        return path


def make(folder: Path, files: dict[str, bytes]) -> Disc:
    path = write_image(files, folder)
    seen = pycdlib_files(path)
    assert {name: content for name, (_, content) in seen.items()} == files
    places = {name: place for name, (place, _) in seen.items()}
    return Disc(path, files, places, path.read_bytes(), manifest_of_image(path, files, places))


@pytest.fixture(scope="module")
def disc(tmp_path_factory: pytest.TempPathFactory) -> Disc:
    return make(tmp_path_factory.mktemp("disc"), good_file_set())


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> Disc:
    """A disc that carries its own digest list."""
    files = good_file_set()
    files[DIGEST_LIST_NAME] = write_digest_list(manifest_of(files).files).encode()
    return make(tmp_path_factory.mktemp("listed"), files)


def flip(content: bytes, bit: int) -> bytes:
    spoiled = bytearray(content)
    spoiled[bit // 8] ^= 1 << (bit % 8)
    return bytes(spoiled)


def named(report: VerifyReport) -> set[tuple[str, str]]:
    return {(finding.rule, finding.subject) for finding in report.findings}


def test_an_unspoiled_disc_is_proved_to_the_last_byte(disc: Disc) -> None:
    report = verify_medium(disc.path, disc.manifest)

    assert report.findings == []
    assert report.ok
    assert report.image_sha256 == disc.manifest.image_sha256
    assert report.proved.startswith("Every byte")
    assert (report.files, report.instances) == (8, 6)


def check_flip(disc: Disc, bit: int) -> None:
    offset = bit // 8
    report = verify_medium(disc.spoiled(flip(disc.content, bit)), disc.manifest)

    owner, inside = disc.owner(offset)
    assert not report.ok
    if owner and inside:
        assert ("differs", owner) in named(report)
        assert not [f for f in report.findings if f.rule == "differs" and f.subject != owner]
    elif owner:
        assert ("not-zero", f"padding after {owner}") in named(report)
        assert not [f for f in report.findings if f.rule == "differs"]
    else:
        sector = f"sector {offset // SECTOR} is not what was written"
        assert [f for f in report.findings if f.rule == "structure-differs" and f.message == sector]


@many
@given(data=st.data())
def test_one_flipped_bit_anywhere_is_named(disc: Disc, data: st.DataObject) -> None:
    check_flip(disc, data.draw(st.integers(0, len(disc.content) * 8 - 1)))


@many
@given(data=st.data())
def test_one_flipped_bit_in_descriptors_and_directories_is_named(
    disc: Disc, data: st.DataObject
) -> None:
    """These few sectors are the ones that can lead a reader astray."""
    sectors = [
        item.sector
        for item in disc.manifest.structure
        if disc.content[item.sector * SECTOR : (item.sector + 1) * SECTOR].strip(b"\0")
    ]
    sector = data.draw(st.sampled_from(sectors))
    used = len(disc.content[sector * SECTOR : (sector + 1) * SECTOR].rstrip(b"\0"))
    check_flip(disc, sector * SECTOR * 8 + data.draw(st.integers(0, used * 8 - 1)))


@many
@given(data=st.data())
def test_with_the_list_on_the_medium_alone_a_flipped_bit_in_a_file_is_named(
    listed: Disc, data: st.DataObject
) -> None:
    name = data.draw(st.sampled_from(sorted(listed.files.keys() - {DIGEST_LIST_NAME})))
    bit = data.draw(st.integers(0, len(listed.files[name]) * 8 - 1))
    spoiled = flip(listed.content, listed.places[name] * SECTOR * 8 + bit)

    report = verify_medium(listed.spoiled(spoiled))

    assert report.manifest == "medium"
    assert ("differs", name) in named(report)


def test_a_disc_with_its_own_list_is_proved_as_far_as_that_goes(listed: Disc) -> None:
    report = verify_medium(listed.path)

    assert report.ok
    assert report.manifest == "medium"
    assert "vouches for nothing but itself" in report.proved


@many
@given(data=st.data())
def test_an_image_cut_off_anywhere_fails(disc: Disc, data: st.DataObject) -> None:
    size = data.draw(st.integers(0, len(disc.content) - 1))
    path = disc.spoiled(disc.content[:size])

    for manifest in (disc.manifest, None):
        try:
            report = verify_medium(path, manifest)
        except MediaError as fault:
            assert size <= 17 * SECTOR, fault  # noqa: PT017
            continue
        assert not report.ok
        assert ("truncated-image", str(path)) in named(report)
        lost = {
            name
            for name, data_ in disc.files.items()
            if disc.places[name] * SECTOR + len(data_) > size
        }
        assert lost <= {f.subject for f in report.findings} or size < 30 * SECTOR


def test_an_image_with_something_added_fails(disc: Disc) -> None:
    report = verify_medium(disc.spoiled(disc.content + b"x" * SECTOR), disc.manifest)

    assert ("image-size", str(disc.path.with_name("spoiled.iso"))) in named(report)


def test_a_file_missing_on_the_disc_is_named(disc: Disc, tmp_path: Path) -> None:
    files = dict(disc.files)
    del files["DICOM/S2/I3"]

    report = verify_medium(write_image(files, tmp_path), manifest_of(disc.files))

    assert not report.ok
    assert {("missing-file", "DICOM/S2/I3")} == named(report)
    assert len(report.findings) == 2  # the manifest's word and the directory's


def test_a_file_too_many_on_the_disc_is_named(disc: Disc, tmp_path: Path) -> None:
    files = {**disc.files, "EXTRA.TXT": b"hello"}

    report = verify_medium(write_image(files, tmp_path), manifest_of(disc.files))

    assert named(report) == {("extra-file", "EXTRA.TXT")}
    assert not report.ok


def test_another_medium_of_the_same_files_is_told_apart(disc: Disc) -> None:
    manifest = replace(disc.manifest, file_set_uid="1.2.3.4.5", file_set_id="OTHER")

    report = verify_medium(disc.path, manifest)

    assert {("file-set-uid", "DICOMDIR"), ("file-set-id", "DICOMDIR")} <= named(report)
