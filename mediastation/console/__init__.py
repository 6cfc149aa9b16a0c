"""The operator console: Textual screens over the station's use cases."""
