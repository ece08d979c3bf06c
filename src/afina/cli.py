"""The command line: read, call one function, print. One command a stage, plus run, doctor, list, init and demo."""

import json
import shlex
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from afina import commands
from afina.arguments import Dev, Input, Json, LabelColumn, Model, Out, Overrides, Test, TextColumn
from afina.errors import AfinaError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    help="Turns a pretrained Transformer into a specialist of your domain, and says why.",
    epilog="First steps: 'afina demo', then 'afina run your.csv'.",
)

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


for _name, _command in commands.ALL.items():
    app.command(_name)(_command)


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
    from afina import advice, pipeline, screen, twins

    options = _options(given)
    with screen.progress() as tell:
        outcome = pipeline.run(options, tell, stage)
    screen.outcome(outcome, "explain" if given.get("explain") else stage)
    following = {"profile": "plan", "plan": "run"}.get(stage)
    after = _words(following, given) if following else f"afina predict {shlex.quote(str(outcome.folder))} FILE"
    if stage == "plan" and outcome.plan and advice.at_chance(outcome.plan.facts, outcome.plan.layers):
        after = f"look at some rows and their labels, then {after}"
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
