import pytest

from afina import shelf
from afina.errors import ConfigError


def test_the_folder_listing_is_the_registry():
    assert "techniques" in shelf.shelves()
    assert "lora" in shelf.names("techniques")
    assert shelf.load("techniques", "lora").__name__ == "afina.techniques.lora"


def test_a_misspelt_name_is_told_the_nearest_one():
    with pytest.raises(ConfigError, match="loar") as caught:
        shelf.load("techniques", "loar")
    assert caught.value.fix == "write 'lora'"
    with pytest.raises(ConfigError) as caught:
        shelf.names("technique")
    assert caught.value.fix == "write 'techniques'"


def test_a_name_far_from_all_is_told_what_there_is():
    with pytest.raises(ConfigError) as caught:
        shelf.load("techniques", "zzz")
    assert "head_only" in caught.value.fix


def test_a_summary_is_the_first_line_of_the_docstring():
    assert shelf.summary("techniques", "lora").startswith("LoRA:")
