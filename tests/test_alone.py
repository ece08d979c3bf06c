"""A model in a process of its own: the memory it takes is its own, whatever started it."""

import numpy as np
import pytest
import tiny

from afina import alone
from afina.errors import MachineError

TEXTS = ["pain in the chest", "¿duele?"] * 16


@pytest.mark.slow
def test_the_peak_is_of_the_process_alone_and_not_of_the_one_that_started_it(tiny_bert):
    folder = tiny.exported(tiny_bert).folder
    ballast = np.ones(100_000_000)  # 800 MB here, which ru_maxrss of the new process would begin with
    found = alone.measure((folder, "model.onnx"), TEXTS)
    assert alone.peak() > ballast.nbytes
    assert 5e6 < found.before < found.peak < 400e6
    assert 0 < found.seconds < 60


@pytest.mark.slow
def test_a_model_that_cannot_be_opened_is_told_without_any_text(tmp_path):
    with pytest.raises(MachineError) as raised:
        alone.measure((tmp_path, "model.onnx"), TEXTS)
    assert "RecordError" in str(raised.value)
    assert "chest" not in str(raised.value)


def test_a_peak_never_falls():
    slack = 2**21  # the kernel adds up the pages of several threads now and then
    before = alone.peak()
    ballast = np.ones(4_000_000)
    after = alone.peak()
    del ballast
    assert before - slack <= after <= alone.peak() + slack
