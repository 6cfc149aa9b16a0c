"""The ledger and its audit messages: what left, what came, and what was made here."""
