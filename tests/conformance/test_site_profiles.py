"""A site's own profiles: augmented and private ones, beside those of the standard (PS3.2, 7.4)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.conformance.require import require_role
from mediastation.errors import ProfileError
from mediastation.model.profile import Role

STORAGE = "1.2.840.10008.5.1.4.1.1."
XA, SC, CT = STORAGE + "12.1", STORAGE + "7", STORAGE + "2"
ELE, SV1 = "1.2.840.10008.1.2.1", "1.2.840.10008.1.2.4.70"

CLASS = """
[class]
name = "AUG-SITE"
annex = "A"
title = "Cardiac angiography of our house"
clinical_use = "With secondary captures"
edition = "2024c"
source = "Our conformance statement"
objects_table = "Our conformance statement, table 1"
"""
AUGMENTED = (
    CLASS
    + """
[[profile]]
name = "AUG-XABC-HOUSE-CD"
augments = "STD-XABC-CD"
roles = ["FSC", "FSR"]
media = ["CD-80", "CD-74"]
medium_format = "PS3.12 Annex F"
security = "none"

[[object]]
sop_classes = ["1.2.840.10008.5.1.4.1.1.7"]
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
creator = "O"
reader = "M"
updater = "-"

[[attribute]]
keyword = "BitsStored"
tag = "0028,0101"
values = [8]
sop_classes = ["1.2.840.10008.5.1.4.1.1.7"]
reference = "Our conformance statement, table 2"

[[key]]
records = ["STUDY"]
keyword = "ReferringPhysicianName"
tag = "0008,0090"
vr = "PN"
type = "2"
"""
)
PRIVATE = """
[class]
name = "PRI-SITE"
annex = "none"
title = "CT on USB"
clinical_use = "Between our two houses"
edition = "2024c"
source = "Our conformance statement"
objects_table = "Our conformance statement, table 1"
keys_of = "STD-GEN-DVD-JPEG"

[[profile]]
name = "PRI-CT-USB"
roles = ["FSC", "FSR", "FSU"]
media = ["USB"]
medium_format = "PS3.12 Annex R"
security = "none"

[[object]]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.4.80"]
creator = "M"
reader = "M"
updater = "M"
"""


def site(folder: Path, **files: str) -> Path:
    """A folder with these profile files."""
    folder = folder / "profiles"
    folder.mkdir()
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text, encoding="utf-8")
    return folder


class TestAugmented:
    def test_it_contains_the_standard_one(self, tmp_path: Path) -> None:
        profile = find_profile("AUG-XABC-HOUSE-CD", site(tmp_path, own=AUGMENTED))
        standard = find_profile("STD-XABC-CD")

        assert profile.augments == "STD-XABC-CD"
        assert profile.transfer_syntaxes(XA) == (SV1,)
        assert profile.transfer_syntaxes(SC) == (ELE,)
        assert profile.roles == ("FSC", "FSR", "FSU")
        assert profile.sessions == standard.sessions
        assert profile.icons == standard.icons
        assert set(standard.keys) < set(profile.keys)
        assert profile.keys_table == "PS3.11 Table A.3-2"
        assert profile.transfer_syntaxes(XA, Role.UPDATER) == (SV1,)
        assert profile.transfer_syntaxes(SC, Role.UPDATER) == ()

    def test_neither_restricts_what_the_other_carries(self, tmp_path: Path) -> None:
        """Table A.3-3 asks for Modality XA; a secondary capture of the house need not have it."""
        profile = find_profile("AUG-XABC-HOUSE-CD", site(tmp_path, own=AUGMENTED))

        rules = {(rule.keyword, *sorted(rule.sop_classes)) for rule in profile.attributes}
        assert ("Modality", XA) in rules
        assert ("BitsStored", SC) in rules
        assert all(rule.sop_classes in ({XA}, {SC}) for rule in profile.attributes)

    @pytest.mark.parametrize(
        ("old", "new", "said"),
        [
            ('augments = "STD-XABC-CD"\n', "", "profile[0].augments is missing"),
            ('"STD-XABC-CD"', '"STD-XABC"', "profile[0].augments names STD-XABC"),
            ('"STD-XABC-CD"', '"STD-CTMR-MOD12"', "profile[0].augments names STD-CTMR-MOD12"),
            ('"STD-XABC-CD"', '"AUG-XABC-HOUSE-CD"', "profile[0].augments names AUG"),
            ('["CD-80", "CD-74"]', '["CD-80"]', "profile[0].media"),
            ('["CD-80", "CD-74"]', '["USB"]', "profile[0].media"),
            ('"PS3.12 Annex F"', '"PS3.12 Annex R"', "profile[0].media"),
            ('security = "none"', 'security = "PS3.15 D.1"', "profile[0].security"),
            ('sop_classes = ["1.2.840.10008.5.1.4.1.1.7"]\nref', "ref", "restrict"),
            ("4.1.1.7", "4.1.1.12.1", "restrict"),
            ('"AUG-XABC-HOUSE-CD"', '"STD-XABC-HOUSE-CD"', "profile[0].augments is not known"),
        ],
    )
    def test_what_is_no_superset_is_refused(
        self, tmp_path: Path, old: str, new: str, said: str
    ) -> None:
        assert old in AUGMENTED
        folder = site(tmp_path, own=AUGMENTED.replace(old, new))

        with pytest.raises(ProfileError) as caught:
            load_profiles(folder)

        assert "own.toml" in caught.value.message
        assert said in caught.value.message


class TestPrivate:
    def test_it_stands_by_itself_and_may_share_keys(self, tmp_path: Path) -> None:
        profile = find_profile("PRI-CT-USB", site(tmp_path, own=PRIVATE))

        assert profile.transfer_syntaxes(CT) == ("1.2.840.10008.1.2.4.80",)
        assert profile.keys == find_profile("STD-GEN-USB-J2K").keys
        assert profile.augments == ""

    def test_who_looks_it_up_is_not_sent_to_the_standard(self, tmp_path: Path) -> None:
        reader = PRIVATE.replace('["FSC", "FSR", "FSU"]', '["FSR"]').replace('"M"\n"""', '"-"')
        profile = find_profile("PRI-CT-USB", site(tmp_path, own=reader))

        with pytest.raises(ProfileError, match=r"\(Our conformance statement\)"):
            require_role(profile, Role.CREATOR)
        with pytest.raises(ProfileError, match=r"\(PS3\.11 Annex H\)"):
            require_role(find_profile("STD-GEN-DVD-JPEG"), Role.UPDATER)

    def test_it_augments_nothing(self, tmp_path: Path) -> None:
        text = PRIVATE.replace("roles =", 'augments = "STD-GEN-USB-JPEG"\nroles =')

        with pytest.raises(ProfileError, match="augments is not known"):
            load_profiles(site(tmp_path, own=text))


