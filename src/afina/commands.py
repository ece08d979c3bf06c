"""Commands that use what is there: finished runs, shelves, the machine. Those that make a run are in `cli`."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from afina.arguments import Data, Finished, Json, LabelColumn, Model, Overrides, TextColumn
from afina.errors import ConfigError


def predict(
    folder: Finished,
    file: Data,
    text: TextColumn = None,
    out: Annotated[Path | None, typer.Option(help="the file to write, .csv or .jsonl", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Label FILE with a finished run, through ONNX Runtime and without torch."""
    from afina import inference, screen

    made = inference.label(folder, file, text, out)
    screen.findings(made.findings)
    screen.say(f"{made.rows:,} rows labelled in {made.file}")
    summary = {"rows": made.rows, "out": str(made.file), "labels": dict(made.counts)}
    screen.end(f"afina evaluate {shlex.quote(str(folder))} LABELLED_FILE", summary if as_json else None)


def evaluate(
    folder: Finished, file: Data, text: TextColumn = None, label: LabelColumn = None, as_json: Json = False
) -> None:
    """Score a finished run on the labelled rows of FILE, through ONNX Runtime and without torch."""
    from afina import inference, screen, twins

    evaluation, findings = inference.score(folder, file, text, label)
    screen.findings(findings)
    screen.evaluation(evaluation)
    summary = twins.scores(evaluation.scores)
    screen.end(f"afina predict {shlex.quote(str(folder))} FILE", summary if as_json else None)


