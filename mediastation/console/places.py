"""The places of the console: which key goes where, and where the screen is found."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mediastation.console.screens.base import ConsoleScreen


@dataclass(frozen=True, slots=True)
class Place:
    """One screen that a digit goes to.

    `screen` is the class in ``mediastation.console.screens.<module>``, where
    `module` is the name unless it says otherwise; `short` stands for the title
    where there is little room.
    """

    key: str
    name: str
    title: str
    screen: str
    help: str
    module: str = ""
    short: str = ""

    def load(self) -> type[ConsoleScreen]:
        """Import the screen's class."""
        module = import_module(f"mediastation.console.screens.{self.module or self.name}")
        screen: type[ConsoleScreen] = getattr(module, self.screen)
        return screen


PLACES = (
    Place("1", "studies", "Studies", "StudiesScreen", "What arrived; search, mark, look"),
    Place("2", "export", "Export", "ExportScreen", "Make media of what is marked"),
    Place("3", "jobs", "Jobs", "JobsScreen", "What is being done, and what wants a decision"),
    Place("4", "drives", "Drives", "DrivesScreen", "Drives and what lies in them"),
    Place("5", "network", "Network", "NetworkScreen", "Listener, peers and associations",
          short="Net"),
    Place("6", "ledger", "Ledger", "LedgerScreen", "Every medium that was made"),
    Place(
        "7", "profiles", "Profiles", "ProfilesScreen", "Application Profiles, and which one fits"
    ),
    Place("8", "settings", "Settings", "SettingsScreen", "How this station is set up",
          short="Setup"),
    Place("9", "import", "Import", "ImportScreen", "Media that somebody brought",
          module="import_screen"),
)  # fmt: skip
PLACE_OF = {place.name: place for place in PLACES}
