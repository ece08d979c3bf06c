"""Initializers: where the vector of a new token begins. `start(table, pieces, counts) -> vectors`."""
