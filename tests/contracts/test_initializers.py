"""What every initializer on the shelf keeps. Modules are found, never listed."""

import pytest
import torch

from afina import shelf

MODULES = {name: shelf.load("initializers", name) for name in shelf.names("initializers")}
every = pytest.mark.parametrize("module", MODULES.values(), ids=MODULES)
TABLE = torch.randn(50, 8, generator=torch.Generator().manual_seed(0))
COUNTS = {2: 900, 3: 10, 4: 1}


@every
def test_a_token_of_one_piece_begins_as_that_piece(module):
    assert torch.allclose(module.start(TABLE, [[4]], COUNTS), TABLE[[4]])


@every
def test_a_token_begins_between_its_pieces_and_in_no_order_of_them(module):
    one, other = (module.start(TABLE, [ids], COUNTS)[0] for ids in ([2, 3, 4], [4, 2, 3]))
    torch.testing.assert_close(one, other)
    least, most = TABLE[[2, 3, 4]].min(0).values, TABLE[[2, 3, 4]].max(0).values
    assert ((one >= least) & (one <= most)).all()


@every
def test_each_token_has_a_row_and_the_table_is_left_alone(module):
    before = TABLE.clone()
    assert module.start(TABLE, [[1, 2], [3], [4, 4, 5]], {}).shape == (3, 8)
    assert torch.equal(TABLE, before)


@every
def test_without_counts_it_is_the_mean(module):
    torch.testing.assert_close(module.start(TABLE, [[2, 3]], {}), TABLE[[2, 3]].mean(0, keepdim=True))


@every
def test_it_says_its_cost_its_source_and_what_it_does_not_do(module):
    for needed in ("Source:", "does not do", "Alone", "Cost:", "v(new)"):
        assert needed in module.__doc__


def test_weighted_by_hand():
    start = shelf.load("initializers", "weighted").start
    found = start(TABLE, [[2, 3]], {2: 999, 3: 1})  # weights 0.001 / (0.001 + 0.999) and 0.001 / (0.001 + 0.001)
    torch.testing.assert_close(found[0], (0.001 * TABLE[2] + 0.5 * TABLE[3]) / 0.501)
