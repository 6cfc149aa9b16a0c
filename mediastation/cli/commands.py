"""Importing this registers every command."""

from mediastation.cli import (
    catalog_commands,
    check_command,
    export_commands,
    profiles_command,
    serve_command,
    statement_command,
    update_command,
)

__all__ = [
    "catalog_commands",
    "check_command",
    "export_commands",
    "profiles_command",
    "serve_command",
    "statement_command",
    "update_command",
]
