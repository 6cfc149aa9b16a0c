"""Profiles as data: what STD-GEN-CD says, and that a faulty file is told by file and key."""

from __future__ import annotations

import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydicom.datadict import dictionary_VR, keyword_for_tag

from mediastation.conformance.load import find_profile, load_profiles, load_retired_profiles
from mediastation.conformance.profile_file import read_profiles
from mediastation.errors import ProfileError
from mediastation.model.record import Condition
from mediastation.resources import resource_folder

CT = "1.2.840.10008.5.1.4.1.1.2"
ELE = "1.2.840.10008.1.2.1"

GOOD = """
[class]
name = "STD-TEST"
annex = "Z"
title = "Title"
clinical_use = "Use"
edition = "2024c"
source = "PS3.11 Z.1"
objects_table = "PS3.11 Table Z.3-1"

[[profile]]
name = "STD-TEST-CD"
roles = ["FSC"]
media = ["CD-80"]
medium_format = "PS3.12 Annex F"
security = "none"

[[profile]]
name = "STD-TEST-SEC-CD"
roles = ["FSC", "FSR"]
media = ["CD-80", "CD-74"]
medium_format = "PS3.12 Annex F"
security = "PS3.15 D.1"

[[object]]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
creator = "M"
reader = "M"
updater = "-"

[[object]]
profiles = ["STD-TEST-SEC-CD"]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.4.70"]
creator = "O"
reader = "M"
updater = "-"

[[key]]
records = ["IMAGE"]
keyword = "ReferencedImageSequence"
tag = "0008,1140"
vr = "SQ"
type = "1C"
condition = "present"

    [[key.nested]]
    keyword = "ReferencedSOPClassUID"
    tag = "0008,1150"
    vr = "UI"
    type = "1"
"""


def written(folder: Path, text: str) -> Path:
    """Put a profile file there."""
    path = folder / "std-test.toml"
    path.write_text(text, encoding="utf-8")
    return path


class TestStdGenCd:
    """Typed from PS3.11 2024c Annex D."""

    def test_is_a_cd_in_the_clear_with_all_three_roles(self) -> None:
        profile = find_profile("STD-GEN-CD")

        assert (profile.annex, profile.profile_class, profile.edition) == ("D", "STD-GEN", "2024c")
        assert profile.roles == ("FSC", "FSR", "FSU")
        assert profile.media == ("CD-80", "CD-74")
        assert profile.security == "none"

    def test_carries_composite_objects_in_explicit_little_endian_alone(self) -> None:
        (rule,) = find_profile("STD-GEN-CD").objects

        assert rule.transfer_syntaxes == ("1.2.840.10008.1.2.1",)
        assert (rule.creator, rule.reader, rule.updater) == ("CS", "CS", "O")

    @pytest.mark.parametrize(
        "uid",
        [
            "1.2.840.10008.5.1.4.1.1.2",  # CT Image
            "1.2.840.10008.5.1.4.1.1.88.11",  # Basic Text SR
            "1.2.840.10008.5.1.4.1.1.66",  # Raw Data
            "1.2.840.10008.5.1.4.1.1.481.3",  # RT Structure Set
            "1.2.840.10008.5.1.4.38.1",  # Hanging Protocol
            "1.2.840.10008.5.1.4.1.1.6",  # Ultrasound Image, retired and permitted (B.6)
        ],
    )
    def test_carries_every_kind_of_object_that_has_a_record(self, uid: str) -> None:
        assert find_profile("STD-GEN-CD").transfer_syntaxes(uid) == ("1.2.840.10008.1.2.1",)

    @pytest.mark.parametrize(
        "uid",
        [
            "1.2.840.10008.1.3.10",  # Media Storage Directory
            "1.2.840.10008.5.1.4.1.1.200.1",  # CT Defined Procedure Protocol: no record type
            "1.2.840.10008.5.1.4.1.1.9",  # Standalone Curve, retired and not permitted
            "1.3.12.2.1107.5.9.1",  # a manufacturer's own
        ],
    )
    def test_carries_nothing_that_a_directory_cannot_refer_to(self, uid: str) -> None:
        assert find_profile("STD-GEN-CD").transfer_syntaxes(uid) == ()

    def test_adds_image_type_and_referenced_images_to_image_records(self) -> None:
        """Table D.3-2; both 1C, required if present in the object."""
        image_type, referenced = find_profile("STD-GEN-CD").keys

        assert (image_type.record_type, image_type.tag, image_type.vr) == (
            "IMAGE",
            0x00080008,
            "CS",
        )
        assert (image_type.type, image_type.condition) == ("1C", Condition.PRESENT)
        assert (referenced.record_type, referenced.tag, referenced.vr) == (
            "IMAGE",
            0x00081140,
            "SQ",
        )
        assert (referenced.type, referenced.condition) == ("1C", Condition.PRESENT)
        assert [(key.tag, key.vr, key.type) for key in referenced.nested] == [
            (0x00081150, "UI", "1"),
            (0x00081155, "UI", "1"),
        ]


