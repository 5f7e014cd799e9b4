"""A judge over any chat model: what is asked, and what is done when an answer is unusable."""
