"""Distances: how far a corpus is from general language. Each has `measure(corpus, reference) -> Distance`."""
