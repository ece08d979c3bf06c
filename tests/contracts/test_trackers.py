"""What every tracker promises: nothing happens before it is asked, and what it needs is an extra of its own name."""

import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from afina import shelf

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(params=shelf.names("trackers"))
def name(request):
    return request.param


def test_a_tracker_sends_a_finished_run_and_has_no_other_public_function_of_its_shelf(name):
    module = shelf.load("trackers", name)
    assert list(inspect.signature(module.send).parameters) == ["finished"]
    assert all(isinstance(one, str) for one in module.NEEDS)


def test_what_it_needs_is_the_extra_of_its_name(name):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    packages = {one.partition(">")[0].replace("-", "_").removesuffix("_skinny") for one in extras[name]}
    assert set(shelf.load("trackers", name).NEEDS) == packages


def test_loading_it_imports_no_vendor_and_changes_no_environment(name):
    program = "import os, sys; before = dict(os.environ); from afina import shelf; "
    program += f"needs = set(shelf.load('trackers', {name!r}).NEEDS); "
    program += "print(before == dict(os.environ), *needs & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_its_docstring_says_what_it_does_not_do_and_where_it_is_from(name):
    said = shelf.load("trackers", name).__doc__
    assert all(word in said for word in ("What it does not do:", "Unit:", "Cost:", "Source:"))
