"""The schema of profile files: one slip is told by file and key, and nothing else comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mediastation.conformance.profile_file import read_profiles
from mediastation.errors import ProfileError
from mediastation.model.attribute_rule import Presence
from mediastation.model.profile import ApplicationProfile, Role
from mediastation.resources import resource_folder

CT = "1.2.840.10008.5.1.4.1.1.2"
MR = "1.2.840.10008.5.1.4.1.1.4"

GOOD = """
[class]
name = "STD-TEST"
annex = "Z"
title = "Title"
clinical_use = "Use"
edition = "2024c"
source = "PS3.11 Z.1"
objects_table = "PS3.11 Table Z.3-1"

[[use]]
profiles = ["STD-TEST-SF-*"]
text = "Single frames"

[[profile]]
names = ["STD-TEST-SF-CD", "STD-TEST-MF-CD"]
roles = ["FSC", "FSR"]
media = ["CD-80"]
medium_format = "PS3.12 Annex F"
security = "none"
sessions = ["finalise"]

[[profile]]
name = "STD-TEST-SF-FLOP"
roles = ["FSR"]
medium_format = "none any more"
security = "none"
retired = "long ago"

[[object]]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
creator = "M"
reader = "M"
updater = "O"

[[object]]
profiles = ["STD-TEST-MF-*"]
label = "multi-frame"
sop_classes = "multi-frame"
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
creator = "O"
reader = "M"
updater = "O"

[[icon]]
records = ["IMAGE"]
required = true
rows = 64
columns = 64
bits_allocated = 8
photometric_interpretations = ["MONOCHROME2"]
reference = "PS3.11 Z.3.3"

[[attribute]]
profiles = ["STD-TEST-SF-*"]
keyword = "Rows"
tag = "0028,0010"
range = [1, 512]
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
transfer_syntaxes = ["1.2.840.10008.1.2.1"]
reference = "PS3.11 Table Z.3-3"

[[attribute]]
keyword = "ImageType"
tag = "0008,0008"
values = ["ORIGINAL", "DERIVED"]
value_number = 1
reference = "PS3.11 Table Z.3-3"

[[attribute]]
keyword = "HighBit"
tag = "0028,0102"
same_as = { keyword = "BitsStored", tag = "0028,0101", plus = -1 }
when = [{ keyword = "BitsAllocated", tag = "0028,0100", values = [8, 16] }]
reference = "PS3.11 Table Z.3-3"

[[attribute]]
keyword = "OverlayRows"
tag = "60xx,0010"
presence = "absent"
reference = "PS3.11 Z.3.4"

[[attribute]]
keyword = "SequenceOfUltrasoundRegions"
tag = "0018,6011"
presence = "given"
item = [{ keyword = "RegionFlags", tag = "0018,6016", presence = "present" }]
reference = "PS3.11 Z.3.4"

[[key]]
records = ["IMAGE", "SPECTROSCOPY"]
keyword = "PixelSpacing"
tag = "0028,0030"
vr = "DS"
type = "1C"
condition = "present"
in_shared_groups = true

