"""A language model's server on this machine that answers as a test wants, faults included."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Reply:
    """What is sent back."""

    text: Any = ""  # the model's answer
    status: int = 200
    body: bytes | None = None  # in the place of a chat completion
    kind: str = "application/json"
    seconds: float = 0.0  # that it takes
    tokens: int | None = 10
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Server:
    address: str
    asked: list[dict[str, Any]]  # every request, in the order of arrival
    keys: list[str]
    together: int = 0  # most requests at one moment


def content(reply: Reply) -> bytes:
    if reply.body is not None:
        return reply.body
    usage = None if reply.tokens is None else {"total_tokens": reply.tokens}
    choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": reply.text}}
    return json.dumps({"id": "1", "object": "chat.completion", "choices": [choice], "usage": usage}).encode()


@contextmanager
def serving(answer: Callable[[int, dict[str, Any]], Reply], port: int = 0) -> Iterator[Server]:
    """`answer(number of the request from 0, its JSON)` -> Reply; at a free port, or at `port`."""
    lock, here = threading.Lock(), [0]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # head and body in one packet: two cost 40 ms

        def log_message(self, *args: object) -> None:
            pass

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                number = len(server.asked)
                server.asked.append(asked)
                server.keys.append(self.headers["Authorization"])
                here[0] += 1
                server.together = max(server.together, here[0])
            reply = answer(number, asked)
            time.sleep(reply.seconds)
            with lock:
                here[0] -= 1
            sent = content(reply)
            self.send_response(reply.status)
            for name, value in {"Content-Type": reply.kind, "Content-Length": len(sent), **reply.headers}.items():
                self.send_header(name, str(value))
            try:
                self.end_headers()
                self.wfile.write(sent)
                self.wfile.flush()
            except OSError:  # whoever asked did not wait
                self.close_connection = True

    listening = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    listening.daemon_threads = True
    server = Server(f"http://127.0.0.1:{listening.server_port}/v1", [], [])
    thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()
