"""Importing this registers every command."""

from mediastation.cli import catalog_commands, export_commands, serve_command, statement_command

__all__ = ["catalog_commands", "export_commands", "serve_command", "statement_command"]
