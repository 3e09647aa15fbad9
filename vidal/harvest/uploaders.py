"""What is kept of who uploaded a clip or a sound."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from vidal.engine.errors import MissingError
from vidal.harvest.config import UploaderConfig
from vidal.harvest.screening.deny import uploader_name

COLUMNS = ("uploader", "uploader_id")


class Uploaders:
    """The policy of `harvest.uploaders`, applied before anything about an uploader is written."""

    def __init__(self, config: UploaderConfig) -> None:
        self.keep = config.keep
        self._key_env = config.key_env

    def kept(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a candidate with its uploader's name and id as the policy has them. Raises MissingError without
        a key."""
        told = {name: self.stored(facts[name]) for name in COLUMNS if facts.get(name)}
        return {**facts, **told}

    def stored(self, name: str) -> str | None:
        """What stands for an uploader's name or id: itself, its hash, or nothing."""
        if self.keep == "names":
            return name
        return self._hashed(name) if self.keep == "hashes" else None

    def _hashed(self, name: str) -> str:
        """The first 32 hexadecimal digits of the HMAC-SHA-256 (RFC 2104) of a name in its one spelling."""
        key = os.environ.get(self._key_env)
        if not key:
            raise MissingError(
                f"harvest.uploaders: the environment variable {self._key_env} is not set; it holds the secret key of "
                "the hashes that stand for uploaders"
            )
        spelled = uploader_name(name).encode("utf-8", "replace")
        return hmac.new(key.encode("utf-8", "surrogateescape"), spelled, hashlib.sha256).hexdigest()[:32]
