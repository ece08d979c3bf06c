import json
import shutil

import numpy as np
import pytest
import torch
from transformers import AutoModel, AutoModelForMaskedLM, AutoTokenizer, DataCollatorForTokenClassification

from afina import bases, heads, maskedlm, masking, pseudo
from afina.techniques import adapter, lora, prompt

TEXTS = ["my card is lost today", "book a visit please", "can i pay the bill tomorrow", "no pain"]


def masked(tokenizer):
    rows, _ = masking.windows(tokenizer, TEXTS, 32)
    vocabulary = masking.vocabulary_of(tokenizer)
    return [masking.mask(row, vocabulary, np.random.default_rng(place)) for place, row in enumerate(rows)]


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert", "deberta-v2", "albert"])
def test_loss_and_gradient_are_those_of_hugging_faces_own_model_on_the_same_masks(make_masked_base, architecture):
    folder = make_masked_base(architecture)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    rows = masked(tokenizer)
    batch = DataCollatorForTokenClassification(tokenizer)([dict(row) for row in rows])
    theirs = AutoModelForMaskedLM.from_pretrained(folder).eval()
    ours, new_head = maskedlm.load(folder)
    assert not new_head
    expected, found = theirs(**batch).loss, ours.eval()(**batch)
    assert found.loss.item() == pytest.approx(expected.item(), rel=1e-5)
    expected.backward()
    found.loss.backward()
    for (name, one), (_, other) in zip(theirs.named_parameters(), ours.model.named_parameters(), strict=True):
        if one.grad is not None:
            torch.testing.assert_close(other.grad, one.grad, atol=1e-6, rtol=1e-4, msg=name)
    each = maskedlm.nats(ours, tokenizer, rows)
    counts = (batch["labels"] != -100).sum(1).numpy()
    assert each.sum() / counts.sum() == pytest.approx(expected.item(), rel=1e-5)
    alone = [theirs(**{k: v[n : n + 1] for k, v in batch.items()}).loss.item() for n in range(len(rows))]
    assert each == pytest.approx(np.array(alone) * counts, rel=1e-4)


@pytest.mark.parametrize("architecture", ["bert", "distilbert", "electra"])
def test_a_base_without_a_head_gets_one_that_begins_as_the_identity(make_base, architecture):
    model, new_head = maskedlm.load(make_base(architecture))
    assert new_head
    squares = [
        p for name, p in model.named_parameters() if not name.startswith(model.base_model_prefix) and p.ndim == 2
    ]
    assert any(torch.equal(p, torch.eye(len(p))) for p in squares)
    tied = model.model.get_output_embeddings().weight
    assert tied is model.base_model.get_input_embeddings().weight


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert"])
def test_what_is_written_is_a_base_for_everybody_with_its_head_and_its_pooler(make_base, architecture, tmp_path):
    base = make_base(architecture)
    tokenizer = AutoTokenizer.from_pretrained(base)
    model, _ = maskedlm.load(base)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.mul_(1.5)
    maskedlm.save(model, base, tokenizer, tmp_path)
    body, found = AutoModel.from_pretrained(tmp_path, output_loading_info=True)
    assert not found["missing_keys"]
    ours = dict(model.base_model.named_parameters())
    for name, parameter in body.named_parameters():
        expected = ours[name] if name in ours else dict(AutoModel.from_pretrained(base).named_parameters())[name]
        assert torch.equal(parameter, expected), name
    again, new_head = maskedlm.load(tmp_path)
    assert not new_head
    rows = masked(tokenizer)
    assert maskedlm.nats(again, tokenizer, rows) == pytest.approx(maskedlm.nats(model, tokenizer, rows), rel=1e-6)
    assert "_name_or_path" not in json.loads((tmp_path / "config.json").read_text())


@pytest.fixture(scope="module")
def opened(make_masked_base):
    return bases.open_base(str(make_masked_base("bert")))


