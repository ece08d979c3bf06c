"""Each example runs, on a tiny base."""

import subprocess
import sys
from pathlib import Path

EXAMPLES = Path(__file__).parent.parent / "examples"


def test_lora_works_with_a_trainer_of_the_users_own(tiny_bert, tmp_path):
    script = EXAMPLES / "lora_with_a_plain_trainer.py"
    subprocess.run([sys.executable, script, str(tiny_bert), str(tmp_path / "out")], check=True, capture_output=True)
    from transformers import AutoModelForSequenceClassification

    _, loaded = AutoModelForSequenceClassification.from_pretrained(tmp_path / "out", output_loading_info=True)
    assert not loaded["missing_keys"]
    assert not loaded["unexpected_keys"]


def test_every_example_is_run_by_a_test():
    here = Path(__file__).read_text(encoding="utf-8")
    assert all(path.name in here for path in EXAMPLES.glob("*.py"))
