"""A real HTTP server that answers well, badly and not at all; a process that is killed while it asks."""

import json
import os
import signal
import time
from collections import Counter
from dataclasses import replace
from importlib.util import find_spec

import pytest
from endpoints import Reply, serving

from afina import asking, completions
from afina.errors import ConfigError, MachineError, MissingExtra
from afina.records import Question, silent

needs_client = pytest.mark.skipif(find_spec("openai") is None, reason="the package openai is not installed")
QUESTIONS = [Question(f"<text>text {n}</text>", "rules", n) for n in range(6)]


def endpoint(server, **changes):
    quick = completions.Endpoint(server.address, "tiny", seconds=5.0, pause=0.01)
    return replace(quick, **changes)


def said(number, asked):
    return Reply(f"answer to {asked['messages'][-1]['content']}")


def asked_of(server, folder, questions=QUESTIONS, **changes):
    spent = asking.Spent()
    return asking.ask(questions, endpoint(server, **changes), folder, spent, silent), spent


@needs_client
def test_answers_come_in_the_order_of_the_questions_one_request_each(tmp_path):
    def late_first(number, asked):
        return replace(said(number, asked), seconds=0.1 if number < 2 else 0.0)

    with serving(late_first) as server:
        answers, spent = asked_of(server, tmp_path)
    assert [one.text for one in answers] == [f"answer to {one.text}" for one in QUESTIONS]
    assert len(server.asked) == len(QUESTIONS) == spent.requests
    assert all("n" not in one and one["messages"][0] == {"role": "system", "content": "rules"} for one in server.asked)
    assert spent.tokens == 60
    assert 1 < server.together <= 4


@needs_client
def test_the_second_time_nothing_is_asked_and_what_was_spent_is_the_same(tmp_path):
    with serving(said) as server:
        first, paid = asked_of(server, tmp_path)
        second, spent = asked_of(server, tmp_path)
        assert len(server.asked) == len(QUESTIONS)
        asked_of(server, tmp_path, [replace(one, sample=9) for one in QUESTIONS[:2]])
        asked_of(server, tmp_path, QUESTIONS[:1], model="other")
    assert first == second
    assert (spent.requests, spent.tokens, spent.cached) == (paid.requests, paid.tokens, len(QUESTIONS))
    assert len(server.asked) == len(QUESTIONS) + 3


@needs_client
def test_another_server_is_asked_itself_whatever_its_model_is_called(tmp_path):
    with serving(lambda number, asked: Reply("nonsense")) as bad, serving(said) as good:
        asked_of(bad, tmp_path)
        answers, spent = asked_of(good, tmp_path)
        asked_of(good, tmp_path, address=f"{good.address}/")  # the same one
    assert [one.text for one in answers] == [f"answer to {one.text}" for one in QUESTIONS]
    assert len(good.asked) == len(QUESTIONS)
    assert spent.cached == 0


@needs_client
def test_a_damaged_answer_on_disk_is_asked_for_again(tmp_path):
    with serving(said) as server:
        asked_of(server, tmp_path)
        damaged = sorted(tmp_path.iterdir())[0]
        damaged.write_text(damaged.read_text()[:-9])
        asked_of(server, tmp_path)
    assert len(server.asked) == len(QUESTIONS) + 1


FAULTS = {
    "429": Reply(status=429, headers={"Retry-After": "0"}),
    "500": Reply(status=500),
    "503 in HTML": Reply(status=503, body=b"<html>down</html>", kind="text/html"),
    "HTML": Reply(body=b"<html>log in</html>", kind="text/html"),
    "HTML as JSON": Reply(body=b"<html>log in</html>"),
    "nothing": Reply(body=b""),
    "a list": Reply(body=b"[]"),
    "no choices": Reply(body=b'{"choices": []}'),
    "choices of no list": Reply(body=b'{"choices": {"a": 1}}'),
}


@needs_client
def test_what_may_pass_is_asked_again_and_every_try_is_counted(tmp_path):
    questions, tried = [Question(name) for name in FAULTS], Counter()

    def twice(number, asked):
        name = asked["messages"][-1]["content"]
        tried[name] += 1
        return FAULTS[name] if tried[name] < 3 else said(number, asked)

    with serving(twice) as server:
        answers, spent = asked_of(server, tmp_path, questions)
    assert [one.text for one in answers] == [f"answer to {name}" for name in FAULTS]
    assert set(tried.values()) == {3}
    assert spent.requests == len(server.asked) == 3 * len(FAULTS)
    assert spent.tokens == 10 * len(FAULTS)


