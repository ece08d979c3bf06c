"""Techniques: what of a model is trained. Each has `NATURE`, `Config`, `apply`, `merge` and `suits`."""
