"""What every objective on the shelf promises. Modules are found; their own tests, tests/objectives/test_<name>.py, hold
`rows(count, seed)` that can be learned, `write(folder, rows)` that makes a file of them, `perfect(rows, task)`:
logits that are right on every row, and `UNREADABLE`: what to put into a row for a label that cannot be used."""

import importlib.util
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from afina import columns, config, inference, pipeline, shelf, tables, twins
from afina.predictors import onnx
from afina.records import Columns, Corpus, Evaluation, Task, from_json, to_json
from afina.stages.compress import verdict
from afina.stages.evaluate import evaluate

NAMES = shelf.names("objectives")


def own_tests(name):
    path = Path(__file__).parents[1] / "objectives" / f"test_{name}.py"
    assert path.exists(), f"the objective {name} needs {path.name} with rows, write and perfect"
    spec = importlib.util.spec_from_file_location(f"own_tests_of_{name}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Case:
    """An objective with rows of its kind, and what is right for them."""

    def __init__(self, name):
        self.name, self.objective, self.own = name, shelf.load("objectives", name), own_tests(name)
        self.rows = self.own.rows(60, 1)
        train = self.own.rows(120, 0)
        labels = self.objective.outputs(train, "rows")
        self.task = Task(name, labels, self.objective.ACTIVATION, per=self.objective.PER)
        self.corpus = Corpus(
            "made", Columns("text", "label"), labels, train, self.rows, self.rows, "", (), (), kind=name
        )
        self.logits = self.own.perfect(self.rows, self.task)
        self.answers = self.activated(self.logits)

    def activated(self, logits):
        if self.task.per == "text":
            return onnx.ACTIVATIONS[self.task.activation](logits)
        answers = np.empty(len(logits), dtype=object)
        for place, table in enumerate(logits):
            answers[place] = onnx.ACTIVATIONS[self.task.activation](table)
        return answers

    def wanted(self):
        """The targets of the rows; by word as a table, for the made texts have as many words each."""
        found = self.objective.targets(self.rows, self.task.labels)
        return np.stack(found) if found.dtype == object else found

    def flat(self):
        """Logits and targets of what is answered: rows, or words."""
        logits, wanted = np.asarray(self.logits, np.float64), self.wanted()
        return logits.reshape(-1, logits.shape[-1]), wanted.reshape(-1) if logits.ndim == 3 else wanted

    def ruined(self):
        """The answers of each row given to another one."""
        return self.activated(np.roll(self.logits, 1, axis=0))

    def rivals(self):
        return self.objective.rivals(self.corpus, self.rows, self.task, lambda texts: np.ones((len(texts), 2)))

    def main(self, answers, rows=None):
        return self.objective.scores(self.rows if rows is None else rows, answers, self.task, 0)[0].value


@pytest.fixture(scope="module", params=NAMES)
def case(request):
    return Case(request.param)


def test_it_says_its_loss_its_source_and_what_it_does_not_do(case):
    assert "loss" in case.objective.__doc__
    assert "Source:" in case.objective.__doc__
    assert "What it does not do:" in case.objective.__doc__
    assert case.objective.PROBED
    assert case.objective.COUNTED
    assert case.objective.SURE
    assert case.objective.LOSS_UNIT
    assert "-" in case.objective.PIPELINE


def test_it_claims_the_cells_of_its_own_files_and_no_other_does(case, tmp_path):
    table = tables.read(case.own.write(tmp_path, case.own.rows(60)))
    chosen = columns.detect(table, None, None, None)
    cells, lists = columns.values(table, chosen.label), chosen.label in table.lists
    assert [name for name in NAMES if shelf.load("objectives", name).claims(cells, lists)] == [case.name]


def test_rows_survive_the_record(case):
    assert from_json(Corpus, to_json(case.corpus)) == case.corpus


def test_perfect_answers_have_the_highest_main_score_and_no_baseline_reaches_it(case):
    assert case.main(case.answers) == pytest.approx(1.0)
    assert case.main(case.ruined()) < 0.9
    rivals = case.rivals()
    assert len(rivals) >= 2
    for name, (task, answers) in rivals.items():
        assert case.objective.scores(case.rows, answers, task, 0)[0].value <= 1.0 + 1e-9, name


def test_every_score_lies_in_its_interval_and_the_seed_decides_it(case):
    half = case.activated(np.where(np.arange(60).reshape(60, *[1] * (case.logits.ndim - 1)) < 40, case.logits,
                                   np.roll(case.logits, 1, axis=0)))  # fmt: skip
    scores = case.objective.scores(case.rows, half, case.task, 3)
    assert scores == case.objective.scores(case.rows, half, case.task, 3)
    assert len({score.name for score in scores}) == len(scores)
    assert all(score.low <= score.value <= score.high for score in scores)


def test_the_order_of_the_rows_changes_no_score(case):
    order = np.random.default_rng(0).permutation(len(case.rows))
    answers = case.ruined()
    values = [score.value for score in case.objective.scores(case.rows, answers, case.task, 0)]
    turned = case.objective.scores([case.rows[place] for place in order], answers[order], case.task, 0)
    assert [score.value for score in turned] == pytest.approx(values)


def test_the_score_that_chooses_the_best_epoch_is_the_main_score(case):
    wanted, labels = case.wanted(), case.task.labels
    assert case.objective.dev_score(case.logits, wanted, labels) == pytest.approx(case.main(case.answers))
    worse = np.roll(case.logits, 1, axis=0)
    tuned = case.objective.tune(case.rows, lambda texts: case.ruined(), case.task)  # it may be of the best thresholds
    best = case.objective.scores(case.rows, case.ruined(), tuned, 0)[0].value
    assert case.main(case.ruined()) - 1e-6 <= case.objective.dev_score(worse, wanted, labels) <= best + 1e-6


def test_the_evaluate_stage_takes_it_and_the_record_holds_no_text(case):
    rivals = case.rivals()
    result = evaluate(lambda texts: case.ruined(), case.rows, case.task, "test", rivals, 0)
    assert from_json(Evaluation, to_json(result)) == result
    assert result.baselines.keys() == rivals.keys()
    assert len(result.mistakes) > 20
    assert result.scores[0].name == case.objective.METRIC
    assert not any(row.text in to_json(result) for row in case.rows)


def test_unchanged_answers_pass_every_gate_and_ruined_ones_none(case):
    same = case.objective.compare(case.rows, case.answers, case.answers, case.task)
    assert (same.drop_points, same.agreement, same.broken, same.fixed) == (0.0, 1.0, 0, 0)
    assert verdict(same, 0.0)[0]
    worse = case.objective.compare(case.rows, case.answers, case.ruined(), case.task)
    assert worse.drop_points == pytest.approx(100 * (case.main(case.answers) - case.main(case.ruined())))
    assert not verdict(worse, 0.5)[0]


def test_what_is_lost_and_what_agrees_have_paired_intervals_that_the_seed_decides(case):
    half = case.answers.copy()
    half[:20] = case.ruined()[:20]
    change = case.objective.compare(case.rows, case.answers, half, case.task, 3)
    assert change == case.objective.compare(case.rows, case.answers, half, case.task, 3)
    assert change.drop_low < change.drop_points < change.drop_high
    assert 0 < change.agreement_low < change.agreement < change.agreement_high < 1
    back = case.objective.compare(case.rows, half, case.answers, case.task, 3)
    assert (back.drop_low, back.drop_high) == pytest.approx((-change.drop_high, -change.drop_low))
    both = case.objective.compare(case.rows, half, half, case.task, 3)  # wrong on many rows, and the same ones
    assert (both.drop_low, both.drop_high, both.agreement_low) == (0.0, 0.0, 1.0)


def test_a_row_whose_label_cannot_be_read_is_not_scored_and_that_is_said(case, tmp_path, monkeypatch):
    wrong, *rest = case.rows
    file = case.own.write(tmp_path, [replace(wrong, **case.own.UNREADABLE), *rest])
    place = {row.input: place for place, row in enumerate(case.rows)}
    predict = lambda texts: case.answers[[place[text] for text in texts]]  # noqa: E731
    monkeypatch.setattr(inference, "open_run", lambda folder: (predict, case.task, case.corpus))
    label = columns.detect(tables.read(file), None, None, None).label
    evaluation, findings = inference.score(tmp_path, file, None, label)
    assert (evaluation.rows, evaluation.scores[0].value) == (59, pytest.approx(1.0, abs=1e-3))
    (said,) = [one for one in findings if one.action == "removed"]
    assert said.count == 1
    assert said.where[0].split(":")[1] == str(tables.read(file).lines[0])  # it is the first row


def test_what_is_said_of_a_text_fits_a_column_and_is_right(case):
    texts = [row.input for row in case.rows]
    said, counts = case.objective.say(texts, case.answers, case.task)
    assert len(said) == len(texts)
    assert {tuple(one) for one in said} == {case.objective.ADDED}
    assert "predicted" in said[0]
    assert json.loads(json.dumps(said)) == said
    assert json.dumps(counts)
    assert case.objective.say([], case.answers[:0], case.task)[0] == []


def test_it_describes_its_models(case):
    labels = case.task.labels
    for text in (case.objective.size(labels), case.objective.describe(labels, "texts"), case.objective.limits(labels)):
        assert text.strip()


def test_the_probe_of_all_rows_is_that_of_any_resample_in_which_each_is_as_often(case):
    rng = np.random.default_rng(0)
    known, wanted = case.flat()
    features, classes = known + rng.normal(size=known.shape), len(case.task.labels)
    judge = case.objective.probed(features, wanted, classes)
    once = np.ones((1, len(wanted)))
    value = case.objective.probe(features, wanted, classes)[0]
    assert judge(once) == pytest.approx([value])
    assert judge(np.concatenate([3 * once, rng.integers(5, size=once.shape)]))[0] == pytest.approx(value)


def test_a_frozen_layer_that_knows_the_answer_is_seen_and_noise_is_not(case):
    rng = np.random.default_rng(0)
    known, wanted = case.flat()
    noise = rng.normal(size=known.shape)
    value, low, high = case.objective.probe(known + 0.1 * noise, wanted, len(case.task.labels))
    assert low <= value <= high + 1e-9
    assert value > 0.9
    assert case.objective.probe(noise, wanted, len(case.task.labels))[0] < 0.7
    assert 0 <= case.objective.blind(case.corpus.train) < 0.7


@pytest.mark.parametrize("chosen", ["on dev", "without dev"])
def test_a_fitted_head_and_the_one_that_training_starts_from_fit_the_frozen_body(case, chosen):
    known, wanted = case.flat()
    known = known.astype(np.float32) + np.float32(0.1)
    labels, options = case.task.labels, case.objective.Config()
    dev = (known, wanted) if chosen == "on dev" else None
    head = case.objective.fit_head((known, wanted), dev, len(labels), options)
    for weights, biases in (head, case.objective.start(head, (known, wanted), len(labels), options)):
        assert weights.shape == (len(labels), known.shape[1])
        assert biases.shape == (len(labels),)
        logits = (known @ weights.T + biases).reshape(case.logits.shape)
        assert case.objective.dev_score(logits, case.wanted(), labels) > 0.9


PROBES = ["calibration", "consistency", "forgetting", "robustness"]  # those that take no clock


@pytest.mark.slow
def test_it_goes_the_whole_way_from_a_file_to_a_report_and_back(case, tiny_bert, tmp_path):
    path = case.own.write(tmp_path, case.own.rows(240, 5))
    content = {"train_file": str(path), "model_name_or_path": str(tiny_bert), "output_dir": str(tmp_path / "run")}
    options = config.build(
        {**content, "num_train_epochs": 3, "learning_rate": 3e-3, "technique": "full", "probes": PROBES}
    )
    outcome = pipeline.run(options)
    assert outcome.corpus.kind == case.name
    assert [one.probe for one in outcome.probes.dimensions] == PROBES
    assert all(one.skipped or one.measures for one in outcome.probes.dimensions)
    assert outcome.trained.reload_error < 1e-4
    best = outcome.evaluation.scores[0]
    assert best.value > 0.7
    assert {"probe"} < set(outcome.evaluation.baselines)
    assert outcome.compressed.ratio > 1.5
    assert twins.outcome(outcome, "report")["task"] == case.name
    page = (tmp_path / "run" / "report.html").read_text()
    assert case.objective.size(outcome.corpus.labels) in page
    again, _ = inference.score(tmp_path / "run", path, None, None)
    assert again.scores[0].name == best.name
    assert again.scores[0].value > 0.7
    for name in ("out.csv", "out.jsonl"):
        assert inference.label(tmp_path / "run", path, None, tmp_path / name).rows == 240
        assert tables.read(tmp_path / name).columns[-len(case.objective.ADDED) :] == case.objective.ADDED
