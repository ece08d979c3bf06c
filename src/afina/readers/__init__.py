"""Readers: a path to rows, with line numbers. Each has `SUFFIXES` and `read(path) -> Table`."""
