"""Rates: how fast each part of a model learns. Each has `Config` and `groups`."""
