"""A finished run in a folder of its own, for each tracker."""

import pytest
import stories
from test_finished import PROBES

from afina import finished


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = stories.on_disk(tmp_path_factory.mktemp("runs") / "bank", probes=PROBES, reported=True)
    return finished.of_run(folder)
