"""File-sets of other makers, updated here, and read by other programs afterwards."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from mediastation.station.updating.update import update
from mediastation.station.verification import verify
from tests.support.corpus import corpus_file
from tests.support.objects import write_series
from tests.support.peers import peer, run_peer
from tests.support.updating import digests, record_bytes, request, tree, updated

CD = "STD-GEN-CD"
FILE_SET_READER = """
import sys, warnings
warnings.simplefilter("error")
from pydicom.fileset import FileSet
found = FileSet(sys.argv[1])
print(found.UID, *sorted(instance.SOPInstanceUID for instance in found))
"""


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def by_mediastation(station: Station, sources: list[Path], tmp_path: Path) -> Path:
    output = tmp_path / "made.iso"
    chosen = tuple(map(str, sources))
    assert export(station, ExportRequest(chosen, CD, output)).stopped == ""
    return output


def by_dcmtk(_: Station, sources: list[Path], tmp_path: Path) -> Path:
    """Made by dcmmkdir, in a folder."""
    folder = tmp_path / "dcmtk"
    folder.mkdir()
    names = [f"IM{number}" for number in range(len(sources))]
    for name, source in zip(names, sources, strict=True):
        shutil.copy(source, folder / name)
    run_peer("dcmmkdir", "-Pgp", "+id", folder, "+D", folder / "DICOMDIR", "+F", "DCMTK", *names)
    return folder


def by_dcmtk_and_genisoimage(station: Station, sources: list[Path], tmp_path: Path) -> Path:
    image = tmp_path / "dcmtk.iso"
    folder = by_dcmtk(station, sources, tmp_path)
    plain = ("-quiet", "-iso-level", "1", "-sysid", "", "-V", "DCMTK")
    run_peer("genisoimage", *plain, "-o", image, folder)
    return image


def by_dcmtk_and_xorriso(station: Station, sources: list[Path], tmp_path: Path) -> Path:
    image = tmp_path / "dcmtk.iso"
    folder = by_dcmtk(station, sources, tmp_path)
    run_peer("xorriso", "-as", "mkisofs", "-quiet", "-R", "-J", "-V", "DCMTK", "-o", image, folder)
    return image


def by_pydicom(_: Station, sources: list[Path], tmp_path: Path) -> Path:
    """Made by pydicom's FileSet, in a process of its own: it leaves folders behind."""
    folder = tmp_path / "pydicom"
    program = (
        "import sys; from pydicom.fileset import FileSet; made = FileSet(); made.ID = 'PYDICOM'\n"
        "for path in sys.argv[2:]: made.add(path)\n"
        "made.write(sys.argv[1])"
    )
    subprocess.run([sys.executable, "-c", program, str(folder), *map(str, sources)], check=True)
    return folder


MAKERS = [
    by_mediastation, by_dcmtk, by_dcmtk_and_genisoimage, by_dcmtk_and_xorriso, by_pydicom
]  # fmt: skip
Maker = Callable[[Station, list[Path], Path], Path]


def unpacked(image: Path, folder: Path) -> Path:
    """The files of an image, taken out by xorriso under their File IDs."""
    run_peer("xorriso", "-osirrox", "on", "-indev", image, "-extract", "/", folder)
    for path in sorted(folder.rglob("*"), reverse=True):
        path.chmod(0o755)
    return folder


