"""Pictures of the console for the guides, drawn by the console itself: ``make pictures``.

The home is made anew, the patients never lived, drives and listener answer from a script,
and the clock stands still, so that a picture changes only where the console has.
"""

from __future__ import annotations

import asyncio
import html
import os
import re
import shutil
import sys
import tempfile
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from unittest.mock import patch

from patients import BROUGHT, LENA, LENA_AGAIN, STUDIES, write_study
from rich.cells import cell_len
from textual.pilot import Pilot

from mediastation.burn.drive import Disc, DiscStatus, Drive, Session
from mediastation.console.app import ConsoleApp
from mediastation.console.memory import write_memory
from mediastation.console.widgets.status_line import StatusLine
from mediastation.model.job import StepState
from mediastation.model.ledger import Disclosure
from mediastation.model.secrecy import Password
from mediastation.secure.passphrase import make_passphrase
from mediastation.station.burning.drive_view import DriveView
from mediastation.station.burning.drives import DiscContent
from mediastation.station.burning.request import BurnRequest
from mediastation.station.clock import Clock
from mediastation.station.exporting.request import ExportRequest
from mediastation.station.gather import add
from mediastation.station.intake.import_medium import import_medium
from mediastation.station.intake.request import ImportRequest
from mediastation.station.job import worker_name
from mediastation.station.serving.serve import hold_serve_lock
from mediastation.station.serving.submitting import submit
from mediastation.station.serving.worker import run_claimed
from mediastation.station.station import Station

FOLDER = Path(__file__).parent / "pictures"
SHOWN_HOME = "/var/lib/mediastation"
"""What stands in the pictures for the home, which is as long."""
SMALL, LARGE = (80, 24), (100, 30)
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=UTC).timestamp()
FONTS = 'ui-monospace, "DejaVu Sans Mono", "Noto Sans Mono", Menlo, Consolas, monospace'
_CELL = 12.2
"""Width of a cell in the pictures."""
_MARKS = re.compile("[\u200e\u200f\u2066-\u2069]")

_CONFIG = """
institution = "Example Hospital, File Room"
contact = ["1 Example Street, Exampletown", "Telephone 01234 56789"]
operator = "a.holm"
bind = "0.0.0.0"
aet = "FILEROOM"

[peers.pacs]
title = "Archive"
aet = "ARCHIVE"
host = "192.0.2.5"
port = 104

[peers.ris]
title = "Worklist"
aet = "RIS"
host = "192.0.2.6"
port = 104
services = ["worklist"]

[reconcile]
worklist = "-"
"""
_DRIVES = [
    Drive("/dev/sr0", "EXAMPLE", "BD-RE 100", "1.00",
          Disc("CD-R", DiscStatus.BLANK, 359_844, 359_844)),
    Drive("/dev/sr1", "EXAMPLE", "DVD-RW 24", "1.02",
          Disc("DVD+RW", DiscStatus.OVERWRITABLE, 2_295_104, 2_295_104,
               sessions=(Session(1, 0, 109, "QUINTERO_TOMAS"),))),
]  # fmt: skip


class _Time:
    """The one clock of everything that is drawn."""

    now = NOW


@dataclass(frozen=True, slots=True)
class Picture:
    """One picture: the place where it begins, and what is pressed there."""

    name: str
    place: str
    keys: tuple[str, ...] = ()
    size: tuple[int, int] = SMALL
    before: Callable[[Station], None] | None = None


def _two_identities(station: Station) -> None:
    _remember(station, "export.sources", [f"patient:{LENA.patient_id}",
                                          f"patient:{LENA_AGAIN.patient_id}"])  # fmt: skip


def _with_drive(station: Station) -> None:
    _remember(station, "export.drive", "/dev/sr0")


def _remember(station: Station, name: str, value: Any) -> None:
    write_memory(station.home, {name: value})


