"""`make bench` runs every script of `bench/` as it stands: none may ask for an argument."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from tests.docs.pages import ROOT

SCRIPTS = sorted((ROOT / "bench").glob("*.py"))


def required(source: str) -> list[str]:
    """The arguments that a script cannot do without, as its parser is told of them."""
    calls = [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    told = [node for node in calls if isinstance(node.func, ast.Attribute) and node.func.attr == "add_argument"]
    found = []
    for call in told:
        name = ast.literal_eval(call.args[0])
        options = {one.arg: one.value for one in call.keywords}
        optional = name.startswith("-") or (
            "nargs" in options and ast.unparse(options["nargs"]).strip("'\"") in ("?", "*")
        )
        if not optional or "required" in options:
            found.append(name)
    return found


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.stem)
def test_a_benchmark_needs_no_argument(script: Path) -> None:
    assert required(script.read_text(encoding="utf-8")) == []


def test_an_argument_that_is_needed_is_seen() -> None:
    source = "p.add_argument('shards')\np.add_argument('--n', required=True)\np.add_argument('f', nargs='?')\n"
    assert required(source) == ["shards", "--n"]
