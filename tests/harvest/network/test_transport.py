"""What headers and addresses say."""

from __future__ import annotations

import time
from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.harvest.network.transport import retry_after, shown, unavailable


@given(st.integers(0, 10**11))
def test_a_rest_in_seconds(seconds):
    assert retry_after(str(seconds)) == retry_after(f" {seconds} ") == seconds


@given(st.integers(1, 10**6))
def test_a_rest_until_a_date(seconds):
    found = retry_after(formatdate(time.time() + seconds, usegmt=True))
    assert seconds - 5 <= found <= seconds + 1
    assert retry_after(formatdate(time.time() - seconds, usegmt=True)) == 0.0


@given(st.text())
def test_anything_else_asks_for_nothing_or_for_some_seconds(text):
    found = retry_after(text)
    assert found is None or found >= 0


@pytest.mark.parametrize("value", [None, "", "soon", "-1", "1.5", "\u0663", "Wed, 99 Nov 2026 99:99:99 GMT"])
def test_what_says_no_time(value):
    assert retry_after(value) is None


@given(st.text(st.characters(codec="ascii"), max_size=60))
def test_an_address_is_shown_without_what_may_be_secret(text):
    assert "s3cret" not in shown(f"https://me:s3cret@site.example/{text.replace('s3cret', '')}?k=s3cret#s3cret")


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("https://u:p@site.example:8443/a/b?x=1#y", "https://site.example:8443/a/b"),
        ("http://site.example", "http://site.example"),
        ("http://me:pw@site.example:port/x?y", "site.example:port/x"),
        ("ytsearch3:cats", "ytsearch3:cats"),
        ("", ""),
    ],
)
def test_how_addresses_are_shown(url, text):
    assert shown(url) == text


@given(st.integers(100, 599))
def test_which_statuses_say_that_a_host_cannot_serve(status):
    assert unavailable(status) == (status in (408, 425) or (status >= 500 and status not in (501, 505)))
