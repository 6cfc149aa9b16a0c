"""What programs that nobody here wrote see of outside files and media, as text to be compared."""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path

from tests.support.peers import run_peer


def pictures(files: Mapping[str, bytes], folder: Path) -> dict[str, str]:
    """What dcmdump says of each of `files`, named freely; one program for all of them.

    The preamble, of which dcmdump says nothing, stands in front.
    """
    folder.mkdir(parents=True)
    names = {name: f"{number:05}" for number, name in enumerate(files)}
    for name, content in files.items():
        (folder / names[name]).write_bytes(content)
    words = ("-C", folder, "dcmdump", "-q", "+F", *names.values())
    said = run_peer("env", *words, check=False)
    found = {}
    parts = said.stdout.split("# dcmdump (")
    for part in parts[1:]:
        head, _, body = part.partition("\n")
        found[head.rpartition(": ")[2].strip()] = body
    for line in said.stderr.splitlines():
        name = line.rpartition(": ")[2].strip()
        found[name] = found.get(name, "") + line.replace(name, "")
    return {
        name: f"{files[name][:128].hex() if files[name][128:132] == b'DICM' else 'bare'}\n"
        f"{len(files[name]) == 0}\n{found.get(number, 'nothing')}"
        for name, number in names.items()
    }


def listing(root: Path) -> str:
    """The files below a folder as ``find`` sees them: kind, size and name."""
    lines = []
    for top, folders, files in os.walk(root):
        for name in sorted((*folders, *files)):
            path = Path(top, name)
            status = path.lstat()
            size = status.st_size if stat.S_ISREG(status.st_mode) else 0
            lines.append(f"{stat.filemode(status.st_mode)[0]} {size} {path.relative_to(root)}")
    return "\n".join(sorted(lines))


def tools(path: Path) -> str:
    """What the checkers of the medium's own kind say of it; the path is left out."""
    if path.is_dir():
        return listing(path)
    said = []
    front = path.read_bytes()[:40_000]
    suffix = path.suffix
    if suffix == ".zip":
        commands = [("unzip", "-t", path), ("7z", "l", path)]
    elif suffix == ".iso":
        commands = [("isoinfo", "-f", "-i", path), ("isoinfo", "-l", "-i", path)]
        commands += [("isoinfo", "-J", "-f", "-i", path)] if b"%/" in front else []
        commands += [("7z", "t", path)]
    elif suffix == ".udf":
        commands = [("udfinfo", path), ("7z", "t", path)]
    else:
        commands = [("fsck.fat", "-n", "-v", path), ("7z", "t", path)]
    for command in commands:
        result = run_peer(*map(str, command), check=False)
        text = (result.stdout + result.stderr).replace(str(path), "")
        said.append(f"{command[0]} {result.returncode}\n{text}")
    return "\n".join(said)