@pytest.mark.parametrize("maker", MAKERS, ids=lambda maker: maker.__name__)
def test_what_is_updated_reads_elsewhere_and_what_stays_is_the_same(
    station: Station, tmp_path: Path, maker: Maker
) -> None:
    sources = write_series(tmp_path / "a", 3)
    sources += write_series(tmp_path / "b", 2, SeriesInstanceUID="1.2.3.2", SeriesNumber="2")
    write_series(tmp_path / "c", 2, SeriesInstanceUID="1.2.3.3", SeriesNumber="3")
    made = maker(station, sources, tmp_path)
    before, records = digests(made), record_bytes(made)
    image = tmp_path / "updated.iso"

    updated(
        station, made, image, profile=CD, add=(str(tmp_path / "c"),),
        remove=("1.2.3.1.2", "1.2.3.2"),
    )  # fmt: skip

    after = digests(image)
    own = {"DICOMDIR", "INDEX.HTM", "README.TXT", "SHA256.TXT"}
    kept = {path: digest for path, digest in before.items() if after.get(path) == digest}
    assert len(before.keys() - own - kept.keys()) == 3
    bytes_after = record_bytes(image)
    assert {path for path, content in records.items() if bytes_after.get(path) == content} >= (
        kept.keys() - own
    )
    assert verify(station, image).ok

    uids = ["1.2.3.1.1", "1.2.3.1.3", "1.2.3.3.1", "1.2.3.3.2"]
    assert [uid for _, _, uid in tree(image) if uid] == uids
    folder = unpacked(image, tmp_path / "unpacked")
    directory = folder / "DICOMDIR"
    told = run_peer("dcmdump", directory)
    assert not re.search(r"^[EW]:", told.stdout + told.stderr, re.MULTILINE)
    validated = run_peer("dciodvfy", directory, check=False)
    assert "Error" not in validated.stdout + validated.stderr
    paths = {path for path in after if path.rpartition("/")[2].startswith("IM")}
    run_peer("dcentvfy", *(folder / path for path in paths))
    walked = run_peer("dcdirdmp", directory, check=False)
    shown = re.findall(r"-> (\S+)", walked.stdout + walked.stderr)
    assert {path.replace("\\", "/") for path in shown} == paths
    found = subprocess.run(
        [sys.executable, "-c", FILE_SET_READER, str(directory)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert found.stdout.split()[1:] == uids
    assert found.stdout.split()[0] == pydicom.dcmread(directory).file_meta[0x00020003].value


def test_the_file_set_of_pydicom_s_tests_takes_another_patient(
    station: Station, tmp_path: Path
) -> None:
    """Two people, six studies and names without a scheme, made by an old dcmmkdir."""
    original = corpus_file("media/pydicom_dicomdirtests/DICOMDIR").parent
    made = tmp_path / "made"
    shutil.copytree(original, made, ignore=shutil.ignore_patterns("DICOMDIR-*"))
    person = {"PatientID": "new", "PatientName": "New^Person"}
    write_series(tmp_path / "c", 2, StudyInstanceUID="1.8", SeriesInstanceUID="1.8.1", **person)
    before, records = digests(made), record_bytes(made)
    image = tmp_path / "updated.iso"

    updated(station, made, image, profile=CD, add=(str(tmp_path / "c"),), several_patients=True)

    after = digests(image)
    assert {path for path in before if after[path] != before[path]} == {"DICOMDIR"}
    assert len(after) == len(before) + 2
    kept = record_bytes(image)
    assert all(content in kept.values() for content in records.values())
    updated(station, image, tmp_path / "back.iso", remove=("1.8",), several_patients=True)
    assert digests(tmp_path / "back.iso").keys() == before.keys()
    assert record_bytes(tmp_path / "back.iso") == records


def test_gdcm_s_wrong_offset_is_named_and_refused(station: Station, tmp_path: Path) -> None:
    """Its DICOMDIR names the last record of the file where that of the root is meant."""
    made = tmp_path / "gdcm"
    for number, source in enumerate(write_series(tmp_path / "a", 3)):
        (made / "A").mkdir(parents=True, exist_ok=True)
        shutil.copy(source, made / "A" / f"IM{number}")
    run_peer("gdcmgendir", "-r", "--root-uid", "1.2.3.4", "--descriptor", "GDCM", made,
             made / "DICOMDIR")  # fmt: skip

    result = update(station, request(made, tmp_path / "n.iso", profile=CD, remove=("1.2.3.1.1",)))

    errors = {item.rule for item in result.findings if item.severity == "error"}
    assert "last-root-offset" in errors
    assert not (tmp_path / "n.iso").exists()


def test_dcmtk_goes_on_writing_where_we_ended(station: Station, tmp_path: Path) -> None:
    sources = write_series(tmp_path / "a", 2)
    write_series(tmp_path / "c", 1, SeriesInstanceUID="1.2.3.3", SeriesNumber="3")
    made = by_dcmtk(station, sources, tmp_path)
    updated(station, made, tmp_path / "u.iso", profile=CD, add=(str(tmp_path / "c"),))
    folder = unpacked(tmp_path / "u.iso", tmp_path / "unpacked")
    (more,) = write_series(tmp_path / "d", 1, SeriesInstanceUID="1.2.3.4", SeriesNumber="4")
    shutil.copy(more, folder / "ADDED")

    subprocess.run(
        [peer("dcmmkdir"), "-Pgp", "-nb", "--append", "+D", "DICOMDIR", "ADDED"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip

    assert [uid for _, _, uid in tree(folder) if uid] == [
        "1.2.3.1.1", "1.2.3.1.2", "1.2.3.3.1", "1.2.3.4.1"
    ]  # fmt: skip
