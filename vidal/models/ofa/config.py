"""Sizes and switches of an OFA."""

from __future__ import annotations

from typing import Any

from huggingface_hub.dataclasses import strict
from transformers import PreTrainedConfig

PRESETS: dict[str, dict[str, Any]] = {
    name: {
        "d_model": width, "encoder_ffn_dim": 4 * width, "decoder_ffn_dim": 4 * width,
        "encoder_attention_heads": heads, "decoder_attention_heads": heads,
        "encoder_layers": encoder, "decoder_layers": decoder, "resnet_type": resnet,
    }
    for name, width, heads, encoder, decoder, resnet in (
        ("tiny", 256, 4, 4, 4, "resnet50"),
        ("medium", 512, 8, 4, 4, "resnet101"),
        ("base", 768, 12, 6, 6, "resnet101"),
        ("large", 1024, 16, 12, 12, "resnet152"),
        ("huge", 1280, 16, 24, 12, "resnet152"),
    )
}  # fmt: skip
"""The five published sizes, from the authors' table; all else is as OFAConfig's defaults."""

BLOCKS = {
    "resnet18": (2, 2, 2),
    "resnet34": (3, 4, 6),
    "resnet50": (3, 4, 6),
    "resnet101": (3, 4, 23),
    "resnet152": (3, 8, 36),
}
"""Bottleneck blocks of the three stages of each `resnet_type`."""

_ONLY = {
    "normformer": True,
    "encoder_normalize_before": True,
    "decoder_normalize_before": True,
    "layernorm_embedding": True,
    "patch_layernorm_embedding": True,
    "code_layernorm_embedding": True,
    "add_type_embedding": True,
    "share_decoder_input_output_embed": True,
    "entangle_position_embedding": False,
    "scale_embedding": False,
    "activation_function": "gelu",
}
"""Switches of published configurations that the network knows in one position, in which all published sizes are."""


@strict
class OFAConfig(PreTrainedConfig):
    """The keys of a published `config.json`, and two that it lacks and whose defaults are as published.

    `resnet_width` is the inner width of the trunk's first stage, `patch_image_size` the side in pixels to which
    pictures are brought for captioning. Raises ValueError for a switch in another position than the network's, and
    for sizes that do not fit each other.
    """

    model_type = "ofa"
    attribute_map = {"hidden_size": "d_model", "num_attention_heads": "encoder_attention_heads"}

    vocab_size: int = 59457
    max_position_embeddings: int = 1024
    d_model: int = 768
    encoder_layers: int = 6
    encoder_ffn_dim: int = 3072
    encoder_attention_heads: int = 12
    decoder_layers: int = 6
    decoder_ffn_dim: int = 3072
    decoder_attention_heads: int = 12
    dropout: float | int = 0.1
    attention_dropout: float | int = 0.0
    activation_dropout: float | int = 0.0
    init_std: float | int = 0.02
    attn_scale_factor: float | int = 2.0
    token_bucket_size: int = 256
    image_bucket_size: int = 42
    code_image_size: int = 128
    resnet_type: str = "resnet101"
    resnet_width: int = 64
    patch_image_size: int = 480
    pad_token_id: int = 1
    bos_token_id: int = 0
    eos_token_id: int = 2
    decoder_start_token_id: int = 0
    forced_eos_token_id: int | None = 2
    use_cache: bool = True
    is_encoder_decoder: bool = True
    tie_word_embeddings: bool = True

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        for name, value in _ONLY.items():
            if getattr(self, name, value) != value:
                raise ValueError(f"{name} is {getattr(self, name)!r}; this network is written for {value!r} only")
        if self.resnet_type not in BLOCKS:
            raise ValueError(f"unknown resnet_type {self.resnet_type!r}; one of: {', '.join(BLOCKS)}")
        for side in ("encoder", "decoder"):
            heads = getattr(self, f"{side}_attention_heads")
            if self.d_model % heads:
                raise ValueError(f"d_model {self.d_model} does not divide by {side}_attention_heads {heads}")

    @classmethod
    def preset(cls, name: str, **changes: Any) -> OFAConfig:
        """The configuration of a published size: tiny, medium, base, large or huge."""
        return cls(**{**PRESETS[name], **changes})
