import doctest

import pytest

from afina import config, preparing
from afina.errors import ConfigError


def test_the_example_of_special_tokens_is_true():
    assert doctest.testmod(preparing).failed == 0


@pytest.mark.parametrize("written", ["special_tokens=PROTEÍNA,CÓDIGO", "special_tokens=[PROTEÍNA, CÓDIGO]"])
def test_special_tokens_may_be_written_as_a_list_or_with_commas(written):
    options = config.build({"train_file": "rows.csv"}, [written]).train
    assert preparing.marks(options.special_tokens) == ("[PROTEÍNA]", "[CÓDIGO]")


def test_nothing_named_is_no_special_token():
    assert preparing.marks(None) == preparing.marks("none") == preparing.marks("") == ()


def test_white_space_inside_is_refused():
    with pytest.raises(ConfigError, match="white space"):
        preparing.marks("A,two words")
