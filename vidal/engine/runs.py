"""Run records: what a build resolved, on what machine, what each step did, event by event."""

from __future__ import annotations

import json
import platform
import secrets
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib import metadata
from typing import Any

from vidal.engine.workspace import Workspace

LIBRARIES = ("vidal", "torch", "transformers", "open_clip_torch", "ray", "av", "pyarrow", "duckdb", "yt-dlp")
FLUSH_SECONDS = 5.0


def new_id() -> str:
    """A run's name: its start in UTC, then four random characters."""
    return datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ-") + secrets.token_hex(2)


class RunRecord:
    """`runs/<id>/`: `run.json` (resolved pipeline file, versions, host) and `events.jsonl`.

    A local record is appended to and flushed event by event, so a killed build leaves its story up to the last
    commit; on an object store the file is replaced every few seconds.
    """

    def __init__(self, workspace: Workspace, run: str, resolved: Mapping[str, Any], command: list[str]) -> None:
        self.id = run
        self._workspace = workspace
        self._name = f"runs/{run}/events.jsonl"
        self._lines: list[str] = []
        self._flushed = time.monotonic()
        workspace.write_json(
            f"runs/{run}/run.json",
            {
                "run": run,
                "started": datetime.now(UTC).isoformat(timespec="seconds"),
                "command": command,
                "pipeline": resolved,
                "host": {"name": platform.node(), "system": platform.platform(), "python": sys.version.split()[0]},
                "versions": versions(),
            },
        )
        self._stream = open(workspace.path(self._name), "a", encoding="utf-8") if workspace.local else None  # noqa: SIM115

    def event(self, name: str, **values: Any) -> None:
        line = json.dumps({"time": round(time.time(), 3), "event": name, **values}, sort_keys=True) + "\n"
        if self._stream is not None:
            self._stream.write(line)
            self._stream.flush()
            return
        self._lines.append(line)
        if time.monotonic() - self._flushed > FLUSH_SECONDS:
            self._flush()

    def close(self) -> None:
        if self._stream is not None:
            self._stream.close()
        else:
            self._flush()

    def _flush(self) -> None:
        self._workspace.write_bytes(self._name, "".join(self._lines).encode())
        self._flushed = time.monotonic()


def versions() -> dict[str, str]:
    """The installed versions of the libraries that decide results."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return found


def events(workspace: Workspace, run: str) -> list[dict[str, Any]]:
    """The events of a run; a last line cut short by a kill is left out."""
    lines = workspace.read_bytes(f"runs/{run}/events.jsonl").decode().splitlines(keepends=True)
    return [json.loads(line) for line in lines if line.endswith("\n")]
