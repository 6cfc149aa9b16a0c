"""What tests share: the corpus, the peer programs, builders of instances."""
