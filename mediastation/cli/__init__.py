"""Words in, exit codes out: Typer commands over `mediastation.station`."""
