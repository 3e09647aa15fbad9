"""What a pipeline file may ask of a captioner besides its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from vidal.engine.errors import ConfigError
from vidal.models.pretrained import model_type

_KNOWN = {"ofa": ("compat",)}
"""The options of models that do not know all of `_USUAL`, or know others."""
_USUAL = ("prompt", "max_tokens")


@dataclass(frozen=True)
class Options:
    """`prompt` is the text to ask with, `max_tokens` the most tokens of a caption, `compat` whether the original's
    behaviour is wanted where vidal's differs. None leaves a choice to the model."""

    prompt: str | None = None
    max_tokens: int | None = None
    compat: bool | None = None

    def given(self) -> dict[str, str | int | bool]:
        """The options that are set, by their names."""
        return {field.name: value for field in fields(self) if (value := getattr(self, field.name)) is not None}

    def check(self, checkpoint: str, path: Path) -> None:
        """Raise ConfigError for an option that the model in `path` does not know."""
        kind = model_type(path) if path.is_dir() else None
        known = _KNOWN.get(kind, _USUAL)
        if unknown := [name for name in self.given() if name not in known]:
            raise ConfigError(
                f"checkpoint {checkpoint!r} is of the type {kind}, which has no option {', '.join(unknown)}; leave it "
                f"out (its options: {', '.join(known)})"
            )


PLAIN = Options()
"""Nothing is asked."""
