"""The ways in: everything that arrives is kept as it came, then indexed."""
