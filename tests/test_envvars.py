import os

import pytest

from afina import envvars


def test_variables_hold_inside_the_block_and_are_as_they_were_behind_it_though_it_failed(monkeypatch):
    monkeypatch.setenv("AFINA_OLD", "before")
    monkeypatch.delenv("AFINA_NEW", raising=False)
    with pytest.raises(ValueError, match="planted"), envvars.given({"AFINA_OLD": "inside", "AFINA_NEW": "inside"}):
        assert (os.environ["AFINA_OLD"], os.environ["AFINA_NEW"]) == ("inside", "inside")
        os.environ["AFINA_OWN"] = "a library's"
        raise ValueError("planted")
    assert os.environ["AFINA_OLD"] == "before"
    assert not {"AFINA_NEW", "AFINA_OWN"} & os.environ.keys()
