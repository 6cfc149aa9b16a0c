"""Media whose files are sealed: made, proved, opened, and opened again years later."""
