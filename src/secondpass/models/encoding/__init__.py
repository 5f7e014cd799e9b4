"""Texts to the token ids that models read."""
