"""Three looks: dark, light, and one of the highest contrast."""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="dark",
        primary="#5aa9e6",
        secondary="#8ecae6",
        accent="#ffb703",
        warning="#ffb703",
        error="#ff6b6b",
        success="#7bd389",
        foreground="#e6e6e6",
        background="#11151a",
        surface="#171c22",
        panel="#222a33",
        dark=True,
    ),
    Theme(
        name="light",
        primary="#005a9c",
        secondary="#2f6690",
        accent="#9a4d00",
        warning="#8a4b00",
        error="#b00020",
        success="#1b6b2f",
        foreground="#14181c",
        background="#fafafa",
        surface="#ffffff",
        panel="#e4e9ee",
        dark=False,
    ),
    Theme(
        name="high contrast",
        primary="#ffff00",
        secondary="#00ffff",
        accent="#ffff00",
        warning="#ffff00",
        error="#ff8080",
        success="#80ff80",
        foreground="#ffffff",
        background="#000000",
        surface="#000000",
        panel="#303030",
        boost="#000000",
        dark=True,
        luminosity_spread=0.05,
        text_alpha=1.0,
    ),
)
DEFAULT_THEME = "dark"
