"""Pictures in the terminal: two pixels to a character, grey or in the colours that they have."""

from __future__ import annotations

from rich.segment import Segment
from textual.app import App, ComposeResult

from mediastation.console.widgets.picture_pane import PicturePane
from mediastation.model.icon import IconImage
from mediastation.model.picture import Picture


class PaneApp(App[None]):
    """One pane, six cells wide: two lines of picture, three of caption."""

    CSS = "PicturePane { width: 6; height: 5; }"

    def compose(self) -> ComposeResult:
        """Give the pane."""
        yield PicturePane()


async def cells(picture: Picture | None, told: str = "") -> list[list[Segment]]:
    """Return the lines that are drawn of it."""
    async with PaneApp().run_test() as pilot:
        pane = pilot.app.query_one(PicturePane)
        pane.show(picture, told, ("one", "two", "three"))
        await pilot.pause()
        return [list(pane.render_line(y)) for y in range(5)]


def colours_of(segment: Segment) -> tuple[object, object]:
    style = segment.style
    assert style is not None
    assert style.color is not None
    assert style.bgcolor is not None
    return style.color.triplet, style.bgcolor.triplet


async def test_grey_is_grey() -> None:
    image = IconImage(4, 2, bytes((0, 255, 9, 8, 7, 6, 5, 4)))

    first, second, *captions = await cells(Picture(image, 0, 1, 4, 2))

    assert [one.text for one in first[:2]] == ["▀", "▀"]
    assert [colours_of(one) for one in first[:2]] == [
        ((0, 0, 0), (9, 9, 9)),
        ((255, 255, 255), (8, 8, 8)),
    ]
    assert colours_of(second[1]) == ((6, 6, 6), (4, 4, 4))
    assert [line[0].text for line in captions] == ["one   ", "two   ", "three "]


async def test_colour_is_in_colour() -> None:
    image = IconImage(2, 1, b"\x10\x20")

    first, *_ = await cells(Picture(image, 0, 1, 2, 1, colours=bytes((255, 0, 3, 0, 128, 64))))

    assert colours_of(first[0]) == ((255, 0, 3), (0, 128, 64))


async def test_without_a_picture_it_says_why() -> None:
    lines = await cells(None, "no pixels")

    assert [line[0].text for line in lines[:2]] == ["no pix", "els   "]
