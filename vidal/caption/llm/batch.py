"""Requests through the provider's Batch API: uploaded as a file, answered within a day, collected by a later run.

What is under way lies in the workspace, a file per batch, written before the batch is made: a run that is killed in
between finds its batch again by the metadata it was made with, and asks for nothing twice.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, TypeVar

from vidal.caption.llm.asks import Reply, read_reply
from vidal.caption.llm.client import PASSING, Client, Denied
from vidal.engine.errors import PendingError, SampleError
from vidal.engine.workspace import Workspace

T = TypeVar("T")
FOLDER = "batches"
WINDOW, PATH = "24h", "/v1/chat/completions"
MARK = "vidal"
"""The key in a batch's metadata under which its name stands."""
MOST_REQUESTS, MOST_BYTES = 50_000, 150 * 2**20
"""Limits of one batch: 50,000 requests and 200 MB (OpenAI, Batch API guide), of which some is left free."""
ENDED = frozenset({"completed", "expired", "cancelled"})
"""The states in which a batch has all the results it will ever have."""


@dataclass(frozen=True)
class Open:
    """A batch under way: its requests by name, the most it may cost in dollars, and the provider's id of it, once it is
    known."""

    name: str
    requests: tuple[str, ...]
    dollars: float
    id: str | None = None


@dataclass(frozen=True)
class Collected:
    """What has become of a batch: replies and refusals by request. What is in neither is to be asked again."""

    replies: Mapping[str, Reply]
    refusals: Mapping[str, SampleError]


class Batches:
    """The batches of one endpoint in one workspace."""

    def __init__(self, client: Client, workspace: Workspace, key: str) -> None:
        self._client = client
        self._workspace, self._folder = workspace, f"{FOLDER}/{key}"
        self.open = {batch.name: batch for batch in opened(workspace, key)}
        self._of = {request: batch.name for batch in self.open.values() for request in batch.requests}

    def of(self, requests: Iterable[str]) -> list[Open]:
        """The open batches that some requests are in."""
        names = dict.fromkeys(self._of[request] for request in requests if request in self._of)
        return [self.open[name] for name in names]

    async def submit(self, bodies: Mapping[str, Mapping[str, Any]], dollars: float) -> None:
        """Ask for requests, given by name, that fit one batch and together may cost so much.

        Raises ConfigError where the endpoint takes no batches, PendingError where it does not answer.
        """
        batch = Open(name_of(bodies), tuple(bodies), dollars)
        self._keep(batch)
        await self._make(batch, b"".join(request_line(name, body) for name, body in bodies.items()))

    async def collect(self, batch: Open) -> Collected | None:
        """What has become of a batch, None while it is under way. It stays open until `forget` is called.

        Raises PendingError where that cannot be told now, or, as `BatchFailed`, where the provider refuses it.
        """
        found = await self._found(batch)
        if found is None:
            return Collected({}, {})
        if found.status == "failed":
            errors = (found.errors and found.errors.data) or ()
            line = self._client.safe("; ".join(str(error.message) for error in errors)) or "no reason told"
            raise PendingError("BatchFailed", f"the provider refuses the batch {batch.id}: {line}")
        if found.status not in ENDED:
            return None
        replies: dict[str, Reply] = {}
        refusals: dict[str, SampleError] = {}
        for file in filter(None, (found.output_file_id, found.error_file_id)):
            for name, outcome in outcomes(await self._content(file), frozenset(batch.requests)):
                if isinstance(outcome, Reply):
                    replies[name] = outcome
                else:
                    refusals[name] = SampleError(outcome.error_class, self._client.safe(str(outcome)))
        return Collected(replies, refusals)

    def forget(self, batch: Open) -> None:
        """Take a batch off the list, once all it has answered lies in the cache."""
        self._workspace.remove(f"{self._folder}/{batch.name}.json")
        del self.open[batch.name]
        for request in batch.requests:
            self._of.pop(request, None)

    async def _make(self, batch: Open, content: bytes) -> None:
        openai = self._client.openai
        name = ("requests.jsonl", content)
        try:
            file = await self._call(lambda: openai.files.create(file=name, purpose="batch"))
            made = await self._call(
                lambda: openai.batches.create(
                    input_file_id=file.id, endpoint=PATH, completion_window=WINDOW, metadata={MARK: batch.name}
                )
            )
        except PendingError:
            raise
        except SampleError as error:
            self.forget(batch)
            raise self._client.no_batches(str(error)) from None
        self._keep(replace(batch, id=made.id))

    async def _found(self, batch: Open) -> Any:
        """The batch at the provider, None where it never was made or is no longer known there."""
        openai = self._client.openai
        if batch.id is not None:
            known = batch.id
            try:
                return await self._call(lambda: openai.batches.retrieve(known))
            except Denied:
                return None

        async def listed() -> Any:
            async for made in openai.batches.list(limit=100):
                usable = made.status not in ("failed", "expired", "cancelled", "cancelling")
                if usable and (made.metadata or {}).get(MARK) == batch.name:
                    return made
            return None

        try:
            made = await self._call(listed)
        except Denied:
            return None
        if made is not None:
            self._keep(replace(batch, id=made.id))
        return made

    async def _content(self, file: str) -> bytes:
        return (await self._call(lambda: self._client.openai.files.content(file))).content

    async def _call(self, make: Callable[[], Awaitable[T]]) -> T:
        return await self._client.patiently(make)

    def _keep(self, batch: Open) -> None:
        self._workspace.write_json(f"{self._folder}/{batch.name}.json", asdict(batch))
        self.open[batch.name] = batch
        self._of.update(dict.fromkeys(batch.requests, batch.name))


def opened(workspace: Workspace, key: str) -> Iterator[Open]:
    """The batches under way of an endpoint, by the key of its section."""
    for file in workspace.list(f"{FOLDER}/{key}"):
        record = workspace.read_json(f"{FOLDER}/{key}/{file}")
        yield Open(record["name"], tuple(record["requests"]), record["dollars"], record["id"])


def name_of(requests: Iterable[str]) -> str:
    """The name of a batch: a hash of its requests."""
    return hashlib.sha256("\n".join(sorted(requests)).encode()).hexdigest()[:32]


def request_line(name: str, body: Mapping[str, Any]) -> bytes:
    """A request as a line of the file that is uploaded."""
    line = {"custom_id": name, "method": "POST", "url": PATH, "body": body}
    return json.dumps(line, ensure_ascii=False).encode() + b"\n"


def chunks(sizes: Mapping[str, int]) -> Iterator[Sequence[str]]:
    """The names in order, in runs that fit a batch."""
    run: list[str] = []
    total = 0
    for name, size in sizes.items():
        if run and (len(run) == MOST_REQUESTS or total + size > MOST_BYTES):
            yield run
            run, total = [], 0
        run.append(name)
        total += size
    if run:
        yield run


def outcomes(content: bytes, known: frozenset[str]) -> Iterator[tuple[str, Reply | SampleError]]:
    """The replies and the lasting refusals in a file of results, of the requests that are known. What failed for now,
    has expired or is no result is left out: it is to be asked again."""
    for line in content.splitlines():
        try:
            result = json.loads(line)
            name, response = result["custom_id"], result["response"]
            status, body = response["status_code"], response["body"]
            if name not in known or type(status) is not int:
                continue
            if status == 200:
                yield name, read_reply(body)
            elif 400 <= status < 500 and status not in PASSING | {429}:
                message = str(body["error"]["message"]).strip().splitlines() or [""]
                yield name, SampleError("Refused", f"status {status}: {message[0][:300]}")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue
