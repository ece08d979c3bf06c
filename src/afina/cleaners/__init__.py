"""Cleaners: faults of labelled rows. Each has `ORDER` (lower runs first) and `clean(splits) -> (splits, findings)`.

Junk and characters come before anything that reads labels or compares texts; leaks are counted on the rows of the
files, before contradictions and copies are removed.
"""
