"""The keys of *Studies*. What the footer has no room for stands in the help and the palette."""

from __future__ import annotations

from textual.binding import Binding, BindingType

KEYS: list[BindingType] = [
    Binding("space", "mark", "Mark", tooltip="Mark the study or series, or take the mark away"),
    Binding("p", "mark_patient", "Patient", show=False, tooltip="Mark all studies of this patient"),
    Binding("e", "export", "Export", tooltip="Take the marks to Export"),
    Binding("v", "preview", "View", tooltip="Show or hide the picture"),
    Binding("a", "add", "Add", tooltip="Add a folder, file or image from disk"),
    Binding("f", "forget", "Forget", show=False, tooltip="Remove from the store what is marked"),
    Binding("right", "open", "Open", show=False, tooltip="Show the series of the study"),
    Binding("left", "close", "Close", show=False, tooltip="Hide the series of the study"),
    Binding("o", "order", "Order", show=False, tooltip="By arrival, date or name"),
    Binding("m", "medium", "Medium", show=False, tooltip="Compare the marks with another medium"),
    Binding("x", "clear", "Unmark", show=False, tooltip="Take all marks away"),
    Binding("n", "picture('next')", "Next", show=False, tooltip="Next image"),
    Binding("b", "picture('previous')", "Before", show=False, tooltip="The image before"),
    Binding("full_stop", "picture('next-frame')", "Next frame", show=False),
    Binding("comma", "picture('previous-frame')", "Frame before", show=False),
    Binding("w", "picture('wider')", "Wider", show=False, tooltip="Window wider: less contrast"),
    Binding("W", "picture('narrower')", "Narrower", show=False, tooltip="Window narrower"),
    Binding("l", "picture('higher')", "Level up", show=False, tooltip="Level up: darker"),
    Binding("L", "picture('lower')", "Level down", show=False, tooltip="Level down: brighter"),
    Binding("r", "picture('reset')", "Window reset", show=False, tooltip="The first window"),
    Binding("escape", "back", "Back", show=False, tooltip="End the search"),
]
