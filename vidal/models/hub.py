"""The Hugging Face hub: what of it is cached on this machine, and which files of a repository are needed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from vidal.engine.errors import MissingError
from vidal.models.listing import Listing, listed
from vidal.models.parcel import Parcel

_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_COMMIT = re.compile(r"[0-9a-f]{40}")
_UNUSED = ("*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "*.mlmodel", "*.gguf")
"""Weights of other frameworks."""
_WORDS = ("*.json", "*.txt", "*.model")
"""Files of a tokenizer, and the configuration beside them."""
_OPEN_CLIP = "open_clip_pytorch_model.bin"
"""Weights that may lie beside safetensors of another layout."""


def is_id(name: str) -> bool:
    """Whether a name has the form of a repository's: `org/name`."""
    return _ID.fullmatch(name) is not None


def cached_folder(hub_id: str) -> Path | None:
    """The snapshot of a repository in the local cache; None where it is not there, or lacks a file that is needed."""
    return _snapshot(hub_id, ignore_patterns=_unused(_known(hub_id)))


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


def folder(hub_id: str) -> Parcel:
    """What a role needs of a repository, as the hub lists it; of one that holds safetensors, those weights alone."""
    found = listed(hub_id)
    return Parcel(found, found.chosen(ignore=_unused(file.name for file in found.files)))


def words(hub_id: str) -> Parcel:
    """The configuration and the tokenizer of a repository, and no weights, as the hub lists it."""
    found = listed(hub_id)
    return Parcel(found, found.chosen(allow=_WORDS))


def file(hub_id: str, names: Sequence[str]) -> Parcel:
    """The first of the named files that the repository has. ValueError where it has none of them."""
    found: Listing = listed(hub_id)
    held = {one.name: one for one in found.files}
    chosen = next((held[name] for name in names if name in held), None)
    if chosen is None:
        raise ValueError(f"{hub_id} has no {' and no '.join(names)}")
    return Parcel(found, (chosen,))


@contextmanager
def reaching(checkpoint: str) -> Iterator[None]:
    """Raise MissingError naming the checkpoint and the fix for whatever fails inside between here and the hub."""
    from httpx2 import HTTPError
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        yield
    except GatedRepoError as error:
        raise MissingError(
            f"checkpoint {checkpoint!r} is gated: accept its terms on its page of the hub, make a token there, and set "
            f"the environment variable HF_TOKEN to it"
        ) from error
    except RepositoryNotFoundError as error:
        raise MissingError(
            f"checkpoint {checkpoint!r} is not on the hub, or is not shown to you: correct the name, or set the "
            f"environment variable HF_TOKEN to a token that may read it"
        ) from error
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
        found = Path(snapshot_download(hub_id, local_files_only=True, **patterns))
    except LocalEntryNotFoundError:
        return None
    return found if any(found.rglob("*.json")) or any(found.rglob("*.safetensors")) else None


def _known(hub_id: str) -> list[str]:
    """What the repository holds as far as the cache knows: a download leaves a list of all its files there."""
    from huggingface_hub import get_cached_repo_tree
    from huggingface_hub.errors import CachedRepoTreeNotFoundError

    try:
        return [entry.path for entry in get_cached_repo_tree(hub_id)]
    except CachedRepoTreeNotFoundError:
        return []


def _unused(files: Iterable[str]) -> list[str]:
    """Patterns of the files that no role needs."""
    held = set(files)
    safe = {file for file in held if file.endswith(".safetensors")}
    if not safe:
        return list(_UNUSED)
    pickled = ["*.pt", "*.pth"]
    if _OPEN_CLIP in held and not any(file.startswith("open_clip") for file in safe):
        return [*_UNUSED, *pickled, *sorted(file for file in held if file.endswith(".bin") and file != _OPEN_CLIP)]
    return [*_UNUSED, *pickled, "*.bin"]
