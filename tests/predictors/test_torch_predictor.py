"""The predict function of a model in memory."""

import numpy as np
import pytest
import tiny

from afina.predictors import torch as predictor


@pytest.fixture(scope="module")
def done(tiny_bert):
    return tiny.exported(tiny_bert)


def test_answers_are_probabilities_in_the_order_of_the_texts(done):
    predict = predictor.wrap(done.model, done.tokenizer, tiny.MAX_TOKENS)
    texts = [row.input for row in done.corpus.dev]
    answers = predict(texts)
    np.testing.assert_allclose(answers.sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(predict(texts[::-1]), answers[::-1], atol=1e-5)
    assert (answers.argmax(1) == [tiny.LABELS.index(row.label) for row in done.corpus.dev]).mean() > 0.95


def test_no_texts_give_no_rows(done):
    assert predictor.wrap(done.model, done.tokenizer, tiny.MAX_TOKENS)([]).shape == (0, len(tiny.LABELS))


def test_bf16_is_close_and_not_the_same(done):
    texts = [row.input for row in done.corpus.dev[:40]]
    exact = predictor.logits(done.model, done.tokenizer, tiny.MAX_TOKENS)(texts)
    rough = predictor.logits(done.model, done.tokenizer, tiny.MAX_TOKENS, bf16=True)(texts)
    assert 0 < np.abs(exact - rough).max() < 0.05 * np.abs(exact).max()


def test_the_model_is_left_without_dropout(done):
    done.model.train()
    predictor.wrap(done.model, done.tokenizer, tiny.MAX_TOKENS)(["my card"])
    assert not done.model.training
