"""Schedules: what share of its peak a rate has at each step. Each has `Config` and `factor`."""
