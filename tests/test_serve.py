"""`transformers serve`, a server that others wrote, with a tiny random model: the protocol as it really is spoken."""

import os
import socket
import subprocess
import sys
import time
import urllib.request
from importlib.util import find_spec

import pytest
from test_speakers import tiny_causal

from afina import asking, completions
from afina.augmenters import paraphrase, synthesize
from afina.records import Row, silent

NEEDED = ("openai", "fastapi", "uvicorn")  # transformers[serving]
MISSING = [name for name in NEEDED if find_spec(name) is None]
pytestmark = [pytest.mark.slow, pytest.mark.skipif(bool(MISSING), reason=f"not installed: {', '.join(MISSING)}")]
ROWS = [Row(f"where is my {word}", "lost", f"f:{n}") for n, word in enumerate(("card", "bill", "result", "test"))]
TEMPLATE = "{% for m in messages %}{{ m.content }}\n{% endfor %}"


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(scope="module")
def model(tmp_path_factory, tiny_bert):
    return str(tiny_causal(tmp_path_factory.mktemp("served"), tiny_bert, TEMPLATE, positions=2048))


@pytest.fixture(scope="module")
def address(tmp_path_factory, model):
    home, port = tmp_path_factory.mktemp("hf"), free_port()
    (home / "hub").mkdir()
    command = ["-m", "transformers.cli.transformers", "serve", model, "--device", "cpu", "--port", str(port)]
    with subprocess.Popen(
        [sys.executable, *command],
        env={**os.environ, "HF_HOME": str(home)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    ) as server:
        try:
            wait_for(f"http://localhost:{port}/health", server)
            yield f"http://localhost:{port}/v1"
        finally:
            server.terminate()


def wait_for(address, server):
    for _ in range(600):
        assert server.poll() is None, "the server ended"
        try:
            with urllib.request.urlopen(address, timeout=1):  # noqa: S310
                return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the server does not answer")


@pytest.mark.parametrize("module", [paraphrase, synthesize])
def test_a_real_server_answers_each_question_and_a_second_run_asks_nothing(module, address, model, tmp_path):
    endpoint = completions.Endpoint(address, model, at_once=2, tries=1)

    def ask(spent):
        return lambda questions: asking.ask(questions, endpoint, tmp_path, spent, silent)

    paid, spent = asking.Spent(), asking.Spent()
    made = module.augment(ROWS, {"lost": 4}, ask(paid), (), 0)
    assert len(made) == paid.requests == len(list(tmp_path.iterdir())) == 4
    assert not any(one.fault.startswith("no answer") for one in made)
    assert 4 * 10 < paid.tokens < 4 * 3000  # as the server counts them
    assert module.augment(ROWS, {"lost": 4}, ask(spent), (), 0) == made
    assert (spent.cached, spent.tokens) == (4, paid.tokens)
