"""*Drives*: what lies in them, and what is done there; reading never waits on the screen."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, final

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import Static

from mediastation.burn.drive import STDIO, is_stdio, path_of
from mediastation.console.screens.drive_choice import (
    forget_drive,
    remember_drive,
    typed_drives,
)
from mediastation.console.screens.drive_errands import DriveErrands
from mediastation.console.screens.drive_words import COLUMNS, drive_row, drive_text
from mediastation.console.widgets.dialogs import AskPath
from mediastation.console.widgets.page_table import Key, PageRow, PageTable
from mediastation.console.words import number_text
from mediastation.errors import MediastationError

if TYPE_CHECKING:
    from mediastation.station.burning.drive_view import DriveJob, DriveView

_READ_AGAIN_S = 10
_JOB = 5


@final
class DrivesScreen(DriveErrands):
    """The drives of this computer, and files that stand for drives."""

    PLACE = "drives"
    FIRST_FOCUS = "#drives"
    CSS_PATH = "drives.tcss"
    VERTICAL_BREAKPOINTS = [  # noqa: RUF012 - Textual reads it so
        (0, "-low"),
        (36, "-tall"),
    ]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("b", "burn", "Burn", tooltip="Burn an image onto the disc"),
        Binding("v", "verify", "Verify", tooltip="Reread the disc, and prove it"),
        Binding("e", "eject", "Eject", tooltip="Put the disc out"),
        Binding("w", "wipe(False)", "Wipe", tooltip="Make a rewritable disc blank"),
        Binding("W", "wipe(True)", "Wipe wholly", show=False,
                tooltip="Make a rewritable disc blank, every sector of it"),
        Binding("r", "read", "Reread", show=False,
                tooltip="Look at all drives now; no tray is moved"),
        Binding("a", "add", "Add", tooltip="Add a file in place of a drive, for training"),
        Binding("d", "remove", "Remove", show=False,
                tooltip="Take a training drive off this list"),
        Binding("escape", "back", "Back", show=False, tooltip="Back to the list"),
    ]  # fmt: skip

    def __init__(self) -> None:
        super().__init__()
        self._views: dict[str, DriveView] = {}
        self._jobs: Mapping[str, DriveJob] = {}
        self._resources: dict[str, str] = {}
        self._like: dict[str, str] = {}
        self._is_reading = False
        self._read_once = False
        self._since_read = 0
        self._now = 0.0
        self._fault = ""

    def body(self) -> ComposeResult:
        """Give the list, and all about the drive under the cursor."""
        yield Static("", id="drives-which", markup=False)
        with Container(id="drive-panes"):
            yield PageTable(COLUMNS, empty="Looking at the drives …", id="drives")
            with VerticalScroll(id="drive-pane"):
                yield Static("", id="drive-words", markup=False)

    @property
    def table(self) -> PageTable:
        """The list."""
        return self.query_one("#drives", PageTable)

    @property
    def current(self) -> DriveView | None:
        """The drive under the cursor."""
        return self._views.get(str(self.table.cursor_key))

    @property
    def job(self) -> DriveJob | None:
        """The job of the drive under the cursor."""
        view = self.current
        return self._job_of(view.drive.device) if view else None

    def _job_of(self, device: str) -> DriveJob | None:
        return self._jobs.get(self._resources.get(device, ""))

    # Reading

    async def look(self) -> None:
        """Read the jobs; look at the drives when it is time, or a job has let one go."""
        from mediastation.station.burning.drive_view import drive_jobs  # noqa: PLC0415

        before = {name for name, job in self._jobs.items() if job.is_busy}
        self._jobs = await self.desk.call(drive_jobs)
        self._now = self.desk.station.clock.now()
        let_go = before - {name for name, job in self._jobs.items() if job.is_busy}
        self._since_read += 1
        if not self._read_once or let_go or self._since_read >= _READ_AGAIN_S:
            self.read_drives()
        self._show()

    def on_screen_resume(self) -> None:
        """Look at the drives at once: discs were changed while nobody looked."""
        self._since_read = _READ_AGAIN_S
        super().on_screen_resume()

    def read_drives(self) -> None:
        """Look at the drives in the background, unless that is going on."""
        if self._is_reading or not self.desk.is_open:
            return
        self._is_reading = self._read_once = True
        self._since_read = 0
        self.run_worker(self._read_drives(), group="drives")
        self._show()

    async def _read_drives(self) -> None:
        from mediastation.station.burning.drive_view import look_at_drives, medium_like  # noqa: PLC0415
        from mediastation.station.serving.job_kinds import resource_of  # noqa: PLC0415

        typed = typed_drives(self.desk)
        try:
            async with self.drives_in_use:
                views = await self.desk.call(
                    look_at_drives, typed, dict(self._views), self.desk.engine
                )
            # One that was taken off the list meanwhile stays off.
            wanted = typed_drives(self.desk)
            self._views = {
                device: view
                for device, view in views.items()
                if not is_stdio(device) or device in wanted
            }
            self._resources = {device: resource_of(device) for device in self._views}
            self._like = {device: medium_like(view.disc) for device, view in self._views.items()}
            self._fault = ""
        except MediastationError as fault:
            self._fault = f"{fault.message} {fault.hint}".strip()
            self.console.tell_fault(fault)
        finally:
            self._is_reading = False
            self._since_read = 0
        if set(typed_drives(self.desk)) - set(typed):
            # Added while it was going on.
            self.read_drives()
        self._show()

    def _show(self) -> None:
        if not self.query("#drives"):
            # The console was left while the drives were looked at.
            return
        rows: dict[Key, PageRow] = {}
        width = self.table.column_widths()[_JOB]
        for device, view in self._views.items():
            rows[device] = drive_row(view, self._job_of(device), self._now, width)
        reading = self._is_reading and not self._views
        self.table.empty = self._fault or (
            "Looking at the drives …"
            if reading
            else "No drive here. Connect one and press r, or a adds a file for training."
        )
        self.table.show_rows(rows)
        which = number_text(len(rows), "drive")
        busy = sum(job.is_busy for job in map(self._job_of, self._views) if job)
        which += f" · {busy} busy" if busy else ""
        which += " · looking …" if self._is_reading else " · looked at every 10 s, r looks now"
        self.query_one("#drives-which", Static).update(which)
        self._describe()
        self.refresh_bindings()

    def _describe(self) -> None:
        view = self.current
        words = self.query_one("#drive-words", Static)
        if view is None:
            words.update("")
            return
        width = max(self.size.width - 4, 20)
        like = self._like.get(view.drive.device, "")
        words.update(drive_text(view, self.job, like, self._now, width))

    @on(PageTable.Moved)
    def show_words(self) -> None:
        """Tell all about the drive under the cursor."""
        self._describe()
        self.refresh_bindings()

    @on(PageTable.Chosen)
    async def open_chosen(self) -> None:
        """Go to the job of the drive, or to the description."""
        job = self.job
        if job is not None:
            await self.console.go("jobs", job=job.record.id)
        else:
            self.query_one("#drive-pane").focus()

    def action_back(self) -> None:
        """Go back to the list."""
        self.table.focus()

    def action_read(self) -> None:
        """Look at all drives now."""
        self.read_drives()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer to remove only what somebody added."""
        if action == "remove":
            view = self.current
            return view is not None and is_stdio(view.drive.device)
        return super().check_action(action, parameters)

    # Training drives

    def action_add(self) -> None:
        """Ask for a file that is to stand for a drive."""
        self.app.push_screen(
            AskPath("Which file is to stand for a drive? It is made where there is none."),
            self._add,
        )

    def _add(self, path: str | None) -> None:
        if not path:
            return
        device = f"{STDIO}{Path(path.removeprefix(STDIO)).expanduser().absolute()}"
        if path_of(device).is_dir():
            self.console.tell(f"{path} is a folder. Name a file in it, such as disc.iso.")
            return
        if device in typed_drives(self.desk):
            self.table.move_to(device)
            return
        self._set_typed(device, there=True)
        self.console.can_take_back(
            f"adding of {device}", lambda: self._set_typed(device, there=False)
        )

    def action_remove(self) -> None:
        """Take a training drive off the list; its file stays."""
        view = self.current
        if view is None or not is_stdio(view.drive.device):
            return
        device = view.drive.device
        self._set_typed(device, there=False)
        self.console.can_take_back(
            f"removal of {device}", lambda: self._set_typed(device, there=True)
        )
        self.console.tell(f"{device} is off the list; its file stays. u takes that back.")

    def _set_typed(self, device: str, *, there: bool) -> None:
        if there:
            remember_drive(self.desk, device)
            self.read_drives()
        else:
            forget_drive(self.desk, device)
            self._views.pop(device, None)
        self._show()
