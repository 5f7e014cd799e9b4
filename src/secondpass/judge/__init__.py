"""Judges: language models that rate, compare or order texts, and the algorithms that ask them."""
