from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine.errors import MissingError
from vidal.harvest.config import UploaderConfig
from vidal.harvest.uploaders import Uploaders

KEY = "VIDAL_UPLOADER_KEY"
FACTS = {"title": "A red ball", "uploader": "Some One", "uploader_id": "@SomeOne", "licence": None}


def test_names_are_kept_as_they_are(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    assert Uploaders(UploaderConfig()).kept(FACTS) == FACTS


def test_nothing_is_nothing_without_a_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    kept = Uploaders(UploaderConfig(keep="nothing")).kept(FACTS)
    assert kept == {**FACTS, "uploader": None, "uploader_id": None}


def test_hashes_are_keyed_by_the_environment(monkeypatch):
    policy = Uploaders(UploaderConfig(keep="hashes", key_env="ANOTHER_KEY"))
    monkeypatch.setenv("ANOTHER_KEY", "first")
    kept = policy.kept(FACTS)
    wanted = hmac.new(b"first", b"someone", hashlib.sha256).hexdigest()[:32]
    assert kept["uploader_id"] == wanted and kept["title"] == FACTS["title"]
    assert kept["uploader"] != kept["uploader_id"] and len(kept["uploader"]) == 32
    monkeypatch.setenv("ANOTHER_KEY", "second")
    assert not set(policy.kept(FACTS).values()) & {kept["uploader"], wanted}


def test_what_is_unknown_stays_unknown_and_needs_no_key(monkeypatch):
    monkeypatch.delenv(KEY, raising=False)
    policy = Uploaders(UploaderConfig(keep="hashes"))
    for facts in ({"uploader": None, "uploader_id": None}, {"uploader": ""}, {"title": "x"}):
        assert policy.kept(facts) == facts


@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_key_is_one_message(monkeypatch, value):
    monkeypatch.delenv(KEY, raising=False)
    if value is not None:
        monkeypatch.setenv(KEY, value)
    with pytest.raises(MissingError, match=r"harvest\.uploaders") as caught:
        Uploaders(UploaderConfig(keep="hashes")).kept(FACTS)
    assert KEY in str(caught.value) and "\n" not in str(caught.value) and "Some One" not in str(caught.value)


@given(st.text("abcxyz猫é .-_", min_size=1))
def test_any_name_has_a_hash_that_does_not_show_it(name):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv(KEY, "a secret")
        policy = Uploaders(UploaderConfig(keep="hashes"))
        hashed = policy.stored(name)
        assert len(hashed) == 32 and set(hashed) <= set("0123456789abcdef")
        assert hashed == policy.stored(f" {name} ") and hashed != policy.stored(f"{name}x")
