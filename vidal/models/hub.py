"""The Hugging Face hub: what of it is cached on this machine, and how the rest is downloaded."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vidal.engine.errors import MissingError

_COMMIT = re.compile(r"[0-9a-f]{40}")
_UNUSED = ("*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "*.mlmodel", "*.gguf")
"""Weights of other frameworks."""
_WORDS = ("*.json", "*.txt", "*.model")
"""Files of a tokenizer, and the configuration beside them."""
_OPEN_CLIP = "open_clip_pytorch_model.bin"
"""Weights that may lie beside safetensors of another layout."""


def cached_folder(hub_id: str) -> Path | None:
    """The snapshot of a repository in the local cache; None where it is not there, or lacks a file that is needed."""
    return _snapshot(hub_id, ignore_patterns=_unused(_listed(hub_id)))


def cached_words(hub_id: str) -> Path | None:
    """As `cached_folder`, of a repository of which the configuration and the tokenizer are needed and no weights."""
    return _snapshot(hub_id, allow_patterns=list(_WORDS))


def cached_file(hub_id: str, names: Sequence[str]) -> Path | None:
    """The first of the named files of a repository that is in the local cache, or None."""
    from huggingface_hub import try_to_load_from_cache

    found = (try_to_load_from_cache(hub_id, name) for name in names)
    return next((Path(file) for file in found if isinstance(file, str)), None)


def commit_of(path: Path) -> str | None:
    """The commit that a snapshot, or a file at its top, is of; None for what is no part of the cache."""
    folders = (folder for folder in (path, path.parent) if folder.parent.name == "snapshots")
    return next((folder.name for folder in folders if _COMMIT.fullmatch(folder.name)), None)


def download_folder(hub_id: str) -> Path:
    """The snapshot of a repository, downloaded; of one that holds safetensors, those weights alone."""
    from huggingface_hub import snapshot_download

    return Path(snapshot_download(hub_id, ignore_patterns=_unused(_files(hub_id))))


def download_words(hub_id: str) -> None:
    """Download the configuration and the tokenizer of a repository, and no weights."""
    from huggingface_hub import snapshot_download

    snapshot_download(hub_id, allow_patterns=list(_WORDS))


def download_file(hub_id: str, names: Sequence[str]) -> Path:
    """The first of the named files that the repository has, downloaded."""
    from huggingface_hub import hf_hub_download

    files = set(_files(hub_id))
    name = next((name for name in names if name in files), None)
    if name is None:
        raise ValueError(f"{hub_id} has no {' and no '.join(names)}")
    return Path(hf_hub_download(hub_id, name))


@contextmanager
def reaching(checkpoint: str) -> Iterator[None]:
    """Raise MissingError naming the checkpoint and the fix for whatever fails inside between here and the hub."""
    from httpx2 import HTTPError

    try:
        yield
    except (OSError, ValueError, HTTPError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise MissingError(
            f"checkpoint {checkpoint!r} is not in the local cache and could not be downloaded ({reason}); run "
            f"`vidal models fetch` with network access, or name a local folder"
        ) from error


def _snapshot(hub_id: str, **patterns: list[str]) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True, **patterns))
    except LocalEntryNotFoundError:
        return None
    return folder if any(folder.rglob("*.json")) or any(folder.rglob("*.safetensors")) else None


def _listed(hub_id: str) -> list[str]:
    """What the repository holds as far as the cache knows: a download leaves a list of all its files there."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        return [entry.path for entry in get_cached_repo_tree(hub_id)]
    except CachedRepoTreeNotFoundError:
        return []


def _files(hub_id: str) -> list[str]:
    from huggingface_hub import HfApi

    return [entry.rfilename for entry in HfApi().model_info(hub_id).siblings or []]


def _unused(files: Iterable[str]) -> list[str]:
    """Patterns of the files that no role needs."""
    safe = {file for file in files if file.endswith(".safetensors")}
    if not safe:
        return list(_UNUSED)
    pickled = ["*.pt", "*.pth"]
    if _OPEN_CLIP in files and not any(file.startswith("open_clip") for file in safe):
        return [*_UNUSED, *pickled, *sorted(file for file in files if file.endswith(".bin") and file != _OPEN_CLIP)]
    return [*_UNUSED, *pickled, "*.bin"]
