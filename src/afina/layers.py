"""What the vectors of a body already know of a task: linear heads, on every layer or on the last one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

import numpy as np

from afina import encoding, evidence, features, heads, label_errors, metrics, probing, shelf, tasks, windows
from afina.bases import Opened
from afina.encoding import Encoded
from afina.records import Corpus, Head, LayerScore, Score, Settings, Text

MOST_WORDS = 20_000  # that a head is fitted on, where a task is by word
FEWEST = 50  # rows that a head of the learning curve has, and whose labels are judged
WORDS_A_ROW = 3  # that the layers are asked about, where a task is by word


def ask(encoder: Any, tokenizer: Any, encoded: Encoded, sample: Corpus, bf16: bool) -> tuple[LayerScore, ...]:
    """The objective's probe of every layer, for each pooling that it may read; by word on a few words of each row.

    The best reading has its learning curve.

    encoded  the training rows of `sample` with their targets; one forward pass over them serves all layers
    """
    objective, bare, classes = shelf.load("objectives", sample.kind), encoding.bare(encoded), len(sample.labels)
    if objective.PER == "word":
        rng = np.random.default_rng(0)
        tokens = [sorted(rng.permutation(own)[:WORDS_A_ROW].tolist()) for own in encoding.labelled(encoded)]
        read = lambda batch: features.token_layers(encoder, batch)  # noqa: E731
        states = features.collect_words(encoder, tokenizer, bare, tokens, read, bf16)[:, :, None]
        targets = np.array([row["labels"][at] for row, own in zip(encoded, tokens, strict=True) for at in own])
    else:
        states = features.collect(encoder, tokenizer, bare, lambda batch: features.all_layers(encoder, batch), bf16)
        targets = objective.targets(sample.train, sample.labels)
    found = {  # states: (n, layers + 1, poolings, hidden)
        (layer, place): _scored(objective, (layer, pooling), states[:, layer, place], targets, classes)
        for layer in range(states.shape[1])
        for place, pooling in enumerate(objective.POOLINGS)
    }
    best = max(found, key=lambda one: found[one].value)
    if objective.REVIEWED:
        last = states.shape[1] - 1, objective.POOLINGS.index("mean")
        found[last] = replace(found[last], wrong=_wrong(states[:, last[0], last[1]], targets, classes))
    curve, gain = _learning_curve(objective, states[:, best[0], best[1]], targets, classes)
    found[best] = replace(found[best], curve=curve, gain=gain)
    return tuple(found.values())


def _scored(
    objective: ModuleType, reading: tuple[int, str], vectors: np.ndarray, targets: np.ndarray, classes: int
) -> LayerScore:
    """The objective's probe of one reading, a layer and a pooling, and its evidence."""
    found = LayerScore(*reading, *objective.probe(vectors, targets, classes))
    return replace(found, evidence=evidence.logme(vectors, evidence.table(targets, classes)))


