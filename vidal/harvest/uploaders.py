"""What is kept of who uploaded a clip or a sound."""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Mapping
from typing import Any

from vidal.engine.errors import MissingError
from vidal.harvest.config import UploaderConfig


class Uploaders:
    """The policy of `harvest.uploaders`, applied before anything about an uploader is written."""

    def __init__(self, config: UploaderConfig) -> None:
        self.keep = config.keep
        self._key_env = config.key_env

    def kept(self, facts: Mapping[str, Any]) -> dict[str, Any]:
        """The facts of a candidate with its uploader as the policy has it. Raises MissingError without a key."""
        if self.keep == "names" or not (facts.get("uploader") or facts.get("uploader_id")):
            return dict(facts)
        hashed = self.hashed(facts.get("uploader_id") or facts["uploader"]) if self.keep == "hashes" else None
        return {**facts, "uploader": None, "uploader_id": hashed}

    def hashed(self, uploader: str) -> str:
        """The keyed hash that stands for an uploader: the first 32 hexadecimal digits of HMAC-SHA-256 (RFC 2104)."""
        key = os.environ.get(self._key_env)
        if not key:
            raise MissingError(
                f"harvest.uploaders: the environment variable {self._key_env} is not set; it holds the secret key of "
                "the hashes that stand for uploaders"
            )
        return hmac.new(key.encode(), uploader.strip().encode("utf-8", "replace"), hashlib.sha256).hexdigest()[:32]
