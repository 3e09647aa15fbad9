"""Where a checkpoint lies and what it contains: names to folders, folders to identities."""

from __future__ import annotations

import hashlib
from pathlib import Path

from vidal.engine.errors import MissingError
from vidal.models import hub, open_clip_names
from vidal.models.parcel import Parcel

DEMO_FOLDER = Path(__file__).parent.parent / "demo" / "checkpoints"

_MIB = 1 << 20
_WHOLE = 4 * _MIB
"""Files up to this size are hashed whole; of larger ones the first and last MiB and the size."""


def resolve(checkpoint: str) -> Path | str:
    """Where `checkpoint` is, without touching the network.

    `demo:NAME` gives the packaged folder; a path gives itself; a Hugging Face id `org/name` gives its cached snapshot,
    and `open_clip:ARCHITECTURE:WEIGHTS` the file of its weights, or the name unchanged where that is not cached.
    Raises MissingError for a name or a path that does not exist.
    """
    if named := open_clip_names.parse(checkpoint):
        return named.cached() or checkpoint
    if checkpoint.startswith("demo:"):
        stored = {f"demo:{folder.name}": folder for folder in sorted(DEMO_FOLDER.glob("*/"))}
        if checkpoint not in stored:
            known = ", ".join(stored) or "none"
            raise MissingError(f"checkpoint {checkpoint!r} does not exist; the demo checkpoints are: {known}")
        return stored[checkpoint]
    path = Path(checkpoint).expanduser()
    if path.exists():
        return path
    if not hub.is_id(checkpoint):
        raise MissingError(
            f"checkpoint {checkpoint!r} does not exist; give an existing path, `demo:<name>`, or a hub id `org/name`"
        )
    return hub.cached_folder(checkpoint) or checkpoint


def missing(checkpoint: str) -> list[Parcel]:
    """What has to be downloaded for `checkpoint`, as the hub lists it; nothing where all is here, or lies on no hub.

    Of a repository that holds safetensors, only those weights are wanted. Raises MissingError for a name that does not
    exist, and where the hub cannot be asked.
    """
    if isinstance(resolve(checkpoint), Path):
        return []
    with hub.reaching(checkpoint):
        named = open_clip_names.parse(checkpoint)
        return named.parcels() if named else [hub.folder(checkpoint)]


def fetch(checkpoint: str) -> Path:
    """The local path of `checkpoint`, downloaded from the Hugging Face hub where it lies there and is not cached.

    A download that was cut is gone on with. Raises MissingError where that fails.
    """
    parcels = missing(checkpoint)
    with hub.reaching(checkpoint):
        for parcel in parcels:
            parcel.bring()
    found = resolve(checkpoint)
    if isinstance(found, str):
        raise MissingError(f"checkpoint {checkpoint!r} was downloaded and is not whole; run `vidal models fetch` again")
    return found


def identity(checkpoint: str) -> str:
    """What the checkpoint contains, for fingerprints; the same wherever the same files lie.

    The hash of a path's file names, sizes and contents; of what lies on a hub the cached commit, or the name itself if
    not cached. That of `open_clip:ARCHITECTURE:WEIGHTS` names the architecture too.
    """
    found = resolve(checkpoint)
    if isinstance(found, str):
        return found
    commit, named = hub.commit_of(found), open_clip_names.parse(checkpoint)
    if named:
        return named.identity(f"{named.weights}@{commit}" if commit else _hash(found))
    return f"{checkpoint}@{commit}" if commit else _hash(found)


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    for file in files_of(path):
        name = file.name if path.is_file() else file.relative_to(path).as_posix()
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
