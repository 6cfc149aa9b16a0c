"""*Settings*: what this station is set to, where that stands, and a way to change it."""

from __future__ import annotations

import os
import shlex
import subprocess
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.widgets import Static

from mediastation.config import FILE_NAME
from mediastation.console.screens.base import ConsoleScreen
from mediastation.console.themes import THEMES
from mediastation.console.widgets.page_table import Column, PageRow, PageTable
from mediastation.errors import MediastationError
from mediastation.model.text import harmless

if TYPE_CHECKING:
    from mediastation.config import Settings
    from mediastation.station.settings_view import SettingRow
    from mediastation.station.station import Station

COLUMNS = (Column("Setting", 20), Column("Value", 20, flex=1), Column("From", 11))
_EDITORS = ("VISUAL", "EDITOR")
_ORIGINS = {
    "default": "the default; nobody set it",
    "file": "the file",
    "environment": "the environment, which goes before the file",
}


class SettingsScreen(ConsoleScreen):
    """The settings in force."""

    PLACE = "settings"
    FIRST_FOCUS = "#settings"
    CSS_PATH = "settings.tcss"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("e", "edit", "Edit", tooltip="Open config.toml in an editor, and check it after"),
        Binding("r", "read_again", "Reread", tooltip="Read config.toml again"),
        Binding("t", "theme", "Theme", tooltip="Dark, light, or of the highest contrast"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows: dict[str, SettingRow] = {}

    def body(self) -> ComposeResult:
        """Give the list and what the chosen setting means."""
        yield Static("", id="settings-file", markup=False)
        yield PageTable(COLUMNS, empty="Reading …", id="settings")
        with VerticalScroll(id="setting-pane", can_focus=False):
            yield Static("", id="setting-words", markup=False)

    @property
    def table(self) -> PageTable:
        """The list."""
        return self.query_one("#settings", PageTable)

    @property
    def _file(self) -> Path:
        return self.desk.home / FILE_NAME

    async def look(self) -> None:
        """Show the settings as this console has them."""
        from mediastation.station.settings_view import settings_in_force  # noqa: PLC0415

        there = "" if self._file.exists() else " (not there yet: all defaults; e makes it)"
        self.query_one("#settings-file", Static).update(harmless(f"{self._file}{there}"))
        rows = {row.name: row for row in await self.desk.call(settings_in_force)}
        if rows != self._rows:
            self._rows = rows
            self.table.show_rows(
                {
                    row.name: PageRow(
                        (row.name, row.value, str(row.origin)),
                        "" if row.origin == "default" else "strong",
                    )
                    for row in rows.values()
                }
            )
            self._describe(self.table.cursor_key)

    def _describe(self, key: object) -> None:
        row = self._rows.get(str(key))
        if row is None:
            return
        lines = (
            row.meaning,
            f"Value: {row.value}",
            f"From: {_ORIGINS[row.origin]}. Default: {row.default}",
            f"Set it in {FILE_NAME} as `{row.name}`, or by the variable {row.variable}.",
        )
        self.query_one("#setting-words", Static).update("\n".join(map(harmless, lines)))

    @on(PageTable.Moved)
    def show_words(self, event: PageTable.Moved) -> None:
        """Describe the setting under the cursor."""
        self._describe(event.key)

    def action_theme(self) -> None:
        """Take the next theme."""
        names = [theme.name for theme in THEMES]
        now = names.index(self.app.theme) if self.app.theme in names else -1
        self.console.choose_theme(names[(now + 1) % len(names)])

    def action_edit(self) -> None:
        """Open the file in the operator's editor; what cannot be read afterwards is told."""
        self.run_worker(self._edit(), group="edit", exclusive=True)

    async def _edit(self) -> None:
        if await self.ask(_make_file) is None:
            return
        editor = next(filter(None, map(os.environ.get, _EDITORS)), "nano")
        try:
            with self.app.suspend():
                subprocess.run([*shlex.split(editor), str(self._file)], check=False)
        except SuspendNotSupported:
            self.console.tell(f"Edit {self._file} in another terminal, then press r.")
            return
        except (OSError, ValueError) as fault:
            self.console.tell(
                f"The editor {editor!r} cannot be started ({fault}). Set EDITOR, or edit "
                f"{self._file} in another terminal and press r.",
                grave=True,
            )
            return
        await self._read_again()

    async def action_read_again(self) -> None:
        """Take the file as it is now."""
        await self._read_again()

    async def _read_again(self) -> None:
        before = self.desk.settings
        try:
            after = await self.desk.call(_read)
        except MediastationError as fault:
            self.console.tell_fault(fault)
            self.console.tell("The settings stay as they were until the file can be read.")
            return
        if after == before:
            self.console.tell("Nothing changed.")
            return
        self.desk.station.settings = after
        self.console.can_take_back(
            "new settings (in this console; the file stays)",
            partial(setattr, self.desk.station, "settings", before),
        )
        self.console.tell(
            "The settings are read. A running `serve` takes them when it is started again."
        )
        self.look_again()


def _make_file(station: Station) -> bool:
    """Make an empty file, private, where there is none."""
    from mediastation.catalog.durable import disk_trouble_told  # noqa: PLC0415 - for threads

    path = station.home / FILE_NAME
    with disk_trouble_told(station.home):
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(
                "# Settings of this station. `mediastation settings --reference` lists the keys.\n"
            )
    return True


def _read(station: Station) -> Settings:
    from mediastation.station.station import read_settings  # noqa: PLC0415

    return read_settings(station.home)
