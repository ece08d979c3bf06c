"""The command line: read, call one function, print. One command a stage, plus run, doctor, list, init and demo."""

import json
import sys
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

Data = Annotated[Path, typer.Argument(help="CSV, TSV, JSONL or Parquet, also gzipped", show_default=False)]
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
    from afina import screen
    from afina.stages.corpus import read

    options = _options(
        file, overrides, {"test_file": test, "dev_file": dev, "text_column": text, "label_column": label}
    )
    corpus = read(options.corpus, options.seed)
    screen.corpus(corpus)
    screen.end(f"afina run {file}", screen.corpus_json(corpus) if as_json else None)


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
_stage_command("plan", "plan", "Say what would be trained on FILE and how, with reasons, and train nothing.")
_stage_command("run", "report", "From FILE to an evaluated, quantized and reported model; run again, it goes on.")


@app.command()
def demo(out: Out = Path("runs/demo"), as_json: Json = False) -> None:
    """The main job on the embedded data set with the bundled base, offline."""
    folder = Path(__file__).parent / "data" / "reception"
    test = folder / "test.csv"
    _until("report", {"file": folder / "train.csv", "test": test, "out": out, "as_json": as_json})


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

    rows, counts, target = inference.label(folder, file, text, out)
    screen.say(f"{rows:,} rows labelled in {target}")
    summary = {"rows": rows, "out": str(target), "labels": counts}
    screen.end(f"afina evaluate {folder} LABELLED_FILE", summary if as_json else None)


@app.command()
def evaluate(
    folder: Finished, file: Data, text: TextColumn = None, label: LabelColumn = None, as_json: Json = False
) -> None:
    """Score a finished run on the labelled rows of FILE, through ONNX Runtime and without torch."""
    from afina import inference, screen

    evaluation = inference.score(folder, file, text, label)
    screen.evaluation(evaluation)
    screen.end(f"afina predict {folder} FILE", screen.scores_json(evaluation.scores) if as_json else None)


@app.command()
def doctor(as_json: Json = False) -> None:
    """Versions, processor, memory, disk, and what is missing with the command that installs it."""
    from afina import machine, screen

    facts = machine.describe()
    screen.machine(facts)
    screen.end("afina demo", facts if as_json else None)


@app.command("list")
def list_(
    shelf: Annotated[
        str | None, typer.Argument(help="techniques, cleaners, distances, ...", show_default=False)
    ] = None,
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
def init(out: Annotated[Path, typer.Option(help="the file to write")] = Path("run.yaml")) -> None:
    """Write a run file with every key, its default and its meaning."""
    from afina import config, screen, store

    if out.exists():
        raise ConfigError(f"{out} is there already", "choose another name with --out")
    store.write_text(out, config.template())
    screen.say(f"{out} written")
    screen.end(f"afina run {out}", None)


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
    if isinstance(error, MemoryError):
        sys.stderr.write("error: out of memory\n  fix: set per_device_train_batch_size=8 or max_seq_length=64\n")
        raise SystemExit(1) from None


def _until(stage: str, given: dict[str, Any]) -> None:
    """Run the pipeline up to a stage and show what it came to."""
    from afina import pipeline, screen

    keys = {"test": "test_file", "dev": "dev_file", "model": "model_name_or_path", "out": "output_dir"}
    keys |= {"text": "text_column", "label": "label_column"}
    named = {key: given.get(name) for name, key in keys.items()}
    options = _options(given["file"], given.get("overrides"), named)
    with screen.progress() as tell:
        outcome = pipeline.run(options, tell, stage)
    screen.outcome(outcome, stage)
    nexts = {"profile": f"afina plan {given['file']}", "plan": f"afina run {given['file']}"}
    after = nexts.get(stage, f"afina predict {outcome.folder} FILE")
    screen.end(after, screen.outcome_json(outcome, stage) if given.get("as_json") else None)


def _options(file: Path, overrides: list[str] | None, named: dict[str, object]) -> Any:
    """A run from a data file or a run file, the named options, and key=value overrides, the last one winning."""
    from afina import config

    content = config.read_yaml(file) if file.suffix in (".yaml", ".yml") else {"train_file": str(file)}
    run = config.build(content, (), file.name)
    given = [f"{key}={json.dumps(str(value))}" for key, value in named.items() if value is not None]
    return config.build(run.model_dump(exclude_unset=True), [*given, *(overrides or [])])


if __name__ == "__main__":
    main()
