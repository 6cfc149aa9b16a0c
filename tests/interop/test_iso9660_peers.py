"""Our images in the hands of xorriso, isoinfo, 7z and bsdtar."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from tests.media.support import CONTENTS, DEEP, medium_files, write_image
from tests.support.drawn_trees import ALL_FILE_IDS, drawn_trees, legal_contents
from tests.support.peers import run_peer


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An image of CONTENTS and of one folder too long for one sector of its directory."""
    folder = tmp_path_factory.mktemp("image")
    many = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(120)}
    write_image(folder / "disc.iso", medium_files(folder / "sources", CONTENTS | many))
    return folder / "disc.iso"


@pytest.fixture(scope="module")
def contents() -> dict[str, bytes]:
    many = {f"DICOM/PT000001/ST000003/SE000001/IM{n:06d}": b"%d" % n for n in range(120)}
    return CONTENTS | many


def tree(folder: Path) -> dict[str, bytes]:
    """Read what a peer has extracted, by the name on the medium.

    Peers show a file without extension with its point or without, and with
    its version or without.
    """
    return {
        re.sub(r"\.?(;1)?$", "", str(path.relative_to(folder))): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_xorriso_extracts_every_file(
    image: Path, contents: dict[str, bytes], tmp_path: Path
) -> None:
    run_peer(
        *("xorriso", "-osirrox", "on", "-ecma119_map", "unmapped"),
        *("-indev", image, "-extract", "/", tmp_path / "out"),
    )

    assert tree(tmp_path / "out") == contents


def test_bsdtar_extracts_every_file(
    image: Path, contents: dict[str, bytes], tmp_path: Path
) -> None:
    run_peer("bsdtar", "-xf", image, "-C", tmp_path)

    assert tree(tmp_path) == contents


def test_7z_extracts_every_file(image: Path, contents: dict[str, bytes], tmp_path: Path) -> None:
    said = run_peer("7z", "x", "-bd", f"-o{tmp_path}", image).stdout

    assert "Everything is Ok" in said
    assert "Warning" not in said
    assert tree(tmp_path) == contents


def test_isoinfo_lists_and_extracts_every_file(image: Path, contents: dict[str, bytes]) -> None:
    listed = run_peer("isoinfo", "-f", "-i", image).stdout.split()

    assert {name for name in listed if name.endswith(";1")} == {
        f"/{path};1" if "." in path else f"/{path}.;1" for path in contents
    }
    assert run_peer("isoinfo", "-i", image, "-x", f"/{DEEP}.;1").stdout == "deep"
    assert run_peer("isoinfo", "-i", image, "-x", "/README.TXT;1").stdout == "read me\n"


def test_isoinfo_sees_the_descriptor_and_no_extension(image: Path) -> None:
    said = run_peer("isoinfo", "-d", "-i", image).stdout

    assert re.search(r"^System id: *$", said, re.MULTILINE)
    assert re.search(r"^Volume id: CT_2024$", said, re.MULTILINE)
    assert re.search(r"^Publisher id: MEDIASTATION [0-9.]+$", said, re.MULTILINE)
    assert "Logical block size is: 2048" in said
    assert f"Volume size is: {image.stat().st_size // 2048}" in said
    assert "NO Joliet present" in said
    assert "NO Rock Ridge present" in said


def test_isoinfo_lists_sizes_and_dates(image: Path) -> None:
    said = run_peer("isoinfo", "-l", "-i", image).stdout

    (line,) = (line for line in said.splitlines() if "README.TXT;1" in line)
    assert re.search(r"\b9 Feb 29 2024\b", line)


def test_xorriso_finds_no_extension_and_no_fault(image: Path) -> None:
    said = run_peer("xorriso", "-indev", image, "-toc", "-check_media", "--")

    assert re.search(r"^ISO offers +: Only_ECMA_119$", said.stdout + said.stderr, re.MULTILINE)
    assert re.search(r"^Media region : +0 , +\d+ , \+ good$", said.stdout, re.MULTILINE)
    assert not re.search("FAILURE|SORRY|WARNING", said.stdout + said.stderr)


@given(drawn_trees(names=ALL_FILE_IDS, levels=6))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_any_legal_tree_comes_out_of_bsdtar_as_it_went_in(drawn: dict[str, int]) -> None:
    contents = legal_contents(drawn)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_image(folder / "disc.iso", medium_files(folder / "sources", contents), "")
        (folder / "out").mkdir()

        run_peer("bsdtar", "-xf", folder / "disc.iso", "-C", folder / "out")

        assert tree(folder / "out") == contents
