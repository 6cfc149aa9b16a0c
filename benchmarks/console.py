"""The console: from the start to the first paint, and how long keys wait while jobs tell much.

``python -m benchmarks.console``. The start is compared with a Python that only imports Textual; the
stalls of the event loop while 200 events a second are written with those while nothing is.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import pty
import select
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from pathlib import Path

from benchmarks.job_events import job_events
from mediastation.console.app import ConsoleApp

_RUNS = 5
_BEAT_S = 0.005
_SECONDS = 10.0
_KEYS_PER_S = 20
_RATE = 200
_TIMEOUT_S = 30
_PAINTED = b"8 Settings"
_ROOT = Path(__file__).parents[1]


def new_home(home: Path) -> Path:
    """Make a home that the console does not serve, and return it."""
    home.mkdir(mode=0o700)
    (home / "config.toml").write_text("serve_with_console = false\n")
    return home


def first_paint_s(home: Path) -> float:
    """Start the console on a terminal of 80 by 24 and return how long it takes to be there."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("4H", 24, 80, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "PYTHONPATH": str(_ROOT)}
    start = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "mediastation", "--home", str(home)],
        stdin=theirs, stdout=theirs, stderr=theirs, env=environment, start_new_session=True,
    )  # fmt: skip
    os.close(theirs)
    try:
        seen = b""
        while _PAINTED not in seen:
            if not select.select([ours], [], [], _TIMEOUT_S)[0]:
                raise RuntimeError("the console paints nothing")
            seen += os.read(ours, 65536)
        return time.perf_counter() - start
    finally:
        process.kill()
        process.wait()
        os.close(ours)


def import_s() -> float:
    """Return how long a Python takes that only imports Textual."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import textual"], check=True)
    return time.perf_counter() - start


async def stalls_ms(home: Path) -> list[float]:
    """Press keys in Jobs, and return by how much each beat of the event loop came late."""
    late: list[float] = []
    app = ConsoleApp(home, first="jobs")

    async def beat() -> None:
        while True:
            due = time.perf_counter() + _BEAT_S
            await asyncio.sleep(_BEAT_S)
            late.append((time.perf_counter() - due) * 1000)

    async with app.run_test(size=(160, 50)) as pilot:
        while not app.desk.is_open:
            await pilot.pause(0.05)
        await pilot.pause(2)
        beating = asyncio.create_task(beat())
        end = time.perf_counter() + _SECONDS
        pressed = 0
        while time.perf_counter() < end:
            app.simulate_key("down" if pressed % 30 < 15 else "up")
            pressed += 1
            await asyncio.sleep(1 / _KEYS_PER_S)
        beating.cancel()
    return late


def main() -> None:
    """Measure both."""
    with tempfile.TemporaryDirectory() as folder:
        home = new_home(Path(folder) / "home")
        painted, imported = [], []
        for _ in range(_RUNS):
            painted.append(first_paint_s(home))
            imported.append(import_s())
        paint, least = statistics.median(painted), statistics.median(imported)
        print(f"start to first paint   {paint:6.2f} s   {paint / least:5.1f} × import textual")
        found = {}
        for name, rate in (("idle", 0), ("loaded", _RATE)):
            busy = new_home(Path(folder) / name)
            with job_events(busy, rate=rate):
                late = sorted(asyncio.run(stalls_ms(busy)))
            found[name] = late[len(late) * 99 // 100], late[-1]
        for name, n in (("p99", 0), ("longest", 1)):
            idle, loaded = found["idle"][n], found["loaded"][n]
            print(
                f"stall with {_RATE} events/s, {name:<8} {loaded:7.1f} ms   "
                f"{loaded / max(idle, 0.01):5.1f} × idle ({idle:.1f} ms)"
            )


if __name__ == "__main__":
    main()
