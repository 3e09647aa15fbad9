"""The dataset card: a page in Markdown whose header tells dataset hubs, and `load_dataset`, how to read the shards."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import yaml

from vidal.harvest.screening.licence import normalise
from vidal.shard.split import INFIXES

CONFIGS = {"video": ("default", ""), "audio": ("audio", "audio-")}
"""What the part of each kind is called, and what the names of its shards begin with after the prefix."""
HUB_LICENCES = frozenset(
    {"CC0-1.0", "CC-BY-2.0", "CC-BY-2.5", "CC-BY-3.0", "CC-BY-4.0", "CC-BY-SA-3.0", "CC-BY-SA-4.0", "CC-BY-NC-2.0"}
    | {"CC-BY-NC-3.0", "CC-BY-NC-4.0", "CC-BY-ND-4.0", "CC-BY-NC-ND-3.0", "CC-BY-NC-ND-4.0"}
    | {"CC-BY-NC-SA-2.0", "CC-BY-NC-SA-3.0", "CC-BY-NC-SA-4.0"}
)
"""The licences of clips and sounds that a card's `license` may name (Hugging Face Hub, "Licenses")."""
LANGUAGE = re.compile(r"[a-z]{2,3}", re.ASCII)
FEATURES = {"jpg": "image", "png": "image", "txt": "string", "json": "json"}
"""What `datasets` makes of members by their suffix. Clips and sounds are their bytes: it needs torchcodec even to pass
them on as anything else; who has it casts the column to `Video()` or `Audio()`."""


def card(prefix: str, stats: Mapping[str, Any], members: Mapping[str, Sequence[str]]) -> str:
    """The card of a dataset by its statistics; `members` are the names that the samples of each kind may have."""
    head = yaml.safe_dump(header(prefix, stats, members), sort_keys=False, allow_unicode=True, width=120)
    total = sum(stats["samples"].values())
    lines = ["---", *head.splitlines(), "---", "", f"# {prefix}", ""]
    lines += [f"{total} samples in {len(stats['shards'])} WebDataset shards, built with vidal.", ""]
    lines += _table("kind | samples | hours", ((k, n, f"{stats['hours'][k]:.3f}") for k, n in stats["samples"].items()))
    for name in ("split", "licence", "language", "source"):
        lines += _table(f"{name} | samples", stats[f"{name}s"].items())
    lines += _table("member | samples | bytes", ((n, m["count"], m["bytes"]) for n, m in stats["members"].items()))
    lines += ["Each sample's `json` names its source, licence and the models that wrote its fields.", ""]
    lines += ["```python", "from datasets import load_dataset", ""]
    lines += ['rows = load_dataset("FOLDER-OF-THIS-FILE", split="train", streaming=True)', "```", ""]
    return "\n".join(lines)


def header(prefix: str, stats: Mapping[str, Any], members: Mapping[str, Sequence[str]]) -> dict[str, Any]:
    """The metadata of a card. Members are named in full, so that `datasets` reads samples that lack some as well: it
    would else take them from the first five and refuse a set where those differ."""
    configs = {kind: CONFIGS[kind] for kind in CONFIGS if kind in stats["samples"]}
    told = {
        "pretty_name": prefix,
        **_licence(stats["licences"]),
        "language": sorted({code for stated in stats["languages"] if (code := _language(stated))}),
        "task_categories": _tasks(stats["members"]),
        "size_categories": [_size_category(sum(stats["samples"].values()))],
        "tags": [*_modalities(stats["members"]), "webdataset"],
        "configs": [
            {"config_name": name, "data_files": _files(f"{prefix}-{infix}", stats["shards"])}
            for name, infix in configs.values()
        ],
        "dataset_info": [
            {"config_name": name, "features": _features(members[kind])} for kind, (name, _) in configs.items()
        ],
    }
    return {name: value for name, value in told.items() if value}


def _files(start: str, shards: Iterable[str]) -> list[dict[str, str]]:
    """The shards of each split that there are any of."""
    names = list(shards)
    patterns = {split: (f"{start}{infix}[0-9]*.tar", f"{start}{infix}") for split, infix in INFIXES.items()}
    return [
        {"split": split, "path": pattern}
        for split, (pattern, beginning) in patterns.items()
        if any(name.startswith(beginning) and name.removeprefix(beginning)[0].isdigit() for name in names)
    ]


def _features(members: Sequence[str]) -> list[dict[str, Any]]:
    found = [{"name": name, "dtype": FEATURES.get(name.rpartition(".")[2], "binary")} for name in members]
    return [*found, {"name": "__key__", "dtype": "string"}, {"name": "__url__", "dtype": "string"}]


def _licence(stated: Mapping[str, int]) -> dict[str, Any]:
    """The licences of the samples where a hub knows each; else that they are told sample by sample."""
    known = {normalise(licence) for licence in stated}
    if known and known <= HUB_LICENCES:
        return {"license": sorted(licence.lower() for licence in known if licence)}
    return {"license": "other", "license_name": "stated-per-sample"}


def _language(stated: str) -> str | None:
    code = stated.partition("-")[0].lower()
    return code if LANGUAGE.fullmatch(code) else None


def _modalities(members: Iterable[str]) -> list[str]:
    there = {"mp4": "video", "flac": "audio", "dep0.png": "depth", "tml0.jpg": "infrared"}
    return [tag for name, tag in there.items() if name in set(members)]


def _tasks(members: Iterable[str]) -> list[str]:
    """What a hub lists the dataset under, by the members that there are."""
    there = {
        "mp4": ["text-to-video", "video-text-to-text"],
        "dep0.png": ["depth-estimation"],
        "flac": ["text-to-audio"],
    }
    return [task for name, tasks in there.items() if name in set(members) for task in tasks]


def _table(head: str, rows: Iterable[Sequence[Any]]) -> list[str]:
    columns = head.count("|") + 1
    body = [f"| {' | '.join(_cell(cell) for cell in row)} |" for row in rows]
    return [f"| {head} |", f"|{' --- |' * columns}", *body, ""]


def _cell(value: Any) -> str:
    """A value in a cell: texts of others (licences, languages) stay in it, whatever they hold."""
    plain = " ".join(str(value).split())[:200]
    return re.sub(r"([\\`*_{}\[\]<>|~#!$&])", r"\\\1", plain) if isinstance(value, str) else plain


def _size_category(total: int) -> str:
    """The size class of a dataset as dataset hubs name them."""
    for limit, name in ((10**3, "n<1K"), (10**4, "1K<n<10K"), (10**5, "10K<n<100K"), (10**6, "100K<n<1M")):
        if total < limit:
            return name
    return "1M<n<10M" if total < 10**7 else "10M<n<100M"
