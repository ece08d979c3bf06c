"""What every perturbation on the shelf keeps: it changes a text, or cannot, the same way for the same draw."""

from types import ModuleType

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from afina import shelf

NAMES = shelf.names("perturbations")
GIVEN = {"texts": ("Thank you.", "¡Gracias!"), "groups": (("pain", "dolor"), ("a", "b", "c")), "from": "mg", "to": "g"}
TEXTS = (
    *(
        "",
        " ",
        ".",
        "...",
        "pain",
        "Is not it 5 mg?",
        "I don't, CAN'T and won't",
        "El niño tomó 0.5 mg",
        "a b\n\nc",
        "ß",
    ),
    *(
        "ß",
        "e\u0301",
        "\ud800",
        "[SEP] {x} \\1 (?",
        "1e999 9999999999999999999 mg",
        "Thank you.",
        "5-10 3/4 2:30 1,000",
    ),
)
texts = st.sampled_from(TEXTS) | st.text(st.characters(), max_size=20)


@pytest.fixture(scope="module", params=NAMES)
def perturbation(request: pytest.FixtureRequest) -> ModuleType:
    return shelf.load("perturbations", request.param)


def config(module: ModuleType) -> BaseModel:
    """Its defaults, and a value for whatever has none."""
    fields = module.Config.model_fields.items()
    wanted = [field.alias or name for name, field in fields if field.is_required()]
    return module.Config(**{name: GIVEN[name] for name in wanted})


def test_it_shows_an_example_and_says_what_it_leaves(perturbation):
    assert ">>> " in perturbation.__doc__
    assert "Not done:" in " ".join(perturbation.__doc__.split())
    assert perturbation.change.__doc__


def test_its_options_are_frozen_and_a_wrong_one_is_refused(perturbation):
    made = config(perturbation)
    assert made.model_config["frozen"]
    with pytest.raises(ValidationError):
        type(made)(**{**made.model_dump(by_alias=True), "nonsense": 1})


@settings(max_examples=25)
@given(text=texts, seed=st.integers(0, 99))
@example(text="Took 500 mg of it, and is NOT in pain.", seed=0)
def test_a_text_is_changed_or_it_cannot_be_and_the_same_draw_gives_the_same(perturbation, text, seed):
    made = config(perturbation)
    changed = perturbation.change(text, made, np.random.default_rng(seed))
    assert changed is None or (
        isinstance(changed, str) and changed != text and bool(changed.strip()) >= bool(text.strip())
    )
    assert perturbation.change(text, made, np.random.default_rng(seed)) == changed


def test_it_changes_an_ordinary_sentence(perturbation):
    text = "Él is not in pain after 500 mg."
    assert perturbation.change(text, config(perturbation), np.random.default_rng(0)) is not None
