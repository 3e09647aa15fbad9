"""Builds of a folder of clips, through the command."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from vidal.demo.clips import write_entry
from vidal.demo.trouble import Entry, catalogue


@dataclass(frozen=True)
class Project:
    """A folder with `vidal.yaml` and `clips/`."""

    folder: Path

    def configure(self, **sections: Any) -> None:
        """Write the pipeline file: the folder of clips, and the sections given."""
        source = {"type": "local", "name": "clips", "path": "clips"}
        file = {"name": "own", "workspace": "w", "runner": {"kind": "local"}, "harvest": {"sources": [source]}}
        (self.folder / "vidal.yaml").write_text(yaml.safe_dump({**file, **sections}), encoding="utf-8")

    def add(self, entry: Entry) -> Path:
        """Write an entry's clip and its texts."""
        path = self.folder / "clips" / entry.filename
        path.parent.mkdir(exist_ok=True)
        write_entry(entry, path)
        path.with_suffix(".json").write_text(json.dumps({"title": entry.title, "hashtags": entry.hashtags}))
        return path

    def vidal(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the folder, as a user does."""
        command = [sys.executable, "-m", "vidal", *words]
        return subprocess.run(
            command, cwd=self.folder, capture_output=True, text=True, timeout=300, env={**os.environ, "COLUMNS": "200"}
        )

    def json(self, *words: str) -> Any:
        """What a command that must end well prints with `--json`."""
        done = self.vidal(*words, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        return json.loads(done.stdout)

    def done(self) -> dict[str, int]:
        """Build, and tell how many samples each step that had work processed."""
        return {step["step"]: step["done"] for step in self.json("build")["steps"] if step["done"]}


def said(done: subprocess.CompletedProcess[str], code: int = 0) -> str:
    """All that a command printed that ended with this exit code, and with no traceback."""
    text = done.stdout + done.stderr
    assert done.returncode == code and "Traceback" not in text, text
    return text


def good_clips(count: int) -> list[Entry]:
    """Good clips of the demo world, the shortest first."""
    clips = [entry for entry in catalogue(0) if entry.kind == "video" and entry.trouble is None]
    return sorted(clips, key=lambda entry: entry.scene.frames * entry.scene.width)[:count]
