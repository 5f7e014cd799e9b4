"""How many answers of a judge become one order: pure generators, no input or output."""
