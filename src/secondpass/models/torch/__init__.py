"""Cross-encoders of sentence-transformers."""