@pytest.mark.parametrize("path", sorted(resource_folder("profiles").glob("*.toml")), ids=str)
def test_keywords_tags_and_vrs_of_the_files_are_those_of_the_dictionary(path: Path) -> None:
    def keys(tables: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return tables + [inner for table in tables for inner in keys(table.get("nested", []))]

    for key in keys(tomllib.loads(path.read_text("utf-8")).get("key", [])):
        tag = int(key["tag"].replace(",", ""), 16)
        assert (keyword_for_tag(tag), dictionary_VR(tag)) == (key["keyword"], key["vr"])


class TestFindProfile:
    @pytest.mark.parametrize("name", ["STD-GEN-CD", "std-gen-cd", " Std-Gen-Cd ", "APL-GEN-CD"])
    def test_case_and_the_old_prefix_do_not_matter(self, name: str) -> None:
        assert find_profile(name).name == "STD-GEN-CD"

    def test_a_slip_is_answered_with_the_nearest_name(self) -> None:
        with pytest.raises(ProfileError) as caught:
            find_profile("STD-GEN-DC")

        assert "STD-GEN-CD" in caught.value.hint
        assert caught.value.exit_code == 2

    @given(st.text(max_size=200))
    def test_any_other_name_is_a_profile_error(self, name: str) -> None:
        try:
            found = find_profile(name)
        except ProfileError:
            return
        assert found.name in load_profiles().keys() | load_retired_profiles().keys()


class TestReadProfiles:
    def test_tables_hold_for_all_profiles_of_the_file_or_for_those_they_name(
        self, tmp_path: Path
    ) -> None:
        plain, secure = read_profiles(written(tmp_path, GOOD))

        assert plain.transfer_syntaxes(CT) == (ELE,)
        assert secure.transfer_syntaxes(CT) == (ELE, "1.2.840.10008.1.2.4.70")
        assert plain.keys == secure.keys
        assert (plain.security, secure.security) == ("none", "PS3.15 D.1")

    @pytest.mark.parametrize(
        ("old", "new", "key"),
        [
            ('annex = "Z"\n', "", "class.annex"),
            ('annex = "Z"', "annex = 4", "class.annex"),
            ('title = "Title"', 'title = " "', "class.title"),
            ('edition = "2024c"', 'edition = "2024c"\nediton = "2024c"', "class.editon"),
            ('name = "STD-TEST-CD"', 'name = "TEST"', "profile[0].name"),
            ('name = "STD-TEST-CD"', f'name = "STD-{"A" * 61}"', "profile[0].name"),
            ('roles = ["FSC"]', 'roles = ["FSX"]', "profile[0].roles"),
            ('roles = ["FSC"]', 'roles = "FSC"', "profile[0].roles"),
            ('roles = ["FSC"]', "roles = []", "profile[0].roles"),
            ('media = ["CD-80"]', 'media = ["CD-81"]', "profile[0].media"),
            ('media = ["CD-80"]', 'media = ["CD-80", "CD-80"]', "profile[0].media"),
            ('security = "none"', 'security = "some"', "profile[0].security"),
            ('security = "none"', 'security = "none"\nicon = 1', "profile[0].icon"),
            ('["1.2.840.10008.5.1.4.1.1.2"]', '"everything"', "object[0].sop_classes"),
            ('["1.2.840.10008.5.1.4.1.1.2"]', '["1.2.3"]', "object[0].sop_classes"),
            ('["1.2.840.10008.1.2.1"]', '["1.2.3"]', "object[0].transfer_syntaxes"),
            ('creator = "M"', 'creator = "must"', "object[0].creator"),
            ('updater = "-"', 'updater = "-"\nrows = 512', "object[0].rows"),
            ('profiles = ["STD-TEST-SEC-CD"]', 'profiles = ["STD-X"]', "object[1].profiles"),
            ('records = ["IMAGE"]', 'record = "PICTURE"', "key[0].record"),
            ('tag = "0008,1140"', 'tag = "(0008,1140)"', "key[0].tag"),
            ('vr = "SQ"', 'vr = "sequence"', "key[0].vr"),
            ('vr = "SQ"', 'vr = "CS"', "key[0].nested"),
            ('type = "1C"', 'type = "4"', "key[0].type"),
            ('type = "1C"', 'type = "1"', "key[0].condition"),
            ('condition = "present"', "", "key[0].condition"),
            ('condition = "present"', 'condition = "always"', "key[0].condition"),
            ('tag = "0008,1150"', 'tag = "8,1150"', "key[0].nested[0].tag"),
            ("[[profile]]", "[[profil]]", "profile"),
            ("[[object]]", "[[objects]]", "profile"),
        ],
    )
    def test_one_slip_is_told_with_file_and_key(
        self, tmp_path: Path, old: str, new: str, key: str
    ) -> None:
        assert old in GOOD

        with pytest.raises(ProfileError) as caught:
            read_profiles(written(tmp_path, GOOD.replace(old, new, -1 if "[[" in old else 1)))

        assert "std-test.toml" in caught.value.message
        assert key in caught.value.message

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda path: path.write_bytes(b"\xff\xfe"),
            lambda path: path.write_text("name = "),
            lambda path: path.write_text("x = " + "[" * 100_000),
            lambda path: path.write_bytes(b"#" * ((1 << 20) + 1)),
            lambda path: path.unlink(),
        ],
        ids=["no text", "no TOML", "deep", "huge", "gone"],
    )
    def test_a_file_that_cannot_be_read_is_a_profile_error(
        self, tmp_path: Path, spoil: Callable[[Path], object]
    ) -> None:
        path = written(tmp_path, GOOD)
        spoil(path)

        with pytest.raises(ProfileError, match=r"std-test\.toml"):
            read_profiles(path)
