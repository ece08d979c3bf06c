"""The smallest file that keeps the model's answers: a ladder of quantizers, walked from the strongest rung down.

The rule, on dev only (on train where there is no dev). Of n answers, `broken` are right in fp32 and wrong on the rung,
`fixed` the other way round; what an answer is (a row's class, a label, a span) says the objective. A rung is
taken if both hold:

  loss       the main score falls by at most max_drop_points: for classes by (broken - fixed) / n; or broken is 1 in all
             and max_drop_points is not 0, since on fewer than 200 rows no smaller loss than a row can be seen (one row
             of 100 is a whole point)
  agreement  at least 95% of the answers, less max_drop_points, are what fp32 gave: where more change, an unchanged
             score is luck, wrong answers that were right being paid for by right ones that were wrong

The first rung that passes is taken; if none does, the fp32 file is. The test split decides nothing: the taken rung is
scored on it once, beside fp32, so that the loss that is reported is not the one that was chosen for being small.
"""

import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import ModuleType

import numpy as np

from afina import shelf, store, words
from afina.config import CompressOptions
from afina.errors import RecordError
from afina.predictors import onnx
from afina.records import Change, Compressed, Corpus, Event, Predict, Row, Task, Tell, Text, Variant, silent

WHOLE = "model.onnx"  # the exported file, fp32
PARITY_ROWS = 64
PARITY = 1e-3  # largest difference of logits, relative to the largest logit (at least 1)
AGREE = 0.95
ALONE_TEXTS, ALONE_SECONDS = 100, 1.0  # texts timed one by one, and for how long at most


@dataclass(frozen=True, slots=True)
class _Dev:
    """The rows that the rungs are compared on."""

    rows: tuple[Row, ...]
    texts: tuple[Text, ...]
    answers: np.ndarray  # (n, ...) what fp32 answers
    task: Task


def compress(
    folder: Path,
    reference: Callable[[Sequence[Text]], np.ndarray],
    corpus: Corpus,
    options: CompressOptions,
    seed: int,
    tell: Tell = silent,
) -> Compressed:
    """Make the exported model in `folder` smaller and score what was taken.

    reference  logits of the model before its export, (n, classes): what the file on disk is held against
    Leaves model.onnx and the taken rung's file, whose sha256 goes into labels.json; `file` in the record is relative
    to the folder that `folder` is in. Raises RecordError where the exported file answers otherwise than `reference`.
    """
    parity = _parity(folder, reference, corpus.choosing)
    tell(Event("compress", f"exported; logits differ by at most {parity:.1e}"))
    whole = onnx.load(folder)
    dev, first = _whole(whole, folder, corpus)
    variants = [first]
    for name, module in _rungs():
        variant = _try(name, module, folder, dev, options)
        size = f"{variant.ratio:.2f}x smaller, " if variant.ratio else ""
        tell(Event("compress", f"{name}: {size}{variant.why}"))
        variants.append(variant)
        if variant.file:
            break
    return _scored(folder, whole, corpus, variants, parity, seed)


def _rungs() -> list[tuple[str, ModuleType]]:
    """The shelf, from the strongest rung to the gentlest."""
    modules = [(name, shelf.load("quantizers", name)) for name in shelf.names("quantizers")]
    return sorted(modules, key=lambda rung: rung[1].ORDER)


def _parity(folder: Path, reference: Callable[[Sequence[Text]], np.ndarray], rows: Sequence[Row]) -> float:
    texts = [row.input for row in rows[:PARITY_ROWS]]
    before, after = reference(texts), onnx.logits(folder)(texts)
    before, after = words.flat(before), words.flat(after)
    gap = float(np.abs(before - after).max(initial=0))
    if not gap <= PARITY * max(1.0, float(np.abs(before).max(initial=0))):  # also where it is no number
        raise RecordError(
            f"the exported model answers otherwise than the trained one: logits differ by {gap:.2g}",
            "report this with the base's name; until then use the model folder instead of the ONNX file",
        )
    return gap


def _whole(predict: Predict, folder: Path, corpus: Corpus) -> tuple[_Dev, Variant]:
    """fp32 on dev: what the rungs are held against."""
    texts = tuple(row.input for row in corpus.choosing)
    answers, rate = _timed(predict, texts)
    dev = _Dev(corpus.choosing, texts, answers, onnx.task(folder))
    variant = Variant(
        rung="none",
        file=f"{folder.name}/{WHOLE}",
        bytes=bytes_of(folder / WHOLE),
        ratio=1.0,
        agreement=1.0,
        drop_points=0.0,
        latency_ms=_alone(predict, texts),
        rows_per_second=rate,
        why="fp32: what the others are held against",
    )
    return dev, variant


