"""Measurements against other programs, side by side in one run, and what they are made on."""
