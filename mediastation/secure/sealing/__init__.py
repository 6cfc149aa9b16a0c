"""Writes envelopes. Shares nothing with `opening`, which proves what was written here."""
