"""UDF images that other programs wrote, read here; and what other programs see on the same."""

from __future__ import annotations

import io
import json
import random
from collections.abc import Callable
from pathlib import Path

import pycdlib
import pytest

from mediastation.cli.app import run
from mediastation.errors import MediaError
from mediastation.model.finding import Severity
from mediastation.reading.contract import Volume
from mediastation.reading.udf import UdfVolume
from mediastation.reading.volume import FileSystem, IsoVolume, open_volume
from mediastation.verify.verifier import verify_volume
from tests.media.support import CONTENTS, UDF_REVISIONS, medium_files, write_udf
from tests.reading.test_udf import CONTENTS as BUILT
from tests.reading.test_udf import DATA, tree
from tests.support.file_sets import good_file_set, write_folder
from tests.support.peers import run_peer
from tests.support.udf_images import built
from tests.support.udfread import udfread_tree

Maker = Callable[[Path], Path]

# What mkudffs makes: medium, revision, block size, further options.
EMPTY = [
    ("hd", "1.02", 2048, []), ("hd", "1.50", 512, ["--strategy=4096"]),
    ("hd", "2.00", 4096, []), ("hd", "2.01", 512, ["--ad=long"]), ("hd", "1.50", 1024, []),
    ("dvdram", "1.50", 2048, []), ("cdrw", "1.50", 2048, []), ("cdrw", "2.01", 2048, []),
    ("cdr", "1.50", 2048, []), ("cdr", "2.00", 2048, []), ("dvdr", "2.01", 2048, ["--closed"]),
    ("dvdr", "2.50", 2048, []), ("bdr", "2.50", 2048, []), ("bdr", "2.60", 2048, []),
]  # fmt: skip


# pycdlib gives the root as the parent of every directory.
FAULTS = {"by_genisoimage": set(), "by_pycdlib": {"directory-parent"}}


def contents(volume: Volume) -> dict[str, bytes]:
    found = {}
    for file in volume.iter_files():
        with volume.open(file.path) as stream:
            found[file.path] = stream.read()
    return found


def by_genisoimage(tmp_path: Path) -> Path:
    root = write_folder(good_file_set(), tmp_path / "tree")
    path = tmp_path / "bridge.iso"
    run_peer("genisoimage", "-quiet", "-udf", "-o", path, root)
    return path


def by_pycdlib(tmp_path: Path) -> Path:
    path = tmp_path / "bridge.iso"
    iso = pycdlib.PyCdlib()
    iso.new(interchange_level=1, udf="2.60")
    made: set[str] = set()
    for name, data in good_file_set().items():
        parts = name.split("/")
        for depth in range(1, len(parts)):
            folder = "/" + "/".join(parts[:depth])
            if folder not in made:
                made.add(folder)
                iso.add_directory(folder, udf_path=folder)
        iso.add_fp(
            io.BytesIO(data),
            len(data),
            f"/{name}{'' if '.' in name else '.'};1",
            udf_path=f"/{name}",
        )
    iso.write(str(path))
    iso.close()
    return path


@pytest.mark.parametrize("make", [by_genisoimage, by_pycdlib])
class TestBridge:
    def test_both_sides_have_the_files_that_were_put_on_it(
        self, tmp_path: Path, make: Maker
    ) -> None:
        path = make(tmp_path)
        with open_volume(path) as first, open_volume(path, only=FileSystem.UDF) as second:
            assert isinstance(first, IsoVolume)
            assert first.has_udf
            assert isinstance(second, UdfVolume)
            assert second.has_iso9660
            assert second.revision == 0x0102
            assert {f.rule for f in second.findings} <= FAULTS[make.__name__]
            assert contents(first) == contents(second) == good_file_set()

    def test_both_sides_pass(
        self, tmp_path: Path, make: Maker, capsys: pytest.CaptureFixture[str]
    ) -> None:
        path = make(tmp_path)
        with open_volume(path, only=FileSystem.UDF) as volume:
            assert verify_volume(volume).ok
        assert run(["verify", str(path), "--json", "--home", str(tmp_path / "home")]) == 0
        assert json.loads(capsys.readouterr().out)["ok"]


def test_a_flipped_bit_of_the_udf_side_is_found_or_changes_nothing(tmp_path: Path) -> None:
    path = by_genisoimage(tmp_path)
    image = bytearray(path.read_bytes())
    with UdfVolume(path) as volume:
        places = [
            span.offset + at
            for span in volume.iter_spans()
            if span.file is None and not span.region.startswith(("padding", "unused", "system"))
            for at in range(min(span.length, 512))
        ]
    chance = random.Random(20)
    with path.open("r+b") as file:
        for at in chance.sample(places, 400):
            file.seek(at)
            file.write(bytes([image[at] ^ 1 << chance.randrange(8)]))
            file.flush()
            try:
                with UdfVolume(path) as volume:
                    assert volume.findings or contents(volume) == good_file_set(), at
            except MediaError:
                pass
            file.seek(at)
            file.write(image[at : at + 1])


@pytest.mark.parametrize(("medium", "revision", "block", "options"), EMPTY)
def test_an_empty_file_system_of_every_kind_is_read(
    tmp_path: Path, medium: str, revision: str, block: int, options: list[str]
) -> None:
    path = tmp_path / "empty.udf"
    with path.open("wb") as file:
        file.truncate(8 << 20)
    words = [f"--media-type={medium}", f"--udfrev={revision}", f"--blocksize={block}", *options]
    run_peer("mkudffs", *words, "--label=DICOMTEST", path)

    with open_volume(path) as volume:
        assert isinstance(volume, UdfVolume)
        assert f"{volume.revision >> 8:x}.{volume.revision & 255:02x}" == revision
        assert volume.volume_identifier == "DICOMTEST"
        assert volume.block_size == block
        assert contents(volume) == {}
        assert len(volume.directories) == 1
        faults = {f.rule for f in volume.findings if f.severity is not Severity.NOTE}
        assert faults <= {"anchors"}


@pytest.mark.parametrize("kind", ["plain", "metadata"])
def test_other_readers_see_the_same_on_images_built_by_hand(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "built.udf"
    path.write_bytes(built(tree(kind), DATA, kind))
    run_peer("7z", "x", f"-o{tmp_path / 'out'}", path, check=kind == "plain")
    unpacked = {
        str(file.relative_to(tmp_path / "out")): file.read_bytes()
        for file in (tmp_path / "out").rglob("*")
        if file.is_file()
    }
    assert unpacked == BUILT
    assert udfread_tree(path) == BUILT


@pytest.mark.parametrize("revision", UDF_REVISIONS)
def test_what_our_writer_wrote_is_read_without_a_word(tmp_path: Path, revision: str) -> None:
    path = tmp_path / "own.udf"
    files = medium_files(tmp_path / "sources", CONTENTS)
    write_udf(path, files, revision)
    expected = {file.path: file.source.read_bytes() for file in files}
    with open_volume(path) as volume:
        assert isinstance(volume, UdfVolume)
        assert volume.findings == ()
        assert volume.is_pure
        assert contents(volume) == expected


def test_a_file_set_on_udf_alone_passes_the_command(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "own.udf"
    write_udf(path, medium_files(tmp_path / "sources", good_file_set()), "2.50")
    assert run(["verify", str(path), "--json", "--home", str(tmp_path / "home")]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["ok"], told["files"]) == (True, len(good_file_set()))
