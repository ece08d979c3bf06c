"""MLflow's own client reads back what was sent, from a store that several processes made at once."""

import importlib.util
import multiprocessing
import os
from pathlib import Path

import pytest
import stories

from afina import finished
from afina.trackers import mlflow as tracker

absent = [name for name in tracker.NEEDS if importlib.util.find_spec(name) is None]
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(bool(absent), reason=f"not installed: {', '.join(absent)}"),
    pytest.mark.filterwarnings("ignore"),
]


@pytest.fixture(scope="module")
def client(run):
    """Of the store beside the runs, after the same run was sent twice."""
    before = dict(os.environ)
    assert not {"MLFLOW_TRACKING_URI", "MLFLOW_EXPERIMENT_NAME"} & before.keys()
    for _ in range(2):
        said = tracker.send(run)
        assert dict(os.environ) == before
    assert "experiment afina" in said
    from mlflow.telemetry import get_telemetry_client

    assert get_telemetry_client() is None
    return opened(run)


def opened(run):
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=f"sqlite:///{run.folder.parent / 'mlflow.db'}")


def runs(client, query=""):
    experiment = client.get_experiment_by_name("afina")
    return client.search_runs([experiment.experiment_id], query, max_results=1000)


def test_a_run_sent_twice_is_there_once_with_every_number(client, run):
    (one,) = runs(client, f"tags.`afina.id` = '{run.id}'")
    assert one.data.metrics.keys() == run.metrics.keys() | run.curves.keys()
    assert {name: one.data.metrics[name] for name in run.metrics} == run.metrics
    assert one.data.params == run.params
    assert one.data.tags["sha256.train.csv"] == "ab" * 32
    assert one.data.tags["sha256.base"] == "cd" * 32
    assert (one.info.run_name, one.info.status) == ("bank", "FINISHED")
    history = client.get_metric_history(one.info.run_id, "train/loss")
    assert [(point.step, point.value) for point in history] == list(run.curves["train/loss"])


def test_each_stage_is_a_nested_run_with_its_seconds_and_its_numbers(client, run):
    (parent,) = runs(client, f"tags.`afina.id` = '{run.id}'")
    nested = runs(client, f"tags.`mlflow.parentRunId` = '{parent.info.run_id}'")
    assert sorted(one.info.run_name for one in nested) == sorted(run.seconds)
    by_name = {one.info.run_name: one for one in nested}
    assert by_name["evaluate"].data.metrics["evaluate/accuracy"] == 0.938
    assert by_name["probe"].data.metrics["probe/robustness/noise/typos 0.2"] == 7.5
    assert by_name["corpus"].data.metrics == {"seconds": 2.0}
    assert by_name["train"].info.start_time >= parent.info.start_time
    assert all(one.info.end_time <= parent.info.end_time for one in nested)


def test_the_report_and_the_plan_are_beside_the_store_and_no_text_of_a_row_is_in_either(client, run):
    (one,) = runs(client, f"tags.`afina.id` = '{run.id}'")
    files = Path(one.info.artifact_uri.removeprefix("file://"))
    assert {path.name for path in files.iterdir()} == set(run.files)
    assert (files / "report.html").read_text(encoding="utf-8") == run.files["report.html"]
    beside = run.folder.parent
    for path in (beside / "mlflow.db", *files.iterdir()):
        assert stories.ROW_TEXT.encode() not in path.read_bytes(), path
        assert b"/home/me" not in path.read_bytes(), path


def test_a_parameter_that_is_too_long_is_cut_and_an_older_one_stays(client, run):
    from dataclasses import replace

    longer = replace(run, params={**run.params, "special_tokens": "X," * 5000, "technique": "another"})
    tracker.send(longer)
    (one,) = runs(client, f"tags.`afina.id` = '{run.id}'")
    assert one.data.params["technique"] == "freeze"
    other = replace(longer, id="other")
    tracker.send(other)
    (one,) = runs(client, "tags.`afina.id` = 'other'")
    assert one.data.params["special_tokens"].endswith("... (10,000 characters)")


def _send(run, said):
    try:
        said.put(tracker.send(run))
    except BaseException as error:
        said.put(repr(error))


def test_processes_that_make_the_store_at_once_lose_nothing(tmp_path):
    sent = [finished.of_run(stories.on_disk(tmp_path / name)) for name in ("a", "b")]
    sent = [_renamed(run, place) for place, run in enumerate(sent)]
    context = multiprocessing.get_context("spawn")
    said = context.Queue()
    processes = [context.Process(target=_send, args=(run, said)) for run in sent]
    for process in processes:
        process.start()
    answers = [said.get(timeout=240) for _ in processes]
    for process in processes:
        process.join()
    assert all(answer.startswith("run ") for answer in answers), answers
    client = opened(sent[0])
    for run in sent:
        (one,) = runs(client, f"tags.`afina.id` = '{run.id}'")
        assert len(runs(client, f"tags.`mlflow.parentRunId` = '{one.info.run_id}'")) == len(run.seconds)


def _renamed(run, place):
    from dataclasses import replace

    return replace(run, id=f"run {place}")