def checklist(
    suite: Annotated[str, typer.Argument(help="medicine, law, or a suite of your own (.yaml)", show_default=False)],
    model: Annotated[Path, typer.Option(help="the folder of a finished run", show_default=False)],
    against: Annotated[Path | None, typer.Option(help="another run: what changed", show_default=False)] = None,
    labels: Annotated[Path | None, typer.Option(help="YAML: SUITE_LABEL: the run's", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Put a behavioural SUITE to a finished run; exit code 3 where it fails more than it may."""
    from afina import inference, screen, twins
    from afina.checklist import gate

    found, flips = inference.behave(suite, model, against, labels)
    screen.checklist(found, flips)
    following = f"afina checklist {shlex.quote(suite)} --model NEW_RUN --against {shlex.quote(str(model))}"
    screen.end(following, twins.checklist(found, flips) if as_json else None)
    gate(found)


def compare(
    runs: Annotated[list[Path], typer.Argument(help="folders of two or more finished runs", show_default=False)],
    html: Annotated[Path | None, typer.Option(help="also a page with a figure a dimension", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """Finished runs side by side in every dimension: score, robustness, forgetting, size, latency, cost."""
    from afina import comparison, screen

    found = comparison.compare(runs)
    screen.table(("dimension", "from", "read", *found.runs), [comparison.cells(one) for one in found.dimensions])
    for note in found.notes:
        screen.say(note)
    if html is not None:
        comparison.write(found, html)
        screen.say(f"{html} written")
    named = shlex.join(map(str, runs))
    following = f"afina track {shlex.quote(str(runs[0]))} mlflow" if html else f"afina compare {named} --html FILE"
    screen.end(following, comparison.twin(found) if as_json else None)


def track(
    folder: Finished,
    trackers: Annotated[
        list[str] | None, typer.Argument(help="names on that shelf; none: only say what is sent", show_default=False)
    ] = None,
    as_json: Json = False,
) -> None:
    """Send a finished run to TRACKERS, or send it again; without any, say what would be sent."""
    from afina import finished, screen, tracking

    names = trackers or []
    tracking.check(names)
    if not names:
        told = tracking.told(finished.of_run(folder))
        screen.pairs(
            {name: str(value) for part in ("params", "metrics", "hashes") for name, value in told[part].items()}
        )
        screen.end(f"afina track {shlex.quote(str(folder))} mlflow", told if as_json else None)
        return
    sent = tracking.send(folder, names)
    for one in sent:
        screen.say(f"{one.tracker}: {one.said}")
    summary = {one.tracker: {"sent": one.done, "said": one.said} for one in sent}
    screen.end(f"afina compare {shlex.quote(str(folder))} RUN", summary if as_json else None)
    tracking.gate(sent)


def probe(folder: Finished, overrides: Overrides = None, as_json: Json = False) -> None:
    """Look at a finished run in all its dimensions, or in those that probes=... names."""
    from afina import screen, subjects
    from afina.records import to_json
    from afina.stages import probe as stage

    seed, options = subjects.probe_options(folder, overrides or ())
    stage.check(options)
    with screen.progress() as tell:
        found = stage.probe(subjects.of_run(folder, options, seed), options, tell)
    screen.probes(found, examples=3)
    if overrides:
        screen.say(f"nothing of this is kept: put {' '.join(overrides)} into the run, and it stands in the report")
    following = shlex.join(["afina", "run", str(folder / "run.yaml"), *(overrides or ())])
    screen.end(following, json.loads(to_json(found)) if as_json else None)


def paraphrase(
    folder: Finished,
    overrides: Overrides = None,
    out: Annotated[Path, typer.Option(help="the file to write")] = Path("paraphrases.jsonl"),
    texts: Annotated[int, typer.Option(min=1, help="of test, at most")] = 100,
    each: Annotated[int, typer.Option(min=1, help="paraphrases of a text, at most")] = 2,
    as_json: Json = False,
) -> None:
    """Have a language model say test texts in other words: augment_endpoint=http://... augment_model=NAME."""
    from afina import paraphrasing, screen

    with screen.progress() as tell:
        made = paraphrasing.write(folder, out, overrides or (), (texts, each), tell)
    screen.say(f"{made.paraphrases:,} paraphrases of {made.said:,} of {made.texts:,} texts are in {out}")
    for reason, count in made.rejected.items():
        screen.say(f"{count:,} answers left out: {reason}")
    screen.say(made.spent.stopped or "read them first: one that means something else counts against the model")
    counts = {"texts": made.texts, "said": made.said, "paraphrases": made.paraphrases, "rejected": dict(made.rejected)}
    spent = {"requests": made.spent.requests, "tokens": made.spent.tokens, "cached": made.spent.cached}
    named = ["probes=robustness", f"robustness_paraphrases={out}"]
    following = shlex.join(["afina", "probe", str(folder), *named])
    screen.end(following, {"out": str(out), **counts, **spent} if as_json else None)


def combine(
    runs: Annotated[
        list[Path], typer.Argument(help="finished runs with technique=lora on one base", show_default=False)
    ],
    model: Model = None,
    out: Annotated[Path, typer.Option(help="the folder to write")] = Path("runs/combined"),
    as_json: Json = False,
) -> None:
    """Put the LoRA adapters of several runs on one base: each by its task, and the best merge of all."""
    from dataclasses import asdict

    from afina import combining, screen

    with screen.progress() as tell:
        made = combining.combine_runs(runs, out, model, tell)
    screen.combination(made)
    screen.say(
        f"{out} written; combining.load opens it, and a new task is trained on top of its merge, which stays frozen"
    )
    following = f"afina run NEW_FILE --model {shlex.quote(str(out))} technique=lora"
    screen.end(following, asdict(made) if as_json else None)


def doctor(as_json: Json = False) -> None:
    """Versions, processor, memory, disk, and what is missing with the command that installs it."""
    from afina import machine, screen

    facts = machine.describe()
    screen.machine(facts)
    screen.end("afina demo", facts if as_json else None)


def list_(
    shelf: Annotated[str | None, typer.Argument(help="techniques, cleaners, ...", show_default=False)] = None,
    as_json: Json = False,
) -> None:
    """What stands on a SHELF; without one, the shelves."""
    from afina import screen
    from afina import shelf as shelves

    if shelf is None:
        entries = {name: ", ".join(shelves.names(name)) for name in shelves.shelves()}
    else:
        entries = {name: shelves.summary(shelf, name) for name in shelves.names(shelf)}
    screen.pairs(entries)
    screen.end("afina list techniques" if shelf is None else "afina run FILE", entries if as_json else None)


def init(
    out: Annotated[Path, typer.Option(help="the file to write")] = Path("run.yaml"), as_json: Json = False
) -> None:
    """Write a run file with every key, its default and its meaning."""
    from afina import config, screen, store

    if out.exists():
        raise ConfigError(f"{out} is there already", "choose another name with --out")
    store.write_text(out, config.template())
    screen.say(f"{out} written")
    screen.end(f"afina run {shlex.quote(str(out))}", {"out": str(out)} if as_json else None)


def version() -> None:
    """The version of this program."""
    from afina import __version__, screen

    screen.say(__version__)


ALL: dict[str, Callable[..., None]] = {
    "predict": predict, "evaluate": evaluate, "checklist": checklist, "probe": probe, "paraphrase": paraphrase,
    "compare": compare, "track": track, "combine": combine, "doctor": doctor, "list": list_, "init": init,
    "version": version,
}  # in the order of the help  # fmt: skip
