"""Put what the commands really say into the page on importing: ``make walk``.

A disc with faults is made, a worklist and an archive are played, and each command of the
page is run in turn. What differs from one run to the next (digests, places) is made alike.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

from mediastation.cli.app import run  # noqa: E402
from tests.support.certificates import issue  # noqa: E402
from tests.support.objects import write_series  # noqa: E402
from tests.support.orders import double, worklist_entry  # noqa: E402
from tests.support.outside.damage import good_tree  # noqa: E402
from tests.support.outside.patients import instances  # noqa: E402
from tests.support.outside.registry import OF_TREES  # noqa: E402
from tests.support.pacs import archive, write_peer  # noqa: E402
from tests.support.sealed_media import WORDS, sealed  # noqa: E402

PAGE = Path(__file__).parent / "importing.md"
SHOWN = "/media"
"""What stands on the page for the folder that all of it happens in."""
_STEP = re.compile(r"^(```sh\n([^`]*)```\n\n```text\n).*?^(```)$", re.DOTALL | re.MULTILINE)
_VARYING = (
    (re.compile(r"\b[0-9a-f]{12}\b"), "5f2a90c41be7"),
    (re.compile(r"[0-9.]+ KiB"), "86.1 KiB"),
)
_FAULTS = ("shift-plus", "same-uid-other-pixels")
_ORDER = {
    "AccessionNumber": "A1027",
    "PatientName": "Mueller^Aenne",
    "PatientID": "4711",
    "PatientBirthDate": "19530417",
    "PatientSex": "F",
    "RequestedProcedureDescription": "Import of outside images",
}


def with_walk(page: str) -> str:
    """Return `page` with what its commands say today below each of them."""
    with tempfile.TemporaryDirectory() as folder, double() as ris, contextlib.ExitStack() as stack:
        place = Path(folder)
        write_disc(place / "cdrom")
        write_sealed(place)
        ris.has(worklist_entry(**_ORDER))
        of_disc = instances()
        pacs = stack.enter_context(
            archive(
                contexts=tuple({one.sop_class for one in of_disc}),
                syntaxes=tuple({one.syntax for one in of_disc}),
            )
        )
        home = place / "home"
        write_peer(home, ris.port, name="ris", services=["worklist"])
        write_peer(home, pacs.port, name="pacs", services=["store", "find"])

        def told(step: re.Match[str]) -> str:
            return step[1] + said(step[2], place) + step[3]

        filled, steps = _STEP.subn(told, page)
        if steps != page.count("```sh"):
            raise SystemExit(f"{PAGE} has commands without a place for what they say.")
        return filled


def write_disc(root: Path) -> None:
    """Write a disc as patients bring them: wrong offsets, one UID used twice, a viewer."""
    tree = good_tree()
    for fault in _FAULTS:
        (damage,) = (one for one in OF_TREES if one.name == fault)
        if damage.apply is not None:
            tree = damage.apply(tree)
    tree |= {"AUTORUN.INF": b"[autorun]\r\nopen=VIEWER\\VIEW.EXE\r\n"}
    tree |= {"VIEWER/VIEW.EXE": b"MZ" + bytes(500)}
    for path, content in tree.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def write_sealed(place: Path) -> None:
    """Write a stick of envelopes, signed by nobody that the site knows, and its password."""
    ann = issue("File room")
    signer = (ann.key, ann.certificate, ())
    paths = write_series(place / "plain", 3, PatientID="OUT-9", InstitutionName="Elsewhere")
    (place / "stick").mkdir()
    for number, path in enumerate(paths, 1):
        envelope = sealed(path.read_bytes(), signer=signer)
        (place / "stick" / f"IM{number}").write_bytes(envelope)
    words = place / "words"
    words.write_text(WORDS)
    words.chmod(0o600)


def said(commands: str, place: Path) -> str:
    """Run the commands of one step; return what they print, as the page has it."""
    out = io.StringIO()
    for line in commands.replace("\\\n", " ").splitlines():
        words = shlex.split(line, comments=True)
        if words:
            given = [word.replace(f"{SHOWN}/", f"{place}/") for word in words[1:]]
            with (
                contextlib.redirect_stdout(out),
                contextlib.redirect_stderr(out),
                Path(os.devnull).open() as nobody,
                nobody_types(nobody),
            ):
                run([*given, "--home", str(place / "home")])
    text = out.getvalue().replace(str(place), SHOWN)
    for varying, shown in _VARYING:
        text = varying.sub(shown, text)
    return "".join(f"{line.rstrip()}\n" for line in text.splitlines())


@contextlib.contextmanager
def nobody_types(nobody: IO[str]) -> Iterator[None]:
    """Have commands ask nobody, also where somebody is at the keyboard."""
    before, sys.stdin = sys.stdin, nobody
    try:
        yield
    finally:
        sys.stdin = before


if __name__ == "__main__":
    PAGE.write_text(with_walk(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
