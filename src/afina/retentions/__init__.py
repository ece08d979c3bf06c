"""Retentions: what keeps the old knowledge. Each has `Config`, `begin`, `penalty` and `adds`."""
