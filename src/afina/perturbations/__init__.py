"""Perturbations: one change of a text that a suite tests a model with.

Each has a frozen `Config` and `change(text, config, rng)`: the changed text, or None where there is nothing to change.
"""
