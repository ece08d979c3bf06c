"""One chat completion from any OpenAI-compatible endpoint: the one file that names `openai`.

    with chat(endpoint) as one:
        got = attempt(one, question)      Paid or Failed

A try has `endpoint.seconds` in all, however many bytes drip in the while: it is made in a thread of its own that is
left to itself after them, for the client's own limits are for the silence between two bytes. Of what is sent back no
more than MOST_BYTES are read; what is cut there is no chat completion.

A server that does not know `max_tokens` is sent `max_completion_tokens` from then on, and one that takes no temperature
none. What a server says of a question that it refuses is told, shortened, but not where it holds words of the question.

The key comes from the environment, OPENAI_API_KEY, and goes to the endpoint alone. No text is logged. What it does not
do: stream; know what a token costs; hold a server to `max_tokens`.
"""

import os
import re
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import contextmanager
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
    404: "correct augment_endpoint or augment_model",
}
TIMED_OUT, NO_COMPLETION = "time-out", "no chat completion"
MOST_BYTES = 4_000_000  # of what is sent back that are read
SAID = 200  # characters of what a server says that are told
LOOKED_AT = 2000  # of these, for words of the question
QUOTED = 16  # characters in a row that nothing has in common with a question by chance
NOT_TAKEN = re.compile("not support|unsupported|unknown|unrecogni[sz]ed|unexpected|not permitted|not allowed", re.I)


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


@dataclass(frozen=True, slots=True)
class Failed:
    """Why there is no answer."""

    fault: str
    pause: float = 0.0  # seconds to wait, where the server says it; below 0 another try is useless
    said: str = ""  # by the server


@dataclass(slots=True)
class Chat:
    """A way to an endpoint, and what is sent beside a question: no more of it than was found to be taken."""

    client: Any
    endpoint: Endpoint
    parameters: dict[str, Any]


def check() -> None:
    """Raise MissingExtra where the client is not installed."""
    if find_spec("openai") is None:
        raise MissingExtra("openai", "llm")


@contextmanager
def chat(endpoint: Endpoint) -> Iterator[Chat]:
    """What the requests are made with. Raises MissingExtra where the client is not installed."""
    check()
    with _client(endpoint) as client:
        yield Chat(client, endpoint, parameters(endpoint))


def _client(endpoint: Endpoint) -> Any:
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


def attempt(chat: Chat, question: Question) -> Paid | Failed:
    """One request. Raises ConfigError where the endpoint refuses whatever is asked."""
    done: Future[Paid | Failed] = Future()

    def request() -> None:
        try:
            done.set_result(_request(chat, question))
        except BaseException as error:
            done.set_exception(error)

    threading.Thread(target=request, daemon=True).start()
    try:
        return done.result(chat.endpoint.seconds)
    except TimeoutError:
        return Failed(TIMED_OUT)


def _request(chat: Chat, question: Question) -> Paid | Failed:
    import openai

    sent = chat.parameters
    try:
        made = chat.client.chat.completions.create(messages=messages(question), **sent)
    except openai.APITimeoutError:
        return Failed(TIMED_OUT)
    except openai.APIConnectionError:
        return Failed("no connection")
    except openai.APIStatusError as error:
        return _refused(chat, sent, error, question)
    except (ValueError, openai.APIError):  # no JSON
        return Failed(NO_COMPLETION)
    choices = getattr(made, "choices", None)  # the client does not look at what it was sent
    if not isinstance(choices, list) or not choices:
        return Failed(NO_COMPLETION)
    text = getattr(getattr(choices[0], "message", None), "content", None)
    tokens = getattr(getattr(made, "usage", None), "total_tokens", None)
    used = tokens if isinstance(tokens, int) and tokens > 0 else most(question)
    return Paid(text[:KEPT] if isinstance(text, str) else "", used, 1)


def _refused(chat: Chat, sent: dict[str, Any], error: Any, question: Question) -> Failed:
    """What an error status says; what the server does not take is sent no more."""
    status, later = error.status_code, error.response.headers.get("retry-after", "")
    body = error.body
    message = str((body.get("message") or body.get("detail") or "") if isinstance(body, dict) else body or "")
    said = "" if status == 401 else told(message, question)  # which may hold the key
    if status in REFUSED:
        found = f"{chat.endpoint.address} answers {status}"
        raise ConfigError(f"{found}: {said}" if said else found, REFUSED[status]) from None
    if status in AGAIN or status >= 500:
        return Failed(f"status {status}", float(later) if later.isdecimal() else 0.0, said)
    chat.parameters = taken(chat.parameters, message)
    return Failed(f"status {status}", -1.0 if chat.parameters == sent else 0.0, said)


def taken(sent: dict[str, Any], message: str) -> dict[str, Any]:
    """The parameters that a server takes, by what it says of those that were sent.

    >>> taken({"model": "m", "max_tokens": 600}, "Unsupported parameter: 'max_tokens' ...")
    {'model': 'm', 'max_completion_tokens': 600}
    """
    if NOT_TAKEN.search(message):
        if "max_tokens" in sent and re.search(r"\bmax_tokens\b", message):
            rest = {name: value for name, value in sent.items() if name != "max_tokens"}
            return {**rest, "max_completion_tokens": sent["max_tokens"]}
        if "temperature" in message:
            return {name: value for name, value in sent.items() if name != "temperature"}
    return sent


def told(message: str, question: Question) -> str:
    """What a server says, shortened; '' where it quotes the question.

    >>> told("No model m.", Question("<text>hi</text>")), told("No 'Hi'.", Question("<text>hi</text>"))
    ('No model m.', '')
    """
    message = " ".join(message.split())[:LOOKED_AT]
    words = _words(message)
    for part in map(_words, (question.rules, *re.split(r"</?text>|\n", question.text))):
        if any(part[at : at + QUOTED] in words for at in range(max(1, len(part) - QUOTED + 1)) if part.strip()):
            return ""
    return message if len(message) <= SAID else f"{message[:SAID]}..."


def _words(text: str) -> str:
    """Its words in lower case, a space around each; also of a text in JSON or the like."""
    text = re.sub(r"\\+u([0-9a-fA-F]{4})", lambda found: chr(int(found[1], 16)), text)
    text = re.sub(r"\\+[nrt]", " ", text)
    found = re.findall(r"[^\W_]+", text.casefold())
    return f" {' '.join(found)} "


def messages(question: Question) -> list[dict[str, str]]:
    """The question as a chat."""
    rules = [{"role": "system", "content": question.rules}] if question.rules else []
    return [*rules, {"role": "user", "content": question.text}]


def parameters(endpoint: Endpoint) -> dict[str, Any]:
    """What is sent beside it at first."""
    return {"model": endpoint.model, "temperature": TEMPERATURE, "max_tokens": MOST_TOKENS}


def most(question: Question) -> int:
    """Tokens that it can cost at most: no token is less than a byte."""
    return len((question.rules + question.text).encode()) + AROUND + MOST_TOKENS