def test_what_hidden_words_cost_is_worked_out_by_hand_where_the_logits_are_known(opened):
    """A head that sees nothing: e^0 for each token of the vocabulary but e^ln 3 for one."""
    model, size = maskedlm.of_base(opened), opened.config.vocab_size
    card = opened.tokenizer.convert_tokens_to_ids("card")
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if ".predictions.transform.LayerNorm." in name or name.endswith(".predictions.bias"):
                parameter.zero_()
        model.model.get_output_embeddings().bias[card] = np.log(3)
    found = maskedlm.surprise(model, opened.tokenizer, 32)(["my card is lost", "no pain today", "card"])
    each = np.log(size + 2)
    expected = [[4 * each - np.log(3), 4], [3 * each, 3], [0, 0]]  # of one word alone nothing is left to guess by
    assert found == pytest.approx(np.array(expected), rel=1e-5)


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "modernbert", "deberta-v2", "albert"])
def test_short_texts_cost_what_hugging_faces_own_model_says_with_one_word_hidden_at_a_time(
    make_masked_base, architecture
):
    opened = bases.open_base(str(make_masked_base(architecture)))
    theirs = AutoModelForMaskedLM.from_pretrained(opened.folder).eval()
    expected = []
    for text in TEXTS:
        ids, total = opened.tokenizer(text, return_tensors="pt"), 0.0
        for place in range(1, ids["input_ids"].shape[1] - 1):  # each word here is one token
            asked = {name: value.clone() for name, value in ids.items()}
            asked["input_ids"][0, place] = opened.tokenizer.mask_token_id
            logits = theirs(**asked).logits[0, place]
            total -= logits.log_softmax(-1)[ids["input_ids"][0, place]].item()
        expected.append((total, ids["input_ids"].shape[1] - 2))
    found = maskedlm.surprise(maskedlm.of_base(opened), opened.tokenizer, 32)(TEXTS)
    assert found == pytest.approx(np.array(expected), rel=1e-4)


def test_texts_that_a_model_learned_surprise_it_less_and_others_do_not(opened):
    model = maskedlm.of_base(opened)
    read = maskedlm.surprise(model, opened.tokenizer, 32)
    before = read(TEXTS)
    rows, _ = masking.windows(opened.tokenizer, TEXTS[:2], 32)
    asked = [one for row in rows for one in pseudo.hidden(row, opened.tokenizer.mask_token_id)]
    batch = DataCollatorForTokenClassification(opened.tokenizer)(asked)
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-3)
    for _ in range(30):
        model(**batch).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    change = (read(TEXTS) - before)[:, 0] / before[:, 1]
    assert (change[:2] < -0.5).all()
    assert change[:2].max() < change[3]


@pytest.mark.parametrize("architecture", ["bert", "roberta", "distilbert", "electra", "albert"])
def test_a_base_without_a_head_of_its_own_or_without_a_mask_gives_no_model(
    make_base, make_masked_base, architecture, tmp_path, capfd
):
    assert maskedlm.of_base(bases.open_base(str(make_base(architecture)))) is None
    assert "MISSING" not in "".join(capfd.readouterr())  # nothing that alarms is printed
    opened = bases.open_base(str(shutil.copytree(make_masked_base(architecture), tmp_path / "base")))
    assert maskedlm.of_base(opened) is not None
    opened.tokenizer.mask_token = None
    assert maskedlm.of_base(opened) is None


def test_a_head_reads_another_body_with_its_own_table_and_both_models_stay_as_they_were(opened, make_base):
    model = maskedlm.of_base(opened)
    own = maskedlm.surprise(model, opened.tokenizer, 32)(TEXTS)
    other = AutoModel.from_pretrained(make_base("bert", 7))
    kept = {name: value.clone() for name, value in other.state_dict().items()}
    for body, same in ((AutoModel.from_pretrained(opened.folder), True), (other, False)):
        made = maskedlm.on_body(model, body)
        assert torch.equal(made.model.get_output_embeddings().weight, model.model.get_output_embeddings().weight)
        found = maskedlm.surprise(made, opened.tokenizer, 32)(TEXTS)
        assert (found == pytest.approx(own, rel=1e-5)) == same
    assert all(torch.equal(value, kept[name]) for name, value in other.state_dict().items())
    assert maskedlm.surprise(model, opened.tokenizer, 32)(TEXTS) == pytest.approx(own)


@pytest.mark.parametrize("technique", [adapter, lora, prompt])
def test_a_body_with_an_adapter_in_it_is_read_with_the_adapter_on(opened, technique):
    model = maskedlm.of_base(opened)
    own = maskedlm.surprise(model, opened.tokenizer, 32)(TEXTS)
    tuned = technique.apply(heads.build(opened.folder, "mean", ("a", "b")), technique.Config())
    with torch.no_grad():
        for name, parameter in tuned.named_parameters():
            if parameter.requires_grad and name.startswith(tuned.base_model_prefix):
                parameter.add_(torch.randn_like(parameter))
    found = maskedlm.surprise(maskedlm.on_body(model, tuned.base_model), opened.tokenizer, 32)(TEXTS)
    assert (found[:, 1] == own[:, 1]).all()
    assert np.abs(found[:, 0] - own[:, 0]).min() > 1e-3
