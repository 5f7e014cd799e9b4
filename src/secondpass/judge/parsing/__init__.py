"""What a language model wrote, read as an order, a choice or a probability."""
