"""Imports follow one direction through the house (docs/architecture.md)."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "vidal"
STAGES = ("terms", "harvest", "filter", "generate", "caption", "shard")
COMMON = {"engine", "media", "models", "resources", "text"}
ALLOWED: dict[str, set[str]] = {
    "engine": set(),
    "media": {"engine.errors"},
    "models": {"engine.errors"},
    "resources": {"engine.errors"},
    "text": set(),
    **{stage: COMMON | set(STAGES[:position]) for position, stage in enumerate(STAGES)},
    "pipeline": COMMON | {*STAGES},
    "status": COMMON | {*STAGES},
    "report": COMMON | {*STAGES, "pipeline", "status"},
    "project": COMMON | {*STAGES, "pipeline"},
    "forget": COMMON | {*STAGES, "pipeline"},
    "clean": COMMON | {"pipeline", "status"},
    "api": COMMON | {*STAGES, "pipeline", "project", "status"},
    "train": COMMON,
    "demo": COMMON | {*STAGES, "pipeline", "project", "report", "status"},
    "cli": COMMON | {*STAGES, "pipeline", "project", "report", "status", "forget", "clean", "demo", "train"},
    "__main__": {"cli"},
}
"""What each room, or module beside the rooms, may import of the rest of the package."""
HEAVY = ("torch", "ray", "transformers", "open_clip", "av", "pandas", "yt_dlp", "openai", "PIL")


def imported(source: str) -> Iterator[str]:
    """The modules of this package that a source imports, without the package's own name."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "vidal":
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("vidal."):
            yield node.module.removeprefix("vidal.")
        elif isinstance(node, ast.Import):
            yield from (a.name.removeprefix("vidal.") for a in node.names if a.name.startswith("vidal."))


def strangers(room: str, source: str) -> list[str]:
    """The imports of a source in `room` that lead out of what the room may know."""
    known = {room, "__version__"} | ALLOWED[room]
    return [name for name in imported(source) if not any(f"{name}.".startswith(f"{other}.") for other in known)]


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_imports_only_what_its_room_may_know(path: Path) -> None:
    room = room_of(path)
    if room != "__init__":
        assert strangers(room, path.read_text(encoding="utf-8")) == []


def test_a_wrong_import_is_seen() -> None:
    assert strangers("engine", "from vidal.filter.clip import ClipScore") == ["filter.clip"]
    assert strangers("media", "def f():\n    import vidal.engine.step") == ["engine.step"]
    assert strangers("terms", "from vidal import models, shard") == ["shard"]
    assert strangers("filter", "from vidal.engine.errors import VidalError\nfrom vidal import models") == []


def test_the_command_starts_without_the_heavy_libraries() -> None:
    code = f"import sys, vidal.cli.app; print([name for name in {HEAVY!r} if name in sys.modules])"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
