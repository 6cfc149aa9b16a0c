"""Every named damage is imported: nothing readable is lost, each defect is named, nothing leaks.

The expectations are typed beside each damage (`tests.support.outside`), not
read from what the import says.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mediastation.model.finding import Severity
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest, ImportResult
from mediastation.station.station import Station
from tests.support.outside.damage import Damage
from tests.support.outside.patients import COUNT, instance_files
from tests.support.outside.registry import OF_MEDIA, OF_TREES
from tests.support.outside.writers import MAKERS, OutsideMedia, plain_folder, plain_iso

pytestmark = pytest.mark.usefixtures("quick")


def take_in(medium: Path, home: Path) -> tuple[ImportResult, set[str]]:
    """Import into a home of its own; the digests of what its store then holds."""
    with Station(home) as station:
        result = import_medium(station, ImportRequest(medium=medium))
        stored = {
            hashlib.sha256(path.read_bytes()).hexdigest()
            for path in (home / "store").rglob("*")
            if path.is_file()
        }
    return result, stored


def state(root: Path) -> dict[str, tuple[int, float, str]]:
    """What lies below a folder, so that a change of anything shows."""
    found = {}
    for top, folders, files in os.walk(root):
        for name in (*folders, *files):
            path = Path(top, name)
            status = path.lstat()
            digest = ""
            if path.is_file() and not path.is_symlink():
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
            found[str(path)] = (status.st_mode, status.st_mtime, digest)
    return found


def told(result: ImportResult) -> str:
    """What a failing test shows."""
    lines = [f"{f.severity} {f.rule} {f.subject}: {f.message}" for f in result.findings]
    return "\n".join([str(result.counts()), result.stopped, *lines])


def require(damage: Damage, result: ImportResult) -> None:
    """Hold an import against what is typed beside the damage."""
    expects = damage.expects
    assert (result.imported, result.duplicates, result.held) == (
        expects.imported, expects.duplicates, expects.held,
    ), told(result)  # fmt: skip
    named = {finding.rule for finding in result.findings}
    if expects.rules:
        assert named & expects.rules, told(result)
    else:
        severe = [f.rule for f in result.findings if f.severity is Severity.ERROR]
        assert severe == [], told(result)
    assert result.repaired >= expects.repairs, told(result)
    assert (result.exit_code == 0) <= (not expects.held), told(result)
    # What nobody can see on the medium cannot be missed; anything else is not called done.
    if expects.rules and expects.imported + expects.duplicates + expects.held < COUNT:
        assert result.exit_code == 1, told(result)


def cases() -> Iterator[object]:
    """Each damage once; those of trees as a folder and as an image by turns.

    That readers give the same of both is told by
    `tests.importing.test_outside_media`.
    """
    for number, damage in enumerate(OF_TREES):
        how = "image" if number % 2 else "folder"
        yield pytest.param(damage, how, id=f"{damage.name}-{how}")
    for damage in OF_MEDIA:
        yield pytest.param(damage, "medium", id=damage.name)


@pytest.mark.parametrize(("damage", "how"), list(cases()))
def test_what_can_be_read_comes_in_and_what_is_wrong_is_named(
    damage: Damage, how: str, outside_media: OutsideMedia, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    if damage.make is not None:
        medium = damage.make(outside_media, outside)
    elif how == "folder":
        medium = plain_folder(outside, damage.tree())
    else:
        medium = plain_iso(outside, damage.tree())
    outside.mkdir(exist_ok=True)
    before = state(outside)

    result, _ = take_in(medium, tmp_path / "home")

    require(damage, result)
    assert state(outside) == before
    assert {path.name for path in tmp_path.iterdir()} == {"outside", "home"}


# Ways of other writers that are told and cost nothing, typed.
WAYS = {
    "iso-joliet-only": {"joliet-only"},
    "iso-two-sessions": {"several-sessions", "directory-copy", "name-differs"},
    "iso-long-lower-case": {"missing-file", "name-differs"},
    "folder-lower-case": {"name-differs"},
}


@pytest.mark.parametrize("kind", MAKERS)
def test_good_media_of_every_writer_come_in_whole(
    kind: str, outside_media: OutsideMedia, tmp_path: Path
) -> None:
    result, stored = take_in(outside_media.medium(kind), tmp_path / "home")

    assert (result.imported, result.held, result.missing) == (COUNT, 0, 0), told(result)
    assert result.exit_code == 0
    kept = {hashlib.sha256(content).hexdigest() for content in instance_files().values()}
    assert kept <= stored
    named = {f.rule for f in result.findings if f.severity is not Severity.NOTE}
    assert named <= WAYS.get(kind, set()), told(result)


@pytest.mark.parametrize("program", ["gdcm", "pydicom"])
def test_media_with_other_programs_directories_come_in_whole(
    program: str, outside_media: OutsideMedia, tmp_path: Path
) -> None:
    """GDCM's directory leaves the compressed image out; it comes in all the same."""
    result, _ = take_in(outside_media.medium("folder", program), tmp_path / "home")

    assert (result.imported, result.held, result.missing) == (COUNT, 0, 0), told(result)
    severe = {f.rule for f in result.findings if f.severity is Severity.ERROR}
    assert severe == set()
    unlisted = {f.subject for f in result.findings if f.rule == "unreferenced"}
    assert len(unlisted) == (program == "gdcm")
