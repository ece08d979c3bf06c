"""Test texts of a finished run in other words, by a language model behind an endpoint: what `robustness` reads.

The texts are rows that the probes ask, drawn with the run's seed; the augmenter `paraphrase` asks for each in turn, so
that a cap cuts the second paraphrases first. Answers that were paid for stay beside the file, and a command that is
given again goes on from there.

Cost: one request a paraphrase. What it does not do: see whether a paraphrase means the same, which is for somebody to
read: one that does not is counted against the model. Write pairs of texts, or texts with spans.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from afina import asking, augmenting, config, prompting, shelf, store, subjects
from afina.errors import ConfigError, DataError
from afina.records import Corpus, Row, Tell, silent

AUGMENTER = "paraphrase"
KEYS = ("augment_endpoint", "augment_model", "augment_requests", "augment_tokens", "augment_protected")


@dataclass(frozen=True, slots=True)
class Written:
    """What became of the texts."""

    texts: int  # that were asked for
    said: int  # of these with a paraphrase in the file
    paraphrases: int
    rejected: Mapping[str, int]  # reason -> answers
    spent: asking.Spent


def write(
    folder: Path, out: Path, overrides: Sequence[str], amount: tuple[int, int] = (100, 2), tell: Tell = silent
) -> Written:
    """Write a list a line: a text of test and what it is in other words; `amount` is texts, and paraphrases of each.

    Raises ConfigError where the endpoint is none or refuses, or the rows are no single texts with labels of their own;
    DataError where no answer can be used, MachineError where there is none; RecordError where there is no run.
    """
    options, rows, seed = _asked(folder, out, overrides)
    drawn = np.random.default_rng(seed).permutation(len(rows))[: amount[0]]
    rows = tuple(rows[place] for place in sorted(drawn))  # files are often sorted by class
    spent = asking.Spent()
    endpoint, answers = augmenting.endpoint(options), out.with_name(f"{out.stem}-answers")
    wanted = {label: amount[1] * len(places) for label, places in prompting.own_places(rows).items()}
    protected = augmenting.protected(options)
    ask = lambda questions: asking.ask(questions, endpoint, answers, spent, tell)  # noqa: E731
    candidates = shelf.load(augmenting.SHELF, AUGMENTER).augment(rows, wanted, ask, protected, seed)
    groups: dict[int, dict[str, None]] = {}
    for one in candidates:
        if not one.fault:
            groups.setdefault(one.sources[0], {})[one.row.text] = None
    if not groups:
        raise DataError("no answer is a paraphrase that can be used", "give another augment_model, or more requests")
    lists = [[rows[place].text, *said] for place, said in sorted(groups.items())]
    store.write_text(out, "".join(json.dumps(one, ensure_ascii=False) + "\n" for one in lists))
    rejected = Counter(one.fault for one in candidates if one.fault)
    return Written(len(rows), len(groups), sum(len(said) for said in groups.values()), dict(rejected), spent)


def _asked(folder: Path, out: Path, overrides: Sequence[str]) -> tuple[config.TrainOptions, tuple[Row, ...], int]:
    """The options of the endpoint, the rows that the probes ask, and the run's seed."""
    if out.exists():
        raise ConfigError(f"{out} is there already", "choose another name with --out")
    run = config.build({"train": {"augmentation": AUGMENTER}}, overrides)
    given = {*run.model_fields_set, *run.train.model_fields_set} - {"train", "augmentation", *KEYS}
    if given:
        raise ConfigError(f"{', '.join(sorted(given))} has nothing to do with it", f"name some of {', '.join(KEYS)}")
    augmenting.has_speaker(run.train, shelf.load(augmenting.SHELF, AUGMENTER).SPEAKERS)
    seed, options = subjects.probe_options(folder, ())
    corpus = store.read_record(folder, "corpus", Corpus)
    if corpus.kind == "tag" or corpus.columns.pair is not None:
        found = "paraphrases are written of single texts without spans, and these rows are others"
        raise ConfigError(found, "write the file by hand: a list of inputs that mean the same a line")
    return run.train, subjects.rows(corpus, options, seed), seed
