"""Objectives: what is learned. Each module says, for its kind of task,

    what a label is     claims, read, outputs, strata, counts, units; LISTS, COLUMNS, COUNTED, REVIEWED
    how it is learned   targets, blind, probe, fit_head, start, loss, dev_score; Config, PROBLEM, POOLINGS, PER, PROBED,
                        LOSS_UNIT
    what answers are    tune, scores, details, compare, rivals, say; ACTIVATION, METRIC, ADDED, ENDING, SURE, TUNES
    how it is told      size, describe, limits; PIPELINE, USE

and needs no torch for any of it.
"""
