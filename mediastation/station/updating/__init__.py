"""A File-set with instances added or taken out; its UID and everything else kept."""
