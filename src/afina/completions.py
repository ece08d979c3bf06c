"""One chat completion from any OpenAI-compatible endpoint: the one file that names `openai`.

    with client(endpoint) as one:
        got = attempt(one, endpoint, question)      Paid, or why there is no answer

A try has `endpoint.seconds` in all, however many bytes drip in the while: it is made in a thread of its own that is
left to itself after them, for the client's own limits are for the silence between two bytes. Of what is sent back no
more than MOST_BYTES are read; what is cut there is no chat completion.

The key comes from the environment, OPENAI_API_KEY, and goes to the endpoint alone. No text is logged. What it does not
do: stream; know what a token costs; hold a server to `max_tokens`.
"""

import os
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from importlib.util import find_spec
from typing import Any

from afina.errors import ConfigError, MissingExtra
from afina.records import Question

KEY = "OPENAI_API_KEY"
MOST_TOKENS = 600  # of an answer
AROUND = 256  # tokens of a chat beside its texts, at most
TEMPERATURE = 0.9
KEPT = 10_000  # characters of an answer that are kept; a longer one is of no use
AGAIN = (408, 409, 429)  # status codes that may pass, as those from 500 on
REFUSED = {
    401: f"set {KEY} to a valid key",
    403: f"set {KEY} to a key that may use it",
    404: "correct augment_endpoint",
}
TIMED_OUT, NO_COMPLETION = "time-out", "no chat completion"
MOST_BYTES = 4_000_000  # of what is sent back that are read


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Who is asked, and what it may cost."""

    address: str  # base_url, such as http://localhost:8000/v1
    model: str
    requests: int = 1000  # at most
    tokens: int = 500_000  # read and written, at most
    seconds: float = 60.0  # of a try, after which it has timed out
    at_once: int = 4  # questions
    tries: int = 3  # of a question
    pause: float = 1.0  # seconds before the second try


@dataclass(frozen=True, slots=True)
class Paid:
    """An answer as it is kept."""

    text: str
    tokens: int
    requests: int  # that it took


def check() -> None:
    """Raise MissingExtra where the client is not installed."""
    if find_spec("openai") is None:
        raise MissingExtra("openai", "llm")


def client(endpoint: Endpoint) -> Any:
    """What the requests are made with. Raises MissingExtra where it is not installed."""
    check()
    import httpx2  # openai's own
    import openai

    class Bounded(httpx2.SyncByteStream):
        """What is sent back, up to MOST_BYTES or `seconds`."""

        def __init__(self, stream: Any) -> None:
            self.stream, self.end = stream, time.monotonic() + endpoint.seconds

        def __iter__(self) -> Iterator[bytes]:
            left = MOST_BYTES
            for chunk in self.stream:
                left -= len(chunk)
                if left < 0 or time.monotonic() > self.end:
                    return
                yield chunk

        def close(self) -> None:
            self.stream.close()

    def bound(response: Any) -> None:
        response.stream = Bounded(response.stream)

    return openai.OpenAI(
        base_url=endpoint.address,
        api_key=os.environ.get(KEY) or "none",  # a server of one's own wants no key, the client wants one
        timeout=endpoint.seconds,
        max_retries=0,
        default_headers={"Accept-Encoding": "identity"},  # bytes are counted as they come
        http_client=openai.DefaultHttpxClient(event_hooks={"response": [bound]}),
    )


def attempt(client: Any, endpoint: Endpoint, question: Question) -> Paid | tuple[str, float]:
    """One request: the answer, or why there is none and the seconds to wait; below 0, that another try is useless."""
    done: Future[Paid | tuple[str, float]] = Future()

    def request() -> None:
        try:
            done.set_result(_request(client, endpoint, question))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=request, daemon=True).start()
    try:
        return done.result(endpoint.seconds)
    except TimeoutError:
        return TIMED_OUT, 0.0


def _request(client: Any, endpoint: Endpoint, question: Question) -> Paid | tuple[str, float]:
    import openai

    try:
        made = client.chat.completions.create(messages=messages(question), **parameters(endpoint))
    except openai.APITimeoutError:
        return TIMED_OUT, 0.0
    except openai.APIConnectionError:
        return "no connection", 0.0
    except openai.APIStatusError as error:
        status, said = error.status_code, error.response.headers.get("retry-after", "")
        if status in REFUSED:
            raise ConfigError(f"{endpoint.address} answers {status}", REFUSED[status]) from None
        passes = status in AGAIN or status >= 500
        return f"status {status}", (float(said) if said.isdecimal() else 0.0) if passes else -1.0
    except (ValueError, openai.APIError):  # no JSON
        return NO_COMPLETION, 0.0
    choices = getattr(made, "choices", None)  # the client does not look at what it was sent
    if not isinstance(choices, list) or not choices:
        return NO_COMPLETION, 0.0
    text = getattr(getattr(choices[0], "message", None), "content", None)
    tokens = getattr(getattr(made, "usage", None), "total_tokens", None)
    used = tokens if isinstance(tokens, int) and tokens > 0 else most(question)
    return Paid(text[:KEPT] if isinstance(text, str) else "", used, 1)


def messages(question: Question) -> list[dict[str, str]]:
    """The question as a chat."""
    rules = [{"role": "system", "content": question.rules}] if question.rules else []
    return [*rules, {"role": "user", "content": question.text}]


def parameters(endpoint: Endpoint) -> dict[str, Any]:
    """What is sent beside it."""
    return {"model": endpoint.model, "temperature": TEMPERATURE, "max_tokens": MOST_TOKENS}


def most(question: Question) -> int:
    """Tokens that it can cost at most: no token is less than a byte."""
    return len((question.rules + question.text).encode()) + AROUND + MOST_TOKENS
