"""In: outside media into the catalog, with what was wrong on them written down."""
