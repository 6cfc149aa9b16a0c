"""Icons of instances: made once, kept beside the index, gone with their instance."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import delete, insert, select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.schema import icons, instances
from mediastation.model.icon import IconImage


def find_icon(catalog: Catalog, entry: int, recipe: str) -> IconImage | None:
    """Return the icon of `entry` that was made by `recipe`, if it is here."""
    query = select(icons.c.rows, icons.c.columns, icons.c.pixels).where(
        icons.c.instance == entry, icons.c.recipe == recipe
    )
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    return IconImage(row.rows, row.columns, row.pixels) if row else None


def keep_icons(catalog: Catalog, recipe: str, made: Iterable[tuple[int, IconImage]]) -> None:
    """Keep icons under their entries; an older one of the same recipe goes.

    What was forgotten meanwhile gets none.
    """
    with catalog.writing() as connection:
        for entry, icon in made:
            connection.execute(
                delete(icons).where(icons.c.instance == entry, icons.c.recipe == recipe)
            )
            if connection.execute(select(instances.c.id).where(instances.c.id == entry)).first():
                connection.execute(
                    insert(icons).values(
                        instance=entry,
                        recipe=recipe,
                        rows=icon.rows,
                        columns=icon.columns,
                        pixels=icon.pixels,
                    )
                )
