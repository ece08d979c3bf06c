"""Each example runs, on a tiny base."""

from pathlib import Path

import processes
import pytest

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_lora_works_with_a_trainer_of_the_users_own(tiny_bert, tmp_path):
    script = EXAMPLES / "lora_with_a_plain_trainer.py"
    processes.copied(script, tiny_bert, tmp_path / "out").check_returncode()
    from transformers import AutoModelForSequenceClassification

    _, loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not loaded["missing_keys"]
    assert not loaded["unexpected_keys"]


@pytest.mark.slow
def test_rates_and_stages_work_with_a_trainer_of_the_users_own(tiny_bert, tmp_path):
    script = EXAMPLES / "rates_and_stages_with_a_plain_trainer.py"
    done = processes.fresh(script, tiny_bert, tmp_path / "out")
    done.check_returncode()
    said = [line for line in done.stdout.splitlines() if line.startswith("step")]
    assert said == ["step 4: stage 2, 25% of the run is done", "step 8: stage 3, 50% of the run is done"]


def test_a_suite_of_the_users_own_finds_what_its_model_does_not_know():
    done = processes.copied(EXAMPLES / "a_suite_of_your_own.py")
    done.check_returncode()
    said = done.stdout.splitlines()
    assert said[0] == "card in trouble: 0 of 6 (0% to 39%) passed"
    assert said[1] == "other words: 3 of 6 (19% to 81%) FAILED"
    assert said[2] == "  My credit card is lost. => My plastic is lost.: card 0.90 -> other 0.80"
    assert [line.rpartition(" ")[2] for line in said[3:]] == ["passed", "passed"]


def test_every_example_is_run_by_a_test():
    here = Path(__file__).read_text(encoding="utf-8")
    assert all(path.name in here for path in EXAMPLES.glob("*.py"))
