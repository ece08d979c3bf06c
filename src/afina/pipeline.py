"""The stages in their order: the one file that knows them all.

Each stage's record is kept with the fingerprint of what made it; the same command run again reads what is done and
goes on with what is not. plan.yaml may be edited: a changed value is a decision of the user's, and what depends on
it is made anew.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from os.path import expanduser  # Path.expanduser raises for a user that does not exist
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from afina import comparison, config, finished, identity, planfile, store, tracking
from afina.config import Run
from afina.errors import ConfigError
from afina.keeper import Keeper
from afina.records import (
    Adapted,
    Augmented,
    Balanced,
    Comparison,
    Compressed,
    Corpus,
    Evaluation,
    Event,
    Finished,
    Plan,
    Predict,
    Prepared,
    Probes,
    Profile,
    Score,
    Task,
    Tell,
    Trained,
    silent,
)

if TYPE_CHECKING:
    from afina.bases import Opened

T = TypeVar("T")
BESIDE = "compare.html"


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run, or the first stages of one, came to."""

    folder: Path
    seconds: dict[str, float]
    corpus: Corpus
    profile: Profile | None = None
    plan: Plan | None = None
    trained: Trained | None = None
    evaluation: Evaluation | None = None
    compressed: Compressed | None = None
    prepared: Prepared | None = None  # where it was asked for, as the next three
    augmented: Augmented | None = None
    balanced: Balanced | None = None
    adapted: Adapted | None = None
    probes: Probes | None = None  # where any was asked
    beside: Comparison | None = None  # the run beside its champion and its base


def run(options: Run, tell: Tell = silent, until: str = "report") -> Outcome:
    """Go through the stages up to `until` (corpus, profile, plan or report), reading what is done already.

    Raises AfinaError of every kind; whatever was finished before stays and is used the next time.
    """
    folder = run_folder(options)
    champion = _told_now(options, folder, until)
    with store.lock(folder):
        store.sweep(folder)
        sources = identity.sources(options)
        identity.same_run(folder, options, sources)
        outcome = _stages(options, Keeper(folder, tell), sources, until, champion)
    for sent in tracking.send(folder, options.trackers) if until == "report" and options.trackers else ():
        tell(Event(sent.tracker, sent.said))
    return outcome


def _told_now(options: Run, folder: Path, until: str) -> Finished | None:
    """What is named and only used at the end is looked at before hours are spent. The champion, if there is one."""
    tracking.check(options.trackers)
    if until != "report":
        return None
    from afina.stages import probe

    probe.check(options.probe)
    if not options.champion:
        return None
    from afina import champion

    return champion.read(Path(options.champion), folder)


def _strange(rows: Corpus, rival: Finished, tell: Tell) -> None:
    """A champion of another task or other labels is told while there is time to name another."""
    from afina import champion

    if said := champion.strange(rows.kind, rows.labels, rival):
        tell(Event("compare", said))


def run_folder(options: Run) -> Path:
    """Where a run lives: as said, or runs/<name of the data>."""
    if not options.corpus.train_file:
        raise ConfigError("no data file was named", "give one, e.g. 'afina run notes.csv', or corpus.train_file")
    if options.output_dir:
        return Path(options.output_dir)
    path = Path(options.corpus.train_file).absolute()
    stem = path.name.partition(".")[0]
    return Path("runs") / (path.parent.name if stem in ("train", "data") else stem)


def _stages(options: Run, keep: Keeper, sources: dict[str, str], until: str, rival: Finished | None = None) -> Outcome:
    """The pipeline, top to bottom. It may stop after any line and go on from any line."""
    from afina.stages import corpus

    folder, tell, seed = keep.folder, keep.tell, options.seed

    def read() -> Corpus:
        found = corpus.read(options.corpus, seed)
        own = yaml.safe_dump(identity.of(options, sources))
        store.write_text(folder / identity.FILE, own)  # before there is a record
        return found

    rows = keep("corpus", Corpus, (identity.without_folders(options.corpus), sources, seed), read)
    store.write_text(folder / identity.RUN_FILE, config.dump(options))
    if rival is not None:
        _strange(rows, rival, tell)
    if until == "corpus":
        return Outcome(folder, keep.seconds, rows)

    from afina import bases, racing  # torch takes seconds: a file that cannot be used is told before
    from afina.stages import profile

    base = bases.open_base(options.model.model_name_or_path)
    listed = None if options.train.glossary_file == "none" else options.train.glossary_file
    asked = (options.profile, base.record.sha256, seed, *_hashed(listed))
    measure = lambda: profile.measure(rows, options.profile, base, seed, glossary_file=listed)  # noqa: E731
    measured = keep("profile", Profile, asked, measure)
    if until == "profile":
        return Outcome(folder, keep.seconds, rows, measured)

    wanted = planfile.edited(options, folder, tell)
    chosen = keep("plan", Plan, (wanted, seed), lambda: racing.plan(rows, measured, base, wanted, keep, seed))
    store.write_text(folder / planfile.NAME, planfile.text(chosen))
    before = Outcome(folder, keep.seconds, rows, measured, chosen)
    return before if until == "plan" else _model_stages(options, keep, before, base, rival)


def _hashed(file: str | None) -> tuple[str, ...]:
    """The sha256 of a file that is named. One that is not there is left for its reader, who says it better."""
    path = Path(expanduser(file or ""))
    return (store.sha256(path),) if path.is_file() else (file,) if file else ()


