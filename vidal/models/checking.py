"""What is known of a checkpoint before a build: where it comes from, its size, whether it is here, whether it fits."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib.metadata import metadata
from pathlib import Path
from typing import Literal

from vidal.engine.errors import MissingError, VidalError
from vidal.models import hub, memory, open_clip_names
from vidal.models.blueprint import outline
from vidal.models.checkpoints import DEMO_FOLDER, files_of, missing, resolve
from vidal.models.listing import licence_of
from vidal.models.options import Options
from vidal.models.place import place
from vidal.models.registry import load

Source = Literal["demo", "folder", "file", "hub", "open_clip", "endpoint"]
"""Where a model comes from: packaged with vidal, a folder or a file of one's own, a repository of the Hugging Face hub,
one that open_clip's list names, or a server that is asked."""


@dataclass(frozen=True)
class CheckResult:
    """A model in its role.

    `ok`: it is here, its weights are those of its architecture, and the role loads it, as far as this machine has the
    memory for that. `where` is a path, a repository or an address. `bytes` are its files'; of what is not here, those
    that the hub lists, or, where `estimated`, its weights as the architecture has them, in the precision that its
    configuration names; 0 where neither is known. `keys` is whether names and shapes of its weights fit, None where
    there are none to compare. `parameters` counts weights, 0 where unknown. `licence` is what its model card says.
    """

    ok: bool
    message: str
    source: Source
    where: str
    present: bool = False
    bytes: int = 0
    estimated: bool = False
    keys: bool | None = None
    parameters: int = 0
    licence: str | None = None
    path: Path | None = None


def check(role: str, checkpoint: str, options: Options | None = None) -> CheckResult:
    """What is known of the checkpoint. Downloads nothing, and never raises for a bad checkpoint.

    Names and shapes are compared first, and no value is read for that. Then the checkpoint is loaded on the CPU, unless
    its weights are more than the memory that is free.
    """
    source, where = origin(checkpoint)
    try:
        found = resolve(checkpoint)
    except MissingError as error:
        return _sized(role, checkpoint, CheckResult(False, str(error), source, where))
    if isinstance(found, str):
        return _absent(role, checkpoint, CheckResult(False, "", source, where))
    return _present(role, checkpoint, options, CheckResult(False, "", source, where, present=True, path=found))


def origin(checkpoint: str) -> tuple[Source, str]:
    """Where a checkpoint comes from: the kind of place, and its path or repository. Touches no network."""
    try:
        named = open_clip_names.parse(checkpoint)
    except MissingError:
        return "open_clip", checkpoint
    if named is not None:
        return ("open_clip", named.repository) if named.repository else ("file", named.weights)
    if checkpoint.startswith("demo:"):
        return "demo", str(DEMO_FOLDER / checkpoint.removeprefix("demo:"))
    path = Path(checkpoint).expanduser()
    if path.is_file():
        return "file", str(path)
    return ("folder", str(path)) if path.exists() or not hub.is_id(checkpoint) else ("hub", checkpoint)


def _absent(role: str, checkpoint: str, told: CheckResult) -> CheckResult:
    """A checkpoint of a hub that is not here, with its size as the hub lists it."""
    try:
        parcels = missing(checkpoint)
    except MissingError as error:
        return _sized(role, checkpoint, replace(told, message=str(error)))
    fix = f"checkpoint {checkpoint!r} is not on this machine; `vidal models fetch` downloads it"
    licence = next((parcel.listing.licence for parcel in parcels if parcel.listing.hub_id == told.where), None)
    return replace(told, message=fix, bytes=sum(parcel.size for parcel in parcels), licence=licence)


def _sized(role: str, checkpoint: str, told: CheckResult) -> CheckResult:
    """With the size that follows from the architecture, where that is known without the checkpoint."""
    try:
        found = outline(role, checkpoint)
    except VidalError:
        return told
    return replace(told, parameters=found.parameters, bytes=found.bytes, estimated=True)


def _present(role: str, checkpoint: str, options: Options | None, told: CheckResult) -> CheckResult:
    size = sum(file.stat().st_size for file in files_of(told.path))
    told = replace(told, bytes=size, licence=_licence(told, told.path))
    try:
        model = load(role, checkpoint, device="cpu", dtype="float32", options=options, weights="shapes")
    except VidalError as error:
        return replace(told, message=str(error), keys=False)
    told = replace(told, keys=True, parameters=sum(weight.numel() for weight in model.network.parameters()))
    needed, free = 4 * told.parameters, memory.free(place("cpu").device)
    if free is not None and needed > free:
        room = f"in float32 they are {needed / 1e9:.1f} GB, and {free / 1e9:.1f} GB of memory are free here"
        return replace(told, ok=True, message=f"{role}: the weights of {checkpoint} fit; not loaded: {room}")
    try:
        load(role, checkpoint, device="cpu", options=options)
    except VidalError as error:
        return replace(told, message=str(error))
    return replace(told, ok=True, message=f"{role}: {checkpoint} loads")


def _licence(told: CheckResult, path: Path) -> str | None:
    if told.source == "demo":
        return metadata("vidal")["License-Expression"]
    return licence_of(path if path.is_dir() else path.parent)
