"""The `filter` section of the pipeline file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from vidal.engine.config import Section


class ModelConfig(Section):
    """A model by the name of its checkpoint."""

    checkpoint: str
    """A Hugging Face id, a folder, or `demo:NAME`."""


class RuleConfig(Section):
    """One rule. Rules are tried in order; the first `drop` whose condition holds decides."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """How the rule is named in counts and verdicts."""
    where: str
    """A DuckDB SQL condition over the scores, such as `clip_title < 0.18`. A score that is null makes no condition
    hold."""
    action: Literal["drop", "flag"] = "drop"
    """Drop the sample, or only mark it."""


class FilterConfig(Section):
    """Scores to compute, and the rules over them. A score's section left out is a score not computed."""

    clip: ModelConfig | None = None
    """Agreement of keyframes and title."""
    clap: ModelConfig | None = None
    """Agreement of sound and title."""
    rules: tuple[RuleConfig, ...] = (
        RuleConfig(name="duplicate", where="duplicate"),
        RuleConfig(name="still", where="kind = 'video' and motion < 0.03"),
        RuleConfig(name="silence", where="silence > 0.98"),
    )
    """What to drop."""
