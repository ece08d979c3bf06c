"""Cleaners: faults of labelled rows. Each has `clean(splits) -> (splits, findings)`."""
