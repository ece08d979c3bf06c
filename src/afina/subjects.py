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
from afina.records import Compressed, Corpus, Layers, Predict, Profile, Row, Subject, Text, Trained, Use
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
    trained = store.read_record(folder, "train", Trained)
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
        bodies=functools.partial(_bodies, folder, trained),
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


def _bodies(folder: Path, trained: Trained) -> tuple[Layers, Layers]:
    """The base's body as it was pretrained, and as it is now, adapters switched on."""
    from afina import bases, heads

    known = yaml.safe_load((folder / "run.yaml").read_text(encoding="utf-8"))
    base = bases.open_base(known["model"]["model_name_or_path"])
    before, after = heads.build(base.folder, "mean", ("",)), heads.load(folder / trained.folder)
    most = base.record.max_tokens
    own = opening.tokenizer(folder / trained.folder)
    return _layers(before.base_model, base.tokenizer, most), _layers(after.base_model, own, most)


def _layers(body: Any, tokenizer: Any, most: int) -> Layers:
    from afina import features

    def read(texts: Sequence[str]) -> np.ndarray:
        encoded = features.encode(tokenizer, texts, most)
        return features.collect(body, tokenizer, encoded, lambda batch: features.all_layers(body, batch)[:, :, 0])

    return read
