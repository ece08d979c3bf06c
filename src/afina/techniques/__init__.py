"""Techniques: what of a model is trained. Each has `Config`, `apply`, `merge` and `suits`."""