def _brought(station: Station) -> None:
    """Import what a patient brought: images without a directory, and a viewer."""
    medium = station.home / "media" / "LINDQVIST"
    if medium.exists():
        return
    _Time.now = NOW - 420
    write_study(BROUGHT, medium / "IMAGES")
    (medium / "AUTORUN.INF").write_bytes(b"[autorun]\r\nopen=VIEWER\\VIEWER.EXE\r\n")
    (medium / "VIEWER").mkdir()
    (medium / "VIEWER" / "VIEWER.EXE").write_bytes(b"MZ" + bytes(2048))
    import_medium(station, ImportRequest(medium))
    _Time.now = NOW


PICTURES = (
    Picture("studies", "studies", ("down", "v"), LARGE),
    Picture("series", "studies", ("right", "down", "space")),
    Picture("search", "studies", ("slash", *"lind", "enter", "space", "down", "space")),
    Picture("export", "studies", ("down", "space", "e", "c"), LARGE, _with_drive),
    Picture("confirm", "studies", ("down", "space", "e", "c", "x"), before=_with_drive),
    Picture("identity", "export", ("i",), LARGE, _two_identities),
    Picture("jobs", "jobs", (), LARGE),
    Picture("job", "jobs", ("down",), LARGE),
    Picture("drives", "drives", ("down",)),
    Picture("network", "network", (), LARGE),
    Picture("ledger", "ledger", (), LARGE),
    Picture("profiles", "profiles", (), LARGE),
    Picture("settings", "settings", (), LARGE),
    Picture("help", "studies", ("question_mark",), LARGE),
    Picture("import", "import", ("tab", "enter", "right"), LARGE, _brought),
    Picture("whose", "import", ("tab", "enter", "right", "right", "right", "down"), LARGE,
            _brought),
    Picture("encrypted", "studies", ("down", "space", "e", "e"), LARGE),
    # The last one: what it starts would stand in those after it.
    Picture("password", "studies", ("down", "space", "e", "e", "x", "y")),
)  # fmt: skip


# The home


def fill(home: Path) -> None:
    """Put studies, jobs and discs into a new home, as a morning in a file room would."""
    (home / "config.toml").write_text(_CONFIG, encoding="utf-8")
    with tempfile.TemporaryDirectory() as folder, Station(home) as station:
        for number, study in enumerate(STUDIES):
            source = Path(folder, str(number))
            write_study(study, source)
            _Time.now = NOW - study.age_s
            add(station, [str(source)])
        _Time.now = NOW - 3 * 86400
        _made(station, "60734", "STD-GEN-CD", "Quintero, family", "copy for the patient")
        _Time.now = NOW - 4 * 3600
        _made(station, "50218", "STD-GEN-DVD-JPEG", "Dr. Example, Surgery", "referral")
        _Time.now = NOW - 1800
        _asks(station)
        _Time.now = NOW - 90
        _is_burned(station)
        _Time.now = NOW - 20
        _export(station, "20117", "STD-GEN-CD")
    _Time.now = NOW


def _export(station: Station, patient: str, profile: str, **more: Any) -> int:
    folder = station.home / "images" / f"{patient}-{int(_Time.now)}"
    folder.mkdir(parents=True)
    request = ExportRequest((f"patient:{patient}",), profile, folder, **more)
    return submit(station, request)


def _made(station: Station, patient: str, profile: str, given_to: str, reason: str) -> None:
    number = _export(station, patient, profile, disclosure=Disclosure("", given_to, reason))
    _run(station, number)


def _asks(station: Station) -> None:
    folder = station.home / "images" / "asks"
    folder.mkdir()
    sources = (f"patient:{LENA.patient_id}", f"patient:{LENA_AGAIN.patient_id}")
    _run(station, submit(station, ExportRequest(sources, "STD-GEN-CD", folder)))


