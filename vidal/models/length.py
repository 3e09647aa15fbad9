"""How long a caption may become."""

from __future__ import annotations

from typing import Any

from vidal.models.options import Options

_LONGEST = 128
"""Most tokens of a caption, where neither the options nor the checkpoint name fewer."""


def caption_length(network: Any, options: Options) -> int:
    """Most tokens of a caption: those of the options, or else the limit that the checkpoint or its text decoder names,
    if it is a caption's and not that of a whole conversation."""
    if options.max_tokens:
        return options.max_tokens
    own = [part.generation_config for part in network.modules() if getattr(part, "generation_config", None)]
    limits = [limit for config in own for limit in (config.max_new_tokens, config.max_length) if limit]
    return min(next(iter(limits), _LONGEST), _LONGEST)
