"""Sizes of an mPLUG-Owl."""

from __future__ import annotations

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import LlamaConfig, PreTrainedConfig


@strict
class MplugOwlVisionConfig(PreTrainedConfig):
    """The vision tower; defaults as published."""

    model_type = "mplug_owl_vision_model"
    base_config_key = "vision_config"

    hidden_size: int = 1024
    intermediate_size: int = 4096
    num_hidden_layers: int = 24
    num_attention_heads: int = 16
    num_channels: int = 3
    image_size: int = 224
    patch_size: int = 14
    hidden_act: str = "quick_gelu"
    layer_norm_eps: float = 1e-6
    initializer_range: float = 0.02

    @property
    def positions(self) -> int:
        """Patches of a picture, and the class token."""
        return (self.image_size // self.patch_size) ** 2 + 1


@strict
class MplugOwlVisualAbstractorConfig(PreTrainedConfig):
    """The visual abstractor; defaults as published.

    `mlp_width` is the inner width of its layers. Published files do not give it: see `MplugOwlConfig.mlp_width`.
    """

    model_type = "mplug_owl_visual_abstract"
    base_config_key = "visual_abstractor_config"

    hidden_size: int = 1024
    encoder_hidden_size: int = 1024
    intermediate_size: int = 2816
    num_hidden_layers: int = 6
    num_attention_heads: int = 16
    layer_norm_eps: float = 1e-6
    initializer_range: float = 0.02
    mlp_width: int | None = None


@strict
class MplugOwlConfig(PreTrainedConfig):
    """The keys of a published `config.json` that have a meaning, and `temporal`: whether the network takes clips.

    Published files tell neither `temporal` nor the abstractor's `mlp_width`; `form.as_stored` reads both from the
    weights. Raises ValueError for sizes that do not fit each other and for a text part that is no LLaMA.
    """

    model_type = "mplug-owl"
    sub_configs = {
        "vision_config": MplugOwlVisionConfig,
        "visual_abstractor_config": MplugOwlVisualAbstractorConfig,
        "text_config": LlamaConfig,
    }

    vision_config: dict | PreTrainedConfig | None = None
    visual_abstractor_config: dict | PreTrainedConfig | None = None
    text_config: dict | PreTrainedConfig | None = None
    num_query_tokens: int = 64
    temporal: bool = False
    initializer_range: float = 0.02
    tie_word_embeddings: bool = False

    def __post_init__(self, **kwargs: Any) -> None:
        for name, kind in self.sub_configs.items():
            given = getattr(self, name)
            if not isinstance(given, kind):
                setattr(self, name, kind(**_of_kind(name, given or {}, kind.model_type)))
        super().__post_init__(**kwargs)
        self._check()

    @property
    def mlp_width(self) -> int:
        """Inner width of the abstractor's layers.

        Where `visual_abstractor_config.mlp_width` is not set, as the published code has it: `intermediate_size` in
        networks for pictures, and in those for clips two thirds of it up to a multiple of 256, unless it is 2816.
        """
        abstractor = self.visual_abstractor_config
        size = abstractor.intermediate_size
        if abstractor.mlp_width is not None:
            return abstractor.mlp_width
        return -(-(size * 2 // 3) // 256) * 256 if self.temporal and size != 2816 else size

    @property
    def medium_length(self) -> int:
        """Positions that a picture or a clip takes among the words."""
        return self.num_query_tokens + 1

    def _check(self) -> None:
        vision, abstractor = self.vision_config, self.visual_abstractor_config
        if not vision.hidden_size == abstractor.hidden_size == abstractor.encoder_hidden_size:
            raise ValueError("vision_config and visual_abstractor_config must have one hidden_size")
        if vision.hidden_act != "quick_gelu":
            raise ValueError(f"hidden_act of the vision tower must be quick_gelu, not {vision.hidden_act}")
        for part in (vision, abstractor):
            if part.hidden_size % part.num_attention_heads:
                raise ValueError(f"hidden_size {part.hidden_size} does not divide by {part.num_attention_heads} heads")


def _of_kind(name: str, given: dict[str, Any], model_type: str) -> dict[str, Any]:
    found = given.get("model_type", model_type)
    if found != model_type:
        raise ValueError(f"{name} is a {found}; this network has a {model_type}")
    return {key: value for key, value in given.items() if key != "model_type"}
