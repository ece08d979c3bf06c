import math
import os
import unicodedata
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from afina import glossaries, masking, term_masking, terms
from afina.errors import ConfigError
from afina.term_masking import Rates, TermCollator

DATA = Path(os.environ.get("AFINA_DATA", Path(__file__).parents[2] / "shared" / "data"))
VOCABULARY = masking.Vocabulary(4, np.arange(100, 110))
ROW = {
    "input_ids": [2, 10, 11, 12, 13, 14, 3],
    "attention_mask": [1] * 7,
    "words": [-1, 0, 0, 1, 2, 2, -1],
    "terms": [1, 0, 0],
    "place": 0,
}
TEXTS = (
    "my card is lost",
    "please book a visit today",
    "the doctor is late",
    "pain test result late",
    "no card no bill",
)
GLOSSARY = ("card", "test result", "doctor")


class Drawn:
    """A generator whose numbers are written down: of the words, then of the tokens."""

    def __init__(self, *numbers):
        self.numbers = np.array(numbers)

    def random(self, count):
        assert len(self.numbers) == count
        return self.numbers


@pytest.fixture(scope="module")
def tokenizer(tiny_bert):
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(tiny_bert)


def other(kind):
    """A small tokenizer of another family, made here: tokens with their space before, or cut at spaces alone."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    made = Tokenizer(models.BPE(unk_token=None if kind == "bytes" else "<unk>"))
    made.pre_tokenizer = pre_tokenizers.ByteLevel() if kind == "bytes" else pre_tokenizers.Metaspace()
    special = ["<pad>", "<mask>", "<unk>"]
    letters = pre_tokenizers.ByteLevel.alphabet() if kind == "bytes" else []
    trainer = trainers.BpeTrainer(vocab_size=300, special_tokens=special, initial_alphabet=letters, show_progress=False)
    made.train_from_iterator(["el cáncer de próstata, beta-blocker y metástasis"] * 3, trainer)
    return PreTrainedTokenizerFast(tokenizer_object=made, pad_token="<pad>", mask_token="<mask>", unk_token="<unk>")


def chosen(row, masked):
    """The words and terms of a row that have a label."""
    return {word for word, label in zip(row["words"], masked["labels"], strict=True) if label != -100}


def test_terms_are_chosen_at_one_rate_other_words_at_another_and_tokens_hidden_in_three_ways():
    drawn = Drawn(
        0.8, 0.151, 0.15, *[0, 0.79, 0.8, 0, 0.895, 0.9, 0]
    )  # mask, the first other, the last but one, as it was
    row = term_masking.mask(ROW, VOCABULARY, drawn, Rates())
    assert row["input_ids"] == [2, 4, 100, 12, 109, 14, 3]
    assert row["labels"] == [-100, 10, 11, -100, 13, 14, -100]
    assert row.keys() == {"input_ids", "attention_mask", "labels"}


def test_where_nothing_is_chosen_that_which_came_nearest_to_its_rate_is():
    for words, wanted in (((0.85, 0.9, 0.9), {0}), ((0.99, 0.16, 0.9), {1})):
        masked = term_masking.mask(ROW, VOCABULARY, Drawn(*words, *[0] * 7), Rates())
        assert chosen(ROW, masked) == wanted
    masked = term_masking.mask({**ROW, "terms": [0, 0, 0]}, VOCABULARY, Drawn(0.9, 0.2, 0.3, *[0] * 7), Rates(1.0, 0.0))
    assert chosen(ROW, masked) == {1}


@given(st.integers(0, 2**32), st.lists(st.tuples(st.integers(1, 4), st.integers(0, 1)), min_size=2, max_size=30))
def test_words_and_phrases_are_masked_whole_or_not_at_all_and_masks_follow_from_the_seed(seed, units):
    words = [-1, *(word for word, (length, _) in enumerate(units) for _ in range(length)), -1]
    row = {"input_ids": [2, *range(200, 198 + len(words)), 3], "words": words, "terms": [term for _, term in units]}
    first, again = (term_masking.mask(row, VOCABULARY, np.random.default_rng(seed), Rates()) for _ in range(2))
    assert first == again
    labels = np.array(first["labels"])
    hidden = chosen(row, first)
    assert hidden
    assert hidden.isdisjoint({word for word, label in zip(words, labels, strict=True) if label == -100})
    assert (labels[labels != -100] == np.array(row["input_ids"])[labels != -100]).all()
    assert (np.array(first["input_ids"])[labels == -100] == np.array(row["input_ids"])[labels == -100]).all()


def named(row, tokenizer):
    """The terms of a row, as the tokenizer writes them."""
    units = {}
    for word, token in zip(row["words"], row["input_ids"], strict=True):
        units.setdefault(word, []).append(token)
    return [tokenizer.decode(ids).strip() for word, ids in units.items() if word >= 0 and row["terms"][word]]


def test_the_words_of_a_phrase_are_one_and_other_words_are_numbered_on(tokenizer):
    rows, places = term_masking.windows(tokenizer, ["my test result is xyz, card"], 32, terms.finder(GLOSSARY))
    assert rows[0]["words"] == [-1, 0, 1, 1, 2, 3, 3, 3, 4, 5, -1]
    assert named(rows[0], tokenizer) == ["test result", "card"]
    assert len(rows[0]["terms"]) == max(rows[0]["words"]) + 1
    assert (rows[0]["place"], places) == (0, [0])
    assert term_masking.windows(tokenizer, [], 8, terms.finder(GLOSSARY)) == ([], [])


def test_without_terms_windows_are_those_of_uniform_masking(tokenizer):
    texts = ["my card is lost", "card", "xyz " * 6, "", "the bill; don't"]
    plain, places = masking.windows(tokenizer, texts, 8)
    rows, same = term_masking.windows(tokenizer, texts, 8, terms.finder([]))
    assert places == same
    assert [{key: row[key] for key in plain[0]} for row in rows] == plain
    assert not any(any(row["terms"]) for row in rows)


def test_a_text_that_is_one_phrase_alone_has_nothing_around_it(tokenizer):
    assert term_masking.windows(tokenizer, ["test result"], 8, terms.finder(GLOSSARY)) == ([], [])


def test_a_phrase_that_a_window_cuts_counts_in_both_for_what_stands_there(tokenizer):
    rows, places = term_masking.windows(tokenizer, ["my card the test result is late today"], 6, terms.finder(GLOSSARY))
    assert places == [0, 0]
    assert [named(row, tokenizer) for row in rows] == [["card", "test"], ["result"]]


@pytest.mark.parametrize("kind", ["bytes", "spaces"])
def test_terms_are_found_in_any_case_with_their_accents_whatever_the_family_of_the_tokenizer(kind):
    tokenizer = other(kind)
    find = terms.finder(["cáncer de próstata", "metástasis", "beta blocker"])
    texts = ["el cáncer de próstata y metástasis, beta-blocker", "el CÁNCER DE PRÓSTATA y Metástasis, Beta-Blocker"]
    texts += [unicodedata.normalize("NFD", text) for text in texts]
    rows, _ = term_masking.windows(tokenizer, texts, 200, find)
    for text, row in zip(texts, rows, strict=True):
        assert sum(row["terms"]) == 3
        spans = find(text)
        encoded = tokenizer(text, return_offsets_mapping=True)
        for place, (start, end) in enumerate(encoded["offset_mapping"]):
            inside = any(start < b and end > a for a, b in spans)
            assert not inside or row["terms"][row["words"][place]]
        for a, b in spans:
            touched = {
                row["words"][place]
                for place, (start, end) in enumerate(encoded["offset_mapping"])
                if start < b and end > a
            }
            assert len(touched) == 1
    plain, _ = term_masking.windows(tokenizer, ["el cancer de prostata"], 200, find)
    assert not any(plain[0]["terms"])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(1, 3)), min_size=1, max_size=12), st.data())
def test_each_term_is_one_unit_and_units_are_runs_numbered_in_order(shape, data):
    tokens, offsets, at = [], [], 0
    for word, (gap, length) in enumerate(shape):
        at += gap
        for _ in range(length):
            tokens.append(word)
            offsets.append((at, at + 1))
            at += 1
    cuts = sorted(set(data.draw(st.lists(st.integers(0, at), max_size=6))))
    spans = [(a, b) for a, b in pairwise(cuts) if data.draw(st.booleans())]
    units, flags = term_masking._joined([None, *tokens, None], [(0, 0), *offsets, (0, 0)], spans)
    body = units[1:-1]
    assert units[0] == units[-1] == -1
    assert body[0] == 0
    assert all(b - a in (0, 1) for a, b in pairwise(body))
    assert len(flags) == body[-1] + 1
    for a, b in spans:
        touched = {unit for unit, (start, end) in zip(body, offsets, strict=True) if start < b and end > a}
        assert len(touched) <= 1
        assert all(flags[unit] for unit in touched)
    for token, unit in zip(tokens, body, strict=True):
        assert len({u for t, u in zip(tokens, body, strict=True) if t == token}) == 1
        near = {t for t, u in zip(tokens, body, strict=True) if u == unit}
        assert flags[unit] or near == {token}
        own = [place for t, place in zip(tokens, offsets, strict=True) if t in near]
        assert flags[unit] == any(start < b and end > a for start, end in own for a, b in spans)


@pytest.fixture(scope="module")
def biomedical():
    """Windows of real text with mined terms, by the bundled tokenizer."""
    file = DATA / "bc5cdr" / "dev.conll"
    if not file.is_file():
        pytest.skip("bc5cdr is not on this machine: set AFINA_DATA")
    from afina import bases

    blocks = file.read_text(encoding="utf-8").split("\n\n")
    sentences = [" ".join(line.split("\t")[0] for line in block.splitlines()) for block in blocks]
    mined = terms.mine(sentences, glossaries.shipped("en")[0])
    texts = [" ".join(sentences[start : start + 8]) for start in range(0, len(sentences), 8)]
    tokenizer = bases.open_base("bundled").tokenizer
    rows, _ = term_masking.windows(tokenizer, texts, 128, terms.finder(term.term for term in mined))
    return tokenizer, rows


@pytest.mark.slow
def test_on_real_text_the_measured_rates_are_the_asked_ones_within_a_point(biomedical):
    tokenizer, rows = biomedical
    for rates in (Rates(), Rates(0.5, 0.05)):
        collate = TermCollator(tokenizer, rates, seed=3)
        seen, hidden, ways = np.zeros(2), np.zeros(2), np.zeros(3)
        whole = phrases = 0
        for epoch in range(1):
            collate.epoch = epoch
            batch = collate(rows)
            labels, ids = batch["labels"].numpy(), batch["input_ids"].numpy()
            for row, found, now in zip(rows, labels, ids, strict=True):
                units, kinds = np.array(row["words"]), np.array(row["terms"])
                marked = found[: len(units)] != -100
                picked = np.unique(units[marked])
                seen += np.bincount(kinds, minlength=2)
                hidden += np.bincount(kinds[picked], minlength=2)
                whole += int((~marked[np.isin(units, picked)]).sum())
                phrases += sum((units == unit).sum() > 1 for unit in picked if kinds[unit])
                mask, same = now[: len(units)] == tokenizer.mask_token_id, now[: len(units)] == found[: len(units)]
                ways += [(marked & mask).sum(), (marked & same).sum(), (marked & ~mask & ~same).sum()]
        assert seen.min() > 10_000
        assert phrases > 300
        assert whole == 0  # tokens of a chosen one that are not
        assert hidden / seen == pytest.approx([rates.others, rates.terms], abs=0.01)
        assert ways / ways.sum() == pytest.approx([0.8, 0.1, 0.1], abs=0.01)


@pytest.mark.parametrize("side", ["right", "left"])
def test_a_batch_is_the_rows_one_by_one_padded_as_the_tokenizer_pads(tokenizer, side, tiny_bert):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_bert, padding_side=side)
    rows, _ = term_masking.windows(tokenizer, TEXTS, 32, terms.finder(GLOSSARY))
    collate = TermCollator(tokenizer, seed=5)
    collate.epoch = 2
    batch = collate(rows)
    alone = [
        term_masking.mask(row, collate.vocabulary, np.random.default_rng((5, 2, row["place"])), Rates()) for row in rows
    ]
    labels = [row.pop("labels") for row in alone]
    expected = tokenizer.pad(alone, return_tensors="pt")
    assert batch.keys() == {*expected.keys(), "labels"}
    assert all(torch.equal(batch[key], expected[key]) for key in expected)
    assert [[label for label in row if label != -100] for row in batch["labels"].tolist()] == [
        [label for label in row if label != -100] for row in labels
    ]
    assert (batch["labels"][batch["attention_mask"] == 0] == -100).all()


def test_masks_follow_from_seed_pass_and_row_whatever_else_is_in_the_batch(tokenizer):
    rows, _ = term_masking.windows(tokenizer, TEXTS * 20, 32, terms.finder(GLOSSARY))

    def masks(seed, epoch, order):
        collate = TermCollator(tokenizer, seed=seed)
        collate.epoch = epoch
        found = {}
        for start in range(0, len(order), 7):
            batch = collate([rows[place] for place in order[start : start + 7]])
            for place, row in zip(order[start : start + 7], batch["labels"].tolist(), strict=True):
                found[place] = row[: len(rows[place]["input_ids"])]
        return found

    order = list(range(len(rows)))
    assert masks(1, 0, order) == masks(1, 0, order[::-1])
    assert masks(1, 0, order) != masks(2, 0, order)
    assert masks(1, 0, order) != masks(1, 1, order)


def test_a_row_is_not_changed_by_being_masked(tokenizer):
    rows, _ = term_masking.windows(tokenizer, TEXTS, 32, terms.finder(GLOSSARY))
    before = [{**row} for row in rows]
    first = TermCollator(tokenizer)(rows)
    assert rows == before
    assert first["input_ids"].dtype == first["labels"].dtype == torch.int64


@pytest.mark.parametrize("rates", [(-0.1, 0.2), (1.2, 0), (0, 0), (0.8, math.nan)])
def test_rates_that_are_no_shares_are_refused(rates):
    with pytest.raises(ConfigError, match="cannot be had") as caught:
        Rates(*rates)
    assert "0.8 and 0.15" in caught.value.fix


def test_a_tokenizer_without_a_mask_is_refused(tokenizer, tiny_bert):
    from transformers import AutoTokenizer

    plain = AutoTokenizer.from_pretrained(tiny_bert)
    plain.mask_token = None
    with pytest.raises(ConfigError, match="no mask token"):
        TermCollator(plain)


class Spy(TermCollator):
    """Keeps what it gave, and the rates."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.given = []

    def __call__(self, rows):
        rates = term_masking.between(self.first, self.last, self.batch / self.batches)
        batch = super().__call__(rows)
        self.given.append((self.epoch, rates.terms, batch["input_ids"].tolist()))
        return batch


