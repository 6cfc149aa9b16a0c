"""Every profile that defines an updater, updated: one object comes, then the first one goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from mediastation.conformance.load import load_profiles
from mediastation.model.profile import Role, Security
from mediastation.station.exporting.export import export
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.station import Station
from mediastation.station.verification import verify
from tests.support.objects import write_ct, write_series
from tests.support.profile_objects import object_for, write
from tests.support.updating import tree, updated

pytestmark = pytest.mark.usefixtures("small_mo_disks")

UPDATED = [
    name
    for name, profile in load_profiles().items()
    if Role.UPDATER in profile.roles and profile.security is Security.NONE and not profile.retired
]


def test_there_are_updaters_on_all_their_media() -> None:
    """PS3.11 master list: CD, DVD-RAM, MOD, USB, CF, MMC, SD and BD have them, DVD has none."""
    media = {load_profiles()[name].media[0] for name in UPDATED}

    assert media >= {"DVD-RAM", "MOD41", "USB", "CF", "MMC", "SD"}
    assert media & {"CD-74", "CD-80"}
    assert not {medium for medium in media if medium.startswith(("DVD-R-", "DVD+R"))}


@pytest.mark.parametrize("profile", UPDATED)
def test_what_comes_and_goes_leaves_a_file_set_of_the_profile(tmp_path: Path, profile: str) -> None:
    make, transfer_syntax = object_for(profile)
    one, other = make(), make()
    other.SOPInstanceUID = f"{one.SOPInstanceUID}.7"
    other.InstanceNumber = "77"
    write(one, tmp_path / "one" / "x", transfer_syntax)
    write(other, tmp_path / "other" / "x", transfer_syntax)
    with Station(tmp_path / "home") as station:
        made = export(station, ExportRequest((str(tmp_path / "one"),), profile, tmp_path / "made"))
        assert made.stopped == "", made.findings

        added = tmp_path / "added"
        source = (str(tmp_path / "other"),)
        # Media that get their file system elsewhere do not tell their profile.
        updated(station, tmp_path / "made", added, profile=profile, add=source)
        updated(station, added, tmp_path / "left", profile=profile, remove=(one.SOPInstanceUID,))

        assert [uid for _, _, uid in tree(added) if uid] == [
            one.SOPInstanceUID, other.SOPInstanceUID
        ]  # fmt: skip
        assert [uid for _, _, uid in tree(tmp_path / "left") if uid] == [other.SOPInstanceUID]
        for medium in ("made", "added", "left"):
            report = verify(station, tmp_path / medium)
            assert (report.ok, report.manifest) == (True, "job")


@pytest.mark.parametrize(
    "profile", ["STD-GEN-SEC-CD", "STD-GEN-SEC-BD", "STD-GEN-SEC-DVD-RAM", "STD-GEN-SEC-USB-JPEG"]
)
def test_what_was_left_unsealed_stays_a_folder_to_look_at(tmp_path: Path, profile: str) -> None:
    """A disc of it would be labelled as encrypted, and everybody could read it."""
    write_series(tmp_path / "one", 1)
    write_ct(tmp_path / "other" / "x", SOPInstanceUID="1.2.3.77", InstanceNumber="77")
    with Station(tmp_path / "home") as station:
        request = ExportRequest((str(tmp_path / "one"),), profile, tmp_path / "made", unsealed=True)
        export(station, request)

        source = (str(tmp_path / "other"),)
        result = updated(station, tmp_path / "made", tmp_path / "added.iso", add=source)

        assert (tmp_path / "added.iso" / "DICOMDIR").is_file()
        readme = (tmp_path / "added.iso" / "README.TXT").read_text()
        assert "No DICOM Application Profile" in readme
        assert "unsealed" in {finding.rule for finding in result.findings}
        assert list(station.jobs_folder.rglob("label.pdf")) == []
