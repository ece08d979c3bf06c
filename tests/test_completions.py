"""Servers that never end: bytes that drip, and more of them than anybody reads."""

import socketserver
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec

import pytest

from afina import asking, completions
from afina.errors import MachineError
from afina.records import Question, silent

pytestmark = pytest.mark.skipif(find_spec("openai") is None, reason="the package openai is not installed")
ANSWERS = b"HTTP/1.1 %d OK\r\nContent-Type: application/json\r\n"
QUESTION = Question("<text>a text</text>", "rules")


@contextmanager
def sending(first, then, pause=0.0, times=10**6):
    """A server that answers with `first` and then with `then` again and again; its address, and how often it did."""
    sent, stop = [], threading.Event()

    class Handler(socketserver.BaseRequestHandler):
        def handle(self):
            self.request.recv(65536)
            try:
                self.request.sendall(first)
                while len(sent) < times and not stop.wait(pause):
                    self.request.sendall(then)
                    sent.append(1)
            except OSError:  # whoever asked reads no more
                pass

    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}/v1", sent
        finally:
            stop.set()
            server.shutdown()
            thread.join()


DRIPS = {
    "the head": (ANSWERS % 200, b"X-More: 1\r\n"),
    "the body": (ANSWERS % 200 + b"Content-Length: 1000000\r\n\r\n", b" "),
    "what it says of an error": (ANSWERS % 500 + b"Content-Length: 1000000\r\n\r\n", b" "),
}


@pytest.mark.parametrize("what", DRIPS)
def test_a_try_at_a_server_that_drips_ends_after_its_seconds(what):
    with sending(*DRIPS[what], pause=0.02) as (address, sent):
        endpoint = completions.Endpoint(address, "m", seconds=0.2)
        with completions.client(endpoint) as client:
            began = time.monotonic()
            assert completions.attempt(client, endpoint, QUESTION) == (completions.TIMED_OUT, 0.0)
            assert 0.15 < time.monotonic() - began < 2
        assert sent


def test_where_a_server_only_drips_the_asking_ends(tmp_path):
    with sending(*DRIPS["the body"], pause=0.02) as (address, _):
        endpoint = completions.Endpoint(address, "m", seconds=0.05, tries=1)
        with pytest.raises(MachineError, match="time-out"):
            asking.ask([QUESTION] * 8, endpoint, tmp_path, asking.Spent(), silent)


@pytest.mark.parametrize("status", [200, 500])
def test_no_more_is_read_than_an_answer_can_be(status, monkeypatch):
    monkeypatch.setattr(completions, "MOST_BYTES", 10_000)
    head = ANSWERS % status + b"Connection: close\r\n\r\n"
    with sending(head, b" " * 65536, times=1500) as (address, sent):  # 98 MB
        endpoint = completions.Endpoint(address, "m", seconds=20)
        with completions.client(endpoint) as client:
            fault, pause = completions.attempt(client, endpoint, QUESTION)
    assert fault == (completions.NO_COMPLETION if status == 200 else "status 500")
    assert pause == 0
    assert len(sent) < 500  # what lay in the buffers of two sockets
