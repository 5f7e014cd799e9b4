"""What moves: candidates, rankings, events, stages and recipes, and what every room needs."""
