"""The `harvest.network` section of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from vidal.engine.config import Section


class HostConfig(Section):
    """How one host is asked."""

    concurrency: int = Field(2, ge=1, le=256)
    """Most requests at once."""
    per_second: float = Field(1.0, gt=0)
    """Most requests begun in a second."""


class NetworkConfig(Section):
    """How other machines are asked: slowly, unless told otherwise. It decides speed and reach, never a result."""

    concurrency: int = Field(2, ge=1, le=256)
    """Most requests to one host at once, from all workers of this machine."""
    per_second: float = Field(1.0, gt=0)
    """Most requests to one host begun in a second."""
    total_per_second: float = Field(20.0, gt=0)
    """Most requests to all hosts begun in a second."""
    hosts: dict[str, HostConfig] = {}
    """Other figures for hosts, by name or pattern such as `*.example.org`; the hosts of a pattern count as one."""
    allow: tuple[str, ...] = ()
    """Hosts, addresses and ranges that may be reached although they are not public, such as `10.1.0.0/16`."""
    connect_timeout: float = Field(10.0, gt=0)
    """Seconds allowed to connect."""
    read_timeout: float = Field(20.0, gt=0)
    """Seconds allowed between two reads of an answer."""
    timeout: float = Field(300.0, gt=0)
    """Seconds allowed for all requests of one attempt at a sample, waiting for turns not counted."""
    patience: float = Field(60.0, ge=0)
    """Seconds waited for a host that is left alone; where it is for longer, samples stay pending."""
    breaker_failures: int = Field(5, ge=1)
    """Failures in a row after which a host is left alone."""
    breaker_cooldown: float = Field(60.0, gt=0)
    """Seconds a host is left alone at first; twice as long each time it fails again, an hour at most."""
    proxy_env: str | None = None
    """The environment variable that holds a proxy's URL."""
    cookies: str | None = None
    """A file of cookies in Netscape's format, relative to the pipeline file, for sites that yt-dlp reads."""
    user_agent: str = "vidal (dataset builder)"
    """What requests say they come from; pages that yt-dlp reads get its own."""