class TestFolder:
    def test_all_are_in_force_beside_the_standard_ones(self, tmp_path: Path) -> None:
        folder = site(tmp_path, own=AUGMENTED, other=PRIVATE)

        added = set(load_profiles(folder)) - set(load_profiles())

        assert added == {"AUG-XABC-HOUSE-CD", "PRI-CT-USB"}
        assert list(load_profiles(folder)) == sorted(load_profiles(folder))

    def test_a_slip_in_a_name_is_answered_with_a_name_of_the_site(self, tmp_path: Path) -> None:
        with pytest.raises(ProfileError) as caught:
            find_profile("PRI-CT-UBS", site(tmp_path, own=PRIVATE))

        assert "PRI-CT-USB" in caught.value.hint

    @pytest.mark.parametrize("name", ["STD-CT-USB", "STD-GEN-CD"])
    def test_the_standards_prefix_is_not_the_sites_to_give(self, tmp_path: Path, name: str) -> None:
        folder = site(tmp_path, own=PRIVATE.replace("PRI-CT-USB", name))

        with pytest.raises(ProfileError, match=r"own\.toml: .* does not begin with AUG- or PRI-"):
            load_profiles(folder)

    def test_one_name_is_described_once(self, tmp_path: Path) -> None:
        with pytest.raises(ProfileError, match=r"PRI-CT-USB is described twice"):
            load_profiles(site(tmp_path, own=PRIVATE, other=PRIVATE))

    def test_no_folder_and_other_files_are_no_fault(self, tmp_path: Path) -> None:
        folder = site(tmp_path, own=PRIVATE)
        (folder / "README.txt").write_text("no profile")
        (folder / "own.toml~").write_text("half a pro")

        assert "PRI-CT-USB" in load_profiles(folder)
        assert load_profiles(tmp_path / "nowhere") == load_profiles()

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_text("[class"),
            lambda path: path.write_bytes(b"\xff"),
            lambda path: path.write_text("#" * (4 << 20)),
            lambda path: path.write_text(PRIVATE.replace("edition", "editions")),
            lambda path: (path.unlink(), path.mkdir()),
            lambda path: (path.unlink(), os.mkfifo(path)),
            lambda path: (path.unlink(), path.symlink_to("nowhere")),
        ],
        ids=["no TOML", "no text", "no end", "a slip", "folder", "pipe", "dangling link"],
    )
    def test_a_file_that_is_no_profile_is_named(
        self, tmp_path: Path, spoil: Callable[[Path], object]
    ) -> None:
        folder = site(tmp_path, own=PRIVATE)
        spoil(folder / "own.toml")

        with pytest.raises(ProfileError) as caught:
            load_profiles(folder)
        assert str(folder / "own.toml") in caught.value.message
        assert caught.value.hint

    def test_the_folder_may_not_be_something_else(self, tmp_path: Path) -> None:
        (tmp_path / "profiles").write_text("no folder")

        with pytest.raises(ProfileError, match="cannot be read"):
            load_profiles(tmp_path / "profiles")

    def test_too_many_files_are_refused(self, tmp_path: Path) -> None:
        files = {f"own{number}": "" for number in range(257)}

        with pytest.raises(ProfileError, match="more than 256"):
            load_profiles(site(tmp_path, **files))

    def test_too_many_profiles_in_one_file_are_refused(self, tmp_path: Path) -> None:
        names = ", ".join(f'"PRI-CT-{number}"' for number in range(257))
        text = PRIVATE.replace('name = "PRI-CT-USB"', f"names = [{names}]")

        with pytest.raises(ProfileError, match=r"own\.toml: profile comes too often"):
            load_profiles(site(tmp_path, own=text))

    def test_what_a_site_adds_retires_nothing(self, tmp_path: Path) -> None:
        load_profiles(site(tmp_path, own=PRIVATE))

        assert all(name.startswith("STD-") for name in load_retired_profiles())
