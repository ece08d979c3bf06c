"""Distances: how far a corpus is from general language. `measure(sample, reference, seed) -> Distance`, or None."""
