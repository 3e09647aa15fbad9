"""CLIPs by the names open_clip lists them under: `open_clip:ARCHITECTURE:WEIGHTS`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from vidal.engine.errors import MissingError
from vidal.models import hub
from vidal.models.parcel import Parcel

PREFIX = "open_clip:"
_WORDS = ("hf_tokenizer_name", "hf_model_name")
"""Where an architecture's section on its texts names a repository of the hub."""


@dataclass(frozen=True)
class Named:
    """An architecture that open_clip knows, and its weights: a tag of open_clip's list, or a file.

    `training` is what the list says of a tag, empty for a file; `text` is the architecture's section on its texts.
    """

    architecture: str
    weights: str
    training: Mapping[str, Any]
    text: Mapping[str, Any]

    @property
    def words(self) -> tuple[str, ...]:
        """The hub repositories that its tokenizer and the shape of its text tower come from; most often none."""
        return tuple(dict.fromkeys(self.text[key] for key in _WORDS if self.text.get(key)))

    def text_here(self) -> dict[str, Any]:
        """`text` with folders of this machine in place of `words`, so that no library looks for others."""
        folders = {key: str(hub.cached_words(self.text[key])) for key in _WORDS if self.text.get(key)}
        return {**self.text, **folders}

    def cached(self) -> Path | None:
        """The file of the weights on this machine; None where it, or some of `words`, still has to be downloaded."""
        if any(hub.cached_words(name) is None for name in self.words):
            return None
        return hub.cached_file(*self._stored) if self.training else Path(self.weights).expanduser()

    def parcels(self) -> list[Parcel]:
        """What of the hub it needs, as the hub lists it."""
        needed = [hub.words(name) for name in self.words]
        return [*needed, hub.file(*self._stored)] if self.training else needed

    def identity(self, weights: str) -> str:
        """What decides its results, given the identity of its file of weights."""
        commits = [f"{name}@{hub.commit_of(hub.cached_words(name))}" for name in self.words]
        return "+".join([f"{PREFIX}{self.architecture}:{weights}", *commits])

    @property
    def repository(self) -> str | None:
        """The hub repository of a tag; None for a file."""
        return self._stored[0] if self.training else None

    @property
    def _stored(self) -> tuple[str, list[str]]:
        """The repository of a tag, and the names its weights may have there, the best first."""
        from open_clip.constants import HF_SAFE_WEIGHTS_NAME, HF_WEIGHTS_NAME

        repository, _, file = self.training["hf_hub"].rpartition("/")
        return repository, [Path(file).with_suffix(".safetensors").name, file] if file else [
            HF_SAFE_WEIGHTS_NAME,
            HF_WEIGHTS_NAME,
        ]


def parse(checkpoint: str) -> Named | None:
    """The CLIP that `checkpoint` names; None for a name of another kind.

    MissingError, naming what there is, for an architecture or weights that do not exist.
    """
    if not checkpoint.startswith(PREFIX):
        return None
    import open_clip

    architecture, _, weights = checkpoint.removeprefix(PREFIX).partition(":")
    known = open_clip.list_models()
    if architecture not in known:
        near = ", ".join(get_close_matches(architecture, known, 5)) or f"{', '.join(known[:5])} …"
        raise MissingError(
            f"checkpoint {checkpoint!r}: open_clip knows no architecture {architecture!r}; near it: {near}; "
            f"the name is {PREFIX}ARCHITECTURE:WEIGHTS"
        )
    training = open_clip.get_pretrained_cfg(architecture, weights)
    if not training and not Path(weights).expanduser().is_file():
        tags = ", ".join(open_clip.list_pretrained_tags_by_model(architecture)) or "none"
        raise MissingError(
            f"checkpoint {checkpoint!r}: {weights!r} is neither a file nor a tag of {architecture}; its tags: {tags}"
        )
    return Named(architecture, weights, training, open_clip.get_model_config(architecture)["text_cfg"])
