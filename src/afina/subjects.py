"""A finished run as the probes see it: its answers, the files they come from, and its body before and after."""

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from afina import alone, config, opening, shelf, store, yamlfile
from afina.config import ProbeOptions
from afina.errors import ConfigError
from afina.predictors import onnx
from afina.records import Body, Compressed, Corpus, Layers, Masked, Predict, Profile, Row, Subject, Text, Trained, Use
from afina.stages.compress import WHOLE, bytes_of

TORCH = "torch"


def probe_options(folder: Path, overrides: Sequence[str]) -> tuple[int, ProbeOptions]:
    """The seed and the options of probes that a run was made with, with overrides on top.

    Raises RecordError where there is no run, ConfigError for keys of other sections and where no probe is left.
    """
    store.read_record(folder, "compress", Compressed)
    known = yamlfile.read(folder / "run.yaml")
    run = config.build({name: known[name] for name in ("seed", "probe") if name in known}, overrides)
    if others := sorted(run.model_fields_set - {"seed", "probe"}):
        raise ConfigError(f"nothing in {', '.join(others)} changes a finished run", "name options of probes alone")
    if run.probe.probes == () and not run.probe.suite:
        raise ConfigError("no probe is asked for", f"name some: probes={','.join(shelf.names('probes'))}")
    return run.seed, run.probe


def of_run(folder: Path, options: ProbeOptions, seed: int = 0) -> Subject:
    """What a run made, from its folder; rows are those of test, of dev or train where there is none.

    Answers are those of the file that is served. Other files and torch are opened when a probe asks for them. Raises
    RecordError where the run is not finished or its files were altered.
    """
    compressed = store.read_record(folder, "compress", Compressed)
    corpus = store.read_record(folder, "corpus", Corpus)
    files = {"none": folder / "onnx" / WHOLE, compressed.rung: folder / compressed.file}
    task = onnx.task(files["none"].parent)
    predict = onnx.load(files[compressed.rung].parent, files[compressed.rung].name)
    asked, objective = rows(corpus, options, seed), shelf.load("objectives", task.kind)
    opened: dict[str, Callable[[], Predict]] = {
        name: functools.partial(onnx.load, path.parent, path.name) for name, path in files.items() if path.is_file()
    }
    opens = copies(folder)
    places = {name: (path.parent, path.name) for name, path in files.items()} | {TORCH: (folder,)}
    return Subject(
        predict=predict,
        rows=asked,
        answers=predict([row.input for row in asked]),
        task=task,
        compare=lambda own, before, after: objective.compare(own, before, after, task, seed),
        seed=seed,
        language=store.read_record(folder, "profile", Profile).language,
        train=corpus.train,
        dev=corpus.dev,
        perturbations={name: shelf.load("perturbations", name) for name in shelf.names("perturbations")},
        variant=compressed.rung,
        opened={**opened, TORCH: functools.partial(opening.torch, folder)},
        files={name: bytes_of(path) for name, path in files.items() if path.is_file()},
        bodies=functools.partial(_bodies, opens),
        masked=functools.partial(_masked, folder),
        copies=opens,
        alone=functools.partial(_alone, places),
        judge=opening.judge,
    )


def rows(corpus: Corpus, options: ProbeOptions, seed: int) -> tuple[Row, ...]:
    """The rows that probes ask: of test, or of dev or train where there is none, drawn with the seed."""
    known = corpus.test or corpus.choosing
    places = np.random.default_rng(seed).permutation(len(known))[: options.probe_rows]
    return tuple(known[place] for place in sorted(places))


def _alone(places: Mapping[str, Sequence[str | Path]], name: str, texts: Sequence[Text]) -> Use:
    return alone.measure(places[name], texts)


def copies(folder: Path) -> tuple[Callable[[], Body], Callable[[], Body]]:
    """What opens the base's body as it was pretrained, and as it is now, adapters switched on."""
    trained = store.read_record(folder, "train", Trained)
    return functools.partial(_before, folder), functools.partial(_after, folder, trained)


def _before(folder: Path) -> Body:
    from afina import heads

    base = _base(folder)
    return Body(heads.build(base.folder, "mean", ("",)).base_model, base.tokenizer, base.record.max_tokens)


def _after(folder: Path, trained: Trained) -> Body:
    from afina import heads

    own = opening.tokenizer(folder / trained.folder)
    return Body(heads.load(folder / trained.folder).base_model, own, _base(folder).record.max_tokens)


def _base(folder: Path) -> Any:
    from afina import bases

    known = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8"))
    return bases.open_base(known["model"]["model_name_or_path"])


def _bodies(opens: tuple[Callable[[], Body], Callable[[], Body]]) -> tuple[Layers, Layers]:
    before, after = opens
    return _layers(before()), _layers(after())


def _masked(folder: Path) -> Masked | None:
    """The base's own head for masked words on the body it came with, and on the tuned one; the base's tokens for both.

    Where the base has none and was adapted, the head that this left, on the adapted body. None where there is no head.
    """
    from afina import bases, heads, maskedlm
    from afina.stages import adapt

    whose, base = "the base", _base(folder)
    before = maskedlm.of_base(base)
    if before is None and (folder / adapt.FOLDER).is_dir():
        whose, base = "the adapted base", bases.open_base(str(folder / adapt.FOLDER))
        before = maskedlm.of_base(base)
    if before is None:
        return None
    trained = store.read_record(folder, "train", Trained)
    after = maskedlm.on_body(before, heads.load(folder / trained.folder).base_model)
    most = base.record.max_tokens
    asked = (maskedlm.surprise(model, base.tokenizer, most) for model in (before, after))
    return Masked(whose, *asked)


def _layers(body: Body) -> Layers:
    from afina import features

    def read(texts: Sequence[str]) -> np.ndarray:
        encoded = features.encode(body.tokenizer, texts, body.max_tokens)
        means = lambda batch: features.all_layers(body.model, batch)[:, :, 0]  # noqa: E731
        return features.collect(body.model, body.tokenizer, encoded, means)

    return read
