"""The endpoint of a test, and the key it is asked with. No request waits long before it is tried again."""

from __future__ import annotations

import pytest

from tests.caption.endpoint import KEY, KEY_ENV, Endpoint
from vidal.caption.llm import pace


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)
    monkeypatch.setattr(pace, "BACKOFF", 0.001)
    with Endpoint() as endpoint:
        yield endpoint
