"""A judge made of any chat model: what it is asked, and what is done with unusable answers."""
