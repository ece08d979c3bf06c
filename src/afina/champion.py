"""A run beside what it came from and what it is to beat: the pretrained base, and the run that is named as champion.

    champion    another finished run, in every dimension that both were measured in (`aligning`)
    base        what is known of it without asking it again: the score of a head alone on the frozen base, on the same
                rows; that it forgot nothing, by definition; the size of the model's file before it was made smaller,
                which has the base's shape

Where both runs answer with the same labels and their scores are of the same rows, the two served files are asked about
all of these rows, and the gain is in points of the main score with a paired interval (`metrics.lost`): a row that both
have right says nothing. Cost: the rows of test, twice.

What it does not do: ask the base of a task for its robustness, cost or calibration; pair what other dimensions found,
whose texts are not kept.
"""

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from afina import aligning, finished, metrics, shelf, store
from afina.errors import ConfigError, RecordError
from afina.keeper import Keeper
from afina.predictors import onnx
from afina.records import Change, Compared, Comparison, Compressed, Corpus, Finished, Predict, Score, Task

ELSEWHERE = ("task", "latency", "train")  # told on other places of the page, and never judged beside these
FORGOT_NOTHING = {"similarity_to_base": 1.0, "glue_change": 0.0}
OTHER = "only the sizes of the two compare"


def read(champion: Path, folder: Path) -> Finished:
    """The champion of the run in `folder`. Raises ConfigError where it is none."""
    if champion.resolve() == folder.resolve():
        raise ConfigError(f"champion={champion} is this run itself", "name the folder of another finished run")
    try:
        return finished.of_run(champion)
    except RecordError as error:
        fix = "name the folder of a finished run, or champion=null for none"
        raise ConfigError(f"champion={champion}: {error.found}", fix) from None


def held(keep: Keeper, champion: Finished | None, rows: int, seed: int) -> tuple[Comparison, Score | None]:
    """The run beside champion and base, and the points that it wins on the `rows` that both answered, if they did.

    What was asked is kept, so that a report is drawn again without asking; another champion is asked anew.
    """
    run, won, notes = finished.of_records(keep.folder), None, []
    if champion is not None and pairable(run, champion):
        place = champion.folder
        try:
            found = keep("compare", Change, (run.id, champion.id), lambda: change(keep.folder, place, seed))
            won = metrics.gained(found, run.params["task"], rows)
        except RecordError as error:
            notes.append(f"Rows were not compared one by one: {error.found}.")
    else:
        store.forget(keep.folder, "compare", ())
    return beside(run, champion, won, notes), won


def strange(kind: str, labels: Sequence[str], champion: Finished) -> str:
    """What keeps a run of that task and these labels from being the champion's; '' where nothing does."""
    other = champion.params["task"]
    if kind != other:
        return f"The champion was made for the task {other}, this model for {kind}: {OTHER}."
    if set(labels) == set(champion.labels):
        return ""
    gone, new = sorted(set(champion.labels) - set(labels)), sorted(set(labels) - set(champion.labels))
    parts = [f"{said} {_listed(labels)}" for said, labels in (("it knows", gone), ("it lacks", new)) if labels]
    return f"The champion answers with other labels ({'; '.join(parts)}): {OTHER}."


def pairable(run: Finished, champion: Finished) -> bool:
    """Whether both answer the same rows with the same labels."""
    return run.scored == champion.scored and not strange(run.params["task"], run.labels, champion)


def change(folder: Path, champion: Path, seed: int) -> Change:
    """What becomes of the champion's answers where this run's model takes its place, on every row of test.

    Raises RecordError where a file is missing or altered, or where labels are given from different probabilities.
    """
    corpus = store.read_record(folder, "corpus", Corpus)
    rows = corpus.test or corpus.choosing
    (task, own), (others, before) = _served(folder), _served(champion)
    if (task.labels, task.thresholds) != (others.labels, others.thresholds):
        raise RecordError("the two give their labels from different probabilities", "compare their intervals")
    texts = [row.input for row in rows]
    return shelf.load("objectives", task.kind).compare(rows, before(texts), own(texts), task, seed)


def beside(run: Finished, champion: Finished | None, won: Score | None = None, notes: Sequence[str] = ()) -> Comparison:
    """The run, its champion if there is one, and the base, in the dimensions that the report tells."""
    runs = [run] if champion is None else [run, champion]
    found = [one for one in aligning.aligned(runs, won) if one.probe not in ELSEWHERE]
    lines = [replace(one, base=_base(run, one), scores=tuple(map(_real, one.scores))) for one in found]
    if champion is None:
        return Comparison((run.name,), tuple(replace(one, unjudged="") for one in lines), tuple(notes))
    own = [one for one in lines if one.probe not in (aligning.SERVED, *aligning.OF_THE_FILE)]
    said = []
    if other := strange(run.params["task"], run.labels, champion):
        said.append(other)
        lines = [_without(one) for one in lines if one.probe in aligning.OF_THE_FILE or one.scores[0]]
    elif any(one.scores[0] for one in own) and not any(one.scores[1] for one in own):
        said.append("The champion was never probed: run it again with probes, and they stand here too.")
    if won is not None:
        said.append("For the score the same rows were asked of both; what counts is where one is right and one wrong.")
    named = aligning.names([one.folder.resolve() for one in runs])
    return Comparison(named, tuple(lines), (*said, *notes))


def _without(one: Compared) -> Compared:
    """The line without the champion's number, which is of another task; files are of a size whatever they do."""
    if one.probe in aligning.OF_THE_FILE:
        return one
    return replace(one, scores=(one.scores[0], None), best=None, unjudged="another task or other labels")


def _base(run: Finished, one: Compared) -> Score | None:
    """What is known of the base in a dimension."""
    if one.probe == aligning.SERVED:
        name = one.name.removeprefix("served_")
        known = [run.metrics.get(finished.key("evaluate", "probe", f"{name}{end}")) for end in ("", "_low", "_high")]
        return None if None in known else Score(one.name, *(float(end) for end in known if end is not None))
    value = run.metrics.get("compress/none/bytes") if one.probe == "size" else None
    if one.probe == "forgetting":
        value = FORGOT_NOTHING.get(one.name)
    return None if value is None else Score(one.name, value, value, value)


def _real(one: Score | None) -> Score | None:
    return one if one is not None and all(map(math.isfinite, (one.value, one.low, one.high))) else None


def _served(folder: Path) -> tuple[Task, Predict]:
    file = folder / store.read_record(folder, "compress", Compressed).file
    return onnx.task(file.parent), onnx.load(file.parent, file.name)


def _listed(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - 3:,} more" if len(labels) > 3 else ""
    return ", ".join(repr(label) for label in labels[:3]) + more
