"""The use cases, as jobs that yield events. Knows no screen and no command line."""
