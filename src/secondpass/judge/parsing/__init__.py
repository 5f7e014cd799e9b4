"""Reads what a language model wrote: an order, a choice or a probability."""
