"""Fusion: the results of several stages on the same candidates become one order."""