def trained(base, tokenizer, folder, resume=None, **options):
    from transformers import AutoModelForMaskedLM, Trainer, TrainingArguments

    rows, _ = term_masking.windows(tokenizer, TEXTS * 4, 32, terms.finder(GLOSSARY))
    spy = Spy(tokenizer, Rates(0.2, 0.15), Rates(0.8, 0.15), seed=1)
    torch.manual_seed(0)
    arguments = TrainingArguments(
        folder, per_device_train_batch_size=2, num_train_epochs=2, remove_unused_columns=False, report_to="none",
        save_steps=3, use_cpu=True, disable_tqdm=True, logging_steps=1000, **options,
    )  # fmt: skip
    model = AutoModelForMaskedLM.from_pretrained(base)
    Trainer(model, arguments, spy, rows, callbacks=[spy]).train(resume_from_checkpoint=resume)
    return spy.given


@pytest.mark.parametrize("accumulation", [1, 2])
def test_a_plain_trainer_masks_each_pass_anew_moves_the_rates_and_resumes_with_the_same_masks(
    make_masked_base, tokenizer, tmp_path, accumulation
):
    base = make_masked_base("bert")
    given_ = trained(base, tokenizer, tmp_path / "a", gradient_accumulation_steps=accumulation)
    assert [epoch for epoch, _, _ in given_] == [0] * 10 + [1] * 10
    assert [rate for _, rate, _ in given_] == pytest.approx([0.2 + 0.6 * batch / 20 for batch in range(20)])
    resumed = trained(
        base, tokenizer, tmp_path / "a", str(tmp_path / "a" / "checkpoint-6"), gradient_accumulation_steps=accumulation
    )
    assert resumed == given_[6 * accumulation :]
