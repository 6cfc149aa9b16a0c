"""Images onto discs, and what lies in the drives."""
