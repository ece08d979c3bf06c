"""Environment variables for the time of one call."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def given(known: Mapping[str, str]) -> Iterator[None]:
    """These variables inside the block; behind it all are as they were, also those that a library set there."""
    before = dict(os.environ)
    os.environ.update(known)
    try:
        yield
    finally:
        for name in os.environ.keys() - before.keys():
            del os.environ[name]
        os.environ.update(before)
