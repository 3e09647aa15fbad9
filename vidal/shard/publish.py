"""What stands beside the tars of a dataset: index, statistics, sizes, and the dataset card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from vidal.engine.schemas import INDEX
from vidal.engine.workspace import Workspace

FOLDER = "shards"
INDEX_FILE = f"{FOLDER}/index.parquet"
STATS_FILE = f"{FOLDER}/stats.json"


def publish(workspace: Workspace, prefix: str, shards: Sequence[tuple[str, str]]) -> tuple[str, ...]:
    """Remove the tars that are not among the shards given as (name, record), and describe those that are.

    Returns lines for the user.
    """
    planned = {f"{name}.tar" for name, _ in shards}
    for file in workspace.list(FOLDER):
        if file.endswith(".tar") and file not in planned:
            workspace.remove(f"{FOLDER}/{file}")
    describe(workspace, prefix, shards)
    if not shards:
        return ("no sample was kept: shards/ is empty; `vidal status` and `vidal failures` say where they went",)
    return ()


def describe(workspace: Workspace, prefix: str, shards: Sequence[tuple[str, str]]) -> None:
    """Write index, statistics, sizes and card for the shards given as (name, record).

    Files that would not change are left alone. The statistics go first and come last: where they stand, the other
    files agree with them.
    """
    tables = [workspace.read_table(record, columns=INDEX.names) for _, record in shards]
    index = (
        pa.concat_tables([table.replace_schema_metadata(None) for table in tables]) if tables else INDEX.empty_table()
    )
    facts = {name: workspace.table_metadata(record) for name, record in shards}
    stats = statistics(index, facts)
    if workspace.exists(STATS_FILE) and workspace.read_json(STATS_FILE) == stats:
        return
    workspace.remove(STATS_FILE)
    workspace.write_table(INDEX_FILE, index)
    workspace.write_json(
        f"{FOLDER}/sizes.json", {f"{name}.tar": int(found["samples"]) for name, found in facts.items()}
    )
    workspace.write_bytes(f"{FOLDER}/__len__", str(len(index)).encode())
    workspace.write_bytes(f"{FOLDER}/README.md", card(prefix, stats).encode())
    workspace.write_json(STATS_FILE, stats)


def statistics(index: pa.Table, facts: dict[str, dict[str, str]]) -> dict[str, Any]:
    """Counts, hours and bytes of a dataset, by kind and by member, and the SHA-256 of each shard."""
    rows = index.select(["kind", "seconds", "members"]).to_pylist()
    kinds = Counter(row["kind"] for row in rows)
    seconds: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for row in rows:
        seconds[row["kind"]] += row["seconds"] or 0.0
        for member in row["members"]:
            sizes[member["name"]] += member["size"]
            counts[member["name"]] += 1
    return {
        "samples": dict(sorted(kinds.items())),
        "hours": {kind: round(value / 3600, 6) for kind, value in sorted(seconds.items())},
        "members": {name: {"count": counts[name], "bytes": sizes[name]} for name in sorted(sizes)},
        "shards": {
            f"{name}.tar": {"samples": int(f["samples"]), "bytes": int(f["bytes"]), "sha256": f["sha256"]}
            for name, f in facts.items()
        },
    }


def card(prefix: str, stats: dict[str, Any]) -> str:
    """A dataset card in Markdown with the YAML header that dataset hubs read."""
    total = sum(stats["samples"].values())
    lines = [
        "---",
        "configs:",
        *_config("default", f"{prefix}-[0-9]*.tar", "video" in stats["samples"]),
        *_config("audio", f"{prefix}-audio-*.tar", "audio" in stats["samples"]),
        f"size_categories: [{_size_category(total)}]",
        "tags: [video, audio, depth, infrared, webdataset]",
        "---",
        "",
        f"# {prefix}",
        "",
        f"{total} samples in {len(stats['shards'])} WebDataset shards, built with vidal.",
        "",
        "| kind | samples | hours |",
        "| --- | --- | --- |",
    ]
    lines += [f"| {kind} | {count} | {stats['hours'][kind]:.3f} |" for kind, count in stats["samples"].items()]
    lines += ["", "| member | samples | bytes |", "| --- | --- | --- |"]
    lines += [f"| {name} | {found['count']} | {found['bytes']} |" for name, found in stats["members"].items()]
    lines += ["", "Each sample's `json` names its source, licence and the models that wrote its fields.", ""]
    return "\n".join(lines)


def _config(name: str, files: str, there: bool) -> list[str]:
    """A part of the dataset as the header names it, if there is any of it."""
    return [f"- config_name: {name}", f"  data_files: {files}"] if there else []


def _size_category(total: int) -> str:
    """The size class of a dataset as dataset hubs name them."""
    for limit, name in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")):
        if total < limit:
            return name
    return "1M<n<10M" if total < 10**7 else "10M<n<100M"
