"""What all rooms' tests share: no deadlines on a busy machine, and a command run as a user would."""

from __future__ import annotations

import sys
from collections.abc import Callable

import pytest
from hypothesis import settings

settings.register_profile("vidal", deadline=None, max_examples=60)
settings.load_profile("vidal")


@pytest.fixture
def vidal(monkeypatch, capsys) -> Callable[..., tuple[int, str, str]]:
    """Run a command: its exit code, and what it says on both streams."""
    from vidal.cli import app

    def run(*words: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["vidal", *map(str, words)])
        capsys.readouterr()
        with pytest.raises(SystemExit) as ended:
            app.main()
        said = capsys.readouterr()
        return ended.value.code or 0, said.out, said.err

    return run
