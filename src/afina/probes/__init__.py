"""Probes: what a finished model is like beyond its score, each dimension by one file.

Each has a frozen `Config`, and `measure(subject, config)`: a `Dimension`, or one with `skipped` where the subject has
not what it needs. A probe sees answers, never the model: what it says holds for a file, a server or a lambda.
"""
