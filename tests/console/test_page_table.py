"""The table reads what is seen and no more, and its cursor stays on its row."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from textual.app import App, ComposeResult
from textual.pilot import Pilot

from mediastation.console.widgets.page_table import Column, Key, PageRow, PageTable

NUMBER = 10_000
COLUMNS = (
    Column("Name", 10, flex=1),
    Column("Size", 6, right=True),
    Column("Wide", 9, from_width=70),
)


class TableApp(App[None]):
    """One table of many rows, and a note of what was asked for and said."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[list[Key]] = []
        self.said: list[object] = []
        self.gone: set[Key] = set()
        self.version = 1
        self.may_answer = asyncio.Event()
        self.may_answer.set()

    def compose(self) -> ComposeResult:
        yield PageTable(COLUMNS, self.fetch, sign=lambda key: "■" if key == 2 else "", empty="none")

    async def fetch(self, keys: list[Key]) -> Mapping[Key, PageRow]:
        self.asked.append(keys)
        await self.may_answer.wait()
        return {
            key: PageRow((f"row {key} v{self.version}", "1", "w"))
            for key in keys
            if key not in self.gone
        }

    @property
    def table(self) -> PageTable:
        return self.query_one(PageTable)

    def on_page_table_moved(self, event: PageTable.Moved) -> None:
        self.said.append(("moved", event.key))

    def on_page_table_chosen(self, event: PageTable.Chosen) -> None:
        self.said.append(("chosen", event.key))

    def on_page_table_sign_clicked(self, event: PageTable.SignClicked) -> None:
        self.said.append(("sign", event.key))

    def lines(self) -> list[str]:
        strips = self.screen._compositor.render_strips()
        return ["".join(segment.text for segment in strip) for strip in strips]


@asynccontextmanager
async def table(
    number: int = NUMBER, width: int = 60
) -> AsyncIterator[tuple[TableApp, Pilot[None]]]:
    app = TableApp()
    async with app.run_test(size=(width, 20)) as pilot:
        app.table.set_keys(range(number))
        app.table.focus()
        await quiet(pilot)
        yield app, pilot


async def quiet(pilot: Pilot[None]) -> None:
    for _ in range(2):
        await pilot.pause()
        await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def test_only_what_is_near_is_read() -> None:
    async with table() as (app, pilot):
        await pilot.press("end")
        await quiet(pilot)

        asked = {key for keys in app.asked for key in keys}
        assert len(asked) < 300
        assert any("row 9999 v1" in line for line in app.lines())
        assert app.table.cursor_key == 9999


async def test_every_key_moves_where_it_says() -> None:
    async with table() as (app, pilot):
        places = []
        for key in ("down", "j", "up", "k", "pagedown", "pageup", "end", "home", "G", "g"):
            await pilot.press(key)
            places.append(app.table.cursor_key)

        assert places == [1, 2, 1, 0, 18, 0, 9999, 0, 9999, 0]


async def test_the_cursor_stays_on_its_row_when_others_come_before_it() -> None:
    async with table() as (app, pilot):
        await pilot.press(*["down"] * 30)
        at = app.lines().index(next(line for line in app.lines() if "row 30 v1" in line))

        app.table.set_keys([*range(-100, 0), *range(NUMBER)])
        await quiet(pilot)

        assert app.table.cursor_key == 30
        assert "row 30 v1" in app.lines()[at]


async def test_at_the_top_new_rows_are_seen_while_the_cursor_keeps_its_row() -> None:
    async with table() as (app, pilot):
        app.table.set_keys([-1, *range(NUMBER)])
        await quiet(pilot)

        assert app.table.cursor_key == 0
        assert "row -1 v1" in app.lines()[1]


async def test_the_cursor_goes_to_a_neighbour_when_its_row_goes() -> None:
    async with table(5) as (app, pilot):
        await pilot.press("end")

        app.table.set_keys([0, 1])
        await quiet(pilot)

        assert app.table.cursor_key == 1
        app.table.set_keys([])
        await quiet(pilot)
        assert app.table.cursor_key is None
        assert any("none" in line for line in app.lines())


async def test_reading_again_shows_the_old_until_the_new_is_here() -> None:
    async with table(3) as (app, pilot):
        app.version = 2
        app.may_answer.clear()

        app.table.read_again()
        await pilot.pause()
        assert "row 0 v1" in app.lines()[1]
        app.may_answer.set()
        await quiet(pilot)

        assert "row 0 v2" in app.lines()[1]


async def test_what_is_gone_says_so_and_is_not_asked_for_for_ever() -> None:
    async with table(3) as (app, pilot):
        app.gone = {1}
        app.table.read_again()
        await quiet(pilot)

        assert app.lines()[2].split() == ["gone"]
        assert len(app.asked) == 2


async def test_rows_below_another_are_indented_and_follow_it() -> None:
    async with table(3) as (app, pilot):
        app.table.set_children(0, ["a", "b"])
        await quiet(pilot)

        assert [line[:12] for line in app.lines()[1:5]] == [
            "  row 0 v1  ",
            "    row a v1",
            "    row b v1",
            "  row 1 v1  ",
        ]
        assert app.table.parent_of("a") == 0
        app.table.set_children(0, [])
        assert app.table.line_count == 3


async def test_the_mouse_moves_chooses_and_marks() -> None:
    async with table(5) as (app, pilot):
        app.said.clear()
        await pilot.click(PageTable, offset=(10, 3))
        await pilot.click(PageTable, offset=(10, 3))
        await pilot.click(PageTable, offset=(0, 4))
        await pilot.click(PageTable, offset=(5, 0))
        await pilot.click(PageTable, offset=(5, 12))

        assert app.said == [("moved", 2), ("chosen", 2), ("moved", 3), ("sign", 3)]


async def test_enter_chooses() -> None:
    async with table(5) as (app, pilot):
        await pilot.press("down", "enter")
        await pilot.pause()

        assert app.said[-1] == ("chosen", 1)


async def test_columns_give_way_where_there_is_no_room() -> None:
    async with table(3, width=60) as (narrow, _), table(3, width=90) as (wide, _):
        assert "Wide" not in narrow.lines()[0]
        assert "Wide" in wide.lines()[0]
        assert narrow.table.column_widths()[2] == 0
        for app, width in ((narrow, 60), (wide, 90)):
            shown = [size for size in app.table.column_widths() if size]
            assert 2 + sum(shown) + len(shown) - 1 <= width


async def test_short_tables_are_handed_over_whole() -> None:
    async with table(0) as (app, pilot):
        app.asked.clear()
        app.table.show_rows({"x": PageRow(("one", "2", ""), "error"), "y": PageRow(("two",))})
        await quiet(pilot)

        assert app.asked == []
        assert app.lines()[1].split() == ["one", "2"]
        assert app.lines()[2].split() == ["two"]
