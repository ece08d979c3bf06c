"""Augmenters: rows that a language model writes, from the rows of a class.

Each answers `augment(rows, wanted, ask, protected, seed) -> candidates`, a list. `ask` is any function from questions
to answers, `wanted` says how many rows of each class, `protected` names words that stay as they are. SPEAKERS says what
may be behind `ask`: an `endpoint`, or in this process a `causal` or a `masked` model. Which candidates become rows is
for `filtering` to say.
"""
