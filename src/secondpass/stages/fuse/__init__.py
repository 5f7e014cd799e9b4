"""Several stages on the same candidates, made into one order."""
