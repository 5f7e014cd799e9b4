"""What moves: candidates, rankings, stages, and what every room needs."""
