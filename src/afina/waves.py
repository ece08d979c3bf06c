"""The triangle wave that all cyclic schedules ride on."""


def cycle(step: int, steps: int, warmup_steps: int, cycles: int) -> tuple[int, float]:
    """Number of the cycle at `step`, from 0, and the height in it: 0 at both ends, 1 in the middle.

    The steps after the warm-up are cut into `cycles` equal cycles, so that the run ends with a whole one.

    >>> [cycle(step, 12, 4, 2) for step in (4, 5, 6, 8, 10, 12)]
    [(0, 0.0), (0, 0.5), (0, 1.0), (1, 0.0), (1, 1.0), (2, 0.0)]
    """
    length = max(steps - warmup_steps, 1) / cycles
    number, within = divmod(step - warmup_steps, length)
    return int(number), 1 - abs(2 * within / length - 1)
