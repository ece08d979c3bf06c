"""Adapt: the base reads unlabelled texts of the domain, guessing masked words, before it is trained on the task.

Held-out texts, a tenth of all, are masked once and for all, all words alike; training ends where they gain no more, and
the best look is kept. Where the base has no head for this, one is fitted first with the body frozen, by as many steps
at most and stopped in the same way. Where held-out texts gained nothing, the base stays as it was. What is trained on
is masked anew in each pass: all words alike, or the domain's terms more often. A technique says which weights are
trained, all of them unasked; what it adds is merged, so that a plain base is left. The head is trained beside it, but
for the table of tokens where that is the body's own: it moves only where the technique moves it.

    perplexity = exp(nats a masked token)      gain = nats before - nats after, of the same masks
    intervals: 95%, 1,000 bootstrap resamples of the held-out texts, each with all of its windows

They speak of these texts and masks. A fitted head goes on learning in the second part, so that some of a gain may
still be the head's; only a control on general text of the same size tells how much of it is the domain.
Source: Gururangan et al. 2020, "Don't Stop Pretraining", arXiv:2004.10964.
"""

import math
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from afina import (
    adapters,
    adapting,
    checkpoints,
    fitting,
    maskedlm,
    masking,
    metrics,
    shelf,
    store,
    term_masking,
    terms,
)
from afina.adapting import BATCH, TERMS, TOKENS
from afina.bases import Opened
from afina.errors import DataError
from afina.maskedlm import MaskedLanguage
from afina.masking import IGNORED, Encoded
from afina.recipes import Fitted, Recipe
from afina.records import Adapted, Corpus, Event, Finding, Plan, Row, Score, Settings, Tell

FOLDER, CHECKPOINTS = "adapted", "adapting"  # inside the run folder: what is made, and what it is resumed from
HELD_SHARE, HELD_TEXTS = 0.1, (5, 200)  # of the texts, and at least and at most
LOOKED_ROWS = 256  # windows of held-out texts
LOOKS, PATIENCE = 50, 3  # steps from one look to the next; looks without a gain
HEAD_RATE = 1e-3  # of a new head beside a frozen body
WARMUP = 0.06  # of the steps


@dataclass(frozen=True, slots=True)
class Windows:
    """What is trained on, and what is looked at."""

    train: list[Encoded]
    held: list[Encoded]  # with their masks
    texts: np.ndarray  # (held,): the text that each of these is of
    terms: int = 0  # that are masked more often; 0 where all words are masked alike
    findings: tuple[Finding, ...] = ()  # about these


def adapt(corpus: Corpus, plan: Plan, opened: Opened, folder: Path, tell: Tell, seed: int) -> Adapted:
    """Write the adapted base to `folder`/adapted and say what it gained.

    Raises DataError for texts that cannot be used, and what `fitting.fit` raises.
    """
    began, settings = time.monotonic(), plan.settings
    texts, findings = adapting.read(settings, corpus, seed=seed)
    rows = windows(texts, opened, settings, seed)
    if rows.terms:
        tell(Event("adapt", f"{rows.terms:,} terms of the domain are masked more often than other words"))
    asked = (adapting.asked(settings), settings.precision)
    made_by = (opened.record.sha256, asked, rows.train, rows.held, seed)
    own = checkpoints.own(folder / CHECKPOINTS, made_by, lambda text: tell(Event("adapt", text)))

    def said(event: Event) -> None:
        tell(replace(event, stage="adapt"))

    def fit(model: MaskedLanguage, recipe: Recipe, name: str) -> Fitted:
        return fitting.fit(model, opened.tokenizer, (rows.train, {"held_out": rows.held}), recipe, own / name, said)

    torch.manual_seed(seed)
    model, new_head = maskedlm.load(opened.folder)
    recipe = _recipe(settings, opened, len(rows.train), seed)
    if new_head:
        tell(Event("adapt", "this base has no head for masked words: one is fitted first, with the body frozen"))
        model.base_model.requires_grad_(False)
        fit(model, replace(recipe, head_rate=HEAD_RATE, dropout=False), "head")
        model.base_model.requires_grad_(True)
    start = {name: value.clone() for name, value in model.state_dict().items()}
    before = maskedlm.nats(model, opened.tokenizer, rows.held)
    fitted, trainable = _by(settings.adapt_technique, model, seed, lambda: fit(model, recipe, "all"))
    after = maskedlm.nats(model, opened.tokenizer, rows.held)
    if after.sum() >= before.sum():
        tell(Event("adapt", "held-out texts gained nothing: the base stays as it was"))
        model.load_state_dict(start)
        after, fitted = before, replace(fitted, best_step=0)
    with store.whole_folder(folder / FOLDER) as temporary:
        maskedlm.save(model, opened.folder, opened.tokenizer, temporary)
    shutil.rmtree(folder / CHECKPOINTS, ignore_errors=True)
    made = replace(_record(settings, rows, (before, after), fitted, seed), trainable=trainable, new_head=new_head)
    tell(Event("adapt", f"perplexity of held-out texts: {made.before.value:.1f} before, {made.after.value:.1f} after"))
    seconds = round(time.monotonic() - began, 1)
    findings = (*findings, *rows.findings)
    return replace(made, texts=len(texts), findings=findings, seconds=seconds, terms=rows.terms)


