"""Which addresses may be connected to, decided after the name is resolved and once for every connection."""

from __future__ import annotations

import ipaddress
import socket
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any

from vidal.engine.errors import ConfigError, SampleError, TransientError

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

UNICAST = ipaddress.ip_network("2000::/3")
"""The IPv6 addresses that are given out to the public (IANA, IPv6 address space); all others are of special use."""
NAT64 = ipaddress.ip_network("64:ff9b::/96")
"""IPv6 addresses that stand for IPv4 ones (RFC 6052, section 2.1)."""


class NoSuchHost(Exception):
    """The name of a host does not resolve, for good; another kind of trouble with names is a ConnectError."""


class Allowed:
    """Hosts and ranges that the pipeline file allows although they are not public: names, addresses, `10.0.0.0/8`."""

    def __init__(self, entries: Iterable[str]) -> None:
        self.names: set[str] = set()
        self.networks: list[Network] = []
        for entry in entries:
            try:
                self.networks.append(ipaddress.ip_network(entry))
            except ValueError:
                if "/" in entry or not entry:
                    raise ConfigError(
                        f"harvest.network.allow: {entry!r} is neither the name of a host nor a range such as 10.0.0.0/8"
                    ) from None
                self.names.add(_plain(entry))

    def permits(self, host: str, address: Address) -> bool:
        """Whether a connection to `address`, which `host` resolved to, may be made."""
        address = embedded(address)
        return public(address) or _plain(host) in self.names or any(address in network for network in self.networks)


def public(address: Address) -> bool:
    """Whether an address is one of the public internet, and of one machine."""
    if isinstance(address, ipaddress.IPv6Address) and address not in UNICAST:
        return False
    return address.is_global and not address.is_multicast


def embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 address stands for (mapped, 6to4, NAT64), else the address itself."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def resolve(host: str, port: int, allowed: Allowed) -> list[str]:
    """The addresses of a host, in the system's order; SampleError `PrivateAddress` where one of them is not permitted.

    One is enough: a name that leads to both is an attack or a mistake.
    """
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except socket.gaierror as error:
        if error.errno in (socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)):
            raise NoSuchHost(host) from error
        raise
    except UnicodeError as error:
        raise SampleError("BadAnswer", f"{host[:100]!r} is not the name of a host") from error
    addresses = list(dict.fromkeys(str(place[0]) for *_, place in found))
    for address in addresses:
        if not allowed.permits(host, ipaddress.ip_address(address.partition("%")[0])):
            raise SampleError(
                "PrivateAddress", f"{host} leads to {address}, which is not public; harvest.network.allow can permit it"
            )
    return addresses


class Budget:
    """What one attempt at a sample may still cost: a deadline, and bytes received, of pages and media together."""

    def __init__(self, seconds: float, limit: int) -> None:
        self.began = time.time()
        self.seconds = seconds
        self.limit = limit
        self.received = 0
        self._deadline = time.monotonic() + seconds

    def left(self) -> float:
        """Seconds until the deadline; TransientError `Timeout` where it has passed."""
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TransientError("Timeout", f"not done after {self.seconds:g} s")
        return left

    def extend(self, seconds: float) -> None:
        """Put the deadline off by time that was spent waiting for a turn."""
        self._deadline += seconds

    def spend(self, size: int) -> None:
        """Count bytes received; SampleError `TooLarge` above the limit."""
        self.received += size
        if self.received > self.limit:
            raise SampleError("TooLarge", f"more than {self.limit:,} bytes")


_current = threading.local()


def current() -> Budget | None:
    """The budget of the attempt that this thread is at."""
    return getattr(_current, "budget", None)


@contextmanager
def spending(budget: Budget) -> Iterator[Budget]:
    """Everything this thread asks of the network inside the block is at the cost of `budget`."""
    before, _current.budget = current(), budget
    try:
        yield budget
    finally:
        _current.budget = before


def guarded(inner: Any, allowed: Allowed | None) -> Any:
    """The backend `inner` of httpcore, made to connect to permitted addresses only (None: to all, where it knows none
    but the proxy's), and never to wait past the budget's deadline."""
    import httpcore2 as httpcore

    class Stream(httpcore.NetworkStream):
        """A connection whose every read and write ends in time: one that trickles cannot outlive the deadline."""

        def __init__(self, stream: Any) -> None:
            self._stream = stream

        def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
            return self._stream.read(max_bytes, _within(timeout))

        def write(self, buffer: bytes, timeout: float | None = None) -> None:
            self._stream.write(buffer, _within(timeout))

        def start_tls(self, ssl_context: Any, server_hostname: str | None = None, timeout: float | None = None) -> Any:
            return Stream(self._stream.start_tls(ssl_context, server_hostname, _within(timeout)))

        def get_extra_info(self, info: str) -> Any:
            return self._stream.get_extra_info(info)

        def close(self) -> None:
            self._stream.close()

    class Backend(httpcore.NetworkBackend):
        def connect_tcp(
            self,
            host: str,
            port: int,
            timeout: float | None = None,
            local_address: str | None = None,
            socket_options: Any = None,
        ) -> Any:
            def connected(address: str) -> Any:
                return Stream(inner.connect_tcp(address, port, _within(timeout), local_address, socket_options))

            if allowed is None:
                return connected(host)
            *first, last = _resolved(host, port, allowed)
            for address in first:
                with suppress(httpcore.ConnectError, httpcore.ConnectTimeout):
                    return connected(address)
            return connected(last)

    return Backend()


def _resolved(host: str, port: int, allowed: Allowed) -> list[str]:
    import httpcore2 as httpcore

    try:
        return resolve(host, port, allowed)
    except OSError as error:
        raise httpcore.ConnectError(str(error)) from error


def _within(timeout: float | None) -> float | None:
    budget = current()
    return timeout if budget is None else min(budget.left(), timeout or float("inf"))


def _plain(host: str) -> str:
    """A host's name as it is asked for: lower case, international letters encoded, no dot at the end."""
    try:
        return host.rstrip(".").encode("idna").decode("ascii").lower()
    except UnicodeError:
        return host.rstrip(".").lower()
