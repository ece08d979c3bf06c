import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoTokenizer

from afina import features, heads, loading
from afina.predictors import torch as predictor

PAIRS = [("my card is lost", "where can i book a visit please"), ("no", "pain today"), ("please " * 20, "a red one")]


@pytest.mark.parametrize(("architecture", "pooler"), [("bert", "bert.pooler.dense"), ("albert", "albert.pooler")])
def test_a_pooler_that_the_checkpoint_lacks_starts_as_the_identity_whatever_the_seed(
    make_base, architecture, pooler, tmp_path
):
    AutoModel.from_pretrained(make_base(architecture), add_pooling_layer=False).save_pretrained(tmp_path)
    for seed in (1, 2):
        torch.manual_seed(seed)
        layer = heads.build(tmp_path, "cls", ("a", "b")).get_submodule(pooler)
        assert torch.equal(layer.weight, torch.eye(32))
        assert (layer.bias == 0).all()


def test_a_pooler_that_the_checkpoint_has_is_kept(tiny_bert):
    expected = AutoModel.from_pretrained(tiny_bert).pooler.dense.weight
    assert torch.equal(heads.build(tiny_bert, "cls", ("a", "b")).bert.pooler.dense.weight, expected)


@pytest.fixture
def siamese(tiny_bert):
    torch.manual_seed(2)
    model = heads.build(tiny_bert, "siamese", ("a", "b", "c")).eval()
    torch.nn.init.normal_(model.head.weight)
    torch.nn.init.normal_(model.head.bias)
    return model


def test_a_siamese_head_reads_how_the_vectors_of_two_texts_differ_and_agree(siamese, tiny_bert):
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    weights, biases = siamese.head.weight.detach().numpy(), siamese.head.bias.detach().numpy()
    wanted = []
    for pair in PAIRS:  # each text alone, unpadded
        with torch.no_grad():
            u, v = (siamese.embed(**tokenizer(text, return_tensors="pt"))[0].numpy() for text in pair)
        wanted.append(weights @ np.concatenate([abs(u - v), np.sqrt(len(u)) * u * v]) + biases)
    answers = predictor.logits(siamese, tokenizer, 32)
    np.testing.assert_allclose(answers(PAIRS), np.stack(wanted), atol=1e-5)
    np.testing.assert_allclose(answers([pair[::-1] for pair in PAIRS]), np.stack(wanted), atol=1e-5)  # whichever first


def test_first_and_second_texts_are_each_padded_to_their_own_longest_and_in_one_go_where_the_body_is_watched(
    siamese, tiny_bert
):
    tokenizer, widths = AutoTokenizer.from_pretrained(tiny_bert), []
    pairs = [("please " * 20, "no"), ("my card is lost", "a red one")]
    batch = features.pad(tokenizer, features.encode(tokenizer, pairs, 32, siamese=True))
    longest = [max(len(tokenizer(pair[place])["input_ids"]) for pair in pairs) for place in (0, 1)]
    inner = siamese.encoder.embeddings.register_forward_hook(lambda *seen: widths.append(tuple(seen[2].shape[:2])))
    apart = siamese(**batch).logits
    assert widths == [(2, longest[0]), (2, longest[1])]
    with features.watching(siamese.encoder) as seen:
        watched = siamese(**batch).logits
    inner.remove()
    assert [len(answer.last_hidden_state) for answer in seen] == [4]
    torch.testing.assert_close(watched, apart)
    torch.testing.assert_close(siamese(**features.in_turn(batch)).logits, apart)


def test_the_code_shown_for_a_siamese_model_gives_its_answers_without_ours(siamese, tiny_bert, tmp_path):
    pytest.importorskip("sentence_transformers")
    tokenizer, folder = AutoTokenizer.from_pretrained(tiny_bert), tmp_path / "model"
    assert heads.save(siamese, tokenizer, folder, 32) == heads.SIAMESE
    code = loading.code(heads.SIAMESE, str(folder), pair=True, use="")
    assert "afina" not in code.replace(str(folder), "")
    shown = {}
    exec(code, shown)  # noqa: S102  (our own text)
    ours = predictor.logits(heads.load(folder), tokenizer, 32)([("a text", "its second text")])
    np.testing.assert_allclose(shown["logits"], ours, atol=1e-5)
    assert shown["labels"] == {0: "a", 1: "b", 2: "c"}


def test_an_encoded_pair_is_padded_with_both_texts_side_by_side(tiny_bert):
    tokenizer = AutoTokenizer.from_pretrained(tiny_bert)
    rows = [{**row, "labels": n} for n, row in enumerate(features.encode(tokenizer, PAIRS, 32, siamese=True))]
    batch = features.pad(tokenizer, rows)
    longest = max(len(tokenizer(text)["input_ids"][:32]) for pair in PAIRS for text in pair)
    assert batch["input_ids"].shape == (3, 2, longest)
    assert batch["labels"].tolist() == [0, 1, 2]
    for place, pair in enumerate(PAIRS):
        for part, text in enumerate(pair):
            real = batch["attention_mask"][place, part].bool()
            alone = tokenizer(text, truncation=True, max_length=32)["input_ids"]
            assert batch["input_ids"][place, part][real].tolist() == alone
