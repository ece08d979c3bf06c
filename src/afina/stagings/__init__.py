"""Stagings: which layers are trained from when on. Each has `Config` and `edges`."""
