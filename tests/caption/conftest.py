"""The endpoint of a test, and the key it is asked with."""

from __future__ import annotations

import pytest

from tests.caption.endpoint import KEY, KEY_ENV, Endpoint


@pytest.fixture
def endpoint(monkeypatch):
    monkeypatch.setenv(KEY_ENV, KEY)
    with Endpoint() as endpoint:
        yield endpoint
