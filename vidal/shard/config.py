"""The `shard` section of the pipeline file."""

from __future__ import annotations

from pydantic import Field

from vidal.engine.config import Section


class ShardConfig(Section):
    """How samples are gathered into WebDataset tars."""

    prefix: str = Field("vidal", pattern=r"^[a-z0-9][a-z0-9-]*$")
    """Shards are named `PREFIX-000000.tar`."""
    samples: int = Field(1000, ge=1)
    """Most samples in a shard."""
    megabytes: float = Field(1024.0, gt=0)
    """Size above which a shard takes no further sample."""
    validation: float = Field(0.0, ge=0, lt=1)
    """Share of the samples held out for validation, by a hash of their ids, in shards of their own:
    `PREFIX-validation-000000.tar`. A sample never changes sides when others come or go."""