def _by(name: str | None, model: MaskedLanguage, seed: int, train: Callable[[], Fitted]) -> tuple[Fitted, int]:
    """Train what a technique opens of the base and merge what it adds, in place; and how many numbers are trained."""
    technique = shelf.load("techniques", name or adapting.FULL)
    torch.manual_seed(seed)  # what it adds begins alike, whether a head was fitted before it or was there already
    technique.apply(model.model, technique.Config())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    with adapters.rows_in_head(model.model):
        fitted = train()
    technique.merge(model.model)
    return fitted, trainable


def windows(texts: Sequence[Row], opened: Opened, settings: Settings, seed: int) -> Windows:
    """Held-out texts drawn at random, and of the others no more than the steps can read.

    Raises DataError where the texts have no words.
    """
    order = np.random.default_rng(seed).permutation(len(texts))
    least, most = HELD_TEXTS
    held = min(max(math.ceil(HELD_SHARE * len(texts)), least), most)
    longest = min(TOKENS, opened.record.max_tokens)
    vocabulary = masking.vocabulary_of(opened.tokenizer)

    def cut(places: np.ndarray) -> tuple[list[Encoded], list[int]]:
        return masking.windows(opened.tokenizer, [texts[place].text for place in places], longest)

    looked, sources = cut(order[:held])
    used = order[held:][: adapting.pace(settings)[0] * BATCH]
    sought, findings = adapting.sought(settings, [texts[place].text for place in used])
    if sought:
        find, read = terms.finder(sought), [texts[place].text for place in used]
        train, places = term_masking.windows(opened.tokenizer, read, longest, find)
    else:
        train, places = cut(used)
    if not looked or not train:
        raise DataError(f"the texts of {settings.adapt_file} have hardly any words", "give whole sentences")
    chosen = np.sort(np.random.default_rng(seed).permutation(len(looked))[:LOOKED_ROWS]).tolist()
    return Windows(
        train=[{**row, "where": texts[used[place]].where} for row, place in zip(train, places, strict=True)],
        held=[masking.mask(looked[place], vocabulary, np.random.default_rng((seed, place))) for place in chosen],
        texts=np.array([sources[place] for place in chosen]),
        terms=len(sought),
        findings=findings,
    )


def judge(before: np.ndarray, after: np.ndarray, rows: Windows, seed: int) -> tuple[Score, ...]:
    """Perplexity before and after, and the gain, of the nats (held,) of the held-out windows."""
    masked = np.array([sum(label != IGNORED for label in row["labels"]) for row in rows.held], np.float64)
    _, texts = np.unique(rows.texts, return_inverse=True)
    was, now, count = (np.bincount(texts, values) for values in (before, after, masked))  # by text

    def of(weights: np.ndarray) -> np.ndarray:
        first, second, tokens = weights @ was, weights @ now, weights @ count
        return np.column_stack([np.exp(first / tokens), np.exp(second / tokens), (first - second) / tokens])

    return metrics.bootstrap(("perplexity", "perplexity", "gain"), of, len(count), seed)


def _recipe(settings: Settings, opened: Opened, rows: int, seed: int) -> Recipe:
    vocabulary = masking.vocabulary_of(opened.tokenizer)
    steps, rate = adapting.pace(settings)
    of_terms, of_others = adapting.rates(settings)
    hide = partial(masking.mask, share=of_others)
    if settings.adapt_masking == TERMS:
        hide = partial(term_masking.mask, rates=term_masking.Rates(of_terms, of_others))
    return Recipe(
        epochs=(steps - 0.5) / math.ceil(rows / BATCH),  # which Trainer rounds up to whole steps
        batch=BATCH,
        rate=rate,
        head_rate=rate,
        warmup_steps=int(WARMUP * steps),
        weight_decay=settings.weight_decay,
        bf16=settings.precision == "bf16",
        dropout=settings.dropout,
        seed=seed,
        eval_steps=LOOKS,
        patience=PATIENCE,
        dev_score=lambda nats, labels: math.exp(-nats.sum() / (labels != IGNORED).sum()),
        metric="token_probability",  # geometric mean: 1 / perplexity
        per_word=True,
        seen=lambda row, place, epoch: hide(row, vocabulary, np.random.default_rng((seed, epoch, place))),
        rate_key="adapt_learning_rate",
    )


def _record(
    settings: Settings, rows: Windows, nats: tuple[np.ndarray, np.ndarray], fitted: Fitted, seed: int
) -> Adapted:
    was, now, gain = judge(*nats, rows, seed)
    return Adapted(
        folder=FOLDER,
        source=settings.adapt_file,
        windows=len(rows.train),
        held_out=len(set(rows.texts.tolist())),
        steps=fitted.curve[-1].step,
        best_step=fitted.best_step,
        before=was,
        after=now,
        gain=gain,
        curve=fitted.curve,
        looks=fitted.looks,
        stopped=fitted.stopped,
        technique=settings.adapt_technique or adapting.FULL,
    )
