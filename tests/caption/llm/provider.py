"""A provider's Batch API on loopback: files, batches and their states, as a test moves them."""

from __future__ import annotations

import email
import email.policy
import json
import re
from typing import Any

from tests.caption.endpoint import Answer, Endpoint, completion, error


def json_answer(value: Any) -> Answer:
    return Answer(200, json.dumps(value).encode())


class Provider(Endpoint):
    """Takes files and batches; `finish` answers their requests as `last` does a chat request. `faults` are answers
    given in place of what is asked, by method and path."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.faults: dict[str, list[Answer]] = {}
        self.calls: list[str] = []

    def get(self, path: str) -> Answer:
        return self._faulty("GET", path) or self._get(path.partition("?")[0])

    def post(self, path: str, headers: dict[str, str], body: bytes) -> Answer:
        if fault := self._faulty("POST", path):
            return fault
        if path == "/v1/files":
            head = f"Content-Type: {headers['content-type']}\r\n\r\n".encode()
            parts = {
                part.get_param("name", header="content-disposition"): part.get_payload(decode=True)
                for part in email.message_from_bytes(head + body, policy=email.policy.HTTP).iter_parts()
            }
            assert parts["purpose"] == b"batch"
            return json_answer(self._file(parts["file"]))
        if path == "/v1/batches":
            return json_answer(self._made(json.loads(body)))
        return super().post(path, headers, body)

    def asked(self, batch: str) -> list[dict[str, Any]]:
        """The requests of a batch."""
        return [json.loads(line) for line in self.files[self.batches[batch]["input_file_id"]].splitlines()]

    def end(self, status: str = "completed", results: dict[str, Any] | None = None) -> None:
        """End every batch that is under way. `results` gives what stands for the answer to a request, by what its
        message holds; None leaves it out, as of a batch that expired before."""
        for batch in self.batches.values():
            if batch["status"] in ("validating", "in_progress"):
                lines = [self._result(request, results or {}) for request in self.asked(batch["id"])]
                good = b"".join(line for line, ok in filter(None, lines) if ok)
                bad = b"".join(line for line, ok in filter(None, lines) if not ok)
                batch["status"] = status
                if status != "failed":
                    batch["output_file_id"] = self._file(good)["id"] if good else None
                    batch["error_file_id"] = self._file(bad)["id"] if bad else None
                else:
                    batch["errors"] = {"object": "list", "data": [{"code": "c", "message": "too many tokens"}]}

    def _result(self, request: dict[str, Any], results: dict[str, Any]) -> tuple[bytes, bool] | None:
        told = str(request["body"]["messages"])
        given = next((result for text, result in results.items() if text in told), self.last)
        if given is None:
            return None
        answer = given(request["body"]) if callable(given) else given
        response = {"status_code": answer.status, "request_id": "r", "body": json.loads(answer.body)}
        line = {"id": "l", "custom_id": request["custom_id"], "response": response, "error": None}
        return json.dumps(line).encode() + b"\n", answer.status == 200

    def _faulty(self, method: str, path: str) -> Answer | None:
        call = method + " " + re.sub("(batch|file)_[0-9]+", r"\1_N", path.partition("?")[0])
        with self.lock:
            self.calls.append(call)
            waiting = self.faults.get(call)
            return waiting.pop(0) if waiting else None

    def _get(self, path: str) -> Answer:
        if path == "/v1/batches":
            return json_answer({"object": "list", "data": list(self.batches.values())[::-1], "has_more": False})
        if path.startswith("/v1/batches/"):
            batch = self.batches.get(path.rpartition("/")[2])
            return json_answer(batch) if batch else error(404, "no such batch")
        if path.endswith("/content"):
            return Answer(200, self.files[path.split("/")[3]], {"Content-Type": "application/octet-stream"})
        return super().get(path)

    def _file(self, content: bytes) -> dict[str, Any]:
        name = f"file_{len(self.files)}"
        self.files[name] = content
        return {
            "id": name,
            "object": "file",
            "bytes": len(content),
            "created_at": 1,
            "filename": "f",
            "purpose": "batch",
        }

    def _made(self, asked: dict[str, Any]) -> dict[str, Any]:
        assert asked["endpoint"] == "/v1/chat/completions" and asked["completion_window"] == "24h"
        assert asked["input_file_id"] in self.files
        name = f"batch_{len(self.batches)}"
        self.batches[name] = {
            **asked,
            "id": name,
            "object": "batch",
            "status": "validating",
            "created_at": 1,
            "output_file_id": None,
            "error_file_id": None,
            "errors": None,
        }
        return self.batches[name]


def echo(body: dict[str, Any]) -> Answer:
    return completion("good " + body["messages"][0]["content"])
