"""Somebody with a sealed medium, a home folder, and nothing but a shell and OpenSSL."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

from tests.support.peers import peer


class OpensslReader:
    """Follows README.TXT of `medium` to the letter; opened files come to lie in `home`."""

    def __init__(self, medium: Path, home: Path, *, shell: str = "sh") -> None:
        self.medium, self.home, self.shell = medium, home, shell
        home.mkdir()

    def follow(self, *typed: str, before: str = "") -> str:
        """Run the commands of the text, typing what they ask for; return what they said.

        `before` is a line of the shell that is run ahead of them.
        """
        script = self.home / "typed.sh"
        commands = commands_of((self.medium / "README.TXT").read_bytes())
        script.write_bytes(f"{before}\n".encode() + commands)
        peer("openssl")
        done = subprocess.run(
            [peer(self.shell), str(script)],
            cwd=self.medium,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            input="".join(f"{line}\n" for line in typed).encode(),
            capture_output=True,
            timeout=60,
            check=False,
        )
        return done.stdout.decode()

    def opened(self) -> dict[str, bytes]:
        """Return what was opened, by path on the medium."""
        folder = self.home / "dicom-opened"
        found = (path for path in folder.rglob("*") if path.is_file())
        return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def commands_of(readme: bytes) -> bytes:
    """Return the lines that the text says are commands."""
    section = readme.decode("utf-8-sig").split("OPENSSL ALONE\r\n", 1)[1]
    lines = [line for line in section.split("\r\n") if line.startswith("    ")]
    return "".join(f"{line}\n" for line in lines).encode()
