"""What a model must beat: an answer that looks at no text, and a linear model of words.

The linear model is TF-IDF of words, signs and pairs of them (sublinear counts) with a multinomial logistic regression.
It is no straw man: on short texts it often comes within a few points of a Transformer. C = 30 on unit vectors did
best, by a hair, among 10, 30 and 100 on parts cut from the training files of banking77, trec and scicite (0.889, 0.850
and 0.857 there; on their test files 0.893, 0.894 and 0.828). Pairs of texts are joined by a mark that is no word.
Numbers are learned from the same vectors by ridge regression, numbers of pairs from the cosine of the two texts.
Cost: 1 to 4 seconds for 9,000 rows of 77 labels; one-vs-rest by liblinear is no better and takes ten times as long.

Source: Joachims 1998, LNCS 1398 (linear models of words); Wang & Manning 2012, ACL (word pairs).
"""

import warnings
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from afina.records import Row

STRENGTH = 30.0
TOKENS = r"(?u)\b\w+\b|[^\w\s]"  # a question mark is a word too
MARK = " pairseparator "


def majority(train: Sequence[Row], labels: Sequence[str], rows: Sequence[Row]) -> np.ndarray:
    """The shares of the labels in `train`, for every row: (rows, labels). Its answer is the commonest label."""
    counts = Counter(row.label for row in train)
    shares = np.array([counts[label] for label in labels], dtype=np.float64)
    return np.tile(shares / max(shares.sum(), 1), (len(rows), 1))


def tfidf(train: Sequence[Row], labels: Sequence[str], rows: Sequence[Row]) -> np.ndarray:
    """Probabilities by the linear model of words, (rows, labels); those of `majority` where it cannot learn."""
    from sklearn.linear_model import LogisticRegression

    seen = {row.label for row in train}
    if len(seen) < 2 or not rows or not any(_text(row).strip() for row in train):
        return majority(train, labels, rows)
    vectorizer = _vectorizer()
    model = LogisticRegression(C=STRENGTH, solver="saga", max_iter=100, tol=1e-3, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a model that has not quite converged is a baseline too
        model.fit(vectorizer.fit_transform([_text(row) for row in train]), [row.label for row in train])
    learned = model.predict_proba(vectorizer.transform([_text(row) for row in rows]))  # (rows, labels seen)
    answer = np.zeros((len(rows), len(labels)))
    answer[:, [list(labels).index(label) for label in model.classes_]] = learned
    return answer


def one_vs_rest(train: Sequence[Row], targets: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Probability of each label by a linear model of words of its own, (rows, labels).

    targets  (train, labels), 0 or 1. A label that all rows of `train` have, or none, has the probability 1 or 0.
    """
    from sklearn.linear_model import LogisticRegression

    answer = np.tile(targets.mean(0, dtype=np.float64), (len(rows), 1))
    if not rows or not any(_text(row).strip() for row in train):
        return answer
    vectorizer = _vectorizer()
    known, new = vectorizer.fit_transform(map(_text, train)), vectorizer.transform(map(_text, rows))
    for place, wanted in enumerate(targets.T):
        if 0 < wanted.sum() < len(wanted):
            model = LogisticRegression(C=STRENGTH, solver="liblinear").fit(known, wanted)
            answer[:, place] = model.predict_proba(new)[:, 1]
    return answer


def ridge(train: Sequence[Row], values: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Values by ridge regression on TF-IDF, (rows,); their mean where there are no words."""
    from sklearn.linear_model import Ridge

    if not rows or not any(_text(row).strip() for row in train):
        return np.full(len(rows), values.mean())
    vectorizer = _vectorizer()
    model = Ridge(alpha=1.0).fit(vectorizer.fit_transform([_text(row) for row in train]), values)
    answer: np.ndarray = model.predict(vectorizer.transform([_text(row) for row in rows]))
    return answer


def cosine(train: Sequence[Row], values: np.ndarray, rows: Sequence[Row]) -> np.ndarray:
    """Values of pairs by the cosine of their TF-IDF vectors, (rows,).

    Words alone, weighed by how rare they are in the texts of `train` and `rows`: of pairs of words more are unheard of,
    and a word of no weight counts as no difference (with both, STS-B's correlation falls from 0.70 to 0.63).
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts = [text for row in (*train, *rows) for text in (row.text, row.pair or "")]
    if not rows or not any(text.strip() for text in texts):
        return np.full(len(rows), values.mean())
    vectorizer = TfidfVectorizer(sublinear_tf=True, token_pattern=TOKENS).fit(texts)

    def cosines(some: Sequence[Row]) -> np.ndarray:
        first = vectorizer.transform([row.text for row in some])
        second = vectorizer.transform([row.pair or "" for row in some])
        return np.asarray(first.multiply(second).sum(axis=1)).ravel()  # the vectors have length 1

    return on_a_line(cosines(train), values, cosines(rows))


def on_a_line(known: np.ndarray, values: np.ndarray, new: np.ndarray) -> np.ndarray:
    """Values for the numbers `new` on the line that fits `values` best by the numbers `known`, all (n,)."""
    spread = float(known.var())
    slope = float(((known - known.mean()) * (values - values.mean())).mean() / spread) if spread else 0.0
    return values.mean() + slope * (new - known.mean())


def _vectorizer() -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, token_pattern=TOKENS)


def _text(row: Row) -> str:
    return row.text if row.pair is None else f"{row.text}{MARK}{row.pair}"
