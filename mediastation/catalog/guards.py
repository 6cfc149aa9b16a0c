"""What keeps the ledger's table append-only in the database itself, in each dialect's words.

The guards are against slips and stray statements. Whoever may change the schema
can take them away; what shows that is the chain (`mediastation.catalog.ledger`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from sqlalchemy import Connection, Table, event, text

_GUARDED = ("update", "delete", "insert")
# The guard of INSERT is what stops INSERT OR REPLACE, which deletes without a
# word to a trigger of DELETE, and it leaves no gap either.
_SQLITE = tuple(
    f"CREATE TRIGGER ledger_guards_{name} BEFORE {name.upper()} ON ledger "
    f"{when} BEGIN SELECT RAISE(ABORT, 'the ledger is append-only'); END"
    for name, when in zip(
        _GUARDED,
        ("", "", "WHEN NEW.position <> (SELECT coalesce(max(position), 0) + 1 FROM ledger)"),
        strict=True,
    )
)
# Lifted by a word of the transaction, not by dropping them: that would wait for
# everybody who reads the ledger.
_POSTGRESQL = (
    "CREATE OR REPLACE FUNCTION ledger_guard() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
    "IF current_setting('mediastation.fills_ledger', true) = 'yes' THEN "
    "RETURN COALESCE(NEW, OLD); END IF; "
    "IF TG_OP = 'INSERT' THEN "
    "IF NEW.position = (SELECT coalesce(max(position), 0) + 1 FROM ledger) "
    "THEN RETURN NEW; END IF; END IF; "
    "RAISE EXCEPTION 'the ledger is append-only'; END $$",
    "CREATE OR REPLACE TRIGGER ledger_guards_rows BEFORE INSERT OR UPDATE OR DELETE ON ledger "
    "FOR EACH ROW EXECUTE FUNCTION ledger_guard()",
    "CREATE OR REPLACE TRIGGER ledger_guards_truncate BEFORE TRUNCATE ON ledger "
    "FOR EACH STATEMENT EXECUTE FUNCTION ledger_guard()",
    "SELECT set_config('mediastation.fills_ledger', 'no', true)",
)
_GUARDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {"sqlite": _SQLITE, "postgresql": _POSTGRESQL}
)
_LIFT: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "sqlite": tuple(f"DROP TRIGGER IF EXISTS ledger_guards_{name}" for name in _GUARDED),
        "postgresql": ("SELECT set_config('mediastation.fills_ledger', 'yes', true)",),
    }
)


def guard_table(table: Table) -> None:
    """Have the guards made whenever `table` is."""

    def guard(_table: Table, connection: Connection, **_words: Any) -> None:
        set_guards(connection)

    event.listen(table, "after_create", guard)


def set_guards(connection: Connection) -> None:
    """Put the guards back, whichever are missing."""
    lift_guards(connection)
    for statement in _GUARDS[connection.dialect.name]:
        connection.execute(text(statement))


def lift_guards(connection: Connection) -> None:
    """Take the guards away within this transaction: the table is to be filled anew."""
    for statement in _LIFT[connection.dialect.name]:
        connection.execute(text(statement))