@needs_client
def test_a_time_out_is_asked_again_and_counts_what_it_can_have_cost(tmp_path):
    def slow_once(number, asked):
        return replace(said(number, asked), seconds=0.0 if number else 0.4)

    with serving(slow_once) as server:
        answers, spent = asked_of(server, tmp_path, QUESTIONS[:1], seconds=0.1)
    assert answers[0].text
    assert spent.requests == 2
    assert spent.tokens > completions.MOST_TOKENS


@needs_client
def test_a_question_that_never_is_answered_is_a_fault_and_the_others_have_their_answers(tmp_path):
    def one_fails(number, asked):
        return Reply(status=500) if "text 1<" in asked["messages"][-1]["content"] else said(number, asked)

    with serving(one_fails) as server:
        answers, _ = asked_of(server, tmp_path)
        assert [one.fault for one in answers] == ["", "no answer: status 500", "", "", "", ""]
        asked = len(server.asked)
        again, _ = asked_of(server, tmp_path)
    assert again == answers
    assert len(server.asked) == asked + 3  # that one alone, three times


@needs_client
def test_what_is_refused_for_good_is_tried_once(tmp_path):
    with serving(lambda number, asked: said(number, asked) if number else Reply(status=400)) as server:
        answers, _ = asked_of(server, tmp_path, QUESTIONS[:2], at_once=1)
    assert [one.fault for one in answers] == ["no answer: status 400", ""]
    assert len(server.asked) == 2


@needs_client
@pytest.mark.parametrize(("status", "fix"), [(401, "OPENAI_API_KEY"), (404, "endpoint")])
def test_a_refused_key_or_address_ends_it_at_once_with_what_to_do(status, fix, tmp_path):
    with serving(lambda number, asked: Reply(status=status)) as server, pytest.raises(ConfigError, match=fix):
        asked_of(server, tmp_path)
    assert len(server.asked) <= 4


@needs_client
def test_where_one_question_ends_it_the_others_are_not_tried_again(tmp_path):
    def refused_second(number, asked):
        return Reply(status=404, seconds=0.05) if "text 1<" in asked["messages"][-1]["content"] else Reply(status=500)

    with serving(refused_second) as server, pytest.raises(ConfigError, match="404"):
        asked_of(server, tmp_path, QUESTIONS[:2], pause=0.5)
    assert len(server.asked) == 2


@needs_client
def test_a_server_that_gives_no_answers_any_more_ends_it_and_what_was_paid_for_is_kept(tmp_path):
    many = [replace(QUESTIONS[0], sample=n) for n in range(12)]
    with serving(lambda number, asked: said(number, asked) if number < 5 else Reply(status=500)) as server:
        with pytest.raises(MachineError, match="paid for is kept"):
            asked_of(server, tmp_path, many, at_once=1)
        assert len(server.asked) == 5 + asking.GIVE_UP * 3
    assert len(list(tmp_path.iterdir())) == 5
    with pytest.raises(MachineError, match="no connection"):  # the server is gone
        asked_of(server, tmp_path, many)
    with serving(said, port=int(server.address.split(":")[2].split("/")[0])) as server:  # it is back
        answers, spent = asked_of(server, tmp_path, many)
    assert len(answers) == 12
    assert len(server.asked) == 7
    assert spent.cached == 5


