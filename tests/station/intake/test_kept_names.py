"""A medium with a bad directory, imported and written anew: the same files, the same names."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

import tests.support.outside.directory_damage  # noqa: F401 - it registers the damages
from mediastation.errors import ConfigError
from mediastation.importing.repaired_set import ON_A_DISC, ON_A_STICK
from mediastation.reading.volume import open_volume
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.kept_names import kept_file_ids
from mediastation.station.intake.repaired_medium import plan_medium_anew
from mediastation.station.intake.request import ImportRequest
from mediastation.station.station import Station
from tests.support.dicomdir_walk import walk
from tests.support.file_sets import write_folder
from tests.support.outside.damage import DAMAGES, Tree
from tests.support.outside.patients import instance_files
from tests.support.scanned_files import contents_of


@pytest.fixture
def station(tmp_path: Path) -> Iterator[Station]:
    with Station(tmp_path / "home") as opened:
        yield opened


def imported(station: Station, tree: Tree, folder: Path) -> int:
    """Import a tree of files as a folder; return the job's number."""
    result = import_medium(station, ImportRequest(write_folder(tree, folder)))
    assert result.imported == 12
    return result.job


@pytest.mark.parametrize("name", ["random-offsets", "lower-case-mount", "absent"])
def test_the_same_files_come_out_under_the_names_they_had_with_a_right_directory(
    station: Station, tmp_path: Path, name: str
) -> None:
    job = imported(station, DAMAGES[name].tree(), tmp_path / "outside")
    output = tmp_path / "again"

    written = export(
        station,
        ExportRequest(
            (f"import:{job}",),
            plan_medium_anew(station, job, ON_A_STICK).profile,
            output,
            format="folder",
            names_of=job,
        ),
    )

    assert written.stopped == ""
    assert written.transcoded == 0
    files = contents_of(output)
    assert {path: files[path] for path in instance_files()} == instance_files()
    listed = {
        record.text(0x00041500).replace("\\", "/")
        for record in walk(files["DICOMDIR"]).records()
        if 0x00041500 in record.elements
    }
    assert listed == set(instance_files())


def test_names_that_cannot_stay_are_new_and_in_nobodys_way(
    station: Station, tmp_path: Path
) -> None:
    tree = {
        path.replace("DICOM/ST1/SE1/IM", "Bilder mit langen Namen/IM"): content
        for path, content in instance_files().items()
    }
    job = imported(station, tree, tmp_path / "outside")
    output = tmp_path / "again"
    request = ExportRequest(
        (f"import:{job}",), "STD-GEN-USB-JPEG", output, format="folder", names_of=job
    )

    assert export(station, request).stopped == ""
    files = contents_of(output)
    kept = {path for path in tree if "lang" not in path}
    assert {path: files[path] for path in kept} == {path: tree[path] for path in kept}
    assert sorted(files[path] for path in files if path.startswith("DICOM/")) == sorted(
        tree.values()
    )


def test_names_of_what_was_no_import_are_refused(station: Station) -> None:
    assert kept_file_ids(station, 0) == {}
    with pytest.raises(ConfigError, match="Job 99"):
        kept_file_ids(station, 99)


def test_a_medium_that_no_plain_disc_takes_goes_where_it_fits(
    station: Station, tmp_path: Path
) -> None:
    """One image is JPEG Baseline: STD-GEN-CD has no place for it, STD-GEN-DVD-JPEG has."""
    job = imported(station, DAMAGES["absent"].tree(), tmp_path / "outside")

    plan = plan_medium_anew(station, job, ON_A_DISC)
    cd_alone = plan_medium_anew(station, job, ON_A_DISC[:1])

    assert plan.profile == "STD-GEN-DVD-JPEG"
    assert len(plan.file_ids) == 12
    assert cd_alone.profile == ""
    assert [finding.rule for finding in cd_alone.findings] == ["no-profile"]


def test_an_image_is_verified_like_any_export(station: Station, tmp_path: Path) -> None:
    job = imported(station, DAMAGES["zero-offsets"].tree(), tmp_path / "outside")
    image = tmp_path / "again.iso"

    written = export(
        station,
        ExportRequest((f"import:{job}",), "STD-GEN-DVD-JPEG", image, names_of=job),
    )

    assert [volume.verified for volume in written.volumes] == [True]
    with open_volume(image) as volume:
        paths = {file.path for file in volume.iter_files()}
    assert set(instance_files()) <= paths
