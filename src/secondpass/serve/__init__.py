"""Rerank as a service, and in batches."""
