"""Servers that never end: bytes that drip, and more of them than anybody reads; those that do not take what is sent."""

import json
import socketserver
import threading
import time
from contextlib import contextmanager
from importlib.util import find_spec

import pytest
from endpoints import Reply, serving

from afina import asking, completions
from afina.errors import ConfigError, MachineError
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
        with completions.chat(endpoint) as chat:
            began = time.monotonic()
            assert completions.attempt(chat, QUESTION) == completions.Failed(completions.TIMED_OUT)
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
        with completions.chat(endpoint) as chat:
            failed = completions.attempt(chat, QUESTION)
    assert failed.fault == (completions.NO_COMPLETION if status == 200 else "status 500")
    assert failed.pause == 0
    assert len(sent) < 500  # what lay in the buffers of two sockets


NO_MAX_TOKENS = (
    "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."
)
NO_TEMPERATURE = (
    "Unsupported value: 'temperature' does not support 0.9 with this model. Only the default (1) is supported."
)


def refusing(message, status=400):
    return Reply(status=status, body=json.dumps({"error": {"message": message, "code": "a_code"}}).encode())


def choosy(number, asked):
    """As the newest models of OpenAI."""
    if "max_tokens" in asked:
        return refusing(NO_MAX_TOKENS)
    return refusing(NO_TEMPERATURE) if "temperature" in asked else Reply("fine")


@pytest.mark.parametrize("at_once", [1, 4])
def test_what_a_server_does_not_take_is_sent_no_more(at_once, tmp_path):
    questions = [Question(f"<text>text {n}</text>") for n in range(8)]
    with serving(choosy) as server:
        endpoint = completions.Endpoint(server.address, "m", pause=0.01, at_once=at_once)
        answers = asking.ask(questions, endpoint, tmp_path, asking.Spent(), silent)
        assert [one.text for one in answers] == ["fine"] * 8
        asked = len(server.asked)
        assert asked <= 8 + 2 * at_once
        assert server.asked[-1]["max_completion_tokens"] == completions.MOST_TOKENS
        assert asking.ask(questions, endpoint, tmp_path, asking.Spent(), silent) == answers
        assert len(server.asked) == asked


LIMITS = [
    "max_tokens is too large: 600. This model supports at most 512 completion tokens.",
    "This model's maximum context length is 512 tokens. However, you requested 700 tokens.",
    "temperature must be between 0 and 0.5",
]


@pytest.mark.parametrize("message", LIMITS)
def test_a_limit_of_the_server_takes_no_cap_away(message):
    sent = completions.parameters(completions.Endpoint("http://localhost/v1", "m"))
    assert completions.taken(sent, message) is sent


def failed_with(reply, tmp_path, text):
    with serving(lambda number, asked: reply) as server:
        endpoint = completions.Endpoint(server.address, "m", pause=0.01, tries=1)
        with pytest.raises((ConfigError, MachineError)) as caught:
            asking.ask([Question(text, "Rewrite it.", n) for n in range(8)], endpoint, tmp_path, asking.Spent(), silent)
    return caught.value.found


def test_what_the_server_says_is_told_shortened(tmp_path):
    found = failed_with(refusing("The prompt is\ntoo long. " * 40), tmp_path, "<text>where is my card</text>")
    assert "status 400: The prompt is too long. The prompt" in found
    assert len(found) < 350
    found = failed_with(refusing("The model `m` does not exist.", 404), tmp_path, "<text>where is my card</text>")
    assert "answers 404: The model `m` does not exist." in found
    body = Reply(status=422, body=b'{"detail": "stop is missing"}')
    assert "status 422: stop is missing" in failed_with(body, tmp_path, "<text>where is my card</text>")


TEXT = "Hola, ¿dónde está la tarjeta\nque pedí ayer?"


@pytest.mark.parametrize(
    "echo", [TEXT, TEXT[8:30], TEXT.upper(), repr(TEXT), json.dumps({"input": [TEXT]}), "Rewrite it"]
)
def test_what_the_server_says_is_not_told_where_it_quotes_the_question(echo, tmp_path):
    found = failed_with(refusing(f"cannot read {echo}"), tmp_path, f"<text>{TEXT}</text>")
    assert found.endswith("(no answer: status 400)")


def test_a_key_that_a_server_repeats_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setenv(completions.KEY, "sk-secret")
    assert failed_with(refusing("Incorrect key sk-se**et", 401), tmp_path, "<text>hi</text>").endswith("401")
