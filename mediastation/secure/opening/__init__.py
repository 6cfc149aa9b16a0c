"""Opens envelopes, of this station and of others. Every byte of one is hostile."""
