"""MLflow: a run with its settings, scores, curves, hashes and files, and a nested run for each stage.

Goes to MLFLOW_TRACKING_URI, or to the SQLite file mlflow.db beside the run folder; to the experiment 'afina', or
MLFLOW_EXPERIMENT_NAME. A run that is known, by the tag `afina.id`, is updated: curves and scores stay what they are,
parameters that are new are added, files are replaced. MLflow's telemetry is off.

Metrics are those of the records by the same names; the nested run of a stage has its own. sha256 of the data files and
of the base are tags. A parameter of more than 500 characters is cut, and says so.
Unit: those of the records. Cost: some 10 s for the first run in a new SQLite file, 1 s for each further one.

What it does not do: register or serve models, follow a run that is not over, or send texts of rows.

Source: MLflow 3.17, "Tracking"; several processes that make one SQLite store at once break it for good (measured: 6 of
6), so that one process at a time uses a file, by a lock of the kernel's beside it.
"""

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import accumulate
from pathlib import Path
from typing import Any

from afina import envvars
from afina.records import Finished

NEEDS = ("mlflow", "sqlalchemy", "alembic")
LONGEST = 500  # characters of a parameter; MLflow refuses more than 6,000, and its pages show fewer
MANY = 100  # entries of a request: MLflow takes 100 parameters and 1,000 metrics
QUIET = {"MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true", "MLFLOW_LOGGING_LEVEL": "ERROR"}
PARENT, SQLITE = "mlflow.parentRunId", "sqlite:///"
Curves = Mapping[str, tuple[tuple[int, float], ...]]


def send(finished: Finished) -> str:
    """Create or update the run and its nested runs."""
    with envvars.given(QUIET):
        from mlflow import MlflowClient  # telemetry starts with the import, unless it is off by then

        own = finished.folder.absolute().parent
        uri = os.environ.get("MLFLOW_TRACKING_URI") or f"{SQLITE}{own / 'mlflow.db'}"
        name = os.environ.get("MLFLOW_EXPERIMENT_NAME") or "afina"
        with _alone(uri):
            client = MlflowClient(tracking_uri=uri)
            _put(client, _experiment(client, name, uri), finished)
    where = f"'mlflow ui --backend-store-uri {uri}', of the package mlflow, shows it"
    where = where if uri.startswith(SQLITE) else "it is where MLFLOW_TRACKING_URI says"
    return f"run {finished.name} of the experiment {name}: {where}"


def cut(value: str) -> str:
    """A parameter that MLflow takes.

    >>> cut("lora"), cut("x" * 501)[-32:], len(cut("x" * 501))
    ('lora', 'xxxxxxxxxx... (501 characters)', 500)
    """
    if len(value) <= LONGEST:
        return value
    mark = f"... ({len(value):,} characters)"
    return value[: LONGEST - len(mark)] + mark


@contextmanager
def _alone(uri: str) -> Iterator[None]:
    """An SQLite store for this process alone, waiting for others; a server sees to that itself."""
    if not uri.startswith(SQLITE):
        yield
        return
    import fcntl

    path = Path(uri.removeprefix(SQLITE).partition("?")[0] + ".lock")
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # let go when the file is closed, by a dead process too
        yield


def _experiment(client: Any, name: str, uri: str) -> str:
    """Its id. In an own SQLite store its files stand beside it: MLflow's default is the place one happens to be in."""
    known = client.get_experiment_by_name(name)
    if known is not None:
        return str(known.experiment_id)
    if not uri.startswith(SQLITE):
        return str(client.create_experiment(name))
    beside = Path(uri.removeprefix(SQLITE).partition("?")[0]).absolute().parent / "mlartifacts"
    return str(client.create_experiment(name, artifact_location=beside.as_uri()))


def _put(client: Any, experiment: str, finished: Finished) -> None:
    """The run itself, then its stages."""
    hashes = {f"sha256.{name}": digest for name, digest in finished.hashes.items()}
    total = sum(finished.seconds.values())
    run = _run(client, experiment, finished.name, {"afina.id": finished.id}, int((time.time() - total) * 1000))
    began = run.info.start_time  # of the first time that it was sent: the same numbers are the same entries
    _log(client, run, began, finished.metrics, finished.curves)
    _settle(client, run, finished.params, {**hashes, "afina.data": finished.data, "afina.scored": finished.scored})
    for name, text in finished.files.items():
        client.log_text(run.info.run_id, text, name)
    client.set_terminated(run.info.run_id, "FINISHED", began + int(total * 1000))
    ends = accumulate(finished.seconds.values())
    for (stage, seconds), end in zip(finished.seconds.items(), ends, strict=True):
        tags = {PARENT: run.info.run_id, "afina.stage": stage}
        child = _run(client, experiment, stage, tags, began + int((end - seconds) * 1000))
        own = {name: value for name, value in finished.metrics.items() if name.startswith(f"{stage}/")}
        curves = {name: line for name, line in finished.curves.items() if name.startswith(f"{stage}/")}
        _log(client, child, began, {"seconds": seconds, **own}, curves)
        client.set_terminated(child.info.run_id, "FINISHED", began + int(end * 1000))


def _run(client: Any, experiment: str, name: str, tags: Mapping[str, str], began: int) -> Any:
    """The run that has these tags; made where there is none."""
    wanted = " and ".join(f"tags.`{tag}` = '{value}'" for tag, value in tags.items())
    known = client.search_runs([experiment], wanted, max_results=1)
    return known[0] if known else client.create_run(experiment, began, dict(tags), name)


def _log(client: Any, run: Any, when: int, metrics: Mapping[str, float], curves: Curves) -> None:
    """Numbers; those that are there already, with the same time and step, are not doubled."""
    from mlflow.entities import Metric

    entries = [Metric(name, value, when, 0) for name, value in metrics.items()]
    entries += [Metric(name, value, when, step) for name, line in curves.items() for step, value in line]
    for place in range(0, len(entries), MANY):
        client.log_batch(run.info.run_id, metrics=entries[place : place + MANY])


def _settle(client: Any, run: Any, params: Mapping[str, str], tags: Mapping[str, str]) -> None:
    """Parameters, which MLflow never changes, and tags."""
    from mlflow.entities import Param, RunTag

    new = [Param(name, cut(value)) for name, value in params.items() if name not in run.data.params]
    for place in range(0, len(new), MANY):
        client.log_batch(run.info.run_id, params=new[place : place + MANY])
    client.log_batch(run.info.run_id, tags=[RunTag(name, value) for name, value in tags.items()])