def _is_burned(station: Station) -> None:
    """Let a burn stand in the middle of its disc."""
    image = max((station.home / "images").rglob("*.ISO"))
    request = BurnRequest(image, ("/dev/sr0",))
    number = submit(station, request)
    station.queue.claim(number, "fileroom-1:1051", "fileroom-1", _Time.now)
    steps = (("check", 41_000_000, "bytes"), ("write", 41_000_000, "bytes"))
    for position, (name, total, unit) in enumerate(steps):
        station.jobs.start_step(number, position, name, total, unit, _Time.now)
        done = total if position == 0 else 26_000_000
        station.jobs.report(number, "fileroom-1:1051", position, done, total, NOW - 1)
        if position == 0:
            station.jobs.end_step(number, 0, StepState.DONE, "the image is whole", _Time.now)


def _run(station: Station, number: int) -> None:
    station.queue.claim(number, worker_name(), "", _Time.now)
    if (record := station.jobs.get(number, _Time.now)) is not None:
        run_claimed(station.home, record)


# What answers in the place of drives and network


def _look(*_: object) -> dict[str, DriveView]:
    """Return the drives: a blank, which is being burned, and a disc that was made here."""
    blank, used = _DRIVES
    patients = (("Quintero^Tomás", "60734"),)
    content = DiscContent(("QUINTERO_TOMAS",), "QUINTERO_TOMAS", "2.25.2747", patients, 6)
    return {
        blank.device: DriveView(blank),
        used.device: DriveView(used, content, made_by=10, volume=1, volumes=1),
    }


def _answer(_home: Path, word: str, **_more: Any) -> dict[str, Any] | None:
    """Answer as a `serve` would."""
    if word == "ping":
        return {"address": "0.0.0.0", "port": 11112, "aet": "FILEROOM", "pid": 1042,  # noqa: S104
                "since": NOW - 30 * 3600, "stopping": False}  # fmt: skip
    if word == "workers":
        return {"workers": [{"pid": 1050, "share": "general"}, {"pid": 1051, "share": "drives"}]}
    if word != "associations":
        return {}
    live = {
        "peer": "192.0.2.21:50144", "calling_ae": "CT_ONE", "called_ae": "FILEROOM",
        "since": NOW - 40, "last_activity": NOW, "contexts": 4, "proposed": 4,
        "instances": 64, "refused": 0, "bytes": 34_100_000,
    }  # fmt: skip
    ended = [
        ("MR_TWO", 36, "released", 2400, 20_400_000),
        ("XRAY_3", 1, "released", 5700, 18_900_000),
        ("OLD_WORKSTATION", 0, "rejected", 9000, 0),
    ]
    return {
        "live": [live],
        "ended": [
            live | {
                "peer": f"192.0.2.{30 + number}:50{number}01", "calling_ae": name,
                "instances": images, "bytes": size, "since": NOW - ago - 20,
                "last_activity": NOW - ago, "ended_at": NOW - ago, "ended": how,
            }
            for number, (name, images, how, ago, size) in enumerate(ended)
        ],
    }  # fmt: skip


@contextmanager
def scripted() -> Iterator[None]:
    """Let time stand still, and drives and listener answer from the script."""
    os.environ["TZ"] = "UTC"
    time.tzset()
    numbers = iter(range(1, 1 << 30))
    listening = "mediastation.station.serving.listening"
    with ExitStack() as stack:
        for target, value in (
            ("mediastation.station.clock.Clock.now", lambda _: _Time.now),
            ("mediastation.station.clock.uuid.uuid4", lambda: uuid.UUID(int=next(numbers))),
            (
                "mediastation.station.serving.submitting.secrets.token_hex",
                lambda _: f"{next(numbers):x}",
            ),
            ("mediastation.station.burning.drives.list_drives", lambda *_: _DRIVES),
            ("mediastation.station.burning.drive_view.look_at_drives", _look),
            ("socket.gethostname", lambda: "fileroom-1"),
            (f"{listening}.ask_serving", _answer),
            ("mediastation.station.serving.job_password.ask_serving", _answer),
            ("mediastation.console.screens.export_sealing.new_password", _password),
            ("mediastation.station.browse.ask_serving", _answer),
            (f"{listening}.hosts_of", lambda _: ("192.0.2.10", "fileroom-1")),
        ):
            stack.enter_context(patch(target, value))
        stack.enter_context(patch.object(Clock, "moment", _moment))
        stack.enter_context(patch.object(StatusLine, "tick", _tick))
        yield


