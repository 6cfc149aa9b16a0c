"""A person with a sealed medium, its OPEN.HTM and a browser."""

from __future__ import annotations

import zipfile
from pathlib import Path

from tests.support.browser import Browser


class OpenPage:
    """OPEN.HTM of the medium in `folder`, opened from there."""

    def __init__(self, browser: Browser, folder: Path) -> None:
        self.browser = browser
        self.folder = folder
        browser.go((folder / "OPEN.HTM").as_uri())

    def choose(self) -> None:
        """Choose the whole medium."""
        self.browser.set_files("#folder", [self.folder])
        self.browser.wait_until("rows.length > 0")

    def open(self, password: str) -> dict[str, str]:
        """Type the password, open, and return what the table says of each file."""
        self.browser.type("#password", password)
        self.browser.click("#open")
        self.browser.wait_until("!running")
        return self.results()

    def results(self) -> dict[str, str]:
        listed = self.browser.run(
            "Array.from(document.querySelectorAll('#rows tr'), "
            "row => [row.cells[0].innerText, row.cells[2].innerText])"
        )
        return {path.split("/", 1)[-1]: said for path, said in listed}

    def said(self) -> str:
        """Return what it came to, in the page's words."""
        text: str = self.browser.run("document.querySelector('#result').innerText")
        return text

    def shown(self, selector: str) -> bool:
        is_shown: bool = self.browser.run(f"document.querySelector({selector!r}).checkVisibility()")
        return is_shown

    def saved(self) -> dict[str, bytes]:
        """Save all as one ZIP and return what is in it, without the folder's own name."""
        path = self.browser.download("document.querySelector('#zip').click()")
        with zipfile.ZipFile(path) as archive:
            assert archive.testzip() is None
            held = {name.split("/", 1)[1]: archive.read(name) for name in archive.namelist()}
        path.unlink()
        return held
