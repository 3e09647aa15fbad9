"""Options of captioners: which model knows which, and what an unknown one says."""

from __future__ import annotations

import json

import pytest

from vidal import models
from vidal.engine.errors import ConfigError
from vidal.models.options import Options


@pytest.mark.parametrize(
    ("kind", "options", "unknown", "known"),
    [
        ("ofa", {"prompt": "a"}, "prompt", "compat"),
        ("ofa", {"prompt": "a", "compat": True, "max_tokens": 9}, "prompt, max_tokens", "compat"),
        ("mplug-owl", {"compat": True}, "compat", "prompt, max_tokens"),
        ("git", {"compat": True}, "compat", "prompt, max_tokens"),
        ("qwen2_vl", {"compat": True, "max_tokens": 9}, "compat", "prompt, max_tokens"),
    ],
)
def test_an_option_that_a_model_does_not_know_is_refused(kind, options, unknown, known, tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"model_type": kind}))
    with pytest.raises(ConfigError) as caught:
        models.load("captioner", str(tmp_path), options=Options(**options))
    expected = f"is of the type {kind}, which has no option {unknown}; leave it out (its options: {known})"
    assert str(caught.value) == f"checkpoint {str(tmp_path)!r} {expected}"


def test_options_that_are_given():
    assert Options().given() == {}
    assert Options("a", compat=True).given() == {"prompt": "a", "compat": True}
    assert Options(max_tokens=3) != Options() and hash(Options("a")) == hash(Options("a"))