@needs_client
@pytest.mark.parametrize(
    ("cap", "sent", "at_once"), [({"requests": 3}, 3, 1), ({"tokens": 2500}, 5, 1), ({"tokens": 2500}, 5, 4)]
)
def test_no_cap_is_passed_and_a_raised_one_goes_on(cap, sent, at_once, tmp_path):
    many = [replace(QUESTIONS[0], sample=n) for n in range(8)]
    reply = lambda number, asked: replace(said(number, asked), tokens=400)  # noqa: E731
    with serving(reply) as server:
        answers, spent = asked_of(server, tmp_path, many, at_once=at_once, **cap)
        assert len(answers) == len(server.asked) == sent  # a sixth could cost 880 tokens, not 400
        assert spent.requests <= cap.get("requests", 8)
        assert spent.tokens <= cap.get("tokens", 10**6)
        assert "cap of" in spent.stopped
        again, same = asked_of(server, tmp_path, many, at_once=at_once, **cap)
        assert (again, same.requests, same.tokens) == (answers, spent.requests, spent.tokens)
        assert len(server.asked) == len(answers)
        whole, _ = asked_of(server, tmp_path, many, requests=8, tokens=30_000)
    assert len(whole) == len(server.asked) == 8


@needs_client
def test_tries_count_against_the_cap_too(tmp_path):
    with serving(lambda number, asked: Reply(status=500)) as server:
        answers, spent = asked_of(server, tmp_path, QUESTIONS[:2], requests=2, at_once=1)
    assert len(server.asked) == spent.requests == 2
    assert [one.fault for one in answers] == ["no answer: status 500"]


ODD = {"no text": None, "a number": 7, "empty": "", "a million characters": "x" * 10**6}


@needs_client
def test_odd_answers_are_paid_for_kept_short_and_no_error(tmp_path):
    with serving(lambda number, asked: Reply(ODD[asked["messages"][-1]["content"]], tokens=None)) as server:
        answers, spent = asked_of(server, tmp_path, [Question(name) for name in ODD])
    assert [one.text for one in answers] == ["", "", "", "x" * completions.KEPT]
    assert spent.requests == len(server.asked) == len(ODD)
    assert spent.tokens > len(ODD) * completions.MOST_TOKENS  # the server did not say
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 2 * completions.KEPT


@needs_client
def test_ctrl_c_waits_for_the_answers_on_their_way_and_keeps_them(tmp_path):
    many = [replace(QUESTIONS[0], sample=n) for n in range(9)]

    def interrupt(event):
        if event.step == 3:
            raise KeyboardInterrupt

    with serving(said) as server:
        with pytest.raises(KeyboardInterrupt):
            asking.ask(many, endpoint(server), tmp_path, asking.Spent(), interrupt)
        sent = len(server.asked)
        assert 3 <= sent == len(list(tmp_path.iterdir())) < len(many)
        assert len(asked_of(server, tmp_path, many)[0]) == len(server.asked) == len(many)


@needs_client
def test_the_key_comes_from_the_environment_and_is_written_nowhere(tmp_path, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with serving(said) as server:
        asked_of(server, tmp_path, QUESTIONS[:1])
        monkeypatch.delenv("OPENAI_API_KEY")
        asked_of(server, tmp_path, QUESTIONS[1:2])
    assert server.keys == ["Bearer sk-secret", "Bearer none"]
    assert not any(b"secret" in path.read_bytes() for path in tmp_path.iterdir())


@needs_client
def test_a_run_that_is_killed_while_it_asks_pays_only_for_what_is_missing(tmp_path):
    many = [replace(QUESTIONS[0], sample=n) for n in range(12)]
    slow = lambda number, asked: replace(said(number, asked), seconds=0.05)  # noqa: E731
    with serving(slow) as server:
        child = os.fork()
        if child == 0:
            asked_of(server, tmp_path, many, at_once=2)
            os._exit(0)
        while len(server.asked) < 6:
            time.sleep(0.005)
        os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status)
        time.sleep(0.1)
        before, kept = len(server.asked), [path for path in tmp_path.iterdir() if path.suffix == ".json"]
        assert before - 2 <= len(kept) < len(many)  # the two on their way may be lost, no other
        answers, spent = asked_of(server, tmp_path, many)
    assert len(answers) == len(many)
    assert len(server.asked) - before == len(many) - len(kept)
    assert spent.cached == len(kept)
    assert all(json.loads(path.read_text())["text"].startswith("answer") for path in tmp_path.glob("*.json"))


def test_without_the_client_it_is_said_what_to_type(monkeypatch, tmp_path):
    monkeypatch.setattr(completions, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"pip install 'afina\[llm\]'"):
        asking.ask(QUESTIONS, completions.Endpoint("http://127.0.0.1:1/v1", "m"), tmp_path, asking.Spent(), silent)
