"""Words that say whose the images of an outside medium are, and who gets them then."""

from __future__ import annotations

from typing import Annotated

import typer

ACCESSION = Annotated[
    str,
    typer.Option(
        "--accession",
        metavar="NUMBER",
        help="Accession number of the order, where there are several.",
    ),
]
CONFIRM_IDENTITY = Annotated[
    bool,
    typer.Option(
        "--confirm-identity",
        help="Somebody has compared both: they are one person although their values differ.",
    ),
]
TO = Annotated[
    str,
    typer.Option(
        "--to", metavar="PEER", help="Send on what was reconciled to this peer of the settings."
    ),
]
