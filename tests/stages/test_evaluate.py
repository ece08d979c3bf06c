"""The evaluate stage sees a function and rows, nothing else."""

import numpy as np
import pytest

from afina.errors import DataError, RecordError
from afina.records import Evaluation, Row, Task, from_json, to_json
from afina.stages.evaluate import evaluate

LABELS = ("no", "yes")
TASK = Task(labels=LABELS)
ROWS = [Row(f"text {i}", LABELS[i % 2], f"test.csv:{i + 2}") for i in range(40)]


def knows(share):
    """Right on the first `share` of the rows, the less sure the later."""

    def predict(texts):
        places = [int(text.split()[1]) for text in texts]
        sure = np.array([0.99 - 0.01 * place for place in places])
        right = np.array([place % 2 if place < share * 40 else 1 - place % 2 for place in places])
        return np.where(np.eye(2, dtype=bool)[right], sure[:, None], 1 - sure[:, None])

    return predict


MOSTLY = knows(0.75)


def run(predict=MOSTLY, rows=ROWS, **baselines):
    return evaluate(predict, rows, TASK, "test", {name: (TASK, answers) for name, answers in baselines.items()}, 0)


def test_scores_stand_beside_those_of_the_baselines():
    result = run(coin=np.full((40, 2), 0.5))
    assert (result.rows, result.split) == (40, "test")
    assert result.scores[0].name == "accuracy"
    assert result.scores[0].value == 0.75
    assert result.baselines["coin"][0].value == 0.5


def test_mistakes_are_the_most_confident_errors_and_hold_no_text():
    mistakes = run().mistakes
    assert [where for where, *_ in mistakes] == [f"test.csv:{i + 2}" for i in range(30, 40)]
    assert mistakes[0] == ("test.csv:32", "no", "yes", pytest.approx(0.69))
    assert "text" not in to_json(run())
    assert len(run(knows(0)).mistakes) == 40


def test_a_label_that_training_never_saw_is_an_error():
    rows = [*ROWS[:30], Row("text 0", "maybe", "test.csv:99")]
    result = run(rows=rows)
    assert result.scores[0].value == pytest.approx(30 / 31)
    assert result.mistakes[0][:3] == ("test.csv:99", "maybe", "no")
    assert sum(map(sum, result.confusion)) == 30


def test_pairs_reach_the_model_as_pairs():
    seen = []

    def predict(texts):
        seen.extend(texts)
        return np.full((len(texts), 2), 0.5)

    run(predict, [Row("a", "no", "t:2", pair="b")])
    assert seen == [("a", "b")]


def test_the_record_survives_json_and_the_seed_decides_it():
    result = run(coin=np.full((40, 2), 0.5))
    assert from_json(Evaluation, to_json(result)) == result == run(coin=np.full((40, 2), 0.5))


def test_no_rows_are_an_error_of_the_data():
    with pytest.raises(DataError, match="no rows in test"):
        run(rows=[])


@pytest.mark.parametrize(
    "answers", [np.full((40, 2), np.nan), np.full((40, 2), 0.7), np.full((40, 3), 1 / 3), np.tile([2.0, -1.0], (40, 1))]
)
def test_answers_that_are_no_probabilities_of_these_labels_are_refused(answers):
    with pytest.raises(RecordError, match="the model"):
        run(lambda texts: answers)
    with pytest.raises(RecordError, match="broken"):
        run(broken=answers)
