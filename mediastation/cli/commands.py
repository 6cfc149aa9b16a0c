"""Importing this registers every command."""

from mediastation.cli import (
    burn_commands,
    catalog_commands,
    check_command,
    export_commands,
    import_commands,
    jobs_command,
    ledger_commands,
    open_command,
    passphrase_command,
    peer_commands,
    profiles_command,
    serve_command,
    settings_command,
    statement_command,
    update_command,
    work_command,
)

__all__ = [
    "burn_commands",
    "catalog_commands",
    "check_command",
    "export_commands",
    "import_commands",
    "jobs_command",
    "ledger_commands",
    "open_command",
    "passphrase_command",
    "peer_commands",
    "profiles_command",
    "serve_command",
    "settings_command",
    "statement_command",
    "update_command",
    "work_command",
]
