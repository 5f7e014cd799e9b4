"""One file a group of measurements; `speed.parts.all` lists them by name."""
