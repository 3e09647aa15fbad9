"""A chat endpoint on loopback that answers what a test tells it to, and the samples it is asked about."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from vidal.caption.config import RefineConfig
from vidal.caption.refine import Refine
from vidal.engine.step import Sample
from vidal.engine.workspace import Workspace

KEY = "sk-demo-4f9a0c77e1b2"
KEY_ENV = "VIDAL_TEST_KEY"
CHAT = "/v1/chat/completions"


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `status` 0 hangs up, -1 keeps the client waiting until the endpoint closes."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


def completion(content: Any, **changes: Any) -> Answer:
    """A chat completion with one choice; `changes` replace its top-level keys."""
    message = {"role": "assistant", "content": content if isinstance(content, str) else json.dumps(content)}
    whole = {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1,
        "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": message}],
        "usage": {"prompt_tokens": 31, "completion_tokens": 12, "total_tokens": 43},
    }
    return Answer(200, json.dumps({**whole, **changes}).encode())


def error(status: int, message: str = "no", code: str | None = None, **headers: str) -> Answer:
    """An error in OpenAI's form."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, json.dumps({"error": {"message": message, "type": "t", "code": code}}).encode(), named)


GOOD = completion({"polish_mplug": "In the video, a dog runs.", "sound_mplug": "A dog barks."})


class Endpoint:
    """Gives the `answers` to chat requests in turn, then `last` for ever, which may be a function of the request's
    body; `requests` holds (headers, JSON body) of each. `models` is the answer to any GET."""

    def __init__(self) -> None:
        self.answers: list[Answer] = []
        self.last: Answer | Callable[[dict[str, Any]], Answer] = GOOD
        self.models = Answer(200, b'{"object": "list", "data": []}')
        self.requests: list[tuple[dict[str, str], dict[str, Any]]] = []
        self.closing = threading.Event()
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"

    @property
    def bodies(self) -> list[dict[str, Any]]:
        return [body for _, body in self.requests]

    @property
    def told(self) -> list[dict[str, Any]]:
        """What each request tells of its sample."""
        return [json.loads(body["messages"][1]["content"]) for body in self.bodies]

    def get(self, path: str) -> Answer:
        return self.models

    def post(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked = json.loads(body)
        with self.lock:
            self.requests.append((headers, asked))
            given = self.answers.pop(0) if self.answers else self.last
        return given(asked) if callable(given) else given

    def __enter__(self) -> Endpoint:
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            wbufsize = -1

            def do_GET(self) -> None:
                self.give(endpoint.get(self.path))

            def do_POST(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                self.give(endpoint.post(self.path, headers, self.rfile.read(int(headers["content-length"]))))

            def give(self, given: Answer) -> None:
                if given.status <= 0:
                    if given.status < 0:
                        endpoint.closing.wait()
                    self.close_connection = True
                    return
                self.send_response(given.status)
                for name, value in {"Content-Type": "application/json", **given.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(given.body)))
                self.end_headers()
                self.wfile.write(given.body)
                self.wfile.flush()

            def log_message(self, format: str, *args: object) -> None:
                return

        self.server = _Server(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256


def config(url: str, **changes: Any) -> RefineConfig:
    return RefineConfig(**{"url": url, "model": "m", "api_key_env": KEY_ENV, **changes})


def refine(url: str, base, keyframes: bool = True, **changes: Any) -> Refine:
    """The step, set up."""
    step = Refine(config(url, **changes), base, Workspace(str(base / "w")), keyframes)
    step.setup()
    return step


def sample(id_: str = "a", **columns: Any) -> Sample:
    """A sample as it reaches refinement."""
    known = {"title": "Dog runs", "hashtags": ["dog", "park"], "mplug": "a dog running", "ofa": ["a dog", "a park"]}
    return Sample(id_, "video", {**known, **columns})
