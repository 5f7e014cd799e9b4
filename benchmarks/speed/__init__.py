"""Ours and every peer in one run: same weights, same texts, same threads. See README.md."""
