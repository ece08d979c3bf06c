"""Questions to a language model behind any OpenAI-compatible endpoint, with a cap and a memory.

Several questions at a time, one request each (many servers answer once whatever `n` says), answers in the order of the
questions. After a time-out, a lost connection, a 408, 409, 429, a 5xx or what is no chat completion the question is
asked again, after pause * 2^tries * (0.5 to 1.5 at random) seconds or as long as the server says; in the end it has no
answer. Where several questions have none, one after the other, the asking ends.

Every answer is on disk, whole, before it is used, under the sha256 of address, model, question and parameters: no
server is paid for a question twice, by a later run or by one that goes on after a kill. Requests and tokens have a cap:
a try is made where the cap holds whatever it costs, and what was paid for before counts too, so that a run that was
stopped ends where it would have. A try that timed out counts the most tokens that it can have cost, for it may be on
the bill; one that was refused counts as a request.

No text is logged. What it does not do: know what a token costs; hold a server to `max_tokens`, without which the cap
can be passed by the answers on their way. The requests themselves stand in `completions`.
"""

import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from afina import completions, store
from afina.completions import TIMED_OUT, Chat, Endpoint, Paid
from afina.errors import MachineError
from afina.records import Answer, Event, Question, Tell, from_json, to_json

LONGEST_PAUSE = 60.0  # seconds
GIVE_UP = 4  # questions without an answer, one after the other


@dataclass(slots=True)
class Spent:
    """What was spent so far, and why no more was."""

    requests: int = 0
    tokens: int = 0
    cached: int = 0  # answers that were paid for before
    stopped: str = ""
    ended: threading.Event = field(default_factory=threading.Event)  # nothing more may be sent, whatever the cap says
    lock: Any = field(default_factory=threading.Lock)

    def take(self, endpoint: Endpoint, tokens: int) -> bool:
        """Set one request and so many tokens aside; False where the cap or the end forbids it."""
        with self.lock:
            fits = self.requests < endpoint.requests and self.tokens + tokens <= endpoint.tokens
            fits = fits and not self.ended.is_set()
            if fits:
                self.requests, self.tokens = self.requests + 1, self.tokens + tokens
            return fits

    def add(self, requests: int = 0, tokens: int = 0, cached: int = 0) -> None:
        """Count what was spent before or, with fewer than 0 tokens, what was set aside and not needed."""
        with self.lock:
            self.requests, self.tokens = self.requests + requests, self.tokens + tokens
            self.cached += cached


def ask(questions: Sequence[Question], endpoint: Endpoint, folder: Path, spent: Spent, tell: Tell) -> list[Answer]:
    """An answer to each question, in their order; fewer where the cap is reached, which `spent.stopped` then says.

    folder   where answers are kept
    Raises ConfigError where the endpoint refuses, MachineError where it gives no answers; what it gave stays on disk.
    """
    with completions.chat(endpoint) as chat, ThreadPoolExecutor(endpoint.at_once) as pool:
        asking = _Asking(chat, endpoint, folder, spent, tell, len(questions))
        try:
            for place, question in enumerate(questions):
                if not asking.begin(pool, place, question):
                    break
            asking.finish(wanted=0)
        except BaseException:
            spent.ended.set()  # those on their way are waited for and kept, none is tried again
            pool.shutdown(cancel_futures=True)
            raise
    return [asking.answers[place] for place in sorted(asking.answers)]


@dataclass(slots=True)
class _Asking:
    """Questions on their way."""

    chat: Chat
    endpoint: Endpoint
    folder: Path
    spent: Spent
    tell: Tell
    questions: int
    answers: dict[int, Answer] = field(default_factory=dict)
    pending: dict[Future[Answer], int] = field(default_factory=dict)
    failed: int = 0  # one after the other
    said: dict[str, str] = field(default_factory=dict)  # by the server, last, of each fault

    def begin(self, pool: ThreadPoolExecutor, place: int, question: Question) -> bool:
        """Send a question on its way, or use its answer from before; False where the cap forbids it."""
        known = _known(_path(self.folder, self.endpoint, question))
        if known is not None:
            self.spent.add(known.requests, known.tokens, cached=1)
            self.answers[place] = Answer(known.text)
            return True
        self.finish(wanted=self.endpoint.at_once - 1)
        while not (taken := self.spent.take(self.endpoint, completions.most(question))) and self.pending:
            self.finish(wanted=len(self.pending) - 1)  # those may cost less than was set aside
        if taken:
            self.pending[pool.submit(self.answer, question)] = place
        else:
            most, unit = self.endpoint.requests, "requests"
            if self.spent.requests < most:
                most, unit = self.endpoint.tokens, "tokens"
            self.spent.stopped = f"another question could pass the cap of {most:,} {unit}"
        return taken

    def finish(self, wanted: int) -> None:
        """Wait until no more than `wanted` are on their way."""
        while len(self.pending) > wanted:
            done, _ = wait(self.pending, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda one: self.pending[one]):
                answer = self.answers[self.pending.pop(future)] = future.result()
                self.failed = self.failed + 1 if answer.fault else 0
                why = self.said.get(answer.fault, answer.fault)
                text = f"asking {self.endpoint.model}" + (f" ({why})" if why else "")
                self.tell(Event("augment", text, step=len(self.answers), steps=self.questions))
                if self.failed >= GIVE_UP:
                    found = (
                        f"{self.endpoint.address} gives no answers: {self.failed} questions in a row had none ({why})"
                    )
                    fix = "see that it is up and takes augment_model, then run again: what was paid for is kept"
                    raise MachineError(found, fix)

    def answer(self, question: Question) -> Answer:
        """Ask until there is an answer or no try is left. The first try is set aside already."""
        most, fault, pause = completions.most(question), "", 0.0
        for tried in range(self.endpoint.tries):
            if tried:
                jitter = float(np.random.default_rng().uniform(0.5, 1.5))
                pause = pause or self.endpoint.pause * 2 ** (tried - 1) * jitter
                self.spent.ended.wait(min(pause, LONGEST_PAUSE))
                if not self.spent.take(self.endpoint, most):
                    break
            got = completions.attempt(self.chat, question)
            if isinstance(got, Paid):
                self.spent.add(tokens=got.tokens - most)
                paid = Paid(got.text, got.tokens, tried + 1)
                store.write_text(_path(self.folder, self.endpoint, question), to_json(paid))
                return Answer(paid.text)
            fault, pause = got.fault, got.pause
            if got.said:
                self.said[f"no answer: {fault}"] = f"{fault}: {got.said}"
            self.spent.add(tokens=0 if fault == TIMED_OUT else -most)
            if pause < 0:
                break
        return Answer("", f"no answer: {fault}")


def _path(folder: Path, endpoint: Endpoint, question: Question) -> Path:
    asked = completions.parameters(endpoint), completions.messages(question), question.sample
    return folder / f"{store.fingerprint((endpoint.address.rstrip('/'), *asked))}.json"


def _known(path: Path) -> Paid | None:
    """An answer that was paid for before; None where there is none, or a damaged one."""
    try:
        return from_json(Paid, path.read_bytes())
    except (OSError, ValueError):
        return None
