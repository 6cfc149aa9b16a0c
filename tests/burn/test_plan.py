"""What may be done with an image and a disc."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.burn.drive import Disc, DiscStatus, Session, Speed
from mediastation.burn.plan import BurnOptions, ImageFacts, plan_burn
from mediastation.model.finding import Severity

CD_IMAGE = ImageFacts("set.iso", 98 * 2048, annex="F")
DVD_IMAGE = ImageFacts("set.iso", 98 * 2048, udf_revision="1.02", annex="P")
BLANK_CD = Disc(
    "CD-R",
    DiscStatus.BLANK,
    359_844,
    359_844,
    speeds=(Speed(706, 4.0), Speed(1411, 8.0), Speed(2822, 16.0)),
)
OPEN_CD = replace(
    BLANK_CD,
    status=DiscStatus.APPENDABLE,
    free_sectors=348_092,
    next_sector=11_752,
    sessions=(Session(1, 0, 98, "DOE_PETER"),),
)
PLAIN = BurnOptions()


def errors(disc: Disc, image: ImageFacts, options: BurnOptions = PLAIN) -> list[str]:
    findings = plan_burn(disc, image, options).findings
    return [one.rule for one in findings if one.severity is Severity.ERROR]


def test_a_cd_image_goes_onto_a_blank_cd_r_with_room_for_those_who_read_ahead() -> None:
    plan = plan_burn(BLANK_CD, CD_IMAGE, PLAIN)

    assert plan.is_possible
    assert not plan.findings
    assert plan.padding_sectors == 150
    assert plan.options.speed_kilobytes == 0
    assert not plan.options.keep_open
    assert plan.options.start_sector is None


# Typed from PS3.12, not from the table: F.1 CD-R, J.1 DVD-RAM, P.1 DVD, X.1 BD.
@pytest.mark.parametrize(
    ("kind", "annex", "revision", "fits"),
    [
        ("CD-R", "F", "", True),
        ("DVD-R", "F", "", False),
        ("BD-R", "F", "", False),
        ("DVD-R", "P", "1.02", True),
        ("DVD+R-DL", "P", "2.01", True),
        ("DVD-RW", "P", "", True),
        ("CD-R", "P", "1.02", False),
        ("DVD-RAM", "P", "1.50", False),
        ("DVD-RAM", "J", "1.50", True),
        ("DVD+RW", "J", "1.50", False),
        ("BD-R", "X", "2.60", True),
        ("BD-RE", "X", "2.50", True),
        ("BD-RE", "X", "2.60", False),
        ("BD-R", "X", "2.50", False),
        ("DVD-R", "X", "2.60", False),
        ("BD-R", "", "2.60", True),
        ("DVD-R", "", "2.60", False),
        ("CD-R", "", "", True),
        ("DVD+R", "", "", True),
        ("CD-ROM", "F", "", False),
    ],
)
def test_each_annex_has_its_discs(kind: str, annex: str, revision: str, fits: bool) -> None:
    disc = replace(BLANK_CD, kind=kind, speeds=())
    image = ImageFacts("set.iso", 2048, not revision, revision, annex)

    assert ("wrong-disc" not in errors(disc, image)) is fits


def test_the_wrong_disc_is_told_with_what_to_do_about_it() -> None:
    (finding,) = plan_burn(replace(BLANK_CD, kind="DVD-R"), CD_IMAGE, PLAIN).findings

    assert "a DVD-R lies in the drive" in finding.message
    assert "CD-R" in finding.hint
    assert finding.reference == "PS3.12 Annex F"


@pytest.mark.parametrize(
    ("disc", "rule"),
    [
        (Disc(), "no-disc"),
        (Disc("", DiscStatus.UNKNOWN), "wrong-disc"),
        (OPEN_CD, "not-blank"),
        (replace(OPEN_CD, status=DiscStatus.CLOSED, free_sectors=359_844), "not-blank"),
        (replace(BLANK_CD, damaged=True), "not-blank"),
        (replace(BLANK_CD, free_sectors=97), "disc-too-small"),
    ],
)
def test_what_cannot_be_written_is_refused(disc: Disc, rule: str) -> None:
    assert errors(disc, CD_IMAGE) == [rule]


@pytest.mark.parametrize("kind", ["DVD+RW", "DVD-RAM", "BD-RE", "DVD-RW", "file"])
def test_what_somebody_has_written_is_never_written_over(kind: str) -> None:
    """Those discs would take it without a word; the data of a patient would be gone."""
    disc = replace(OPEN_CD, kind=kind, status=DiscStatus.OVERWRITABLE, is_random_access=True)
    image = ImageFacts("set.iso", 2048, False)

    assert "not-blank" in errors(disc, image)


def test_a_disc_that_holds_something_names_it() -> None:
    (finding,) = plan_burn(OPEN_CD, CD_IMAGE, PLAIN).findings

    assert "DOE_PETER" in finding.message


def test_an_image_that_fills_the_disc_goes_without_padding() -> None:
    plan = plan_burn(replace(BLANK_CD, free_sectors=98), CD_IMAGE, PLAIN)

    assert plan.is_possible
    assert plan.padding_sectors == 0


@pytest.mark.parametrize(("kind", "possible"), [("CD-R", True), ("DVD-R", True), ("DVD+R", True),
                                                ("DVD-R-DL", False), ("DVD+RW", False),
                                                ("DVD-RAM", False), ("BD-R", False),
                                                ("BD-RE", False)])  # fmt: skip
def test_only_what_has_sessions_is_kept_open(kind: str, possible: bool) -> None:
    overwritable = kind in {"DVD+RW", "DVD-RAM", "BD-RE"}
    disc = replace(BLANK_CD, kind=kind, is_random_access=overwritable)
    found = errors(disc, ImageFacts("set.iso", 2048), BurnOptions(keep_open=True))

    assert ("no-sessions" not in found) is possible


def test_a_session_goes_onto_a_cd_that_was_left_open() -> None:
    plan = plan_burn(OPEN_CD, CD_IMAGE, BurnOptions(append=True))

    assert plan.is_possible
    assert plan.options.start_sector is None  # the drive knows where


@pytest.mark.parametrize(
    ("disc", "image", "rule"),
    [
        (BLANK_CD, CD_IMAGE, "nothing-to-append-to"),
        (replace(OPEN_CD, status=DiscStatus.CLOSED), CD_IMAGE, "disc-closed"),
        (replace(OPEN_CD, damaged=True), CD_IMAGE, "disc-closed"),
        (replace(OPEN_CD, kind="BD-R"), ImageFacts("i", 1, False, "2.60", "X"), "no-sessions"),
        (
            replace(OPEN_CD, kind="DVD+RW", status=DiscStatus.OVERWRITABLE, is_random_access=True),
            ImageFacts("i", 1, True, "", "P"),
            "no-sessions",
        ),
        (replace(OPEN_CD, kind="DVD-R"), DVD_IMAGE, "no-appending"),
    ],
)
def test_what_cannot_be_appended_to_says_why(disc: Disc, image: ImageFacts, rule: str) -> None:
    assert rule in errors(disc, image, BurnOptions(append=True))


def test_a_file_that_stands_for_a_disc_is_told_where_its_next_session_begins() -> None:
    disc = replace(
        OPEN_CD, kind="file", status=DiscStatus.OVERWRITABLE, is_random_access=True, next_sector=128
    )

    assert plan_burn(disc, CD_IMAGE, BurnOptions(append=True)).options.start_sector == 128


@pytest.mark.parametrize(
    ("asked", "taken"), [(16, 2822), (100, 2822), (12, 1411), (8, 1411), (7.9, 1411), (1, 706)]
)
def test_the_nearest_speed_that_is_not_above_the_wish_is_taken(asked: float, taken: int) -> None:
    plan = plan_burn(BLANK_CD, CD_IMAGE, BurnOptions(speed=asked))

    assert plan.options.speed_kilobytes == taken


def test_another_speed_than_was_asked_for_is_told() -> None:
    (finding,) = plan_burn(BLANK_CD, CD_IMAGE, BurnOptions(speed=12)).findings

    assert finding.rule == "speed"
    assert "8x is taken for 12x" in finding.message


def test_a_drive_that_names_no_speeds_is_asked_in_bytes() -> None:
    plan = plan_burn(replace(BLANK_CD, speeds=()), CD_IMAGE, BurnOptions(speed=4))

    assert plan.options.speed_kilobytes == 706


@pytest.mark.parametrize("kind", ["DVD+R", "DVD+RW", "BD-R", "BD-RE", "DVD-RAM"])
def test_a_disc_without_simulation_is_left_alone_by_one(kind: str) -> None:
    plan = plan_burn(
        replace(BLANK_CD, kind=kind), ImageFacts("i", 2048, False), BurnOptions(simulate=True)
    )

    assert not plan.moves
    assert "no-simulation" in [finding.rule for finding in plan.findings]


kinds = st.sampled_from(
    ["CD-R", "CD-RW", "DVD-R", "DVD+R", "DVD+RW", "DVD-RAM", "DVD-R-DL", "BD-R", "BD-RE", "file",
     "", "CD-ROM", "HD DVD-R"]
)  # fmt: skip
discs = st.builds(
    Disc,
    kind=kinds,
    status=st.sampled_from(DiscStatus),
    capacity_sectors=st.integers(0, 10**8),
    free_sectors=st.integers(0, 10**8),
    next_sector=st.integers(0, 10**8),
    speeds=st.lists(st.builds(Speed, st.integers(1, 10**5), st.floats(0.1, 60)), max_size=4).map(
        lambda speeds: tuple(sorted(speeds, key=lambda speed: speed.factor))
    ),
    damaged=st.booleans(),
    is_random_access=st.booleans(),
)
images = st.builds(
    ImageFacts,
    name=st.just("i"),
    size_bytes=st.integers(1, 10**11),
    has_iso9660=st.booleans(),
    udf_revision=st.sampled_from(["", "1.02", "1.50", "2.01", "2.50", "2.60"]),
    annex=st.sampled_from(["", "F", "J", "P", "X"]),
)
options = st.builds(BurnOptions, st.floats(0, 100), st.booleans(), st.booleans(), st.booleans())


@given(discs, images, options)
def test_no_plan_ever_writes_over_data_or_beyond_the_disc(
    disc: Disc, image: ImageFacts, asked: BurnOptions
) -> None:
    plan = plan_burn(disc, image, asked)

    if not plan.is_possible:
        return
    assert image.sectors + plan.padding_sectors <= disc.free_sectors
    if asked.append:
        assert disc.status in {DiscStatus.APPENDABLE, DiscStatus.OVERWRITABLE}
        assert not image.udf_revision
        if plan.options.start_sector is not None:
            assert disc.kind == "file"
            assert plan.options.start_sector >= disc.next_sector
    else:
        assert disc.status is DiscStatus.BLANK
        assert plan.options.start_sector is None


@given(discs, images, options)
def test_every_refusal_says_what_to_do(disc: Disc, image: ImageFacts, asked: BurnOptions) -> None:
    for finding in plan_burn(disc, image, asked).findings:
        assert finding.message.endswith(".")
        assert finding.hint or finding.severity is not Severity.ERROR


@given(discs, images, st.floats(0.5, 100))
def test_no_drive_is_driven_faster_than_was_asked(
    disc: Disc, image: ImageFacts, speed: float
) -> None:
    plan = plan_burn(disc, image, BurnOptions(speed=speed))
    slower = [one for one in disc.speeds if one.factor <= speed * 1.03]

    if slower and plan.options.speed_kilobytes:
        assert plan.options.speed_kilobytes in {one.kilobytes for one in slower}
