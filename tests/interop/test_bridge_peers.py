"""Our bridge images in the hands of readers of ISO 9660, of UDF, and of both."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pycdlib
import pytest
from hypothesis import HealthCheck, given, settings

from mediastation.media.iso9660 import MediumFile
from mediastation.reading.volume import FileSystem, open_volume
from tests.media.support import CONTENTS, DEEP, medium_files, sparse_disk, write_bridge
from tests.support.drawn_trees import ALL_FILE_IDS, drawn_trees, legal_contents
from tests.support.iso_peers import pycdlib_files
from tests.support.peers import run_peer
from tests.support.udfread import udfread_at, udfread_tree

MANY = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(1000)}
EVERYTHING = CONTENTS | MANY | {"INDEX.HTM": b"<p>"}


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("image")
    write_bridge(folder / "disc.iso", medium_files(folder / "sources", EVERYTHING))
    return folder / "disc.iso"


def tree(folder: Path) -> dict[str, bytes]:
    """Read what a peer has extracted, by the name on the medium.

    Readers of ISO 9660 show a file without extension with its point or without.
    """
    return {
        re.sub(r"\.?(;1)?$", "", str(path.relative_to(folder))): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


@pytest.mark.parametrize("kind", ["udf", "iso"])
def test_7z_extracts_every_file_from_either_side(image: Path, tmp_path: Path, kind: str) -> None:
    said = run_peer("7z", "x", "-bd", f"-t{kind}", f"-o{tmp_path}", image).stdout

    assert "Everything is Ok" in said
    assert "Warning" not in said
    assert f"Type = {kind.capitalize()}" in said
    assert tree(tmp_path) == EVERYTHING


def test_7z_takes_it_for_udf_of_its_revision(image: Path) -> None:
    said = run_peer("7z", "l", "-slt", image).stdout

    assert "DomainId: *OSTA UDF Compliant::1.02" in said
    assert f"Physical Size = {image.stat().st_size}" in said


def test_libudfread_reads_every_file(image: Path) -> None:
    assert udfread_tree(image) == EVERYTHING


def test_bsdtar_extracts_every_file(image: Path, tmp_path: Path) -> None:
    run_peer("bsdtar", "-xf", image, "-C", tmp_path)

    assert tree(tmp_path) == EVERYTHING


def test_xorriso_extracts_every_file_and_finds_no_fault(image: Path, tmp_path: Path) -> None:
    said = run_peer(
        *("xorriso", "-osirrox", "on", "-ecma119_map", "unmapped"),
        *("-indev", image, "-toc", "-check_media", "--", "-extract", "/", tmp_path / "out"),
    )

    assert tree(tmp_path / "out") == EVERYTHING
    assert re.search(r"^ISO offers +: Only_ECMA_119$", said.stdout + said.stderr, re.MULTILINE)
    assert not re.search("FAILURE|SORRY|WARNING", said.stdout + said.stderr)


def test_pycdlib_reads_every_file(image: Path) -> None:
    assert {path: data for path, (_, data) in pycdlib_files(image).items()} == EVERYTHING


def test_isoinfo_lists_every_file_and_says_what_the_volume_is(image: Path) -> None:
    listed = run_peer("isoinfo", "-f", "-i", image).stdout.split()
    told = run_peer("isoinfo", "-d", "-i", image).stdout

    files = {line.removesuffix(";1").removesuffix(".")[1:] for line in listed if ";" in line}
    assert files == set(EVERYTHING)
    assert "Volume id: CT_2024\n" in told
    assert "System id: \n" in told
    assert f"Volume size is: {image.stat().st_size // 2048}\n" in told
    assert "NO Joliet present" in told
    assert "NO Rock Ridge present" in told
    assert run_peer("isoinfo", "-x", f"/{DEEP}.;1", "-i", image).stdout == "deep"


def test_udfinfo_finds_every_structure_and_no_fault(image: Path) -> None:
    said = run_peer("udfinfo", "--utf8", image)

    assert said.stderr == ""
    found = dict(re.findall(r"^(\w+)=(.*)$", said.stdout, re.MULTILINE))
    assert (found["udfrev"], found["udfwriterev"]) == ("1.02", "1.02")
    assert found["label"] == found["lvid"] == found["fsid"] == "CT_2024"
    assert found["numfiles"] == str(len(EVERYTHING))
    assert found["behindblocks"] == "0"
    structures = re.findall(r" type=(\w+)", said.stdout)
    assert sorted(structures) == sorted(["VRS", "MVDS", "RVDS", "LVID", "PSPACE", *["ANCHOR"] * 3])


def test_peers_notice_what_is_wrong(image: Path, tmp_path: Path) -> None:
    """Or else their silence above would prove nothing."""
    with open_volume(image, only=FileSystem.ISO9660) as volume:
        found = volume.find(["DICOMDIR"])
        assert found is not None
        assert found.file.extents[0].offset % 2048 == 0
    spoiled = tmp_path / "spoiled.iso"
    data = bytearray(image.read_bytes())
    data[257 * 2048 : 290 * 2048] = bytes(33 * 2048)  # path tables and directories
    spoiled.write_bytes(data)
    assert udfread_tree(spoiled) == EVERYTHING
    run_peer("bsdtar", "-xf", spoiled, "-C", tmp_path, check=False)
    (tmp_path / "spoiled.iso").unlink()
    assert tree(tmp_path) != EVERYTHING


def test_a_file_beyond_32_bits_is_one_file_to_all_but_isoinfo(tmp_path: Path) -> None:
    """Sections are what Level 3 is for; isoinfo alone lists each as a file."""
    first = 2**32 - 2048
    size = first + (1 << 30) + 777
    marks = {0: b"a", first - 1: b"b", first: b"c", size - 1: b"d"}
    with (tmp_path / "large").open("wb") as source:
        for mark, value in marks.items():
            source.seek(mark)
            source.write(value)
    files = [
        MediumFile("DICOM/LARGE", tmp_path / "large", size),
        *medium_files(tmp_path / "s", {"DICOM/BEHIND": b"behind it", "DICOMDIR": b"before"}),
    ]
    image = tmp_path / "disc.iso"
    with sparse_disk():
        write_bridge(image, files)

    assert udfread_at(image, "DICOM/LARGE", marks) == (size, b"abcd")
    for kind in ("udf", "iso"):
        listed = run_peer("7z", "l", "-slt", f"-t{kind}", image).stdout
        assert re.search(rf"Path = DICOM/LARGE\nFolder = -\nSize = {size}\n", listed)
        out = tmp_path / kind
        run_peer("7z", "x", "-bd", f"-t{kind}", f"-o{out}", image, "DICOM/BEHIND", "DICOMDIR")
        assert tree(out) == {"DICOM/BEHIND": b"behind it", "DICOMDIR": b"before"}
    said = run_peer("xorriso", "-indev", image, "-find", "/DICOM/LARGE", "-exec", "lsdl", "--")
    assert f" {size} " in said.stdout
    assert run_peer("isoinfo", "-l", "-i", image).stdout.count("LARGE.;1") == 2

    assert re.search(rf" {size} .*DICOM/LARGE$", run_peer("bsdtar", "-tvf", image).stdout, re.M)
    iso = pycdlib.PyCdlib()
    iso.open(str(image))
    with iso.open_file_from_iso(iso_path="/DICOM/LARGE.;1") as stream:
        assert stream.length() == size
        for mark, value in marks.items():
            stream.seek(mark)
            assert stream.read(1) == value
    iso.close()


def test_twenty_thousand_files_are_found_on_either_side(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"image")
    paths = {f"DICOM/PT{n % 7:06d}/SE{n // 1000:06d}/IM{n:06d}" for n in range(20_000)}
    write_bridge(tmp_path / "disc.iso", [MediumFile(path, tmp_path / "one", 5) for path in paths])

    listed = run_peer("isoinfo", "-f", "-i", tmp_path / "disc.iso").stdout.split()
    assert {line[1:].removesuffix(".;1") for line in listed if ";" in line} == paths
    listed = run_peer("7z", "l", "-ba", "-tudf", tmp_path / "disc.iso").stdout.splitlines()
    assert {line.split()[-1] for line in listed if " 5 " in line} == paths


@given(drawn_trees(names=ALL_FILE_IDS, levels=6))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_tree_comes_out_of_either_side_as_it_went_in(drawn: dict[str, int]) -> None:
    contents = legal_contents(drawn)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_bridge(folder / "disc.iso", medium_files(folder / "s", contents), "")
        (folder / "out").mkdir()

        run_peer("bsdtar", "-xf", folder / "disc.iso", "-C", folder / "out")

        assert tree(folder / "out") == contents
        assert udfread_tree(folder / "disc.iso") == contents
