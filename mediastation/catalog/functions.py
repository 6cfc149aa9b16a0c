"""Functions that each database calls by another name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Integer
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement


class position_in(FunctionElement[int]):  # noqa: N801 - a function, as SQLAlchemy spells them
    """Where in a text another one begins, from 1; 0 where it does not occur. Case counts."""

    name = "position_in"
    type = Integer()
    inherit_cache = True


@compiles(position_in, "sqlite")
def _in_sqlite(element: position_in, compiler: SQLCompiler, **words: Any) -> str:
    return f"instr({compiler.process(element.clauses, **words)})"


@compiles(position_in, "postgresql")
def _in_postgresql(element: position_in, compiler: SQLCompiler, **words: Any) -> str:
    return f"strpos({compiler.process(element.clauses, **words)})"
