"""What acts on a ranking: score, compare, order, cut, fuse."""
