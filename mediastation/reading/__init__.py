"""Hostile-safe readers of media that anybody may have written. The writers do not use this room."""
