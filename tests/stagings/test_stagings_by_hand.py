import pytest

from afina.stagings import gradual_unfreezing, progressive_freezing


@pytest.mark.parametrize(
    ("layers", "at_once", "opened", "frozen"),
    [
        (3, 1, (3, 2, 1, 0), (0, 1, 2, 3)),
        (6, 2, (5, 3, 1, 0), (0, 2, 4, 6)),
        (6, 4, (3, 0), (0, 4, 6)),
        (2, 9, (1, 0), (0, 2)),
        (1, 1, (1, 0), (0, 1)),
    ],
)
def test_the_lowest_trained_depth_of_each_stage(layers, at_once, opened, frozen):
    assert gradual_unfreezing.edges(layers, gradual_unfreezing.Config(layers=at_once)) == opened
    assert progressive_freezing.edges(layers, progressive_freezing.Config(layers=at_once)) == frozen
