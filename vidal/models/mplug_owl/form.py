"""What the configuration of a published checkpoint does not tell of its network, read from the weights."""

from __future__ import annotations

from pathlib import Path

from vidal.models.headers import FILES, stored
from vidal.models.mplug_owl.config import MplugOwlConfig

_TEMPORAL = "temporal_query_tokens"
_INNER = "abstractor.encoder.layers.0.crossattention.output.mlp.w1.weight"


def as_stored(config: MplugOwlConfig, folder: Path) -> MplugOwlConfig:
    """The configuration with `temporal` and the abstractor's `mlp_width` as the weights in `folder` have them; as it is
    where there are no weights."""
    if not any((folder / name).is_file() for name in FILES):
        return config
    weights = stored(folder)
    config.temporal = _TEMPORAL in weights
    if _INNER in weights:
        config.visual_abstractor_config.mlp_width = weights[_INNER][0][0]
    return config
