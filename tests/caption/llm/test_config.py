from __future__ import annotations

import pytest
from pydantic import ValidationError

from vidal.caption.llm import EndpointConfig, Price
from vidal.caption.llm.config import OWN


def config(**changes):
    return EndpointConfig(**{"model": "m", **changes})


@pytest.mark.parametrize(
    "url",
    [
        "https://user:secret@host/v1",
        "https://user@host/v1",
        "https://host/v1?key=secret",
        "https://host/v1#secret",
        "ftp://host/v1",
        "host/v1",
    ],
)
def test_an_address_that_may_hold_a_secret_is_refused(url):
    with pytest.raises(ValidationError):
        config(url=url)


def test_an_address_has_one_form():
    assert config(url="http://host:8000/v1/").url == "http://host:8000/v1"


@pytest.mark.parametrize("name", sorted(OWN))
def test_what_a_request_says_by_itself_is_no_parameter(name):
    with pytest.raises(ValidationError, match=f"{name} is not set here"):
        config(parameters={name: 1})


def test_a_budget_needs_a_price():
    with pytest.raises(ValidationError, match="a budget needs a price"):
        config(budget=1.0)
    assert config(budget=1.0, price=Price(input=1, output=2)).budget == 1.0


def test_a_price_is_per_million_tokens():
    assert Price(input=0.15, output=0.6).dollars(2_000_000, 500_000) == pytest.approx(0.6)


def test_the_settings_are_what_decides_an_answer():
    known = config().settings()
    for name, value in {"url": "http://h", "model": "n", "max_tokens": 7, "parameters": {}}.items():
        assert config(**{name: value}).settings() != known
    assert config(response_format="text").settings() != known
    money = {"price": Price(input=1, output=1), "budget": 3}
    assert config(requests=3, timeout=4, api_key_env="OTHER", batch=True, **money).settings() == known
