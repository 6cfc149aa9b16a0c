"""Media made by other programs, and what other programs see on the same media."""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from pathlib import Path

import pydicom
import pytest
from pydicom.data import get_testdata_file

from mediastation.reading.dicomdir import DirectoryRecord, read_dicomdir
from mediastation.reading.iso9660 import IsoVolume
from mediastation.reading.volume import open_volume
from mediastation.verify import verify_medium
from tests.support.corpus import CORPUS, corpus_file
from tests.support.file_sets import good_file_set, write_folder, write_image
from tests.support.iso_peers import pycdlib_files
from tests.support.peers import peer, run_peer

WRITERS: dict[str, Sequence[str]] = {
    "genisoimage plain": ("genisoimage", "-quiet", "-sysid", "", "-V", "TESTSET"),
    "genisoimage Rock Ridge and Joliet": ("genisoimage", "-quiet", "-R", "-J"),
    "genisoimage UDF bridge": ("genisoimage", "-quiet", "-iso-level", "1", "-udf"),
    "xorriso plain": ("xorriso", "-as", "mkisofs", "-quiet", "--norock", "-V", "TESTSET"),
    "xorriso Rock Ridge and Joliet": ("xorriso", "-as", "mkisofs", "-quiet", "-R", "-J"),
}  # fmt: skip
# What each writer breaks of Annex F's own rules, and of those of a bridge disc.
FAULTS: dict[str, set[str]] = {
    "genisoimage plain": set(),
    "genisoimage Rock Ridge and Joliet": {
        "system-identifier", "volume-identifier", "supplementary-descriptor", "system-use",
    },
    # It writes no descriptor "*UDF LV Info" (UDF 2.2.7).
    "genisoimage UDF bridge": {"udf-sequences"},
    "xorriso plain": set(),
    "xorriso Rock Ridge and Joliet": {
        "volume-identifier", "supplementary-descriptor", "system-use",
    },
}  # fmt: skip


def made_by(writer: str, tmp_path: Path) -> Path:
    root = write_folder(good_file_set(), tmp_path / "tree")
    path = tmp_path / "disc.iso"
    program, *options = WRITERS[writer]
    run_peer(program, *options, "-o", path, root)
    return path


@pytest.mark.parametrize("writer", WRITERS)
class TestForeignImages:
    def test_the_files_are_those_that_were_put_on_it(self, writer: str, tmp_path: Path) -> None:
        with open_volume(made_by(writer, tmp_path)) as volume:
            seen = {file.path: volume.open(file.path).read() for file in volume.iter_files()}
            errors = volume.findings

        assert seen == good_file_set()
        assert errors == ()

    def test_it_passes_and_annex_f_is_only_a_warning(self, writer: str, tmp_path: Path) -> None:
        report = verify_medium(made_by(writer, tmp_path))

        assert report.ok
        assert report.manifest == "structure only"
        warnings = {f.rule for f in report.findings if f.severity == "warning"}
        assert warnings == FAULTS[writer]

    def test_its_spans_cover_the_image_once_in_order(self, writer: str, tmp_path: Path) -> None:
        path = made_by(writer, tmp_path)
        content = path.read_bytes()
        files = good_file_set()
        with IsoVolume(path) as volume:
            spans = list(volume.iter_spans())

        at = 0
        for span in spans:
            assert (span.offset, span.length > 0) == (at, True)
            at += span.length
            if span.file is not None:
                expected = files[span.region][span.file_offset : span.file_offset + span.length]
                assert content[span.offset : span.offset + span.length] == expected
        assert at == len(content)
        names = {span.region for span in spans}
        assert {"system area", "primary volume descriptor", "path table L", "path table M"} <= names
        assert {"directory /", "directory /DICOM", "directory /DICOM/S1"} <= names

    def test_bsdtar_and_7z_list_the_same_names(self, writer: str, tmp_path: Path) -> None:
        path = made_by(writer, tmp_path)
        with open_volume(path) as volume:
            ours = {file.path for file in volume.iter_files()}

        told = run_peer("bsdtar", "-tvf", path).stdout.splitlines()
        assert {line.split()[-1] for line in told if line.startswith("-")} == ours
        rows = run_peer("7z", "l", "-ba", "-slt", path).stdout.split("\n\n")
        listed = set()
        for row in rows:
            fields = dict(line.split(" = ", 1) for line in row.splitlines() if " = " in line)
            if fields.get("Folder") == "-":
                listed.add(fields["Path"].removesuffix("."))
        assert listed == ours


