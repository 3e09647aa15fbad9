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

from vidal.engine.errors import MissingError, SampleError, TransientError
from vidal.harvest.network.addresses import Allowed, Budget, NoSuchHost, current, guarded, resolve, spending
from vidal.harvest.network.config import NetworkConfig
from vidal.harvest.network.hosts import Breaker, Hosts, Pace
from vidal.harvest.network.transport import ANY, UNAVAILABLE, gated

REDIRECTS = 10
ANSWER_BYTES = 16 * 2**20
PAGES_BYTES = 64 * 2**20
"""What the pages around one file may weigh together."""
CLASSES = {401: "Refused", 403: "Refused", 404: "NotFound", 410: "NotFound", 451: "GeoBlocked"}
ALIVE_S = 60.0
"""How recent an answer of any host shows that the network is there."""


class Network:
    """One worker's way to other machines. Every request, redirects included, passes the gates of its host."""

    def __init__(self, config: NetworkConfig, base: Path) -> None:
        self.config = config
        self.allowed = Allowed(config.allow)
        self.cookies = (base / config.cookies).resolve() if config.cookies else None
        if self.cookies and not self.cookies.is_file():
            raise MissingError(f"harvest.network.cookies: {self.cookies} is not a file")
        pace = Pace(config.concurrency, config.per_second)
        overrides = {name: Pace(given.concurrency, given.per_second) for name, given in config.hosts.items()}
        breaker = Breaker(config.breaker_failures, config.breaker_cooldown)
        self.hosts = Hosts(pace, config.total_per_second, overrides, breaker, config.patience)

    @contextmanager
    def attempt(self, max_bytes: int = ANSWER_BYTES) -> Iterator[Budget]:
        """One attempt at one sample: everything inside ends within `network.timeout` seconds and `max_bytes` of media.

        Of the transient errors it meets, those that no other sample of the host would be spared are pending.
        """
        with spending(Budget(self.config.timeout, max_bytes + PAGES_BYTES)) as budget:
            yield budget

    def get_json(self, url: str, parameters: Mapping[str, Any], headers: Mapping[str, str] | None = None) -> Any:
        """The JSON answer to a GET. Secrets go into `headers`, never into the URL, which error messages name."""
        with self.open("GET", url, headers, parameters=parameters) as answer:
            content = b"".join(bounded(answer, ANSWER_BYTES))
        try:
            return json.loads(content)
        except ValueError as error:
            raise SampleError("BadAnswer", f"{url} did not answer in JSON") from error

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
        """The response of any status, to be read within `errors` and closed: it holds a place at its host."""
        request = self.client.build_request(
            method, url, params=parameters or None, headers=dict(headers or {}), content=content
        )
        return self.client.send(request, stream=True)

    def status_error(self, status: int, url: str) -> SampleError:
        """The error behind an HTTP status: TransientError where a later try may succeed."""
        if status == 429:
            return TransientError("RateLimited", f"HTTP 429 from {url}", pending=True)
        if status == 416:
            return TransientError("BadAnswer", f"HTTP 416 from {url}: another file than an earlier attempt began")
        if status in UNAVAILABLE:
            return TransientError("Unavailable", f"HTTP {status} from {url}", pending=not self.alive(url))
        return SampleError(CLASSES.get(status, "HttpError"), f"HTTP {status} from {url}")

    def enter(self, key: str) -> Callable[[], None]:
        """Wait for a place at a host, at no cost to the attempt's time; call what is returned to leave it."""
        began = time.monotonic()
        try:
            return self.hosts.enter(key)
        finally:
            if budget := current():
                budget.extend(time.monotonic() - began)

    @contextmanager
    def errors(self, url: str) -> Iterator[None]:
        """Translates what goes wrong inside to TransientError and SampleError."""
        import httpx2 as httpx

        try:
            yield
        except httpx.TimeoutException as error:
            raise TransientError("Timeout", f"{url} did not answer in time", pending=not self.alive(url)) from error
        except httpx.TooManyRedirects as error:
            raise SampleError("RedirectLoop", f"{url} leads on and on ({REDIRECTS} times)") from error
        except (httpx.UnsupportedProtocol, httpx.InvalidURL, ValueError) as error:
            raise SampleError("BadAnswer", f"{str(url)[:300]!r}: {error}") from error
        except NoSuchHost as error:
            raise TransientError("NoSuchHost", f"{url}: no such host", pending=not self._online()) from error
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.DecodingError) as error:
            raise TransientError("Incomplete", f"{url}: {error}", pending=not self.alive(url)) from error
        except httpx.HTTPError as error:
            raise TransientError("Network", f"{url}: {error}", pending=not self.alive(url)) from error

    def leave_alone(self, url: str, reason: str) -> None:
        """Ask the host of `url` for nothing for a good while: it takes us for a robot."""
        import httpx2 as httpx

        place = httpx.URL(url)
        self.hosts.close(self.hosts.key(place.host, place.port), reason)

    def alive(self, url: str) -> bool:
        """Whether the host of `url` serves: it answered within this attempt, or answers a question for its first page.

        Then what went wrong is the sample's, else the host's.
        """
        import httpx2 as httpx

        try:
            place = httpx.URL(url)
            key = self.hosts.key(place.host, place.port)
            began = budget.began if (budget := current()) else time.time() - ALIVE_S
            if self.hosts.state(key).answered >= began:
                return True
            answer = self.send("HEAD", str(place.join("/")))
            answer.close()
            return answer.status_code < 500 and answer.status_code != 429
        except (httpx.HTTPError, httpx.InvalidURL, NoSuchHost, SampleError):
            return False

    @cached_property
    def client(self) -> Any:
        """One client per worker: it keeps connections, and the TLS context that is costly to make."""
        from http.cookiejar import CookieJar, DefaultCookiePolicy

        import httpx2 as httpx

        limits = httpx.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=30.0)
        transport = httpx.HTTPTransport(trust_env=False, limits=limits, proxy=self._proxy())
        if self._proxy() is None:
            transport._pool._network_backend = guarded(self.allowed)
        timeout = httpx.Timeout(self.config.read_timeout, connect=self.config.connect_timeout, pool=None)
        return httpx.Client(
            transport=gated(transport, self.hosts, self.enter, self._check),
            follow_redirects=True,
            max_redirects=REDIRECTS,
            timeout=timeout,
            trust_env=False,
            headers={"User-Agent": self.config.user_agent},
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
        )

    def _check(self, host: str, port: int) -> None:
        """Behind a proxy no connection shows where a host lies: refuse it as far as its name tells this machine."""
        if self._proxy():
            with suppress(OSError, NoSuchHost):
                resolve(host, port, self.allowed)

    def _proxy(self) -> str | None:
        name = self.config.proxy_env
        if name is None:
            return None
        if not os.environ.get(name):
            raise MissingError(
                f"harvest.network.proxy_env: the environment variable {name} is not set; it holds the proxy's URL"
            )
        return os.environ[name]

    def _online(self) -> bool:
        """Whether any host answered lately: else not the name is wrong, but the network is gone."""
        return time.time() - self.hosts.state(ANY).answered < ALIVE_S


def bounded(answer: Any, limit: int) -> Iterator[bytes]:
    """The body of a response, decoded, within `limit` bytes and the attempt's budget."""
    stated = answer.headers.get("Content-Length", "")
    if stated.isascii() and stated.isdigit() and int(stated) > limit:
        raise SampleError("TooLarge", f"{answer.url} states {int(stated):,} bytes; the limit is {limit:,}")
    size, budget = 0, current()
    for chunk in answer.iter_bytes(65536):
        size += len(chunk)
        if size > limit:
            raise SampleError("TooLarge", f"{answer.url} is larger than {limit:,} bytes")
        if budget:
            budget.left()
            budget.spend(len(chunk))
        yield chunk
