"""A further session: what is new behind what is there, and all of it to be seen."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import pytest

from mediastation.burn.session import AppendedSession, find_kept, plan_session, same_file_set
from mediastation.errors import MediaError, RefusedError
from mediastation.model.manifest import Manifest
from mediastation.reading.iso9660 import IsoVolume
from mediastation.verify.reread import reread
from mediastation.verify.whole_medium import Placement
from tests.support.discs import Images, make_images
from tests.support.peers import peer, run_peer

SECTOR = 2048
# Where a CD-R goes on: lead-out, lead-in and gap take some 11,400 sectors (Orange Book).
NEXT = 11_752


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Images:
    return make_images(tmp_path_factory.mktemp("images"))


@pytest.fixture
def disc(tmp_path: Path, images: Images) -> Path:
    """A disc that holds the first state, read as a file of all its sectors."""
    path = tmp_path / "disc"
    path.write_bytes(images.first.read_bytes())
    return path


def nothing_known(_: str) -> tuple[()]:
    """Know of no other medium."""
    return ()


def unwatched(*_: int) -> None:
    """Watch nothing."""


def plan(disc: Path, image: Path, manifest: Manifest, first: int = NEXT) -> AppendedSession:
    with IsoVolume(image) as new, IsoVolume(disc) as there:
        kept = find_kept(there, manifest, unwatched)
        return plan_session(new, there, kept, first)


def append(disc: Path, session: AppendedSession) -> Path:
    """Do what a burner does: write the session where it goes, and zeros behind it."""
    with disc.open("r+b") as file:
        file.seek(session.first_sector * SECTOR)
        for chunk in session.chunks():
            file.write(chunk)
        file.write(bytes(150 * SECTOR))
    return disc


def digest(session: AppendedSession) -> str:
    whole = hashlib.sha256()
    for chunk in session.chunks():
        whole.update(chunk)
    return whole.hexdigest()


@pytest.fixture
def session(disc: Path, images: Images) -> AppendedSession:
    return plan(disc, images.updated, images.updated_manifest)


def test_what_lies_on_the_disc_is_not_written_again(session: AppendedSession) -> None:
    written = {piece.file.path for piece in session.pieces}

    assert {"DICOMDIR", "README.TXT", "SHA256.TXT"} <= written
    assert len([path for path in session.kept if path.startswith("DICOM/")]) == 3
    assert len([path for path in written if path.startswith("DICOM/")]) == 1
    assert not written & set(session.kept)


def test_the_whole_updated_file_set_is_there(
    disc: Path, session: AppendedSession, images: Images
) -> None:
    append(disc, session)
    expected = session.manifest(images.updated_manifest, digest(session))

    report = reread(disc, expected, nothing_known, placement=Placement(NEXT, padded=True))

    assert report.ok, report.findings
    assert report.files == len(images.updated_manifest.files)
    assert report.proved.startswith("Every byte")


def test_a_flipped_bit_in_any_part_of_the_session_is_found(
    disc: Path, session: AppendedSession, images: Images
) -> None:
    append(disc, session)
    expected = session.manifest(images.updated_manifest, digest(session))
    whole = bytearray(disc.read_bytes())

    for at in range(0, session.size_bytes, 7001):
        whole[NEXT * SECTOR + at] ^= 4
        disc.write_bytes(whole)
        report = reread(disc, expected, nothing_known, placement=Placement(NEXT, padded=True))
        assert not report.ok, at
        whole[NEXT * SECTOR + at] ^= 4


def test_a_kept_file_that_spoiled_meanwhile_is_found(
    disc: Path, session: AppendedSession, images: Images
) -> None:
    """It lies in the first session, outside of what was written now."""
    append(disc, session)
    expected = session.manifest(images.updated_manifest, digest(session))
    path = next(path for path in session.kept if path.startswith("DICOM/"))
    with IsoVolume(disc) as volume:
        (file,) = [file for file in volume.iter_files() if file.path == path]
    raw = bytearray(disc.read_bytes())
    raw[file.extents[0].offset + 200] ^= 1
    disc.write_bytes(raw)

    report = reread(disc, expected, nothing_known, placement=Placement(NEXT, padded=True))

    assert not report.ok
    assert any(path in finding.subject for finding in report.findings)


def test_a_damaged_file_on_the_disc_is_written_again(disc: Path, images: Images) -> None:
    with IsoVolume(disc) as volume:
        file = next(file for file in volume.iter_files() if file.path.startswith("DICOM/"))
    raw = bytearray(disc.read_bytes())
    raw[file.extents[0].offset + 200] ^= 1
    disc.write_bytes(raw)

    session = plan(disc, images.updated, images.updated_manifest)

    assert file.path in {piece.file.path for piece in session.pieces}


def test_xorriso_reads_the_session_whole(
    disc: Path, session: AppendedSession, images: Images, tmp_path: Path
) -> None:
    append(disc, session)
    out = tmp_path / "out"

    run_peer("xorriso", "-no_rc", "-osirrox", "on", "-load", "lba", str(NEXT),
             "-indev", f"stdio:{disc}", "-extract", "/", out)  # fmt: skip

    assert_extracted(out, images)


def test_isoinfo_reads_the_session_whole(
    disc: Path, session: AppendedSession, images: Images
) -> None:
    append(disc, session)

    for file in images.updated_manifest.files:
        # isoinfo gives the content of one file at a time.
        dot = "" if "." in file.path else "."
        raw = run_isoinfo(disc, f"/{file.path}{dot};1")
        assert hashlib.sha256(raw).hexdigest() == file.sha256, file.path


def run_isoinfo(disc: Path, path: str) -> bytes:
    import subprocess  # noqa: PLC0415 - its output is no text

    done = subprocess.run(
        [peer("isoinfo"), "-i", str(disc), "-T", str(NEXT), "-x", path],
        check=True,
        capture_output=True,
        timeout=60,
    )
    return done.stdout


def assert_extracted(out: Path, images: Images) -> None:
    for file in images.updated_manifest.files:
        found = hashlib.sha256((out / file.path).read_bytes()).hexdigest()
        assert found == file.sha256, file.path


def test_a_third_session_goes_on_from_the_second(
    disc: Path, session: AppendedSession, images: Images
) -> None:
    """The same File-set once more: everything but its structures is there."""
    append(disc, session)
    first = NEXT + 7_000

    again = plan(disc, images.updated, images.updated_manifest, first)

    assert not again.pieces
    append(disc, again)
    with IsoVolume(disc) as volume:
        assert volume.session_sector == first
        assert {file.path for file in volume.iter_files()} == {
            file.path for file in images.updated_manifest.files
        }


def test_the_same_input_gives_the_same_session(disc: Path, images: Images) -> None:
    one = plan(disc, images.updated, images.updated_manifest)
    two = plan(disc, images.updated, images.updated_manifest)

    assert digest(one) == digest(two)


def test_a_session_inside_the_one_before_is_refused(disc: Path, images: Images) -> None:
    with pytest.raises(RefusedError) as caught:
        plan(disc, images.updated, images.updated_manifest, first=20)

    assert caught.value.findings[0].rule == "no-appending"


def test_an_image_with_a_second_tree_is_refused(disc: Path, images: Images, tmp_path: Path) -> None:
    """Its readers would go on to see the old state, and nobody would know."""
    tree = tmp_path / "tree"
    tree.mkdir()
    (tree / "DICOMDIR").write_bytes(b"x")
    joliet = tmp_path / "joliet.iso"
    run_peer("genisoimage", "-quiet", "-J", "-o", joliet, tree)

    with pytest.raises(RefusedError):
        plan(disc, joliet, images.updated_manifest)
    with pytest.raises(RefusedError):
        plan(joliet, images.updated, images.updated_manifest)


def test_an_image_that_shrinks_under_our_hands_is_told(
    disc: Path, images: Images, tmp_path: Path
) -> None:
    image = tmp_path / "updated.iso"
    image.write_bytes(images.updated.read_bytes())
    session = plan(disc, image, images.updated_manifest)
    image.write_bytes(images.updated.read_bytes()[: 30 * SECTOR])

    with pytest.raises(MediaError):
        digest(session)


def test_only_the_file_set_that_lies_there_goes_on(images: Images) -> None:
    updated = images.updated_manifest

    assert same_file_set(images.manifest, images.manifest.file_set_uid, updated) is None
    other = same_file_set(images.manifest, images.manifest.file_set_uid,
                          replace(updated, file_set_uid="2.25.1"))  # fmt: skip
    assert other is not None
    assert other.rule == "other-file-set"
    assert same_file_set(None, "", updated) is not None
