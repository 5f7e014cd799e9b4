"""The shapes in which databases return what they found, one a file."""
