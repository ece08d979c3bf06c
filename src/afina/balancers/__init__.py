"""Balancers: which rows of rare classes are given once more, so that these count.

    add(labels, vectors, config, seed) -> (places, clusters)

`labels` are the classes of n rows, `vectors` (n, d) what a base makes of their texts, or None where VECTORS is False.
`places` are those of the rows to add, repeats allowed; `clusters` says of each class that they were drawn from how many
groups its rows fell into.
"""