def _password(*_: object) -> Password:
    """Return a passphrase that protects nothing."""
    numbers = iter(range(705, 1 << 11, 211))
    return Password(make_passphrase(random=lambda _: next(numbers)))


def _moment(clock: Clock) -> datetime:
    return clock._fixed or datetime.fromtimestamp(int(_Time.now), UTC)


def _tick(line: StatusLine) -> None:
    line.clock = "10:30"


# Drawing


async def draw(home: Path, picture: Picture) -> str:
    """Return `picture` as SVG."""
    with Station(home) as station:
        write_memory(home, {})
        if picture.before is not None:
            picture.before(station)
    app = ConsoleApp(home, first=picture.place)
    async with app.run_test(size=picture.size, notifications=False) as pilot:
        await settled(pilot)
        for key in picture.keys:
            await pilot.press(key)
            await settled(pilot)
        await settled(pilot)
        return plain(app.export_screenshot(simplify=True), str(home))


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until nothing is read any more, what waits for a pause included."""
    for _ in range(4):
        await pilot.pause(0.2)
        await _workers(pilot)


async def _workers(pilot: Pilot[Any]) -> None:
    waiting: Awaitable[None] = pilot.app.workers.wait_for_complete()
    await waiting


def plain(svg: str, home: str) -> str:
    """Return `svg` without fonts from elsewhere, and with the home that people read."""
    svg = re.sub(r"@font-face\s*\{.*?\}\s*", "", svg, flags=re.DOTALL)
    svg = re.sub(r"font-family:[^;]*;", f"font-family: {FONTS};", svg)
    svg = re.sub(r"<!--.*?-->\s*", "", svg, flags=re.DOTALL)
    # Every letter in its cell, whatever font there is; no clipping of lines is needed then.
    svg = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
    svg = re.sub(r' textLength="([\d.]+)"([^>]*>)([^<]*)', _in_cells, svg)
    svg = re.sub(
        r'<clipPath id="terminal-\d+-line-\d+">.*?</clipPath>\s*', "", svg, flags=re.DOTALL
    )
    svg = re.sub(r' clip-path="url\(#terminal-\d+-line-\d+\)"', "", svg)
    svg = re.sub(r"terminal-\d+-", "t-", svg)
    svg = svg.replace(' shape-rendering="crispEdges"', "")
    # The head of the ledger follows from a key that is made anew each time.
    svg = re.sub(r"(head&#160;\d+:)[0-9a-f]{8}", r"\g<1>2a9f314c", svg)
    for end in range(len(home), len(tempfile.gettempdir()) + 1, -1):
        svg = svg.replace(home[:end], SHOWN_HOME[:end])  # it may be cut where there is no room
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


def _in_cells(found: re.Match[str]) -> str:
    """Give a text the width that it has in a terminal; marks of direction have none."""
    width = cell_len(_MARKS.sub("", html.unescape(found[3]))) * _CELL
    fitted = f' lengthAdjust="spacingAndGlyphs" textLength="{width:g}"' if width > _CELL else ""
    return f"{fitted}{found[2]}{found[3]}"


def main(wanted: list[str]) -> int:
    """Draw the pictures that are named, or all."""
    FOLDER.mkdir(exist_ok=True)
    known = [picture for picture in PICTURES if not wanted or picture.name in wanted]
    stem = "x" * (len(SHOWN_HOME) - len(tempfile.gettempdir()) - 9)
    home = Path(tempfile.mkdtemp(prefix=stem))
    try:
        with scripted():
            fill(home)
            with hold_serve_lock(home):
                for picture in known:
                    svg = asyncio.run(draw(home, picture))
                    (FOLDER / f"{picture.name}.svg").write_text(svg, encoding="utf-8")
                    print(f"{picture.name}: {len(svg.encode()):,} bytes")
    finally:
        shutil.rmtree(home)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
