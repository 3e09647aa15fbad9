from __future__ import annotations

import hashlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vidal.engine import fingerprint
from vidal.engine.nodes import fingerprint_of

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(), JSON, max_size=5), st.randoms())
def test_the_order_of_keys_does_not_count(settings, random):
    keys = list(settings)
    random.shuffle(keys)
    shuffled = {key: settings[key] for key in keys}
    assert fingerprint.of_step("a/b", 1, shuffled) == fingerprint.of_step("a/b", 1, settings)


@given(JSON, JSON)
def test_different_values_have_different_hashes(one, other):
    same = json.dumps(one, sort_keys=True) == json.dumps(other, sort_keys=True)
    assert (fingerprint.digest(one) == fingerprint.digest(other)) == same


@pytest.mark.parametrize(
    ("name", "version", "settings"), [("x/b", 1, {"k": 1}), ("a/b", 2, {"k": 1}), ("a/b", 1, {"k": 2})]
)
def test_name_version_and_settings_count(name, version, settings):
    assert fingerprint.of_step(name, version, settings) != fingerprint.of_step("a/b", 1, {"k": 1})


def test_columns_and_members_are_told_apart():
    assert fingerprint.of_inputs({"x": "1"}, {}) != fingerprint.of_inputs({}, {"x": "1"})


def test_the_hash_does_not_change_with_a_release():
    """Workspaces outlive releases: another hash would silently redo all work of every workspace there is."""
    text = '{"name":"filter/clip","settings":{"checkpoint":"demo:clip","é":[1,2.5,null]},"version":1}'
    wanted = hashlib.sha256(text.encode()).hexdigest()[:12]
    assert fingerprint.of_step("filter/clip", 1, {"é": [1, 2.5, None], "checkpoint": "demo:clip"}) == wanted


def test_what_a_spine_holds_does_not_depend_on_what_found_it():
    from toy_steps import Double, Numbers

    assert fingerprint_of(Numbers({"a": 1})) == fingerprint_of(Numbers({"b": 2}, part_size=9))
    assert fingerprint_of(Double()) != fingerprint_of(Double(factor=3))
