"""Out: from sources of the catalog to media that are written, reread and named."""