def _try(name: str, module: ModuleType, folder: Path, dev: _Dev, options: CompressOptions) -> Variant:
    """Make one rung, measure it on dev, and delete it again where the rule refuses it."""
    path = folder / (WHOLE.replace(".", ".int8." if name.startswith("int8") else f".{name}."))
    refused = Variant(name, "", 0, 0.0, 0.0, 0.0, 0.0, 0.0, "")
    try:
        module.quantize(folder / WHOLE, path)
        predict = onnx.load(folder, path.name)
        answers, rate = _timed(predict, dev.texts)
    except RecordError as error:
        _delete(path)
        return replace(refused, why=f"refused: {error.found}")
    change = _change(dev.rows, dev.answers, answers, dev.task, 0)
    taken, why = verdict(change, options.max_drop_points)
    if not np.isfinite(words.flat(answers)).all():
        taken, why = False, "refused: some answers are no numbers"
    size = bytes_of(path)
    variant = Variant(
        rung=name,
        file=f"{folder.name}/{path.name}" if taken else "",
        bytes=size,
        ratio=bytes_of(folder / WHOLE) / size,
        agreement=change.agreement,
        drop_points=change.drop_points,
        latency_ms=_alone(predict, dev.texts),
        rows_per_second=rate,
        why=why,
    )
    if not taken:
        _delete(path)
    return variant


def _change(rows: Sequence[Row], before: np.ndarray, after: np.ndarray, task: Task, seed: int) -> Change:
    change: Change = shelf.load("objectives", task.kind).compare(rows, before, after, task, seed)
    return change


def verdict(change: Change, most: float) -> tuple[bool, str]:
    """The rule at the head of this file, and what it says of a change. `most` is max_drop_points.

    >>> verdict(Change(0.5, 0.1, 1.0, 0.985, 0.976, 0.993, broken=7, fixed=2, count=1000, unit="rows"), 0.5)
    (True, 'taken: of 1000 rows 7 broke and 2 were put right (at most 0.5 points may be lost)')
    """
    of = f"{change.count} {change.unit}"
    counts = f"of {of} {change.broken} broke and {change.fixed} were put right (at most {most:g} points may be lost)"
    least = AGREE - most / 100
    if change.drop_points > most and not (change.broken == 1 and most > 0):
        return False, f"refused: {counts}"
    if change.agreement < least:
        return False, f"refused: only {change.agreement:.1%} of {of} keep their answer, {least:.1%} must"
    return True, f"taken: {counts}"


def _scored(
    folder: Path,
    whole: Predict,
    corpus: Corpus,
    variants: Sequence[Variant],
    parity: float,
    seed: int,
) -> Compressed:
    """The taken rung on the test split (dev where there is none), beside fp32."""
    chosen = next(variant for variant in reversed(variants) if variant.file)
    rows = corpus.test or corpus.choosing
    texts, task = [row.input for row in rows], onnx.task(folder)
    before = whole(texts)
    name = Path(chosen.file).name
    after = before
    if name != WHOLE:
        _seal(folder, name)
        after = onnx.load(folder, name)(texts)
    change = _change(rows, before, after, task, seed)
    return Compressed(
        rung=chosen.rung,
        file=chosen.file,
        ratio=chosen.ratio,
        drop_points=change.drop_points,
        drop_low=change.drop_low,
        drop_high=change.drop_high,
        agreement=change.agreement,
        agreement_low=change.agreement_low,
        agreement_high=change.agreement_high,
        scores=shelf.load("objectives", task.kind).scores(rows, after, task, seed),
        parity=parity,
        variants=tuple(variants),
    )


def _seal(folder: Path, name: str) -> None:
    """Note the sha256 of a taken file in labels.json, where the predictor looks for it."""
    card = json.loads((folder / "labels.json").read_text(encoding="utf-8"))
    for path in (folder / name, folder / f"{name}.data"):
        if path.is_file():
            card["sha256"][path.name] = store.sha256(path)
    store.write_text(folder / "labels.json", json.dumps(card, ensure_ascii=False, indent=1))


def _timed(predict: Predict, texts: Sequence[Text]) -> tuple[np.ndarray, float]:
    """Answers, and rows a second in the predictor's batches of 32."""
    predict(texts[:1])  # the first call allocates
    start = time.perf_counter()
    answers = predict(texts)
    return answers, len(texts) / (time.perf_counter() - start)


def _alone(predict: Predict, texts: Sequence[Text]) -> float:
    """Milliseconds of one text alone, tokenization included: the median, after a warm-up."""
    for text in texts[:3]:
        predict([text])
    seconds: list[float] = []
    while len(seconds) < ALONE_TEXTS and sum(seconds) < ALONE_SECONDS:
        start = time.perf_counter()
        predict([texts[len(seconds) % len(texts)]])
        seconds.append(time.perf_counter() - start)
    return 1000 * statistics.median(seconds)


def bytes_of(path: Path) -> int:
    """Bytes of a model file and of the weights beside it."""
    outside = path.with_name(f"{path.name}.data")
    return path.stat().st_size + (outside.stat().st_size if outside.is_file() else 0)


def _delete(path: Path) -> None:
    path.unlink(missing_ok=True)
    path.with_name(f"{path.name}.data").unlink(missing_ok=True)
