"""How many answers of a judge become one order: pure generators, without input or output."""
