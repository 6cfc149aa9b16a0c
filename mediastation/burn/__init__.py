"""Drives and burning: what lies in a drive, and bringing an image onto a disc."""
