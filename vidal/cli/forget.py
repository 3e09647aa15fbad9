"""`vidal forget`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from vidal.cli.options import DEFAULT_PIPELINE, JsonOption, SetOption, print_json


def forget(
    entries: Annotated[
        list[str] | None, typer.Argument(metavar="ID…", help="Samples, by key, site's own id, or address.")
    ] = None,
    file: Annotated[Path | None, typer.Option(help="A file with more of them, one per line.")] = None,
    pipeline: Annotated[Path, typer.Option(help="Pipeline file.")] = DEFAULT_PIPELINE,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be removed and do nothing.")] = False,
    assignments: SetOption = None,
    json_output: JsonOption = False,
) -> None:
    """Take samples down: remove them from every stage and from the shards, and keep them out for good.

    Only shards that hold them are rewritten. An ID that is not there is kept out as well. Interrupted, the same command
    ends the work.
    """
    from vidal.engine.workspace import Workspace
    from vidal.forget import find
    from vidal.forget import forget as carry_out
    from vidal.pipeline import load_pipeline

    wanted = _entries(entries or [], file)
    settings = load_pipeline(pipeline, assignments or [])
    workspace = Workspace(settings.workspace)
    if dry_run:
        found = find(workspace, wanted)
        shards = dict.fromkeys(found.shards, "to rewrite")
    else:
        workspace.check_writable()
        with workspace.lock():
            workspace.sweep()
            found = find(workspace, wanted)
            shards = carry_out(workspace, settings.shard.prefix, found)
    told = {
        "samples": len(found.ids),
        "steps": found.steps,
        "shards": shards,
        "unknown": found.unknown,
        "already": found.already,
        "copies": found.copies,
    }
    if json_output:
        print_json({**told, "dry_run": dry_run})
        return
    for line in _lines(told, dry_run):
        typer.echo(line)


def _entries(entries: list[str], file: Path | None) -> list[str]:
    """The entries given and those of the file, without comments (`#`) and empty lines, once each."""
    from vidal.engine.errors import ConfigError

    try:
        lines = file.read_text(encoding="utf-8-sig").splitlines() if file else []
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"--file {file}: {error}; it holds one ID per line, in UTF-8") from error
    listed = [line.strip() for line in lines if not line.strip().startswith("#")]
    wanted = list(dict.fromkeys(filter(None, [*map(str.strip, entries), *listed])))
    if not wanted:
        raise ConfigError("nothing to forget: name samples by ID, or give a file of IDs with --file")
    return wanted


def _lines(told: dict[str, Any], dry_run: bool) -> list[str]:
    """What a user reads."""
    lines = [f"{'would forget' if dry_run else 'forgot'} {told['samples']} samples"]
    lines += [f"  {step:<20} {count}" for step, count in told["steps"].items()]
    lines += [f"  shards/{shard}.tar  {_fate(outcome)}" for shard, outcome in told["shards"].items()]
    kept_out = "would be kept out" if dry_run else "is kept out from now on"
    lines += [f"nothing here is called {entry}; it {kept_out}" for entry in told["unknown"]]
    lines += [f"{entry} was forgotten before" for entry in told["already"]]
    lines += [
        f"the same bytes stand here as {copy}, which stays; forget it too where it is to go" for copy in told["copies"]
    ]
    return lines


def _fate(outcome: str) -> str:
    lost = "removed, since its record does not tell what it holds: `vidal build --stage shard` writes it again"
    return {"removed": "removed, since nothing is left of it", "lost": lost}.get(outcome, outcome)
