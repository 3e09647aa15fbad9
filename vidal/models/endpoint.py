"""Whether an OpenAI-compatible endpoint can be reached and has a model: one request, which costs nothing."""

from __future__ import annotations

import json
import os
from typing import Any
from urllib.parse import urlsplit

from vidal.models.checking import CheckResult

TIMEOUT = 10.0
"""Seconds allowed for each part of the answer."""
_LONGEST = 4 << 20
"""Bytes of a list of models beyond which it is not read."""
_UNLISTED = frozenset({404, 405, 501})
"""Statuses of an endpoint that has no list of its models, as some servers have none."""


def check_endpoint(url: str, model: str, api_key_env: str) -> CheckResult:
    """Ask the endpoint for its models. Never raises; no message holds the key.

    `ok` and `present`: it answers, and lists the model or has no list.
    """
    where = _shown(url)
    key = os.environ.get(api_key_env, "").strip()
    if not key:
        message = f"the environment variable {api_key_env}, with the key of {where}, is not set"
        return CheckResult(False, message, "endpoint", where)
    ok, said = _answer(f"{url.rstrip('/')}/models", model, key)
    message = f"{where}, asked with the key in {api_key_env}, {said}".replace(key, "***")
    return CheckResult(ok, message, "endpoint", where, present=ok)


def _answer(address: str, model: str, key: str) -> tuple[bool, str]:
    """Whether the endpoint serves the model, as far as it tells, and what it did, as the end of a sentence."""
    try:
        status, body = _asked(address, key)
    except Exception as error:  # of a library that meets an answer it does not expect
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)[:200]
        return False, f"cannot be reached ({reason}); correct `url`"
    if status in (401, 403):
        return False, "refuses the key"
    if status in _UNLISTED:
        return True, "answers, and has no list of its models"
    names = _names(body) if status == 200 else None
    if names is None:
        return False, f"answers with status {status} and no list of models"
    if model not in names:
        return False, f"has no model {model!r}; it has: {', '.join(sorted(names)[:5]) or 'none'}"
    return True, f"has {model}"


def _asked(address: str, key: str) -> tuple[int, bytes]:
    """Status and body of the answer. ValueError for a body that is too long."""
    import httpx2

    headers = {"Authorization": f"Bearer {key}"}
    body = b""
    with httpx2.stream("GET", address, headers=headers, timeout=TIMEOUT) as answer:
        for part in answer.iter_bytes():
            body += part
            if len(body) > _LONGEST:
                raise ValueError(f"its list of models is longer than {_LONGEST >> 20} MiB")
    return answer.status_code, body


def _names(body: bytes) -> set[str] | None:
    """The names in a list of models; None for what is no such list."""
    try:
        entries: Any = json.loads(body)["data"]
        return {" ".join(str(entry["id"]).split())[:200] for entry in entries}
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _shown(url: str) -> str:
    """An address without a name and a password in it."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