def test_isoinfo_sees_the_same_places_and_sizes(tmp_path: Path) -> None:
    path = write_image(good_file_set(), tmp_path)
    with IsoVolume(path) as volume:
        ours = {
            file.recorded: (file.extents[0].offset // 2048, file.size_bytes)
            for file in volume.iter_files()
            if file.path.startswith(("DICOM/S2", "DICOMDIR", "README"))
        }

    told: dict[str, tuple[int, int]] = {}
    for line in run_peer("isoinfo", "-l", "-i", path).stdout.splitlines():
        if line.startswith("-") and "/S1/" not in line:
            words = line.replace("[", " ").replace("]", " ").split()
            told[words[-1]] = (int(words[-3]), int(words[4]))
    assert {name: told[name] for name in ours} == ours


def test_of_an_appended_disc_the_last_session_is_read(tmp_path: Path) -> None:
    files = good_file_set()
    first = write_image({"README.TXT": b"first session"}, tmp_path / "one")
    size = first.stat().st_size // 2048
    start = -(-size // 16) * 16 + 320  # what lies between sessions is not the writer's
    root = write_folder(files, tmp_path / "two")
    second = tmp_path / "second.iso"
    run_peer(
        "genisoimage", "-quiet", "-iso-level", "1", "-C", f"0,{start}", "-M", first,
        "-o", second, root,
    )  # fmt: skip
    disc = tmp_path / "disc.iso"
    content = first.read_bytes()
    disc.write_bytes(content + bytes(start * 2048 - len(content)) + second.read_bytes())

    with IsoVolume(disc) as volume:
        seen = {file.path: volume.open(file.path).read() for file in volume.iter_files()}
        findings = volume.findings

    assert seen == files
    assert [f.rule for f in findings] == ["several-sessions"]
    assert verify_medium(disc).ok


def test_a_large_image_inside_the_disc_is_not_taken_for_a_session(tmp_path: Path) -> None:
    inner = write_image({"INNER.TXT": b"inner"}, tmp_path / "inner").read_bytes()
    files = {**good_file_set(), "OTHER.ISO": inner}
    disc = write_image(files, tmp_path / "outer")
    disc.write_bytes(disc.read_bytes() + bytes(2048 * 3) + inner)

    with IsoVolume(disc) as volume:
        assert {file.path for file in volume.iter_files()} == set(files)


def test_a_file_of_several_extents_is_one_file(tmp_path: Path) -> None:
    """Level 3, by making one file of two neighbours; bsdtar agrees on what that means."""
    files = {**good_file_set(), "BIG_1.BIN": b"one" * 2048, "BIG_2.BIN": b"two" * 1000}
    path = write_image(files, tmp_path)
    content = bytearray(path.read_bytes())
    content[content.index(b"BIG_1.BIN;1") - 33 + 25] |= 0x80
    second = content.index(b"BIG_2.BIN;1")
    content[second : second + 11] = b"BIG_1.BIN;1"
    path.write_bytes(content)

    with IsoVolume(path) as volume:
        (big,) = (file for file in volume.iter_files() if file.path == "BIG_1.BIN")
        with volume.open("BIG_1.BIN") as stream:
            whole = stream.read()
            stream.seek(6140)
            across = stream.read(8)

    assert whole == b"one" * 2048 + b"two" * 1000
    assert across == whole[6140:6148]
    assert (big.size_bytes, len(big.extents)) == (9144, 2)
    assert run_peer("bsdtar", "-xOf", path, "BIG_1.BIN").stdout.encode() == whole
    assert "file-flags" in {f.rule for f in verify_medium(path).findings}


def _shape(record: DirectoryRecord) -> tuple[str, tuple[str, ...], str]:
    return record.type, record.file_id, record.sop_instance_uid


DIRECTORIES = [
    "philips_ct_disc/DICOMDIR",
    "nema_wg04_rle_disc/DICOMDIR",
    "pydicom_dicomdirtests/DICOMDIR",
    "pydicom_dicomdirtests/DICOMDIR-bigEnd",
    "pydicom_dicomdirtests/DICOMDIR-implicit",
    "pydicom_dicomdirtests/DICOMDIR-reordered",
    "pydicom_dicomdirtests/DICOMDIR-empty.dcm",
]


@pytest.mark.parametrize("name", DIRECTORIES)
def test_records_are_those_that_pydicom_reads(name: str) -> None:
    path = corpus_file(f"media/{name}")
    with path.open("rb") as stream:
        directory = read_dicomdir(stream)
        ours = [(*_shape(record), sorted(directory.keys(record))) for record in directory.records]

    theirs = []
    for item in pydicom.dcmread(path).get("DirectoryRecordSequence") or []:
        parts = item.get("ReferencedFileID") or []
        theirs.append(
            (
                str(item.DirectoryRecordType),
                (parts,) if isinstance(parts, str) else tuple(parts),
                str(item.get("ReferencedSOPInstanceUIDInFile", "")),
                sorted(int(key.tag) for key in item if key.tag.group != 4),
            )
        )
    assert ours == theirs


@pytest.mark.parametrize("name", [n for n in DIRECTORIES if "bigEnd" not in n])
def test_offsets_are_those_that_dcmdump_prints(name: str) -> None:
    path = corpus_file(f"media/{name}")
    text = run_peer("dcmdump", "-q", path).stdout
    told = [
        int(line.split("offset=$")[1].split()[0])
        for line in text.splitlines()
        if "offset=$" in line
    ]

    with path.open("rb") as stream:
        directory = read_dicomdir(stream)

    assert [record.offset for record in directory.records] == told


def test_a_file_set_made_by_dcmmkdir_and_genisoimage_passes(tmp_path: Path) -> None:
    """But for the instance that dcmmkdir left out: JPEG 2000 has no place in its profile."""
    root = tmp_path / "tree"
    (root / "DICOM").mkdir(parents=True)
    for number, name in enumerate(("CT_small.dcm", "MR_small.dcm", "JPEG2000.dcm"), start=1):
        source = get_testdata_file(name)
        assert isinstance(source, str)
        (root / "DICOM" / f"I{number}").write_bytes(Path(source).read_bytes())
    subprocess.run(
        [peer("dcmmkdir"), "-q", "-Pgp", "+r", "+id", ".", "DICOM", "+F", "TESTSET"],
        cwd=root, check=False, capture_output=True, timeout=60,
    )  # fmt: skip
    path = tmp_path / "disc.iso"
    run_peer(
        "genisoimage", "-quiet", "-iso-level", "1", "-sysid", "", "-V", "TESTSET", "-o", path, root
    )

    report = verify_medium(path)

    assert [(f.rule, f.subject) for f in report.findings] == [("unreferenced", "DICOM/I3")]
    assert (report.instances, report.file_set_id) == (3, "TESTSET")


def test_pycdlib_reads_the_same_bytes(tmp_path: Path) -> None:
    path = write_image(good_file_set(), tmp_path)
    with IsoVolume(path) as volume:
        ours = {
            file.path: (file.extents[0].offset // 2048, volume.open(file.path).read())
            for file in volume.iter_files()
        }

    assert ours == pycdlib_files(path)


def test_the_corpus_is_where_these_tests_look() -> None:
    if not CORPUS.is_dir():
        pytest.skip("the corpus is not here")
    assert all((CORPUS / "media" / name).exists() for name in DIRECTORIES)
