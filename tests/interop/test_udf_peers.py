"""Our UDF images in the hands of 7z, udfinfo and libudfread."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.media.iso9660 import MediumFile
from tests.media.support import CONTENTS, UDF_REVISIONS, medium_files, sparse_disk, write_udf
from tests.support.drawn_trees import ALL_FILE_IDS, drawn_trees, legal_contents
from tests.support.peers import run_peer
from tests.support.udf_walk import walk
from tests.support.udfread import udfread_at, udfread_tree

OTHERS = {
    "Bericht für Ü.html": b"Latin-1",
    "viewer/画像ビューア.exe": b"UTF-16",
    "viewer/" + "long name " * 20 + "end": b"longer than 200 characters",
    "A/B2/C_3/DDDDDDDD/E/F/G/IM000001": b"the eighth component",
}
MANY = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(1000)}
EVERYTHING = CONTENTS | OTHERS | MANY

# What udfinfo says of each: the least revision that reads it, and the one it is.
REVISIONS = {
    "1.02": ("1.02", "1.02"),
    "1.50": ("1.50", "1.50"),
    "2.01": ("2.01", "2.01"),
    "2.50": ("2.50", "2.50"),
    "2.60": ("2.50", "2.60"),
}


@pytest.fixture(scope="module", params=UDF_REVISIONS)
def image(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    files = medium_files(folder / "sources", EVERYTHING)
    write_udf(folder / f"{request.param}.udf", files, request.param)
    return folder / f"{request.param}.udf"


def tree(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def information(image: Path) -> dict[str, str]:
    """What udfinfo says; that it has nothing to complain of."""
    said = run_peer("udfinfo", "--utf8", image)
    assert said.stderr == ""
    return dict(re.findall(r"^(\w+)=(.*)$", said.stdout, re.MULTILINE))


def test_7z_extracts_every_file(image: Path, tmp_path: Path) -> None:
    said = run_peer("7z", "x", "-bd", f"-o{tmp_path}", image).stdout

    assert "Everything is Ok" in said
    assert "Warning" not in said
    assert tree(tmp_path) == EVERYTHING


def test_libudfread_reads_every_file(image: Path) -> None:
    assert udfread_tree(image) == EVERYTHING


@pytest.mark.parametrize("revision", ["2.50", "2.60"])
def test_libudfread_reads_every_file_through_the_mirror(tmp_path: Path, revision: str) -> None:
    """With the first sector of the partition, where the Metadata File is found, gone."""
    image = tmp_path / "disc.udf"
    write_udf(image, medium_files(tmp_path / "s", CONTENTS | OTHERS), revision)
    with image.open("r+b") as spoiled:
        spoiled.seek(288 * 2048)
        spoiled.write(bytes(2048))

    assert udfread_tree(image) == CONTENTS | OTHERS


def test_7z_names_the_revision_and_the_times(image: Path) -> None:
    said = run_peer("7z", "l", "-slt", image).stdout

    assert f"DomainId: *OSTA UDF Compliant::{image.stem}" in said
    assert "Type = Udf" in said
    assert "AccessType: Read-Only" in said
    assert f"Physical Size = {image.stat().st_size}" in said
    times = set(re.findall(r"^Modified = (\S+ \S+)", said, re.MULTILINE))
    assert {time[:19] for time in times} == {"2024-02-29 23:59:58"}


def test_udfinfo_finds_every_structure_and_no_fault(image: Path) -> None:
    found = information(image)

    walked = walk(image)
    assert (found["udfrev"], found["udfwriterev"]) == REVISIONS[image.stem]
    assert found["label"] == found["lvid"] == found["vid"] == found["fsid"] == "CT_2024"
    assert (found["integrity"], found["accesstype"]) == ("closed", "readonly")
    assert found["numfiles"] == str(len(EVERYTHING))
    assert found["numdirs"] == str(len(walked.directories))
    assert int(found["blocks"]) * 2048 == image.stat().st_size
    assert found["behindblocks"] == "0"
    structures = re.findall(r" type=(\w+)", run_peer("udfinfo", image).stdout)
    assert sorted(structures) == sorted(["VRS", "MVDS", "RVDS", "LVID", "PSPACE", *["ANCHOR"] * 3])


def test_peers_notice_what_is_wrong(image: Path, tmp_path: Path) -> None:
    """Or else their silence above would prove nothing."""
    spoiled = tmp_path / image.name
    data = bytearray(image.read_bytes())
    data[64 * 2048 : 65 * 2048] = bytes(2048)  # the integrity descriptor
    spoiled.write_bytes(data)
    assert "Warning" in run_peer("udfinfo", spoiled, check=False).stderr

    data = bytearray(image.read_bytes())
    first = 288 + 32 * (image.stem >= "2.50") + 2  # the root's entry
    data[first * 2048 + 60] ^= 1
    spoiled.write_bytes(data)
    assert run_peer("7z", "t", spoiled, check=False).returncode != 0


@pytest.mark.parametrize(("revision", "gib"), [("1.50", 1), ("2.60", 4)])
def test_a_large_file_in_several_extents(tmp_path: Path, revision: str, gib: int) -> None:
    """With a mark on both sides of every place where an extent may end."""
    size = (gib << 30) + 777
    marks = {
        end + step for n in range(1, gib + 1) for end in (n * (2**30 - 2048),) for step in (-1, 0)
    }
    marks |= {0, size - 778, size - 777, size - 1}
    with (tmp_path / "large").open("wb") as source:
        for number, mark in enumerate(sorted(marks), start=1):
            source.seek(mark)
            source.write(bytes([number]))
    files = [
        MediumFile("DICOM/LARGE", tmp_path / "large", size),
        *medium_files(tmp_path / "s", {"DICOM/BEHIND": b"behind it", "DICOMDIR": b"before"}),
    ]
    image = tmp_path / "disc.udf"
    with sparse_disk():
        assert write_udf(image, files, revision).size_bytes == image.stat().st_size

    large = walk(image).files["DICOM/LARGE"]
    assert (large.size_bytes, len(large.extents)) == (size, gib + 1)
    found = {}
    with image.open("rb") as opened:
        for number, mark in enumerate(sorted(marks), start=1):
            left = mark
            for sector, length in large.extents:
                if left < length:
                    opened.seek(sector * 2048 + left)
                    found[number] = opened.read(1)
                    break
                left -= length
    assert found == {number: bytes([number]) for number in range(1, len(marks) + 1)}

    numbers = bytes(range(1, len(marks) + 1))
    assert udfread_at(image, "DICOM/LARGE", sorted(marks)) == (size, numbers)
    listed = run_peer("7z", "l", "-slt", image).stdout
    assert re.search(rf"Path = DICOM/LARGE\nFolder = -\nSize = {size}\n", listed)
    run_peer("7z", "x", "-bd", f"-o{tmp_path / 'out'}", image, "DICOM/BEHIND", "DICOMDIR")
    assert tree(tmp_path / "out") == {"DICOM/BEHIND": b"behind it", "DICOMDIR": b"before"}
    assert information(image)["numfiles"] == "3"


@given(drawn_trees(names=ALL_FILE_IDS, levels=7), st.sampled_from(UDF_REVISIONS))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_comes_out_of_7z_as_it_went_in(drawn: dict[str, int], revision: str) -> None:
    contents = legal_contents(drawn)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_udf(folder / "disc.udf", medium_files(folder / "s", contents), revision)
        (folder / "out").mkdir()

        run_peer("7z", "x", "-bd", f"-o{folder / 'out'}", folder / "disc.udf")

        assert tree(folder / "out") == contents
