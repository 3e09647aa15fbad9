"""HTTP as the harvest needs it: polite, to public addresses, bounded, and with errors told apart by whose they are."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from vidal.engine.errors import ConfigError, MissingError, SampleError, TransientError
from vidal.harvest.network.addresses import Allowed, Budget, NoSuchHost, current, guarded, resolve, spending
from vidal.harvest.network.config import NetworkConfig
from vidal.harvest.network.hosts import FRESH_S, Hosts
from vidal.harvest.network.state import Breaker, Pace
from vidal.harvest.network.transport import ANY, Reading, gated, shown, unavailable

REDIRECTS = 10
ANSWER_BYTES = 8 * 2**20
"""Longest answer of an API: read as JSON it may take twenty times as much memory."""
PAGES_BYTES = 64 * 2**20
"""What the pages around one file may weigh together."""
CLASSES = {401: "Refused", 403: "Refused", 404: "NotFound", 410: "NotFound", 451: "GeoBlocked"}
PROXIES = frozenset({"http", "https", "socks5", "socks5h"})
ALIVE_S = 60.0
"""How recent an answer of any host shows that the network is there."""


class Network:
    """One worker's way to other machines. Every request, redirects included, passes the gates of its host."""

    def __init__(self, config: NetworkConfig, base: Path) -> None:
        self.config = config
        self.allowed = Allowed(config.allow)
        self.proxy = _proxy(config.proxy_env)
        self.cookies = (base / config.cookies).resolve() if config.cookies else None
        if self.cookies and not self.cookies.is_file():
            raise MissingError(f"harvest.network.cookies: {self.cookies} is not a file")
        pace = Pace(config.concurrency, config.per_second)
        overrides = {name: Pace(given.concurrency, given.per_second) for name, given in config.hosts.items()}
        breaker = Breaker(config.breaker_failures, config.breaker_cooldown)
        self.hosts = Hosts(pace, config.total_per_second, overrides, breaker, config.patience)
        self._reading = Reading()

    @contextmanager
    def attempt(self, max_bytes: int = ANSWER_BYTES) -> Iterator[Budget]:
        """One attempt at one sample, on this thread: everything inside ends within `network.timeout` seconds and
        `max_bytes` of media. What is left unread at its end is given up."""
        with spending(Budget(self.config.timeout, max_bytes + PAGES_BYTES)) as budget:
            try:
                yield budget
            finally:
                self._reading.end()

    def get_json(self, url: str, parameters: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to a GET. Secrets go into `headers`, never into the URL."""
        with self.open("GET", url, headers, parameters=parameters) as answer:
            content = b"".join(bounded(answer, ANSWER_BYTES))
        try:
            return json.loads(content, parse_constant=_no_number)
        except (ValueError, RecursionError) as error:
            raise SampleError("BadAnswer", f"{shown(url)} did not answer in JSON") from error

    @contextmanager
    def open(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> Iterator[Any]:
        """A response whose body is still to be read; statuses of 400 and above are raised as errors."""
        with self.errors(url):
            answer = self.send(method, url, headers, parameters=parameters)
            try:
                if answer.status_code < 400:
                    yield answer
            finally:
                answer.close()
        if answer.status_code >= 400:
            raise self.status_error(answer.status_code, str(answer.url))

    def send(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None = None,
        *,
        parameters: Mapping[str, Any] | None = None,
        content: Any = None,
    ) -> Any:
        """The response of any status, to be read within `errors`: it holds a place at its host until it is closed, or
        this thread asks for something else."""
        request = self.client.build_request(
            method, url, params=parameters or None, headers=dict(headers or {}), content=content
        )
        return self.client.send(request, stream=True)

    def status_error(self, status: int, url: str) -> SampleError:
        """The error behind an HTTP status: TransientError where a later try may succeed."""
        place = shown(url)
        if status == 429:
            return TransientError("RateLimited", f"HTTP 429 from {place}", pending=True)
        if status == 416:
            return TransientError("BadAnswer", f"HTTP 416 from {place}: another file than an earlier attempt began")
        if unavailable(status):
            return TransientError("Unavailable", f"HTTP {status} from {place}", pending=not self.alive(url))
        return SampleError(CLASSES.get(status, "HttpError"), f"HTTP {status} from {place}")

    def enter(self, key: str) -> Callable[[], None]:
        """Wait for a place at a host, at no cost to the attempt's time; call what is returned to leave it."""
        with _unspent():
            return self.hosts.enter(key)

    def wait(self, name: str, per_second: float, url: str) -> None:
        """Wait for a turn of something that a site counts besides requests, at no cost to the attempt's time.

        PendingError `HostClosed`, without waiting, where the host of `url` is left alone for longer than the patience.
        """
        self.hosts.require_open(self._key(url))
        with _unspent():
            self.hosts.wait(name, per_second)

    @contextmanager
    def errors(self, url: str) -> Iterator[None]:
        """Translates what goes wrong inside to TransientError and SampleError. Whether it is the sample's or the host's
        is asked of the host that the request went to in the end."""
        import httpx2 as httpx

        try:
            yield
        except httpx.TimeoutException as error:
            raise self._trouble("Timeout", "no answer in time", error, url) from error
        except httpx.TooManyRedirects as error:
            raise SampleError("RedirectLoop", f"{shown(url)} leads on and on ({REDIRECTS} times)") from error
        except httpx.LocalProtocolError as error:
            raise SampleError("BadAnswer", f"{shown(url)} cannot be asked for in HTTP; check its headers") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
            raise SampleError("BadAnswer", f"{shown(url)!r}: {error}") from error
        except NoSuchHost as error:
            raise TransientError("NoSuchHost", f"{shown(url)}: no host {error}", pending=not self._online()) from error
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
            raise self._trouble("Incomplete", str(error), error, url) from error
        except httpx.HTTPError as error:
            raise self._trouble("Network", str(error), error, url) from error

    def _trouble(self, error_class: str, what: str, error: Any, url: str) -> TransientError:
        with suppress(RuntimeError):
            url = str(error.request.url)
        return TransientError(error_class, f"{shown(url)}: {what}", pending=not self.alive(url))

    def leave_alone(self, url: str, reason: str) -> None:
        """Ask the host of `url` for nothing for a good while: it takes us for a robot."""
        self.hosts.close(self._key(url), reason)

    def _key(self, url: str) -> str:
        import httpx2 as httpx

        place = httpx.URL(url)
        return self.hosts.key(place.host, place.port)

    def alive(self, url: str) -> bool:
        """Whether the host of `url` serves: it answered since this attempt began, or answers a question for its first
        page, whatever it answers, redirects and errors that speak of the page included.

        Then what went wrong is the sample's, else the host's.
        """
        import httpx2 as httpx

        try:
            place = httpx.URL(url)
        except httpx.InvalidURL:
            return False
        key = self.hosts.key(place.host, place.port)
        since = budget.began if (budget := current()) else time.time() - ALIVE_S
        if self.hosts.state(key).answered >= since - FRESH_S:
            return True
        since = time.time()
        own = Budget(self.config.connect_timeout + self.config.read_timeout, ANSWER_BYTES)
        with spending(own), suppress(httpx.HTTPError, NoSuchHost, SampleError):
            request = self.client.build_request("HEAD", place.join("/"))
            self.client.send(request, stream=True, follow_redirects=False).close()
        return self.hosts.state(key).answered >= since - FRESH_S

    @cached_property
    def client(self) -> Any:
        """One client per worker: it keeps connections, and the TLS context that is costly to make."""
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2 as httpx

        timeout = httpx.Timeout(self.config.read_timeout, connect=self.config.connect_timeout, pool=None)
        return httpx.Client(
            transport=gated(self._transport(), self.hosts, self._reading, self.enter, self._check),
            follow_redirects=True,
            max_redirects=REDIRECTS,
            timeout=timeout,
            trust_env=False,
            headers={"User-Agent": self.config.user_agent, "Accept-Encoding": "gzip, deflate"},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _transport(self) -> Any:
        """What carries requests once they have passed the gates."""
        import httpx2 as httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0)
        transport = httpx.HTTPTransport(trust_env=False, limits=limits, proxy=self.proxy)
        allowed = self.allowed if self.proxy is None else None
        transport._pool._network_backend = guarded(transport._pool._network_backend, allowed)
        return transport

    def _check(self, host: str, port: int) -> None:
        """Behind a proxy no connection shows where a host lies: refuse it as far as its name tells this machine."""
        if self.proxy:
            with suppress(OSError, NoSuchHost):
                resolve(host, port, self.allowed)

    def _online(self) -> bool:
        """Whether any host answered lately: else not the name is wrong, but the network is gone."""
        return time.time() - self.hosts.state(ANY).answered < ALIVE_S


def _proxy(variable: str | None) -> str | None:
    """The proxy's URL out of the environment; errors name the variable, never what it holds."""
    import httpx2 as httpx

    if variable is None:
        return None
    where = f"harvest.network.proxy_env: the environment variable {variable}"
    if not (value := os.environ.get(variable, "").strip()):
        raise MissingError(f"{where} is not set; it holds the proxy's URL")
    try:
        place = httpx.URL(value)
    except httpx.InvalidURL:
        place = httpx.URL()
    if place.scheme not in PROXIES or not place.host:
        raise ConfigError(f"{where} does not hold the URL of a proxy, such as http://proxy.example:8080")
    return value


def _no_number(name: str) -> None:
    raise ValueError(f"{name} is no number of JSON")


@contextmanager
def _unspent() -> Iterator[None]:
    """The time spent inside is not counted as the attempt's."""
    began = time.monotonic()
    try:
        yield
    finally:
        if budget := current():
            budget.extend(time.monotonic() - began)


def bounded(answer: Any, limit: int) -> Iterator[bytes]:
    """The body of a response, decoded, within `limit` bytes and the attempt's budget."""
    stated = answer.headers.get("Content-Length", "")
    if stated.isascii() and stated.isdigit() and int(stated) > limit:
        raise SampleError("TooLarge", f"{shown(answer.url)} states {int(stated):,} bytes; the limit is {limit:,}")
    size, budget = 0, current()
    for chunk in answer.iter_bytes():
        size += len(chunk)
        if size > limit:
            raise SampleError("TooLarge", f"{shown(answer.url)} is larger than {limit:,} bytes")
        if budget:
            budget.left()
            budget.spend(len(chunk))
        yield chunk
