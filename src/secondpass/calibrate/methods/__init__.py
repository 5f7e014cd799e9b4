"""The curves from a raw score, or a rank, to a probability."""
