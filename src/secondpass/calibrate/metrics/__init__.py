"""How good probabilities are."""
