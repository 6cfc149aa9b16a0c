"""What xorriso says, understood: transcripts in, values out."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mediastation.burn.drive import Disc, DiscStatus, Family, Session, Speed
from mediastation.burn.engine import BurnProgress, Phase
from mediastation.burn.trouble import Cause
from mediastation.burn.xorriso_messages import (
    find_cause,
    gravest_words,
    read_drive,
    read_drives,
    read_progress,
)
from tests.support.xorriso_double import TRANSCRIPTS


def transcript(name: str) -> list[str]:
    return (TRANSCRIPTS / f"{name}.txt").read_text().replace("@DEV@", "/dev/sr0").splitlines()


def disc_of(name: str) -> Disc:
    disc = read_drive(transcript(name), "/dev/sr0").disc
    assert disc is not None
    return disc


def test_a_scan_names_each_drive() -> None:
    drives = read_drives(transcript("drives"))

    assert [(drive.device, drive.vendor, drive.model) for drive in drives] == [
        ("/dev/sr0", "TSSTcorp", "CDDVDW SH-S203B"),
        ("/dev/sr1", "HL-DT-ST", "BD-RE  WH16NS40"),
    ]


def test_a_scan_without_drives_is_empty() -> None:
    assert read_drives(["xorriso : SORRY : No drives found"]) == []


def test_a_blank_cd_r_is_understood_whole() -> None:
    drive = read_drive(transcript("cd-r-blank"), "/dev/sr0")

    assert (drive.vendor, drive.model, drive.revision) == ("TSSTcorp", "CDDVDW SH-S203B", "SB04")
    assert drive.disc == Disc(
        kind="CD-R",
        status=DiscStatus.BLANK,
        capacity_sectors=359_844,
        free_sectors=359_844,
        speeds=(Speed(1764, 10.0), Speed(2822, 16.0), Speed(5645, 32.0), Speed(7056, 40.0)),
        medium_id="97m17s06f/79m59s74f , Taiyo Yuden Company Limited",
    )


@pytest.mark.parametrize(
    ("name", "kind", "status", "rewritable"),
    [
        ("no-disc", "", DiscStatus.NONE, False),
        ("cd-r-open", "CD-R", DiscStatus.APPENDABLE, False),
        ("cd-r-closed", "CD-R", DiscStatus.CLOSED, False),
        ("cd-rw-closed", "CD-RW", DiscStatus.CLOSED, True),
        ("dvd-r-blank", "DVD-R", DiscStatus.BLANK, False),
        ("dvd-plus-rw-blank", "DVD+RW", DiscStatus.BLANK, True),
        ("bd-r-blank", "BD-R", DiscStatus.BLANK, False),
        ("bd-re-written", "BD-RE", DiscStatus.OVERWRITABLE, True),
    ],
)
def test_kinds_and_states(name: str, kind: str, status: DiscStatus, rewritable: bool) -> None:
    disc = disc_of(name)

    assert (disc.kind, disc.status, disc.is_rewritable) == (kind, status, rewritable)


def test_a_disc_that_was_left_open_tells_its_session_and_where_the_next_begins() -> None:
    disc = disc_of("cd-r-open")

    assert disc.sessions == (Session(1, 0, 98, "DOE_PETER"),)
    assert disc.next_sector == 11_752
    assert not disc.damaged


def test_a_session_that_was_never_finished_shows() -> None:
    assert disc_of("cd-r-damaged").damaged


def test_lines_that_speak_of_no_disc_give_none() -> None:
    assert read_drive(transcript("busy"), "/dev/sr0").disc is None


@pytest.mark.parametrize(
    ("line", "family", "progress"),
    [
        (
            "xorriso : UPDATE :   30 of  400 MB written (fifo  9%) [buf  50%]",
            Family.FILE,
            BurnProgress(Phase.WRITING, 30 << 20, 400 << 20, 0.0),
        ),
        (
            "xorriso : UPDATE :  224 of  400 MB written (fifo 64%) [buf  50%]  8.0xC.",
            Family.CD,
            BurnProgress(Phase.WRITING, 224 << 20, 400 << 20, 8 * 153_600.0),
        ),
        (
            "xorriso : UPDATE :    3 MB written (fifo 99%) [buf  94%]  10.0x.",
            Family.DVD,
            BurnProgress(Phase.WRITING, 3 << 20, 400 << 20, 13_850_000.0),
        ),
        (
            "xorriso : UPDATE : Blanking  ( 50.0% done in 31 seconds )",
            Family.CD,
            BurnProgress(Phase.BLANKING, 5000, 10_000),
        ),
        (
            "xorriso : UPDATE : Closing track/session. Working since 12 seconds",
            Family.CD,
            BurnProgress(Phase.CLOSING, 400 << 20, 400 << 20),
        ),
        ("xorriso : UPDATE : Thank you for being patient. Working since 3 seconds.", None, None),
        ("Writing to '/dev/sr0' completed successfully.", None, None),
    ],
)
def test_progress(line: str, family: Family | None, progress: BurnProgress | None) -> None:
    assert read_progress(line, 400 << 20, family or Family.OTHER) == progress


def test_no_more_is_reported_as_written_than_there_is() -> None:
    """The last megabyte that is reported counts padding too."""
    line = "xorriso : UPDATE :  401 of  400 MB written (fifo  0%) [buf  50%]  8.0xC."
    progress = read_progress(line, (400 << 20) - 5, Family.CD)

    assert progress is not None
    assert progress.done == (400 << 20) - 5


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("busy", Cause.BUSY),
        ("permission", Cause.PERMISSION),
        ("write-error", Cause.WRITE_FAILED),
        ("write-protected", Cause.WRITE_FAILED),
        ("pulled", Cause.GONE),
        ("too-small", Cause.TOO_SMALL),
        ("not-blank", Cause.NOT_BLANK),
        ("no-disc", Cause.NO_DISC),
    ],
)
def test_what_went_wrong_is_told_apart(name: str, cause: Cause) -> None:
    assert find_cause(transcript(name)) is cause


def test_what_nobody_knows_is_passed_on_in_its_own_words() -> None:
    lines = ["xorriso : FAILURE : The moon is full", "xorriso : NOTE : Gave up -outdev ''"]

    assert find_cause(lines) is Cause.OTHER
    assert gravest_words(lines) == "The moon is full"


def test_words_that_say_nothing_give_way_to_those_that_do() -> None:
    assert gravest_words(transcript("write-error")).startswith("SCSI error on write(36304,16)")


@given(st.lists(st.text(max_size=200), max_size=30))
def test_no_answer_of_a_drive_is_too_odd(lines: list[str]) -> None:
    """What a drive says of itself passes through; nothing of it may stop us."""
    read_drives(lines)
    read_drive(lines, "/dev/sr0")
    find_cause(lines)
    assert len(gravest_words(lines)) <= 300
    for line in lines:
        read_progress(line, 1, Family.CD)


@given(st.text(max_size=60), st.text(max_size=60))
def test_names_from_the_disc_cannot_steer_a_terminal(volume_id: str, product: str) -> None:
    lines = [
        "Media current: CD-R",
        f"Media product: {product}".replace("\n", " "),
        f"ISO session  :   1 ,         0 ,        95s , {volume_id}".replace("\n", " "),
    ]
    disc = read_drive(lines, "/dev/sr0").disc

    assert disc is not None
    assert disc.medium_id.isprintable()
    assert all(session.volume_id.isprintable() for session in disc.sessions)
