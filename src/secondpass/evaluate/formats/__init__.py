"""Collections in and out: BEIR, TREC, JSON lines."""