def _model_stages(options: Run, keep: Keeper, before: Outcome, base: "Opened", rival: Finished | None) -> Outcome:
    """The pipeline's second half: what makes, judges, shrinks and shows the model."""
    from afina import before_training, champion, dimensions, report, retaining
    from afina.stages import train

    folder, tell, seed, rows, chosen = before.folder, keep.tell, options.seed, before.corpus, before.plan
    assert before.profile is not None  # noqa: S101  (made by the first half)
    assert chosen is not None  # noqa: S101
    ready = before_training.make_ready(keep, rows, chosen, base, seed)
    inputs = (seed, retaining.text_sha256(chosen.settings))
    make = lambda: train.train(ready.rows, chosen, ready.base, folder, tell, seed)  # noqa: E731
    trained = keep("train", Trained, inputs, make)
    evaluation, compressed, probes = _judged(options, keep, replace(before, trained=trained), ready.base)
    beside, won = champion.held(keep, rival, evaluation.rows, seed) if probes or rival else (None, None)

    tell(Event("report", "begins"))
    seconds = dict(keep.seconds)
    today = date.today().isoformat()
    story = report.Story(
        rows,
        before.profile,
        chosen,
        trained,
        evaluation,
        compressed,
        seconds,
        date=today,
        prepared=ready.prepared,
        augmented=ready.augmented,
        balanced=ready.balanced,
        adapted=ready.adapted,
        probes=probes,
        beside=beside,
    )
    with store.disk_errors(folder):
        report.write(folder, story)
        _page(folder, rival, won)
        store.seal(folder)
    tell(Event("report", f"{folder / 'report.html'}"))
    if rival and beside:
        tell(Event("compare", f"{dimensions.verdict(beside)} {dimensions.left_out(beside)} More: {folder / BESIDE}"))
    made = replace(before, prepared=ready.prepared, augmented=ready.augmented, balanced=ready.balanced)
    made = replace(made, adapted=ready.adapted, trained=trained, seconds=seconds)
    return replace(made, evaluation=evaluation, compressed=compressed, probes=probes, beside=beside)


def _page(folder: Path, rival: Finished | None, won: Score | None) -> None:
    """A page with a figure a dimension, the run beside its champion; or no such page."""
    if rival is None:
        (folder / BESIDE).unlink(missing_ok=True)
    else:
        comparison.write(comparison.beside([finished.of_run(folder), rival], won), folder / BESIDE)


def _judged(
    options: Run, keep: Keeper, before: Outcome, base: "Opened"
) -> tuple[Evaluation, Compressed, Probes | None]:
    """The trained model's scores, its smaller file, and what that file is like in other dimensions."""
    from afina import subjects
    from afina.stages import compress, evaluate, probe

    folder, tell, seed, rows, chosen = before.folder, keep.tell, options.seed, before.corpus, before.plan
    assert before.trained is not None  # noqa: S101  (made before, as the plan)
    assert chosen is not None  # noqa: S101
    model = _Model(folder / before.trained.folder, base, chosen.settings.max_seq_length, before.trained.task)

    def judged() -> Evaluation:
        rivals = _rivals(rows, chosen, base, folder)
        return evaluate.evaluate(model.predict(), rows.test, model.task, "test", rivals, seed)

    def shrunk() -> Compressed:
        exported = model.exported(folder / "onnx")
        return compress.compress(exported, model.logits(), rows, options.compress, seed, tell)

    def asked() -> Probes:
        return probe.probe(subjects.of_run(folder, options.probe, seed), options.probe, tell)

    evaluation = keep("evaluate", Evaluation, seed, judged)
    compressed = keep("compress", Compressed, (options.compress, seed), shrunk)
    if not (probe.chosen(options.probe) or options.probe.suite):
        store.forget(folder, "probe", ())
        return evaluation, compressed, None
    return evaluation, compressed, keep("probe", Probes, (options.probe, seed, probe.files(options.probe)), asked)


def _rivals(rows: Corpus, plan: Plan, base: "Opened", folder: Path) -> dict[str, Any]:
    """What the baselines answer on the test rows."""
    from afina import features, heads, shelf, tasks
    from afina.predictors import torch

    task, objective = tasks.of(rows, plan.settings.long_texts), shelf.load(tasks.OBJECTIVES, rows.kind)
    untuned = heads.build(base.folder, plan.settings.pooling, rows.labels, objective.PROBLEM)
    bf16 = plan.settings.precision == "bf16"
    probe = torch.wrap(heads.put_probe(untuned, folder), base.tokenizer, plan.settings.max_seq_length, bf16, task)
    tuned = objective.tune(rows.choosing, probe, task)

    def embed(texts: Sequence[str]) -> Any:
        body, encoded = untuned.base_model, features.encode(base.tokenizer, texts, plan.settings.max_seq_length)
        return features.collect(body, base.tokenizer, encoded, lambda x: features.all_layers(body, x)[:, -1, 0], bf16)

    rivals = objective.rivals(rows, rows.test, task, embed)
    return {**rivals, "probe": (tuned, probe([row.input for row in rows.test]))}


@dataclass(slots=True)
class _Model:
    """The tuned model, loaded from disk when a stage first needs it."""

    folder: Path
    base: "Opened"
    max_tokens: int
    task: Task
    loaded: Any = None

    def model(self) -> Any:
        from afina import heads

        if self.loaded is None:
            self.loaded = heads.load(self.folder)
        return self.loaded

    def predict(self) -> Predict:
        from afina.predictors import torch

        return torch.wrap(self.model(), self.base.tokenizer, self.max_tokens, task=self.task)

    def logits(self) -> Any:
        from afina.predictors import torch

        return torch.logits(self.model(), self.base.tokenizer, self.max_tokens, task=self.task)

    def exported(self, folder: Path) -> Path:
        from afina.export import export

        export(self.model(), self.base.tokenizer, self.task, folder, self.max_tokens)
        return folder
