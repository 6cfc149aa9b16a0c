"""Importing this registers every command."""

from mediastation.cli import (
    catalog_commands,
    export_commands,
    profiles_command,
    serve_command,
    statement_command,
)

__all__ = [
    "catalog_commands",
    "export_commands",
    "profiles_command",
    "serve_command",
    "statement_command",
]
