"""Writers of media formats (PS3.12)."""