[[key]]
records = ["IMAGE"]
keyword = "ImageType"
tag = "0008,0008"
vr = "CS"
type = "1"
sop_classes = ["1.2.840.10008.5.1.4.1.1.2"]
"""


def written(folder: Path, text: str) -> Path:
    path = folder / "std-test.toml"
    path.write_text(text, encoding="utf-8")
    return path


def good(folder: Path) -> dict[str, ApplicationProfile]:
    return {profile.name: profile for profile in read_profiles(written(folder, GOOD))}


class TestWhatAFileCanSay:
    def test_one_table_describes_several_names(self, tmp_path: Path) -> None:
        single, multi = list(good(tmp_path).values())[:2]

        assert (single.name, multi.name) == ("STD-TEST-SF-CD", "STD-TEST-MF-CD")
        assert single.media == multi.media == ("CD-80",)
        assert (single.clinical_use, multi.clinical_use) == ("Single frames", "Use")

    def test_a_star_stands_for_any_part_of_a_name(self, tmp_path: Path) -> None:
        profiles = good(tmp_path)
        rows = {
            name: [rule.keyword for rule in profile.attributes].count("Rows")
            for name, profile in profiles.items()
        }

        assert rows == {"STD-TEST-SF-CD": 1, "STD-TEST-MF-CD": 0, "STD-TEST-SF-FLOP": 1}
        assert len(profiles["STD-TEST-MF-CD"].objects) == 2

    def test_a_role_that_is_not_defined_is_asked_for_nothing(self, tmp_path: Path) -> None:
        profiles = good(tmp_path)

        assert profiles["STD-TEST-SF-CD"].transfer_syntaxes(CT, Role.UPDATER) == ()
        assert profiles["STD-TEST-SF-FLOP"].transfer_syntaxes(CT, Role.CREATOR) == ()
        assert profiles["STD-TEST-SF-FLOP"].transfer_syntaxes(CT, Role.READER) != ()

    def test_rules_keep_what_was_said(self, tmp_path: Path) -> None:
        rows, image_type, high_bit, overlay, regions = good(tmp_path)["STD-TEST-SF-CD"].attributes

        assert (rows.bounds, rows.sop_classes) == ((1, 512), {CT})
        assert rows.transfer_syntaxes == {"1.2.840.10008.1.2.1"}
        assert (image_type.values, image_type.value_number) == (("ORIGINAL", "DERIVED"), 1)
        assert high_bit.same_as is not None
        assert (high_bit.same_as.tag, high_bit.same_as.plus) == (0x00280101, -1)
        assert high_bit.when[0].values == ("8", "16")
        assert (len(overlay.tags), overlay.presence) == (16, Presence.ABSENT)
        assert [inner.tags for inner in regions.items] == [(0x00186016,)]

    def test_a_key_holds_for_each_record_it_names(self, tmp_path: Path) -> None:
        image, spectroscopy, image_type = good(tmp_path)["STD-TEST-SF-CD"].keys

        assert (image.record_type, spectroscopy.record_type) == ("IMAGE", "SPECTROSCOPY")
        assert image.in_shared_groups
        assert spectroscopy.in_shared_groups
        assert image_type.sop_classes == {CT}

    def test_keys_may_be_those_of_another_file(self, tmp_path: Path) -> None:
        known = good(tmp_path)
        text = GOOD[: GOOD.index("[[icon]]")].replace("STD-TEST", "STD-MORE")
        text = text.replace("[class]", '[class]\nkeys_of = "STD-TEST-MF-CD"')

        profiles = read_profiles(written(tmp_path, text), known)

        assert [profile.keys for profile in profiles] == [known["STD-TEST-MF-CD"].keys] * 3
        with pytest.raises(ProfileError, match=r"class\.keys_of names STD-TEST-MF-CD"):
            read_profiles(written(tmp_path, text))

    def test_everything_is_told_in_plain_values(self, tmp_path: Path) -> None:
        told = good(tmp_path)["STD-TEST-SF-FLOP"].as_dict()

        assert (told["retired"], told["media"], told["roles"]) == ("long ago", [], ["FSR"])
        assert [rule["tag"] for rule in told["attributes"]][3:] == ["60xx,0010", "0018,6011"]
        assert told["icons"][0]["rows"] == 64


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ('text = "Single frames"', "", "use[0].text"),
        ('text = "Single', 'name = "x"\ntext = "Single', "use[0].name"),
        ('"STD-TEST-SF-*"]\ntext', '"STD-TEST-XF-*"]\ntext', "use[0].profiles"),
        ('"STD-TEST-SF-*"]\ntext', '"STD-TEST-[S]F-*"]\ntext', "use[0].profiles"),
        ('"STD-TEST-MF-CD"]', '"STD-TEST-MF-*"]', "profile[0].names"),
        ('"STD-TEST-MF-CD"]', '"STD-TEST-SF-CD"]', "profile[0].names"),
        ('media = ["CD-80"]\n', "", "profile[0].media"),
        ('media = ["CD-80"]', "media = []", "profile[0].media"),
        ('sessions = ["finalise"]', 'sessions = ["finalize"]', "profile[0].sessions"),
        ('sessions = ["finalise"]', "directory_optional = 1", "profile[0].directory_optional"),
        ('sessions = ["finalise"]', 'augments = "STD-GEN-CD"', "profile[0].augments"),
        ('roles = ["FSR"]', 'roles = ["FSC", "FSR"]', "profile[1].roles"),
        ('retired = "long ago"', 'retired = ""', "profile[1].retired"),
        ('retired = "long ago"', "retired = true", "profile[1].retired"),
        ('label = "multi-frame"', 'lable = "multi-frame"', "object[1].lable"),
        ('sop_classes = "multi-frame"', 'sop_classes = "multi"', "object[1].sop_classes"),
        ('records = ["IMAGE"]\nrequired', 'records = ["PICTURE"]\nrequired', "icon[0].records"),
        ("required = true", 'required = "yes"', "icon[0].required"),
        ("rows = 64", "rows = 0", "icon[0].rows"),
        ("columns = 64", "columns = 65536", "icon[0].rows"),
        ("bits_allocated = 8", "bits_allocated = 12", "icon[0].bits_allocated"),
        ('["MONOCHROME2"]', '["RGB"]', "icon[0].photometric_interpretations"),
        ("range = [1, 512]", "range = [512, 1]", "attribute[0].range"),
        ("range = [1, 512]", "range = [1]", "attribute[0].range"),
        ("range = [1, 512]", "range = [1, 5.12]", "attribute[0].range"),
        ("range = [1, 512]", "range = [1, 512]\nvalues = [1]", "attribute[0].keyword"),
        ("range = [1, 512]", "", "attribute[0].keyword"),
        ('tag = "0028,0010"', 'tag = "28,10"', "attribute[0].tag"),
        ('tag = "0028,0010"', 'tag = "0028,0a10"', "attribute[0].tag"),
        ('tag = "0028,0010"', 'tag = "0029,0010"', "attribute[0].tag"),
        ('tag = "0028,0010"', 'tag = "7FE0,0010"', "attribute[0].tag"),
        ('tag = "60xx,0010"', 'tag = "60xx,3000"', "attribute[3].tag"),
        ('reference = "PS3.11 Table Z.3-3"\n\n[[attribute]]\nk', "[[attribute]]\nk", "[0].ref"),
        ('["ORIGINAL", "DERIVED"]', '["ORIGINAL", "ORIGINAL"]', "attribute[1].values"),
        ('["ORIGINAL", "DERIVED"]', "[]", "attribute[1].values"),
        ('["ORIGINAL", "DERIVED"]', "[true]", "attribute[1].values"),
        ("value_number = 1", "value_number = -1", "attribute[1].value_number"),
        ('keyword = "BitsStored", ', "", "attribute[2].same_as.keyword"),
        ('tag = "0028,0101"', 'tag = "60xx,0100"', "attribute[2].same_as.tag"),
        ("plus = -1", 'plus = "-1"', "attribute[2].same_as.plus"),
        ("plus = -1", "minus = 1", "attribute[2].same_as.minus"),
        ('tag = "0028,0100", values', 'tag = "0009,0100", values', "attribute[2].tag"),
        ('tag = "0028,0100", values', 'tag = "0028,0100", value', "attribute[2].when[0].keyword"),
        ('presence = "absent"', 'presence = "gone"', "attribute[3].presence"),
        ('presence = "given"', 'presence = "absent"', "attribute[4].item"),
        ('presence = "present" }]', 'presence = "present", x = 1 }]', "attribute[4].item[0].x"),
        ('vr = "DS"', 'vr = "XX"', "key[0].vr"),
        ('tag = "0028,0030"', 'tag = "0004,1500"', "key[0].tag"),
        ('tag = "0028,0030"', 'tag = "0008,0005"', "key[0].tag"),
        ("in_shared_groups = true", "in_shared_groups = 1", "key[0].in_shared_groups"),
        ('"SPECTROSCOPY"]', '"SPECTRA"]', "key[0].records"),
        ('type = "1"\nsop_classes', 'type = "1"\nsop_class', "key[1].sop_class"),
        ('condition = "present"', 'condition = "verified"', "key[0].condition"),
    ],
)
def test_one_slip_is_told_with_file_and_key(tmp_path: Path, old: str, new: str, key: str) -> None:
    assert GOOD.count(old) >= 1

    with pytest.raises(ProfileError) as caught:
        read_profiles(written(tmp_path, GOOD.replace(old, new, 1)))

    assert "std-test.toml" in caught.value.message
    assert key in caught.value.message
    assert caught.value.hint


def test_rules_within_rules_end_somewhere(tmp_path: Path) -> None:
    rule = '{ keyword = "Rows", tag = "0028,0010", presence = "given" }'
    for _ in range(8):
        rule = f'{{ keyword = "A", tag = "0028,0010", presence = "given", item = [{rule}] }}'
    text = GOOD.replace(
        'item = [{ keyword = "RegionFlags", tag = "0018,6016", presence = "present" }]',
        f"item = [{rule}]",
    )

    with pytest.raises(ProfileError, match="deeper"):
        read_profiles(written(tmp_path, text))


@pytest.mark.parametrize("value", ["9" * 5000, "1979-05-27T25:00:00", "0x" + "F" * 40_000])
def test_values_that_no_reader_takes_are_a_profile_error(tmp_path: Path, value: str) -> None:
    with pytest.raises(ProfileError):
        read_profiles(written(tmp_path, GOOD.replace("rows = 64", f"rows = {value}")))


# Damage.

FILES = {path.name: path.read_text("utf-8") for path in resource_folder("profiles").glob("*.toml")}
VALUES = st.sampled_from(
    [
        "0",
        "-1",
        "99999999999999999999",
        "1e400",
        "nan",
        "true",
        '""',
        '" "',
        '"x"',
        '"1C"',
        '"-"',
        '"*"',
        '["*"]',
        '"composite"',
        '"declared"',
        "[]",
        "[[]]",
        "[1, 2]",
        '["FSR"]',
        '["IMAGE"]',
        "{}",
        "[{}]",
        '{ tag = "60xx,0010" }',
        "1979-05-27",
        '"\\u0000"',
        '"0000,0000"',
        '"FFxx,FFFF"',
    ]
)
PLACES = [
    (name, match.span(1))
    for name, text in sorted(FILES.items())
    for match in re.finditer(r"= ([^\n#]+)", text)
]


KNOWN = {
    profile.name: profile
    for profile in read_profiles(resource_folder("profiles") / "std-gen-dvd.toml")
}


def read_damaged(folder: Path, text: str) -> None:
    """A damaged file gives profiles or a `ProfileError` that names it, and nothing else."""
    said = "std-test.toml"
    try:
        for profile in read_profiles(written(folder, text), KNOWN):
            profile.as_dict()
    except ProfileError as fault:
        said = fault.message
    assert "std-test.toml" in said


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(place=st.sampled_from(PLACES), value=VALUES)
def test_another_value_anywhere_is_taken_or_told(
    tmp_path: Path, place: tuple[str, tuple[int, int]], value: str
) -> None:
    name, (start, end) = place
    read_damaged(tmp_path, FILES[name][:start] + value + FILES[name][end:])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(name=st.sampled_from(sorted(FILES)), data=st.data())
def test_lines_lost_doubled_or_moved_are_taken_or_told(
    tmp_path: Path, name: str, data: st.DataObject
) -> None:
    lines = FILES[name].splitlines(keepends=True)
    places = st.integers(0, len(lines) - 1)
    for _ in range(data.draw(st.integers(1, 4))):
        one, other = data.draw(places) % len(lines), data.draw(places) % len(lines)
        match data.draw(st.sampled_from(["lose", "double", "move"])):
            case "lose" if len(lines) > 1:
                del lines[one]
            case "double":
                lines.insert(other, lines[one])
            case _:
                lines[one], lines[other] = lines[other], lines[one]

    read_damaged(tmp_path, "".join(lines))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(text=st.text(max_size=300))
def test_any_text_is_taken_or_told(tmp_path: Path, text: str) -> None:
    read_damaged(tmp_path, text.replace("\x00", "").encode("utf-8", "replace").decode())
