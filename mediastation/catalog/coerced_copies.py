"""The coerced copies of one original, in the order of the decisions that they stand for.

Whoever decides for one patient, then for another, then for the first again, has
the first. A copy that another one has replaced is therefore never what a new
decision is answered with: its recipe tells which copy it took the place of, and
a lost index finds the order again (`mediastation.catalog.origins`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sqlalchemy import select

from mediastation.catalog.catalog import Catalog
from mediastation.catalog.origins import Origin
from mediastation.catalog.schema import instances
from mediastation.model.entry import Kind

_AFTER = "@"
_OF_JOB = "."


@dataclass(frozen=True, slots=True)
class CoercedCopy:
    """The copy that stands for an original now.

    Parameters
    ----------
    sha256 : str
        Digest of its file.
    recipe : str
        How it was made, and which copy it took the place of.
    stored : bool
        Whether its file is there.
    """

    sha256: str
    recipe: str
    stored: bool

    def is_made_by(self, recipe: str) -> bool:
        """Tell whether it was made by `recipe`, whatever it took the place of."""
        return self.recipe.partition(_AFTER)[0] == recipe

    def followed_by(self, recipe: str, job: int) -> str:
        """Return the recipe of a copy that `job` makes by `recipe` to take the place of this one.

        It differs from that of every other copy of the original, those by the same `recipe`
        included; none of them is taken for it.
        """
        return f"{recipe}{_AFTER}{job}{_OF_JOB}{self.sha256}"


def newest_copy(catalog: Catalog, original: int) -> CoercedCopy | None:
    """Return the coerced copy that stands for `original`; None if it stands for itself."""
    query = (
        select(instances.c.sha256, instances.c.recipe)
        .where(instances.c.derived_from == original, instances.c.kind == Kind.COERCED)
        .order_by(instances.c.id.desc())
        .limit(1)
    )
    with catalog.reading() as connection:
        row = connection.execute(query).first()
    if row is None:
        return None
    stored = catalog.store.path(row.sha256, Kind.COERCED).exists()
    return CoercedCopy(row.sha256, row.recipe, stored)


def oldest_first(digests: Iterable[str], origins: Mapping[str, Origin]) -> list[str]:
    """Return the digests of coerced copies such that each comes after those it took the place of.

    Parameters
    ----------
    digests : iterable of str
        SHA-256 of coerced copies, of any originals.
    origins : mapping of str to Origin
        What is noted of them; a copy of which nothing is noted comes first.
    """
    wanted = list(digests)
    depths: dict[str, int] = {}
    for digest in wanted:
        chain: list[str] = []
        seen: set[str] = set()
        before = digest
        # What is written in a file of ours may be damaged: no loop is followed twice.
        while before and before not in depths and before not in seen:
            chain.append(before)
            seen.add(before)
            origin = origins.get(before)
            before = _replaced_by(origin.recipe) if origin else ""
        depth = depths.get(before, -1)
        for place, one in enumerate(reversed(chain), 1):
            depths[one] = depth + place
    return sorted(wanted, key=lambda one: (depths[one], one))


def replaced_digests(origins: Mapping[str, Origin]) -> set[str]:
    """Return the digests of the copies that another one took the place of, be it gone or not."""
    return {_replaced_by(origin.recipe) for origin in origins.values()} - {""}


def _replaced_by(recipe: str) -> str:
    """Return the digest of the copy whose place a copy by `recipe` took; empty if none."""
    return recipe.partition(_AFTER)[2].partition(_OF_JOB)[2]
