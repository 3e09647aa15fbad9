"""Requests a second of the room that asks language models, beside a bare loop of httpx on the same endpoint in the same
run, the CPU seconds of a call, and answers from the cache a second.

python bench/refine.py [--calls 500] [--requests 32] [--latency 0.05]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from vidal.caption.llm import Ask, Endpoint, EndpointConfig
from vidal.caption.llm.asks import body_of
from vidal.engine.workspace import Workspace

KEY_ENV = "VIDAL_BENCH_KEY"
ANSWER = {
    "id": "chatcmpl-1",
    "object": "chat.completion",
    "created": 1,
    "model": "m",
    "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "A dog. " * 40}}],
    "usage": {"prompt_tokens": 500, "completion_tokens": 80, "total_tokens": 580},
}


@dataclass(frozen=True)
class Rate:
    """Answers a second of wall time, and the CPU seconds that one took in this process."""

    per_second: float
    cpu: float


def main() -> None:
    """Serve answers from a process of their own, ask for them in both ways, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", type=int, default=500)
    parser.add_argument("--requests", type=int, default=32, help="requests in flight")
    parser.add_argument("--latency", type=float, default=0.05, help="seconds the endpoint thinks before an answer")
    options = parser.parse_args()
    os.environ[KEY_ENV] = "bench"
    asks = [
        Ask([{"role": "user", "content": f"{number} {'a title and its captions ' * 60}"}], str)
        for number in range(options.calls)
    ]
    with tempfile.TemporaryDirectory(prefix="vidal-bench-") as folder, served(options.latency) as url:
        config = EndpointConfig(url=url, model="m", api_key_env=KEY_ENV, requests=options.requests)
        warm(config, folder)
        bare = measured(len(asks), lambda: asyncio.run(bare_loop(config, asks)))
        endpoint = Endpoint(config, Workspace(f"{folder}/w"), "bench")
        endpoint.open()
        asked = measured(len(asks), lambda: endpoint.ask_all(asks))
        cached = measured(len(asks), lambda: endpoint.ask_all(asks))
        endpoint.close()
    print(f"{options.calls} calls, {options.requests} in flight; the endpoint thinks {options.latency:g} s")
    print(f"\n{'':24}{'per second':>12}{'x bare':>8}{'CPU ms/call':>13}")
    for name, rate in (("bare httpx", bare), ("vidal, asked", asked), ("vidal, from the cache", cached)):
        print(f"{name:24}{rate.per_second:12.1f}{rate.per_second / bare.per_second:8.2f}{1000 * rate.cpu:13.2f}")


def warm(config: EndpointConfig, folder: str) -> None:
    """Load the libraries and one connection, so that neither way pays for them."""
    endpoint = Endpoint(config, Workspace(f"{folder}/warm"), "warm")
    endpoint.open()
    endpoint.ask_all([Ask([{"role": "user", "content": "warm"}], str)])
    endpoint.close()


def measured(calls: int, work: Callable[[], Any]) -> Rate:
    started, cpu = time.perf_counter(), time.process_time()
    work()
    return Rate(calls / (time.perf_counter() - started), (time.process_time() - cpu) / calls)


async def bare_loop(config: EndpointConfig, asks: list[Ask[str]]) -> None:
    """The same requests, by as many tasks as may be in flight, with nothing kept or counted."""
    import httpx2 as httpx

    bodies = iter([body_of(config, ask) for ask in asks])
    async with httpx.AsyncClient(headers={"Authorization": "Bearer bench"}, timeout=60) as client:

        async def ask() -> None:
            for body in bodies:
                answer = await client.post(f"{config.url}/chat/completions", json=body)
                answer.raise_for_status()
                answer.json()

        await asyncio.gather(*(ask() for _ in range(config.requests)))


@contextmanager
def served(latency: float) -> Iterator[str]:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(latency, theirs), daemon=True)
    process.start()
    try:
        yield f"http://127.0.0.1:{ours.recv()}/v1"
    finally:
        process.terminate()
        process.join()


def serve(latency: float, connection: Connection) -> None:
    """Answers HTTP/1.1 with the same completion, as cheaply as Python can."""
    content = json.dumps(ANSWER).encode()
    head = f"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n".encode()

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                request = await reader.readuntil(b"\r\n\r\n")
                length = next(line for line in request.lower().split(b"\r\n") if line.startswith(b"content-length:"))
                await reader.readexactly(int(length.partition(b":")[2]))
                await asyncio.sleep(latency)
                writer.write(head + content)

    async def run() -> None:
        server = await asyncio.start_server(answer, "127.0.0.1", 0)
        connection.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


if __name__ == "__main__":
    main()
