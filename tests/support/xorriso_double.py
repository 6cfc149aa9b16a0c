"""A program that is called xorriso and plays what it was told to: what a file cannot show.

`install` puts it into a folder as an executable; the scenario lies beside it.
A drive is named like ``/dev/sr7``, which does not exist; its disc is a name of
a transcript in ``xorriso/``. What is written is kept in the folder, so a test
can see what reached the disc.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

TRANSCRIPTS = Path(__file__).parent / "xorriso"
_CHUNK = 1 << 16
_MIB = 1 << 20


@dataclass
class Script:
    """How one drive behaves.

    Parameters
    ----------
    disc : str
        Transcript of what lies in it.
    then : list of str
        What lies in it after each write or blanking that went well.
    fails : dict
        By number of the write, from 0: transcript of the failure and the share
        of the data after which it comes, such as ``["write-error", 0.37]``;
        ``["hang", 0.37]`` says nothing more and waits.
    """

    disc: str = "cd-r-blank"
    then: list[str] = field(default_factory=list)
    fails: dict[str, tuple[str, float]] = field(default_factory=dict)


def install(folder: Path, drives: dict[str, Script], *, scan: str = "drives") -> Path:
    """Put the double into `folder` and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    told = {name: asdict(script) for name, script in drives.items()}
    (folder / "scenario.json").write_text(json.dumps({"scan": scan, "drives": told}))
    program = folder / "xorriso"
    here = str(Path(__file__).parent)
    program.write_text(
        f"#!{sys.executable} -IS\nimport sys\nsys.path.insert(0, {here!r})\n"
        "from xorriso_double import main\nmain()\n"
    )
    program.chmod(0o755)
    return program


def written(folder: Path, device: str, number: int = 0) -> bytes:
    """Return what the double took for the write of that number."""
    return (folder / f"{Path(device).name}-{number}.written").read_bytes()


def started(folder: Path) -> list[list[str]]:
    """Return the words of every call, in order."""
    log = folder / "calls.jsonl"
    return [json.loads(line) for line in log.read_text().splitlines()] if log.exists() else []


class _Player:
    def __init__(self, folder: Path, words: list[str]) -> None:
        self.folder = folder
        self.words = words
        self.scenario = json.loads((folder / "scenario.json").read_text())
        with (folder / "calls.jsonl").open("a") as log:
            log.write(json.dumps(words) + "\n")

    def run(self) -> int:
        """Do what was asked; return the exit code."""
        if "-devices" in self.words:
            self.play(self.scenario["scan"])
            return 0
        device = self.device()
        script = self.scenario["drives"].get(device)
        if script is None:
            self.say(f"libburn : FAILURE : File object '{device}' not found")
            return 5
        lying = self.lying(device, script)
        if lying in {"busy", "permission"}:
            self.play(lying, device)
            return 5
        if "cdrecord" in self.words:
            return self.write(device, script)
        if "-blank" in self.words:
            self.blank(device)
        elif "-toc" in self.words:
            self.play(lying, device)
        return 0

    def device(self) -> str:
        """Return the drive that is meant."""
        for word in self.words:
            if word.startswith("dev="):
                return word.removeprefix("dev=")
        return self.words[self.words.index("-outdev") + 1]

    def lying(self, device: str, script: dict) -> str:
        """Return the transcript of what lies in a drive now."""
        done = self.count(device, "changed")
        return [script["disc"], *script["then"]][min(done, len(script["then"]))]

    def write(self, device: str, script: dict) -> int:
        """Take the data, or fail on the way."""
        options = dict(word.split("=", 1) for word in self.words if "=" in word)
        total = int(options["tsize"])
        simulated = "-dummy" in self.words
        number = self.count(device, "writes")
        fault, share = script["fails"].get(str(number), ("", 2.0))
        if fault in {"too-small", "not-blank"}:
            self.play(fault, device)
            return 5
        signal.signal(signal.SIGTERM, self.abort)
        self.say("Media current: CD-R")
        self.say("Beginning to write data track.")
        self.add(device, "writes")
        path = Path(os.devnull)
        if not simulated:
            path = self.folder / f"{Path(device).name}-{number}.written"
        done = 0
        with path.open("wb") as disc:
            while done < total and (data := sys.stdin.buffer.read(min(_CHUNK, total - done))):
                disc.write(data)
                disc.flush()
                done += len(data)
                self.say(
                    f"xorriso : UPDATE : {done // _MIB:4d} of {total // _MIB:4d} MB written "
                    "(fifo 99%) [buf  97%]   8.0xC."
                )
                if done >= share * total:
                    if fault == "hang":
                        while True:
                            time.sleep(3600)
                    self.play(fault, device)
                    return 5
        if done < total:
            self.say("libburn : FAILURE : Premature end of input encountered. Missing: some bytes")
            return 5
        if not simulated:
            self.add(device, "changed")
        self.say(f"Writing to '{device}' completed successfully.")
        return 0

    def blank(self, device: str) -> None:
        """Blank the disc, in two steps."""
        self.say("Beginning to blank medium in mode 'fast'.")
        for percent in (1.0, 50.0):
            self.say(f"xorriso : UPDATE : Blanking  ( {percent}% done in 1 seconds )")
        self.say("Blanking done")
        self.add(device, "changed")

    def abort(self, *_: object) -> None:
        """End as libburn does when it is told to."""
        self.play("aborted")
        os._exit(1)

    def play(self, name: str, device: str = "") -> None:
        """Say what a transcript has."""
        self.say((TRANSCRIPTS / f"{name}.txt").read_text().replace("@DEV@", device).rstrip("\n"))

    def say(self, text: str) -> None:
        """Say something at once."""
        sys.stderr.write(text + "\n")
        sys.stderr.flush()

    def count(self, device: str, what: str) -> int:
        """Return how often something was done with a drive."""
        path = self.folder / f"{Path(device).name}.{what}"
        return len(path.read_bytes()) if path.exists() else 0

    def add(self, device: str, what: str) -> None:
        """Count something that was done with a drive."""
        with (self.folder / f"{Path(device).name}.{what}").open("ab") as file:
            file.write(b".")


def main() -> None:
    """Play."""
    sys.exit(_Player(Path(sys.argv[0]).parent, sys.argv[1:]).run())
