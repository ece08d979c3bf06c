import pytest
import torch

from afina import features, heads
from afina.errors import ConfigError
from afina.techniques import prompt

PAIR = [("my card is lost", "where can i book a visit")]


def applied(folder, pooling="mean", **options):
    torch.manual_seed(0)
    return prompt.apply(heads.build(folder, pooling, ("a", "b")), prompt.Config(**options)).eval()


def batch_of(folder, texts):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    return next(features.batches(tokenizer, features.encode(tokenizer, texts, 32)))[1]


def by_hand(model, batch, tokens):
    """The body on the vectors and the words' own embeddings, without PEFT."""
    body = model.base_model.get_base_model()
    vectors = model.base_model.prompt_encoder["default"].embedding.weight
    words = body.get_input_embeddings()(batch["input_ids"])
    before = torch.ones(len(words), tokens, dtype=torch.long)
    states = body.embeddings(
        inputs_embeds=torch.cat([vectors.expand(len(words), -1, -1), words], 1),
        token_type_ids=torch.cat([0 * before, batch["token_type_ids"]], 1),
    )
    mask = torch.cat([before, batch["attention_mask"]], 1)[:, None, None, :].bool()
    for layer in body.encoder.layer:
        states = layer(states, attention_mask=mask)
    return states[:, tokens:]


def test_the_head_sees_the_texts_positions_and_the_token_types_of_a_pair_are_not_lost(tiny_bert):
    model, batch = applied(tiny_bert, tokens=3), batch_of(tiny_bert, PAIR)
    assert batch["token_type_ids"].max() == 1
    states = model.base_model(**batch).last_hidden_state
    assert states.shape[1] == batch["input_ids"].shape[1]
    torch.testing.assert_close(states, by_hand(model, batch, 3))


def test_a_pooler_sees_the_first_token_of_the_text_not_of_the_prompt(tiny_bert):
    model, batch = applied(tiny_bert, "cls", tokens=3), batch_of(tiny_bert, PAIR)
    pooler = model.base_model.get_base_model().pooler
    torch.testing.assert_close(model.base_model(**batch).pooler_output, pooler(by_hand(model, batch, 3)))


def test_padding_changes_nothing_whatever_the_kind(tiny_bert):
    for kind in ("prompt", "prefix"):
        model = applied(tiny_bert, kind=kind)
        together = model.embed(**batch_of(tiny_bert, ["my card is lost", "pain"]))
        alone = model.embed(**batch_of(tiny_bert, ["pain"]))
        torch.testing.assert_close(together[1:], alone)


def test_the_vectors_of_a_prefix_decide_the_answer(tiny_bert):
    model, batch = applied(tiny_bert, kind="prefix"), batch_of(tiny_bert, ["pain"])
    before = model.embed(**batch)
    torch.nn.init.normal_(model.base_model.prompt_encoder["default"].embedding.weight, std=3.0)
    assert not torch.allclose(model.embed(**batch), before, atol=1e-3)


@pytest.mark.parametrize("architecture", ["distilbert", "modernbert"])
def test_a_prefix_is_refused_where_the_attention_takes_none(make_base, architecture):
    with pytest.raises(ConfigError, match=architecture) as caught:
        applied(make_base(architecture), kind="prefix")
    assert "prompt_kind=prompt" in caught.value.fix