def _learning_curve(
    objective: ModuleType, vectors: np.ndarray, targets: np.ndarray, classes: int
) -> tuple[tuple[tuple[int, float], ...], Score | None]:
    """The objective's probe with a quarter, half and all of the rows, (n, d), and what the last doubling gained.

    At every size each row is answered once: by a head on the other rows of its part, of which there are four, two and
    one. The interval is a bootstrap over the rows, the same ones at both sizes. Nothing where a quarter would be fewer
    than 50 rows.
    """
    if len(vectors) < 4 * FEWEST:
        return (), None
    order = np.random.default_rng(0).permutation(len(vectors))
    judges = [
        [(rows, objective.probed(vectors[rows], targets[rows], classes)) for rows in np.array_split(order, parts)]
        for parts in (4, 2, 1)
    ]

    def of(weights: np.ndarray) -> np.ndarray:
        points = [np.mean([judge(weights[:, rows]) for rows, judge in parts], axis=0) for parts in judges]
        return np.stack([*points, points[-1] - points[-2]], axis=1)

    *points, gain = metrics.bootstrap(("quarter", "half", "all", "gain"), of, len(vectors), seed=0)
    return tuple((len(vectors) // len(parts), one.value) for parts, one in zip(judges, points, strict=True)), gain


def _wrong(vectors: np.ndarray, targets: np.ndarray, classes: int) -> Score | None:
    """Share of the labels that look wrong to heads on other rows' vectors; nothing where fewer than 50 are judged.

    Vectors have length 1, as the head of a run reads them: of longer ones the heads are surer than they are right.
    """
    judged = int(label_errors.judged(targets, classes).sum())
    if judged < FEWEST:
        return None
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True).clip(1e-12)
    wrong, _ = label_errors.find(probing.crossed(unit, targets, classes, label_errors.STRENGTH), targets)
    return Score("labels that look wrong", len(wrong) / judged, *metrics.wilson(len(wrong), judged))


def ask_apart(encoder: Any, tokenizer: Any, sample: Corpus, max_tokens: int, bf16: bool) -> tuple[LayerScore, ...]:
    """The same of what a siamese head would read of every layer; nothing where rows are no pairs of texts."""
    if sample.columns.pair is None:
        return ()
    objective = shelf.load("objectives", sample.kind)
    encoded = features.encode(tokenizer, [row.input for row in sample.train], max_tokens, siamese=True)
    states = features.collect(encoder, tokenizer, encoded, lambda x: features.compared_layers(encoder, x), bf16)
    targets = objective.targets(sample.train, sample.labels)
    classes = len(sample.labels)
    return tuple(
        _scored(objective, (layer, "siamese"), states[:, layer], targets, classes) for layer in range(states.shape[1])
    )


def embedder(opened: Opened, settings: Settings) -> Callable[[Sequence[Text]], np.ndarray]:
    """The mean of each text's token vectors on the base as it is, (n, hidden), whatever the head will read."""
    body = heads.build(opened.folder, "mean", ("",)).base_model

    def embed(texts: Sequence[Text]) -> np.ndarray:
        encoded = features.encode(opened.tokenizer, texts, settings.max_seq_length)
        read = lambda batch: features.mean_vectors(body(**batch), batch)  # noqa: E731
        return features.collect(body, opened.tokenizer, encoded, read, settings.precision == "bf16")

    return embed


def linear_head(
    model: Any, tokenizer: Any, parts: tuple[Encoded, Encoded], settings: Settings, corpus: Corpus
) -> tuple[Head, float, Callable[[], Head], tuple[np.ndarray, np.ndarray]]:
    """The objective's linear head on the body as it is, its main score on dev, and what makes the head to train from.

    Last come the vectors of the training rows that it was fitted to, and their targets.

    parts    the rows of train and dev, with targets in the units that training sees; of a row in windows the head is
             fitted to the mean of their vectors, and dev is answered as in use
    Without dev rows the head's penalty is not chosen on those it is fitted to, which would always want the least.
    By word the head is fitted on words of windows that are drawn at random until there are MOST_WORDS.
    """
    output, objective = heads.output_layer(model), shelf.load("objectives", corpus.kind)
    by_word, bf16 = objective.PER == "word", settings.precision == "bf16"

    def read(batch: Any) -> Any:
        return features.before_output(model, output, batch)

    def seen(part: Encoded) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Vectors of windows or words, (m, width), for each the place of its target, and the targets."""
        if not by_word:
            apart, owner = windows.apart(encoding.bare(part))
            targets = np.array([row["labels"] for row in part])
            return features.collect(model, tokenizer, apart, read, bf16), owner, targets
        bare, tokens = encoding.bare(part), encoding.labelled(part)
        targets = np.array([row["labels"][at] for row, own in zip(part, tokens, strict=True) for at in own])
        return features.collect_words(model, tokenizer, bare, tokens, read, bf16), np.arange(len(targets)), targets

    known = seen(encoding.drawn(parts[0], MOST_WORDS) if by_word else parts[0]), seen(parts[1])
    train, dev = ((windows.mean(windows.all_of(vectors), owner), targets) for vectors, owner, targets in known)
    labels, config = output.out_features, tasks.config(corpus.kind, settings)
    head = objective.fit_head(train, dev if corpus.dev else None, labels, config)
    vectors, owner, _ = known[1]
    logits = windows.pooling(objective.ACTIVATION)(windows.all_of(vectors @ head[0].T + head[1]), owner)
    judged = encoding.padded(logits, parts[1]) if by_word else (logits, dev[1])
    score = float(objective.dev_score(*judged, corpus.labels))
    return head, score, lambda: objective.start(head, train, labels, config), train
