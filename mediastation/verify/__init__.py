"""Rereading a medium. Knows the medium, the manifest and the standard, never the writers."""
