"""Words that say why patients' data go out; they stand in the ledger with the medium."""

from __future__ import annotations

from typing import Annotated

import typer

REQUESTED_BY = Annotated[
    str, typer.Option("--requested-by", metavar="WHO", help="Who asked for the data.")
]
GIVEN_TO = Annotated[str, typer.Option("--given-to", metavar="WHO", help="Who gets the medium.")]
REASON = Annotated[str, typer.Option("--reason", metavar="WHY", help="Why the data go out.")]
