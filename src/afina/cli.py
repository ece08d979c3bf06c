"""The command line: read, call one function, print. One command a stage, plus run, doctor, list, init and demo."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from afina.errors import AfinaError, ConfigError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turns a pretrained Transformer into a specialist of your domain, and says why.",
    epilog="First steps: 'afina demo', then 'afina run your.csv'.",
)

Data = Annotated[Path, typer.Argument(help="CSV, TSV, JSONL, Parquet or CoNLL, also gzipped", show_default=False)]
Input = Annotated[Path, typer.Argument(help="a data file, or a run file (.yaml)", show_default=False)]
Finished = Annotated[Path, typer.Argument(help="the folder of a finished run", show_default=False)]
Overrides = Annotated[list[str] | None, typer.Argument(help="key=value, as many as you like", show_default=False)]
Test = Annotated[Path | None, typer.Option(help="rows for the final scores", show_default=False)]
Dev = Annotated[Path | None, typer.Option(help="rows for choices", show_default=False)]
Model = Annotated[str | None, typer.Option(help="a hub id, a folder, or 'bundled'", show_default=False)]
TextColumn = Annotated[str | None, typer.Option("--text", help="column of the texts", show_default=False)]
LabelColumn = Annotated[str | None, typer.Option("--label", help="column of the labels", show_default=False)]
Out = Annotated[Path | None, typer.Option(help="the run folder", show_default=False)]
Json = Annotated[bool, typer.Option("--json", help="end with one JSON document on the last line")]
KEYS = {  # options that are keys of the run file
    "test": "test_file", "dev": "dev_file", "model": "model_name_or_path", "text": "text_column",
    "label": "label_column", "out": "output_dir",
}  # fmt: skip


@app.command()
def check(
    file: Input,
    overrides: Overrides = None,
    test: Test = None,
    dev: Dev = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    as_json: Json = False,
) -> None:
    """Read FILE, list its faults and the splits it would give; needs seconds and no model."""
    from afina import screen, twins
    from afina.stages.corpus import read

    given = {"file": file, "overrides": overrides, "test": test, "dev": dev, "text": text, "label": label}
    options = _options(given)
    corpus = read(options.corpus, options.seed)
    screen.corpus(corpus)
    screen.end(_words("run", given), twins.corpus(corpus) if as_json else None)


def _stage_command(name: str, stage: str, text: str) -> None:
    """One command that goes through the pipeline up to a stage; all of them take the same options."""

    def command(
        file: Input,
        overrides: Overrides = None,
        test: Test = None,
        dev: Dev = None,
        model: Model = None,
        text: TextColumn = None,
        label: LabelColumn = None,
        out: Out = None,
        as_json: Json = False,
    ) -> None:
        _until(stage, locals())

    command.__doc__ = text
    app.command(name)(command)


_stage_command("profile", "profile", "Measure FILE: sizes, words, tokens, and how far it is from general language.")
_stage_command("run", "report", "From FILE to an evaluated, quantized and reported model; run again, it goes on.")


@app.command()
def plan(
    file: Input,
    overrides: Overrides = None,
    test: Test = None,
    dev: Dev = None,
    model: Model = None,
    text: TextColumn = None,
    label: LabelColumn = None,
    out: Out = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="in sentences, with what was measured and refused")
    ] = False,
    as_json: Json = False,
) -> None:
    """Say what would be trained on FILE and how, with reasons, and train nothing."""
    _until("plan", locals())


@app.command()
def demo(out: Out = Path("runs/demo"), as_json: Json = False) -> None:
    """The main job on the embedded data set with the bundled base, offline."""
    folder = Path(__file__).parent / "data" / "reception"
    _until("report", {"file": folder / "train.csv", "test": folder / "test.csv", "out": out, "as_json": as_json})


@app.command()
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


@app.command()
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


@app.command()
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


@app.command()
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
    base = out / combining.BASE
    screen.combination(made)
    screen.say(f"{out} written; combining.load opens it, and new tasks are trained on top of the merge in {base}")
    following = f"afina run NEW_FILE --model {shlex.quote(str(base))} technique=lora"
    screen.end(following, asdict(made) if as_json else None)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, processor, memory, disk, and what is missing with the command that installs it."""
    from afina import machine, screen

    facts = machine.describe()
    screen.machine(facts)
    screen.end("afina demo", facts if as_json else None)


@app.command("list")
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


@app.command()
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


@app.command()
def version() -> None:
    """The version of this program."""
    from afina import __version__, screen

    screen.say(__version__)


def main() -> None:
    """Run the command line; the one place where an error becomes a message and an exit code."""
    try:
        app(standalone_mode=False)
    except AfinaError as error:
        sys.stderr.write(f"error: {error}\n")
        raise SystemExit(error.exit_code) from None
    except (KeyboardInterrupt, typer.Abort):
        sys.stderr.write("stopped; what was finished is kept, the same command goes on from there\n")
        raise SystemExit(130) from None
    except BrokenPipeError:
        raise SystemExit(0) from None
    except Exception as error:
        _usage(error)
        raise


def _usage(error: Exception) -> None:
    """A wrong word on the command line is exit code 2 with one line; anything else stays what it is."""
    usage_error = typer.BadParameter.__mro__[2]  # click's own base; typer carries it under a private name
    if isinstance(error, usage_error):
        error.show()  # type: ignore[attr-defined]
        raise SystemExit(error.exit_code) from None  # type: ignore[attr-defined]
    if _out_of_memory(error):
        sys.stderr.write("error: out of memory\n  fix: set per_device_train_batch_size=8 or max_seq_length=64\n")
        raise SystemExit(1) from None


def _out_of_memory(error: Exception) -> bool:
    """Python's own error, an accelerator's, or torch's on the processor, which has no type of its own."""
    accelerators = type(error).__name__ == "OutOfMemoryError"
    return accelerators or isinstance(error, MemoryError) or "DefaultCPUAllocator: can't allocate" in str(error)


def _until(stage: str, given: Mapping[str, Any]) -> None:
    """Run the pipeline up to a stage and show what it came to."""
    from afina import pipeline, screen, twins

    options = _options(given)
    with screen.progress() as tell:
        outcome = pipeline.run(options, tell, stage)
    screen.outcome(outcome, "explain" if given.get("explain") else stage)
    following = {"profile": "plan", "plan": "run"}.get(stage)
    after = _words(following, given) if following else f"afina predict {shlex.quote(str(outcome.folder))} FILE"
    screen.end(after, twins.outcome(outcome, stage) if given.get("as_json") else None)


def _options(given: Mapping[str, Any]) -> Any:
    """A run from a data file or a run file, the named options, and key=value overrides, the last one winning."""
    from afina import config, yamlfile

    file = given["file"]
    content = yamlfile.read(file) if file.suffix in (".yaml", ".yml") else {"train_file": str(file)}
    run = config.build(content, (), file.name)
    named = [f"{KEYS[name]}={json.dumps(str(given[name]))}" for name in KEYS if given.get(name) is not None]
    return config.build(run.model_dump(exclude_unset=True), [*named, *(given.get("overrides") or ())])


def _words(command: str, given: Mapping[str, Any]) -> str:
    """Another command on the same file with the same options, as one types it."""
    named = [word for name in KEYS if given.get(name) is not None for word in (f"--{name}", str(given[name]))]
    return shlex.join(["afina", command, str(given["file"]), *named, *(given.get("overrides") or ())])


if __name__ == "__main__":
    main()
