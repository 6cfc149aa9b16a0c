"""An image in the terminal: two pixels to a character, in as many colours as it can show."""

from __future__ import annotations

from functools import lru_cache

from rich.color import Color
from rich.segment import Segment
from rich.style import Style
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from mediastation.console.words import fit
from mediastation.model.picture import Picture

_UPPER_HALF = "▀"
_CAPTION_LINES = 3


@lru_cache(maxsize=1 << 14)
def _halves(upper: bytes, lower: bytes) -> Style:
    # Rich turns it into the nearest of 256 colours where the terminal has no more.
    return Style(color=Color.from_rgb(*upper), bgcolor=Color.from_rgb(*lower))


class PicturePane(Widget):
    """Shows one picture with a caption below it, or says why there is none."""

    class Resized(Message):
        """There is another size to fill."""

    def __init__(self, *, id: str | None = None) -> None:  # noqa: A002 - Textual's word
        super().__init__(id=id)
        self.picture: Picture | None = None
        self.told = ""
        self.caption: tuple[str, ...] = ()

    def show(self, picture: Picture | None, told: str, caption: tuple[str, ...]) -> None:
        """Show a picture, or `told` where there is none, with up to three lines below."""
        self.picture, self.told, self.caption = picture, told, caption
        self.refresh()

    @property
    def picture_size(self) -> tuple[int, int]:
        """Rows and columns of pixels that there is room for."""
        return max((self.size.height - _CAPTION_LINES) * 2, 2), max(self.size.width, 1)

    def on_resize(self) -> None:
        """Ask for a picture that fits."""
        self.post_message(self.Resized())

    def render_line(self, y: int) -> Strip:
        """Draw one line: pixels, or words."""
        width, height = self.size
        style = self.rich_style
        below = y - (height - _CAPTION_LINES)
        if below >= 0:
            words = self.caption[below] if below < len(self.caption) else ""
            return Strip([Segment(fit(words, width), style)], width)
        if self.picture is None:
            words = self.told[y * width : (y + 1) * width] if width else ""
            return Strip([Segment(fit(words, width), style)], width)
        image = self.picture.image
        if 2 * y + 1 >= image.rows:
            return Strip([]).adjust_cell_length(width, style)
        halves = zip(_line(self.picture, 2 * y), _line(self.picture, 2 * y + 1), strict=True)
        segments = [Segment(_UPPER_HALF, _halves(upper, lower)) for upper, lower in halves]
        return Strip(segments, image.columns).adjust_cell_length(width, style)


def _line(picture: Picture, row: int) -> list[bytes]:
    """Return red, green and blue of each pixel of a row."""
    columns = picture.image.columns
    if picture.colours:
        line = picture.colours[3 * row * columns : 3 * (row + 1) * columns]
        return [line[place : place + 3] for place in range(0, len(line), 3)]
    return [
        bytes((grey,)) * 3 for grey in picture.image.pixels[row * columns : (row + 1) * columns]
    ]
