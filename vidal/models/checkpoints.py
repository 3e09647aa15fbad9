"""Where a checkpoint lies and what it contains: names to folders, folders to identities."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from vidal.engine.errors import MissingError

DEMO_FOLDER = Path(__file__).parent.parent / "demo" / "checkpoints"

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")
_MIB = 1 << 20
_WHOLE = 4 * _MIB
"""Files up to this size are hashed whole; of larger ones the first and last MiB and the size."""


def resolve(checkpoint: str) -> Path | str:
    """Where `checkpoint` is, without touching the network.

    `demo:<name>` gives the packaged folder; a path gives itself; a Hugging Face id `org/name` gives its cached
    snapshot, or the id unchanged where it is not cached. Raises MissingError for a demo name or a path that does not
    exist.
    """
    if checkpoint.startswith("demo:"):
        stored = {f"demo:{folder.name}": folder for folder in sorted(DEMO_FOLDER.glob("*/"))}
        if checkpoint not in stored:
            known = ", ".join(stored) or "none"
            raise MissingError(f"checkpoint {checkpoint!r} does not exist; the demo checkpoints are: {known}")
        return stored[checkpoint]
    path = Path(checkpoint).expanduser()
    if path.exists():
        return path
    if not _HUB_ID.fullmatch(checkpoint):
        raise MissingError(
            f"checkpoint {checkpoint!r} does not exist; give an existing path, `demo:<name>`, or a hub id `org/name`"
        )
    return _cached(checkpoint) or checkpoint


def fetch(checkpoint: str) -> Path:
    """The local path of `checkpoint`, downloaded from the Hugging Face hub if it is an id that is not cached.

    Of a repository that holds safetensors, only those weights are downloaded. Raises MissingError where that fails.
    """
    found = resolve(checkpoint)
    if isinstance(found, Path):
        return found
    from httpx2 import HTTPError
    from huggingface_hub import HfApi, snapshot_download

    unused = ["*.h5", "*.msgpack", "*.onnx", "*.ot", "*.tflite", "*.mlmodel", "*.gguf"]
    try:
        files = [entry.rfilename for entry in HfApi().model_info(found).siblings or []]
        if any(name.endswith(".safetensors") for name in files):
            unused += ["*.bin", "*.pt", "*.pth"]
        return Path(snapshot_download(found, ignore_patterns=unused))
    except (OSError, ValueError, HTTPError) as error:
        reason = next(iter(str(error).strip().splitlines()), type(error).__name__)
        raise MissingError(
            f"checkpoint {checkpoint!r} is not in the local cache and could not be downloaded ({reason}); run "
            f"`vidal models fetch` with network access, or name a local folder"
        ) from error


def identity(checkpoint: str) -> str:
    """What the checkpoint contains, for fingerprints; the same wherever the same files lie.

    The hash of a path's file names, sizes and contents; of a hub id the cached commit, or the id itself if not cached.
    """
    found = resolve(checkpoint)
    if isinstance(found, str):
        return found
    if found.parent.name == "snapshots":
        return f"{checkpoint}@{found.name}"
    digest = hashlib.sha256()
    for file in files_of(found):
        name = file.name if found.is_file() else file.relative_to(found).as_posix()
        digest.update(f"{name}\0{file.stat().st_size}\0".encode())
        digest.update(_content(file))
    return f"sha256:{digest.hexdigest()}"


def files_of(path: Path) -> list[Path]:
    """The files of a checkpoint, hidden ones left out, in a fixed order."""
    if path.is_file():
        return [path]
    return sorted(
        file for file in path.rglob("*") if file.is_file() and not file.relative_to(path).as_posix().startswith(".")
    )


def _content(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as stream:
        if size <= _WHOLE:
            return hashlib.sha256(stream.read()).digest()
        digest = hashlib.sha256(stream.read(_MIB))
        stream.seek(size - _MIB)
        digest.update(stream.read())
    return digest.digest()


def _cached(hub_id: str) -> Path | None:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        folder = Path(snapshot_download(hub_id, local_files_only=True))
    except LocalEntryNotFoundError:
        return None
    return folder if any(folder.rglob("*.json")) or any(folder.rglob("*.safetensors")) else None
